r"""Floor and level integrated out of a law's posterior, and drawn afterwards.

Given the shape of the curve, :math:`f(x) = E + S\,h(x)` is linear in floor and scale. Around a
pilot curve :math:`\hat f` the log residual is, to first order,
:math:`\log y - \log f \approx 1 + \log(y/\hat f) - f/\hat f`, which is linear in them too. With a
Gaussian prior both integrate out in closed form, which removes the ridge between floor and
exponents. Draws of floor and scale then come from their exact conditional, and every draw is
weighted by the declared posterior (log-normal likelihood, declared priors) over this Gaussian one.
The Pareto k of those weights says whether the replacement was good enough.

Units: y over the pilot's value at the largest input, x over the reference input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayescale import anchoring
from bayescale.coordinates import Coordinates
from bayescale.free_scale import frozen
from bayescale.linearizing import wide_draws

#: From log residuals to independent standard normal numbers, and the log of their scale by row.
Whitening = Callable[[Any], tuple[Any, Any]]

#: Gaussian stand-in for the priors: floor ~ N(0.5, 10) on (0, FLOOR_TOP), level ~ N(1, 0.5).
FLOOR_MEAN, FLOOR_SD, LEVEL_SD, FLOOR_TOP = 0.5, 10.0, 0.5, 1.25

_Q11 = FLOOR_SD**-2 + LEVEL_SD**-2
_Q12 = LEVEL_SD**-2
_B1 = FLOOR_MEAN * FLOOR_SD**-2 + LEVEL_SD**-2
_B2 = LEVEL_SD**-2


def applies(coordinates: Coordinates) -> bool:
    """Return whether a law and a likelihood allow the floor and the level to be integrated out."""
    pair = coordinates.pair
    return (
        coordinates.law.collapsible
        and coordinates.likelihood.whitens
        and pair is not None
        and pair[0].quantity == "floor_share"
        and pair[1].quantity == "level"
    )


def remaining(coordinates: Coordinates) -> dict[str, int | None]:
    """Return the coordinates that stay when floor and level are integrated out."""
    assert coordinates.pair is not None
    paired = coordinates.pair
    return {slot.quantity: slot.size for slot in coordinates.free if slot not in paired}


def relative_reducible(
    law: Any, values: Mapping[str, Any], inputs: Mapping[str, Any], numbers: Mapping[str, Any]
) -> Any:
    """Return the reducible loss at the inputs over that at the largest input."""
    shape = law.shape(values, numbers)
    at = law.curve(inputs, {"irreducible": 0.0, "scale": 1.0, **shape}, numbers)
    return at / anchoring.drop(law, shape, numbers)


def log_density(statistics: Mapping[str, Any], reducible: Any, whitened: Whitening) -> Any:
    """Return the log likelihood with floor and level integrated out (PyTensor).

    Parameters
    ----------
    statistics
        ``inverse`` (pilot at the largest input over pilot) and ``target`` (1 + log(y / pilot)).
    reducible
        Reducible loss over that at the largest input, shape (run,).
    whitened
        From log residuals to independent standard normal numbers, and the log of their scale by
        row: what the likelihood says of the noise.

    Returns
    -------
    tensor
        Up to a constant.
    """
    import pytensor.tensor as typed

    pt: Any = typed  # the type checker takes elementwise operators for None

    target, log_scale = whitened(statistics["target"])
    m = _moments(statistics, reducible, whitened)
    upper, lower = (FLOOR_TOP - m["mean_e"]) / m["sd_e"], -m["mean_e"] / m["sd_e"]
    return (
        -(log_scale + pt.zeros_like(statistics["target"])).sum()
        - 0.5 * (target**2).sum()
        - 0.5 * (pt.log(m["schur"]) + pt.log(m["p22"]))
        + 0.5 * (m["b2"] ** 2 / m["p22"] + m["schur"] * m["mean_e"] ** 2)
        + _log_cdf_difference(lower, upper)
    )


def _moments(statistics: Mapping[str, Any], reducible: Any, whitened: Whitening) -> dict[str, Any]:
    """The Gaussian posterior of (floor, scale) given the rest, in the Schur form.

    The target is not shifted by the prior mean: with steep slopes the shift cancels, and its
    rounding residue looks like noise.
    """
    floor, _ = whitened(statistics["inverse"])
    scale, _ = whitened(statistics["inverse"] * reducible)
    target, _ = whitened(statistics["target"])
    p11 = (floor**2).sum(-1) + _Q11
    p12 = (floor * scale).sum(-1) + _Q12
    p22 = (scale**2).sum(-1) + _Q12
    b1 = (target * floor).sum(-1) + _B1
    b2 = (target * scale).sum(-1) + _B2
    k = p12 / p22
    schur = p11 - p12 * k
    return {
        "p22": p22,
        "b2": b2,
        "k": k,
        "schur": schur,
        "mean_e": (b1 - k * b2) / schur,
        "sd_e": schur**-0.5,
    }


def _log_cdf(z: Any) -> Any:
    """Return log Phi(z), stable in both tails (PyTensor)."""
    import pytensor.tensor as typed

    pt: Any = typed  # the type checker takes elementwise operators for None

    low, high = pt.minimum(z, 0.0), pt.maximum(z, 0.0)
    return pt.switch(
        z > 0,
        pt.log1p(-0.5 * pt.erfc(high / math.sqrt(2))),
        pt.log(0.5 * pt.erfcx(-low / math.sqrt(2))) - 0.5 * low**2,
    )


def _log_cdf_difference(lower: Any, upper: Any) -> Any:
    """Return log(Phi(upper) - Phi(lower)), in the tail where both are small (PyTensor)."""
    import pytensor.tensor as typed

    pt: Any = typed  # the type checker takes elementwise operators for None

    flip = lower + upper > 0
    a, b = pt.switch(flip, -upper, lower), pt.switch(flip, -lower, upper)
    log_a, log_b = _log_cdf(a), _log_cdf(b)
    return log_b + pt.log1p(-pt.exp(pt.minimum(log_a - log_b, -1e-12)))


def draw_floor_and_scale(
    statistics: Mapping[str, np.ndarray],
    reducible: np.ndarray,
    whitened: Whitening,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw floor and end scale exactly from their conditional (numpy).

    Parameters
    ----------
    statistics
        From :func:`bayescale.linearizing.linearized`.
    reducible
        Shape (..., run).
    whitened
        As for :func:`log_density`, of arrays of shape (..., run).
    rng
        Random numbers.

    Returns
    -------
    floor, scale
        In units of the pilot at the largest input, shape (...).
    """
    from scipy.stats import truncnorm

    m = _moments(statistics, reducible, whitened)
    low, high = -m["mean_e"] / m["sd_e"], (FLOOR_TOP - m["mean_e"]) / m["sd_e"]
    floor: Any = truncnorm.rvs(low, high, m["mean_e"], m["sd_e"], random_state=rng)
    shape = np.shape(floor)
    scale = m["b2"] / m["p22"] - m["k"] * floor + m["p22"] ** -0.5 * rng.standard_normal(shape)
    return floor, scale


def log_gaussian(
    statistics: Mapping[str, np.ndarray],
    reducible: np.ndarray,
    whitened: Whitening,
    floor: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """Return the Gaussian stand-in for likelihood and prior at draws, up to a constant (numpy)."""
    curve = statistics["inverse"] * (floor[..., None] + scale[..., None] * reducible)
    misfit, log_scale = whitened(statistics["target"] - curve)
    prior = ((floor - FLOOR_MEAN) / FLOOR_SD) ** 2 + ((floor + scale - 1) / LEVEL_SD) ** 2
    log_scale = np.broadcast_to(log_scale, np.shape(misfit))
    return -log_scale.sum(-1) - 0.5 * (misfit**2).sum(-1) - 0.5 * prior


def complete(
    coordinates: Coordinates,
    values: Mapping[str, Any],
    numbers: Mapping[str, Any],
    runs: Any,
    statistics: Mapping[str, np.ndarray],
    top: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], np.ndarray]:
    """Draw floor and level, and weigh every draw to the declared posterior (numpy).

    Parameters
    ----------
    coordinates
        Of the law and the likelihood.
    values
        Quantity to draws, shape (chain, draw); without floor share and level.
    numbers
        From :meth:`Coordinates.numbers`.
    runs
        The data.
    statistics, top
        From :func:`bayescale.linearizing.linearized`.
    rng
        Random numbers.

    Returns
    -------
    values
        With ``floor_share`` and ``level``.
    log_weights
        Declared over Gaussian log density, shape (chain, draw); minus infinity where the drawn
        scale is negative, which the declared prior excludes.
    """
    law, likelihood = coordinates.law, coordinates.likelihood
    with np.errstate(all="ignore"):
        shape = law.shape(values, numbers)
        wide = {n: wide_draws(v) for n, v in shape.items()}
        flat = {"irreducible": 0.0, "scale": 1.0}
        ratio = anchoring.drop(law, shape, numbers)
        reducible = law.curve(runs.inputs, {**flat, **wide}, numbers) / ratio[..., None]
        noise = coordinates.noise(values, numbers)
        columns = {n: np.broadcast_to(v, ratio.shape)[..., None] for n, v in noise.items()}
        columns |= runs.by_run(likelihood.by_run)

        def whitened(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return likelihood.whitened(vector, **columns)

        floor, scale = draw_floor_and_scale(statistics, reducible, whitened, rng)
        end = floor + scale
        level = top * (floor + scale / ratio) / numbers["y_ref"]
        done = {**values, "floor_share": floor / end, "level": level}
        curve = top * (floor[..., None] + scale[..., None] * reducible)
        assert coordinates.pair is not None
        share_prior, level_prior = (frozen(slot) for slot in coordinates.pair)
        declared = (
            likelihood.log_density(runs.outcome, curve, **columns).sum(-1)
            + share_prior.logpdf(done["floor_share"])
            + level_prior.logpdf(level)
            + np.log(level)
            - 2 * np.log(end)
        )
        weights = declared - log_gaussian(statistics, reducible, whitened, floor, scale)
    usable = (scale > 0) & (floor > 0) & np.isfinite(weights)
    return done, np.where(usable, weights, -np.inf)
