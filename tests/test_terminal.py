"""What a terminal sees and a pipe does not; completion; the package as users get it."""

import os
import pty
import re
import select
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from invented import invented_fit

import bayescale as bs

TOP = Path(__file__).parent.parent
ESCAPE = b"\x1b["
SLOW = """
import time
from bayescale.progress import task
with task("Fitting PowerLaw", total=4) as bar:
    for _ in range(4):
        time.sleep(0.4)
        bar.update(advance=1)
print("done")
"""


def in_terminal(command, wait=90, **environment):
    """Run a command whose three streams are a terminal of 100 columns; return what it showed."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", **environment}
    for name in ("NO_COLOR", "BAYESCALE_PROGRESS", "COLUMNS"):
        if name not in environment:
            env.pop(name, None)
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True
    )
    os.close(theirs)
    seen, until = b"", time.monotonic() + wait
    while time.monotonic() < until:
        if not select.select([ours], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert running.wait(timeout=10) == 0, seen
    return seen


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    invented_fit(bs.PowerLaw()).save(path)
    return path


def forecast_of(saved):
    return [sys.executable, "-m", "bayescale", "forecast", str(saved), "--x", "1e6"]


def test_a_terminal_shows_what_is_under_way_and_cleans_up():
    seen = in_terminal([sys.executable, "-c", SLOW])
    assert b"Fitting PowerLaw" in seen
    assert ESCAPE in seen
    last = seen.rpartition(b"Fitting PowerLaw")[2]
    assert b"done" in last
    assert ESCAPE + b"2K" in last  # the line is erased at the end


def test_a_pipe_sees_no_bar():
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, check=True)
    assert done.stdout == b"done\n"
    assert done.stderr == b""


def test_colours_are_for_terminals(saved):
    shown = in_terminal(forecast_of(saved))
    assert ESCAPE in shown
    piped = subprocess.run(forecast_of(saved), capture_output=True, check=True)
    assert ESCAPE not in piped.stdout + piped.stderr
    plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown)
    for word in piped.stdout.split()[-6:]:
        assert word in plain
    quiet = in_terminal(forecast_of(saved), NO_COLOR="1")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", quiet)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_laws(shell):
    def completed(line):
        words = {
            "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)},
            "zsh": {"_TYPER_COMPLETE_ARGS": line},
            "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        }[shell]
        env = {**os.environ, "_BAYESCALE_COMPLETE": f"complete_{shell}", **words}
        done = subprocess.run(
            [sys.executable, "-m", "bayescale"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    assert "report" in completed("bayescale rep")
    assert "BrokenPowerLaw" in completed("bayescale fit --law Brok")


@pytest.mark.slow
def test_the_package_as_users_get_it(tmp_path):
    """Build, install into an empty environment outside the checkout, run the demo there."""

    def run(*command, **more):
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, env=env, capture_output=True, text=True,
            timeout=1200, check=False, **more,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    run("uv", "build", "--out-dir", tmp_path / "dist", TOP)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (source,) = (tmp_path / "dist").glob("*.tar.gz")
    inside = zipfile.ZipFile(wheel)
    names = set(inside.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "bayescale"], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) <= names
    with tarfile.open(source) as packed:
        assert any(name.endswith("/bayescale/py.typed") for name in packed.getnames())
    (metadata,) = (name for name in names if name.endswith("/METADATA"))
    text = inside.read(metadata).decode()
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert f"Version: {project['version']}" in text
    assert "Description-Content-Type: text/markdown" in text
    assert all(f"Classifier: {line}" in text for line in project["classifiers"])
    run("uv", "venv", "--python", sys.executable, tmp_path / "env")
    run("uv", "pip", "install", "--python", tmp_path / "env", wheel)
    python = tmp_path / "env" / "bin" / "python"
    told = run(
        python, "-c",
        "import bayescale as bs; print(bs.__file__); print(len(bs.load_dataset("
        "'digits_learning_curves')), len(bs.list_laws()), len(bs.list_published()))",
    ).splitlines()  # fmt: skip
    assert Path(told[0]).is_relative_to(tmp_path / "env")
    assert all(int(count) > 10 for count in told[1].split())
    command = tmp_path / "env" / "bin" / "bayescale"
    run(command, "demo", "--out", "made")
    pictures = list((tmp_path / "made").glob("*.png"))
    (first, *_) = sorted((tmp_path / "made").glob("*.nc"))
    assert pictures
    run(command, "report", first, "--quick", "-o", "report.html")
    assert "<svg" in (tmp_path / "report.html").read_text()
