"""One law after another: accuracy from loss from scale, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bayescale import by_group, forecasting, forecasts
from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import LawError
from bayescale.fitting import Fit
from bayescale.forecasting import Forecaster
from bayescale.forecasts import Forecast
from bayescale.groups import check_named
from bayescale.observed import Observations
from bayescale.posterior import over_rows
from bayescale.scoring import log_mean_exp


@dataclass(frozen=True, eq=False)
class TwoStage(Forecaster):
    """The outcome of one fit as the input of another: forecasts of the second from the first.

    Parameters
    ----------
    first
        The fit whose inputs are given, such as loss from compute.
    link
        The fit whose input is the outcome of the first, such as accuracy from loss.
    seed
        Which draws of the two are paired.
    """

    first: Fit | TwoStage
    link: Fit
    seed: int = 0

    @property
    def inputs(self) -> tuple[str, ...]:
        """Roles of the inputs, those of the first fit."""
        return _inputs(self.first)

    @property
    def name(self) -> str:
        """The two laws, the second first: ``SigmoidLink of PowerLaw``."""
        return f"{self.link.name} of {self.first.name}"

    @property
    def seen(self) -> dict[str, tuple[Any, ...]]:
        """The columns with which either stage varies, and the levels that were seen."""
        return {**self.link.seen, **self.first.seen}

    def at(self, **levels: Any) -> TwoStage:
        """Return the two stages of one group.

        Parameters
        ----------
        **levels
            Column to one level, as for ``fit.at``. A stage that does not vary with a column is the
            same for all of its levels.

        Returns
        -------
        TwoStage
            The same draws paired as of every other group.

        Raises
        ------
        LawError
            If there are no groups, a column is missing or unknown, or a level was never seen and a
            stage's is unpooled.
        """
        if not self.groups:
            raise LawError(
                f"{self.name} was fitted without groups, so there is no {', '.join(levels)} to "
                "choose."
            )
        check_named(self.seen, levels, self.name)

        def stage(one: Any) -> Any:
            return one.at(**{c: levels[c] for c in one.groups}) if one.groups else one

        return TwoStage(stage(self.first), stage(self.link), self.seed)

    @cached_property
    def runs(self) -> Observations:
        """The first fit's runs, with the link's outcome where the link was fitted to the same loss.

        Elsewhere the outcome is NaN: no run shows it. The scale of the inputs, and so the column
        of extrapolation, are the first fit's.
        """
        before, link = self.first.runs, self.link.runs
        (at,) = link.inputs.values()
        known = dict(zip(at, link.outcome, strict=True))
        shown = before.reported(before.outcome)
        outcome = np.array([known.get(value, np.nan) for value in shown])
        scale = {n: v for n, v in before.references.items() if not n.startswith("y_")}
        of_link = {n: v for n, v in link.references.items() if n.startswith("y_")}
        return replace(
            before,
            outcome=outcome,
            outcome_column=link.outcome_column,
            ceiling=link.ceiling,
            anchor=scale | of_link,
        )

    @property
    def rises(self) -> bool:
        """Whether the outcome grows with the inputs: where both stages fall, or both rise."""
        return self.first.rises == self.link.rises

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Which of the link's draws goes with each draw of the first fit, shape (chain, draw)."""
        chains, draws = _shape(self.first)
        count = int(np.prod(_shape(self.link)))
        rng = np.random.default_rng([self.seed, 29])
        rounds = -(-chains * draws // count)
        order = np.concatenate([rng.permutation(count) for _ in range(rounds)])
        return order[: chains * draws].reshape(chains, draws)

    def _paired(self, values: dict[str, Any]) -> dict[str, Any]:
        def taken(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(taken(part) for part in value)
            return np.ravel(value)[self._pairs]

        return {name: taken(value) for name, value in values.items()}

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        return self._paired(self.link.parameters)

    def values(self, inputs: dict[str, Any], drift: float = 0.0) -> Any:
        """Return the outcome of every draw, in the user's units.

        Parameters
        ----------
        inputs
            Role to values that broadcast against draws of shape (chain, draw), or with a last
            axis of inputs against (chain, draw, 1).
        drift
            Of the first fit, at inputs with an axis of their own.

        Returns
        -------
        numpy.ndarray
            Shape (chain, draw), or (chain, draw, m).
        """
        return self._linked(_values(self.first, inputs, drift))

    def _linked(self, between: Any) -> Any:
        (role,) = self.link.law.inputs
        runs = self.link.runs
        return runs.reported(_curve(self.link, self._parameters, {role: between}))

    def forecast(self, *, drift: float = DRIFT, **inputs: Any) -> Forecast:
        """Return the posterior predictive of the link's outcome at the first fit's inputs.

        The curve is the link's curve at the first fit's curve. The observation is of one new run:
        the link's curve at the loss that this run happens to have, with the noise of the link.
        ``extrapolation`` is of the first fit's inputs.

        Parameters
        ----------
        drift
            How far the first fit's local exponent may drift from its law's beyond its data; the
            link has none.
        **inputs
            Values for each input of the first fit: ``compute=[1e22, 1e23]``; with groups also a
            level of each column, one for all inputs or one for each.

        Returns
        -------
        Forecast
            With as many draws as the first fit has.

        Raises
        ------
        LawError
            If an input is missing or unknown.
        DataError
            If an input is not positive and finite.
        """
        check_arguments(TwoStage.forecast, locals())
        drift = checked_drift(drift)
        if self.groups:
            return by_group.forecast(self, drift, inputs)
        at = forecasting.checked_inputs(self.inputs, self.runs.columns, inputs, self.name)
        forecasting.check_held(at, self._pairs.size)
        curve = np.asarray(self.runs.reported(self.values(at, drift)))
        return forecasts.forecast_of(self, at, curve, self._new_runs(at, drift), drift)

    def _new_runs(self, at: dict[str, np.ndarray], drift: float) -> np.ndarray:
        """Return the outcome of one new run at each input, in modelled units."""
        rng = np.random.default_rng([self.seed, 31])
        return self.link.likelihood.draw(rng, self._given_loss(at, drift), **self._noise)

    def _given_loss(self, at: dict[str, np.ndarray], drift: float) -> np.ndarray:
        """Return the link's curve at the loss of one new run, in modelled units.

        The link was fitted to measured losses: a run that is worse than its law is less accurate.
        """
        first = self.first
        if isinstance(first, TwoStage):
            loss = first.runs.reported(first._new_runs(at, drift))
        else:
            curve = first.drifted_draws(at, drift) if drift else first.curve_draws(at)
            loss = first.runs.reported(first.new_run_draws(curve, at, salt=37))
        # Noise in units of y may fall below 0, where no input of a law lies.
        loss = np.maximum(loss, np.finfo(float).tiny)
        return np.asarray(self.runs.reported(self._linked(loss)))

    @cached_property
    def _noise(self) -> dict[str, Any]:
        """The link's noise, of the draws that are paired with the first fit's."""
        return over_rows(self._paired(self.link.noise)) | self.link.of_new_rows(None)

    def log_density(self, y: Any, *, drift: float = DRIFT, **inputs: Any) -> np.ndarray:
        """Return the log predictive density of one new run at each input, in units of y."""
        if self.groups:
            return by_group.log_density(self, y, drift, inputs)
        at = forecasting.checked_inputs(self.inputs, self.runs.columns, inputs, self.name)
        forecasting.check_many(len(next(iter(at.values()))), self._pairs.size, "inputs")
        curve = self._given_loss(at, checked_drift(drift))
        outcome = np.asarray(self.runs.reported(forecasting.checked_outcomes(y, curve.shape[-1])))
        with np.errstate(over="ignore"):  # as far off as that, the density is none
            rows = self.link.likelihood.log_density(outcome, curve, **self._noise)
        return log_mean_exp(rows.reshape(-1, rows.shape[-1]))

    def required_draws(
        self, targets: np.ndarray, solve: str, given: dict[str, float], drift: float = DRIFT
    ) -> np.ndarray:
        """Return the input that reaches each target, shape (chain, draw, target)."""
        forecasting.check_many(len(targets), self._pairs.size, "targets")
        sign = -1.0 if self.rises else 1.0  # the search is for a curve that falls
        references = self.runs.references
        outcome = self.outcome_along(solve, given, drift)
        return forecasting.required_inputs(
            lambda log_x: sign * outcome(log_x),
            sign * targets,
            references[f"{solve}_start"],
            references[f"{solve}_end"],
        )

    def outcome_along(
        self, solve: str, given: dict[str, float], drift: float
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return the outcome along one input, draw by draw, in the user's units."""
        first = self.first
        if isinstance(first, TwoStage):
            before = first.outcome_along(solve, given, drift)
            return lambda log_x: self._linked(before(log_x))
        along = first.along(solve, given, drift)
        return lambda log_x: self._linked(first.runs.reported(along(log_x)))

    def __repr__(self) -> str:
        """Return both laws and columns."""
        before = self.first.runs
        columns = ", ".join(before.columns.values())
        return (
            f"TwoStage: {self.link.runs.outcome_column} from {before.outcome_column} "
            f"({self.link.name}), and that from {columns} ({self.first.name})"
        )


def two_stage(loss_fit: Fit | TwoStage, link_fit: Fit, *, seed: int = 0) -> TwoStage:
    """Put one fit after another: accuracy from loss, and loss from scale.

    Any two fits do where the outcome of the first is the input of the second, such as tokens
    from compute and loss from tokens. Their draws are paired at random, which is right where the
    two tables of runs are of independent noise. The curve passes on as a curve; one new run passes
    on with its noise, since the link is fitted to losses as they were measured. Where a stage has
    groups, forecasts take a level of each column of both, and ``.at(task="A")`` is the two stages
    of one group.

    Parameters
    ----------
    loss_fit
        The first stage, of any number of inputs; or two stages, for a third.
    link_fit
        The second stage, of one input: what the first fit's outcome is, in the same units.
    seed
        Which draws are paired; same seed, same forecast.

    Returns
    -------
    TwoStage
        With forecast, required and probability, all in the first fit's inputs and the second
        fit's outcome. Nothing marks a forecast whose loss lies outside the losses the link was
        fitted to: compare them.

    Raises
    ------
    LawError
        If the second fit has more than one input, or something is not a fit.

    Examples
    --------
    >>> import bayescale as bs, numpy as np
    >>> runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 20), y="loss")
    >>> link = bs.SigmoidLink(chance=0.25, top=1.0, midpoint=2.5, steepness=3.0)
    >>> runs["accuracy"] = link.evaluate(loss=runs["loss"]).round(2)
    >>> loss = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> accuracy = bs.SigmoidLink(chance=0.25, top=1.0).fit(
    ...     runs, y="accuracy", loss="loss", progress=False
    ... )
    >>> both = bs.two_stage(loss, accuracy)
    >>> both.forecast(x=1e4).interval(0.9).columns.tolist()
    ['x', 'median', 'lower', 'upper', 'extrapolation']
    """
    check_arguments(two_stage, locals(), but=("loss_fit", "link_fit"))
    for given, name, kinds in (
        (loss_fit, "first", (Fit, TwoStage)),
        (link_fit, "second", (Fit,)),
    ):
        if not isinstance(given, kinds):
            raise LawError(
                f"two_stage() takes two fits, as law.fit(...) returns them; the {name} is "
                f"{type(given).__name__}."
            )
    if len(link_fit.law.inputs) != 1:
        listed = ", ".join(link_fit.law.inputs)
        raise LawError(
            f"The second stage must have one input, the outcome of the first; {link_fit.name} has "
            f"{listed}."
        )
    return TwoStage(loss_fit, link_fit, seed)


def _inputs(stage: Fit | TwoStage) -> tuple[str, ...]:
    return stage.inputs if isinstance(stage, TwoStage) else stage.law.inputs


def _shape(stage: Fit | TwoStage) -> tuple[int, int]:
    if isinstance(stage, TwoStage):
        return _shape(stage.first)
    return stage.tree["posterior"].sizes["chain"], stage.tree["posterior"].sizes["draw"]


def _values(stage: Fit | TwoStage, inputs: dict[str, Any], drift: float) -> Any:
    if isinstance(stage, TwoStage):
        return stage.values(inputs, drift)
    if drift:
        return stage.runs.reported(stage.drifted_draws(inputs, drift))
    return stage.runs.reported(_curve(stage, stage.parameters, inputs))


def _curve(fit: Fit, parameters: dict[str, Any], inputs: dict[str, Any]) -> np.ndarray:
    """Return the curve of draws (chain, draw), at inputs with or without an axis of their own."""
    wide = any(np.ndim(value) in (1, 3) for value in inputs.values())

    def over(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(over(part) for part in value)
        return np.asarray(value)[..., None] if wide else value

    with np.errstate(over="ignore", under="ignore"):
        given = {name: over(value) for name, value in parameters.items()}
        return np.asarray(fit.law.curve(inputs, given, fit.runs.references))
