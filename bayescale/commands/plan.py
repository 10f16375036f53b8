"""The command ``bayescale plan``: which run to train next, from saved fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.commands.options import Drift, Json, drift_given, numbers, pairs
from bayescale.commands.output import fits_of, note, print_json
from bayescale.errors import LawError


def plan(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FIT...",
            help="Fits that 'bayescale fit -o' or Fit.save wrote; several are an ensemble.",
        ),
    ],
    candidates: Annotated[
        Path,
        typer.Option(help="CSV or Parquet file, a possible run a row, columns as in the runs."),
    ],
    goal: Annotated[
        list[str],
        typer.Option(
            help="What to know better: ROLE=NUMBER of a forecast (repeat it for each input), a "
            "parameter's name, or 'form' (several fits: which law is true)."
        ),
    ],
    cost: Annotated[
        str | None,
        typer.Option(
            help="Column of the candidates that says what each costs. [default: 6 N D of params "
            "and tokens, the compute of a law of compute, else 1 a run]"
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="What may be spent, in the units of the cost.")
    ] = None,
    most: Annotated[int | None, typer.Option(help="At most so many runs.")] = None,
    measure: Annotated[
        str, typer.Option(help="variance (its share that goes) or information (nats).")
    ] = "variance",
    drift: Drift = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw value against cost into this PNG file.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 0,
    as_json: Json = False,
) -> None:
    """Say which run to train next.

    For each candidate: what share of the goal's variance its outcome is expected to take away, for
    what it costs; within a budget, which runs to make, in order.
    """
    from bayescale import tables
    from bayescale.experiments import choosing

    if len(set(files)) < len(files):
        raise LawError("A fit is named twice: an ensemble needs different fits.")
    fits = _loaded(files)
    made = choosing.next_runs(
        _source(fits), tables.read_runs(candidates), goal=_goal(goal), cost=cost, budget=budget,
        most=most, measure=measure, seed=seed, **drift_given(drift),
    )  # fmt: skip
    if picture is not None:
        _draw(made, picture)
    if as_json:
        print_json(_record(made))
    else:
        _show(made)
    bad = {
        name: own.diagnostics.line()
        for name, made_of in fits.items()
        for own in fits_of(made_of)
        if not own.diagnostics.good
    }
    for name, line in bad.items():
        note(f"{name}: {line}")
    raise typer.Exit(1 if bad else 0)


def _loaded(paths: list[Path]) -> dict[str, Any]:
    """Return fits by the names of their files."""
    from bayescale import files

    return {str(path): files.load(path) for path in paths}


def _source(fits: dict[str, Any]) -> Any:
    """Return one fit, or the ensemble of several, by the names of their laws."""
    from bayescale.ensembles import ensemble

    made = list(fits.values())
    return made[0] if len(made) == 1 else ensemble(made)


def _goal(given: list[str]) -> Any:
    """Return the inputs of a forecast, or a name."""
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    takes = "ROLE=NUMBER for each input of a forecast (x=1e10), or one name (exponent)"
    named = pairs(given, "goal", takes)
    return {role: numbers(text, f"goal {role}=") for role, text in named.items()}


def _draw(made: Any, path: Path) -> None:
    from bayescale.errors import FileError
    from bayescale.plots import album
    from bayescale.plots.next_runs import plot_next_runs

    if path.suffix != ".png":
        raise LawError(f"--picture takes the name of a PNG file; got {path}.")
    if not path.parent.is_dir():
        raise FileError(f"There is no folder {path.parent} for {path.name}.")
    album.draw_into(path.parent, {path.stem: lambda: plot_next_runs(made)})


def _record(made: Any) -> dict[str, Any]:
    return {
        "goal": made.goal,
        "measure": made.measure,
        "sd": made.sd,
        "scale": made.scale,
        "cost_unit": made.cost_unit,
        "budget": made.budget,
        "drift": made.drift,
        "batch": made.batch,
        "candidates": made.table,
    }


def _show(made: Any) -> None:
    from bayescale import tables

    title, *notes = [made.title, *made.notes]
    table = made.shown.drop(columns="why", errors="ignore")
    tables.show(table, title)
    for words in notes:
        tables.say(words)
    best = made.best
    inputs = ", ".join(f"{column} = {best[column]:.4g}" for column in made.inputs)
    tables.say(f"Most for its cost: {inputs}. {best['why'][:1].upper()}{best['why'][1:]}.")
