"""Before any training: what runs of a design would be able to tell, by simulating and fitting."""

from __future__ import annotations

import html
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import batch
from bayescale.arguments import check_arguments
from bayescale.errors import BayescaleWarning, LawError, nearest
from bayescale.experiments.designs import Design, designs_of
from bayescale.experiments.telling import by_design, per_study
from bayescale.forecasts import check_probability
from bayescale.given import one_number, short
from bayescale.labelling import named
from bayescale.likelihoods import Likelihood, LogNormal
from bayescale.parameters import options, parameter_names, slots
from bayescale.posterior import evaluate
from bayescale.simulating import scattered

if TYPE_CHECKING:
    import os

    import pandas as pd

    from bayescale.fit_table import FitTable

#: How near an exponent is to be found, unless it is said.
NEAR = 0.02
#: The outcome's column of simulated runs.
_Y = "y"


@dataclass(frozen=True, eq=False)
class PowerStudy:
    """What runs of each design would tell.

    Parameters
    ----------
    table
        A row for each design: what describes it, ``runs``; ``fitted``, how many studies have a fit,
        and ``good``, the share whose diagnostics do not fall short; with a rival law ``told``, the
        share of studies that tell the law from it (elpd of leave-one-out ahead by 4 and by two
        standard errors), with ``told_lower`` and ``told_upper`` (90 % interval of that share), and
        ``misled``, the share that favours the rival as clearly; and for every quantity
        ``<name>_width`` (median width of the interval), ``<name>_coverage`` (share of intervals
        that hold the truth), ``<name>_error`` (median distance of median and truth) and
        ``<name>_within`` (share of studies whose interval reaches no further than what was asked
        for to either side).
    studies
        A row for each design, study and quantity: ``truth``, ``median``, ``lower``, ``upper``,
        ``width``, ``inside``.
    fits
        All fits, as :func:`bayescale.fit_many` returns them.
    law, against
        Names of the law that is true, and of its rival, or None.
    within
        Quantity to how near it is to be found.
    prob
        Probability of the equal-tailed intervals.
    count
        Studies of each design.
    """

    table: pd.DataFrame
    studies: pd.DataFrame
    fits: FitTable
    law: str
    against: str | None
    within: dict[str, float]
    prob: float
    count: int

    def __repr__(self) -> str:
        """Return the table of designs."""
        shown = self.table.to_string(float_format=lambda v: f"{v:.3g}")
        return "\n".join([self._title(), shown, *self._notes()])

    def _repr_html_(self) -> str:
        shown = self.table.to_html(float_format=lambda v: f"{v:.3g}")
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return f"<p>{html.escape(self._title())}</p>{shown}{notes}"

    def _title(self) -> str:
        rival = "" if self.against is None else f", told from {self.against}"
        return (
            f"Power study of {self.law}{rival}: {self.count} simulated studies of each design, "
            f"{100 * self.prob:g} % equal-tailed intervals"
        )

    def _notes(self) -> list[str]:
        least = 100 * math.sqrt(0.25 / self.count)
        words = [f"A share of {self.count} studies is good to ±{least:.0f} points (one sd)."]
        if self.within:
            asked = ", ".join(f"{name} ±{near:g}" for name, near in self.within.items())
            words.append(f"<name>_within: the interval reaches no further than {asked}.")
        return words


def power_study(
    law: Any,
    design: Any,
    *,
    truth: Any = None,
    against: Any = None,
    noise: float | Likelihood = 0.02,
    of: Sequence[str] | None = None,
    within: Mapping[str, float] | None = None,
    studies: int = 40,
    likelihood: Likelihood | None = None,
    prob: float = 0.9,
    draws: int = 500,
    tune: int = 200,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    executor: Any = None,
    chunk: int = 10,
    progress: bool | None = None,
) -> PowerStudy:
    r"""Say before any training what runs of a design would be able to tell.

    Runs of every design are simulated many times, fitted as real ones would be, and counted: how
    often the law is told from a rival, how wide the interval of an exponent or of the floor is, and
    how often it holds the truth. Truths are the same for all designs. They are drawn from the law's
    priors, which answers for curves of all kinds, or are one law of numbers, which answers for a
    curve like yours. The rule by which laws are told apart is that of :func:`bayescale.verdict`
    inside the data, by leave-one-out that is not repaired where weights have long tails. (How many
    standard deviations of the noise a known break would bend the curve is
    :func:`bayescale.break_detectability`, without any simulation.)

    Parameters
    ----------
    law
        The law that is true and fitted, with its priors.
    design
        Of a law of one input: lists of ``sizes`` (how many) and ``decades`` (over how many), of
        which all combinations are meant, and if wanted of ``smallest`` or ``largest`` (by default
        the smallest is 1), ``replicates`` and ``noise``; or a table with these columns. Sizes are
        evenly spread on the log axis. Of any law: name to a table of inputs.
    truth
        A law of numbers, ``bs.PowerLaw(irreducible=1.7, scale=3.0, exponent=0.3)``, or those
        numbers as a dict; drawn from the priors by default, in reference to the widest design and
        an outcome of 1.
    against
        A rival law that is fitted too, to see how often it is told from the true one.
    noise
        How runs scatter: the standard deviation of log y, or a likelihood with numbers; the
        design's own where it has any.
    of
        Parameters to report; by default the floor and everything that is an exponent. (The scale
        is that at the runs' reference input, and has no truth that designs share.)
    within
        Quantity to how near it is to be found: ``{"exponent": 0.02}``, which is the default of
        every exponent reported.
    studies
        How many are simulated of each design.
    likelihood
        How runs are taken to scatter when they are fitted; by default what suits the laws.
    prob
        Probability of the equal-tailed intervals.
    draws, tune
        As for :func:`bayescale.fit_many`.
    seed
        Same seed, same study.
    folder, workers, executor, chunk
        Where results are kept and who fits, as for :func:`bayescale.fit_many`: the same call with
        the same folder goes on where a stopped one was.
    progress
        Whether to show what is under way.

    Returns
    -------
    PowerStudy
        A table over designs, every study, and all fits.

    Raises
    ------
    LawError
        If the law has no prior, the truth lacks a number, the rival has other inputs, a quantity
        is no parameter, or the design does not suit the law.
    DataError
        If a number of the design is out of range.

    References
    ----------
    Gelman and Carlin (2014), "Beyond power calculations"; Caballero et al. (2023),
    arXiv:2210.14891, on how late breaks show.

    Examples
    --------
    >>> import bayescale as bs
    >>> truth = bs.PowerLaw(irreducible=1.0, scale=2.0, exponent=0.3)
    >>> study = bs.power_study(
    ...     bs.PowerLaw(), {"sizes": [6, 12], "decades": 3}, truth=truth, noise=0.01, studies=3,
    ...     progress=False,
    ... )
    >>> study.table["runs"].tolist()
    [6, 12]
    >>> bool(study.table["exponent_width"].diff().iloc[1] < 0)
    True
    """
    check_arguments(power_study, locals())
    laws = _laws(law, against)
    check_probability(prob)
    if isinstance(studies, bool) or not isinstance(studies, int) or studies < 1:
        raise LawError(f"studies= must be a whole number of at least 1; got {short(studies)}.")
    table, made = designs_of(design, tuple(law.inputs), noise)
    scatter = [_noise(each.noise) for each in made]
    truths = _truths(law, truth, made, studies, seed)
    names = _quantities(law, of, truths[0][1])
    near = _near(names, within)
    runs = _simulated(table, made, scatter, truths, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayescaleWarning)  # the table says how many were good
        fits = batch.fit_many(
            laws, runs, by=["design", "study"], y=_Y, likelihood=likelihood, prob=prob,
            draws=draws, tune=tune, seed=seed, folder=folder, workers=workers, executor=executor,
            chunk=chunk, progress=progress, **{role: role for role in law.inputs},
        )  # fmt: skip
    first, *rivals = laws
    found = per_study(fits, first, names, [numbers for _, numbers, _ in truths], bool(rivals))
    summed = by_design(table, fits, found, first, rivals, near)
    return PowerStudy(
        summed, found, fits, first, rivals[0] if rivals else None, near, prob, studies
    )


# What was asked -----------------------------------------------------------------------------------


def _laws(law: Any, against: Any) -> dict[str, Any]:
    """Return law and rival by name."""
    laws = batch.labelled([law] if against is None else [law, against])
    if against is not None and set(law.inputs) != set(against.inputs):
        raise LawError(
            f"Both laws need the same inputs: law= has {', '.join(law.inputs)}, against= has "
            f"{', '.join(against.inputs)}."
        )
    for each in laws.values():
        if all(slot.prior is None for slot in slots(each)):
            raise LawError(
                f"{each.signature_name()} has no prior left, so there is nothing to fit. Give "
                "law=bs.PowerLaw() and its numbers as truth=."
            )
    return laws


def _noise(noise: Any) -> Any:
    """Return how runs scatter, with numbers."""
    if hasattr(noise, "log_density") and hasattr(noise, "draw"):
        return noise
    number = one_number(noise)
    if number is None or not 0 < number <= _NOISIEST:
        raise LawError(
            f"noise= must be a positive number up to {_NOISIEST:g}, the standard deviation of log "
            "y (0.02: 2 % of the loss), or a likelihood with numbers, bs.StudentT(sigma=0.02, "
            f"nu=4.0); got {short(noise)}."
        )
    return LogNormal(sigma=number, sigma_min=0.0)


#: The largest standard deviation of log y: beyond it nothing is left of a law.
_NOISIEST = 100.0

Truth = tuple[Any, dict[str, Any], Mapping[str, float]]


def _truths(law: Any, truth: Any, made: list[Design], studies: int, seed: int) -> list[Truth]:
    """Return law, numbers and references of every study's truth."""
    if truth is None:
        references = _frame(law, made)
        drawn = law.prior_draws(references, studies, seed=seed)
        return [(law, _picked(drawn, i), references) for i in range(studies)]
    if isinstance(truth, Mapping) and all(isinstance(name, str) for name in truth):
        truth = type(law)(**{**options(law), **truth})
    if not hasattr(truth, "evaluate") or isinstance(truth, type | Mapping):
        raise LawError(
            "truth= takes a law of numbers, bs.PowerLaw(irreducible=1.7, scale=3.0, exponent=0.3), "
            f"those numbers as a dict, or None to draw it from the priors; got {short(truth)}."
        )
    if set(truth.inputs) != set(law.inputs):
        raise LawError(
            f"truth= has the inputs {', '.join(truth.inputs)}, law= {', '.join(law.inputs)}."
        )
    references: dict[str, float] = {f"{role}_ref": 1.0 for role in law.inputs}
    return [(truth, truth.numbers, references)] * studies


def _frame(law: Any, made: list[Design]) -> dict[str, float]:
    """Return references that all designs share: those of the widest range, and an outcome of 1."""
    found = {"y_ref": 1.0, "y_drop": 0.6, "y_top": 2.0}
    for role in law.inputs:
        values = np.concatenate([each.inputs[role] for each in made])
        low, high = float(values.min()), float(values.max())
        found |= {f"{role}_ref": math.sqrt(low * high), f"{role}_start": low, f"{role}_end": high}
    first = law.inputs[0]
    return found | {"span": max(math.log(found[f"{first}_end"] / found[f"{first}_start"]), 1e-3)}


def _picked(drawn: Mapping[str, Any], number: int) -> dict[str, Any]:
    def one(value: Any) -> Any:
        return tuple(map(one, value)) if isinstance(value, tuple) else float(value[number])

    return {name: one(value) for name, value in drawn.items()}


def _quantities(law: Any, of: Sequence[str] | None, numbers: Mapping[str, Any]) -> list[str]:
    """Return the parameters to report, components by number.

    A term, such as the scale, is one at the reference input of its runs: no two designs share it.
    """
    free = {slot.field for slot in slots(law) if slot.prior is not None} - set(law.terms)
    wide = {
        name: tuple(np.zeros(slot.size)) if (slot := _slot(law, name)).size else np.zeros(())
        for name in parameter_names(law)
        if name in free
    }
    known = list(named(wide))
    if of is None:
        return [n for n in known if n == "irreducible" or "exponent" in n]
    listed = [of] if isinstance(of, str) else list(of)
    for name in listed:
        if name not in known:
            raise LawError(
                f"of= takes parameters of {law.signature_name()} that are not held at a number "
                "and do not depend on where the runs are, as the scale does: "
                f"{', '.join(known)}; got {short(name)}.{nearest(str(name), known)}"
            )
    return listed


def _slot(law: Any, name: str) -> Any:
    return next(slot for slot in slots(law) if slot.field == name)


def _near(names: list[str], within: Mapping[str, float] | None) -> dict[str, float]:
    if within is None:
        return {name: NEAR for name in names if "exponent" in name}
    if not isinstance(within, Mapping):
        raise LawError(f"within= must be a dict such as {{'exponent': 0.02}}; got {short(within)}.")
    for name, value in within.items():
        if name not in names:
            raise LawError(
                f"within= asks for {name!r}, which is not reported: {', '.join(names)} are "
                f"(of=).{nearest(name, names)}"
            )
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not 0 < value < math.inf:
            raise LawError(f"within= takes positive numbers; got {name}: {value!r}.")
    return {name: float(value) for name, value in within.items()}


# Simulated runs -----------------------------------------------------------------------------------


def _simulated(
    table: pd.DataFrame, made: list[Design], scatter: list[Any], truths: list[Truth], seed: int
) -> pd.DataFrame:
    """Return the runs of all studies of all designs."""
    import pandas as pd

    parts = []
    for number, (name, design, noise) in enumerate(zip(table.index, made, scatter, strict=True)):
        for study, (law, numbers, references) in enumerate(truths):
            curve_at = partial(evaluate, law, numbers, references=references)
            own = int(np.random.SeedSequence([seed, number, study]).generate_state(1)[0])
            drawn = scattered(noise, curve_at, design.inputs, own)
            rows = pd.DataFrame({**design.inputs, _Y: drawn})
            parts.append(rows.assign(design=name, study=study))
    return pd.concat(parts, ignore_index=True)
