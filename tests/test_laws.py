"""Every form of the registry: one expression for three worlds, limits, documentation, errors."""

import inspect

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from conftest import reference_grid
from scipy.optimize import least_squares

import bayescale as bs
from bayescale import posterior
from bayescale.data import Observations
from bayescale.laws import Law
from bayescale.parameters import parameter_names, slots
from bayescale.registry import LAWS, find_law, law

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)


def test_the_registry_holds_the_forms():
    assert {"PowerLaw", "BrokenPowerLaw"} <= set(LAWS)
    assert bs.PowerLaw is LAWS["PowerLaw"]


def test_one_expression_serves_numpy_xarray_and_pytensor(form):
    grid = reference_grid(form)
    expected = form.expr(**grid, **form.example)
    labelled = {role: xr.DataArray(x, dims="run") for role, x in grid.items()}
    np.testing.assert_allclose(form.expr(**labelled, **form.example), expected, rtol=1e-13)
    symbols = {
        name: tuple(pt.constant(v, dtype="float64") for v in value)
        if isinstance(value, tuple)
        else pt.constant(value, dtype="float64")
        for name, value in form.example.items()
    }
    tensors = {role: pt.constant(x) for role, x in grid.items()}
    symbolic = pytensor.function([], form.expr(**tensors, **symbols), mode=PLAIN)()
    np.testing.assert_allclose(symbolic, expected, rtol=1e-13)


def test_floor_and_reference_point_of_an_additive_floor(form):
    if "irreducible" not in form.example or not form.terms:
        return
    at_reference = form.expr(**dict.fromkeys(form.inputs, 1.0), **form.example)
    join = form().join({n: v for n, v in form.example.items() if n not in form.terms})
    whole = sum(form.example[term] ** (1 / join) for term in form.terms)
    floor = form.example["irreducible"]
    if form.floor_joins:
        assert at_reference == pytest.approx((floor ** (1 / join) + whole) ** join)
    else:
        assert at_reference == pytest.approx(floor + whole**join)
    far = form.expr(**dict.fromkeys(form.inputs, 1e60), **form.example)
    # A law in log x comes near its floor more slowly than any power does.
    near = 0.2 if form is bs.InverseLogarithm else 1e-6
    assert far == pytest.approx(form.example["irreducible"], rel=near)


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


def test_extreme_but_legal_inputs_stay_finite(form):
    wide = dict.fromkeys(form.inputs, np.geomspace(1.0, 1e26, 60))
    assert np.isfinite(form.expr(**wide, **form.example)).all()


@pytest.mark.parametrize("outcome", [1e-3, 1.0, 1e3])
def test_prior_predictive_is_sane_over_nine_decades_and_any_size_of_outcome(form, outcome):
    """What the default priors say before data: finite everywhere, of the outcome's size."""
    law_ = form()
    inputs = {
        role: x if role in form.example_range else 1e6 * x**2.25
        for role, x in form.example_inputs(40).items()
    }
    y = outcome * np.geomspace(2, 0.5, 40)
    runs = Observations(inputs, y, {role: role for role in inputs}, "loss")
    drawn = law_.prior_draws(runs.references, draws=400, seed=1)
    curve = posterior.evaluate(law_, drawn, inputs, runs.references) / outcome
    assert curve.shape == (400, 40)
    # Exponents in the prior's tail overflow over nine decades: that is what they say.
    usable = np.isfinite(curve).all(axis=1)
    assert usable.mean() > 0.98
    curve = curve[usable]
    low, middle, high = np.quantile(curve, [0.025, 0.5, 0.975], axis=0)
    if form.default_likelihood.positive:
        assert (curve > 0).all()
        assert middle.min() > 1e-3
    assert np.abs(middle).max() < 1e3
    centre = np.argmin(sum(np.abs(np.log(x / np.exp(np.log(x).mean()))) for x in inputs.values()))
    assert high[centre] - low[centre] > 0.02, "the prior is a point"
    assert np.abs([low[centre], high[centre]]).max() < 50


@pytest.mark.slow
def test_nuts_recovers_the_example(form):
    """Every input is seen twice, with opposite residuals, so the estimate itself has no noise.

    The inputs' geometric mean is 1, so that the fit's parameters are in the example's units.
    """
    fixed = {s.field: s.value for s in slots(form()) if s.prior is None and s.field == s.quantity}
    truth = {**form.example, **fixed}
    inputs = {r: x / np.exp(np.log(x).mean()) for r, x in form.example_inputs(100).items()}
    exact = form.expr(**inputs, **truth)
    size = 0.003 * (np.abs(exact) if form.default_likelihood.positive else np.abs(exact).mean())
    residual = size * np.random.default_rng(5).standard_normal(100)
    twice = {role: np.tile(x, 2) for role, x in inputs.items()}
    runs = pd.DataFrame({**twice, "y": np.concatenate([exact + residual, exact - residual])})
    fit = form().fit(runs, y="y", retry=False, progress=False, **{r: r for r in inputs})
    found = fit.diagnostics
    assert found.rhat < 1.01, found.line()
    assert found.divergences == 0, found.line()
    assert found.ess_bulk > 400, found.line()
    for name, value in truth.items():
        drawn = fit.parameters[name]
        parts = zip(drawn, value, strict=True) if isinstance(value, tuple) else [(drawn, value)]
        for draws, true in parts:
            low, high = np.quantile(draws, [0.025, 0.975])
            assert low <= true <= high, f"{name}: {true} is outside ({low:.4g}, {high:.4g})"


def test_simulate_uses_the_formula(form):
    grid = reference_grid(form)
    table = form().simulate(noise=0.0, y="loss", **grid)
    np.testing.assert_allclose(table["loss"], form.expr(**grid, **form.example))


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
