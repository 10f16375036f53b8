"""Compiling ahead of time, and a cache folder that cannot be written to."""

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bayescale as bs
from bayescale import cli, compile_cache, engines, kernels, outlook, sample, warming
from bayescale.coordinates import Coordinates
from bayescale.errors import BayescaleError, BayescaleWarning, FileError, LawError

TWO_FIXED = bs.BrokenPowerLaw(breaks=2, placement="fixed")


@pytest.fixture
def asked(monkeypatch):
    """The keys of the densities that would be compiled."""
    keys = []
    monkeypatch.setattr(sample, "run", lambda key, density, settings: keys.append(key))
    return keys


@pytest.fixture
def untold(monkeypatch):
    """A process that has said nothing yet."""
    monkeypatch.setattr(compile_cache, "_untold", [])
    monkeypatch.setattr(compile_cache, "_reasons", [])


# Ahead of time ------------------------------------------------------------------------------------


def test_a_law_is_compiled_in_every_density_that_a_fit_may_sample(asked):
    warming.compile_law(TWO_FIXED, bs.LogNormal())
    assert [key[0] for key in asked] == ["declared", "collapsed"]
    asked.clear()
    warming.compile_law(TWO_FIXED, bs.StudentT())
    assert [key[0] for key in asked] == ["declared"]


def test_every_form_can_be_compiled_without_runs(asked, form):
    law = form()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is said of invented runs
        warming.compile_law(law, law.default_likelihood())
    assert asked


def test_a_fit_with_other_numbers_asks_for_what_was_compiled(asked):
    warming.compile_law(bs.PowerLaw(), bs.LogNormal())
    other = bs.PowerLaw(exponent=bs.Prior("LogNormal", mu=0.0, sigma=0.3))
    coordinates = Coordinates(other, bs.LogNormal())
    assert engines.density_key("declared", coordinates, sample.Sampling()) == asked[0]


def test_forecast_stands_for_what_the_forecast_without_choices_fits(asked):
    table = bs.warm("forecast", progress=False)
    assert len(table) == len(outlook.FALLING)
    assert all(name.endswith(", Correlated(LogNormal)") for name in table.index)
    wanted = {
        engines.density_key("declared", Coordinates(law, bs.Correlated()), sample.Sampling())
        for law in outlook.FALLING.values()
    }
    assert wanted <= set(asked)


def test_the_table_tells_compiled_from_warm(asked, monkeypatch):
    files = iter([{}, {"a.nbi": 2**20}, {"a.nbi": 2**20}, {"a.nbi": 2**20}, {"a.nbi": 2**20}])
    monkeypatch.setattr(compile_cache, "entries", lambda: next(files))
    table = bs.warm(["power", bs.Chinchilla()], progress=False)
    assert list(table.index) == ["PowerLaw", "Chinchilla"]
    assert list(table["compiled"]) == [True, False]
    assert table.attrs == {"folder": str(compile_cache.folder()), "mib": 1.0}


@pytest.mark.parametrize("wrong", [bs.PowerLaw, 3, [None]])
def test_what_is_no_law_is_refused(wrong):
    with pytest.raises(LawError, match="laws= takes laws"):
        bs.warm(wrong)


def test_a_process_of_the_background_that_fails_says_why():
    script = "import sys; sys.stderr.write('first\\nOSError: no room'); sys.exit(3)"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe)
    handle = warming.Warming(("PowerLaw",), process)
    for _ in range(2):
        with pytest.raises(BayescaleError, match="PowerLaw in the background.*OSError: no room"):
            handle.wait()
    assert not handle.running
    assert repr(handle) == "Warming(PowerLaw: done)"


def test_a_wait_can_have_an_end_and_a_process_be_stopped():
    pipe = subprocess.PIPE
    script = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe)
    handle = warming.Warming(("PowerLaw",), process)
    assert handle.running
    with pytest.raises(TimeoutError, match=r"0\.01 seconds"):
        handle.wait(0.01)
    handle.stop()
    with pytest.raises(BayescaleError, match="exit code"):
        handle.wait()


@pytest.mark.slow
def test_the_background_compiles_while_this_process_fits(curve):
    handle = bs.warm(["power"], background=True)
    fit = bs.PowerLaw().fit(curve, y="error", x="examples", progress=False)
    assert fit.diagnostics.good
    assert list(handle.wait().index) == ["PowerLaw"]
    assert not handle.running


# On the command line ------------------------------------------------------------------------------


def test_the_command_compiles_what_it_is_told(asked):
    done = CliRunner().invoke(cli.app, ["warm", "power", "broken", "--breaks", "2"])
    assert done.exit_code == 0, done.output
    assert "PowerLaw: was warm" in done.stdout
    assert "BrokenPowerLaw(breaks=2): was warm" in done.stdout
    assert f"The cache in {compile_cache.folder()} has" in done.stdout.replace("\n", " ")
    assert len(asked) == 3


def test_the_command_has_a_choice_of_its_own(asked):
    done = CliRunner().invoke(cli.app, ["warm", "--json"])
    assert done.exit_code == 0, done.output
    assert "\"BrokenPowerLaw(breaks=2, placement='fixed')\"" in done.stdout
    assert len(asked) == 7


def test_options_want_a_law(asked):
    done = CliRunner().invoke(cli.app, ["warm", "--breaks", "2"])
    assert done.exit_code == 2
    assert "Options are of a law" in done.stderr


def test_the_command_fails_where_nothing_is_kept(asked, monkeypatch):
    monkeypatch.setattr(compile_cache, "_reasons", ["no room"])
    done = CliRunner().invoke(cli.app, ["warm", "power"])
    assert done.exit_code == 1
    assert "PowerLaw: compiled" in done.stdout


# A folder that cannot be used ---------------------------------------------------------------------


def python(script: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script], env=os.environ | variables,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


LOOK = """
from bayescale import compile_cache, kernels
import pytensor.link.numba.cache as used
compile_cache.tell()
compile_cache.tell()
print(used.NUMBA_CACHE_PATH.is_dir(), used.NUMBA_CACHE_PATH, compile_cache.folder())
"""


def test_a_folder_that_cannot_be_made_is_replaced_before_pytensor_is_imported(tmp_path):
    (tmp_path / "file").write_text("no folder")
    wanted = tmp_path / "file" / "cache"
    done = python(LOOK, PYTENSOR_FLAGS=f"floatX=float64,base_compiledir={wanted}")
    assert done.returncode == 0, done.stderr
    exists, numba, base = done.stdout.split()
    assert exists == "True"
    assert Path(numba).parent == Path(base) != wanted
    assert not Path(base).exists()  # gone with the process
    (warned,) = [line for line in done.stderr.splitlines() if "BayescaleWarning" in line]
    for words in (str(wanted), base, "Not a directory", "PYTENSOR_FLAGS=base_compiledir=FOLDER"):
        assert words in warned


def test_a_folder_that_can_be_used_stays(tmp_path):
    done = python(LOOK, PYTENSOR_FLAGS=f"base_compiledir={tmp_path / 'cache'}")
    assert done.stdout.split() == ["True", str(tmp_path / "cache/numba"), str(tmp_path / "cache")]
    assert "BayescaleWarning" not in done.stderr


FIT = """
import bayescale as bs
law = bs.PowerLaw()
runs = law.simulate(y="loss", **law.example_inputs())
for _ in range(2):
    print(law.fit(runs, y="loss", x="x", draws=200, tune=300, progress=False).diagnostics.rhat)
"""


@pytest.mark.slow
def test_a_fit_works_without_a_cache_and_warns_once(tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = python(FIT, PYTENSOR_FLAGS=f"base_compiledir={tmp_path / 'file' / 'cache'}")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2
    assert done.stderr.count("BayescaleWarning: Compiled densities cannot be kept") == 1


@pytest.mark.parametrize(
    ("flags", "settings", "expected"),
    [
        ("base_compiledir=/a/b", "", "/a/b"),
        ("base_compiledir=/a, floatX=float64,base_compiledir=/c", "", "/c"),
        ("floatX=float64", "[global]\nbase_compiledir = /from/file\n", "/from/file"),
        ("", "[global]\nbase_compiledir = %(TMP)s/x\n", "None"),
        ("", "", "/some/home/.pytensor"),
    ],
)
def test_the_folder_is_read_as_pytensor_reads_it(tmp_path, monkeypatch, flags, settings, expected):
    (tmp_path / "rc").write_text(settings)
    monkeypatch.setenv("PYTENSOR_FLAGS", flags)
    monkeypatch.setenv("PYTENSORRC", str(tmp_path / "rc"))
    monkeypatch.setenv("HOME", "/some/home")
    monkeypatch.delitem(sys.modules, "pytensor", raising=False)
    assert str(compile_cache.folder()) == expected


def test_a_disk_that_fills_up_is_told_once_and_the_density_compiled(monkeypatch, untold):
    import pytensor

    with_cache = []

    def route(density):
        with_cache.append(pytensor.config.numba__cache)
        if with_cache[-1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return "compiled"

    monkeypatch.setattr(kernels, "_by_wrapper", route)
    monkeypatch.setattr(pytensor.config, "numba__cache", True)
    with pytest.warns(BayescaleWarning, match="cannot be kept.*No space left.*PYTENSOR_FLAGS"):
        assert kernels.compiled(None) == "compiled"
    assert not compile_cache.lasts()
    assert kernels.compiled(None) == "compiled"  # and no second warning, which is an error here
    assert with_cache == [True, False, False]


def test_a_folder_of_temporary_files_that_is_full_is_named(monkeypatch, untold):
    import pytensor

    def route(density):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(kernels, "_by_wrapper", route)
    monkeypatch.setattr(pytensor.config, "numba__cache", False)
    with pytest.raises(FileError, match=r"temporary file in .*No space left.*TMPDIR"):
        kernels.compiled(None)
