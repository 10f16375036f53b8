"""Names that somebody else chose: they are shown, and do nothing, wherever they are shown."""

import warnings

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from ready import BRIEF, table, without_sampling
from typer.testing import CliRunner

import bayescale as bs
from bayescale import cli
from bayescale.reporting import methods
from bayescale.reporting.asked import asked_for

MARKS = "<script>alert(1)</script>", r"\input{/etc/passwd}", "$x_{1", "5 % & _^~#"
Y, X, G = (f"{name} {' '.join(MARKS)}" for name in "yxg")
LEVELS = {"a": "<b onload=x>", "b": r"\input{b} $", "c": "\x1b[31mc‮"}
ACTS = ["\x1b", "\x07", "‮", "⁦", "\x9b"]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(), without_sampling():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        yield
    plt.close("all")


@pytest.fixture
def runs():
    made = table().rename(columns={"y": Y, "x": X, "g": G})
    return made.assign(**{G: made[G].map(LEVELS)})


def fitted(runs, law=None, y=Y, x=X, **options):
    law = law or bs.PowerLaw()
    return law.fit(runs, y=y, x=x, draws=25, chains=2, progress=False, **options)


def records(runs):
    """What a notebook shows."""
    fit = fitted(runs)
    grouped = fitted(runs, bs.PowerLaw(scale=bs.partial_pooling(by=G)))
    both = {"<script>": fit, r"\input{x} $": fitted(runs, bs.BrokenPowerLaw(breaks=1))}
    forecast = fit.forecast(**{X: 1e10})
    return [
        fit, grouped, fit.law, grouped.law, bs.ensemble(both), forecast, fit.required(2.2),
        bs.elasticity(fit, **{X: 1e10}), bs.difference(grouped, {G: LEVELS["a"]},
        {G: LEVELS["b"]}, **{X: 1e10}), bs.verdict(both, comparison=bs.compare(both, repair=False)),
        bs.fit_many(bs.PowerLaw(), pd.concat([runs.assign(**{G: v}) for v in LEVELS.values()]),
                    by=G, y=Y, x=X, progress=False, **BRIEF),
    ]  # fmt: skip


# So few draws that a tail may look heavy; names are looked at, not estimates.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_nothing_is_markup_in_a_notebook(runs):
    for made in records(runs):
        shown = getattr(made, "_repr_html_", lambda: "")()
        assert "<script" not in shown, type(made)
        assert "<b onload" not in shown, type(made)


def test_a_report_is_text(runs, tmp_path):
    grouped = fitted(runs, bs.PowerLaw(scale=bs.partial_pooling(by=G)))
    for number, fit in enumerate((fitted(runs), grouped)):
        path = fit.report(
            tmp_path / f"{number}.html",
            quick=True,
            title=f"{MARKS}",
            checklist={"form": " ".join(MARKS), "runs": LEVELS["c"]},
            progress=False,
        )
        page = path.read_text()
        assert "<script>alert" not in page
        assert "<b onload" not in page
        assert "alert(1)" in page


def test_a_table_for_latex_is_text(runs):
    grouped = fitted(runs, bs.PowerLaw(scale=bs.partial_pooling(by=G)))
    for fit in (fitted(runs), grouped):
        asked = asked_for(
            fit, title=None, sections=None, at=None, compare=None, backtest=None, checklist=None,
            prob=0.9, drift=0.3, quick=True, seconds=1.0,
        )  # fmt: skip
        text = methods.latex(asked)
        assert r"\input" not in text
        bare = text.replace(r"\$", "").replace(r"\%", "").replace(r"\_", "").replace(r"\#", "")
        assert "$x_{1" not in bare
        assert "%" not in bare


@pytest.mark.parametrize("command", ["fit", "compare", "outlook"])
def test_nothing_acts_on_a_terminal(runs, command, tmp_path):
    names = {Y: f"{Y}\x1b[2J", X: f"{X}‮⁦\x9b31m"}
    path = tmp_path / "runs.csv"
    runs.rename(columns=names).to_csv(path, index=False)
    words = [command, str(path), "--x", names[X], "--y", names[Y], "--draws", "20", "--tune", "10"]
    more = ["--at", "1e10"] if command == "outlook" else []
    runner = CliRunner()
    for line in ([*words, *more], [*words[:-6], "--y", "nothing\x1b[2J", *more]):
        done = runner.invoke(cli.app, line, color=True)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        for mark in ACTS:
            assert mark not in done.output, (command, ascii(mark))


# The font has no picture of some hostile letters; what is looked at is that the rest is drawn.
@pytest.mark.filterwarnings("ignore:Glyph")
def test_pictures_show_names_as_they_are(runs):
    fit, forecast = fitted(runs), None
    forecast = fit.forecast(**{X: [1e10, 1e11]})
    for ax in (bs.plot_fit(fit), bs.plot_forecast(forecast), bs.plot_required(fit.required(2.2))):
        ax.figure.canvas.draw()
    both = {"$x_{1": fit, "$\\input{b}$": fitted(runs, bs.BrokenPowerLaw(breaks=1))}
    compared = pd.DataFrame(
        {"elpd_diff": [0.0, -6.1], "dse": [0.0, 2.3], "weight": [0.9, 0.1], "warning": ""},
        index=list(both),
    )
    bs.plot_compare(compared).figure.canvas.draw()
