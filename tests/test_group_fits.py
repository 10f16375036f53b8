"""Groups, sampled for real."""

import ctypes
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

import bayescale as bs
from bayescale import kernels, model, sample
from bayescale.coordinates import Coordinates
from bayescale.data import observations

FAMILY = {"by": "family"}
PARAMETERS = ("irreducible", "scale", "exponent")
POOLED = bs.PowerLaw(**dict.fromkeys(PARAMETERS, bs.partial_pooling(**FAMILY)))
UNPOOLED = bs.PowerLaw(**dict.fromkeys(PARAMETERS, bs.unpooled(**FAMILY)))
END = 1e9
SPREADS = {"level": 0.3, "share": 0.5, "exponent": 0.2}


def simulated(groups, rows, seed=0, noise=0.02, times=1.0):
    """Families whose levels, floor shares and exponents scatter by ``SPREADS``; with the truth."""
    spreads = {name: times * value for name, value in SPREADS.items()}
    rng = np.random.default_rng(seed)
    x = np.geomspace(1e6, END, rows)
    centre = np.exp(np.log(x).mean())
    runs, truth = [], []
    for family in (f"f{i:02d}" for i in range(groups)):
        z = rng.standard_normal(3)
        level = 3 * np.exp(spreads["level"] * z[0])
        share = ndtr(spreads["share"] * z[1])
        exponent = 0.25 * np.exp(spreads["exponent"] * z[2])
        ratio = (END / centre) ** -exponent
        whole = level / (1 - share + share * ratio)
        curve = share * ratio * whole + (1 - share) * whole * (x / centre) ** -exponent
        y = curve * np.exp(noise * rng.standard_normal(rows))
        runs.append(pd.DataFrame({"x": x, "y": y, "family": family}))
        truth.append({"family": family, "exponent": exponent, "irreducible": share * ratio * whole})
    return pd.concat(runs, ignore_index=True), pd.DataFrame(truth).set_index("family")


def briefly(runs, draws=300, tune=400):
    """A fit of few draws, whatever its diagnostics say."""
    ask = {"draws": draws, "tune": tune, "seed": 1, "retry": False, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return POOLED.fit(runs, y="y", x="x", **ask)


@pytest.fixture(scope="module")
def few():
    return briefly(simulated(3, 10)[0])


def density_of(groups, rows=8):
    runs, _ = simulated(groups, rows, seed=groups)
    checked = observations(POOLED, bs.LogNormal(), runs, "y", {"x": "x"})
    numbers = Coordinates(POOLED, bs.LogNormal(), checked.groups).numbers(checked.references)
    return model.density(POOLED, bs.LogNormal(), numbers, checked)


def test_one_compilation_serves_any_number_of_groups():
    small, large = density_of(2), density_of(7)
    assert small.dimension < large.dimension
    compiled = kernels.compiled(small)
    for density in (small, large):
        one = kernels.sized(compiled.with_data(**density.data), density.dimension)
        point = 0.3 * np.random.default_rng(2).standard_normal(density.dimension)
        value, gradient = kernels.caller(one, density)(point)
        wanted = density.model().compile_logp()({"z": point})
        assert value == pytest.approx(float(wanted), rel=1e-10)
        doubles = ctypes.POINTER(ctypes.c_double)
        made = ctypes.CFUNCTYPE(
            ctypes.c_int64, ctypes.c_uint64, doubles, doubles, doubles, ctypes.c_void_p
        )(one.compiled_logp_func.address)
        slope, found = np.zeros_like(point), np.zeros(1)
        at = [array.ctypes.data_as(doubles) for array in (point, slope, found)]
        assert made(len(point), *at, one.user_data.ctypes.data) == 0
        assert found[0] == value
        np.testing.assert_array_equal(slope, gradient)


def test_a_second_fit_with_more_groups_compiles_nothing(few):
    before = sample.compiled_count()
    fit = briefly(simulated(5, 8, seed=3)[0], draws=100, tune=200)
    assert sample.compiled_count() == before
    assert fit.parameters["exponent"].shape == (5, 4, 100)


def test_update_is_a_fit_to_all_runs(few):
    more, _ = simulated(1, 10, seed=8)
    more = more.assign(family="new").iloc[:3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        updated = few.update(more, progress=False)
    again = briefly(pd.concat([simulated(3, 10)[0], more]))
    np.testing.assert_allclose(updated.parameters["exponent"], again.parameters["exponent"])
    known = updated.forecast(x=1e10, family="new", drift=0).interval()
    guessed = few.forecast(x=1e10, family="new", drift=0).interval()
    width = [float(np.log(one["upper"] / one["lower"]).iloc[0]) for one in (known, guessed)]
    assert width[0] < 0.7 * width[1]


def test_new_runs_must_have_the_columns_of_the_fit(few):
    with pytest.raises(bs.DataError, match="no column 'family'"):
        few.update(pd.DataFrame({"x": [1e6], "y": [2.0]}))
    with pytest.raises(bs.DataError, match="one group of a fit"):
        few.at(family="f00").update(pd.DataFrame({"x": [1e6], "y": [2.0]}))


@pytest.mark.slow
def test_thirty_groups_of_twenty_runs_sample_well_and_find_the_truth():
    runs, truth = simulated(30, 20)
    fit = POOLED.fit(runs, y="y", x="x", seed=1, progress=False)
    assert fit.diagnostics.divergences == 0
    assert fit.diagnostics.ess_bulk > 400
    assert fit.diagnostics.rhat < 1.01
    for name in ("exponent", "irreducible"):
        low, high = np.quantile(fit.tree["posterior"][name], [0.05, 0.95], axis=(0, 1))
        inside = ((truth[name] > low) & (truth[name] < high)).sum()
        assert inside >= 22, name  # of 30 at 90 %: fewer is less likely than 1 in 100
    posterior = fit.tree["posterior"]
    for name, spread in (("level", 0.3), ("floor_share", 0.5), ("exponent", 0.2)):
        low, high = np.quantile(posterior[f"{name}_spread"], [0.005, 0.995])
        assert low < spread < high, name


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "rows", "times"), [(2, 10, 1.0), (2, 10, 0.1), (3, 5, 1.0)])
def test_few_groups_sample_well_at_the_first_try(groups, rows, times):
    runs, _ = simulated(groups, rows, times=times)
    fit = POOLED.fit(runs, y="y", x="x", seed=1, retry=False, progress=False)
    assert fit.diagnostics.divergences <= 0.001 * fit.diagnostics.draws
    assert fit.diagnostics.rhat < 1.01
    assert fit.diagnostics.ess_bulk > 400


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "times"), [(4, 1.0), (20, 0.1)])
def test_little_data_and_alike_groups_sample_well_too(rows, times):
    runs, _ = simulated(30, rows, times=times)
    fit = POOLED.fit(runs, y="y", x="x", seed=1, progress=False)
    assert fit.diagnostics.divergences < 0.001 * fit.diagnostics.draws
    assert fit.diagnostics.ess_bulk > 400


@pytest.mark.slow
def test_unpooled_groups_are_fits_of_their_own():
    runs, _ = simulated(3, 20)
    fit = UNPOOLED.fit(runs, y="y", x="x", likelihood=bs.LogNormal(sigma=0.02), progress=False)
    for family, rows in runs.groupby("family"):
        alone = bs.PowerLaw().fit(
            rows, y="y", x="x", likelihood=bs.LogNormal(sigma=0.02), progress=False
        )
        ours, theirs = fit.at(family=family).parameters, alone.parameters
        for name in ("irreducible", "exponent"):
            gap = abs(ours[name].mean() - theirs[name].mean()) / theirs[name].std()
            assert gap < 0.2, (family, name)  # the level's prior stands on all runs


@pytest.mark.slow
def test_pooling_shrinks_a_short_curve_towards_the_others():
    runs, truth = simulated(12, 16, noise=0.03)
    short = runs[(runs["family"] != "f00") | (runs["x"] < 3e7)]
    ask = {"y": "y", "x": "x", "progress": False}
    sd = {}
    for name, law in (("pooled", POOLED), ("apart", UNPOOLED)):
        drawn = law.fit(short, **ask).at(family="f00").parameters["exponent"]
        sd[name] = np.log(drawn).std()
        low, high = np.quantile(drawn, [0.005, 0.995])
        assert low < truth.loc["f00", "exponent"] < high
    assert sd["pooled"] < 0.9 * sd["apart"]  # 0.77 as simulated; groups differ by twice sd["apart"]
