"""Chains start in the modes that hold a share of the mass, and nowhere else."""

import warnings

import numpy as np
import pytest

import bayescale as bs
from bayescale import starts


def mixture(*parts: tuple[float, float, float]):
    """Log density and gradient of normals in two dimensions: weight, centre of both, sd."""

    def density(point):
        logs, slopes = [], []
        for weight, centre, sd in parts:
            away = (point - centre) / sd
            logs.append(np.log(weight) - 2 * np.log(sd) - 0.5 * away @ away)
            slopes.append(-away / sd)
        top = max(logs)
        shares = np.exp(np.array(logs) - top)
        return top + np.log(shares.sum()), (shares[:, None] * slopes).sum(0) / shares.sum()

    return density


def test_masses_are_those_of_the_modes_and_not_their_heights():
    found = starts.modes(mixture((0.7, -1.0, 0.35), (0.3, 1.0, 0.2)), 2, seed=1, climbs=30)
    assert [mode.point[0] for mode in found] == pytest.approx([-1.0, 1.0], abs=0.05)
    assert np.exp(found[1].log_mass - found[0].log_mass) == pytest.approx(3 / 7, rel=0.02)


def test_chains_start_in_both_of_two_tenable_modes():
    found = starts.modes(mixture((0.9, -3.0, 0.3), (0.1, 3.0, 0.3)), 2, seed=1, climbs=30)
    start, left_out = starts.starting(found)
    sides = np.sign([start(seed)[0] for seed in range(40)])
    assert 8 < (sides > 0).sum() < 32
    assert left_out == 0


def test_no_chain_starts_in_a_mode_of_little_mass_and_its_share_is_told():
    found = starts.modes(mixture((0.98, -3.0, 0.3), (0.02, 3.0, 0.3)), 2, seed=1, climbs=30)
    start, left_out = starts.starting(found)
    assert all(start(seed)[0] < 0 for seed in range(40))
    assert left_out == pytest.approx(0.02, rel=0.05)


def test_the_same_seed_starts_in_the_same_place():
    found = starts.modes(mixture((1.0, 1.0, 0.3)), 2, seed=1)
    start, _ = starts.starting(found)
    np.testing.assert_array_equal(start(3), start(3))
    assert np.any(start(3) != start(4))


def test_a_density_without_a_finite_value_has_no_mode():
    assert starts.modes(lambda point: (-np.inf, np.full(2, np.nan)), 2, seed=0) == []


def test_a_ridge_that_rises_for_ever_has_no_mode():
    assert starts.modes(lambda point: (point.sum(), np.ones(2)), 2, seed=0) == []


def test_a_break_in_place_of_the_floor_is_left_out_or_flagged():
    """Curves that reach their floor: before, chains were caught in a mode e^15 times lighter."""
    rng = np.random.default_rng(1)
    x = np.geomspace(1e3, 1e8, 52)
    z = x / np.exp(np.log(x).mean())
    loss = 0.3 + z**-0.5 * (1 + z**2) ** -0.15
    runs = {"x": x, "loss": loss * np.exp(0.02 * rng.standard_normal(52))}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", bs.SamplingWarning
        )  # 2000 draws are few for so flat a ridge
        fit = bs.BrokenPowerLaw(breaks=1).fit(
            runs, y="loss", x="x", draws=500, tune=500, retry=False, progress=False
        )
    peaks = fit.tree["sample_stats"]["lp"].median("draw")
    assert float(peaks.max() - peaks.min()) < 4
    assert fit.diagnostics.left_out < starts.LEAST
