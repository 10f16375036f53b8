"""The command ``bayescale compare``: who describes the runs best, and who forecasts best."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from bayescale.commands.form_options import FormOptions, laws_named
from bayescale.commands.noise_options import NoiseOptions
from bayescale.commands.option_groups import with_groups
from bayescale.commands.options import Json, RunsFile, listed
from bayescale.commands.output import fit_record, print_json, problems_of
from bayescale.commands.table_options import SamplingOptions, TableOptions
from bayescale.errors import BayescaleWarning


@with_groups
def compare(
    runs: RunsFile,
    *,
    table: TableOptions,
    laws: Annotated[
        list[str] | None, typer.Option(help="Laws, with commas. [default: power,broken]")
    ] = None,
    form: FormOptions,
    noise: NoiseOptions,
    holdout: Annotated[
        float | None,
        typer.Option(help="Also backtest: share (or number) of the largest inputs held out."),
    ] = None,
    sampling: SamplingOptions,
    as_json: Json = False,
) -> None:
    """Compare laws on a table of runs.

    By leave-one-out (who interpolates best) and, with --holdout, by forecasts of the largest
    scales from the rest (who extrapolates best).
    """
    from bayescale import tables
    from bayescale.backtesting import backtest
    from bayescale.comparison import compare as compared
    from bayescale.verdicts import verdict

    chosen = laws_named(listed(laws or ["power,broken"]), form.given())
    how = table.told(chosen.values(), noise) | vars(sampling)
    rows = tables.read_runs(runs)
    tested = None
    if holdout is not None:  # first, since it refuses what it cannot hold out before any sampling
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayescaleWarning)  # of the data: the fits will say it
            tested = backtest(chosen, rows, holdout=holdout, **how)
    fits = {name: law.fit(rows, **how) for name, law in chosen.items()}
    loo = compared(fits)
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
