"""Files from somebody else: damaged, swollen or hostile ones are refused, and run nothing."""

import ast
import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edited import SEAL, edited
from invented import invented_fit

import bayescale as bs
from bayescale import files, seal, tables, trackers
from bayescale.errors import BayescaleError, FileError

#: How many damaged files of each kind are tried; more by BAYESCALE_DAMAGED_FILES.
TRIED = int(os.environ.get("BAYESCALE_DAMAGED_FILES", "25"))
PACKAGE = Path(bs.__file__).parent


@pytest.fixture(scope="module")
def fit():
    return invented_fit(bs.PowerLaw())


@pytest.fixture(scope="module")
def netcdf(fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    fit.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def others():
    runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 20), y="loss")
    text = runs.to_csv(index=False).encode()
    return {"csv": text, "gzip": gzip.compress(text), "parquet": runs.to_parquet()}


def damaged(content, rng):
    """The same, cut, overwritten, doubled or with bits turned."""
    made = bytearray(content)
    how = rng.choice(["cut", "bits", "bits", "zeros", "doubled", "head", "shuffled"])
    place = rng.randrange(len(made))
    if how == "cut":
        return bytes(made[:place])
    if how == "doubled":
        return bytes(made[:place] + made)
    if how == "head":
        return bytes(made[:8] + rng.randbytes(200))
    if how == "zeros":
        made[place : place + 64] = bytes(len(made[place : place + 64]))
    elif how == "shuffled":
        part = list(made[place : place + 400])
        rng.shuffle(part)
        made[place : place + 400] = bytes(part)
    else:
        for _ in range(rng.choice([1, 3, 30])):
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def loaded(read, path):
    """What a file holds, or what is said of it; any error that is not ours goes through."""
    try:
        return read(path), ""
    except BayescaleError as error:
        return None, str(error)


@pytest.mark.parametrize("seed", range(TRIED))
def test_a_damaged_fit_is_refused_or_whole(netcdf, fit, tmp_path, seed):
    path = tmp_path / "fit.nc"
    path.write_bytes(damaged(netcdf, random.Random(seed)))
    found, said = loaded(bs.load, path)
    if found is None:
        assert str(path) in said
        return
    # The damage was in room that nothing uses, or in a name or number that is not checked.
    assert found.parameters["exponent"].shape == fit.parameters["exponent"].shape


@pytest.mark.parametrize("kind", ["csv", "gzip", "parquet"])
def test_a_damaged_table_is_refused_or_a_table(others, kind, tmp_path):
    for seed in range(TRIED):
        path = tmp_path / "runs"
        path.write_bytes(damaged(others[kind], random.Random(seed)))
        found, said = loaded(lambda path: bs.read_runs(path, quiet=True), path)
        assert isinstance(found, pd.DataFrame) or str(path) in said


def test_a_file_that_memory_does_not_hold_is_refused(others, tmp_path, monkeypatch):
    def full(*args, **how):
        raise MemoryError

    path = tmp_path / "runs.csv"
    path.write_bytes(others["csv"])
    for place in (tables, trackers):
        with monkeypatch.context() as patch:
            patch.setattr(place, "_csv" if place is tables else "tidied", full)
            with pytest.raises(bs.FileError, match="there is memory"):
                bs.read_runs(path, quiet=True)


def test_a_fit_that_memory_does_not_hold_is_refused(netcdf, tmp_path, monkeypatch):
    def full(*args, **how):
        raise MemoryError

    path = tmp_path / "fit.nc"
    path.write_bytes(netcdf)
    for place, name in ((seal, "is_broken"), (files, "_check_size")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            with pytest.raises(bs.FileError, match="needs more memory than there is"):
                bs.load(path)


#: Reads every file of a folder under a limit of memory, and says how it went.
READS_ALL = """
import pathlib, resource, sys, time
import bayescale as bs
from bayescale import forms, files, tables, errors
import h5netcdf, pyarrow.parquet, arviz, xarray  # what a first read imports is no part of a limit
def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
before = status("VmHWM")
# Of data and not of addresses, of which every thread reserves a hundred megabytes.
resource.setrlimit(resource.RLIMIT_DATA, (status("VmData") * 2**10 + 2**30,) * 2)
counts, longest = {"read": 0, "refused": 0}, 0.0
for place in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        bs.load(place) if place.suffix == ".nc" else bs.read_runs(place, quiet=True)
        counts["read"] += 1
    except errors.BayescaleError:
        counts["refused"] += 1
    longest = max(longest, time.process_time() - start)
more = (status("VmHWM") - before) / 2**10
print(counts["read"], counts["refused"], round(more), round(longest, 2))
"""


def test_damaged_files_are_read_in_little_memory_and_time(netcdf, others, tmp_path):
    rng = random.Random(os.environ.get("BAYESCALE_DAMAGED_SEED", "1"))
    kinds = {".nc": netcdf, ".csv": others["csv"], ".gz": others["gzip"], ".pq": others["parquet"]}
    for ending, content in kinds.items():
        for number in range(TRIED):
            (tmp_path / f"{number}{ending}").write_bytes(damaged(content, rng))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READS_ALL, str(tmp_path)],
        capture_output=True, text=True, timeout=120 + 4 * TRIED,
        # Arrow's own pool takes a gibibyte from the start, now and then, which would be all.
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr[-2000:])
    read, refused, mebibytes, longest = map(float, done.stdout.split())
    assert read + refused == 4 * TRIED
    assert refused > TRIED / 2
    assert mebibytes < 600
    assert longest < 20  # seconds of one file: none hangs
    print(f"{read:.0f} read, {refused:.0f} refused, {mebibytes:.0f} MiB more, {longest} s at most")


class TestSwollen:
    def test_gzip(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tables, "LARGEST", 1000)
        path = tmp_path / "runs.csv.gz"
        path.write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 1000))
        with pytest.raises(FileError, match="when unpacked"):
            tables.read_runs(path)

    def test_parquet_of_one_value_a_million_times(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tables, "LARGEST", 1_000_000)
        path = tmp_path / "runs.parquet"
        pq.write_table(pa.table({"x": np.zeros(1_000_000)}), path)
        assert path.stat().st_size < 100_000
        with pytest.raises(FileError, match="when unpacked"):
            tables.read_runs(path)

    def test_netcdf_with_an_array_that_was_never_written(self, netcdf, tmp_path):
        path = tmp_path / "fit.nc"
        path.write_bytes(netcdf)
        with edited(path) as file:
            huge = file["posterior"].create_dataset(
                "huge", shape=(2**20, 2**20), dtype="f8", chunks=(1024, 1024)
            )
            assert huge.nbytes > 2**40
        with pytest.raises(FileError):
            bs.load(path)


class TestElsewhere:
    @pytest.fixture
    def path(self, netcdf, tmp_path):
        path = tmp_path / "fit.nc"
        path.write_bytes(netcdf)
        return path

    def test_a_link_to_another_file(self, path, netcdf, tmp_path):
        other = tmp_path / "other.nc"
        other.write_bytes(netcdf)
        with edited(path) as file:
            file["stolen"] = h5py.ExternalLink(str(other), "/posterior")
        with pytest.raises(FileError, match="'/stolen' in it stands for something elsewhere"):
            bs.load(path)

    def test_an_array_whose_numbers_are_another_file(self, path, tmp_path):
        secret = tmp_path / "secret"
        secret.write_bytes(b"12345678" * 10)
        with edited(path) as file:
            file["posterior"].create_dataset(
                "stolen", shape=(10,), dtype="f8", external=[(str(secret), 0, 80)]
            )
        with pytest.raises(FileError, match="'/posterior/stolen' in it stands for"):
            bs.load(path)

    def test_a_group_that_holds_itself(self, path):
        with edited(path) as file:
            file["posterior"]["again"] = file["posterior"]
        with pytest.raises(FileError, match="stands for something elsewhere"):
            bs.load(path)


def test_a_file_names_no_module(netcdf, tmp_path):
    """Law and likelihood are looked up among what is imported; other names are refused."""
    path = tmp_path / "fit.nc"
    path.write_bytes(netcdf)
    with edited(path) as file:
        described = json.loads(file.attrs["bayescale"])
        described["law"]["name"] = "os.system"
        file.attrs["bayescale"] = json.dumps(described)
    with pytest.raises(FileError, match=r"the law 'os\.system', which is not known here"):
        bs.load(path)


#: Who may unpickle anything but ``packed``, which one process of ours sends to another.
UNPICKLING = {
    "warming.py",  # what comes over a pipe from the process that started this one,
    "compile_cache.py",  # what lies beside compiled machine code in the user's own folder,
    "datasets/plain_pickles.py",  # and a reader that calls nothing.
}


def test_nothing_is_evaluated_and_no_file_is_unpickled():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            assert name not in ("eval", "exec", "compile", "__import__", "os.system"), path
            assert "yaml" not in name, path
            assert ast.unparse(node).count("allow_pickle=True") == 0, path
            packed = ast.unparse(node) == "cloudpickle.loads(packed)"
            if not packed and name.endswith(
                ("pickle.load", "pickle.loads", "Unpickler", "read_pickle")
            ):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= UNPICKLING
    for name in ("files.py", "batch_store.py", "encoding.py", "tables.py", "trackers.py"):
        assert "pickle.load" not in (PACKAGE / name).read_text()


FORMATS = Path(__file__).parent / "formats"


class TestEveryFormatThatThereWas:
    """Files that were written when a format was new; they are never written again."""

    def test_there_is_one_of_this_format(self):
        assert (FORMATS / f"fit_{files.OF_FIT}.nc").exists()
        assert (FORMATS / f"ensemble_{files.FORMAT}.nc").exists()

    @pytest.mark.parametrize("path", sorted(FORMATS.glob("fit_*.nc")), ids=lambda path: path.stem)
    def test_a_fit_opens(self, path):
        fit = bs.load(path)
        assert (fit.law, fit.likelihood) == (bs.PowerLaw(), bs.StudentT())
        assert fit.parameters["exponent"].shape == (2, 10)
        assert np.isfinite(fit.forecast(x=1e6).draws()).all()

    @pytest.mark.parametrize(
        "path", sorted(FORMATS.glob("ensemble_*.nc")), ids=lambda path: path.stem
    )
    def test_an_ensemble_opens(self, path):
        mixture = bs.load(path)
        assert mixture.weights.to_dict() == {"power": 0.25, "broken": 0.75}
        assert np.isfinite(mixture.forecast(x=1e6).draws()).all()


@pytest.mark.parametrize("damage", ["a bit", "a seal", "cut", "two in one"])
def test_a_damaged_file_is_not_shown_to_hdf5(netcdf, tmp_path, monkeypatch, damage):
    path = tmp_path / "fit.nc"
    path.write_bytes(netcdf)
    assert bs.load(path).name == "PowerLaw"
    middle, bare = len(netcdf) // 2, netcdf[:-SEAL]
    contents = {
        "a bit": netcdf[:middle] + bytes([netcdf[middle] ^ 1]) + netcdf[middle + 1 :],
        "a seal": bare,
        "cut": netcdf[:-1],
        "two in one": netcdf + netcdf,
    }
    path.write_bytes(contents[damage])
    monkeypatch.setattr(h5py, "File", None)
    with pytest.raises(FileError, match="not those that were written|is cut short, or"):
        bs.load(path)
    assert files.is_fit(path) == (damage in ("a bit", "two in one"))
