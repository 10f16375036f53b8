"""One seed, one posterior to the last bit, wherever a curve is fitted."""

import warnings

import pytest

from bayescale import machine_code
from benchmarks import same_draws


def held(name, *places):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws; Dask's event loop, while it starts and stops
        rows = same_draws.compared(name, places or same_draws.PLACES)
    assert [row["place"] for row in rows if row["equal"] < row["fits"]] == []


def test_twice_in_one_process_and_in_a_batch():
    held("one input", "again in one process", "a batch")


@pytest.mark.slow
@pytest.mark.parametrize("name", same_draws.LAWS)
def test_wherever_a_curve_is_fitted(name):
    held(name)


def test_other_seeds_give_other_draws():
    one, other = same_draws.singly("one input", [1, 2])
    assert one != other


def test_a_density_that_is_kept_on_disk_is_loaded_from_there():
    import numba

    @numba.njit
    def plain(point, numbers, columns):
        return point[0]

    assert machine_code.by_itself(plain) is plain, "it is kept nowhere"
    context = numba.core.registry.cpu_target.target_context
    before = context.codegen()
    with machine_code.engine(None):
        assert context.codegen() is not before
    assert context.codegen() is before
