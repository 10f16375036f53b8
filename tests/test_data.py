"""Bad input gets a clear error before anything is sampled."""

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale import sample
from bayescale.data import observations


@pytest.fixture(autouse=True)
def nothing_is_sampled(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("sampling started before the data were checked")

    monkeypatch.setattr(sample, "run", refuse)


@pytest.fixture
def runs():
    x = np.geomspace(1e6, 1e9, 12)
    return pd.DataFrame({"params": x, "loss": 1.7 + (x / 1e6) ** -0.3, "family": ["a", "b"] * 6})


def fit(runs, law=None, y="loss", x="params", **kwargs):
    return (law or bs.PowerLaw()).fit(runs, y=y, x=x, **kwargs)


def change(runs, column, row, value):
    changed = runs.astype({column: object}) if isinstance(value, str) else runs.copy()
    changed.loc[row, column] = value
    return changed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: fit(r, x="parms"), "no column 'parms'.*params, loss, family.*mean 'params'"),
        (lambda r: fit(r, y="losss"), "no column 'losss'.*Did you mean 'loss'"),
        (lambda r: fit(r, x="family"), "must hold numbers; rows 0, 1.*hold 'a', 'b'"),
        (lambda r: fit(change(r, "loss", 3, "n/a")), "must hold numbers; row 3 holds 'n/a'"),
        (lambda r: fit(change(r, "loss", 3, np.nan)), "'loss' must be finite; got nan in row 3"),
        (
            lambda r: fit(change(r, "params", 4, np.inf)),
            "'params' must be finite; got inf in row 4",
        ),
        (lambda r: fit(change(r, "params", 2, 0.0)), "must be positive; got 0 in row 2"),
        (lambda r: fit(change(r, "loss", 2, -1.0)), "must be positive.*row 2.*bs.Normal"),
        (lambda r: fit(r.head(3)), "PowerLaw needs runs at 4 or more.*got 3"),
        (
            lambda r: fit(r.head(5), law=bs.BrokenPowerLaw(breaks=2)),
            "BrokenPowerLaw needs runs at 6 or more.*got 5",
        ),
        (lambda r: fit(r.assign(params=1e6)), "All 12 runs have the same 'params'"),
        (lambda r: fit(r.head(0)), "The table of runs is empty"),
        (lambda r: fit([1, 2, 3]), "DataFrame of pandas or polars.*got list"),
        (lambda r: fit(r.assign(loss=r.loss > 2)), "must hold numbers; it holds bool"),
        (lambda r: fit(r.assign(loss=1 - r.loss / 10)), "'loss' rises.*pass ceiling=1.0"),
        (lambda r: fit(r, ceiling=1.0), "must be below ceiling=1"),
        (lambda r: fit(r.assign(loss=r.loss / 10), ceiling=1.0), "Leave out ceiling="),
        (lambda r: fit(r, ceiling=np.nan), "ceiling must be a finite number"),
        (
            lambda r: fit(r.rename(columns={"family": "loss"})),
            "more than one column named 'loss'",
        ),
    ],
)
def test_data_error(runs, spoil, message):
    with pytest.raises(bs.DataError, match=message):
        spoil(runs)


def test_wrong_role_says_what_to_write(runs):
    with pytest.raises(bs.LawError, match="takes the input 'x'; got 'params'. Write x='params'"):
        bs.PowerLaw().fit(runs, y="loss", params="params")
    with pytest.raises(bs.LawError, match="got none. Write x='column'"):
        bs.PowerLaw().fit(runs, y="loss")


def test_groups_asked_for_in_the_wrong_place_are_shown_the_right_one(runs):
    words = (
        r"'groups' is no other argument. Groups are said in the law.*partial_pooling\(by='model'\)"
    )
    with pytest.raises(bs.LawError, match=words):
        bs.PowerLaw().fit(runs, y="loss", x="params", groups="model")


def test_sampling_options_are_checked_first(runs):
    with pytest.raises(bs.LawError, match="draws= must be a whole number"):
        fit(runs, draws=0)
    with pytest.raises(bs.LawError, match="target_accept= must lie between 0 and 1"):
        fit(runs, target_accept=1.5)
    with pytest.raises(bs.LawError, match="sampler= must be one of nutpie, pymc"):
        fit(runs, sampler="stan")


def check(runs, law=None, **kwargs):
    return observations(
        law or bs.PowerLaw(), bs.LogNormal(), runs, "loss", {"x": "params"}, **kwargs
    )


def test_repeated_rows_are_counted(runs):
    doubled = pd.concat([runs, runs.head(3)])
    with pytest.warns(bs.DataWarning, match="3 of 15 rows repeat another row exactly"):
        check(doubled)


def test_a_single_decade_is_a_warning_only_where_something_bends(runs):
    narrow = runs.assign(params=np.linspace(1e6, 5e6, 12))
    with pytest.warns(bs.DataWarning, match="0.70 decades.*A floor can hardly be told"):
        check(narrow)
    check(narrow, law=bs.PowerLaw(irreducible=0.0))  # a warning would be an error here


def test_a_rising_curve_warns_where_the_law_can_rise(runs):
    rising = runs.assign(loss=runs.loss.to_numpy()[::-1])
    with pytest.warns(bs.DataWarning, match="rises with 'params'"):
        check(rising, law=bs.BrokenPowerLaw(breaks=1, monotone=False))


def test_accuracy_is_modelled_as_what_is_missing_to_the_ceiling(runs):
    accuracy = runs.assign(loss=1 - runs.loss / 10)
    checked = check(accuracy, ceiling=1.0)
    np.testing.assert_allclose(checked.outcome, runs.loss / 10)
    np.testing.assert_allclose(checked.frame()["loss"], accuracy["loss"])


def test_references_stay_put_when_a_row_is_left_out(runs):
    checked = check(runs)
    without_last = checked.rows(np.arange(11), anchored=True)
    assert without_last.references == checked.references
    assert checked.rows(np.arange(11)).references != checked.references


def test_integers_and_numeric_text_are_read(runs):
    text = runs.assign(params=[f"{v:.0f}" for v in runs.params])
    np.testing.assert_allclose(check(text).inputs["x"], runs.params, rtol=1e-6)
