"""Every command, with one or two of its options wrong: an answer, or one sentence and code 2."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ready import ready, sweep, table, without_sampling
from test_bad_input import CASES, EACH
from typer.main import get_command
from typer.testing import CliRunner

import bayescale as bs
from bayescale import cli

COMMANDS = get_command(cli.app).commands
RUNS = ["runs.csv", "--x", "x", "--y", "y"]
FEW = ["--draws", "20", "--tune", "10"]
#: A command line of each that is right, in a folder with the files of ``folder``.
RIGHT = {
    "fit": [*RUNS, *FEW],
    "compare": [*RUNS, *FEW],
    "outlook": [*RUNS, *FEW, "--at", "1e10"],
    "forecast": ["fit.nc", "--x", "1e10"],
    "required": ["fit.nc", "--y", "2.5"],
    "frontier": ["nd.nc", "--compute", "1e20"],
    "plan": ["fit.nc", "--candidates", "candidates.csv", "--goal", "x=1e12"],
    "report": ["fit.nc", "-o", "report.html", "--quick", "--sections", "summary"],
    "laws": [],
    "datasets": [],
    "warm": ["no such law"],
    "fetch": ["no such data"],
}
#: What is left out: it does the whole job on shipped data, and takes two names.
LEFT_OUT = {"demo"}
TEXTS = [
    "", " ", "nan", "inf", "-inf", "-1", "0", "1e300", "1e400", "abc", "1,2", "1,,2", ",", "=",
    "x=", "x=nan", "params=1e9", "x=y", "\x1b[31m", "💥", "‮y", "--json", "nowhere/x.nc", ".",
    "1_000", "٣", "9" * 400, "fit.nc", "runs.csv", "broken.nc", "empty.csv", "mixture.nc", "'; ls",
    "power", "broken,power", "chinchilla", "0.5", "12", "curve", "checklist.toml", "[x", "%s", "{}",
]  # fmt: skip
#: Options that would fit for long, or fill the disk, with a number that is right.
SLOW = {"draws", "tune", "studies", "workers", "help", "version"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("commands")
    for name, file in (("fit", "fit.nc"), ("nd", "nd.nc"), ("mixture", "mixture.nc")):
        ready()[name].save(place / file)
    table().to_csv(place / "runs.csv", index=False)
    sweep().to_csv(place / "sweep.csv", index=False)
    table()[["x"]].head(3).to_csv(place / "candidates.csv", index=False)
    (place / "broken.nc").write_bytes((place / "fit.nc").read_bytes()[:5000])
    (place / "empty.csv").write_text("")
    (place / "checklist.toml").write_text("form = [\n")
    return place


@st.composite
def lines(draw):
    """A command line with one or two options or arguments made wrong."""
    name = draw(st.sampled_from(list(RIGHT)))
    words = list(RIGHT[name])
    options = [
        part
        for part in COMMANDS[name].params
        if part.param_type_name == "option" and part.name not in SLOW
    ]
    for _ in range(draw(st.integers(1, 2))):
        given_at = [i for i, word in enumerate(words) if not word.startswith("-")]
        if given_at and draw(st.booleans()):
            words[draw(st.sampled_from(given_at))] = draw(st.sampled_from(TEXTS))
        elif options:
            part = draw(st.sampled_from(options))
            words.append(part.opts[0])
            if not getattr(part, "is_flag", False):
                words.append(draw(st.sampled_from(TEXTS)))
    return [name, *words]


def test_every_command_is_tried():
    assert set(COMMANDS) == set(RIGHT) | LEFT_OUT


def called(words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Estimated shape parameter")  # ArviZ's
        done = CliRunner().invoke(cli.app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.mark.parametrize("name", sorted(set(RIGHT) - {"warm", "fetch"}))
def test_every_command_is_right_before_it_is_made_wrong(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    with without_sampling():
        done = called([name, *RIGHT[name]])
    assert done.exit_code in (0, 1), done.stderr


@settings(EACH, max_examples=max(CASES // 2, 20))
@given(lines())
def test_any_command_line(folder, words):
    with pytest.MonkeyPatch.context() as patch, without_sampling():
        patch.chdir(folder)
        done = called(words)
    assert done.exit_code in (0, 1, 2)
    assert "Traceback" not in done.output
    assert "\x1b" not in done.output
    if done.exit_code == 2:
        assert len(done.stderr) > 20
    elif "--json" in words and not {"--help", "-h"} & set(words):
        json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))


def test_the_files_are_what_they_should_be(folder):
    with pytest.raises(bs.FileError):
        bs.load(folder / "broken.nc")
