"""``check_law()`` and ``check_likelihood()``: all checks that apply, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from bayescale.arguments import check_arguments
from bayescale.checking import (
    of_densities,
    of_fits,
    of_formulas,
    of_likelihoods,
    of_priors,
    of_words,
)
from bayescale.checking.running import Check, Outcome, checked_choice, report, tried
from bayescale.checking.subject import Subject
from bayescale.data import observations
from bayescale.errors import BayescaleError, CheckError
from bayescale.given import short
from bayescale.laws import Law
from bayescale.likelihoods import Likelihood
from bayescale.parameters import ungrouped
from bayescale.registry import find_law

if TYPE_CHECKING:
    import pandas as pd

#: Of what is sampled, whichever of the two it belongs to.
_OF_DENSITIES: tuple[Check, ...] = (
    of_densities.coordinates_invert,
    of_densities.jacobian_is_right,
    of_densities.density_is_the_plain_model,
    of_densities.density_in_numpy_is_the_same,
    of_densities.gradient_is_the_slope,
    of_densities.gradient_is_finite_at_the_start,
)

#: Of a law, in the order in which they are tried: what others stand on comes first.
OF_LAWS: tuple[Check, ...] = (
    of_formulas.formula_follows_its_names,
    of_words.names_are_free,
    of_words.example_is_legal,
    of_words.declarations_agree,
    of_words.says_what_it_is,
    of_formulas.formula_is_finite,
    of_formulas.formula_leaves_inputs_alone,
    of_formulas.formula_holds_for_draws,
    of_formulas.formula_on_labelled_arrays,
    of_formulas.formula_on_tensors,
    of_formulas.formula_has_its_slope,
    of_formulas.formula_bears_extremes,
    of_formulas.missing_stays_missing,
    of_formulas.everything_matters,
    of_formulas.parameters_can_be_told_apart,
    of_formulas.floor_and_scale_are_what_they_are_called,
    of_fits.simulated_runs_follow_it,
    of_fits.wrong_runs_are_refused,
    of_priors.priors_are_proper,
    of_priors.prior_draws_repeat,
    of_priors.parameters_keep_to_their_bounds,
    of_priors.prior_curves_are_sane,
    of_priors.units_do_not_matter,
    of_priors.curve_only_falls,
    of_priors.constants_come_back,
    *_OF_DENSITIES,
    of_fits.fits_forecast,
    of_fits.fits_survive_the_disk,
    of_fits.recovers_what_made_the_runs,
)

#: Of a likelihood.
OF_LIKELIHOODS: tuple[Check, ...] = (
    of_likelihoods.says_its_priors,
    of_priors.priors_are_proper,
    of_likelihoods.noise_is_pymcs,
    of_likelihoods.noise_draws_are_right,
    of_likelihoods.noise_adds_to_one,
    of_likelihoods.noise_draws_follow_the_density,
    of_likelihoods.rows_are_what_the_whole_is,
    *_OF_DENSITIES,
    of_fits.wrong_runs_are_refused,
    of_fits.fits_forecast,
    of_fits.fits_survive_the_disk,
)


def check_law(
    law: Law | type[Law] | str,
    *,
    likelihood: Likelihood | None = None,
    sample: bool = False,
    on_fail: str = "raise",
) -> pd.DataFrame:
    """Try a law, above all one of your own, as every law of the package is tried.

    Its formula is tried on arrays, draws and tensors, its gradient against differences, its priors
    by their draws and the curves that these lead to, the sampler's coordinates and their Jacobian,
    the sampled density against PyMC's own, and simulating, refusing wrong runs, forecasting, saving
    and loading. It takes seconds; nothing is compiled, and nothing sampled unless asked for.

    Parameters
    ----------
    law
        The law: its class with its default priors, its name, or an instance with priors of its
        own. What varies with groups is tried without them.
    likelihood
        How runs scatter; the law's default by default.
    sample
        Whether to fit runs of the law's example with NUTS too, and see that it is found again; it
        takes some seconds more.
    on_fail
        What to do when a check fails: ``"raise"`` an error that lists what failed and what to do,
        ``"warn"``, or only ``"record"`` it in the table.

    Returns
    -------
    pandas.DataFrame
        Index: the check. Columns: ``what`` it holds the law to, ``passed`` (True, False, or NA
        where it does not apply), and ``message`` (what is wrong and what to do).

    Raises
    ------
    CheckError
        If a check failed; if it is no law, or cannot be made with its own defaults.

    See Also
    --------
    check_likelihood : The same for how runs scatter.

    Examples
    --------
    >>> import bayescale as bs
    >>> table = bs.check_law(bs.PowerLaw)
    >>> bool(table["passed"].all())
    True
    >>> table.loc["formula_on_tensors", "what"]
    "The same formula serves PyTensor's tensors, from which NUTS gets its density"
    """
    check_arguments(check_law, locals(), but=("law",))
    checked_choice(on_fail)
    made = _made(law)
    noise = ungrouped(made.default_likelihood() if likelihood is None else likelihood)
    subject = Subject(ungrouped(made), noise, sample)
    return report(subject.name, outcomes(OF_LAWS, subject), on_fail)


def check_likelihood(
    likelihood: Likelihood,
    *,
    law: Law | type[Law] | str = "PowerLaw",
    runs: Any = None,
    y: str = "y",
    on_fail: str = "raise",
    **inputs: str,
) -> pd.DataFrame:
    """Try a likelihood, above all one of your own, as every likelihood of the package is tried.

    Its density is held to PyMC's, to an integral of one, and to its own draws; beside that the
    sampled density, its gradient, forecasts, and saving and loading.

    Parameters
    ----------
    likelihood
        The likelihood, with the columns that it reads.
    law
        The law about whose curve runs scatter.
    runs
        A table of runs with every column that the likelihood reads; by default one is made up:
        positive numbers, or labels of two rows each.
    y
        The outcome's column in ``runs``.
    on_fail
        As for :func:`check_law`.
    **inputs
        The column of each input in ``runs``: ``x="params"``.

    Returns
    -------
    pandas.DataFrame
        As of :func:`check_law`.

    Raises
    ------
    CheckError
        If a check failed, or it is no likelihood.
    DataError
        If ``runs`` cannot be used.

    Examples
    --------
    >>> import bayescale as bs
    >>> table = bs.check_likelihood(bs.StudentT())
    >>> bool(table["passed"].all())
    True
    """
    check_arguments(check_likelihood, locals(), but=("likelihood",))
    checked_choice(on_fail)
    if not isinstance(likelihood, Likelihood):
        raise CheckError(
            "check_likelihood takes a likelihood, such as bs.StudentT(); got "
            f"{_called(likelihood)}."
        )
    made, noise = ungrouped(_made(law)), ungrouped(likelihood)
    given = None if runs is None else observations(made, noise, runs, y, inputs)
    subject = Subject(made, noise, given=given)
    return report(noise.label, outcomes(OF_LIKELIHOODS, subject), on_fail)


def outcomes(checks: Sequence[Check], subject: Subject) -> list[Outcome]:
    """Run checks; those that stand on a formula are left out where the formula itself fails."""
    found: list[Outcome] = []
    for check in checks:
        broken = [o.check for o in found if o.passed is False and o.check in _FIRST]
        if broken and check.__name__ not in _FIRST:
            found.append(Outcome(check.__name__, "", None, f"Needs {broken[0]}, which fails."))
        else:
            found.append(tried(check, subject))
    return found


#: Checks without which others say nothing.
_FIRST = {check.__name__ for check in OF_LAWS[: 1 + OF_LAWS.index(of_formulas.formula_is_finite)]}


def _called(given: Any) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else short(given)


def _made(law: Any) -> Law:
    """Return a law of the class, the name, or the instance that was given."""
    if isinstance(law, str):
        law = find_law(law)
    if isinstance(law, Law):
        return law
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise CheckError(f"check_law takes a law, such as bs.PowerLaw; got {_called(law)}.")
    if "__dataclass_fields__" not in vars(law) or not is_dataclass(law):
        raise CheckError(f"{law.__name__} is not registered. Write @bs.law above the class.")
    try:
        return law()
    except BayescaleError as error:
        raise CheckError(
            f"{law.__name__}() cannot be made with its own defaults: {error}"
        ) from error
