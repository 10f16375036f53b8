"""Whether draws can be trusted, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bayescale.convergence import ESS, RHAT, cure, mean_ess, places, rhat_and_ess, stuck
from bayescale.parameters import Slot

if TYPE_CHECKING:
    import xarray as xr

#: What a fit must reach besides R-hat and ESS: share of divergent draws below, BFMI above.
DIVERGENT, BFMI = 0.001, 0.3
#: Below this share of the prior's variance explained away, runs say little of a quantity.
CONTRACTION = 0.1


#: Above this, modes that were left out are worth a word.
LEFT_OUT = 0.01
#: Above this share of the priors, a law that is no number there is worth a word.
UNDEFINED = 0.01
#: Above this, residuals of neighbouring runs are too much alike for independent noise.
MISFIT = 0.5


@dataclass(frozen=True)
class Diagnostics:
    """The sampler's diagnostics of one fit.

    Parameters
    ----------
    rhat, ess_bulk, ess_tail
        The worst over all parameters and over the curve at the largest input and at ten times
        it.
    worst
        The variable with the largest R-hat.
    smallest
        The variable with the smallest bulk ESS.
    divergences, draws
        Divergent draws, and all kept draws.
    bfmi
        The smallest energy Bayesian fraction of missing information over chains.
    contraction
        Quantity to 1 - (posterior width / prior width)², for floor and breaks; near 0 the runs
        have said nothing.
    pareto_k
        Of the weights from the collapsed density to the declared one, or None.
    misfit
        Correlation of the residuals of neighbouring runs about the median curve; NaN where there
        are too few. Near 1 the law misses the shape, or runs share their noise; either way
        independent noise makes intervals too narrow.
    left_out
        Share of the posterior, by Laplace's approximation, in modes where no chain started.
    modes
        Where the posterior has several modes apart from one another, the share of each, largest
        first, and its Monte Carlo standard error: one pair a mode. Empty where there is one.
    unweighed
        Whether it could not be checked that the draws hold every mode by its mass, where modes may
        lie apart.
    stuck
        Chains in which the variable with the largest R-hat hardly moved.
    places
        Where chains sit that no chain left, of that variable: its middle there, and how many
        chains. Empty where all are in one place.
    undefined
        Where draws diverged, the share of what the priors allow at which the law is no number.
    advice
        What to do, in words; empty when nothing is wrong.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    worst: str
    smallest: str
    divergences: int
    draws: int
    bfmi: float
    contraction: dict[str, float] = field(default_factory=dict)
    pareto_k: float | None = None
    misfit: float = np.nan
    left_out: float = 0.0
    modes: tuple[tuple[float, float], ...] = ()
    unweighed: bool = False
    stuck: int = 0
    places: tuple[tuple[float, int], ...] = ()
    undefined: float = 0.0
    advice: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether R-hat, ESS and divergences are as they should be."""
        return (
            self.rhat < RHAT and self.ess_bulk > ESS and self.divergences <= DIVERGENT * self.draws
        )

    @property
    def rhat_text(self) -> str:
        """R-hat as it is printed; of chains that stand still it has no end."""
        return f"{self.rhat:.3f}" if self.rhat < 100 else "above 100"

    def line(self) -> str:
        """Return the diagnostics as one line."""
        parts = [
            f"R-hat {self.rhat_text}",
            f"ESS {self.ess_bulk:.0f} bulk, {self.ess_tail:.0f} tail of {self.draws} draws",
            f"{self.divergences} divergent",
            f"BFMI {self.bfmi:.2f}",
        ]
        if self.pareto_k is not None:
            parts.append(f"Pareto k {self.pareto_k:.2f}")
        return ("good: " if self.good else "NOT good: ") + "; ".join(parts)


def diagnose(
    parameters: dict[str, np.ndarray],
    stats: xr.Dataset,
    contraction: dict[str, float],
    pareto_k: float | None,
    free_breaks: bool,
    misfit: float = np.nan,
    undefined: float = 0.0,
) -> Diagnostics:
    """Return the diagnostics of draws and the advice that follows from them.

    Parameters
    ----------
    parameters
        Name to draws, shape (chain, draw); those that do not vary are passed over.
    stats
        The sampler's statistics.
    contraction
        Quantity to contraction.
    pareto_k
        Of the collapsed density's weights, or None.
    free_breaks
        Whether break locations could lie anywhere, which can have several modes.
    misfit
        From :func:`neighbour_correlation`.
    undefined
        The share of the priors at which the law is no number.

    Returns
    -------
    Diagnostics
        Numbers and advice.
    """
    moving = {name: draws for name, draws in parameters.items() if np.ptp(draws) != 0}
    names = list(moving)
    if not names:
        moving, names = {"none": np.random.default_rng(0).standard_normal((4, 100))}, ["none"]
    block = np.stack([np.asarray(moving[name]) for name in names])
    rhat, bulk, tail = rhat_and_ess(block, prob=0.9)
    rhat, bulk, tail = np.nan_to_num(rhat, nan=np.inf), np.nan_to_num(bulk), np.nan_to_num(tail)
    bfmi = 1.0
    if "energy" in stats:
        energy = stats["energy"].to_numpy()
        bfmi = float(((np.diff(energy) ** 2).mean(1) / energy.var(1, ddof=1)).min())
    worst = block[int(rhat.argmax())]
    agree = rhat.max() < RHAT
    found = Diagnostics(
        rhat=float(rhat.max()),
        ess_bulk=float(bulk.min()),
        ess_tail=float(tail.min()),
        worst=names[int(rhat.argmax())],
        smallest=names[int(bulk.argmin())],
        divergences=int(stats["diverging"].sum()),
        draws=int(stats.sizes["chain"] * stats.sizes["draw"]),
        bfmi=bfmi,
        contraction=contraction,
        pareto_k=pareto_k,
        misfit=misfit,
        left_out=float(stats.attrs.get("left_out", 0.0)),
        modes=shares_of_modes(stats["mode"].to_numpy()) if "mode" in stats else (),
        unweighed=bool(stats.attrs.get("unweighed", 0)),
        stuck=0 if agree else stuck(worst),
        places=() if agree else places(worst),
        undefined=undefined,
    )
    return Diagnostics(**{**found.__dict__, "advice": tuple(_advice(found, free_breaks))})


def _advice(d: Diagnostics, free_breaks: bool) -> list[str]:
    words = []
    if d.rhat >= RHAT:
        cured = _cured(d, free_breaks)
        words.append(f"R-hat {d.rhat_text} of {d.worst}: the chains do not agree; {cured}.")
    if d.ess_bulk <= ESS:
        words.append(
            f"Only {d.ess_bulk:.0f} effective draws of {d.smallest} (want {ESS:.0f}): raise draws=."
        )
    if d.divergences > DIVERGENT * d.draws:
        words.append(f"{d.divergences} of {d.draws} draws diverged: {_pinched(d)}.")
    if d.bfmi < BFMI:
        words.append(
            f"BFMI {d.bfmi:.2f} (want {BFMI}): the tails are poorly explored; use tighter priors."
        )
    if d.pareto_k is not None and d.pareto_k > 0.5:
        words.append(f"Pareto k {d.pareto_k:.2f} of the weights: intervals are a little uncertain.")
    if d.left_out > LEFT_OUT:
        words.append(
            f"About {100 * d.left_out:.0f} % of the posterior (by Laplace's approximation) is "
            "another explanation of these runs, apart from this one, and not in the draws."
        )
    if d.unweighed:
        words.append(
            "It could not be checked that no other places of the breaks explain these runs as "
            "well: the chains may have missed some, or hold them in wrong shares; use "
            "placement='cells' or 'fixed', or fewer breaks."
        )
    if len(d.modes) > 1:
        words.append(_explanations(d.modes))
    if d.misfit > MISFIT:
        words.append(
            f"Residuals of neighbouring runs are alike (correlation {d.misfit:.2f}): the law "
            "misses the curve's shape, or the runs share their noise, and intervals are too "
            "narrow. Say which run each row is of (run=), or pass likelihood="
            "bs.Correlated(bs.LogNormal()); try more breaks; backtest before believing a forecast."
        )
    words += _unlearned(d.contraction)
    return words


def _pinched(d: Diagnostics) -> str:
    """Say why draws diverge, and what helps."""
    if d.undefined > UNDEFINED:
        return (
            f"the law is no number (NaN) at {d.undefined:.0%} of what its priors allow, where "
            "trajectories end; give priors, or bounds = {...} in the law's class, that leave it out"
        )
    return (
        "the posterior is pinched somewhere; raise target_accept= (0.99), add larger runs, or "
        "tighten the prior on irreducible"
    )


def _cured(d: Diagnostics, free_breaks: bool) -> str:
    """Say what makes chains agree."""
    if free_breaks:
        return (
            "break locations may have several modes; use placement='cells' or 'fixed', and do not "
            "interpret single breaks"
        )
    return cure(d.stuck, d.places)


def shares_of_modes(mode: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return the share of each mode and its Monte Carlo standard error.

    Parameters
    ----------
    mode
        The mode of each draw, counted from 0; shape (chain, draw).
    """
    inside = np.stack([mode == number for number in range(int(mode.max()) + 1)]).astype(float)
    share = inside.mean((1, 2))
    error = np.sqrt(share * (1 - share) / np.maximum(np.nan_to_num(mean_ess(inside)), 1.0))
    return tuple(zip(share.tolist(), error.tolist(), strict=True))


def _explanations(modes: tuple[tuple[float, float], ...]) -> str:
    """Say that several explanations are apart, and how likely each is."""
    said = [f"{100 * share:.0f} % (± {100 * error:.1f})" for share, error in modes]
    return (
        f"These runs have {len(modes)} explanations apart from one another, with "
        f"{', '.join(said[:-1])} and {said[-1]} of the posterior. Parameters are mixtures of them: "
        "read them apart, as bs.break_table(fit, by_mode=True) does; forecasts hold each by its "
        "share."
    )


def _unlearned(contractions: dict[str, float]) -> list[str]:
    """Say what the runs have not determined: posterior about as wide as the prior."""
    weak = [name for name, value in contractions.items() if abs(value) < CONTRACTION]
    words = []
    for floor in ("floor_share", "irreducible"):
        if floor in weak:
            words.append(
                f"The runs hardly determine the irreducible loss (contraction "
                f"{contractions[floor]:.2f}): far beyond the data its prior speaks. Add larger "
                "runs, or give irreducible= a prior you believe."
            )
    breaks = [name for name in weak if name not in ("floor_share", "irreducible")]
    if breaks:
        words.append(
            f"The runs hardly determine {', '.join(breaks)} (contraction below {CONTRACTION}): "
            "do not interpret where these breaks lie; forecasts do not need it."
        )
    return words


def neighbour_correlation(x: np.ndarray, residuals: np.ndarray) -> float:
    """Return the lag-1 correlation of residuals along x.

    Parameters
    ----------
    x
        Inputs, shape (run,); runs of equal input are averaged.
    residuals
        Outcome less curve, on the noise's scale, shape (run,).

    Returns
    -------
    float
        Between -1 and 1, or NaN for fewer than 8 different inputs.
    """
    places, where = np.unique(x, return_inverse=True)
    if len(places) < 8:
        return float("nan")
    mean = np.bincount(where, weights=residuals) / np.bincount(where)
    square = float((mean**2).sum())
    return float((mean[1:] * mean[:-1]).sum() / square) if square > 0 else float("nan")


def contraction(slot: Slot, draws: np.ndarray) -> float:
    """Return 1 - (posterior width / prior width)², by central 68 % widths.

    Parameters
    ----------
    slot
        The quantity with its prior.
    draws
        Posterior draws of it, any shape.

    Returns
    -------
    float
        1 when the runs determine it, 0 (or less) when they say nothing.
    """
    assert slot.prior is not None
    levels = [0.1586552539, 0.8413447461]
    prior = np.ptp(slot.prior.frozen().ppf(levels))
    return float(1 - (np.ptp(np.quantile(draws, levels)) / prior) ** 2)
