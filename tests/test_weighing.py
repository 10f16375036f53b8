"""Modes whose masses are known: found, weighed, told apart."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayescale as bs
from bayescale import (
    diagnostics,
    mixing,
    model,
    modes,
    proposals,
    sample,
    starts,
    weighing,
    windows,
)
from bayescale.diagnostics import shares_of_modes


def two_bells(size, share=0.3, centre=1.0, narrow=0.2, wide=0.35):
    """Log density and gradient of two normals, the lighter one narrower; together they hold 1."""
    parts = [(1 - share, -centre, wide), (share, centre, narrow)]

    def density(point):
        logs = [
            np.log(w)
            - size * np.log(sd * np.sqrt(2 * np.pi))
            - 0.5 * (((point - c) / sd) ** 2).sum()
            for w, c, sd in parts
        ]
        chance = np.exp(np.array(logs) - max(logs))
        slopes = np.array([(c - point) / sd**2 for _, c, sd in parts])
        gradient = (chance[:, None] * slopes).sum(0) / chance.sum()
        return max(logs) + np.log(chance.sum()), gradient

    return density


def banana(point):
    """Log density of a long bent ridge: no mode apart, though it has two bumps."""
    x, rest = point[0], point[1:]
    bumps = np.logaddexp(-0.5 * ((x - 0.8) / 0.7) ** 2, -0.5 * ((x + 0.8) / 0.7) ** 2)
    return bumps - 0.5 * (((rest - x**2 + 1) / 0.2) ** 2).sum()


@pytest.mark.parametrize("size", [2, 6, 10])
def test_masses_of_two_modes_are_found_from_draws_in_any_proportion(size):
    bells = two_bells(size)
    rng = np.random.default_rng(3)
    known = rng.normal(1.0, 0.2, (900, size)), rng.normal(-1.0, 0.35, (300, size))
    found = weighing.weighed(lambda point: bells(point)[0], np.concatenate(known), rng)
    assert found.trusted
    assert found.log_mass == pytest.approx(0.0, abs=0.1)
    draws, log_p = weighing.dealt(found, 4, 1000, rng)
    worst, enough = mixing.judged(draws)
    assert enough
    assert worst < 1.01
    mode = modes.modes_of(draws, log_p, lambda point: bells(point)[0])
    (share, error), (other, _) = shares_of_modes(mode)
    assert share + other == pytest.approx(1.0)
    assert error < 0.02
    assert share == pytest.approx(0.7, abs=4 * error)


def test_a_bent_ridge_is_found_whole_from_one_arm_of_it_and_is_one_mode():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0.8, 0.7, 2000), rng.normal(-0.8, 0.7, 2000)])
    exact = np.column_stack([x, x**2 - 1 + 0.2 * rng.standard_normal(4000)])
    found = weighing.weighed(banana, exact[x > 0.7], rng)
    assert found.trusted
    draws, log_p = weighing.dealt(found, 4, 1000, rng)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    for i in range(2):
        ours, theirs = (np.quantile(d[..., i], levels) for d in (draws, exact))
        np.testing.assert_allclose(ours, theirs, atol=0.25 * exact[:, i].std())
    assert not modes.modes_of(draws, log_p, banana).any()


def test_a_density_that_is_nowhere_finite_has_no_draws():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((200, 2))
    assert weighing.weighed(lambda point: -np.inf, draws, rng) is None
    assert weighing.weighed(lambda point: np.nan, draws, rng) is None


def test_same_seed_same_draws():
    bells = two_bells(2)
    draws = np.random.default_rng(0).standard_normal((500, 2))
    a, b, c = (
        weighing.weighed(lambda point: bells(point)[0], draws, np.random.default_rng(seed)).points
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    assert a.shape != c.shape or np.any(a != c)


class TestAgreement:
    """Chains of NUTS against importance sampling: each may be wrong, and each finds the other."""

    bells = staticmethod(two_bells(3, share=0.3))
    stats = xr.Dataset({"lp": (("chain", "draw"), np.zeros((4, 500)))})

    def weighed(self, draws, seed=1):
        elsewhere = np.random.default_rng(5).normal(1.0, 0.3, (300, 3))
        return mixing.weighed(lambda z: self.bells(z)[0], elsewhere, draws, self.stats, seed)

    def test_draws_of_both_by_their_mass_stay_as_they_are(self):
        rng = np.random.default_rng(2)
        light = rng.random((4, 500, 1)) < 0.3
        normal = rng.standard_normal((4, 500, 3))
        draws = np.where(light, 1.0 + 0.2 * normal, -1.0 + 0.35 * normal)
        kept, stats = self.weighed(draws)
        assert kept is draws
        assert stats.attrs == {}

    def test_chains_that_agree_and_never_saw_a_mode_are_replaced(self):
        draws = np.random.default_rng(2).normal(-1.0, 0.35, (4, 500, 3))
        assert mixing.judged(draws)[0] < 1.01
        others, stats = self.weighed(draws)
        assert stats.attrs["weighed"] == 1
        assert (others[..., 0] > 0).mean() == pytest.approx(0.3, abs=0.05)
        assert stats["mode"].to_numpy().max() == 1

    def test_what_cannot_be_weighed_is_said(self, monkeypatch):
        draws = np.random.default_rng(2).normal(-1.0, 0.35, (4, 500, 3))
        weighed = weighing.weighed

        def hopeless(*given):
            return replace(weighed(*given), pareto_k=0.9)

        monkeypatch.setattr(weighing, "weighed", hopeless)
        kept, stats = self.weighed(draws)
        assert kept is draws
        assert stats.attrs == {"unweighed": 1}
        stats = stats.assign(diverging=(("chain", "draw"), np.zeros((4, 500), bool)))
        told = diagnostics.diagnose({"x": draws[..., 0]}, stats, {}, None, free_breaks=True)
        assert told.unweighed
        assert any("could not be checked" in words for words in told.advice)


def ridge(point, numbers, columns):
    """Log density of a bent ridge with two arms and next to nothing between them."""
    import pymc as pm

    x, rest = point["x"], point["rest"]
    arms = -0.5 * ((pm.math.abs(x) - numbers["arm"]) / 0.3) ** 2
    return arms - 0.5 * sum(((rest[i] - x**2 + 2) / columns["width"][0]) ** 2 for i in range(3))


def test_a_bent_ridge_is_found_whole_though_all_chains_start_in_one_arm(monkeypatch):
    sizes, width = {"x": None, "rest": 3}, np.array([0.1])
    density = model.Density(sizes, {"arm": 1.5}, {"width": width}, ridge, apart=("x",))
    assert density.places == (0,)
    arm = starts.Mode(np.array([1.5, 0.25, 0.25, 0.25]), 0.1 * np.eye(4), 0.0)
    monkeypatch.setattr(starts, "modes", lambda *given: [arm])
    settings = sample.Sampling(draws=500, tune=300, seed=1)
    plain, _ = sample.run("ridge", density, replace(settings, retry=False))
    assert (plain[..., 0] > 0).all()
    draws, stats = sample.run("ridge", density, settings)
    assert stats.attrs["weighed"] == 1
    assert (draws[..., 0] > 0).mean() == pytest.approx(0.5, abs=0.08)
    assert mixing.judged(draws)[0] < 1.01
    (share, error), (other, _) = shares_of_modes(stats["mode"].to_numpy())
    assert share == pytest.approx(0.5, abs=4 * error)
    assert share + other == pytest.approx(1.0)


def test_windows_lie_all_over_the_places_and_hold_nothing_else():
    made = windows.windows(4, (1, 2), seed=3)
    middles = np.array([window.middle for window in made])
    assert len(made) == 16
    assert not middles[:, [0, 3]].any()
    assert (np.abs(np.median(middles[:, 1:3], axis=0)) < 0.5).all()
    assert (np.ptp(middles[:, 1:3], axis=0) > 2.5).all()
    assert made[0].precision.tolist() == [0.0, 4.0, 4.0, 0.0]
    assert made[0].start(1)[1] == made[0].middle[1]
    assert len(windows.windows(4, (1,), seed=3)) == 8


class TestProposal:
    draws = np.random.default_rng(1).standard_normal((1500, 3)) * [1.0, 0.1, 3.0] + 2.0

    def test_its_density_is_that_of_its_draws(self):
        """The mean of another density over its own is one."""
        rng = np.random.default_rng(2)
        mixture = proposals.following(self.draws, rng)
        points = mixture.draw(rng, 40_000)
        away = (points - 2.0) / [1.0, 0.1, 3.0]
        other = -0.5 * (away**2).sum(1) - 1.5 * np.log(2 * np.pi) - np.log(0.3)
        ratio = np.exp(other - mixture.log_density(points))
        assert ratio.mean() == pytest.approx(1.0, abs=0.02)
        assert ratio.max() < 10

    def test_few_equal_draws_are_no_failure(self):
        mixture = proposals.following(np.zeros((5, 4)), np.random.default_rng(0))
        assert np.isfinite(mixture.log_density(np.zeros((2, 4)))).all()


#: One break, which may lie anywhere: its place, the level and the exponent are to be found.
ONE_BREAK = bs.BrokenPowerLaw(
    irreducible=0.0, exponent_change=1.0, break_sharpness=6.0, placement="free"
)
SETTINGS = {"likelihood": bs.LogNormal(sigma=0.3), "progress": False, "seed": 1}


@pytest.fixture(scope="module")
def found():
    """A fit to two bends, and what the sampler knew: density and coordinates."""
    t = np.linspace(-4.6, 4.6, 28)
    bends = sum(np.logaddexp(0, 6 * (t - at)) / 6 for at in (-3.0, 3.0))
    runs = pd.DataFrame({"x": np.exp(t), "loss": np.exp(-0.5 * t - bends)})
    seen = {}
    weighed = mixing.weighed

    def watching(*given):
        made = weighed(*given)
        seen.update(density=given[0], draws=made[0], stats=made[1])
        return made

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", bs.SamplingWarning)
        patch.setattr(mixing, "weighed", watching)
        fit = ONE_BREAK.fit(runs, y="loss", x="x", **SETTINGS)
    return fit, seen


class TestFit:
    """Two bends, and a law with one that fits on either: exact masses by quadrature."""

    def test_shares_are_the_exact_ones(self, found):
        fit, seen = found
        assert fit.tree["sample_stats"].attrs["weighed"] == 1
        assert fit.diagnostics.good
        (share, error), (other, _) = fit.diagnostics.modes
        draws = seen["draws"].reshape(-1, 3)
        middle, spread = draws.mean(0), draws.std(0)
        axes = [np.linspace(-5, 5, 41) * s + m for m, s in zip(middle, spread, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        logs = np.array([seen["density"](point) for point in grid])
        mass = np.exp(logs - logs.max())
        which = np.abs(np.corrcoef(draws.T, fit.parameters["break_location"][0].ravel())[-1, :3])
        along = int(which.argmax())
        mode = fit.tree["sample_stats"]["mode"].to_numpy().ravel()
        edge = (draws[mode == 0, along].mean() + draws[mode == 1, along].mean()) / 2
        side = (grid[:, along] < edge) == (draws[mode == 0, along].mean() < edge)
        exact = mass[side].sum() / mass.sum()
        assert share == pytest.approx(exact, abs=4 * error)
        assert other == pytest.approx(1 - share)

    def test_they_are_told_in_words_and_by_break(self, found):
        fit, _ = found
        assert any("2 explanations apart" in words for words in fit.diagnostics.advice)
        table = bs.break_table(fit, by_mode=True)
        assert table.index.names == ["mode", "break", "quantity"]
        places = table.xs("location", level="quantity")
        assert places["share"].sum() == pytest.approx(1.0)
        low, high = sorted(np.log(places["median"]))
        assert low < -1.5
        assert high > 1.5
        assert (places["upper"] / places["lower"] < np.exp(4)).all()
        whole = bs.break_table(fit).loc[(1, "location")]
        assert np.log(whole["upper"] / whole["lower"]) > 4

    def test_they_are_saved(self, found, tmp_path):
        fit, _ = found
        fit.save(tmp_path / "fit.nc")
        again = bs.load(tmp_path / "fit.nc")
        assert again.diagnostics.modes == fit.diagnostics.modes
        pd.testing.assert_frame_equal(
            bs.break_table(again, by_mode=True), bs.break_table(fit, by_mode=True)
        )

    def test_without_a_second_try_chains_stay_as_they_are(self, found):
        fit, _ = found
        runs = {name: np.asarray(v) for name, v in fit.runs.inputs.items()}
        table = pd.DataFrame({"x": runs["x"], "loss": fit.runs.outcome})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.SamplingWarning)
            plain = ONE_BREAK.fit(table, y="loss", x="x", retry=False, **SETTINGS)
        assert "weighed" not in plain.tree["sample_stats"].attrs

    def test_a_fit_with_one_mode_is_left_alone(self, monkeypatch):
        def never(*given):
            raise AssertionError("nothing to weigh here")

        monkeypatch.setattr(mixing, "weighed", never)
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 20), y="loss")
        fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        assert fit.diagnostics.modes == ()


#: Two breaks that may lie anywhere; their places, the level and the exponent are to be found.
TWO_BREAKS = bs.BrokenPowerLaw(
    breaks=2, irreducible=0.0, exponent_change=(1.0, 1.0), break_sharpness=(6.0, 6.0),
    placement="free",
)  # fmt: skip


def test_two_breaks_on_three_bends_have_the_masses_that_draws_of_the_prior_tell():
    t = np.linspace(-4.6, 4.6, 28)
    bends = sum(np.logaddexp(0, 6 * (t - at)) / 6 for at in (-3.0, 0.0, 3.0))
    runs = pd.DataFrame({"x": np.exp(t), "loss": np.exp(-0.5 * t - bends)})
    seen = {}
    weighed, made = mixing.weighed, windows.windows

    def watching(*given):
        seen.update(density=given[0], made=weighed(*given))
        return seen["made"]

    def at(size, places, seed):
        seen.update(places=list(places))
        return made(size, places, seed)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", bs.SamplingWarning)
        patch.setattr(mixing, "weighed", watching)
        patch.setattr(windows, "windows", at)
        fit = TWO_BREAKS.fit(runs, y="loss", x="x", **SETTINGS | {"likelihood": bs.LogNormal(0.5)})
    assert fit.diagnostics.good
    flat = seen["made"][0].reshape(-1, 4)
    # Places from all over their prior, so that the reference knows of no mode.
    middle, spread = flat.mean(0), 1.6 * flat.std(0)
    middle[seen["places"]], spread[seen["places"]] = 0.0, 1.2
    away = np.random.default_rng(0).standard_normal((60_000, 4))
    points = middle + spread * away
    log_w = np.array([seen["density"](point) for point in points]) + 0.5 * (away**2).sum(1)
    weights = np.exp(log_w - log_w.max())
    weights /= weights.sum()
    worth = 1 / (weights**2).sum()
    assert worth > 300
    levels = [0.1, 0.3, 0.5, 0.7, 0.9]
    for i in range(4):
        below = weights @ (points[:, i, None] < np.quantile(flat[:, i], levels))
        np.testing.assert_allclose(below, levels, atol=2.5 / worth**0.5)


def test_modes_of_a_law_without_draws():
    law = bs.BrokenPowerLaw(
        irreducible=0.1, scale=1.0, exponent=0.1, break_location=600.0, exponent_change=0.4,
        break_sharpness=2.0,
    )  # fmt: skip
    with pytest.raises(bs.LawError, match="takes a fit of one curve"):
        bs.break_table(law, by_mode=True)
