"""The report: what it holds, what it escapes, what it survives; and how a browser shows it."""

import re
import shutil
import subprocess
import tomllib
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from invented import invented_draws, invented_fit
from typer.testing import CliRunner

import bayescale as bs
from bayescale import backtesting, cli, engines
from bayescale.plots import album
from bayescale.reporting import asked, checklist, findings, methods, page, sections
from bayescale.sensitivity import priors, single_runs

HOSTILE = '<script>alert(1)</script>"&_%$'
VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "circle", "rect", "image"}


class Outline(HTMLParser):
    """What a page is made of; complains of tags that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.leads, self.words = [], [], [], [], []
        self.headings = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.leads += [given[key] for key in ("href", "src", "xlink:href") if key in given]
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.words.append(data)


def written(fit, folder, **options):
    path = fit.report(folder / "report.html", progress=False, **options)
    return path.read_text(encoding="utf-8")


@pytest.fixture
def no_nuts(monkeypatch):
    monkeypatch.setattr(engines, "draw", invented_draws)


@pytest.fixture(scope="module")
def fit():
    return invented_fit(bs.PowerLaw())


def test_every_form_has_a_report(form, tmp_path):
    named = [name for name in asked.TITLES if name not in ("priors", "rows")]
    text = written(invented_fit(form()), tmp_path, sections=named, quick=True)
    seen = Outline(text)
    assert 'class="failed"' not in text, re.findall(r'class="failed">([^<]*)', text)
    assert len(seen.ids) == len(set(seen.ids))
    inside = {lead[1:] for lead in seen.leads if lead.startswith("#")}
    assert inside <= set(seen.ids)
    assert all(lead.startswith(("#", "data:")) for lead in seen.leads)  # no network
    assert "<svg" in text


def test_a_report_can_be_read_aloud(fit, tmp_path):
    seen = Outline(written(fit, tmp_path, quick=True))
    assert seen.headings[0] == 1
    assert seen.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(seen.headings, seen.headings[1:]))  # noqa: B905 (one is longer by one, on purpose)
    tags = [tag for tag, _ in seen.tags]
    assert {"main", "nav", "header", "footer", "title"} <= set(tags)
    assert dict(next(given for tag, given in seen.tags if tag == "html"))["lang"] == "en"
    for tag, given in seen.tags:
        if tag == "svg":
            assert given["role"] == "img"
            assert given["aria-labelledby"] in seen.ids
        if tag == "th":
            assert given["scope"] in ("col", "row")
    assert tags.count("table") == tags.count("caption")


def test_what_users_wrote_is_escaped(tmp_path):
    made = invented_fit(bs.PowerLaw(), columns={"x": f"in {HOSTILE}"}, y=f"out {HOSTILE}")
    made.tree.attrs["notes"] = [HOSTILE]
    answers = {"parameter_count": HOSTILE}
    text = written(made, tmp_path, quick=True, title=HOSTILE, checklist=answers)
    seen = Outline(text)
    assert "script" not in {tag for tag, _ in seen.tags}
    assert "".join(seen.words).count("<script>") > 5
    assert 'class="failed"' not in text, re.findall(r'class="failed">([^<]*)', text)
    assert r"\_\%\$" in methods.latex(
        asked.asked_for(made, title=None, sections=None, at=None, compare=None, backtest=None,
                        checklist=None, prob=0.9, drift=0.3, quick=True, seconds=1)
    )  # fmt: skip


def test_sections_hold_the_numbers_of_the_functions(fit, tmp_path):
    text = written(fit, tmp_path, quick=True, at={"x": [1e6, 1e7]}, drift=0.0)
    expected = fit.forecast(x=[1e6, 1e7], drift=0.0).interval(0.9).iloc[-1]
    for name in ("median", "lower", "upper"):
        assert f"{expected[name]:.4g}" in text
    assert f"{fit.diagnostics.rhat:.3f}" in text
    for name, row in fit.constants().iterrows():
        assert f">{name}<" in text
        assert f"{row['median']:.4g}" in text
    for words in fit.law.priors()["prior"]:
        assert words in text
    sensed = bs.sensitivity_to_prior(fit, x=1e7)
    assert f"{sensed['likelihood'].iloc[-1]:.3f}" in text


def test_a_section_that_fails_says_so_and_the_rest_is_written(fit, tmp_path, monkeypatch):
    def broken(*args, **more):
        raise RuntimeError("no <b>luck</b> today")

    monkeypatch.setattr(priors, "sensitivity_to_prior", broken)
    monkeypatch.setattr(album, "svg_of", broken)
    monkeypatch.setitem(sections._BODIES, "data", broken)
    text = written(fit, tmp_path, quick=True)
    told = re.findall(r'class="failed">([^<]*)', text)
    assert "The sensitivity to the priors failed" in " ".join(told)
    assert "This section failed" in " ".join(told)
    assert "The picture" in " ".join(told)
    assert "<b>luck" not in text
    assert 'id="methods"' in text
    assert len(Outline(text).headings) > 10


def test_sections_are_chosen(fit, tmp_path, monkeypatch):
    def never(*args, **more):
        raise AssertionError("was not asked for")

    monkeypatch.setattr(single_runs, "sensitivity_to_rows", never)
    text = written(fit, tmp_path, sections=["forecast", "data"])
    assert re.findall(r'<section id="(\w+)"', text) == ["data", "forecast"]
    assert 'class="failed"' not in text


def test_a_quick_report_fits_nothing_and_a_slow_one_stops_in_time(tmp_path, monkeypatch, no_nuts):
    made = invented_fit(bs.PowerLaw())
    calls = []

    def counted(*given, **more):
        calls.append(1)
        return invented_draws(*given, **more)

    monkeypatch.setattr(engines, "draw", counted)
    text = written(made, tmp_path, quick=True, backtest=0.25)
    assert not calls
    assert "which a quick report leaves out" in text
    late = written(made, tmp_path, seconds=1e-9, backtest=0.25)
    assert not calls
    assert "seconds for this report were over" in late
    full = written(made, tmp_path, backtest=0.25)
    assert len(calls) > 3
    assert "smallest input kept" in full
    assert "coverage_90" in full
    assert 'class="failed"' not in full


def test_cuts_are_those_of_the_function(tmp_path, no_nuts):
    made = invented_fit(bs.PowerLaw())
    order = asked.asked_for(
        made, title=None, sections=None, at={"x": 1e7}, compare=None, backtest=None,
        checklist=None, prob=0.9, drift=0.3, quick=False, seconds=100,
    )  # fmt: skip
    table = findings._smallest(order, {})
    settings = {"draws": 250, "tune": 10, "seed": 7, "progress": False}
    own = bs.sensitivity_to_smallest(
        made.law, made.runs.frame(), y="loss", x="n_x", at=1e7, **settings
    )
    assert table["smallest"].tolist() == own["smallest"].tolist()
    np.testing.assert_allclose(table["median"][1:], own["median"][1:])


def test_comparison_with_other_fits_and_with_a_table(power_fit, broken_fit, tmp_path):
    others = {"power law": power_fit}
    text = written(broken_fit, tmp_path, compare=others, quick=True, sections=["comparison"])
    assert "power law" in text
    assert "In words" in text
    assert 'class="failed"' not in text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # high Pareto k, which the table tells
        table = bs.compare({"broken": broken_fit, **others}, repair=False, progress=False)
    again = written(broken_fit, tmp_path, compare=table, quick=True, sections=["comparison"])
    assert f"{table['elpd'].iloc[0]:.2f}" in again
    none = written(broken_fit, tmp_path, quick=True, sections=["comparison"])
    assert "No other law was given" in none


def test_a_fit_with_groups_has_a_report(tmp_path, no_sampling):
    law = bs.PowerLaw(scale=bs.partial_pooling(by="family", spread=0.3))
    one, two = (bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 8), y="loss", seed=s) for s in (0, 1))
    runs = pd.concat([one.assign(family="A<b>"), two.assign(family="B")])
    runs = runs.sample(frac=1, random_state=0)
    made = law.fit(runs, y="loss", x="x", draws=100, tune=10, progress=False)
    text = written(made, tmp_path)
    assert 'class="failed"' not in text, re.findall(r'class="failed">([^<]*)', text)
    assert "A&lt;b&gt;" in text
    assert text.count("<svg") >= 2


def test_the_checklist_asks_for_what_is_not_known(fit, tmp_path):
    text = written(fit, tmp_path, quick=True, sections=["checklist"])
    assert "not answered" in text
    block = re.search(r"<pre[^>]*><code>(.*?)</code>", text, re.S)[1]
    wanted = tomllib.loads(block.replace("&quot;", '"').replace("&#x27;", "'"))
    assert {"parameter_count", "compute_count", "tuning", "validation"} <= set(wanted)
    assert "form" not in wanted
    path = tmp_path / "answers.toml"
    path.write_text("\n".join(f'{name} = "said of {name}"' for name in wanted))
    full = written(fit, tmp_path, quick=True, sections=["checklist"], checklist=path)
    assert "not answered" not in full
    assert "said of parameter_count" in full
    assert "<pre" not in full


def test_a_backtest_answers_the_question_of_validation(tmp_path, no_nuts):
    made = invented_fit(bs.PowerLaw())
    text = written(made, tmp_path, backtest=3, sections=["checklist"])
    assert "held out and forecast (3 points)" in text


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sections": ["fits"]}, bs.LawError, "no section 'fits'. Did you mean 'fit'"),
        ({"sections": []}, bs.LawError, "at least one"),
        ({"checklist": {"tunning": "x"}}, bs.LawError, "Did you mean 'tuning'"),
        ({"checklist": {"tuning": 3}}, bs.LawError, "takes a sentence"),
        ({"checklist": "none.toml"}, bs.FileError, "none.toml cannot be read"),
        ({"checklist": 3}, bs.LawError, "checklist= takes"),
        ({"at": {"y": 3}}, bs.LawError, "at= needs x="),
        ({"at": 3}, bs.LawError, "inputs by role"),
        ({"at": {"x": -3}}, bs.DataError, "positive finite"),
        ({"prob": 90}, bs.LawError, "between 0 and 1"),
        ({"drift": -1}, bs.LawError, "drift"),
        ({"seconds": 0}, bs.LawError, "seconds="),
        ({"backtest": -1}, bs.LawError, "how much to hold out"),
        ({"compare": {}}, bs.LawError, "other fits by name"),
        ({"compare": {"a": 3}}, bs.LawError, "'a' is int"),
        ({"compare": pd.DataFrame({"elpd": [1]})}, bs.LawError, "lacks dse, elpd_diff"),
    ],
)  # fmt: skip
def test_wrong_use_is_told_before_anything_is_written(fit, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        fit.report(tmp_path / "report.html", progress=False, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["report.txt", "report", "no/report.html", ""])
def test_a_report_is_an_html_file_in_a_folder(fit, tmp_path, name):
    with pytest.raises(bs.FileError):
        fit.report(tmp_path / name, progress=False)


def test_of_several_inputs_a_backtest_is_refused(tmp_path):
    with pytest.raises(bs.LawError, match="Chinchilla has 2 inputs"):
        invented_fit(bs.Chinchilla()).report(tmp_path / "a.html", backtest=0.2, progress=False)


def test_the_fit_stays_as_it_was(fit, tmp_path):
    kept = fit.forecast(x=5e4)
    before = fit.tree["predictions"]
    written(fit, tmp_path, quick=True)
    assert fit.tree["predictions"] is before
    assert kept.inputs["n_x"].iloc[0] == 5e4


def test_pictures_take_the_colours_of_the_page():
    text = album.svg_of(lambda ax: ax.plot([1, 2], [1, 2], color="#0072B2"), "line")
    assert text.startswith("<svg")
    assert "var(--blue, #0072b2)" in text
    assert "#000000" not in re.sub(r"var\([^)]*\)", "", text)
    assert text == album.svg_of(lambda ax: ax.plot([1, 2], [1, 2], color="#0072B2"), "line")
    many = np.random.default_rng(0).random((2, 9000))
    painted = album.svg_of(lambda ax: ax.plot(*many, "o"), "many")
    assert "<image" in painted
    assert len(painted) < 400_000
    assert 'class="picture paper"' in page.picture(painted, "many points", "p")


def test_a_column_of_sentences_has_room_and_numbers_stand_to_the_right():
    said = "the loss at the largest input over the loss at the smallest"
    made = page.table(pd.DataFrame({"name": ["a"], "median": [1.5], "means": [said]}), "A table")
    assert f"<td class='words'>{said}</td>" in made
    assert "<td class='number'>1.5</td>" in made
    assert "<th scope='row'>a</th>" in made


def test_tables_of_latex():
    assert methods.escape("a_b & 5 % {x} ~^\\") == (
        r"a\_b \& 5 \% \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert methods._digits(8.8e13) == r"$8.800 \times 10^{13}$"
    assert methods._digits(0.25) == "$0.25$"
    assert methods._digits(np.inf) == r"$\infty$"


def test_every_question_has_a_place():
    every = checklist.answers(bs.Checklist(), {}, {})
    assert all(answer.open for answer in every)
    assert {answer.part for answer in every} == {
        "Hypothesis", "Training", "Data collection", "Fitting",
    }  # fmt: skip
    assert len({answer.question for answer in every}) == len(every)


def test_the_command(tmp_path):
    invented_fit(bs.PowerLaw()).save(tmp_path / "fit.nc")
    invented_fit(bs.PowerLaw(irreducible=0.0)).save(tmp_path / "other.nc")
    out = tmp_path / "out.html"
    common = ["report", str(tmp_path / "fit.nc"), "--quick", "-o", str(out)]

    def call(*more):
        return CliRunner().invoke(cli.app, [*common, *map(str, more)])

    made = call("--x", "1e6,1e7", "--compare", tmp_path / "other.nc", "--sections", "forecast")
    assert made.exit_code == 0, made.output
    assert f"Written to {out}" in made.stdout
    assert 'id="forecast"' in out.read_text()
    assert '"file"' in call("--json", "--sections", "data").stdout
    both = {"steep": bs.load(tmp_path / "fit.nc"), "flat": bs.load(tmp_path / "other.nc")}
    bs.ensemble(both, weights=[0.3, 0.7]).save(tmp_path / "mixture.nc")
    common[1] = str(tmp_path / "mixture.nc")
    assert "give --member 'flat', which weighs most" in call().stderr
    assert "Did you mean 'steep'" in call("--member", "steap").stderr
    assert call("--member", "steep", "--sections", "data").exit_code == 0
    common[1] = str(tmp_path / "fit.nc")
    assert "--member is for a mixture" in call("--member", "steep").stderr
    wrong = call("--sections", "sumary")
    assert wrong.exit_code == 2
    assert "Did you mean 'summary'" in wrong.stderr


# In a browser -----------------------------------------------------------------------------------

LOOK = """<script>
const main = document.querySelector("main"), style = getComputedStyle(document.body);
const broken = [...document.images].filter(i => !i.naturalWidth).length;
const drawn = [...document.querySelectorAll("svg")].map(s => s.getBoundingClientRect().width);
const wide = document.documentElement.scrollWidth - window.innerWidth;
const cut = [...document.querySelectorAll("section > *:not(.scroll)")]
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).length;
document.title = "LOOKED" + JSON.stringify({broken, drawn, wide, cut, paper: style.backgroundColor,
  ink: style.color, loaded: performance.getEntriesByType("resource").length}) + "END";
</script>"""


def browser():
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "Chromium is missing: apt-get install chromium"
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update"
    )
    return [found, *flags.split()]


@pytest.mark.site
@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_report(broken_fit, power_fit, tmp_path, width, scheme):
    import json

    text = written(broken_fit, tmp_path, compare={"power law": power_fit}, backtest=0.25)
    assert 'class="failed"' not in text
    # The page allows no script; the test's own needs another policy.
    text = text.replace("default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';")
    shown = tmp_path / "shown.html"
    shown.write_text(text.replace("</body>", LOOK + "</body>"), encoding="utf-8")
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    done = subprocess.run(
        [*browser(), *dark, "--virtual-time-budget=4000", f"--window-size={width},900",
         "--enable-logging=stderr", f"--user-data-dir={tmp_path}/user", "--dump-dom",
         shown.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    seen = json.loads(re.search(r"LOOKED(\{.*?\})END", done.stdout)[1])
    assert "CONSOLE" not in done.stderr
    assert seen["broken"] == seen["cut"] == seen["loaded"] == 0
    assert seen["wide"] <= 0
    assert len(seen["drawn"]) >= 6
    assert min(seen["drawn"]) > 300
    assert seen["paper"] == ("rgb(21, 24, 28)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.site
def test_a_report_is_printed_whole(power_fit, tmp_path):
    path = power_fit.report(tmp_path / "report.html", quick=True, progress=False)
    subprocess.run(
        [*browser(), f"--user-data-dir={tmp_path}/user", f"--print-to-pdf={tmp_path}/a.pdf",
         path.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    made = (tmp_path / "a.pdf").read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b", made))
    assert 3 <= pages <= 20


def test_a_backtest_of_fits_holds_out_their_own_runs(monkeypatch, no_sampling):
    """A table made of the runs would forget which training run each row is of."""
    one, two = (
        bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 8), y="loss", seed=seed) for seed in (0, 1)
    )
    table = pd.concat([one.assign(name="a"), two.assign(name="b")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        made = bs.PowerLaw().fit(
            table, y="loss", x="x", run="name", draws=100, tune=10, progress=False
        )
    seen = []
    monkeypatch.setattr(backtesting, "_tested", lambda plan, *rest: seen.append((plan, rest)))
    backtesting.backtest_of_fits({"a": made}, holdout=2)
    (plan, (folds, *_)) = seen[0]
    assert plan.every is made.runs
    assert plan.noise["a"] is made.likelihood
    assert len(folds[0].train) < len(made.runs) or folds[0].train.sum() < len(made.runs)
