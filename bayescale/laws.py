"""What every scaling law is: inputs, parameters with priors, one expression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayescale import (
    anchoring,
    evaluating,
    fitting,
    law_words,
    model,
    prior_predictive,
    settling,
    simulating,
)
from bayescale.arguments import check_arguments
from bayescale.data import observations
from bayescale.default_priors import (
    EXPONENT_PRIOR,
    FLOOR_PRIOR,
    LEVEL_PRIOR,
    REDUCIBLE_PRIOR,
    SHARE_PRIOR,
    TERM_PRIOR,
    WHOLE_PRIOR,
)
from bayescale.errors import LawError
from bayescale.evaluating import UNIT_REFERENCES
from bayescale.likelihoods import Correlated, Likelihood, LogNormal, checked_likelihood
from bayescale.observed import Observations
from bayescale.parameters import parameter_names, slots
from bayescale.prior import Prior
from bayescale.prior_draws import prior_draws
from bayescale.sample import CHECKED, Sampling

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm

    from bayescale.fitting import Fit
    from bayescale.prior_predictive import PriorPredictive

#: A form takes its default priors from here, together with `Law`.
__all__ = [
    "EXPONENT_PRIOR",
    "FLOOR_PRIOR",
    "LEVEL_PRIOR",
    "REDUCIBLE_PRIOR",
    "SHARE_PRIOR",
    "TERM_PRIOR",
    "UNIT_REFERENCES",
    "WHOLE_PRIOR",
    "Law",
    "each",
    "option",
]

_POSITIVE = (0.0, math.inf)
_UNIT = (0.0, 1.0)
_REAL = (-math.inf, math.inf)


class Law:
    """A scaling law: an instance is a form with its priors, or with numbers it is fixed at.

    Subclasses are made by ``@law``; they declare their parameters as fields and the formula as
    ``expr``. Everything else has defaults that suit a law of one input with an additive floor.
    """

    #: Roles of the inputs, in the order in which ``expr`` takes them.
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    #: Values for plots and tests, in reference units.
    example: ClassVar[dict[str, Any]] = {}
    #: Inputs in reference units over which the example shows itself, where 0.01 to 100 is wrong.
    example_range: ClassVar[Mapping[str, tuple[float, float]]] = {}
    #: The formula as people read it, for tables.
    formula: ClassVar[str] = ""
    #: When to use the form, and what goes wrong with it: a sentence or two each, for its page.
    use: ClassVar[str] = ""
    traps: ClassVar[str] = ""
    #: The parameters that make up the reducible loss, each its term at the reference inputs.
    terms: ClassVar[tuple[str, ...]] = ("scale",)
    #: Whether the floor is inside the sum that joins the terms (see :meth:`join`).
    floor_joins: ClassVar[bool] = False
    #: Whether the loss rises with the sum of the (k-th roots of the) two terms, ``<role>_scale``
    #: times a plain power of its input: then the optimum at C = 6ND has a closed form.
    balanced: ClassVar[bool] = False
    #: What runs on one ray determine, for a warning; ``{first}``, ``{second}``, ``{slope}`` fit in.
    along_ray: ClassVar[str] = "the floor and the sum of the two terms"
    #: Where ``floor_share`` is meant: at the largest inputs (``end``) or at the reference.
    share_at: ClassVar[str] = "end"
    #: Which other quantities may carry a parameter's prior.
    carriers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "irreducible": anchoring.FLOOR,
        "scale": anchoring.LEVEL,
    }
    #: Bounds of parameters and quantities; :meth:`bounds_of` knows those of common endings.
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}
    #: Parameters in the units of an input; they are scaled as that input is.
    input_units: ClassVar[Mapping[str, str]] = {}
    #: Units and meanings of parameters and quantities of this form, beside those of all laws.
    quantities: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: The literature's constants that a form takes in place of parameters; ``@law`` fills it.
    constant_names: ClassVar[tuple[str, ...]] = ()
    #: What the components of a parameter stand for, for those that have more than one.
    component: ClassVar[str] = "break"
    #: Whether floor and level can be integrated out (GEOMETRY of broken laws).
    collapsible: ClassVar[bool] = False
    #: The sampler's target acceptance that this form needs.
    target_accept: ClassVar[float] = 0.9
    #: The coordinates by which modes may lie apart, which are then looked for all along them.
    places: ClassVar[tuple[str, ...]] = ()
    #: How runs scatter unless the user says otherwise.
    default_likelihood: ClassVar[type[Likelihood]] = LogNormal
    #: Where published numbers come from; :func:`bayescale.published` fills it.
    source: ClassVar[Any] = None

    def __post_init__(self, *constants: Prior | float | None) -> None:
        """Check every field, and settle which quantities carry the priors."""
        given = dict(zip(self.constant_names, constants, strict=True))
        settling.take_constants(self, given)
        self._settle_terms()

    def default_of(self, name: str) -> Any:
        """Return a field's default, with which it was not given."""
        # The type checker does not see that @law makes every form a dataclass.
        declared = fields(self)  # type: ignore[arg-type]
        return next(f.default for f in declared if f.name == name)

    def _settle_terms(self) -> None:
        """Terms share a level, which stands on the floor's share, or each has its own prior."""
        settling.settle_terms(self)

    # What a form says of itself -------------------------------------------------------------

    @staticmethod
    def expr(*args: Any, **kwargs: Any) -> Any:
        """Return the outcome; every form writes its own, and ``@law`` refuses one that does not."""
        raise LawError("This law has no expr: a form writes its formula there (see Law).")

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many components a parameter has, for those that have more than one."""
        return {}

    @property
    def only_falls(self) -> bool:
        """Whether the curve can do nothing but fall."""
        return True

    @property
    def turns(self) -> bool:
        """Whether the curve may rise and fall again."""
        return False

    @property
    def rises(self) -> bool:
        """Whether the outcome is one that grows with the inputs, and no loss."""
        return False

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes, for a warning; empty for a straight line."""
        return "" if getattr(self, "irreducible", 0.0) == 0.0 else "A floor"

    @property
    def rows_needed(self) -> int:
        """How many different runs the law needs."""
        return 1 + sum(slot.prior is not None for slot in slots(self))

    def sizes_needed(self, role: str) -> int:
        """How many different values of an input the law needs."""
        if len(self.inputs) == 1:
            return self.rows_needed
        free = [s for s in slots(self) if s.prior is not None and s.field.startswith(f"{role}_")]
        return 1 + len(free)

    def join(self, shape: Mapping[str, Any]) -> Any:
        """Return k where terms (and the floor, if it joins) add as k-th roots; 1 if plainly."""
        return 1.0

    def shape(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters other than floor and terms from their quantities.

        A quantity ``relative_<parameter>`` is the parameter over its reference: that of the
        input whose units it has, or the reference outcome.
        """
        found = {}
        for name in parameter_names(self):
            if name == "irreducible" or name in self.terms:
                continue
            if name in values:
                found[name] = values[name]
            elif f"relative_{name}" in values:
                role = self.input_units.get(name)
                unit = references["y_ref" if role is None else f"{role}_ref"]
                found[name] = each(values[f"relative_{name}"], unit)
        return found

    def log_bend(self, shape: Mapping[str, Any], references: Mapping[str, Any]) -> Any:
        """Return the log of reducible loss over first power law, at the reference input."""
        return 0.0

    def from_constant(
        self, term: str, value: Any, shape: Mapping[str, Any], references: Mapping[str, Any]
    ) -> Any:
        """Return a term at the reference inputs from the literature's constant for it."""
        return np.exp(anchoring.log_scale_of_x0(self, value, shape, references))

    def check(self, runs: Observations) -> None:
        """Warn of runs, or raise a DataError for them, that this form cannot learn from."""

    # What follows from it -------------------------------------------------------------------

    @classmethod
    def example_inputs(cls, points: int = 24) -> dict[str, np.ndarray]:
        """Return inputs in reference units that fill the example's range evenly on log axes.

        Parameters
        ----------
        points
            How many.

        Returns
        -------
        dict
            Role to values of shape (points,); of a single input in rising order.
        """
        ranges = [cls.example_range.get(role, (1e-2, 1e2)) for role in cls.inputs]
        return dict(zip(cls.inputs, simulating.filling(ranges, points), strict=True))

    def bounds_of(self, name: str) -> tuple[float, float]:
        """Return the bounds of a parameter or a quantity."""
        if name in self.bounds:
            return self.bounds[name]
        if name.endswith("_share"):
            return _UNIT
        known = {"irreducible", "scale", "level", "exponent", *self.constant_names}
        endings = ("_scale", "_exponent")
        positive = name in known or name.endswith(endings) or name.startswith("relative_")
        return _POSITIVE if positive else _REAL

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter, in the user's units, from the quantities that carry priors."""
        shape = self.shape(values, references)
        if self.terms:
            shape |= anchoring.amplitudes(self, values, shape, references)
        return {name: shape[name] for name in parameter_names(self)}

    def curve(
        self,
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        references: Mapping[str, Any],
    ) -> Any:
        """Return the law's value at inputs in the user's units.

        Parameters
        ----------
        inputs
            Role to values.
        parameters
            Parameter to value, in the user's units; components of a parameter as a tuple.
        references
            The references of the data that the parameters belong to.

        Returns
        -------
        array or tensor
            The outcome, by broadcasting inputs against parameters.
        """
        scaled = {role: inputs[role] / references[f"{role}_ref"] for role in self.inputs}
        plain = dict(parameters)
        for name, role in self.input_units.items():
            plain[name] = each(plain[name], 1 / references[f"{role}_ref"])
        return type(self).expr(**scaled, **plain)

    def constants(
        self, parameters: Mapping[str, Any], references: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the literature's constants, in the user's units, from the parameters."""
        if "x0" not in self.constant_names:
            return dict(parameters)
        shape = {n: v for n, v in parameters.items() if n not in ("irreducible", "scale")}
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            x0 = anchoring.x0_of_log_scale(self, np.log(parameters["scale"]), shape, references)
        return {"irreducible": parameters["irreducible"], "x0": x0, **shape}

    def evaluate(self, **inputs: Any) -> np.ndarray:
        """Return the outcome of a law whose parameters are all numbers, in the user's units.

        Parameters
        ----------
        **inputs
            Values of each input, by role; they broadcast.

        Returns
        -------
        numpy.ndarray
            The outcome.

        Raises
        ------
        LawError
            If a parameter has a prior and no number, or an input is missing or unknown.

        Examples
        --------
        >>> import bayescale as bs
        >>> law = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
        >>> law.evaluate(x=1e9).round(4).item()
        2.3756
        """
        return evaluating.evaluated(self, inputs)

    @property
    def numbers(self) -> dict[str, Any]:
        """Every parameter of a law that is fixed at numbers, with all reference inputs at 1."""
        return evaluating.numbers(self)

    def prior_draws(
        self, references: Mapping[str, float], draws: int = 200, seed: int = 0
    ) -> dict[str, Any]:
        """Return parameters drawn from the priors, in the user's units, by numpy alone.

        Of what varies with groups, those of some group.

        Parameters
        ----------
        references
            The scale of the data, as :attr:`bayescale.observed.Observations.references` has it:
            ``<role>_ref``, ``<role>_start`` and ``<role>_end`` of every input, ``y_ref``,
            ``y_drop`` and ``y_top``.
        draws
            How many.
        seed
            Same seed, same draws.

        Returns
        -------
        dict
            Parameter to array of shape (draws,); components of a parameter as a tuple of them.

        Examples
        --------
        >>> import bayescale as bs
        >>> data = {"x_ref": 1e8, "x_start": 1e6, "x_end": 1e10, "y_ref": 3.0}
        >>> drawn = bs.PowerLaw(irreducible=0.0).prior_draws(data, draws=50)
        >>> list(drawn), drawn["exponent"].shape
        (['irreducible', 'scale', 'exponent'], (50,))
        """
        check_arguments(Law.prior_draws, locals())
        return prior_draws(self, references, draws, seed)

    def signature_name(self) -> str:
        """Return the form's name with the options that differ from their defaults."""
        changed = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)  # type: ignore[arg-type] (every law is made a dataclass by @law)
            if f.metadata.get("option") and getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})" if changed else type(self).__name__

    def priors(self) -> pd.DataFrame:
        """Return the priors in effect: a row for each parameter, with units and central 95 %.

        Returns
        -------
        pandas.DataFrame
            Index: parameter. Columns: ``on`` (the quantity that has the prior), ``prior``,
            ``low`` and ``high`` (its central 95 %), ``unit``, ``meaning``.

        Examples
        --------
        >>> import bayescale as bs
        >>> bs.PowerLaw(irreducible=0.0).priors()["prior"]["exponent"]
        'LogNormal(mu=-1.386, sigma=0.94)'
        """
        return law_words.prior_table(self)

    def unit(self, name: str) -> str:
        """Return the unit of a parameter, a quantity or a constant, in words."""
        return law_words.unit(self, name)

    def __str__(self) -> str:
        """Return the formula and the priors in effect, in words and units."""
        return law_words.text(self)

    def _repr_html_(self) -> str:
        return law_words.html(self)

    # Sugar ----------------------------------------------------------------------------------

    def model(
        self,
        runs: pd.DataFrame,
        *,
        y: str,
        likelihood: Likelihood | None = None,
        ceiling: float | None = None,
        run: str | None = None,
        **inputs: str,
    ) -> pm.Model:
        """Return the PyMC model of these runs: named priors and the observed outcome ``y``.

        Parameters
        ----------
        runs
            The table, one run a row.
        y
            The name of the outcome's column.
        likelihood
            How runs scatter; by default what suits the form, mostly log-normal.
        ceiling
            What a rising metric cannot exceed; ``ceiling - y`` is modelled.
        run
            As for :meth:`fit`.
        **inputs
            The column of each input: ``x="params"``.

        Returns
        -------
        pymc.Model
            Any function of PyMC takes it.

        Raises
        ------
        DataError
            If the table cannot be used.

        Examples
        --------
        >>> import bayescale as bs, pandas as pd
        >>> runs = pd.DataFrame({"n": [1e6, 1e7, 1e8, 1e9], "loss": [4.0, 3.2, 2.7, 2.4]})
        >>> sorted(v.name for v in bs.PowerLaw().model(runs, y="loss", x="n").free_RVs)
        ['exponent', 'floor_share', 'level', 'sigma']
        """
        check_arguments(Law.model, locals(), but=("likelihood",))
        likelihood, checked = self._checked(runs, y, likelihood, ceiling, run, inputs)
        return model.plain(self, likelihood, checked)

    def fit(
        self,
        runs: pd.DataFrame,
        *,
        y: str,
        likelihood: Likelihood | None = None,
        ceiling: float | None = None,
        run: str | None = None,
        draws: int = 1000,
        tune: int = 1000,
        chains: int = 4,
        cores: int | None = None,
        target_accept: float | None = None,
        seed: int = 0,
        sampler: str = "nutpie",
        retry: bool = True,
        progress: bool | None = None,
        **inputs: str,
    ) -> Fit:
        """Fit the law to a table of runs by NUTS.

        Parameters
        ----------
        runs
            The table, one run a row.
        y
            The name of the outcome's column.
        likelihood
            How runs scatter; by default what suits the form, mostly
            :class:`~bayescale.LogNormal`, and with ``run=`` the same inside
            :class:`~bayescale.Correlated`.
        ceiling
            What a rising metric cannot exceed (1.0 for an accuracy): ``ceiling - y`` is
            modelled, and y is reported.
        run
            The column that says which training run a row is a checkpoint of: noise is then
            correlated along each run.
        draws, tune, chains
            Kept draws and tuning steps of each chain, and chains.
        cores
            Processor cores to use; all of them by default.
        target_accept
            The sampler's target acceptance; the form's own by default.
        seed
            Same seed, same draws.
        sampler
            ``"nutpie"``, or ``"pymc"`` for PyMC's own NUTS.
        retry
            Whether to sample once more, with twice the tuning and draws, when the diagnostics
            fall short.
        progress
            Whether to show what is under way; by default in a terminal or a notebook.
        **inputs
            The column of each input: ``x="params"``.

        Returns
        -------
        Fit
            Posterior, diagnostics, forecasts.

        Raises
        ------
        DataError
            If the table cannot be used; before anything is sampled.
        LawError
            If an input is missing or unknown.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.load_dataset("digits_learning_curves")
        >>> curve = runs[runs.task.eq("digits") & runs.model.eq("knn")]
        >>> curve = curve.groupby("examples", as_index=False).error.mean()
        >>> fit = bs.PowerLaw().fit(curve, y="error", x="examples", progress=False)
        >>> bool(fit.forecast(x=[1e5]).interval(0.9)["upper"][0] < 0.1)
        True
        """
        check_arguments(Law.fit, locals(), but=("likelihood", *CHECKED))
        likelihood, checked = self._checked(runs, y, likelihood, ceiling, run, inputs)
        settings = Sampling(
            draws,
            tune,
            chains,
            cores,
            self.target_accept if target_accept is None else target_accept,
            seed,
            sampler,
            retry,
        )
        return fitting.fit(self, likelihood, checked, settings, progress)

    def prior_predictive(
        self,
        runs: pd.DataFrame,
        *,
        y: str,
        likelihood: Likelihood | None = None,
        ceiling: float | None = None,
        run: str | None = None,
        draws: int = 500,
        seed: int = 0,
        **inputs: str,
    ) -> PriorPredictive:
        """Return runs that the priors lead to, at the inputs of real ones; nothing is fitted.

        Parameters
        ----------
        runs
            The table, one run a row: its inputs, and the scale of its outcomes, which default
            priors are relative to.
        y, likelihood, ceiling, run
            As for :meth:`fit`.
        draws
            How many tables of runs.
        seed
            Same seed, same draws.
        **inputs
            The column of each input: ``x="params"``.

        Returns
        -------
        PriorPredictive
            ``check()`` says where the real runs lie among them; ``bs.plot_prior_predictive`` draws
            them.

        Raises
        ------
        DataError
            If the table cannot be used.
        LawError
            If an input is missing or unknown, or a parameter varies with groups.

        Examples
        --------
        >>> import bayescale as bs
        >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
        >>> made = bs.PowerLaw().prior_predictive(runs, y="loss", x="x")
        >>> bool(made.check()["inside"].all())
        True
        >>> steep = bs.PowerLaw(exponent=bs.Prior("LogNormal", mu=1.6, sigma=0.02))
        >>> bool(steep.prior_predictive(runs, y="loss", x="x").check()["inside"].all())
        False
        """
        check_arguments(Law.prior_predictive, locals(), but=("likelihood",))
        likelihood, checked = self._checked(runs, y, likelihood, ceiling, run, inputs)
        return prior_predictive.predicted(self, likelihood, checked, draws, seed)

    def _checked(
        self,
        runs: Any,
        y: str,
        likelihood: Likelihood | None,
        ceiling: float | None,
        run: str | None,
        inputs: dict[str, str],
    ) -> tuple[Likelihood, Observations]:
        """Return how runs scatter, and the runs, checked."""
        likelihood = self.noise(run, likelihood)
        checked = observations(self, likelihood, runs, y, inputs, ceiling, run)
        return likelihood.suited(checked), checked

    def noise(self, run: str | None = None, given: Likelihood | None = None) -> Likelihood:
        """Return how runs scatter: as given, else correlated along a run where runs are named."""
        if given is not None:
            return checked_likelihood(given)
        plain = self.default_likelihood()
        return plain if run is None else Correlated(plain)

    def simulate(
        self,
        *,
        noise: float = 0.01,
        seed: int = 0,
        y: str = "y",
        parameters: Mapping[str, Any] | None = None,
        likelihood: Likelihood | None = None,
        **inputs: Sequence[float],
    ) -> pd.DataFrame:
        """Return runs that follow the law, with noise in proportion to the loss or as said.

        Parameters
        ----------
        noise
            Standard deviation of log y.
        seed
            Seed of the noise.
        y
            Name of the outcome's column.
        parameters
            Parameter to value, with the reference input 1 (so ``scale`` is the reducible loss
            at x = 1); by default the law's own numbers where all are fixed, else the form's
            example.
        likelihood
            How runs scatter, in place of ``noise``, with a number for each of its parameters and
            columns: ``bs.Binomial(trials=500)``. Rows follow one another as those of one run, and
            rows of equal inputs are of one configuration.
        **inputs
            Values of each input.

        Returns
        -------
        pandas.DataFrame
            A column for each input, and the outcome.

        Raises
        ------
        LawError
            If a parameter or an input is missing or unknown, or the likelihood lacks a number.

        Examples
        --------
        >>> import bayescale as bs
        >>> bs.PowerLaw().simulate(x=[1.0, 10.0], noise=0.0)["y"].round(3).tolist()
        [2.9, 2.301]
        """
        check_arguments(Law.simulate, locals(), but=("noise",))
        return simulating.simulated(self, noise, seed, y, parameters, likelihood, inputs)


def each(value: Any, factor: Any) -> Any:
    """Multiply a parameter, or each of its components."""
    return tuple(part * factor for part in value) if isinstance(value, tuple) else value * factor


def option(*, default: Any) -> Any:
    """Return a field that is an option of the form and not a parameter."""
    return field(default=default, metadata={"option": True})
