"""Simulated coverage: do intervals beyond the data hold what they promise, when the truth is known?

Run: uv run python -m benchmarks.simulated_coverage [--replicates 8] [--workers 1] [--fresh]

The truth is one of our forms (power law with a floor, one break, two breaks, shifted power law) or
none of them (three added power laws, a logistic curve of log x); noise is independent or an
Ornstein-Uhlenbeck process along log x; 20 to 60 rows over 2.5 decades are fitted. Forecast are the
curve and a new run (which goes on with the noise of the rows) at 2, 5 and 10 times the largest
input. Every replicate has parameters of its own, drawn from ranges that are not our priors.

Beside ours: least squares with a residual bootstrap (power law with a floor, and one break), and
the Laplace interval of least squares (power law with a floor).

A run that is stopped goes on: finished data sets are kept in results/cache. Writes
results/simulated_coverage.csv (a row for each truth, noise, method, distance, and what is covered).
"""

import argparse
import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import workers
from bayescale.outlook import FALLING
from benchmarks.extrapolation import curves, least_squares
from benchmarks.extrapolation.forms import FORMS, sigmoid, softplus

RESULTS = Path(__file__).parent / "results"
SEED = 20240911
END, AHEAD = 300.0, (2.0, 5.0, 10.0)
ROWS = (20, 40, 60, 30, 50)
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: Central intervals of all levels, and the median.
QUANTILES = tuple(sorted({0.5, *((1 - q) / 2 for q in LEVELS), *((1 + q) / 2 for q in LEVELS)}))
REFITS = 200
SAMPLING = {"draws": 250, "tune": 500, "chains": 4, "cores": 1, "retry": False, "progress": False}

Log = Callable[[np.ndarray], np.ndarray]


# Truths -------------------------------------------------------------------------------------------


def _floor(rng: np.random.Generator, reducible: Log) -> Log:
    """Add a floor that is a random share of the curve at the end."""
    share, end = rng.uniform(0.05, 0.8), reducible(np.log(END))
    return lambda t: np.logaddexp(reducible(t) - end + np.log1p(-share), np.log(share))


def power_law(rng: np.random.Generator) -> Log:
    exponent = np.exp(rng.normal(np.log(0.35), 0.4))
    return _floor(rng, lambda t: -exponent * t)


def _broken(rng: np.random.Generator, breaks: int) -> Log:
    exponents = np.exp(rng.normal(np.log(0.3), 0.6, breaks + 1))
    places = np.sort(rng.uniform(0.1, 0.95, breaks)) * np.log(END)
    widths = rng.uniform(0.2, 0.8, breaks)

    def reducible(t):
        bends = [
            change * width * softplus((t - place) / width)
            for change, place, width in zip(np.diff(exponents), places, widths, strict=True)
        ]
        return -exponents[0] * t - sum(bends)

    return _floor(rng, reducible)


def one_break(rng: np.random.Generator) -> Log:
    return _broken(rng, 1)


def two_breaks(rng: np.random.Generator) -> Log:
    return _broken(rng, 2)


def shifted(rng: np.random.Generator) -> Log:
    """Shifted power law, b (1 / x + g)^c: it flattens between a third and ten times the end."""
    exponent, log_g = np.exp(rng.normal(np.log(0.4), 0.4)), -np.log(END * rng.uniform(1 / 3, 10))
    return lambda t: exponent * np.logaddexp(-t, log_g)


def three_added(rng: np.random.Generator) -> Log:
    """Three added power laws without a floor, which matter at places of their own."""
    exponents = np.array([rng.uniform(0.02, 0.1), rng.uniform(0.25, 0.5), rng.uniform(0.8, 1.3)])
    places = np.log(END) * np.array([1.0, rng.uniform(0.4, 0.9), rng.uniform(0.05, 0.4)])
    heights = np.array([0.0, rng.uniform(0.0, 1.0), rng.uniform(0.5, 2.0)])
    return lambda t: np.logaddexp.reduce(
        [h - c * (t - p) for h, c, p in zip(heights, exponents, places, strict=True)], axis=0
    )


def logistic(rng: np.random.Generator) -> Log:
    """From a plateau to another along log x, with the middle between a third and the end."""
    middle, rate = np.log(END) * rng.uniform(0.35, 1.0), rng.uniform(0.5, 1.2)
    floor = rng.uniform(0.05, 0.5)
    return lambda t: np.log(floor + (1 - floor) * sigmoid(-rate * (t - middle)))


TRUTHS: dict[str, Callable[[np.random.Generator], Log]] = {
    "power law": power_law,
    "one break": one_break,
    "two breaks": two_breaks,
    "shifted power law": shifted,
    "three added power laws": three_added,
    "logistic in log x": logistic,
}
#: The truth is none of our forms.
FOREIGN = ("three added power laws", "logistic in log x")
NOISES = ("independent", "OU")


@dataclass(frozen=True, eq=False)
class Data:
    """One simulated data set.

    Parameters
    ----------
    truth, noise, replicate
        What it is.
    runs
        ``x`` and ``y``.
    curve, run
        The true log of the curve and of a new run at ``AHEAD`` times the end.
    """

    truth: str
    noise: str
    replicate: int
    runs: pd.DataFrame
    curve: np.ndarray
    run: np.ndarray

    @property
    def seed(self) -> int:
        """Of whatever is random in fits."""
        return int(_digest([SEED, self.truth, self.noise, self.replicate]), 16)


def data(truth: str, noise: str, replicate: int) -> Data:
    """Simulate a data set."""
    place = [list(TRUTHS).index(truth), NOISES.index(noise), replicate]
    rng = np.random.default_rng([SEED, *place])
    log_y = TRUTHS[truth](rng)
    t = np.log(np.geomspace(1, END, ROWS[replicate % len(ROWS)]))
    ahead = np.log(END * np.array(AHEAD))
    sigma = np.exp(rng.uniform(np.log(0.005), np.log(0.03)))
    where = np.concatenate([t, ahead])
    scatter = sigma * rng.standard_normal(len(where))
    if noise == "OU":
        length = rng.uniform(0.2, 0.6)
        for k in range(1, len(where)):
            rho = np.exp(-(where[k] - where[k - 1]) / length)
            scatter[k] = rho * scatter[k - 1] + np.sqrt(1 - rho**2) * scatter[k]
    values = log_y(where)
    runs = pd.DataFrame({"x": np.exp(t), "y": np.exp((values + scatter)[: len(t)])})
    return Data(
        truth, noise, replicate, runs, values[len(t) :], (values + scatter)[len(t) :]
    )  # fmt: skip


# Methods: from data to draws of the log curve and of the log of a new run, shape (draw, point) ---


Draws = tuple[np.ndarray, np.ndarray]


def ours(given: Data) -> Iterator[tuple[str, Draws, dict]]:
    """Forecasts of fits and of ``bs.forecast``'s mixture, without drift and with the default."""

    def fitted(law, likelihood=None):
        return law.fit(
            given.runs, y="y", x="x", likelihood=likelihood or bs.Correlated(),
            seed=given.seed, **SAMPLING,
        )  # fmt: skip

    fits = {name: fitted(law) for name, law in FALLING.items()}
    power = fitted(bs.PowerLaw())
    yield "power law, independent noise", _asked(fitted(bs.PowerLaw(), bs.LogNormal()), 0.0), {}
    sources = {
        "power law": (power, [power]),
        "two breaks": (fits["two breaks"], [fits["two breaks"]]),
        "bs.forecast": (bs.ensemble(fits, weights="pseudo-bma"), list(fits.values())),
    }
    for name, (source, of) in sources.items():
        about = {
            "rhat": max(fit.diagnostics.rhat for fit in of),
            "divergences": sum(fit.diagnostics.divergences for fit in of),
        }
        for drift, words in ((0.0, ""), (None, ", drift")):
            yield name + words, _asked(source, drift), about


def _asked(source, drift: float | None) -> Draws:
    options = {} if drift is None else {"drift": drift}
    made = source.forecast(x=END * np.array(AHEAD), **options)
    with np.errstate(divide="ignore"):
        curve, run = (np.log(made.draws(of)) for of in ("curve", "observation"))
    return curve.reshape(-1, len(AHEAD)), run.reshape(-1, len(AHEAD))


def squares(given: Data) -> Iterator[tuple[str, Draws, dict]]:
    """Least squares: residual bootstrap, and the normal approximation at the minimum."""
    x = END * np.array(AHEAD)
    test = pd.DataFrame({"x": x, "y": np.ones(len(x))})
    curve = curves.record(("simulated", given.truth, "one"), given.runs, test)
    t, log_y, weight = least_squares.training(curve)
    ahead = least_squares.ahead(curve)
    rng = np.random.default_rng([SEED, given.seed])
    for form, words in (("M2", "power law"), ("one break", "one break")):
        law, found = FORMS[form], least_squares.best(form, curve, rng)
        fitted, slopes = (part[0] for part in law(found[None], t))
        off = log_y - fitted
        free = len(t) / max(len(t) - len(found), 1)
        sigma = max(float(off.std() * np.sqrt(free)), 1e-6)
        residuals = (off - off.mean()) * np.sqrt(free)
        resampled = fitted + rng.choice(residuals, (REFITS, len(t)))
        refits = least_squares.minimized(
            law, np.repeat(found[None], REFITS, axis=0), t, resampled, weight
        )
        yield (
            f"least squares, {words}, bootstrap",
            _noisy(law(refits.points, ahead)[0], sigma, rng),
            {},
        )
        if form == "M2":
            spread = sigma**2 * np.linalg.pinv(slopes.T @ slopes, rcond=1e-12)
            middle, gradient = (part[0] for part in law(found[None], ahead))
            sd = np.sqrt(np.maximum(np.einsum("mp,pq,mq->m", gradient, spread, gradient), 0.0))
            laplace = middle + sd * rng.standard_normal((4000, 1))
            yield f"least squares, {words}, Laplace", _noisy(laplace, sigma, rng), {}


def _noisy(curve: np.ndarray, sigma: float, rng: np.random.Generator) -> Draws:
    many = np.tile(curve, (-(-4000 // len(curve)), 1))
    return curve, many + sigma * rng.standard_normal(many.shape)


METHODS = (ours, squares)


# Scores -------------------------------------------------------------------------------------------


def measured(given: Data) -> list[dict]:
    """Return a row for each method, distance, and what is forecast."""
    rows = []
    common = {"truth": given.truth, "noise": given.noise, "replicate": given.replicate}
    for group in METHODS:
        start = time.perf_counter()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", bs.BayescaleWarning)
            found = list(group(given))
        for method, (curve, run), about in found:
            for of, draws, true in (("curve", curve, given.curve), ("run", run, given.run)):
                for ahead, column, value in zip(AHEAD, draws.T, true, strict=True):
                    edges = np.quantile(column, QUANTILES, method="closest_observation")
                    rows.append(
                        {
                            **common, "method": method, "of": of, "ahead": ahead,
                            "true": float(value), "quantiles": edges.tolist(), **about,
                            "seconds": time.perf_counter() - start,
                        }
                    )  # fmt: skip
    return rows


def batch(packed: bytes, jobs: Sequence[tuple[str, str, int]]) -> list[list[dict]]:
    """Measure some data sets, for workers."""
    return [measured(data(*job)) for job in jobs]


def scored(rows: Sequence[dict]) -> pd.DataFrame:
    """Return rows with whether the truth is inside each interval, and the intervals' widths."""
    table = pd.DataFrame(rows)
    edges = np.array(table.pop("quantiles").tolist())
    true = table["true"].to_numpy()
    for level in LEVELS:
        low, high = (
            edges[:, QUANTILES.index(next(q for q in QUANTILES if np.isclose(q, edge)))]
            for edge in ((1 - level) / 2, (1 + level) / 2)
        )
        name = f"{100 * level:g}"
        table[f"inside_{name}"] = (low <= true) & (true <= high)
        table[f"width_{name}"] = high - low
    table["error"] = edges[:, QUANTILES.index(0.5)] - true
    return table


def summarized(table: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and widths by truth, noise, method, distance and what is forecast."""
    foreign = table["truth"].isin(FOREIGN)
    pooled = table.assign(truth=np.where(foreign, "none of our forms", "one of our forms"))
    both = pd.concat([table, pooled], ignore_index=True)
    both = pd.concat([both, both.assign(noise="both")], ignore_index=True)
    keys = ["truth", "noise", "method", "of", "ahead"]
    groups = both.groupby(keys, sort=False)
    found = {"sets": groups.size()}
    for level in LEVELS:
        name = f"{100 * level:g}"
        found[f"coverage_{name}"] = groups[f"inside_{name}"].mean()
        found[f"width_{name}"] = groups[f"width_{name}"].median()
    found["rmsle"] = groups["error"].agg(lambda e: float(np.sqrt(np.mean(e**2))))
    found["bias"] = groups["error"].mean()
    return pd.DataFrame(found).reset_index()


def shown(summary: pd.DataFrame, of: str) -> pd.DataFrame:
    """Return coverage of 90 % intervals and their width, truths and distances side by side."""
    pooled = summary[summary["truth"].str.contains("our forms") & (summary["noise"] == "both")]
    pooled = pooled[pooled["of"] == of]
    rows = {}
    for method, group in pooled.groupby("method", sort=False):
        row = {}
        for truth in ("one of our forms", "none of our forms"):
            here = group[group["truth"] == truth].set_index("ahead")
            for ahead in AHEAD:
                coverage, width = here.loc[ahead, ["coverage_90", "width_90"]]
                row[f"{truth.split()[0]}, {ahead:g}x"] = f"{coverage:.0%} ({width:.2g})"
        rows[method] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(of)


# The command --------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=8, help="of each truth and noise")
    parser.add_argument("--workers", type=int, default=None, help="processes; this one by default")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--only-kept", action="store_true", help="summarize what is finished")
    asked = parser.parse_args()
    cache = asked.out / "cache" / "simulated_coverage"
    cache.mkdir(parents=True, exist_ok=True)
    jobs = [(t, n, r) for r in range(asked.replicates) for t in TRUTHS for n in NOISES]
    kept = {job: cache / f"{_digest([SEED, SAMPLING, REFITS, *job])}.json" for job in jobs}
    left = [job for job in jobs if asked.fresh or not kept[job].exists()]
    started = time.monotonic()
    for number, rows in enumerate([] if asked.only_kept else _each(left, asked.workers), 1):
        job = (rows[0]["truth"], rows[0]["noise"], rows[0]["replicate"])
        draft = kept[job].with_suffix(".part")
        draft.write_text(json.dumps(rows))
        draft.replace(kept[job])
        rate = number / (time.monotonic() - started)
        print(
            f"{number}/{len(left)} {job}: {(len(left) - number) / rate / 60:.0f} min left",
            flush=True,
        )
    finished = [path for path in kept.values() if path.exists()]
    table = scored([row for path in finished for row in json.loads(path.read_text())])
    summary = summarized(table)
    summary.to_csv(asked.out / "simulated_coverage.csv", index=False, float_format="%.4g")
    print(f"{len(finished)} data sets; coverage of 90 % intervals (median width in log y)")
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        for of in ("curve", "run"):
            print(shown(summary, of).to_string())


def _each(jobs: list[tuple[str, str, int]], count: int | None) -> Iterator[list[dict]]:
    for part in workers.run(batch, b"", jobs, workers=count, chunk=2, lost=_lost):
        yield from part


def _lost(job: tuple[str, str, int], reason: str) -> list[dict]:
    raise RuntimeError(f"{job} failed: {reason}")


def _digest(parts: Sequence) -> str:
    return hashlib.sha1(json.dumps(list(parts)).encode()).hexdigest()[:8]


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    main()
