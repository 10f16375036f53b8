"""Approaches 1 and 2: minima of budgets, the power law through them, and what is not bracketed."""

import numpy as np
import pandas as pd
import pytest
from sweeps_known import hoffmann

import bayescale as bs
from bayescale.planning import outlying
from bayescale.planning.parabolas import valleys
from bayescale.planning.power_lines import power_through

A = 0.28 / (0.34 + 0.28)


def sweep(budgets=(1e19, 3e19, 1e20, 3e20, 1e21), sizes=9, reach=2.0, noise=0.0, seed=0, aside=0.0):
    """Runs of several sizes about the best one of each budget."""
    best = bs.frontier(hoffmann(), budgets).draws["params"][0, 0]
    n = np.exp(np.log(best)[:, None] + np.linspace(-reach, reach, sizes) + aside).ravel()
    c = np.repeat(budgets, sizes)
    loss = hoffmann().evaluate(params=n, tokens=c / (6 * n))
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return pd.DataFrame({"flops": c, "size": n, "loss": loss * scatter})


def found_in(runs, **options):
    return bs.isoflop(runs, y="loss", params="size", compute="flops", **options)


@pytest.mark.parametrize("aside", [0.0, 1.0])
def test_without_noise_the_minima_are_the_law_s(aside):
    found = found_in(sweep(aside=aside))
    true = bs.frontier(hoffmann(), found.budgets)
    for name, known in (("params", "params"), ("tokens", "tokens"), ("loss", "y")):
        middle = found.interval(of=name)["median"].to_numpy()
        assert middle == pytest.approx(true.draws[known][0, 0], rel=2e-2)
    assert found.power_law()["median"][0] == pytest.approx(A, abs=4e-3)
    assert found.used.all()
    assert found.doubts == ()


def test_parabolas_place_the_minimum_too_high():
    true = bs.frontier(hoffmann(), sorted(set(sweep()["flops"]))).draws["params"][0, 0]
    off = {}
    for asymmetric in (True, False):
        found = found_in(sweep(reach=2.5), asymmetric=asymmetric)
        off[asymmetric] = np.log(found.interval()["median"].to_numpy() / true)
    assert (off[False] > 0.03).all()
    assert np.abs(off[True]).max() < 0.01


def test_intervals_hold_the_truth():
    inside, widths = [], []
    for seed in range(60):
        found = found_in(sweep(noise=0.003, seed=seed), draws=1000, seed=seed)
        low, high = found.power_law(0.8).loc[0, ["lower", "upper"]]
        inside.append(low < A < high)
        widths.append(high - low)
    assert 0.68 < np.mean(inside) <= 1
    assert np.median(widths) < 0.1


def test_more_noise_widens_a():
    widths = []
    for noise in (0.001, 0.01):
        table = found_in(sweep(noise=noise)).power_law(0.9)
        widths.append(table["upper"][0] - table["lower"][0])
    assert widths[1] > 3 * widths[0]


def test_a_run_far_from_its_valley_is_named():
    runs = sweep(noise=0.002)
    assert not any("standard deviations" in words for words in found_in(runs).doubts)
    runs.loc[13, "loss"] *= 1.03
    found = found_in(runs)
    (words,) = [w for w in found.doubts if "standard deviations" in w]
    assert f"{runs.loc[13, 'size']:.3g} at {runs.loc[13, 'flops']:.3g} FLOP (+" in words
    named = found.runs[found.runs["p_wrong"] > 0.5]
    assert named["params"].tolist() == pytest.approx([runs.loc[13, "size"]])
    assert "gone wrong" in repr(found)


@pytest.mark.parametrize(("row", "times"), [(0, 1.03), (13, 0.97), (26, 1.3), (40, 0.7)])
def test_a_run_that_went_wrong_moves_no_minimum(row, times, monkeypatch):
    runs = sweep(noise=0.002)
    clean = found_in(runs).interval()
    width = np.log(clean["upper"] / clean["lower"])
    runs.loc[row, "loss"] *= times

    def compared():
        table = found_in(runs).interval()
        moved = np.abs(np.log(table["median"] / clean["median"])) / width
        return moved.max(), (np.log(table["upper"] / table["lower"]) / width).max()

    moved, wider = compared()
    assert moved < 0.25
    assert wider < 1.3
    monkeypatch.setattr(outlying, "PRIOR", 1e-300)  # and would, were all noise alike
    moved, wider = compared()
    assert moved > 0.5 or wider > 2


def test_sets_of_runs_that_went_wrong_are_weighed_as_all_sets_would_be():
    rng = np.random.default_rng(1)
    far = rng.standard_normal(10)
    far[[2, 7]] = 5.5, 4.2

    def log_marginal(members):
        weight = outlying.weights(members, 10)
        return float(0.5 * np.log(weight).sum() - 0.5 * weight @ far**2)

    best = outlying.best_set(10, log_marginal)
    sets = outlying.likely_sets(10, log_marginal, best)
    every = [frozenset(np.flatnonzero(np.array(m))) for m in np.ndindex(*[2] * 10)]
    values = np.array([log_marginal(one) + outlying.log_prior(one, 10) for one in every])
    share = np.exp(values - values.max())
    share /= share.sum()
    assert best == every[share.argmax()]
    assert sum(s for one, s in zip(every, share, strict=True) if one in sets) > 0.97


def test_a_budget_whose_minimum_is_not_bracketed_is_said_and_left_out():
    runs = sweep(noise=0.001)
    best = bs.frontier(hoffmann(), 1e21).draws["params"][0, 0, 0]
    cut = runs[(runs["flops"] < 1e21) | (runs["size"] < 0.8 * best)]
    found = found_in(cut)
    assert found.used.tolist() == [True] * 4 + [False]
    (words,) = found.doubts
    assert "At 1e+21 FLOP the minimum is not bracketed: the largest size is the best one" in words
    assert found.power_law()["median"][0] == pytest.approx(A, abs=0.03)
    assert found.interval()["used"].tolist() == found.used.tolist()


def test_minima_beyond_all_numbers_are_no_warning_of_numpy_s():
    found = found_in(sweep(noise=0.05, seed=2), asymmetric=False)
    assert (found.p_bracketed < 0.9).any()
    assert "is not bracketed" in " ".join(found.doubts)


def test_budgets_that_fail_alike_are_said_in_one_sentence():
    falling = sweep(noise=0.001)
    falling["loss"] = 1 + falling["size"] ** -0.1
    with pytest.raises(bs.DataError, match="0 of 5 budgets") as caught:
        found_in(falling)
    assert str(caught.value).count("is not bracketed: the largest size is the best one") == 1


def test_budgets_with_few_sizes_are_left_out():
    runs = pd.concat(
        [sweep(), pd.DataFrame({"flops": 1e22, "size": [1e9, 2e9], "loss": [2.2, 2.1]})]
    )
    found = found_in(runs)
    assert "1 budgets have fewer than 3 sizes and are left out: 1e+22" in found.doubts[0]
    assert len(found.budgets) == 5


def test_budgets_that_are_nearly_equal_are_one():
    runs = sweep()
    runs["flops"] *= np.exp(np.random.default_rng(0).uniform(-0.02, 0.02, len(runs)))
    assert len(found_in(runs).budgets) == 5


def test_forecast_beyond_the_budgets():
    found = found_in(sweep(noise=0.002))
    table = found.forecast([1e20, 1e23], prob=0.8)
    true = bs.frontier(hoffmann(), [1e20, 1e23]).draws["params"][0, 0]
    assert (table["params_lower"] < true).all()
    assert (true < table["params_upper"]).all()
    assert table["extrapolation"].tolist() == pytest.approx([0.1, 100])
    assert "N* = (C/C0)^a" in repr(found)
    assert "Approach 2" in found._repr_html_()


def test_curves_of_sizes_are_read_at_budgets():
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 3e9, 9), np.geomspace(3e8, 3e11, 40)))
    runs = pd.DataFrame({"size": n, "d": d, "loss": hoffmann().evaluate(params=n, tokens=d)})
    columns = {"y": "loss", "params": "size", "tokens": "d"}
    found = bs.isoflop(runs, budgets=[3e19, 1e20, 3e20], **columns)
    assert found.power_law()["median"][0] == pytest.approx(A, abs=0.02)
    assert len(bs.isoflop(runs, budgets=5, **columns).budgets) == 5
    with pytest.raises(bs.DataError, match="do not fall into budgets"):
        bs.isoflop(runs, **columns)


def test_plot():
    found = found_in(sweep(noise=0.002))
    ax = bs.plot_isoflop(found)
    assert ax.get_title().startswith(r"$N^* \sim C^{0.4")
    assert len(ax.get_legend_handles_labels()[1]) == 5


class TestEnvelope:
    def runs(self, sizes=24):
        n, d = np.meshgrid(np.geomspace(1e7, 1e10, sizes), np.geomspace(1e8, 1e12, 60))
        n, d = n.ravel(), d.ravel()
        return pd.DataFrame({"n": n, "d": d, "loss": hoffmann().evaluate(params=n, tokens=d)})

    def test_slope(self):
        found = bs.envelope(self.runs(), y="loss", params="n", tokens="d")
        row = found.power_law(0.9).iloc[0]
        assert row["lower"] < A < row["upper"]
        assert row["median"] == pytest.approx(A, abs=0.04)
        assert "bootstrap" in found.approach
        with pytest.raises(bs.LawError, match="no curves"):
            bs.plot_isoflop(found)

    @pytest.mark.parametrize("sizes", [7, 12])
    def test_a_budget_that_few_resamples_bracket_is_told(self, sizes):
        found = bs.envelope(self.runs(sizes), y="loss", params="n", tokens="d", draws=20)
        there = np.isfinite(found.draws["params"]).mean(axis=0)
        assert found.p_bracketed == pytest.approx(there)
        assert (np.isfinite(found.draws["loss"]) == np.isfinite(found.draws["params"])).all()
        lost = found.interval()["median"].isna() | found.interval(of="loss")["median"].isna()
        assert not lost[found.used].any()
        assert lost.any() <= any("in most resamples" in words for words in found.doubts)

    def test_too_few_sizes(self):
        with pytest.raises(bs.DataError, match="Fewer than three sizes"):
            bs.envelope(self.runs(sizes=3), y="loss", params="n", tokens="d")

    def test_single_runs(self):
        with pytest.raises(bs.DataError, match="No budget is crossed"):
            bs.envelope(sweep(), y="loss", params="size", compute="flops")


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"compute": None}, bs.LawError, "compute= names the column"),
            ({"compute": "flop"}, bs.DataError, "no column 'flop'.*'flops'"),
            ({"y": "los"}, bs.DataError, "no column 'los'.*'loss'"),
            ({"budgets": 1}, bs.LawError, "budgets= must be 2 or more"),
            ({"budgets": [1e19, -1]}, bs.DataError, "positive finite"),
        ],
    )
    def test_options(self, options, error, words):
        given = {"y": "loss", "params": "size", "compute": "flops"} | options
        with pytest.raises(error, match=words):
            bs.isoflop(sweep(), **given)

    def test_values(self):
        runs = sweep()
        runs.loc[3, "loss"] = -1
        with pytest.raises(bs.DataError, match="'loss' must be positive.*got -1 in row 3"):
            found_in(runs)
        words = sweep().assign(size="large")
        with pytest.raises(bs.DataError, match="must hold numbers"):
            found_in(words)

    def test_one_budget(self):
        with pytest.raises(bs.DataError, match="needs 2 such budgets"):
            found_in(sweep(budgets=[1e20]))

    def test_questions(self):
        found = found_in(sweep())
        with pytest.raises(bs.LawError, match="params, tokens, loss"):
            found.interval(of="size")
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            found.power_law(2)


def test_posterior_of_one_budget_is_the_regression_s():
    """With bends of one size that do not fall, it is ordinary least squares with flat priors."""
    rng = np.random.default_rng(0)
    u = [np.linspace(-1, 1, 12)] * 2
    z = [0.7 + 0.02 * x + 0.05 * x**2 + 0.001 * rng.standard_normal(12) for x in u]
    found = valleys(np.zeros(2), u, z, 20_000, 0, asymmetric=False)
    for k in range(2):
        fit, cover = np.polyfit(u[k] - found.centre[k], z[k], 2, cov=True)
        assert found.slope[:, k].mean() == pytest.approx(fit[1], abs=2e-4)
        assert found.slope[:, k].std() == pytest.approx(cover[1, 1] ** 0.5, rel=0.25)


def test_power_law_through_sharp_minima_is_least_squares():
    x = np.array([-2.0, -1, 0, 1, 2])
    size = 10 + 0.5 * x + np.array([0.05, -0.1, 0.02, 0.08, -0.05])
    draws = size + 1e-4 * np.random.default_rng(0).standard_normal((2000, 5))
    level, power, scatter = power_through(x, draws, 20_000, 0, 0.2)
    slope, middle = np.polyfit(x, size, 1)
    assert power.mean() == pytest.approx(slope, abs=2e-3)
    assert level.mean() == pytest.approx(middle, abs=2e-3)
    assert 0.05 < np.median(scatter) < 0.15
