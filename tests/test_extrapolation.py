"""The extrapolation benchmark: its curves, its scores, and that its competitors are fitted well."""

import math
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.extrapolation import curves, gaussian_process, least_squares, running, tables, worst
from benchmarks.extrapolation.forms import FORMS
from benchmarks.extrapolation.scores import (
    Predictive,
    root_standard_log_error,
    scored,
    trend_bins,
    win_shares,
)

TOP = Path(__file__).parents[1]
TRUTH = {
    "M1": [0.1, 0.3],
    "M2": [-1.5, -0.8, math.log(0.4)],
    "M3": [0.2, -4.0, math.log(0.4)],
    "M4": [-1.2, -0.1, 0.2, math.log(0.6), math.log(0.8)],
    "one break": [-2.0, -0.5, 0.1, 0.4, 0.3, math.log(0.5)],
}


def simulated(form, noise, rows=60, ahead=12, n_obs=1):
    """A curve of a form from x = 10 on: its record, and the exact curve at the test points."""
    rng = np.random.default_rng(3)
    x = np.geomspace(10, 1e4, rows)
    centre = np.log(x).mean()
    beyond = np.geomspace(1.2e4, 4e4, ahead)

    def value(at):
        return FORMS[form](np.array([TRUTH[form]]), np.log(at) - centre)[0][0]

    scatter = noise / np.sqrt(n_obs) * rng.standard_normal(rows)
    train = pd.DataFrame({"x": x, "y": np.exp(value(x) + scatter), "n_obs": n_obs})
    test = np.exp(value(beyond) + noise * rng.standard_normal(ahead))
    test = pd.DataFrame({"x": beyond, "y": test})
    return curves.Curve("made", "made", form, train, test, 1.0, train), value(beyond)


# Curves -------------------------------------------------------------------------------------------


def test_equal_x_are_merged_and_copies_count_once():
    rows = pd.DataFrame({"x": [2.0, 1.0, 2.0, 2.0], "y": [3.0, 9.0, 5.0, 5.0]})
    expected = pd.DataFrame({"x": [1.0, 2.0], "y": [9.0, 4.0], "n_obs": [1, 2]})
    pd.testing.assert_frame_equal(curves.merged(rows), expected)


def test_bins_keep_the_number_of_runs_and_their_mean():
    x = np.linspace(1, 1000, 5000)
    rows = pd.DataFrame({"x": x, "y": 1 / x, "n_obs": 2})
    found = curves.binned(rows, 40)
    assert len(found) <= 40
    assert found["n_obs"].sum() == 10_000
    assert np.average(found["y"], weights=found["n_obs"]) == pytest.approx(rows["y"].mean())
    assert found["n_obs"].iloc[-1] > found["n_obs"].iloc[0]
    assert found["x"].is_monotonic_increasing


def test_thinned_keeps_both_ends():
    rows = pd.DataFrame({"x": np.arange(1.0, 201.0), "y": 1.0})
    found = curves.thinned(rows, 60)
    assert len(found) == 60
    assert found["x"].iloc[[0, -1]].tolist() == [1.0, 200.0]


def test_a_record_is_divided_by_what_is_fitted_only():
    train = pd.DataFrame({"x": [1.0, 2.0], "y": [4.0, 2.0]})
    test = pd.DataFrame({"x": [4.0, 3.0], "y": [8.0, 1.0]})
    found = curves.record(("s", "f", "n"), train, test, scaled=True)
    assert found.unit == 4.0
    assert found.train["y"].tolist() == [1.0, 0.5]
    assert found.test["x"].tolist() == [3.0, 4.0]
    assert found.test["y"].tolist() == [0.25, 2.0]


@pytest.mark.published
def test_every_set_has_its_curves(published):
    found = curves.read(published)
    counts = pd.Series([curve.set for curve in found]).value_counts()
    assert counts.to_dict() == {
        "vision": 54, "language": 16, "nano": 12, "double_descent": 13, "addition": 1,
        "lcdb": 28, "drug": 12, "pretraining": 25, "schedule": 3,
    }  # fmt: skip
    assert len({curve.key for curve in found}) == len(found)
    for curve in found:
        assert curve.train["x"].is_unique
        assert curve.train["x"].is_monotonic_increasing
        assert curve.test["x"].is_monotonic_increasing
        assert curve.train["x"].max() < curve.test["x"].min() * 1.001, curve.key
        assert (curve.train["y"] > 0).all()
        assert (curve.test["y"] > 0).all()
        assert len(curve.train) <= curves.TRAIN_ROWS
        assert len(curve.test) >= 1
    by_set = {name: [c for c in found if c.set == name] for name in counts.index}
    assert {c.family for c in by_set["vision"]} == {"c", "bird", "cal", "inet"}
    assert all(len(c.train) == 6 for c in by_set["nano"])
    assert all(c.train["y"].max() == 1 for c in by_set["double_descent"])
    assert all((c.train["n_obs"] >= 19).all() for c in by_set["drug"])


# Scores -------------------------------------------------------------------------------------------


def test_scores_of_a_lognormal_forecast_are_those_computed_by_hand():
    grid = (np.arange(20_000) + 0.5) / 20_000
    draws = np.exp(0.2 * stats.norm.ppf(grid))[:, None] * np.array([1.0, 2.0, 4.0])
    error = np.array([0.05, -0.25, 0.5])  # log truth minus log median
    y = np.array([1.0, 2.0, 4.0]) * np.exp(error)
    density = stats.norm.logpdf(error, 0, 0.2) - np.log(y)
    found = scored(Predictive(draws, density), np.array([1.0, 10.0, 100.0]), y)
    assert found["rmsle"] == pytest.approx(math.sqrt((0.05**2 + 0.25**2 + 0.5**2) / 3), abs=1e-4)
    assert found["bias"] == pytest.approx(-0.1, abs=1e-4)
    assert found["log_score"] == pytest.approx(density.mean())
    # 50 %: 0.135, 80 %: 0.256, 90 %: 0.329, 95 %: 0.392, 99 %: 0.515.
    inside = [1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1.0]
    levels = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    assert [found[f"coverage_{100 * level:g}"] for level in levels] == pytest.approx(inside)
    msce = np.mean([(a - b) ** 2 for a, b in zip(inside, levels, strict=True)])
    assert found["msce"] == pytest.approx(msce)
    width = 2 * 0.2 * stats.norm.ppf(0.95)
    assert found["width"] == pytest.approx(width, abs=1e-4)
    interval = width + 20 * (0.5 - width / 2) / 3
    assert found["interval_score"] == pytest.approx(interval, abs=1e-3)
    z = error / 0.2
    crps = 0.2 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi))
    assert found["crps"] == pytest.approx(crps.mean(), abs=1e-4)


def test_densities_of_draws_are_averaged_and_clipped_on_request():
    y, draws = np.array([1.0, 1.0]), np.ones((2, 2))
    density = np.array([[np.log(1.0), -1e4], [np.log(3.0), -1e4]])
    found = scored(Predictive(draws, density), np.array([1.0, 2.0]), y)
    assert found["log_score"] == pytest.approx((np.log(2.0) - 1e4) / 2)
    assert found["log_score_clipped"] == pytest.approx((np.log(2.0) - 20) / 2)


def test_the_trend_is_means_over_bins_of_six_percent():
    x = np.array([100.0, 105.0, 107.0, 112.0, 120.0])
    assert trend_bins(x).tolist() == [0, 0, 1, 1, 2]
    assert trend_bins(x[::-1]).tolist() == [2, 1, 1, 0, 0]
    draws = np.exp(0.1 * stats.norm.ppf((np.arange(2000) + 0.5) / 2000))[:, None] * np.ones(4)
    y = np.exp([0.5, -0.5, 0.3, 0.3])  # two outside whose mean is inside; two outside alike
    made = Predictive(draws, np.zeros(4))
    found = scored(made, np.array([100.0, 101.0, 200.0, 201.0]), y)
    assert found["coverage_95"] == 0.0
    assert found["trend_95"] == 0.5


def test_draws_that_are_not_finite_are_refused():
    made = Predictive(np.array([[1.0], [np.nan]]), np.zeros(1))
    with pytest.raises(ValueError, match="1 draws are not finite"):
        scored(made, np.ones(1), np.ones(1))


def test_root_standard_log_error():
    assert root_standard_log_error(np.array([0.1, 0.3])) == pytest.approx(
        math.sqrt(0.05 + 0.04 / math.sqrt(2)) - math.sqrt(0.05)
    )


def test_win_shares_cut_after_three_decimals_and_share_ties():
    errors = pd.DataFrame({"a": [0.0109, 0.5, np.nan], "b": [0.0101, 0.4, 0.9], "c": [0.02, 2, 3]})
    assert win_shares(errors).to_dict() == pytest.approx({"a": 0.5 / 3, "b": 2.5 / 3, "c": 0.0})


# Competitors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_derivatives_of_a_form_are_those_of_differences(form):
    t, law = np.linspace(-3, 3, 9), FORMS[form]
    points = np.array([TRUTH[form]]) + 0.1 * np.random.default_rng(0).standard_normal(
        (3, len(TRUTH[form]))
    )
    _, slopes = law(points, t)
    for place in range(points.shape[1]):
        step = 1e-6 * np.eye(points.shape[1])[place]
        expected = (law(points + step, t)[0] - law(points - step, t)[0]) / 2e-6
        np.testing.assert_allclose(slopes[..., place], expected, atol=1e-7)


def test_m4_solves_its_equation():
    t = np.linspace(-4, 4, 30)
    floor, gap, k, c, a = TRUTH["M4"]
    y = np.exp(FORMS["M4"](np.array([TRUTH["M4"]]), t)[0][0])
    low, top = math.exp(floor), math.exp(floor) + math.exp(gap)
    share = (y - low) / (top - low)
    left = np.log(share) - math.exp(a) * np.log(1 - share)
    np.testing.assert_allclose(left, k - math.exp(c) * t, atol=1e-7)


@pytest.mark.parametrize("form", FORMS)
def test_least_squares_finds_the_truth_without_noise(form):
    curve, exact = simulated(form, 0.0)
    found = least_squares.best(form, curve, np.random.default_rng(0))
    np.testing.assert_allclose(
        FORMS[form](found[None], least_squares.ahead(curve))[0][0], exact, atol=2e-3
    )


@pytest.mark.parametrize("form", FORMS)
def test_least_squares_forecasts_its_own_form(form):
    curve, exact = simulated(form, 0.01)
    made = least_squares.forecast(form, curve, np.random.default_rng(0))
    np.testing.assert_allclose(np.log(np.median(made.draws, axis=0)), exact, atol=0.05)
    found = scored(made, *(curve.test[name].to_numpy() for name in ("x", "y")))
    assert found["coverage_95"] >= 0.75
    assert found["log_score"] > 2.0


def test_means_of_many_runs_forecast_the_noise_of_one():
    curve, _ = simulated("M2", 0.05, n_obs=25)
    made = least_squares.forecast("M2", curve, np.random.default_rng(0))
    assert np.log(made.draws).std(axis=0).mean() == pytest.approx(0.05, rel=0.4)
    made = gaussian_process.forecast(curve, np.random.default_rng(0))
    assert np.log(made.draws).std(axis=0).mean() == pytest.approx(0.05, rel=0.6)


def test_the_gaussian_process_follows_a_power_law():
    curve, exact = simulated("M1", 0.01)
    made = gaussian_process.forecast(curve, np.random.default_rng(0))
    np.testing.assert_allclose(np.log(np.median(made.draws, axis=0)), exact, atol=0.05)


# Running, tables, reasons -------------------------------------------------------------------------


def test_a_stopped_run_goes_on_from_its_records(tmp_path, monkeypatch, capsys):
    curve, _ = simulated("M1", 0.01)
    calls = []

    def fake(some):
        calls.append(some.key)
        if len(calls) == 1:
            raise ValueError("once")
        y = some.test["y"].to_numpy()
        return {"one": Predictive(np.ones((10, len(y))), np.zeros(len(y)))}

    monkeypatch.setitem(running.GROUPS, "fake", running.Group(fake, {}))
    for _ in range(3):
        [(_, _, done)] = running.run(["fake"], [curve], tmp_path)
    assert calls == [curve.key] * 2  # the failure was tried again, the record read
    assert done.rows[0]["method"] == "one"
    assert done.quantiles["one"].shape == (len(running.KEPT), len(curve.test))
    assert "ValueError: once" in capsys.readouterr().out
    monkeypatch.setitem(running.GROUPS, "fake", running.Group(fake, {"starts": 2}))
    list(running.run(["fake"], [curve], tmp_path))
    assert len(calls) == 3


def test_new_rows_replace_those_of_the_same_group_and_curve(tmp_path):
    common = {"set": "nano", "family": "nano", "failure": "", "seconds": 1.0, "crps": 0.1}
    old = [
        {**common, "group": "a", "method": "LS M1", "curve": "1", "rmsle": 0.3},
        {**common, "group": "a", "method": "LS M1", "curve": "2", "rmsle": 0.3},
        {**common, "group": "b", "method": "GP", "curve": "1", "rmsle": 0.2},
        {**common, "group": "b", "method": "GP", "curve": "2", "rmsle": 0.4},
    ]
    tables.joined(tmp_path / "t.csv", old).to_csv(tmp_path / "t.csv", index=False)
    table = tables.joined(tmp_path / "t.csv", [{**old[1], "rmsle": 0.1}])
    assert table.groupby("method")["rmsle"].apply(list).to_dict() == {
        "GP": [0.2, 0.4],
        "LS M1": [0.3, 0.1],
    }
    summary = tables.summarized(table).set_index(["set", "family", "method"])
    assert summary.loc[("published", "all", "LS M1"), "rmsle"] == pytest.approx(0.2)
    assert summary.loc[("nano", "nano", "LS M1"), "wins"] == 0.5


def test_noise_is_about_chords_or_between_runs_of_equal_x():
    rng = np.random.default_rng(0)
    x = np.geomspace(1, 100, 400)
    assert worst.noise(x, x**-0.5) == pytest.approx(0, abs=1e-12)
    scatter = np.exp(0.05 * rng.standard_normal(400))
    assert worst.noise(x, x**-0.5 * scatter) == pytest.approx(0.05, rel=0.15)
    x = np.repeat([1.0, 2.0, 4.0, 8.0], 100)
    assert worst.noise(x, x**-0.5 * scatter) == pytest.approx(0.05, rel=0.1)


def test_reasons_name_the_bend_and_the_noise():
    x = np.geomspace(1, 100, 40)
    rng = np.random.default_rng(0)
    train = pd.DataFrame(
        {"x": x, "y": x**-0.5 * np.exp(0.002 * rng.standard_normal(40)), "n_obs": 1}
    )
    beyond = np.geomspace(105, 400, 50)
    y = 0.1 * np.exp(0.02 * rng.standard_normal(50))
    test = pd.DataFrame({"x": beyond, "y": y})
    curve = curves.Curve("s", "f", "n", train, test, 1.0, train)
    scores = {"coverage_90": 0.1, "width": 0.02, "bias": -0.3, "rmsle": 0.31}
    said = worst.reason(curve, pd.Series(scores))
    assert "flattens after the last training row: local exponent 0.50 there, 0.0" in said
    assert "times as much as training rows" in said
    assert "0.02 wide in log y, holds 10% of the runs" in said
    assert "predicted 26% too low" in said


def test_the_extrapolation_page_is_written_from_the_results():
    found = runpy.run_path(str(TOP / "docs" / "extrapolation.py"))
    assert (TOP / "docs" / "extrapolation.md").read_text() == found["page"]()
