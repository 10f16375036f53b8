"""`import bayescale` is quick, and every public name is there and says what it is."""

import ast
import subprocess
import sys
from pathlib import Path

import jedi
import pytest

import bayescale

HEAVY = {
    "arviz", "matplotlib", "nutpie", "numpy", "pandas", "pymc", "pytensor", "scipy", "xarray",
}  # fmt: skip


def packages_imported(*arguments: str) -> set[str]:
    """Top-level packages that a fresh interpreter imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.split("|")[-1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize(
    "arguments",
    [("-c", "import bayescale"), ("-m", "bayescale", "--help"), ("-m", "bayescale", "--version")],
    ids=["import", "help", "version"],
)
def test_nothing_heavy_is_imported(arguments):
    found = packages_imported(*arguments)
    assert "bayescale" in found
    assert not found & HEAVY


@pytest.mark.parametrize("name", dir(bayescale))
def test_public_name_loads_and_says_what_it_is(name):
    found = getattr(bayescale, name)
    if name == "__version__":
        assert found.count(".") >= 2
        return
    if name == "PF_DAY":
        assert found == 8.64e19
        return
    assert (found.__doc__ or "").strip()
    assert found.__name__ == name


def test_the_type_checker_sees_every_public_name():
    names = dir(bayescale)
    assert len(names) == len(set(names))
    module = ast.parse(Path(bayescale.__file__).read_text("utf-8"))
    (seen_only_there,) = (part for part in module.body if isinstance(part, ast.If))
    seen = {
        alias.asname or alias.name
        for line in seen_only_there.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen | {"__version__"} == set(names)


def test_an_editor_completes_laws_and_their_parameters():
    def completed(code: str) -> set[str]:
        return {found.name for found in jedi.Script(f"import bayescale as bs\n{code}").complete()}

    assert {"PowerLaw"} <= completed("bs.PowerL")
    assert {"plot_fit", "plot_forecast"} <= completed("bs.plot_f")
    assert {"exponent="} <= completed("bs.PowerLaw(expo")
    assert {"forecast"} <= completed("bs.PowerLaw().fit(t, y='l').forec")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("PowrLaw", "PowerLaw"),
        ("BrokenPowrLaw", "BrokenPowerLaw"),
        ("plot_forcast", "plot_forecast"),
        ("backtst", "backtest"),
    ],
)
def test_unknown_name_gets_the_nearest(wrong, right):
    with pytest.raises(AttributeError, match=f"bayescale has no '{wrong}'.*'{right}'"):
        getattr(bayescale, wrong)


def test_unknown_name_without_a_neighbour():
    with pytest.raises(AttributeError, match="bayescale has no 'zzzzzzzz'"):
        bayescale.zzzzzzzz  # noqa: B018
