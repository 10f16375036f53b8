"""What every scaling law is: inputs, parameters with priors, one expression."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayescale import anchoring, fitting, model
from bayescale.data import observations
from bayescale.errors import LawError
from bayescale.likelihood import Likelihood, LogNormal
from bayescale.parameters import checked_value, parameter_names, slots
from bayescale.prior import Fixed, Prior
from bayescale.sample import Sampling

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm

    from bayescale.fitting import Fit

#: The scale's prior where the floor is not a share of the curve.
REDUCIBLE_PRIOR = Prior("LogNormal", mu=math.log(0.5), sigma=1.5, on="relative_scale")
#: The scale's prior by default: the curve's level at the data's centre.
LEVEL_PRIOR = Prior("LogNormal", mu=0.0, sigma=0.5, on="level")
#: The floor's prior by default: any share of the loss at the largest input is as likely.
FLOOR_PRIOR = Prior("Uniform", lower=0.0, upper=1.0, on="floor_share")

#: Quantities that may carry a prior instead of a parameter, in words: (unit, meaning).
QUANTITIES: dict[str, tuple[str, str]] = {
    "floor_share": ("no unit", "irreducible loss over the loss at the largest input"),
    "level": (
        "reference outcomes",
        "loss at the reference input (the geometric mean of the inputs) over the reference "
        "outcome (the geometric mean of the outcomes)",
    ),
    "relative_scale": ("reference outcomes", "scale over the reference outcome"),
    "x0": ("units of x", "the literature's constant: where the first power law equals 1"),
}

_UNITS = {
    "irreducible": "units of y",
    "scale": "units of y",
    "break_location": "units of x",
}


class Law:
    """A scaling law: an instance is a form with its priors, or with numbers it is fixed at.

    Subclasses are made by ``@law``; they declare their parameters as fields and the formula as
    ``expr``. Everything else has defaults that suit a law of one input with an additive floor.
    """

    inputs: ClassVar[tuple[str, ...]] = ("x",)
    #: Values for plots and tests, in reference units.
    example: ClassVar[dict[str, Any]] = {}
    #: The formula as people read it, for tables.
    formula: ClassVar[str] = ""
    #: Which other quantities may carry a parameter's prior.
    carriers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "irreducible": anchoring.FLOOR,
        "scale": anchoring.LEVEL,
    }
    #: Bounds of parameters and quantities.
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "irreducible": (0.0, math.inf),
        "floor_share": (0.0, 1.0),
        "scale": (0.0, math.inf),
        "level": (0.0, math.inf),
        "relative_scale": (0.0, math.inf),
        "x0": (0.0, math.inf),
        "exponent": (0.0, math.inf),
    }
    #: Parameters in the units of an input; they are scaled as that input is.
    input_units: ClassVar[Mapping[str, str]] = {}
    #: Units and meanings of quantities of this form, beside :data:`QUANTITIES`.
    quantities: ClassVar[Mapping[str, tuple[str, str]]] = {}
    #: Whether floor and level can be integrated out (GEOMETRY of broken laws).
    collapsible: ClassVar[bool] = False
    #: The sampler's target acceptance that this form needs.
    target_accept: ClassVar[float] = 0.9

    def __post_init__(self, x0: Prior | float | None = None) -> None:
        """Check every field; turn numbers into floats and ``x0=`` into a prior of the scale."""
        if x0 is not None:
            # Only forms with a field `scale` take x0=; the decorator refuses it elsewhere.
            if self.scale != LEVEL_PRIOR:  # type: ignore[attr-defined]
                raise LawError(
                    f"{type(self).__name__} got both scale= and x0=, which are the same parameter "
                    "in two units. Give one of them."
                )
            on_x0 = (
                x0.placed_on("x0") if isinstance(x0, Prior) else Fixed(checked_x0(self, x0), "x0")
            )
            object.__setattr__(self, "scale", on_x0)
        for name in parameter_names(self):
            object.__setattr__(self, name, checked_value(self, name, getattr(self, name)))
        self._settle_level()

    def _settle_level(self) -> None:
        """The level stands on the floor's share; without it the scale has a prior of its own."""
        floor = getattr(self, "irreducible", None)
        scale = getattr(self, "scale", None)
        on_level = isinstance(scale, Prior) and scale.on == "level"
        if floor is None or not on_level:
            return
        if isinstance(floor, Prior) and floor.on == "floor_share":
            return
        if scale != LEVEL_PRIOR:
            raise LawError(
                "A prior of scale on 'level' needs the floor's prior on 'floor_share'; here "
                f"irreducible={floor!r}. Put the prior on the scale itself, or leave out one."
            )
        object.__setattr__(self, "scale", REDUCIBLE_PRIOR)

    # What a form says of itself -------------------------------------------------------------

    @staticmethod
    def expr(*args: Any, **kwargs: Any) -> Any:
        """Return the outcome; every form writes its own."""
        raise NotImplementedError

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many components a parameter has, for those that have more than one."""
        return {}

    @property
    def only_falls(self) -> bool:
        """Whether the curve can do nothing but fall."""
        return True

    @property
    def bends(self) -> str:
        """What makes the curve bend on log axes, for a warning; empty for a straight line."""
        return "" if getattr(self, "irreducible", 0.0) == 0.0 else "A floor"

    @property
    def rows_needed(self) -> int:
        """How many different inputs the law needs."""
        return 1 + sum(slot.prior is not None for slot in slots(self))

    def shape(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters other than irreducible and scale from their quantities."""
        rest = [n for n in parameter_names(self) if n not in ("irreducible", "scale")]
        return {name: values[name] for name in rest}

    def log_bend(self, shape: Mapping[str, Any], references: Mapping[str, Any]) -> Any:
        """Return the log of reducible loss over first power law, at the reference input."""
        return 0.0

    # What follows from it -------------------------------------------------------------------

    def natural(self, values: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter, in the user's units, from the quantities that carry priors."""
        shape = self.shape(values, references)
        floor, scale = anchoring.floor_and_scale(self, values, shape, references)
        return {"irreducible": floor, "scale": scale, **shape}

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
            plain[name] = tuple(part / references[f"{role}_ref"] for part in plain[name])
        return type(self).expr(**scaled, **plain)

    def constants(
        self, parameters: Mapping[str, Any], references: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the literature's constants, in the user's units, from the parameters."""
        shape = {n: v for n, v in parameters.items() if n not in ("irreducible", "scale")}
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            x0 = anchoring.x0_of_log_scale(self, np.log(parameters["scale"]), shape, references)
        return {"irreducible": parameters["irreducible"], "x0": x0, **shape}

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
        import pandas as pd

        words = {**QUANTITIES, **self.quantities}
        rows = []
        for slot in slots(self):
            unit, meaning = words.get(slot.quantity, (_UNITS.get(slot.field, "no unit"), ""))
            if slot.prior is None:
                low = high = slot.value
                prior = f"fixed at {slot.value}"
            else:
                low, high = (float(q) for q in slot.prior.frozen().ppf([0.025, 0.975]))
                prior = slot.prior.describe()
            rows.append((slot.field, slot.quantity, prior, low, high, unit, meaning))
        columns = ["parameter", "on", "prior", "low", "high", "unit", "meaning"]
        return pd.DataFrame(rows, columns=columns).set_index("parameter")

    def __str__(self) -> str:
        """Return the formula and the priors in effect, in words and units."""
        lines = [f"{self.signature_name()}:  {self.formula}"]
        row: Any
        for name, row in self.priors().iterrows():
            on = "" if row["on"] == name else f" through {row['on']}"
            interval = (
                ""
                if row["prior"].startswith("fixed")
                else (f"; central 95 % {row['low']:.3g} to {row['high']:.3g}")
            )
            meaning = f"; {row['meaning']}" if row["meaning"] else ""
            lines.append(f"  {name}{on} ~ {row['prior']} [{row['unit']}{interval}{meaning}]")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title, formula = html.escape(self.signature_name()), html.escape(self.formula)
        table = self.priors().to_html(float_format=lambda value: f"{value:.3g}")
        return f"<h4>{title}</h4><p><i>{formula}</i></p>{table}"

    # Sugar ----------------------------------------------------------------------------------

    def model(
        self,
        runs: pd.DataFrame,
        *,
        y: str,
        likelihood: Likelihood | None = None,
        ceiling: float | None = None,
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
            How runs scatter; log-normal by default.
        ceiling
            What a rising metric cannot exceed; ``ceiling - y`` is modelled.
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
        likelihood = likelihood or LogNormal()
        checked = observations(self, likelihood, runs, y, inputs, ceiling)
        return model.plain(self, likelihood, checked)

    def fit(
        self,
        runs: pd.DataFrame,
        *,
        y: str,
        likelihood: Likelihood | None = None,
        ceiling: float | None = None,
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
            How runs scatter; :class:`~bayescale.LogNormal` by default.
        ceiling
            What a rising metric cannot exceed (1.0 for an accuracy): ``ceiling - y`` is
            modelled, and y is reported.
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
        likelihood = likelihood or LogNormal()
        checked = observations(self, likelihood, runs, y, inputs, ceiling)
        settings = Sampling(
            draws, tune, chains, cores, target_accept or self.target_accept, seed, sampler, retry
        )
        return fitting.fit(self, likelihood, checked, settings, progress)

    def simulate(
        self,
        *,
        noise: float = 0.01,
        seed: int = 0,
        y: str = "y",
        parameters: Mapping[str, Any] | None = None,
        **inputs: Sequence[float],
    ) -> pd.DataFrame:
        """Return runs that follow the law, with noise in proportion to the loss.

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
            at x = 1); the form's example by default.
        **inputs
            Values of each input.

        Returns
        -------
        pandas.DataFrame
            A column for each input, and the outcome.

        Raises
        ------
        LawError
            If a parameter or an input is missing or unknown.

        Examples
        --------
        >>> import bayescale as bs
        >>> bs.PowerLaw().simulate(x=[1.0, 10.0], noise=0.0)["y"].round(3).tolist()
        [2.9, 2.301]
        """
        import pandas as pd

        values = dict(self.example if parameters is None else parameters)
        for got, wanted in ((values, parameter_names(self)), (inputs, list(self.inputs))):
            if set(got) != set(wanted):
                raise LawError(
                    f"{type(self).__name__} takes {', '.join(wanted)}; got {', '.join(got)}."
                )
        arrays = {role: np.asarray(column, float) for role, column in inputs.items()}
        curve = type(self).expr(**arrays, **values)
        scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(np.shape(curve)))
        return pd.DataFrame({**arrays, y: curve * scatter})


def checked_x0(spec: Law, x0: Any) -> float:
    """Return a fixed x0 as a positive float."""
    value = checked_value(spec, "scale", x0)
    assert isinstance(value, float)
    return value


def option(*, default: Any) -> Any:
    """Return a field that is an option of the form and not a parameter."""
    return field(default=default, metadata={"option": True})
