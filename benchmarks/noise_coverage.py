"""Coverage with few configurations and with checkpoints: do 95 % intervals hold 95 %?

Run: uv run python -m benchmarks.noise_coverage [--replicates 40]

Fitted are 9 or 16 configurations, one run each, or three runs of 20 checkpoints whose noise is an
Ornstein-Uhlenbeck process along log x. Intervals are of the curve at 2, 5 and 10 times the largest
input, without drift, since the truth has none. The truth is a power law with a floor, three ways:

- ``ranges``: its numbers are drawn from ranges that are not our priors
  (benchmarks/simulated_coverage.py), and the priors of the fit are the default ones;
- ``ranges, told``: the same truths, and the priors of the fit are those ranges;
- ``priors``: its numbers are drawn from the default priors. Averaged over these a posterior's 95 %
  interval holds exactly 95 %, whatever the number of runs; anything else would be a mistake.
  ``inside_middle`` is the coverage of those truths of which all numbers lie in the ranges
  above, ``inside_rest`` that of the others.

Beside the posterior, in ``ranges``: least squares with a residual bootstrap and its Laplace
interval; and for checkpoints the same posterior with rows taken for independent. A run that is
stopped begins anew. Writes results/noise_coverage.csv (a row for each design, truth, method and
distance; rows that are not asked for stay as they were).
"""

import argparse
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import attempts
from bayescale.posterior import evaluate
from bayescale.sample import Sampling
from benchmarks import sbc
from benchmarks.simulated_coverage import (
    AHEAD,
    END,
    RESULTS,
    SAMPLING,
    SEED,
    Data,
    power_law,
    squares,
)

DESIGNS = ("9 configurations", "16 configurations", "3 runs of 20 checkpoints")
TRUTHS = ("ranges", "priors")
LEVEL = 0.95
#: The ranges of simulated_coverage.py as priors: floor share, exponent and noise.
TOLD = {
    "irreducible": bs.Prior("Uniform", lower=0.05, upper=0.8, on="floor_share"),
    "exponent": bs.Prior("LogNormal", mu=np.log(0.35), sigma=0.4),
}
_NOISE = np.log([0.005, 0.03])
TOLD_NOISE = bs.Prior("LogNormal", mu=_NOISE.mean(), sigma=np.ptp(_NOISE) / 12**0.5)


def inputs(design: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs of a design, and which run each is of."""
    if design == DESIGNS[2]:
        return np.tile(np.geomspace(3, END, 20), 3), np.repeat(np.arange(3), 20)
    x = np.geomspace(1, END, int(design.split()[0]))
    return x, np.arange(len(x))


def simulated(design: str, replicate: int) -> Data:
    """Return runs of a design, with the true log curve ahead."""
    rng = np.random.default_rng([SEED, 99, DESIGNS.index(design), replicate])
    law = power_law(rng)
    sigma = np.exp(rng.uniform(np.log(0.005), np.log(0.03)))
    x, run = inputs(design)
    if design == DESIGNS[2]:
        scatter = sigma * rng.standard_normal(60)
        step, length = np.log(x[1] / x[0]), rng.uniform(0.4, 0.8)
        rho = np.exp(-step / length)
        for k in range(1, 60):
            if run[k] == run[k - 1]:
                scatter[k] = rho * scatter[k - 1] + np.sqrt(1 - rho**2) * scatter[k]
    else:
        scatter = sigma * rng.standard_normal(len(x))
    runs = pd.DataFrame({"x": x, "y": np.exp(law(np.log(x)) + scatter), "run": run})
    ahead = law(np.log(END * np.array(AHEAD)))
    return Data("power law", design, replicate, runs, ahead, ahead)


def draws_of(given: Data, rivals: bool = True) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield truth, method and draws of the log curve ahead, shape (draw, point)."""
    if given.noise == DESIGNS[2]:
        noises = {"posterior, run=": {"run": "run"}, "posterior, rows independent": {}}
    else:
        noises = {"posterior": {}}
        told = bs.LogNormal(sigma=TOLD_NOISE)
        yield "ranges, told", "posterior", _curve(given, bs.PowerLaw(**TOLD), likelihood=told)
    for name, options in noises.items():
        yield "ranges", name, _curve(given, bs.PowerLaw(), **options)
    for name, (curve, _), _ in squares(given) if rivals else ():
        if "one break" not in name:
            yield "ranges", name, curve


def _curve(given: Data, law: bs.Law, **options: Any) -> np.ndarray:
    fit = law.fit(given.runs, y="y", x="x", seed=given.seed % 1000, **options, **SAMPLING)
    made = fit.forecast(x=END * np.array(AHEAD), drift=0.0)
    return np.log(made.draws("curve")).reshape(-1, len(AHEAD))


def of_priors(design: str, replicate: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Fit a truth that is drawn from the priors.

    Parameters
    ----------
    design, replicate
        Which one.

    Returns
    -------
    draws
        Of the log curve ahead, shape (draw, point).
    truth
        The same of the truth, shape (point,).
    middle
        Whether its numbers lie in the ranges of the other truths.
    """
    rng = np.random.default_rng([SEED, 98, DESIGNS.index(design), replicate])
    x, run = inputs(design)
    along = design == DESIGNS[2]
    noise = bs.Correlated() if along else bs.LogNormal()
    case = sbc.Case(bs.PowerLaw(), noise, x, run=run.astype(float) if along else None).suited
    likelihood = case.likelihood
    parameters, noise, values = sbc.truth(case, rng)
    blank = case.observed(np.ones(len(x)))

    def curve(of: dict, at: np.ndarray) -> np.ndarray:
        return evaluate(case.law, of, {"x": at}, blank.references)

    by_row = blank.by_run(likelihood.by_run)
    runs = case.observed(np.ravel(likelihood.draw(rng, curve(parameters, x), **noise, **by_row)))
    settings = Sampling(draws=250, tune=500, cores=1, retry=False, seed=replicate)
    drawn = attempts.sampled(case.law, likelihood, runs, settings).draws
    ahead = END * np.array(AHEAD)
    middle = (
        abs(np.log(values["exponent"] / 0.35)) < 1.96 * 0.4
        and 0.05 < values["floor_share"] < 0.8
        and 0.005 < values["sigma"] < 0.03
    )
    found = np.log(curve(drawn.parameters, ahead)).reshape(-1, len(AHEAD))
    return found, np.log(np.ravel(curve(parameters, ahead))), bool(middle)


def measured(
    design: str, replicate: int, rivals: bool = True, truths: Sequence[str] = TRUTHS
) -> list[dict]:
    """Return whether the truth is inside, and how wide the interval is, by method and distance."""
    found: list[tuple] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        if "ranges" in truths:
            given = simulated(design, replicate)
            found += [(*one, given.curve, True) for one in draws_of(given, rivals)]
        if "priors" in truths:
            method = "posterior, run=" if design == DESIGNS[2] else "posterior"
            found.append(("priors", method, *of_priors(design, replicate)))
    rows = []
    for of, name, draws, true, is_middle in found:
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        for i, ahead in enumerate(AHEAD):
            inside = float(low[i] <= true[i] <= high[i])
            rows.append(
                {
                    "design": design, "truth": of, "method": name, "ahead": ahead,
                    "inside": inside, "width": float(high[i] - low[i]),
                    "middle": inside if is_middle else np.nan,
                    "rest": np.nan if is_middle else inside,
                }
            )  # fmt: skip
    return rows


def renewed(kept: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured before with the rows that were measured anew in their places."""
    if kept.empty:
        return table
    key = ["design", "truth", "method", "ahead"]
    measured_anew = kept[key].merge(table[key], how="left", indicator=True)["_merge"].eq("both")
    both = pd.concat([kept[~measured_anew.to_numpy()], table], ignore_index=True)
    order = list(DESIGNS)
    return both.sort_values("design", key=lambda of: of.map(order.index), kind="stable")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=40)
    parser.add_argument("--rivals", type=int, default=300, help="replicates with least squares")
    parser.add_argument("--designs", nargs="*", default=list(DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--truths", nargs="*", default=list(TRUTHS), choices=TRUTHS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "noise_coverage.csv"
    kept = pd.read_csv(path) if path.exists() else pd.DataFrame()
    rows, started = [], time.monotonic()
    for replicate in range(asked.replicates):
        for design in asked.designs:
            rows += measured(design, replicate, replicate < asked.rivals, asked.truths)
        if (replicate + 1) % 20 and replicate + 1 < asked.replicates:
            continue
        print(f"{replicate + 1}/{asked.replicates}: {time.monotonic() - started:.0f} s", flush=True)
        groups = pd.DataFrame(rows).groupby(["design", "truth", "method", "ahead"], sort=False)
        table = groups.agg(
            sets=("inside", "size"), coverage_95=("inside", "mean"), width_95=("width", "median"),
            middle=("middle", "count"), inside_middle=("middle", "mean"),
            inside_rest=("rest", "mean"),
        ).reset_index()  # fmt: skip
        table = renewed(kept, table)
        table.to_csv(path, index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
