"""Imports run one way: down the list of rooms in ARCHITECTURE.md."""

import ast
import re
from pathlib import Path

import pytest

import bayescale

PACKAGE = Path(bayescale.__file__).parent
TOP = PACKAGE.parent


def layers() -> list[list[str]]:
    """The rooms of ARCHITECTURE.md's table, lowest first; rooms of one row are on one floor."""
    text = (TOP / "ARCHITECTURE.md").read_text()
    table = text.split("<!-- rooms -->")[1].split("<!-- end of rooms -->")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [re.findall(r"`([a-z_]+)(?:\.py|/)?`", row) for row in rows]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> set[str]:
    """Rooms that a file imports anywhere, but for what only the type checker reads."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module == "bayescale":
            names = [f"bayescale.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("bayescale.")}
    return found


def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def test_every_room_is_in_the_table_once():
    listed = [room for row in layers() for room in row]
    assert len(listed) == len(set(listed))
    assert {room_of(path) for path in files()} == set(listed)


#: Sugar that reaches up, each with its reason; every one is inside a function.
ALLOWED_UP = {
    ("fitting", "files"): "Fit.save is files.save",
    ("ensembles", "files"): "Ensemble.save is files.save",
    ("fitting", "reporting"): "Fit.report is reporting.writing.report",
    ("registry", "forms"): "the registry is filled by importing the folder of forms",
}


def test_arrows_run_down():
    floor = {room: i for i, row in enumerate(layers()) for room in row}
    upward = []
    for path in files():
        here = room_of(path)
        for room in imports_of(path):
            if room not in floor or room == here or (here, room) in ALLOWED_UP:
                continue
            if floor[room] >= floor[here]:
                upward.append(f"{path.relative_to(TOP)} imports bayescale/{room}")
    assert not upward, "An arrow runs up: " + "; ".join(upward)


def test_the_check_sees_an_upward_arrow(tmp_path):
    wrong = tmp_path / "prior.py"
    wrong.write_text("from bayescale import fitting\nfrom bayescale.laws import Law\n")
    assert imports_of(wrong) == {"fitting", "laws"}


@pytest.mark.parametrize("room", ["utils", "helpers", "base", "core", "manager", "common"])
def test_no_room_without_a_meaning(room):
    assert not list(PACKAGE.rglob(f"{room}.py"))


def test_only_plots_import_matplotlib_and_only_two_rooms_sample():
    for path in files():
        text = path.read_text()
        if room_of(path) != "plots":
            assert not re.search(r"^\s*(import|from) matplotlib", text, re.M), path
        if room_of(path) != "sample":
            assert "nutpie.sample" not in text, path
            assert "pm.sample(" not in text, path


def test_forms_stay_small():
    """A form is its formula: a newcomer adds one in a file of this size."""
    for path in (PACKAGE / "forms").glob("*.py"):
        code = [line for line in path.read_text().splitlines() if line.strip()]
        assert len(code) < 300, path
