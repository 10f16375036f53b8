"""What a forecast leans on: smallest runs, single runs, priors; and the pictures of it."""

import dataclasses
import warnings
from concurrent.futures import ThreadPoolExecutor

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale import fitting
from bayescale.pareto import smoothed
from bayescale.sensitivity import priors, refits, single_runs


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def smallest(law=None, **more):
    runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    ask = {"y": "loss", "x": "x", "at": 1e4, "draws": 100, "tune": 10, "progress": False}
    return bs.sensitivity_to_smallest(law or bs.PowerLaw(), runs, **ask | more)


class TestSmallest:
    def test_a_row_for_each_cut_and_target(self, no_sampling):
        table = smallest(at=[1e4, 1e5], cuts=[9, 2])
        assert table["smallest"].tolist() == [1, 1, 3, 3, 10, 10]
        assert table["runs"].tolist() == [8, 8, 7, 7, 6, 6]
        assert table["at"].tolist() == [1e4, 1e5] * 3
        assert (table["shift"][:2] == 0).all()
        assert (table["lower"] < table["median"]).all()
        np.testing.assert_allclose(table["extrapolation"][:2], [1e4 / 3e3, 1e5 / 3e3])
        assert table.attrs["of"] == "curve"

    def test_rows_are_the_forecasts_of_fits_to_the_rows_kept(self, no_sampling):
        runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
        ask = {"y": "loss", "x": "x", "draws": 100, "tune": 10, "progress": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.SamplingWarning)
            one, two = (bs.PowerLaw().fit(part, **ask) for part in (runs, runs[runs["x"] >= 10]))
        expected = two.forecast(x=1e4, drift=0).interval(0.9, "curve").iloc[0]
        table = smallest(cuts=[10])
        assert table["median"][1] == pytest.approx(expected["median"])
        assert table["upper"][1] == pytest.approx(expected["upper"])
        every = one.forecast(x=1e4, drift=0).curve.to_numpy().ravel()
        shift = (expected["median"] - np.median(every)) / every.std()
        assert table["shift"][1] == pytest.approx(shift)

    def test_default_cuts_stop_at_the_middle_or_where_runs_are_too_few(self, no_sampling):
        assert smallest()["smallest"].tolist() == [1, 3, 10, 30, 100]
        three = bs.BrokenPowerLaw(breaks=2, placement="fixed")
        assert smallest(three)["smallest"].tolist() == [1, 3, 10]

    def test_an_executor_gives_the_same_numbers(self, no_sampling):
        with ThreadPoolExecutor(2) as pool:
            pd.testing.assert_frame_equal(smallest(executor=pool), smallest())

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"cuts": [1e4]}, bs.DataError, "A cut must leave runs: 'x' goes from 1 to 3000"),
            ({"cuts": [1000]}, bs.DataError, "From x = 1000 on there are 2 runs; 3 or more"),
            ({"cuts": [300]}, bs.DataError, "From x = 300 on: PowerLaw needs runs at 4"),
            ({"cuts": ["low"]}, bs.DataError, "cuts= must hold numbers"),
            ({"cuts": []}, bs.DataError, "finite values of 'x'"),
            ({"cuts": [np.nan]}, bs.DataError, "finite values of 'x'"),
            ({"at": -1}, bs.DataError, "positive finite"),
            ({"of": "both"}, bs.LawError, "'curve' or 'observation'"),
            ({"prob": 90}, bs.LawError, "between 0 and 1"),
            ({"law": bs.PowerLaw}, bs.LawError, "with brackets"),
            ({"law": bs.Chinchilla()}, bs.LawError, "along one input; Chinchilla has 2"),
            ({"workers": 0}, bs.LawError, "workers="),
        ],
    )
    def test_wrong_use(self, no_sampling, options, error, message):
        with pytest.raises(error, match=message):
            smallest(**options)

    def test_picture(self, no_sampling):
        table = smallest(at=[1e4, 1e5])
        ax = bs.plot_sensitivity_to_smallest(table)
        words = ax.get_legend_handles_labels()[1]
        assert words[0].startswith("x = 10,000")
        drawn = np.concatenate([line.get_ydata() for line in ax.lines if line.get_label() in words])
        np.testing.assert_allclose(sorted(drawn), sorted(table["median"]))
        assert {text.get_text() for text in ax.texts} == {"8", "7", "6", "5", "4"}
        with pytest.raises(bs.LawError, match="without lower"):
            bs.plot_sensitivity_to_smallest(table.drop(columns="lower"))


class TestRows:
    def test_shifts_are_those_of_weighted_medians(self, broken_fit):
        kept = broken_fit.tree.get("predictions")
        table = bs.sensitivity_to_rows(broken_fit, x=[2e3, 1e4], repair=False, progress=False)
        assert len(table) == 2 * len(broken_fit.runs)
        row = int(table["pareto_k"].idxmin())
        density = broken_fit.tree["log_likelihood"]["y"][..., row].to_numpy().ravel()
        curve = broken_fit.curve_draws({"x": np.array([2e3])}).ravel()
        weights, _ = smoothed(-density[None])
        order = np.argsort(curve)
        middle = curve[order][np.searchsorted(np.exp(weights[0])[order].cumsum(), 0.5)]
        assert table["median"][row] == pytest.approx(middle, rel=1e-3)
        shift = (middle - np.median(curve)) / curve.std()
        assert table["shift"][row] == pytest.approx(shift, abs=0.05)
        assert broken_fit.tree.get("predictions") is kept

    def test_a_run_of_high_pareto_k_is_left_out_by_fitting_again(self, power_fit):
        plain = bs.sensitivity_to_rows(power_fit, x=1e4, repair=False, progress=False)
        weak = plain["pareto_k"] > 0.7
        assert weak.any()
        assert plain["warning"].str.contains("cannot be trusted").tolist() == weak.tolist()
        table = bs.sensitivity_to_rows(power_fit, x=1e4, progress=False)
        assert table["refitted"].tolist() == weak.tolist()
        row = int(np.flatnonzero(weak)[0])
        kept = power_fit.runs.rows(np.arange(len(power_fit.runs)) != row, anchored=True)
        without = fitting.fit(power_fit.law, power_fit.likelihood, kept, power_fit.settings, False)
        expected = np.median(without.curve_draws({"x": np.array([1e4])}))
        assert table["median"][row] == pytest.approx(expected)

    def test_correlated_noise_is_left_out_by_fitting_again(self, power_fit, monkeypatch):
        asked = []

        def refit(plan, runs):
            asked.append(len(runs))
            return refits.Refit(np.ones((10, 1)), len(runs), "")

        monkeypatch.setattr(refits, "refit", refit)
        monkeypatch.setattr(single_runs.comparison, "conditional", lambda fit: True)
        table = bs.sensitivity_to_rows(power_fit, x=1e4, progress=False)
        assert table["refitted"].all()
        assert asked == [15] * 16

    def test_several_inputs_have_a_column_each(self):
        fit = invented_fit(bs.Chinchilla())
        table = bs.sensitivity_to_rows(fit, params=[1e3, 1e4], tokens=1e4, repair=False)
        assert {"at_n_params", "at_n_tokens"} <= set(table.columns)
        with pytest.raises(bs.LawError, match="one input"):
            bs.plot_sensitivity_to_rows(table)

    def test_wrong_use(self, power_fit):
        with pytest.raises(bs.LawError, match="takes a fit .*; got PowerLaw"):
            bs.sensitivity_to_rows(bs.PowerLaw(), x=1e4)
        with pytest.raises(bs.LawError, match="Of an ensemble, give each member"):
            bs.sensitivity_to_rows(bs.ensemble([power_fit, power_fit]), x=1e4)
        with pytest.raises(bs.LawError, match="PowerLaw needs x="):
            bs.sensitivity_to_rows(power_fit)
        with pytest.raises(bs.LawError, match="'curve' or 'observation'"):
            bs.sensitivity_to_rows(power_fit, x=1e4, of="mean")
        bare = dataclasses.replace(power_fit, tree=power_fit.tree.drop_nodes("log_likelihood"))
        for ask in (bs.sensitivity_to_rows, bs.sensitivity_to_prior):
            with pytest.raises(bs.DataError, match="log likelihood"):
                ask(bare, x=1e4)

    def test_picture(self, power_fit):
        table = bs.sensitivity_to_rows(power_fit, x=1e4, repair=False, progress=False)
        ax = bs.plot_sensitivity_to_rows(table)
        labels = ax.get_legend_handles_labels()[1]
        assert labels == ["forecast at examples = 10,000", f"{labels[0]}, see the table's warning"]
        with pytest.raises(bs.LawError, match="without shift"):
            bs.plot_sensitivity_to_rows(table.drop(columns="shift"))


class TestPrior:
    def test_sensitivities_are_arviz_s(self, power_fit):
        table = bs.sensitivity_to_prior(power_fit, x=[1e4, 1e5])
        names = ["irreducible", "scale", "exponent", "sigma"]
        assert table.index.tolist() == [
            *names, "forecast at examples=10000", "forecast at examples=100000",
        ]  # fmt: skip
        tree = power_fit.tree.copy()
        tree["log_prior"] = priors.log_priors(power_fit)
        summary = az.psense_summary(tree, var_names=names, threshold=np.inf, round_to=10)
        np.testing.assert_allclose(table.loc[names, "prior"], summary["prior"], atol=1e-9)
        np.testing.assert_allclose(table.loc[names, "likelihood"], summary["likelihood"], atol=1e-9)

    def test_log_priors_sum_to_the_plain_model_s(self, power_fit):
        import pymc as pm

        # PyMC's own log prior of the quantities, without the Jacobians of its transforms.
        held = [rv.name for rv in power_fit.model.free_RVs]
        draw = {name: float(power_fit.tree["posterior"][name][0, 0]) for name in held}
        for name, mine in priors.log_priors(power_fit).items():
            rv = power_fit.model[name]
            theirs = float(pm.logp(rv, draw[name]).eval())
            assert float(mine[0, 0]) == pytest.approx(theirs, rel=1e-6)

    def test_a_strong_prior_is_told(self, power_fit, curve):
        law = bs.PowerLaw(exponent=bs.Prior("LogNormal", mu=np.log(0.2), sigma=0.05))
        fit = law.fit(curve, y="error", x="examples", progress=False)
        told = bs.sensitivity_to_prior(fit)
        assert told.loc["exponent", "strongest_prior"] == "exponent"
        assert told.loc["exponent", "prior"] > 2 * bs.sensitivity_to_prior(power_fit).loc[
            "exponent", "prior"
        ]  # fmt: skip
        assert told.loc["exponent", "diagnosis"] != ""

    @pytest.mark.parametrize(
        ("sensitivities", "words"),
        [
            ((0.01, 0.3), ""),
            ((0.2, 0.01), "the runs hardly do"),
            ((0.2, 0.3), "they may disagree"),
        ],
    )
    def test_diagnosis(self, sensitivities, words):
        found = priors._diagnosis(*sensitivities)
        assert words in found
        assert bool(words) == bool(found)

    def test_wrong_use(self):
        with pytest.raises(bs.LawError, match="takes a fit"):
            bs.sensitivity_to_prior("fit")


def test_a_column_may_have_any_name():
    column = "params / 1e9 <b>"
    made = invented_fit(bs.PowerLaw(), columns={"x": column})
    found = bs.sensitivity_to_prior(made, x=1e4)
    assert found.index[-1] == f"forecast at {column}=10000"
