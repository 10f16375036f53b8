"""Scaling laws as a careful user writes them in PyMC: the literature's constants, broad priors.

What the benchmarks measure ours against: the same law, the same runs, no coordinates of ours.
"""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm

import bayescale as bs


def power_law(runs: pd.DataFrame) -> pm.Model:
    with pm.Model() as model:
        floor = pm.HalfNormal("floor", 2.0)
        log_x0 = pm.Normal("log_x0", 20.0, 15.0)
        exponent = pm.LogNormal("exponent", np.log(0.25), 0.94)
        curve = floor + pm.math.exp(exponent * (log_x0 - np.log(runs["x"].to_numpy())))
        observed(curve, runs)
    return model


def broken_power_law(runs: pd.DataFrame) -> pm.Model:
    log_x = np.log(runs["x"].to_numpy())
    with pm.Model() as model:
        a = pm.HalfNormal("a", 2.0)
        log_b = pm.Normal("log_b", 0.0, 5.0)
        c0 = pm.LogNormal("c0", np.log(0.25), 0.94)
        c1 = pm.Normal("c1", 0.0, 1.0)
        log_d = pm.Uniform("log_d", log_x.min(), log_x.max())
        f = pm.LogNormal("f", np.log(0.5), 1.0)
        bend = pm.math.log1pexp((log_x - log_d) / f)
        observed(a + pm.math.exp(log_b - c0 * log_x - c1 * f * bend), runs)
    return model


def chinchilla(runs: pd.DataFrame) -> pm.Model:
    with pm.Model() as model:
        e = pm.HalfNormal("E", 2.0)
        log_a, log_b = pm.Normal("log_A", 6.0, 3.0), pm.Normal("log_B", 6.0, 3.0)
        alpha = pm.LogNormal("alpha", np.log(0.25), 0.94)
        beta = pm.LogNormal("beta", np.log(0.25), 0.94)
        first = pm.math.exp(log_a - alpha * np.log(runs["params"].to_numpy()))
        second = pm.math.exp(log_b - beta * np.log(runs["tokens"].to_numpy()))
        observed(e + first + second, runs)
    return model


def kaplan(runs: pd.DataFrame) -> pm.Model:
    with pm.Model() as model:
        log_n, log_d = pm.Normal("log_N_c", 30.0, 10.0), pm.Normal("log_D_c", 30.0, 10.0)
        alpha = pm.LogNormal("alpha_N", np.log(0.15), 0.94)
        beta = pm.LogNormal("alpha_D", np.log(0.15), 0.94)
        first = alpha / beta * (log_n - np.log(runs["params"].to_numpy()))
        second = log_d - np.log(runs["tokens"].to_numpy())
        observed(pm.math.exp(beta * pm.math.logaddexp(first, second)), runs)
    return model


def observed(curve: Any, runs: pd.DataFrame) -> None:
    sigma = pm.LogNormal("sigma", np.log(0.02), 1.0)
    pm.LogNormal("y", pm.math.log(curve), sigma, observed=runs["y"].to_numpy())


def grid() -> dict[str, np.ndarray]:
    sizes, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 8), np.geomspace(1e9, 1e12, 8))
    return {"params": sizes.ravel(), "tokens": tokens.ravel()}


def one_input() -> dict[str, np.ndarray]:
    return {"x": np.geomspace(1e6, 1e10, 40)}


def runs_like_the_paper(name: str, seed: int, noise: float = 0.01) -> pd.DataFrame:
    """Return runs about a paper's constants, by the law's name."""
    _, _, truth, inputs = PAPERS[name]
    at = inputs()
    exact = truth().evaluate(**at)
    scatter = noise * np.random.default_rng(seed).standard_normal(len(exact))
    return pd.DataFrame({**at, "y": exact * np.exp(scatter)})


#: Law, its textbook model, the constants of the runs, and where the runs are.
PAPERS: dict[str, tuple[Any, Any, Any, Any]] = {
    "PowerLaw": (
        lambda: bs.PowerLaw(),
        power_law,
        lambda: bs.PowerLaw(irreducible=2.2, x0=6.3e1, exponent=0.13),
        one_input,
    ),
    "BrokenPowerLaw": (
        lambda: bs.BrokenPowerLaw(breaks=1),
        broken_power_law,
        lambda: bs.BrokenPowerLaw(
            breaks=1, irreducible=0.2, x0=3e6, exponent=0.08, break_location=1e8,
            exponent_change=0.25, break_sharpness=1.5,
        ),
        one_input,
    ),
    "Chinchilla": (
        lambda: bs.Chinchilla(),
        chinchilla,
        lambda: bs.Chinchilla(
            irreducible=1.8172, A=477.8, params_exponent=0.3473, B=2143.0, tokens_exponent=0.3672
        ),
        grid,
    ),
    "KaplanModelData": (
        lambda: bs.KaplanModelData(),
        kaplan,
        lambda: bs.KaplanModelData(
            N_c=6.4e13, params_exponent=0.076, D_c=1.8e13, tokens_exponent=0.103
        ),
        grid,
    ),
}  # fmt: skip
