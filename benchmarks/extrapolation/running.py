"""Running groups of methods over curves, so that a run that was killed goes on where it was.

Every curve's rows are a JSON file in ``<out>/cache/extrapolation/<group>-<settings>/``, named by
the curve and by a digest of its rows: other settings or other data are measured again, the rest is
read. Failures are tried again.
"""

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extrapolation import competitors, gaussian_process, least_squares, ours
from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.scores import TINY, Predictive, scored

#: Quantiles of each forecast that are kept, for pictures.
KEPT = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Group:
    """Methods that are run together, and the settings that change what they find."""

    forecasts: Callable[[Curve], dict[str, Predictive]]
    settings: dict[str, Any]

    @property
    def digest(self) -> str:
        """A short name of the settings."""
        return _digest(json.dumps(self.settings, sort_keys=True))


GROUPS = {
    "squares": Group(
        competitors.squares,
        {
            "starts": least_squares.STARTS,
            "refits": least_squares.REFITS,
            "draws": least_squares.DRAWS,
            "steps": least_squares.STEPS,
        },
    ),
    "gp": Group(competitors.process, {"starts": gaussian_process.STARTS}),
    "emcee": Group(
        competitors.walkers,
        {"forms": competitors.EMCEE_FORMS, "steps": 150, "draws": competitors.EMCEE_DRAWS},
    ),
    "pymc": Group(ours.independent, ours.SETTINGS | {"laws": [*ours.INDEPENDENT]}),
    "bayescale": Group(ours.default, {}),
}


@dataclass(frozen=True, eq=False)
class Measured:
    """What one group said of one curve: a row for each method, and quantiles of log y."""

    rows: list[dict[str, Any]]
    quantiles: dict[str, np.ndarray]


def measured(group: str, curve: Curve) -> Measured:
    """Fit a group's methods to a curve and score them; a failure is a row with its reason."""
    common = {
        "group": group, "set": curve.set, "family": curve.family, "curve": curve.name,
        "train": len(curve.train), "test": len(curve.test), "ahead": curve.ahead,
    }  # fmt: skip
    start = time.perf_counter()
    x, y = (curve.test[name].to_numpy(float) for name in ("x", "y"))
    rows, quantiles = [], {}
    try:
        found = GROUPS[group].forecasts(curve)
        seconds = time.perf_counter() - start
        for method, made in found.items():
            about = {"seconds": made.about.pop("s", seconds / len(found))}
            scores = scored(made, x, y)
            rows.append(
                {**common, "method": method, "failure": "", **about, **scores, **made.about}
            )
            logs = np.log(np.maximum(made.draws, TINY))
            quantiles[method] = np.quantile(logs, KEPT, axis=0)
    except Exception as problem:  # a benchmark goes on, and says what failed
        reason = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
        rows, quantiles = [{**common, "method": group, "failure": reason}], {}
    return Measured(rows, quantiles)


def run(
    groups: list[str], curves: list[Curve], cache: Path, *, workers: int = 1, fresh: bool = False
) -> Iterator[tuple[str, Curve, Measured]]:
    """Yield what each group said of each curve, from the cache or measured now.

    Parameters
    ----------
    groups
        Names in ``GROUPS``.
    curves
        The curves.
    cache
        The folder of finished records.
    workers
        How many processes.
    fresh
        Whether finished records are measured again.
    """
    left = []
    for group in groups:
        for curve in curves:
            path = place(cache, group, curve)
            done = None if fresh else read(path)
            if done is None:
                left.append((group, curve))
            else:
                yield group, curve, done
    if not left:
        return
    print(f"{len(groups) * len(curves) - len(left)} from {cache}, {len(left)} to run", flush=True)
    start = said = time.monotonic()
    for number, (group, curve, done) in enumerate(_each(left, workers), 1):
        write(place(cache, group, curve), done)
        yield group, curve, done
        failure = done.rows[0]["failure"]
        if failure:
            print(f"{group} {curve.key}: {failure}", flush=True)
        now = time.monotonic()
        if now - said > 10 or number == len(left):
            said, rate = now, number / (now - start)
            ahead = (len(left) - number) / rate
            print(
                f"{number}/{len(left)} {group} {curve.key}: {60 * rate:.1f} a minute, "
                f"{ahead / 60:.1f} minutes left",
                flush=True,
            )


def _each(jobs: list[tuple[str, Curve]], workers: int) -> Iterator[tuple[str, Curve, Measured]]:
    if workers < 2:
        for group, curve in jobs:
            yield group, curve, measured(group, curve)
        return
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # of the processes that are started now
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        asked = {pool.submit(measured, *job): job for job in jobs}
        for future in as_completed(asked):
            yield *asked[future], future.result()


# Records ------------------------------------------------------------------------------------------


def place(cache: Path, group: str, curve: Curve) -> Path:
    """Return the file of a group's record of a curve."""
    columns = [curve.train[name] for name in ("x", "y", "n_obs")]
    columns += [curve.test[name] for name in ("x", "y")]
    data = _digest(b"".join(np.asarray(column, float).tobytes() for column in columns))
    return cache / f"{group}-{GROUPS[group].digest}" / f"{curve.key}-{data}.json"


def write(path: Path, done: Measured) -> None:
    """Write a record at once or not at all; failures are not kept."""
    if any(row["failure"] for row in done.rows):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    quantiles = {name: value.round(6).tolist() for name, value in done.quantiles.items()}
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"rows": done.rows, "quantiles": quantiles}))
    draft.replace(path)


def read(path: Path) -> Measured | None:
    """Return a finished record, or None."""
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return Measured(found["rows"], {k: np.array(v) for k, v in found["quantiles"].items()})


def _digest(data: str | bytes) -> str:
    return hashlib.sha1(data.encode() if isinstance(data, str) else data).hexdigest()[:8]
