"""Benchmarks that look into the package's rooms still find there what they look for."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CURVES = """
import bayescale as bs
import scale_curves
runs = scale_curves.simulated(4, broken=False)
found = scale_curves.measured(bs.PowerLaw(), runs, processes=1, chunk=2, dask=False)
assert found["curves"] == 4 and found["failed"] == 0, found
"""


def run(*command):
    done = subprocess.run(
        [sys.executable, *command], cwd=BENCHMARKS, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_many_curves():
    run("-c", CURVES)


@pytest.mark.slow
def test_how_far_from_the_floor(tmp_path):
    said = run("speed_limit.py", "--repeats", "1", "--out", str(tmp_path))
    assert "gradients_share" in said
    assert (tmp_path / "speed_limit.csv").exists()
