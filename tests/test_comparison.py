"""Comparing, back-testing and mixing laws."""

import dataclasses
import warnings
from concurrent.futures import ThreadPoolExecutor

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import learning_curve
from invented import invented_fit

import bayescale as bs
from bayescale import fitting, fold_scores, leaving_out, posterior
from bayescale.fold_scores import MIXTURE
from bayescale.scoring import crps, log_mean_exp, stacking_weights


@pytest.fixture(scope="module")
def fits(power_fit, broken_fit):
    return {"power": power_fit, "broken": broken_fit}


def digits_backtest(**more):
    laws = {
        "power": bs.PowerLaw(),
        "broken": bs.BrokenPowerLaw(breaks=2, placement="fixed"),
    }
    ask = {"y": "error", "x": "examples", "holdout": 4, "cutoffs": 2, "progress": False}
    return bs.backtest(laws, learning_curve("digits", "mlp"), **ask, **more)


@pytest.fixture(scope="module")
def backtest():
    return digits_backtest()


class TestCompare:
    def test_rows_are_arviz_s_loo(self, fits):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = bs.compare(fits, repair=False, progress=False)
            for name, fit in fits.items():
                loo = az.loo(fit.tree)
                assert table.loc[name, "elpd"] == pytest.approx(loo.elpd)
                assert table.loc[name, "se"] == pytest.approx(loo.se)
        assert table["elpd_diff"].iloc[0] == 0
        assert (table["elpd"].diff().dropna() <= 0).all()

    def test_arviz_s_warning_is_kept(self, fits):
        with pytest.warns(UserWarning, match="Pareto"):
            bs.compare(fits, repair=False, progress=False)

    def test_weak_rows_are_repaired(self, fits):
        table = bs.compare(fits, progress=False)
        assert (table["repaired"] > 0).any()
        assert (table["diag_elpd"] == "").all()
        assert table["worst_pareto_k"].max() > 0.7

    def test_repair_agrees_with_fitting_without_the_row(self, fits):
        fit = fits["broken"]
        plain = leaving_out.pointwise_loo(fit, quiet=True)
        row = int(np.argmax(plain.pareto_k.to_numpy()))
        repaired, count = leaving_out.repaired_loo(fit, plain)
        keep = np.arange(len(fit.runs)) != row
        left_out = fit.runs.rows(~keep, anchored=True)
        exact = fitting.fit(
            fit.law, fit.likelihood, fit.runs.rows(keep, anchored=True), fit.settings, False
        )
        curve = exact.curve_draws(left_out.inputs)
        noise = {name: value[..., None] for name, value in exact.noise.items()}
        density = fit.likelihood.log_density(left_out.outcome, curve, **noise).ravel()
        assert count >= 1
        assert float(repaired.elpd_i[row]) == pytest.approx(float(log_mean_exp(density)), abs=0.5)
        assert abs(float(plain.elpd_i[row]) - float(repaired.elpd_i[row])) > 1e-6

    def test_rows_left_out_elsewhere_give_the_same_numbers(self, fits):
        fit = fits["broken"]
        here = leaving_out._fits_without(fit, np.array([0, 3]), None, None)
        with ThreadPoolExecutor(2) as pool:
            there = leaving_out._fits_without(fit, np.array([0, 3]), None, pool)
        for row in (0, 3):
            for mine, theirs in zip(here[row], there[row], strict=True):
                assert mine.keys() == theirs.keys()
                np.testing.assert_array_equal(
                    mine["sigma" if "sigma" in mine else "irreducible"],
                    theirs["sigma" if "sigma" in theirs else "irreducible"],
                )

    def test_moment_matching_density_is_the_posterior_s(self, fits):
        functions = leaving_out._moment_functions(fits["power"])
        rows = fits["power"].tree["log_likelihood"]["y"]
        mine = functions["log_lik_i_upars_fn"](functions["upars"], 3)
        np.testing.assert_allclose(mine, rows[..., 3], rtol=1e-9)

    def test_different_rows_are_an_error(self, fits, power_fit, curve):
        other = bs.PowerLaw().fit(curve.iloc[1:], y="error", x="examples", progress=False)
        with pytest.raises(bs.DataError, match="not on the same rows: 'a' has 16.*'b' has 15"):
            bs.compare({"a": power_fit, "b": other})

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda f: bs.compare({"a": f}), "two or more fits"),
            (lambda f: bs.compare([f, f]), "two or more fits by name"),
            (lambda f: bs.compare({"a": f, "b": bs.PowerLaw()}), "'b' must be a fit"),
            (lambda f: bs.compare({"a": f, "b": f}, method="waic"), "method= must be one of"),
        ],
    )
    def test_wrong_use(self, power_fit, call, message):
        with pytest.raises(bs.LawError, match=message):
            call(power_fit)


class TestBacktest:
    def test_scores_come_from_held_out_rows(self, backtest):
        assert set(backtest.table.index) == {"power", "broken", MIXTURE}
        assert backtest.cutoffs == (364.0, 190.0)
        for cutoff, rows in backtest.points.groupby("cutoff"):
            assert (rows["examples"] > cutoff).all()
        assert (backtest.table["points"] == 8).all()
        one = backtest.points[backtest.points["law"] == "power"]
        error = np.log(one["median"]) - np.log(one["error"])
        assert backtest.table.loc["power", "rmsle"] == pytest.approx(np.sqrt((error**2).mean()))
        inside = one["error"].between(one["lower_90"], one["upper_90"]).mean()
        assert backtest.table.loc["power", "coverage_90"] == pytest.approx(inside)

    def test_an_executor_gives_the_same_numbers(self, backtest):
        with ThreadPoolExecutor(2) as pool:
            elsewhere = digits_backtest(executor=pool)
        pd.testing.assert_frame_equal(elsewhere.points, backtest.points)
        assert elsewhere.notes == backtest.notes

    @pytest.mark.slow
    def test_processes_give_the_same_numbers(self):
        first, second = (digits_backtest(workers=2) for _ in range(2))
        pd.testing.assert_frame_equal(first.points, second.points)

    def test_a_cutoff_that_comes_to_grief_elsewhere_is_told(self, monkeypatch):
        def broken(*_):
            raise RuntimeError("no memory")

        monkeypatch.setattr(fold_scores, "_points", broken)
        with (
            ThreadPoolExecutor(1) as pool,
            pytest.raises(bs.BayescaleError, match="could not do its part.*no memory"),
        ):
            digits_backtest(executor=pool)

    def test_training_rows_end_at_the_cutoff(self, backtest, curve):
        cutoff = backtest.cutoffs[0]
        fit = bs.PowerLaw().fit(
            curve[curve["examples"] <= cutoff], y="error", x="examples", progress=False
        )
        rows = backtest.points.query("law == 'power' and cutoff == @cutoff")
        made = fit.forecast(x=rows["examples"].to_numpy()).interval(0.9)
        np.testing.assert_allclose(rows["lower_90"], made["lower"])

    def test_by_cutoff_splits_the_table(self, backtest):
        split = backtest.by_cutoff()
        assert len(split) == 6
        assert (split["points"] == 4).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"holdout": 13}, "With the cut-off at .*needs runs at 4 or more"),
            ({"holdout": 15}, "With the cut-off at 10: 1 runs to train on; .* 3 or more"),
            ({"cutoffs": [15]}, "With the cut-off at 14: 2 runs to train on"),
            ({"cutoffs": [20]}, "With the cut-off at 19: PowerLaw needs runs at 4 or more"),
            ({"cutoffs": [1e6]}, "between 10 and 1347; got 1e\\+06"),
            ({"cutoffs": [1347]}, "leave runs on both sides"),
            ({"cutoffs": [5]}, "leave runs on both sides"),
            ({"cutoffs": []}, "no cut-off"),
            ({"cutoffs": 40, "holdout": 4}, "40 cut-offs of 4 held-out"),
        ],
    )
    def test_too_little_data(self, curve, options, message):
        with pytest.raises(bs.DataError, match=message):
            bs.backtest({"power": bs.PowerLaw()}, curve, y="error", x="examples", **options)

    def test_two_training_runs_are_too_few_for_any_law(self, curve):
        line = bs.PowerLaw(irreducible=0.0, exponent=0.5)
        with pytest.raises(bs.DataError, match="2 runs to train on"):
            bs.backtest({"line": line}, curve, y="error", x="examples", cutoffs=[15])

    @pytest.mark.parametrize(
        ("laws", "options", "message"),
        [
            ({}, {}, "laws by name"),
            ({"a": bs.PowerLaw}, {}, "with brackets"),
            ({"a": bs.PowerLaw()}, {"holdout": 0}, "holdout="),
            ({"a": bs.PowerLaw()}, {"holdout": 2.5}, "holdout="),
            ({"a": bs.PowerLaw()}, {"cutoffs": 0}, "cutoffs= must be 1 or more"),
        ],
    )
    def test_wrong_use(self, curve, laws, options, message):
        with pytest.raises(bs.LawError, match=message):
            bs.backtest(laws, curve, y="error", x="examples", **options)


class TestEnsemble:
    def test_equal_weights_mix_the_members(self, fits):
        both = bs.ensemble(fits)
        assert both.weights.to_dict() == {"power": 0.5, "broken": 0.5}
        mixed = both.forecast(x=[1e4], drift=0).draws("curve").ravel()
        parts = [fit.curve_draws({"x": np.array([1e4])}).ravel() for fit in fits.values()]
        cut = np.median(np.concatenate(parts))
        expected = np.mean([(part < cut).mean() for part in parts])
        assert (mixed < cut).mean() == pytest.approx(expected, abs=0.02)

    def test_interval_carries_the_doubt_about_the_form(self, fits):
        both = bs.ensemble(fits).forecast(x=[1e5]).interval(0.95)
        for fit in fits.values():
            alone = fit.forecast(x=[1e5]).interval(0.95)
            assert both["lower"][0] <= alone["median"][0] <= both["upper"][0]

    def test_all_weight_on_one_member_is_that_member(self, fits):
        one = bs.ensemble(fits, weights=[1.0, 0.0])
        made = one.required(y=0.01).quantile(0.5)
        np.testing.assert_allclose(made, fits["power"].required(y=0.01).quantile(0.5), rtol=0.01)
        chance = one.probability(y=0.01, x=5e3)
        assert chance == pytest.approx(fits["power"].probability(y=0.01, x=5e3), abs=0.03)

    def test_weights_by_name(self, fits, backtest):
        by_loo = bs.ensemble(fits, weights="loo")
        assert by_loo.weights.sum() == pytest.approx(1)
        assert "loo (interpolation) weights" in repr(by_loo)
        stacked = bs.ensemble(fits, weights="backtest", backtest=backtest, shrink=0)
        assert stacked.weights.sum() == pytest.approx(1)
        best = backtest.table.drop(MIXTURE)["log_score"].idxmax()
        assert stacked.weights.idxmax() == best
        assert "Ensemble (backtest weights)" in repr(stacked)

    def test_a_backtest_s_weights_go_half_way_to_equal(self, fits, backtest):
        ask = {"weights": "backtest", "backtest": backtest}
        stacked = bs.ensemble(fits, **ask, shrink=0).weights
        half = bs.ensemble(fits, **ask)
        np.testing.assert_allclose(half.weights, (stacked + 0.5) / 2)
        assert "Ensemble (0.5 equal + 0.5 backtest weights)" in repr(half)
        np.testing.assert_allclose(bs.ensemble(fits, **ask, shrink=1).weights, 0.5)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"weights": "backtest", "shrink": 1.5}, "from 0 .* to 1"),
            ({"weights": "backtest", "shrink": "half"}, "from 0 .* to 1"),
            ({"weights": "equal", "shrink": 0.5}, "for weights='pseudo-bma' and 'backtest' alone"),
            (
                {"weights": [0.5, 0.5], "shrink": 0.0},
                "for weights='pseudo-bma' and 'backtest' alone",
            ),
        ],
    )
    def test_wrong_shrink(self, fits, backtest, options, message):
        with pytest.raises(bs.LawError, match=message):
            bs.ensemble(fits, backtest=backtest, **options)

    def test_a_backtest_of_other_rows_or_names(self, fits, backtest):
        other = dataclasses.replace(backtest, runs=backtest.runs.iloc[1:])
        with pytest.raises(bs.DataError, match="not on the rows of the fits: it has 15 runs"):
            bs.ensemble(fits, weights="backtest", backtest=other)
        renamed = {"a": fits["power"], "b": fits["broken"]}
        with pytest.raises(bs.LawError, match="no law 'a'; it has power, broken"):
            bs.ensemble(renamed, weights="backtest", backtest=backtest)

    def test_different_outcomes_are_an_error(self, power_fit):
        def other(**changes):
            return dataclasses.replace(
                power_fit, runs=dataclasses.replace(power_fit.runs, **changes)
            )

        with pytest.raises(bs.DataError, match="'PowerLaw' models 'error', .* models 'loss'"):
            bs.ensemble([power_fit, other(outcome_column="loss")])
        with pytest.raises(bs.DataError, match="not of the same outcome: .*'error' below 1"):
            bs.ensemble([power_fit, other(ceiling=1.0)])
        with pytest.raises(bs.DataError, match="not on the same rows"):
            bs.ensemble([power_fit, other(outcome=power_fit.runs.outcome * 1.01)])

    def test_two_fits_of_one_form_get_different_names(self, power_fit):
        both = bs.ensemble([power_fit, power_fit])
        assert list(both.fits) == ["PowerLaw", "PowerLaw #2"]

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ("best", "'equal', 'pseudo-bma', 'backtest', 'loo'"),
            ([0.5, 0.6], "sum to one"),
            ([1.5, -0.5], "none negative"),
            ([1.0], "must be 2 numbers"),
            ("backtest", "needs backtest="),
        ],
    )
    def test_wrong_weights(self, fits, weights, message):
        with pytest.raises(bs.LawError, match=message):
            bs.ensemble(fits, weights=weights)


class TestScoring:
    def test_crps_of_a_normal(self):
        draws = np.random.default_rng(0).standard_normal((20_000, 1))
        exact = 1 / np.sqrt(np.pi) * (np.sqrt(2) - 1)  # at the mean of N(0, 1)
        assert crps(draws, np.zeros(1)).item() == pytest.approx(exact, abs=0.01)

    def test_crps_by_its_definition(self):
        draws = np.array([[0.3], [1.0], [2.5]])
        pairs = np.abs(draws - draws.T).mean()
        expected = np.abs(draws - 1.7).mean() - pairs / 2
        assert crps(draws, np.array([1.7])).item() == pytest.approx(expected)

    def test_stacking_finds_the_better_and_the_mixture(self):
        rng = np.random.default_rng(1)
        y = np.where(rng.random(4000) < 0.7, rng.normal(-3, 1, 4000), rng.normal(3, 1, 4000))
        densities = np.column_stack([-0.5 * (y + 3) ** 2, -0.5 * (y - 3) ** 2])
        assert stacking_weights(densities)[0] == pytest.approx(0.7, abs=0.03)
        one = np.column_stack([np.zeros(50), -np.ones(50)])
        np.testing.assert_allclose(stacking_weights(one), [1, 0], atol=1e-4)


def checkpoints(runs=4, rows=6):
    """Runs of one law, whose rows are alike within a run."""
    rng = np.random.default_rng(3)
    x = np.geomspace(1, 300, rows)
    parts = []
    for number in range(runs):
        off = 0.03 * rng.standard_normal() + 0.003 * rng.standard_normal(rows)
        y = (1.7 + 1.2 * x**-0.3) * np.exp(off)
        parts.append(pd.DataFrame({"x": x * 1.01**number, "loss": y, "who": number}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def of_runs():
    """Fits that know of which run their rows are."""
    laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    how = {"y": "loss", "x": "x", "run": "who", "draws": 1500, "tune": 600, "cores": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return {k: v.fit(checkpoints(), progress=False, **how) for k, v in laws.items()}


class TestByRun:
    """Rows of one run are left out together."""

    def test_runs_are_the_default_where_fits_know_of_them(self, of_runs):
        table = bs.compare(of_runs, progress=False)
        assert table.attrs["by"] == "run"
        fit = of_runs["floor"]
        plain = leaving_out.pointwise_loo(fit, quiet=True, units=fit.runs.units)
        assert plain.elpd_i.size == 4
        exact, _ = leaving_out.repaired_loo(fit, plain, units=fit.runs.units)
        assert table.loc["floor", "elpd"] == pytest.approx(exact.elpd)

    def test_a_repaired_run_is_told_by_a_fit_without_it(self, of_runs):
        fit = of_runs["floor"]
        units = fit.runs.units
        found = leaving_out._fits_without(fit, np.array([2]), None, None, units)
        parameters, noise = found[2]
        rows = posterior.log_likelihood(fit.law, fit.likelihood, fit.runs, parameters, noise)
        exact = float(log_mean_exp(rows[..., units == 2].sum(-1).ravel()))
        plain = leaving_out.pointwise_loo(fit, quiet=True, units=units)
        repaired, _ = leaving_out.repaired_loo(fit, plain, units=units)
        assert float(repaired.elpd_i[2]) == pytest.approx(exact, abs=1.0)

    def test_folds_agree_with_leaving_out_each(self, of_runs):
        each = bs.compare(of_runs, progress=False)
        folds = bs.compare(of_runs, folds=4, progress=False)
        assert (folds["repaired"] == 4).all()
        assert (folds["warning"] == "").all()
        for name in of_runs:
            assert folds.loc[name, "elpd"] == pytest.approx(each.loc[name, "elpd"], abs=2.0)

    @pytest.mark.filterwarnings("ignore:Estimated shape parameter:UserWarning")
    def test_rows_when_asked(self, of_runs):
        table = bs.compare(of_runs, by="row", repair=False, progress=False)
        assert table.attrs["by"] == "row"

    def test_wrong_use(self, of_runs, power_fit):
        with pytest.raises(bs.LawError, match="by= must be 'run' or 'row'"):
            bs.compare(of_runs, by="seed")
        with pytest.raises(bs.LawError, match="folds= must be a whole number from 2 to 4; got 5"):
            bs.compare(of_runs, folds=5)
        with pytest.raises(bs.LawError, match="by='run' needs fits whose rows"):
            bs.compare({"a": power_fit, "b": power_fit}, by="run")
        other = dataclasses.replace(
            of_runs["floor"],
            runs=dataclasses.replace(of_runs["floor"].runs, run=np.arange(24.0) // 3),
        )
        with pytest.raises(bs.DataError, match="do not agree which rows are of one run"):
            bs.compare({"a": of_runs["floor"], "b": other})


def test_weights_of_next_to_nothing_are_no_warning_of_numpys():
    fit = invented_fit(bs.PowerLaw())
    held = fit.tree["log_likelihood"].to_dataset()
    rows = held["y"].copy()
    rows[...] = np.random.default_rng(0).uniform(735, 744, rows.shape)
    rows[0, 0] = 0.0
    fit.tree["log_likelihood"] = xr.DataTree(held.assign(y=rows))
    found = leaving_out.pointwise_loo(fit, quiet=True)
    assert np.isinf(found.pareto_k).all(), "ArviZ calls them good, with an elpd of NaN"
    assert found.warning
