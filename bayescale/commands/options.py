"""What the command line takes: options with their help, and what their words mean.

Nothing heavy is imported before an option is used, so that ``--help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.errors import LawError
from bayescale.given import short

RunsFile = Annotated[Path, typer.Argument(help="CSV or Parquet file, one training run a row.")]
FitFile = Annotated[Path, typer.Argument(help="A fit that 'bayescale fit -o' or Fit.save wrote.")]
Outcome = Annotated[str, typer.Option("--y", help="Column of the outcome (loss, error).")]
Column = Annotated[str | None, typer.Option("--x", help="Column of the input x.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--input", help="ROLE=COLUMN, for a law of several inputs; repeat it."),
]


def of_row(flag: str, means: str) -> Any:
    """Return an option for what noise knows of each row."""
    return typer.Option(flag, metavar="COLUMN|NUMBER", help=f"{means}: a column, or a number.")


NObs = Annotated[str | None, of_row("--n-obs", "Of how many evaluations each row is the mean")]
Ceiling = Annotated[
    float | None, typer.Option(help="What a rising metric cannot exceed (1.0 for an accuracy).")
]
RunColumn = Annotated[
    str | None,
    typer.Option(
        "--run",
        help="Column that says which training run a row is a checkpoint of: noise is then "
        "correlated along each run.",
    ),
]
Of = Annotated[str, typer.Option(help="observation (one new run) or curve (the law's value).")]
Prob = Annotated[float, typer.Option(help="Probability of the intervals.")]
Drift = Annotated[
    float | None,
    typer.Option(
        help="How far exponents may drift from the laws' beyond the data; 0: not at all. "
        "[default: 0.3]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


# What was asked for ------------------------------------------------------------------------------


def number_or_word(text: str) -> float | str:
    """Return a number, or what names a column."""
    try:
        return float(text)
    except ValueError:
        return text


def drift_given(given: float | None) -> dict[str, Any]:
    """Return the drift that was given, if one was."""
    return {} if given is None else {"drift": given}


def pairs(given: Sequence[str] | None, option: str, takes: str) -> dict[str, str]:
    """Return what was given as NAME=VALUE, by name.

    Parameters
    ----------
    given
        What follows the option, as often as it was given.
    option
        Its name.
    takes
        What it takes, with an example, in words.
    """
    found: dict[str, str] = {}
    for pair in given or []:
        name, mark, text = (part.strip() for part in pair.partition("="))
        if not (name and mark and text):
            raise LawError(f"--{option} takes {takes}; got {short(pair)}.")
        if name in found:
            raise LawError(f"--{option} has {name} twice: {found[name]!r} and {text!r}.")
        found[name] = text
    return found


def columns_given(x: str | None, inputs: list[str] | None) -> dict[str, str]:
    """Return the column of each role: --x COLUMN, or --input ROLE=COLUMN."""
    named = pairs(inputs, "input", "ROLE=COLUMN, such as params=n_params")
    return _by_role(x, named, "COLUMN")


def inputs_given(x: Sequence[str] | None, inputs: list[str] | None) -> dict[str, list[float]]:
    """Return the numbers of each role: --x NUMBERS, or --input ROLE=NUMBERS."""
    named = pairs(inputs, "input", "ROLE=NUMBERS, such as params=1e9,1e10")
    given = _by_role(",".join(x) if x else None, named, "NUMBERS")
    return {role: numbers(text, role) for role, text in given.items()}


def _by_role(x: str | None, named: dict[str, str], what: str) -> dict[str, str]:
    """Return what is meant by --x and --input together."""
    if x is not None and "x" in named:
        raise LawError("The input x is given twice: by --x, and by --input. Leave one out.")
    given = ({} if x is None else {"x": x}) | named
    if not given:
        raise LawError(f"Which input? Give --x {what}, or --input ROLE={what} for each input.")
    return given


def listed(given: Sequence[str]) -> list[str]:
    """Return words that were given with commas between them, in one option or in several."""
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def numbers(given: str | Sequence[str], option: str) -> list[float]:
    """Return numbers that were given with commas between them, in one option or in several."""
    text = given if isinstance(given, str) else ",".join(given)
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise LawError(
            f"--{option} takes numbers with commas between them, such as 1e10,1e11; "
            f"got {short(text)}."
        ) from None


def one_number(text: str, option: str, role: str) -> float:
    """Return the number that was given for a role."""
    found = numbers(text, f"{option} {role}=")
    if len(found) != 1:
        raise LawError(f"--{option} {role}= takes one number; got {short(text)}.")
    return found[0]
