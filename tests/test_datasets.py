"""The shipped data sets: cards, files and the scripts that measured them agree."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bayescale import datasets
from bayescale.datasets import list_datasets, load_dataset
from bayescale.errors import UnknownNameError

FOLDER = Path(datasets.__file__).parent
NAMES = list(list_datasets().query("where == 'ships'")["name"])
MEASURED = ["digits_learning_curves", "random_features_double_descent"]


def test_measured_datasets_are_listed_in_order():
    assert set(MEASURED) <= set(NAMES)
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_card_agrees_with_file(name):
    runs = load_dataset(name)
    facts = list_datasets().set_index("name").loc[name]
    attrs = runs.attrs
    assert len(runs) == facts["rows"]
    assert int((runs[attrs["y"]] == 0).sum()) == facts["zeros"]
    assert list(attrs["units"]) == list(attrs["columns"]) == list(runs.columns)
    assert {attrs["x"], attrs["y"], *attrs["curve"]} <= set(runs.columns)


@pytest.mark.parametrize("name", MEASURED)
def test_every_cell_is_measured_once(name):
    runs = load_dataset(name)
    cell = [*runs.attrs["curve"], runs.attrs["x"], runs.attrs["replicate"]]
    assert not runs.duplicated(cell).any()
    assert not runs.isna().any().any()


@pytest.mark.parametrize("name", NAMES)
def test_attrs_are_plain(name):
    attrs = load_dataset(name).attrs
    assert json.loads(json.dumps(attrs)) == attrs
    assert attrs["name"] == name
    for key in ("title", "what", "source", "licence", "card"):
        assert attrs[key].strip(), key
    assert attrs["card"] == (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_attrs_of_the_whole_file_do_not_outlive_a_filter():
    runs = load_dataset("digits_learning_curves")
    some = runs[runs["model"] == "knn"]
    assert some.attrs["licence"] == "Apache-2.0"
    assert "rows" not in some.attrs


def test_shipped_tables_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.csv")) < 2_300_000


def test_unknown_name_lists_and_suggests():
    with pytest.raises(UnknownNameError) as caught:
        load_dataset("digits_learning_curve")
    message = str(caught.value)
    assert message.startswith("There is no data set 'digits_learning_curve'. Available: ")
    assert all(name in message for name in NAMES)
    assert message.endswith("Did you mean 'digits_learning_curves'?")


@pytest.mark.parametrize("name", ["__init__", "../datasets/digits_learning_curves", ""])
def test_only_listed_names_load(name):
    with pytest.raises(UnknownNameError):
        load_dataset(name)


def test_a_data_set_is_added_by_adding_files(tmp_path, monkeypatch):
    for suffix in (".md", ".csv"):
        text = (FOLDER / f"{MEASURED[1]}{suffix}").read_text(encoding="utf-8")
        (tmp_path / f"another{suffix}").write_text(text, encoding="utf-8")
    (tmp_path / "README.md").write_text("No table beside it: not a data set.", encoding="utf-8")
    monkeypatch.setattr(datasets, "files", lambda package: tmp_path)
    table = list_datasets()
    assert list(table.loc[table["where"] == "ships", "name"]) == ["another"]
    assert load_dataset("another").attrs["name"] == "another"


def test_import_is_light():
    code = (
        "import sys, bayescale.datasets, bayescale.datasets.digits_learning_curves\n"
        "print(sorted({'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- digits_learning_curves


@pytest.fixture
def learning():
    return load_dataset("digits_learning_curves")


def test_learning_columns_and_values(learning):
    assert list(learning.columns) == ["task", "model", "examples", "seed", "error", "test_size"]
    assert learning["error"].between(0, 1).all()
    # Every error is a count of mistakes, up to the five decimals written.
    mistakes = learning["error"] * learning["test_size"]
    assert np.allclose(mistakes, mistakes.round(), atol=0.003)
    assert learning["examples"].dtype.kind == learning["seed"].dtype.kind == "i"


def test_learning_is_a_full_design(learning):
    assert learning.groupby("task")["model"].nunique().eq(7).all()
    sizes = learning.groupby(["task", "model"])["examples"]
    assert len(sizes) == 14
    assert sizes.nunique().ge(14).all()
    assert sizes.min().eq(10).all()
    largest = learning.groupby("task")["examples"].max()
    assert largest.to_dict() == {"digits": 1347, "breast_cancer": 400}
    total = largest + learning.groupby("task")["test_size"].first()
    assert total.to_dict() == {"digits": 1797, "breast_cancer": 569}
    replicates = learning.groupby(["task", "model", "examples"])["seed"]
    assert replicates.nunique().eq(20).all()
    assert replicates.size().eq(20).all()


def test_learning_curves_fall(learning):
    means = learning.groupby(["task", "model", "examples"])["error"].mean()
    for (task, model), curve in means.groupby(["task", "model"]):
        assert curve.iloc[0] > 2 * curve.iloc[-1], (task, model)
    digits = means["digits"].groupby("model")
    assert digits.first().min() > 0.5
    assert digits.last().max() < 0.05


# ---- random_features_double_descent


@pytest.fixture
def descent():
    return load_dataset("random_features_double_descent")


def test_descent_is_a_full_design(descent):
    columns = ["task", "features", "seed", "test_mse", "test_error", "train_mse"]
    assert list(descent.columns) == columns
    counts = descent.groupby("task")["features"]
    assert counts.nunique().between(24, 30).all()
    assert counts.min().eq(10).all()
    assert counts.max().eq(6000).all()
    assert descent.groupby(["task", "features"])["seed"].nunique().eq(10).all()
    assert (descent[["test_mse", "train_mse"]] > 0).all().all()
    assert descent["test_error"].between(0, 1).all()


@pytest.mark.parametrize("outcome", ["test_mse", "test_error"])
@pytest.mark.parametrize(("task", "second_over_first"), [("digits", 0.5), ("digits_noisy", 1.3)])
def test_descent_has_a_peak_at_the_interpolation_threshold(
    descent, outcome, task, second_over_first
):
    curve = descent[descent["task"] == task].groupby("features")[outcome].mean()
    assert curve.idxmax() == 300
    first = curve.loc[:300].min()
    assert 10 < curve.loc[:300].idxmin() < 200
    assert curve.max() > (10 if outcome == "test_mse" else 4) * first
    assert curve.loc[6000] < second_over_first * first


def test_descent_interpolates_past_the_peak(descent):
    assert descent.loc[descent["features"] < 290, "train_mse"].min() > 1e-3
    assert descent.loc[descent["features"] > 340, "train_mse"].max() < 1e-5


# ---- the scripts measure the same numbers again


@pytest.mark.parametrize("name", MEASURED)
def test_script_writes_the_columns_of_the_file(name):
    script = importlib.import_module(f"bayescale.datasets.{name}")
    assert list(script.COLUMNS) == list(load_dataset(name).columns)


def assert_reproduced(rows, runs, keys, columns, tolerance):
    import pandas as pd

    again = pd.DataFrame(rows, columns=list(runs.columns))
    both = again.merge(runs, on=keys, suffixes=("_again", "_file"), validate="one_to_one")
    assert len(both) == len(again) > 0
    for column in columns:
        np.testing.assert_allclose(
            both[f"{column}_again"], both[f"{column}_file"], **tolerance[column], err_msg=column
        )


@pytest.mark.parametrize("task", ["digits", "breast_cancer"])
def test_learning_script_reproduces_a_cell(learning, task):
    pytest.importorskip("sklearn")
    from bayescale.datasets import digits_learning_curves as script

    sizes = script.training_sizes(task)
    assert sizes == sorted(learning.loc[learning["task"] == task, "examples"].unique())
    # Two test examples may flip with another linear algebra library.
    tolerance = {"error": {"rtol": 0, "atol": 2.1 / script.TEST_SIZE[task]}}
    for model in ("knn", "linear_svm"):
        rows = script.measure(task, model, 3, sizes[:6])
        keys = ["task", "model", "examples", "seed", "test_size"]
        assert_reproduced(rows, learning, keys, ["error"], tolerance)


def test_learning_script_gives_every_subset_two_classes():
    pytest.importorskip("sklearn")
    from bayescale.datasets import digits_learning_curves as script

    # The first ten examples of split 290 would be of one class without the swap.
    for seed in (0, 290):
        labels = script.split("breast_cancer", seed)[2]
        assert len(np.unique(labels[: script.SMALLEST])) == 2
        assert np.bincount(labels).sum() == 400


def test_learning_script_knows_the_models_of_the_file(learning):
    pytest.importorskip("sklearn")
    from bayescale.datasets import digits_learning_curves as script

    assert list(script.classifiers()) == list(learning["model"].unique())
    assert list(script.SEEDS) == sorted(learning["seed"].unique())


def test_descent_script_reproduces_cells(descent):
    pytest.importorskip("sklearn")
    from bayescale.datasets import random_features_double_descent as script

    assert script.feature_counts() == sorted(descent["features"].unique())
    tolerance = {
        "test_mse": {"rtol": 1e-3},
        "test_error": {"rtol": 0, "atol": 2.1 / 1497},
        "train_mse": {"rtol": 1e-2},
    }
    for task in script.LABEL_NOISE:
        rows = script.measure(task, 2, [10, 84, 420])
        keys = ["task", "features", "seed"]
        assert_reproduced(rows, descent, keys, list(tolerance), tolerance)
