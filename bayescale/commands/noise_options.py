"""What the command line takes of noise: which likelihood, and what it knows of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from bayescale.commands.options import NObs, number_or_word, of_row
from bayescale.errors import LawError

#: What is known of rows that only one likelihood asks for.
_MEANT = {
    "trials": "binomial",
    "guess_rate": "binomial",
    "config": "replicated",
    "resample": "resampled",
}


@dataclass(frozen=True)
class NoiseOptions:
    """What was given of noise; what is said of rows by the likelihood's own arguments."""

    likelihood: Annotated[
        str | None,
        typer.Option(
            "--likelihood",
            help="lognormal, studentt, normal, binomial, betabinomial, exgaussian, correlated, "
            "heteroscedastic, replicated or resampled. [default: the law's; binomial with "
            "--trials]",
        ),
    ] = None
    trials: Annotated[
        str | None, of_row("--trials", "Of how many test items a row is the share")
    ] = None
    guess_rate: Annotated[
        float | None,
        typer.Option(
            "--guess-rate", help="Share that is right by guessing (0.25 of four choices)."
        ),
    ] = None
    n_obs: NObs = None
    y_sd: Annotated[
        str | None, of_row("--y-sd", "Known standard error of a row, in the units of y")
    ] = None
    x_relative_sd: Annotated[
        str | None,
        of_row(
            "--x-relative-sd", "Known standard error of the input, as a share of it (0.1: 10 %)"
        ),
    ] = None
    resolution: Annotated[str | None, of_row("--resolution", "The step to which y was rounded")] = (
        None
    )
    censored: Annotated[
        str | None, of_row("--censored", "The cap at which larger y are recorded")
    ] = None
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="COLUMN", help="Configuration of a row, for replicated."),
    ] = None
    resample: Annotated[
        str | None,
        typer.Option("--resample", metavar="COLUMN", help="Test resample of a row, for resampled."),
    ] = None

    def chosen(self, laws: Iterable[Any], run: str | None = None) -> Any:
        """Return the likelihood that was named, with what it knows of each row.

        Parameters
        ----------
        laws
            Those that will be fitted.
        run
            The column of training runs: noise is then correlated along each.

        Returns
        -------
        Likelihood
            None where nothing was said of it, so that each law has its own.
        """
        known = {name: value for name, value in vars(self).items() if name != "likelihood"}
        given = {
            argument: number_or_word(value) if isinstance(value, str) else value
            for argument, value in known.items()
            if value is not None
        }
        if self.likelihood is None and not given:
            return None
        chosen = _told(_likelihood_class(self.likelihood, laws, given), given, known)
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
        if not own:
            raise LawError("Name a law, or --likelihood: the noise of none is asked for.")
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


def _told(chosen: Any, given: Mapping[str, Any], every: Iterable[str]) -> Any:
    """Return a likelihood with what is known of rows; what it wraps takes what it does not."""
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
