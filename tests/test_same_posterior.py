"""NUTS in our coordinates and in the literature's draws from one posterior.

The same law and priors are sampled twice, in long runs: in the sampler's coordinates with their
Jacobian, and by nutpie in PyMC's own of the plain model, whose variables are the literature's
constants. Draws are thinned to independence and compared by the energy distance of all constants
together (1999 permutations, ``benchmarks/two_samples.py``). Seeds are fixed. Of four right laws the
smallest p-value is below LEAST by chance once in 125 choices of seeds; without the Jacobian it must
be as small as so many permutations can say.
"""

import warnings

import numpy as np
import nutpie
import pytest

import bayescale as bs
from bayescale import sample
from bayescale.coordinates import Coordinates
from benchmarks import two_samples

P = bs.Prior
LEAST, SMALLEST = 2e-3, 1 / 2000
X = np.geomspace(1e6, 1e9, 6)
N, D = (part.ravel() for part in np.meshgrid(np.geomspace(1e7, 1e9, 3), np.geomspace(1e9, 1e11, 3)))
NOISE = bs.LogNormal(sigma=P("HalfNormal", sigma=0.1))
#: Laws with priors on the literature's constants; runs are few, so that priors and Jacobian matter.
LAWS = {
    "power law": bs.PowerLaw(
        irreducible=P("HalfNormal", sigma=2),
        x0=P("LogNormal", mu=20, sigma=3),
        exponent=P("LogNormal", mu=-1.4, sigma=0.5),
    ),
    "one break": bs.BrokenPowerLaw(
        irreducible=P("HalfNormal", sigma=2),
        b=P("LogNormal", mu=2, sigma=2),
        exponent=P("LogNormal", mu=-2, sigma=0.5),
        break_location=P("LogNormal", mu=17, sigma=1),
        exponent_change=P("Normal", mu=0.1, sigma=0.1),
        break_sharpness=P("LogNormal", mu=0, sigma=0.5),
    ),
    "chinchilla": bs.Chinchilla(
        irreducible=P("HalfNormal", sigma=2),
        A=P("LogNormal", mu=6, sigma=1),
        B=P("LogNormal", mu=6, sigma=1),
        params_exponent=P("LogNormal", mu=-1.2, sigma=0.4),
        tokens_exponent=P("LogNormal", mu=-1.2, sigma=0.4),
    ),
    "kaplan": bs.KaplanModelData(
        irreducible=0.0,
        N_c=P("LogNormal", mu=30, sigma=3),
        D_c=P("LogNormal", mu=30, sigma=3),
        params_exponent=P("Beta", alpha=2, beta=10),
        tokens_exponent=P("Beta", alpha=2, beta=10),
    ),
}
CURVES = {
    "power law": {"x": X, "y": 1.7 + (1e9 / X) ** 0.2},
    "one break": {"x": X, "y": 0.4 + 6 * X**-0.05 * (1 + X / 3e7) ** -0.1},
    "chinchilla": {"params": N, "tokens": D, "y": 1.7 + 406 / N**0.34 + 411 / D**0.28},
    "kaplan": {
        "params": N,
        "tokens": D,
        "y": ((8.8e13 / N) ** (0.076 / 0.095) + 5.4e13 / D) ** 0.095,
    },
}


def runs_of(name):
    curve = CURVES[name]
    scatter = np.random.default_rng(3).standard_normal(len(curve["y"]))
    return curve | {"y": curve["y"] * np.exp(0.05 * scatter)}


def in_ours(name, draws=4000):
    """Draws of the constants by our own sampler, shape (chain, draw)."""
    law, runs = LAWS[name], runs_of(name)
    inputs = {role: role for role in law.inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(
            runs, y="y", likelihood=NOISE, draws=draws, seed=1, retry=False, progress=False,
            target_accept=0.97, **inputs,
        )  # fmt: skip
    return constants(fit.tree["posterior"], fit.model)


def in_the_literatures(name, draws=4000):
    """Draws of the constants by nutpie, in PyMC's coordinates of the plain model."""
    law, runs = LAWS[name], runs_of(name)
    inputs = {role: role for role in law.inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = law.model(runs, y="y", likelihood=NOISE, **inputs)
        compiled = nutpie.compile_pymc_model(model)
        trace = nutpie.sample(
            compiled, draws=draws, tune=1500, chains=4, cores=1, seed=2, target_accept=0.97,
            adaptation="low_rank", progress_bar=False,
        )  # fmt: skip
    return constants(trace["posterior"], model)


def constants(posterior, model):
    """Name to shape (chain, draw), for everything that has a prior."""
    found = {v.name: posterior[v.name].to_numpy() for v in model.free_RVs}
    return {name: v[..., 0] if v.ndim == 3 else v for name, v in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_both_ways_draw_from_one_posterior(name, monkeypatch):
    theirs = two_samples.independent(in_the_literatures(name))
    ours = two_samples.independent(in_ours(name))
    assert len(ours["sigma"]) > 200
    assert len(theirs["sigma"]) > 200
    assert two_samples.apart(ours, theirs) > LEAST

    right = Coordinates.values

    def without(self, z, numbers, pair=True):
        values, _ = right(self, z, numbers, pair)
        return values, 0.0

    monkeypatch.setattr(Coordinates, "values", without)
    monkeypatch.setattr(sample, "_compiled", {})  # the density is another
    wrong = two_samples.independent(in_ours(name))
    assert two_samples.apart(wrong, theirs) == SMALLEST


class TestTwoSamples:
    def test_equal_distributions_fail_as_often_as_they_should(self):
        rng = np.random.default_rng(0)
        found = []
        for _ in range(100):
            one, other = (
                {n: rng.standard_normal(60) for n in "ab"},
                {n: rng.standard_normal(60) for n in "ab"},
            )
            found.append(two_samples.apart(one, other, 99))
        assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.07)

    def test_others_are_told_apart(self):
        rng = np.random.default_rng(1)
        one = {n: rng.standard_normal(300) for n in "ab"}
        assert two_samples.apart(one, {n: v + 0.5 for n, v in one.items()}) == SMALLEST
        # The same margins, but one follows the other.
        same = rng.standard_normal(300)
        assert two_samples.apart(one, {"a": same, "b": same}) < 0.01

    def test_correlated_draws_are_thinned(self):
        rng = np.random.default_rng(2)
        steps = rng.standard_normal((4, 1000))
        walk = np.zeros_like(steps)
        for i in range(1, steps.shape[1]):
            walk[:, i] = 0.9 * walk[:, i - 1] + steps[:, i]
        assert len(two_samples.independent({"a": steps})["a"]) > 900
        assert 20 < len(two_samples.independent({"a": walk})["a"]) < 250
        assert abs(two_samples.in_errors("mean", steps, rng.standard_normal((4, 1000)))) < 4
