"""What is simulated and fitted: noises, groups, and every form of the registry."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

import bayescale as bs
from bayescale import collapse
from bayescale.coordinates import Coordinates
from bayescale.groups import Groups
from bayescale.observed import Observations
from bayescale.registry import LAWS, find_law
from bayescale.sample import Sampling

#: Of fits whose noise or groups are looked at.
SAMPLING = Sampling(draws=500, tune=500, chains=4, cores=1, retry=False)


@dataclass(frozen=True, eq=False)
class Case:
    """What is simulated and fitted.

    Parameters
    ----------
    law, likelihood
        The truth is drawn from their priors.
    x
        Inputs, in order within each run, shape (row,); of several inputs role to such an array.
    n_obs, run
        As of :class:`Observations`.
    known
        As of :class:`Observations`: what the noise must know of each row.
    y_ref
        The reference outcome, which the level's prior stands on.
    fitted
        The likelihood of the fit where it is not the true one: its ranks must not be uniform.
    groups, cell
        As of :class:`Observations`. Of what varies the first level is ranked.
    settings
        Of the fits.
    declared
        Whether the declared density is sampled where floor and level could be integrated out.
    stream
        Numbers that make the case's random numbers its own: tests of cases that share them fail
        together.
    """

    law: bs.Law
    likelihood: bs.Likelihood
    x: np.ndarray | Mapping[str, np.ndarray]
    n_obs: np.ndarray | None = None
    run: np.ndarray | None = None
    fitted: bs.Likelihood | None = None
    known: dict[str, np.ndarray] | None = None
    y_ref: float = 1.0
    groups: Groups | None = None
    cell: np.ndarray | None = None
    settings: Sampling = SAMPLING
    declared: bool = False
    stream: tuple[int, ...] = ()

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """Role to inputs, shape (row,)."""
        return dict(self.x) if isinstance(self.x, Mapping) else {"x": self.x}

    @property
    def rows(self) -> int:
        """How many rows are simulated."""
        return len(next(iter(self.inputs.values())))

    @property
    def coordinates(self) -> Coordinates:
        """Of the truth."""
        return Coordinates(self.law, self.likelihood, self.groups)

    @property
    def suited(self) -> Case:
        """The case with the noise's default priors as the fit has them."""
        blank = self.observed(np.ones(self.rows))
        return replace(self, likelihood=self.likelihood.suited(blank))

    def observed(self, outcome: np.ndarray) -> Observations:
        """Return runs whose references do not depend on the outcome."""
        runs = Observations(
            self.inputs, np.ones(self.rows), {role: role for role in self.inputs}, "y",
            n_obs=self.n_obs, run=self.run, known=self.known, groups=self.groups, cell=self.cell,
        )  # fmt: skip
        held = runs.references | {"y_ref": self.y_ref, "y_drop": 0.6, "y_top": 2.0}
        return replace(runs, outcome=outcome, anchor=held)


EVEN = np.geomspace(1, 1000, 40)
#: Two runs with uneven steps, rows that are means of one, four or sixteen evaluations.
UNEVEN = np.sort(np.exp(np.random.default_rng(1).uniform(0, np.log(1000), (2, 20))), axis=1)

#: Sixteen sizes, each tested on 200 items, near one error in four.
SIZES, ITEMS = np.geomspace(1, 1000, 16), {"trials": np.full(16, 200.0)}
#: Twelve configurations of one, two or four seeds.
SEEDS = np.tile([1, 2, 4], 4)
CONFIGS = np.repeat(np.arange(12.0), SEEDS)
#: Rows of each of six groups, and how their curves vary.
ROWS, POOLED = (3, 4, 6, 8, 12, 16), bs.partial_pooling(by="family")

#: Noise that is correlated, of counts, of seeds; groups that are pooled.
NOISES = {
    "power law": Case(bs.PowerLaw(), bs.Correlated(), EVEN),
    "power law, two runs of means": Case(
        bs.PowerLaw(), bs.Correlated(bs.LogNormal(n_obs="n")), UNEVEN.ravel(),
        np.tile([1.0, 4.0, 16.0, 4.0], 10), np.repeat([0.0, 1.0], 20),
    ),
    "power law, Student's t": Case(bs.PowerLaw(), bs.Correlated(bs.StudentT()), EVEN),
    "two fixed breaks": Case(
        bs.BrokenPowerLaw(breaks=2, placement="fixed"), bs.Correlated(), EVEN
    ),
    "counts": Case(bs.PowerLaw(), bs.Binomial(trials=200), SIZES, known=ITEMS, y_ref=0.25),
    "counts with guessing and scatter": Case(
        bs.PowerLaw(),
        bs.BetaBinomial(trials=200, guess_rate=bs.Prior("Beta", alpha=10, beta=30)),
        SIZES, known=ITEMS, y_ref=0.25,
    ),
    "seeds of configurations": Case(
        bs.PowerLaw(), bs.Replicated(), np.repeat(np.geomspace(1, 1000, 12), SEEDS),
        known={"group": CONFIGS},
    ),
    "pooled power law": Case(
        bs.PowerLaw(**dict.fromkeys(("irreducible", "scale", "exponent"), POOLED)),
        bs.LogNormal(), np.concatenate([np.geomspace(1, 1000, n) for n in ROWS]),
        groups=Groups(("family",), (tuple("ABCDEF"),), np.arange(len(ROWS))[:, None]),
        cell=np.repeat(np.arange(len(ROWS)), ROWS).astype(float),
    ),
}  # fmt: skip

#: Rows of a form's design: its example's range, filled evenly.
POINTS = 24
#: What stands behind the name of a form of which the declared density is sampled.
DECLARED = ", nothing integrated out"


def of_forms() -> dict[str, Case]:
    """Return a case for every form with its default likelihood.

    Fits that fall short are sampled again with twice the draws, as users have it.

    Where a form's floor and level are integrated out there are two: with that, weighted to the
    declared posterior, and without.
    """
    find_law("PowerLaw")  # fills the registry
    found = {}
    for name, form in LAWS.items():
        law = form()
        case = Case(
            law, law.default_likelihood(), form.example_inputs(POINTS),
            settings=replace(SAMPLING, retry=True, target_accept=form.target_accept),
        )  # fmt: skip
        found[name] = case
        if collapse.applies(case.coordinates):
            found[name + DECLARED] = replace(case, declared=True)
    two = bs.BrokenPowerLaw(breaks=2, placement="fixed")
    broken = replace(found["BrokenPowerLaw"], law=two)
    found["BrokenPowerLaw, two fixed breaks"] = broken
    found["BrokenPowerLaw, two fixed breaks" + DECLARED] = replace(broken, declared=True)
    return {
        name: replace(case, stream=(zlib.crc32(name.encode()),)) for name, case in found.items()
    }


FORMS = of_forms()
CASES = NOISES | FORMS
