"""Laws of several inputs: terms and priors, roles, bad tables, the input that is solved for."""

import numpy as np
import pandas as pd
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale.parameters import slots

P = bs.Prior
EXACT = bs.Chinchilla(
    irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
)


def on(law):
    return {slot.field: slot.quantity for slot in slots(law)}


@pytest.fixture
def runs():
    sizes, data = np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6))
    table = pd.DataFrame({"n": sizes.ravel(), "d": data.ravel()})
    return table.assign(loss=EXACT.evaluate(params=table["n"], tokens=table["d"]))


class TestPriorsOfTerms:
    def test_terms_share_the_level_by_default(self):
        carried = on(bs.Chinchilla())
        assert carried["params_scale"] == "level"
        assert carried["tokens_scale"] == "tokens_share"

    def test_without_a_floor_the_reducible_loss_has_a_prior_of_its_own(self):
        carried = on(bs.Chinchilla(irreducible=0.0))
        assert carried["params_scale"] == "relative_scale"
        assert carried["tokens_scale"] == "tokens_share"

    def test_a_term_of_its_own_frees_the_other(self):
        carried = on(bs.Chinchilla(tokens_scale=P("HalfNormal", sigma=1)))
        assert carried["params_scale"] == "relative_params_scale"
        assert on(bs.Chinchilla(B=410.7))["tokens_scale"] == "B"

    def test_half_and_half_is_an_error(self):
        share = P("Beta", alpha=2, beta=2, on="tokens_share")
        with pytest.raises(bs.LawError, match="about all terms together"):
            bs.Chinchilla(A=406.4, tokens_scale=share)

    def test_a_constant_and_its_parameter_are_an_error(self):
        with pytest.raises(bs.LawError, match="both params_scale= and A="):
            bs.Chinchilla(params_scale=1.0, A=406.4)
        with pytest.raises(bs.LawError, match="both tokens_exponent= and exponent_ratio="):
            bs.Chinchilla(tokens_exponent=0.3, exponent_ratio=1.0)

    def test_a_constant_outside_its_bounds_is_named_as_it_was_given(self):
        with pytest.raises(bs.PriorError, match=r"Chinchilla\(A=\) must lie in"):
            bs.Chinchilla(A=-1.0)
        with pytest.raises(bs.PriorError, match="A lies in"):
            bs.Chinchilla(A=P("Normal", mu=0, sigma=1))

    def test_one_ratio_ties_the_exponents(self):
        tied = bs.Chinchilla(
            irreducible=1.8, A=500.0, B=1500.0, params_exponent=0.35, exponent_ratio=1.0
        )
        assert tied.numbers["tokens_exponent"] == 0.35

    def test_every_way_of_fixing_a_law_is_the_same_law(self):
        scales = bs.Chinchilla(
            irreducible=1.69,
            params_scale=406.4,
            params_exponent=0.34,
            tokens_scale=410.7,
            tokens_exponent=0.28,
        )
        at = {"params": [1e9, 70e9], "tokens": [20e9, 1.4e12]}
        np.testing.assert_allclose(scales.evaluate(**at), EXACT.evaluate(**at), rtol=1e-12)

    def test_a_law_with_priors_cannot_be_evaluated(self):
        with pytest.raises(bs.LawError, match="params_exponent has a prior.*ask the fit"):
            bs.Chinchilla(irreducible=1.69, A=406.4, B=410.7, tokens_exponent=0.28).evaluate(
                params=1e9, tokens=1e10
            )
        with pytest.raises(bs.LawError, match="takes params, tokens; got x"):
            EXACT.evaluate(x=1.0)

    def test_constants_do_not_depend_on_the_reference(self):
        references = {"params_ref": 3e8, "tokens_ref": 2e10, "y_ref": 2.5}
        held = {slot.quantity: slot.value for slot in slots(EXACT)}
        found = EXACT.constants(EXACT.natural(held, references), references)
        assert found["A"] == pytest.approx(406.4)
        assert found["B"] == pytest.approx(410.7)
        assert found["a"] == pytest.approx(0.451612903226)


class TestBadTables:
    def test_roles_are_asked_for_by_name(self, runs):
        with pytest.raises(bs.LawError, match="inputs 'params' and 'tokens'; got 'x'"):
            bs.Chinchilla().fit(runs, y="loss", x="n")
        with pytest.raises(bs.LawError, match="got 'params'"):
            bs.Chinchilla().fit(runs, y="loss", params="n")

    def test_swapped_roles_are_noticed(self, runs, no_sampling):
        with pytest.warns(bs.DataWarning, match="tokens for each parameter.*swapped"):
            bs.Chinchilla().model(runs.assign(d=runs["d"] / 1e6), y="loss", params="n", tokens="d")

    def test_one_ray_is_noticed(self, runs):
        ray = runs.assign(d=20 * runs["n"])
        with pytest.warns(bs.DataWarning, match="on one ray"):
            bs.Chinchilla().model(ray, y="loss", params="n", tokens="d")

    def test_too_few_sizes_of_one_input(self, runs):
        few = runs[runs["d"] < 5e9]
        with pytest.raises(bs.DataError, match="3 or more different values of 'd'; got 2"):
            bs.Chinchilla().fit(few, y="loss", params="n", tokens="d")
        one = runs[runs["d"] < 2e9]
        with pytest.raises(bs.DataError, match="All 6 runs have the same 'd'"):
            bs.Chinchilla().fit(one, y="loss", params="n", tokens="d")

    def test_too_few_runs(self, runs):
        few = runs.iloc[[0, 7, 14, 20, 28]]
        with pytest.raises(bs.DataError, match="needs 6 or more runs; got 5"):
            bs.Chinchilla().fit(few, y="loss", params="n", tokens="d")

    def test_an_accuracy_without_a_ceiling_is_noticed(self, runs):
        rising = runs.assign(loss=8 - runs["loss"])
        with pytest.raises(bs.DataError, match="rises with 'n' and 'd'.*ceiling"):
            bs.Chinchilla().fit(rising, y="loss", params="n", tokens="d")


class TestRequired:
    @pytest.fixture
    def fit(self):
        return invented_fit(bs.Chinchilla())

    def test_the_named_input_is_solved_for(self, fit):
        found = fit.required(y=1.5, solve="tokens", params=1e5, drift=0)
        assert found.column == "n_tokens"
        reached = np.isfinite(found.draws[..., 0]) & (found.draws[..., 0] > 0)
        assert reached.any()
        first = tuple(np.argwhere(reached)[0])
        parameters = {name: draws[first] for name, draws in fit.parameters.items()}
        at = {"params": 1e5, "tokens": found.draws[(*first, 0)]}
        there = fit.law.curve(at, parameters, fit.runs.references)
        assert there == pytest.approx(1.5, rel=1e-8)

    def test_column_names_serve_too(self, fit):
        by_role = fit.required(y=1.5, solve="tokens", params=1e5).draws
        by_column = fit.required(y=1.5, solve="n_tokens", n_params=1e5).draws
        np.testing.assert_array_equal(by_role, by_column)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "has 2 inputs .params, tokens.: say which.*solve='params', tokens="),
            ({"params": 1e5}, "solve='tokens', params="),
            ({"solve": "compute"}, "solve= must be one of params, tokens; got 'compute'"),
            ({"solve": "tokens"}, "needs params=; got none"),
            ({"solve": "tokens", "params": [1.0, 2.0]}, "one number for params=; got 2"),
        ],
    )
    def test_what_is_missing_is_said(self, fit, given, message):
        with pytest.raises(bs.LawError, match=message):
            fit.required(y=1.5, **given)

    def test_one_input_needs_no_name(self):
        fit = invented_fit(bs.PowerLaw())
        assert fit.required(y=1.0).column == "n_x"
