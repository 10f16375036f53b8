"""What a target costs, what twice as much is worth, and which arm is cheaper."""

import numpy as np
import pytest
from sweeps_known import EPOCH, grid_of_runs, hoffmann

import bayescale as bs


@pytest.fixture(scope="module")
def fit():
    return bs.Chinchilla().fit(grid_of_runs(), y="loss", params="n", tokens="d", progress=False)


class TestTargetCost:
    def test_of_numbers_it_is_the_frontier_read_the_other_way(self):
        for budget in (1e19, 1e22):
            loss = float(bs.frontier(hoffmann(), budget).draws["y"][0, 0, 0])
            found = bs.target_cost(hoffmann(), loss)
            assert found.interval()["median"][0] == pytest.approx(budget, rel=5e-3)
            plan = found.plans.iloc[0]
            assert plan["compute"] == pytest.approx(budget, rel=1e-2)
            assert plan["p_reached"] == 1
            best = float(bs.frontier(hoffmann(), budget).draws["params"][0, 0, 0])
            assert plan["params"] == pytest.approx(best, rel=2e-2)

    def test_a_surer_plan_costs_more(self, fit):
        even, sure = (bs.target_cost(fit, 2.4, prob=p, of="curve") for p in (0.5, 0.95))
        assert sure.plans["compute"][0] > 1.05 * even.plans["compute"][0]
        for found, prob in ((even, 0.5), (sure, 0.95)):
            plan = found.plans.iloc[0]
            chance = fit.probability(2.4, of="curve", params=plan["n"], tokens=plan["d"])
            assert chance == pytest.approx(prob, abs=0.015)
        low, high = even.interval(0.9)[["lower", "upper"]].iloc[0]
        assert low < even.plans["compute"][0] < high
        assert "plans:" in repr(even)

    def test_a_target_that_every_budget_reaches(self):
        found = bs.target_cost(hoffmann(), 1e300)
        assert found.interval()["median"][0] == 0
        plan = found.plans.iloc[0]
        assert plan["p_reached"] == 1
        assert plan["compute"] == pytest.approx(1e10, rel=1e-2)  # the smallest that is looked at

    def test_out_of_reach_of_some_draws(self, fit):
        floor = float(np.quantile(fit.parameters["irreducible"], 0.3))
        found = bs.target_cost(fit, floor, prob=0.9, drift=0, price=1e-18)
        assert 0.5 < found.interval()["p_never"][0] < 0.9
        assert np.isinf(found.plans["compute"][0])
        assert found.plans["p_reached"][0] < 0.5
        assert np.isinf(found.plans["price"][0])

    def test_bad_input(self, fit):
        with pytest.raises(bs.DataError, match="Only .* % of the draws reach loss of 0.1"):
            bs.target_cost(fit, 0.1)
        with pytest.raises(bs.DataError, match="No draw reaches loss of 0.1"):
            bs.target_cost(fit, 0.1, drift=0)
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            bs.target_cost(fit, 2.4, prob=1.2)
        with pytest.raises(bs.DataError, match="finite numbers"):
            bs.target_cost(fit, np.nan)
        with pytest.raises(bs.LawError, match="'observation' or 'curve'"):
            bs.target_cost(fit, 2.4, of="loss")


class TestDoublingValue:
    def test_of_numbers(self):
        law, at = hoffmann(), {"params": 1e9, "tokens": 2e10}
        found = bs.doubling_value(law, **at)
        now = law.evaluate(**at)
        for i, more in enumerate(at):
            doubled = law.evaluate(**(at | {more: 2 * at[more]}))
            assert found.draws[0, 0, i] == pytest.approx(now - doubled, rel=1e-9)
        best = bs.frontier(law, 2 * 6 * 1e9 * 2e10).draws["y"][0, 0, 0]
        assert found.draws[0, 0, 2] == pytest.approx(now - best, rel=1e-9)
        table = found.interval()
        assert table["more"].tolist() == ["params", "tokens", "compute"]
        assert table["cost"].tolist() == pytest.approx([2, 2, 2])

    def test_of_a_fit(self, fit):
        table = bs.doubling_value(fit, params=1e9, tokens=2e10).interval()
        assert (table["median"] > 0).all()
        assert table["more"].tolist() == ["n", "d", "compute"]

    def test_with_a_third_input(self):
        law = bs.DataConstrained(**bs.DataConstrained.example)
        found = bs.doubling_value(law, params=1e3, tokens=1e4, unique_tokens=1e3)
        assert found.draws.shape == (1, 1, 3)

    def test_bad_input(self):
        with pytest.raises(bs.LawError, match="factor="):
            bs.doubling_value(hoffmann(), params=1e9, tokens=1e9, factor=0)
        with pytest.raises(bs.LawError, match="needs params=, tokens="):
            bs.doubling_value(hoffmann(), params=1e9)
        with pytest.raises(bs.LawError, match="one number"):
            bs.doubling_value(hoffmann(), params=[1e9, 2e9], tokens=1e9)


class TestCheaper:
    def test_of_numbers(self):
        one, two = hoffmann(), bs.Chinchilla(**EPOCH)
        table = bs.cheaper(one, two, [1e21, 1e24])
        for i, budget in enumerate((1e21, 1e24)):
            losses = [bs.frontier(law, budget).draws["y"][0, 0, 0] for law in (one, two)]
            assert table["difference"][i] == pytest.approx(losses[0] - losses[1], rel=1e-9)
            assert table["p_first_better"][i] == (losses[0] < losses[1])
            needed = bs.target_cost(two, losses[0]).interval()["median"][0]
            assert table["multiplier"][i] == pytest.approx(needed / budget, rel=2e-2)

    def test_against_itself(self, fit):
        table = bs.cheaper(fit, fit, 1e21)
        assert table["difference"][0] == 0
        assert table["p_first_better"][0] == 0.5
        assert table["multiplier"][0] == pytest.approx(1, rel=1e-6)

    def test_two_fits_are_paired_at_random(self, fit):
        worse = grid_of_runs(seed=3).assign(loss=lambda t: 1.01 * t["loss"])
        other = bs.Chinchilla().fit(worse, y="loss", params="n", tokens="d", progress=False)
        table = bs.cheaper(fit, other, 1e20)
        assert table["p_first_better"][0] > 0.9
        assert table["multiplier_lower"][0] > 1
