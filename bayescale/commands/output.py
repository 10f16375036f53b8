"""What the command line prints and keeps: results to standard output, the rest to the other."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayescale.errors import BayescaleWarning, FileError
from bayescale.visible import visible

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.ensembles import Ensemble
    from bayescale.fitting import Fit

# Nothing is lost ---------------------------------------------------------------------------------


def check_output(output: Path) -> None:
    """Refuse a path that cannot be written to, or a file that is no fit, before sampling."""
    from bayescale import files, paths

    place = paths.writable(output)
    if place.exists() and not files.is_fit(place):
        raise FileError(
            f"{place} exists and is not a fit, so it is not overwritten. Choose another name for "
            "-o, or move that file away."
        )


def saved_fit(made: Fit | Ensemble, output: Path) -> str | None:
    """Save the fit, elsewhere if need be, and return where it is."""
    import secrets
    import tempfile

    try:
        made.save(output)
        return str(output)
    except FileError as error:
        note(str(error), "Error")
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        place = folder / f"{output.stem}-{secrets.token_hex(3)}.nc"
        try:
            made.save(place)
        except FileError:
            continue
        note(f"The fit is not lost: it was saved to {place} instead.")
        return str(place)
    note("The fit could not be saved anywhere else either; its tables follow.")
    return None


# What is printed ---------------------------------------------------------------------------------


def shown_as_notes(shown: Any) -> Any:
    """Return a way to show warnings: ours as a line, once; others as before."""
    seen = set()

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, BayescaleWarning):
            shown(message, category, *rest, **more)
        elif str(message) not in seen:
            seen.add(str(message))
            note(str(message))

    return show


def as_options(text: str, flags: Mapping[str, str]) -> str:
    """Return a message with arguments as they are given here: ``draws=4`` is ``--draws 4``.

    Parameters
    ----------
    text
        As Python's users get it.
    flags
        Name of an argument to the option that is this one here.
    """
    if not flags:
        return text

    def option(found: re.Match[str]) -> str:
        return flags[found[1]] + (f" {found[2]}" if found[2] else "")

    listed = "|".join(map(re.escape, flags))
    return re.sub(rf"(?<![\w.(-])({listed})=('[^']*'|[\w.]*\w)?(?!\.\.)", option, text)


#: The options of the command that runs, by the names that they have in Python.
flags: ContextVar[Callable[[], Mapping[str, str]]] = ContextVar("flags", default=dict)


def note(text: str, kind: str = "Note") -> None:
    """Say something on standard error, in one line, with options as they are given here."""
    words = as_options(" ".join(text.split()), flags.get()())
    print(f"{kind}: {visible(words)}", file=sys.stderr)


def print_json(record: Any) -> None:
    """Print a record as JSON."""
    from bayescale import tables

    print(json.dumps(tables.plain(record), indent=2, allow_nan=False))


def show_list(table: pd.DataFrame, as_json: bool) -> None:
    """Print what there is, as cards or as JSON."""
    from bayescale import tables

    if as_json:
        print_json(table)
    else:
        tables.show_cards(table)


def heading(made: Fit) -> dict[str, Any]:
    """Return what was fitted to what, and how well it was sampled."""
    return {
        "law": made.name,
        "likelihood": made.likelihood.label,
        "outcome": made.runs.outcome_column,
        "inputs": made.runs.columns,
        "runs": len(made.runs),
        "diagnostics": vars(made.diagnostics) | {"good": made.diagnostics.good},
    }


#: A law of an ensemble counts if it has this share, or half of an equal one.
_LIGHT = 0.05


def fits_of(made: Fit | Ensemble) -> list[Fit]:
    """Return the one fit, or those of an ensemble that weigh enough to spoil its answers."""
    from bayescale.ensembles import Ensemble

    if not isinstance(made, Ensemble):
        return [made]
    least = min(_LIGHT, 0.5 / len(made.fits))
    shares = zip(made.fits.values(), made.shares, strict=True)
    return [fit for fit, share in shares if share >= least]


def record_of(made: Any) -> dict[str, Any]:
    """Return what is said of a saved fit or ensemble."""
    return outlook_record(made) if hasattr(made, "fits") else heading(made)


def outlook_record(mixture: Ensemble) -> dict[str, Any]:
    """Return the laws of a mixture with their weights."""
    laws = [
        {"name": name, "weight": float(share)} | heading(fit)
        for (name, fit), share in zip(mixture.fits.items(), mixture.shares, strict=True)
    ]
    return {"weights": mixture.rule, "laws": laws}


def fit_record(made: Fit) -> dict[str, Any]:
    """Return all that is told of a fit."""
    return heading(made) | {
        "formula": made.law.formula,
        "engine": made.engine,
        "notes": made.notes,
        "parameters": made.summary().rename_axis("parameter"),
        "constants": made.constants(),
    }


def problems_of(fits: list[Fit], quiet: bool = False) -> int:
    """Say on standard error which fits cannot be trusted, and return the exit code."""
    bad = [made for made in fits if not made.diagnostics.good]
    for made in bad if not quiet else []:
        found = made.diagnostics
        note(f"{made.name}: {found.line()}. {' '.join(found.advice)}")
    return 1 if bad else 0
