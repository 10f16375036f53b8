"""Sample, check, and sample once more where the first draws fall short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bayescale import engines, posterior
from bayescale.checks import diagnosed
from bayescale.diagnostics import Diagnostics
from bayescale.observed import Observations
from bayescale.sample import Sampling


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws of one fit that have been checked, before they are labelled.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted.
    settings
        How the kept draws were sampled: doubled where the first fell short.
    draws
        The posterior as plain arrays.
    diagnostics
        Of these draws.
    notes
        What was done by itself, such as sampling again.
    """

    law: Any
    likelihood: Any
    runs: Observations
    settings: Sampling
    draws: posterior.Draws
    diagnostics: Diagnostics
    notes: tuple[str, ...] = ()


def sampled(
    law: Any,
    likelihood: Any,
    runs: Observations,
    settings: Sampling,
    again: Callable[[], object] = lambda: None,
) -> Sampled:
    """Sample and check, and once more with more draws where the first fall short.

    Parameters
    ----------
    law, likelihood, runs, settings
        As for :func:`fit`.
    again
        Called before sampling once more.

    Returns
    -------
    Sampled
        The better draws of the two.
    """
    likelihood = likelihood.suited(runs)
    draws = engines.draw(law, likelihood, runs, settings)
    found = Sampled(law, likelihood, runs, settings, draws, diagnosed(law, likelihood, runs, draws))
    if found.diagnostics.good or not settings.retry:
        return found
    again()
    more = settings.doubled()
    draws = engines.draw(law, likelihood, runs, more)
    second = diagnosed(law, likelihood, runs, draws)
    if not second.good and second.rhat > found.diagnostics.rhat:
        return found
    return _again(law, likelihood, runs, more, draws, second)


def resumed(
    law: Any, likelihood: Any, runs: Observations, settings: Sampling, draws: posterior.Draws
) -> Sampled:
    """Return what :func:`sampled` found with these settings, from its draws.

    Parameters
    ----------
    law, likelihood, runs, settings
        As they were given to :func:`sampled`.
    draws
        The draws it kept.

    Returns
    -------
    Sampled
        The same record; nothing is sampled.
    """
    likelihood = likelihood.suited(runs)
    found = diagnosed(law, likelihood, runs, draws)
    if draws.stats.sizes["draw"] == settings.draws:
        return Sampled(law, likelihood, runs, settings, draws, found)
    return _again(law, likelihood, runs, settings.doubled(), draws, found)


def _again(
    law: Any,
    likelihood: Any,
    runs: Observations,
    settings: Sampling,
    draws: posterior.Draws,
    found: Diagnostics,
) -> Sampled:
    note = (
        f"sampled again with tune={settings.tune}, draws={settings.draws}, "
        f"target_accept={settings.target_accept:.4g}{_from_where(runs, settings)}, because the "
        "first draws fell short"
    )
    return Sampled(law, likelihood, runs, settings, draws, found, (note,))


def _from_where(runs: Observations, settings: Sampling) -> str:
    """Say from where chains started, where modes are looked for."""
    if runs.groups is not None or settings.sampler != "nutpie":
        return ""
    return f", chains started in the modes that {settings.climbs} climbs find"
