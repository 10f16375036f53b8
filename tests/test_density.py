"""The sampled densities are the declared posterior, in other coordinates."""

import numpy as np
import pytensor
import pytest
from noises import runs_for
from scipy.special import logsumexp

import bayescale as bs
from bayescale import collapse, engines, linearizing, model, posterior
from bayescale.checking import of_densities
from bayescale.checking.subject import Subject
from bayescale.coordinates import Coordinates
from bayescale.data import observations
from bayescale.layout import split
from bayescale.parameters import signature

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)
P = bs.Prior

CASES = {
    "default": (bs.PowerLaw(), bs.LogNormal()),
    "x0": (bs.PowerLaw(x0=P("LogNormal", mu=20, sigma=3)), bs.LogNormal()),
    "floor and x0": (
        bs.PowerLaw(irreducible=P("HalfNormal", sigma=2), x0=P("LogNormal", mu=20, sigma=3)),
        bs.Normal(),
    ),
    "floor": (bs.PowerLaw(irreducible=P("HalfNormal", sigma=2)), bs.StudentT()),
    "scale and beta": (
        bs.PowerLaw(scale=P("HalfNormal", sigma=2), exponent=P("Beta", alpha=2, beta=5)),
        bs.LogNormal(sigma=P("Exponential", lam=20)),
    ),
    "bounded floor": (bs.PowerLaw(irreducible=P("Uniform", lower=1, upper=2.5)), bs.LogNormal()),
    "truncated exponent": (
        bs.PowerLaw(exponent=P("TruncatedNormal", mu=0.2, sigma=0.1, lower=0)),
        bs.Normal(sigma=0.01),
    ),
    "all but one fixed": (bs.PowerLaw(irreducible=0.0, x0=3e7), bs.LogNormal()),
    "cells": (bs.BrokenPowerLaw(breaks=2), bs.LogNormal()),
    "signed and free": (
        bs.BrokenPowerLaw(breaks=3, monotone=False, placement="free"),
        bs.LogNormal(),
    ),
    "signed, with x0": (  # its first exponent is negative where the test looks
        bs.BrokenPowerLaw(
            breaks=3,
            monotone=False,
            x0=P("LogNormal", mu=20, sigma=3),
            exponent=P("Normal", mu=-0.2, sigma=0.05),
        ),
        bs.LogNormal(),
    ),
    "broken by hand": (
        bs.BrokenPowerLaw(
            breaks=2,
            x0=P("LogNormal", mu=20, sigma=3),
            break_location=P("LogNormal", mu=17, sigma=1),
            exponent=0.2,
        ),
        bs.Normal(),
    ),
    "two terms without a floor": (bs.Chinchilla(irreducible=0.0), bs.LogNormal()),
    "two terms and a floor of its own": (
        bs.Chinchilla(irreducible=P("HalfNormal", sigma=2)),
        bs.StudentT(),
    ),
    "one term of its own": (
        bs.Chinchilla(params_scale=P("HalfNormal", sigma=2), exponent_ratio=1.0),
        bs.LogNormal(),
    ),
    "the literature's constants": (
        bs.Chinchilla(A=P("LogNormal", mu=6, sigma=1), B=P("LogNormal", mu=6, sigma=2)),
        bs.LogNormal(),
    ),
    "a level and a share of one's own": (
        bs.Chinchilla(
            params_scale=P("LogNormal", mu=0, sigma=0.1, on="level"),
            tokens_scale=P("Beta", alpha=2, beta=3, on="tokens_share"),
        ),
        bs.LogNormal(),
    ),
    "means": (bs.PowerLaw(), bs.Normal(n_obs=9)),
    "alike in neighbouring rows": (bs.PowerLaw(), bs.Correlated()),
    "the same, with outliers in means": (
        bs.PowerLaw(irreducible=P("HalfNormal", sigma=2)),
        bs.Correlated(bs.StudentT(n_obs=4), correlation_length=P("HalfNormal", sigma=1)),
    ),
    "the same, with breaks": (
        bs.BrokenPowerLaw(breaks=2, placement="fixed"),
        bs.Correlated(bs.LogNormal(sigma=0.05), correlation_length=0.7),
    ),
}


def runs_of(form, points=20):
    """Runs about the form's example, with inputs as large as real ones."""
    inputs = form.example_inputs(points)
    runs = form().simulate(noise=0.02, y="outcome", **inputs)
    wide = {role: 3e7 * x for role, x in inputs.items()}
    return runs.assign(**wide)


def checked_runs(law, likelihood, points=20):
    roles = {role: role for role in law.inputs}
    return observations(law, likelihood, runs_of(type(law), points), "outcome", roles)


@pytest.mark.parametrize("case", CASES)
def test_density_is_the_plain_model_with_the_jacobian(case):
    hold_density_to_the_plain_model(*CASES[case])


def hold_density_to_the_plain_model(law, likelihood):
    """What every law is held to with its defaults (test_checking.py), with priors of a user's."""
    subject = Subject(law, likelihood, given=checked_runs(law, likelihood))
    of_densities.coordinates_invert(subject)
    of_densities.jacobian_is_right(subject)
    of_densities.density_is_the_plain_model(subject)
    of_densities.density_in_numpy_is_the_same(subject)


def whitening(coordinates, noise, runs):
    """What the likelihood says of the noise, given its parameters: of vectors (..., run)."""
    wide = {name: np.asarray(value)[..., None] for name, value in noise.items()}
    by_run = runs.by_run(coordinates.likelihood.by_run)
    return lambda vector: coordinates.likelihood.whitened(vector, **wide, **by_run)


@pytest.mark.parametrize("likelihood", [bs.LogNormal(), bs.Correlated(bs.LogNormal(n_obs=3))])
class TestCollapse:
    """Floor and level integrated out: against brute force on a grid."""

    @pytest.fixture
    def parts(self, likelihood):
        law = bs.BrokenPowerLaw(breaks=2)
        x = np.geomspace(1e6, 1e9, 20)
        runs = bs.PowerLaw().simulate(x=x / 3e7, noise=0.02, y="loss").assign(x=x)
        checked = observations(law, likelihood, runs, "loss", {"x": "x"})
        coordinates = Coordinates(law, likelihood)
        numbers = coordinates.numbers(checked.references)
        statistics, top = linearizing.linearized(coordinates, checked, numbers)
        return coordinates, checked, numbers, statistics, top

    def collapsed(self, parts, vector):
        coordinates, _, numbers, statistics, _ = parts
        law, likelihood = coordinates.law, coordinates.likelihood
        built = model.collapsed_density(law, likelihood, numbers, statistics).model()
        return float(built.compile_logp(mode=PLAIN)({"z": vector}))

    def by_grid(self, parts, vector):
        """The same integral over (floor, scale) by a sum over a fine grid."""
        coordinates, checked, numbers, statistics, _ = parts
        sizes = collapse.remaining(coordinates)
        values, log_jacobian = coordinates.values(split(vector, sizes), numbers, pair=False)
        law = coordinates.law
        reducible = collapse.relative_reducible(law, values, {"x": statistics["x"]}, numbers)
        whitened = whitening(coordinates, coordinates.noise(values, numbers), checked)
        floor = np.linspace(0, collapse.FLOOR_TOP, 1501)[1:-1]
        scale = np.linspace(-1.5, 2.5, 3001)
        e, r = np.meshgrid(floor, scale)
        log_density = collapse.log_gaussian(statistics, reducible, whitened, e, r)
        cell = (floor[1] - floor[0]) * (scale[1] - scale[0])
        total = logsumexp(log_density) + np.log(cell) + float(log_jacobian)
        for slot in coordinates.free:
            if slot.quantity in sizes:
                for part in np.atleast_1d(values[slot.quantity]):
                    total += float(slot.prior.frozen().logpdf(part))
        return total

    def test_integral_agrees_with_a_grid_up_to_one_constant(self, parts):
        rng = np.random.default_rng(3)
        sizes = collapse.remaining(parts[0])
        sigma = sum(n or 1 for name, n in sizes.items() if name not in ("sigma", "free_length"))
        gaps = []
        for _ in range(4):
            vector = 0.4 * rng.standard_normal(sum(n or 1 for n in sizes.values()))
            vector[sigma] = 1.5  # noise wide enough for the grid
            gaps.append(self.collapsed(parts, vector) - self.by_grid(parts, vector))
        np.testing.assert_allclose(gaps, gaps[0], atol=2e-3)

    def test_conditional_draws_have_the_conditional_moments(self, parts):
        coordinates, checked, numbers, statistics, _ = parts
        size = sum(n or 1 for n in collapse.remaining(coordinates).values())
        vector = np.zeros(size)
        values, _ = coordinates.values(
            split(vector, collapse.remaining(coordinates)), numbers, pair=False
        )
        h = collapse.relative_reducible(coordinates.law, values, {"x": statistics["x"]}, numbers)
        noise = coordinates.noise(values, numbers) | {"sigma": 0.05}
        whitened = whitening(coordinates, noise, checked)
        wide = np.broadcast_to(h, (40_000, len(h)))
        e, r = collapse.draw_floor_and_scale(statistics, wide, whitened, np.random.default_rng(0))
        floor = np.linspace(0, collapse.FLOOR_TOP, 801)[1:-1]
        scale = np.linspace(-0.5, 1.5, 801)
        grid_e, grid_r = np.meshgrid(floor, scale)
        weight = collapse.log_gaussian(statistics, h, whitened, grid_e, grid_r)
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        assert e.mean() == pytest.approx((weight * grid_e).sum(), abs=5e-3)
        assert r.mean() == pytest.approx((weight * grid_r).sum(), abs=5e-3)
        mean_product = (weight * grid_e * grid_r).sum()
        assert (e * r).mean() == pytest.approx(mean_product, abs=5e-3)

    def test_weights_are_the_declared_density_over_the_gaussian(self, parts):
        """Weight + collapsed joint = declared density, at any draw, up to one constant."""
        coordinates, checked, numbers, statistics, top = parts
        sizes = collapse.remaining(coordinates)
        size = sum(n or 1 for n in sizes.values())
        vectors = 0.3 * np.random.default_rng(5).standard_normal((2, 3, size))
        values, _ = coordinates.values(split(vectors, sizes), numbers, pair=False)
        done, log_weights = collapse.complete(
            coordinates, values, numbers, checked, statistics, top, np.random.default_rng(1)
        )
        natural, noise = coordinates.natural(done, numbers)
        curve = posterior.evaluate(coordinates.law, natural, checked.inputs, checked.references)
        wide = {k: np.asarray(v)[..., None] for k, v in noise.items()}
        wide |= checked.by_run(coordinates.likelihood.by_run)
        rows = coordinates.likelihood.log_density(checked.outcome, curve, **wide).sum(-1)
        floor = natural["irreducible"] / top
        end = natural["irreducible"] / done["floor_share"] / top
        level_prior, share_prior = (coordinates.pair[i].prior.frozen() for i in (1, 0))
        declared = (
            rows
            + share_prior.logpdf(done["floor_share"])
            + level_prior.logpdf(done["level"])
            + np.log(done["level"])
            - 2 * np.log(end)
        )
        shape = coordinates.law.shape(values, numbers)
        h = posterior.evaluate(
            coordinates.law,
            {"irreducible": np.zeros((2, 3)), "scale": np.ones((2, 3)), **shape},
            checked.inputs,
            checked.references,
        )
        h = h / h[..., -1:]
        gaussian = collapse.log_gaussian(
            statistics, h, whitening(coordinates, noise, checked), floor, end - floor
        )
        usable = np.isfinite(log_weights)
        assert usable.any()
        np.testing.assert_allclose((declared - gaussian)[usable], log_weights[usable], atol=1e-6)


class TestResampling:
    def test_equal_weights_keep_every_draw_in_order(self):
        keep, k = engines.resampled(np.zeros((2, 500)), np.random.default_rng(0))
        np.testing.assert_array_equal(keep, np.tile(np.arange(500), (2, 1)))
        assert k < 0.7

    def test_rejected_draws_are_never_kept(self):
        weights = np.zeros((2, 1000))
        weights[:, ::2] = -np.inf
        keep, _ = engines.resampled(weights, np.random.default_rng(0))
        assert (keep % 2 == 1).all()

    def test_a_chain_without_weight_is_reported(self):
        weights = np.zeros((2, 100))
        weights[1] = -np.inf
        assert engines.resampled(weights, np.random.default_rng(0))[1] == np.inf

    def test_weighted_draws_follow_the_target(self):
        rng = np.random.default_rng(1)
        draws = rng.standard_normal((4, 4000)) * 1.3
        log_weights = -0.5 * draws**2 + 0.5 * (draws / 1.3) ** 2
        keep, k = engines.resampled(log_weights, rng)
        assert k < 0.5
        assert np.take_along_axis(draws, keep, 1).std() == pytest.approx(1.0, abs=0.03)


def test_a_prior_that_ends_inside_has_a_density_of_its_own():
    """Its coordinates are others: a density that was compiled for the default must not serve it."""
    default, inside = (
        bs.PowerLaw(irreducible=bs.Prior("Uniform", lower=low, upper=high, on="floor_share"))
        for low, high in ((0.0, 1.0), (0.05, 0.8))
    )
    coordinates = [Coordinates(law, bs.LogNormal()) for law in (default, inside)]
    assert (coordinates[0].pair is None) != (coordinates[1].pair is None)
    assert signature(default) != signature(inside)
    other = bs.PowerLaw(irreducible=bs.Prior("Uniform", lower=0.1, upper=0.7, on="floor_share"))
    assert signature(other) == signature(inside)  # numbers alone compile nothing anew


def test_the_order_of_references_is_of_no_account():
    """A compiled density takes numbers by their place."""
    runs = runs_for(bs.PowerLaw(), bs.LogNormal())
    turned = dict(reversed(runs.references.items()))
    coordinates = Coordinates(bs.PowerLaw(), bs.LogNormal())
    one, other = (coordinates.numbers(references) for references in (runs.references, turned))
    assert list(one) == list(other)
