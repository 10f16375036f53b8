"""The command line: ``demo``, ``fit``, ``forecast``, ``compare``, ``plan``, ``report`` and more.

Arguments are parsed before anything heavy is imported, so that ``--help`` answers at once.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bayescale.commands.fetch import fetch
from bayescale.commands.frontier import frontier
from bayescale.commands.options import (
    Breaks,
    Ceiling,
    Censored,
    Chains,
    Column,
    Columns,
    Config,
    Draws,
    Drift,
    FitFile,
    GuessRate,
    Json,
    NObs,
    Noise,
    Of,
    Outcome,
    Placement,
    Prob,
    Resample,
    Resolution,
    RunColumn,
    RunsFile,
    Seed,
    Set,
    Signed,
    Trials,
    Tune,
    XRelativeSd,
    YSd,
    columns_given,
    drift_given,
    form_given,
    law_named,
    laws_like,
    laws_named,
    likelihood_named,
    number_or_word,
    numbers,
    one_number,
)
from bayescale.commands.output import (
    check_output,
    fit_record,
    fits_of,
    note,
    outlook_record,
    print_json,
    problems_of,
    record_of,
    saved_fit,
    show_list,
    shown_as_notes,
)
from bayescale.commands.plan import plan
from bayescale.commands.report import report
from bayescale.errors import BayescaleError, BayescaleWarning, LawError, SamplingWarning

if TYPE_CHECKING:
    pass


class _Commands(TyperGroup):
    """Commands whose errors are a sentence on standard error and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", BayescaleWarning)
            warnings.simplefilter("ignore", SamplingWarning)  # the diagnostics say it
            warnings.showwarning = shown_as_notes(warnings.showwarning)
            try:
                return super().invoke(ctx)
            except BayescaleError as error:
                note(str(error), "Error")
                raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Commands,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine; 1 the fit has problems, which are printed; 2 wrong usage or data. "
    "In --json, NaN is null and infinities are the text Infinity and -Infinity.",
)


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
    n_obs: NObs = None,
    ceiling: Ceiling = None,
    drift: Drift = None,
    of: Of = "observation",
    prob: Prob = 0.9,
    draws: Draws = 1000,
    tune: Tune = 1000,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Save here what can be asked for other forecasts."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast from a table, with no law to choose.

    A mixture of several laws, with noise that is correlated along the curve and exponents that
    drift beyond the data. With --run, of a new run where the table holds several.
    """
    from bayescale import outlook, tables

    if output is not None:
        check_output(output)
    made = outlook.forecast(
        tables.read_runs(runs),
        y=y,
        x=x,
        at=numbers(at, "at"),
        run=run,
        n_obs=None if n_obs is None else number_or_word(n_obs),
        ceiling=ceiling,
        draws=draws,
        tune=tune,
        seed=seed,
        **drift_given(drift),
    )
    table = made.interval(prob, of)
    saved = None if output is None else saved_fit(made.source, output)
    if as_json:
        record = outlook_record(made.source) | dict(table.attrs) | {"forecast": table}
        print_json(record | ({} if output is None else {"file": saved}))
    else:
        tables.show_outlook(made, table)
        if saved:
            print(f"Saved to {saved}.")
    if output is not None and saved != str(output):
        raise typer.Exit(2)
    raise typer.Exit(problems_of(fits_of(made.source)))


@app.command()
def fit(
    runs: RunsFile,
    y: Outcome,
    x: Column = None,
    inputs: Columns = None,
    law: Annotated[
        str,
        typer.Option(help="The law; 'bayescale laws' lists them.", autocompletion=laws_like),
    ] = "power",
    breaks: Breaks = None,
    placement: Placement = None,
    signed: Signed = False,
    fixed: Set = None,
    likelihood: Noise = None,
    trials: Trials = None,
    guess_rate: GuessRate = None,
    n_obs: NObs = None,
    y_sd: YSd = None,
    x_relative_sd: XRelativeSd = None,
    resolution: Resolution = None,
    censored: Censored = None,
    config: Config = None,
    resample: Resample = None,
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

    chosen = law_named(law, form_given(breaks, placement, signed, fixed))
    known = {
        "trials": trials, "guess_rate": guess_rate, "n_obs": n_obs, "y_sd": y_sd,
        "x_relative_sd": x_relative_sd, "resolution": resolution, "censored": censored,
        "config": config, "resample": resample,
    }  # fmt: skip
    if output is not None:
        check_output(output)
    made = chosen.fit(
        tables.read_runs(runs),
        y=y,
        likelihood=likelihood_named(likelihood, [chosen], run, known),
        ceiling=ceiling,
        run=run,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        **columns_given(x, inputs),
    )
    saved = None if output is None else saved_fit(made, output)
    if as_json:
        print_json(fit_record(made) | {"file": saved})
    else:
        tables.show_fit(made)
        print(f"Saved to {saved}." if saved else "Not saved; add -o fit.nc to keep the fit.")
    if output is not None and saved != str(output):
        raise typer.Exit(2)
    raise typer.Exit(problems_of([made], quiet=not as_json))


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
    """Forecast the outcome from a saved fit or ensemble."""
    from bayescale import files, tables

    at = {role: numbers(text, role) for role, text in columns_given(x, inputs).items()}
    loaded = files.load(file)
    how: dict[str, Any] = drift_given(drift) | at
    table = loaded.forecast(**how).interval(prob, of)
    what = "one new run" if of == "observation" else "the curve"
    if as_json:
        print_json(record_of(loaded) | dict(table.attrs) | {"forecast": table})
    else:
        tables.show(
            table,
            f"{loaded.runs.outcome_column} of {what} by {loaded.name}, {prob * 100:g} % "
            "equal-tailed interval; extrapolation is the input over the largest seen",
        )
    raise typer.Exit(problems_of(fits_of(loaded)))


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

    targets = numbers(y, "y")
    given = {
        role: one_number(text, role)
        for role, text in (columns_given(None, inputs) if inputs else {}).items()
    }
    loaded = files.load(file)
    table = loaded.required(y=targets, solve=solve, **drift_given(drift), **given).interval(prob)
    if as_json:
        print_json(record_of(loaded) | dict(table.attrs) | {"required": table})
    else:
        tables.show(
            table,
            f"{table.attrs['of']} at which {loaded.runs.outcome_column} reaches a target for good, "
            f"by {loaded.name}, {prob * 100:g} % equal-tailed interval; inf is never",
        )
    raise typer.Exit(problems_of(fits_of(loaded)))


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
    trials: Trials = None,
    guess_rate: GuessRate = None,
    n_obs: NObs = None,
    y_sd: YSd = None,
    x_relative_sd: XRelativeSd = None,
    resolution: Resolution = None,
    censored: Censored = None,
    config: Config = None,
    resample: Resample = None,
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

    chosen = laws_named(laws, form_given(breaks, placement, signed, fixed))
    columns = columns_given(x, inputs)
    table = tables.read_runs(runs)
    known = {
        "trials": trials, "guess_rate": guess_rate, "n_obs": n_obs, "y_sd": y_sd,
        "x_relative_sd": x_relative_sd, "resolution": resolution, "censored": censored,
        "config": config, "resample": resample,
    }  # fmt: skip
    noise = likelihood_named(likelihood, chosen.values(), run, known)
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
        print_json(record | {"fits": {name: fit_record(made) for name, made in fits.items()}})
    else:
        tables.show_comparison(loo, tested)
        for words in (said.paragraph, *(f"- {caveat}" for caveat in said.caveats)):
            tables.say(words)
    raise typer.Exit(problems_of(list(fits.values())))


app.command()(plan)
app.command()(report)


@app.command("warm")
def _warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAW]...",
            help="The laws ('bayescale laws' lists them), or forecast: those of 'bayescale "
            "outlook'. [default: five]",
        ),
    ] = None,
    breaks: Breaks = None,
    placement: Placement = None,
    signed: Signed = False,
    fixed: Set = None,
    likelihood: Noise = None,
    trials: Trials = None,
    guess_rate: GuessRate = None,
    n_obs: NObs = None,
    y_sd: YSd = None,
    x_relative_sd: XRelativeSd = None,
    resolution: Resolution = None,
    censored: Censored = None,
    config: Config = None,
    resample: Resample = None,
    as_json: Json = False,
) -> None:
    """Compile laws ahead of time, so that first fits are quick.

    By default the power law, the broken one with one break and with two fixed ones, Chinchilla's,
    and Kaplan's of parameters and tokens. Give the options that the fits will have.
    """
    from bayescale import compile_cache, warming

    given = form_given(breaks, placement, signed, fixed)
    if not names and given:
        raise LawError("Options are of a law; name it: bayescale warm broken --breaks 2.")
    named = [name for name in names or [] if name != warming.FORECAST]
    laws = list(laws_named(",".join(named), given).values()) if named else []
    laws = laws if names else warming.defaults()
    known = {
        "trials": trials, "guess_rate": guess_rate, "n_obs": n_obs, "y_sd": y_sd,
        "x_relative_sd": x_relative_sd, "resolution": resolution, "censored": censored,
        "config": config, "resample": resample,
    }  # fmt: skip
    chosen = warming.pairs(laws, likelihood_named(likelihood, laws, None, known))
    if names and len(named) < len(names):
        chosen += warming.of_forecast()
    rows = []
    for row in warming.warmed(chosen):
        rows.append(row)
        name, seconds, compiled = row
        if not as_json:
            print(f"{name}: {'compiled' if compiled else 'was warm'}, {seconds:.1f} s", flush=True)
    table = warming.table(rows)
    if as_json:
        print_json(dict(table.attrs) | {"laws": table})
    else:
        print(f"The cache in {table.attrs['folder']} has {table.attrs['mib']:.1f} MiB.")
    raise typer.Exit(0 if compile_cache.lasts() else 1)


@app.command()
def laws(as_json: Json = False) -> None:
    """List the laws."""
    from bayescale.registry import list_laws

    show_list(list_laws(), as_json)


@app.command()
def datasets(as_json: Json = False) -> None:
    """List the data sets: those that ship, and public ones that 'fetch' gets."""
    from bayescale.datasets import list_datasets

    show_list(list_datasets().set_index("name"), as_json)


app.command()(frontier)
app.command()(fetch)
