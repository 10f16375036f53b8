"""The weighted forecast of several laws, whose interval carries the doubt about the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import by_group, comparison, forecasting, forecasts, member_weights
from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import LawError
from bayescale.forecasting import Forecaster
from bayescale.forecasts import Forecast
from bayescale.given import short
from bayescale.groups import check_named
from bayescale.observed import Observations

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit


@dataclass(frozen=True, eq=False)
class Ensemble(Forecaster):
    """Several fits as one forecast: a mixture of their posterior predictives.

    Parameters
    ----------
    fits
        Name to fit, all on the same rows.
    shares
        The mixture's weights, in the same order; they sum to one.
    rule
        Where the weights come from.
    shown
        Of one group, its runs; by default all runs.
    """

    fits: dict[str, Fit]
    shares: np.ndarray
    rule: str
    shown: Observations | None = None

    @property
    def runs(self) -> Observations:
        """The runs that all members were fitted to."""
        return self._widest.runs if self.shown is None else self.shown

    @property
    def _widest(self) -> Fit:
        """The member that varies with the most columns, which holds all of the others'."""
        return max(self.fits.values(), key=lambda fit: len(fit.groups))

    @property
    def name(self) -> str:
        """Which laws it mixes."""
        return f"Ensemble of {', '.join(self.fits)}"

    @property
    def rises(self) -> bool:
        """Whether the outcome, in the user's units, grows with the inputs."""
        return next(iter(self.fits.values())).rises

    @property
    def weights(self) -> pd.Series:
        """The mixture's weights by law."""
        import pandas as pd

        return pd.Series(self.shares, index=pd.Index(list(self.fits), name="law"), name="weight")

    def at(self, **levels: Any) -> Ensemble:
        """Return the ensemble of one group: every member's, with the same weights.

        Parameters
        ----------
        **levels
            Column to one level, as for ``fit.at``. A member that does not vary with a column
            answers alike for all of its levels.

        Returns
        -------
        Ensemble
            Which can be asked everything that one without groups can.

        Raises
        ------
        LawError
            If there are no groups, a column is missing or unknown, or a level was never seen and a
            member's is unpooled.
        """
        if not self.groups:
            raise LawError(
                f"The ensemble was fitted without groups, so there is no {', '.join(levels)} to "
                "choose."
            )
        check_named(self.seen, levels, self.name)
        fits = {
            name: fit.at(**{c: levels[c] for c in fit.groups}) if fit.groups else fit
            for name, fit in self.fits.items()
        }
        shown = self._widest.at(**levels).runs
        return Ensemble(fits, self.shares, self.rule, shown)

    def forecast(self, *, drift: float = DRIFT, **inputs: Any) -> Forecast:
        """Return the mixture's posterior predictive at any inputs.

        Parameters
        ----------
        drift
            How far the local exponent may drift from the laws' beyond the data; 0 for the laws as
            they stand (see :mod:`bayescale.drift`).
        **inputs
            Values for each input: ``x=[1e9, 1e10]``; with groups also a level of each column, one
            for all inputs or one for each.

        Returns
        -------
        Forecast
            One chain that holds every member's draws in proportion to its weight.

        Raises
        ------
        LawError
            If an input is missing or unknown, or drift is negative.
        DataError
            If an input is not positive and finite.
        """
        check_arguments(Ensemble.forecast, locals())
        drift = checked_drift(drift)
        if self.groups:
            return by_group.forecast(self, drift, inputs)
        at = self._checked(inputs)
        forecasting.check_held(at, sum(fit.draw_count for fit in self.fits.values()))
        curves, news = [], []
        for i, fit in enumerate(self.fits.values()):
            curve = fit.drifted_draws(at, drift)
            curves.append(curve)
            news.append(fit.new_run_draws(curve, at, salt=10 + i))
        return forecasts.forecast_of(self, at, self.mixed(curves), self.mixed(news), drift)

    def log_density(self, y: Any, *, drift: float = DRIFT, **inputs: Any) -> np.ndarray:
        """Return the mixture's log predictive density of one new run at each input.

        Parameters
        ----------
        y
            What was measured there, shape (m,), in the units of y.
        drift
            As for :meth:`forecast`.
        **inputs
            Values for each input, shape (m,).

        Returns
        -------
        numpy.ndarray
            Log density in the units of y, shape (m,).
        """
        if self.groups:
            return by_group.log_density(self, y, drift, inputs)
        at = self._checked(inputs)
        members = [fit.log_density(y, drift=drift, **at) for fit in self.fits.values()]
        with np.errstate(divide="ignore"):
            shares = np.log(self.shares)
        return np.logaddexp.reduce(np.stack(members) + shares[:, None], axis=0)

    def save(self, path: Any) -> None:
        """Save the ensemble with all its fits as one netCDF file; a crash leaves the old file.

        ``bs.load`` reads it. The forecast that :func:`bayescale.forecast` returns has its ensemble
        in ``source``, so ``made.source.save("forecast.nc")`` keeps all that it stands on.

        Parameters
        ----------
        path
            Where to; ends in ``.nc``.

        Raises
        ------
        FileError
            If the file cannot be written.
        """
        from bayescale import files  # files stands on ensembles; this is its sugar

        files.save(self, path)

    def _checked(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        first = next(iter(self.fits.values()))
        roles, columns = first.law.inputs, self.runs.columns
        return forecasting.checked_inputs(roles, columns, inputs, self.name)

    def required_draws(
        self, targets: np.ndarray, solve: str, given: dict[str, float], drift: float = DRIFT
    ) -> np.ndarray:
        """Return the input that reaches each target, shape (1, draw, target)."""
        found = [fit.required_draws(targets, solve, given, drift) for fit in self.fits.values()]
        return self.mixed(found)

    def mixed(self, members: list[np.ndarray]) -> np.ndarray:
        """Take every member's draws in proportion to its weight, evenly spaced, as one chain.

        Parameters
        ----------
        members
            For each fit, in order, draws of shape (chain, draw, m).

        Returns
        -------
        numpy.ndarray
            Shape (1, draw, m); the members' draws follow one another.
        """
        flat = [draws.reshape(-1, draws.shape[-1]) for draws in members]
        total = min(len(draws) for draws in flat)
        exact = self.shares * total
        counts = np.floor(exact).astype(int)
        rest = np.argsort(counts - exact, kind="stable")[: total - counts.sum()]
        counts[rest] += 1
        taken = [
            draws[np.linspace(0, len(draws) - 1, count).round().astype(int)]
            for draws, count in zip(flat, counts, strict=True)
        ]
        return np.concatenate(taken)[None]

    def __repr__(self) -> str:
        """Return the weights."""
        shares = ", ".join(f"{name} {share:.2f}" for name, share in self.weights.items())
        return f"Ensemble ({self.rule} weights): {shares}"


def ensemble(
    fits: Sequence[Fit] | Mapping[str, Fit],
    *,
    weights: str | Sequence[float] = "equal",
    backtest: Backtest | None = None,
    shrink: float | None = None,
) -> Ensemble:
    r"""Combine several laws into one forecast.

    .. math:: p(y) = \sum_k w_k\, p_k(y)

    where :math:`p_k` is the posterior predictive of law k. Weights from data are shrunk towards
    equal ones, :math:`w = (1 - s)\, w_{data} + s / K` with :math:`s` = ``shrink``: those that would
    have scored best on the held-out scales (``"backtest"``), or :math:`w_{data} \propto
    e^{\mathrm{elpd}_k}` of leave-one-out (``"pseudo-bma"``). With correlated noise the latter asks
    how well each row is told by the rows before it, which is nearer to a forecast than
    interpolation is; with independent noise it measures interpolation.

    Parameters
    ----------
    fits
        Two fits or more on the same rows, in a list or by name. With groups, what varies with the
        most columns must know those of all others.
    weights
        ``"equal"`` (the default), ``"pseudo-bma"`` (leave-one-out, a tenth of the way to equal:
        what :func:`bayescale.forecast` does), ``"backtest"`` (stacking on held-out scales, half-way
        to equal), ``"loo"`` (stacking on leave-one-out, which measures interpolation and tends to
        favour the most over-confident law: the ensemble says so), or numbers that sum to one; no
        unit.
    backtest
        The backtest of the same laws by the same names, for ``weights="backtest"``.
    shrink
        :math:`s`, how far the weights of a backtest or of pseudo-BMA go towards equal ones, from
        0 (the data's alone) to 1 (equal); no unit. By default 0.5 of a backtest, since one is a
        noisy judge, and 0.1 of pseudo-BMA, as served best under correlated noise on published
        curves. Under independent noise more is safer.

    Returns
    -------
    Ensemble
        With forecast, required and probability.

    Raises
    ------
    LawError
        If the weights are not of a known kind or number or do not sum to one, a backtest is
        missing, or shrink is not between 0 and 1 or has nothing to shrink.
    DataError
        If the fits are not on the same rows of the same outcome, or the backtest is not on these
        rows.

    References
    ----------
    Yao et al. (2018), arXiv:1704.02030.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> laws = bs.PowerLaw(), bs.PowerLaw(irreducible=0.0)
    >>> both = bs.ensemble([law.fit(runs, y="loss", x="x", progress=False) for law in laws])
    >>> both.weights.tolist()
    [0.5, 0.5]
    """
    check_arguments(ensemble, locals(), but=("shrink",))
    named = dict(fits) if isinstance(fits, Mapping) else _named(fits)
    comparison.check_same_rows(named)
    comparison.check_groups(named)
    shares, rule = member_weights.shares(named, weights, backtest, shrink)
    return Ensemble(named, shares, rule)


def _named(fits: Sequence[Fit]) -> dict[str, Fit]:
    listed = hasattr(fits, "__iter__") and getattr(fits, "ndim", 1) and not isinstance(fits, str)
    odd = [fit for fit in fits if not hasattr(fit, "new_run_draws")] if listed else [fits]
    if odd:
        raise LawError(f"fits= takes fits, in a list or a dict by name; got {short(odd[0])}.")
    named: dict[str, Fit] = {}
    for fit in fits:
        name = first = fit.name
        number = 2
        while name in named:
            name = f"{first} #{number}"
            number += 1
        named[name] = fit
    return named
