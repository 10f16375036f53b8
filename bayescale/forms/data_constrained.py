"""Muennighoff's law: Chinchilla with tokens that repeat and parameters in excess of them."""

import math
import warnings
from dataclasses import InitVar
from typing import Any

import numpy as np

from bayescale import anchoring
from bayescale.errors import DataWarning
from bayescale.forms.chinchilla import Chinchilla
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, SHARE_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


def _log_worth(log_full: Any, excess: Any, reuse: Any) -> Any:
    """Return the log of what a total is worth: a part of full worth, and its log ratio to that.

    In logs, as a small exponent can put the optimal size beyond all numbers; the cap on the
    excess is far beyond where more of it is worth anything.
    """
    capped = 0.5 * (excess + 50 - abs(excess - 50))
    return log_full + np.log(1 - reuse * np.expm1((1 - np.exp(capped)) / reuse))


@law
class DataConstrained(Law):
    r"""Chinchilla for runs of several epochs: repeated tokens are worth less and less.

    .. math:: L(N, D, U) = E + \frac{A}{N'^{\alpha}} + \frac{B}{D'^{\beta}}

    .. math:: D' = U_D \left[1 + R^*_D \left(1 - e^{-R_D/R^*_D}\right)\right], \quad
              N' = U_N \left[1 + R^*_N \left(1 - e^{-R_N/R^*_N}\right)\right]

    with :math:`U_D = \min(U, D)` unique tokens seen :math:`1 + R_D = D/U_D` times, and
    :math:`U_N = \min(N, N_{opt}(U_D))` parameters, of which the model has :math:`1 + R_N = N/U_N`
    times as many. :math:`N_{opt}(U_D) = G (G U_D)^{\beta/\alpha}`,
    :math:`G = (\alpha A / \beta B)^{1/(\alpha+\beta)}`, is the compute-optimal size for that many
    tokens. In one epoch, and with no more than :math:`N_{opt}` parameters, it is Chinchilla; after
    many epochs :math:`D' \to (1 + R^*_D) U_D`.

    Parameters
    ----------
    irreducible
        :math:`E`, the loss that is left at infinite scale; scalar, in the units of y.
    params_scale
        :math:`A / N_{ref}^\alpha`, the parameters' term at the reference size where none is in
        excess; scalar, units of y.
    params_exponent
        :math:`\alpha`, exponent of the parameters, positive = falling; scalar, no unit.
    tokens_scale
        :math:`B / D_{ref}^\beta`, the tokens' term at the reference tokens where none repeats;
        scalar, units of y.
    tokens_exponent
        :math:`\beta`, exponent of the tokens, positive = falling; scalar, no unit.
    params_reuse
        :math:`R^*_N`, how many times more parameters than are optimal for the unique tokens before
        an excess has lost most (1 - 1/e) of its worth; scalar, positive, no unit.
    tokens_reuse
        :math:`R^*_D`, after how many repetitions a token has lost most (1 - 1/e) of its worth;
        scalar, positive, no unit.
    A
        The literature's constant in place of params_scale; units of y · parameters^α.
    B
        The literature's constant in place of tokens_scale; units of y · tokens^β.
    exponent_ratio
        :math:`\beta/\alpha`, in place of tokens_exponent; no unit. 1 in the paper.

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Muennighoff et al. (2023), arXiv:2305.16264.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.DataConstrained(
    ...     irreducible=1.8691437,
    ...     A=520.82495,
    ...     params_exponent=0.3526596,
    ...     B=1487.7161,
    ...     exponent_ratio=1.0,
    ...     params_reuse=5.309743,
    ...     tokens_reuse=15.387756,
    ... )
    >>> law.evaluate(params=6.34e9, tokens=242e9, unique_tokens=25e9).round(4).item()
    2.2256
    """

    irreducible: Prior | float = FLOOR_PRIOR
    params_scale: Prior | float = LEVEL_PRIOR
    params_exponent: Prior | float = EXPONENT_PRIOR
    tokens_scale: Prior | float = SHARE_PRIOR.placed_on("tokens_share")
    tokens_exponent: Prior | float = EXPONENT_PRIOR
    params_reuse: Prior | float = Prior("LogNormal", mu=math.log(5), sigma=1.0)
    tokens_reuse: Prior | float = Prior("LogNormal", mu=math.log(10), sigma=1.0)
    A: InitVar[Prior | float | None] = None
    B: InitVar[Prior | float | None] = None
    exponent_ratio: InitVar[Prior | float | None] = None

    inputs = ("params", "tokens", "unique_tokens")
    terms = ("params_scale", "tokens_scale")
    bounds = {"params_reuse": (0.0, math.inf), "tokens_reuse": (0.0, math.inf)}
    carriers = Chinchilla.carriers
    quantities = {
        "params_reuse": ("no unit", "excess of parameters that has lost 1 - 1/e of its worth"),
        "tokens_reuse": ("no unit", "repetitions after which 1 - 1/e of the worth is lost"),
        "A": ("units of y · params^α", "the literature's constant"),
        "B": ("units of y · tokens^β", "the literature's constant"),
    }
    formula = (
        "L(N, D, U) = irreducible + params_scale · (N'/N_ref)^(-params_exponent) "
        "+ tokens_scale · (D'/D_ref)^(-tokens_exponent),  "
        "D' = U · (1 + tokens_reuse · (1 - exp(-(D/U - 1)/tokens_reuse))),  "
        "N' likewise from min(N, N_opt(U)) and params_reuse"
    )
    example = {
        "irreducible": 1.7,
        "params_scale": 0.5,
        "params_exponent": 0.35,
        "tokens_scale": 0.4,
        "tokens_exponent": 0.3,
        "params_reuse": 4.0,
        "tokens_reuse": 8.0,
    }
    use = (
        "Runs that go over their data more than once, to see how many epochs are worth while when "
        "unique tokens are scarce."
    )
    traps = (
        "tokens_reuse needs runs of many epochs, params_reuse models larger than is optimal for "
        "their unique tokens; without them they follow their priors. Overfitting that makes the "
        "loss rise again is not in the law."
    )

    def sizes_needed(self, role):
        """How many different values of an input the law needs; reuse is seen in the epochs."""
        return 1 if role == "unique_tokens" else min(3, super().sizes_needed(role))

    def shape(self, values, references):
        """Return the exponents and how parameters and tokens can be reused."""
        found = super().shape(values, references)
        if "exponent_ratio" in values:
            found["tokens_exponent"] = values["exponent_ratio"] * found["params_exponent"]
        return found

    def from_constant(self, term, value, shape, references):
        """Return a term at the reference inputs from A or B."""
        role = term.removesuffix("_scale")
        return value * references[f"{role}_ref"] ** -shape[f"{role}_exponent"]

    def natural(self, values, references):
        """Return every parameter; the level is that of the curve, with what repeats there."""
        found = super().natural(values, references)
        if not any(name in values for name in anchoring.WHOLE):
            return found
        shape = self.shape(values, references)
        unit = anchoring.parts(self, values, shape)
        center = {role: references[f"{role}_ref"] for role in self.inputs}
        worth = self.curve(center, {"irreducible": 0.0, **unit, **shape}, references)
        if "level" in values:
            ratio = anchoring.drop(self, shape, references, unit) / worth
            level = values["level"] * references["y_ref"]
            floor, whole = anchoring.from_level(level, values["floor_share"], ratio)
        else:
            floor, whole = found["irreducible"], values["relative_scale"] * references["y_ref"]
        terms = {term: whole / worth * part for term, part in unit.items()}
        return {**found, "irreducible": floor, **terms}

    def curve(self, inputs, parameters, references):
        """Return the loss at inputs in the user's units; unique tokens are scaled as tokens are."""
        scale = {f"{role}_ref": references[f"{role}_ref"] for role in ("params", "tokens")}
        return super().curve(
            inputs, parameters, {**scale, "unique_tokens_ref": references["tokens_ref"]}
        )

    def constants(self, parameters, references):
        """Return the constants of Chinchilla, and R*_N and R*_D."""
        alpha, beta = parameters["params_exponent"], parameters["tokens_exponent"]
        with np.errstate(over="ignore"):
            a = parameters["params_scale"] * references["params_ref"] ** alpha
            b = parameters["tokens_scale"] * references["tokens_ref"] ** beta
            g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
        found = {"E": parameters["irreducible"], "A": a, "alpha": alpha, "B": b, "beta": beta}
        reuse = {"R*_N": parameters["params_reuse"], "R*_D": parameters["tokens_reuse"]}
        return {**found, "G": g, **reuse}

    def check(self, runs):
        """Warn where no run repeats its tokens."""
        epochs = float(np.max(runs.inputs["tokens"] / runs.inputs["unique_tokens"]))
        if epochs < 1.5 and isinstance(self.tokens_reuse, Prior):
            warnings.warn(
                f"No run goes over its tokens more than {max(epochs, 1.0):.2g} times "
                f"({runs.columns['tokens']!r} over {runs.columns['unique_tokens']!r}), so the runs "
                "say nothing of how much repeated tokens are worth: tokens_reuse follows its "
                "prior. Add runs of several epochs, or use Chinchilla.",
                DataWarning,
                stacklevel=4,
            )

    @staticmethod
    def expr(
        params,
        tokens,
        unique_tokens,
        irreducible,
        params_scale,
        params_exponent,
        tokens_scale,
        tokens_exponent,
        params_reuse,
        tokens_reuse,
    ):
        """Return the loss, in reference units (unique tokens in those of the tokens)."""
        log_params, log_tokens = np.log(params), np.log(tokens)
        log_epochs = log_tokens - np.log(unique_tokens)
        repeated = 0.5 * (log_epochs + abs(log_epochs))
        log_unique = log_tokens - repeated
        balance = np.log(params_exponent * params_scale / (tokens_exponent * tokens_scale))
        log_optimal = balance / params_exponent + tokens_exponent / params_exponent * log_unique
        beyond = log_params - log_optimal
        excess = 0.5 * (beyond + abs(beyond))
        worth_params = _log_worth(log_params - excess, excess, params_reuse)
        worth_tokens = _log_worth(log_unique, repeated, tokens_reuse)
        return (
            irreducible
            + params_scale * np.exp(-params_exponent * worth_params)
            + tokens_scale * np.exp(-tokens_exponent * worth_tokens)
        )
