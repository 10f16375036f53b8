"""Simulation-based calibration: are posteriors what they claim to be?

Run: uv run python -m benchmarks.sbc [--simulations 200] [--cases forms ...] [--workers 1] [--fresh]

Parameters are drawn from the priors, runs from the model, and the law is fitted to them; over many
such runs the rank of a true value among its posterior draws is uniform if, and only if, priors,
density, sampler and weights agree. Simulated are every form of the registry with its default
likelihood, and noises and groups. The references that default priors stand on are held
(``anchor``), since those of simulated runs would depend on the truth. Ranked are all parameters,
the curve at the largest input and at ten times it, and the log likelihood (Modrák et al. 2023,
arXiv:2211.02383), which notices what parameters do not.

Uniformity is tested by the largest deviation of the ranks' distribution function, point by point in
its binomial band (Säilynoja et al. 2022, arXiv:2103.10522), and by chi-square in ten bins. With
some hundreds of quantities the smallest p-value is judged after Holm's correction.

Writes results/sbc.csv (a row for each case and quantity), results/sbc_fits.csv (a row for each
case: how its fits went), docs/images/sbc.png and sbc_forms.png. Cases take turns, and ranks are
kept in results/cache as they come: a run that is stopped goes on, and what is done counts.
"""

from benchmarks.sbc.cases import CASES, DECLARED, FORMS, NOISES, SAMPLING, Case
from benchmarks.sbc.ranking import ranked, simulated, truth
from benchmarks.sbc.uniformity import BINS, RANKED, corrected, counts, summarized, uniformity

__all__ = [
    "BINS",
    "CASES",
    "DECLARED",
    "FORMS",
    "NOISES",
    "RANKED",
    "SAMPLING",
    "Case",
    "corrected",
    "counts",
    "ranked",
    "simulated",
    "summarized",
    "truth",
    "uniformity",
]
