"""The three laws and the textbook's priors, for peers that bring none of their own.

Curves are written for any array module (``xp``); parameters are those of benchmarks/textbook, and
broadcast against the inputs.
"""

import itertools
from typing import Any

import numpy as np


def power_law(p: dict, at: dict, xp: Any = np) -> Any:
    return p["floor"] + xp.exp(p["exponent"] * (p["log_x0"] - xp.log(at["x"])))


def one_break(p: dict, at: dict, xp: Any = np) -> Any:
    log_x = xp.log(at["x"])
    bend = xp.logaddexp(0.0, (log_x - p["log_d"]) / p["f"])
    return p["a"] + xp.exp(p["log_b"] - p["c0"] * log_x - p["c1"] * p["f"] * bend)


def chinchilla(p: dict, at: dict, xp: Any = np) -> Any:
    first = xp.exp(p["log_A"] - p["alpha"] * xp.log(at["params"]))
    return p["E"] + first + xp.exp(p["log_B"] - p["beta"] * xp.log(at["tokens"]))


CURVES = {"power law": power_law, "one break": one_break, "Chinchilla": chinchilla}

_EXPONENT = ("LogNormal", float(np.log(0.25)), 0.94)
_SIGMA = ("LogNormal", float(np.log(0.02)), 1.0)
#: Parameter to prior. A uniform one spans the logarithms of x.
PRIORS: dict[str, dict[str, tuple]] = {
    "power law": {
        "floor": ("HalfNormal", 2.0),
        "log_x0": ("Normal", 20.0, 15.0),
        "exponent": _EXPONENT,
        "sigma": _SIGMA,
    },
    "one break": {
        "a": ("HalfNormal", 2.0),
        "log_b": ("Normal", 0.0, 5.0),
        "c0": _EXPONENT,
        "c1": ("Normal", 0.0, 1.0),
        "log_d": ("Uniform",),
        "f": ("LogNormal", float(np.log(0.5)), 1.0),
        "sigma": _SIGMA,
    },
    "Chinchilla": {
        "E": ("HalfNormal", 2.0),
        "log_A": ("Normal", 6.0, 3.0),
        "log_B": ("Normal", 6.0, 3.0),
        "alpha": _EXPONENT,
        "beta": _EXPONENT,
        "sigma": _SIGMA,
    },
}


def at_forecast(job: dict) -> dict[str, np.ndarray]:
    """Return the inputs to predict at."""
    return {role: np.asarray(value) for role, value in job["at"].items()}


def starts(case: str, data: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """Return points about the data to start an optimizer from, sigma left out.

    Floors are shares of the smallest loss; amplitudes make the curve pass the middle of the data.
    """
    least, middle = data["y"].min(), np.exp(np.log(data["y"]).mean())
    found = []
    if case == "power law":
        log_x = np.log(data["x"]).mean()
        for share, slope in itertools.product((0.1, 0.5, 0.9), (0.1, 0.3, 0.6)):
            log_x0 = log_x + np.log(middle - share * least) / slope
            found.append({"floor": share * least, "log_x0": log_x0, "exponent": slope})
    elif case == "one break":
        log_x = np.log(data["x"])
        places = np.quantile(log_x, (0.3, 0.7))
        grid = itertools.product((0.1, 0.7), (0.1, 0.4), (-0.2, 0.2), places)
        for share, c0, c1, log_d in grid:
            bend = np.logaddexp(0.0, (log_x.mean() - log_d) / 0.7)
            log_b = np.log(middle - share * least) + c0 * log_x.mean() + c1 * 0.7 * bend
            start = {"a": share * least, "log_b": log_b, "c0": c0, "c1": c1}
            found.append(start | {"log_d": log_d, "f": 0.7})
    else:
        log_n, log_d = np.log(data["params"]).mean(), np.log(data["tokens"]).mean()
        for share, alpha, beta in itertools.product((0.2, 0.7), (0.2, 0.4), (0.2, 0.4)):
            half = np.log((middle - share * least) / 2)
            start = {"E": share * least, "log_A": half + alpha * log_n}
            found.append(start | {"log_B": half + beta * log_d, "alpha": alpha, "beta": beta})
    return found
