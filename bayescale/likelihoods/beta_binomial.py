"""Counts that scatter by more than the test items do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayescale.likelihoods.binomial import Binomial
from bayescale.likelihoods.either import log_gamma
from bayescale.prior import Prior


@dataclass(frozen=True)
class BetaBinomial(Binomial):
    r"""Errors among a known number of test items, with scatter of runs beyond that of the items.

    .. math:: k \sim \mathrm{Binomial}(n, q), \quad q \sim \mathrm{Beta}(\phi p, \phi (1 - p))

    with p from the curve as in :class:`Binomial`. The rate of one run has the variance
    :math:`p (1 - p) / (1 + \phi)` about the curve, which more items do not make smaller: the seed,
    the order of the data, or what the law leaves out.

    Parameters
    ----------
    trials, guess_rate, y_is
        As for :class:`Binomial`.
    concentration
        :math:`\phi`, how closely runs keep to the curve; no unit. At a rate of 0.3 the default
        prior allows runs to scatter by 2 % to 38 % of it (95 %), 9 % in the middle. Where it is
        very large this is the Binomial.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.BetaBinomial(trials=500).label
    'BetaBinomial'
    """

    concentration: Prior | float = Prior("LogNormal", mu=math.log(300), sigma=1.5)

    bounds = {**Binomial.bounds, "concentration": (0.0, math.inf)}

    def _log_likelihood(
        self, k: Any, n: Any, log_rates: tuple[Any, Any], *, concentration: Any
    ) -> Any:
        a, b = (concentration * np.exp(rate) for rate in log_rates)
        return (
            log_gamma(k + a)
            - log_gamma(a)
            + (log_gamma(n - k + b) - log_gamma(b))
            + (log_gamma(a + b) - log_gamma(n + a + b))
        )

    def _drawn_rate(
        self, rng: np.random.Generator, rate: np.ndarray, *, concentration: Any
    ) -> np.ndarray:
        rate = np.clip(rate, 1e-12, 1 - 1e-12)
        return rng.beta(concentration * rate, concentration * (1 - rate))

    def _wider(self, trials: Any, *, concentration: Any) -> Any:
        return 1 + (trials - 1) / (1 + concentration)
