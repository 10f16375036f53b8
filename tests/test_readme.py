"""README, docs and notebook are true: commands, code, links, and no stored outputs."""

import json
import os
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import bayescale as bs
from bayescale.commands.examples import EXAMPLES

TOP = Path(__file__).parent.parent
README = TOP / "README.md"
PAGES = [README, *sorted((TOP / "docs").glob("*.md"))]
OTHERS = [TOP / name for name in ("CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")]
NOTEBOOKS = sorted((TOP / "notebooks").glob("*.ipynb"))


def name_of(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.M | re.S)


def code(page: Path) -> str:
    """A page's Python blocks, at the lines where they stand in the page."""
    kept, inside = [], False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            kept.append("")
        else:
            kept.append(line if inside else "")
    return "\n".join(kept)


@pytest.mark.parametrize("command", ["pip install uv && uv run bayescale demo", "uv run pytest"])
def test_readme_gives_the_command_on_a_line_of_its_own(command):
    shown = [line for block in blocks(README, "bash") for line in block.splitlines()]
    assert command in shown
    core = command.split(" && ")[-1]
    first = next(line for line in README.read_text().splitlines() if core in line)
    assert first == command  # who takes the first line that matches gets the command


def test_ci_runs_the_test_command_of_the_readme():
    script = TOP / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r'^step "tests" uv run pytest$', script.read_text(), flags=re.M)


def test_the_page_of_priors_shows_those_in_effect():
    assert f"```text\n{bs.PowerLaw()}\n```" in (TOP / "docs" / "priors.md").read_text()


def test_commands_of_the_readme_are_run_on_the_page_of_the_command_line():
    shown = [line for block in blocks(README, "bash") for line in block.splitlines()]
    run = "".join(blocks(TOP / "docs" / "command-line.md", "sh"))
    for line in shown:
        if line.startswith("bayescale "):
            assert f"{line}\n" in run


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_of_a_page_compiles(page):
    compile(code(page), str(page), "exec")


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    try:
        with warnings.catch_warnings():
            if "distributed" in code(page):  # Dask warns while it starts and stops
                warnings.simplefilter("ignore")
            exec(compile(code(page), str(page), "exec"), {"__name__": page.stem})
    finally:
        plt.close("all")


@pytest.mark.slow
def test_commands_of_a_page_run(tmp_path):
    script = "\n".join(blocks(TOP / "docs" / "command-line.md", "sh"))
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env={**os.environ, "PATH": paths}, capture_output=True, text=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert (tmp_path / "fit.nc").exists()
    for shown in blocks(TOP / "docs" / "command-line.md", "console"):
        command, *lines = shown.splitlines()
        answer = subprocess.run(
            command.removeprefix("$ ").split(),
            cwd=tmp_path, env={**os.environ, "PATH": paths}, capture_output=True, text=True,
            timeout=600,
        )  # fmt: skip
        told, cut = "\n".join(lines), lines[-1] == "..."
        wanted, found = masked(told.removesuffix("...")), masked(answer.stdout)
        # In any order: which of two laws that are as good comes first is a matter of the machine.
        assert sorted(found[: len(wanted)]) == sorted(wanted), command
        assert cut or len(found) == len(wanted), command


def masked(text: str) -> list[str]:
    """The words of what a command printed, with # for numbers, which differ between machines."""
    words = [word for word in text.split() if set(word) != {"─"}]
    return ["#" if re.search(r"\d", word) else word for word in words]


def test_the_page_of_the_command_line_shows_a_session_of_each_command():
    page = TOP / "docs" / "command-line.md"
    shown = {block.split()[2] for block in blocks(page, "console")}
    told_only = {"demo", "fetch", "warm", "laws", "datasets"}  # long, or slow, or of a network
    assert shown == set(EXAMPLES) - told_only


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_relative_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    for link in links:
        assert not link.startswith("/")
        if not re.match(r"[a-z]+:", link):
            assert (page.parent / link.split("#")[0]).exists(), link


def test_every_plot_is_on_the_page_of_pictures_with_what_it_draws():
    steps = runpy.run_path(str(TOP / "docs" / "pictures.py"))["steps"]()
    drawn = {picture: code for code, picture in steps if picture}
    for name in (name for name in dir(bs) if name.startswith("plot_")):
        place = f"images/{name}.png"
        assert f"bs.{name}(" in drawn[place], name
        assert (TOP / "docs" / place).exists(), f"uv run python docs/pictures.py: {place}"


def test_the_table_of_contents_names_every_page():
    text = (TOP / "docs" / "index.md").read_text()
    for page in PAGES[1:]:
        assert page.name == "index.md" or f"({page.name})" in text


def test_the_performance_page_is_written_from_the_results():
    found = runpy.run_path(str(TOP / "docs" / "performance.py"))
    assert (TOP / "docs" / "performance.md").read_text() == found["page"]()


@pytest.mark.parametrize("name", ["breaks", "calibration", "own_runs", "reproductions"])
def test_other_pages_are_written_from_the_results(name):
    found = runpy.run_path(str(TOP / "docs" / f"{name}.py"))
    assert (TOP / "docs" / f"{name}.md").read_text() == found["page"]()


def test_tables_on_pages_are_those_of_the_results():
    found = runpy.run_path(str(TOP / "docs" / "measured.py"))
    named = set()
    for page in found["PAGES"]:
        assert page.read_text() == found["filled"](page), f"uv run python docs/measured.py: {page}"
        named |= {name for _, name, *_ in found["BLOCK"].findall(page.read_text())}
    assert named == set(found["TABLES"])  # none is written for no page


def test_the_page_of_measured_plans_is_written_from_the_results():
    found = runpy.run_path(str(TOP / "docs" / "approaches.py"))
    assert (TOP / "docs" / "approaches.md").read_text() == found["page"]()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_notebook_is_stored_without_outputs(notebook):
    stored = json.loads(notebook.read_text())
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
    for cell in stored["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            lines = "".join(cell["source"]).splitlines()
            assert not [
                line for line in lines if len(line) > 103
            ]  # a page of the site shows so much


def test_the_index_says_what_every_page_answers():
    index = (TOP / "docs" / "index.md").read_text()
    answered = "".join(line for line in index.splitlines() if line.startswith("|"))
    told = {(TOP / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", answered)}
    pages = {page for page in PAGES[1:] if page.name != "index.md"} | {*NOTEBOOKS, *OTHERS}
    assert not {name_of(page) for page in pages - told}
    listed = re.findall(
        r"^([\w./-]+)$", "".join(re.findall(r"```{toctree}(.*?)```", index, re.S)), re.M
    )
    found = [(TOP / "docs" / name).resolve() for name in listed]
    assert len(found) == len(set(found))
    assert {page.with_suffix("") for page in told} <= {path.with_suffix("") for path in found}


def test_there_is_a_notebook_to_start_with():
    assert "notebooks/01_quickstart.ipynb" in [name_of(path) for path in NOTEBOOKS]


def test_images_are_small_enough_for_a_page():
    for image in (TOP / "docs" / "images").glob("*.png"):
        assert image.stat().st_size < 120_000, image.name
