"""Coordinates learned from draws: an exact map, the same posterior, and straighter."""

import numpy as np
import pytest

import bayescale as bs
from bayescale import convergence, kernels, sample
from bayescale.c_functions import c_straightened
from bayescale.straighten import Straight, straight
from tests.test_kernels import called, density_of


def banana(chains=4, draws=500, seed=0):
    """Three coordinates: one that is long, one that follows its square, one that it widens."""
    rng = np.random.default_rng(seed)
    long, short, width = rng.standard_normal((3, chains, draws))
    return np.stack([2 * long, 0.3 * long**2 + 0.1 * short, 0.2 * width * np.exp(0.5 * long)], -1)


@pytest.fixture
def found():
    made = straight(banana())
    assert made is not None
    return made


def test_there_and_back(found):
    u = np.random.default_rng(1).standard_normal((7, 5, 3))
    z, _ = found.bent(u)
    np.testing.assert_allclose(found.straightened(z), u, atol=1e-10)


def test_jacobian_is_that_of_differences(found):
    constant = np.log(np.abs(np.linalg.det(found.axes)))
    for u in np.random.default_rng(2).standard_normal((5, 3)):
        moves = 1e-5 * np.eye(3)
        rows = [(found.bent(u + m)[0] - found.bent(u - m)[0]) / 2e-5 for m in moves]
        determinant = np.log(np.abs(np.linalg.det(np.stack(rows))))
        assert found.bent(u)[1] + constant == pytest.approx(determinant, abs=1e-6)


def test_a_banana_is_straight_in_them(found):
    u = found.straightened(banana(seed=5)).reshape(-1, 3)
    squares = np.corrcoef(np.column_stack([u, u**2]).T)[:3, 3:]
    widths = np.corrcoef(np.column_stack([u, np.abs(u)]).T)[:3, 3:]
    off = ~np.eye(3, dtype=bool)
    assert np.abs(squares[off]).max() < 0.15
    assert np.abs(widths[off]).max() < 0.15
    bent = banana(seed=5).reshape(-1, 3)
    assert np.corrcoef(bent[:, 0] ** 2, bent[:, 1])[0, 1] > 0.9


def test_what_says_nothing_makes_no_map():
    assert straight(banana(chains=1, draws=50)) is None
    still = banana()
    still[..., 1] = 3.0
    assert straight(still) is None
    still[..., 1] = np.nan
    assert straight(still) is None


def numbers_of(size, seed=3):
    """Any map of that size, more bent than draws would have it."""
    rng = np.random.default_rng(seed)
    axes = np.eye(size) + 0.2 * rng.standard_normal((size, size))
    bends = 0.2 * rng.standard_normal((size, size * (size - 1) // 2))
    return Straight(0.1 * rng.standard_normal(size), axes, bends, 0.3 * rng.random((size, size)))


def test_value_and_gradient_are_the_density_s_by_the_chain_rule():
    density = density_of(bs.PowerLaw())
    size, plain = density.dimension, kernels.compiled(density)
    bent = kernels.rewrapped(plain, c_straightened, size)
    assert bent is not None
    a_map = numbers_of(size)
    data = {**density.data}
    data["numbers"] = np.concatenate([data["numbers"], a_map.numbers])
    bent, plain = bent.with_data(**data), plain.with_data(**density.data)
    for u in 0.5 * np.random.default_rng(4).standard_normal((5, size)):
        z, log_jacobian = a_map.bent(u)
        (fine, value, gradient), (_, own, _) = called(bent, u), called(plain, z)
        assert fine == 0
        assert value == pytest.approx(own + float(log_jacobian), rel=1e-12)
        moves = 1e-6 * np.eye(size)
        slopes = [(called(bent, u + m)[1] - called(bent, u - m)[1]) / 2e-6 for m in moves]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-4)
    assert called(bent, np.full(size, np.nan))[0] == 3
    assert called(bent, np.zeros(size + 1))[0] == -1


def test_draws_that_fall_short_are_sampled_again_of_the_same_posterior(monkeypatch):
    density = density_of(bs.PowerLaw(), points=30)
    settings = sample.Sampling(draws=1000, tune=300, cores=1, seed=4)
    plain, stats = sample.run("same", density, settings)
    assert "straightened" not in stats.attrs
    verdicts = iter([(1.02, False), (1.0, True)])
    monkeypatch.setattr(sample, "judged", lambda draws: next(verdicts))
    again, stats = sample.run("same", density, settings)
    assert stats.attrs["straightened"] == stats.attrs["again"] == 1
    ess = convergence.mean_ess(np.moveaxis(again, -1, 0)).min()
    sd = plain.std((0, 1))
    assert np.abs((again.mean((0, 1)) - plain.mean((0, 1))) / sd).max() < 6 / np.sqrt(ess / 2)
    np.testing.assert_allclose(again.std((0, 1)), sd, rtol=0.15)
    # "lp" is of the density in its own coordinates, whatever the sampler walked in.
    compiled = kernels.compiled(density).with_data(**density.data)
    value = called(compiled, again[1, 7].copy())[1]
    assert stats["lp"].to_numpy()[1, 7] == pytest.approx(value, rel=1e-9)


def test_better_first_draws_are_kept_and_retry_false_is_one_set(monkeypatch):
    density = density_of(bs.PowerLaw(), points=30)
    settings = sample.Sampling(draws=200, tune=200, cores=1, seed=4)
    verdicts = iter([(1.02, False), (1.03, False)])
    monkeypatch.setattr(sample, "judged", lambda draws: next(verdicts))
    _, stats = sample.run("same", density, settings)
    assert "straightened" not in stats.attrs
    monkeypatch.setattr(sample, "judged", lambda draws: (1.02, False))
    _, stats = sample.run("same", density, sample.replace(settings, retry=False))
    assert "straightened" not in stats.attrs


def test_a_pilot_is_not_kept_and_says_so():
    density = density_of(bs.PowerLaw(), points=30)
    settings = sample.Sampling(draws=300, tune=200, cores=1, seed=4, pilot=150)
    draws, stats = sample.run("same", density, settings)
    assert draws.shape == (4, 300, density.dimension)
    assert stats.attrs["straightened"] == 1
    assert stats.attrs["again"] == 0
    more, _ = sample.run("same", density, settings)
    np.testing.assert_array_equal(draws, more)


def test_where_nutpie_compiles_by_itself_there_are_none(monkeypatch):
    class Theirs:
        logp_func = None

    assert kernels.rewrapped(Theirs(), c_straightened, 3) is None
