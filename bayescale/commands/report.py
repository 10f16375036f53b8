"""``bayescale report``: a saved fit as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.commands.options import Drift, FitFile, Json, Prob, columns_given, numbers
from bayescale.errors import LawError


def report(
    file: FitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")] = Path(
        "report.html"
    ),
    x: Annotated[
        str | None,
        typer.Option("--x", help="Inputs to forecast, with commas. [default: 1, 3, 10 times]"),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="ROLE=VALUES, for a law of several inputs; repeat it."),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="Another saved fit to the same rows, to compare with; repeat it."),
    ] = None,
    backtest: Annotated[
        float | None,
        typer.Option(help="Also backtest: share (or number) of the largest inputs held out."),
    ] = None,
    checklist: Annotated[
        Path | None,
        typer.Option(help="TOML file of answers to what a fit cannot know; a report lists them."),
    ] = None,
    sections: Annotated[
        str | None,
        typer.Option(help="Sections, with commas: summary,forecast,checklist. [default: all]"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The heading.")] = None,
    prob: Prob = 0.9,
    drift: Drift = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out all that fits again.")] = False,
    seconds: Annotated[
        float, typer.Option(help="After so many seconds no fit is begun any more.")
    ] = 300.0,
    as_json: Json = False,
) -> None:
    """Write a report of a saved fit: one HTML file for readers and reviewers.

    Data, law and priors, posterior, pictures, comparison and backtest, diagnostics in words,
    sensitivities, a checklist, and a paragraph of methods. It needs no network.
    """
    from bayescale import files
    from bayescale.commands.output import print_json, problems_of
    from bayescale.drift import DRIFT
    from bayescale.reporting import writing

    at = None
    if x is not None or inputs:
        given = columns_given(x, inputs)
        at = {role: numbers(text, role) for role, text in given.items()}
    fit = _fit_in(files.load(file), file)
    others = {}
    for path in compare or []:
        other = _fit_in(files.load(path), path)
        others[other.name if other.name not in {fit.name, *others} else str(path)] = other
    place = writing.report(
        fit, output, title=title, at=at, compare=others or None, backtest=backtest,
        checklist=checklist, prob=prob, drift=DRIFT if drift is None else drift, quick=quick,
        sections=None if sections is None else [n.strip() for n in sections.split(",")],
        seconds=seconds,
    )  # fmt: skip
    if as_json:
        print_json({"file": str(place), "law": fit.name, "good": fit.diagnostics.good})
    else:
        print(f"Written to {place}.", file=sys.stdout)
    raise typer.Exit(problems_of([fit]))


def _fit_in(loaded: Any, path: Path) -> Any:
    """Return a saved fit; an ensemble has a report of each of its members."""
    if hasattr(loaded, "fits"):
        raise LawError(
            f"{path} holds an ensemble of {', '.join(loaded.fits)}. A report is of one fit: save "
            "a member, bs.load(...).fits[name].save('fit.nc')."
        )
    return loaded
