"""A fitted law: posterior, diagnostics, forecasts, and the input that reaches a target."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import (
    by_group,
    checks,
    data,
    forecasting,
    labelling,
    members,
    model,
    new_runs,
    posterior,
    summaries,
)
from bayescale.arguments import check_arguments
from bayescale.attempts import Sampled, sampled
from bayescale.contrasting import contrasts, that_vary
from bayescale.coordinates import Coordinates
from bayescale.diagnostics import Diagnostics
from bayescale.drift import DRIFT, Drift, checked_drift
from bayescale.errors import LawError, SamplingWarning, nearest
from bayescale.forecasting import Forecaster
from bayescale.forecasts import Forecast, as_predictions, check_probability, forecast_of
from bayescale.given import short
from bayescale.groups import ORIGIN, check_single
from bayescale.leave_one_out import LeaveOneOut, leave_one_out
from bayescale.levels import mark_of
from bayescale.observed import Observations
from bayescale.outliers import outlier_table
from bayescale.parameters import parameter_names
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.scoring import log_mean_exp
from bayescale.suitability import thin_levels

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pymc as pm
    import xarray as xr

    from bayescale.backtest_record import Backtest
    from bayescale.reporting.checklist import Checklist


@dataclass(frozen=True, eq=False)
class Fit(Forecaster):
    """A law fitted to runs.

    Parameters
    ----------
    law, likelihood
        What was fitted.
    runs
        The checked data.
    settings
        How it was sampled.
    tree
        Posterior and everything that ArviZ expects, as an :class:`xarray.DataTree`.
    """

    law: Any
    likelihood: Any
    runs: Observations
    settings: Sampling
    tree: xr.DataTree

    @property
    def rises(self) -> bool:
        """Whether the outcome, in the user's units, grows with the inputs."""
        return (self.runs.ceiling is not None) != self.law.rises

    @property
    def engine(self) -> str:
        """Which density was sampled, in words."""
        return self.tree.attrs["engine"]

    @property
    def notes(self) -> list[str]:
        """What the fit did by itself, such as sampling again."""
        return list(self.tree.attrs["notes"])

    @property
    def name(self) -> str:
        """The law's name with its options."""
        return self.law.signature_name()

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Draws of the law's parameters, shape (chain, draw); components as a tuple.

        With groups of shape (cell, chain, draw), a cell being a combination of levels seen.
        """
        return self._drawn(parameter_names(self.law))

    @cached_property
    def noise(self) -> dict[str, Any]:
        """Draws of the likelihood's parameters, shaped as :attr:`parameters`."""
        return self._drawn(parameter_names(self.likelihood))

    @property
    def draw_count(self) -> int:
        """How many draws there are, of all chains."""
        return self.settings.chains * self.settings.draws

    def _drawn(self, names: list[str]) -> dict[str, Any]:
        dataset = self.tree["posterior"].to_dataset()
        return labelling.parameters_of(dataset, names, self.runs.groups)

    @cached_property
    def model(self) -> pm.Model:
        """The generative PyMC model of these runs; any PyMC function takes it."""
        return model.plain(self.law, self.likelihood, self.runs)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """The sampler's diagnostics, with advice in words."""
        pareto_k = self.tree.attrs["pareto_k"]
        return checks.diagnosed_parts(
            self.law,
            self.likelihood,
            self.runs,
            self.parameters | self.noise,
            self.quantities,
            self.tree["sample_stats"].to_dataset(),
            None if np.isnan(pareto_k) else float(pareto_k),
        )

    @cached_property
    def quantities(self) -> dict[str, Any]:
        """Draws of what carries the priors, such as the floor share; levels first."""
        names = [slot.quantity for slot in self.coordinates.moving]
        return labelling.unlabelled(self.tree["posterior"].to_dataset(), names, self.runs.groups)

    @property
    def coordinates(self) -> Coordinates:
        """What the sampler walked in."""
        return Coordinates(self.law, self.likelihood, self.runs.groups)

    def at(self, **levels: Any) -> Fit:
        """Return the fit of one group: everything that a fit can be asked, of that group.

        Parameters
        ----------
        **levels
            Column to one level: ``family="A"``. A level never seen, under any name, is drawn from
            the population, where what varies is pooled.

        Returns
        -------
        Fit
            With the draws of this group and its rows (of a new level: all rows).

        Raises
        ------
        LawError
            If the fit has no groups, a column is missing or unknown, or a level was never seen and
            something of it is unpooled.

        Examples
        --------
        >>> import bayescale as bs, pandas as pd
        >>> law, x = bs.PowerLaw(), [1, 3, 10, 30, 100, 300]
        >>> a, b = (law.simulate(x=x, y="loss", seed=seed) for seed in (0, 1))
        >>> pooled = bs.PowerLaw(scale=bs.partial_pooling(by="family", spread=0.3))
        >>> runs = pd.concat([a.assign(family="A"), b.assign(family="B")])
        >>> fit = pooled.fit(runs, y="loss", x="x", progress=False)
        >>> fit.at(family="A").required(y=2.0).draws.shape
        (4, 1000, 1)
        """
        import xarray as xr

        if self.runs.groups is None:
            raise LawError(
                f"{self.name} was fitted without groups, so there is no {', '.join(levels)} to "
                "choose. Let a parameter vary: scale=bs.partial_pooling(by='family')."
            )
        law, likelihood, runs, drawn = members.member(
            self.law,
            self.likelihood,
            self.runs,
            self.quantities,
            self.parameters | self.noise,
            levels,
            self.settings.seed,
        )
        chosen = ", ".join(f"{column}={levels[column]!r}" for column in self.groups)
        seed = (self.settings.seed + 7919 * zlib.crc32(chosen.encode())) % 2**32
        tree = xr.DataTree.from_dict(
            {
                "posterior": drawn,
                "sample_stats": self.tree["sample_stats"].to_dataset(),
                "observed_data": xr.Dataset({model.OUTCOME: ("run", runs.reported(runs.outcome))}),
            }
        )
        notes = [*self.notes, f"of {chosen}"]
        tree.attrs = {**self.tree.attrs, "notes": notes, ORIGIN: mark_of(self.quantities)}
        return Fit(law, likelihood, runs, replace(self.settings, seed=seed), tree)

    def update(self, new_runs: Any, *, progress: bool | None = None) -> Fit:
        """Return the fit to these runs and new ones, such as the first runs of a new group.

        All runs are fitted again, by the same settings; nothing is compiled anew, whatever the
        number of groups.

        Parameters
        ----------
        new_runs
            A table with the columns of the fit: outcome, inputs, groups, and those that the
            likelihood names.
        progress
            Whether to show what is under way.

        Returns
        -------
        Fit
            Of all runs.

        Raises
        ------
        DataError
            If the table cannot be used, or the fit does not hold all that a row had.

        Examples
        --------
        >>> import bayescale as bs
        >>> law, x = bs.PowerLaw(), [1, 3, 10, 30, 100, 300]
        >>> fit = law.fit(law.simulate(x=x, y="loss"), y="loss", x="x", progress=False)
        >>> more = fit.update(law.simulate(x=[1000], y="loss", seed=1), progress=False)
        >>> len(more.runs)
        7
        """
        check_arguments(Fit.update, locals())
        runs = self.runs
        both = data.joined(runs, new_runs, self.likelihood)
        checked = data.observations(
            self.law, self.likelihood, both, runs.outcome_column, runs.columns, runs.ceiling
        )
        return fit(self.law, self.likelihood, checked, self.settings, progress)

    def contrasts(
        self,
        parameter: str,
        *,
        against: Any = None,
        ratio: bool = False,
        prob: float = 0.9,
    ) -> pd.DataFrame:
        """Return how the levels of a column differ in a parameter, with intervals.

        Parameters
        ----------
        parameter
            One that varies: of the law or the likelihood, or a quantity such as ``"level"``.
        against
            A level that all others are held against; by default every pair of levels.
        ratio
            Whether to divide instead of subtracting: of a scale, say.
        prob
            Probability of the equal-tailed interval.

        Returns
        -------
        pandas.DataFrame
            ``level``, ``against``, ``median``, ``lower`` and ``upper`` of the difference (or
            ratio), and ``p_larger``, the probability that the level has the larger value.

        Raises
        ------
        LawError
            If the parameter does not vary, ``against`` is no level, or prob is not a probability.

        Examples
        --------
        >>> import bayescale as bs, pandas as pd
        >>> law, x = bs.PowerLaw(), [1, 3, 10, 30, 100, 300]
        >>> a, b = (law.simulate(x=x, y="loss", seed=seed) for seed in (0, 1))
        >>> pooled = bs.PowerLaw(scale=bs.partial_pooling(by="family", spread=0.3))
        >>> runs = pd.concat([a.assign(family="A"), b.assign(family="B")])
        >>> fit = pooled.fit(runs, y="loss", x="x", progress=False)
        >>> fit.contrasts("scale", ratio=True).columns.tolist()
        ['level', 'against', 'median', 'lower', 'upper', 'p_larger']
        """
        check_arguments(Fit.contrasts, locals())
        check_probability(prob)
        own = [*parameter_names(self.law), *parameter_names(self.likelihood)]
        own += [slot.quantity for slot in self.coordinates.declared]
        drawn = that_vary(self.tree["posterior"].to_dataset(), own, self.runs.groups)
        if parameter not in drawn:
            raise LawError(
                f"contrasts() takes a parameter that varies: {', '.join(drawn) or 'here none'}; "
                f"got {short(parameter)}.{nearest(parameter, drawn)}"
            )
        draws, labels = drawn[parameter]
        return contrasts(draws, labels, against, ratio, prob)

    def _check_whole(self, asked: str) -> None:
        """Raise a LawError where a question is one of a single group."""
        check_single(self.runs.groups, asked)

    def summary(self, prob: float = 0.9) -> pd.DataFrame:
        """Return ArviZ's table of the law's and the likelihood's parameters, and of the curve.

        Parameters
        ----------
        prob
            Probability of the equal-tailed interval.

        Returns
        -------
        pandas.DataFrame
            Mean, sd, interval, effective sample sizes and R-hat; fixed parameters are left out.
            The last two rows are the curve at the largest input and at ten times it: how well the
            forecast mixes, which is seldom as the worst parameter does.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Fit.summary, locals())
        check_probability(prob)
        return summaries.summary(self, prob)

    def constants(self, prob: float = 0.9) -> pd.DataFrame:
        """Return the literature's constants with intervals: L∞, x0 (or A and B), exponents, breaks.

        Parameters
        ----------
        prob
            Probability of the equal-tailed interval.

        Returns
        -------
        pandas.DataFrame
            Index: constant (numbered for each break). Columns: ``symbol``, ``median``,
            ``lower``, ``upper``, ``unit``.

        Raises
        ------
        LawError
            If prob is not between 0 and 1.
        """
        check_arguments(Fit.constants, locals())
        check_probability(prob)
        self._check_whole("constants()")
        return summaries.constants(self, prob)

    def curve_draws(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the law's value at inputs (role to values, shape (m,)), in modelled units.

        Parameters
        ----------
        inputs
            Role to values in the user's units.

        Returns
        -------
        numpy.ndarray
            Shape (chain, draw, m).
        """
        self._check_whole("forecast(...)")
        return posterior.evaluate(self.law, self.parameters, inputs, self.runs.references)

    def drifted_draws(self, inputs: dict[str, np.ndarray], drift: float) -> np.ndarray:
        """Return the curve at inputs with exponents that drift beyond the data.

        Parameters
        ----------
        inputs
            Role to values of shape (m,), in the user's units; of several inputs also a value for
            each draw, shape (chain, draw, m).
        drift
            How far the local exponent may drift from the law's.

        Returns
        -------
        numpy.ndarray
            Shape (chain, draw, m), in modelled units.
        """
        return self._drift(drift).applied(inputs)

    def _drift(self, strength: float) -> Drift:
        references = self.runs.references
        edges = {r: (references[f"{r}_start"], references[f"{r}_end"]) for r in self.law.inputs}
        shape = np.shape(next(iter(labelling.named(self.parameters).values())))
        seed = [self.settings.seed, 7]
        turns, on_logs = self.law.turns, self.likelihood.on_logs
        return Drift(self.curve_draws, edges, shape, strength, seed, turns, on_logs)

    def new_run_draws(
        self, curve: np.ndarray, inputs: dict[str, np.ndarray] | None = None, salt: int = 3
    ) -> np.ndarray:
        """Return one new run for each value of the curve, in modelled units.

        Parameters
        ----------
        curve
            Shape (chain, draw, m).
        inputs
            Role to values of shape (m,): where noise is correlated and all rows are of one run,
            the rows beyond the data go on with its noise. Without it, noise is a new run's.
        salt
            Makes the random numbers of different uses differ.

        Returns
        -------
        numpy.ndarray
            Same shape.
        """
        return new_runs.drawn(self, curve, inputs, salt)

    def of_new_rows(self, inputs: dict[str, np.ndarray] | None) -> dict[str, Any]:
        """Return what the noise must know of new runs at inputs (None: at the largest seen)."""
        runs = self.runs
        return self.likelihood.of_new_rows(inputs, runs.known, runs.references)

    def log_density(self, y: Any, *, drift: float = DRIFT, **inputs: Any) -> np.ndarray:
        """Return the log predictive density of one new run at each input.

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

        Raises
        ------
        LawError
            If an input is missing or unknown, or drift is negative.
        DataError
            If an input is not positive and finite, or y is not a number for each.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        >>> fit.log_density([2.0, 1.9], x=[1e3, 1e4]).shape
        (2,)
        """
        draws = self.log_density_draws(y, drift=drift, **inputs)
        return log_mean_exp(draws.reshape(-1, draws.shape[-1]))

    def log_density_draws(self, y: Any, *, drift: float = DRIFT, **inputs: Any) -> np.ndarray:
        """Return the log density of :meth:`log_density` draw by draw, shape (chain, draw, m)."""
        if self.groups:
            return by_group.log_density(self, y, drift, inputs, by_draw=True)
        at = forecasting.checked_inputs(self.law.inputs, self.runs.columns, inputs, self.name)
        outcome = forecasting.checked_outcomes(y, len(next(iter(at.values()))))
        forecasting.check_many(len(outcome), self.draw_count, "inputs")
        return new_runs.log_density(self, outcome, at, checked_drift(drift))

    def forecast(self, *, drift: float = DRIFT, **inputs: Any) -> Forecast:
        """Return the posterior predictive at any inputs.

        Parameters
        ----------
        drift
            How far the local exponent may drift from the law's beyond the data, in curve and
            observation alike; 0 for the law as it stands (see :mod:`bayescale.drift`).
        **inputs
            Values for each input, in the units of its column: ``x=[1e9, 1e10]``. The column's
            name may be used instead of the role. With groups also a level of each column, one for
            all inputs or one for each: ``family="A"``, or any new name for a group never seen.

        Returns
        -------
        Forecast
            Also kept in ``fit.tree["predictions"]``, the newest one, and its inputs in
            ``fit.tree["predictions_constant_data"]``. Several inputs are forecast jointly: one
            drift, and with correlated noise one course of it, for all of them.

        Raises
        ------
        LawError
            If an input is missing or unknown, or drift is negative.
        DataError
            If an input is not positive and finite.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        >>> fit.forecast(x=1e4).curve.dims
        ('chain', 'draw', 'forecast')
        """
        check_arguments(Fit.forecast, locals())
        import xarray as xr

        drift = checked_drift(drift)
        if self.groups:
            made = by_group.forecast(self, drift, inputs)
        else:
            at = forecasting.checked_inputs(self.law.inputs, self.runs.columns, inputs, self.name)
            forecasting.check_held(at, self.draw_count)
            curve = self.drifted_draws(at, drift)
            made = forecast_of(self, at, curve, self.new_run_draws(curve, at), drift)
        for name, group in as_predictions(made, self.runs.columns).items():
            self.tree[name] = xr.DataTree(group)
        return made

    def loo(self) -> LeaveOneOut:
        """Return leave-one-out by Pareto-smoothed importance sampling, run by run.

        Returns
        -------
        LeaveOneOut
            ``elpd``, ``se`` and by run ``elpd_i``, ``p_i`` and ``pareto_k``: the numbers of
            ``az.loo(fit.tree)``, also where the runs are too many for the tree to hold the log
            likelihood. It measures interpolation, not extrapolation.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> bs.PowerLaw().fit(runs, y="loss", x="x", progress=False).loo().elpd_i.shape
        (6,)
        """
        parts = self.parameters, self.noise, self.quantities
        return leave_one_out(self.law, self.likelihood, self.runs, *parts)

    def outliers(self, limit: float | None = None) -> pd.DataFrame:
        r"""Return every row with how far it lies from the curve, and whether it is an outlier.

        A row is one where its noise exceeds ``limit`` times the noise's scale, which the posterior
        gives a probability (Chaloner and Brant 1988). Under :class:`~bayescale.StudentT` the scale
        is that of the ordinary rows, so outliers show; under Gaussian noise they widen it and may
        hide one another.

        Parameters
        ----------
        limit
            In units of the scale; by default what one Gaussian table in twenty exceeds anywhere
            (2.9 for 16 rows, 3.7 for 240).

        Returns
        -------
        pandas.DataFrame
            The rows as they were fitted, the most probable outliers first: inputs and outcome,
            ``curve`` (posterior median), ``residual`` (standardised, posterior median; positive
            where the outcome lies above the curve) and ``probability``. The index counts the rows
            of the fit; ``.attrs`` holds the limit.

        Raises
        ------
        LawError
            If the limit is not a positive number.

        References
        ----------
        Chaloner and Brant (1988), "A Bayesian approach to outlier detection and residual analysis".

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], y="loss")
        >>> runs.loc[4, "loss"] *= 1.2
        >>> noise = bs.StudentT()
        >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", likelihood=noise, progress=False)
        >>> int(fit.outliers().index[0])
        4
        """
        check_arguments(Fit.outliers, locals())
        draws = self.parameters, self.noise
        return outlier_table(self.law, self.likelihood, self.runs, *draws, limit)

    def required_draws(
        self, targets: np.ndarray, solve: str, given: dict[str, float], drift: float = DRIFT
    ) -> np.ndarray:
        """Return the input that reaches each target, shape (chain, draw, target)."""
        self._check_whole("required(...)")
        forecasting.check_many(len(targets), self.draw_count, "targets")
        references = self.runs.references
        sign = -1.0 if self.law.rises else 1.0  # the search is for a curve that falls
        falling = self.along(solve, given, drift)
        return forecasting.required_inputs(
            lambda log_x: sign * falling(log_x),
            sign * np.asarray(self.runs.reported(targets)),
            references[f"{solve}_start"],
            references[f"{solve}_end"],
        )

    def along(
        self, solve: str, given: dict[str, float], drift: float
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return the curve along one input, draw by draw.

        Parameters
        ----------
        solve
            The input's role.
        given
            The other inputs, by role.
        drift
            As for :meth:`forecast`.

        Returns
        -------
        callable
            From log inputs, a scalar or of shape (chain, draw), to the curve in modelled units.
        """
        references, parameters = self.runs.references, self.parameters
        drifting = self._drift(drift)
        grid = forecasting.search_grid(references[f"{solve}_start"], references[f"{solve}_end"])
        shift = None
        if drift:
            # The search's own points lie ten e-folds apart far from the data: too far to read off.
            places = drifting.places(solve)
            grid = np.union1d(grid, places[(places > grid[0]) & (places < grid[-1])])
            at = {role: np.full(len(grid), value) for role, value in given.items()}
            shift = drifting.shift({**at, solve: np.exp(grid)})

        def curve(log_x: np.ndarray) -> np.ndarray:
            with np.errstate(over="ignore", under="ignore"):
                at = {**given, solve: np.exp(log_x)}
                plain = np.asarray(self.law.curve(at, parameters, references))
            if shift is None:
                return plain
            return drifting.moved(plain, forecasting.read_off(shift, grid, log_x))

        return curve

    def save(self, path: Any) -> None:
        """Save the fit as one netCDF file; a crash leaves the old file.

        Parameters
        ----------
        path
            Where to; ends in ``.nc``.

        Raises
        ------
        FileError
            If the file cannot be written.
        """
        from bayescale import files  # files stands on fits; this is its sugar

        files.save(self, path)

    def report(
        self,
        path: Any,
        *,
        title: str | None = None,
        at: Mapping[str, Any] | None = None,
        compare: Mapping[str, Fit] | pd.DataFrame | None = None,
        backtest: Backtest | float | None = None,
        checklist: Checklist | Mapping[str, str] | str | Path | None = None,
        sections: Sequence[str] | None = None,
        prob: float = 0.9,
        drift: float = DRIFT,
        quick: bool = False,
        seconds: float = 300.0,
        progress: bool | None = None,
    ) -> Path:
        """Write a report: one HTML file that needs no network, for readers and reviewers.

        Data, law and priors, posterior, pictures of fit and forecast, comparison and backtest,
        diagnostics in words, sensitivity to the priors and to the rows, the checklist of
        (Mis)Fitting filled with what is known, a paragraph of methods and a table for LaTeX.
        A part that fails says so in the file, and the rest is written.

        Parameters
        ----------
        path
            Where to; ends in ``.html``.
        title
            The heading.
        at
            Where to forecast: ``{"x": [1e9, 1e10]}``, with groups also of which. By default the
            largest input, 3 and 10 times it. Sensitivities are told of the last one.
        compare
            Other fits to the same rows by name, or the table of :func:`bayescale.compare`.
        backtest
            What :func:`bayescale.backtest` returned, or how many of the largest inputs to hold out:
            a share below 1, or a number. The law, and those of ``compare``, are then fitted again.
        checklist
            Answers to what a fit cannot know: a :class:`~bayescale.Checklist`, a dict, or the path
            of a TOML file.
        sections
            Some of summary, data, law, posterior, fit, forecast, comparison, backtest,
            diagnostics, priors, rows, checklist and methods; all of them by default.
        prob
            Probability of the equal-tailed intervals.
        drift
            How far exponents may drift beyond the data, as for :meth:`forecast`.
        quick
            Whether to leave out everything that fits again.
        seconds
            After these no fit is begun any more, and the report says what it left out.
        progress
            Whether to show what is under way.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        LawError
            If a section, a question, an input or an option is not known.
        DataError
            If an input is not positive and finite, or the other fits are on other rows.
        FileError
            If the file cannot be written there, or answers cannot be read.

        References
        ----------
        Li, Kudugunta, Zettlemoyer (2025), "(Mis)Fitting: A Survey of Scaling Laws",
        arXiv:2502.18969.

        Examples
        --------
        >>> import bayescale as bs, pathlib, tempfile
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        >>> place = pathlib.Path(tempfile.mkdtemp()) / "report.html"
        >>> fit.report(place, quick=True, progress=False).name
        'report.html'
        """
        check_arguments(Fit.report, locals())
        from bayescale.reporting import writing  # a report stands on fits; this is its sugar

        return writing.report(
            self, path, title=title, at=at, compare=compare, backtest=backtest,
            checklist=checklist, sections=sections, prob=prob, drift=drift, quick=quick,
            seconds=seconds, progress=progress,
        )  # fmt: skip

    def __repr__(self) -> str:
        """Return law, formula, parameters and diagnostics."""
        return summaries.text(self)

    def _repr_html_(self) -> str:
        return summaries.html(self)


def fit(
    law: Any,
    likelihood: Any,
    runs: Observations,
    settings: Sampling,
    progress: bool | None = None,
) -> Fit:
    """Sample a law's posterior, check it, and sample once more if it falls short.

    Parameters
    ----------
    law, likelihood
        What to fit.
    runs
        The checked data.
    settings
        How to sample.
    progress
        Whether to show what is under way.

    Returns
    -------
    Fit
        The fit, with a :class:`~bayescale.errors.SamplingWarning` when it cannot be trusted.
    """
    name = law.signature_name()
    with task(f"Fitting {name}: compile (once in a process) and sample", progress=progress) as bar:
        found = sampled(
            law,
            likelihood,
            runs,
            settings,
            again=lambda: bar.update(f"Fitting {name}: once more, with more draws"),
        )
        made = labelled(found)
    if not found.diagnostics.good:
        warnings.warn(f"{name}: {' '.join(found.diagnostics.advice)}", SamplingWarning, 3)
    return made


def labelled(found: Sampled) -> Fit:
    """Return the fit with its labelled tree."""
    draws = found.draws
    tree = posterior.tree(found.law, found.likelihood, found.runs, draws, found.settings.seed)
    tree.attrs = {
        "engine": draws.engine,
        "notes": [*found.notes, *filter(None, [thin_levels(found.runs)])],
        "pareto_k": np.nan if draws.pareto_k is None else draws.pareto_k,
    }
    made = Fit(found.law, found.likelihood, found.runs, found.settings, tree)
    vars(made)["diagnostics"] = found.diagnostics
    return made


def bare(found: Sampled) -> Fit:
    """Return a fit with an empty tree, which forecasts as the full one does."""
    import xarray as xr

    made = Fit(found.law, found.likelihood, found.runs, found.settings, xr.DataTree())
    vars(made).update(
        diagnostics=found.diagnostics,
        parameters=found.draws.parameters,
        noise=found.draws.noise,
    )
    return made
