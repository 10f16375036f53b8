"""Ghorbani's law of an encoder and a decoder."""

from dataclasses import InitVar
from typing import Any

import numpy as np

from bayescale.anchoring import FLOOR
from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, UNIT_REFERENCES, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class EncoderDecoder(Law):
    r"""Loss of an encoder-decoder model by the sizes of its two halves.

    .. math:: L(N_e, N_d) = L_\infty + A\, N_e^{-p_e} N_d^{-p_d}

    With one half held it is a power law of the other with exponent :math:`p_e` or :math:`p_d` and
    the same floor; with both in proportion, one with exponent :math:`p_e + p_d`. Of N parameters in
    all, the loss is least with the share :math:`p_e/(p_e + p_d)` in the encoder.

    Parameters
    ----------
    irreducible
        :math:`L_\infty`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`A N_{e,ref}^{-p_e} N_{d,ref}^{-p_d}`, the reducible loss at the reference sizes (the
        paper's :math:`\alpha`, for its baseline sizes); scalar, units of y.
    encoder_exponent
        :math:`p_e`, exponent of the encoder, positive = falling; scalar, no unit.
    decoder_exponent
        :math:`p_d`, exponent of the decoder, positive = falling; scalar, no unit.
    A
        The constant in place of scale; units of y · parameters^(p_e + p_d).

    Raises
    ------
    LawError
        If a parameter is given twice, or is unknown.
    PriorError
        If a prior allows values that the parameter cannot have.

    References
    ----------
    Ghorbani et al. (2021), arXiv:2109.07740.

    Examples
    --------
    >>> import bayescale as bs
    >>> law = bs.EncoderDecoder(
    ...     irreducible=1.2, A=0.3 * 1e8**0.48, encoder_exponent=0.18, decoder_exponent=0.30
    ... )
    >>> law.evaluate(encoder=2e8, decoder=4e8).round(4).item()
    1.3747
    >>> law.optimal_split(6e8)["share"]
    0.375
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    encoder_exponent: Prior | float = EXPONENT_PRIOR
    decoder_exponent: Prior | float = EXPONENT_PRIOR
    A: InitVar[Prior | float | None] = None

    inputs = ("encoder", "decoder")
    carriers = {"irreducible": FLOOR, "scale": ("level", "relative_scale", "A")}
    quantities = {"A": ("units of y · params^(p_e + p_d)", "the constant at sizes of 1")}
    along_ray = "the floor, the scale and {first}_exponent + {slope:.2f} · {second}_exponent"
    formula = (
        "L(N_e, N_d) = irreducible "
        "+ scale · (N_e/N_e_ref)^(-encoder_exponent) · (N_d/N_d_ref)^(-decoder_exponent)"
    )
    example = {"irreducible": 1.2, "scale": 0.6, "encoder_exponent": 0.18, "decoder_exponent": 0.3}
    use = "Translation models and others of two halves, to see how to share parameters out."
    traps = (
        "Models whose halves grow together show only the sum of the two exponents: the optimal "
        "split then follows the priors. Grow each half alone in some runs."
    )

    def from_constant(self, term, value, shape, references):
        """Return the scale from A."""
        of_encoder = references["encoder_ref"] ** -shape["encoder_exponent"]
        return value * of_encoder * references["decoder_ref"] ** -shape["decoder_exponent"]

    def constants(self, parameters, references):
        """Return the floor, A, the exponents, and the encoder's share in the optimal split."""
        p_e, p_d = parameters["encoder_exponent"], parameters["decoder_exponent"]
        with np.errstate(over="ignore"):
            center = references["encoder_ref"] ** p_e * references["decoder_ref"] ** p_d
            a = parameters["scale"] * center
        share = p_e / (p_e + p_d)
        found = {"L_inf": parameters["irreducible"], "A": a, "p_e": p_e, "p_d": p_d}
        return {**found, "share_e": share}

    def optimal_split(
        self, total: Any, parameters: Any = None, references: Any = None
    ) -> dict[str, Any]:
        """Return how to share a number of parameters out between encoder and decoder.

        Parameters
        ----------
        total
            Parameters in all; a number, or an array that broadcasts against the draws.
        parameters
            Parameter to value or draws, such as ``fit.parameters``; the law's own numbers by
            default.
        references
            The references of these parameters, such as ``fit.runs.references``.

        Returns
        -------
        dict
            ``share`` of the encoder (no unit), ``encoder`` and ``decoder`` (parameters), and the
            ``loss`` there (units of y).

        Raises
        ------
        LawError
            If no parameters are given and the law's own are not all numbers.
        """
        if parameters is None:
            self.evaluate(**dict.fromkeys(self.inputs, 1.0))  # a LawError if any is uncertain
        values = self.numbers if parameters is None else parameters
        p_e, p_d = values["encoder_exponent"], values["decoder_exponent"]
        share = p_e / (p_e + p_d)
        sizes = {"encoder": share * total, "decoder": (1 - share) * total}
        loss = self.curve(sizes, values, UNIT_REFERENCES if references is None else references)
        return {"share": share, **sizes, "loss": loss}

    @staticmethod
    def expr(encoder, decoder, irreducible, scale, encoder_exponent, decoder_exponent):
        """Return the loss, in reference units."""
        return irreducible + scale * encoder**-encoder_exponent * decoder**-decoder_exponent
