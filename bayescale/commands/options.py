"""What the command line takes: options with their help, and what their words mean.

Nothing heavy is imported before an option is used, so that ``--help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
Breaks = Annotated[int | None, typer.Option(help="How many breaks (1 to 8).")]
Placement = Annotated[
    str | None, typer.Option(help="Where breaks may lie: cells, fixed or free. [default: cells]")
]
Signed = Annotated[
    bool, typer.Option("--signed", help="Let the curve rise and fall (double descent).")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=NUMBER",
        help="Fix a parameter or a constant at a number, or set an option of the law; repeat it.",
    ),
]
Noise = Annotated[
    str | None,
    typer.Option(
        "--likelihood",
        help="lognormal, studentt, normal, binomial, betabinomial, exgaussian, correlated, "
        "heteroscedastic, replicated or resampled. [default: the law's; binomial with --trials]",
    ),
]


def _of_row(flag: str, means: str) -> Any:
    """Return an option for what noise knows of each row."""
    return typer.Option(flag, metavar="COLUMN|NUMBER", help=f"{means}: a column, or a number.")


Trials = Annotated[str | None, _of_row("--trials", "Of how many test items a row is the share")]
NObs = Annotated[str | None, _of_row("--n-obs", "Of how many evaluations each row is the mean")]
YSd = Annotated[str | None, _of_row("--y-sd", "Known standard error of a row, in the units of y")]
XRelativeSd = Annotated[
    str | None,
    _of_row("--x-relative-sd", "Known standard error of the input, as a share of it (0.1: 10 %)"),
]
Resolution = Annotated[str | None, _of_row("--resolution", "The step to which y was rounded")]
Censored = Annotated[str | None, _of_row("--censored", "The cap at which larger y are recorded")]
GuessRate = Annotated[
    float | None,
    typer.Option("--guess-rate", help="Share that is right by guessing (0.25 of four choices)."),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="COLUMN", help="Configuration of a row, for replicated."),
]
Resample = Annotated[
    str | None,
    typer.Option("--resample", metavar="COLUMN", help="Test resample of a row, for resampled."),
]
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
Draws = Annotated[int, typer.Option(help="Kept draws of each chain.")]
Tune = Annotated[int, typer.Option(help="Tuning steps of each chain.")]
Chains = Annotated[int, typer.Option(help="Chains.")]
Seed = Annotated[int, typer.Option(help="Same seed, same numbers.")]
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


def form_given(
    breaks: int | None, placement: str | None, signed: bool, fixed: list[str] | None
) -> dict[str, Any]:
    """Return what was given of a form: its options, and parameters held at numbers."""
    options = {"breaks": breaks, "placement": placement, "monotone": False if signed else None}
    given = {name: value for name, value in options.items() if value is not None}
    for pair in fixed or []:
        name, mark, text = pair.partition("=")
        if not (name and mark and text):
            raise LawError(f"--set takes NAME=NUMBER, such as irreducible=0; got {pair!r}.")
        given[name] = _setting(text)
    return given


def number_or_word(text: str) -> float | str:
    """Return a number, or what names a column."""
    try:
        return float(text)
    except ValueError:
        return text


def _setting(text: str) -> Any:
    """Return a number, or numbers with commas between them, or a word."""
    for kind in (int, float):
        try:
            first, *more = (kind(part) for part in text.split(","))
        except ValueError:
            continue
        return (first, *more) if more else first
    return text


_FLAGS = {"breaks": "--breaks", "placement": "--placement", "monotone": "--signed"}


def laws_like(incomplete: str) -> list[str]:
    """Return the laws whose names begin so, for a shell that completes them."""
    from bayescale.registry import list_laws

    names = [str(name) for name in list_laws().index]
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def law_named(name: str, given: dict[str, Any]) -> Any:
    """Return one law by name, with the given options."""
    (made,) = laws_named(name, given).values()
    return made


def laws_named(names: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return laws by name, each with those of the given options that it has."""
    from dataclasses import fields

    from bayescale.registry import find_law

    chosen, used = {}, set()
    for name in names.split(","):
        form: Any = find_law(name.strip())
        takes = ({f.name for f in fields(form)} | set(form.constant_names)) & set(given)
        law = form(**{option: given[option] for option in takes})
        used |= takes
        chosen[law.signature_name()] = law
    unused = [_FLAGS.get(name, f"--set {name}") for name in given if name not in used]
    if unused:
        raise LawError(
            f"{', '.join(chosen)} takes no {' and no '.join(unused)}. Leave it out, or choose a "
            "law that has it ('bayescale laws' lists parameters)."
        )
    return chosen


def drift_given(given: float | None) -> dict[str, Any]:
    """Return the drift that was given, if one was."""
    return {} if given is None else {"drift": given}


def likelihood_named(
    name: str | None, laws: Iterable[Any], run: str | None, known: Mapping[str, Any]
) -> Any:
    """Return the likelihood that was named, with what it knows of each row.

    Parameters
    ----------
    name
        In any spelling; None for the laws' own.
    laws
        Those that will be fitted.
    run
        The column of training runs: noise is then correlated along each.
    known
        What was given of rows, by the likelihood's argument; None where it was not.

    Returns
    -------
    Likelihood
        None where nothing was said of it, so that each law has its own.
    """
    given = {
        argument: number_or_word(value) if isinstance(value, str) else value
        for argument, value in known.items()
        if value is not None
    }
    if name is None and not given:
        return None
    chosen = _told(_likelihood_class(name, laws, given), given, known)
    if run is None or chosen.correlated:
        return chosen
    from bayescale.likelihoods import Correlated

    return Correlated(chosen)


def _likelihood_class(name: str | None, laws: Iterable[Any], given: Mapping[str, Any]) -> Any:
    """Return the likelihood that was named or that what is known of rows asks for."""
    from bayescale.errors import unknown
    from bayescale.likelihoods import likelihoods

    listed = {label.lower(): made for label, made in likelihoods().items()}
    if name is None:
        for argument, meant in _MEANT.items():
            if argument in given:
                return listed[meant]
        own = list(dict.fromkeys(law.default_likelihood for law in laws))
        if len(own) > 1:
            raise LawError(
                f"The laws have noise of their own ({', '.join(made.__name__ for made in own)}); "
                "say which is meant: --likelihood."
            )
        return own[0]
    flat = name.lower().replace("-", "").replace("_", "")
    if flat not in listed:
        raise unknown("likelihood", name, listed)
    return listed[flat]


#: What is known of rows that only one likelihood asks for.
_MEANT = {
    "trials": "binomial",
    "guess_rate": "binomial",
    "config": "replicated",
    "resample": "resampled",
}


def _told(chosen: Any, given: Mapping[str, Any], every: Iterable[str]) -> Any:
    """Return a likelihood with what is known of rows; what it wraps takes what it does not."""
    from dataclasses import fields

    from bayescale.likelihoods import LogNormal

    names = {field.name: field.metadata for field in fields(chosen)}
    own = {argument: value for argument, value in given.items() if argument in names}
    rest = {argument: value for argument, value in given.items() if argument not in names}
    parts = [name for name, about in names.items() if about.get("part")]
    if rest and not parts:
        flags = " and no ".join(f"--{argument.replace('_', '-')}" for argument in rest)
        takes = ", ".join(f"--{name.replace('_', '-')}" for name in names if name in every)
        raise LawError(
            f"{chosen.__name__} takes no {flags}. It takes: {takes or 'nothing of each row'}. "
            "Leave the rest out, or name another --likelihood."
        )
    if parts:
        own[parts[0]] = _told(LogNormal, rest, every)
    if "trials" in names and "trials" not in own:
        raise LawError(
            f"{chosen.__name__} needs the number of test items: --trials COLUMN, or a number."
        )
    return chosen(**own)


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
