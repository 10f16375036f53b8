"""Laws of one input that saturate: their published numbers, special cases and limits."""

import warnings

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from pytensor.compile.mode import Mode

import bayescale as bs
from bayescale.data import Observations
from bayescale.implicit import saturating_logit, softplus

ALPHAS = (0.05, 0.3, 1.0, 2.0, 5.0)
H = np.linspace(-40, 40, 161)
REFERENCES = {"x_ref": 50.0, "x_start": 2.0, "x_end": 4e3, "y_ref": 3e-3, "y_drop": 0.6}
REFERENCES["y_top"] = 1.8


class TestSaturatingLogit:
    """The equation a softplus(z) - softplus(-z) = h."""

    @pytest.mark.parametrize("a", [0.01, *ALPHAS, 20.0])
    def test_it_solves_the_equation(self, a):
        z = saturating_logit(H, a)
        np.testing.assert_allclose(a * softplus(z) - softplus(-z), H, atol=1e-12)

    def test_it_stays_finite_far_out_and_keeps_labels(self):
        h = xr.DataArray([-1e5, -800.0, 800.0, 1e5], dims="run")
        a = xr.DataArray([0.01, 1.0, 20.0], dims="draw")
        with np.errstate(all="raise", under="ignore"):
            z = saturating_logit(h, a)
        assert set(z.dims) == {"run", "draw"}
        np.testing.assert_allclose(a * softplus(z) - softplus(-z) - h, 0, atol=1e-9)

    @pytest.mark.parametrize("mode", [Mode(linker="py", optimizer=None), None], ids=["py", "own"])
    def test_tensors_have_the_implicit_gradient_in_compiled_code(self, mode):
        h, a = pt.dvector("h"), pt.dscalar("a")
        z = saturating_logit(h, a)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numba warns when it falls back on Python
            gradients = [pt.grad(z.sum(), variable) for variable in (h, a)]
            compiled = pytensor.function([h, a], [z, *gradients], mode=mode)
        for value in ALPHAS:
            found, by_h, by_a = compiled(H, value)
            np.testing.assert_allclose(found, saturating_logit(H, value), rtol=1e-13, atol=1e-13)
            e = 1e-6 * (1 + abs(H))
            rise = saturating_logit(H + e, value) - saturating_logit(H - e, value)
            np.testing.assert_allclose(by_h, rise / (2 * e), rtol=1e-8)
            up, down = (saturating_logit(H, value * (1 + s)) for s in (1e-6, -1e-6))
            assert by_a == pytest.approx((up - down).sum() / (2e-6 * value), rel=1e-7)

    def test_the_gradient_survives_rewriting_first(self):
        """NUTS simplifies the density before it is differentiated."""
        from pytensor.graph import rewrite_graph

        h, a = pt.dscalar("h"), pt.dscalar("a")
        z = rewrite_graph(saturating_logit(h, a), include=["canonicalize", "stabilize"])
        slope = pt.grad(z, a).eval({h: 1.3, a: 0.4}, mode=Mode(linker="py", optimizer=None))
        up, down = saturating_logit(1.3, 0.400001), saturating_logit(1.3, 0.399999)
        assert slope == pytest.approx((up - down) / 2e-6, rel=1e-7)


class TestShiftedPowerLaw:
    def test_published_value_of_m3(self):
        beta, gamma, c = 2.0, 1e-4, 0.3
        law = bs.ShiftedPowerLaw(irreducible=beta * gamma**c, scale=beta, exponent=c)
        assert law.evaluate(x=1e3) == pytest.approx(0.2590882998835544, rel=1e-12)
        found = law.constants(law.numbers, {"x_ref": 1.0})
        assert found["beta"] == pytest.approx(beta)
        assert found["gamma"] == pytest.approx(gamma)

    def test_constants_are_in_the_users_units(self):
        parameters = {"irreducible": 0.2, "scale": 0.7, "exponent": 0.4}
        law = bs.ShiftedPowerLaw()
        x = np.geomspace(1.0, 1e5, 9)
        found = law.constants(parameters, REFERENCES)
        curve = found["beta"] * (1 / x + found["gamma"]) ** found["exponent"]
        np.testing.assert_allclose(law.curve({"x": x}, parameters, REFERENCES), curve)
        assert found["beta"] * found["gamma"] ** 0.4 == pytest.approx(found["irreducible"])

    def test_without_a_floor_it_is_the_power_law(self):
        x = np.geomspace(1e-3, 1e26, 9)
        for c in (0.02, 0.3, 4.0):
            y = bs.ShiftedPowerLaw.expr(x, 0.0, 0.8, c)
            np.testing.assert_allclose(y, 0.8 * x**-c, rtol=1e-12)

    def test_level_and_floor_share_are_those_of_the_curve(self):
        exponent = np.array([0.1, 0.3, 1.5])
        values = {"level": 1.2, "floor_share": np.array([0.1, 0.5, 0.9]), "exponent": exponent}
        law = bs.ShiftedPowerLaw()
        natural = law.natural(values, REFERENCES)
        level = law.curve({"x": REFERENCES["x_ref"]}, natural, REFERENCES)
        end = law.curve({"x": REFERENCES["x_end"]}, natural, REFERENCES)
        np.testing.assert_allclose(level, 1.2 * REFERENCES["y_ref"])
        np.testing.assert_allclose(natural["irreducible"] / end, values["floor_share"])


def m4(x, alpha):
    """M4 with beta=2, c=-.3, floor .1, plateau 1: the scale is what the equation gives at 1."""
    # At x = 1 the equation r = 2 (w - r)^a with w = 0.9, by bisection.
    low, high = 0.0, 0.9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < 2 * (0.9 - middle) ** alpha else (low, middle)
    law = bs.SaturatingPowerLaw(
        irreducible=0.1, plateau=1.0, scale=low, exponent=0.3, saturation=alpha
    )
    constants = law.constants(law.numbers, {"x_ref": 1.0})
    assert constants["beta"] == pytest.approx(2.0)
    assert constants["c"] == -0.3
    return law.evaluate(x=x)


class TestSaturatingPowerLaw:
    @pytest.mark.parametrize(
        ("alpha", "x", "expected"),
        [
            (0.5, 1e3, 0.3092604510129213),
            (1.0, 1e3, 0.28102674118462745),
            (2.0, 1e3, 0.2439306438588583),
            (0.5, 1e6, 0.1295730528566111),
        ],
    )
    def test_published_values_of_m4(self, alpha, x, expected):
        assert m4(x, alpha) == pytest.approx(expected, rel=1e-10)

    def test_saturation_zero_is_the_power_law(self):
        power = bs.PowerLaw(irreducible=0.1, scale=2.0, exponent=0.3).evaluate(x=1e3)
        assert power == pytest.approx(0.35178508235883355, rel=1e-12)
        x = np.geomspace(1.0, 1e6, 7)
        near = bs.SaturatingPowerLaw.expr(x, 0.1, 9.0, 2.0, 0.3, 1e-7)
        np.testing.assert_allclose(near, 0.1 + 2 * x**-0.3, rtol=1e-6)

    def test_saturation_one_is_the_hill_curve(self):
        x = np.geomspace(1e-6, 1e6, 13)
        hill = 0.1 + 0.8 / (1 + (x / 3.0) ** 0.7)
        at_one = 0.8 / (1 + (1 / 3.0) ** 0.7)
        y = bs.SaturatingPowerLaw.expr(x, 0.1, 0.9, at_one, 0.7, 1.0)
        np.testing.assert_allclose(y, hill, rtol=1e-11)

    @pytest.mark.parametrize("saturation", ALPHAS)
    def test_it_solves_its_equation_and_goes_from_plateau_to_floor(self, saturation):
        x = np.geomspace(0.3, 1e3, 30)
        floor, plateau, c = 0.1, 0.9, 0.6
        y = bs.SaturatingPowerLaw.expr(x, floor, plateau, 0.4, c, saturation)
        left = np.log(y - floor) - saturation * np.log(plateau - y)
        np.testing.assert_allclose(left - left[0], -c * np.log(x / x[0]), atol=1e-7)
        assert (np.diff(y) < 0).all()
        ends = bs.SaturatingPowerLaw.expr(
            np.array([1e-200, 1e200]), floor, plateau, 0.4, c, saturation
        )
        np.testing.assert_allclose(ends, [plateau, floor], rtol=1e-6)

    def test_a_level_above_the_plateau_stays_finite(self):
        x = np.geomspace(1e-2, 1e26, 20)
        y = bs.SaturatingPowerLaw.expr(x, 0.1, 0.9, 1.4, 0.5, 0.7)
        assert np.isfinite(y).all()
        assert (y <= 0.9 * (1 + 1e-9)).all()

    def test_level_is_the_curve_at_the_reference_and_the_share_about_that_at_the_end(self):
        law = bs.SaturatingPowerLaw()
        share = np.array([0.01, 0.3, 0.7, 0.99])
        values = {
            "level": 0.9,
            "floor_share": share,
            "relative_plateau": 1.2,
            "exponent": 0.4,
            "saturation": 0.7,
        }
        natural = law.natural(values, REFERENCES)
        top = REFERENCES["y_ref"] * REFERENCES["y_top"]
        assert natural["plateau"] == pytest.approx(1.2 * top)
        level = law.curve({"x": REFERENCES["x_ref"]}, natural, REFERENCES)
        end = law.curve({"x": REFERENCES["x_end"]}, natural, REFERENCES)
        np.testing.assert_allclose(level, 0.9 * REFERENCES["y_ref"])
        np.testing.assert_allclose(natural["irreducible"] / end, share, rtol=0.05)

    def test_a_plateau_below_the_runs_is_an_error(self):
        x = np.geomspace(1, 100, 8)
        runs = Observations({"x": x}, 40 * x**-0.1, {"x": "n"}, "percent")
        with pytest.raises(bs.DataError, match="plateau=1, .*units of 'percent'"):
            bs.SaturatingPowerLaw(plateau=1.0).check(runs)
        with pytest.raises(bs.DataError, match="ThreeRegionCurve has plateau=1"):
            bs.ThreeRegionCurve(plateau=1.0).check(runs)
        bs.SaturatingPowerLaw(plateau=90.0).check(runs)


class TestOffsetPowerLaw:
    def test_pow4_in_the_users_units(self):
        parameters = {"irreducible": 0.2, "scale": 0.7, "exponent": 0.4, "offset": 6.0}
        law = bs.OffsetPowerLaw()
        found = law.constants(parameters, REFERENCES)
        x = np.geomspace(1.0, 1e5, 9)
        np.testing.assert_allclose(
            law.curve({"x": x}, parameters, REFERENCES), 0.2 + found["A"] * (x + 6.0) ** -0.4
        )

    def test_a_small_offset_is_the_power_law(self):
        x = np.geomspace(1.0, 1e26, 9)
        y = bs.OffsetPowerLaw.expr(x, 0.1, 0.7, 0.4, 1e-14)
        np.testing.assert_allclose(y, bs.PowerLaw.expr(x, 0.1, 0.7, 0.4), rtol=1e-12)

    def test_the_offset_is_relative_to_the_smallest_input(self):
        values = {"relative_offset": 1.5, "exponent": 0.3}
        shape = bs.OffsetPowerLaw().shape(values, REFERENCES)
        assert shape == {"exponent": 0.3, "offset": 3.0}
        with pytest.raises(bs.PriorError, match="must lie in"):
            bs.OffsetPowerLaw(offset=-1.0)


class TestStretchedExponential:
    def test_weibull_in_the_users_units(self):
        parameters = {"irreducible": 0.2, "scale": 0.7, "rate": 0.9, "stretch": 0.5}
        law = bs.StretchedExponential()
        found = law.constants(parameters, REFERENCES)
        x = np.geomspace(1.0, 1e5, 9)
        weibull = found["E"] + found["b"] * np.exp(-found["a"] * x ** found["d"])
        np.testing.assert_allclose(law.curve({"x": x}, parameters, REFERENCES), weibull)
        local = law.natural(
            {"irreducible": 0.2, "scale": 0.7, "local_exponent": 0.45, "stretch": 0.5}, REFERENCES
        )
        assert local == parameters

    def test_downstream_error_as_a_function_of_the_loss(self):
        """Err = eps - k exp(-gamma L): one minus it is the law."""
        eps, k, gamma = 0.85, 2.1, 0.7
        loss = np.linspace(2, 5, 7)
        law = bs.StretchedExponential(
            irreducible=1 - eps, scale=k * np.exp(-gamma), rate=gamma, stretch=1.0
        )
        np.testing.assert_allclose(1 - law.evaluate(x=loss), eps - k * np.exp(-gamma * loss))

    def test_a_small_stretch_is_the_power_law(self):
        x = np.geomspace(1e-3, 1e6, 9)
        y = bs.StretchedExponential.expr(x, 0.1, 0.7, 0.4 / 1e-9, 1e-9)
        np.testing.assert_allclose(y, bs.PowerLaw.expr(x, 0.1, 0.7, 0.4), rtol=1e-6)

    def test_a_fall_beyond_the_smallest_number_leaves_floor_and_scale(self):
        values = {"level": 1.0, "floor_share": 0.4, "local_exponent": 2.0, "stretch": 3.0}
        natural = bs.StretchedExponential().natural(values, REFERENCES)
        y_ref = REFERENCES["y_ref"]
        assert natural["scale"] == pytest.approx(0.6 * y_ref)
        assert natural["irreducible"] == pytest.approx(0.4 * y_ref)
        assert bs.StretchedExponential.expr(1e26, 0.4, 0.6, 2 / 3, 3.0) == 0.4


class TestThreeRegionCurve:
    def test_limits(self):
        x = np.array([1e-12, 1.0, 1e3, 1e26])
        y = bs.ThreeRegionCurve.expr(x, 0.01, 1.0, 0.1, 0.5, 6.0)
        power = bs.PowerLaw.expr(x, 0.01, 0.1, 0.5)
        assert y[0] == pytest.approx(1.0)
        np.testing.assert_allclose(y[1:], power[1:], rtol=1e-6)
        np.testing.assert_allclose(y, (1 + power**-6.0) ** (-1 / 6), rtol=1e-12)

    def test_hestness_machine_translation_below_its_plateau(self):
        """The published fit 41.2 m^-0.36 + 0.39 at m = 2^20."""
        law = bs.ThreeRegionCurve(
            irreducible=0.39, plateau=1e3, scale=41.2, exponent=0.36, sharpness=4.0
        )
        assert law.evaluate(x=2.0**20) == pytest.approx(0.6702084625609401, rel=1e-9)

    def test_floor_and_scale_have_a_power_laws_priors(self):
        fixed = bs.ThreeRegionCurve(irreducible=0.0)
        assert fixed.scale == bs.PowerLaw(irreducible=0.0).scale
        with pytest.raises(bs.LawError, match="needs the floor's prior"):
            bs.ThreeRegionCurve(
                irreducible=0.0, scale=bs.Prior("LogNormal", mu=0, sigma=1, on="level")
            )
        values = {
            "level": 1.1,
            "floor_share": 0.3,
            "exponent": 0.4,
            "relative_plateau": 1.3,
            "sharpness": 4.0,
        }
        law = bs.ThreeRegionCurve()
        natural = law.natural(values, REFERENCES)
        assert natural["plateau"] == pytest.approx(1.3 * 1.8 * 3e-3)
        inner = bs.PowerLaw().curve(
            {"x": REFERENCES["x_end"]},
            {name: natural[name] for name in ("irreducible", "scale", "exponent")},
            REFERENCES,
        )
        assert natural["irreducible"] == pytest.approx(0.3 * inner)
        level = law.curve({"x": REFERENCES["x_ref"]}, natural, REFERENCES)
        assert level == pytest.approx(1.1 * 3e-3, rel=1e-3)
