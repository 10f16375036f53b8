"""Shared fixtures: real runs, a faked sampler, and fits that several tests look at."""

import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
import xarray as xr

import bayescale as bs
from bayescale import sample
from bayescale.registry import LAWS, find_law

find_law("PowerLaw")  # fills the registry
# For `benchmarks`. Last, so that a copy of the package named by PYTHONPATH is found before.
sys.path.append(str(Path(__file__).parent.parent))


@pytest.fixture(params=list(LAWS.values()), ids=list(LAWS))
def form(request):
    """Every form of the registry."""
    return request.param


@pytest.fixture
def curve():
    """One shipped learning curve: the mean error of a classifier at 16 training sizes."""
    return learning_curve("digits", "mlp")


def learning_curve(task, model):
    runs = bs.load_dataset("digits_learning_curves")
    chosen = runs[(runs["task"] == task) & (runs["model"] == model)]
    return chosen.groupby("examples", as_index=False)["error"].mean()


def reference_grid(form, points=24):
    """Inputs in reference units that fill the example's range."""
    return form.example_inputs(points)


@pytest.fixture
def no_sampling(monkeypatch):
    """Draws near the prior's median instead of NUTS: nothing is compiled."""

    def fake(key, density, settings, untangled=None):
        rng = np.random.default_rng(settings.seed)
        shape = (settings.chains, settings.draws)
        draws = 0.1 * rng.standard_normal((*shape, density.dimension))
        zeros = np.zeros(shape)
        stats = {
            "diverging": (("chain", "draw"), zeros.astype(bool)),
            "energy": (("chain", "draw"), rng.standard_normal(shape)),
            "n_steps": (("chain", "draw"), zeros.astype(int) + 7),
        }
        coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
        return draws, xr.Dataset(stats, coords)

    monkeypatch.setattr(sample, "run", fake)
    monkeypatch.setattr(sample, "slope", lambda key, density: None)


@pytest.fixture(scope="session")
def published():
    """The folder of published data, named by BAYESCALE_TEST_DATA."""
    folder = os.environ.get("BAYESCALE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.fail(
            "Tests marked 'published' need the folder of published data: set BAYESCALE_TEST_DATA."
        )
    return Path(folder)


@pytest.fixture(scope="session")
def power_fit():
    """A real NUTS fit of the power law to a shipped curve."""
    runs = learning_curve("digits", "mlp")
    return bs.PowerLaw().fit(runs, y="error", x="examples", seed=1, progress=False)


@pytest.fixture(scope="session")
def broken_fit():
    """A real NUTS fit of the broken power law, floor and level integrated out."""
    runs = learning_curve("digits", "mlp")
    law = bs.BrokenPowerLaw(breaks=2, placement="fixed")
    return law.fit(runs, y="error", x="examples", seed=1, progress=False)
