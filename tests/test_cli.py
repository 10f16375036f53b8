"""The command line: exit codes, tables and JSON, quick help, and clear words for bad files."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from invented import invented_draws, invented_fit
from typer import main
from typer.testing import CliRunner

import bayescale as bs
from bayescale import __main__, cli, comparison, demo, engines, files, outlook, tables
from bayescale.commands.examples import EXAMPLES
from bayescale.commands.output import as_options, fits_of
from bayescale.errors import DataError, FileError
from bayescale.likelihoods.correlated import OF_SEVERAL_RUNS

HEAVY = {"pymc", "pytensor", "nutpie", "arviz", "xarray", "pandas", "numpy", "scipy", "matplotlib"}


@pytest.fixture
def no_nuts(monkeypatch):
    """Draws near the middle of the priors; counts how often they were asked for."""
    calls = []

    def fake(law, likelihood, runs, settings):
        calls.append(settings)
        return invented_draws(law, likelihood, runs, settings)

    monkeypatch.setattr(engines, "draw", fake)
    return calls


@pytest.fixture
def bad_nuts(monkeypatch):
    """Draws that all diverged."""

    def fake(law, likelihood, runs, settings):
        draws = invented_draws(law, likelihood, runs, settings)
        draws.stats["diverging"][:] = True
        return draws

    monkeypatch.setattr(engines, "draw", fake)


@pytest.fixture
def runs(tmp_path):
    table = bs.PowerLaw().simulate(x=np.geomspace(1e6, 1e10, 20), y="loss")
    path = tmp_path / "runs.csv"
    table.rename(columns={"x": "params"}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "fit.nc"
    invented_fit(bs.PowerLaw()).save(path)
    return path


def call(*arguments, code=0):
    """Run a command in this process; return its standard output and standard error."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def fit_of(runs, *more, code=0):
    return call("fit", runs, "--x", "params", "--y", "loss", *more, code=code)


# Repeated ---------------------------------------------------------------------------------------


def test_no_option_of_any_command_drops_a_value():
    commands = main.get_command(cli.app).commands
    assert set(commands) == {each.callback.__name__ for each in cli.app.registered_commands}
    refused = 0
    for name, command in commands.items():
        for part in command.params:
            if part.param_type_name != "option" or part.is_flag or part.multiple:
                continue
            for flag in part.opts:
                _, err = call(name, flag, "1", part.opts[0], "2", code=2)
                assert f"{part.opts[0]} can be given once only" in err
                refused += 1
    assert refused > 40


def test_lists_with_commas_add_up(saved, runs):
    once, _ = call("forecast", saved, "--x", "1e10,1e11")
    assert call("forecast", saved, "--x", "1e10", "--x", "1e11") == (once, "")
    assert call("required", saved, "--y", "2.0", "--y", "1.9") == call(
        "required", saved, "--y", "2.0,1.9"
    )
    for given in (["power", "--laws", "brokn"], ["brokn", "--laws", "power"], ["power, brokn"]):
        _, err = call("compare", runs, "--x", "params", "--y", "loss", "--laws", *given, code=2)
        assert "There is no law 'brokn'" in err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--input", "x=1e10", "--input", "x=1e11"], "--input has x twice: '1e10' and '1e11'"),
        (["--x", "1e10", "--input", "x=1e11"], "The input x is given twice"),
    ],
)
def test_a_role_that_is_given_twice(saved, given, said):
    assert said in call("forecast", saved, *given, code=2)[1]


def test_a_setting_that_is_given_twice(runs):
    more = "--law", "broken", "--breaks", "1", "--set", "breaks=2"
    _, err = fit_of(runs, *more, code=2)
    assert "breaks is given twice: by --breaks, and by --set" in err


# Quick ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    command = [sys.executable, "-X", "importtime", "-m", "bayescale", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}
    assert "typer" in loaded
    assert not loaded & HEAVY
    assert "bayescale" in done.stdout


def test_every_command_has_help():
    text, _ = call("--help")
    for name in (
        "demo",
        "outlook",
        "fit",
        "forecast",
        "required",
        "compare",
        "frontier",
        "plan",
        "warm",
        "laws",
        "datasets",
        "fetch",
    ):
        assert f"  {name} " in text
        assert "Usage" in call(name, "--help")[0]


def test_help_shows_commands_that_the_documentation_runs():
    page = (Path(__file__).parent.parent / "docs" / "command-line.md").read_text()
    run = "".join(re.findall(r"^```sh\n(.*?)^```$", page, flags=re.M | re.S)).splitlines()
    told_only = {"demo", "fetch", "warm"}  # too long to run there, or needs a network
    for name, lines in EXAMPLES.items():
        text, _ = call(name, "--help")
        for line in lines:
            assert f"  {line}\n" in text
            assert line in run or (name in told_only and line in page), line
    listed = {command.callback.__name__ for command in cli.app.registered_commands}
    assert listed == set(EXAMPLES)


def test_exit_codes_of_a_real_process(tmp_path):
    command = [sys.executable, "-m", "bayescale", "forecast", str(tmp_path / "no.nc"), "--x", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: There is no file")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt(), 130), (RuntimeError("a slip"), 70), (None, 0)]
)
def test_main_turns_what_is_raised_into_a_code(monkeypatch, capsys, raised, code):
    def run(**kwargs):
        if raised is not None:
            raise raised

    monkeypatch.setattr(cli, "app", run)
    assert __main__.main() == code
    assert ("please report" in capsys.readouterr().err) == (code == 70)


# fit --------------------------------------------------------------------------------------------


def test_fit_prints_tables_and_saves(runs, tmp_path, no_nuts):
    out, err = fit_of(runs, "-o", tmp_path / "fit.nc")
    for words in ("PowerLaw fitted to 20 runs", "exponent", "L∞", "good: R-hat", "Saved to"):
        assert words in out
    assert err == ""
    assert bs.load(tmp_path / "fit.nc").name == "PowerLaw"


def test_fit_prints_json_for_programs(runs, no_nuts):
    options = ["--law", "broken", "--breaks", 2, "--placement", "free"]
    out, _ = fit_of(runs, *options, "--likelihood", "Student-T", "--seed", 3, "--json")
    record = json.loads(out)
    assert record["law"] == "BrokenPowerLaw(breaks=2, placement='free')"
    assert record["likelihood"] == "StudentT"
    assert record["diagnostics"]["good"] is True
    assert record["file"] is None
    assert {"parameter", "mean", "r_hat"} <= set(record["parameters"][0])
    assert [row["constant"] for row in record["constants"]][:2] == ["irreducible", "x0"]
    assert no_nuts[0].seed == 3


@pytest.mark.parametrize(
    ("options", "likelihood"),
    [
        (["--y-sd", "sd"], bs.LogNormal(y_sd="sd")),
        (
            ["--x-relative-sd", "0.1", "--resolution", "0.01", "--censored", "9"],
            bs.LogNormal(x_relative_sd=0.1, resolution=0.01, censored=9.0),
        ),
        (["--likelihood", "student-t", "--n-obs", "n"], bs.StudentT(n_obs="n")),
        (
            ["--likelihood", "heteroscedastic", "--y-sd", "sd"],
            bs.Heteroscedastic(bs.LogNormal(y_sd="sd")),
        ),
        (["--config", "n"], bs.Replicated(config="n")),
        (
            ["--run", "n", "--n-obs", "3"],
            bs.Correlated(bs.LogNormal(n_obs=3.0), correlation_length=OF_SEVERAL_RUNS),
        ),
    ],
)
def test_what_is_known_of_rows(runs, tmp_path, no_nuts, options, likelihood):
    pd.read_csv(runs).assign(sd=0.01, n=[*range(10)] * 2).replace({"n": {0: 10}}).to_csv(runs)
    fit_of(runs, *options, "-o", tmp_path / "fit.nc")
    assert bs.load(tmp_path / "fit.nc").likelihood == likelihood


def test_trials_make_it_a_count(runs, tmp_path, no_nuts):
    table = pd.read_csv(runs)
    errors = np.round(100 * table["loss"] / (1.1 * table["loss"].max())).astype(int)
    table.assign(loss=errors, items=100).to_csv(runs)
    out = tmp_path / "fit.nc"
    fit_of(runs, "--trials", "items", "--guess-rate", "0.02", "-o", out)
    assert bs.load(out).likelihood == bs.Binomial(trials="items", guess_rate=0.02)
    fit_of(runs, "--likelihood", "beta-binomial", "--trials", "100", "-o", out)
    assert bs.load(out).likelihood == bs.BetaBinomial(trials=100.0)
    arguments = ["--x", "params", "--y", "loss", "--trials", "items", "--likelihood", "normal"]
    assert "Normal takes no --trials" in call("compare", runs, *arguments, code=2)[1]


def test_laws_whose_noise_differs_want_it_named(runs, no_nuts):
    arguments = ["--x", "params", "--y", "loss", "--laws", "power,logarithmic", "--y-sd", "0.1"]
    _, err = call("compare", runs, *arguments, code=2)
    assert "noise of their own (LogNormal, Normal); say which is meant: --likelihood" in err


def test_signed_lets_the_curve_rise(runs, monkeypatch):
    chosen = []

    def fit(law, *rest, **more):
        chosen.append(law)
        raise DataError("enough")

    monkeypatch.setattr(bs.BrokenPowerLaw, "fit", fit)
    fit_of(runs, "--law", "broken", "--signed", code=2)
    assert chosen == [bs.BrokenPowerLaw(monotone=False)]


def test_an_accuracy_takes_its_ceiling(tmp_path, no_nuts):
    table = bs.PowerLaw().simulate(x=np.geomspace(1, 1e4, 20), y="loss")
    accuracy = pd.DataFrame({"n": table["x"], "accuracy": 1 - table["loss"] / 4})
    path = tmp_path / "runs.parquet"
    accuracy.to_parquet(path)
    _, err = call("fit", path, "--x", "n", "--y", "accuracy", code=2)
    assert "--ceiling 1.0" in err
    call("fit", path, "--x", "n", "--y", "accuracy", "--ceiling", 1.0)
    call("fit", path, "--input", "x=n", "--y", "accuracy", "--ceiling", 1.0)


def test_a_fit_with_problems_exits_with_1(runs, tmp_path, bad_nuts):
    out, _ = fit_of(runs, "-o", tmp_path / "fit.nc", code=1)
    assert "NOT good" in out
    assert "draws diverged" in out
    out, err = fit_of(runs, "--json", code=1)
    assert json.loads(out)["diagnostics"]["good"] is False
    assert "draws diverged" in err
    assert "draws diverged" in call("forecast", tmp_path / "fit.nc", "--x", "1e12", code=1)[1]


def test_warnings_of_the_data_are_a_line_each(runs, no_nuts):
    table = pd.read_csv(runs)
    pd.concat([table, table[:2]]).to_csv(runs, index=False)
    _, err = fit_of(runs)
    assert err.startswith("Note: 2 of 22 rows repeat another row exactly and are left out")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--x", "param", "--y", "loss"], "no column 'param'. It has: params, loss. Did you mean"),
        (["--x", "params", "--y", "loss", "--law", "powr"], "no law 'powr'.*'PowerLaw'"),
        (["--x", "params", "--y", "loss", "--likelihood", "gauss"], "no likelihood 'gauss'"),
        (["--x", "params", "--y", "loss", "--breaks", "2"], "PowerLaw takes no --breaks"),
        (
            ["--x", "params", "--y", "loss", "--law", "broken", "--breaks", "9"],
            "--breaks from 1 to 8",
        ),
        (
            ["--x", "params", "--y", "loss", "--likelihood", "normal", "--trials", "9"],
            "Normal takes no --trials. It takes: --n-obs, --y-sd, --x-relative-sd",
        ),
        (["--x", "params", "--y", "loss", "--likelihood", "binomial"], "needs the number of test"),
        (["--x", "params", "--y", "loss", "--y-sd", "sd"], "no column 'sd'"),
        (["--x", "params", "--y", "loss", "--y-sd", "-1"], "must be a number above 0; got -1"),
        (
            ["--x", "params", "--y", "loss", "--run", "params", "--y-sd", "0.1"],
            "knows of its rows no more than --n-obs",
        ),
        (["--y", "loss"], "Which input. Give --x COLUMN"),
        (["--y", "loss", "--input", "params"], "--input takes ROLE=COLUMN"),
        (["--y", "loss", "--input", "n=params"], "PowerLaw takes x; got n. Give --x COLUMN."),
        (
            ["--x", "params", "--y", "loss", "--law", "chinchilla"],
            "takes params, tokens; got x. Give --input params=COLUMN --input tokens=COLUMN",
        ),
        (["--x", "params", "--y", "loss", "--law", "brokn"], "no law 'brokn'.*'BrokenPowerLaw'"),
        (["--x", "params", "--y", "loss", "--likelihood", "locationscale"], "no likelihood"),
        (["--x", "params", "--y", "loss", "--draws", "0"], "--draws must be a whole number"),
        (["--x", "params", "--y", "loss", "--chains", "many"], "Invalid value for .--chains"),
        (["--x", "params"], "--y"),
    ],
)
def test_wrong_usage_exits_with_2_before_sampling(runs, no_nuts, arguments, words):
    out, err = call("fit", runs, *arguments, code=2)
    assert out == ""
    assert pd.Series([" ".join(err.split())]).str.contains(words)[0], err
    assert not no_nuts


def test_what_cannot_be_held_out_is_refused_before_sampling(runs, no_nuts):
    options = ["--x", "params", "--y", "loss", "--holdout", 2.5]
    assert "--holdout" in call("compare", runs, *options, code=2)[1]
    assert not no_nuts


def test_python_words_of_a_message_are_options_here():
    flags = {"draws": "--draws", "n_obs": "--n-obs", "x": "--x", "fixed": "--set"}
    told = as_options("draws= must be 4; pass n_obs=20, or x='n'. Write fixed=0.5.", flags)
    assert told == "--draws must be 4; pass --n-obs 20, or --x 'n'. Write --set 0.5."
    for kept in ("bs.LogNormal(n_obs=20)", "max=3", "y=2"):
        assert as_options(kept, flags) == kept
    assert as_options("draws=4", {}) == "draws=4"


def test_an_output_that_cannot_be_written_is_refused_before_sampling(runs, tmp_path, no_nuts):
    assert "There is no folder" in fit_of(runs, "-o", tmp_path / "no" / "fit.nc", code=2)[1]
    assert "is a folder" in fit_of(runs, "-o", tmp_path, code=2)[1]
    before = runs.read_bytes()
    assert "is not a fit, so it is not overwritten" in fit_of(runs, "-o", runs, code=2)[1]
    assert runs.read_bytes() == before
    assert not no_nuts


def test_an_older_fit_may_be_overwritten(runs, tmp_path, no_nuts):
    path = tmp_path / "fit.nc"
    fit_of(runs, "-o", path)
    fit_of(runs, "-o", path, "--law", "broken")
    assert bs.load(path).name == "BrokenPowerLaw"


def test_a_fit_that_cannot_be_saved_is_not_lost(runs, tmp_path, no_nuts, monkeypatch):
    save, wanted = files.save, tmp_path / "fit.nc"

    def full(fit, path):
        if path == wanted:
            raise FileError("No space left on device.")
        save(fit, path)

    monkeypatch.setattr(files, "save", full)
    monkeypatch.chdir(tmp_path)
    out, err = fit_of(runs, "-o", wanted, code=2)
    assert "The fit is not lost" in err
    (elsewhere,) = tmp_path.glob("fit-*.nc")
    assert str(elsewhere) in out
    assert bs.load(elsewhere).name == "PowerLaw"


# outlook ----------------------------------------------------------------------------------------


OUTLOOK = ["--x", "params", "--y", "loss", "--at", "1e11, 1e12"]


def test_outlook_is_the_python_forecast(runs, no_nuts):
    text, _ = call("outlook", runs, *OUTLOOK, "--prob", 0.8, "--seed", 3)
    for words in ("loss of one new run, 80 %", "drift 0.3", "Correlated(LogNormal)", "two breaks"):
        assert words in " ".join(text.split()), words
    record = json.loads(call("outlook", runs, *OUTLOOK, "--seed", 3, "--json")[0])
    table = tables.read_runs(runs)
    made = bs.forecast(table, y="loss", x="params", at=[1e11, 1e12], seed=3, progress=False)
    assert pd.DataFrame(record["forecast"]).equals(made.interval(0.9))
    assert (record["drift"], record["kind"]) == (0.3, "equal-tailed")
    weights = {law["name"]: law["weight"] for law in record["laws"]}
    assert weights == made.source.weights.to_dict()
    assert all(law["diagnostics"]["good"] for law in record["laws"])
    assert {settings.seed for settings in no_nuts} == {3}


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        (["--run", "seed"], {"run": "seed"}),
        (["--n-obs", "20"], {"n_obs": 20.0}),
        (["--n-obs", "seeds"], {"n_obs": "seeds"}),
        (["--ceiling", "1"], {"ceiling": 1.0}),
        (["--drift", "0"], {"drift": 0.0}),
        (["--draws", "500", "--tune", "700"], {"draws": 500, "tune": 700}),
        ([], {"n_obs": None, "run": None, "ceiling": None, "at": [1e11, 1e12]}),
    ],
)
def test_outlook_passes_on_what_was_given(runs, monkeypatch, option, wanted):
    asked = {}

    def forecast(table, **how):
        asked.update(how)
        raise DataError("enough")

    monkeypatch.setattr(outlook, "forecast", forecast)
    call("outlook", runs, *OUTLOOK, *option, code=2)
    assert wanted.items() <= asked.items()
    assert "drift" not in asked or option[0] == "--drift"  # the default stays the package's


def test_an_outlook_is_saved_and_asked_further(runs, tmp_path, no_nuts):
    place = tmp_path / "outlook.nc"
    text, _ = call("outlook", runs, *OUTLOOK, "--output", place)
    assert f"Saved to {place}." in " ".join(text.split())
    record = json.loads(call("forecast", place, "--x", "1e11", "--json")[0])
    table = tables.read_runs(runs)
    made = bs.forecast(table, y="loss", x="params", at=[1e11], progress=False)
    assert pd.DataFrame(record["forecast"]).equals(made.source.forecast(x=[1e11]).interval(0.9))
    assert [law["name"] for law in record["laws"]] == list(made.source.fits)
    said, _ = call("required", place, "--y", "2.5")
    assert "Ensemble of two breaks" in " ".join(said.split())


def test_a_law_of_little_weight_spoils_nothing(power_fit):
    both = bs.ensemble({"a": power_fit, "b": power_fit}, weights=[0.97, 0.03])
    assert fits_of(both) == [power_fit]
    assert len(fits_of(bs.ensemble({"a": power_fit, "b": power_fit}))) == 2


def test_outlook_of_bad_draws_exits_with_1(runs, bad_nuts):
    _, err = call("outlook", runs, *OUTLOOK, "--seed", 3, code=1)
    assert "draws diverged" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--y", "loss", "--x", "params", "--at", "big"], "--at takes numbers with commas"),
        (["--y", "loss", "--x", "params", "--at", "0"], "positive finite"),
        (["--y", "loss", "--x", "param", "--at", "1"], "no column 'param'"),
        ([*OUTLOOK, "--drift=-1"], "at least 0"),
        ([*OUTLOOK, "--run", "model"], "no column 'model'"),
        ([*OUTLOOK, "--n-obs", "0"], "above 0"),
        (["--y", "loss", "--x", "params"], "--at"),
    ],
)
def test_outlook_refuses_wrong_usage_before_sampling(runs, no_nuts, arguments, words):
    out, err = call("outlook", runs, *arguments, code=2)
    assert out == ""
    assert words in " ".join(err.split())
    assert not no_nuts


# noise along runs -------------------------------------------------------------------------------


@pytest.fixture
def checkpoints(runs):
    """The same losses as checkpoints of two runs."""
    table = pd.read_csv(runs)
    table.assign(model=["a", "b"] * (len(table) // 2)).to_csv(runs, index=False)
    return runs


def test_named_runs_have_correlated_noise(checkpoints, tmp_path, no_nuts):
    fit_of(checkpoints, "--run", "model", "-o", tmp_path / "fit.nc")
    made = bs.load(tmp_path / "fit.nc")
    assert made.likelihood == bs.Correlated(correlation_length=OF_SEVERAL_RUNS)
    assert not made.runs.one_run
    assert "no column 'modle'" in fit_of(checkpoints, "--run", "modle", code=2)[1]


@pytest.mark.parametrize("name", ["studentt", "correlated"])
def test_a_likelihood_along_runs_is_correlated(checkpoints, no_nuts, name):
    out, _ = fit_of(checkpoints, "--run", "model", "--likelihood", name, "--json")
    inside = {"studentt": "StudentT", "correlated": "LogNormal"}[name]
    assert json.loads(out)["likelihood"] == f"Correlated({inside})"


def test_noise_that_cannot_be_correlated_is_refused(checkpoints, no_nuts):
    _, err = fit_of(checkpoints, "--run", "model", "--likelihood", "normal", code=2)
    assert "Correlated() takes a likelihood on the log scale" in err
    assert not no_nuts


def test_compare_passes_runs_on_to_fits_and_backtest(checkpoints, table, no_nuts, monkeypatch):
    names = ["BrokenPowerLaw(breaks=2)", "PowerLaw"]
    monkeypatch.setattr(comparison, "compare", lambda fits: table.set_axis(names))
    options = ["--x", "params", "--y", "loss", "--breaks", 2, "--run", "model", "--holdout", 4]
    record = json.loads(call("compare", checkpoints, *options, "--json")[0])
    likelihoods = {made["likelihood"] for made in record["fits"].values()}
    assert likelihoods == {"Correlated(LogNormal)"}
    assert record["backtest"] is not None


# forecast and required --------------------------------------------------------------------------


def test_forecast_is_the_python_forecast(saved):
    out, _ = call("forecast", saved, "--x", "1e5, 1e6", "--prob", 0.8, "--json")
    record = json.loads(out)
    table = bs.load(saved).forecast(x=[1e5, 1e6]).interval(0.8)
    assert pd.DataFrame(record["forecast"]).equals(table)
    assert (record["probability"], record["kind"], record["of"]) == (
        0.8,
        "equal-tailed",
        "observation",
    )
    text, _ = call("forecast", saved, "--x", "1e5,1e6", "--of", "curve")
    assert "90 % equal-tailed interval" in text
    assert "extrapolation" in text
    assert "100000" in text


def test_infinity_is_text_in_json(saved):
    out, _ = call("required", saved, "--y", "2.5,0.0001", "--json", "--drift", "0")
    rows = json.loads(out)["required"]
    assert rows[1]["median"] == "Infinity"
    assert rows[1]["p_never"] == 1.0
    assert "inf" in call("required", saved, "--y", "2.5,0.0001")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["forecast", "--x", "0"], "positive finite"),
        (["forecast", "--x", "a,b"], "--x takes numbers with commas"),
        (["forecast", "--x", ""], "positive finite"),
        (["forecast"], "Give --x"),
        (["forecast", "--x", "1", "--prob", "90"], "between 0 and 1"),
        (["forecast", "--x", "1", "--of", "all"], "'observation' or 'curve'"),
        (["required", "--y", "low"], "--y takes numbers with commas"),
    ],
)
def test_wrong_questions_exit_with_2(saved, arguments, words):
    command, *rest = arguments
    out, err = call(command, saved, *rest, code=2)
    assert out == ""
    assert words in err


# compare ----------------------------------------------------------------------------------------


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "elpd": [10.0, 2.0],
            "elpd_diff": [0.0, -8.0],
            "dse": [0.0, 2.0],
            "p": [4.0, 3.0],
            "weight": [1.0, 0.0],
            "worst_pareto_k": [0.3, np.nan],
            "repaired": [0, 1],
            "warning": ["", "high Pareto k left: 1"],
        },
        index=pd.Index(["broken", "power"], name="law"),
    )


def test_compare_prints_both_tables_and_a_verdict(runs, table, no_nuts, monkeypatch):
    names = ["BrokenPowerLaw(breaks=2)", "PowerLaw"]
    monkeypatch.setattr(comparison, "compare", lambda fits: table.set_axis(names))
    options = ["--x", "params", "--y", "loss", "--breaks", 2]
    text, _ = call("compare", runs, *options, "--holdout", 4, "--laws", "power, broken")
    for words in ("Leave one out", "Backtest", "Inside the data", "held out", "PowerLaw"):
        assert words in text
    assert len(no_nuts) == 4
    record = json.loads(call("compare", runs, *options, "--json")[0])
    assert record["backtest"] is None
    assert record["compare"][1]["worst_pareto_k"] is None
    assert set(record["fits"]) == set(names)
    assert any("not measured" in caveat for caveat in record["caveats"])


# lists ------------------------------------------------------------------------------------------


def test_lists_are_the_python_lists():
    laws = pd.DataFrame(json.loads(call("laws", "--json")[0]))
    assert list(laws["law"]) == list(bs.list_laws().index)
    sets = pd.DataFrame(json.loads(call("datasets", "--json")[0]))
    assert list(sets["name"]) == list(bs.list_datasets()["name"])
    assert "arXiv:2210.14891" in call("laws")[0]
    assert "Apache-2.0" in call("datasets")[0]


# tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "n,loss\n1,2.5\n10,2.0\n",
        "\ufeffn,loss\r\n1,2.5\r\n10,2.0\r\n",
        "n\tloss\n1\t2.5\n10\t2.0\n",
        "n;loss\n1;2.5\n10;2.0",
        "\n\n n , loss\n1, 2.5\n\n10, 2.0\n\n",
    ],
)
def test_csv_in_many_hands(tmp_path, text):
    path = tmp_path / "runs.txt"
    path.write_text(text, encoding="utf-8", newline="")
    table = tables.read_runs(path)
    assert table.columns.tolist() == ["n", "loss"]
    assert table.to_numpy().tolist() == [[1.0, 2.5], [10.0, 2.0]]
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert tables.read_runs(path).equals(table)


def test_rows_are_the_lines_of_the_file(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("\nn,loss\n1,2.5\n\n10,2.0\n")
    assert tables.read_runs(path).index.tolist() == [3, 5]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", DataError, "is empty"),
        (b" \n\n", DataError, "is empty"),
        (b"n,loss\n", DataError, "no runs under it"),
        (b"n,loss\n1,2\n1,2,3\n", DataError, "cannot be read as a table .*line 3"),
        (b"\x00\x01\x02\x03" * 30, FileError, "is not a CSV file"),
        (b"\xff\xfe\xfd", FileError, "is not a CSV file"),
        (b"PAR1 and nothing more", FileError, "Parquet file, but a damaged one"),
        (b"\x1f\x8b and nothing more", FileError, "compressed, but damaged"),
    ],
)
def test_what_is_no_table(tmp_path, content, error, words):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(error, match=words):
        tables.read_runs(path)


def test_a_missing_table(tmp_path, runs):
    with pytest.raises(FileError, match=r"There is no file .*run\.csv\. Did you mean 'runs\.csv'"):
        tables.read_runs(tmp_path / "run.csv")
    with pytest.raises(FileError, match="is a folder"):
        tables.read_runs(tmp_path)


def test_numbers_as_people_write_them():
    shown = [tables.number(value) for value in (13470.4, 0.021349, 3.2e9, float("inf"), 2.0)]
    assert shown == ["13470", "0.02135", "3.2e+09", "inf", "2"]


# demo -------------------------------------------------------------------------------------------


@pytest.fixture
def quick_demo(no_nuts, table, monkeypatch):
    """The demo without sampling and without LOO, whose draws would not be those of a posterior."""
    names = ["broken power law", "power law"]
    monkeypatch.setattr(demo, "compare", lambda fits, progress: table.set_axis(names))


def test_demo_tells_the_whole_story(quick_demo, tmp_path, monkeypatch):
    drawn = []

    def failing(*args):
        raise RuntimeError("a pen that broke")

    for name in ("plot_fit", "plot_breaks", "plot_backtest", "plot_forecast", "plot_required"):
        monkeypatch.setattr(bs, name, lambda *args: drawn.append(args) or _figure(), raising=False)
    monkeypatch.setattr(bs, "plot_compare", failing, raising=False)
    out, err = call("demo", "--out", tmp_path / "demo", "--model", "knn")
    for words in (
        "knn on digits, mean over 20 seeds, at 16 sizes",
        "PowerLaw fitted",
        "BrokenPowerLaw fitted",
        "Leave one out",
        "Backtest",
        "Verdict: Inside the data",
        "share seeds",
        "both, equal weights",
        "p_never",
        "power_law.nc",
        "forecast.png",
    ):
        assert words in " ".join(out.split()), words
    assert "compare.png was not drawn: RuntimeError('a pen that broke')" in err
    assert len(drawn) == 6
    assert bs.load(tmp_path / "demo" / "broken_power_law.nc").name == "BrokenPowerLaw"


def _figure():
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1)).subplots()


def test_demo_names_what_it_cannot_use(tmp_path):
    assert "no model 'svm'" in call("demo", "--model", "svm", code=2)[1]
    (tmp_path / "taken").write_text("")
    assert "cannot be made" in call("demo", "--out", tmp_path / "taken", code=2)[1]


@pytest.mark.parametrize("width", ["30", "80"])
def test_a_narrow_screen_loses_no_digit(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", width)
    numbers = pd.DataFrame({f"column {i}": [1.0 + i / 1000] for i in range(9)}, index=["a law"])
    tables.show(numbers)
    shown = capsys.readouterr().out
    assert all(f"{1 + i / 1000:.4g}" in shown for i in range(9))


# Several inputs ---------------------------------------------------------------------------------


@pytest.fixture
def grid(tmp_path):
    """Runs on a grid of sizes and tokens."""
    sizes, data = np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6))
    exact = bs.Chinchilla(
        irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    ).evaluate(params=sizes, tokens=data)
    path = tmp_path / "grid.csv"
    table = {"n": sizes.ravel(), "d": data.ravel(), "loss": exact.ravel()}
    pd.DataFrame(table).to_csv(path, index=False)
    return path


ROLES = ["--input", "params=n", "--input", "tokens=d", "--y", "loss"]


def test_several_inputs_from_fit_to_required(grid, no_nuts, tmp_path):
    out = tmp_path / "fit.nc"
    text, _ = call("fit", grid, "--law", "chinchilla", *ROLES, "-o", out)
    assert "params_exponent" in text
    at = ["--input", "params=7e9", "--input", "tokens=1e11,1e12"]
    made = json.loads(call("forecast", out, *at, "--json")[0])
    assert [row["d"] for row in made["forecast"]] == [1e11, 1e12]
    assert [row["n"] for row in made["forecast"]] == [7e9, 7e9]
    asked = ["required", out, "--y", "3", "--solve", "tokens", "--input", "params=7e9", "--json"]
    found = json.loads(call(*asked)[0])
    assert found["of"] == "d"
    assert "say which one to solve for" in call("required", out, "--y", "3", code=2)[1]


def test_parameters_are_fixed_and_constants_taken_by_name(grid, no_nuts, tmp_path):
    out = tmp_path / "fit.nc"
    fixed = ["--set", "irreducible=0", "--set", "A=406.4", "--set", "exponent_ratio=1"]
    call("fit", grid, "--law", "chinchilla", *ROLES, *fixed, "-o", out)
    law = files.load(out).law
    assert law.irreducible == 0.0
    assert law.params_scale.on == "A"
    assert law.tokens_exponent.on == "exponent_ratio"


def test_what_cannot_be_set_is_said(grid, no_nuts):
    fit = ["fit", grid, "--law", "chinchilla", *ROLES]
    assert "takes no --set exponent" in call(*fit, "--set", "exponent=1", code=2)[1]
    assert "NAME=NUMBER" in call(*fit, "--set", "A", code=2)[1]


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory):
    path = tmp_path_factory.mktemp("frontier") / "fit.nc"
    invented_fit(bs.Chinchilla()).save(path)
    return path


class TestFrontier:
    def test_tables(self, two_inputs):
        text, _ = call("frontier", two_inputs, "--compute", "1e5,1e6", "--price", "0.1")
        for words in ("best use of each budget", "What to train", "within 0.5 %", "power laws"):
            assert words in text

    def test_json(self, two_inputs):
        given = ["--compute", "1e6", "--context", "16", "--inference-tokens", "100", "--json"]
        found = json.loads(call("frontier", two_inputs, *given)[0])
        assert found["drift"] == 0.3
        assert {"compute", "n_params", "n_tokens", "loss"} <= set(found["frontier"][0])
        assert "regret" in found["plan"][0]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (["--compute", "many"], "numbers with commas"),
            (["--compute", "1e6", "--vocabulary", "10"], "goes with --context"),
            (["--compute", "1e6", "--hold", "unique_tokens"], "takes ROLE=NUMBER"),
            (["--compute", "1e6", "--hold", "unique_tokens=1e9"], "no input 'unique_tokens'"),
            (["--compute", "1e6", "--group", "family=A"], "without groups"),
        ],
    )
    def test_wrong_usage(self, two_inputs, given, words):
        assert words in call("frontier", two_inputs, *given, code=2)[1]
