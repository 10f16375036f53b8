"""The verdict says no more than the numbers do."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import learning_curve
from invented import invented_fit

import bayescale as bs
from bayescale import break_words, evidence


def fits_of(**laws):
    laws = laws or {"power": bs.PowerLaw(), "broken": bs.BrokenPowerLaw()}
    return {name: invented_fit(law) for name, law in laws.items()}


@pytest.fixture(scope="module")
def fits():
    return fits_of()


def table_of(names=("broken", "power"), ahead=(8.0,), error=(2.0,)):
    count = len(names)
    return pd.DataFrame(
        {
            "elpd": 10.0 - np.array([0.0, *ahead]),
            "elpd_diff": -np.array([0.0, *ahead]),
            "dse": [0.0, *error],
            "p_worse": [math.nan, *([0.9] * (count - 1))],
            "diag_diff": ["", *(["N < 100"] * (count - 1))],
            "diag_elpd": "",
            "warning": "",
        },
        index=pd.Index(names, name="law"),
    )


def backtest_of(fits, scores, crps=None, coverage=1.0, cutoffs=(100.0, 50.0), x=None):
    """Return a backtest from log scores by law and point, split evenly over cut-offs."""
    runs = next(iter(fits.values())).runs
    frame = runs.frame()
    crps = crps or {name: 0.1 if i == 0 else 0.2 for i, name in enumerate(scores)}
    column = next(iter(runs.columns.values()))
    points = pd.concat(
        pd.DataFrame(
            {
                "law": name,
                column: 100.0 + np.arange(len(values)),
                runs.outcome_column: 1.0,
                "cutoff": np.repeat(cutoffs, len(values) // len(cutoffs)),
                "log_score": values,
                "crps": crps[name],
            }
        )
        for name, values in scores.items()
    )
    summary = pd.DataFrame(
        {
            "log_score": [np.mean(values) for values in scores.values()],
            "coverage_90": coverage,
            "points": len(next(iter(scores.values()))),
        },
        index=list(scores),
    )
    return bs.Backtest(
        summary, points, frame, column, runs.outcome_column, cutoffs, ("power up to 50: bad",)
    )


CLEAR = {"broken": [3.0, 3.2, 3.1, 3.3], "power": [0.1, 0.2, 0.3, 0.2]}


def said(fits, table=None, backtest=None, **more):
    table = table_of() if table is None else table
    return bs.verdict(fits, comparison=table, backtest=backtest, progress=False, **more)


class TestWords:
    def test_clear_inside_and_beyond(self, fits):
        found = said(fits, backtest=backtest_of(fits, CLEAR))
        assert found.answer == (
            "The runs favour broken over power, inside the data and beyond them."
        )
        for words in (
            "broken is ahead of power (8.0 ± 2.0 elpd, 4.0 standard errors) [ArviZ: N < 100]",
            "broken forecasts better than power (mean log score higher by 2.95 ± 0.00",
            "11.8 over the 4 runs held out; better on 4 of 4 points; CRPS 0.1 against 0.2",
            "practically zero (under 10 % of the larger exponent)",
            "a priori",
            "standard deviations of a run's noise",
        ):
            assert words in found.paragraph
        caveats = " ".join(found.caveats)
        assert "With 24 rows" in caveats
        assert "fell short (power up to 50: bad)" in caveats
        assert "not independent of one another" in caveats
        assert repr(found).startswith(found.paragraph)
        assert "<p>The runs favour" in found._repr_html_()

    @pytest.mark.parametrize(
        ("ahead", "error", "words"),
        [
            (1.0, 0.2, "cannot be told apart (1.0 ± 0.2 elpd, under 4)"),
            (8.0, 5.0, "by less than two standard errors (8.0 ± 5.0 elpd)"),
        ],
    )
    def test_small_differences_inside_are_none(self, fits, ahead, error, words):
        found = said(fits, table_of(ahead=(ahead,), error=(error,)))
        assert words in found.paragraph
        assert found.answer == (
            "These runs do not tell power from broken (inside the data; nothing was held out)."
        )
        assert any("was not measured" in caveat for caveat in found.caveats)

    @pytest.mark.parametrize(
        ("scores", "crps"),
        [
            ({"broken": [9.0, 9.2, 0.0, 0.1], "power": [0.1, 0.2, 0.3, 0.2]}, None),  # half won
            ({"broken": [9.0, 9.0, 0.3, 0.3], "power": [0.2] * 4}, None),  # cut-offs differ
            ({"broken": [9.0, 9.0], "power": [0.1, 0.1]}, None),  # two points
            ({"broken": [0.3, 0.4] * 2, "power": [0.2, 0.3] * 2}, None),  # 0.4 in sum
            (CLEAR, {"broken": 0.3, "power": 0.2}),  # worse by CRPS
        ],
    )
    def test_unclear_beyond(self, fits, scores, crps):
        found = said(fits, backtest=backtest_of(fits, scores, crps))
        assert "broken is not clearly ahead of power" in found.paragraph
        assert found.answer == (
            "Inside the data the runs favour broken over power; beyond them neither is clearly "
            "ahead."
        )

    def test_beyond_alone(self, fits):
        found = said(fits, table_of(ahead=(1.0,)), backtest_of(fits, CLEAR))
        assert found.answer.startswith("Beyond the data the runs favour broken over power; inside")

    def test_disagreement(self, fits):
        reverse = {"power": [1.0, 1.2] * 4, "broken": [0.0] * 8}
        found = said(fits, backtest=backtest_of(fits, reverse, coverage=0.25))
        assert "Inside the data the runs favour broken, beyond them power" in found.answer
        caveats = " ".join(found.caveats)
        assert "disagree" in caveats
        assert "intervals of broken held 2 of 8 held-out points" in caveats

    def test_one_cutoff_has_its_standard_error_over_points(self, fits):
        found = said(fits, backtest=backtest_of(fits, CLEAR, cutoffs=(100.0,)))
        assert "(standard error over points)" in found.paragraph
        assert math.isnan(found.held_out.loc[("power", "mean"), "log_score_se"])

    def test_two_broken_laws_are_one_side(self):
        laws = {"power": bs.PowerLaw(), "one": bs.BrokenPowerLaw()}
        fits = fits_of(**laws, two=bs.BrokenPowerLaw(breaks=2))
        names = ("two", "one", "power")
        found = said(fits, table_of(names, (0.5, 9.0), (1.0, 2.0)))
        assert "favour the broken laws (one and two) over power;" in found.answer
        assert "two and one cannot be told apart" in found.paragraph
        assert "none of them counts" in found.paragraph
        assert found.breaks.index.tolist() == [("one", 1), ("two", 1), ("two", 2)]
        found = said(fits, table_of(names, (0.5, 3.0), (1.0, 2.0)))
        assert "do not tell power from the broken laws" in found.answer

    def test_laws_without_breaks(self):
        fits = fits_of(a=bs.PowerLaw(), b=bs.PowerLaw(irreducible=0.0), c=bs.ShiftedPowerLaw())
        found = said(fits, table_of(("a", "b", "c"), (9.0, 9.0), (1.0, 1.0)))
        assert "favour a over b and c;" in found.answer
        assert found.breaks is None
        assert "exponent" not in found.paragraph
        found = said(fits, table_of(("a", "b", "c"), (1.0, 1.0), (1.0, 1.0)))
        assert "do not tell a, b and c from one another" in found.answer

    def test_correlated_noise_prefers_the_future(self, fits, monkeypatch):
        monkeypatch.setattr(bs.LogNormal, "correlated", True, raising=False)
        found = said(fits)
        assert "each run given those before it" in found.paragraph
        assert any("leave-future-out" in caveat for caveat in found.caveats)


class TestNumbers:
    def test_paired_differences_by_cutoff(self, fits):
        found = said(fits, backtest=backtest_of(fits, CLEAR)).held_out
        first = found.loc[("power", 100.0)]
        assert first["log_score_diff"] == pytest.approx(-2.95)
        assert first["log_score_se"] == pytest.approx(np.std([-2.9, -3.0], ddof=1) / np.sqrt(2))
        ends = [-2.95, -2.95]
        assert found.loc[("power", "mean"), "log_score_diff"] == pytest.approx(np.mean(ends))
        assert found.loc[("power", "mean"), "log_score_se"] == pytest.approx(0)
        assert (found.loc["broken", "log_score_diff"] == 0).all()
        assert found.loc[("power", "mean"), "points"] == 4

    def test_table_has_a_row_for_each_law(self, fits):
        table = said(fits, backtest=backtest_of(fits, CLEAR)).table
        assert table.index.tolist() == ["broken", "power"]
        assert table.loc["power", "log_score_diff"] == pytest.approx(-2.95)
        assert table["p_no_break"].isna().tolist() == [False, True]
        assert table.loc["power", "diag_diff"] == "N < 100"

    def test_probability_of_practically_no_change(self, fits):
        fit = fits["broken"]
        (change,), before = fit.parameters["exponent_change"], fit.parameters["exponent"]
        larger = np.maximum(before, before + change)
        row = said(fits, rope=0.2).breaks.loc[("broken", 1)]
        assert row["p_zero"] == pytest.approx((np.abs(change) < 0.2 * larger).mean())
        (change,) = fit.law.prior_draws(fit.runs.references, 40_000, seed=3)["exponent_change"]
        assert 0.5 < row["p_zero_prior"] / said(fits).breaks.loc[("broken", 1), "p_zero_prior"] < 4

    def with_walk(self, fit, walk):
        """Return the fit with other draws of the quantity that carries the change's prior."""
        data = xr.Dataset({"exponent_walk": (("chain", "draw", "break"), walk[..., None])})
        tree = xr.DataTree.from_dict({"posterior": data})
        return dataclasses.replace(fit, tree=tree)

    def test_savage_dickey_is_the_ratio_of_densities_at_zero(self, fits):
        rng = np.random.default_rng(0)
        walk = rng.normal(0.3, 0.2, (4, 2000))
        fit = self.with_walk(invented_fit(bs.BrokenPowerLaw()), walk)
        found, note = evidence._bayes_factor(fit, 0)
        at_zero = [np.exp(-0.5 * (m / s) ** 2) / s for m, s in ((0.0, 0.8), (0.3, 0.2))]
        assert found == pytest.approx(at_zero[0] / at_zero[1], rel=0.15)
        assert note == ""

    @pytest.mark.parametrize(
        ("middle", "unknown", "words"),
        [(5.0, True, "no draw of"), (0.45, False, "an order of magnitude")],
    )
    def test_bayes_factor_out_of_reach(self, middle, unknown, words):
        walk = np.random.default_rng(0).normal(middle, 0.15, (4, 1000))
        fit = self.with_walk(invented_fit(bs.BrokenPowerLaw()), walk)
        found, note = evidence._bayes_factor(fit, 0)
        assert math.isnan(found) == unknown
        assert words in note

    def test_bayes_factor_needs_a_prior_about_zero(self):
        held = bs.BrokenPowerLaw(exponent_change=0.3)
        assert "held at a number" in evidence._bayes_factor(invented_fit(held), 0)[1]
        above = bs.BrokenPowerLaw(exponent_change=bs.Prior("HalfNormal", sigma=0.5))
        found, note = evidence._bayes_factor(invented_fit(above), 0)
        assert math.isnan(found)
        assert "no room about zero" in note

    def test_a_change_that_is_given_is_not_judged(self):
        fits = fits_of(power=bs.PowerLaw(), broken=bs.BrokenPowerLaw(exponent_change=0.3))
        found = said(fits)
        assert "the change at its break was given, not estimated" in found.paragraph

    def test_bend_is_break_detectability_over_the_noise(self, fits):
        fit = fits["broken"]
        end = fit.runs.references["x_end"]
        curve = fit.curve_draws({"x": np.array([end])})[..., 0]
        sigma = float(np.median(fit.noise["sigma"]))
        sigma *= float(np.median(curve / (curve - fit.parameters["irreducible"])))
        seen = bs.break_detectability(fit, end, sigma).interval()["median"][0]
        row = said(fits).breaks.loc[("broken", 1)]
        assert row["bend"] == pytest.approx(seen, rel=0.35)
        assert row["bend_lower"] < row["bend"] < row["bend_upper"]

    @pytest.mark.parametrize(
        ("bend", "least", "words"),
        [
            (0.5, 0.1, "its absence cannot be concluded"),
            (5.0, 0.4, "small breaks could have gone unseen"),
            (5.0, 2.0, "just large enough to count would by 2."),
        ],
    )
    def test_what_could_have_been_seen(self, bend, least, words):
        row = {"bend": bend, "bend_lower": 0.1, "bend_upper": 9.0, "bend_at_rope": least}
        assert words in break_words._bend_words(pd.Series(row))

    @pytest.mark.parametrize(
        ("prior", "runs", "words"),
        [
            (0.01, 0.2, "hardly leans on the priors"),
            (0.2, 0.01, "what the priors say"),
            (0.2, 0.2, "leans on the priors too"),
            (math.nan, math.nan, ""),
        ],
    )
    def test_what_the_change_leans_on(self, prior, runs, words):
        row = pd.Series({"prior_sensitivity": prior, "likelihood_sensitivity": runs})
        found = break_words._lean_words(row)
        assert words in found
        assert bool(words) == bool(found)


class TestUse:
    def test_compares_and_holds_out_by_itself(self, power_fit, broken_fit):
        fits = {"power": power_fit, "broken": broken_fit}
        found = bs.verdict(fits, holdout=4, cutoffs=2, progress=False)
        assert found.backtest.cutoffs == (364.0, 190.0)
        expected = bs.backtest(
            {name: fit.law for name, fit in fits.items()}, learning_curve("digits", "mlp"),
            y="error", x="examples", holdout=4, cutoffs=2, seed=power_fit.settings.seed,
            draws=power_fit.settings.draws, tune=power_fit.settings.tune, progress=False,
        )  # fmt: skip
        pd.testing.assert_frame_equal(found.backtest.points, expected.points)
        assert set(found.table.index) == set(fits)
        assert found.table["elpd_diff"].iloc[0] == 0

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"rope": 0}, "rope= must be a share"),
            ({"rope": 1.5}, "rope= must be a share"),
            ({"rope": "small"}, "rope= must be a share"),
            ({"prob": 90}, "between 0 and 1"),
        ],
    )
    def test_wrong_options(self, fits, options, message):
        with pytest.raises(bs.LawError, match=message):
            said(fits, **options)

    def test_wrong_evidence(self, fits):
        tested = backtest_of(fits, CLEAR)
        with pytest.raises(bs.LawError, match="not both"):
            said(fits, backtest=tested, holdout=4)
        with pytest.raises(bs.LawError, match="two or more fits"):
            bs.verdict({"one": fits["power"]})
        with pytest.raises(bs.LawError, match="The comparison is of a and b, the fits are power"):
            said(fits, table_of(("a", "b")))
        with pytest.raises(bs.LawError, match="has no law 'broken'; it has a, power"):
            said(fits, backtest=backtest_of(fits, {"a": [1.0, 1.0], "power": [1.0, 1.0]}))
        other = dataclasses.replace(tested, runs=tested.runs.iloc[1:])
        with pytest.raises(bs.DataError, match="not on the rows of the fits"):
            said(fits, backtest=other)
        mixed = {"a": fits["power"], "b": invented_fit(bs.PowerLaw(), bs.StudentT())}
        with pytest.raises(bs.LawError, match="different likelihoods"):
            said(mixed, table_of(("a", "b")), holdout=4)
