"""The compute-optimal frontier: checked values, brute force, costs, drift, doubts, bad input."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit
from scipy.optimize import brentq, minimize_scalar
from sweeps_known import EPOCH, HOFFMANN, grid_of_runs, hoffmann, runs_at

import bayescale as bs
from bayescale.planning import equal_cost
from bayescale.planning.costs import TrainingFlops

KAPLAN = {"N_c": 6.5e13, "params_exponent": 0.077, "S_c": 2.1e3, "steps_exponent": 0.76}
MUENNIGHOFF = {
    "irreducible": 1.869143678, "A": 520.824951660, "B": 1487.716093783,
    "params_exponent": 0.3526596, "exponent_ratio": 1.0, "params_reuse": 5.309743,
    "tokens_reuse": 15.387756,
}  # fmt: skip
BUDGETS = [1e19, 1e21, 5.76e23]


def of(front, name):
    """A quantity of a law of numbers, shape (m,)."""
    return front.draws[name][0, 0]


@contextlib.contextmanager
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        yield


@pytest.fixture(scope="module")
def fit():
    return bs.Chinchilla().fit(grid_of_runs(), y="loss", params="n", tokens="d", progress=False)


@pytest.mark.parametrize(
    ("numbers", "params", "tokens", "loss", "power"),
    [
        (HOFFMANN, 3.21898591514e10, 2.98230568666e12, 1.93074810173, 0.451612903226),
        (EPOCH, 7.23527384658e10, 1.32683298567e12, 1.97397348213, 0.512639071827),
    ],
    ids=["Hoffmann", "Epoch"],
)
def test_published_optima(numbers, params, tokens, loss, power):
    found = bs.frontier(bs.Chinchilla(**numbers), compute=5.76e23)
    assert of(found, "params") == pytest.approx(params, rel=1e-9)
    assert of(found, "tokens") == pytest.approx(tokens, rel=1e-9)
    assert of(found, "y") == pytest.approx(loss, rel=1e-10)
    assert of(found, "params_power") == pytest.approx(power, rel=1e-10)
    assert of(found, "tokens_power") == pytest.approx(1 - power, rel=1e-10)
    assert of(found, "tokens_per_param") == pytest.approx(tokens / params, rel=1e-9)


def least_by_brute_force(law, budget, held):
    """Log size and loss of the least loss at C = 6ND, by a grid and then Brent."""

    def loss(u):
        n = np.exp(u)
        given = {"params": n, "tokens": budget / (6 * n), **held}
        return law.evaluate(**{role: given[role] for role in law.inputs})

    grid = np.linspace(0.01, np.log(budget / 6) - 0.01, 4001)
    best = int(np.argmin(loss(grid)))
    if best in (0, len(grid) - 1):
        return np.nan, float(loss(grid).min())
    ends = grid[best - 1], grid[best + 1]
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-10})
    return found.x, float(found.fun)


def test_every_law_of_params_and_tokens_agrees_with_brute_force(form):
    if not {"params", "tokens"} <= set(form.inputs):
        pytest.skip("no law of params and tokens")
    law = form(**form.example)
    # Few enough unique tokens to be repeated, and enough for the loss not to be flat.
    third = {"unique_tokens": 3e3, "precision": 3.0, "vocab_params": 3.0}
    held = {role: value for role, value in third.items() if role in form.inputs}
    budgets = [6e4, 6e6, 6e9]
    cost = None if "vocab_params" not in held else lambda params, tokens: 6 * params * tokens
    found = bs.frontier(law, budgets, cost=cost, **held)
    for i, budget in enumerate(budgets):
        u, loss = least_by_brute_force(law, budget, held)
        if np.isnan(u):
            assert found.p_none[i] == 1
        else:
            assert of(found, "y")[i] == pytest.approx(loss, rel=1e-8)
            kink = 1e-3 if "unique_tokens" in held else 2e-5  # where tokens begin to repeat
            assert np.log(of(found, "params")[i]) == pytest.approx(u, abs=kink)


def test_a_product_of_powers_has_no_optimum():
    law = bs.Multiplicative(irreducible=1.2, scale=0.9, params_exponent=0.25, tokens_exponent=0.15)
    found = bs.frontier(law, [1e6, 1e9])
    assert found.p_none.tolist() == [1, 1]
    assert np.isnan(found.interval()["median"]).all()
    assert np.isfinite(found.interval(of="y")["median"]).all()


@pytest.mark.parametrize("cost", [None, lambda n, d: 6 * n * d], ids=["product", "any function"])
def test_search_agrees_with_the_closed_form(monkeypatch, cost):
    closed = bs.frontier(hoffmann(), BUDGETS)
    if cost is None:
        monkeypatch.setattr(bs.Chinchilla, "balanced", False)
    searched = bs.frontier(hoffmann(), BUDGETS, cost=cost)
    for name, rel in (("params", 1e-6), ("tokens", 1e-6), ("y", 1e-12), ("params_power", 1e-5)):
        assert of(searched, name) == pytest.approx(of(closed, name), rel=rel)
    assert of(searched, "tokens_power") == pytest.approx(of(closed, "tokens_power"), rel=1e-5)


def test_powers_are_slopes_where_the_frontier_is_no_power_law():
    law = bs.ShiftedAdditive(**bs.ShiftedAdditive.example)
    budgets = 6e4 * np.exp([-0.01, 0, 0.01])
    found = bs.frontier(law, budgets)
    for name in ("params", "tokens"):
        slope = np.log(of(found, name)[2] / of(found, name)[0]) / 0.02
        assert of(found, f"{name}_power")[1] == pytest.approx(slope, rel=1e-4)


def test_many_draws_are_as_many_single_ones(fit):
    found = bs.frontier(fit, [1e20, 1e22], drift=0)
    constants = fit.law.constants(fit.parameters, fit.runs.references)
    numbers = {name: float(np.asarray(constants[name])[2, 17]) for name in constants}
    one = bs.Chinchilla(
        irreducible=numbers["E"], A=numbers["A"], params_exponent=numbers["alpha"],
        B=numbers["B"], tokens_exponent=numbers["beta"],
    )  # fmt: skip
    alone = bs.frontier(one, [1e20, 1e22])
    assert found.draws["params"][2, 17] == pytest.approx(of(alone, "params"), rel=1e-9)
    assert found.draws["loss"][2, 17] == pytest.approx(of(alone, "y"), rel=1e-9)


def test_tables_carry_intervals_and_how_far_they_reach(fit):
    found = bs.frontier(fit, [1e20, 1e23], price=1e-18)
    table = found.interval(0.8, of="d")
    assert table.columns.tolist() == [
        "compute", "price", "median", "lower", "upper", "p_none", "extrapolation",
    ]  # fmt: skip
    assert (table["lower"] < table["median"]).all()
    assert table["price"].tolist() == pytest.approx([100, 1e5])
    assert table["extrapolation"][0] < 1 < table["extrapolation"][1]
    wide = found.table(0.8)
    assert {"n", "n_lower", "d_upper", "loss", "n_power", "extrapolation"} - set(wide) == {
        "n_power"
    }
    assert wide["d"].tolist() == table["median"].tolist()
    assert "Frontier of loss by Chinchilla" in repr(found)
    assert "tokens_per_param" in found._repr_html_()
    law = found.power_law(0.8)
    assert law["what"].tolist() == ["power", "constant"] * 2
    size = (1e23 / law["median"][1]) ** law["median"][0]
    assert size == pytest.approx(wide["n"][1], rel=0.2)


def test_budgets_in_pf_days():
    days = bs.frontier(hoffmann(), [1.0, 100.0], unit="PF-days", price=1.0)
    flops = bs.frontier(hoffmann(), [8.64e19, 8.64e21])
    assert of(days, "params") == pytest.approx(of(flops, "params"))
    assert days.interval()["compute"].tolist() == [1, 100]
    assert days.interval()["price"].tolist() == pytest.approx([8.64e19, 8.64e21])


class TestDrift:
    def test_a_value_for_each_draw_drifts_as_one_for_all(self, fit):
        n, d = np.array([1e9, 2e10, 5e8]), np.array([1e11, 5e11, 2e9])
        whole = fit.drifted_draws({"params": n, "tokens": d}, 0.3)
        shape = (*fit.parameters["irreducible"].shape, 3)
        wide = {"params": np.broadcast_to(n, shape), "tokens": np.broadcast_to(d, shape)}
        assert fit.drifted_draws(wide, 0.3) == pytest.approx(whole, rel=1e-12)

    def test_draws_without_an_optimum_do_not_drift_and_warn_of_nothing(self, fit):
        nowhere = np.full((*fit.parameters["irreducible"].shape, 2), np.nan)
        assert np.isnan(fit.drifted_draws({"params": nowhere, "tokens": nowhere}, 0.3)).all()

    def test_the_loss_drifts_and_the_size_does_not(self, fit):
        plain, drifts = (bs.frontier(fit, [1e20, 1e24], drift=q) for q in (0, 0.3))
        assert np.array_equal(plain.draws["params"], drifts.draws["params"])
        widths = [f.draws["loss"].std(axis=(0, 1)) for f in (plain, drifts)]
        assert widths[1][1] > 1.2 * widths[0][1]
        # As a forecast at one draw's optimum has it.
        at = {r: drifts.draws[r][1, 5, 1] for r in ("params", "tokens")}
        assert fit.forecast(**at).draws("curve")[1, 5, 0] == pytest.approx(
            drifts.draws["loss"][1, 5, 1], rel=2e-3
        )


class TestNearOptimal:
    def test_ends_are_where_the_loss_is_so_much_worse(self):
        found = bs.frontier(hoffmann(), BUDGETS)
        near = found.near_optimal(0.005)
        for ends in (near.smallest, near.largest):
            n = ends[0, 0]
            loss = hoffmann().evaluate(params=n, tokens=np.array(BUDGETS) / (6 * n))
            assert loss == pytest.approx(1.005 * of(found, "y"), rel=1e-7)
        assert (near.smallest < near.largest).all()

    def test_probability_of_a_size(self, fit):
        found = bs.frontier(fit, [1e20, 1e22])
        near = found.near_optimal(0.005)
        best = np.median(found.draws["params"][..., 0])
        table = near.probability([best, best * 30])
        assert table["probability"][0] > 0.9
        assert table["probability"][1] < 0.1
        shown = near.interval(0.9)
        assert shown["sure_from"][0] < best < shown["sure_to"][0]
        inside = near.probability(shown["sure_from"][0] * 1.001)["probability"][0]
        assert inside >= 0.89
        assert "within 0.5 %" in repr(near)

    def test_plan_is_one_size_for_all_draws(self, fit):
        found = bs.frontier(fit, [1e20, 1e22])
        plan = found.plan(0.8)
        assert (plan["regret"] >= 0).all()
        assert (plan["loss_lower"] < plan["loss"]).all()
        draws = found.draws["params"][..., 1]
        assert np.quantile(draws, 0.05) < plan["n"][1] < np.quantile(draws, 0.95)
        spent = 6 * plan["n"].to_numpy() * plan["d"].to_numpy()
        assert spent == pytest.approx(plan["compute"].to_numpy())
        chance = found.probability(float(plan["loss"][1]), of="observation")
        assert chance[1] == pytest.approx(0.5, abs=0.03)
        assert chance[0] < 0.01


class TestCosts:
    def test_serving_moves_the_optimum_to_smaller_models(self):
        plain = bs.frontier(hoffmann(), 1e23)
        served = bs.frontier(hoffmann(), 1e23, inference_tokens=2e12)
        n, d = of(served, "params"), of(served, "tokens")
        assert n < of(plain, "params")
        assert 6 * n * d + 2 * n * 2e12 == pytest.approx(1e23, rel=1e-5)

    def test_transformer_in_full(self):
        exact = bs.TransformerFlops(context=2048, vocabulary=50_257, embeddings=1)
        width = exact.width(1e9)
        assert 12 * width**3 / 128 + 50_257 * width == pytest.approx(1e9, rel=1e-12)
        found = bs.frontier(hoffmann(), 1e22, cost=exact)
        assert exact(of(found, "params"), of(found, "tokens")) == pytest.approx(1e22, rel=1e-6)
        # Kaplan's count of GPT-2 XL, whose head is left out.
        plain = bs.TransformerFlops(context=1024, width_over_layers=1600 / 48)
        assert plain.served(12 * 48 * 1600**2) == pytest.approx(3106406400.0)

    def test_wall_clock(self):
        clock = bs.WallClock(flops_per_second=1e18, batch=4e6, critical_batch=2e6)
        assert clock(1e9, 2e10) == pytest.approx(6 * 1e9 * 2e10 * 3 / 1e18)
        latency = bs.WallClock(flops_per_second=1e18, batch=4e6, step_seconds=1.0)
        fast, slow = (bs.frontier(hoffmann(), 1e5, cost=c) for c in (clock, latency))
        assert fast.budget == "seconds"
        # What each step costs besides the arithmetic is paid by tokens: models become larger.
        assert of(slow, "tokens_per_param") < of(fast, "tokens_per_param")
        grown = bs.WallClock(
            flops_per_second=1e18, batch=4e6, critical_batch=lambda d: 1e3 * d**0.3
        )
        assert np.isfinite(of(bs.frontier(hoffmann(), 1e5, cost=grown), "params")).all()

    def test_unique_tokens(self):
        law = bs.DataConstrained(**MUENNIGHOFF)
        found = bs.frontier(law, 1e22, unique_tokens=25e9)
        assert of(found, "tokens") == pytest.approx(2.3734e11, rel=2e-3)  # the paper's grid
        assert of(found, "params") == pytest.approx(7.022e9, rel=2e-3)
        much = bs.frontier(law, 1e22, unique_tokens=1e15)
        chinchilla = {k: v for k, v in MUENNIGHOFF.items() if not k.endswith("_reuse")}
        plain = bs.frontier(bs.Chinchilla(**chinchilla), 1e22)
        assert of(much, "params") == pytest.approx(of(plain, "params"), rel=1e-3)

    def test_two_halves_of_a_model(self):
        law = bs.EncoderDecoder(
            irreducible=1.2, A=0.3 * 1e8**0.48, encoder_exponent=0.18, decoder_exponent=0.30
        )
        found = bs.frontier(law, 6e8)
        assert of(found, "encoder") / 6e8 == pytest.approx(0.375, rel=1e-4)
        assert of(found, "y") == pytest.approx(1.37438897343, rel=1e-9)
        assert found.budget == "params"

    def test_functions_by_name_and_by_place(self):
        by_name = bs.frontier(hoffmann(), 1e22, cost=lambda tokens, params: 6 * params * tokens)
        by_place = bs.frontier(hoffmann(), 1e22, cost=lambda n, d: 6 * n * d)
        assert of(by_name, "params") == pytest.approx(of(by_place, "params"), rel=1e-9)


class TestKaplan:
    batch = bs.CriticalBatchSize(B_star=2.1e8, exponent=1 / 0.21)

    def test_published_numbers(self):
        law = bs.KaplanModelSteps(**KAPLAN)
        found = bs.frontier(law, 1.0, unit="PF-days", critical_batch=self.batch)
        assert of(found, "params") == pytest.approx(5.8440824e8, rel=1e-7)
        assert of(found, "steps") == pytest.approx(13160.7131, rel=1e-7)
        assert of(found, "y") == pytest.approx(2.69444322313, rel=1e-10)
        assert of(found, "batch") == pytest.approx(2.1e8 / 2.69444322313 ** (1 / 0.21), rel=1e-9)
        assert of(found, "tokens") == pytest.approx(2 * 8.64e19 / (6 * 5.8440824e8), rel=1e-7)
        powers = [of(found, f"{name}_power")[0] for name in ("params", "steps", "batch")]
        assert sum(powers) == pytest.approx(1, rel=1e-9)

    def test_draws_of_both(self, no_sampling):
        law, rng = bs.KaplanModelSteps(**KAPLAN), np.random.default_rng(0)
        n, s = (
            a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e3, 1e5, 5))
        )
        loss = law.evaluate(params=n, steps=s) * np.exp(0.01 * rng.standard_normal(25))
        runs = pd.DataFrame({"n": n, "s": s, "loss": loss})
        fit = bs.KaplanModelSteps().fit(runs, y="loss", params="n", steps="s", progress=False)
        levels = pd.DataFrame({"loss": [4, 3.5, 3.0, 2.5], "b": [3e5, 6e5, 1.1e6, 2.7e6]})
        batch = bs.CriticalBatchSize().fit(levels, y="b", loss="loss", progress=False)
        found = bs.frontier(fit, [1e18, 1e22], critical_batch=batch)
        assert found.draws["batch"].shape == (4, 1000, 2)
        assert (found.draws["batch"].std(axis=(0, 1)) > 0).all()
        assert "batch" in found.table()
        with pytest.raises(bs.LawError, match=r"critical_batch=.* batch=\d"):
            found.plan()
        near = found.near_optimal(0.01).interval()
        assert (near["smallest"] < found.interval()["median"]).all()
        assert (near["largest"] > found.interval()["median"]).all()

    def test_near_optimal_sizes_agree_with_brute_force(self):
        law, budget = bs.KaplanModelSteps(**KAPLAN), 1e21

        def least(u):  # the loss at a size, with the steps that the budget buys there
            def over(v):
                loss = law.evaluate(params=np.exp(u), steps=np.exp(v)).item()
                critical = self.batch.evaluate(loss=loss).item()
                return np.log(6 * critical / budget) + u + v

            steps = np.exp(brentq(over, -30, 60, xtol=1e-13))
            return law.evaluate(params=np.exp(u), steps=steps).item()

        found = bs.frontier(law, budget, critical_batch=self.batch)
        middle, goal = np.log(of(found, "params")[0]), 1.01 * of(found, "y")[0]
        ends = [brentq(lambda u: least(u) - goal, middle, middle + by) for by in (-6, 6)]
        near = found.near_optimal(0.01)
        got = np.log([near.smallest.item(), near.largest.item()])
        assert got == pytest.approx(ends, abs=1e-6)

    def test_at_a_batch_of_its_own(self):
        found = bs.frontier(bs.KaplanModelSteps(**KAPLAN), 1e20, batch=2**19)
        n, s = of(found, "params"), of(found, "steps")
        assert 6 * n * s * 2**19 == pytest.approx(1e20)
        with pytest.raises(bs.LawError, match="batch="):
            bs.frontier(bs.KaplanModelSteps(**KAPLAN), 1e20)


class TestSources:
    def test_ensemble(self, fit):
        other = bs.Skaling().fit(
            grid_of_runs(), y="loss", params="n", tokens="d", draws=200, tune=400, progress=False
        )
        both = bs.ensemble({"one": fit, "two": other}, weights=[0.7, 0.3])
        found = bs.frontier(both, [1e20, 1e22])
        assert found.draws["params"].shape[0] == 1
        assert found.draws["params"].shape[2] == 2
        alone = bs.frontier(fit, [1e20, 1e22])
        shared = np.isin(found.draws["params"][..., 0], alone.draws["params"][..., 0]).mean()
        assert shared == pytest.approx(0.7, abs=0.01)
        assert np.isfinite(found.plan()["loss"]).all()
        assert found.near_optimal().interval()["largest"].notna().all()

    def test_one_group_of_a_fit(self, no_sampling):
        runs = pd.concat([grid_of_runs().assign(family=f) for f in "AB"], ignore_index=True)
        law = bs.Chinchilla(irreducible=bs.partial_pooling(by="family"))
        fit = law.fit(runs, y="loss", params="n", tokens="d", progress=False)
        assert np.isfinite(bs.frontier(fit.at(family="A"), 1e21).interval()["median"]).all()
        with pytest.raises(bs.LawError, match="one group"):
            bs.frontier(fit, 1e21)

    def test_metric_that_rises(self, no_sampling):
        runs = grid_of_runs()
        runs["accuracy"] = 1 - runs["loss"] / 6
        fit = bs.Chinchilla().fit(
            runs, y="accuracy", ceiling=1.0, params="n", tokens="d", progress=False
        )
        found = bs.frontier(fit, [1e20, 1e22], drift=0)
        accuracy = found.interval(of="accuracy")["median"]
        assert accuracy[0] < accuracy[1] < 1
        assert found.probability(float(accuracy[0]), of="curve")[1] > 0.9


class TestPlots:
    def test_frontier(self, fit):
        front = bs.frontier(fit, np.geomspace(1e19, 1e22, 4))
        ax = bs.plot_frontier(front, prob=0.8)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("compute [FLOP]", "n")
        words = ax.get_legend_handles_labels()[1]
        assert "within 0.5 % of the least loss (median)" in words
        assert "80 % equal-tailed" in words
        (median,) = [line for line in ax.get_lines() if line.get_label() == "median"]
        assert median.get_ydata() == pytest.approx(front.interval(0.8)["median"].to_numpy())
        assert bs.plot_frontier(front, of="loss").get_ylabel() == "loss"
        assert bs.plot_frontier(front, of="params_power").get_yscale() == "linear"
        with pytest.raises(bs.LawError, match="one"):
            bs.plot_frontier(bs.frontier(fit, 1e20))

    def test_contours(self, fit):
        ax = bs.plot_loss_contours(fit, levels=5)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("n", "d")
        assert "best at each budget, 90 % equal-tailed" in ax.get_legend_handles_labels()[1]
        law = bs.DataConstrained(**MUENNIGHOFF)
        assert bs.plot_loss_contours(law, unique_tokens=1e10).get_xlabel() == "params"
        with pytest.raises(bs.LawError, match="levels="):
            bs.plot_loss_contours(fit, levels=1)

    def test_contours_of_a_frontier_are_those_of_its_fit_and_its_cost(self, fit):
        front = bs.frontier(fit, 1e21, inference_tokens=1e12)
        mine, asked = bs.plot_loss_contours(front), bs.plot_loss_contours(fit)
        assert (mine.get_xlabel(), mine.get_xlim()) == (asked.get_xlabel(), asked.get_xlim())
        bands = [ax.patches[0].get_path().vertices for ax in (mine, asked)]
        assert not np.allclose(*bands)
        with pytest.raises(bs.LawError, match="drawn with its own cost"):
            bs.plot_loss_contours(front, batch=100)

    def test_lines_of_equal_loss_have_round_numbers(self, fit):
        ax = bs.plot_loss_contours(fit, levels=5)
        marks = next(c for c in ax.collections if hasattr(c, "levels")).levels
        assert marks == pytest.approx(np.round(marks, 2))


class TestDoubts:
    def fitted(self, runs):
        with _quiet():
            return bs.Chinchilla().fit(runs, y="loss", params="n", tokens="d", progress=False)

    def test_a_grid_raises_none(self, fit):
        assert bs.frontier(fit, 1e21).doubts == ()

    def test_one_ray(self, no_sampling):
        n = np.geomspace(5e7, 2e9, 12)
        found = bs.frontier(self.fitted(runs_at(n, 20 * n, hoffmann())), 1e21)
        (words,) = found.doubts
        assert "one ray, d ~ n^1.00" in words
        assert "along the ray" in words

    def test_two_sizes(self, no_sampling):
        runs = grid_of_runs(sizes=2, lengths=8)
        runs["n"] *= 1 + 0.005 * (np.arange(16) % 3)  # three counts that are one size
        found = bs.frontier(self.fitted(runs), 1e21)
        (words,) = found.doubts
        assert "'n' takes two values" in words
        assert "how the loss falls with 'd'" in words

    @pytest.mark.parametrize(("ratio", "side"), [(2000, "smaller"), (0.2, "larger")])
    def test_all_sizes_on_one_side(self, ratio, side):
        n = np.repeat(np.geomspace(5e7, 2e9, 5), 3)
        d = n * ratio * np.tile([0.5, 1, 2], 5)
        runs = runs_at(n, d, hoffmann(), noise=0.002)
        with _quiet():
            fit = bs.Chinchilla().fit(
                runs, y="loss", params="n", tokens="d", draws=200, tune=500, progress=False
            )
        (words,) = bs.frontier(fit, 1e21).doubts
        assert f"'n' {side} than optimal" in words


class TestBadInput:
    @pytest.mark.parametrize(
        ("given", "error", "words"),
        [
            ({"compute": [1e20, -1]}, bs.DataError, "positive finite"),
            ({"compute": []}, bs.DataError, "positive finite"),
            ({"compute": 1e20, "cost": "6ND"}, bs.LawError, "cost= must be None"),
            ({"compute": 1e20, "cost": lambda n, d: n / d}, bs.DataError, "must rise in tokens"),
            ({"compute": 1e20, "cost": lambda n, d: n + 0 * d}, bs.DataError, "must rise"),
            ({"compute": 1e20, "cost": lambda n, d: 0 * n * d}, bs.DataError, "must be positive"),
            ({"compute": 1e20, "cost": lambda n: n}, bs.DataError, "must rise in tokens"),
            ({"compute": 1e20, "cost": lambda a, b, c: a}, bs.LawError, "function of the law's"),
            ({"compute": 1e20, "price": -1}, bs.LawError, "price="),
            ({"compute": 1e20, "unit": "days"}, bs.LawError, "'FLOP' or 'PF-days'"),
            ({"compute": 1e20, "drift": -1}, bs.LawError, "drift="),
            ({"compute": 1e20, "inference_tokens": -1}, bs.LawError, "inference_tokens="),
            ({"compute": 1e20, "parms": 1e9}, bs.LawError, "no input 'parms'.*'params'"),
            ({"compute": 1e20, "params": 1e9}, bs.LawError, "Hold none of them"),
            ({"compute": 1e20, "batch": 2**19}, bs.LawError, "batch= turns steps into tokens"),
            ({"compute": 1e-9}, bs.DataError, "buys no params"),
            ({"compute": 1e60}, bs.DataError, "buys more params"),
        ],
    )
    def test_options(self, given, error, words):
        with pytest.raises(error, match=words):
            bs.frontier(hoffmann(), **given)

    def test_one_input(self):
        law = bs.PowerLaw(irreducible=0.0, scale=1.0, exponent=0.3)
        with pytest.raises(bs.LawError, match="one input.*bs.Chinchilla"):
            bs.frontier(law, 1e20)

    def test_priors_left(self):
        with pytest.raises(bs.LawError, match="every parameter is a number"):
            bs.frontier(bs.Chinchilla(), 1e20)

    def test_third_input_not_held(self):
        law = bs.DataConstrained(**MUENNIGHOFF)
        with pytest.raises(bs.LawError, match="Hold 1 of them.*unique_tokens"):
            bs.frontier(law, 1e20)

    def test_what_experts_cost_is_not_known(self):
        law = bs.RoutedLM(**bs.RoutedLM.example)
        with pytest.raises(bs.LawError, match="not known: give cost="):
            bs.frontier(law, 1e20)

    def test_questions(self, fit):
        found = bs.frontier(fit, 1e20)
        with pytest.raises(bs.LawError, match="'params'"):
            found.interval(of="parms")
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            found.table(1.5)
        with pytest.raises(bs.LawError, match="within="):
            found.near_optimal(0)
        with pytest.raises(bs.LawError, match="of="):
            found.plan(of="loss")
        with pytest.raises(bs.DataError, match="sizes= must be positive"):
            found.near_optimal().probability([1e9, -1])


def test_cost_lines_that_are_tables_are_as_good_as_formulas():
    free, ranges = ("params", "tokens"), dict.fromkeys(("params", "tokens"), (1.0, 1e20))
    budgets = np.array([1e15, 1e22])
    exact, prices, table = (
        equal_cost.iso_cost(cost, budgets**power, free, {}, free, ranges)
        for cost, power in (
            (TrainingFlops(), 1),
            (lambda params, tokens: 6 * params * tokens, 1),
            (lambda params, tokens: (6 * params * tokens) ** 1.5, 1.5),
        )
    )
    assert not prices.by_budget
    assert table.by_budget
    u = np.log(np.array([[1e5, 1e9], [3e6, 7e11]]))
    assert prices.log_data(u) == pytest.approx(exact.log_data(u), abs=1e-9)
    assert table.log_data(u) == pytest.approx(exact.log_data(u), abs=1e-9)


@pytest.mark.parametrize("served", [1e11, 1e13, 1e14])
def test_optima_are_exact_where_serving_takes_nearly_all(served):
    """What is left for tokens falls steeply there: no table of it would do."""
    budgets = np.geomspace(1e20, 1e24, 5)
    found = bs.frontier(hoffmann(), budgets, inference_tokens=served)
    assert of(found, "params") == pytest.approx(
        [_best_served(budget, served) for budget in budgets], rel=1e-5
    )
    spent = 6 * of(found, "params") * (of(found, "tokens") + served / 3)
    assert spent == pytest.approx(budgets, rel=1e-12)


def _best_served(budget, served):
    """The best size by golden sections between sizes a factor of e^-12 below the largest one."""
    from scipy.optimize import minimize_scalar

    largest = np.log(budget / (2 * served))

    def loss(below):
        n = np.exp(largest - np.exp(below))
        return float(hoffmann().evaluate(params=n, tokens=(budget / n - 2 * served) / 6))

    best = minimize_scalar(loss, bounds=(-9, 3), method="bounded", options={"xatol": 1e-12})
    return np.exp(largest - np.exp(best.x))


def test_budgets_at_which_most_draws_have_no_optimum_are_told():
    fit = invented_fit(bs.Chinchilla())
    least = 6 * np.prod([fit.runs.inputs[role].min() for role in fit.law.inputs]) * 1e-12
    found = bs.frontier(fit, least * np.array([3.0, 1e13]))
    assert found.p_none[0] > 0.5 > found.p_none[1]
    (words,) = (each for each in found.doubts if "no optimum" in each)
    assert f"a budget of {3 * least:.3g}" in words


def test_a_budget_beyond_all_that_data_can_buy_is_said_to_be_so():
    """Repeated tokens wear out: from some budget on no size is better than another."""
    fit = invented_fit(bs.DataConstrained())
    seen = fit.runs.references
    largest = 6 * seen["params_end"] * seen["tokens_end"]
    few = {"unique_tokens": seen["unique_tokens_ref"]}
    found = bs.frontier(fit, largest * np.array([1, 10, 1e9]), **few)
    (words,) = found.doubts
    assert f"{1e9 * largest:.3g} FLOP" in words
    assert "not identified" in words
    near = found.near_optimal(0.001)
    assert np.nanmedian(near.largest[..., 2] / near.smallest[..., 2]) > 100
    assert bs.frontier(fit, largest * np.array([1, 10]), **few).doubts == ()


@pytest.mark.parametrize("form", [bs.Chinchilla, bs.DataConstrained])
def test_searched_optima_are_no_worse_than_any_size_near_them(form):
    """Newton's steps, kinks included, end in a minimum for every draw."""
    fit = invented_fit(form())
    seen = fit.runs.references
    held = {"unique_tokens": seen["unique_tokens_ref"]} if "unique_tokens" in form.inputs else {}
    budgets = 6 * seen["params_end"] * seen["tokens_end"] * np.geomspace(0.01, 100, 7)
    found = bs.frontier(fit, budgets, cost=lambda n, d: 6 * n * d + 1e-3 * n, drift=0, **held)
    land = found.terrain.first
    line, u = found.line(), np.log(found.draws["params"])
    best = land.loss(u, line.log_data(u))
    for by in (-0.5, -0.01, -0.001, 0.001, 0.01, 0.5):
        assert (land.loss(u + by, line.log_data(u + by)) >= best * (1 - 1e-6)).all()


def test_a_transformer_has_parameters():
    with pytest.raises(bs.DataError, match="params must be positive"):
        bs.TransformerFlops(context=2048)(params=-1.0, tokens=1e10)


def test_the_width_of_a_transformer_with_embeddings_is_the_root_of_its_cubic():
    cost = bs.TransformerFlops(context=2048, vocabulary=50_257, embeddings=2)
    params = np.geomspace(1e5, 1e13, 9)
    width = cost.width(params)
    assert 12 / 128 * width**3 + 2 * 50_257 * width == pytest.approx(params, rel=1e-9)
