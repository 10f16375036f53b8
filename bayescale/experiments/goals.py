"""What one would like to know better: a forecast, a parameter, a derived quantity, the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting, labelling
from bayescale.errors import LawError, unknown
from bayescale.given import called, short

if TYPE_CHECKING:
    from bayescale.fitting import Fit

#: The goal that asks which law is true.
FORM = "form"
#: Ends of the interval within which a goal's variance is taken: what lies outside counts as lying
#: at its ends. One draw in a hundred leaves its course altogether, and would be all the variance.
CENTRAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Goal:
    """What is to be known better.

    Parameters
    ----------
    words
        What it is.
    asked
        From a fit to its draws, shape (draw, part), in the order of its chains; None where it is
        the form.
    scale
        What its standard deviation is of, in words: ``"log loss"``.
    """

    words: str
    asked: Callable[[Fit], np.ndarray] | None
    scale: str

    def of(self, fit: Fit) -> np.ndarray:
        """Return a fit's draws of it, shape (draw, part).

        Raises
        ------
        LawError
            If they are not finite, or all alike.
        """
        assert self.asked is not None
        found = self.asked(fit)
        lost = ~np.isfinite(found)
        if lost.any():
            raise LawError(
                f"The goal ({self.words}) is not finite in {100 * lost.mean():.3g} % of the draws "
                f"of {fit.name}, so its variance means nothing. Choose a quantity that every draw "
                "has, such as a forecast: goal={'x': 1e10}."
            )
        if (np.ptp(found, axis=0) == 0).any():
            raise LawError(
                f"The goal ({self.words}) is the same in every draw of {fit.name}: nothing is left "
                "to learn of it."
            )
        return found


def goal_of(goal: Any, fits: Mapping[str, Fit], shares: Any, drift: float) -> Goal:
    """Return a goal that was asked for.

    Parameters
    ----------
    goal
        Inputs of a forecast (``{"x": 1e10}``), the name of a parameter or a quantity, ``"form"``,
        or a function from a fit to draws of shape (chain, draw) or to a
        :class:`~bayescale.Derived`.
    fits
        Name to fit.
    shares
        Probability of each form, in the same order.
    drift
        How far exponents drift beyond the data, in a forecast.

    Raises
    ------
    LawError
        If there is no such goal.
    UnknownNameError
        If there is no such parameter.
    DataError
        If an input is not a positive finite number.
    """
    first = next(iter(fits.values()))
    if isinstance(goal, Mapping):
        return _forecast(goal, first, all(f.likelihood.on_logs for f in fits.values()), drift)
    if isinstance(goal, str):
        return _form(fits, shares) if goal == FORM else _parameter(goal, fits)
    if callable(goal) and not isinstance(goal, type):
        name = getattr(goal, "__name__", "")
        words = "the goal's function" if name in ("", "<lambda>") else name
        return Goal(words, lambda fit: _derived(called("goal", goal, fit), fit), words)
    raise LawError(
        "goal= takes the inputs of a forecast, as {'x': 1e10}; the name of a parameter, as "
        "'exponent'; 'form' (of an ensemble: which law is true); or a function from a fit to "
        f"draws; got {short(goal)}."
    )


def _forecast(goal: Mapping[str, Any], first: Fit, on_logs: bool, drift: float) -> Goal:
    at = forecasting.checked_inputs(
        tuple(first.law.inputs), first.runs.columns, goal, "The goal's forecast"
    )

    def asked(fit: Fit) -> np.ndarray:
        curve = fit.drifted_draws(at, drift)
        curve = curve.reshape(-1, curve.shape[-1])
        if not on_logs:
            return np.asarray(fit.runs.reported(curve))
        with np.errstate(all="ignore"):  # Goal.of looks at what is not finite
            return np.log(curve)

    shown = [
        ", ".join(f"{first.runs.columns[role]}={values[i]:.6g}" for role, values in at.items())
        for i in range(len(next(iter(at.values()))))
    ]
    outcome, ceiling = first.runs.outcome_column, first.runs.ceiling
    modelled = outcome if ceiling is None else f"({ceiling:g} - {outcome})"
    scale = f"log {modelled}" if on_logs else outcome
    return Goal(f"the forecast of {outcome} at {'; '.join(shown)}", asked, scale)


def _parameter(name: str, fits: Mapping[str, Fit]) -> Goal:
    for label, fit in fits.items():
        known = _parameters(fit)
        if name not in known:
            choices = [*known, FORM] if len(fits) > 1 else list(known)
            of = f" of {label}" if len(fits) > 1 else ""
            raise unknown(f"goal{of}", name, choices)
        if np.ptp(known[name]) == 0:
            raise LawError(f"{name} of {label} is held at a number: nothing is left to learn.")
    return Goal(name, lambda fit: _parameters(fit)[name].reshape(-1, 1), name)


def _parameters(fit: Fit) -> dict[str, np.ndarray]:
    return labelling.named({**fit.quantities, **fit.noise, **fit.parameters})


def _form(fits: Mapping[str, Fit], shares: Any) -> Goal:
    if len(fits) < 2 or (np.asarray(shares) > 0).sum() < 2:
        raise LawError(
            "goal='form' asks which of several laws is true: give an ensemble of two fits or more "
            "that have a weight, bs.ensemble([fit, fit2])."
        )
    return Goal(f"which is true of {', '.join(fits)}", None, "nats")


def _derived(found: Any, fit: Fit) -> np.ndarray:
    """Return what a user's function returned as draws of shape (draw, part)."""
    draws: Any = getattr(found, "draws", found)
    if callable(draws):
        raise LawError(
            "The goal's function returned a forecast. For a forecast give its inputs: "
            "goal={'x': 1e10}."
        )
    array = np.asarray(draws, float)
    shape = np.shape(next(iter(labelling.named(fit.parameters).values())))
    if array.shape[:2] != shape or array.ndim > 3:
        raise LawError(
            "The goal's function must return draws of shape (chain, draw), here "
            f"{shape}, or (chain, draw, part), as fit.parameters['exponent'] has them; got "
            f"{array.shape}."
        )
    return array.reshape(shape[0] * shape[1], -1)
