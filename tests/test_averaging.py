"""Of how many evaluations smoothed rows are the mean, learned from raw rows."""

import warnings

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit
from scipy import stats

import bayescale as bs
from bayescale import averaging, raw_rows
from bayescale.likelihoods import APART

N = 9.0
LAW = bs.PowerLaw(irreducible=0.2, scale=1.0, exponent=0.3)


def curve_of(seed, sigma=0.03, raw=60):
    """Rows that are means of nine evaluations, and raw rows beyond them."""
    rng = np.random.default_rng(seed)
    means, single = np.geomspace(1, 300, 24), np.geomspace(300, 700, raw)
    parts = []
    for x, n in ((means, N), (single, 1.0)):
        scatter = sigma / n**0.5 * rng.standard_normal(len(x))
        parts.append(pd.DataFrame({"x": x, "loss": (0.2 + x**-0.3) * np.exp(scatter)}))
    return parts


def fit_of(rows, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return bs.PowerLaw().fit(
            rows, y="loss", x="x", draws=250, tune=400, progress=False, **options
        )


@pytest.fixture(scope="module")
def independent():
    curves = {f"curve {seed}": curve_of(seed) for seed in range(4)}
    fits = {name: fit_of(rows) for name, (rows, _) in curves.items()}
    return fits, {name: raw for name, (_, raw) in curves.items()}


class TestLearned:
    def test_the_truth_is_inside(self, independent):
        fits, raw = independent
        found = bs.learn_n_obs(fits, raw)
        low, high = found.interval(0.9)
        assert low < N < high
        assert high / low < 6
        table = found.table(0.95)
        assert table.index[-2:].tolist() == ["all curves", "another curve"]
        inside = (table["lower"] < N) & (table["upper"] > N)
        assert inside["all curves"]
        assert inside.iloc[:4].sum() >= 3  # the noise of 24 rows is known to a third
        assert "from 4" in repr(found)

    def test_more_curves_say_more(self, independent):
        fits, raw = independent
        one = bs.learn_n_obs({"curve 0": fits["curve 0"]}, {"curve 0": raw["curve 0"]})
        four = bs.learn_n_obs(fits, raw)
        assert np.ptp(np.log(four.interval(0.9))) < np.ptp(np.log(one.interval(0.9)))

    def test_a_curve_is_left_out(self, independent):
        fits, raw = independent
        found = bs.learn_n_obs(fits, raw).without("curve 0", "curve 2")
        some = ("curve 1", "curve 3")
        again = bs.learn_n_obs({n: fits[n] for n in some}, {n: raw[n] for n in some})
        assert found.table().equals(again.table())
        with pytest.raises(bs.LawError, match="not all of them; got 'curve 7'"):
            found.without("curve 7")
        with pytest.raises(bs.LawError, match="not all of them"):
            found.without(*some)

    def test_rows_that_all_lie_off_the_forecast_together_are_no_noise(self, independent):
        fits, raw = independent
        moved = {name: rows.assign(loss=1.02 * rows["loss"]) for name, rows in raw.items()}
        there, here = (bs.learn_n_obs(fits, rows).n_obs for rows in (moved, raw))
        assert there == pytest.approx(here, rel=0.4)

    def test_an_ensemble_is_a_weighted_fit(self, independent):
        fits, raw = independent
        fit = fits["curve 1"]
        both = bs.ensemble({"a": fit, "b": fit}, weights=[0.3, 0.7])
        alone = bs.learn_n_obs({"one": fit}, {"one": raw["curve 1"]})
        mixed = bs.learn_n_obs({"one": both}, {"one": raw["curve 1"]})
        assert mixed.n_obs == pytest.approx(alone.n_obs)

    def test_the_density_is_the_stated_gaussian(self):
        rng = np.random.default_rng(0)
        a = rng.standard_normal((6, 6))
        covariance, alike = a @ a.T, stats.wishart(8, np.eye(6)).rvs(random_state=rng)
        away, n = rng.standard_normal(6), np.array([1.0, 2.0, 30.0])
        mine = raw_rows._gaussian(away, covariance, alike, 0.7, n)
        for i, one in enumerate(n):
            whole = covariance + 0.49 * (alike + (one - 1 + 1e-6) * np.eye(6))
            exact = stats.multivariate_normal(np.zeros(6), whole).logpdf(away)
            assert mine[i] == pytest.approx(exact + 3 * np.log(2 * np.pi))

    def test_curves_that_differ_leave_another_one_open(self):
        log_n = np.linspace(0, np.log(1000), 121)
        alike = np.stack([-0.5 * ((log_n - 2.0) / 0.1) ** 2] * 5)
        apart = np.stack([-0.5 * ((log_n - m) / 0.1) ** 2 for m in (0.5, 1.5, 2.0, 2.5, 3.5)])
        for logs, differ in ((alike, False), (apart, True)):
            middle, spread, new = averaging._pooled(log_n, logs)
            assert middle.sum() == pytest.approx(1)
            assert new.sum() == pytest.approx(1)
            assert (averaging._SPREADS @ spread > 0.5) == differ


class TestBadInput:
    def test_names_must_agree(self, independent):
        fits, raw = independent
        with pytest.raises(bs.LawError, match="under the same name"):
            bs.learn_n_obs(fits, {"curve 0": raw["curve 0"]})
        with pytest.raises(bs.LawError, match="by the name of the curve"):
            bs.learn_n_obs(list(fits.values()), raw)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda rows: rows.rename(columns={"loss": "los"}), "have no column 'loss'"),
            (lambda rows: rows.head(2), "at least three"),
            (lambda rows: rows.assign(loss=-1.0), "must be positive"),
            (lambda rows: rows.assign(x=0.0), "positive finite"),
        ],
    )
    def test_raw_rows(self, independent, change, words):
        fits, raw = independent
        with pytest.raises(bs.DataError, match=words):
            bs.learn_n_obs({"a": fits["curve 0"]}, {"a": change(raw["curve 0"])})

    def test_fits(self, independent):
        _, raw = independent
        table = raw["curve 0"].rename(columns={"x": "n_x"})
        fit = invented_fit(bs.PowerLaw(), bs.LogNormal(n_obs=4))
        with pytest.raises(bs.LawError, match="without n_obs="):
            bs.learn_n_obs({"a": fit}, {"a": table})
        fit = invented_fit(bs.PowerLaw(), bs.StudentT())
        with pytest.raises(bs.LawError, match="StudentT"):
            bs.learn_n_obs({"a": fit}, {"a": table})


class TestSmoothed:
    """A new run of smoothed rows: their correlated noise goes on, and its own comes besides."""

    noise = {"sigma": np.float64(0.05), "correlation_length": np.float64(0.8)}

    def test_new_runs_scatter_more_and_rows_do_not(self):
        likelihood = bs.Correlated(smoothed=N)
        more = likelihood.of_new_rows(None, None, {})
        assert more == {"besides": N - 1}
        assert bs.Correlated().of_new_rows(None, None, {}) == {}
        rng = np.random.default_rng(0)
        ones = np.ones((20_000, 3))
        gap = np.array([APART, 0.4, 0.4])
        rows = np.log(likelihood.draw(rng, ones, gap=gap, **self.noise))
        new = np.log(likelihood.draw(rng, ones, gap=gap, **self.noise, **more))
        sd = np.hypot(0.05, 3e-4)
        np.testing.assert_allclose(rows.std(0), sd, rtol=0.02)
        np.testing.assert_allclose(new.std(0), 3 * sd, rtol=0.02)
        covariance = np.cov(new, rowvar=False)
        assert covariance[0, 1] == pytest.approx(np.exp(-0.5) * sd**2, abs=0.1 * sd**2 * 3)

    def test_draws_and_density_of_a_run_that_goes_on_agree(self):
        likelihood = bs.Correlated(smoothed=4.0)
        more = likelihood.of_new_rows(None, None, {})
        gap, residual = np.array([0.3]), 0.08
        centre, rest = likelihood.ahead(residual, np.ones(1), gap=gap, **self.noise, **more)
        rho = np.exp(-0.3 / 0.8)
        exact = stats.norm(rho * residual, np.hypot(0.05, 3e-4) * np.sqrt(1 - rho**2 + 3))
        y = np.exp([0.1])
        mine = likelihood.of.log_density(y, centre, **rest)
        assert mine == pytest.approx(exact.logpdf(0.1) - 0.1, abs=1e-5)
        rng = np.random.default_rng(0)
        drawn = likelihood.draw(
            rng, np.ones((40_000, 1)), gap=gap, start=residual, **self.noise, **more
        )
        assert np.log(drawn).mean() == pytest.approx(exact.mean(), abs=4 * exact.std() / 200)
        assert np.log(drawn).std() == pytest.approx(exact.std(), rel=0.02)

    def test_the_fit_is_the_same_and_the_forecast_wider(self):
        from bayescale.parameters import signature

        plain, smoothed = bs.Correlated(), bs.Correlated(smoothed=N)
        assert signature(plain) == signature(smoothed)
        spread = []
        for likelihood in (plain, smoothed):
            made = invented_fit(bs.PowerLaw(), likelihood).forecast(x=[1e7], drift=0.0)
            spread.append(np.log(made.draws("observation") / made.draws("curve")).std())
        assert spread[1] == pytest.approx(3 * spread[0], rel=0.15)

    @pytest.mark.parametrize("given", [0.5, -1, "n", True, np.inf])
    def test_it_is_a_number_of_at_least_one(self, given):
        with pytest.raises(bs.PriorError, match="at least 1"):
            bs.Correlated(smoothed=given)

    def test_it_is_said_once(self):
        with pytest.raises(bs.PriorError, match="Both n_obs= and smoothed="):
            bs.Correlated(bs.LogNormal(n_obs=4), smoothed=4)


def test_smoothed_rows_are_saved(tmp_path):
    fit = invented_fit(bs.PowerLaw(), bs.Correlated(smoothed=N))
    fit.save(tmp_path / "fit.nc")
    assert bs.load(tmp_path / "fit.nc").likelihood.smoothed == N
