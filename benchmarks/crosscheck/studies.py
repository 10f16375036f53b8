"""What is fitted by both: a law with its priors, and runs that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs

P = bs.Prior


@dataclass(frozen=True, eq=False)
class Study:
    """A law with its priors, and what it is fitted to.

    Parameters
    ----------
    law, likelihood
        The description; `numpyro_models.py` has the same by hand.
    runs
        A column for each input, ``y``, and that of the families where there are some.
    constants
        From a fit to draws of the literature's constants, by the names of `numpyro_models.py`.
    """

    law: bs.Law
    likelihood: bs.Likelihood
    runs: pd.DataFrame
    constants: Callable[[bs.Fit], dict[str, np.ndarray]]

    @property
    def inputs(self) -> dict[str, str]:
        """Role to column: they are called alike."""
        return {role: role for role in self.law.inputs}


def scattered(seed: int, noise: float, loss: np.ndarray, **inputs: Any) -> pd.DataFrame:
    """Return runs about a curve."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({**inputs, "y": loss * np.exp(noise * rng.standard_normal(len(loss)))})


def one_input(points: int) -> np.ndarray:
    return np.geomspace(1e6, 1e10, points)


def grid() -> tuple[np.ndarray, np.ndarray]:
    sizes, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 5), np.geomspace(1e9, 1e12, 5))
    return sizes.ravel(), tokens.ravel()


def logs(found: dict[str, Any], **names: str) -> dict[str, np.ndarray]:
    """Return logarithms of some constants under their names."""
    return {f"log {called}": np.log(np.asarray(found[name])) for name, called in names.items()}


def noise_of(fit: bs.Fit) -> dict[str, np.ndarray]:
    return logs(fit.noise, **{name: name for name in ("sigma", "nu") if name in fit.noise})


def of(fit: bs.Fit) -> dict[str, Any]:
    """Return the literature's constants, draw by draw."""
    return fit.law.constants(fit.parameters, fit.runs.references)


def power_law() -> Study:
    x = one_input(12)

    def constants(fit):
        c = of(fit)
        return {"E": c["irreducible"], "alpha": c["exponent"], **logs(c, x0="x0"), **noise_of(fit)}

    return Study(
        bs.PowerLaw(), bs.LogNormal(), scattered(1, 0.02, 1.7 + (1e9 / x) ** 0.2, x=x), constants
    )


def broken_power_law() -> Study:
    x = one_input(24)
    loss = 0.4 + 3 * (x / 1e6) ** -0.05 * (1 + (x / 1e8) ** 1.5) ** (-0.3 / 1.5)

    def constants(fit):
        c = of(fit)
        ones = {
            "E": c["irreducible"], "c0": c["exponent"], "c1": c["exponent_change"][0],
            "log d1": np.log(c["break_location"][0]), "log f1": np.log(c["f"][0]),
        }  # fmt: skip
        return {**ones, **logs(c, b="b"), **noise_of(fit)}

    return Study(
        bs.BrokenPowerLaw(breaks=1), bs.LogNormal(), scattered(2, 0.02, loss, x=x), constants
    )


def chinchilla() -> Study:
    n, d = grid()
    loss = 1.69 + 406.4 / n**0.34 + 410.7 / d**0.28
    exponent = P("LogNormal", mu=np.log(0.3), sigma=0.4)
    law = bs.Chinchilla(
        irreducible=P("HalfNormal", sigma=2), params_exponent=exponent, tokens_exponent=exponent,
        A=P("LogNormal", mu=np.log(400), sigma=1), B=P("LogNormal", mu=np.log(400), sigma=1.5),
    )  # fmt: skip

    def constants(fit):
        c = of(fit)
        ones = {name: c[name] for name in ("E", "alpha", "beta")}
        return {**ones, **logs(c, A="A", B="B"), **noise_of(fit)}

    noise = bs.LogNormal(sigma=P("HalfNormal", sigma=0.05))
    return Study(law, noise, scattered(3, 0.02, loss, params=n, tokens=d), constants)


def kaplan() -> Study:
    n, d = grid()
    loss = ((8.8e13 / n) ** (0.076 / 0.095) + 5.4e13 / d) ** 0.095
    exponent, far = P("Beta", alpha=2, beta=10), P("LogNormal", mu=30, sigma=3)
    law = bs.KaplanModelData(
        irreducible=0.0, N_c=far, D_c=far, params_exponent=exponent, tokens_exponent=exponent
    )

    def constants(fit):
        c = of(fit)
        ones = {name: c[name] for name in ("alpha_N", "alpha_D")}
        return {**ones, **logs(c, N_c="N_c", D_c="D_c"), **noise_of(fit)}

    return Study(law, bs.StudentT(), scattered(4, 0.03, loss, params=n, tokens=d), constants)


def pooled_power_law() -> Study:
    family, x = (part.ravel() for part in np.meshgrid(np.arange(5.0), one_input(6), indexing="ij"))
    scales = np.array([0.7, 0.9, 1.0, 1.2, 1.6])[family.astype(int)]
    loss = 1.0 + scales * (x / 1e8) ** -0.15
    law = bs.PowerLaw(
        irreducible=P("HalfNormal", sigma=2),
        scale=bs.partial_pooling(
            P("LogNormal", mu=0, sigma=1), by="family", spread=P("HalfNormal", sigma=0.5)
        ),
    )

    def constants(fit):
        posterior = fit.tree["posterior"]
        found = {"E": fit.parameters["irreducible"][0], "alpha": fit.parameters["exponent"][0]}
        found["log S"] = np.log(posterior["scale_population"].to_numpy())
        found["log tau"] = np.log(posterior["scale_spread"].to_numpy())
        found["log sigma"] = np.log(fit.noise["sigma"][0])
        for i, scale in enumerate(fit.parameters["scale"]):
            found[f"log S of family {i + 1}"] = np.log(scale)
        return found

    return Study(law, bs.LogNormal(), scattered(5, 0.03, loss, x=x, family=family), constants)


STUDIES = {
    "power law": power_law, "broken power law": broken_power_law, "chinchilla": chinchilla,
    "kaplan": kaplan, "pooled power law": pooled_power_law,
}  # fmt: skip
