"""Every public function, with one or two of its arguments wrong: an answer, or an error of ours."""

import inspect
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc  # noqa: F401 (it raises the recursion limit, which hypothesis must not see change)
import pytest
from bad_calls import EMPTY, calls, silent_nans
from bad_frames import frames, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from ready import ready, without_sampling
from test_bad_input import CASES, EACH

import bayescale as bs
from bayescale.registry import LAWS

CALLS = calls()
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
WORDS = [
    "x", "y", "z", "g", "params", "tokens", "curve", "observation", "scale", "power", "nothing",
    "", "X", "all", "stacking", "a\nb", "/", "../x", "nowhere/x",
]  # fmt: skip
#: What is right somewhere, and wrong elsewhere.
OF_OURS = [*ready(), "PowerLaw", "a law", "Chinchilla", "noise", "prior", "call", "module"]


def ours(name):
    made = {
        "PowerLaw": bs.PowerLaw, "a law": bs.PowerLaw(), "Chinchilla": bs.Chinchilla(),
        "noise": bs.LogNormal(), "prior": bs.Prior("Normal", mu=0.0, sigma=1.0), "call": len,
        "module": np,
    }  # fmt: skip
    return made[name] if name in made else ready()[name]


def anything():
    """What somebody may give for an argument."""
    single = st.sampled_from(WORDS) | numbers() | st.sampled_from(OF_OURS).map(ours)
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
    for cls in {type(made) for made in ready().values()} - {dict, pd.DataFrame}:
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
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        warnings.simplefilter("always", bs.BayescaleWarning)
        warnings.filterwarnings("ignore", "Estimated shape parameter")  # ArviZ's, of repair=False
        try:
            found = CALLS[name].call(**arguments)
            empty = set(silent_nans(found)) - set(EMPTY)
        except bs.BayescaleError as error:
            words = str(error)
            assert len(words) > 12, f"it says no more than {words!r}"
            return
        finally:
            plt.close("all")
    assert not empty or seen, f"NaN in {sorted(empty)}, and nothing said"
