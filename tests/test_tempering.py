"""Chains that pass between modes, and modes whose masses are known."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale import mixing, modes, proposals, starts, tempering
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
    bumps = np.logaddexp(-0.5 * (x - 1.2) ** 2, -0.5 * (x + 1.2) ** 2)
    return bumps - 0.5 * (((rest - x**2 + 1) / 0.2) ** 2).sum()


@pytest.mark.parametrize("size", [2, 6, 10])
def test_masses_of_two_modes_are_found_from_draws_in_any_proportion(size):
    bells = two_bells(size)
    rng = np.random.default_rng(3)
    caught = rng.normal(1.0, 0.2, (900, size)), rng.normal(-1.0, 0.35, (300, size))
    draws, log_p, about = tempering.mixed(
        lambda point: bells(point)[0], np.concatenate(caught), 4, 1000, [5]
    )
    worst, enough = mixing.judged(draws)
    assert enough
    assert worst < 1.01
    mode = modes.modes_of(draws, log_p, lambda point: bells(point)[0])
    (share, error), (other, _) = shares_of_modes(mode)
    assert share + other == pytest.approx(1.0)
    assert error < 0.02
    assert share == pytest.approx(0.7, abs=4 * error)
    assert about["accepted"] > 0.2


def test_a_mode_that_no_chain_was_in_has_its_mass_and_the_population_knows_the_whole():
    bells = two_bells(3, share=0.4, centre=0.8)
    rng = np.random.default_rng(0)
    tops = starts.modes(bells, 3, seed=2, climbs=30)
    assert len(tops) == 2
    known = [rng.normal(-0.8, 0.35, (600, 3)), *mixing._standing_in(tops, 0)]
    found = tempering.tempered(lambda point: bells(point)[0], np.concatenate(known), rng)
    assert found.log_mass == pytest.approx(0.0, abs=0.1)
    assert (found.points[:, 0] > 0).mean() == pytest.approx(0.4, abs=0.06)


def test_quantiles_of_a_bent_ridge_are_right_and_it_is_one_mode():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(1.2, 1, 2000), rng.normal(-1.2, 1, 2000)])
    exact = np.column_stack([x, x**2 - 1 + 0.2 * rng.standard_normal(4000)])
    draws, log_p, _ = tempering.mixed(banana, exact[::4], 4, 1000, [1])
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    for i in range(2):
        ours, theirs = (np.quantile(d[..., i], levels) for d in (draws, exact))
        np.testing.assert_allclose(ours, theirs, atol=0.2 * exact[:, i].std())
    assert not modes.modes_of(draws, log_p, banana).any()


def test_a_density_that_is_nowhere_finite_has_no_chains():
    draws = np.random.default_rng(0).standard_normal((200, 2))
    assert tempering.mixed(lambda point: -np.inf, draws, 2, 10, [0]) is None
    assert tempering.mixed(lambda point: np.nan, draws, 2, 10, [0]) is None


def test_same_seed_same_chains():
    bells = two_bells(2)
    draws = np.random.default_rng(0).standard_normal((500, 2))
    a, b, c = (
        tempering.mixed(lambda point: bells(point)[0], draws, 2, 20, [seed])[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)


def test_scouts_find_a_mode_by_its_mass():
    bells = two_bells(4, share=0.3)
    climbed = starts.modes(bells, 4, seed=1)
    found = mixing.modes_by_mass(bells, 4, seed=1)
    assert len(climbed) == 1
    assert len(found) == 2
    assert [round(mode.point[0]) for mode in found] == [-1, 1]
    assert found[0].log_mass - found[1].log_mass == pytest.approx(np.log(0.7 / 0.3), abs=0.1)


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


def test_a_tenable_mode_without_draws_is_noticed():
    found = starts.modes(two_bells(2, share=0.4), 2, seed=1, climbs=30)
    assert len(found) == 2
    rng = np.random.default_rng(0)
    left = rng.normal(-1.0, 0.35, (4, 100, 2))
    (missed,) = starts.unvisited(found, left)
    assert missed.point[0] == pytest.approx(1.0, abs=0.1)
    both = np.concatenate([left, rng.normal(1.0, 0.2, (4, 100, 2))], axis=1)
    assert starts.unvisited(found, both) == []
    assert starts.unvisited([], left) == []


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
        assert fit.tree["sample_stats"].attrs["tempered"] == 1
        assert fit.diagnostics.good
        (share, error), (other, _) = fit.diagnostics.modes
        draws = seen["draws"].reshape(-1, 3)
        middle, spread = draws.mean(0), draws.std(0)
        axes = [np.linspace(-5, 5, 41) * s + m for m, s in zip(middle, spread, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        logs = np.array([seen["density"](point)[0] for point in grid])
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
        assert "tempered" not in plain.tree["sample_stats"].attrs

    def test_a_fit_with_one_mode_is_left_alone(self, monkeypatch):
        def never(*given):
            raise AssertionError("nothing to weigh here")

        monkeypatch.setattr(mixing, "weighed", never)
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 20), y="loss")
        fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        assert fit.diagnostics.modes == ()


def test_modes_of_a_law_without_draws():
    law = bs.BrokenPowerLaw(
        irreducible=0.1, scale=1.0, exponent=0.1, break_location=600.0, exponent_change=0.4,
        break_sharpness=2.0,
    )  # fmt: skip
    with pytest.raises(bs.LawError, match="takes a fit of one curve"):
        bs.break_table(law, by_mode=True)
