"""A fitted law: posterior, diagnostics, forecasts, and the input that reaches a target."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import forecasting, model, posterior
from bayescale.coordinates import Coordinates
from bayescale.data import Observations
from bayescale.diagnostics import (
    Diagnostics,
    contraction,
    diagnose,
    neighbour_correlation,
)
from bayescale.drift import DRIFT, Drift, checked_drift
from bayescale.errors import SamplingWarning
from bayescale.forecasting import Forecast, Forecaster
from bayescale.leave_one_out import LeaveOneOut, leave_one_out
from bayescale.likelihoods import APART
from bayescale.outliers import outlier_table
from bayescale.parameters import parameter_names
from bayescale.progress import task
from bayescale.sample import Sampling
from bayescale.scoring import log_mean_exp

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

_SYMBOLS = {
    "irreducible": "L∞",
    "exponent": "α",
    "break_location": "d",
    "exponent_change": "c",
    "break_sharpness": "1/f",
    "segment_exponent": "α of each segment",
}


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
        """Draws of the law's parameters, shape (chain, draw); components as a tuple."""
        return posterior.unlabelled(self.tree["posterior"].to_dataset(), parameter_names(self.law))

    @cached_property
    def noise(self) -> dict[str, Any]:
        """Draws of the likelihood's parameters, shape (chain, draw)."""
        return posterior.unlabelled(
            self.tree["posterior"].to_dataset(), parameter_names(self.likelihood)
        )

    @cached_property
    def model(self) -> pm.Model:
        """The generative PyMC model of these runs; any PyMC function takes it."""
        return model.plain(self.law, self.likelihood, self.runs)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """The sampler's diagnostics, with advice in words."""
        pareto_k = self.tree.attrs["pareto_k"]
        return _diagnose(
            self.law,
            self.likelihood,
            self.runs,
            self.parameters | self.noise,
            self._quantities(),
            self.tree["sample_stats"].to_dataset(),
            None if np.isnan(pareto_k) else float(pareto_k),
        )

    def _quantities(self) -> dict[str, Any]:
        free = [slot.quantity for slot in Coordinates(self.law, self.likelihood).free]
        return posterior.unlabelled(self.tree["posterior"].to_dataset(), free)

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
        import arviz as az

        forecasting.check_probability(prob)
        names = [*parameter_names(self.law), *parameter_names(self.likelihood)]
        data = self.tree["posterior"].to_dataset()[names]
        moving = [name for name in names if float(data[name].std(["chain", "draw"]).max()) > 0]
        ends = {
            name: (("chain", "draw"), np.asarray(self.runs.reported(curve)))
            for name, curve in _at_the_ends(self.law, self.runs, self.parameters).items()
        }
        shown = data[moving].assign(ends)
        table: Any = az.summary(shown, ci_prob=prob, ci_kind="eti", round_to="none")
        return table

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
        import pandas as pd

        forecasting.check_probability(prob)
        levels = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
        rows = []
        found = self.law.constants(self.parameters, self.runs.references)
        for name, value in found.items():
            symbol, unit = _SYMBOLS.get(name, name), self.law.unit(name)
            many = isinstance(value, tuple)
            for i, part in enumerate(value if many else (value,)):
                low, middle, high = np.quantile(part, levels, method="inverted_cdf")
                number = i if name == "segment_exponent" else i + 1
                label = f"{name}[{number}]" if many else name
                rows.append((label, symbol, middle, low, high, unit))
        columns = ["constant", "symbol", "median", "lower", "upper", "unit"]
        table = pd.DataFrame(rows, columns=columns).set_index("constant")
        table.attrs = {"probability": prob, "kind": "equal-tailed"}
        return table

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
        return posterior.evaluate(self.law, self.parameters, inputs, self.runs.references)

    def drifted_draws(self, inputs: dict[str, np.ndarray], drift: float) -> np.ndarray:
        """Return the curve at inputs with exponents that drift beyond the data.

        Parameters
        ----------
        inputs
            Role to values of shape (m,), in the user's units.
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
        shape = np.shape(next(iter(posterior.named(self.parameters).values())))
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
        rng = np.random.default_rng([self.settings.seed, salt])
        noise = posterior.over_rows(self.noise) | self.of_new_rows(inputs)
        if not self.likelihood.correlated:
            return self.likelihood.draw(rng, curve, **noise)
        gap = self._gap(curve.shape[-1], inputs)
        order = np.argsort(gap, kind="stable")
        beyond = order[gap[order] < APART]
        new = self.likelihood.draw(rng, curve, **noise)
        if len(beyond):
            steps = np.diff(gap[beyond], prepend=0.0)
            new[..., beyond] = self.likelihood.draw(
                rng, curve[..., beyond], gap=steps, start=self._last_residual, **noise
            )
        return new

    def of_new_rows(self, inputs: dict[str, np.ndarray] | None) -> dict[str, Any]:
        """Return what the noise must know of new runs at inputs (None: at the largest seen)."""
        runs = self.runs
        return self.likelihood.of_new_rows(inputs, runs.known, runs.references)

    def _gap(self, count: int, inputs: dict[str, np.ndarray] | None) -> np.ndarray:
        """Return how far each input lies from the last row of the one run, or that it is apart."""
        if inputs is None or len(inputs) > 1 or not self.runs.one_run:
            return np.full(count, APART)
        ((role, x),) = inputs.items()
        gap = np.log(x) - np.log(self.runs.references[f"{role}_end"])
        return np.where(gap > 0, gap, APART)

    @cached_property
    def _last_residual(self) -> np.ndarray:
        """Log residual of the last row, in terms of a single evaluation; shape (chain, draw)."""
        last = self.runs.rows(np.array([len(self.runs) - 1]))
        curve = self.curve_draws(last.inputs)[..., 0]
        count = 1.0 if last.n_obs is None else float(last.n_obs[0])
        return (np.log(last.outcome[0]) - np.log(curve)) * count**0.5

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
        at = forecasting.checked_inputs(self.law.inputs, self.runs.columns, inputs, self.name)
        outcome = forecasting.checked_outcomes(y, len(next(iter(at.values()))))
        modelled = np.asarray(self.runs.reported(outcome))
        curve = self.drifted_draws(at, checked_drift(drift))
        likelihood = self.likelihood
        noise = posterior.over_rows(self.noise) | self.of_new_rows(at)
        if likelihood.correlated:
            gap = self._gap(curve.shape[-1], at)
            residual = self._last_residual[..., None]
            curve, noise = likelihood.ahead(residual, curve, gap=gap, **noise)
            likelihood = likelihood.of
        with np.errstate(all="ignore"):
            density = likelihood.log_density(modelled, curve, **noise)
        return np.nan_to_num(density, nan=-np.inf)

    def forecast(self, *, drift: float = DRIFT, **inputs: Any) -> Forecast:
        """Return the posterior predictive at any inputs.

        Parameters
        ----------
        drift
            How far the local exponent may drift from the law's beyond the data, in curve and
            observation alike; 0 for the law as it stands (see :mod:`bayescale.drift`).
        **inputs
            Values for each input, in the units of its column: ``x=[1e9, 1e10]``. The column's
            name may be used instead of the role.

        Returns
        -------
        Forecast
            Also kept in ``fit.tree["predictions"]``, the newest one. Several inputs are forecast
            jointly: one drift, and with correlated noise one course of it, for all of them.

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
        import xarray as xr

        drift = checked_drift(drift)
        at = forecasting.checked_inputs(self.law.inputs, self.runs.columns, inputs, self.name)
        forecasting.check_held(at, self.settings.chains * self.settings.draws)
        modelled = self.drifted_draws(at, drift)
        made = forecast_of(self, at, modelled, self.new_run_draws(modelled, at), drift)
        data = {"curve": made.curve, model.OUTCOME: made.observation}
        data |= {role: ("forecast", np.array(values)) for role, values in at.items()}
        self.tree["predictions"] = xr.DataTree(xr.Dataset(data))
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
        parts = self.parameters, self.noise, self._quantities()
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
        draws = self.parameters, self.noise
        return outlier_table(self.law, self.likelihood, self.runs, *draws, limit)

    def required_draws(
        self, targets: np.ndarray, solve: str, given: dict[str, float], drift: float = DRIFT
    ) -> np.ndarray:
        """Return the input that reaches each target, shape (chain, draw, target)."""
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

    def __repr__(self) -> str:
        """Return law, formula, parameters and diagnostics."""
        lines = [self._title(), f"  {self.law.formula}"]
        lines += [f"  {line}" for line in self._table().to_string().splitlines()]
        lines += [f"  {line}" for line in self._footer()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        footer = "<br>".join(html.escape(line) for line in self._footer())
        return (
            f"<h4>{html.escape(self._title())}</h4><p><i>{html.escape(self.law.formula)}</i></p>"
            f"{self._table().to_html()}<p>{footer}</p>"
        )

    def _title(self) -> str:
        columns = ", ".join(f"{role}={name!r}" for role, name in self.runs.columns.items())
        ceiling = "" if self.runs.ceiling is None else f", ceiling={self.runs.ceiling:g}"
        return (
            f"{self.name} fitted to {len(self.runs)} runs (y={self.runs.outcome_column!r}, "
            f"{columns}{ceiling}; {self.likelihood.label})"
        )

    def _table(self) -> pd.DataFrame:
        import pandas as pd

        rows = {}
        for name, value in (self.parameters | self.noise).items():
            many = isinstance(value, tuple)
            for i, draws in enumerate(value if many else (value,)):
                low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
                label = f"{name}[{i + 1}]" if many else name
                fixed = "fixed" if np.ptp(draws) == 0 else ""
                rows[label] = [f"{middle:.4g}", fixed or f"{low:.4g}", fixed or f"{high:.4g}"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=["median", "5 %", "95 %"])

    def _footer(self) -> list[str]:
        found = self.diagnostics
        return [found.line(), f"sampled: {self.engine}", *self.notes, *found.advice]


def forecast_of(
    source: Any,
    at: dict[str, np.ndarray],
    curve: np.ndarray,
    observation: np.ndarray,
    drift: float = 0.0,
) -> Forecast:
    """Return a forecast record from draws in modelled units.

    Parameters
    ----------
    source
        What has ``runs``: a fit or an ensemble.
    at
        Role to inputs.
    curve, observation
        Draws of shape (chain, draw, m).
    drift
        With which they were made.

    Returns
    -------
    Forecast
        In the user's units and column names.
    """
    import pandas as pd
    import xarray as xr

    runs: Observations = source.runs
    dims = ("chain", "draw", "forecast")
    coords = {name: np.arange(size) for name, size in zip(dims, curve.shape, strict=True)}
    ratios = [values / runs.references[f"{role}_end"] for role, values in at.items()]
    return Forecast(
        inputs=pd.DataFrame({runs.columns[role]: values for role, values in at.items()}),
        curve=xr.DataArray(runs.reported(curve), coords, dims, name="curve"),
        observation=xr.DataArray(runs.reported(observation), coords, dims, name=model.OUTCOME),
        extrapolation=np.max(ratios, axis=0),
        outcome=runs.outcome_column,
        runs=runs.frame(),
        ceiling=runs.ceiling,
        drift=drift,
        source=source,
    )


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
        made = found.fit()
    if not found.diagnostics.good:
        warnings.warn(f"{name}: {' '.join(found.diagnostics.advice)}", SamplingWarning, 3)
    return made


@dataclass(frozen=True, eq=False)
class Sampled:
    """Draws of one fit that have been checked, before they are labelled.

    Parameters
    ----------
    law, likelihood, runs
        What was fitted.
    settings
        How the kept draws were sampled: doubled where the first fell short.
    draws
        The posterior as plain arrays.
    diagnostics
        Of these draws.
    notes
        What was done by itself, such as sampling again.
    """

    law: Any
    likelihood: Any
    runs: Observations
    settings: Sampling
    draws: posterior.Draws
    diagnostics: Diagnostics
    notes: tuple[str, ...] = ()

    def fit(self) -> Fit:
        """Return the fit with its labelled tree."""
        draws = self.draws
        tree = posterior.tree(self.law, self.likelihood, self.runs, draws, self.settings.seed)
        tree.attrs = {
            "engine": draws.engine,
            "notes": list(self.notes),
            "pareto_k": np.nan if draws.pareto_k is None else draws.pareto_k,
        }
        made = Fit(self.law, self.likelihood, self.runs, self.settings, tree)
        vars(made)["diagnostics"] = self.diagnostics
        return made

    def bare_fit(self) -> Fit:
        """Return a fit with an empty tree, which forecasts as the full one does."""
        import xarray as xr

        made = Fit(self.law, self.likelihood, self.runs, self.settings, xr.DataTree())
        vars(made).update(
            diagnostics=self.diagnostics,
            parameters=self.draws.parameters,
            noise=self.draws.noise,
        )
        return made


def sampled(
    law: Any,
    likelihood: Any,
    runs: Observations,
    settings: Sampling,
    again: Callable[[], object] = lambda: None,
) -> Sampled:
    """Sample and check, and once more with more draws where the first fall short.

    Parameters
    ----------
    law, likelihood, runs, settings
        As for :func:`fit`.
    again
        Called before sampling once more.

    Returns
    -------
    Sampled
        The better draws of the two.
    """
    draws = posterior.draw(law, likelihood, runs, settings)
    found = Sampled(law, likelihood, runs, settings, draws, diagnosed(law, likelihood, runs, draws))
    if found.diagnostics.good or not settings.retry:
        return found
    again()
    more = settings.doubled()
    draws = posterior.draw(law, likelihood, runs, more)
    second = diagnosed(law, likelihood, runs, draws)
    if not second.good and second.rhat > found.diagnostics.rhat:
        return found
    return _again(law, likelihood, runs, more, draws, second)


def resumed(
    law: Any, likelihood: Any, runs: Observations, settings: Sampling, draws: posterior.Draws
) -> Sampled:
    """Return what :func:`sampled` found with these settings, from its draws.

    Parameters
    ----------
    law, likelihood, runs, settings
        As they were given to :func:`sampled`.
    draws
        The draws it kept.

    Returns
    -------
    Sampled
        The same record; nothing is sampled.
    """
    found = diagnosed(law, likelihood, runs, draws)
    if draws.stats.sizes["draw"] == settings.draws:
        return Sampled(law, likelihood, runs, settings, draws, found)
    return _again(law, likelihood, runs, settings.doubled(), draws, found)


def _again(
    law: Any,
    likelihood: Any,
    runs: Observations,
    settings: Sampling,
    draws: posterior.Draws,
    found: Diagnostics,
) -> Sampled:
    note = (
        f"sampled again with tune={settings.tune}, draws={settings.draws}, because the first "
        "draws fell short"
    )
    return Sampled(law, likelihood, runs, settings, draws, found, (note,))


def diagnosed(law: Any, likelihood: Any, runs: Observations, draws: posterior.Draws) -> Diagnostics:
    """Return the diagnostics of draws."""
    return _diagnose(
        law,
        likelihood,
        runs,
        draws.parameters | draws.noise,
        draws.quantities,
        draws.stats,
        draws.pareto_k,
    )


def _diagnose(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: dict[str, Any],
    quantities: Any,
    stats: xr.Dataset,
    pareto_k: float | None,
) -> Diagnostics:
    """Diagnose parameters, and the forecast at the largest input and at ten times it."""
    only = {name: parameters[name] for name in parameter_names(law)}
    checked = {
        **posterior.named(parameters),
        **{f"the {name}": curve for name, curve in _at_the_ends(law, runs, only).items()},
    }
    watched = [
        slot
        for slot in Coordinates(law, likelihood).free
        if slot.field in ("irreducible", "break_location")
    ]
    shares = {}
    for slot in watched:
        value = quantities[slot.quantity]
        many = isinstance(value, tuple)
        for i, part in enumerate(value if many else (value,)):
            label = f"{slot.quantity}[{i + 1}]" if many else slot.quantity
            shares[label] = contraction(slot, part)
    free_breaks = getattr(law, "placement", None) == "free"
    noise = {name: parameters[name] for name in parameter_names(likelihood)}
    misfit = _misfit(law, likelihood, runs, only, noise)
    return diagnose(checked, stats, shares, pareto_k, free_breaks, misfit)


def _at_the_ends(law: Any, runs: Observations, parameters: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the curve at the largest inputs and at ten times them, in modelled units."""
    ends = {role: runs.references[f"{role}_end"] * np.array([1.0, 10.0]) for role in law.inputs}
    curve = posterior.evaluate(law, parameters, ends, runs.references)
    places = "curve at the largest input", "curve at ten times the largest input"
    return {name: curve[..., i] for i, name in enumerate(places)}


def _misfit(
    law: Any,
    likelihood: Any,
    runs: Observations,
    parameters: dict[str, Any],
    noise: dict[str, Any],
) -> float:
    """Return how alike the residuals of neighbouring runs are, about the median curve.

    Of correlated noise, those residuals that it does not expect.
    """
    if len(runs.inputs) != 1:
        return float("nan")
    curve = posterior.median_curve(law, parameters, runs)
    with np.errstate(all="ignore"):
        middle = {name: np.median(value) for name, value in noise.items()}
        known = middle | runs.by_run(likelihood.by_run)
        if likelihood.correlated:
            if not likelihood.whitens:
                return float("nan")
            logs = np.log(runs.outcome) - np.log(curve)
            residuals, _ = likelihood.whitened(logs, **known)
        else:
            residuals = likelihood.residual(runs.outcome, curve, **known)
    (x,) = runs.inputs.values()
    return neighbour_correlation(x, residuals)
