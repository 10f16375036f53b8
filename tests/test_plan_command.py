"""``bayescale plan``: the Python plan, tables and JSON, and clear words for wrong usage."""

import json

import numpy as np
import pytest
from invented import invented_fit
from typer.testing import CliRunner

import bayescale as bs
from bayescale import cli


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    invented_fit(bs.PowerLaw()).save(path)
    return path


@pytest.fixture(scope="module")
def rival(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "rival.nc"
    invented_fit(bs.PowerLaw(irreducible=0.0)).save(path)
    return path


@pytest.fixture
def candidates(tmp_path):
    path = tmp_path / "candidates.csv"
    path.write_text("n_x,dollars,name\n100,1,small\n10000,50,large\n1000000,900,huge\n")
    return path


def run(*arguments):
    return CliRunner().invoke(cli.app, ["plan", *map(str, arguments)])


def test_it_is_the_python_plan(saved, candidates):
    said = run(
        saved, "--candidates", candidates, "--goal", "x=1e7", "--cost", "dollars", "--budget",
        "100", "--json",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    record = json.loads(said.stdout)
    table = {"n_x": [1e2, 1e4, 1e6], "dollars": [1.0, 50.0, 900.0]}
    plan = bs.next_runs(bs.load(saved), table, goal={"x": 1e7}, cost="dollars", budget=100)
    shown = [row["value"] for row in record["candidates"]]
    np.testing.assert_allclose(shown, plan.table["value"])
    assert [row["candidate"] for row in record["batch"]] == plan.batch.index.tolist()
    assert record["candidates"][0]["name"] == "small"


def test_it_prints_a_table_and_why(saved, candidates):
    said = run(saved, "--candidates", candidates, "--goal", "exponent")
    assert said.exit_code == 0, said.output
    assert "to know exponent" in said.stdout
    assert "Most for its cost: n_x" in " ".join(said.stdout.split())


def test_several_fits_are_asked_for_the_form(saved, rival, candidates):
    said = run(saved, rival, "--candidates", candidates, "--goal", "form", "--json")
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["measure"] == "information"


def test_a_picture(saved, candidates, tmp_path):
    where = tmp_path / "plan.png"
    ask = ["--candidates", candidates, "--goal", "x=1e7", "--picture"]
    assert run(saved, *ask, where).exit_code == 0
    assert where.read_bytes().startswith(b"\x89PNG")
    assert run(saved, *ask, tmp_path / "plan.txt").exit_code == 2
    assert run(saved, *ask, tmp_path / "nowhere" / "plan.png").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--goal", "x=far"], "takes numbers"),
        (["--goal", "x=1e7", "--goal", "x=1e8"], "--goal has x twice"),
        (["--goal", "x=1e7", "--goal", "exponent"], "ROLE=NUMBER"),
        (["--goal", "exponnt"], "Did you mean 'exponent'"),
        (["--goal", "form"], "an ensemble of two fits"),
        (["--goal", "x=1e7", "--cost", "price"], "no column of the candidates"),
        (["--goal", "x=1e7", "--cost", "dollars", "--budget", "0.5"], "the cheapest costs 1"),
    ],
)
def test_wrong_usage_exits_with_2(saved, candidates, arguments, words):
    said = run(saved, "--candidates", candidates, *arguments)
    assert said.exit_code == 2
    assert words in said.stderr


def test_a_fit_named_twice(saved, candidates):
    said = run(saved, saved, "--candidates", candidates, "--goal", "form")
    assert said.exit_code == 2
    assert "named twice" in said.stderr


def test_the_ensemble_of_a_file_is_planned_for(saved, rival, candidates, tmp_path):
    mixture = bs.ensemble([bs.load(saved), bs.load(rival)])
    mixture.save(tmp_path / "mixture.nc")
    said = run(tmp_path / "mixture.nc", "--candidates", candidates, "--goal", "x=1e7")
    assert said.exit_code in (0, 1), said.output
    assert "Most for its cost" in said.stdout
    both = run(tmp_path / "mixture.nc", saved, "--candidates", candidates, "--goal", "x=1e7")
    assert both.exit_code == 2
    assert "Error: " in both.stderr
