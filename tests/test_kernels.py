"""Our C wrapper of a density and nutpie's public route give the same values and draws."""

import ctypes
import gc

import numpy as np
import pytest

import bayescale as bs
from bayescale import engines, kernels, model, sample
from bayescale.coordinates import Coordinates
from bayescale.data import observations

LAWS = {"power": bs.PowerLaw(), "chinchilla": bs.Chinchilla(), "broken": bs.BrokenPowerLaw()}


def density_of(law, points=20, seed=0):
    likelihood = bs.LogNormal()
    runs = law.simulate(y="y", seed=seed, **law.example_inputs(points))
    checked = observations(law, likelihood, runs, "y", {role: role for role in law.inputs})
    numbers = Coordinates(law, likelihood).numbers(checked.references)
    return model.density(law, likelihood, numbers, checked)


def called(compiled, point):
    """Call the C function as nutpie does: status, value, gradient."""
    doubles = ctypes.POINTER(ctypes.c_double)
    made = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_uint64, doubles, doubles, doubles, ctypes.c_void_p
    )(compiled.compiled_logp_func.address)
    gradient, value = np.zeros_like(point), np.zeros(1)
    at = [array.ctypes.data_as(doubles) for array in (point, gradient, value)]
    status = made(len(point), *at, compiled.user_data.ctypes.data)
    return status, value[0], gradient


def test_the_wrapper_fits_the_nutpie_that_is_installed():
    assert kernels.wrapper_fits()


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_both_routes_give_the_same_value_and_gradient(name):
    density = density_of(LAWS[name])
    ours, theirs = kernels.compiled(density), kernels.by_public_route(density)
    rng = np.random.default_rng(1)
    for _ in range(5):
        point = rng.standard_normal(density.dimension)
        (fine, value, gradient), (also, other, slope) = called(ours, point), called(theirs, point)
        assert fine == also == 0
        assert value == pytest.approx(other, rel=1e-13)
        np.testing.assert_allclose(gradient, slope, rtol=1e-11, atol=1e-11)


def test_other_data_of_another_length_go_through_one_compilation():
    few, many = density_of(bs.PowerLaw()), density_of(bs.PowerLaw(), points=300, seed=4)
    compiled = kernels.compiled(few).with_data(**many.data)
    point = np.full(many.dimension, 0.3)
    function = kernels.gradient_function(many)
    value, gradient = function(point, many.data["numbers"], many.data["columns"])
    status, found, slope = called(compiled, point)
    assert status == 0
    assert found == pytest.approx(float(value), rel=1e-13)
    np.testing.assert_allclose(slope, gradient, rtol=1e-12)


def test_a_point_of_no_density_is_refused():
    compiled = kernels.compiled(density_of(bs.PowerLaw()))
    assert called(compiled, np.full(4, np.nan))[0] == 3
    assert called(compiled, np.zeros(3))[0] == -1


def test_without_the_record_known_here_the_public_route_is_taken(monkeypatch, curve):
    taken = []
    public = kernels.by_public_route
    monkeypatch.setattr(kernels, "_FIELDS", {"something else"})
    monkeypatch.setattr(kernels, "by_public_route", lambda d: taken.append(d) or public(d))
    monkeypatch.setattr(sample, "_compiled", {})
    assert not kernels.wrapper_fits()
    law, likelihood = bs.PowerLaw(), bs.LogNormal()
    checked = observations(law, likelihood, curve, "error", {"x": "examples"})
    drawn = engines.draw(law, likelihood, checked, sample.Sampling(draws=200, tune=300))
    assert len(taken) == 1
    assert np.isfinite(drawn.parameters["exponent"]).all()


def test_garbage_is_collected_again_after_a_compilation(monkeypatch):
    seen = []

    def fails(density):
        seen.append(gc.isenabled())
        raise ValueError("no")

    monkeypatch.setattr(kernels, "_by_wrapper", fails)
    monkeypatch.setattr(kernels, "by_public_route", fails)
    with pytest.raises(ValueError, match="no"):
        kernels.compiled(density_of(bs.PowerLaw()))
    assert seen == [False]
    assert gc.isenabled()
