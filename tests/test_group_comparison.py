"""Which level prefers which law."""

import numpy as np
import pytest
from families import POOLED, fitted, table

import bayescale as bs
from bayescale import comparison, group_comparison

pytestmark = pytest.mark.usefixtures("no_sampling")
ALIKE = bs.PowerLaw(exponent=bs.Prior("LogNormal", mu=-0.7, sigma=0.3))


@pytest.fixture
def fits():
    return {"pooled": fitted(POOLED), "alike": fitted(ALIKE), "plain": fitted(bs.PowerLaw())}


def compared(fits, column="family", **ask):
    return bs.compare_by_group(fits, column, repair=False, progress=False, **ask)


# So few draws that a tail may look heavy; equalities are asked, not estimates.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_levels_add_up_to_the_whole(fits):
    found, whole = compared(fits), bs.compare(fits, repair=False, progress=False)
    assert list(found.index.names) == ["family", "law", "against"]
    assert len(found) == 3 * table()["family"].nunique()
    for law, against in (("pooled", "alike"), ("alike", "plain")):
        apart = found.xs((law, against), level=("law", "against"))
        wanted = whole.loc[law, "elpd"] - whole.loc[against, "elpd"]
        assert apart["elpd_diff"].sum() == pytest.approx(wanted)
        assert apart["left_out"].sum() == len(table())
        np.testing.assert_array_equal(apart["p_better"] > 0.5, apart["elpd_diff"] > 0)
    assert found.attrs["by"] == "row"


# So few draws that a tail may look heavy; equalities are asked, not estimates.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_a_level_s_numbers_are_those_of_its_rows(fits):
    found = compared(fits).loc[("A", "pooled", "plain")]
    every = comparison.left_out(
        fits, False, by=None, folds=None, workers=None, executor=None, progress=False
    ).results
    own = (table()["family"] == "A").to_numpy()
    apart = (every["pooled"].elpd_i - every["plain"].elpd_i).to_numpy()[own]
    assert found["elpd_diff"] == pytest.approx(apart.sum())
    assert found["dse"] == pytest.approx(np.sqrt(own.sum() * apart.var(ddof=1)))


def test_rows_of_one_run_in_two_levels_are_refused():
    code, units = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    np.testing.assert_array_equal(group_comparison._of_units(code, units, "family"), [0, 1])
    with pytest.raises(bs.DataError, match="several levels of 'family'"):
        group_comparison._of_units(code, units[::-1] * np.array([1, 0, 0, 1]), "family")


def test_fits_without_groups_have_none_to_compare_by():
    plain = {"a": fitted(bs.PowerLaw()), "b": fitted(ALIKE)}
    with pytest.raises(bs.LawError, match="partial_pooling"):
        compared(plain)


# So few draws that a tail may look heavy; equalities are asked, not estimates.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_a_level_of_one_row_has_no_error(fits):
    runs = table()
    runs = runs[(runs["family"] != "A") | (runs["params"] == runs["params"].min())]
    few = {"pooled": fitted(POOLED, runs), "plain": fitted(bs.PowerLaw(), runs)}
    found = compared(few).loc["A"]
    assert found["left_out"].item() == 1
    assert found[["dse", "p_better"]].isna().all(axis=None)
