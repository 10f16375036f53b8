"""Least squares on log y from many starts, with a residual bootstrap: what the field does.

Every start of a curve, and later every refit of the bootstrap, is a row of one array: a
Levenberg-Marquardt step of all of them is one call of numpy, so that 32 starts cost little more
than one. Derivatives are by hand.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.forms import FORMS, Law, softplus
from benchmarks.extrapolation.scores import Predictive

STARTS, REFITS, DRAWS = 32, 60, 3000
STEPS = 200


# Starts -------------------------------------------------------------------------------------------


def _starts(form: str, t: np.ndarray, log_y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return random starts, shape (start, parameter), spread over plausible curves of the data."""
    low, high, middle = log_y.min(), log_y.max(), log_y.mean()
    share = rng.uniform(0.05, 0.95, STARTS)
    log_exponent = rng.normal(np.log(0.3), 0.9, STARTS)
    if form == "M1":
        return np.array([[middle, 0.0]])
    if form == "M2":
        return np.column_stack([low + np.log(share), middle + np.log1p(-share), log_exponent])
    if form == "M3":
        shift = rng.normal(-2.0, 2.0, STARTS) - t.max()
        inner = np.logaddexp(-t, shift[:, None]).mean(axis=1)
        return np.column_stack([middle - np.exp(log_exponent) * inner, shift, log_exponent])
    if form == "M4":
        floor = low + np.log(share)
        top = high + rng.exponential(0.3, STARTS) + 1e-3
        gap = np.log(np.exp(top) - np.exp(floor))
        log_a = rng.normal(-0.3, 0.7, STARTS)
        reducible = (np.exp(middle) - np.exp(floor)) / np.exp(gap)
        reducible = np.clip(reducible, 0.02, 0.98)
        k = np.log(reducible) - np.exp(log_a) * np.log1p(-reducible)
        return np.column_stack([floor, gap, k, log_exponent, log_a])
    floor, scale = low + np.log(share), middle + np.log1p(-share)
    slope = np.exp(log_exponent) * rng.choice([1.0, -0.5], STARTS, p=[0.8, 0.2])
    change = rng.normal(0.0, 0.6, STARTS)
    place = rng.uniform(t.min(), t.max(), STARTS)
    log_f = rng.normal(np.log(0.4), 0.8, STARTS)
    bend = np.exp(log_f) * softplus((0 - place) / np.exp(log_f))
    scale = scale + change * bend
    return np.column_stack([floor, scale, slope, change, place, log_f])


# Minimizing ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Minima:
    """Where Levenberg-Marquardt ended: points, shape (row, parameter), and sums of squares."""

    points: np.ndarray
    loss: np.ndarray


def minimized(
    law: Law, starts: np.ndarray, t: np.ndarray, log_y: np.ndarray, weight: np.ndarray
) -> Minima:
    """Return local minima of the weighted sum of squared log errors, one from each start.

    Parameters
    ----------
    law
        Curve and derivatives.
    starts
        Shape (row, parameter).
    t
        Shape (m,).
    log_y
        Shape (m,), or (row, m) where every row has data of its own.
    weight
        Square roots of the weights, shape (m,).
    """
    points = starts.astype(float)
    goal = np.broadcast_to(log_y, (len(points), len(t)))

    def at(some: np.ndarray, rows: np.ndarray):
        with np.errstate(all="ignore"):
            value, derivative = law(some, t)
            off = (value - goal[rows]) * weight
            loss = (off**2).sum(axis=1)
        fine = np.isfinite(loss) & np.isfinite(derivative).all(axis=(1, 2))
        return off, derivative * weight[:, None], np.where(fine, loss, np.inf)

    every = np.arange(len(points))
    off, slopes, loss = at(points, every)
    damping, still, calm = np.full(len(points), 1e-2), np.isfinite(loss), np.zeros(len(points), int)
    for _ in range(STEPS):
        rows = every[still]
        if not len(rows):
            break
        hessian = np.einsum("rmp,rmq->rpq", slopes[rows], slopes[rows])
        gradient = np.einsum("rmp,rm->rp", slopes[rows], off[rows])
        size = np.einsum("rpp->rp", hessian)
        ridge = damping[rows, None] * np.maximum(
            size, 1e-9 * size.max(axis=1, keepdims=True) + 1e-12
        )
        hessian = hessian + ridge[:, :, None] * np.eye(points.shape[1])
        step = -np.linalg.solve(hessian, gradient[..., None])[..., 0]
        step = np.clip(step, -2.0, 2.0)
        tried = points[rows] + step
        new_off, new_slopes, new_loss = at(tried, rows)
        better = new_loss < loss[rows]
        kept = rows[better]
        gained = np.where(better, (loss[rows] - new_loss) / (loss[rows] + 1e-300), 0.0)
        points[kept], loss[kept] = tried[better], new_loss[better]
        off[kept], slopes[kept] = new_off[better], new_slopes[better]
        damping[rows] = np.where(better, damping[rows] / 5, damping[rows] * 4)
        settled = better & (gained < 1e-8)
        calm[rows] = np.where(settled, calm[rows] + 1, np.where(better, 0, calm[rows]))
        still[rows] = (calm[rows] < 3) & (damping[rows] < 1e10)
        damping[rows] = np.maximum(damping[rows], 1e-12)
    return Minima(points, loss)


def best(form: str, curve: Curve, rng: np.random.Generator) -> np.ndarray:
    """Return the best point of all starts on a curve's training rows, shape (parameter,)."""
    t, log_y, weight = training(curve)
    found = minimized(FORMS[form], _starts(form, t, log_y, rng), t, log_y, weight)
    return found.points[np.argmin(found.loss)]


def training(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return t, log y and square roots of weights of a curve's training rows."""
    log_x = np.log(curve.train["x"].to_numpy())
    log_y, weight = np.log(curve.train["y"].to_numpy()), np.sqrt(curve.train["n_obs"].to_numpy())
    return log_x - log_x.mean(), log_y, weight


def ahead(curve: Curve) -> np.ndarray:
    """Return t of the test points."""
    return np.log(curve.test["x"].to_numpy()) - np.log(curve.train["x"].to_numpy()).mean()


def forecast(form: str, curve: Curve, rng: np.random.Generator) -> Predictive:
    """Fit a form to a curve's training rows; forecast single runs at its test points.

    Rows are weighted by the number of runs they are means of. The refits begin at the best of the
    starts, on the fitted curve plus residuals drawn with replacement.
    """
    law = FORMS[form]
    t, log_y, weight = training(curve)
    found = best(form, curve, rng)
    fitted = law(found[None], t)[0][0]
    # A residual of a mean of n runs, times sqrt(n), is as large as a single run's.
    single = (log_y - fitted) * weight
    free = len(t) / max(len(t) - len(found), 1)
    residuals = (single - single.mean()) * np.sqrt(free)
    sigma = max(float(residuals.std()), 1e-6)
    data = fitted + rng.choice(residuals, (REFITS, len(t))) / weight
    refits = minimized(law, np.repeat(found[None], REFITS, axis=0), t, data, weight)
    with np.errstate(all="ignore"):
        curves = law(refits.points, ahead(curve))[0]
    curves = curves[np.isfinite(curves).all(axis=1)]
    if not len(curves):
        curves = law(found[None], ahead(curve))[0]
    return predictive(curves, np.full(len(curves), sigma), curve, rng)


def predictive(
    curves: np.ndarray, sigma: np.ndarray, curve: Curve, rng: np.random.Generator
) -> Predictive:
    """Return the distribution of runs about draws of the log curve, with lognormal noise.

    Parameters
    ----------
    curves
        Shape (draw, point).
    sigma
        Standard deviation of log y of a single run; shape (draw,).
    curve
        The record, for its test points.
    rng
        For the noise.
    """
    log_y = np.log(curve.test["y"].to_numpy())
    times = -(-DRAWS // len(curves))
    spread = sigma[:, None]
    z = (log_y - curves) / spread
    density = -0.5 * z**2 - np.log(spread) - 0.5 * np.log(2 * np.pi) - log_y
    about = np.repeat(curves, times, axis=0)
    noise = np.repeat(spread, times, axis=0) * rng.standard_normal(about.shape)
    return Predictive(np.exp(np.clip(about + noise, -600, 600)), density)
