"""Noise that is alike along a run, rows that are means, and what becomes of equal rows."""

import warnings

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from invented import SMALL, invented_draws, invented_fit
from scipy import stats

import bayescale as bs
from bayescale import batch_jobs, batch_plan, fitting, leaving_out, posterior
from bayescale.data import observations
from bayescale.likelihoods import APART
from bayescale.likelihoods.correlated import OF_SEVERAL_RUNS

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)
T = np.array([0.0, 0.3, 0.35, 1.1, 1.2, 2.5])
N_OBS = np.array([1.0, 4.0, 2.0, 1.0, 16.0, 3.0])
CURVE = 2.0 * np.exp(-0.3 * T)
Y = CURVE * np.exp([0.02, 0.03, -0.01, 0.05, 0.04, -0.02])
NOISE = {"sigma": np.float64(0.05), "correlation_length": np.float64(0.8)}
INSIDE = {
    "LogNormal": (bs.LogNormal(), NOISE),
    "StudentT": (bs.StudentT(), NOISE | {"nu": np.float64(4.0)}),
}


def gaps(t, start=APART):
    return np.diff(t, prepend=t[0] - start)


def ou(t, n_obs=1.0, sigma=0.05, length=0.8, sigma_min=3e-4):
    """Covariance of log y: of an Ornstein-Uhlenbeck process, seen through means."""
    apart = np.abs(t[:, None] - t)
    root = np.sqrt(np.broadcast_to(n_obs, np.shape(t)))
    return (sigma**2 + sigma_min**2) * np.exp(-apart / length) / (root[:, None] * root)


class TestJointDensity:
    @pytest.mark.parametrize("n_obs", [1.0, N_OBS], ids=["single", "means"])
    def test_rows_multiply_to_a_multivariate_normal(self, n_obs):
        mine = bs.Correlated().log_density(Y, CURVE, gap=gaps(T), n_obs=n_obs, **NOISE)
        exact = stats.multivariate_normal(np.log(CURVE), ou(T, n_obs)).logpdf(np.log(Y))
        assert mine.sum() == pytest.approx(exact - np.log(Y).sum(), abs=2e-4)

    def test_a_row_is_given_those_before_it(self):
        mine = bs.Correlated().log_density(Y, CURVE, gap=gaps(T), n_obs=N_OBS, **NOISE)
        for k in range(1, len(T)):
            joint = [
                stats.multivariate_normal(np.log(CURVE[:m]), ou(T[:m], N_OBS[:m])).logpdf(
                    np.log(Y[:m])
                )
                for m in (k, k + 1)
            ]
            assert mine[k] == pytest.approx(joint[1] - joint[0] - np.log(Y[k]), abs=1e-4)

    def test_runs_have_nothing_in_common(self):
        apart = gaps(T)
        apart[3] = APART
        whole = bs.Correlated().log_density(Y, CURVE, gap=apart, n_obs=N_OBS, **NOISE)
        parts = [
            bs.Correlated().log_density(Y[p], CURVE[p], gap=gaps(T[p]), n_obs=N_OBS[p], **NOISE)
            for p in (slice(0, 3), slice(3, 6))
        ]
        np.testing.assert_allclose(whole, np.concatenate(parts), rtol=1e-12)

    @pytest.mark.parametrize("inside", INSIDE)
    def test_far_apart_it_is_the_likelihood_inside(self, inside):
        plain, noise = INSIDE[inside]
        of_inside = {name: v for name, v in noise.items() if name != "correlation_length"}
        mine = bs.Correlated(plain).log_density(
            Y, CURVE, gap=np.full(6, APART), n_obs=N_OBS, **noise
        )
        theirs = plain.log_density(Y, CURVE, n_obs=N_OBS, **of_inside)
        np.testing.assert_allclose(mine, theirs, atol=1e-5)

    def test_student_t_steps(self):
        """By hand: each step from what is left of the row before is t distributed."""
        plain, noise = INSIDE["StudentT"]
        mine = bs.Correlated(plain).log_density(Y, CURVE, gap=gaps(T), n_obs=N_OBS, **noise)
        single = (np.log(Y) - np.log(CURVE)) * np.sqrt(N_OBS)
        rho = np.exp(-np.diff(T) / 0.8)
        scale = np.hypot(0.05, 3e-4) * np.sqrt(1 - rho**2 + 1e-6)
        steps = stats.t(4.0, rho * single[:-1], scale).logpdf(single[1:])
        np.testing.assert_allclose(mine[1:], steps + 0.5 * np.log(N_OBS[1:]) - np.log(Y[1:]))

    def test_draws_of_parameters_broadcast(self):
        sigma, length = np.array([[0.02], [0.1]]), np.array([[0.3], [2.0]])
        curve = np.stack([CURVE, 1.1 * CURVE])
        given = {"gap": gaps(T), "n_obs": N_OBS}
        both = bs.Correlated().log_density(
            Y, curve, sigma=sigma, correlation_length=length, **given
        )
        for i in range(2):
            one = bs.Correlated().log_density(
                Y, curve[i], sigma=sigma[i, 0], correlation_length=length[i, 0], **given
            )
            np.testing.assert_allclose(both[i], one, rtol=1e-12)


@pytest.mark.parametrize("inside", INSIDE)
class TestTensors:
    def test_tensors_and_pymc_agree_row_by_row(self, inside):
        plain, noise = INSIDE[inside]
        given = {**noise, "gap": gaps(T), "n_obs": N_OBS}
        likelihood = bs.Correlated(plain)
        mine = likelihood.log_density(Y, CURVE, **given)
        value = pytensor.tensor.constant(CURVE)
        tensor = likelihood.tensor_log_density(pytensor.tensor.constant(Y), value, **given)
        np.testing.assert_allclose(tensor.eval(mode=PLAIN), mine, rtol=1e-8)
        with pm.Model() as built:
            likelihood.observe("y", value, observed=Y, **given)
        (by_pymc,) = built.compile_logp(sum=False, mode=PLAIN)({})
        np.testing.assert_allclose(by_pymc, mine, rtol=1e-8)

    def test_the_plain_model_shows_the_noise(self, inside):
        """test_density.py holds its density to the sampled one; here, its names and its rows."""
        plain = type(INSIDE[inside][0])(n_obs="n")
        table = counted(12).assign(who=["a", "b"] * 6)
        built = bs.PowerLaw().model(
            table, y="loss", x="x", likelihood=bs.Correlated(plain), run="who"
        )
        assert "free_length" in {v.name for v in built.free_RVs}
        found = built["correlation_length"].eval({built["free_length"]: 0.2}, mode=PLAIN)
        assert found == pytest.approx(1 / (1 / 0.2 + 4 / np.log(1e3)))
        np.testing.assert_array_equal(built["n_obs"].get_value(), [1, 3] * 3 + [2, 4] * 3)
        gap = built["gap"].get_value()
        assert (gap == APART).tolist() == [i in (0, 6) for i in range(12)]


class TestWhitening:
    def test_whitened_residuals_give_the_density(self):
        z, log_scale = bs.Correlated().whitened(
            np.log(Y) - np.log(CURVE), gap=gaps(T), n_obs=N_OBS, **NOISE
        )
        density = stats.norm.logpdf(z) - log_scale - np.log(Y)
        mine = bs.Correlated().log_density(Y, CURVE, gap=gaps(T), n_obs=N_OBS, **NOISE)
        np.testing.assert_allclose(density, mine, rtol=1e-9)

    def test_whitening_is_the_inverse_root_of_the_covariance(self):
        given = {"gap": gaps(T), "n_obs": N_OBS, **NOISE}
        root = np.array([bs.Correlated().whitened(row, **given)[0] for row in np.eye(6)]).T
        np.testing.assert_allclose(root @ ou(T, N_OBS) @ root.T, np.eye(6), atol=1e-4)

    def test_only_gaussian_noise_whitens(self):
        assert bs.Correlated().whitens
        assert not bs.Correlated(bs.StudentT()).whitens


class TestAheadAndDraws:
    def test_ahead_is_the_conditional_of_the_joint_normal(self):
        ahead = np.array([0.1, 0.7, 3.0])
        value, last, y = 1.5 * np.exp(-0.3 * ahead), 0.06, np.array([1.6, 1.4, 0.7])
        residual = np.full(1, last)
        centre, noise = bs.Correlated().ahead(residual, value, gap=ahead, **NOISE)
        mine = bs.LogNormal().log_density(y, centre, **noise)
        for k, far in enumerate(ahead):
            covariance = ou(np.array([0.0, far]))
            share = covariance[0, 1] / covariance[0, 0]
            sd = np.sqrt(covariance[1, 1] - share * covariance[0, 1])
            exact = stats.norm(np.log(value[k]) + share * last, sd).logpdf(np.log(y[k]))
            assert mine[k] == pytest.approx(exact - np.log(y[k]), abs=1e-4)

    @pytest.mark.parametrize("n_obs", [1.0, N_OBS], ids=["single", "means"])
    def test_draws_have_the_covariance(self, n_obs):
        rng = np.random.default_rng(0)
        value = np.broadcast_to(CURVE, (60_000, 6))
        new = bs.Correlated().draw(rng, value, gap=gaps(T), n_obs=n_obs, **NOISE)
        logs = np.log(new / CURVE)
        found, wanted = np.cov(logs.T), ou(T, n_obs)
        scale = np.sqrt(np.diag(wanted))
        np.testing.assert_allclose(found / (scale[:, None] * scale), wanted / (
            scale[:, None] * scale), atol=0.02)  # fmt: skip
        np.testing.assert_allclose(logs.mean(axis=0) / scale, 0, atol=0.02)

    def test_draws_go_on_from_a_residual(self):
        rng = np.random.default_rng(1)
        t = np.array([0.2, 1.0])
        start = np.full(60_000, 0.1)
        new = bs.Correlated().draw(
            rng, np.ones((60_000, 2)), gap=np.diff(t, prepend=0.0), start=start, **NOISE
        )
        logs = np.log(new)
        every = ou(np.concatenate([[0.0], t]))
        gain = every[1:, 0] / every[0, 0]
        left = every[1:, 1:] - np.outer(gain, every[0, 1:])
        np.testing.assert_allclose(logs.mean(axis=0), 0.1 * gain, atol=1e-3)
        np.testing.assert_allclose(np.cov(logs.T), left, atol=0.02 * 0.05**2)

    def test_student_t_draws_far_apart_are_t(self):
        plain, noise = INSIDE["StudentT"]
        rng = np.random.default_rng(2)
        new = bs.Correlated(plain).draw(rng, np.ones((2, 4000)), **noise)
        assert stats.kstest(np.log(new).ravel() / np.hypot(0.05, 3e-4), "t", (4.0,)).pvalue > 1e-3

    def test_tails_without_end_do_not_reach_the_next_run(self):
        """Degrees of freedom near 0 give numbers that no computer holds; they must not spread."""
        noise = {"sigma": 1.0, "nu": 0.02, "correlation_length": 0.5}
        gap = np.where(np.arange(40) % 2, 0.1, APART)
        rng = np.random.default_rng(0)
        new = bs.Correlated(bs.StudentT()).draw(rng, np.ones((50, 40)), gap=gap, **noise)
        assert not np.isnan(new).any()

    def test_equal_inputs_ahead_are_one_run(self):
        fit = invented_fit(bs.PowerLaw(), bs.Correlated())
        end = fit.runs.references["x_end"]
        new = fit.forecast(x=[1.5 * end, 1.5 * end, 40 * end]).draws()
        np.testing.assert_allclose(new[..., 0], new[..., 1], rtol=2e-3)
        assert np.corrcoef(new[..., 0].ravel(), new[..., 2].ravel())[0, 1] < 1

    def test_a_forecast_near_the_last_row_goes_on_with_its_noise(self):
        fit = invented_fit(bs.PowerLaw(), bs.Correlated())
        end = fit.runs.references["x_end"]
        made = fit.forecast(x=[end * (1 + 1e-9)], drift=0)
        last = fit.runs.outcome[-1]
        np.testing.assert_allclose(made.draws(), last, rtol=5e-3)
        assert made.draws("curve").std() > 0.01

    def test_density_ahead_is_that_of_the_draws(self):
        fit = invented_fit(bs.PowerLaw(), bs.Correlated())
        x = 1.3 * fit.runs.references["x_end"]
        draws = fit.forecast(x=x).draws().ravel()
        y = np.quantile(draws, [0.3, 0.5, 0.7])
        mine = np.exp(fit.log_density(y, x=np.full(3, x)))
        np.testing.assert_allclose(mine, stats.gaussian_kde(draws)(y), rtol=0.35)


class TestNumberOfEvaluations:
    @pytest.mark.parametrize("kind", [bs.LogNormal, bs.StudentT, bs.Normal])
    def test_a_mean_of_n_scatters_by_the_root(self, kind):
        noise = {"sigma": 0.1} | ({"nu": 5.0} if kind is bs.StudentT else {})
        y, n = np.array([1.0, 1.2]), np.array([4.0, 25.0])
        mine = kind(n_obs="n").log_density(y, 1.1, n_obs=n, **noise)
        floor = getattr(kind(), "sigma_min", 0.0)
        for k in range(2):
            narrow = noise | {"sigma": np.sqrt((0.01 + floor**2) / n[k] - floor**2)}
            assert mine[k] == pytest.approx(kind().log_density(y[k], 1.1, **narrow))

    @pytest.mark.parametrize(
        ("kind", "wrapped"),  # noise in units of y is never wrapped: Correlated() refuses it
        [
            (bs.LogNormal, False),
            (bs.StudentT, False),
            (bs.Normal, False),
            (bs.LogNormal, True),
            (bs.StudentT, True),
        ],
    )
    def test_column_and_number_say_the_same(self, kind, wrapped):
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 9), y="loss").assign(n=9)
        found = []
        for given in ("n", 9, 9.0):
            likelihood = bs.Correlated(kind(n_obs=given)) if wrapped else kind(n_obs=given)
            assert likelihood.averaged == given
            checked = observations(bs.PowerLaw(), likelihood, runs, "loss", {"x": "x"})
            found.append(checked.by_run(("n_obs",))["n_obs"])
        np.testing.assert_array_equal(found[0], np.full(9, 9.0))
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])

    def test_a_new_run_is_a_single_evaluation(self):
        many = invented_fit(bs.PowerLaw(), bs.LogNormal(sigma=0.05, n_obs=100))
        one = invented_fit(bs.PowerLaw(), bs.LogNormal(sigma=0.05))
        at = {"x": 1e4, "drift": 0}
        spread = [
            np.log(f.forecast(**at).draws() / f.forecast(**at).draws("curve")).std()
            for f in (many, one)
        ]
        np.testing.assert_allclose(spread, 0.05, rtol=0.1)
        rows = [f.tree["posterior_predictive"]["y"].to_numpy() for f in (many, one)]
        curve = many.curve_draws(many.runs.inputs)
        assert np.log(rows[0] / curve).std() == pytest.approx(0.005, rel=0.1)
        assert np.log(rows[1] / curve).std() == pytest.approx(0.05, rel=0.1)

    @pytest.mark.parametrize("kind", [bs.LogNormal, bs.StudentT, bs.Normal])
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (0, "must be a number above 0; got 0"),
            (-2.0, "must be a number above 0; got -2.0"),
            (np.inf, "must be a number above 0; got inf"),
            (np.nan, "must be a number above 0; got nan"),
            (True, "name of a column, or a number; got True"),
            ("", "name of a column, or a number; got ''"),
            ([4], r"name of a column, or a number; got \[4\]"),
        ],
    )
    def test_bad_numbers(self, kind, given, message):
        with pytest.raises(bs.PriorError, match=message):
            kind(n_obs=given)

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            ([4, 4, 0, 4, 4, -1], "'n'.*must be positive; got 0, -1 in rows 2, 5"),
            ([4, 4, np.nan, 4, 4, 1], "'n' must be finite; got nan in row 2"),
            (list("abcdef"), "'n' must hold numbers"),
        ],
    )
    def test_bad_columns(self, column, message):
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 6), y="loss").assign(n=column)
        with pytest.raises(bs.DataError, match=message):
            bs.PowerLaw().fit(runs, y="loss", x="x", likelihood=bs.LogNormal(n_obs="n"))

    def test_a_missing_column_is_named(self):
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 6), y="loss").assign(evals=3)
        with pytest.raises(bs.DataError, match="no column 'eval'.*Did you mean 'evals'"):
            bs.PowerLaw().fit(runs, y="loss", x="x", likelihood=bs.LogNormal(n_obs="eval"))


@pytest.mark.parametrize(
    "inside",
    [bs.Normal(), bs.LogNormal, "LogNormal", None],
    ids=["Normal", "class", "text", "None"],
)
def test_what_cannot_be_wrapped(inside):
    with pytest.raises(bs.PriorError, match="takes a likelihood on the log scale.*got"):
        bs.Correlated(inside)


def test_correlated_noise_is_not_wrapped_again():
    with pytest.raises(bs.PriorError, match="takes a likelihood on the log scale"):
        bs.Correlated(bs.Correlated())


def test_bad_lengths():
    with pytest.raises(bs.PriorError, match=r"Correlated\(correlation_length=\) must lie in"):
        bs.Correlated(correlation_length=0.0)
    with pytest.raises(bs.PriorError, match="on 'correlation_length', 'free_length'"):
        bs.Correlated(correlation_length=bs.Prior("LogNormal", mu=0.0, sigma=1.0, on="free_lenght"))


# Rows ---------------------------------------------------------------------------------------------


def check(runs, likelihood=None, law=None, inputs=("x",), **options):
    columns = {name: name for name in inputs}
    return observations(
        law or bs.PowerLaw(), likelihood or bs.Correlated(), runs, "loss", columns, **options
    )


@pytest.fixture
def runs():
    return bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, 12), y="loss")


class TestRows:
    def test_rows_are_put_in_order(self, runs):
        mixed = runs.sample(frac=1.0, random_state=3)
        checked = check(mixed)
        np.testing.assert_allclose(checked.inputs["x"], runs["x"])
        np.testing.assert_allclose(checked.outcome, runs["loss"])
        assert checked.n_obs is None
        np.testing.assert_allclose(checked.by_run(("gap",))["gap"], gaps(np.log(runs["x"])))
        untouched = check(mixed, bs.LogNormal())
        np.testing.assert_allclose(untouched.inputs["x"], mixed["x"])

    def test_equal_rows_become_their_weighted_mean(self, runs):
        more = runs.head(2).assign(loss=lambda r: 1.1 * r["loss"], n=3.0)
        table = pd.concat([runs.assign(n=1.0), more])
        checked = check(table, bs.Correlated(bs.LogNormal(n_obs="n")))
        np.testing.assert_allclose(checked.inputs["x"], runs["x"])
        np.testing.assert_allclose(checked.n_obs, [4, 4] + [1] * 10)
        first = runs["loss"].to_numpy()
        np.testing.assert_allclose(checked.outcome[:2], (1 + 3 * 1.1) / 4 * first[:2])
        np.testing.assert_allclose(checked.outcome[2:], first[2:])
        counted = check(table.drop(columns="n"))
        np.testing.assert_allclose(counted.n_obs, [2, 2] + [1] * 10)

    def test_copies_are_left_out_and_replicates_are_not(self, runs):
        with pytest.warns(bs.DataWarning, match="12 of 24 rows repeat another row exactly"):
            checked = check(pd.concat([runs, runs]))
        assert len(checked) == 12
        assert checked.n_obs is None
        seeds = pd.concat([runs.assign(seed=0), runs.assign(seed=1)])
        kept = check(seeds, bs.LogNormal())
        assert len(kept) == 24
        np.testing.assert_allclose(check(seeds).n_obs, np.full(12, 2.0))

    def test_columns_that_cannot_be_compared_are_no_copies(self, runs):
        table = pd.concat([runs, runs]).assign(tags=[["a"]] * 24)
        assert len(check(table, bs.LogNormal())) == 24

    def test_each_run_has_noise_of_its_own(self, runs):
        other = runs.assign(loss=0.9 * runs["loss"], who="b")
        table = pd.concat([runs.assign(who="c"), other]).sample(frac=1.0, random_state=0)
        checked = check(table, run="who")
        assert not checked.one_run
        np.testing.assert_array_equal(checked.run, np.repeat([0.0, 1.0], 12))
        np.testing.assert_allclose(checked.outcome[:12], other["loss"])
        gap = checked.by_run(("gap",))["gap"]
        assert gap[[0, 12]].tolist() == [APART, APART]
        assert (np.delete(gap, [0, 12]) < 1).all()
        one = check(runs.assign(who="only"), run="who")
        assert one.one_run

    def test_names_of_runs_must_be_there(self, runs):
        table = runs.assign(who=["a", None] + ["b"] * 10)
        with pytest.raises(bs.DataError, match="'who'.*must name a run in each row; none in row 1"):
            check(table, run="who")
        with pytest.raises(bs.DataError, match="no column 'whom'.*Did you mean 'who'"):
            check(table, run="whom")

    def test_naming_runs_means_correlated_noise(self, runs):
        named = bs.PowerLaw().noise("who")
        assert named.label == "Correlated(LogNormal)"
        assert bs.PowerLaw().noise() == bs.LogNormal()

    @pytest.mark.filterwarnings("ignore::bayescale.errors.SamplingWarning")  # few draws will do
    def test_one_run_named_is_one_run(self, runs):
        one, how = runs.assign(who="only"), {"y": "loss", "x": "x", "progress": False}
        named = bs.PowerLaw().fit(one, run="who", draws=50, tune=50, retry=False, **how)
        plain = bs.PowerLaw().fit(
            runs, likelihood=bs.Correlated(), draws=50, tune=50, retry=False, **how
        )
        assert named.likelihood == plain.likelihood == bs.Correlated()
        np.testing.assert_array_equal(named.forecast(x=1e4).draws(), plain.forecast(x=1e4).draws())

    def test_several_runs_of_a_curve_have_noise_that_may_last(self, runs, no_sampling):
        two = pd.concat([runs.assign(who="a"), runs.assign(who="b")])
        given = bs.Correlated(correlation_length=bs.Prior("LogNormal", mu=0.0, sigma=1.0))
        how = {"y": "loss", "x": "x", "run": "who"}
        for likelihood in (None, bs.Correlated()):
            fit = bs.PowerLaw().fit(two, likelihood=likelihood, progress=False, **how)
            assert fit.likelihood == bs.Correlated(correlation_length=OF_SEVERAL_RUNS)
            part = fit.runs.rows(fit.runs.run == 0)  # as when the other is left out
            assert fit.likelihood.suited(part) == fit.likelihood
        fit = bs.PowerLaw().fit(two, likelihood=given, progress=False, **how)
        assert fit.likelihood == given

    def test_named_runs_and_independent_noise_are_a_warning(self, runs):
        two = pd.concat([runs.assign(who="a"), runs.assign(who="b")])
        with pytest.warns(bs.DataWarning, match="StudentT takes rows of a run as independent"):
            check(two, bs.StudentT(), run="who")

    def test_groups_of_one_run_each_are_single_curves(self, runs):
        two = pd.concat([runs.assign(who="a"), runs.assign(who="b")])
        law = bs.PowerLaw(scale=bs.unpooled(by="family"))
        apart = check(two.assign(family=two["who"]), law=law, run="who")
        assert bs.Correlated().suited(apart) == bs.Correlated()
        both = pd.concat([two.assign(family="A"), two.assign(family="B")])
        assert bs.Correlated().suited(check(both, law=law, run="who")) != bs.Correlated()

    def test_rows_of_a_part_keep_what_belongs_to_them(self, runs):
        table = runs.assign(n=np.arange(1.0, 13), who=["a"] * 6 + ["b"] * 6)
        checked = check(table, bs.Correlated(bs.LogNormal(n_obs="n")), run="who")
        part = checked.rows(np.array([0, 2, 7]))
        np.testing.assert_array_equal(part.n_obs, [1, 3, 8])
        np.testing.assert_array_equal(part.run, [0, 0, 1])
        gap = part.by_run(("gap",))["gap"]
        assert gap[1] == pytest.approx(np.log(runs["x"][2] / runs["x"][0]))
        assert gap[2] == APART


class TestSeveralInputs:
    @pytest.fixture
    def table(self):
        sizes, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 4), np.geomspace(1e9, 1e11, 6))
        inputs = {"params": sizes.ravel(), "tokens": tokens.ravel()}
        exact = bs.Chinchilla(
            irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
        )
        return pd.DataFrame(inputs | {"loss": exact.evaluate(**inputs)})

    def check(self, table, run=None):
        return check(table, law=bs.Chinchilla(), inputs=("params", "tokens"), run=run)

    @pytest.mark.parametrize("held", ["params", "tokens"])
    def test_noise_goes_on_along_what_changes_within_runs(self, table, held):
        other = {"params": "tokens", "tokens": "params"}[held]
        checked = self.check(table.sample(frac=1.0, random_state=1).assign(who=table[held]), "who")
        assert checked.along == other
        log_x = np.log(checked.inputs[other])
        inside = np.diff(checked.run) == 0
        assert (np.diff(log_x)[inside] > 0).all()
        gap = checked.by_run(("gap",))["gap"]
        np.testing.assert_allclose(gap[1:][inside], np.diff(log_x)[inside])
        assert (gap[1:][~inside] == APART).all()
        span = np.ptp(np.log(table[other]))
        assert checked.references["span"] == pytest.approx(span)

    def test_two_inputs_that_change_within_a_run_are_an_error(self, table):
        with pytest.raises(bs.DataError, match="'params' and 'tokens' change together.*run="):
            self.check(table.assign(who=1), "who")
        with pytest.raises(bs.DataError, match="'params' and 'tokens' change together"):
            self.check(table)

    def test_nothing_that_changes_within_runs_is_a_warning(self, table):
        with pytest.warns(bs.DataWarning, match="Each run .* has a single row.*Leave out run="):
            checked = self.check(table.assign(who=np.arange(24)), "who")
        assert (checked.by_run(("gap",))["gap"] == APART).all()
        assert len(checked) == 24


# Fits ---------------------------------------------------------------------------------------------


STUDENT = bs.Correlated(bs.StudentT(n_obs="n"))


def counted(points=24, seed=0):
    table = bs.PowerLaw().simulate(x=np.geomspace(1, 1e3, points), y="loss", seed=seed)
    return table.assign(n=1 + np.arange(points) % 4)


def made(likelihood, table=None, law=None, run=None):
    """A fit whose draws are invented."""
    law = law or bs.PowerLaw()
    rows = counted() if table is None else table
    checked = observations(law, likelihood, rows, "loss", {"x": "x"}, run=run)
    draws = invented_draws(law, likelihood, checked, SMALL)
    tree = posterior.tree(law, likelihood, checked, draws, SMALL.seed)
    tree.attrs = {"engine": draws.engine, "notes": [], "pareto_k": np.nan}
    return fitting.Fit(law, likelihood, checked, SMALL, tree)


class TestFits:
    @pytest.mark.parametrize("run", [None, "who"])
    def test_a_saved_fit_comes_back(self, run, tmp_path):
        table = counted().assign(who=["a", "b"] * 12)
        fit = made(STUDENT, table, run=run)
        fit.save(tmp_path / "fit.nc")
        loaded = bs.load(tmp_path / "fit.nc")
        assert (loaded.likelihood, loaded.law) == (STUDENT, fit.law)
        assert loaded.runs.same_rows(fit.runs)
        for name in ("n_obs", "run"):
            np.testing.assert_array_equal(getattr(loaded.runs, name), getattr(fit.runs, name))
        assert loaded.runs.along == fit.runs.along == "x"
        at = {"x": [2e3, 1e5]}
        np.testing.assert_array_equal(loaded.forecast(**at).draws(), fit.forecast(**at).draws())
        y = np.array([1.5, 1.2])
        np.testing.assert_array_equal(loaded.log_density(y, **at), fit.log_density(y, **at))
        assert loaded.loo().elpd == fit.loo().elpd

    @pytest.mark.parametrize("likelihood", [bs.Correlated(bs.LogNormal(n_obs="n")), STUDENT])
    def test_log_likelihood_in_parts_is_the_whole(self, likelihood, monkeypatch):
        table = counted().assign(who=["a"] * 10 + ["b"] * 14)
        fit = made(likelihood, table, run="who")
        whole = posterior.log_likelihood(
            fit.law, fit.likelihood, fit.runs, fit.parameters, fit.noise
        )
        np.testing.assert_allclose(whole, fit.tree["log_likelihood"]["y"].to_numpy())
        loo = fit.loo()
        for held in (4 * 1000 * 5, 4 * 1000):  # five rows at a time, and one
            monkeypatch.setattr(posterior, "HELD", held)
            parts = list(posterior.parts(24, 1000))
            assert len(parts) in (5, 24)
            found = [
                posterior.log_likelihood(
                    fit.law, fit.likelihood, fit.runs, fit.parameters, fit.noise, part
                )
                for part in parts
            ]
            np.testing.assert_allclose(np.concatenate(found, axis=-1), whole, rtol=1e-12)
            np.testing.assert_allclose(fit.loo().elpd_i, loo.elpd_i, rtol=1e-9)

    def test_summaries_name_the_noise(self):
        fit = made(STUDENT)
        assert "Correlated(StudentT)" in repr(fit)
        assert {"sigma", "nu", "correlation_length"} <= set(fit.noise)
        assert set(fit.noise) <= set(fit.summary().index)
        assert (fit.noise["correlation_length"] < np.log(1e3) / 4).all()

    def test_residuals_of_noise_that_is_expected_are_no_misfit(self):
        """Strongly correlated residuals, and draws that say so, or that do not."""
        t = np.linspace(0, 7, 80)
        rng = np.random.default_rng(4)
        path = np.linalg.cholesky(ou(t, sigma=0.05, length=1.0)) @ rng.standard_normal(80)
        table = pd.DataFrame({"x": np.exp(t), "loss": 1 + np.exp(-0.3 * t)})
        table["loss"] *= np.exp(path)
        law = bs.PowerLaw(irreducible=1.0, scale=float(np.exp(-0.3 * t.mean())), exponent=0.3)
        misfit = {}
        for name, noise in {
            "told": bs.Correlated(correlation_length=1.0),
            "not told": bs.LogNormal(),
        }.items():
            misfit[name] = made(noise, table, law).diagnostics.misfit
        assert misfit["not told"] > 0.6
        assert abs(misfit["told"]) < 0.3


class TestManyCurves:
    @pytest.fixture
    def table(self):
        return pd.concat([counted(seed=s).assign(who=f"c{s}") for s in range(3)])

    def fit_many(self, table, **options):
        ask = {"by": "who", "y": "loss", "x": "x", "likelihood": STUDENT, "retry": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayescaleWarning)
            return bs.fit_many(bs.PowerLaw(), table, **(ask | options))

    def test_a_batch_is_its_fits(self, table, no_sampling, tmp_path):
        found = self.fit_many(table, folder=tmp_path / "batch", keep="draws", forecast={"x": [5e3]})
        assert not len(found.failures)
        fit = found.fit("c1")
        assert fit.likelihood == STUDENT
        np.testing.assert_array_equal(fit.runs.n_obs, table[table.who == "c1"]["n"])
        row = found.table.loc["c1"]
        assert row["elpd"] == pytest.approx(fit.loo().elpd)
        again = self.fit_many(table, folder=tmp_path / "batch", keep="draws", forecast={"x": [5e3]})
        pd.testing.assert_frame_equal(again.table, found.table)

    def test_other_numbers_of_evaluations_are_other_data(self, table, no_sampling):
        likelihoods = {"a": STUDENT}
        plan = batch_plan.Plan(
            {"a": bs.PowerLaw()}, likelihoods, {}, "loss", {"x": "x"}, None, None, 0.9, None, False
        )
        first = batch_jobs.jobs(plan, table, ("who",), 0)
        second = batch_jobs.jobs(plan, table.assign(n=2 * table["n"]), ("who",), 0)
        assert [job.name for job in first] == [job.name for job in second]
        assert all(a.data != b.data for a, b in zip(first, second, strict=True))

    def test_a_missing_column_is_an_error_before_anything_is_fitted(self, table):
        with pytest.raises(bs.DataError, match="no column 'n'"):
            self.fit_many(table.drop(columns="n"))


@pytest.fixture(scope="module")
def fits():
    """Two real fits to twelve rows, one of them an outlier, whose Pareto k is high."""
    table = counted(12)
    table.loc[5, "loss"] *= 1.25
    likelihood = bs.Correlated(bs.LogNormal(n_obs="n"))
    ask = {"y": "loss", "x": "x", "likelihood": likelihood, "draws": 250, "tune": 300}
    ask |= {"retry": False, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        laws = {"floor": bs.PowerLaw(), "none": bs.PowerLaw(irreducible=0.0)}
        return {name: law.fit(table, **ask) for name, law in laws.items()}


class TestLeaveOneOut:
    def test_weak_rows_are_repaired(self, fits):
        table = bs.compare(fits, progress=False)
        assert (table["repaired"] > 0).any()
        assert np.isfinite(table["elpd"]).all()

    def test_the_moment_matched_density_is_the_posterior(self, fits):
        """What ArviZ moves draws by: the same rows' densities, and a joint that adds up."""
        fit = fits["floor"]
        functions = leaving_out._moment_functions(fit)
        held = fit.tree["log_likelihood"]["y"].to_numpy()
        points = functions["upars"]
        for row in (0, 5, 11):
            found = functions["log_lik_i_upars_fn"](points, row).to_numpy()
            np.testing.assert_allclose(found, held[..., row], rtol=1e-6, atol=1e-8)
        priors = functions["log_prob_upars_fn"](points).to_numpy() - held.sum(axis=-1)
        assert np.isfinite(priors).all()
        assert np.ptp(priors) < 50

    def test_a_refit_leaves_the_row_out_and_keeps_the_rest(self, fits):
        fit = fits["floor"]
        kept = fit.runs.rows(np.arange(len(fit.runs)) != 5, anchored=True)
        assert len(kept) == len(kept.n_obs) == 11
        gap = kept.by_run(("gap",))["gap"]
        x = fit.runs.inputs["x"]
        assert gap[5] == pytest.approx(np.log(x[6] / x[4]))
        assert kept.references == fit.runs.references
        ((parameters, noise),) = leaving_out._fits_without(fit, np.array([5]), None, None).values()
        assert np.median(noise["sigma"]) < np.median(fit.noise["sigma"])
        density = posterior.log_likelihood(
            fit.law, fit.likelihood, fit.runs, parameters, noise, slice(5, 6)
        )
        assert density.shape[-1] == 1


def test_several_runs_may_have_noise_that_lasts_and_one_curve_has_not():
    told = dict(OF_SEVERAL_RUNS.arguments)
    own = dict(bs.Correlated().correlation_length.arguments)
    assert told["mu"] > own["mu"]
    assert told["sigma"] > own["sigma"]
