"""Groups: what users write, what they read, and what is refused, without sampling."""

import warnings

import numpy as np
import pandas as pd
import pytest
from families import MIXED, POOLED, X, fitted, table

import bayescale as bs
from bayescale.coordinates import Coordinates
from bayescale.data import observations

P = bs.Prior


# What is written ---------------------------------------------------------------------------------


def test_a_prior_by_a_column_reads_as_it_is_written():
    prior = P("HalfNormal", sigma=2, by="family")
    assert repr(prior) == "Prior('HalfNormal', sigma=2.0, by='family')"
    assert prior.shared == P("HalfNormal", sigma=2)
    assert bs.unpooled(P("HalfNormal", sigma=2), by="family") == prior
    pooled = bs.partial_pooling(P("Beta", alpha=2, beta=5), by=("domain", "family"), spread=0.1)
    assert pooled.by == ("domain", "family")
    assert pooled.spread == (0.1, 0.1)
    assert "partial_pooling(Prior('Beta'" in repr(pooled)
    assert eval(repr(pooled), {"partial_pooling": bs.partial_pooling, "Prior": P}) == pooled


def test_without_a_prior_a_parameter_keeps_its_own():
    assert POOLED.exponent.shared == bs.PowerLaw().exponent
    assert POOLED.scale.on == "level"
    assert bs.LogNormal(sigma=bs.unpooled(by="family")).sigma.shared == bs.LogNormal().sigma
    broken = bs.BrokenPowerLaw(exponent=bs.partial_pooling(by="family"))
    assert broken.exponent.shared == bs.BrokenPowerLaw().exponent


def test_a_floor_of_its_own_keeps_the_pooling_of_the_scale():
    law = bs.PowerLaw(irreducible=P("HalfNormal", sigma=2), scale=bs.partial_pooling(by="family"))
    assert (law.scale.on, law.scale.by, law.scale.pooled) == ("relative_scale", ("family",), True)


def test_a_law_prints_how_its_parameters_vary():
    words = str(MIXED)
    assert "for each 'domain'" in words
    assert "of the population of 'domain' and 'family'" in words
    assert "spread HalfNormal(sigma=0.5)" in words


def test_every_law_can_be_pooled_in_every_parameter_with_a_prior(form):
    plain = form()
    varied = {}
    for name in (f.name for f in plain.__dataclass_fields__.values() if not f.metadata):
        if isinstance(getattr(plain, name), bs.Prior):
            varied[name] = bs.partial_pooling(by="family")
    law = form(**varied)
    roles = {role: role for role in law.inputs}
    inputs = form.example_inputs(24)
    runs = plain.simulate(y="y", **inputs)
    both = pd.concat([runs.assign(family="A"), (runs * 1.01).assign(family="B")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.DataWarning)
        checked = observations(law, bs.LogNormal(), both, "y", roles)
    coordinates = Coordinates(law, bs.LogNormal(), checked.groups)
    numbers = coordinates.numbers(checked.references)
    size = sum((n or 1) * coordinates.lengths.get(name, 1) for name, n in coordinates.sizes.items())
    draws = 0.1 * np.random.default_rng(0).standard_normal((2, 5, size))
    values, log_jacobian = coordinates.values(coordinates.split(draws), numbers)
    natural, _ = coordinates.natural(values, numbers)
    assert log_jacobian.shape == (2, 5)
    assert np.isfinite(log_jacobian).all()
    for name in varied:
        value = natural[name]
        assert np.shape(value[0] if isinstance(value, tuple) else value) == (2, 2, 5), name


def test_prior_draws_of_a_pooled_law_are_those_of_some_group():
    data = {"x_ref": 1e8, "x_start": 1e6, "x_end": 1e10, "y_ref": 3.0}
    given = P("LogNormal", mu=-1.0, sigma=0.3)
    law = bs.PowerLaw(exponent=bs.partial_pooling(given, by="family", spread=0.4))
    drawn = law.prior_draws(data, draws=4000)["exponent"]
    assert np.log(drawn).std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: P("HalfNormal", sigma=2, by=""), "by= takes the name of a column"),
        (lambda: P("HalfNormal", sigma=2, by=("a", "a")), "several different names"),
        (lambda: bs.partial_pooling(by=3), "by= takes the name of a column"),
        (lambda: bs.partial_pooling(0.3, by="family"), "must be a bs.Prior"),
        (lambda: bs.partial_pooling(P("HalfNormal", sigma=2, by="a"), by="b"), "varies by 'a'"),
        (lambda: bs.partial_pooling(by="family", spread=0), "a positive number; got 0"),
        (lambda: bs.partial_pooling(by="family", spread=P("Normal", mu=0, sigma=1)), "positive"),
        (lambda: bs.partial_pooling(by="family", spread=(0.1, 0.2)), "one for each; got 2"),
        (lambda: bs.PowerLaw(x0=bs.partial_pooling(by="family")), "no prior of its own"),
        (lambda: bs.Chinchilla(exponent_ratio=bs.unpooled(by="f")), "no prior of its own"),
    ],
)
def test_what_cannot_be_pooled_says_why(make, words):
    with pytest.raises(bs.PriorError, match=words):
        make()


# What is in the table ----------------------------------------------------------------------------


def check(law, runs, likelihood=None):
    return observations(law, likelihood or bs.LogNormal(), runs, "loss", {"x": "params"})


def test_levels_and_combinations_come_from_the_table():
    groups = check(MIXED, table()).groups
    assert groups.columns == ("family", "domain")
    assert groups.levels == (("A", "B", "C", "D"), ("code", "text"))
    assert len(groups) == 4
    assert [groups.label(i) for i in range(4)] == ["A:text", "B:code", "C:text", "D:code"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="family"), "no column 'family'"),
        (lambda t: t.assign(family=t["family"].where(t.index != 3)), "none in row 3"),
        (lambda t: t.assign(family=[1, "1"] * 12), "read alike, but for their type"),
    ],
)
def test_a_column_that_names_no_groups_is_refused(change, words):
    with pytest.raises(bs.DataError, match=words):
        check(POOLED, change(table()))


@pytest.mark.parametrize("column", ["params", "loss"])
def test_an_input_cannot_name_groups(column):
    with pytest.raises(bs.DataError, match="is an input or the outcome"):
        check(bs.PowerLaw(scale=bs.unpooled(by=column)), table())


def test_a_name_that_is_taken_is_refused():
    law = bs.PowerLaw(scale=bs.unpooled(by="draw"))
    with pytest.raises(bs.DataError, match="cannot be called 'draw'"):
        check(law, table().rename(columns={"family": "draw"}))


def test_one_run_of_a_level_is_refused_unpooled_and_told_pooled(no_sampling):
    runs = table()
    runs = runs[(runs["family"] != "B") | (runs["params"] == 1e6)]
    law = bs.PowerLaw(scale=bs.unpooled(by="family"), exponent=bs.unpooled(by="family"))
    with pytest.raises(bs.DataError, match=r"scale, exponent of each 'family'.*2 or more.*B \(1\)"):
        check(law, runs)
    assert any("a single run of 'family' B" in note for note in fitted(POOLED, runs).notes)


def test_groups_far_apart_are_not_taken_for_a_curve_that_rises():
    low, high = table(["A"]), table(["B"], 100 * X)
    check(POOLED, pd.concat([low, high.assign(loss=10 * high["loss"])]))
    rising = table().assign(loss=lambda t: 1 / t["loss"])
    with pytest.raises(bs.DataError, match="rises with"):
        check(POOLED, rising)


# What is read -------------------------------------------------------------------------------------


def test_the_tree_has_a_dimension_named_after_the_column(no_sampling):
    tree = fitted(MIXED).tree["posterior"]
    assert tree["scale"].dims == ("chain", "draw", "family")  # which tells the domain too
    assert tree["level"].dims == ("chain", "draw", "domain")
    assert tree["exponent"].dims == ("chain", "draw", "family:domain")
    assert tree["exponent"].coords["family:domain"].to_numpy().tolist()[0] == "A:text"
    assert tree["exponent_offset_family"].coords["family"].to_numpy().tolist() == list("ABCD")
    assert {"exponent_population", "exponent_spread_family", "exponent_spread_domain"} <= set(tree)
    shared = fitted(bs.PowerLaw(scale=bs.unpooled(by="family"))).tree["posterior"]
    assert shared["exponent"].dims == ("chain", "draw")
    assert shared["scale"].dims == ("chain", "draw", "family")


def test_the_summary_shows_levels_populations_and_the_curve_of_every_group(no_sampling):
    fit = fitted(POOLED)
    index = fit.summary().index
    assert {"exponent[A]", "exponent_population", "exponent_spread"} <= set(index)
    assert "curve at the largest input[D]" in index
    assert "by 'family' (4 levels)" in repr(fit)
    assert "exponent[B]" in fit._repr_html_()
    assert "floor_share_population" in fit.diagnostics.contraction


def test_a_group_of_a_fit_is_a_fit(no_sampling):
    fit = fitted(POOLED)
    one = fit.at(family="B")
    assert len(one.runs) == len(X)
    assert one.groups == ()
    np.testing.assert_array_equal(one.parameters["exponent"], fit.parameters["exponent"][1])
    assert one.required(y=2.0).draws.shape == (2, 50, 1)
    assert "exponent" in one.constants().index
    np.testing.assert_array_equal(fit.required(y=2.0, family="B").draws, one.required(y=2.0).draws)


def test_forecasts_take_a_level_for_all_inputs_or_one_for_each(no_sampling):
    fit = fitted(POOLED)
    table = fit.forecast(x=[1e9, 1e9, 1e10], family=["A", "B", "A"]).interval()
    assert table.columns.tolist()[:2] == ["family", "params"]
    alone = fit.at(family="B").forecast(x=1e9).interval()
    assert table["median"][1] == alone["median"][0]
    assert len(fit.forecast(x=1e9, family=["A", "B", "C"]).interval()) == 3
    assert fit.tree["predictions_constant_data"]["family"].to_numpy().tolist() == ["A", "B", "C"]
    assert fit.forecast(x=1e5, family="A").notes[0].startswith("1 of 1 lie below")
    assert fit.log_density([2.0, 2.1], x=1e9, family=["A", "B"]).shape == (2,)
    assert fit.intervals(x=[1e9, 1e10], family="A").shape[0] == 2
    assert 0 <= fit.probability(2.0, x=1e9, family="A") <= 1


def test_a_new_level_is_drawn_from_the_population(no_sampling):
    fit = fitted(POOLED, draws=2000)
    new = fit.at(family="never seen").parameters["exponent"]
    again, other = (fit.at(family=f).parameters["exponent"] for f in ("never seen", "another"))
    np.testing.assert_array_equal(new, again)
    assert not np.array_equal(new, other)
    posterior = fit.tree["posterior"]
    offset = np.log(new / posterior["exponent_population"]) / posterior["exponent_spread"]
    assert abs(float(offset.mean())) < 0.05
    assert float(offset.std()) == pytest.approx(1, abs=0.05)


def test_effects_of_several_columns_add_up_for_a_new_combination(no_sampling):
    law = bs.PowerLaw(scale=bs.partial_pooling(by=("family", "domain")))
    fit = fitted(law)
    posterior = fit.tree["posterior"]
    moved = sum(
        posterior[f"level_spread_{column}"] * posterior[f"level_offset_{column}"].sel({column: at})
        for column, at in (("family", "A"), ("domain", "code"))
    )
    level = posterior["level_population"] * np.exp(moved)
    share = posterior["floor_share"]
    one = fit.at(family="A", domain="code")
    whole = (one.parameters["scale"] + one.parameters["irreducible"]) / fit.runs.references["y_ref"]
    np.testing.assert_allclose(whole, level, rtol=1e-9)
    assert share.dims == ("chain", "draw")
    joint = fitted(bs.PowerLaw(scale=bs.unpooled(by=("family", "domain"))))
    with pytest.raises(bs.LawError, match="no row of family='A', domain='code' together"):
        joint.forecast(x=1e9, family="A", domain="code")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda fit: fit.forecast(x=1e9), "say which one is meant, such as family='A'"),
        (lambda fit: fit.forecast(x=1e9, famly="A"), "needs x=; got x=, famly=. Did you mean 'fam"),
        (lambda fit: fit.forecast(x=1e9, family=None), "family= must name a group"),
        (lambda fit: fit.at(family=float("nan")), "family= must name a group"),
        (lambda fit: fit.required(y=2.0, family=" "), "family= must name a group"),
        (lambda fit: bs.compare({"a": fit, "b": fit}, by="family"), r"new_groups=5\)"),
        (lambda fit: bs.compare({"a": fit, "b": fit}, by="family"), "bs.compare_by_group"),
        (lambda fit: bs.compare_by_group({"a": fit, "b": fit}, "famly"), "Did you mean 'family'"),
        (lambda fit: bs.compare_by_group({"a": fit}, "family"), "two or more fits"),
        (lambda fit: fit.at(famly="A"), "Did you mean 'family'"),
        (lambda fit: fit.at(family=["A", "B"]), "takes one level here"),
        (lambda fit: fit.constants(), r"fit\.at\(family='A'\)"),
        (lambda fit: fit.required(y=2.0), "say which one is meant"),
        (lambda fit: bs.elasticity(fit, x=1e9), r"fit\.at\(family='A'\)"),
        (lambda fit: fit.contrasts("exponnt"), "Did you mean 'exponent'"),
        (lambda fit: fit.contrasts("sigma"), "takes a parameter that varies"),
        (lambda fit: fit.contrasts("scale", against="Z"), "against= must be one of A, B"),
        (lambda fit: bs.verdict({"a": fit, "b": fit}), "Take one group of each fit"),
        (lambda fit: bs.ensemble([fit, fit]).forecast(x=1e9), "say which one is meant"),
        (lambda fit: bs.elasticity(bs.ensemble([fit, fit]), x=1e9), r"fit\.at\(family='A'\)"),
        (lambda fit: bs.sensitivity_to_rows(fit, x=1e9, progress=False), "say which one is meant"),
    ],
)
def test_questions_of_one_group_say_so(no_sampling, ask, words):
    with pytest.raises(bs.LawError, match=words):
        ask(fitted(POOLED))


def test_lengths_that_differ_are_refused(no_sampling):
    with pytest.raises(bs.DataError, match="one length"):
        fitted(POOLED).forecast(x=[1e9, 1e10], family=["A", "B", "C"])


def test_a_level_never_seen_is_refused_unpooled(no_sampling):
    fit = fitted(bs.PowerLaw(scale=bs.unpooled(by="family")))
    with pytest.raises(bs.LawError, match="family='E' was never seen, and scale of each 'family'"):
        fit.forecast(x=1e9, family="E")


def test_a_level_never_seen_is_noted(no_sampling):
    made = fitted(POOLED).forecast(x=1e9, family=["A", "new"])
    assert made.notes == ["family 'new' was never seen: drawn from the population."]


def test_outliers_are_judged_by_their_own_group(no_sampling):
    runs = table()
    runs.loc[runs["family"] == "B", "loss"] *= 3.0
    law = bs.PowerLaw(scale=bs.unpooled(by="family"))
    noise = bs.LogNormal(sigma=bs.unpooled(by="family"))
    fit = fitted(law, runs, likelihood=noise)
    found = fit.outliers().sort_index()
    assert len(found) == len(runs)
    for family in "AB":
        one = found[found["family"] == family]
        curve = fit.at(family=family).curve_draws({"x": one["params"].to_numpy()})
        np.testing.assert_allclose(one["curve"], np.median(curve, axis=(0, 1)))


def test_a_fit_without_groups_has_none_to_choose(no_sampling):
    with pytest.raises(bs.LawError, match="There is no 'family' in what was fitted"):
        fitted(bs.PowerLaw()).forecast(x=1e9, family="A")
    with pytest.raises(bs.LawError, match="fitted without groups"):
        fitted(bs.PowerLaw()).at(family="A")


def test_contrasts_are_differences_draw_by_draw(no_sampling):
    fit = fitted(POOLED)
    found = fit.contrasts("exponent", against="A")
    a, b = (fit.at(family=f).parameters["exponent"] for f in "AB")
    assert found["level"].tolist() == ["B", "C", "D"]
    assert found["median"][0] == pytest.approx(np.median(b - a))
    assert found["p_larger"][0] == pytest.approx((b > a).mean())
    assert len(fit.contrasts("exponent")) == 6
    ratio = fit.contrasts("scale", ratio=True)
    a, b = (fit.at(family=f).parameters["scale"] for f in "AB")
    assert ratio["median"][0] == pytest.approx(np.median(a / b))


def test_speedup_of_two_groups_keeps_their_draws_together(no_sampling):
    fit = fitted(POOLED)
    np.testing.assert_allclose(bs.speedup(fit, "A", over="A", at=1e8).draws, 1.0, rtol=1e-9)
    made = bs.speedup(fit, "A", over="B", at=1e8)
    same = bs.speedup(fit.at(family="A"), over=fit.at(family="B"), at=1e8)
    np.testing.assert_array_equal(made.draws, same.draws)
    assert made.name == "speed-up of A over B in params"
    with pytest.raises(bs.LawError, match="a fit with groups"):
        bs.speedup(fitted(bs.PowerLaw()), "A", over="B", at=1e8)


def test_loo_is_that_of_arviz(no_sampling):
    import arviz as az

    fit = fitted(POOLED, draws=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert fit.loo().elpd == pytest.approx(float(az.loo(fit.tree).elpd), rel=1e-6)


def test_a_fit_with_groups_is_saved_and_loaded(no_sampling, tmp_path):
    fit = fitted(MIXED, likelihood=bs.LogNormal(sigma=bs.partial_pooling(by="family", spread=0.2)))
    fit.save(tmp_path / "fit.nc")
    again = bs.load(tmp_path / "fit.nc")
    assert again.law == fit.law
    assert again.likelihood == fit.likelihood
    assert again.runs.groups.levels == fit.runs.groups.levels
    ask = {"x": 1e9, "family": "new", "domain": "code"}
    np.testing.assert_array_equal(again.forecast(**ask).draws(), fit.forecast(**ask).draws())
    fit.at(family="A", domain="text").save(tmp_path / "one.nc")
    assert len(bs.load(tmp_path / "one.nc").runs) == len(X)


def test_runs_of_one_name_in_two_groups_are_two_runs():
    runs = table(["A", "B"]).assign(seed=0)
    checked = observations(
        bs.PowerLaw(scale=bs.unpooled(by="family")), bs.Correlated(), runs, "loss",
        {"x": "params"}, run="seed",
    )  # fmt: skip
    gap = checked.by_run(["gap"])["gap"]
    assert (gap > 100).sum() == 2


def test_a_forecast_of_one_group_is_drawn(no_sampling):
    fit = fitted(POOLED)
    axes = bs.plot_fit(fit.at(family="A"))
    assert axes.get_xlabel() == "params"
    assert bs.plot_forecast(fit.forecast(x=[1e9, 1e10], family="A")).get_ylabel() == "loss"
    with pytest.raises(bs.LawError, match="one group"):
        bs.plot_forecast(fit.forecast(x=1e9, family=["A", "B"]))


def test_two_groups_are_compared_at_an_input(no_sampling):
    fit = fitted(POOLED)
    found = bs.difference(fit, "A", "B", params=1e9)
    made = fit.forecast(params=[1e9, 1e9], family=["A", "B"])
    np.testing.assert_array_equal(found.draws, bs.difference(made).draws)
    assert found.inputs["family"].tolist() == ["A", "B"]
    assert 0 <= found.p_first_better <= 1
    apart = bs.difference(fit, {"family": "A"}, {"family": "B"}, params=[1e9, 2e9], drift=0)
    made = fit.forecast(params=[1e9, 2e9], family=["A", "B"], drift=0)
    np.testing.assert_array_equal(apart.draws, bs.difference(made).draws)
    new = bs.difference(fit, "A", "never seen", params=1e9, of="observation")
    assert new.draws.std() > found.draws.std()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda fit: bs.difference(fit, "A", "B"), "two groups of a fit and where"),
        (lambda fit: bs.difference(fit, "A", {"domain": "text"}, params=1e9), "same columns"),
        (lambda fit: bs.difference(fit, "A", "B", parms=1e9), "Did you mean 'params'"),
        (
            lambda fit: bs.difference(fit.forecast(params=[1e9, 1e10], family="A"), params=1e9),
            "a forecast that has been made; got a forecast and params=",
        ),
        (lambda fit: bs.speedup(fit, "A", over="B", at=1e9, y=2.0), "at=.* or y=.*got both"),
    ],
)
def test_two_groups_that_cannot_be_compared(no_sampling, ask, words):
    fit = fitted(POOLED)
    with pytest.raises(bs.LawError, match=words):
        ask(fit)
    with pytest.raises(bs.LawError, match="a fit with groups"):
        bs.difference(fitted(bs.PowerLaw()), "A", "B", params=1e9)


def test_speedup_at_a_loss_and_over_the_range(no_sampling):
    fit = fitted(POOLED)
    both = {name: fit.at(family=name) for name in "AB"}
    goal = float(np.median(both["B"].curve_draws({"x": np.array([1e8])})))
    found = bs.speedup(fit, "A", over="B", y=goal)
    needed = {name: np.ravel(one.required(y=goal, drift=0).draws) for name, one in both.items()}
    known = np.isfinite(needed["A"]) & np.isfinite(needed["B"])
    ratio = (needed["B"] / needed["A"])[known]
    np.testing.assert_allclose(np.ravel(found.draws)[known], ratio, rtol=1e-5)
    assert found.interval()["loss"].tolist() == [goal]
    ranged = bs.speedup(fit, "A", over="B")
    ends = fit.at(family="B").runs.inputs["x"]
    at = ranged.inputs["params"]
    assert (len(at), at.min(), at.max()) == (
        5,
        pytest.approx(ends.min()),
        pytest.approx(ends.max()),
    )
    same = bs.speedup(fit, "A", over="B", at=np.geomspace(ends.min(), ends.max(), 5))
    np.testing.assert_allclose(ranged.draws, same.draws)
    plain = bs.PowerLaw(irreducible=1.0, x0=100.0, exponent=0.3)
    with pytest.raises(bs.LawError, match="got neither"):
        bs.speedup(plain, over=plain)
    never = bs.speedup(plain, over=plain, y=0.9)
    assert never.draws.max() == 0
    assert never.interval()["p_never"].tolist() == [1.0]


def test_a_new_level_that_reads_like_one_seen_is_a_warning(no_sampling):
    fit = fitted(POOLED)
    with pytest.warns(bs.DataWarning, match="family=' a' was never seen.*reads like 'A'"):
        fit.forecast(params=1e9, family=" a")
    fit.forecast(params=1e9, family="A2")  # a new one, and no warning
