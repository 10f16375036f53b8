"""Benchmarks that look into the package's rooms still find there what they look for."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PAPERS = {
    "alabdulmohsin2022": 12, "besiroglu2024": 14, "caballero2023": 10, "henighan2020": 8,
    "hestness2019": 10, "kaplan2020": 8, "muennighoff2023": 10,
}  # fmt: skip
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CURVES = """
import bayescale as bs
import scale_curves
runs = scale_curves.simulated(4, broken=False)
found = scale_curves.measured(bs.PowerLaw(), runs, processes=1, chunk=2, dask=False)
assert found["curves"] == 4 and found["failed"] == 0, found
"""


def run(*command, cwd=BENCHMARKS):
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=300
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


@pytest.mark.slow
def test_how_long_a_frontier_takes(tmp_path):
    run("frontier_speed.py", "--repeats", "1", "--laws", "Chinchilla", "--out", str(tmp_path))
    table = pd.read_csv(tmp_path / "frontier_speed.csv")
    assert len(table) == 6
    assert (table["draws"] == 4000).all()
    assert (table["cpu_s"] > 0).all()
    assert (table["none"] < 0.5).all()


@pytest.mark.slow
def test_coverage_of_the_frontier(tmp_path):
    """Rows of truths that are not asked again stay."""
    module, out = ("-m", "benchmarks.frontier_coverage"), ("--out", str(tmp_path))
    for truth in ("drawn", "priors"):
        run(*module, "--replicates", "1", "--truths", truth, *out, cwd=BENCHMARKS.parent)
    table = pd.read_csv(tmp_path / "frontier_coverage.csv")
    assert set(table["truth"]) == {"drawn", "all", "priors"}
    assert table["inside_0.9"].isin([0, 1]).all()
    assert (table["inside_0.8"] <= table["inside_0.9"]).all()
    assert (table["width_90"] > 0).all()


@pytest.mark.slow
def test_coverage_of_isoflop_sweeps(tmp_path):
    module = ("-m", "benchmarks.isoflop_coverage", "--replicates", "3", "--out", str(tmp_path))
    run(*module, cwd=BENCHMARKS.parent)
    table = pd.read_csv(tmp_path / "isoflop_coverage.csv")
    assert set(table["of"]) == {"a", "N*"}
    assert (table["inside_0.8"] <= table["inside_0.9"]).all()
    clean = table[(table["of"] == "a") & ~table["gone_wrong"]]
    assert (clean[["runs", "wrong"]].to_numpy() == [3 * 45, 0]).all()


@pytest.mark.published
def test_three_approaches(published, tmp_path):
    command = ("-m", "benchmarks.approaches", str(published), "--only", "llama_3")
    run(*command, "--out", str(tmp_path), cwd=BENCHMARKS.parent)
    table = pd.read_csv(tmp_path / "approaches.csv").set_index("approach")
    assert len(table) == 3
    told = table.dropna(subset="a")
    assert len(told) >= 2
    assert ((told["lower"] < told["a"]) & (told["a"] < told["upper"])).all()
    assert told["a"].between(0.4, 0.6).all()


@pytest.mark.published
def test_why_intervals_of_the_exponent_differ(published, tmp_path):
    command = ("-m", "benchmarks.chinchilla_exponent", str(published), "--resamples", "4")
    run(*command, "--out", str(tmp_path), cwd=BENCHMARKS.parent)
    table = pd.read_csv(tmp_path / "chinchilla_exponent.csv").set_index("what")
    assert table.loc["posterior, Student-t noise", "width"] > 10 * 0.001
    assert table.loc["sandwich", "width"] > table.loc["expected information", "width"] > 0.01


def test_every_paper_has_a_module_and_a_table():
    modules = {file.stem for file in (BENCHMARKS / "reproductions").glob("*[0-9].py")}
    results = BENCHMARKS / "results" / "reproductions"
    assert modules == set(PAPERS) == {file.stem for file in results.glob("*.csv")}


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["henighan2020", "hestness2019", "kaplan2020"])
def test_figures_on_runs_that_are_simulated(paper, tmp_path):
    agree_with_those_kept(paper, tmp_path, tmp_path)


@pytest.mark.published
@pytest.mark.parametrize(
    "paper", ["alabdulmohsin2022", "besiroglu2024", "caballero2023", "muennighoff2023"]
)
def test_figures_on_published_runs(paper, published, tmp_path):
    agree_with_those_kept(paper, published, tmp_path)


def agree_with_those_kept(paper, data, out):
    """The first cases of a paper, with few draws, are those of the table that is kept."""
    command = ("-m", "benchmarks.reproductions", paper, str(data), "--few", "--draws", "100")
    run(*command, "--out", str(out), cwd=BENCHMARKS.parent)
    found = pd.read_csv(out / f"{paper}.csv")
    kept = pd.read_csv(BENCHMARKS / "results" / "reproductions" / f"{paper}.csv")
    assert list(found.columns) == list(kept.columns)
    assert len(found) == PAPERS[paper]
    both = found.merge(kept, on=["case", "quantity", "where", "published"], suffixes=("", "_kept"))
    assert len(both) == len(found)
    assert both["median"].between(both["lower"], both["upper"]).all()
    # Few draws of the same posteriors; what is no interval (an error's spread) is left out.
    of_fits = both[both["rhat"].notna() & both["inside"].notna()]
    near = of_fits["median"].between(of_fits["lower_kept"], of_fits["upper_kept"])
    assert near.all()


def test_what_numpyro_fits_is_written_by_hand_and_agrees():
    """Every study has a model there that knows nothing of the package; the table is of them all."""
    from benchmarks.crosscheck.studies import STUDIES

    by_hand = (BENCHMARKS / "crosscheck" / "numpyro_models.py").read_text()
    assert "import bayescale" not in by_hand
    assert "from bayescale" not in by_hand
    table = pd.read_csv(BENCHMARKS / "results" / "crosscheck_studies.csv")
    assert set(table["study"]) == set(STUDIES)
    assert all(f'"{study}"' in by_hand for study in STUDIES)
    assert (table["log_density_gap"] < 1e-8).all()
    assert (table["rhat_ours"] < 1.02).all()
    assert (table["largest_z"] < 4).all()
    assert (table["energy_p"] > 0.001).all()
