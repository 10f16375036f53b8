"""Noise as it is: counts, known errors, rounding, caps, shared effects, one-sided scatter."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from invented import invented_draws
from noises import COUNTS, NOISES, runs_for, table_for
from scipy import integrate, stats

import bayescale as bs
from bayescale import fitting, input_errors, posterior, warming
from bayescale.coordinates import Coordinates
from bayescale.data import observations
from bayescale.likelihoods import Likelihood, likelihoods
from bayescale.outliers import checked_limit
from bayescale.sample import Sampling

SMALL = Sampling(draws=50, tune=10, chains=4, seed=7)


def check(table, likelihood, law=None, **options):
    return observations(law or bs.PowerLaw(), likelihood, table, "y", {"x": "x"}, **options)


def fit_for(likelihood, law=None):
    law = law or bs.PowerLaw()
    runs = runs_for(law, likelihood)
    draws = invented_draws(law, likelihood, runs, SMALL)
    tree = posterior.tree(law, likelihood, runs, draws, SMALL.seed)
    tree.attrs = {"engine": draws.engine, "notes": [], "pareto_k": draws.pareto_k}
    return fitting.Fit(law, likelihood, runs, SMALL, tree)


# All of them --------------------------------------------------------------------------------------


def test_every_likelihood_of_the_package_is_tested():
    ours = {n for n, made in likelihoods().items() if made.__module__.startswith("bayescale.")}
    tested = {type(noise).__name__ for noise in NOISES.values()}
    tested |= {type(noise.of).__name__ for noise in NOISES.values() if hasattr(noise, "of")}
    assert ours == tested


@pytest.mark.parametrize("noise", NOISES)
def test_every_law_bears_every_likelihood(form, noise):
    """Density of its own draws is finite, whatever the law: the only rule is support."""
    law, likelihood = form(), NOISES[noise]
    if "Heteroscedastic" in noise and len(law.inputs) > 1:
        likelihood = dataclasses.replace(likelihood, input=law.inputs[-1])
    table = table_for(law, likelihood)
    if likelihood.positive and (table["outcome"] <= 0).any():
        with pytest.raises(bs.DataError, match="must be positive"):
            runs_for(law, likelihood)
        return
    cap = getattr(likelihood, "censored", None)
    if isinstance(cap, float) and (table["outcome"] >= cap).all():
        with pytest.raises(bs.DataError, match="at the cap"):
            runs_for(law, likelihood)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.DataWarning)  # of the invented table
        runs = runs_for(law, likelihood)
    coordinates = Coordinates(law, likelihood)
    numbers = coordinates.numbers(runs.references)
    zero = {
        n: np.zeros(2) if s is None else (np.zeros(2),) * s for n, s in coordinates.sizes.items()
    }
    values, _ = coordinates.values(zero, numbers)
    natural, drawn_noise = coordinates.natural(values, numbers)
    wide = {n: np.broadcast_to(v, 2)[:, None] for n, v in drawn_noise.items()}
    wide |= runs.by_run(likelihood.by_run)
    natural = {n: _two(v) for n, v in natural.items()}
    curve = posterior.evaluate(law, natural, runs.inputs, runs.references)
    if likelihood.on_logs and not (curve > 0).all():
        return  # a law that crosses zero has no noise in proportion
    wide = input_errors.told(
        likelihood, wide, runs.inputs,
        lambda at: posterior.evaluate(law, natural, at, runs.references),
    )  # fmt: skip
    new = likelihood.draw(np.random.default_rng(0), curve, **wide)
    assert new.shape == curve.shape == (2, len(runs))
    known = {n: v for n, v in wide.items() if n not in ("lower", "upper")}
    assert np.isfinite(likelihood.log_density(new[0], curve, **known)).all()
    assert np.isfinite(likelihood.standardised(new, curve, **known)).all()


def _two(value):
    return tuple(map(_two, value)) if isinstance(value, tuple) else np.broadcast_to(value, 2)


@pytest.mark.parametrize("noise", NOISES)
class TestFits:
    """What a fit can be asked works under each likelihood; nothing is sampled."""

    def test_forecasts_and_densities(self, noise):
        fit = fit_for(NOISES[noise])
        made = fit.forecast(x=[1e5, 1e6])
        assert made.observation.shape == (4, 50, 2)
        assert np.isfinite(made.draws()).all()
        y = 0.04 if noise in COUNTS else 1.9
        assert np.isfinite(fit.log_density([y, y], x=[1e5, 1e6])).all()
        rows = fit.tree["log_likelihood"]["y"].to_numpy()
        parts = [
            posterior.log_likelihood(
                fit.law, fit.likelihood, fit.runs, fit.parameters, fit.noise, part
            )
            for part in (slice(0, 5), slice(5, 6), slice(6, None))
        ]
        np.testing.assert_allclose(np.concatenate(parts, axis=-1), rows, rtol=1e-9, atol=1e-9)
        with np.errstate(over="ignore"):  # invented draws lie far from the rows
            assert np.isfinite(fit.loo().elpd_i).all()

    def test_a_saved_fit_comes_back(self, noise, tmp_path):
        fit = fit_for(NOISES[noise])
        fit.save(tmp_path / "fit.nc")
        loaded = bs.load(tmp_path / "fit.nc")
        assert loaded.likelihood == fit.likelihood
        ahead = [f.forecast(x=1e5).draws() for f in (fit, loaded)]
        np.testing.assert_array_equal(*ahead)
        names = "lower", "upper", "trials", "place", "n_obs"
        for name in set(names) & set(fit.likelihood.by_run):
            mine, theirs = (f.runs.by_run((name,))[name] for f in (fit, loaded))
            np.testing.assert_array_equal(mine, theirs)

    def test_outliers_are_told(self, noise):
        fit = fit_for(NOISES[noise])
        table = fit.outliers()
        assert sorted(table.index) == list(range(len(fit.runs)))
        assert table["probability"].between(0, 1).all()
        assert list(table.columns[-3:]) == ["curve", "residual", "probability"]


# Known errors, rounding, caps ---------------------------------------------------------------------

X = np.array([1.0, 3.0, 10.0, 30.0, 100.0, 300.0])
TABLE = pd.DataFrame({"x": X, "y": [3.0, 2.7, 2.5, 2.3, 2.2, 2.1], "s": 0.05})


class TestKnownError:
    def test_variances_add_on_the_log_scale_to_first_order(self):
        mine = bs.LogNormal(sigma_min=0.0, y_sd="s").log_density(2.0, 2.2, sigma=0.03, y_sd=0.1)
        total = np.hypot(0.03, 0.1 / 2.2)
        assert mine == pytest.approx(stats.lognorm(total, scale=2.2).logpdf(2.0))

    def test_variances_add_in_units_of_y(self):
        mine = bs.Normal(y_sd="s").log_density(2.0, 2.2, sigma=0.03, y_sd=0.1)
        assert mine == pytest.approx(stats.norm(2.2, np.hypot(0.03, 0.1)).logpdf(2.0))

    def test_first_order_is_close_to_the_exact_sum(self):
        rng = np.random.default_rng(0)
        y = 2 * np.exp(0.05 * rng.standard_normal(400_000)) + 0.2 * rng.standard_normal(400_000)
        assert np.log(y).std() == pytest.approx(np.hypot(0.05, 0.1), rel=0.02)

    def test_a_new_run_has_none(self):
        fit = fit_for(bs.LogNormal(sigma=0.01, y_sd=1.0))
        made = fit.forecast(x=1e4, drift=0)
        assert np.log(made.draws() / made.draws("curve")).std() == pytest.approx(0.01, rel=0.2)

    @pytest.mark.parametrize("bad", [0.0, -0.1])
    def test_bad_errors(self, bad):
        table = TABLE.assign(s=[0.05, bad, 0.05, 0.05, 0.05, 0.05])
        with pytest.raises(bs.DataError, match=r"'s' \(the known standard error.*y_sd=.*row 1"):
            check(table, bs.LogNormal(y_sd="s"))
        with pytest.raises(bs.PriorError, match="must be a number above 0"):
            bs.LogNormal(y_sd=bad)


class TestErrorsOfTheInput:
    """Rows whose input is off by a known share lie beside the curve by its slope times that."""

    LAW = {"irreducible": 1.5, "scale": 1.0, "exponent": 0.5}

    def rows(self, count=400, error=0.3, seed=0, **parameters):
        rng = np.random.default_rng(seed)
        true = np.exp(rng.uniform(0, np.log(1e4), count))
        law = bs.PowerLaw()
        y = law.simulate(x=true, noise=0.01, seed=seed, parameters=self.LAW | parameters)["y"]
        return pd.DataFrame({"x": true * np.exp(error * rng.standard_normal(count)), "y": y})

    def test_of_a_pure_power_law_it_is_the_exponent_times_the_error(self):
        likelihood = bs.LogNormal(sigma_min=0.0, x_relative_sd=0.3)
        x = np.array([2.0, 50.0])
        known = input_errors.told(
            likelihood, {"x_relative_sd": 0.3}, {"x": x}, lambda at: 4 * at["x"] ** -0.5
        )
        np.testing.assert_allclose(known["curve_variance"], 0.15**2)
        density = likelihood.log_density(2.0, 4 * x**-0.5, sigma=0.1, **known)
        total = np.hypot(0.1, 0.15)
        np.testing.assert_allclose(density, stats.lognorm(total, scale=4 * x**-0.5).logpdf(2.0))

    @pytest.mark.parametrize("kind", ["LogNormal", "Normal"])
    def test_first_order_is_close_to_what_errors_do(self, kind):
        """The scatter of many rows about a curve that bends, far out on it and near its floor."""
        likelihood = getattr(bs, kind)(x_relative_sd=0.2)
        rng, law = np.random.default_rng(1), bs.PowerLaw(**self.LAW)
        for x in (1.0, 30.0, 1e4):
            inputs, curve_at = {"x": np.array([x])}, lambda at: law.evaluate(x=at["x"])
            step = input_errors.told(likelihood, {"x_relative_sd": 0.2}, inputs, curve_at)
            y = law.evaluate(x=x * np.exp(0.2 * rng.standard_normal(200_000)))
            found = np.log(y).std() if likelihood.on_logs else y.std()
            assert step["curve_variance"][0] ** 0.5 == pytest.approx(found, rel=0.03)

    def test_a_fit_tells_errors_of_x_from_noise_of_y(self):
        runs = self.rows(scale=5.0)
        known = bs.LogNormal(x_relative_sd=0.3)
        told, blind = (
            bs.PowerLaw().fit(runs, y="y", x="x", likelihood=each, progress=False)
            for each in (known, bs.LogNormal())
        )
        sigma = (float(np.median(fit.noise["sigma"])) for fit in (told, blind))
        assert next(sigma) < 0.02 < 0.04 < next(sigma)
        new = told.forecast(x=1e4, drift=0)
        assert np.log(new.draws() / new.draws("curve")).std() < 0.02  # a new run has none

    @pytest.mark.slow
    def test_intervals_hold_the_truth_where_steep_rows_are_the_worst(self):
        """Steep rows that are off pull a curve that was not told so."""
        inside, widths = {}, {}
        for seed in range(40):
            runs = self.rows(count=24, seed=seed, scale=3.0)
            for name, noise in {
                "told": bs.LogNormal(x_relative_sd=0.3),
                "blind": bs.LogNormal(),
            }.items():
                fit = bs.PowerLaw().fit(
                    runs, y="y", x="x", likelihood=noise, draws=250, tune=400, progress=False
                )
                row = fit.forecast(x=1e5, drift=0).interval(0.9, of="curve").iloc[0]
                truth = bs.PowerLaw(**(self.LAW | {"scale": 3.0})).evaluate(x=1e5)
                inside.setdefault(name, []).append(row["lower"] <= truth <= row["upper"])
                widths.setdefault(name, []).append(np.log(row["upper"] / row["lower"]))
        assert np.mean(inside["told"]) >= 0.75  # 40 tables: nominal 0.9, less three errors
        assert np.median(widths["told"]) < 0.7 * np.median(widths["blind"])

    @pytest.mark.parametrize("bad", [0.0, -0.1])
    def test_bad_errors(self, bad):
        table = TABLE.assign(s=[0.05, bad, 0.05, 0.05, 0.05, 0.05])
        with pytest.raises(bs.DataError, match=r"'s' \(the known.*of the input.*row 1"):
            check(table, bs.LogNormal(x_relative_sd="s"))

    def test_errors_of_several_inputs_add_in_squares(self):
        law = bs.Chinchilla(**bs.Chinchilla.example)
        inputs = {name: np.array(x[:3]) for name, x in law.example_inputs(20).items()}
        likelihood, known = bs.LogNormal(x_relative_sd=0.1), {"x_relative_sd": np.full(3, 0.1)}
        found = input_errors.told(likelihood, known, inputs, lambda at: law.evaluate(**at))
        rng = np.random.default_rng(0)
        off = {
            name: x * np.exp(0.1 * rng.standard_normal((200_000, 3))) for name, x in inputs.items()
        }
        spread = np.log(law.evaluate(**off)).std(axis=0)
        np.testing.assert_allclose(found["curve_variance"] ** 0.5, spread, rtol=0.03)

    def test_what_knows_no_more_than_n_obs_refuses_it(self):
        for wrapper in (bs.Replicated, bs.Correlated):
            with pytest.raises(bs.PriorError, match=r"n_obs="):
                wrapper(bs.LogNormal(x_relative_sd=0.1))


class TestIntervals:
    @pytest.mark.parametrize("kind", ["LogNormal", "StudentT", "Normal"])
    @pytest.mark.parametrize("width", [1e-7, 1e-3, 0.1, 1.0])
    def test_a_rounded_row_has_the_mean_density_of_its_interval(self, kind, width):
        likelihood = getattr(bs, kind)(resolution=width)
        noise = {"sigma": 0.05} | ({"nu": 3.5} if kind == "StudentT" else {})
        for y in (2.0, 1.8, 2.6, 2.03):
            low, high = y - width / 2, y + width / 2
            mine = likelihood.log_density(
                y, 2.0, lower=np.array(low), upper=np.array(high), **noise
            )
            edges = np.linspace(low, high, 4001)
            mean = integrate.simpson(np.exp(likelihood.log_density(edges, 2.0, **noise)), edges)
            assert float(mine) == pytest.approx(np.log(mean / width), abs=2e-6)

    def test_far_tails_are_finite(self):
        mine = bs.LogNormal().log_density(
            np.array([9.0]), 2.0, sigma=0.01, lower=np.array([8.9]), upper=np.array([9.1])
        )
        nearest = stats.norm.logpdf(np.log(8.9 / 2.0), scale=np.hypot(0.01, 3e-4))
        assert np.isfinite(mine).all()
        assert float(mine[0]) == pytest.approx(nearest, rel=0.01)

    def test_a_row_at_the_cap_says_that_it_is_beyond(self):
        table = TABLE.assign(y=[1.0, 0.9995, 0.9, 0.8, 0.7, 0.6])
        runs = check(table, bs.LogNormal(censored=0.999))
        known = runs.by_run(("lower", "upper"))
        assert runs.outcome[0] == runs.outcome[1] == 0.999
        assert (known["upper"] == np.inf).tolist() == [True, True] + [False] * 4
        value = np.full(6, 0.95)
        mine = bs.LogNormal(sigma_min=0.0).log_density(runs.outcome, value, sigma=0.1, **known)
        beyond = stats.norm.logsf(np.log(0.999 / 0.95) / 0.1)
        np.testing.assert_allclose(mine[:2], beyond)
        plain = bs.LogNormal(sigma_min=0.0).log_density(runs.outcome, value, sigma=0.1)
        np.testing.assert_allclose(mine[2:], plain[2:])

    def test_an_accuracy_at_its_cap_has_an_error_below(self):
        table = TABLE.assign(y=[0.2, 0.5, 0.9, 0.95, 0.999, 1.0])
        runs = check(table, bs.LogNormal(censored=0.999), ceiling=1.0)
        known = runs.by_run(("lower", "upper"))
        np.testing.assert_allclose(known["lower"][4:], 0.0)
        np.testing.assert_allclose(known["upper"][4:], 0.001)

    def test_rows_that_are_all_at_the_cap_say_nothing(self):
        with pytest.raises(bs.DataError, match=r"Every outcome is at the cap.*censored=0\.1"):
            check(TABLE, bs.LogNormal(censored=0.1))

    def test_zeros_are_fine_where_they_were_rounded(self):
        table = TABLE.assign(y=[0.4, 0.2, 0.1, 0.05, 0.01, 0.0])
        runs = check(table, bs.LogNormal(resolution=0.01))
        known = runs.by_run(("lower", "upper"))
        assert (known["lower"][-1], known["upper"][-1]) == (0.0, 0.005)
        assert np.isfinite(bs.LogNormal().log_density(runs.outcome, 0.01, sigma=0.1, **known)).all()
        with pytest.raises(bs.DataError, match="must be positive"):
            check(table, bs.LogNormal())


# Counts -------------------------------------------------------------------------------------------

SHARES = [0.9, 0.7, 0.45, 0.3, 0.05, 0.0]


class TestCounts:
    @pytest.mark.parametrize("guess", [0.0, 0.25])
    @pytest.mark.parametrize("value", [1e-12, 0.05, 0.5, 0.99, 1.0, 7.0])
    @pytest.mark.parametrize("more", [{}, {"concentration": 30.0}], ids=["binomial", "beta"])
    def test_probabilities_add_to_one(self, guess, value, more):
        kind = bs.BetaBinomial if more else bs.Binomial
        y = np.arange(21) / 20
        mine = kind(trials=20).log_density(y, value, guess_rate=guess, trials=20.0, **more)
        assert np.exp(mine).sum() / 20 == pytest.approx(1.0, abs=1e-6)

    def test_against_scipy(self):
        y = np.arange(21) / 20
        mine = bs.Binomial(trials=20).log_density(y, 0.3, guess_rate=0.0, trials=20.0)
        np.testing.assert_allclose(
            mine - np.log(20), stats.binom(20, 0.3).logpmf(y * 20), rtol=1e-8
        )
        mine = bs.BetaBinomial(trials=20).log_density(
            y, 0.3, guess_rate=0.0, trials=20.0, concentration=9.0
        )
        theirs = stats.betabinom(20, 9 * 0.3, 9 * 0.7).logpmf(y * 20)
        np.testing.assert_allclose(mine - np.log(20), theirs, rtol=1e-7)

    @pytest.mark.parametrize("guess", [0.0, 0.25])
    def test_rates_stop_at_chance(self, guess):
        rates = np.exp(bs.Binomial(trials=9).log_rates(np.array([0.3, 0.6, 5.0, -1.0]), guess)[0])
        np.testing.assert_allclose(rates[:2], [0.3, 0.6], rtol=2e-3)
        assert rates[2] == pytest.approx(1 - guess)
        assert 0 < rates[3] < 1e-8

    @pytest.mark.parametrize("more", [{}, {"concentration": 30.0}], ids=["binomial", "beta"])
    def test_draws_have_the_mean_and_spread_of_the_density(self, more):
        kind = bs.BetaBinomial if more else bs.Binomial
        noise = {"guess_rate": 0.25, "trials": 40.0, **more}
        new = kind(trials=40).draw(np.random.default_rng(0), np.full(40_000, 0.5), **noise)
        y = np.arange(41) / 40
        p = np.exp(kind(trials=40).log_density(y, 0.5, **noise)) / 40
        mean = (p * y).sum()
        assert new.mean() == pytest.approx(mean, abs=0.002)
        assert new.var() == pytest.approx((p * (y - mean) ** 2).sum(), rel=0.03)
        away = kind(trials=40).standardised(new, 0.5, **noise)
        assert away.std() == pytest.approx(1.0, abs=0.02)

    def test_shares_and_counts_are_told_apart(self):
        shares = TABLE.assign(y=SHARES, n=20)
        counts = TABLE.assign(y=np.multiply(SHARES, 20).round(), n=20)
        for table in (shares, counts):
            runs = check(table, bs.Binomial(trials="n"))
            np.testing.assert_allclose(runs.outcome, SHARES)
            np.testing.assert_allclose(runs.known["trials"], 20)

    def test_accuracies_have_a_ceiling(self):
        runs = check(TABLE.assign(y=1 - np.array(SHARES)), bs.Binomial(trials=20), ceiling=1.0)
        np.testing.assert_allclose(runs.outcome, SHARES)
        with pytest.raises(bs.DataError, match=r"Binomial takes ceiling=1\.0.*got 0\.9"):
            check(TABLE.assign(y=0.5), bs.Binomial(trials=20), ceiling=0.9)

    @pytest.mark.parametrize(
        ("y", "n", "message"),
        [
            ([21, 9, 8, 7, 6, 5], 20, r"must not exceed the number of test items.*21 in row 0"),
            ([0.333, 0.2, 0.1, 0, 0, 0], 20, "whole number of items over trials=.*0.333 in row 0"),
            ([71.3, 60, 50, 40, 30, 20], 200, "counts above 1, so all must be whole.*percentages"),
            ([-1, 0, 0, 5, 0, 0], 20, "must be a count or a share.*row 0"),
            ([1, 1, 1, 0, 0, 0], 20, "only 0 and 1.*y_is='count'"),
            ([0.9, 0.7, 0.5, 0.3, 0.1, 0.0], 20.5, "whole numbers of test items"),
            ([0.9, 0.7, 0.5, 0.3, 0.1, 0.0], 0, "must be a number above 0"),
        ],
    )
    def test_bad_counts(self, y, n, message):
        with pytest.raises((bs.DataError, bs.PriorError), match=message):
            check(TABLE.assign(y=y), bs.Binomial(trials=n))

    def test_said_kinds(self):
        ones = TABLE.assign(y=[1, 1, 1, 1, 0, 0])
        share = check(ones, bs.Binomial(trials=20, y_is="share"))
        count = check(ones, bs.Binomial(trials=20, y_is="count"))
        assert (share.outcome[0], count.outcome[0]) == (1.0, 0.05)
        with pytest.raises(bs.PriorError, match="y_is"):
            bs.Binomial(trials=20, y_is="percent")
        with pytest.raises(bs.PriorError, match="needs the number of test items"):
            bs.BetaBinomial()

    def test_a_new_run_is_tested_on_as_many_items(self):
        fit = fit_for(bs.Binomial(trials=50))
        shares = fit.forecast(x=1e3).draws() * 50
        np.testing.assert_allclose(shares, np.round(shares), atol=1e-9)


# One-sided, and varying with scale ----------------------------------------------------------------


class TestExGaussian:
    @pytest.mark.parametrize(("sigma", "excess"), [(0.01, 0.05), (0.05, 0.01), (0.05, 1e-4)])
    def test_against_scipy(self, sigma, excess):
        likelihood = bs.ExGaussian(sigma_min=0.0)
        y = 2 * np.exp(np.linspace(-6 * sigma, 6 * sigma + 8 * excess, 201))
        mine = likelihood.log_density(y, 2.0, sigma=sigma, excess=excess)
        theirs = stats.exponnorm(excess / sigma, loc=np.log(2), scale=sigma).logpdf(np.log(y))
        good = np.isfinite(theirs)
        assert good.mean() > 0.9
        np.testing.assert_allclose(mine[good], (theirs - np.log(y))[good], rtol=1e-5, atol=1e-5)
        assert np.isfinite(mine).all()

    def test_draws_are_worse_than_the_curve(self):
        noise = {"sigma": 0.001, "excess": 0.05}
        new = bs.ExGaussian().draw(np.random.default_rng(0), np.full(5000, 2.0), **noise)
        assert (new > 1.99).all()
        assert np.log(new / 2).mean() == pytest.approx(0.05, rel=0.05)


class TestHeteroscedastic:
    def test_noise_is_a_power_of_the_input(self):
        noise = {"sigma": 0.1, "sigma_slope": -0.5}
        likelihood = bs.Heteroscedastic(bs.LogNormal(sigma_min=0.0))
        mine = likelihood.log_density(2.0, 2.1, log_input=np.log(4.0), **noise)
        assert mine == pytest.approx(stats.lognorm(0.05, scale=2.1).logpdf(2.0))

    def test_beyond_the_data_noise_stays(self):
        fit = fit_for(bs.Heteroscedastic(bs.LogNormal(sigma=0.01), sigma_slope=-0.4))
        end, x = fit.runs.references["x_end"], np.array([1.0, 10.0, 1e4])
        made = fit.forecast(x=end * x, drift=0)
        spread = np.log(made.draws() / made.draws("curve")).std(axis=(0, 1))
        edge = 0.01 * (end / fit.runs.references["x_ref"]) ** -0.4
        np.testing.assert_allclose(spread, edge, rtol=0.2)

    def test_of_several_inputs_one_is_named(self):
        law = bs.Chinchilla()
        with pytest.raises(bs.DataError, match="input=.*'params', 'tokens'"):
            runs_for(law, bs.Heteroscedastic())
        runs = runs_for(law, bs.Heteroscedastic(input="tokens"))
        assert "log_tokens" in runs.by_run(("log_tokens",))

    def test_what_cannot_be_inside(self):
        with pytest.raises(bs.PriorError, match="takes bs.LogNormal.*got Correlated"):
            bs.Heteroscedastic(bs.Correlated())


# Shared effects -----------------------------------------------------------------------------------


def joint(mean, covariance, y):
    """Log density of outcomes whose logarithms are Gaussian."""
    normal = stats.multivariate_normal(mean, covariance)
    return normal.logpdf(np.log(y)) - np.log(y).sum()


class TestReplicated:
    NOISE = {"sigma": 0.03, "lack_of_fit": 0.05}

    @pytest.fixture
    def runs(self):
        rng = np.random.default_rng(0)
        x = np.repeat([1.0, 3.0, 10.0, 30.0, 100.0], [1, 3, 2, 1, 4])
        y = 2 * x**-0.1 * np.exp(0.05 * rng.standard_normal(len(x)))
        table = pd.DataFrame({"x": x, "y": y, "n": rng.integers(1, 5, len(x)), "c": x.astype(str)})
        return table.sample(frac=1.0, random_state=1)

    @pytest.mark.parametrize("config", [None, "c"])
    def test_density_is_that_of_the_joint_gaussian(self, runs, config):
        likelihood = bs.Replicated(bs.LogNormal(n_obs="n", sigma_min=0.0), config=config)
        checked = check(runs, likelihood)
        value = 2.02 * checked.inputs["x"] ** -0.1
        same = (checked.inputs["x"][:, None] == checked.inputs["x"]).astype(float)
        covariance = 0.05**2 * same + np.diag(0.03**2 / checked.n_obs)
        mine = likelihood.log_density(
            checked.outcome, value, **self.NOISE, **checked.by_run(likelihood.by_run)
        )
        assert mine.sum() == pytest.approx(joint(np.log(value), covariance, checked.outcome))
        assert len(np.unique(checked.units)) == 5

    def test_draws_share_their_configuration_s_effect(self, runs):
        likelihood = bs.Replicated(bs.LogNormal(sigma_min=0.0))
        checked = check(runs, likelihood)
        known = checked.by_run(likelihood.by_run)
        new = likelihood.draw(
            np.random.default_rng(0), np.ones((4000, len(checked))), **self.NOISE, **known
        )
        same = (checked.inputs["x"][:, None] == checked.inputs["x"]).astype(float)
        covariance = 0.05**2 * same + 0.03**2 * np.eye(len(checked))
        np.testing.assert_allclose(np.cov(np.log(new).T), covariance, atol=3e-4)

    def test_no_replicates_is_an_error(self):
        with pytest.raises(bs.DataError, match=r"two rows or more \(by equal inputs\)"):
            check(TABLE, bs.Replicated())
        with pytest.raises(bs.DataError, match=r"two rows or more \(by config='who'\)"):
            check(TABLE.assign(who=list("abcdef")), bs.Replicated(config="who"))
        with pytest.raises(bs.PriorError, match="Replicated.. takes bs.LogNormal"):
            bs.Replicated(bs.LogNormal(y_sd="s"))


class TestResampled:
    NOISE = {"sigma": 0.03, "resample_sd": 0.04, "evaluation_sd": 0.02}

    @pytest.fixture
    def table(self):
        rng = np.random.default_rng(0)
        rows = [(10.0**m, fold) for m in range(5) for fold in "abcd"]
        table = pd.DataFrame(rows, columns=["x", "fold"])
        y = 2 * table["x"] ** -0.1 * np.exp(0.05 * rng.standard_normal(20))
        return table.assign(y=y).sample(frac=1.0, random_state=2)

    def test_density_is_that_of_the_joint_gaussian(self, table):
        likelihood = bs.Resampled(bs.LogNormal(sigma_min=0.0), resample="fold")
        runs = check(table, likelihood)
        assert len(runs) == 5
        value = 2.02 * runs.inputs["x"] ** -0.1
        known = runs.by_run(likelihood.by_run)
        mine = likelihood.log_density(runs.outcome, value, **self.NOISE, **known).sum()

        def same(column):
            codes = table[column].to_numpy()
            return (codes[:, None] == codes).astype(float)

        covariance = 0.03**2 * same("x") + 0.04**2 * same("fold") + 0.02**2 * np.eye(20)
        mean = np.log(2.02 * table["x"].to_numpy() ** -0.1)
        assert mine == pytest.approx(joint(mean, covariance, table["y"].to_numpy()))

    def test_new_runs_of_one_forecast_share_the_resample(self):
        likelihood = bs.Resampled(
            bs.LogNormal(sigma=0.001), resample="fold", model="config", resample_sd=0.1,
            evaluation_sd=0.001,
        )  # fmt: skip
        fit = fit_for(likelihood)
        made = fit.forecast(x=[1e4, 1e5], drift=0)
        noise = np.log(made.draws() / made.draws("curve"))
        assert noise.std() == pytest.approx(0.1, rel=0.2)
        assert (noise[..., 0] - noise[..., 1]).std() < 0.004
        alone = bs.difference(made, of="observation").interval(0.9)
        apart = made.interval(0.9)
        paired = alone["upper"] - alone["lower"]
        assert paired < (apart["upper"] - apart["lower"]).max()

    def test_a_table_with_gaps_is_an_error(self, table):
        likelihood = bs.Resampled(resample="fold")
        with pytest.raises(bs.DataError, match="5 runs x 4 resamples 1 are missing and 0"):
            check(table.iloc[1:], likelihood)
        again = pd.concat([table, table.iloc[:1].assign(y=1.5)], ignore_index=True)
        with pytest.raises(bs.DataError, match="1 are there more than once"):
            check(again, likelihood)
        who = {x: i for i, x in enumerate(sorted(table["x"].unique()))}
        moved = table.assign(who=table["x"].map(who))
        moved.iloc[0, 0] *= 2
        with pytest.raises(bs.DataError, match="must have the same inputs"):
            check(moved, bs.Resampled(resample="fold", model="who"))
        with pytest.raises(bs.PriorError, match="needs the column"):
            bs.Resampled()


# Outliers -----------------------------------------------------------------------------------------


class TestOutliers:
    def test_the_limit_is_what_one_gaussian_table_in_twenty_exceeds(self):
        rng = np.random.default_rng(0)
        limit = checked_limit(None, 30)
        worst = abs(rng.standard_normal((20_000, 30))).max(axis=1)
        assert (worst > limit).mean() == pytest.approx(0.05, abs=0.005)

    @pytest.mark.parametrize("bad", [0, -1.0, np.nan, True])
    def test_bad_limits(self, bad):
        with pytest.raises(bs.LawError, match="limit= must be a number above 0"):
            checked_limit(bad, 30)

    def test_signs_are_the_user_s(self):
        fit = fit_for(bs.Binomial(trials=50))
        table = fit.outliers()
        above = table["outcome"] > table["curve"]
        assert (above == (table["residual"] > 0))[abs(table["residual"]) > 0.5].all()


# A user's own -------------------------------------------------------------------------------------


def test_a_likelihood_without_standardised_residuals_says_so():
    class Plain(Likelihood):
        pass

    with pytest.raises(bs.LawError, match="Plain does not say how far"):
        Plain().standardised(1.0, 1.0)


# Simulating and compiling ahead -------------------------------------------------------------------

FIXED = {
    "rounded": bs.LogNormal(sigma=0.05, n_obs=4, resolution=0.1, censored=2.5),
    "Normal": bs.Normal(sigma=0.05),
    "Student's t": bs.StudentT(sigma=0.05, nu=4.0, y_sd=0.01),
    "errors of x": bs.LogNormal(sigma=0.01, x_relative_sd=0.2),
    "counts": bs.Binomial(trials=50, guess_rate=0.2),
    "more": bs.BetaBinomial(trials=50, concentration=20.0),
    "one-sided": bs.ExGaussian(sigma=0.001, excess=0.1),
    "along a run": bs.Correlated(bs.LogNormal(sigma=0.05), correlation_length=0.5),
    "varying": bs.Heteroscedastic(bs.LogNormal(sigma=0.05), sigma_slope=-0.3),
    "seeds": bs.Replicated(bs.LogNormal(sigma=0.001), lack_of_fit=0.1),
    "folds": bs.Resampled(
        bs.LogNormal(sigma=0.01), resample="fold", resample_sd=0.1, evaluation_sd=0.01
    ),
}


class TestSimulate:
    @pytest.mark.parametrize("noise", FIXED)
    def test_runs_scatter_as_said(self, noise):
        x = np.repeat(np.geomspace(1, 100, 6), 3)
        how = {"likelihood": FIXED[noise], "parameters": {
            "irreducible": 0.1, "scale": 0.4, "exponent": 0.3,
        }}  # fmt: skip
        law = bs.PowerLaw()
        one, again = (law.simulate(x=x, seed=3, **how)["y"] for _ in "ab")
        np.testing.assert_array_equal(one, again)
        away = np.log(one / law.simulate(x=x, noise=0.0, parameters=how["parameters"])["y"])
        assert 0.001 < away.std() < 0.6
        if noise == "one-sided":
            assert (away > -0.01).all()
        if noise == "seeds":
            assert away.groupby(x).std().max() < 0.01 < away.std()
        if noise in ("counts", "more"):
            np.testing.assert_allclose(one * 50, np.round(one * 50))
        if noise == "rounded":
            np.testing.assert_allclose(one * 10, np.round(one * 10))

    def test_what_has_no_number(self):
        with pytest.raises(bs.LawError, match="a number for sigma, such as sigma=0.02"):
            bs.PowerLaw().simulate(x=[1.0], likelihood=bs.LogNormal())
        with pytest.raises(bs.LawError, match="a number for trials="):
            bs.PowerLaw().simulate(x=[1.0], likelihood=bs.Binomial(trials="n"))


@pytest.mark.parametrize("noise", NOISES)
def test_invented_runs_for_compiling_have_all_that_the_noise_reads(noise):
    likelihood = NOISES[noise]
    runs = warming._example_runs(bs.PowerLaw(), likelihood)
    known = runs.by_run(likelihood.by_run)
    assert all(values.shape == (len(runs),) for values in known.values())
