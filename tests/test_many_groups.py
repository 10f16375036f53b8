"""Groups in what stands on fits: ensembles, stages, backtests, batches, sensitivities."""

import warnings

import numpy as np
import pandas as pd
import pytest
from families import POOLED, X, fitted, table

import bayescale as bs

FAMILY = ("irreducible", "scale", "exponent")
APART = bs.PowerLaw(scale=bs.unpooled(by="family"))
BOTH = {"pooled": POOLED, "plain": bs.PowerLaw()}
ASK = {"y": "loss", "x": "params", "draws": 20, "tune": 20, "progress": False}


@pytest.fixture(autouse=True)
def _quiet(no_sampling):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        yield


def backtested(laws=BOTH, runs=None, **options):
    return bs.backtest(laws, table() if runs is None else runs, **ASK, **options)


# Ensembles ----------------------------------------------------------------------------------------


def test_an_ensemble_forecasts_by_group_with_each_members_own_levels():
    fits = {"pooled": fitted(POOLED), "plain": fitted(bs.PowerLaw()), "apart": fitted(APART)}
    both = bs.ensemble(fits, weights=[1.0, 0.0, 0.0])
    made = both.forecast(x=[1e9, 1e9, 1e10], family=["A", "B", "A"], drift=0)
    assert made.groups == ("family",)
    alone = fits["pooled"].forecast(x=1e9, family="B", drift=0)
    np.testing.assert_allclose(made.draws("curve")[0, :, 1], alone.draws("curve").ravel())
    assert both.required(y=2.0, family="A").draws.shape == (1, 100, 1)
    assert both.intervals(x=[1e9, 1e10], family="C").shape[0] == 2
    score = both.log_density([2.0, 2.1], x=1e9, family=["A", "B"])
    np.testing.assert_allclose(
        score, fits["pooled"].log_density([2.0, 2.1], x=1e9, family=["A", "B"])
    )
    plain = bs.ensemble(fits, weights=[0.0, 1.0, 0.0]).forecast(x=1e9, family=["A", "D"], drift=0)
    np.testing.assert_array_equal(*np.moveaxis(plain.draws("curve"), -1, 0))


def test_groups_of_an_ensemble_keep_their_draws_together():
    both = bs.ensemble({"pooled": fitted(POOLED), "plain": fitted(bs.PowerLaw())})
    np.testing.assert_allclose(bs.speedup(both, "A", over="A", at=1e8).draws, 1.0, rtol=1e-9)
    one = both.at(family="A")
    assert one.runs.groups is None
    assert len(one.runs) == len(X)
    assert one.forecast(x=1e10).extrapolation == pytest.approx(1e10 / X[-1])


def test_an_ensemble_of_a_new_group_needs_all_members_to_know_of_it():
    pooled = bs.ensemble([fitted(POOLED), fitted(POOLED, seed=1)])
    assert len(pooled.forecast(x=1e9, family="new").interval()) == 1
    with pytest.raises(bs.LawError, match="family='new' was never seen"):
        bs.ensemble([fitted(POOLED), fitted(APART)]).forecast(x=1e9, family="new")


def test_members_that_vary_with_different_columns_are_refused():
    other = fitted(bs.PowerLaw(scale=bs.partial_pooling(by="domain")))
    with pytest.raises(bs.LawError, match="varies by 'domain', with which"):
        bs.ensemble({"a": fitted(POOLED), "b": other})
    wide = fitted(bs.PowerLaw(scale=bs.partial_pooling(by=("family", "domain"))))
    made = bs.ensemble({"a": wide, "b": other}).forecast(x=1e9, family="A", domain="text")
    assert made.groups == ("family", "domain")


def test_fits_whose_groups_are_of_other_rows_are_not_of_the_same_rows():
    runs = table()
    swapped = runs.assign(family=runs["family"].map(dict(zip("ABCD", "BADC", strict=True))))
    with pytest.raises(bs.DataError, match="not on the same rows"):
        bs.compare({"a": fitted(POOLED, runs), "b": fitted(POOLED, swapped)}, progress=False)


def test_an_ensemble_without_groups_has_none_to_choose():
    with pytest.raises(bs.LawError, match="without groups"):
        bs.ensemble([fitted(bs.PowerLaw()), fitted(bs.PowerLaw())]).at(family="A")


# Stages -------------------------------------------------------------------------------------------


def test_two_stages_take_the_levels_of_both():
    runs = table()
    falls = 0.25 + 0.75 / (1 + np.exp(3 * (runs["loss"] - 2.5)))
    runs["accuracy"] = falls.round(3)
    midpoint = bs.partial_pooling(bs.Prior("LogNormal", mu=1, sigma=0.3), by="domain")
    link = bs.SigmoidLink(chance=0.25, top=1.0, midpoint=midpoint)
    ask = {"draws": 50, "chains": 2, "progress": False, "retry": False}
    second = link.fit(runs, y="accuracy", loss="loss", **ask)
    both = bs.two_stage(fitted(POOLED, runs), second)
    assert set(both.groups) == {"family", "domain"}
    made = both.forecast(x=[1e9, 1e9], family=["A", "B"], domain="code", drift=0)
    one = both.at(family="B", domain="code")
    np.testing.assert_array_equal(
        made.draws("curve")[..., 1], one.forecast(x=1e9, drift=0).draws("curve")[..., 0]
    )
    assert both.required(y=0.5, family="A", domain="text").draws.shape == (2, 50, 1)
    assert both.log_density([0.9], x=1e9, family="A", domain="code").shape == (1,)
    with pytest.raises(bs.LawError, match="say which one is meant"):
        both.forecast(x=1e9, family="A")


# Backtests ----------------------------------------------------------------------------------------


def test_a_backtest_holds_out_the_largest_inputs_of_every_group():
    runs = table()
    runs.loc[runs["family"] == "B", "params"] *= 100.0  # a global cut-off would take B alone
    found = backtested(runs=runs)
    points = found.points[found.points["law"] == "pooled"]
    assert points["family"].tolist() == ["A", "A", "B", "B", "C", "C", "D", "D"]
    assert set(points.loc[points["family"] == "B", "cutoff"]) == {X[3] * 100}
    assert set(points.loc[points["family"] == "C", "cutoff"]) == {X[3]}
    plain = found.points[found.points["law"] == "plain"]
    assert plain["loss"].tolist() == points["loss"].tolist()
    by_group = found.by_group()
    assert by_group.index.names == ["law", "family"]
    assert by_group.loc[("pooled", "B"), "points"] == 2
    assert found.by_cutoff().index.names == ["law", "fold"]
    assert "each 'family' to its own end" in repr(found)


def test_the_draws_of_a_backtest_are_those_of_a_fit_to_what_it_trains_on():
    runs = table()
    found = backtested({"pooled": POOLED})
    ask = {"draws": 20, "tune": 20, "chains": 4, "retry": True}
    fit = fitted(POOLED, runs[runs["params"] <= X[3]], **ask)
    held = runs[(runs["family"] == "C") & (runs["params"] > X[3])]
    score = fit.log_density(held["loss"], x=held["params"], family="C")
    np.testing.assert_allclose(found.points.query("family == 'C'")["log_score"], score)


def test_a_group_of_too_few_inputs_is_trained_on_and_not_scored():
    runs = table()
    runs = runs[(runs["family"] != "D") | (runs["params"] == X[0])]
    found = backtested({"pooled": POOLED}, runs)
    assert set(found.points["family"]) == {"A", "B", "C"}


def test_whole_groups_are_held_out_and_forecast_as_new():
    found = backtested(new_groups=2)
    points = found.points[found.points["law"] == "pooled"]
    assert sorted(set(points["family"])) == list("ABCD")
    assert len(points) == len(table())
    assert points["cutoff"].isna().all()
    assert "whole groups of 'family' held out" in repr(found)
    named = backtested(new_groups=["A", "B"], keep=2)
    points = named.points[named.points["law"] == "plain"]
    assert set(points["family"]) == {"A", "B"}
    assert set(points["cutoff"]) == {X[1]}
    assert len(points) == 8


def test_a_plain_law_is_backtested_by_groups_that_are_named():
    found = backtested({"plain": bs.PowerLaw()}, by="family")
    assert found.groups == ("family",)
    assert len(found.points) == 8
    assert backtested({"plain": bs.PowerLaw()}).groups == ()


def test_one_group_of_a_backtest_is_drawn():
    found = backtested()
    with pytest.raises(bs.LawError, match=r"plot_backtest\(backtest.at\(family='A'\)\)"):
        bs.plot_backtest(found)
    one = found.at(family="B")
    assert len(one.points) == 6  # two laws and their mixture
    assert one.cutoffs == (X[3],)
    bs.plot_backtest(one)
    with pytest.raises(bs.LawError, match="no run of the group was fitted"):
        bs.plot_backtest(backtested(new_groups=["A"]).at(family="A"))


def test_an_ensemble_is_weighted_by_a_backtest_of_groups():
    found = backtested()
    fits = {name: fitted(law) for name, law in BOTH.items()}
    weights = bs.ensemble(fits, weights="backtest", backtest=found).weights
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"new_groups": 9}, "from 2 to 4; got 9"),
        ({"new_groups": ["AA"]}, "Did you mean 'A'"),
        ({"new_groups": list("ABCD")}, "leave groups on both sides"),
        ({"keep": 2}, "keep= goes with new_groups="),
        ({"new_groups": 2, "keep": -1}, "keep= must be a whole number"),
        ({"new_groups": 2, "keep": 6}, "leaves nothing of"),
        ({"holdout": 7}, "no group has more than 7 different inputs"),
        ({"by": "famly"}, "Did you mean 'family'"),
        ({"by": ""}, "takes the name of a column"),
    ],
)
def test_what_a_backtest_of_groups_cannot_do_is_said_before_sampling(options, words):
    with pytest.raises(bs.BayescaleError, match=words):
        backtested({"pooled": POOLED}, **options)


def test_an_unpooled_law_knows_nothing_of_a_group_held_out():
    with pytest.raises(bs.LawError, match="scale of each 'family' stands alone"):
        backtested({"apart": APART}, new_groups=2)
    with pytest.raises(bs.LawError, match="no law varies with a column"):
        backtested({"plain": bs.PowerLaw()}, new_groups=2)
    with pytest.raises(bs.LawError, match="asked of a backtest with groups"):
        backtested({"plain": bs.PowerLaw()}).by_group()


# Batches ------------------------------------------------------------------------------------------


def test_a_batch_fits_a_pooled_law_to_each_of_its_groups():
    found = bs.fit_many(
        {"pooled": POOLED, "plain": bs.PowerLaw()}, table(), by="domain", y="loss", x="params",
        forecast={"x": [1e9, 1e10]}, draws=40, keep="draws", progress=False,
    )  # fmt: skip
    row = found.table.loc[("code", "pooled")]
    assert row["exponent[B]_lower"] < row["exponent[B]"] < row["exponent[B]_upper"]
    assert row["exponent_spread"] > 0
    assert np.isnan(row["exponent[A]"])
    fit = found.fit("code", law="pooled")
    assert np.median(fit.at(family="B").parameters["exponent"]) == pytest.approx(row["exponent[B]"])
    ahead = found.forecasts.loc[("code", "pooled")]
    assert ahead["family"].tolist() == ["B", "B", "D", "D"]
    table_of_fit = fit.forecast(x=[1e9, 1e10], family="D").interval()
    assert ahead["observation_median"].iloc[-1] == pytest.approx(table_of_fit["median"][1])
    assert len(found.forecasts.loc[("code", "plain")]) == 2
    assert found.ensemble("code").groups == ("family",)


def test_a_batch_forecasts_the_levels_that_are_named():
    ask = {"by": "domain", "y": "loss", "x": "params", "draws": 40, "progress": False}
    both = {"pooled": POOLED, "plain": bs.PowerLaw()}
    found = bs.fit_many(both, table(), forecast={"x": 1e9, "family": "new"}, **ask)
    assert found.forecasts["family"].fillna("").tolist() == ["new", "", "new", ""]
    with pytest.raises(bs.LawError, match="needs x="):
        bs.fit_many(both, table(), forecast={"x": 1e9, "famly": "new"}, **ask)


def test_a_batch_of_one_level_each_is_refused():
    with pytest.raises(bs.LawError, match="which is a by= of fit_many too"):
        bs.fit_many(POOLED, table(), by="family", y="loss", x="params", progress=False)
    runs = table().drop(columns="family")
    with pytest.raises(bs.DataError, match="no column 'family'"):
        bs.fit_many(POOLED, runs, by="domain", y="loss", x="params", progress=False)


# Other questions ----------------------------------------------------------------------------------


def test_blocks_hold_neighbouring_rows_of_every_group():
    from bayescale.blocks import _cut

    runs = table()
    runs.loc[runs["family"] == "B", "params"] *= 100.0
    fits = {"pooled": fitted(POOLED, runs), "plain": fitted(bs.PowerLaw(), runs)}
    blocks = _cut(fits["pooled"].runs, 3)
    assert [sorted(set(runs["family"].iloc[part])) for part in blocks] == [list("ABCD")] * 3
    assert sorted(np.concatenate(blocks)) == list(range(len(runs)))
    found = bs.leave_block_out(fits, blocks=3, progress=False)
    assert np.isfinite(found["elpd"]).all()
    with pytest.raises(bs.LawError, match="from 2 to 6"):
        bs.leave_block_out(fits, blocks=7, progress=False)


def test_a_group_without_enough_rows_outside_a_block_is_refused_unpooled():
    law = bs.PowerLaw(**dict.fromkeys(FAMILY, bs.unpooled(by="family")))
    runs = table()
    runs = runs[(runs["family"] != "D") | (runs["params"] <= X[2])]
    fits = {"apart": fitted(law, runs), "plain": fitted(bs.PowerLaw(), runs)}
    with pytest.raises(bs.DataError, match=r"Without a block .* too few in D \(2\)"):
        bs.leave_block_out(fits, blocks=3, progress=False)


def test_sensitivities_are_of_one_group_of_a_fit():
    fit = fitted(POOLED)
    rows = bs.sensitivity_to_rows(fit, x=1e9, family="A", repair=False, progress=False)
    assert len(rows) == len(table())
    assert rows["at_family"].unique().tolist() == ["A"]
    found = bs.sensitivity_to_prior(fit, x=1e9, family="A")
    assert {"exponent[B]", "exponent_spread", "forecast at family=A, params=1e+09"} <= set(
        found.index
    )
    offsets = {"exponent_offset", "exponent_spread", "exponent_population"}
    from bayescale.sensitivity.priors import log_priors

    assert offsets <= set(log_priors(fit))
    assert log_priors(fit)["exponent_offset"].dims == ("chain", "draw")


def test_the_smallest_runs_of_every_group_are_cut():
    ask = {"y": "loss", "x": "params", "at": 1e9, "draws": 20, "progress": False}
    found = bs.sensitivity_to_smallest(POOLED, table(), group={"family": "A"}, cuts=[X[1]], **ask)
    assert found["runs"].tolist() == [24, 20]
    with pytest.raises(bs.LawError, match="say which one is meant"):
        bs.sensitivity_to_smallest(POOLED, table(), **ask)
    runs = pd.concat([table(), table(["E"], X[:1])])
    gone = bs.sensitivity_to_smallest(POOLED, runs, group={"family": "E"}, cuts=[X[1]], **ask)
    assert gone["runs"].tolist() == [25, 20]  # of E nothing is left: the population's


def test_the_forecast_without_choices_is_of_one_curve():
    with pytest.raises(bs.LawError, match="It is of one curve"):
        bs.forecast(table(), y="loss", x="params", at=1e9, laws={"pooled": POOLED})
