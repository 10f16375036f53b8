"""Simulation-based calibration of correlated noise and of pooled groups: are posteriors honest?

Run: uv run python -m benchmarks.sbc [--simulations 200] [--workers 1] [--cases ...] [--fresh]

Parameters are drawn from the priors, runs from the model, and the law is fitted to them; over many
such runs the rank of a true value among its posterior draws is uniform if, and only if, priors,
density, sampler and weights agree. The references that default priors stand on are held
(``anchor``), since those of simulated runs would depend on the truth. Ranked are all parameters,
the curve at the largest input and at ten times it, and the log likelihood (Modrák et al. 2023,
arXiv:2211.02383), which notices what parameters do not.

Uniformity is tested by the largest deviation of the ranks' distribution function, point by point in
its binomial band (Säilynoja et al. 2022, arXiv:2103.10522), and by chi-square in ten bins. Writes
results/sbc.csv (a row for each case and quantity) and docs/images/sbc.png. A run that is stopped
goes on: ranks are kept in results/cache.
"""

from __future__ import annotations

import argparse
import functools
import os
import textwrap
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
from PIL import Image
from scipy import stats

import bayescale as bs
from bayescale import attempts, workers
from bayescale.coordinates import Coordinates
from bayescale.groups import Groups
from bayescale.labelling import named
from bayescale.levels import at_cells, by_row, one_cell
from bayescale.observed import Observations
from bayescale.posterior import cell_of, evaluate, log_likelihood
from bayescale.sample import Sampling

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "sbc.png"
#: Draws that a true value is ranked among; ranks are 0 to RANKED.
RANKED, BINS = 99, 10
SAMPLING = Sampling(draws=500, tune=500, chains=4, cores=1, retry=False)


@dataclass(frozen=True, eq=False)
class Case:
    """What is simulated and fitted.

    Parameters
    ----------
    law, likelihood
        The truth is drawn from their priors.
    x
        Inputs, in order within each run; shape (row,).
    n_obs, run
        As of :class:`Observations`.
    known
        As of :class:`Observations`: what the noise must know of each row.
    y_ref
        The reference outcome, which the level's prior stands on.
    fitted
        The likelihood of the fit where it is not the true one: its ranks must not be uniform.
    groups, cell
        As of :class:`Observations`. Of what varies the first level is ranked.
    """

    law: bs.Law
    likelihood: bs.Likelihood
    x: np.ndarray
    n_obs: np.ndarray | None = None
    run: np.ndarray | None = None
    fitted: bs.Likelihood | None = None
    known: dict[str, np.ndarray] | None = None
    y_ref: float = 1.0
    groups: Groups | None = None
    cell: np.ndarray | None = None

    @property
    def coordinates(self) -> Coordinates:
        """Of the truth."""
        return Coordinates(self.law, self.likelihood, self.groups)

    @property
    def suited(self) -> Case:
        """The case with the noise's default priors as the fit has them."""
        blank = self.observed(np.ones(len(self.x)))
        return replace(self, likelihood=self.likelihood.suited(blank))

    def observed(self, outcome: np.ndarray) -> Observations:
        """Return runs whose references do not depend on the outcome."""
        low, high = float(self.x.min()), float(self.x.max())
        held = {
            "x_ref": float(np.exp(np.log(self.x).mean())), "x_start": low, "x_end": high,
            "span": float(np.log(high / low)), "y_ref": self.y_ref, "y_drop": 0.6, "y_top": 2.0,
        }  # fmt: skip
        roles = {"x": "x"}
        return Observations(
            {"x": self.x}, outcome, roles, "y", anchor=held, n_obs=self.n_obs, run=self.run,
            known=self.known,
            groups=self.groups, cell=self.cell,
        )  # fmt: skip


EVEN = np.geomspace(1, 1000, 40)
#: Two runs with uneven steps, rows that are means of one, four or sixteen evaluations.
UNEVEN = np.sort(np.exp(np.random.default_rng(1).uniform(0, np.log(1000), (2, 20))), axis=1)

#: Sixteen sizes, each tested on 200 items, near one error in four.
SIZES, ITEMS = np.geomspace(1, 1000, 16), {"trials": np.full(16, 200.0)}
#: Twelve configurations of one, two or four seeds.
SEEDS = np.tile([1, 2, 4], 4)
CONFIGS = np.repeat(np.arange(12.0), SEEDS)
#: Rows of each of six groups, and how their curves vary.
ROWS, POOLED = (3, 4, 6, 8, 12, 16), bs.partial_pooling(by="family")

CASES = {
    "power law": Case(bs.PowerLaw(), bs.Correlated(), EVEN),
    "power law, two runs of means": Case(
        bs.PowerLaw(), bs.Correlated(bs.LogNormal(n_obs="n")), UNEVEN.ravel(),
        np.tile([1.0, 4.0, 16.0, 4.0], 10), np.repeat([0.0, 1.0], 20),
    ),
    "power law, Student's t": Case(bs.PowerLaw(), bs.Correlated(bs.StudentT()), EVEN),
    "two fixed breaks": Case(
        bs.BrokenPowerLaw(breaks=2, placement="fixed"), bs.Correlated(), EVEN
    ),
    "counts": Case(bs.PowerLaw(), bs.Binomial(trials=200), SIZES, known=ITEMS, y_ref=0.25),
    "counts with guessing and scatter": Case(
        bs.PowerLaw(),
        bs.BetaBinomial(trials=200, guess_rate=bs.Prior("Beta", alpha=10, beta=30)),
        SIZES, known=ITEMS, y_ref=0.25,
    ),
    "seeds of configurations": Case(
        bs.PowerLaw(), bs.Replicated(), np.repeat(np.geomspace(1, 1000, 12), SEEDS),
        known={"group": CONFIGS},
    ),
    "pooled power law": Case(
        bs.PowerLaw(**dict.fromkeys(("irreducible", "scale", "exponent"), POOLED)),
        bs.LogNormal(), np.concatenate([np.geomspace(1, 1000, n) for n in ROWS]),
        groups=Groups(("family",), (tuple("ABCDEF"),), np.arange(len(ROWS))[:, None]),
        cell=np.repeat(np.arange(len(ROWS)), ROWS).astype(float),
    ),
}  # fmt: skip


# Ranks --------------------------------------------------------------------------------------------


def truth(case: Case, rng: np.random.Generator) -> tuple[dict, dict, dict]:
    """Draw the law's and the likelihood's parameters from their priors, and all quantities."""
    values, coordinates = {}, case.coordinates
    for slot in coordinates.slots:
        levels = case.groups.count(slot.by) if slot.by and case.groups else 1
        if slot.prior is None:
            drawn = np.broadcast_to(slot.value, (slot.size or 1, levels))
        else:
            size = (slot.size or 1, levels)
            drawn = slot.prior.frozen().rvs(size=size, random_state=rng)
        parts = tuple(part if slot.by else np.float64(part[0]) for part in np.asarray(drawn, float))
        values[slot.quantity] = parts[0] if slot.size is None else parts
    numbers = coordinates.numbers(case.observed(np.ones(len(case.x))).references)
    for slot in coordinates.declared:
        if slot.pooled:
            values[slot.quantity] = coordinates.levels_of(slot, values, numbers)
    natural = coordinates.natural(values, numbers)
    if case.groups is None:
        return *natural, values
    return *(at_cells(case.groups, group, (1, 1)) for group in natural), values


def ranked(case: Case, seed: int, settings: Sampling = SAMPLING) -> dict[str, float]:
    """Simulate, fit and rank once: quantity to rank, and the fit's diagnostics."""
    rng = np.random.default_rng([20240901, seed])
    case = case.suited
    law, likelihood = case.law, case.likelihood
    parameters, noise, values = truth(case, rng)
    blank = case.observed(np.ones(len(case.x)))
    curve = evaluate(law, parameters, blank.inputs, blank.references, cell_of(blank))
    by_run = blank.by_run(likelihood.by_run)
    noisy = noise if case.groups is None else by_row(noise, cell_of(blank))
    runs = case.observed(np.ravel(likelihood.draw(rng, curve, **noisy, **by_run)))

    fitted = case.fitted or likelihood
    settings = Sampling(**{**vars(settings), "seed": seed})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        found = attempts.sampled(law, fitted, runs, settings)
    drawn = found.draws

    middles = [p.quantity for p in case.coordinates.free if not p.by and p.field != p.quantity]

    def quantities(of_law: dict, of_noise: dict, carried: dict) -> dict[str, np.ndarray]:
        ends = {"x": np.array([1.0, 10.0]) * case.x.max()}
        first = None if case.groups is None else np.zeros(2, int)
        ahead = evaluate(law, of_law, ends, runs.references, first)
        shared = {name: value for name, value in of_noise.items() if name in drawn.noise}
        if case.groups is None:
            held = named(of_law | shared)
        else:
            held = named(one_cell(of_law | shared, 0)) | {m: carried[m] for m in middles}
        held["curve at the end"] = ahead[..., 0]
        held["curve at 10 times the end"] = ahead[..., 1]
        if case.fitted is None:
            rows = log_likelihood(law, likelihood, runs, of_law, of_noise)
            held["log likelihood"] = rows.sum(axis=-1)
        return held

    mine = quantities(drawn.parameters, drawn.noise, drawn.quantities)
    true = quantities(parameters, noise, values)
    kept = np.linspace(0, settings.chains * settings.draws - 1, RANKED).round().astype(int)
    moving = {name: value.ravel()[kept] for name, value in mine.items() if np.ptp(value) > 0}
    ranks = {name: float((draws < np.ravel(true[name])).sum()) for name, draws in moving.items()}
    d = found.diagnostics
    return ranks | {
        ":rhat": d.rhat, ":divergences": d.divergences / d.draws, ":ess": d.ess_bulk,
        ":pareto_k": np.nan if drawn.pareto_k is None else drawn.pareto_k,
    }  # fmt: skip


def batch(packed: bytes, seeds: Sequence[int]) -> list[dict[str, float]]:
    """Rank some simulations of a case, for workers."""
    case, settings = cloudpickle.loads(packed)
    return [{":seed": seed, **ranked(case, seed, settings)} for seed in seeds]


def simulated(
    case: Case,
    seeds: Sequence[int],
    settings: Sampling = SAMPLING,
    *,
    count: int | None = None,
    done: Callable[[list[dict]], object] = lambda rows: None,
) -> pd.DataFrame:
    """Return a row of ranks for each seed.

    Parameters
    ----------
    case
        What is simulated.
    seeds
        One a simulation.
    settings
        Of the fits.
    count
        Worker processes; this process where it is None.
    done
        Called with rows as they come.
    """
    rows: list[dict] = []
    packed = cloudpickle.dumps((case, settings))
    for part in workers.run(batch, packed, list(seeds), workers=count, chunk=5, lost=_lost):
        rows += part
        done(part)
    return pd.DataFrame(rows).sort_values(":seed", ignore_index=True)


def _lost(seed: int, reason: str) -> dict:
    raise RuntimeError(f"Simulation {seed} failed: {reason}")


# Uniformity ---------------------------------------------------------------------------------------


@functools.cache
def _reference(count: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two-sided binomial probabilities, shape (count + 1, rank), and their least ones."""
    share = np.arange(1, most + 1) / (most + 1)
    number = np.arange(count + 1)[:, None]
    below, above = stats.binom.cdf(number, count, share), stats.binom.sf(number - 1, count, share)
    table = np.minimum(2 * np.minimum(below, above), 1.0)
    rng = np.random.default_rng(0)
    least = np.empty(20_000)
    for i in range(len(least)):
        inside = np.bincount(rng.integers(0, most + 1, count), minlength=most + 1)
        least[i] = table[np.cumsum(inside)[:-1], np.arange(most)].min()
    return table, np.sort(least)


def uniformity(ranks: np.ndarray, most: int = RANKED) -> float:
    """Return the p-value of ranks 0 to ``most`` being uniform, by their distribution function."""
    table, least = _reference(len(ranks), most)
    inside = np.bincount(np.asarray(ranks, int), minlength=most + 1)
    found = table[np.cumsum(inside)[:-1], np.arange(most)].min()
    return float((np.searchsorted(least, found, side="right") + 1) / (len(least) + 1))


def counts(ranks: np.ndarray) -> np.ndarray:
    """Return how many ranks are in each of ``BINS`` equal bins."""
    return np.bincount((np.asarray(ranks, int) * BINS) // (RANKED + 1), minlength=BINS)


def summarized(case: str, ranks: pd.DataFrame) -> list[dict]:
    """Return a row for each ranked quantity of a case."""
    rows = []
    for name in (column for column in ranks if not str(column).startswith(":")):
        values = ranks[name].to_numpy()
        inside = counts(values)
        rows.append(
            {
                "case": case, "quantity": name, "simulations": len(values),
                "mean_rank": values.mean() / RANKED,
                "p_ecdf": uniformity(values), "p_chi_square": stats.chisquare(inside).pvalue,
                **{f"bin_{i + 1}": number for i, number in enumerate(inside)},
            }
        )  # fmt: skip
    return rows


# The command --------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--workers", type=int, default=None, help="processes; this one by default")
    parser.add_argument("--fresh", action="store_true", help="simulate again what was simulated")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rows, started = [], time.monotonic()
    for name in asked.cases:
        ranks = _ranks(name, asked)
        rows += summarized(name, ranks)
        print(
            f"{name}: {len(ranks)} simulations; R-hat above 1.01 in "
            f"{(ranks[':rhat'] > 1.01).mean():.0%}, above 1.05 in "
            f"{(ranks[':rhat'] > 1.05).mean():.0%}; "
            f"divergent draws {ranks[':divergences'].mean():.2%}; "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )
    table = pd.DataFrame(rows)
    file = asked.out / "sbc.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():  # rows of cases that were not asked for stay
        before = pd.read_csv(file)
        table = pd.concat([before[~before["case"].isin(asked.cases)], table])
    table = table.sort_values("case", key=lambda c: c.map([*CASES].index), kind="stable")
    table.to_csv(file, index=False, float_format="%.4g")
    if set(table["case"]) == set(CASES):
        drawn(table, PICTURE if asked.out.resolve() == RESULTS.resolve() else asked.out / "sbc.png")
    shown = ["case", "quantity", "simulations", "mean_rank", "p_ecdf", "p_chi_square"]
    print(table[shown].to_string(index=False, float_format="{:.3g}".format))
    print(f"Smallest p of {len(table)}: {table['p_ecdf'].min():.3g}")


def _ranks(name: str, asked: argparse.Namespace) -> pd.DataFrame:
    """Return the ranks of a case, those of the cache first."""
    cache = asked.out / "cache" / "sbc"
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{name.replace(' ', '_').replace(',', '').replace(chr(39), '')}.csv"
    kept = pd.read_csv(path) if path.exists() and not asked.fresh else pd.DataFrame({":seed": []})
    left = sorted(set(range(asked.simulations)) - set(kept[":seed"].astype(int)))
    parts = [kept]

    def done(rows: list[dict]) -> None:
        parts.append(pd.DataFrame(rows))
        whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
        whole.to_csv(path.with_suffix(".part"), index=False)
        path.with_suffix(".part").replace(path)

    if left:
        simulated(CASES[name], left, count=asked.workers, done=done)
    found = pd.read_csv(path)
    return found[found[":seed"] < asked.simulations].sort_values(":seed", ignore_index=True)


#: Histograms beside each other, so that they can be read on a page.
ABREAST = 8


def drawn(table: pd.DataFrame, path: Path) -> None:
    """Draw a histogram of ranks for each quantity of each case."""
    import matplotlib.pyplot as plt

    lines = []  # of the picture: the case's name at its first, and up to ABREAST quantities
    for case, here in table.groupby("case", sort=False):
        for start in range(0, len(here), ABREAST):
            part = here.iloc[start : start + ABREAST]
            lines.append((case if start == 0 else "", part))
    figure, axes = plt.subplots(
        len(lines), ABREAST, figsize=(1.5 * ABREAST, 1.5 * len(lines)), squeeze=False,
        sharey="row", layout="constrained",
    )  # fmt: skip
    for row, (case, here) in zip(axes, lines, strict=True):
        for ax in row[len(here) :]:
            ax.axis("off")
        for ax, (_, line) in zip(row, here.iterrows(), strict=False):
            inside = line[[f"bin_{i + 1}" for i in range(BINS)]].to_numpy(float)
            band = stats.binom.ppf([0.005, 0.995], int(line["simulations"]), 1 / BINS)
            ax.axhspan(*band, color="0.88", linewidth=0)
            ax.bar((np.arange(BINS) + 0.5) / BINS, inside, width=0.9 / BINS, color="C0")
            ax.axhline(line["simulations"] / BINS, color="0.4", linewidth=0.8)
            words = textwrap.fill(str(line["quantity"]), 20, break_long_words=False)
            ax.set_title(f"{words}\np = {line['p_ecdf']:.2f}", fontsize=7.5)
            ax.tick_params(labelsize=7)
            ax.set_xticks([0, 1])
        row[0].set_ylabel(textwrap.fill(case, 18), fontsize=8.5)
    figure.supxlabel(
        "rank of the truth among posterior draws (grey: 99 % of uniform ranks)", size=8
    )
    figure.savefig(path, dpi=90)
    with Image.open(path) as picture:  # few colours, for a page
        small = picture.convert("RGB").quantize(48)
    small.save(path, optimize=True)
    plt.close(figure)


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    main()
