"""``bayescale report``: a saved fit as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.commands.options import Drift, FitFile, Json, Prob, inputs_given, listed
from bayescale.errors import LawError, unknown


def report(
    file: FitFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")] = Path(
        "report.html"
    ),
    x: Annotated[
        list[str] | None,
        typer.Option("--x", help="Inputs to forecast, with commas. [default: 1, 3, 10 times]"),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="ROLE=VALUES, for a law of several inputs; repeat it."),
    ] = None,
    member: Annotated[
        str | None, typer.Option(help="Which law to report, of what 'bayescale outlook -o' saved.")
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
        list[str] | None,
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

    at = inputs_given(x, inputs) if x or inputs else None
    fit = _fit_in(files.load(file), file, member)
    others = {}
    for path in compare or []:
        other = _fit_in(files.load(path), path, None)
        others[other.name if other.name not in {fit.name, *others} else str(path)] = other
    place = writing.report(
        fit, output, title=title, at=at, compare=others or None, backtest=backtest,
        checklist=checklist, prob=prob, drift=DRIFT if drift is None else drift, quick=quick,
        sections=listed(sections) if sections else None,
        seconds=seconds,
    )  # fmt: skip
    if as_json:
        print_json({"file": str(place), "law": fit.name, "good": fit.diagnostics.good})
    else:
        print(f"Written to {place}.", file=sys.stdout)
    raise typer.Exit(problems_of([fit]))


def _fit_in(loaded: Any, path: Path, member: str | None) -> Any:
    """Return a saved fit, or the named one of a saved mixture."""
    if not hasattr(loaded, "fits"):
        if member is not None:
            raise LawError(f"--member is for a mixture; {path} holds one fit, of {loaded.name}.")
        return loaded
    if member is None:
        heaviest = loaded.weights.idxmax()
        raise LawError(
            f"{path} holds a mixture of {', '.join(loaded.fits)}. A report is of one law: give "
            f"--member '{heaviest}', which weighs most, or another."
        )
    if member not in loaded.fits:
        raise unknown("law in the mixture", member, loaded.fits)
    return loaded.fits[member]
