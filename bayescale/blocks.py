"""Leave-block-out: rows that neighbour one another are left out together and told by the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import attempts, comparison, posterior
from bayescale.arguments import check_arguments
from bayescale.errors import DataError, LawError
from bayescale.given import short
from bayescale.observed import Observations
from bayescale.progress import task
from bayescale.scoring import log_mean_exp
from bayescale.suitability import check_enough, check_levels
from bayescale.workers import check, ordered

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit


def leave_block_out(
    fits: Mapping[str, Fit],
    *,
    blocks: int = 5,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    r"""Compare laws by how well the rest tells a block of neighbouring rows.

    .. math:: \mathrm{elpd} = \sum_b \log \int p(y_b \mid \theta, y_{<b})\,
              p(\theta \mid y_{-b})\, d\theta

    Leave-one-out asks a law for one row between its neighbours, which correlated noise, or any law
    that is flexible enough, reads off them. Here rows are cut along the input into blocks of about
    equal number, and the law is fitted again without each block, its priors unmoved. The last block
    is an extrapolation. Where a law varies with groups, the rows of each group are cut, so that a
    block holds neighbouring rows of all of them. With correlated noise the density of a block's
    first row is given the row before it.

    Parameters
    ----------
    fits
        Name to fit; two or more on the same rows of one input.
    blocks
        How many blocks, from 2 to the number of rows (of the longest group).
    workers, executor
        Who fits the laws again, as for :func:`fit_many`; this process by default.
    progress
        Whether to show what is under way.

    Returns
    -------
    pandas.DataFrame
        A row for each law, best first: ``elpd`` (sum over blocks of the log density of y, in units
        of y), ``se``, ``elpd_diff`` and ``dse`` (against the best; standard errors over blocks,
        which are few), ``block_1`` to ``block_k`` along the input, and ``notes`` (fits whose
        diagnostics fell short).

    Raises
    ------
    LawError
        If the fits have several inputs, or blocks is out of range.
    DataError
        If the fits are not on the same rows, or too few rows stay without a block.

    References
    ----------
    Roberts et al. (2017), "Cross-validation strategies for data with temporal, spatial,
    hierarchical, or phylogenetic structure".

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000, 3000], y="loss")
    >>> laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    >>> fits = {n: law.fit(runs, y="loss", x="x", progress=False) for n, law in laws.items()}
    >>> bs.leave_block_out(fits, blocks=4, progress=False).index[0]
    'floor'
    """
    check_arguments(leave_block_out, locals())
    import cloudpickle
    import pandas as pd

    comparison.check_same_rows(fits)
    check(executor, workers)
    runs = max((fit.runs for fit in fits.values()), key=lambda runs: len(runs.seen))
    if len(runs.inputs) != 1:
        raise LawError("leave_block_out() cuts the rows along one input; these fits have several.")
    longest = int(np.bincount(runs.cells).max())
    if isinstance(blocks, bool) or int(blocks) != blocks or not 2 <= blocks <= longest:
        of = " (the rows of the longest group)" if runs.seen else ""
        raise LawError(
            f"blocks= must be a whole number from 2 to {longest}{of}; got {short(blocks)}."
        )
    parts = _cut(runs, blocks)
    jobs = []
    for name, fit in fits.items():
        for part in parts:
            kept = np.setdiff1d(np.arange(len(runs)), part)
            try:
                check_enough(fit.law, fit.runs.rows(kept))
                check_levels(fit.law, fit.likelihood, fit.runs.rows(kept))
            except DataError as error:
                raise DataError(f"Without a block of {len(part)} rows: {error}") from None
            jobs.append((name, part, kept))
    packed = cloudpickle.dumps(
        {name: (fit.law, fit.likelihood, fit.runs, fit.settings) for name, fit in fits.items()}
    )
    with task("Leave-block-out", total=len(jobs), progress=progress) as bar:
        found = ordered(
            scored_blocks, packed, jobs, workers=workers, executor=executor,
            done=lambda count: bar.update("Leave-block-out", advance=count),
        )  # fmt: skip
    names = list(fits)
    scores = np.array([score for score, _ in found]).reshape(len(names), blocks)
    best = int(scores.sum(axis=1).argmax())
    behind = scores - scores[best]
    table = pd.DataFrame(scores, names, [f"block_{i + 1}" for i in range(blocks)])
    table.insert(0, "elpd", scores.sum(axis=1))
    table.insert(1, "se", np.sqrt(blocks * scores.var(axis=1, ddof=1)))
    table.insert(2, "elpd_diff", behind.sum(axis=1))
    table.insert(3, "dse", np.sqrt(blocks * behind.var(axis=1, ddof=1)))
    notes = [note for _, note in found]
    table["notes"] = [
        "; ".join(filter(None, notes[i * blocks : (i + 1) * blocks])) for i in range(len(names))
    ]
    table.index.name = "law"
    return table.sort_values("elpd", ascending=False, kind="stable")


def _cut(runs: Observations, blocks: int) -> list[np.ndarray]:
    """Return the rows of each block along the input, the same share of every group in each."""
    (x,) = runs.inputs.values()
    parts: list[list[np.ndarray]] = [[] for _ in range(blocks)]
    for cell in np.unique(runs.cells):
        here = np.flatnonzero(runs.cells == cell)
        inside = np.array_split(here[np.argsort(x[here], kind="stable")], blocks)
        # Blocks are counted from the end, so that a short group has a part in the extrapolation.
        filled = [block for block in inside if len(block)]
        for part, block in zip(parts[blocks - len(filled) :], filled, strict=True):
            part.append(block)
    return [np.sort(np.concatenate(part)) for part in parts]


def scored_blocks(
    packed: bytes, jobs: Sequence[tuple[str, np.ndarray, np.ndarray]]
) -> list[tuple[float, str]]:
    """Fit laws again without some blocks, and score each block.

    Parameters
    ----------
    packed
        Law, likelihood, runs and settings by name, pickled.
    jobs
        The law's name, the rows of the block, and those that are kept.

    Returns
    -------
    list of (float, str)
        Log density of the block, and what fell short in its fit.
    """
    import cloudpickle

    plans = cloudpickle.loads(packed)
    found = []
    for name, part, kept in jobs:
        law, likelihood, runs, settings = plans[name]
        rest = runs.rows(np.sort(kept), anchored=True)
        made = attempts.sampled(law, likelihood, rest, replace(settings, retry=True))
        draws = made.draws
        rows = posterior.log_likelihood(law, likelihood, runs, draws.parameters, draws.noise)
        joint = rows[..., part].sum(axis=-1)
        short = "" if made.diagnostics.good else made.diagnostics.line()
        found.append((float(log_mean_exp(joint.reshape(-1, 1))[0]), short))
    return found
