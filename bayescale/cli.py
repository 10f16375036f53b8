"""The command line: ``demo``, ``outlook``, ``fit``, ``forecast``, ``required``, ``compare``, lists.

Arguments are parsed before anything heavy is imported, so that ``--help`` answers at once.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bayescale.errors import BayescaleError, BayescaleWarning, FileError, LawError, SamplingWarning

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit
    from bayescale.forecasts import Forecast


class _Commands(TyperGroup):
    """Commands whose errors are a sentence on standard error and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", BayescaleWarning)
            warnings.simplefilter("ignore", SamplingWarning)  # the diagnostics say it
            warnings.showwarning = _notes(warnings.showwarning)
            try:
                return super().invoke(ctx)
            except BayescaleError as error:
                _note(str(error), "Error")
                raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine; 1 the fit has problems, which are printed; 2 wrong usage or data. "
    "In --json, NaN is null and infinities are the text Infinity and -Infinity.",
)

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
        "--likelihood", help="lognormal, studentt, normal or correlated. [default: the law's]"
    ),
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


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bayescale {version('bayescale')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Bayesian scaling laws: how good the next model will be, and how sure we are."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the fits.")] = Path(
        "bayescale-demo"
    ),
    model: Annotated[
        str, typer.Option(help="Which classifier's learning curve, such as rbf_svm or knn.")
    ] = "gradient_boosting",
) -> None:
    """Show what bayescale does, on its own data.

    Power law or broken power law? Fits both to a learning curve that ships with the package,
    compares them, forecasts, and writes pictures and fits.
    """
    from bayescale import demo

    raise typer.Exit(demo.run(out, model))


@app.command()
def outlook(
    runs: RunsFile,
    y: Outcome,
    x: Annotated[str, typer.Option("--x", help="Column of what is scaled.")],
    at: Annotated[str, typer.Option(help="Inputs to forecast, with commas: 1e10,1e11")],
    run: RunColumn = None,
    n_obs: Annotated[
        str | None,
        typer.Option(help="Of how many evaluations each row is the mean: a column, or a number."),
    ] = None,
    ceiling: Ceiling = None,
    drift: Drift = None,
    of: Of = "observation",
    prob: Prob = 0.9,
    draws: Draws = 1000,
    tune: Tune = 1000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Forecast from a table, with no law to choose.

    A mixture of several laws, with noise that is correlated along the curve and exponents that
    drift beyond the data. With --run, of a new run where the table holds several.
    """
    from bayescale import outlook, tables

    made = outlook.forecast(
        tables.read_runs(runs),
        y=y,
        x=x,
        at=_numbers(at, "at"),
        run=run,
        n_obs=None if n_obs is None else _number_or_word(n_obs),
        ceiling=ceiling,
        draws=draws,
        tune=tune,
        seed=seed,
        **_drift(drift),
    )
    table = made.interval(prob, of)
    fits: dict[str, Fit] = made.source.fits
    if as_json:
        _print_json(_outlook_record(made) | dict(table.attrs) | {"forecast": table})
    else:
        tables.show_outlook(made, table)
    raise typer.Exit(_problems(list(fits.values())))


@app.command()
def fit(
    runs: RunsFile,
    y: Outcome,
    x: Column = None,
    inputs: Columns = None,
    law: Annotated[str, typer.Option(help="The law; 'bayescale laws' lists them.")] = "power",
    breaks: Breaks = None,
    placement: Placement = None,
    signed: Signed = False,
    fixed: Set = None,
    likelihood: Noise = None,
    ceiling: Ceiling = None,
    run: RunColumn = None,
    draws: Draws = 1000,
    tune: Tune = 1000,
    chains: Chains = 4,
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Save the fit here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit a law to a table of runs."""
    from bayescale import tables

    chosen = _law(law, _given(breaks, placement, signed, fixed))
    if output is not None:
        _check_output(output)
    made = chosen.fit(
        tables.read_runs(runs),
        y=y,
        likelihood=_likelihood(likelihood, run),
        ceiling=ceiling,
        run=run,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        **_columns(x, inputs),
    )
    saved = None if output is None else _save(made, output)
    if as_json:
        _print_json(_fit_record(made) | {"file": saved})
    else:
        tables.show_fit(made)
        print(f"Saved to {saved}." if saved else "Not saved; add -o fit.nc to keep the fit.")
    if output is not None and saved != str(output):
        raise typer.Exit(2)
    raise typer.Exit(_problems([made], quiet=not as_json))


@app.command()
def forecast(
    file: FitFile,
    x: Annotated[str | None, typer.Option("--x", help="Inputs, with commas: 1e10,1e11")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="ROLE=VALUES, for a law of several inputs; repeat it."),
    ] = None,
    of: Of = "observation",
    prob: Prob = 0.9,
    drift: Drift = None,
    as_json: Json = False,
) -> None:
    """Forecast the outcome from a saved fit."""
    from bayescale import files, tables

    at = {role: _numbers(text, role) for role, text in _columns(x, inputs).items()}
    loaded = files.load(file)
    how: dict[str, Any] = _drift(drift) | at
    table = loaded.forecast(**how).interval(prob, of)
    what = "one new run" if of == "observation" else "the curve"
    if as_json:
        _print_json(_heading(loaded) | dict(table.attrs) | {"forecast": table})
    else:
        tables.show(
            table,
            f"{loaded.runs.outcome_column} of {what} by {loaded.name}, {prob * 100:g} % "
            "equal-tailed interval; extrapolation is the input over the largest seen",
        )
    raise typer.Exit(_problems([loaded]))


@app.command()
def required(
    file: FitFile,
    y: Annotated[str, typer.Option("--y", help="Targets, with commas: 2.0,1.9")],
    solve: Annotated[str | None, typer.Option(help="The input to solve for, if several.")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="ROLE=VALUE", help="Every other input: params=7e9."),
    ] = None,
    prob: Prob = 0.9,
    drift: Drift = None,
    as_json: Json = False,
) -> None:
    """Find the input that reaches a target.

    Of a saved fit: the input at which its curve reaches the target and stays there, with the
    probability that it never does. With several inputs, name the one to solve for and give the
    others.
    """
    from bayescale import files, tables

    targets = _numbers(y, "y")
    given = {
        role: _number(text, role)
        for role, text in (_columns(None, inputs) if inputs else {}).items()
    }
    loaded = files.load(file)
    table = loaded.required(y=targets, solve=solve, **_drift(drift), **given).interval(prob)
    if as_json:
        _print_json(_heading(loaded) | dict(table.attrs) | {"required": table})
    else:
        tables.show(
            table,
            f"{table.attrs['of']} at which {loaded.runs.outcome_column} reaches a target for good, "
            f"by {loaded.name}, {prob * 100:g} % equal-tailed interval; inf is never",
        )
    raise typer.Exit(_problems([loaded]))


@app.command("compare")
def _compare(
    runs: RunsFile,
    y: Outcome,
    x: Column = None,
    inputs: Columns = None,
    laws: Annotated[str, typer.Option(help="Laws, with commas.")] = "power,broken",
    breaks: Breaks = None,
    placement: Placement = None,
    signed: Signed = False,
    fixed: Set = None,
    likelihood: Noise = None,
    ceiling: Ceiling = None,
    run: RunColumn = None,
    holdout: Annotated[
        float | None,
        typer.Option(help="Also backtest: share (or number) of the largest inputs held out."),
    ] = None,
    draws: Draws = 1000,
    tune: Tune = 1000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare laws on a table of runs.

    By leave-one-out (who interpolates best) and, with --holdout, by forecasts of the largest
    scales from the rest (who extrapolates best).
    """
    from bayescale import tables
    from bayescale.backtesting import backtest
    from bayescale.comparison import compare
    from bayescale.verdicts import verdict

    chosen = _laws(laws, _given(breaks, placement, signed, fixed))
    columns = _columns(x, inputs)
    table = tables.read_runs(runs)
    noise = _likelihood(likelihood, run)
    how: dict[str, Any] = {"y": y, "likelihood": noise, "ceiling": ceiling, "run": run, **columns}
    how |= {"draws": draws, "tune": tune, "seed": seed}
    fits = {name: law.fit(table, **how) for name, law in chosen.items()}
    loo = compare(fits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayescaleWarning)  # of the data: the fits have said it
        tested = None if holdout is None else backtest(chosen, table, holdout=holdout, **how)
    said = verdict(fits, comparison=loo, backtest=tested)
    if as_json:
        record = {"compare": loo, "backtest": None if tested is None else tested.table}
        record |= {"verdict": said.paragraph, "caveats": list(said.caveats)}
        record |= {"breaks": said.breaks}
        _print_json(record | {"fits": {name: _fit_record(made) for name, made in fits.items()}})
    else:
        tables.show_comparison(loo, tested)
        for words in (said.paragraph, *(f"- {caveat}" for caveat in said.caveats)):
            tables.say(words)
    raise typer.Exit(_problems(list(fits.values())))


@app.command("warm")
def _warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAW]...", help="The laws; 'bayescale laws' lists them. [default: five]"
        ),
    ] = None,
    breaks: Breaks = None,
    placement: Placement = None,
    signed: Signed = False,
    fixed: Set = None,
    likelihood: Noise = None,
    as_json: Json = False,
) -> None:
    """Compile laws ahead of time, so that first fits are quick.

    By default the power law, the broken one with one break and with two fixed ones, Chinchilla's,
    and Kaplan's of parameters and tokens. Give the options that the fits will have.
    """
    from bayescale import compile_cache, warming

    given = _given(breaks, placement, signed, fixed)
    if not names and given:
        raise LawError("Options are of a law; name it: bayescale warm broken --breaks 2.")
    chosen = list(_laws(",".join(names), given).values()) if names else warming.defaults()
    rows = []
    for row in warming.warmed(chosen, _likelihood(likelihood)):
        rows.append(row)
        name, seconds, compiled = row
        if not as_json:
            print(f"{name}: {'compiled' if compiled else 'was warm'}, {seconds:.1f} s", flush=True)
    table = warming.table(rows)
    if as_json:
        _print_json(dict(table.attrs) | {"laws": table})
    else:
        print(f"The cache in {table.attrs['folder']} has {table.attrs['mib']:.1f} MiB.")
    raise typer.Exit(0 if compile_cache.lasts() else 1)


@app.command()
def laws(as_json: Json = False) -> None:
    """List the laws."""
    from bayescale.registry import list_laws

    _list(list_laws(), as_json)


@app.command()
def datasets(as_json: Json = False) -> None:
    """List the data sets: those that ship, and public ones that 'fetch' gets."""
    from bayescale.datasets import list_datasets

    _list(list_datasets().set_index("name"), as_json)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Name of the data set, as 'datasets' lists it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table here, as CSV.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch anew although it is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch a public data set, once, and write it as a table that 'fit' reads."""
    from bayescale.datasets import fetch_dataset

    table = fetch_dataset(name, refresh=refresh)
    if output is not None:
        _write(table, output)
    if as_json:
        file = None if output is None else str(output)
        _print_json(dict(table.attrs) | {"rows": len(table), "file": file})
        return
    _show_dataset(table)
    print(f"Written to {output}." if output else "Not written; add -o runs.csv to have the table.")


# What was asked for ------------------------------------------------------------------------------


def _given(
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


def _number_or_word(text: str) -> float | str:
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


def _law(name: str, given: dict[str, Any]) -> Any:
    (made,) = _laws(name, given).values()
    return made


def _laws(names: str, given: dict[str, Any]) -> dict[str, Any]:
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


def _drift(given: float | None) -> dict[str, Any]:
    """Return the drift that was given, if one was."""
    return {} if given is None else {"drift": given}


def _likelihood(name: str | None, run: str | None = None) -> Any:
    """Return the likelihood that was named, correlated where runs are; None for the law's own."""
    from bayescale.errors import unknown
    from bayescale.likelihoods import Correlated, likelihoods

    if name is None:
        return None
    known = {label.lower(): made for label, made in likelihoods().items()}
    flat = name.lower().replace("-", "").replace("_", "")
    if flat not in known:
        raise unknown("likelihood", name, known)
    chosen: Any = known[flat]()
    return chosen if run is None or chosen.correlated else Correlated(chosen)


def _columns(x: str | None, inputs: list[str] | None) -> dict[str, str]:
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


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise LawError(
            f"--{option} takes numbers with commas between them, such as 1e10,1e11; got {text!r}."
        ) from None


def _number(text: str, role: str) -> float:
    numbers = _numbers(text, f"input {role}=")
    if len(numbers) != 1:
        raise LawError(f"--input {role}= takes one number here; got {text!r}.")
    return numbers[0]


# Nothing is lost ---------------------------------------------------------------------------------


def _check_output(output: Path) -> None:
    """Refuse a path that cannot be written to, or a file that is no fit, before sampling."""
    from bayescale import files

    place = files.writable(output)
    if place.exists() and not files.is_fit(place):
        raise FileError(
            f"{place} exists and is not a fit, so it is not overwritten. Choose another name for "
            "-o, or move that file away."
        )


def _save(made: Fit, output: Path) -> str | None:
    """Save the fit, elsewhere if need be, and return where it is."""
    import secrets
    import tempfile

    try:
        made.save(output)
        return str(output)
    except FileError as error:
        _note(str(error), "Error")
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        place = folder / f"{output.stem}-{secrets.token_hex(3)}.nc"
        try:
            made.save(place)
        except FileError:
            continue
        _note(f"The fit is not lost: it was saved to {place} instead.")
        return str(place)
    _note("The fit could not be saved anywhere else either; its tables follow.")
    return None


def _write(table: pd.DataFrame, output: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    unfinished = output.with_name(f"{output.name}.part")
    try:
        table.to_csv(unfinished, index=False)
        unfinished.replace(output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise FileError(
            f"{output} cannot be written ({error.strerror or error}). Choose another place for -o."
        ) from None


# What is printed ---------------------------------------------------------------------------------


def _notes(shown: Any) -> Any:
    """Return a way to show warnings: ours as a line, once; others as before."""
    seen = set()

    def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, BayescaleWarning):
            shown(message, category, *rest, **more)
        elif str(message) not in seen:
            seen.add(str(message))
            _note(str(message))

    return show


def _note(text: str, kind: str = "Note") -> None:
    print(f"{kind}: {' '.join(text.split())}", file=sys.stderr)


def _print_json(record: Any) -> None:
    from bayescale import tables

    print(json.dumps(tables.plain(record), indent=2, allow_nan=False))


def _list(table: pd.DataFrame, as_json: bool) -> None:
    from bayescale import tables

    if as_json:
        _print_json(table)
    else:
        tables.show_cards(table)


def _show_dataset(table: pd.DataFrame) -> None:
    """Print what a data set is: columns with units, what to look out for, where it came from."""
    import pandas as pd

    from bayescale import tables

    facts = table.attrs
    columns = pd.DataFrame({"unit": facts["units"], "meaning": facts["columns"]})
    tables.show(columns, f"{facts['name']}: {facts['what']} ({len(table)} rows)")
    for note in facts["notes"]:
        tables.say(f"- {note}")
    tables.say(f"From {facts['fetched_from']}. Cite {facts['citation']}.")


def _heading(made: Fit) -> dict[str, Any]:
    return {
        "law": made.name,
        "likelihood": made.likelihood.label,
        "outcome": made.runs.outcome_column,
        "inputs": made.runs.columns,
        "runs": len(made.runs),
        "diagnostics": vars(made.diagnostics) | {"good": made.diagnostics.good},
    }


def _outlook_record(made: Forecast) -> dict[str, Any]:
    mixture = made.source
    laws = [
        {"name": name, "weight": weight} | _heading(mixture.fits[name])
        for name, weight in mixture.weights.items()
    ]
    return {"weights": mixture.rule, "laws": laws}


def _fit_record(made: Fit) -> dict[str, Any]:
    return _heading(made) | {
        "formula": made.law.formula,
        "engine": made.engine,
        "notes": made.notes,
        "parameters": made.summary().rename_axis("parameter"),
        "constants": made.constants(),
    }


def _problems(fits: list[Fit], quiet: bool = False) -> int:
    """Say on standard error which fits cannot be trusted, and return the exit code."""
    bad = [made for made in fits if not made.diagnostics.good]
    for made in bad if not quiet else []:
        found = made.diagnostics
        _note(f"{made.name}: {found.line()}. {' '.join(found.advice)}")
    return 1 if bad else 0
