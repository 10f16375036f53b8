"""The command line; each command is a file of ``commands/``.

Arguments are parsed before anything heavy is imported, so that ``--help`` answers at once.
Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bayescale.commands.compare import compare
from bayescale.commands.demo import demo
from bayescale.commands.examples import shown
from bayescale.commands.fetch import fetch
from bayescale.commands.fit import fit
from bayescale.commands.forecast import forecast
from bayescale.commands.frontier import frontier
from bayescale.commands.given_once import GivenOnce
from bayescale.commands.lists import datasets, laws
from bayescale.commands.outlook import outlook
from bayescale.commands.output import flags, note, shown_as_notes
from bayescale.commands.plan import plan
from bayescale.commands.report import report
from bayescale.commands.required import required
from bayescale.commands.warm import warm
from bayescale.errors import BayescaleError, BayescaleWarning, SamplingWarning


class _Commands(TyperGroup):
    """Commands whose errors are a sentence on standard error and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", BayescaleWarning)
            warnings.simplefilter("ignore", SamplingWarning)  # the diagnostics say it
            warnings.showwarning = shown_as_notes(warnings.showwarning)
            before = flags.set(lambda: options_of(ctx))
            try:
                return super().invoke(ctx)
            except BayescaleError as error:
                note(str(error), "Error")
                raise typer.Exit(2) from None
            finally:
                flags.reset(before)


def options_of(ctx: Any) -> dict[str, str]:
    """Return the options of the command that was called, by the names that they have in Python."""
    command = ctx.command.commands.get(ctx.invoked_subcommand or "")
    named = [] if command is None else [(part.name, part.opts) for part in command.params]
    return {name: flags[0] for name, flags in named if flags[0].startswith("--")}


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


# In the order in which --help lists them.
for _command in (
    demo,
    outlook,
    fit,
    forecast,
    required,
    compare,
    plan,
    report,
    warm,
    laws,
    datasets,
    frontier,
    fetch,
):
    app.command(cls=GivenOnce, epilog=shown(_command.__name__))(_command)
