"""What a run costs, as a function of a law's inputs: FLOP by default, or any rising function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale.accounting import forward_flops
from bayescale.errors import DataError, LawError
from bayescale.given import SMALLEST, as_array, called, one_number, short


@dataclass(frozen=True, kw_only=True)
class TrainingFlops:
    r"""The compute of training, :math:`C = 6 N D`: the cost by default.

    Parameters
    ----------
    factor
        FLOP for each parameter and token; 6 where the backward pass is counted.
    batch
        Tokens in a batch, where a law has steps in place of tokens: :math:`D = B S`.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, section 2.1.

    Examples
    --------
    >>> from bayescale.planning.costs import TrainingFlops
    >>> TrainingFlops()(params=70e9, tokens=1.4e12)
    5.88e+23
    """

    factor: float = 6.0
    batch: float | None = None

    unit = "compute"

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_positive(self, factor=self.factor, batch=1.0 if self.batch is None else self.batch)

    def __call__(
        self, params: Any, tokens: Any = None, steps: Any = None, vocab_params: Any = 0.0
    ) -> Any:
        """Return FLOP; parameters of the vocabulary count like any other."""
        data = tokens if tokens is not None else steps * self._batch
        return self.factor * (params + vocab_params) * data

    @property
    def _batch(self) -> float:
        if self.batch is None:
            raise LawError(
                "A law of steps says nothing of tokens, so the compute of a step is not known. "
                "Give batch= (tokens in a batch), or critical_batch= for Kaplan's frontier."
            )
        return self.batch

    def product(self, free: Sequence[str]) -> float | None:
        """Return k where the cost is k times the product of the free inputs, else None."""
        if set(free) == {"params", "tokens"}:
            return self.factor
        return self.factor * self._batch if set(free) == {"params", "steps"} else None

    def served(self, params: Any) -> Any:
        """Return FLOP for each token that the model serves: a forward pass."""
        return self.factor / 3 * params


@dataclass(frozen=True, kw_only=True)
class TransformerFlops:
    r"""The compute of training a transformer, with attention and the output layer.

    .. math:: C = 3 D \left(2 N' + 2\, n_{layer} n_{ctx} d + 2 V d\right), \quad
              N' = 12\, n_{layer} d^2, \quad d = r\, n_{layer}

    with :math:`N = N' + e V d` parameters as the runs count them.

    Parameters
    ----------
    context
        :math:`n_{ctx}`, tokens in the context.
    vocabulary
        :math:`V`, tokens in the vocabulary; 0 leaves the output layer out.
    embeddings
        :math:`e`, how many matrices of V by d the runs' parameters count: 0 where N is without
        embeddings, 1 where they are tied, 2 where input and output have their own.
    width_over_layers
        :math:`r`, the shape of the models; no unit. A model's layers and width follow from N.

    Raises
    ------
    LawError
        If a number is out of range.

    References
    ----------
    Kaplan et al. (2020), arXiv:2001.08361, table 1.

    Examples
    --------
    >>> import bayescale as bs
    >>> exact = bs.TransformerFlops(context=2048, vocabulary=50_257)
    >>> print(f"{exact(params=1e8, tokens=1e10) / (6 * 1e8 * 1e10):.2f}")
    1.68
    """

    context: float
    vocabulary: float = 0.0
    embeddings: int = 0
    width_over_layers: float = 128.0

    unit = "compute"

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_positive(self, context=self.context, width_over_layers=self.width_over_layers)
        vocabulary, embeddings = one_number(self.vocabulary), one_number(self.embeddings)
        sound = vocabulary is not None and 0 <= vocabulary < math.inf
        if not sound or embeddings not in (0, 1, 2):
            raise LawError(
                "TransformerFlops takes vocabulary= of 0 or more and embeddings= 0, 1 or 2; got "
                f"vocabulary={short(self.vocabulary)}, embeddings={short(self.embeddings)}."
            )
        object.__setattr__(self, "vocabulary", vocabulary)

    def __call__(self, params: Any, tokens: Any) -> Any:
        """Return FLOP."""
        seen = _amounts(self, params=params, tokens=tokens)
        with np.errstate(over="ignore"):
            return 3 * self.served(seen["params"]) * seen["tokens"]

    def served(self, params: Any) -> Any:
        """Return FLOP for each token that the model serves: a forward pass."""
        width = self.width(params)
        layers = width / self.width_over_layers
        blocks = forward_flops(12 * layers * width**2, layers, width, self.context)
        return blocks + 2 * self.vocabulary * width

    def width(self, params: Any) -> Any:
        """Return the width of a model of so many parameters, a number that need not be whole."""
        cubic, linear = 12 / self.width_over_layers, self.embeddings * self.vocabulary
        counted = np.asarray(params, float)
        if not (counted > 0).all():
            raise DataError(f"params must be positive and finite; got {short(params)}.")
        if not linear:
            return (counted / cubic) ** (1 / 3)
        # The one real root of a cubic that rises, by hyperbolic sines.
        unit = math.sqrt(linear / (3 * cubic))
        return 2 * unit * np.sinh(np.arcsinh(counted / (2 * cubic * unit**3)) / 3)


@dataclass(frozen=True, kw_only=True)
class WallClock:
    r"""Seconds of training at one batch size, with a critical batch size and a slowest step.

    .. math:: T = \frac{D (1 + B/B_{crit})}{B}\left(\frac{6 N B}{F} + t\right)

    Above the critical batch size more tokens are needed for the same loss, so a law of tokens at
    small batches (:math:`D`) is reached after :math:`D (1 + B/B_{crit})`.

    Parameters
    ----------
    flops_per_second
        :math:`F`, FLOP that the machine does in a second in training.
    batch
        :math:`B`, tokens in a batch.
    critical_batch
        :math:`B_{crit}`, tokens; a number or a function of the tokens D. None where the batch is
        far below it.
    step_seconds
        :math:`t`, what each step takes besides the arithmetic: latency and communication.

    Raises
    ------
    LawError
        If a number is out of range.

    References
    ----------
    McCandlish et al. (2018), arXiv:1812.06162; Kaplan et al. (2020), arXiv:2001.08361, section 5.

    Examples
    --------
    >>> import bayescale as bs
    >>> clock = bs.WallClock(flops_per_second=1e18, batch=4e6, critical_batch=2e6)
    >>> round(clock(params=1e9, tokens=2e10) / 60)
    6
    """

    flops_per_second: float
    batch: float
    critical_batch: float | Callable[[Any], Any] | None = None
    step_seconds: float = 0.0

    unit = "seconds"

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_positive(self, flops_per_second=self.flops_per_second, batch=self.batch)
        latency = one_number(self.step_seconds)
        if latency is None or not 0 <= latency < math.inf:
            raise LawError(f"step_seconds= must be 0 or more; got {short(self.step_seconds)}.")
        if isinstance(self.critical_batch, type):
            raise LawError(
                "critical_batch= must be tokens, or a function of the tokens trained on; got the "
                f"class {self.critical_batch.__name__}."
            )
        if not callable(self.critical_batch) and self.critical_batch is not None:
            _check_positive(self, critical_batch=self.critical_batch)
        object.__setattr__(self, "step_seconds", latency)

    def __call__(self, params: Any, tokens: Any) -> Any:
        """Return seconds."""
        given = _amounts(self, params=params, tokens=tokens)
        params, tokens = given["params"], given["tokens"]
        critical = self.critical_batch
        above = called("critical_batch", critical, tokens) if callable(critical) else critical
        with np.errstate(over="ignore"):  # an infinite time is one
            seen = tokens if above is None else tokens * (1 + self.batch / above)
            step = 6 * params * self.batch / self.flops_per_second + self.step_seconds
            return seen / self.batch * step


@dataclass(frozen=True, kw_only=True)
class TotalSize:
    """The parameters of both halves of a model: the cost by default of encoder and decoder.

    Examples
    --------
    >>> from bayescale.planning.costs import TotalSize
    >>> TotalSize()(encoder=1e8, decoder=2e8)
    300000000.0
    """

    unit = "params"

    def __call__(self, encoder: Any, decoder: Any) -> Any:
        """Return parameters."""
        return encoder + decoder


@dataclass(frozen=True, kw_only=True)
class WithInference:
    """Training and then serving: what a model costs over its life.

    Parameters
    ----------
    training
        The cost of training, in FLOP: a function of inputs by name.
    tokens
        Tokens that the model will serve.
    """

    training: Any
    tokens: float

    unit = "compute"

    def __call__(self, **inputs: Any) -> Any:
        """Return FLOP."""
        of_forward = getattr(self.training, "served", lambda params: 2 * params)
        return self.training(**inputs) + of_forward(inputs["params"]) * self.tokens


def _amounts(record: Any, **given: Any) -> dict[str, Any]:
    """Return what a cost is asked for as arrays; an error for what is no number."""
    found = {}
    for name, value in given.items():
        array = value if hasattr(value, "dims") else as_array(f"{name}=", value)
        if bool(np.isnan(array).any()):
            raise DataError(f"{name}= of {type(record).__name__} must hold numbers; got nan.")
        found[name] = array
    return found


def _check_positive(record: Any, **given: Any) -> None:
    for name, value in given.items():
        number = one_number(value)
        if number is None or not SMALLEST <= number < math.inf:
            raise LawError(
                f"{type(record).__name__} takes a positive finite number as {name}=; "
                f"got {short(value)}."
            )
        if getattr(record, name) is not None:
            object.__setattr__(record, name, number)  # also where it was of half precision
