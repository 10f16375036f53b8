"""Coordinates in which levels are uncorrelated, on numbers alone and in a compiled density."""

import numpy as np
import pytest
from test_group_fits import POOLED, density_of, simulated

import bayescale as bs
from bayescale import kernels, told, untangle
from bayescale.c_functions import c_untangled
from bayescale.coordinates import Coordinates
from bayescale.data import observations

RNG = np.random.default_rng(0)
#: Two blocks of two and one of one, every coordinate once.
PLACES = [np.array([[0, 2], [1, 3]]), np.array([[4]])]


def tangled_draws(count=4000):
    """Draws of which each block has another covariance, and their middle."""
    z = RNG.standard_normal((4, count, 5))
    z[..., 2] = 0.95 * z[..., 0] + 0.1 * z[..., 2]
    z[..., 3] = -0.8 * z[..., 1] + 0.5 * z[..., 3]
    z[..., 4] = 7 * z[..., 4]
    return z + np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def standard(found, z):
    """The inverse of ``found.tangled``, by a plain solve."""
    u = np.empty_like(z)
    for places, roots in zip(found.places, found.roots, strict=True):
        for place, root in zip(places, roots, strict=True):
            u[..., place] = (z - found.middle)[..., place] @ np.linalg.inv(root).T
    return u


def test_draws_are_uncorrelated_in_their_own_map():
    z = tangled_draws()
    u = standard(untangle.from_draws(z, PLACES), z).reshape(-1, 5)
    np.testing.assert_allclose(u.mean(0), 0, atol=1e-8)
    np.testing.assert_allclose(np.cov(u.T, bias=True), np.eye(5), atol=0.05)


def test_the_map_goes_to_where_the_draws_were():
    z = tangled_draws(10)
    found = untangle.from_draws(z, PLACES)
    np.testing.assert_allclose(found.tangled(standard(found, z)), z, rtol=1e-9)


def test_draws_that_do_not_move_have_a_map_too():
    found = untangle.from_draws(np.ones((2, 20, 5)), PLACES)
    assert np.isfinite(found.numbers).all()


def test_curvature_of_a_gaussian_is_its_precision_block_by_block():
    precision = np.diag([4.0, 9.0, 2.0, 3.0, 100.0])
    precision[0, 2] = precision[2, 0] = 1.5
    found = untangle.from_curvature(
        lambda x: (-0.5 * x @ precision @ x, -precision @ x), np.zeros(5), PLACES
    )
    for places, roots in zip(PLACES, found.roots, strict=True):
        for place, root in zip(places, roots, strict=True):
            wanted = np.linalg.inv(precision[np.ix_(place, place)])
            np.testing.assert_allclose(root @ root.T, wanted, rtol=1e-6)


def test_where_a_density_ends_or_is_flat_coordinates_keep_their_width():
    nowhere = untangle.from_curvature(lambda x: (0.0, np.full(5, np.nan)), np.zeros(5), PLACES)
    flat = untangle.from_curvature(lambda x: (0.0, np.zeros(5)), np.zeros(5), PLACES)
    for found in (nowhere, flat):
        for roots in found.roots:
            np.testing.assert_allclose(
                roots @ roots.transpose(0, 2, 1),
                np.broadcast_to(np.eye(roots.shape[1]), roots.shape),
            )


def test_blocks_hold_every_coordinate_once_and_levels_apart():
    density = density_of(4)
    levels, shared = density.blocks
    assert levels.shape == (4, 3)
    assert shared.shape[0] == 1
    every = np.concatenate([np.ravel(levels), np.ravel(shared)])
    np.testing.assert_array_equal(np.sort(every), np.arange(density.dimension))


def test_the_compiled_map_is_the_density_there_and_its_gradient():
    density = density_of(3)
    compiled = kernels.compiled(density)
    plain = kernels.caller(compiled, density)
    draws = 0.3 * RNG.standard_normal((2, 50, density.dimension))
    found = untangle.from_draws(draws, density.blocks)

    class Mapped:
        dimension = density.dimension
        data = {**density.data, "numbers": np.append(density.data["numbers"], found.numbers)}

    wrapped = kernels.caller(kernels.rewrapped(compiled, c_untangled), Mapped)
    u = RNG.standard_normal(density.dimension)
    value, slope = wrapped(u)
    wanted, gradient = plain(found.tangled(u))
    assert value == pytest.approx(wanted, rel=1e-12)
    across = [
        gradient @ (found.tangled(u + one) - found.tangled(u - one)) / 2
        for one in np.eye(density.dimension)
    ]
    np.testing.assert_allclose(slope, across, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "law",
    [
        POOLED,
        bs.PowerLaw(exponent=bs.partial_pooling(by="family"), irreducible=0.0),
        bs.BrokenPowerLaw(breaks=2, exponent_change=bs.partial_pooling(by="family")),
        bs.PowerLaw(
            exponent=bs.partial_pooling(bs.Prior("Beta", alpha=2, beta=5), by="family", spread=0.2)
        ),
        bs.PowerLaw(scale=bs.partial_pooling(by=("family", "kind"))),
    ],
    ids=["all", "one", "components", "held spread", "two columns"],
)
def test_draws_are_the_same_in_the_coordinates_that_other_numbers_make(law):
    runs, _ = simulated(4, 8)
    runs["kind"] = runs["family"].isin(["f00", "f02"]).map({True: "a", False: "b"})
    checked = observations(law, bs.LogNormal(), runs, "y", {"x": "x"})
    coordinates = Coordinates(law, bs.LogNormal(), checked.groups)
    old = coordinates.numbers(checked.references)
    size = sum((n or 1) * coordinates.lengths.get(name, 1) for name, n in coordinates.sizes.items())
    vectors = RNG.standard_normal((2, 60, size))
    new = {**old, **told.learned(coordinates, coordinates.split(vectors), old)}
    moved = told.placed_anew(coordinates, vectors, old, new)
    assert not np.allclose(moved, vectors)
    before, _ = coordinates.values(coordinates.split(vectors), old)
    after, _ = coordinates.values(coordinates.split(moved), new)
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, rtol=1e-6, atol=1e-9, err_msg=name)
