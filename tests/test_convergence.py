"""R-hat, ESS and smoothed weights of many at once are ArviZ's, one by one."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from bayescale import convergence, pareto

AXES = {"chain_axis": 1, "draw_axis": 2}


def chains(kind: str, count: int = 4, draws: int = 500) -> np.ndarray:
    rng = np.random.default_rng(3)
    white = rng.standard_normal((6, count, draws))
    if kind == "white":
        return white
    if kind == "ties":
        return np.take_along_axis(white, rng.integers(0, draws, white.shape), axis=2).round(1)
    if kind == "stuck":
        return white + 3.0 * np.arange(count)[:, None]
    walk = {"slow": 0.97, "anticorrelated": -0.6}[kind]
    for i in range(1, draws):
        white[..., i] += walk * white[..., i - 1]
    return white


@pytest.mark.parametrize("kind", ["white", "ties", "stuck", "slow", "anticorrelated"])
@pytest.mark.parametrize(("count", "draws"), [(4, 500), (2, 333), (4, 10), (3, 5), (4, 4)])
def test_rhat_and_ess_are_arviz(kind, count, draws):
    block = chains(kind, count, draws)
    rhat, bulk, tail = convergence.rhat_and_ess(block)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(rhat, array_stats.rhat(block, **AXES), rtol=1e-12)
        wanted = array_stats.ess(block, method="bulk", **AXES)
        np.testing.assert_allclose(bulk, wanted, rtol=1e-9)
        wanted = array_stats.ess(block, method="tail", prob=0.9, **AXES)
        np.testing.assert_allclose(tail, wanted, rtol=1e-9)
        wanted = array_stats.ess(block, method="mean", **AXES)
        np.testing.assert_allclose(convergence.mean_ess(block), wanted, rtol=1e-9)


def test_draws_that_are_not_finite_have_no_numbers():
    block = chains("white")
    block[2, 1, 7] = np.nan
    for found in convergence.rhat_and_ess(block):
        assert np.flatnonzero(np.isnan(found)).tolist() == [2]


def test_one_chain_has_no_rhat_but_an_ess():
    rhat, bulk, _ = convergence.rhat_and_ess(chains("white", count=1))
    assert np.isnan(rhat).all()
    assert (bulk > 300).all()


@pytest.mark.parametrize("relative", [1.0, 0.3, 1.4])
@pytest.mark.parametrize("spread", [1e-3, 0.3, 3.0])
@pytest.mark.parametrize("draws", [40, 2000])
def test_weights_are_arviz(relative, spread, draws):
    rng = np.random.default_rng(1)
    rows = spread * rng.standard_gamma(2.0, (300, draws)) * rng.choice([-1, 1], (300, 1))
    weights, k = pareto.smoothed(rows, relative)
    for found, shape, row in zip(weights[::37], k[::37], rows[::37], strict=True):
        wanted, wanted_k = array_stats.psislw(-row, r_eff=relative)
        assert shape == pytest.approx(wanted_k, rel=1e-9, nan_ok=True)
        np.testing.assert_allclose(np.exp(found), np.exp(wanted), rtol=1e-9, atol=1e-15)


def test_weights_that_are_all_alike_have_no_tail():
    weights, k = pareto.smoothed(np.zeros((2, 100)))
    np.testing.assert_allclose(np.exp(weights), 0.01)
    assert (k == -np.inf).all()
