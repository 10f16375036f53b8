"""Which run to train next: what each one is expected to tell, for what it costs."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.arguments import check_arguments
from bayescale.drift import DRIFT, checked_drift
from bayescale.errors import LawError, nearest
from bayescale.experiments import gains
from bayescale.experiments.budgeting import LEAST, Step, planned
from bayescale.experiments.candidates import candidates_of, check_budget, costs_of
from bayescale.experiments.gains import INFORMATION, VARIANCE, weighing
from bayescale.experiments.goals import FORM, Goal, goal_of
from bayescale.experiments.particles import particles_of, spread_evenly
from bayescale.experiments.reasons import rows_of, spread
from bayescale.experiments.refits import refitted_gains
from bayescale.given import short
from bayescale.groups import check_single
from bayescale.progress import task
from bayescale.workers import check

if TYPE_CHECKING:
    import pandas as pd

    from bayescale.fitting import Fit

METHODS = ("weights", "regression", "refit")
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class NextRuns:
    """What runs that could be made are expected to tell, and which of them to make.

    Parameters
    ----------
    table
        A row for each candidate, the most value for its cost first, indexed by its number in the
        candidates: their columns, ``cost``, ``value`` with its Monte Carlo standard error ``se``,
        ``value_per_cost``; ``sd_after`` (expected standard deviation of the goal afterwards; where
        variance is measured); ``correlation`` (of the curve there with the goal), ``noise`` (share
        of the spread of the outcome there that is noise), ``extrapolation`` (input over the
        largest seen), ``how`` the value was found, ``pareto_k`` and ``ess`` of the weights, and
        ``why`` in words.
    batch
        The runs that are worth making within the budget, in the order in which to make them:
        the candidates' columns, ``cost``, ``spent`` so far, ``value`` of all so far, and ``gain``,
        what the run adds. Empty without a budget.
    goal
        What is to be known better, in words.
    measure
        ``"variance"`` or ``"information"``.
    unit
        Of ``value``.
    sd
        Standard deviation of the goal as it is, a number for each of its parts; None of the form.
    scale
        What that is of.
    budget
        What may be spent, or None.
    cost_unit
        In words.
    inputs
        The columns of the inputs.
    drift
        How far exponents may drift beyond the data.
    """

    table: pd.DataFrame
    batch: pd.DataFrame
    goal: str
    measure: str
    unit: str
    sd: np.ndarray | None
    scale: str
    budget: float | None
    cost_unit: str
    inputs: tuple[str, ...]
    drift: float

    @property
    def best(self) -> pd.Series:
        """The candidate with the most value for its cost."""
        return self.table.iloc[0]

    def __repr__(self) -> str:
        """Return the plan, or the best candidates."""
        return "\n".join([self.title, self.shown.to_string(**_FORMAT), *self.notes])

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<p>{html.escape(self.title)}</p>{self.shown.to_html(**_FORMAT)}{notes}"

    @property
    def title(self) -> str:
        """What was asked, in words."""
        sd = "" if self.sd is None else f", now ±{float(self.sd.mean()):.3g} (sd of {self.scale})"
        return f"Next runs, to know {self.goal}{sd}; value is {self.unit}, cost in {self.cost_unit}"

    @property
    def shown(self) -> pd.DataFrame:
        """The runs to make, or the candidates that tell most for their cost."""
        if len(self.batch):
            return self.batch
        columns = [*self.inputs, "cost", "value", "se", "sd_after", "extrapolation", "why"]
        table: Any = self.table
        return table[[c for c in columns if c in table]].head(_SHOWN)

    @property
    def notes(self) -> list[str]:
        """What to keep in mind, a sentence each."""
        words = []
        if self.budget is not None:
            spent = float(self.batch["cost"].to_numpy(float).sum())
            words.append(
                f"{len(self.batch)} of {len(self.table)} candidates for {spent:.4g} of "
                f"{self.budget:.4g} ({self.cost_unit})."
                if len(self.batch)
                else f"No candidate within {self.budget:.4g} tells more than {LEAST:g}: none is "
                "planned."
            )
        elif len(self.table) > _SHOWN:
            words.append(f"The {_SHOWN} of {len(self.table)} that tell most for their cost.")
        doubtful = self.table["how"].tolist().count("regression")
        if doubtful:
            words.append(
                f"{doubtful} values are by regression: single outcomes left too few draws to weigh."
            )
        return words


_FORMAT: dict[str, Any] = {"float_format": lambda value: f"{value:.4g}"}


def next_runs(
    source: Any,
    candidates: Any,
    *,
    goal: Any,
    cost: Any = None,
    budget: float | None = None,
    most: int | None = None,
    measure: str = VARIANCE,
    drift: float = DRIFT,
    method: str | None = None,
    draws: int = 2000,
    outcomes: int = 128,
    refits: int = 8,
    seed: int = 0,
    workers: int | None = None,
    executor: Any = None,
    progress: bool | None = None,
) -> NextRuns:
    r"""Say which runs to train next: what each is expected to tell of a goal, for its cost.

    The value of a run is how much of the goal's variance its outcome y is expected to take away,

    .. math:: V = 1 - \frac{E_y \mathrm{Var}(g \mid y)}{\mathrm{Var}(g)},

    g within its central 95 % interval (what lies outside counts as lying at its ends, so that the
    few draws that leave their course altogether do not decide);
    or, with ``measure="information"``, the expected information :math:`I(g; y)` in nats. The
    outcome is one new run, noise from run to run included. Candidates beyond the data and the
    forecast are seen through one drift, draw by draw: a run nearer to the target tells what the
    exponents do on the way there, which no run within the data can. Of several runs the value is
    that of all outcomes together, so that a second run at one place is worth less than the first.

    Within a budget runs are chosen greedily: by value for cost, by value alone, and by value for
    cost after the run of most value; the best of these plans is kept (Krause and Guestrin 2005, "A
    note on the budgeted maximization of submodular functions"; Sviridenko 2004). Make the first
    run, fit again, and ask again, with ``most=`` where no more than so many can be made.

    Parameters
    ----------
    source
        A fit, or an ensemble of fits. Of a fit with groups ask one: ``fit.at(family="A")``.
    candidates
        A table with one possible run a row, and a column for each input by its role or its name
        in the runs; shape (candidate, column).
    goal
        ``{"x": 1e10}``: the curve at a target (or several: the mean over them), on the log scale
        where noise is in proportion; ``"exponent"``: a parameter, or a quantity such as
        ``"floor_share"``; ``"form"``: which law of an ensemble is true; or a function from a fit
        to draws of shape (chain, draw), such as
        ``lambda fit: bs.elasticity(fit, x=1e10)``; of an ensemble it is asked of every member.
    cost
        What a run costs: a column of the candidates, a function of the inputs by role
        (``lambda params, tokens: ...``), or a number. By default :math:`6 N D` FLOPs of a law of
        params and tokens, the compute itself of a law of compute, else 1: a budget is then a
        number of runs.
    budget
        What may be spent, in the units of the cost. None: every candidate is valued, none chosen.
    most
        At most so many runs are chosen.
    measure
        ``"variance"`` or ``"information"``; the form's value is always information.
    drift
        How far exponents drift beyond the data, as in a forecast; 0 for the law as it stands.
    method
        ``"weights"``: draws are weighed by each simulated outcome (Pareto-smoothed).
        ``"regression"``: the goal is regressed on outcomes. ``"refit"``: the law is fitted again
        with ``refits`` outcomes of every candidate, which is sure and slow, and has no batch. By
        default weights, and a regression where they leave too few draws.
    draws
        Posterior draws that are weighed.
    outcomes
        Simulated outcomes of each candidate.
    refits
        Fits of each candidate, for ``method="refit"``.
    seed
        Same seed, same numbers.
    workers, executor
        Who fits again, as for :func:`bayescale.fit_many`.
    progress
        Whether to show what is under way.

    Returns
    -------
    NextRuns
        Candidates with value, cost and reasons, and the runs to make within the budget.

    Raises
    ------
    DataError
        If candidates lack an input, or an input or a cost is not a positive finite number.
    LawError
        If there is no such goal, the budget pays for no candidate, the fit has groups and none was
        chosen, or an option is out of range.
    UnknownNameError
        If the goal names no parameter.

    References
    ----------
    Lindley (1956), "On a measure of the information provided by an experiment". Chaloner and
    Verdinelli (1995), "Bayesian experimental design: a review". Weights: Vehtari et al. (2024),
    arXiv:1507.02646.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> candidates = {"x": [5.0, 300.0, 1000.0, 3000.0]}
    >>> plan = bs.next_runs(fit, candidates, goal={"x": 1e4}, cost=lambda x: x**0.1)
    >>> float(plan.best["x"]), bool(plan.table["value"].max() > 0.3)
    (3000.0, True)
    """
    check_arguments(next_runs, locals())
    fits, shares = _fits_of(source)
    drift = checked_drift(drift)
    first = next(iter(fits.values()))
    name = first.name if len(fits) == 1 else "The ensemble"
    table, at = candidates_of(candidates, first.runs.columns, name)
    costs, unit = costs_of(cost, table, at)
    budget = check_budget(budget, costs, unit)
    wanted = goal_of(goal, fits, shares, drift)
    _check(measure, method, wanted, fits, budget, most)
    for option, value, least in (("draws", draws, 100), ("outcomes", outcomes, 8)):
        _check_whole(option, value, least)
    _check_whole("refits", refits, 1)
    check(executor, workers)
    measure = INFORMATION if wanted.asked is None else measure
    particles = particles_of(fits, shares, at, wanted, drift, draws)
    state = weighing(particles, measure, outcomes, seed)
    with task("Valuing runs", total=len(table), progress=progress) as bar:
        if method == "refit":
            new = state.outcomes[spread_evenly(particles.log_weights, 4000, [seed, 47])]
            found = refitted_gains(
                first, wanted, measure, table, new, refits, workers, executor,
                lambda count: bar.update(advance=count / refits),
            )  # fmt: skip
        else:
            found = []
            for candidate in range(len(table)):
                found.append(gains.gain(state, candidate, method))
                bar.update(advance=1)
        plan = [] if budget is None else planned(state, costs, found, budget, most, method)
    rows = rows_of(state, table, costs, found, wanted, first)
    sd = None if wanted.asked is None else spread(particles)
    return NextRuns(
        rows, _batch(table, costs, plan), wanted.words, measure, _unit(measure),
        sd, wanted.scale, budget, unit, tuple(first.runs.columns.values()), drift,
    )  # fmt: skip


def _unit(measure: str) -> str:
    if measure == INFORMATION:
        return "expected information in nats"
    return "the share of the variance that is expected to go"


def _fits_of(source: Any) -> tuple[dict[str, Fit], np.ndarray]:
    """Return fits by name and their probabilities."""
    if hasattr(source, "fits") and hasattr(source, "shares"):
        return dict(source.fits), np.asarray(source.shares, float)
    if hasattr(source, "source") and hasattr(source, "observation"):  # what bs.forecast returns
        return _fits_of(source.source)
    if not (hasattr(source, "drifted_draws") and hasattr(source, "runs")):
        raise LawError(
            "next_runs() takes a fit (law.fit(...)) or an ensemble of fits (bs.ensemble([...])); "
            f"got {type(source).__name__}."
        )
    check_single(source.runs.groups, "next_runs()")
    return {source.name: source}, np.ones(1)


def _check(
    measure: Any, method: Any, goal: Goal, fits: Mapping[str, Fit], budget: Any, most: Any
) -> None:
    for option, given, known in (
        ("measure", measure, (VARIANCE, INFORMATION)),
        ("method", method, (None, *METHODS)),
    ):
        if given not in known:
            listed = ", ".join(repr(word) for word in known)
            hint = nearest(str(given), [word for word in known if word])
            raise LawError(f"{option}= must be one of {listed}; got {short(given)}.{hint}")
    if most is not None:
        _check_whole("most", most, 1)
    if method != "refit":
        return
    if len(fits) > 1 or goal.asked is None:
        raise LawError(
            f"method='refit' fits one law again, for a goal other than {FORM!r}. Of an ensemble "
            "the weights of its draws tell the same: leave out method=."
        )
    if budget is not None:
        raise LawError(
            "method='refit' values single candidates and plans no batch: leave out budget=, or "
            "leave out method=."
        )


def _check_whole(option: str, value: Any, least: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise LawError(f"{option}= must be a whole number of at least {least}; got {short(value)}.")


def _batch(table: pd.DataFrame, costs: np.ndarray, plan: list[Step]) -> pd.DataFrame:
    numbers = [step.candidate for step in plan]
    rows = table.iloc[numbers].assign(
        cost=costs[numbers],
        spent=np.cumsum(costs[numbers]),
        value=[step.value for step in plan],
        gain=[step.gain for step in plan],
    )
    return rows.rename_axis("candidate")
