"""Fits on disk: exact round trips, whatever was fitted, and clear words for every bad file."""

import json
import math
import os
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray as xr
from edited import edited
from invented import invented_fit

import bayescale as bs
from bayescale import files
from bayescale.errors import FileError
from bayescale.prior import Prior
from bayescale.registry import LAWS, list_laws

PRIORS = {
    "on the constant": bs.PowerLaw(x0=Prior("LogNormal", mu=10.0, sigma=2.0)),
    "a constant": bs.PowerLaw(x0=1e5),
    "fixed": bs.PowerLaw(irreducible=0.0, exponent=1 / 3),
    "an infinite bound": bs.PowerLaw(
        exponent=Prior("TruncatedNormal", mu=0.1 + 0.2, sigma=1.0, lower=0.0)
    ),
    "a share": bs.PowerLaw(irreducible=Prior("Beta", alpha=2, beta=5, on="floor_share")),
    "three breaks": bs.BrokenPowerLaw(breaks=3, placement="fixed"),
    "either sign": bs.BrokenPowerLaw(breaks=2, monotone=False, placement="free"),
    "numbers for breaks": bs.BrokenPowerLaw(breaks=2, break_location=(10.0, 600.0)),
}
NOISES = {
    "LogNormal": bs.LogNormal(sigma=0.01),
    "StudentT": bs.StudentT(nu=Prior("Gamma", mu=20, sigma=15)),
    "Normal": bs.Normal(),
}


@pytest.fixture(scope="module")
def fit():
    return invented_fit(bs.BrokenPowerLaw())


@pytest.fixture(scope="module")
def content(fit, tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    fit.save(path)
    return path.read_bytes()


@pytest.fixture
def saved(content, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    return path


def assert_same(loaded, fit):
    """Hold two fits to be equal to the last bit and the last type."""
    assert (loaded.law, loaded.likelihood) == (fit.law, fit.likelihood)
    assert loaded.settings == fit.settings
    assert loaded.tree.attrs == fit.tree.attrs
    assert loaded.runs.same_rows(fit.runs)
    assert loaded.runs.references == fit.runs.references
    assert (loaded.runs.columns, loaded.runs.outcome_column) == (
        fit.runs.columns,
        fit.runs.outcome_column,
    )
    assert [node.path for node in loaded.tree.subtree] == [node.path for node in fit.tree.subtree]
    for node in fit.tree.subtree:
        mine, theirs = node.to_dataset(), loaded.tree[node.path].to_dataset()
        if node.path != "/":
            xr.testing.assert_identical(theirs, mine)
        assert {k: v.dtype for k, v in theirs.variables.items()} == {
            k: v.dtype for k, v in mine.variables.items()
        }


# Round trips -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list_laws().index)
def test_every_law_comes_back_exactly(name, tmp_path):
    fit = invented_fit(LAWS[name]())
    fit.save(tmp_path / "fit.nc")
    assert_same(bs.load(tmp_path / "fit.nc"), fit)


@pytest.mark.parametrize("law", PRIORS.values(), ids=PRIORS)
def test_every_kind_of_prior_comes_back(law, tmp_path):
    fit = invented_fit(law)
    fit.save(tmp_path / "fit.nc")
    assert_same(bs.load(tmp_path / "fit.nc"), fit)


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_every_likelihood_comes_back(noise, tmp_path):
    fit = invented_fit(bs.PowerLaw(), noise, ceiling=4.0)
    fit.save(tmp_path / "fit.nc")
    assert_same(bs.load(tmp_path / "fit.nc"), fit)


def test_divergences_stay_true_or_false(saved):
    assert bs.load(saved).tree["sample_stats"]["diverging"].dtype == bool


def test_a_loaded_fit_does_what_the_fit_does(saved):
    fit = invented_fit(bs.BrokenPowerLaw())  # a forecast leaves its group in the tree
    loaded = bs.load(saved)
    at = [1e5, 1e6]
    np.testing.assert_array_equal(loaded.forecast(x=at).observation, fit.forecast(x=at).observation)
    assert loaded.diagnostics == fit.diagnostics
    assert repr(loaded) == repr(fit)
    assert loaded.constants().equals(fit.constants())
    assert loaded.required(y=2.0).interval().equals(fit.required(y=2.0).interval())
    assert sorted(v.name for v in loaded.model.free_RVs) == sorted(
        v.name for v in fit.model.free_RVs
    )


def test_a_forecast_is_kept_in_the_file(tmp_path):
    fit = invented_fit(bs.PowerLaw())
    fit.forecast(x=[1e5, 1e6])
    fit.save(tmp_path / "fit.nc")
    loaded = bs.load(tmp_path / "fit.nc")
    assert {"predictions", "predictions_constant_data"} <= set(loaded.tree.children)
    assert_same(loaded, fit)


def test_what_a_file_cannot_hold_in_attributes_elsewhere_it_holds_here(tmp_path):
    fit = invented_fit(bs.PowerLaw())
    fit.tree.attrs |= {
        "pareto_k": math.inf,
        "notes": ["x" * 100_000],
        "mine": {"prior": [1, 2.5, None, True], "array": (np.float64(0.1), "Größe")},
    }
    fit.save(tmp_path / "fit.nc")
    assert bs.load(tmp_path / "fit.nc").tree.attrs == fit.tree.attrs


def test_a_saved_fit_can_be_loaded_changed_and_saved_again(saved):
    loaded = bs.load(saved)
    loaded.save(saved)
    again = bs.load(saved)
    assert_same(again, loaded)


def test_the_file_is_closed_and_everything_is_in_memory(fit, saved):
    loaded = bs.load(saved)
    saved.unlink()
    assert_same(loaded, fit)


def test_any_tool_reads_the_groups(fit, saved):
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        np.testing.assert_array_equal(
            tree["posterior"]["exponent"], fit.tree["posterior"]["exponent"]
        )


def test_the_versions_stand_in_the_file(saved):
    with h5netcdf.File(saved, "r") as file:
        described = json.loads(file.attrs["bayescale"])
        assert file.attrs["bayescale_format"] == 1  # which earlier readers can read
    assert set(described["versions"]) >= {"bayescale", "pymc", "nutpie", "arviz", "numpy"}


def test_an_attribute_that_cannot_be_kept_is_named(saved):
    before = saved.read_bytes()
    fit = invented_fit(bs.PowerLaw())
    fit.tree.attrs["mine"] = {"model": object()}
    with pytest.raises(FileError, match=r"tree\.attrs\.mine\.model holds a object"):
        fit.save(saved)
    assert saved.read_bytes() == before


# Bad files ---------------------------------------------------------------------------------------


def rewritten(path: Path, **changes):
    """Change the description of a saved fit."""
    with edited(path) as file:
        described = json.loads(file.attrs["bayescale"])
        described |= changes
        file.attrs["bayescale"] = json.dumps(described)
    return described


def test_missing_file_with_the_nearest_name(saved):
    with pytest.raises(FileError, match=r"There is no file .*fitt\.nc\. Did you mean 'fit\.nc'\?"):
        bs.load(saved.with_name("fitt.nc"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"x,y\n1,2\n", "not a saved fit: .* A table of runs is to be fitted first"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "is cut short, or"),
        (b"CDF\x01" + b"\0" * 100, "not one that bayescale wrote"),
    ],
)
def test_what_is_no_fit_is_named(tmp_path, content, words):
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    with pytest.raises(FileError, match=words):
        bs.load(path)
    assert not files.is_fit(path)


def test_foreign_netcdf(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"a": ("b", [1.0, 2.0])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(FileError, match=r"that bayescale did not write.*arviz\.from_netcdf"):
        bs.load(path)
    assert not files.is_fit(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileError, match="is a folder"):
        bs.load(tmp_path)


@pytest.mark.parametrize("path", [3, b"fit.nc", "", None])
def test_what_is_no_path(path, fit):
    with pytest.raises(FileError, match=r"must be text or a pathlib\.Path"):
        bs.load(path)
    with pytest.raises(FileError, match=r"must be text or a pathlib\.Path"):
        fit.save(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated(saved, content, share):
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=r"is cut short, or .*fit\.save"):
        bs.load(saved)


def test_a_flipped_bit_is_found(fit, content, tmp_path):
    draws = fit.tree["posterior"]["exponent"].to_numpy()
    place = content.index(draws[0, 0].tobytes()) + 3
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(FileError, match="damaged or cut short"):
        bs.load(damaged)


def test_a_later_format(saved):
    with edited(saved) as file:
        file.attrs["bayescale_format"] = files.FORMAT + 1
    with pytest.raises(FileError, match=r"in format 3; .* reads formats up to 2.*--upgrade"):
        bs.load(saved)


def test_an_unknown_law_is_not_guessed(saved):
    law = {"name": "Power", "fields": {}}
    rewritten(saved, law=law)
    with pytest.raises(FileError, match=r"holds the law 'Power'.*BrokenPowerLaw, .*Import the"):
        bs.load(saved)


def test_an_unknown_likelihood(saved):
    rewritten(saved, likelihood={"name": "os.system", "fields": {}})
    with pytest.raises(FileError, match=r"holds the likelihood 'os\.system'.*LogNormal"):
        bs.load(saved)


def test_a_law_that_has_other_parameters_now(saved):
    rewritten(saved, law={"name": "PowerLaw", "fields": {"irreducible": 0.0, "depth": 1.0}})
    with pytest.raises(FileError, match=r"PowerLaw differs.*depth, exponent, scale"):
        bs.load(saved)


def test_settings_added_since_keep_their_defaults(saved):
    rewritten(saved, settings={"draws": 250})
    assert bs.load(saved).settings.tune == 1000


@pytest.mark.parametrize("described", ["{", "{}", "[]", '{"versions": {"bayescale": "1"}}'])
def test_a_description_that_cannot_be_read(saved, described):
    with edited(saved) as file:
        file.attrs["bayescale"] = described
    with pytest.raises(FileError, match="damaged or cut short"):
        bs.load(saved)


# Saving ------------------------------------------------------------------------------------------


def test_the_folder_must_exist(fit, tmp_path):
    with pytest.raises(FileError, match=r"There is no folder .*missing.*Create it first"):
        fit.save(tmp_path / "missing" / "fit.nc")


def test_a_folder_cannot_be_overwritten(fit, tmp_path):
    with pytest.raises(FileError, match=r"is a folder\. Give the name of a file"):
        fit.save(tmp_path)


def test_any_suffix_will_do(fit, tmp_path):
    fit.save(str(tmp_path / "fit"))
    assert files.is_fit(tmp_path / "fit")


def failing(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(
    ("target", "name"), [(Path, "replace"), (xr.DataTree, "to_netcdf"), (os, "fsync")]
)
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("odd"), KeyboardInterrupt()]
)
def test_a_save_that_fails_leaves_the_old_file(fit, saved, monkeypatch, target, name, error):
    before = saved.read_bytes()
    monkeypatch.setattr(target, name, failing(error))
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else FileError
    with pytest.raises(expected) as caught:
        fit.save(saved)
    if expected is FileError:
        assert "could not be written" in str(caught.value)
        assert "is unchanged" in str(caught.value)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == ["fit.nc"]


def test_a_crash_while_writing_leaves_no_litter(fit, saved, monkeypatch):
    write = xr.DataTree.to_netcdf

    def half(tree, path, **kwargs):
        write(tree, path, **kwargs)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", half)
    before = saved.read_bytes()
    with pytest.raises(FileError, match="No space left on device"):
        fit.save(saved)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == ["fit.nc"]


@pytest.mark.skipif(os.name == "nt", reason="links and modes of POSIX")
def test_links_and_permissions_are_kept(fit, saved, tmp_path):
    link = tmp_path / "link.nc"
    link.symlink_to(saved)
    saved.chmod(0o600)
    fit.save(link)
    assert link.is_symlink()
    assert saved.stat().st_mode & 0o777 == 0o600


# Ensembles ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixture():
    noise = bs.Correlated()
    fits = {"power": invented_fit(bs.PowerLaw(), noise), "a/b": invented_fit(FIXED, noise)}
    return bs.ensemble(fits, weights=[0.3, 0.7])


FIXED = bs.BrokenPowerLaw(breaks=2, placement="fixed")


def test_an_ensemble_comes_back_with_all_its_fits(mixture, tmp_path):
    mixture.save(tmp_path / "all.nc")
    loaded = bs.load(tmp_path / "all.nc")
    assert isinstance(loaded, bs.Ensemble)
    assert list(loaded.fits) == list(mixture.fits)
    assert loaded.rule == mixture.rule
    np.testing.assert_array_equal(loaded.shares, mixture.shares)
    for name, fit in mixture.fits.items():
        assert_same(loaded.fits[name], fit)
    ours, theirs = (one.forecast(x=[1e7]).draws("observation") for one in (loaded, mixture))
    np.testing.assert_array_equal(ours, theirs)
    assert files.is_fit(tmp_path / "all.nc")


def test_a_part_of_an_ensemble_that_is_missing_is_told(mixture, tmp_path):
    path = tmp_path / "all.nc"
    mixture.save(path)
    with edited(path) as file:
        described = json.loads(file.attrs["bayescale"])
        described["ensemble"]["names"].append("a third")
        file.attrs["bayescale"] = json.dumps(described)
    with pytest.raises(FileError, match="damaged or cut short"):
        bs.load(path)
