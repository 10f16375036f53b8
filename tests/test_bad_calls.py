"""Every public function, with one or two of its arguments wrong: an answer, or an error of ours."""

import inspect
import warnings
from itertools import islice

import matplotlib.pyplot as plt
import pandas as pd
import pymc  # noqa: F401 (it raises the recursion limit, which hypothesis must not see change)
import pytest
from bad_calls import calls
from bad_frames import frames, numbers
from bad_values import WORDS, cases, made, wrong_with
from hypothesis import given, settings
from hypothesis import strategies as st
from ready import ready, without_sampling
from test_bad_input import CASES, EACH

import bayescale as bs
from bayescale.registry import LAWS

CALLS = calls()
OURS = made()
#: Of that many values of the pool the quick tests take one.
PARTS = 61
#: Public names that take nothing of a user's, or not here.
NOT_HERE = {
    "list_datasets": "takes nothing", "list_laws": "takes nothing",
    "list_published": "takes nothing",
    "PF_DAY": "a number", "__version__": "text", "Law": "made by users as @bs.law",
    "Likelihood": "made by users as a class", "Source": "comes with a law", "Warming": "a process",
    "FitTable": "comes of fit_many", "NextRuns": "comes of next_runs", "Fit": "comes of fit",
    "PowerStudy": "comes of power_study", "Verdict": "comes of verdict",
}  # fmt: skip
#: Public methods that others of the package call, with what they have checked.
WITHIN = {
    "required_draws", "along", "curve_draws", "drifted_draws", "new_run_draws", "of_new_rows",
    "mixed", "values", "outcome_along", "line", "frozen", "varying_as", "describe", "stop", "wait",
}  # fmt: skip


def anything():
    """What somebody may give for an argument."""
    single = st.sampled_from(WORDS) | numbers() | st.sampled_from(list(OURS.values()))
    return (
        single
        | st.lists(single, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "a", "power", 3, None]), single, max_size=2)
        | frames()
    )


@st.composite
def wrong(draw):
    """A call, and its arguments with one or two made wrong."""
    name = draw(st.sampled_from(list(CALLS)))
    call = CALLS[name]
    names = [*call.right, *call.also]
    some = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)) if names else []
    changed = {n: draw(anything()) for n in {*call.always, *some}}
    return name, call.right | changed, tuple(changed)


@pytest.fixture(autouse=True)
def aside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with without_sampling():
        yield
    plt.close("all")


def test_every_public_name_is_tried():
    asked = {name.split(".")[0] for call in CALLS.values() if (name := call.method)}
    errors = {n for n in dir(bs) if n.endswith(("Error", "Warning"))}
    untried = set(dir(bs)) - set(CALLS) - asked - errors - set(NOT_HERE) - set(LAWS)
    assert not untried, f"in neither of tests/bad_calls.py and NOT_HERE: {sorted(untried)}"
    assert set(LAWS) & set(dir(bs)) <= set(CALLS)


def test_every_method_of_a_record_is_tried():
    tried = {call.method for call in CALLS.values()}
    untried = set()
    for cls in {type(record) for record in ready().values()} - {dict, pd.DataFrame}:
        if cls.__name__ in LAWS:
            continue
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            takes = len(inspect.signature(method).parameters) > 1
            if takes and not name.startswith("_") and name not in WITHIN:
                untried |= {f"{cls.__name__}.{name}"} - tried
    assert not untried, sorted(untried)


@pytest.mark.parametrize("name", [n for n, call in CALLS.items() if not call.always])
def test_every_call_is_right_before_it_is_made_wrong(name):
    if name in {"load", "read_runs"} or name.endswith(".at"):
        return  # of what is not there, and without groups
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CALLS[name].call(**CALLS[name].right)


@settings(EACH, max_examples=10 * CASES)  # of some two hundred calls
@given(wrong())
def test_any_call(case):
    name, arguments, _ = case
    assert not wrong_with(CALLS[name], arguments)


@pytest.mark.parametrize("name", list(CALLS))
def test_every_argument(name):
    """One argument after the other, each with its part of the pool; the benchmark takes all."""
    start = sum(map(ord, name)) % PARTS  # another part for each call
    for argument, label, arguments in islice(cases(CALLS[name]), start, None, PARTS):
        wrong = wrong_with(CALLS[name], arguments)
        assert not wrong, f"{name}({argument}=) given {label}: {wrong}"
