"""Forms: documentation, published numbers, priors, errors; test_checking.py holds to the rest."""

import inspect
from typing import Any

import numpy as np
import pytest
from conftest import reference_grid
from scipy.optimize import least_squares

import bayescale as bs
from bayescale.laws import Law
from bayescale.parameters import parameter_names
from bayescale.prior import Prior
from bayescale.registry import LAWS, find_law, law


def test_the_registry_holds_the_forms():
    assert {"PowerLaw", "BrokenPowerLaw"} <= set(LAWS)
    assert bs.PowerLaw is LAWS["PowerLaw"]


def test_docstring_has_formula_every_parameter_reference_and_example(form):
    doc = inspect.getdoc(form)
    assert ".. math::" in doc
    assert "arXiv:" in doc
    assert ">>>" in doc
    assert form.formula
    for name in parameter_names(form):
        assert f"\n{name}\n" in doc, f"{form.__name__} does not document {name}"


def test_least_squares_on_noise_free_data_returns_the_example(form):
    grid = reference_grid(form, points=60)
    truth = np.log(form.expr(**grid, **form.example))
    start = np.log(np.concatenate([np.ravel(v) for v in form.example.values()]))

    def curve(vector):
        values, at = {}, 0
        for name, value in form.example.items():
            size = np.size(value)
            part = np.exp(vector[at : at + size])
            values[name] = tuple(part) if isinstance(value, tuple) else part[0]
            at += size
        return np.log(form.expr(**grid, **values)) - truth

    found = least_squares(curve, start + 0.1, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    np.testing.assert_allclose(found.x, start, atol=1e-5)


def test_fit_and_forecast_without_sampling(form, no_sampling):
    grid = {role: 1e6 * x for role, x in reference_grid(form).items()}
    runs = form().simulate(noise=0.01, y="y", **{k: v / 1e6 for k, v in grid.items()})
    runs = runs.assign(**grid)
    fit = form().fit(runs, y="y", draws=500, tune=10, retry=False, **{k: k for k in form.inputs})
    table = fit.forecast(**{role: [1e9, 1e10] for role in form.inputs}).interval(0.9)
    assert list(table) == [*form.inputs, "median", "lower", "upper", "extrapolation"]
    assert (table["lower"] < table["median"]).all()
    assert (table["median"] < table["upper"]).all()


class TestPublishedNumbers:
    """CHECK values of the literature's own curves (Caballero et al. 2023; Kaplan et al. 2020)."""

    def test_figure_one_of_the_broken_law(self):
        constants = {
            "break_location": (3e6, 1e14, 2e20),
            "exponent_change": (0.49, -0.811, 2.1),
            "break_sharpness": (1 / 1.1, 1 / 1.425, 1 / 0.05),
        }
        # b is the reducible loss of the first segment at x = 1; scale that of the whole curve.
        widths = zip(*constants.values(), strict=True)
        bend = sum(-c / k * np.log1p((1 / d) ** k) for d, c, k in widths)
        scale = 4660 * np.exp(bend)
        x = np.array([1.0, 1e6, 1e14, 1e17, 2e20, 1e24])
        y = bs.BrokenPowerLaw.expr(x, 1e-3, scale, 0.05, **constants)
        expected = [4659.99775231, 1972.32338199, 0.427646451454, 1.25731542774, 9.08266158279]
        np.testing.assert_allclose(y, [*expected, 0.00100167624838], rtol=1e-9)

    def test_four_digit_addition(self):
        y = bs.BrokenPowerLaw.expr(
            np.array([100, 405, 612.5836172918001, 1000, 4096]),
            0.41388453071629455,
            2.2772722897737556,
            0.055077348404973955,
            (612.5836172918001,),
            (5.662903816010331,),
            (1 / 0.059193036393742314,),
        )
        expected = [2.180981023, 2.04945522099, 1.68153255058, 0.510909606026, 0.41391511218]
        np.testing.assert_allclose(y, expected, rtol=1e-9)

    def test_double_descent_toy_is_not_monotone(self):
        y = bs.BrokenPowerLaw.expr(
            np.array([10, 1e3, 1e4, 1e5, 1e7]), 0, 2, 0.4, (1e3, 1e5), (-0.9, 0.7), (5.0, 5.0)
        )
        expected = [0.796214341121, 0.142960281572, 0.399052622614, 1.14521175263, 0.502377286295]
        np.testing.assert_allclose(y, expected, rtol=1e-9)

    def test_kaplan_model_size(self):
        references = {"x_ref": 1e8, "x_start": 1e6, "x_end": 1e10, "y_ref": 3.0}
        fixed = bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076)
        values = {"irreducible": 0.0, "x0": 8.8e13, "exponent": 0.076}
        natural = fixed.natural(values, references)
        y = fixed.curve({"x": np.array([1e9, 1.75e11])}, natural, references)
        np.testing.assert_allclose(y, [2.37564029513, 1.60438942731], rtol=1e-9)
        back = fixed.constants(natural, references)
        assert back["x0"] == pytest.approx(8.8e13, rel=1e-9)


class TestBrokenPowerLaw:
    def test_constants_return_to_the_literature(self):
        law_ = bs.BrokenPowerLaw(breaks=1)
        references = {"x_ref": 500.0, "x_start": 100.0, "x_end": 4096.0, "y_ref": 1.0}
        shape = {
            "exponent": 0.055,
            "break_location": (612.0,),
            "exponent_change": (5.66,),
            "break_sharpness": (1 / 0.059,),
        }
        scale = float(
            np.exp(np.log(2.277) - 0.055 * np.log(500.0) + law_.log_bend(shape, references))
        )
        found = law_.constants({"irreducible": 0.41, "scale": scale, **shape}, references)
        assert found["b"] == pytest.approx(2.277)
        assert found["f"] == pytest.approx((0.059,))
        assert found["segment_exponent"] == pytest.approx((0.055, 5.715))

    def test_breaks_of_one_prior_are_ordered(self):
        prior = bs.Prior("LogNormal", mu=5.0, sigma=2.0)
        law_ = bs.BrokenPowerLaw(breaks=3, break_location=prior)
        rng = np.random.default_rng(0)
        drawn = tuple(np.exp(5 + 2 * rng.standard_normal((4, 50))) for _ in range(3))
        values = {
            "last_exponent": 0.3,
            "exponent_walk": (0.0, 0.0, 0.0),
            "break_location": drawn,
            "relative_width": (0.35,) * 3,
        }
        references = {"x_ref": 100.0, "x_start": 1.0, "x_end": 1e4, "y_ref": 1.0}
        placed = law_.shape(values, references)["break_location"]
        np.testing.assert_allclose(np.stack(placed), np.sort(np.stack(drawn), axis=0))

    @pytest.mark.parametrize("placement", ["cells", "free", "fixed"])
    def test_breaks_rise_wherever_they_are_placed(self, placement):
        law_ = bs.BrokenPowerLaw(breaks=3, placement=placement)
        wild = 4 * np.random.default_rng(1).standard_normal((3, 200))
        values = {
            "last_exponent": 0.3,
            "exponent_walk": (0.0,) * 3,
            "cell_position" if placement != "free" else "break_gap": tuple(wild),
            "relative_width": (0.35,) * 3,
        }
        references = {"x_ref": 100.0, "x_start": 1.0, "x_end": 1e4, "y_ref": 1.0}
        placed = np.stack(law_.shape(values, references)["break_location"])
        assert (np.diff(placed, axis=0) > 0).all()

    @pytest.mark.parametrize("carrier", ["last_exponent", "exponent"])
    def test_exponents_walk_in_either_direction(self, carrier):
        on = None if carrier == "exponent" else carrier
        prior = bs.Prior("LogNormal", mu=-1.0, sigma=0.5, on=on)
        law_ = bs.BrokenPowerLaw(breaks=2, exponent=prior)
        values = {
            carrier: 0.4,
            "exponent_walk": (0.5, -0.2),
            "cell_position": (0.0, 0.0),
            "relative_width": (0.35, 0.35),
        }
        references = {"x_ref": 100.0, "x_start": 1.0, "x_end": 1e4, "y_ref": 1.0}
        shape = law_.shape(values, references)
        exponents = np.cumsum([shape["exponent"], *shape["exponent_change"]])
        step = np.sqrt(np.log(1e4) / 3)
        assert exponents[-1 if carrier == "last_exponent" else 0] == pytest.approx(0.4)
        np.testing.assert_allclose(np.diff(np.log(exponents)), [-0.5 * step, 0.2 * step])

    def test_breaks_at_nodes_of_the_data_have_no_place_without_them(self):
        held = {"irreducible": 0.1, "scale": 1.0, "exponent": 0.2, "exponent_change": 0.3}
        law_ = bs.BrokenPowerLaw(breaks=1, placement="fixed", **held)
        with pytest.raises(bs.LawError, match="break_location is fixed through 'cell_position'"):
            law_.evaluate(x=1.0)

    def test_options_are_checked(self):
        with pytest.raises(bs.LawError, match="breaks= from 1 to 8; got 9"):
            bs.BrokenPowerLaw(breaks=9)
        with pytest.raises(bs.LawError, match="'cells', 'fixed', 'free'; got 'anywhere'"):
            bs.BrokenPowerLaw(placement="anywhere")


class TestPriorsOfALaw:
    def test_printing_a_law_shows_every_prior_with_units(self, form):
        text = str(form())
        for name in parameter_names(form):
            assert name in text
        assert "~" in text
        assert "[" in text
        for name in parameter_names(form):
            assert name in form()._repr_html_()

    def test_scale_and_x0_together_are_an_error(self):
        with pytest.raises(bs.LawError, match="both scale= and x0="):
            bs.PowerLaw(scale=1.0, x0=3.0)

    def test_unknown_parameter_gets_the_nearest(self):
        with pytest.raises(bs.LawError, match="no parameter 'exponnt'.*Did you mean 'exponent'"):
            bs.PowerLaw(exponnt=1)

    def test_prior_outside_the_bounds(self):
        with pytest.raises(bs.PriorError, match="lies in \\(0, inf\\).*LogNormal"):
            bs.PowerLaw(exponent=bs.Prior("Normal", mu=0, sigma=1))

    def test_prior_on_a_foreign_quantity(self):
        with pytest.raises(bs.PriorError, match="may be on 'scale'.*Did you mean 'x0'"):
            bs.PowerLaw(scale=bs.Prior("HalfNormal", sigma=1, on="x_0"))

    def test_not_a_prior(self):
        with pytest.raises(bs.PriorError, match="a bs.Prior or a number; got 'big'"):
            bs.PowerLaw(exponent="big")
        with pytest.raises(bs.PriorError, match="must lie in"):
            bs.PowerLaw(exponent=-0.3)
        with pytest.raises(bs.PriorError, match="2 numbers, one for each break"):
            bs.BrokenPowerLaw(breaks=2, break_location=(1.0, 2.0, 3.0))

    def test_a_floor_of_ones_own_gives_the_scale_a_prior_of_its_own(self):
        law_ = bs.PowerLaw(irreducible=bs.Prior("HalfNormal", sigma=2))
        assert law_.scale.on == "relative_scale"
        with pytest.raises(bs.LawError, match="needs the floor's prior on 'floor_share'"):
            bs.PowerLaw(irreducible=0.0, scale=bs.Prior("LogNormal", mu=0, sigma=1, on="level"))


class TestDecorator:
    def test_expression_and_fields_must_agree(self):
        with pytest.raises(bs.LawError, match="lacks \\['exponent'\\]"):

            @law
            class Wrong(Law):
                irreducible: bs.Prior | float = 0.0
                exponent: bs.Prior | float = 1.0
                example = {"irreducible": 0.0, "exponent": 1.0}

                @staticmethod
                def expr(x, irreducible):
                    return irreducible + x

        assert "Wrong" not in LAWS

    def test_names_of_laws_are_found_loosely(self):
        assert find_law("broken") is bs.BrokenPowerLaw
        assert find_law("power_law") is bs.PowerLaw
        with pytest.raises(bs.UnknownNameError, match="no law 'powr'.*Did you mean 'PowerLaw'"):
            find_law("powr")


def test_a_law_without_a_floor_has_no_terms_and_one_with_a_floor_says_them():
    class NoFloor(Law):
        """A power law with a scale and no floor."""

        scale: Any = Prior("LogNormal", mu=0.0, sigma=1.0)
        exponent: Any = Prior("LogNormal", mu=-1.0, sigma=1.0)
        example = {"scale": 1.0, "exponent": 0.5}

        @staticmethod
        def expr(x, scale, exponent):
            return scale * x**-exponent

    class Floor(Law):
        """A power law whose reducible loss has a name of its own."""

        irreducible: Any = Prior("HalfNormal", sigma=1.0)
        amplitude: Any = Prior("LogNormal", mu=0.0, sigma=1.0)
        example = {"irreducible": 1.0, "amplitude": 1.0}

        @staticmethod
        def expr(x, irreducible, amplitude):
            return irreducible + amplitude * x**-0.5

    assert law(NoFloor).terms == ()
    del LAWS["NoFloor"]
    with pytest.raises(bs.LawError, match=r"terms \['scale'\] are no fields"):
        law(Floor)
