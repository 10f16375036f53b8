"""The forms that competitors fit: log y and its derivatives, many parameter sets at once.

In t = log(x / centre): M1 to M4 of Alabdulmohsin et al. (2022), arXiv:2209.06640, and one break of
Caballero et al. (2023), arXiv:2210.14891, whose slopes may have either sign. Numpy only: peers in
environments of their own import it.
"""

from collections.abc import Callable

import numpy as np

#: From points, shape (row, parameter), and t, shape (m,), to log y, shape (row, m), and its
#: derivatives, shape (row, m, parameter).
Law = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def sigmoid(u: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * u))


def softplus(u: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, u)


def m1(points: np.ndarray, t: np.ndarray):
    """A power law: log y = level - slope t."""
    level, slope = points[:, :1], points[:, 1:2]
    value = level - slope * t
    return value, np.stack([np.ones_like(value), np.zeros_like(value) - t], axis=-1)


def m2(points: np.ndarray, t: np.ndarray):
    """A power law with a floor: log floor, log scale, log exponent."""
    floor, scale, exponent = points[:, :1], points[:, 1:2], np.exp(points[:, 2:3])
    power = scale - exponent * t
    share = sigmoid(power - floor)
    return np.logaddexp(floor, power), np.stack([1 - share, share, -share * exponent * t], axis=-1)


def m3(points: np.ndarray, t: np.ndarray):
    """A shifted power law, y = b (1 / x + g)^c: level, log g, log c."""
    level, shift, exponent = points[:, :1], points[:, 1:2], np.exp(points[:, 2:3])
    inner = np.logaddexp(-t, shift)
    return level + exponent * inner, np.stack(
        [np.ones_like(inner), exponent * sigmoid(shift + t), exponent * inner], axis=-1
    )


def m4(points: np.ndarray, t: np.ndarray):
    """A saturating law, (y - floor) / (top - y)^a = b x^-c: log floor, log(top - floor), k, log c,
    log a, where log s(u) - a log s(-u) = k - c t and y = floor + (top - floor) s(u).
    """
    floor, gap, k = points[:, :1], points[:, 1:2], points[:, 2:3]
    c, a = np.exp(points[:, 3:4]), np.exp(points[:, 4:5])
    goal = k - c * t
    # The left side rises with slope 1 below and a above: Newton from its asymptotes' crossing.
    u = np.where(goal < 0, goal, goal / a)
    for _ in range(30):
        gain = (-softplus(-u) + a * softplus(u) - goal) / (sigmoid(-u) + a * sigmoid(u))
        u = u - gain
        if np.nanmax(np.abs(gain), initial=0.0) < 1e-10:
            break
    power = gap - softplus(-u)
    share = sigmoid(power - floor)
    by_u = share * sigmoid(-u) / (sigmoid(-u) + a * sigmoid(u))
    derivatives = [1 - share, share, by_u, -by_u * c * t, -by_u * a * softplus(u)]
    return np.logaddexp(floor, power), np.stack(derivatives, axis=-1)


def one_break(points: np.ndarray, t: np.ndarray):
    """One break: log floor, log scale, slope, its change, break, log width."""
    floor, scale, c0, c1, d = (points[:, i : i + 1] for i in range(5))
    f = np.exp(points[:, 5:6])
    z = (t - d) / f
    bend, on = softplus(z), sigmoid(z)
    power = scale - c0 * t - c1 * f * bend
    share = sigmoid(power - floor)
    derivatives = [
        1 - share, share, -share * t, -share * f * bend, share * c1 * on,
        -share * c1 * f * (bend - z * on),
    ]  # fmt: skip
    return np.logaddexp(floor, power), np.stack(derivatives, axis=-1)


#: Form to its curve.
FORMS: dict[str, Law] = {"M1": m1, "M2": m2, "M3": m3, "M4": m4, "one break": one_break}
