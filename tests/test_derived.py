"""Derived quantities against closed forms and published numbers, and their posteriors."""

import numpy as np
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale import curve_sources, curves, evaluating
from bayescale.breaks import break_detectability, break_table
from bayescale.crossings import crossing, projection, speedup, tokens_needed
from bayescale.derived import (
    doubling_gain,
    elasticity,
    entropy_split,
    floor_share,
    limit,
    overfitting,
    reducible_loss,
)

POWER = bs.PowerLaw(irreducible=1.7, x0=40.0, exponent=0.3)
PURE = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
HOFFMANN = bs.Chinchilla(
    irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
)
KAPLAN = bs.KaplanModelData(N_c=6.4e13, params_exponent=0.076, D_c=1.8e13, tokens_exponent=0.103)
A, B, C0, C1, D1, F1 = (
    0.41388453071629455,
    2.2772722897737556,
    0.055077348404973955,
    5.662903816010331,
    612.5836172918001,
    0.059193036393742314,
)
ADDITION = bs.BrokenPowerLaw(
    irreducible=A, scale=B, exponent=C0,
    break_location=D1, exponent_change=C1, break_sharpness=1 / F1,
)  # fmt: skip


@pytest.fixture(scope="module")
def fit():
    return invented_fit(bs.PowerLaw())


@pytest.fixture(scope="module")
def other():
    return invented_fit(bs.PowerLaw(irreducible=0.0))


@pytest.fixture(scope="module")
def both(fit, other):
    return bs.ensemble({"floor": fit, "none": other}, weights=[0.25, 0.75])


@pytest.fixture(scope="module")
def plane():
    return invented_fit(bs.Chinchilla())


def value(derived):
    """The numbers of a law without uncertainty: all three columns are the same."""
    table = derived.interval(0.9)
    assert (table["lower"] == table["median"]).all()
    assert (table["upper"] == table["median"]).all()
    return table["median"].to_numpy()


def example_curve(form):
    """The example of a form, in reference units, as a curve of one draw."""
    parameters = {
        name: tuple(np.full((1, 1), part) for part in value)
        if isinstance(value, tuple)
        else np.full((1, 1), value)
        for name, value in form.example.items()
    }
    part = curves.Part(form(), parameters, evaluating.UNIT_REFERENCES, np.arange(1))
    return curves.Curves(form.__name__, {role: role for role in form.inputs}, "y", (part,))


class TestElasticity:
    def test_power_law_with_a_floor(self):
        x = np.geomspace(1e-3, 1e26, 30)
        reducible = (40.0 / x) ** 0.3
        exact = 0.3 * reducible / (1.7 + reducible)
        np.testing.assert_allclose(value(elasticity(POWER, x=x)), exact, atol=1e-9)

    def test_reducible_has_no_cancellation_far_out(self):
        found = value(elasticity(POWER, reducible=True, x=np.geomspace(1e-3, 1e100, 30)))
        np.testing.assert_allclose(found, 0.3, atol=1e-9)

    def test_a_sharp_break(self):
        x = np.geomspace(300, 1200, 40)
        exact = C0 + C1 / (1 + (D1 / x) ** (1 / F1))
        np.testing.assert_allclose(
            value(elasticity(ADDITION, reducible=True, x=x)), exact, atol=1e-6
        )

    @pytest.mark.parametrize(("of", "exponent"), [("params", 0.34), ("tokens", 0.28)])
    def test_one_of_two_inputs(self, of, exponent):
        at = {"params": 7e10, "tokens": 1.4e12}
        term = {"params": 406.4, "tokens": 410.7}[of] * at[of] ** -exponent
        (found,) = value(elasticity(HOFFMANN, of, **at))
        assert found == pytest.approx(exponent * term / HOFFMANN.evaluate(**at), abs=1e-9)

    def test_draws_of_a_fit(self, power_fit):
        found = elasticity(power_fit, reducible=True, examples=[200.0, 1e6])
        assert found.draws.shape == (*power_fit.parameters["exponent"].shape, 2)
        for i in range(2):
            np.testing.assert_allclose(
                found.draws[..., i], power_fit.parameters["exponent"], atol=1e-8
            )
        table = found.interval(0.8)
        assert table.columns.tolist() == ["examples", "median", "lower", "upper", "extrapolation"]
        np.testing.assert_allclose(table["extrapolation"], np.array([200.0, 1e6]) / 1347)
        low, high = np.quantile(power_fit.parameters["exponent"], [0.1, 0.9])
        assert table["lower"][1] == pytest.approx(low, abs=1e-8)
        assert table["upper"][1] == pytest.approx(high, abs=1e-8)
        assert table.attrs["probability"] == 0.8

    def test_which_input_must_be_said(self):
        with pytest.raises(bs.LawError, match="inputs params, tokens: say which.*of='params'"):
            elasticity(HOFFMANN, params=1e9, tokens=1e9)

    def test_no_logarithm(self):
        rises = invented_fit(bs.PowerLaw(), bs.Normal())
        below = {**rises.parameters, "irreducible": rises.parameters["irreducible"] - 100}
        rises.__dict__["parameters"] = below
        with pytest.raises(bs.LawError, match="not a positive finite number in 100 %"):
            elasticity(rises, x=100.0)


class TestAtInputs:
    def test_reducible_and_share(self):
        x = np.array([1.0, 1e5])
        reducible = (40.0 / x) ** 0.3
        np.testing.assert_allclose(value(reducible_loss(POWER, x=x)), reducible)
        np.testing.assert_allclose(value(floor_share(POWER, x=x)), 1.7 / (1.7 + reducible))

    def test_without_a_floor(self):
        assert value(floor_share(PURE, x=1e9)) == 0.0
        assert value(reducible_loss(PURE, x=1e9)) == pytest.approx(2.37564029513)

    def test_doubling_gain(self):
        assert value(doubling_gain(PURE, x=[1e6, 1e9])) == pytest.approx(1 - 0.948684, abs=1e-6)
        tenfold = value(doubling_gain(POWER, factor=10, x=3.0))
        assert tenfold == pytest.approx(1 - POWER.evaluate(x=30.0) / POWER.evaluate(x=3.0))

    def test_the_loss_is_what_is_missing_to_the_ceiling(self):
        fit = invented_fit(bs.PowerLaw(), ceiling=100.0)
        missing = 100.0 - fit.forecast(x=50.0).curve.to_numpy()
        floor = fit.parameters["irreducible"][..., None]
        np.testing.assert_allclose(reducible_loss(fit, x=50.0).draws, missing - floor)
        np.testing.assert_allclose(floor_share(fit, x=50.0).draws, floor / missing)
        assert (doubling_gain(fit, x=50.0).draws > 0).all()

    def test_reducible_of_every_form_is_loss_minus_floor(self, form):
        if isinstance(form.example.get("irreducible", ()), tuple):
            pytest.skip("no floor, or several")
        curve = example_curve(form)
        at = form.example_inputs(9)
        difference = curve.loss(at) - form.example["irreducible"]
        np.testing.assert_allclose(curve.reducible(at), difference, rtol=1e-7, atol=1e-9)

    def test_one_table(self, fit):
        made = reducible_loss(fit, n_x=[10.0, 1e3])
        assert "reducible loss [units of loss]" in repr(made)
        assert "<table" in made._repr_html_()
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            made.interval(90)

    @pytest.mark.parametrize("ask", [reducible_loss, floor_share, doubling_gain, elasticity])
    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"x": [1.0, np.inf]}, bs.DataError, "positive finite numbers.*got inf"),
            ({"x": 0.0}, bs.DataError, "got 0"),
            ({"params": 1e3}, bs.LawError, "needs x=; got params="),
            ({}, bs.LawError, "got none"),
        ],
    )
    def test_bad_inputs(self, ask, given, error, message):
        with pytest.raises(error, match=message):
            ask(POWER, **given)

    @pytest.mark.parametrize("factor", [0, -2, np.inf, np.nan])
    def test_bad_factor(self, factor):
        with pytest.raises(bs.LawError, match="factor="):
            doubling_gain(POWER, factor=factor, x=1.0)

    def test_what_has_no_curve(self):
        with pytest.raises(bs.LawError, match="irreducible, scale, exponent have priors"):
            reducible_loss(bs.PowerLaw(), x=1.0)
        with pytest.raises(bs.LawError, match="got PowerLaw"):
            reducible_loss(bs.PowerLaw, x=1.0)
        with pytest.raises(bs.LawError, match="got int"):
            reducible_loss(3, x=1.0)

    def test_what_has_no_floor(self):
        fit = invented_fit(bs.PowerLaw())
        fit.__dict__["parameters"] = {"scale": fit.parameters["scale"]}
        for ask in (reducible_loss, floor_share, entropy_split):
            with pytest.raises(bs.LawError, match="PowerLaw has no irreducible loss of its own"):
                ask(fit, x=10.0)
        several = invented_fit(bs.CompositeCurve())
        with pytest.raises(bs.LawError, match="CompositeCurve has no irreducible loss of its own"):
            floor_share(several, **dict.fromkeys(several.law.inputs, 10.0))


class TestEnsemble:
    def test_same_draws_as_its_forecasts(self, both):
        x = [20.0, 3e4]
        forecast = both.forecast(x=x, drift=0).curve.to_numpy()
        np.testing.assert_allclose(curve_sources.curves_of(both).loss({"x": np.array(x)}), forecast)
        gain = doubling_gain(both, x=x).draws
        twice = both.forecast(x=[40.0, 6e4], drift=0).curve.to_numpy()
        np.testing.assert_allclose(gain, 1 - twice / forecast)

    def test_members_keep_their_share_and_their_floor(self, both):
        share = floor_share(both, x=100.0).draws
        assert share.shape == (1, 1000, 1)
        assert (share == 0).mean() == 0.75
        np.testing.assert_allclose(
            reducible_loss(both, x=100.0).draws + curve_sources.curves_of(both).floor(),
            both.forecast(x=100.0).curve.to_numpy(),
        )

    def test_inputs_of_each_draw_after_a_shuffle(self, both):
        whole = curve_sources.curves_of(both)
        index = np.random.default_rng(0).permutation(1000)[:300]
        some = whole.taken(index)
        x = np.linspace(10, 1e4, 300).reshape(1, 300, 1)
        wide = np.ones((1, 1000, 1))
        wide[:, index] = x
        np.testing.assert_allclose(some.loss({"x": x}), whole.loss({"x": wide})[:, index])

    def test_speedup_over_itself(self, both):
        made = speedup(both, both, at=[50.0, 500.0])
        reached = np.isfinite(made.draws)
        np.testing.assert_allclose(made.draws[reached], 1.0, rtol=1e-6)


class TestOverfitting:
    def test_kaplan(self):
        found = value(overfitting(KAPLAN, params=1e9, tokens=1e10))
        assert found == pytest.approx(0.04347776363585765, rel=1e-12)
        needed = value(tokens_needed(KAPLAN, 0.02, params=[1e9, 8e9]))
        assert needed[0] == pytest.approx(24135832758.278255, rel=1e-9)
        assert needed[1] / needed[0] == pytest.approx(8 ** (0.076 / 0.103), rel=1e-9)

    def test_chinchilla(self):
        rest = 1.69 + 406.4 * 1e9**-0.34
        found = value(overfitting(HOFFMANN, params=1e9, tokens=2e10))
        assert found == pytest.approx(410.7 * 2e10**-0.28 / rest)
        needed = value(tokens_needed(HOFFMANN, 0.05, params=1e9))
        assert needed == pytest.approx((410.7 / (0.05 * rest)) ** (1 / 0.28), rel=1e-9)

    def test_the_other_input(self):
        rest = 1.69 + 410.7 * 1e10**-0.28
        needed = value(tokens_needed(HOFFMANN, 0.05, of="params", tokens=1e10))
        assert needed == pytest.approx((406.4 / (0.05 * rest)) ** (1 / 0.34), rel=1e-9)

    def test_the_only_input(self):
        (needed,) = value(tokens_needed(POWER, 0.01, of="x"))
        assert needed == pytest.approx(40.0 * (1 / 0.017) ** (1 / 0.3), rel=1e-9)

    def test_draws_of_a_fit(self, plane):
        needed = tokens_needed(plane, 0.02, n_params=[30.0, 300.0])
        assert needed.draws.shape == (4, 250, 2)
        assert (needed.draws[..., 1] > needed.draws[..., 0]).all()
        p, ref = plane.parameters, plane.runs.references
        rest = (
            p["irreducible"] + p["params_scale"] * (30 / ref["params_ref"]) ** -p["params_exponent"]
        )
        exact = (p["tokens_scale"] / (0.02 * rest)) ** (1 / p["tokens_exponent"])
        np.testing.assert_allclose(needed.draws[..., 0], exact * ref["tokens_ref"], rtol=1e-7)
        table = needed.interval()
        assert table.columns.tolist()[0] == "n_params"
        assert (table["p_never"] == 0).all()
        assert (table["lower"] < table["median"]).all()

    def test_never_without_a_limit(self):
        with pytest.raises(bs.LawError, match="with unlimited x there is nothing to compare"):
            overfitting(PURE, of="x", x=1e9)

    def test_formulas_without_a_value_at_infinity(self):
        curve, at = example_curve(bs.ShiftedPowerLaw), {"x": np.array([3.0])}
        assert np.isnan(curve.loss({"x": np.array([np.inf])})).all()
        floor = bs.ShiftedPowerLaw.expr(1e200, **bs.ShiftedPowerLaw.example)
        np.testing.assert_allclose(limit(curve, "x", at), floor)
        for form, role in ((bs.Logarithmic, "x"), (bs.MutualInformation, "params")):
            with pytest.raises(bs.LawError, match="nothing to compare"):
                limit(example_curve(form), role, at)

    @pytest.mark.parametrize("share", [0.0, -0.02, np.inf])
    def test_bad_share(self, share):
        with pytest.raises(bs.LawError, match="overfitting="):
            tokens_needed(HOFFMANN, share, params=1e9)

    def test_wrong_roles(self):
        with pytest.raises(bs.LawError, match="got of='tokens'"):
            overfitting(POWER, x=1.0)
        with pytest.raises(bs.LawError, match="needs params=; got params=, tokens="):
            tokens_needed(HOFFMANN, params=1e9, tokens=1e9)


#: Henighan et al., L(C): tokens in an image, floor, C_0, exponent; then check values.
IMAGES = {
    "8x8": (192, 3.13, 1.8e-8, 0.19, 600.96, 18734.72803632813),
    "16x16": (768, 2.64, 1.6e-8, 0.16, 2027.52, 17283337386.49123),
    "32x32": (3072, 2.21, 3.6e-9, 0.10, 6789.12, 2.6947260105435618e26),
    "VQ 16x16": (256, 4.09, 6.1e-7, 0.11, 1047.04, 4768924300916427.0),
    "VQ 32x32": (1024, 3.17, 2.6e-6, 0.12, 3246.08, 3.168154262819291e19),
}


class TestEntropy:
    @pytest.mark.parametrize(
        ("tokens", "floor", "start", "exponent", "nats", "compute"), IMAGES.values(), ids=IMAGES
    )
    def test_images(self, tokens, floor, start, exponent, nats, compute):
        law = bs.PowerLaw(irreducible=floor, x0=start, exponent=exponent)
        made = entropy_split(law, items=tokens, x=compute)
        assert made.unit == "nats per item"
        table = made.interval().set_index("part")["median"]
        assert table["entropy"] == pytest.approx(nats, rel=1e-12)
        assert table["divergence"] == pytest.approx(1.0, rel=1e-9)
        goal = floor + 1 / tokens
        (solved,) = value(crossing(law, lambda log_x: goal, 1.0, 1e40))
        assert solved == pytest.approx(compute, rel=1e-7)  # the floor cancels in the loss

    def test_bits_and_draws(self, fit):
        nats = entropy_split(fit, x=[10.0, 100.0])
        bits = entropy_split(fit, "bits", x=[10.0, 100.0])
        assert bits.unit == "bits per token"
        np.testing.assert_allclose(bits.draws * np.log(2), nats.draws)
        assert nats.inputs["part"].tolist() == ["entropy"] * 2 + ["divergence"] * 2
        assert nats.inputs["n_x"].tolist() == [10.0, 100.0] * 2
        whole = nats.draws[..., :2] + nats.draws[..., 2:]
        np.testing.assert_allclose(whole, fit.curve_draws({"x": np.array([10.0, 100.0])}))
        assert len(nats.interval()["extrapolation"]) == 4

    @pytest.mark.parametrize("wrong", [{"unit": "bans"}, {"items": 0}, {"items": np.inf}])
    def test_wrong_words(self, wrong):
        with pytest.raises(bs.LawError, match=f"{next(iter(wrong))}="):
            entropy_split(POWER, x=1.0, **wrong)


BY_COMPUTE = bs.PowerLaw(irreducible=0.0, x0=3.1e8, exponent=0.050)
BY_DATA = bs.PowerLaw(irreducible=0.0, x0=5.4e13, exponent=0.095)


class TestCrossing:
    @pytest.mark.parametrize(
        ("data", "power", "compute", "params", "tokens", "loss"),
        [
            (2e10, 0.27, 11189.486269514986, 1.1737477158689775e12, 2.4786130705439005e11,
             1.6677370510410325),
            (4e10, 0.26, 106446.04092022302, 6.0778208822762e12, 8.111733326292389e11,
             1.4900869424410657),
            (2 * 8.64e19 / (6 * 1.3e9), 0.27, 16676.64330172024, 1.5706617199804067e12,
             3.057866127249439e11, 1.6347925605756242),
        ],
    )  # fmt: skip
    def test_kaplan_contradiction_point(self, data, power, compute, params, tokens, loss):
        def along(log_c):
            return BY_DATA.evaluate(x=data * np.exp(power * log_c))

        made = crossing(BY_COMPUTE, along, 1.0, 1e12)
        (found,) = value(made)
        assert found == pytest.approx(compute, rel=1e-9)
        assert made.interval()["p_never"][0] == 0
        assert 1.3e9 * found**0.73 == pytest.approx(params, rel=1e-9)
        assert data * found**power == pytest.approx(tokens, rel=1e-9)
        assert BY_COMPUTE.evaluate(x=found) == pytest.approx(loss, rel=1e-9)

    def test_its_honest_width(self):
        """Errors of 2 % in exponents that differ by a fortieth leave decades of compute open."""
        rng = np.random.default_rng(0)
        shape = (4, 500)
        alpha_c = 0.050 * (1 + 0.02 * rng.standard_normal(shape))
        alpha_d = 0.095 * (1 + 0.02 * rng.standard_normal(shape))
        power = 0.27 * (1 + 0.02 * rng.standard_normal(shape))
        # Each line is pinned where its data were: 1 PF-day, 1e10 tokens.
        at_one, at_data = 3.1e8**0.050, (5.4e13 / 1e10) ** 0.095

        def compute(log_c):
            return at_one * np.exp(-alpha_c * log_c)

        def data(log_c):
            return at_data * np.exp(-alpha_d * (np.log(2.0) + power * log_c))

        made = crossing(compute, data, 1e-3, 1e30)
        gap = np.log(at_one / at_data) + alpha_d * np.log(2.0)
        exact = gap / (alpha_c - alpha_d * power)
        inside = (exact > np.log(1e-3)) & (exact < np.log(1e30))
        np.testing.assert_allclose(np.log(made.draws[..., 0][inside]), exact[inside], rtol=1e-9)
        assert np.isinf(made.draws[..., 0][~inside]).all()
        table = made.interval(0.9)
        decades = np.log10(table["upper"][0] / table["lower"][0])
        assert 0.5 < decades < 2.5
        assert 1e3 < table["median"][0] < 1e5

    def test_never(self):
        shape = (1, 100)
        exponents = np.linspace(0.1, 0.3, 100).reshape(shape)

        def curve(log_x):
            return 2 * np.exp(-exponents * log_x)

        made = crossing(curve, lambda log_x: 1.0, 1.0, np.exp(np.log(2) / 0.2))
        assert made.interval()["p_never"][0] == pytest.approx(0.5)
        assert np.isinf(made.quantile(0.9)[0])
        assert np.isfinite(made.quantile(0.2)[0])
        np.testing.assert_allclose(made.draws[0, -1], 2 ** (1 / 0.3))

    def test_the_first_of_two(self):
        made = crossing(lambda u: (u - 1.0) * (u - 3.0), lambda u: 0.0, 1.0, np.exp(5.0))
        assert np.log(value(made)) == pytest.approx(1.0)

    def test_two_fits_are_paired_at_random(self, fit, other):
        goal = float(np.median(fit.parameters["irreducible"])) * 1.5
        alone = crossing(other, lambda u: goal, 1e-10, 1e30)
        assert alone.draws.shape == (4, 250, 1)
        pair = crossing(fit, other, 1e-10, 1e30, seed=1)
        assert pair.draws.shape == (1, 1000, 1)
        assert not np.array_equal(pair.draws, crossing(fit, other, 1e-10, 1e30, seed=2).draws)
        assert np.array_equal(pair.draws, crossing(fit, other, 1e-10, 1e30, seed=1).draws)

    @pytest.mark.parametrize(("start", "end"), [(0, 1), (2, 1), (1, np.inf), (-1, 1)])
    def test_bad_range(self, start, end):
        with pytest.raises(bs.DataError, match="start= and end="):
            crossing(POWER, PURE, start, end)

    def test_bad_sources(self, fit):
        with pytest.raises(
            bs.LawError, match="one input; Chinchilla has the inputs params, tokens"
        ):
            crossing(HOFFMANN, POWER, 1, 10)
        with pytest.raises(bs.LawError, match="different numbers of draws"):
            crossing(fit, lambda u: np.ones((4, 3)), 1, 10)
        with pytest.raises(bs.LawError, match="got PowerLaw"):
            crossing(bs.PowerLaw, lambda u: 1.0, 1, 10)


class TestSpeedup:
    def test_a_shifted_curve(self):
        better = bs.PowerLaw(irreducible=1.7, x0=10.0, exponent=0.3)
        np.testing.assert_allclose(value(speedup(better, POWER, at=[10.0, 1e5])), 4.0)
        np.testing.assert_allclose(value(speedup(POWER, better, at=[10.0, 1e5])), 0.25)

    def test_laws_of_something_that_grows(self):
        large, small = (
            bs.PowerLaw(irreducible=0.0, scale=scale, exponent=-0.5) for scale in (2.0, 1.0)
        )
        np.testing.assert_allclose(value(speedup(large, small, at=[1.0, 1e9])), 4.0)
        np.testing.assert_allclose(value(projection(large, target=6.0, current=2.0)), 9.0)

    def test_out_of_reach_is_zero_and_below_everywhere_is_infinite(self):
        lower = bs.PowerLaw(irreducible=0.5, x0=40.0, exponent=0.3)
        made = speedup(POWER, lower, at=1e10)
        assert value(made) == 0.0
        assert made.interval()["p_never"][0] == 1.0
        flat = bs.PowerLaw(irreducible=1e-3, x0=1e-300, exponent=1e-3)
        assert np.isinf(value(speedup(flat, POWER, at=1.0)))

    def test_one_input_of_two(self):
        wasteful = bs.Chinchilla(
            irreducible=1.69, A=406.4, params_exponent=0.34,
            B=410.7 * 3**0.28, tokens_exponent=0.28,
        )  # fmt: skip
        made = speedup(HOFFMANN, wasteful, at=[1e10, 1e12], of="tokens", params=7e9)
        np.testing.assert_allclose(value(made), 3.0)
        assert made.inputs["params"].tolist() == [7e9, 7e9]

    def test_fits_are_paired_at_random(self, fit):
        shifted = invented_fit(bs.PowerLaw())
        fewer = {**shifted.parameters, "scale": shifted.parameters["scale"] / 2}
        shifted.__dict__["parameters"] = fewer
        made = speedup(shifted, fit, at=[30.0, 100.0], seed=3)
        assert made.draws.shape == (1, 1000, 2)
        table = made.interval(0.9)
        assert (table["median"] > 1).all()
        assert (table["upper"] > table["lower"]).all()
        exact = 2 ** (1 / fit.parameters["exponent"])  # were they paired draw with draw
        assert not np.allclose(np.sort(made.draws[0, :, 0]), np.sort(exact.ravel()), rtol=0.05)

    def test_the_same_fit_keeps_its_draws(self, fit):
        np.testing.assert_allclose(speedup(fit, fit, at=30.0).draws, 1.0, rtol=1e-9)

    def test_metrics_with_a_ceiling(self):
        fit = invented_fit(bs.PowerLaw(), ceiling=100.0)
        np.testing.assert_allclose(speedup(fit, fit, at=30.0).draws, 1.0, rtol=1e-9)

    def test_other_inputs(self):
        with pytest.raises(bs.LawError, match="Chinchilla has the inputs.*got of='x'"):
            speedup(POWER, HOFFMANN, at=1e9, of="x", params=1e9)
        steps = invented_fit(bs.KaplanModelSteps())
        with pytest.raises(bs.LawError, match="same inputs; KaplanModelSteps takes params, steps"):
            speedup(steps, HOFFMANN, at=1e9, of="params", tokens=1e9)
        with pytest.raises(bs.DataError, match="positive finite"):
            speedup(POWER, POWER, at=np.inf)


#: Hestness et al. 2019, table 1: now, target, alpha, beta_g, beta_p; check values; published.
DOMAINS = {
    "word": (3.37, 2.48, 13.0, 0.066, 0.68, 104.1961851693863, 23.558044446850207, 100, 23),
    "char": (1.30, 0.70, 9.39, 0.092, 0.89, 836.0488529276927, 398.8284891111918, None, None),
    "nmt": (0.28, 0.12, 3.06, 0.128, 0.68, 749.5811128297203, 90.1315151646147, 750, 90),
    "speech": (0.095, 0.04, 30.5, 0.291, 0.54, 19.54070616027487, 4.978605760144412, None, None),
    "image": (0.194, 0.05, 15.0, 0.309, 0.57, 80.46449499611236, 12.195354954125298, 81, 12),
}


class TestProjection:
    @pytest.mark.parametrize("domain", DOMAINS)
    def test_published(self, domain):
        now, goal, alpha, slope, power, data, model, far, large = DOMAINS[domain]
        law = bs.PowerLaw(irreducible=0.0, x0=alpha ** (1 / slope), exponent=slope)
        made = projection(law, target=goal, current=now, growth=power)
        assert made.inputs["factor"].tolist() == ["data", "model"]
        np.testing.assert_allclose(value(made), [data, model], rtol=1e-9)
        if far is not None:  # char and speech do not follow from the rounded table
            np.testing.assert_allclose(value(made), [far, large], rtol=0.05)

    def test_floor_and_growth_law(self):
        growth = bs.PowerLaw(irreducible=0.0, scale=9.4e-4, exponent=-0.68)
        made = projection(POWER, target=[2.0, 1.8], current=2.5, growth=growth)
        data = (0.8 / np.array([0.3, 0.1])) ** (1 / 0.3)
        np.testing.assert_allclose(value(made), [*data, *data**0.68], rtol=1e-9)
        only = projection(POWER, target=[2.0, 1.8], current=2.5)
        np.testing.assert_allclose(value(only), data, rtol=1e-9)

    def test_draws_and_never(self, fit):
        floor, alpha = fit.parameters["irreducible"], fit.parameters["exponent"]
        goal, now = float(np.quantile(floor, 0.7)), float(floor.max() * 1.2)
        made = projection(fit, target=goal, current=now, growth=0.5)
        out = floor >= goal
        with np.errstate(invalid="ignore"):
            exact = ((now - floor) / (goal - floor)) ** (1 / alpha)
        np.testing.assert_allclose(made.draws[..., 0][~out], exact[~out], rtol=1e-6)
        np.testing.assert_allclose(made.draws[..., 1], made.draws[..., 0] ** 0.5)
        assert np.isinf(made.draws[out]).all()
        table = made.interval(0.9)
        assert table["p_never"].tolist() == pytest.approx([out.mean()] * 2)
        assert np.isinf(table["upper"]).all()
        assert np.isfinite(table["lower"]).all()

    def test_a_metric_with_a_ceiling(self):
        fit = invented_fit(bs.PowerLaw(irreducible=0.0), ceiling=100.0)
        made = projection(fit, target=99.0, current=98.0)
        np.testing.assert_allclose(made.draws[..., 0], 2 ** (1 / fit.parameters["exponent"]))

    def test_errors(self, fit, both):
        with pytest.raises(bs.DataError, match="target= must be better than current="):
            projection(POWER, target=3.0, current=2.0)
        with pytest.raises(bs.DataError, match="one number"):
            projection(POWER, target=2.0, current=[3.0, 4.0])
        with pytest.raises(bs.LawError, match="projection\\(\\) takes a curve of one input"):
            projection(HOFFMANN, target=2.0, current=3.0)
        for growth in (both, POWER, ADDITION, HOFFMANN):
            with pytest.raises(bs.LawError, match="growth= must be a number or a power law"):
                projection(POWER, target=2.0, current=3.0, growth=growth)
        with pytest.raises(bs.LawError, match="got str"):
            projection(POWER, target=2.0, current=3.0, growth="0.7")


class TestBreaks:
    def test_table_of_a_law(self):
        law = bs.BrokenPowerLaw(
            breaks=2, monotone=False, irreducible=0.0, scale=2.0, exponent=0.4,
            break_location=(1e3, 1e5), exponent_change=(-0.9, 0.7), break_sharpness=(5.0, 2.0),
        )  # fmt: skip
        table = break_table(law)
        assert table.loc[1, "median"].tolist() == pytest.approx(
            [1e3, 0.4, -0.5, 0.381697], rel=1e-6
        )
        assert table.loc[2, "median"].tolist() == pytest.approx(
            [1e5, -0.5, 0.2, 0.954243], rel=1e-6
        )

    def test_width_is_from_10_to_90_percent(self):
        (width,) = break_table(ADDITION).loc[[(1, "width")], "median"]
        x = D1 * 10 ** (np.array([-0.5, 0.5]) * width)
        done = (value(elasticity(ADDITION, reducible=True, x=x)) - C0) / C1
        np.testing.assert_allclose(done, [0.1, 0.9], atol=1e-6)

    def test_table_agrees_with_the_constants(self):
        fit = invented_fit(bs.BrokenPowerLaw(breaks=2))
        table, constants = break_table(fit, 0.8), fit.constants(0.8)
        for i in (1, 2):
            pairs = {
                "location": f"break_location[{i}]",
                "exponent_before": f"segment_exponent[{i - 1}]",
                "exponent_after": f"segment_exponent[{i}]",
            }
            for mine, theirs in pairs.items():
                for column in ("median", "lower", "upper"):
                    found, known = table.loc[(i, mine), column], constants.loc[theirs, column]
                    assert found == pytest.approx(known, rel=0.02)  # other kinds of quantile
        assert table.loc[(1, "location"), "unit"] == "units of n_x"
        assert table.attrs["probability"] == 0.8

    def test_no_breaks(self, fit, both):
        for source in (fit, both, POWER):
            with pytest.raises(bs.LawError, match="no breaks"):
                break_table(source)
            with pytest.raises(bs.LawError, match="no breaks"):
                break_detectability(source, 10.0, 0.1)

    def test_limit_of_predictability(self):
        made = break_detectability(ADDITION, x_max=[405, 390], sigma=1.0)
        found = value(made)
        assert found == pytest.approx([3.1e-4, 1.6e-4], rel=0.02)
        for x, bend in zip((405, 390), found, strict=True):
            straight = np.log(B) - C0 * np.log(x)
            assert straight - np.log(ADDITION.evaluate(x=x) - A) == pytest.approx(bend, rel=1e-6)
        np.testing.assert_allclose(value(break_detectability(ADDITION, 405, 1e-3)), 1e3 * found[0])

    def test_every_break_of_a_fit(self):
        fit = invented_fit(bs.BrokenPowerLaw(breaks=2))
        made = break_detectability(fit, 1e4, 0.01)
        assert made.inputs["break"].tolist() == [1, 2]
        assert made.draws.shape == (4, 250, 2)
        assert (made.draws >= 0).all()

    @pytest.mark.parametrize("sigma", [0, -1, np.inf, "small"])
    def test_bad_sigma(self, sigma):
        with pytest.raises(bs.DataError, match="sigma="):
            break_detectability(ADDITION, 405, sigma)
