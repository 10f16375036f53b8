"""Which run to train next: values agree with fitting again, goals and bad input are told."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale.errors import DataError, LawError, UnknownNameError
from bayescale.experiments import gains, goals
from bayescale.experiments.budgeting import LEAST, planned
from bayescale.experiments.gains import Weighing, weighing
from bayescale.experiments.particles import particles_of, spread_evenly
from bayescale.plots import next_runs as picture

TOP = Path(__file__).parent.parent
X = np.geomspace(1, 1e3, 12)
TARGET = {"x": 1e5}


@pytest.fixture(scope="module")
def fit():
    runs = bs.PowerLaw().simulate(x=X, y="loss", noise=0.02, seed=3)
    return bs.PowerLaw().fit(runs, y="loss", x="x", seed=2, progress=False)


@pytest.fixture(scope="module")
def floorless(fit):
    runs = fit.runs.frame()
    return bs.PowerLaw(irreducible=0.0).fit(runs, y="loss", x="x", seed=2, progress=False)


@pytest.fixture(scope="module")
def both(fit, floorless):
    return bs.ensemble({"floor": fit, "no floor": floorless})


@pytest.fixture(scope="module")
def planar():
    return invented_fit(bs.Chinchilla())


def value_of(plan):
    return plan.table.sort_index()["value"].to_numpy()


CANDIDATES = {"x": [1.0, 30.0, 1e3, 1e4, 1e5]}


class TestValues:
    @pytest.mark.parametrize("measure", ["variance", "information"])
    @pytest.mark.parametrize("drift", [0, 0.3])
    def test_weights_and_regression_agree(self, fit, measure, drift):
        found = [
            value_of(
                bs.next_runs(
                    fit, CANDIDATES, goal=TARGET, drift=drift, measure=measure, method=method,
                    outcomes=256, progress=False,
                )
            )
            for method in ("weights", "regression")
        ]  # fmt: skip
        np.testing.assert_allclose(*found, atol=0.08, rtol=0.12)

    def test_gaussian_case_is_known(self):
        """One number g, one outcome y = g + noise on the log scale: all is in closed form."""
        rng = np.random.default_rng(0)
        g = 0.1 * rng.standard_normal(4000)
        share = 0.1**2 / (0.1**2 + 0.05**2)
        state = gaussian(g, sigma=0.05)
        for how in ("weights", "regression"):
            assert gains.gain(state, 0, how).value == pytest.approx(share, abs=0.02)
        state = gaussian(g, sigma=0.05, measure="information")
        for how in ("weights", "regression"):
            found = gains.gain(state, 0, how).value
            assert found == pytest.approx(-0.5 * np.log(1 - share), abs=0.04)

    def test_two_runs_tell_less_than_twice_one(self):
        rng = np.random.default_rng(1)
        g = 0.1 * rng.standard_normal(4000)
        state = gaussian(g, sigma=0.1, candidates=2)
        assert gains.gain(state, 0).value == pytest.approx(0.5, abs=0.03)
        for how in ("weights", "regression"):
            found = gains.gain(state.having(0), 1, how).value
            assert found == pytest.approx(2 / 3, abs=0.03)

    def test_what_has_nothing_to_do_with_the_goal_is_worth_nothing(self):
        rng = np.random.default_rng(2)
        state = gaussian(rng.standard_normal(4000), sigma=0.1, curve=0.1 * rng.normal(size=4000))
        for how in ("weights", "regression"):
            assert abs(gains.gain(state, 0, how).value) < 0.03

    def test_weights_that_leave_few_draws_are_not_used(self):
        rng = np.random.default_rng(3)
        state = gaussian(rng.standard_normal(2000), sigma=1e-4)
        assert not gains.by_weights(state, 0).reliable
        found = gains.gain(state, 0)
        assert found.how == "regression"
        assert found.value == pytest.approx(1.0, abs=0.01)

    def test_nearer_to_the_target_is_worth_more_because_of_drift(self, fit):
        candidates = {"x": [1e3, 1e4, 1e5]}
        drifting = value_of(bs.next_runs(fit, candidates, goal=TARGET, progress=False))
        assert (np.diff(drifting) > 0.02).all()
        assert drifting[-1] > 0.6

    def test_candidates_and_goal_share_one_drift(self, fit):
        at = {"x": np.array([1e4, 1e5])}
        goal = goals.goal_of(TARGET, {"law": fit}, np.ones(1), 0.3)
        drawn = particles_of({"law": fit}, np.ones(1), at, goal, 0.3, 500)
        np.testing.assert_allclose(np.log(drawn.curve[:, 1]), drawn.goal[:, 0], rtol=1e-9)

    @pytest.mark.slow
    def test_values_agree_with_fitting_again(self, fit):
        candidates = {"x": [1.0, 100.0, 1e3, 1e4, 1e5]}
        ask = {"goal": TARGET, "drift": 0, "progress": False}
        quick = value_of(bs.next_runs(fit, candidates, **ask))
        sure = bs.next_runs(fit, candidates, method="refit", refits=10, **ask).table.sort_index()
        assert (sure["how"] == "refit").all()
        np.testing.assert_allclose(quick, sure["value"], atol=0.12)

    def test_goal_of_a_parameter_and_of_a_function(self, fit):
        named = bs.next_runs(fit, CANDIDATES, goal="exponent", progress=False)
        made = bs.next_runs(
            fit, CANDIDATES, goal=lambda made: made.parameters["exponent"], progress=False
        )
        np.testing.assert_array_equal(value_of(named), value_of(made))
        derived = bs.next_runs(
            fit, CANDIDATES, goal=lambda made: bs.elasticity(made, x=1e3), progress=False
        )
        assert (value_of(derived) >= 0).all()

    def test_floor_is_told_by_large_runs(self, fit):
        plan = bs.next_runs(fit, {"x": [10.0, 1e5]}, goal="irreducible", progress=False)
        small, large = value_of(plan)
        assert large > small + 0.2

    def test_several_targets_are_averaged(self, fit):
        ask = {"progress": False, "method": "weights"}
        each = [value_of(bs.next_runs(fit, CANDIDATES, goal={"x": x}, **ask)) for x in (1e4, 1e5)]
        together = value_of(bs.next_runs(fit, CANDIDATES, goal={"x": [1e4, 1e5]}, **ask))
        np.testing.assert_allclose(together, np.mean(each, axis=0), atol=1e-9)

    def test_same_seed_same_numbers(self, fit):
        first, again = (
            value_of(bs.next_runs(fit, CANDIDATES, goal=TARGET, seed=5, progress=False))
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, again)


class TestForms:
    def test_laws_are_told_apart_where_they_differ(self, both):
        plan = bs.next_runs(both, {"x": [30.0, 1e5]}, goal="form", drift=0, progress=False)
        near, far = value_of(plan)
        assert plan.measure == "information"
        assert 0 <= near < far <= np.log(2) + 0.02
        assert "sd_after" not in plan.table

    def test_known_case(self):
        """Two laws as two numbers: the information is that of a noisy bit."""
        form = np.repeat([0, 1], 1000)
        state = gaussian(np.where(form == 1, 0.2, 0.0), sigma=0.1, form=form)
        z = np.random.default_rng(0).standard_normal(200_000)
        odds = np.log1p(np.exp(-(0.5 * 4 + 2 * z)))
        truth = np.log(2) - odds.mean()
        for how in ("weights", "regression"):
            assert gains.gain(state, 0, how).value == pytest.approx(truth, abs=0.03)

    def test_every_member_is_asked_for_a_forecast(self, both):
        plan = bs.next_runs(both, CANDIDATES, goal=TARGET, progress=False)
        assert (value_of(plan) <= 1).all()
        assert plan.sd.shape == (1,)

    def test_weightless_members_have_no_draws(self, fit, floorless):
        sure = bs.ensemble({"floor": fit, "no floor": floorless}, weights=[1.0, 0.0])
        goal = goals.goal_of(TARGET, sure.fits, sure.shares, 0.0)
        at = {"x": np.array([10.0])}
        drawn = particles_of(sure.fits, sure.shares, at, goal, 0.0, 400)
        assert len(drawn.parts) == 1
        with pytest.raises(LawError, match="have a weight"):
            bs.next_runs(sure, CANDIDATES, goal="form")


class TestBatches:
    def test_a_plan_keeps_to_its_budget(self, fit):
        plan = bs.next_runs(
            fit, {"x": np.geomspace(10, 1e4, 8)}, goal=TARGET, cost=lambda x: x, budget=1.2e4,
            progress=False,
        )  # fmt: skip
        batch = plan.batch
        assert len(batch) >= 1
        assert batch["cost"].sum() <= 1.2e4
        np.testing.assert_allclose(batch["spent"], batch["cost"].cumsum())
        np.testing.assert_allclose(batch["value"], batch["gain"].cumsum())
        assert (batch["gain"] >= LEAST).all()
        assert not batch.index.has_duplicates
        assert f"{len(batch)} of 8 candidates" in repr(plan)

    def test_without_a_cost_a_budget_is_a_number_of_runs(self, fit):
        ask = {"goal": TARGET, "progress": False}
        plan = bs.next_runs(fit, CANDIDATES, budget=2, **ask)
        assert len(plan.batch) <= 2
        assert plan.cost_unit == "runs"
        assert len(bs.next_runs(fit, CANDIDATES, budget=5, most=1, **ask).batch) == 1

    def test_the_better_of_two_plans(self):
        """Value for cost would take the cheap run, after which the good one cannot be paid."""
        rng = np.random.default_rng(4)
        g = 0.1 * rng.standard_normal(4000)
        cheap = 0.3 * g + 0.1 * rng.standard_normal(4000)
        state = gaussian(g, sigma=0.02, curve=np.stack([cheap, g], axis=1))
        costs = np.array([1.0, 100.0])
        first = [gains.gain(state, j) for j in range(2)]
        assert first[0].value / 1 > first[1].value / 100
        plan = planned(state, costs, first, 100.0, None, None)
        assert [step.candidate for step in plan] == [1]

    def test_nothing_worth_making(self, fit):
        plan = bs.next_runs(
            fit, {"x": [30.0]}, goal=lambda made: np.random.default_rng(0).normal(
                size=made.parameters["exponent"].shape
            ), budget=1, method="regression", progress=False,
        )  # fmt: skip
        assert plan.batch.empty
        assert "none is planned" in repr(plan)

    def test_cost_of_params_and_tokens(self, planar):
        roles = planar.runs.columns
        table = {roles["params"]: [1e2, 2e2], roles["tokens"]: [1e3, 1e3]}
        goal = {"params": 1e4, "tokens": 1e4}
        plan = bs.next_runs(planar, table, goal=goal, progress=False)
        np.testing.assert_allclose(plan.table.sort_index()["cost"], [6e5, 1.2e6])
        mine = bs.next_runs(
            planar, {"params": [1e2], "tokens": [1e3]}, goal=goal,
            cost=lambda params, tokens: params + tokens, progress=False,
        )  # fmt: skip
        assert mine.best["cost"] == 1100


class TestNoise:
    @pytest.mark.parametrize(
        ("likelihood", "ceiling"),
        [
            (bs.StudentT(), None),
            (bs.Heteroscedastic(), None),
            (bs.Correlated(), None),
            (bs.Normal(), None),
            (bs.LogNormal(), 5.0),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_every_kind(self, likelihood, ceiling):
        fit = invented_fit(bs.PowerLaw(), likelihood, ceiling)
        plan = bs.next_runs(
            fit, {"x": [10.0, 1e4, 1e6]}, goal={"x": 1e6}, draws=500, outcomes=32, progress=False
        )
        assert np.isfinite(value_of(plan)).all()
        assert value_of(plan)[-1] > 0.3

    def test_noise_hides_what_a_run_would_tell(self):
        rng = np.random.default_rng(6)
        g = 0.1 * rng.standard_normal(2000)
        quiet, loud = (gains.gain(gaussian(g, sigma=s), 0).value for s in (0.02, 0.2))
        assert quiet > 0.9 > 0.3 > loud


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            ({"candidates": {"params": [1.0]}}, DataError, "needs 'x' of every candidate"),
            ({"candidates": {"x": []}}, DataError, "no row"),
            ({"candidates": {"x": [1.0, -2.0]}}, DataError, "got -2 .candidates 1"),
            ({"candidates": {"x": [1.0, np.nan]}}, DataError, "got nan"),
            ({"candidates": {"x": ["large"]}}, DataError, "positive finite"),
            ({"candidates": [1.0, 2.0]}, DataError, "DataFrame of pandas"),
            ({"candidates": {"x": [1.0, 2.0], "y": [1.0]}}, DataError, "are no table"),
            ({"cost": "price"}, DataError, "no column of the candidates"),
            ({"cost": lambda x: -x}, DataError, "must be positive finite"),
            ({"cost": lambda x: "much"}, DataError, "must return a number"),
            ({"cost": 0.0}, DataError, "must be positive finite"),
            ({"cost": ["x"]}, LawError, "name of a column, a function"),
            ({"budget": 0.5}, LawError, "the cheapest costs 1"),
            ({"budget": -1}, LawError, "positive finite number"),
            ({"budget": np.inf}, LawError, "positive finite number"),
            ({"goal": "exponnt"}, UnknownNameError, "Did you mean 'exponent'"),
            ({"goal": "form"}, LawError, "an ensemble of two fits"),
            ({"goal": {"params": 1e9}}, LawError, "needs x="),
            ({"goal": {"x": -1}}, DataError, "positive finite"),
            ({"goal": 3}, LawError, "takes the inputs of a forecast"),
            ({"goal": lambda fit: np.zeros(3)}, LawError, r"draws of shape \(chain, draw\)"),
            ({"goal": lambda fit: fit.forecast(x=1e5)}, LawError, "returned a forecast"),
            (
                {"goal": lambda fit: np.full((4, 1000), np.inf)},
                LawError,
                "not finite in 100 % of the draws",
            ),
            ({"goal": lambda fit: np.ones((4, 1000))}, LawError, "same in every draw"),
            ({"measure": "varience"}, LawError, "Did you mean 'variance'"),
            ({"method": "refits"}, LawError, "Did you mean 'refit'"),
            ({"method": "refit", "budget": 3}, LawError, "plans no batch"),
            ({"most": 0}, LawError, "most= must be a whole number"),
            ({"draws": 10}, LawError, "at least 100"),
            ({"drift": -1}, LawError, "drift="),
        ],
    )  # fmt: skip
    def test_is_told_what_to_do(self, fit, change, error, words):
        ask = {"candidates": CANDIDATES, "goal": TARGET, "progress": False} | change
        with pytest.raises(error, match=words):
            bs.next_runs(fit, ask.pop("candidates"), **ask)

    def test_no_fit(self):
        with pytest.raises(LawError, match="takes a fit .* got PowerLaw"):
            bs.next_runs(bs.PowerLaw(), CANDIDATES, goal=TARGET)

    def test_fixed_parameter(self, floorless):
        with pytest.raises(LawError, match="irreducible .* held at a number"):
            bs.next_runs(floorless, CANDIDATES, goal="irreducible")

    def test_groups_are_asked_one_by_one(self):
        law = bs.PowerLaw(scale=bs.partial_pooling(by="family", spread=0.3))
        parts = [
            bs.PowerLaw().simulate(x=X, y="loss", seed=i).assign(family=name)
            for i, name in enumerate("AB")
        ]
        fit = law.fit(
            pd.concat(parts, ignore_index=True), y="loss", x="x", draws=600, tune=500,
            retry=False, progress=False,
        )  # fmt: skip
        with pytest.raises(LawError, match="next_runs.. is asked of one group"):
            bs.next_runs(fit, CANDIDATES, goal=TARGET)
        plan = bs.next_runs(fit.at(family="A"), CANDIDATES, goal=TARGET, progress=False)
        assert len(plan.table) == 5

    def test_refits_of_an_ensemble(self, both):
        with pytest.raises(LawError, match="method='refit' fits one law"):
            bs.next_runs(both, CANDIDATES, goal=TARGET, method="refit")


class TestTables:
    def test_one_candidate_is_a_question_too(self, fit):
        plan = bs.next_runs(fit, pd.DataFrame({"x": [1e4]}), goal=TARGET, progress=False)
        assert len(plan.table) == 1
        assert plan.best["x"] == 1e4

    def test_most_value_for_its_cost_is_first(self, fit):
        plan = bs.next_runs(fit, CANDIDATES, goal=TARGET, cost=lambda x: x, progress=False)
        ratio = plan.table["value"] / plan.table["cost"]
        np.testing.assert_allclose(plan.table["value_per_cost"], ratio)
        assert ratio.is_monotonic_decreasing
        assert plan.table["sd_after"].max() <= plan.sd[0]

    def test_words(self, fit):
        plan = bs.next_runs(fit, {"x": [1e3, 1e5], "name": ["a", "b"]}, goal=TARGET, progress=False)
        words = plan.table.set_index("name")["why"]
        assert "100 times beyond the data" in words["b"]
        assert "beyond" not in words["a"]
        assert "the forecast of loss at x=100000" in repr(plan)
        assert "<table" in plan._repr_html_()

    def test_columns_of_the_candidates_are_kept(self, fit):
        table = pd.DataFrame({"x": [10.0, 1e4], "machine": ["a", "b"]}, index=[7, 9])
        plan = bs.next_runs(fit, table, goal=TARGET, budget=1, progress=False)
        assert plan.batch["machine"].tolist() == ["b"]
        assert plan.batch.index.tolist() == [1]


class TestPlot:
    def test_draws_the_table(self, fit):
        plan = bs.next_runs(
            fit, {"x": np.geomspace(10, 1e5, 9)}, goal=TARGET, cost=lambda x: x, budget=2e5,
            progress=False,
        )  # fmt: skip
        ax = bs.plot_next_runs(plan)
        labels = ax.get_legend_handles_labels()[1]
        assert "to make, in this order" in labels
        assert ax.get_xscale() == "log"
        numbers = [text.get_text() for text in ax.texts]
        assert numbers == [str(i + 1) for i in range(len(plan.batch))]
        drawn = np.concatenate([c[0].get_xydata() for c in ax.containers if len(c[0].get_xydata())])
        np.testing.assert_allclose(np.sort(drawn[:, 1]), np.sort(plan.table["value"]))
        assert "at x=100000" in ax.get_title()
        _, narrow = plt.subplots(figsize=(2.4, 2.4))
        bs.plot_next_runs(plan, ax=narrow)
        assert "\n" in narrow.get_title()
        far = bs.next_runs(fit, CANDIDATES, goal={"x": 2e10}, progress=False)
        assert r"at x=$2\times 10^{10}$" in bs.plot_next_runs(far).get_title()
        plt.close("all")

    def test_form_of_equal_costs(self, both):
        plan = bs.next_runs(both, CANDIDATES, goal="form", progress=False)
        ax = bs.plot_next_runs(plan)
        assert ax.get_xscale() == "linear"
        assert "nats" in ax.get_ylabel()
        plt.close("all")


class Known:
    """Noise of a known size on the log scale."""

    on_logs = True

    def __init__(self, sigma):
        self.sigma = sigma

    def draw(self, rng, value, **noise):
        return value * np.exp(self.sigma * rng.standard_normal(np.shape(value)))

    def log_density(self, y, value, **noise):
        return -0.5 * ((np.log(y) - np.log(value)) / self.sigma) ** 2


class Made:
    """A fit of which only the noise is asked."""

    def __init__(self, likelihood):
        self.likelihood = likelihood

    def of_new_rows(self, inputs):
        return {}


def gaussian(g, *, sigma, curve=None, candidates=1, form=None, measure="variance") -> Weighing:
    """Draws of a goal g, whose curve is g itself unless said, seen with Gaussian noise."""
    from bayescale.experiments.particles import Part, Particles

    curve = np.repeat(g[:, None], candidates, axis=1) if curve is None else curve
    curve = np.exp(curve.reshape(len(g), -1))
    part = Part(Made(Known(sigma)), slice(0, len(g)), {})
    goal = g[:, None] if form is None else np.empty((len(g), 0))
    particles = Particles(
        (part,), {"x": np.arange(1.0, 1 + curve.shape[1])}, curve, goal,
        np.zeros(len(g), int) if form is None else form, np.full(len(g), -np.log(len(g))),
    )  # fmt: skip
    return weighing(particles, measure, 256, 0)


def test_draws_are_taken_as_often_as_they_weigh():
    weights = np.log([0.5, 0.25, 0.25])
    counts = np.bincount(spread_evenly(weights, 400, 0))
    np.testing.assert_allclose(counts, [200, 100, 100], atol=1)


def test_the_page_is_written_from_the_results():
    found = runpy.run_path(str(TOP / "docs" / "next_runs.py"))
    assert found["PAGE"].read_text() == found["page"]()


def test_the_picture_has_numbers_as_its_axes_have():
    goals = {
        "the forecast of error at examples=5e+04": "the forecast of error at examples=50,000",
        "the forecast of loss at N=1e+10": "the forecast of loss at N=$10^{10}$",
        "cost in $ at n=3": r"cost in \$ at n=3",
    }
    assert {goal: picture._with_numbers(picture._short(goal)) for goal in goals} == goals
