"""Every row of docs/trust.md's table of bad input: what is said there is what happens."""

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit
from ready import ready

import bayescale as bs

ROWS = 12
X = np.geomspace(1e6, 1e9, ROWS)
Y = 2 + 3 * (X / 1e6) ** -0.3 * np.exp(0.01 * np.random.default_rng(0).standard_normal(ROWS))


@pytest.fixture(autouse=True)
def _none_is_sampled(no_sampling):
    """Draws near the prior's median in place of NUTS."""


def table(**columns):
    return pd.DataFrame({"x": X, "y": Y}).assign(**columns)


def fitted(runs, **how):
    asked = {"y": "y", "x": "x", "progress": False, "retry": False} | how
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)  # of a bare outcome, few sizes
        return bs.PowerLaw().fit(runs, **asked)


def refused(runs, words, **how):
    with pytest.raises(bs.DataError, match=words):
        bs.PowerLaw().fit(runs, **{"y": "y", "x": "x", "progress": False} | how)


def spoilt(values, row, value):
    column = pd.Series(values, dtype=object)
    column[row] = value
    return column


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0, None, pd.NA, np.ma.masked])
def test_an_input_that_is_no_positive_number(value):
    refused(table(x=spoilt(X, 3, value)), r"'x' .*row 3\b")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, None, pd.NA, np.ma.masked])
def test_an_outcome_that_is_no_number(value):
    refused(table(y=spoilt(Y, 3, value)), r"'y' .*row 3\b")


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_an_outcome_under_noise_in_proportion(value):
    refused(table(y=spoilt(Y, 3, value)), r"'y'.*row 3\b.*Normal\(\)")


def test_decimal_commas():
    refused(table(x=[f"{value:.1f}".replace(".", ",") for value in X]), "decimal=")


@pytest.mark.parametrize(
    "value",
    ["abc", "", True, 1 + 2j, [1.0], {}, object, pd.Timestamp("2024-01-01"), pd.Timedelta("1h"),
     pd.Timestamp("2024-01-01", tz="Asia/Tokyo")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("column", ["x", "y"])
def test_what_is_no_number(value, column):
    refused(
        table(**{column: spoilt(X if column == "x" else Y, 3, value)}), f"'{column}' .*row 3\\b"
    )


@pytest.mark.parametrize(
    "kind", ["datetime64[ns]", "datetime64[ns, Asia/Tokyo]", "timedelta64[ns]", "bool", "complex"]
)
@pytest.mark.parametrize("column", ["x", "y"])
def test_columns_of_another_kind(kind, column):
    refused(table(**{column: pd.Series(np.arange(1, ROWS + 1)).astype(kind)}), f"'{column}'")


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x.astype(str),
        lambda x: x.astype("category"),
        lambda x: x.astype("Float64"),
        lambda x: x.astype("double[pyarrow]"),
        lambda x: x.map(Decimal),
        lambda x: x.map(Fraction),
        lambda x: x.astype(object),
    ],
    ids=["text", "category", "nullable", "arrow", "Decimal", "Fraction", "object"],
)
def test_numbers_in_another_dress_are_numbers(made):
    plain = fitted(table())
    other = fitted(table(x=made(pd.Series(X)), y=made(pd.Series(Y))))
    assert other.runs.inputs["x"] == pytest.approx(plain.runs.inputs["x"], rel=1e-15)
    assert other.runs.outcome == pytest.approx(plain.runs.outcome, rel=1e-15)


@pytest.mark.parametrize("scale", [1e-300, 1e290])
def test_sizes_however_small_or_large(scale):
    fit = fitted(table(x=X / 1e6 * scale))
    at = scale * 1e4
    assert np.isfinite(fit.forecast(x=[at]).interval(0.9).to_numpy(float)).all()


def test_whole_numbers_beyond_all_floats():
    refused(table(x=spoilt(X, 3, 10**400)), "'x' must be finite.*row 3")


def test_any_order_and_index_is_the_same_fit():
    plain = fitted(table())
    order = np.random.default_rng(1).permutation(ROWS)
    other = fitted(table().iloc[order].set_index(pd.Index(list("abcdefghijkl"))))
    assert np.array_equal(plain.parameters["exponent"], other.parameters["exponent"])


def test_copies_are_left_out_and_said():
    with pytest.warns(bs.BayescaleWarning, match=r"repeat|same"):
        fit = bs.PowerLaw().fit(
            pd.concat([table(), table().iloc[[2, 5]]]), y="y", x="x", progress=False, retry=False
        )
    assert len(fit.runs) == ROWS


def test_columns_that_are_two_or_none():
    both = pd.concat([table(), table()[["x"]]], axis=1)
    refused(both, "'x'")
    refused(table(), "Did you mean 'y'", y="yy")


@pytest.mark.parametrize(("rows", "words"), [(0, "is empty"), (1, "runs at different scales")])
def test_too_few_rows(rows, words):
    refused(table().iloc[:rows], words)


def test_one_size():
    refused(table(x=1e6), "'x'")


def test_empty_columns():
    refused(table(x=np.nan), "'x'")
    refused(table(y=pd.Series([None] * ROWS, dtype=object)), "'y'")


def test_a_constant_outcome_is_fitted():
    fit = fitted(table(y=2.0))
    assert np.isfinite(fit.forecast(x=[1e10]).interval(0.9).to_numpy(float)).all()


def test_a_metric_that_rises():
    refused(table(y=Y[::-1]), "ceiling=")


def test_a_million_rows():
    many = 10**6
    x = np.geomspace(1e6, 1e9, many)
    noise = np.random.default_rng(0).standard_normal(many)
    fit = fitted(pd.DataFrame({"x": x, "y": 2 + 3 * (x / 1e6) ** -0.3 * np.exp(0.01 * noise)}))
    assert len(fit.runs) == many
    assert fit.forecast(x=[1e10]).interval(0.9)["median"].gt(0).all()


def test_groups_of_odd_levels():
    law = bs.PowerLaw(scale=bs.unpooled(by="g"))
    for levels in ([1, "1"] * 6, [np.nan, "a"] * 6):
        with pytest.raises(bs.DataError, match="'g'"):
            law.fit(table(g=pd.Series(levels, dtype=object)), y="y", x="x", progress=False)


@pytest.mark.parametrize("runs", [[1.0, 2.0], "runs.csv", 3, None])
def test_what_is_no_table(runs):
    with pytest.raises(bs.DataError, match="table"):
        bs.PowerLaw().fit(runs, y="y", x="x", progress=False)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ([float("nan")], r"must be a dictionary of column and level; got \[nan\]"),
        (np.array([1, 2]), "got ndarray of shape"),
        ({3: 4}, "has no groups, so that none can be named; got 3"),
    ],
)
def test_groups_of_the_smallest_runs(group, words):
    runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 12), y="y")
    with pytest.raises(bs.LawError, match=words):
        bs.sensitivity_to_smallest(bs.PowerLaw(), runs, y="y", x="x", at=1e4, group=group)


def sweep_of(loss):
    n, c = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 7), np.geomspace(1e17, 1e19, 4)))
    return pd.DataFrame({"n": n, "c": c, "loss": loss(n, c)})


def test_valleys_of_one_and_the_same_loss():
    runs = sweep_of(lambda n, c: np.ones_like(n))
    with pytest.raises(bs.DataError, match="no valley, and no size is the best"):
        bs.isoflop(runs, y="loss", params="n", compute="c")


@pytest.mark.parametrize("depth", [1e-15, 1e-13, 1e-10, 1e-5])
def test_valleys_that_rounding_hardly_leaves(depth):
    runs = sweep_of(lambda n, c: 1 + depth * np.log(n / 1e8) ** 2)
    found = bs.isoflop(runs, y="loss", params="n", compute="c", draws=50)
    assert np.isfinite(found.power).all()
    if depth > 1e-12:
        assert found.interval()["median"].between(3e7, 3e8).all()


def test_run_labels_of_several_precisions_are_put_in_order():
    labels = [np.float16(2.0), 1e9, np.float32(2.0), 1e9] * (ROWS // 4)
    fit = fitted(table(r=pd.Series(labels, dtype=object)), run="r")
    assert sorted(fit.runs.run) == [0.0] * (ROWS // 2) + [1.0] * (ROWS // 2)


def test_inputs_that_are_as_good_as_zero():
    with pytest.raises(bs.DataError, match=r"must be 2\.23e-308 or more.*1e-310"):
        fitted(table(x=X * 1e-316))
    with pytest.raises(bs.DataError, match="positive finite numbers.*4.94066e-324"):
        fitted(table()).forecast(x=5e-324)


def test_the_direction_of_groups_of_a_run_each_is_not_looked_for():
    runs = table(g=np.arange(ROWS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = bs.PowerLaw(exponent=bs.partial_pooling(by="g")).fit(
            runs, y="y", x="x", progress=False, retry=False
        )
    assert np.isfinite(fit.forecast(x=1e10, g=3).draws()).all()


@pytest.mark.parametrize("level", [object(), bs.PowerLaw(), 1j, print])
def test_what_is_no_name_of_a_group(level):
    fit = ready()["grouped"]
    with pytest.raises(bs.LawError, match="g= must name a group"):
        fit.forecast(x=1e10, g=level)


def test_two_fits_that_are_one_are_as_good_as_each_other():
    fit = ready()["grouped"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimated shape parameter")  # of draws that are invented
        found = bs.compare_by_group({"a": fit, "b": fit}, "g", repair=False, progress=False)
    assert (found["p_better"] == 0.5).all()


def test_a_price_beyond_numbers():
    fit = invented_fit(bs.Chinchilla())
    with pytest.raises(bs.LawError, match="costs more than a number holds"):
        bs.frontier(fit, 1e20, price=1e300)


def test_a_class_is_no_critical_batch():
    with pytest.raises(bs.LawError, match="got the class CriticalBatchSize"):
        bs.WallClock(flops_per_second=1e18, batch=4e6, critical_batch=bs.CriticalBatchSize)


def halves():
    """A table of half precision, which pandas itself cannot show without a warning."""
    return table(x=np.arange(1.0, ROWS + 1)).astype("float16")


QUICK = {"draws": 20, "tune": 10, "progress": False}
FEW = {"y": "y", "x": "x", **QUICK}
ND = {"params": 1e9, "tokens": 1e10}
REFUSED = {
    "a forecast that is no dictionary": (
        lambda: bs.fit_many(bs.PowerLaw(), table(g="a"), by="g", **FEW, forecast="x"),
        r"forecast= takes inputs by role or column.*got 'x'",
    ),
    "a folder with a null in its name": (
        lambda: bs.fit_many(bs.PowerLaw(), table(g="a"), by="g", **FEW, folder="a\0b"),
        "The path must be text",
    ),
    "more draws than memory holds": (
        lambda: fitted(table(), draws=10**12), r"draws= must be at most 1,000,000",
    ),
    "no draws": (lambda: bs.isoflop(*VALLEYS, draws=-3, **SWEEP), "draws= must be at least 1"),
    "an empty name of a column": (
        lambda: bs.isoflop(*VALLEYS, **SWEEP | {"compute": ""}), "no column ''",
    ),
    "a seed that is an array": (
        lambda: bs.isoflop(*VALLEYS, **SWEEP, seed=np.array(3.0)), "seed= must be a whole number",
    ),
    "a whole number of four hundred digits": (
        lambda: bs.frontier(ready()["nd"], 1e20, price=10**400), "price= must be",
    ),
    "a table of half precision for a column": (
        lambda: bs.PowerLaw().fit(table(), y="y", x=halves()), r"no column DataFrame of shape",
    ),
    "a mixture of nothing": (
        lambda: bs.ensemble(np.ma.masked), "takes fits, in a list or a dict",
    ),
    "a power study as a fit": (lambda: bs.frontier(ready()["study"], 1e20), "PowerStudy"),
    "a ceiling near the largest number": (
        lambda: fitted(table(y=Y / 6), ceiling=1e308), r"must be a finite number.*below 1e\+300",
    ),
    "a drift of ten to the 308": (
        lambda: ready()["fit"].forecast(x=1e10, drift=1e308), "at most 100",
    ),
    "tokens to serve of ten to the 300": (
        lambda: bs.target_cost(ready()["nd"], 2.5, inference_tokens=1e300), r"below 1e\+100",
    ),
    "a holdout without end": (
        lambda: bs.backtest({"a": bs.PowerLaw()}, table(), **FEW, holdout=float("inf")),
        "holdout= must be a share",
    ),
    "cuts in a matrix": (
        lambda: bs.sensitivity_to_smallest(
            bs.PowerLaw(), table(), **FEW, at=1e10, cuts=np.eye(2)
        ),
        "cuts= must hold finite values",
    ),
    "groups by None": (
        lambda: bs.speedup(ready()["grouped"], group={None: 1}, over={"g": "b"}, at=1e8),
        "named by columns and levels",
    ),
    "a law for a fit": (
        lambda: bs.learn_n_obs({"a": bs.PowerLaw()}, {"a": table()}), "'a' is no fit but PowerLaw",
    ),
    "new runs with a column twice": (
        lambda: ready()["fit"].update(pd.concat([table(), table()[["x"]]], axis=1), progress=False),
        "several columns 'x'",
    ),
    "noise of ten to the 300": (
        lambda: bs.power_study(bs.PowerLaw(), {"sizes": [6], "decades": 3}, noise=1e300),
        "noise= must be a positive number up to 100",
    ),
    "a factor beyond numbers": (
        lambda: bs.doubling_gain(ready()["fit"], x=1e308), "more than a number holds",
    ),
    "a table for the name of an input": (
        lambda: bs.Heteroscedastic(bs.LogNormal(), input=halves()), "takes text",
    ),
}  # fmt: skip
VALLEYS = (sweep_of(lambda n, c: 1 + np.log(n / 1e8) ** 2),)
SWEEP = {"y": "loss", "params": "n", "compute": "c"}


@pytest.mark.parametrize("what", REFUSED)
def test_what_every_value_for_every_argument_found(what):
    call, words = REFUSED[what]
    with pytest.raises(bs.BayescaleError, match=words):
        call()


@pytest.mark.parametrize(
    ("name", "call"),
    {
        "cost": lambda fails: bs.frontier(ready()["nd"], 1e20, cost=fails),
        "critical_batch": lambda fails: bs.WallClock(
            flops_per_second=1e18, batch=4e6, critical_batch=fails
        )(**ND),
        "first= or second": lambda fails: bs.crossing(fails, ready()["fit"], 1e6, 1e9),
    }.items(),
)
def test_a_users_function_that_fails_is_named_and_keeps_its_traceback(name, call):
    def fails(*args, **more):
        raise IndexError("of the user")

    words = f"The function given as {name}= failed with IndexError: of the user"
    with pytest.raises(bs.LawError, match=words) as caught:
        call(fails)
    assert isinstance(caught.value.__cause__, IndexError)


def test_huge_numbers_that_are_answered():
    assert np.isfinite(
        bs.sensitivity_to_rows(ready()["fit"], x=1e-300, progress=False)["shift"]
    ).all()
    clock = bs.WallClock(flops_per_second=1e-300, batch=4e6)
    assert clock(**ND) == np.inf
    assert ready()["stages"].log_density(y=1e300, x=1e9) == -np.inf
