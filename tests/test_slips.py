"""What a newcomer writes by mistake, and what is said: an error of ours with the way out."""

import inspect

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale.errors import DataError, LawError

RUNS = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300, 1000], y="loss")
PLOTS = sorted(name for name in dir(bs) if name.startswith("plot_"))


def fit(table=RUNS, **how):
    return bs.PowerLaw().fit(table, **{"y": "loss", "x": "x"} | how)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("normal", r"got 'normal'\. Write bs\.Normal\(\)"),
        ("log_normal", r"Write bs\.LogNormal\(\)"),
        ("gaussian", r"likelihood= takes one such as bs\.LogNormal\(\)"),
        (bs.StudentT, r"got the class StudentT\. Write it with brackets: bs\.StudentT\(\)"),
        (0.1, r"got 0\.1"),
    ],
)
def test_a_likelihood_that_is_none(given, said):
    laws = {"law": bs.PowerLaw()}
    for ask in (
        lambda: fit(likelihood=given),
        lambda: bs.PowerLaw().prior_predictive(RUNS, y="loss", x="x", likelihood=given),
        lambda: bs.backtest(laws, RUNS, y="loss", x="x", likelihood=given),
        lambda: bs.fit_many(laws, RUNS.assign(g=1), by="g", y="loss", x="x", likelihood=given),
        lambda: bs.forecast(RUNS, y="loss", x="x", at=1e4, likelihood=given),
    ):
        with pytest.raises(LawError, match=said):
            ask()


def test_a_path_for_a_table(tmp_path):
    for given in ("runs.csv", tmp_path / "runs.csv"):
        with pytest.raises(DataError, match=r"Read a file first: bs\.read_runs\('.*runs\.csv'\)"):
            fit(given)


def test_an_argument_that_there_is_not():
    with pytest.raises(LawError, match=r"'chain' is no other argument\. Did you mean 'chains'\?"):
        fit(chain=2)
    with pytest.raises(LawError, match=r"takes the input 'x'; got 'params'\. Write x='x'"):
        bs.PowerLaw().fit(RUNS, y="loss", params="x")


@pytest.mark.parametrize("name", ["draws", "tune", "chains", "cores", "seed"])
@pytest.mark.parametrize("given", ["many", -1, 2.5, [4], float("nan"), float("inf")])
def test_a_number_that_is_none(name, given):
    with pytest.raises(LawError, match=f"{name}= must be a whole number of at least"):
        fit(**{name: given})


def test_a_whole_number_may_have_a_point(no_sampling):
    whole = fit(seed=3.0, draws=400.0, tune=10, retry=False, progress=False)
    assert whole.parameters["exponent"].shape == (4, 400)


def test_a_target_acceptance_that_is_none():
    with pytest.raises(LawError, match=r"target_accept= must lie between 0 and 1 .* got 'high'"):
        fit(target_accept="high")
    for odd in (0, [[1.0, 0.0], [0.0, 1.0]], pd.Series([0.9])):
        with pytest.raises(LawError, match=r"target_accept= must lie between 0 and 1"):
            fit(target_accept=odd)


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize(
    "given",
    [RUNS, bs.PowerLaw(), bs.PowerLaw, None, "fit.nc"],
    ids=["table", "law", "class", "none", "path"],
)
def test_a_plot_of_something_else(name, given):
    with pytest.raises(LawError):
        getattr(bs, name)(given)


def test_plots_keep_their_signatures():
    assert len(PLOTS) >= 15
    for name in PLOTS:
        first, *more = inspect.signature(getattr(bs, name)).parameters.values()
        assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert not [other for other in more if other.kind is first.kind]
        assert getattr(bs, name).__doc__


def test_what_a_plot_draws_is_said():
    with pytest.raises(LawError, match=r"draws what bs\.compare\(\.\.\.\) returns; got a table wi"):
        bs.plot_compare(RUNS)
    with pytest.raises(LawError, match=r"plot_fit\(\) draws what law\.fit\(.*; got PowerLaw\."):
        bs.plot_fit(bs.PowerLaw())
    fit = invented_fit(bs.PowerLaw())
    mixture = bs.Ensemble({"a": fit, "b": fit}, np.array([0.5, 0.5]), "given")
    with pytest.raises(LawError, match=r"plot_fit\(\) draws what law\.fit\(.*; got Ensemble"):
        bs.plot_fit(mixture)


def test_laws_for_fits():
    with pytest.raises(LawError, match="takes fits, in a list or a dict by name; got PowerLaw"):
        bs.ensemble([bs.PowerLaw(), bs.PowerLaw()])


@pytest.mark.parametrize("given", [RUNS, bs.PowerLaw, "PowerLaw"], ids=["table", "class", "name"])
def test_what_is_no_law_is_named_in_a_line(given):
    with pytest.raises(LawError, match=r"must be a law such as bs\.PowerLaw\(\)") as caught:
        bs.fit_many(given, RUNS, by="x", y="loss", x="x")
    assert len(str(caught.value)) < 120
    with pytest.raises(LawError, match=r"must be a law such as bs\.PowerLaw\(\)") as caught:
        bs.backtest({"a": given}, RUNS, y="loss", x="x")
    assert len(str(caught.value)) < 120


def test_a_method_that_is_looked_for_in_the_package():
    with pytest.raises(AttributeError, match=r"A law has it: bs\.PowerLaw\(\)\.fit"):
        bs.fit  # noqa: B018 (the access is what is tried)


def test_tables_of_other_kinds_are_not_taken_for_paths():
    assert fit_reaches_the_columns({"x": [1, 2], "loss": [2, 1]})
    assert fit_reaches_the_columns(pd.DataFrame({"x": [1, 2], "loss": [2, 1]}))


def fit_reaches_the_columns(table):
    with pytest.raises(DataError, match="needs runs at 4 or more"):
        fit(table)
    return True


def test_columns_of_a_batch_are_named_by_text():
    with pytest.raises(LawError, match="name columns by text"):
        bs.fit_many(bs.PowerLaw(), RUNS.assign(g=1), by="g", y="loss", x=[[1.0, 2.0]])
    with pytest.raises(LawError, match="target_accept="):
        bs.fit_many(bs.PowerLaw(), RUNS.assign(g=1), by="g", y="loss", x="x", target_accept=0)
