"""What a forecast leans on: the priors, by power-scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import labelling
from bayescale.arguments import check_arguments
from bayescale.checks import populations
from bayescale.errors import DataError
from bayescale.free_scale import frozen
from bayescale.sensitivity.asking import FORECAST, asked, check_fit, check_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayescale.fitting import Fit

#: Above it a sensitivity to power-scaling counts (Kallioinen et al. 2024, arXiv:2107.14054).
SENSITIVE = 0.05
#: Powers between which prior and likelihood are scaled, ArviZ's own.
ALPHAS = (0.99, 1.01)


def sensitivity_to_prior(fit: Fit, *, of: str = "curve", **inputs: Any) -> pd.DataFrame:
    r"""Return how strongly parameters and a forecast lean on the priors and on the runs.

    Prior and likelihood are raised to powers near one, and the change of each marginal
    posterior is measured (by ArviZ's ``psense``, without sampling again):

    .. math:: p(\theta \mid y) \propto p(\theta)^{\alpha}\, p(y \mid \theta)
              \quad\text{or}\quad p(\theta)\, p(y \mid \theta)^{\alpha}

    The priors scaled are those of ``print(law)``: on the quantities that carry them.

    Parameters
    ----------
    fit
        A fit.
    of
        ``"curve"`` for the law's value, ``"observation"`` for one new run.
    **inputs
        Where to forecast: ``x=[1e9, 1e10]`` (with groups also of which: ``family="A"``); none for
        the parameters alone.

    Returns
    -------
    pandas.DataFrame
        Indexed by quantity: parameters, the noise's, and forecasts. ``prior`` and
        ``likelihood``: the sensitivities (change of the distribution for each doubling of the
        power; no unit; 0.05 and more counts); ``strongest_prior``, the quantity whose prior
        alone matters most, empty below 0.05; ``diagnosis`` in words, empty where neither counts
        against the other.

    Raises
    ------
    LawError
        If this is no fit, or an input is missing or unknown.
    DataError
        If an input is not positive and finite, or the fit does not hold its log likelihood.

    References
    ----------
    Kallioinen et al. (2024), "Detecting and diagnosing prior and likelihood sensitivity with
    power-scaling", arXiv:2107.14054.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")
    >>> fit = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
    >>> bs.sensitivity_to_prior(fit, x=1e4).index.tolist()
    ['irreducible', 'scale', 'exponent', 'sigma', 'forecast at x=10000']
    """
    check_arguments(sensitivity_to_prior, locals(), but=("fit",))
    import arviz as az
    import pandas as pd
    import xarray as xr

    check_fit(fit, "sensitivity_to_prior")
    check_of(of)
    if "log_likelihood" not in fit.tree:
        raise DataError(
            f"The fit to {len(fit.runs)} runs does not hold its log likelihood, which is too "
            "large: with so many the prior hardly matters. Fit fewer draws to see it."
        )
    watched, labels = _watched(fit, asked(fit, inputs) if inputs else None, of)
    prior = log_priors(fit)
    tree = xr.DataTree.from_dict(
        {
            "posterior": watched,
            "log_prior": prior,
            "log_likelihood": fit.tree["log_likelihood"].to_dataset(),
        }
    )

    def sense(group: str, names: list[str] | None = None) -> pd.Series:
        if names and np.ptp(prior[names].to_dataarray().sum("variable").to_numpy()) == 0:
            return pd.Series(0.0, index=list(labels.values()))  # flat: no power bends it
        found = az.psense(tree, group=group, alphas=ALPHAS, group_var_names=names)
        return pd.Series({label: float(found[name]) for name, label in labels.items()})

    every = [str(name) for name in prior]
    table = pd.DataFrame({"prior": sense("prior", every), "likelihood": sense("likelihood")})
    alone = pd.DataFrame({name: sense("prior", [name]) for name in every})
    table["strongest_prior"] = [
        str(row.idxmax()) if row.max() >= SENSITIVE else "" for _, row in alone.iterrows()
    ]
    table["diagnosis"] = [_diagnosis(*row) for row in table[["prior", "likelihood"]].to_numpy()]
    return table.rename_axis("quantity")


def log_priors(fit: Fit) -> xr.Dataset:
    """Return the log prior density of every quantity that carries a prior, draw by draw.

    Parameters
    ----------
    fit
        A fit.

    Returns
    -------
    xarray.Dataset
        A variable for each quantity, dimensions (chain, draw), the sum over components and levels:
        what ArviZ expects in the group ``log_prior``.
    """
    import xarray as xr

    slots = fit.coordinates.free
    found = {}
    for slot in slots:
        value = fit.quantities[slot.quantity]
        parts = value if slot.size is not None else (value,)
        total = np.sum([frozen(slot).logpdf(part) for part in parts], axis=0)
        total = total.sum(0) if slot.by else total
        found[slot.quantity] = (("chain", "draw"), total)
    coords = {name: fit.tree["posterior"][name].to_numpy() for name in ("chain", "draw")}
    return xr.Dataset(found, coords)


def _watched(fit: Fit, made: Any, of: str) -> tuple[xr.Dataset, dict[str, str]]:
    """Return draws of everything that moves, parameters by component, noise, forecasts; its names.

    In the data set variables are numbered: a column may have any name, a variable may not.
    """
    import xarray as xr

    every = labelling.named_by_level(fit.runs, fit.parameters | fit.noise)
    every |= labelling.named({n: fit.quantities[n] for n in populations(fit.coordinates)})
    if made is not None:
        drawn = made.draws(of)
        for i in range(drawn.shape[-1]):
            where = ", ".join(
                f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                for name, value in made.inputs.iloc[i].items()
            )
            every[f"{FORECAST} at {where}"] = drawn[..., i]
    labels = {f"v{i}": name for i, name in enumerate(every) if np.ptp(every[name]) > 0}
    moving = {name: (("chain", "draw"), every[label]) for name, label in labels.items()}
    coords = {name: fit.tree["posterior"][name].to_numpy() for name in ("chain", "draw")}
    return xr.Dataset(moving, coords), labels


def _diagnosis(prior: float, likelihood: float) -> str:
    if prior >= SENSITIVE and likelihood >= SENSITIVE:
        return "the prior matters beside the runs: they may disagree"
    if prior >= SENSITIVE:
        return "the prior speaks, the runs hardly do"
    return ""
