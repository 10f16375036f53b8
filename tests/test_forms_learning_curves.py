"""Learning-curve families, curves of context and of accuracy, growth, and laws in stages."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale.fitting import Fit
from bayescale.forms.composite_curve import CompositeCurve
from bayescale.information import infogain, segment_information
from bayescale.stages import TwoStage, two_stage

X = np.geomspace(1e3, 1e7, 24)
REFERENCES = {"x_ref": 1e5, "x_start": 1e3, "x_end": 1e7, "y_ref": 2.0, "y_drop": 0.5, "y_top": 2}


def fitted(law, runs, **named):
    """Draws near the middle of the priors; needs the fixture no_sampling."""
    return law.fit(runs, draws=500, tune=10, retry=False, **named)


class TestLogarithmic:
    def test_constants_are_those_of_a_line_in_log_x(self):
        law = bs.Logarithmic()
        found = law.constants({"level": 3.0, "slope": 0.2}, REFERENCES)
        at = law.curve({"x": X}, {"level": 3.0, "slope": 0.2}, REFERENCES)
        np.testing.assert_allclose(found["a"] + found["c"] * np.log(X), at, rtol=1e-12)

    def test_it_falls_by_the_slope_with_every_e_fold_and_becomes_negative(self):
        law = bs.Logarithmic(level=1.0, slope=0.25)
        y = law.evaluate(x=np.exp([0.0, 1.0, 8.0]))
        np.testing.assert_allclose(y, [1.0, 0.75, -1.0], atol=1e-12)
        assert law.default_likelihood is bs.Normal


class TestInverseLogarithm:
    def test_literature_with_origin_one(self):
        law = bs.InverseLogarithm(origin=1.0)
        parameters = {"irreducible": 0.1, "scale": 0.5, "origin": 1.0}
        found = law.constants(parameters, REFERENCES)
        y = law.curve({"x": X}, parameters, REFERENCES)
        np.testing.assert_allclose(found["c"] + found["a"] / np.log(X), y, rtol=1e-12)

    def test_at_the_origin_and_below_the_loss_exceeds_every_bound(self):
        y = bs.InverseLogarithm(irreducible=0.1, scale=0.5, origin=0.01).evaluate(
            x=[0.001, 0.01, 1]
        )
        assert (y[:2] > 1e150).all()
        assert y[2] == pytest.approx(0.6)

    @pytest.mark.parametrize("origin", [5.0, bs.Prior("Uniform", lower=0.0, upper=5.0)])
    def test_rows_at_or_below_the_origin_are_named(self, origin, no_sampling):
        runs = pd.DataFrame({"n": [2.0, 5.0, 10, 20, 40, 80], "loss": [6.0, 5, 4, 3, 2.5, 2.2]})
        with pytest.raises(bs.DataError, match=r"'n' above the origin.* 5; got 2, 5 in rows 0, 1"):
            fitted(bs.InverseLogarithm(origin=origin), runs, y="loss", x="n")

    def test_a_law_of_numbers_needs_its_origin_below_one(self):
        with pytest.raises(bs.LawError, match="origin= must be below 1; got 1"):
            bs.InverseLogarithm(irreducible=0.1, scale=0.5, origin=1.0).evaluate(x=10.0)

    def test_it_has_no_x0(self):
        """There is no power; a prior on it was taken, and failed where it was used."""
        with pytest.raises(bs.PriorError, match="may be on 'scale', 'level', 'relative_scale'"):
            bs.InverseLogarithm(scale=bs.Prior("LogNormal", mu=3, sigma=1, on="x0"))

    def test_depth_counts_spans_of_log_x(self):
        shape = bs.InverseLogarithm().shape({"origin_depth": 0.5}, REFERENCES)
        assert shape["origin"] == pytest.approx(10.0)


class TestCompositeCurve:
    def test_envelope_of_two_published_curves(self):
        """Translation models of 208 and 512 units (Hestness et al. 2017) at 2^20 word pieces."""
        law = bs.CompositeCurve(irreducible=(0.39, 0.32), scale=(41.2, 21.5), exponent=(0.36, 0.30))
        each = np.array([0.670208462561, 0.6559375])
        expected = np.sum(each**-20.0) ** (-1 / 20)
        assert law.evaluate(x=2.0**20) == pytest.approx(expected, rel=1e-10)

    def test_sharp_envelope_is_the_smallest_curve(self):
        floors, scales, exponents = (1.0, 0.3, 0.1), (0.2, 1.0, 2.0), (0.5, 0.4, 0.5)
        each = [e + s * X[:, None] ** -a for e, s, a in zip(floors, scales, exponents, strict=True)]
        law = bs.CompositeCurve(
            curves=3, irreducible=floors, scale=scales, exponent=exponents, sharpness=1e4
        )
        np.testing.assert_allclose(law.evaluate(x=X), np.min(each, axis=0)[:, 0], rtol=1e-3)

    @pytest.mark.parametrize("curves", [2, 3, 4])
    def test_by_default_each_size_takes_over_from_the_one_before(self, curves):
        law = bs.CompositeCurve(curves=curves)
        drawn = law.prior_draws(REFERENCES, draws=300, seed=3)
        assert all((np.diff(np.stack(drawn["irreducible"]), axis=0) < 0).ravel())
        x = np.geomspace(1e3, 1e7, 4001)[:, None] / REFERENCES["x_ref"]
        parts = zip(drawn["irreducible"], drawn["scale"], drawn["exponent"], strict=True)
        each = [floor + scale * x**-exponent for floor, scale, exponent in parts]
        for before, after in pairwise(each):
            lower = after < before
            last = len(x) - 1 - np.argmax(~lower[::-1], axis=0)
            inside = (last > 0) & (last < len(x) - 1)
            assert inside.mean() > 0.99, "it is lower from somewhere inside the data on"

    def test_floors_of_ones_own_are_put_in_order(self):
        law = bs.CompositeCurve(irreducible=bs.Prior("HalfNormal", sigma=0.5))
        drawn = law.prior_draws(REFERENCES, draws=200)
        assert (drawn["irreducible"][0] > drawn["irreducible"][1]).all()
        assert all((np.stack(drawn[name]) > 0).all() for name in ("scale", "exponent"))

    def test_literature_constants(self):
        law = bs.CompositeCurve()
        values = {"irreducible": (1.0, 0.3), "scale": (0.2, 1.0), "exponent": (0.5, 0.4)}
        found = law.constants({**values, "sharpness": 20.0}, REFERENCES)
        assert found["S"] == pytest.approx((0.2 * 1e5**0.5, 1e5**0.4))
        assert found["E"] == (1.0, 0.3)

    def test_options_are_checked(self):
        with pytest.raises(bs.LawError, match="curves=2, 3 or 4; got 1"):
            bs.CompositeCurve(curves=1)
        with pytest.raises(bs.LawError, match="needs irreducible= and exponent= too"):
            bs.CompositeCurve(scale=(1.0, 2.0))

    def test_sizes_are_the_dimension(self):
        runs = CompositeCurve().simulate(x=np.geomspace(0.01, 100, 20), y="loss")
        model = CompositeCurve(curves=3).model(runs, y="loss", x="x")
        assert list(model.coords["size"]) == [1, 2, 3]


class TestContext:
    """Loss by position, and the information in one segment about the next (appendix E)."""

    def test_constants_are_first_and_last_loss(self):
        law = bs.PositionLoss()
        references = {"position_ref": 16.0}
        found = law.constants({"irreducible": 3.0, "scale": 0.75, "exponent": 0.5}, references)
        assert found == pytest.approx({"L_N": 3.0, "L_U": 6.0, "p": 0.5})

    def test_exponent_lies_between_zero_and_one(self):
        with pytest.raises(bs.PriorError, match="must lie in \\(0, 1\\)"):
            bs.PositionLoss(exponent=1.2)

    def test_check_values(self):
        at = {"exponent": 0.5, "first": 6.0, "converged": 3.0}
        assert segment_information(128, **at) == pytest.approx(35.55471138904939, rel=1e-12)
        assert infogain(128, **at) == pytest.approx(0.08628130475094907, rel=1e-12)

    def test_information_is_a_difference_of_losses(self):
        length, p, first, last = 300, 0.37, 7.0, 2.5
        loss = last + (first - last) * np.arange(1, 2 * length + 1) ** -p
        alone, after = loss[:length].sum(), loss[length:].sum()
        assert segment_information(length, p, first, last) == pytest.approx(alone - after)
        assert infogain(length, p, first, last) == pytest.approx((alone - after) / after)

    def test_draws_of_any_shape(self):
        p = np.random.default_rng(0).uniform(0.1, 0.9, (4, 50))
        first = 6.0 + p
        found = infogain(1000, p, first, 3.0)
        assert found.shape == (4, 50)
        assert found[2, 7] == pytest.approx(infogain(1000, p[2, 7], first[2, 7], 3.0))

    @pytest.mark.parametrize("length", [0, 1.5, True])
    def test_length_is_a_whole_number(self, length):
        with pytest.raises(bs.BayescaleError, match="length= must be a whole number"):
            segment_information(length, 0.5, 6.0, 3.0)


class TestMutualInformation:
    def test_there_is_none_at_the_critical_size(self):
        law = bs.MutualInformation()
        parameters = {"information": 2.0, "slope": 0.3}
        references = {"params_ref": 1e8}
        found = law.constants(parameters, references)
        none = law.curve({"params": np.array([found["N_c"]])}, parameters, references)
        np.testing.assert_allclose(none, 0.0, atol=1e-12)
        assert found["lambda"] == 0.3

    def test_rising_runs_are_as_they_should_be(self, no_sampling):
        runs = pd.DataFrame({"n": X, "nats": 0.3 * np.log(X / 100)})
        fit = fitted(bs.MutualInformation(), runs, y="nats", params="n")
        target = float(fit.forecast(params=1e9, drift=0).curve.median())
        needed = fit.required(y=target, drift=0)
        assert (needed.never == 0).all()
        at = fit.law.curve({"params": needed.draws[..., 0]}, fit.parameters, fit.runs.references)
        np.testing.assert_allclose(at, target, rtol=1e-9)
        assert 0.3 < fit.probability(y=target, params=1e9, of="curve") < 0.7
        assert fit.probability(y=target, params=1e12, of="curve", drift=0) > 0.9


class TestSigmoidLink:
    def test_limits_and_middle(self):
        law = bs.SigmoidLink(chance=0.25, top=0.9, midpoint=2.5, steepness=3.0)
        y = law.evaluate(loss=[1e-3, 2.5, 3.0, 1e9])
        expected = 0.25 + 0.65 / (1 + np.exp(3 * (np.array([1e-3, 2.5, 3.0]) - 2.5)))
        np.testing.assert_allclose(y, [*expected, 0.25], rtol=1e-12)

    def test_steepness_is_per_unit_of_the_loss_whatever_the_reference(self):
        values = {"chance": 0.0, "top": 1.0, "midpoint": 2.0, "steepness": 5.0}
        loss = {"loss": np.array([1.5, 2.2])}
        law = bs.SigmoidLink()
        one, other = (law.curve(loss, values, {"loss_ref": ref}) for ref in (1.0, 3.7))
        np.testing.assert_allclose(one, other, rtol=1e-12)

    def test_default_priors_follow_the_data(self):
        loss = np.linspace(2.0, 4.0, 20)
        accuracy = bs.SigmoidLink(chance=25.0, top=90.0, midpoint=2.6, steepness=3.0)
        runs = pd.DataFrame({"loss": loss, "correct": accuracy.evaluate(loss=loss)})
        for factor in (1.0, 0.01):
            scaled = runs.assign(correct=factor * runs["correct"])
            model = bs.SigmoidLink().model(scaled, y="correct", loss="loss")
            drawn = bs.SigmoidLink().prior_draws(
                {n: float(v.eval()) for n, v in model.named_vars.items() if n[-4:] in _REFERENCES}
            )
            assert (drawn["chance"] <= scaled["correct"].min() + 1e-9).all()
            assert (drawn["top"] >= scaled["correct"].max() - 1e-9).all()

    def test_chance_above_every_run_is_an_error(self, no_sampling):
        runs = pd.DataFrame({"loss": np.linspace(2, 4, 8), "acc": np.linspace(0.8, 0.3, 8)})
        with pytest.raises(bs.DataError, match="'acc' above chance=25; the largest is 0.8"):
            fitted(bs.SigmoidLink(chance=25.0), runs, y="acc", loss="loss")


_REFERENCES = ("_ref", "tart", "_end", "drop", "_top")


class TestVaporPressure:
    def test_constants_are_those_of_the_exponential(self):
        law = bs.VaporPressure()
        parameters = {"scale": 1.2, "exponent": 0.3, "onset": 500.0}
        found = law.constants(parameters, REFERENCES)
        y = np.exp(found["a"] + found["b"] / X + found["c"] * np.log(X))
        np.testing.assert_allclose(law.curve({"x": X}, parameters, REFERENCES), y, rtol=1e-12)

    def test_a_negative_onset_peaks_where_the_docstring_says(self):
        x = np.geomspace(0.1, 1e3, 100_001)
        y = bs.VaporPressure(scale=1.0, exponent=0.5, onset=-4.0).evaluate(x=x)
        assert x[np.argmax(y)] == pytest.approx(8.0, rel=1e-3)


class TestGrowth:
    """A power law without a floor may rise: the best model's size, tokens from compute."""

    def test_published_model_size(self):
        """Word language models: 9.4e-4 m^0.68 at 768 million words (Hestness et al. 2019)."""
        law = bs.PowerLaw(irreducible=0.0, scale=9.4e-4, exponent=-0.68)
        assert law.evaluate(x=768e6) == pytest.approx(1035.5557470427216, rel=1e-12)

    def test_x0_round_trips(self):
        x0 = 9.4e-4 ** (-1 / 0.68)
        law = bs.PowerLaw(irreducible=0.0, x0=x0, exponent=-0.68)
        assert law.evaluate(x=768e6) == pytest.approx(1035.5557470427216, rel=1e-12)
        parameters = law.natural({"irreducible": 0.0, "x0": x0, "exponent": -0.68}, REFERENCES)
        assert law.constants(parameters, REFERENCES)["x0"] == pytest.approx(x0, rel=1e-12)

    def test_which_way_it_goes_follows_from_the_exponent(self):
        def prior(mu):
            return bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Normal", mu=mu, sigma=0.3))

        plain, growing = bs.PowerLaw(), bs.PowerLaw(irreducible=0.0, exponent=-0.5)
        assert [law.rises for law in (plain, growing, prior(-0.6), prior(0.6))] == [0, 1, 1, 0]
        assert [law.only_falls for law in (plain, growing, prior(0.6))] == [1, 0, 0]

    def test_with_a_floor_the_exponent_stays_positive(self):
        with pytest.raises(bs.PriorError, match="exponent=\\) must lie in \\(0, inf\\)"):
            bs.PowerLaw(exponent=-0.5)
        with pytest.raises(bs.PriorError, match="lies in \\(0, inf\\)"):
            bs.PowerLaw(irreducible=0.1, exponent=bs.Prior("Normal", mu=-0.5, sigma=0.1))

    @pytest.mark.parametrize("on", ["scale", pytest.param("x0", marks=pytest.mark.slow)])
    def test_a_growth_fit_end_to_end(self, on):
        truth = bs.PowerLaw(irreducible=0.0, scale=9.4e-4, exponent=-0.68)
        runs = truth.simulate(x=np.geomspace(1e6, 1e9, 20), noise=0.03, y="params")
        exponent = bs.Prior("Normal", mu=-0.7, sigma=0.2)
        constant = {} if on == "scale" else {"x0": bs.Prior("LogNormal", mu=10.0, sigma=3.0)}
        law = bs.PowerLaw(irreducible=0.0, exponent=exponent, **constant)
        fit = law.fit(runs, y="params", x="x", progress=False)
        assert fit.diagnostics.good, fit.diagnostics.line()
        low, high = np.quantile(fit.parameters["exponent"], [0.005, 0.995])
        assert low < -0.68 < high
        assert high - low < 0.06
        x0 = fit.constants(0.99).loc["x0"]
        assert x0["lower"] < 9.4e-4 ** (-1 / 0.68) < x0["upper"]
        needed = fit.required(y=1e4, drift=0).interval(0.99)
        assert needed["lower"][0] < (1e4 / 9.4e-4) ** (1 / 0.68) < needed["upper"][0]
        assert fit.probability(y=1e4, x=1e12, drift=0) > 0.99


class TestTwoStage:
    @pytest.fixture
    def stages(self, no_sampling):
        runs = pd.DataFrame({"flops": X, "nll": 1.5 + 30 * X**-0.3})
        link = bs.SigmoidLink(chance=0.25, top=1.0, midpoint=2.5, steepness=3.0)
        tasks = runs[:15].assign(acc=link.evaluate(loss=runs["nll"][:15]))
        loss = fitted(bs.PowerLaw(), runs, y="nll", x="flops", seed=4)
        known = bs.SigmoidLink(chance=0.25, top=1.0)
        accuracy = fitted(known, tasks, y="acc", loss="nll", seed=5)
        return loss, accuracy, two_stage(loss, accuracy, seed=1)

    def test_curve_is_one_curve_of_the_other_draw_by_draw(self, stages):
        loss, accuracy, both = stages
        made = both.forecast(flops=[1e6, 1e9])
        assert made.curve.shape == (4, 500, 2)
        inner = loss.forecast(x=[1e6, 1e9]).curve.to_numpy()
        used = both._pairs[1, 17]
        parameters = {n: np.ravel(v)[used] for n, v in accuracy.parameters.items()}
        expected = accuracy.law.curve({"loss": inner[1, 17]}, parameters, accuracy.runs.references)
        np.testing.assert_allclose(made.curve[1, 17], expected, rtol=1e-12)

    def test_every_draw_of_the_link_is_used_once(self, stages):
        pairs = stages[2]._pairs
        assert sorted(pairs.ravel()) == list(range(2000))
        assert (pairs.ravel() != np.arange(2000)).any()

    def test_table_has_the_inputs_of_one_and_the_outcome_of_the_other(self, stages):
        both = stages[2]
        table = both.forecast(x=[1e7, 1e9]).interval(0.9)
        assert list(table) == ["flops", "median", "lower", "upper", "extrapolation"]
        np.testing.assert_allclose(table["extrapolation"], [1.0, 100.0])
        assert table.attrs["outcome"] == "acc"

    def test_observation_has_the_noise_of_both(self, stages):
        """Of the link, and of the run's loss times the link's slope."""
        loss, accuracy, both = stages
        x = np.geomspace(1e6, 1e8, 50)
        made = both.forecast(x=x, drift=0)
        noise = (made.observation - made.curve).std(["chain", "draw"])
        of_link = accuracy.noise["sigma"].mean()
        assert float(noise.mean()) > of_link
        sd = loss.noise["sigma"][..., None] * loss.forecast(x=x, drift=0).draws("curve")
        up, down = (both._linked(loss.curve_draws({"x": x}) + s * sd) for s in (0.5, -0.5))
        total = np.sqrt(accuracy.noise["sigma"][..., None] ** 2 + (up - down) ** 2)
        rms = np.sqrt((total**2).mean(axis=(0, 1)))
        assert float(noise.mean()) == pytest.approx(rms.mean(), rel=0.2)

    def test_density_is_of_the_same_new_run(self, stages):
        both = stages[2]
        made = both.forecast(x=[1e7], drift=0).draws().ravel()
        edges = np.quantile(made, [0.3, 0.5, 0.7])
        dense = np.exp(both.log_density([edges[1]], x=[1e7], drift=0))[0]
        assert dense == pytest.approx(0.4 / (edges[2] - edges[0]), rel=0.25)

    def test_required_inputs_reach_the_target_and_targets_beyond_the_top_are_never(self, stages):
        both = stages[2]
        target = float(both.forecast(x=3e7).curve.median())
        needed = both.required(y=[target, 1.5], drift=0)
        reached = np.isfinite(needed.draws[..., 0])
        assert reached.mean() > 0.3
        at = both.values({"x": needed.draws[..., 0]})
        np.testing.assert_allclose(at[reached], target, rtol=1e-9)
        np.testing.assert_array_equal(needed.never[1], 1.0)
        assert next(iter(needed.interval())) == "acc"
        beyond = both.values({"x": 2 * needed.draws[..., 0]})[reached]
        assert (beyond >= target - 1e-12).all()

    def test_probability_is_of_more_accuracy(self, stages):
        both = stages[2]
        low, high = both.probability(y=0.3, x=1e7), both.probability(y=0.999, x=1e7, of="curve")
        assert low > high

    def test_runs_show_the_outcome_where_the_link_saw_the_same_loss(self, stages):
        _, accuracy, both = stages
        table = both.forecast(x=[1e9]).runs
        assert list(table) == ["flops", "acc"]
        np.testing.assert_array_equal(table["acc"][:15], accuracy.runs.outcome)
        assert table["acc"][15:].isna().all()

    def test_a_forecast_can_be_drawn(self, stages):
        ax = bs.plot_forecast(stages[2].forecast(x=np.geomspace(1e7, 1e9, 20)))
        assert ax.get_ylabel() == "acc"
        plt.close("all")

    def test_growth_then_fall_is_fall_and_a_third_stage_stands_on_two(self, no_sampling):
        compute = pd.DataFrame({"flops": X, "tokens": 3.0 * X**0.5})
        scores = pd.DataFrame({"tokens": compute["tokens"], "nll": compute["tokens"] ** -0.1})
        growth = bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Normal", mu=-0.5, sigma=0.1))
        tokens = fitted(growth, compute, y="tokens", x="flops")
        pure = bs.PowerLaw(irreducible=0.0)
        loss = fitted(pure, scores, y="nll", x="tokens")
        both = two_stage(tokens, loss)
        assert (tokens.rises, both.rises) == (True, False)
        slope = np.diff(np.log(both.forecast(x=[1e6, 1e7]).curve))[..., 0] / np.log(10)
        paired = np.ravel(loss.parameters["exponent"])[both._pairs]
        np.testing.assert_allclose(slope, tokens.parameters["exponent"] * paired, rtol=1e-9)
        link = bs.SigmoidLink(chance=0.0, top=1.0, midpoint=0.5, steepness=9.0)
        tasks = scores.assign(acc=link.evaluate(loss=scores["nll"]))
        accuracy = fitted(bs.SigmoidLink(chance=0.0, top=1.0), tasks, y="acc", loss="nll")
        three = two_stage(both, accuracy)
        assert three.rises
        assert three.forecast(x=[1e6, 1e9]).curve.shape == (4, 500, 2)
        assert isinstance(three.first, TwoStage)
        assert "acc from nll" in repr(three)

    def test_a_ceiling_counts_as_a_stage_that_rises(self, no_sampling):
        runs = pd.DataFrame({"flops": X, "score": 0.9 - X**-0.2})
        first = fitted(bs.PowerLaw(), runs, y="score", x="flops", ceiling=1.0)
        table = pd.DataFrame({"score": runs["score"], "loss": 1 / runs["score"]})
        link = fitted(bs.PowerLaw(irreducible=0.0), table, y="loss", x="score")
        both = two_stage(first, link)
        assert (first.rises, link.rises, both.rises) == (True, False, False)
        inner = first.forecast(x=[1e8]).curve.to_numpy()
        np.testing.assert_allclose(both.values({"x": np.array([1e8])}).shape, inner.shape)

    def test_what_cannot_be_staged(self, stages):
        loss, _, both = stages
        runs = bs.Chinchilla().simulate(**bs.Chinchilla.example_inputs(20), y="loss")
        chinchilla = fitted(bs.Chinchilla(), runs, y="loss", params="params", tokens="tokens")
        with pytest.raises(bs.LawError, match="must have one input.*params, tokens"):
            two_stage(loss, chinchilla)
        with pytest.raises(bs.LawError, match="takes two fits.*the second is TwoStage"):
            two_stage(loss, both)
        with pytest.raises(bs.LawError, match="takes two fits.*the first is PowerLaw"):
            two_stage(bs.PowerLaw(), loss)
        assert isinstance(loss, Fit)

    @pytest.mark.slow
    def test_accuracy_from_scale_with_real_draws(self):
        """The interval at a tenfold scale holds the truth, and the top stays out of reach."""
        rng = np.random.default_rng(2)
        truth = bs.PowerLaw(irreducible=1.5, scale=40.0, exponent=0.3)
        link = bs.SigmoidLink(chance=0.25, top=0.9, midpoint=2.5, steepness=3.0)
        loss = truth.evaluate(x=X)
        runs = pd.DataFrame({"x": X, "loss": loss * np.exp(0.005 * rng.standard_normal(24))})
        runs["accuracy"] = link.evaluate(loss=runs["loss"]) + 0.01 * rng.standard_normal(24)
        first = bs.PowerLaw().fit(runs, y="loss", x="x", progress=False)
        second = bs.SigmoidLink(chance=0.25).fit(runs, y="accuracy", loss="loss", progress=False)
        assert first.diagnostics.good
        assert second.diagnostics.good, second.diagnostics.line()
        both = two_stage(first, second)
        row = both.forecast(x=[1e8]).interval(0.99, of="curve").iloc[0]
        assert row["lower"] < link.evaluate(loss=truth.evaluate(x=1e8)) < row["upper"]
        assert row["upper"] - row["lower"] < 0.15
        assert both.required(y=0.95).never[0] > 0.5
