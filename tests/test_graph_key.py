"""A rewritten function serves every graph of its name, in this process and the next."""

import os
import subprocess
import sys

import numpy as np
import pytensor
import pytest

import bayescale as bs
from bayescale import compile_cache, kernels, model
from bayescale.coordinates import Coordinates
from bayescale.data import observations
from bayescale.graph_key import NoKeyError, graph_key

pt = pytensor.tensor


def density_of(law, likelihood):
    runs = type(law)(**law.example).simulate(y="y", **law.example_inputs(12))
    with_roles = {role: role for role in law.inputs}
    checked = observations(law, likelihood, runs, "y", with_roles)
    numbers = Coordinates(law, likelihood).numbers(checked.references)
    return model.density(law, likelihood, numbers, checked)


def graph_of(density):
    point = pt.TensorType("float64", shape=(density.dimension,))("point")
    inputs = [point, pt.dvector("numbers"), pt.dmatrix("columns")]
    return inputs, density.tensor(*inputs)


def key_of(law, likelihood):
    return graph_key(*graph_of(density_of(law, likelihood)))


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """A cache folder of our own graphs that is empty."""
    place = tmp_path / "graphs"
    monkeypatch.setattr(compile_cache, "_place", lambda key: place / f"{key}.pickle")
    return place


def test_every_form_has_a_key_of_its_own(form):
    law = form()
    if form is bs.SaturatingPowerLaw:
        with pytest.raises(NoKeyError, match="graph of its own"):
            key_of(law, bs.LogNormal())
        return
    keys = {key_of(law, noise) for noise in (bs.LogNormal(), bs.LogNormal(), bs.StudentT())}
    assert len(keys) == 2
    assert key_of(bs.PowerLaw(), bs.LogNormal()) not in keys or form is bs.PowerLaw


def test_what_changes_the_density_changes_the_key():
    laws = [
        bs.PowerLaw(),
        bs.PowerLaw(irreducible=0.0),
        bs.PowerLaw(exponent=bs.Prior("HalfNormal", sigma=1.0)),
        bs.BrokenPowerLaw(breaks=1),
        bs.BrokenPowerLaw(breaks=2),
        bs.BrokenPowerLaw(breaks=2, placement="fixed"),
        bs.BrokenPowerLaw(breaks=2, monotone=False),
    ]
    keys = [key_of(law, bs.LogNormal()) for law in laws]
    assert len(set(keys)) == len(keys)
    # Numbers are data.
    assert (
        key_of(bs.PowerLaw(exponent=bs.Prior("HalfNormal", sigma=2.0)), bs.LogNormal()) == keys[2]
    )


def test_constants_and_inputs_are_part_of_the_key():
    x, y = pt.dvector("x"), pt.dvector("y")
    assert graph_key([x, y], (x * y).sum()) == graph_key([y, x], (y * x).sum())
    assert graph_key([x, y], (x - y).sum()) != graph_key([y, x], (x - y).sum())
    assert graph_key([x], (2.0 * x).sum()) != graph_key([x], (3.0 * x).sum())
    assert graph_key([x], x[1:].sum()) != graph_key([x], x[2:].sum())
    with pytest.raises(NoKeyError, match="neither an input nor a constant"):
        graph_key([x], (x * y).sum())


KEY = """
import bayescale as bs
from test_graph_key import key_of
print(key_of(bs.BrokenPowerLaw(breaks=2), bs.Correlated()))
"""


def test_the_key_is_the_same_in_another_process():
    expected = key_of(bs.BrokenPowerLaw(breaks=2), bs.Correlated())
    here = os.path.dirname(__file__)  # noqa: PTH120
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": here}
    done = subprocess.run(
        [sys.executable, "-c", KEY], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == expected


def test_a_kept_function_gives_the_same_numbers(folder):
    density = density_of(bs.PowerLaw(), bs.LogNormal())
    point = np.linspace(-0.5, 0.5, density.dimension)
    data = [np.array(value) for value in density.data.values()]
    fresh = kernels.gradient_function(density)(point, *data)
    (file,) = folder.iterdir()
    kept = kernels.gradient_function(density)(point, *data)
    assert kept[0] == pytest.approx(fresh[0], rel=1e-14)
    np.testing.assert_allclose(kept[1], fresh[1], rtol=1e-13)
    file.write_bytes(b"half of a file")
    again = kernels.gradient_function(density)(point, *data)
    assert again[0] == pytest.approx(fresh[0], rel=1e-14)
    assert file.stat().st_size > 1000


def test_a_form_without_a_key_is_compiled_all_the_same(folder):
    density = density_of(bs.SaturatingPowerLaw(), bs.LogNormal())
    data = [np.array(value) for value in density.data.values()]
    value, gradient = kernels.gradient_function(density)(np.zeros(density.dimension), *data)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert not folder.exists()


def test_what_cannot_be_pickled_is_not_kept(folder):
    compile_cache.keep("a", lambda: None)
    assert not folder.exists()
    assert compile_cache.kept("a") is None


def test_a_folder_that_was_given_up_is_left_alone(folder, monkeypatch):
    monkeypatch.setattr(pytensor.config, "numba__cache", False)
    compile_cache.keep("a", "function")
    assert not folder.exists()
