"""What the command line takes: options with their help, and what their words mean.

Nothing heavy is imported before an option is used, so that ``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bayescale.errors import LawError

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


def columns_given(x: str | None, inputs: list[str] | None) -> dict[str, str]:
    """Return what was given for each role: --x TEXT, or --input ROLE=TEXT."""
    given = {} if x is None else {"x": x}
    for pair in inputs or []:
        role, mark, text = pair.partition("=")
        if not (role and mark and text):
            raise LawError(f"--input takes ROLE=COLUMN, such as params=n_params; got {pair!r}.")
        given[role] = text
    if not given:
        raise LawError("Which input? Give --x COLUMN, or --input ROLE=COLUMN for each input.")
    return given


def numbers(text: str, option: str) -> list[float]:
    """Return numbers that were given with commas between them."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise LawError(
            f"--{option} takes numbers with commas between them, such as 1e10,1e11; got {text!r}."
        ) from None


def one_number(text: str, role: str) -> float:
    """Return the number that was given for a role."""
    found = numbers(text, f"input {role}=")
    if len(found) != 1:
        raise LawError(f"--input {role}= takes one number here; got {text!r}.")
    return found[0]
