"""How the choices of ``bs.forecast`` were made, with each family left out in its turn.

Run: uv run python -m benchmarks.extrapolation.choices [DATA_FOLDER] [--workers 2] [--out FOLDER]

Laws, weights and the drift's constants were chosen by looking at published curves, and in the end
at the transfer sets too. Here they are
chosen again, by a rule, on all families but one, and that one is forecast with them. Fits are kept
in <out>/cache/choices, and take about an hour the first time. Writes extrapolation_choices.csv (a
row for each setting; by family for the defaults and every single change of them),
extrapolation_left_out.csv (a row for each family: what the others chose, its scores, and those of
the defaults) and extrapolation_ten_times.csv (fitted up to a tenth of the largest x: scores of
every setting of two laws). ``uv run python docs/extrapolation.py`` writes the page.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale import outlook
from bayescale.data import observations
from bayescale.fitting import Fit
from benchmarks.extrapolation import curves, settings
from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.scores import LEVELS

RESULTS = Path(__file__).parents[1] / "results"
#: What makes a setting.
SETTING = ["laws", "weights", "strength", "slowing", "forgetting", "varying", "least"]
CURVE = ["set", "family", "curve"]
#: How far a coverage may be from what is promised.
CLOSE = 0.03
#: What is fitted and forecast: "falling" and "rising" are the published splits.
KINDS = ("falling", "rising", "ten times")
#: Sets of which the families are, and those that are a family each.
PUBLISHED = ("vision", "language", "nano")
TRANSFER = ("lcdb", "drug", "pretraining", "schedule")
#: The noise of every fit, and how long its chains are.
NOISE = bs.Correlated(bs.LogNormal(n_obs="n_obs"))
LENGTH = {"draws": 500, "tune": 700}
#: Fewest rows to fit and to forecast, where the cut is at a tenth of the largest x.
LEAST_FITTED, LEAST_AHEAD = 8, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="of published data")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    folder = curves.folder_of(asked.folder)
    kinds, cache = asked.kinds.split(","), asked.out / "cache" / "choices"
    tables = {}
    for kind in kinds:
        rows = list(_each(kind, list(_curves(kind, folder)), cache, asked.workers))
        tables[kind] = pd.DataFrame([row for some in rows for row in some])
    asked.out.mkdir(parents=True, exist_ok=True)
    if "ten times" in tables:
        far = marked(pooled(tables.pop("ten times")), default("ten times"))
        far.to_csv(asked.out / "extrapolation_ten_times.csv", index=False, float_format="%.5g")
    if len(tables) == 2:
        written(tables, asked.out)


def written(tables: Mapping[str, pd.DataFrame], out: Path) -> None:
    """Write and print the tables of curves that only fall and of those that rise and fall.

    Parameters
    ----------
    tables
        Kind to a row for each curve and setting.
    out
        The folder.
    """
    grids, left = [], []
    for kind, table in tables.items():
        every = pd.concat([pooled(table).assign(family="all"), pooled(table, "family")])
        every = marked(every, default(kind)).assign(kind=kind)
        single = every["changed"].isin(["", *SETTING])
        grids.append(every[single | (every["family"] == "all")])
        left.append(left_out(table, default(kind)).assign(kind=kind))
    grid, found = pd.concat(grids), pd.concat(left)
    grid.to_csv(out / "extrapolation_choices.csv", index=False, float_format="%.5g")
    found.to_csv(out / "extrapolation_left_out.csv", index=False, float_format="%.5g")
    with pd.option_context("display.width", 250, "display.max_columns", 50):
        print(found.to_string(index=False, float_format="{:.4g}".format))


# The rule -----------------------------------------------------------------------------------------


def default(kind: str) -> dict:
    """Return the setting of ``bs.forecast``; of its laws and weights, what the kind has."""
    laws, weights = settings.default_mixture(kind)
    return {"laws": " + ".join(laws), "weights": weights, **settings.DEFAULT.__dict__}


def marked(table: pd.DataFrame, usual: Mapping) -> pd.DataFrame:
    """Return a table of settings with which choices are not as usual, in words, in ``changed``.

    A single law has no weights, which are then as usual.
    """
    same = pd.DataFrame({name: _is(table[name], usual[name]) for name in SETTING})
    same["weights"] |= ~table["laws"].str.contains(" + ", regex=False)
    words = [" + ".join(n for n in SETTING if not row[n]) for row in same.to_dict("records")]
    return table.assign(changed=words)


def pooled(table: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Return the mean scores of every setting over curves, and how many; also by a column."""
    groups = table.groupby([*by, *SETTING], sort=False)
    found = groups[list(settings.SCORES)].mean()
    found.insert(0, "curves", groups.size())
    return found.reset_index()


def chosen(table: pd.DataFrame) -> pd.Series:
    """Return the setting with the largest mean log density among those that cover as promised.

    Parameters
    ----------
    table
        A row for each setting. It covers as promised where the central intervals of 50, 80, 90 and
        95 % are within 3 points of it; where no setting does, the one with the smallest sum of
        deviations is returned.
    """
    miss = _deviations(table)
    fine = table[(miss <= CLOSE + 1e-9).all(axis=1)]
    best = miss.sum(axis=1).idxmin() if fine.empty else fine["log_score"].idxmax()
    return table.loc[best].copy()


def covers(table: pd.DataFrame, choice: pd.Series) -> bool:
    """Return whether a chosen row of a table of settings covers as promised."""
    return bool((_deviations(table.loc[[choice.name]]) <= CLOSE + 1e-9).all(axis=None))


def _deviations(table: pd.DataFrame) -> pd.DataFrame:
    return (table[list(settings.COVERAGES)] - list(LEVELS)).abs()


def left_out(table: pd.DataFrame, usual: Mapping) -> pd.DataFrame:
    """Return what the other families choose for each, its scores, and those of a usual setting.

    Parameters
    ----------
    table
        A row for each curve and setting.
    usual
        A setting, of which the scores are called ``default_...``.

    Returns
    -------
    pandas.DataFrame
        A row for each family, and two of all curves: ``"all, left out"`` with what the others
        chose for each, ``"all"`` with the one setting that all families choose. ``gain`` is the
        log score of the defaults less that of the choice, ``gain_se`` its standard error over
        curves; ``covers`` whether the choice covered as promised where it was chosen.
    """
    scores = list(settings.SCORES)
    as_usual = _rows(table, usual)
    rows, parts = [], []
    for family in [*table["family"].unique(), "all"]:
        rest = pooled(table[table["family"] != family])
        choice = chosen(rest)
        own = _rows(table, choice)
        own = own if family == "all" else own[own["family"] == family]
        if family != "all":
            parts.append(own)
        named = {"family": family, **choice[SETTING].to_dict(), "covers": covers(rest, choice)}
        rows.append(named | _compared(own[scores], as_usual.loc[own.index, scores]))
    every = pd.concat(parts)
    whole = _compared(every[scores], as_usual.loc[every.index, scores])
    return pd.DataFrame([*rows, {"family": "all, left out", **whole}])


def _compared(own: pd.DataFrame, usual: pd.DataFrame) -> dict[str, float]:
    """Return mean scores over curves of a choice and of the defaults, and what these gain."""
    gain = usual["log_score"] - own["log_score"]
    mean = {"curves": len(own), **own.mean()}
    mean |= {f"default_{name}": value for name, value in usual.mean().items()}
    return mean | {"gain": gain.mean(), "gain_se": gain.sem()}


def _rows(table: pd.DataFrame, setting: Mapping | pd.Series) -> pd.DataFrame:
    """Return the rows of one setting, by set, family and curve."""
    same = np.logical_and.reduce([_is(table[name], setting[name]) for name in SETTING])
    return table[same].set_index(CURVE, drop=False).rename_axis([None] * len(CURVE))


def _is(column: pd.Series, value: str | float) -> pd.Series:
    return column == value if isinstance(value, str) else (column - value).abs() < 1e-3


# Curves and fits ----------------------------------------------------------------------------------


def _curves(kind: str, folder: Path) -> Iterator[Curve]:
    """Yield the curves of a kind, the held-out runs thinned."""
    if kind == "rising":
        for curve in curves.read(folder, ("double_descent",)):
            yield _thin(replace(curve, family=_source(curve.name)))
        return
    if kind == "ten times":
        for curve in curves.read(folder, ("vision", "language")):
            shorter = shortened(curve)
            if shorter is not None:
                yield _thin(shorter)
        return
    for curve in curves.read(folder, (*PUBLISHED, *TRANSFER)):
        if curve.set in PUBLISHED:
            yield _thin(curve)
        elif _falls(curve):  # each transfer set is a family
            yield _thin(replace(curve, family=curve.set))


def _falls(curve: Curve) -> bool:
    """Return whether the package takes a curve for one that only falls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.DataWarning)  # of short ranges of x
        runs = observations(bs.PowerLaw(), NOISE, curve.train, "y", {"x": "x"})
    return not any(law.turns for law in outlook.default_laws(runs).values())


def _source(name: str) -> str:
    """Return what kind of network a double-descent curve is of."""
    if "mcnn" in name:
        return "convolutional"
    return "residual" if name.startswith(("cifar100", "df")) else "translation"


def _thin(curve: Curve) -> Curve:
    return replace(curve, test=curves.thinned(curve.test))


def shortened(curve: Curve, times: float = 10.0) -> Curve | None:
    """Return a curve cut at a tenth of its largest x, or None where that leaves too little."""
    train, test = curve.train, curve.test
    cut = test["x"].max() / times
    ahead = pd.concat([train[["x", "y"]], test])
    ahead = ahead[ahead["x"] > cut].groupby("x", as_index=False)["y"].mean()
    fitted = train[train["x"] <= cut].reset_index(drop=True)
    if len(fitted) < LEAST_FITTED or len(ahead) < LEAST_AHEAD:
        return None
    return replace(curve, train=fitted, test=ahead)


def _laws(kind: str) -> dict[str, bs.Law]:
    if kind == "ten times":
        return {name: settings.FALLING[name] for name in settings.TEN_TIMES}
    return settings.RISING if kind == "rising" else settings.FALLING


def place(cache: Path, name: str, curve: Curve) -> Path:
    """Return the file of a law's fit to the training rows of a curve."""
    rows = curve.train[["x", "y", "n_obs"]].to_numpy(float).tobytes()
    digest = hashlib.sha1(rows).hexdigest()[:8]
    return cache / f"{name.replace(' ', '-')}--{curve.key}-{digest}.nc"


def fitted(law: bs.Law, curve: Curve, path: Path) -> Fit:
    """Return a law's fit to the training rows, from its file where it is of the same law."""
    if path.exists():
        fit = bs.load(path)
        rows = np.stack([fit.runs.inputs["x"], fit.runs.outcome])
        wanted = curve.train[["x", "y"]].to_numpy().T
        same = rows.shape == wanted.shape and np.allclose(rows, wanted, rtol=1e-9)
        if same and fit.law == law and fit.likelihood == NOISE:
            return fit
        path.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(
            curve.train, y="y", x="x", likelihood=NOISE, retry=False, cores=1, progress=False,
            **LENGTH,
        )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    fit.save(path)
    return fit


def measured(kind: str, curve: Curve, cache: Path) -> list[dict]:
    """Return a row for each setting of a curve: what it is, and its scores."""
    size = curve.train["x"].nunique()
    members = {
        name: settings.Member(fitted(law, curve, place(cache, name, curve)), curve.test)
        for name, law in _laws(kind).items()
        if law.sizes_needed("x") <= size
    }
    common = {"set": curve.set, "family": curve.family, "curve": curve.name}
    return [common | row for row in settings.scored(members, kind)]


def _each(kind: str, taken: list[Curve], cache: Path, workers: int) -> Iterator[list[dict]]:
    start = said = time.monotonic()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # of the processes that are started now
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        asked = [pool.submit(measured, kind, curve, cache) for curve in taken]
        for number, future in enumerate(as_completed(asked), 1):
            yield future.result()
            now = time.monotonic()
            if now - said > 20 or number == len(taken):
                said = now
                ahead = (now - start) / number * (len(taken) - number)
                print(f"{kind}: {number}/{len(taken)}, {ahead / 60:.1f} minutes left", flush=True)


if __name__ == "__main__":
    main()
