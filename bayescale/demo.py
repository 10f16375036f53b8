"""The main job on data that ships with the package: power law or broken power law?"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.backtest_record import Backtest
from bayescale.backtesting import backtest
from bayescale.comparison import compare
from bayescale.datasets import load_dataset
from bayescale.ensembles import Ensemble, ensemble
from bayescale.errors import FileError, unknown
from bayescale.forms.broken_power_law import BrokenPowerLaw
from bayescale.forms.power_law import PowerLaw
from bayescale.paths import given_path
from bayescale.progress import task
from bayescale.tables import number, say, show, show_comparison, show_fit
from bayescale.verdicts import verdict

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit

DATASET, TASK, X, Y = "digits_learning_curves", "digits", "examples", "error"
MODEL = "gradient_boosting"
#: How many of the largest sizes are held out, and from how many cut-offs.
HOLDOUT, CUTOFFS = 4, 3
#: How far beyond the data to forecast.
BEYOND = (2.0, 5.0, 10.0)
#: What the data card says of the noise.
CORRELATED = (
    "All sizes share seeds, nested training subsets and test sets, so their errors rise and fall "
    "together; both laws take rows as independent, so intervals and standard errors may be too "
    "small."
)


@dataclass(frozen=True, eq=False)
class _Results:
    """What the demo found, and the files that hold it."""

    fits: dict[str, Fit]
    comparison: pd.DataFrame
    tested: Backtest
    both: Ensemble
    paths: list[Path]


def run(out: Path, model: str = MODEL, progress: bool | None = None) -> int:
    """Fit both laws to a learning curve, compare them, forecast, and write fits and pictures.

    Parameters
    ----------
    out
        The folder for the files that it writes; made if need be.
    model
        Whose learning curve: a classifier of the data set ``digits_learning_curves``.
    progress
        Whether to show what is under way; by default in a terminal or a notebook.

    Returns
    -------
    int
        The exit code, 0.

    Raises
    ------
    FileError
        If the folder cannot be made.
    UnknownNameError
        If the data set has no such classifier.
    """
    runs = load_dataset(DATASET)
    known = set(runs.loc[runs["task"] == TASK, "model"])
    if model not in known:
        raise unknown("model", model, known)
    runs = runs.loc[(runs["task"] == TASK) & (runs["model"] == model)]
    folder = _folder(out)
    curve = runs.groupby(X).agg({Y: "mean"}).reset_index()
    _tell(runs, curve, model)
    found = _work(curve, folder, progress)
    for fit in found.fits.values():
        say("")
        show_fit(fit)
    say("")
    show_comparison(found.comparison, found.tested)
    said = verdict(found.fits, comparison=found.comparison, backtest=found.tested)
    say(f"Verdict: {said.paragraph}")
    for caveat in (*said.caveats, CORRELATED):
        say(f"- {caveat}")
    say("")
    target = _target(curve)
    _show_forecasts(found, curve, target)
    pictures = _draw(found, curve, target, folder)
    say("Written:")
    for path in (*found.paths, *pictures):
        print(f"  {path}")
    called = "uv run bayescale" if "UV_RUN_RECURSION_DEPTH" in os.environ else "bayescale"
    print(f"Go on with: {called} forecast {shlex.quote(str(found.paths[-1]))} --x 1e4,1e5")
    print(f"And with a table of yours: {called} outlook runs.csv --x COLUMN --y COLUMN --at 1e10")
    return 0


def _folder(out: Path) -> Path:
    folder = given_path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be made: {error.strerror or error}. Choose another with "
            "--out."
        ) from error
    return folder


def _tell(runs: pd.DataFrame, curve: pd.DataFrame, model: str) -> None:
    """Print the data's story, from the data."""
    facts = runs.attrs
    x, y = np.log(curve[X]), np.log(curve[Y])
    third = len(curve) // 3
    early, late = (
        -np.polyfit(x[part], y[part], 1)[0] for part in (slice(third), slice(-third, None))
    )
    seeds = runs["seed"].nunique()
    say(f"{facts['title']} ({facts['name']}); {facts['source']}.")
    say(
        f"One curve of it: the test error of {model} on {TASK}, mean over {seeds} seeds, at "
        f"{len(curve)} sizes. From {curve[X].min()} to {curve[X].max()} training examples it falls "
        f"from {number(curve[Y].iloc[0])} to {number(curve[Y].iloc[-1])}; its slope on log axes is "
        f"{early:.2f} over the smallest {third} sizes and {late:.2f} over the largest {third}."
    )
    say("Is that one power law with a floor, or does the law break? And what would more data give?")


def _work(curve: pd.DataFrame, folder: Path, progress: bool | None) -> _Results:
    """Do all that takes time; a fit is saved as soon as it is there."""
    laws: dict[str, Any] = {"power law": PowerLaw(), "broken power law": BrokenPowerLaw(breaks=1)}
    fits, paths = {}, []
    with task("Demo", total=len(laws) + 2, progress=progress) as bar:
        for name, law in laws.items():
            fits[name] = law.fit(curve, y=Y, x=X, seed=0, progress=progress)
            paths.append(folder / f"{name.replace(' ', '_')}.nc")
            fits[name].save(paths[-1])
            bar.update(advance=1)
        comparison = compare(fits, progress=progress)
        bar.update(advance=1)
        held: dict[str, Any] = {"holdout": HOLDOUT, "cutoffs": CUTOFFS, "seed": 0}
        tested = backtest(laws, curve, y=Y, x=X, **held, progress=progress)
        bar.update(advance=1)
    return _Results(fits, comparison, tested, ensemble(fits), paths)


def _target(curve: pd.DataFrame) -> float:
    """Return half of the smallest error, rounded to one digit."""
    return float(f"{curve[Y].to_numpy().min() / 2:.0e}")


def _show_forecasts(found: _Results, curve: pd.DataFrame, target: float) -> None:
    at = (np.array(BEYOND) * curve[X].to_numpy().max()).tolist()
    sources: Mapping[str, Any] = {**found.fits, "both, equal weights": found.both}
    intervals = {name: source.forecast(x=at).interval(0.9) for name, source in sources.items()}
    show(
        _stacked(intervals),
        f"Forecast of {Y} (one new run, 90 % equal-tailed interval); extrapolation is {X} over the "
        "largest seen",
        {"extrapolation": ".0f"},
    )
    needed = {name: source.required(y=target).interval(0.9) for name, source in sources.items()}
    show(
        _stacked(needed),
        f"{X} at which the curve reaches {Y} = {number(target)} (90 % equal-tailed interval; inf "
        "is never)",
        {"p_never": ".3f", "extrapolation": ".1f"},
    )


def _stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    rows = pd.concat([table.assign(law=name) for name, table in tables.items()])
    first = rows.columns[0]
    rows = rows.sort_values(first, kind="stable", ignore_index=True)
    return rows.reindex(columns=[first, "law", *rows.columns.drop([first, "law"])])


def _draw(found: _Results, curve: pd.DataFrame, target: float, folder: Path) -> list[Path]:
    """Write the pictures; one that fails is reported, and the others are drawn."""
    from bayescale.plots.album import draw_into

    with task("Drawing"):
        return draw_into(folder, _pictures(found, curve, target))


def _pictures(found: _Results, curve: pd.DataFrame, target: float) -> dict[str, Callable[[], Any]]:
    import bayescale as bs

    grid = np.geomspace(curve[X].min(), curve[X].max() * max(BEYOND), 150)
    power, broken = found.fits.values()
    return {
        "fit_power_law": lambda: bs.plot_fit(power),
        "fit_broken_power_law": lambda: bs.plot_fit(broken),
        "breaks": lambda: bs.plot_breaks(broken),
        "compare": lambda: bs.plot_compare(found.comparison),
        "backtest": lambda: bs.plot_backtest(found.tested),
        "forecast": lambda: bs.plot_forecast(found.both.forecast(x=grid)),
        "required": lambda: bs.plot_required(found.both.required(y=target)),
    }
