"""Kaplan's compute-optimal frontier in closed form: model size, batch and steps by compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Newton's steps to the loss of a compute, where there is a floor.
_NEWTON = 40
#: Floating-point operations in a day at 1e15 a second: the compute unit of Kaplan et al.
PF_DAY = 8.64e19


@dataclass(frozen=True, kw_only=True)
class KaplanFrontier:
    r"""What is the least loss at each compute, and which model and how many steps reach it.

    It follows from the law of parameters and steps with the critical batch size,

    .. math:: L(N, S_{min}) = L_\infty + (N_c/N)^{\alpha_N} + (S_c/S_{min})^{\alpha_S}

    .. math:: B_{crit}(L) = B_* L^{-1/\alpha_B}, \qquad C_{min} = 6 N B_{crit} S_{min}

    (appendix B of the paper; its equations are named below). Every number may be an array of
    draws; they broadcast with one another and with what the methods are given.

    With a floor :math:`L_\infty` (the paper has none) compute is a closed form of the loss, which
    is inverted by Newton's steps; the exponents and C_c are then those of the law without it.

    The paper's own numbers do not all follow from one another, and are not mended here: its main
    text predicts a compute exponent of 0.054 and model size growing as C^0.71, while its printed
    exponents give 0.052 and C^0.68, and its direct fits 0.050 and C^0.73; its fitted C_c is
    3.1e8 PF-days and the predicted one 1.6e8.

    Parameters
    ----------
    N_c, alpha_N
        Constant (parameters) and exponent (no unit) of the parameters' term.
    S_c, alpha_S
        Constant (steps) and exponent (no unit) of the steps' term.
    B_star, alpha_B
        Constant (tokens) and exponent (no unit) of the critical batch size.
    irreducible
        The loss that is left at infinite scale; units of the loss.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361.

    Examples
    --------
    >>> from bayescale.kaplan import PF_DAY, KaplanFrontier
    >>> frontier = KaplanFrontier(
    ...     N_c=6.5e13, alpha_N=0.077, S_c=2.1e3, alpha_S=0.76, B_star=2.1e8, alpha_B=0.21
    ... )
    >>> round(frontier.loss(PF_DAY), 4), f"{frontier.params(PF_DAY):.3g}"
    (2.6944, '5.84e+08')
    """

    N_c: Any
    alpha_N: Any
    S_c: Any
    alpha_S: Any
    B_star: Any
    alpha_B: Any
    irreducible: Any = 0.0

    @property
    def compute_exponent(self) -> Any:
        """The exponent of the least loss in compute, positive = falling (B.7); no unit."""
        return 1 / (1 / self.alpha_S + 1 / self.alpha_B + 1 / self.alpha_N)

    @property
    def params_power(self) -> Any:
        """The power of compute in which the optimal model size grows; no unit."""
        return self.compute_exponent / self.alpha_N

    @property
    def batch_power(self) -> Any:
        """The power of compute in which the critical batch size grows; no unit."""
        return self.compute_exponent / self.alpha_B

    @property
    def steps_power(self) -> Any:
        """The power of compute in which the optimal steps grow; no unit."""
        return self.compute_exponent / self.alpha_S

    @property
    def over_convergence(self) -> Any:
        """The loss on the frontier over that of the same model when converged (B.6); no unit."""
        return 1 + self.alpha_N / self.alpha_S

    @property
    def compute_constant(self) -> Any:
        """C_c, the compute in FLOP at which the least loss would be 1 (B.8)."""
        over = self.over_convergence ** (1 / self.alpha_S + 1 / self.alpha_N)
        steepness = (self.alpha_S / self.alpha_N) ** (1 / self.alpha_S)
        return 6 * self.N_c * self.B_star * self.S_c * over * steepness

    def loss(self, compute: Any) -> Any:
        """Return the least loss at a compute in FLOP (B.7)."""
        return self.irreducible + self.reducible(compute)

    def reducible(self, compute: Any) -> Any:
        """Return the least loss at a compute in FLOP, less the floor.

        Without a floor that is B.7. With one, log C = c - r/α_r - log(L∞ + e^r)/α_B of the log r of
        the reducible loss, which falls and bends upwards, so Newton's steps from B.7 converge.
        """
        plain = (self.compute_constant / compute) ** self.compute_exponent
        if not np.any(self.irreducible):
            return plain
        slope = 1 / self.alpha_N + 1 / self.alpha_S
        # B.7 at L∞ = 0 says log C_c; only the batch knows of the floor.
        log_c, r = np.log(self.compute_constant), np.log(plain)
        for _ in range(_NEWTON):
            over = np.exp(r)
            whole = self.irreducible + over
            gap = log_c - slope * r - np.log(whole) / self.alpha_B - np.log(compute)
            r = r + gap / (slope + over / whole / self.alpha_B)
        return np.exp(r)

    def params(self, compute: Any) -> Any:
        """Return the optimal number of parameters at a compute in FLOP (B.9)."""
        return self.N_c * (self.over_convergence / self.reducible(compute)) ** (1 / self.alpha_N)

    def steps(self, compute: Any) -> Any:
        """Return the optimal number of steps, far above the critical batch (B.10)."""
        left = self.reducible(compute) * (1 - 1 / self.over_convergence)
        return self.S_c * left ** (-1 / self.alpha_S)

    def powers(self, compute: Any) -> dict[str, Any]:
        """Return the powers of compute in which params, steps and batch grow at a compute.

        Without a floor they are the same everywhere.
        """
        over = self.reducible(compute)
        share = over / (self.irreducible + over)
        falls = 1 / (1 / self.alpha_N + 1 / self.alpha_S + share / self.alpha_B)
        names = {"params": 1 / self.alpha_N, "steps": 1 / self.alpha_S}
        return {name: falls * value for name, value in names.items()} | {
            "batch": falls * share / self.alpha_B
        }

    def critical_batch(self, loss: Any) -> Any:
        """Return the batch in tokens at which neither steps nor tokens are wasted (5.3)."""
        return self.B_star / loss ** (1 / self.alpha_B)

    def compute(self, params: Any, loss: Any) -> Any:
        """Return the compute in FLOP at which a model of some size reaches a loss (B.3).

        Below the loss at which that model converges there is none: the result is not a number.
        """
        gap = loss - self.irreducible - (self.N_c / params) ** self.alpha_N
        steps = self.S_c * gap ** (-1 / self.alpha_S)
        return 6 * params * self.critical_batch(loss) * steps

    def steps_off_optimum(self, ratio: Any) -> Any:
        """Return steps over those of the optimal model, for a model ``ratio`` times its size.

        At the same loss (B.15); not a number where so small a model cannot reach it.
        """
        bracket = 1 + self.alpha_S / self.alpha_N * (1 - ratio**-self.alpha_N)
        return bracket ** (-1 / self.alpha_S)

    def cost_off_optimum(self, ratio: Any) -> Any:
        """Return compute over that of the optimal model, for a model ``ratio`` times its size.

        At the same loss (B.16); not a number where so small a model cannot reach it.
        """
        return ratio * self.steps_off_optimum(ratio)

    def by_closeness(self, over: Any, instead_of: Any) -> dict[str, Any]:
        """Compare training to within one distance of convergence with another, at one loss.

        Parameters
        ----------
        over, instead_of
            By how much the loss exceeds the converged one, as a fraction: 0.1 is 10 %.

        Returns
        -------
        dict
            Ratios (no unit) of ``params``, ``steps`` and ``compute`` (B.12 to B.14).
        """
        params = ((1 + over) / (1 + instead_of)) ** (1 / self.alpha_N)
        steps = ((1 + 1 / over) / (1 + 1 / instead_of)) ** (1 / self.alpha_S)
        return {"params": params, "steps": steps, "compute": params * steps}

    def early_stopping(self, gap: Any) -> Any:
        """Return the least number of steps after which to stop a run that will overfit (5.7).

        Parameters
        ----------
        gap
            The loss at these tokens over that at infinite tokens, L(N, D) - L(N, ∞).
        """
        return self.S_c / gap ** (1 / self.alpha_S)
