"""Faults, made on purpose: what was there stays, and what was under way is told."""

import pickle
import resource

import numpy as np
import pytest
from invented import invented_fit
from ready import ready

import bayescale as bs
from bayescale import compile_cache, kernels
from benchmarks import faults, load

#: Of every fault how many times it is tried here; benchmarks/faults.py tries more.
FEW = {
    "ctrl c in a fit": 3, "ctrl c in a batch": 1, "ctrl c in a batch of two processes": 1,
    "killed worker": 2, "full disk on save": 3, "read only folder on save": 2,
    "too large a forecast": 4, "two processes on one cache": 1, "corrupt cache": 3,
    "clock that runs backwards": 2, "decimal comma": 1,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", faults.FAULTS)
def test_nothing_is_lost(name):
    _, tried = faults.FAULTS[name]
    found = tried(FEW[name], **({"curves": 40} if name == "killed worker" else {}))
    if found["seen"].startswith("not tried"):
        pytest.skip(found["seen"])  # a disk cannot be mounted everywhere; the reason is in words
    assert found["lost"] == 0, found["seen"]
    assert found["tried"] == FEW[name]


@pytest.fixture
def narrow():
    """No file of this process may grow beyond 20,000 bytes: the system itself refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_may_not_grow_leaves_the_old_one_and_the_fit(tmp_path, request):
    fit, path = invented_fit(bs.PowerLaw()), tmp_path / "fit.nc"
    fit.save(path)
    before = path.read_bytes()
    wanted = fit.forecast(x=1e5).draws()
    request.getfixturevalue("narrow")
    with pytest.raises(bs.FileError, match="An older file of that name is unchanged"):
        fit.save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["fit.nc"]
    np.testing.assert_array_equal(fit.forecast(x=1e5).draws(), wanted)


class TestTooLarge:
    many = np.geomspace(1, 1e6, 10_000_000)

    @pytest.fixture
    def fit(self):
        return invented_fit(bs.PowerLaw())

    @pytest.mark.parametrize(
        "ask",
        [
            lambda fit, many: fit.forecast(x=many),
            lambda fit, many: fit.probability(y=2.0, x=many),
            lambda fit, many: fit.required(y=np.linspace(1.0, 3.0, len(many))),
            lambda fit, many: fit.log_density(2.0, x=many),
        ],
        ids=["forecast", "probability", "required", "log_density"],
    )
    def test_is_refused_with_the_size(self, fit, ask):
        with pytest.raises(bs.DataError, match=r"holds every draw.* GB\. Ask for"):
            ask(fit, self.many)

    @pytest.mark.parametrize("of", ["mixture", "stages"])
    @pytest.mark.parametrize(
        "ask",
        [
            lambda made, many: made.forecast(x=many),
            lambda made, many: made.required(y=np.linspace(1.0, 3.0, len(many))),
            lambda made, many: made.log_density(2.0, x=many),
        ],
        ids=["forecast", "required", "log_density"],
    )
    def test_so_it_is_of_several_fits(self, of, ask):
        with pytest.raises(bs.DataError, match=r"holds every draw.* GB\. Ask for"):
            ask(ready()[of], self.many)

    def test_intervals_come_in_parts(self, fit):
        assert len(fit.intervals(0.9, x=self.many[::2000])) == 5000


class TestDamagedCache:
    @pytest.fixture
    def place(self, tmp_path, monkeypatch):
        monkeypatch.setattr(compile_cache, "folder", lambda: tmp_path)
        (tmp_path / "numba").mkdir()
        whole = pickle.dumps("0.66") + pickle.dumps((0, {"a": 1}))
        for name, content in {
            "whole.nbi": whole, "cut.nbi": whole[:-3], "empty.nbc": b"", "zeros.nbc": bytes(90),
            "noise.nbi": b"\xff" * 50, "whole.nbc": pickle.dumps([1, 2]),
        }.items():  # fmt: skip
            (tmp_path / "numba" / name).write_bytes(content)
        return tmp_path / "numba"

    def test_what_cannot_be_read_is_removed(self, place):
        assert compile_cache.healed()
        assert sorted(each.name for each in place.iterdir()) == ["whole.nbc", "whole.nbi"]
        assert not compile_cache.healed()

    def test_a_density_is_compiled_once_more(self, place, monkeypatch):
        def route(density):
            if (place / "cut.nbi").exists():
                raise EOFError("Ran out of input")
            return "compiled"

        monkeypatch.setattr(kernels, "_by_wrapper", route)
        assert kernels.compiled(None) == "compiled"

    def test_an_error_of_the_law_itself_goes_through(self, place, monkeypatch):
        def route(density):
            raise ZeroDivisionError("in expr")

        monkeypatch.setattr(kernels, "_by_wrapper", route)
        with pytest.raises(ZeroDivisionError):
            kernels.compiled(None)
        assert not compile_cache.healed()
        with pytest.raises(ZeroDivisionError):
            kernels.compiled(None)


@pytest.mark.slow
def test_fits_without_end_hold_no_more_memory_files_and_threads():
    table = load.measured(fits=80, every=20, seconds=1e9)
    first, last = table.iloc[1], table.iloc[-1]  # everything is compiled by then
    assert last["rss_mib"] - first["rss_mib"] < 40
    assert last["open_files"] <= first["open_files"]
    assert last["threads"] <= first["threads"]
