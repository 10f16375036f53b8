"""Leave-block-out: whole blocks of neighbouring rows are told by the rest."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale import attempts, blocks, fitting, posterior
from bayescale.scoring import log_mean_exp


@pytest.fixture
def fits(no_sampling):
    runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 16), y="loss")
    laws = {"floor": bs.PowerLaw(), "line": bs.PowerLaw(irreducible=0.0)}
    ask = {"y": "loss", "x": "x", "draws": 50, "tune": 10, "retry": False, "progress": False}
    with pytest.warns(bs.SamplingWarning):
        return {
            name: law.fit(runs, likelihood=bs.Correlated(), **ask) for name, law in laws.items()
        }


def test_a_block_has_the_joint_density_of_its_rows(fits):
    table = bs.leave_block_out(fits, blocks=4, progress=False)
    fit = fits["floor"]
    kept = np.r_[0:4, 8:16]
    rest = fit.runs.rows(kept, anchored=True)
    draws = attempts.sampled(fit.law, fit.likelihood, rest, fit.settings).draws
    rows = posterior.log_likelihood(
        fit.law, fit.likelihood, fit.runs, draws.parameters, draws.noise
    )
    joint = rows[..., 4:8].sum(-1).reshape(-1, 1)
    assert table.loc["floor", "block_2"] == pytest.approx(log_mean_exp(joint)[0])
    columns = [f"block_{i}" for i in range(1, 5)]
    np.testing.assert_allclose(table["elpd"], table[columns].sum(axis=1))
    assert table["elpd"].is_monotonic_decreasing
    assert (table["elpd_diff"].iloc[0], table["dse"].iloc[0]) == (0, 0)
    assert (table["notes"] != "").all()  # invented draws do not mix


def test_an_executor_gives_the_same_numbers(fits):
    with ThreadPoolExecutor(2) as pool:
        there = bs.leave_block_out(fits, blocks=3, executor=pool, progress=False)
    pd.testing.assert_frame_equal(there, bs.leave_block_out(fits, blocks=3, progress=False))


@pytest.mark.parametrize("count", [1, 17, 2.5, True])
def test_wrong_blocks(fits, count):
    with pytest.raises(bs.LawError, match=r"blocks= must be a whole number"):
        bs.leave_block_out(fits, blocks=count)


def test_wrong_fits(fits):
    with pytest.raises(bs.LawError, match="two or more fits"):
        bs.leave_block_out({"one": fits["floor"]})
    several = {"a": invented_fit(bs.Chinchilla()), "b": invented_fit(bs.Chinchilla())}
    with pytest.raises(bs.LawError, match="along one input"):
        bs.leave_block_out(several)
    few = fits["floor"].runs.rows(np.arange(5))
    small = {
        name: fitting.Fit(fit.law, fit.likelihood, few, fit.settings, fit.tree)
        for name, fit in fits.items()
    }
    with pytest.raises(bs.DataError, match="Without a block of 3 rows: PowerLaw needs"):
        bs.leave_block_out(small, blocks=2)


@pytest.mark.slow
def test_it_sees_what_leave_one_out_hardly_does():
    """A floor shows in the last block, an extrapolation, more than row by row."""
    runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 16), noise=0.01, y="loss")
    laws = {"floor": bs.PowerLaw(), "line": bs.PowerLaw(irreducible=0.0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)  # noted in the table
        fits = {name: law.fit(runs, y="loss", x="x", progress=False) for name, law in laws.items()}
    table = blocks.leave_block_out(fits, blocks=4, progress=False)
    assert table.index[0] == "floor"
    assert table.loc["line", "elpd_diff"] < -4
