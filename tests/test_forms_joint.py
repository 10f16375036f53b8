"""Laws of several inputs: the literature's numbers, their limits and special cases."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import bayescale as bs
from bayescale.data import observations
from bayescale.kaplan import PF_DAY, KaplanFrontier
from bayescale.laws import FLOOR_PRIOR

PARAMS = np.array([1e6, 1e8, 3e9, 1e11])
TOKENS = np.array([1e11, 2e8, 1e10, 1e9])

#: Kaplan et al. (2020), table 2: the joint fit.
TABLE_2 = {"N_c": 6.4e13, "params_exponent": 0.076, "D_c": 1.8e13, "tokens_exponent": 0.103}
#: Table 3, and the critical batch size of table 5.
TABLE_3 = {"N_c": 6.5e13, "params_exponent": 0.077, "S_c": 2.1e3, "steps_exponent": 0.76}
BATCH = {"B_star": 2.1e8, "alpha_B": 0.21}
#: Muennighoff et al. (2023).
REPEATED = {
    "irreducible": math.exp(0.6254804),
    "A": math.exp(6.255414),
    "params_exponent": 0.3526596,
    "B": math.exp(7.3049974),
    "exponent_ratio": 1.0,
    "tokens_reuse": 15.387756,
    "params_reuse": 5.309743,
}
#: The terms of a law of parameters and tokens, in units of 1.
TERMS = {
    "params_scale": 400.0,
    "params_exponent": 0.34,
    "tokens_scale": 2000.0,
    "tokens_exponent": 0.37,
}


def close(got, expected, rel=1e-9):
    np.testing.assert_allclose(got, expected, rtol=rel)


def checked(law, runs):
    return observations(law, bs.LogNormal(), runs, "y", {role: role for role in law.inputs})


def chinchilla(**changed):
    return bs.Chinchilla(**{"irreducible": 1.8, **TERMS, **changed})


class TestKaplanModelData:
    law = bs.KaplanModelData(**TABLE_2)

    def test_published_constants(self):
        close(self.law.evaluate(params=1e9, tokens=1e10), 2.4196518191691774)
        close(self.law.evaluate(params=1e8, tokens=1e9), 2.956733738633301)
        close(self.law.evaluate(params=1e9, tokens=2.2e10), 2.3693163430934017)

    def test_limits_are_the_laws_of_one_input(self):
        close(self.law.evaluate(params=1e9, tokens=np.inf), 2.318834098331168)
        close(self.law.evaluate(params=np.inf, tokens=1e10), 2.1641784491436535)
        close(self.law.evaluate(params=1e9, tokens=1e300), 2.318834098331168)
        assert self.law.evaluate(params=np.inf, tokens=np.inf) == 0.0

    def test_overfitting(self):
        """Equations 4.2 and 4.3, and the tokens at which it is 2 %."""

        def over(tokens):
            return (
                self.law.evaluate(params=1e9, tokens=tokens)
                / self.law.evaluate(params=1e9, tokens=np.inf)
                - 1
            )

        close(over(1e10), 0.04347776363585765)
        close(over(24135832758.278255), 0.02)
        close(brentq(lambda tokens: over(tokens) - 0.02, 1e9, 1e12, rtol=1e-14), 24135832758.278255)
        # Needed tokens are a power of the parameters: 5519 N^0.738.
        eight = over(24135832758.278255 * 8**0.7378640776699029)
        assert self.law.params_exponent / self.law.tokens_exponent == pytest.approx(
            0.7378640776699029, rel=1e-12
        )
        assert eight < 0.02
        close(
            self.law.evaluate(params=8e9, tokens=24135832758.278255 * 8**0.7378640776699029)
            / self.law.evaluate(params=8e9, tokens=np.inf),
            1.02,
        )
        close(24135832758.278255 / 1e9**0.7378640776699029, 5519.320183658228)

    def test_constants_come_back(self):
        references = {"params_ref": 3e8, "tokens_ref": 4e10, "y_ref": 3.0}
        held = {"irreducible": 0.0, **TABLE_2}
        natural = self.law.natural(held, references)
        found = self.law.constants(natural, references)
        for name, value in {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076}.items():
            close(found[name], value)
        inputs = {"params": 1e9, "tokens": 1e10}
        close(self.law.curve(inputs, natural, references), 2.4196518191691774)

    def test_a_floor_is_added_outside(self):
        floor = bs.KaplanModelData(**TABLE_2, irreducible=1.5)
        with_floor = floor.evaluate(params=PARAMS, tokens=TOKENS)
        close(with_floor, 1.5 + self.law.evaluate(params=PARAMS, tokens=TOKENS))


class TestKaplanModelSteps:
    law = bs.KaplanModelSteps(**TABLE_3)
    frontier = law.frontier(**BATCH)

    def test_published_constants(self):
        close(self.law.evaluate(params=1e9, steps=1e5), 2.4005136614270093)
        close(self.law.evaluate(params=1e8, steps=1e4), 3.1082267236280448)
        assert self.law.evaluate(params=6.5e13, steps=np.inf) == pytest.approx(1.0)

    def test_exponents_of_compute(self):
        close(self.frontier.compute_exponent, 0.052452942933970716)
        with_table_5 = KaplanFrontier(N_c=8.8e13, alpha_N=0.076, S_c=2.1e3, alpha_S=0.76, **BATCH)
        close(with_table_5.compute_exponent, 0.05198697068403909)
        close(with_table_5.params_power, 0.6840390879478828)
        close(with_table_5.batch_power, 0.24755700325732902)
        close(with_table_5.steps_power, 0.06840390879478828)

    def test_critical_batch(self):
        close(self.frontier.critical_batch(3.0), 1122569.7107474345)

    def test_optimum_in_closed_form(self):
        close(self.frontier.compute_constant, 1.3908487179408091e28)
        close(self.frontier.compute_constant / PF_DAY, 160977860.87277883)
        close(self.frontier.over_convergence, 1.1013157894736842)
        close(self.frontier.loss(PF_DAY), 2.6944432231298485)
        close(self.frontier.params(PF_DAY), 584408241.0699108)
        close(self.frontier.steps(PF_DAY), 13160.713086516329)

    def test_the_optimum_is_that_of_the_law_and_the_batch(self):
        """The implicit equation B.3, solved and minimized numerically."""

        def loss(log_params):
            params = math.exp(log_params)
            converged = self.law.evaluate(params=params, steps=np.inf).item()

            def excess(log_gap):
                return math.log(
                    self.frontier.compute(params, converged + math.exp(log_gap)) / PF_DAY
                )

            return converged + math.exp(brentq(excess, -10.0, 3.0, xtol=1e-14, rtol=1e-14))

        found = minimize_scalar(
            loss, bounds=(math.log(1e7), math.log(1e10)), method="bounded", options={"xatol": 1e-9}
        )
        close(found.fun, 2.6944432231298485)
        close(math.exp(found.x), 584408246.2449743, rel=1e-6)
        best = self.frontier.params(PF_DAY)
        close(loss(math.log(best)) / self.law.evaluate(params=best, steps=np.inf), 1.1013157894737)
        close(self.law.evaluate(params=best, steps=self.frontier.steps(PF_DAY)), 2.6944432231298485)

    def test_off_the_optimum(self):
        close(self.frontier.cost_off_optimum(2.2), 1.2037202468288735)
        close(self.frontier.cost_off_optimum(0.6), 1.1647326659414747)
        close(self.frontier.steps_off_optimum(2.2), 0.5471455667403969)
        # The same from the law itself: compute to the same loss at another size.
        loss, best = self.frontier.loss(PF_DAY), self.frontier.params(PF_DAY)
        close(self.frontier.compute(2.2 * best, loss) / PF_DAY, 1.2037202468288735)

    def test_closeness_to_convergence(self):
        found = self.frontier.by_closeness(0.1, 0.02)
        close(found["params"], 2.6661022251558384)
        close(found["steps"], 0.13287726173309938)
        close(found["compute"], 0.354264363179231)

    def test_early_stopping(self):
        joint = bs.KaplanModelData(**TABLE_2)
        gap = joint.evaluate(params=1e9, tokens=1e10) - joint.evaluate(params=1e9, tokens=np.inf)
        close(self.frontier.early_stopping(gap), 42988.76663685224)

    def test_of_draws(self):
        references = {"params_ref": 1e8, "steps_ref": 1e4, "y_ref": 3.0}
        names = ("irreducible", "params_scale", "params_exponent", "steps_scale", "steps_exponent")
        held = {"irreducible": 0.0, **TABLE_3}
        one = self.law.natural(held, references)
        draws = {name: np.full((2, 3), one[name]) for name in names}
        found = self.law.frontier(**BATCH, parameters=draws, references=references)
        close(found.params(PF_DAY), np.full((2, 3), 584408241.0699108))

    def test_needs_numbers(self):
        with pytest.raises(bs.LawError, match="every parameter is a number"):
            bs.KaplanModelSteps().frontier(**BATCH)

    @pytest.mark.parametrize("compute", [PF_DAY, 1e4 * PF_DAY])
    def test_frontier_with_a_floor_is_the_brute_force_one(self, compute):
        law = bs.KaplanModelSteps(**TABLE_3, irreducible=1.2)
        found = law.frontier(**BATCH)
        params, least = found.params(compute), found.loss(compute)
        close(law.evaluate(params=params, steps=found.steps(compute)), least)
        close(found.compute(params, least), compute)
        # At the loss it reaches every other size costs more.
        sizes = params * np.geomspace(0.2, 5, 401)
        with np.errstate(invalid="ignore"):  # small ones never reach it
            close(np.nanmin(found.compute(sizes, least)), compute)
        powers = found.powers(compute)
        for name, value in (("params", found.params), ("steps", found.steps)):
            slope = np.log(value(compute * 1.0001) / value(compute / 1.0001)) / np.log(1.0001**2)
            assert powers[name] == pytest.approx(slope, rel=1e-6)


class TestDroppoElibol:
    numbers = {
        "irreducible": 0.4,
        "N_C": 1e4,
        "params_exponent": 0.2,
        "D_C": 1.0,
        "tokens_exponent": 0.3,
    }

    def test_illustrative_numbers(self):
        law = bs.DroppoElibol(**self.numbers, coupling=0.5)
        close(law.evaluate(params=1e7, tokens=1e3), 0.4888196665158128)
        close(law.evaluate(params=1e7, tokens=np.inf), 0.47233011173121214)
        assert law.evaluate(params=np.inf, tokens=np.inf) == pytest.approx(0.4)

    def test_coupling_of_one_is_chinchilla(self):
        law = bs.DroppoElibol(irreducible=1.8, **TERMS, coupling=1.0)
        expected = chinchilla().evaluate(params=PARAMS, tokens=TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-13)

    def test_without_a_floor_and_coupled_by_the_tokens_exponent_it_is_kaplans(self):
        law = bs.DroppoElibol(
            irreducible=0.0, N_C=6.4e13, params_exponent=0.076, D_C=1.8e13, tokens_exponent=0.103,
            coupling=0.103,
        )  # fmt: skip
        expected = bs.KaplanModelData(**TABLE_2).evaluate(params=PARAMS, tokens=TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-12)

    def test_small_coupling_is_the_largest_term(self):
        law = bs.DroppoElibol(**self.numbers, coupling=0.01)
        assert law.evaluate(params=1e7, tokens=1e3) == pytest.approx(0.4, rel=1e-3)
        params, tokens = np.array([1e4, 1e8, 1e9]), np.array([1e4, 2.0, 1e9])
        largest = np.max([np.full(3, 0.4), (1e4 / params) ** 0.2, tokens**-0.3], axis=0)
        np.testing.assert_allclose(law.evaluate(params=params, tokens=tokens), largest, rtol=1e-3)

    def test_level_and_floor_share_are_of_the_curve(self):
        law = bs.DroppoElibol()
        references = {
            "params_ref": 10.0, "params_end": 1e3, "tokens_ref": 5.0, "tokens_end": 1e4,
            "y_ref": 3.0,
        }  # fmt: skip
        values = {
            "floor_share": 0.8, "level": 1.1, "params_exponent": 0.3, "tokens_share": 0.4,
            "tokens_exponent": 0.4, "coupling": 0.3,
        }  # fmt: skip
        natural = law.natural(values, references)
        center = law.curve({"params": 10.0, "tokens": 5.0}, natural, references)
        end = law.curve({"params": 1e3, "tokens": 1e4}, natural, references)
        assert center == pytest.approx(3.3)
        assert natural["irreducible"] / end == pytest.approx(0.8)


class TestSkaling:
    def test_coupling_of_one_is_chinchilla(self):
        law = bs.Skaling(irreducible=1.8, **TERMS, coupling=1.0)
        expected = chinchilla().evaluate(params=PARAMS, tokens=TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-13)

    def test_coupled_by_the_tokens_exponent_it_is_kaplans_with_a_floor(self):
        law = bs.Skaling(irreducible=1.8, **TERMS, coupling=TERMS["tokens_exponent"])
        other = bs.KaplanModelData(irreducible=1.8, **TERMS)
        expected = other.evaluate(params=PARAMS, tokens=TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-13)

    def test_constants_are_those_of_the_formula(self):
        law = bs.Skaling(irreducible=1.8, **TERMS, coupling=0.6)
        c = law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        inside = PARAMS ** -c["alpha"] + c["R"] * TOKENS ** -c["beta"]
        expected = c["E"] + c["A"] * inside ** c["k"]
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected)
        moved = law.constants(
            {**law.numbers, "params_scale": 400 * 1e9**-0.34, "tokens_scale": 2000 * 1e10**-0.37},
            {"params_ref": 1e9, "tokens_ref": 1e10},
        )
        for name, value in c.items():
            close(moved[name], value)

    def test_limits(self):
        law = bs.Skaling(irreducible=1.8, **TERMS, coupling=0.6)
        close(law.evaluate(params=1e9, tokens=np.inf), 1.8 + 400 * 1e9**-0.34)
        close(law.evaluate(params=np.inf, tokens=1e9), 1.8 + 2000 * 1e9**-0.37)


class TestShiftedAdditive:
    def test_formula(self):
        law = bs.ShiftedAdditive(
            irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28,
            params_offset=1e7, tokens_offset=1e8,
        )  # fmt: skip
        expected = 1.69 + 406.4 * (PARAMS + 1e7) ** -0.34 + 410.7 * (TOKENS + 1e8) ** -0.28
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected)

    def test_without_offsets_it_is_chinchilla(self):
        law = bs.ShiftedAdditive(
            irreducible=1.8,
            A=400.0,
            params_exponent=0.34,
            B=2000.0,
            tokens_exponent=0.37,
            params_offset=1e-9,
            tokens_offset=1e-9,
        )
        expected = chinchilla().evaluate(params=PARAMS, tokens=TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-12)

    def test_offsets_and_constants_in_the_users_units(self):
        law = bs.ShiftedAdditive()
        references = {
            "params_ref": 1e9, "params_start": 1e7, "params_end": 1e11, "y_ref": 3.0,
            "tokens_ref": 1e10, "tokens_start": 1e8, "tokens_end": 1e12,
        }  # fmt: skip
        values = {
            "floor_share": 0.6, "level": 1.0, "params_exponent": 0.34, "tokens_share": 0.4,
            "tokens_exponent": 0.37, "relative_params_offset": 2.0, "relative_tokens_offset": 0.5,
        }  # fmt: skip
        natural = law.natural(values, references)
        assert natural["params_offset"] == pytest.approx(2e7)
        assert natural["tokens_offset"] == pytest.approx(5e7)
        c = law.constants(natural, references)
        expected = c["E"] + c["A"] * (PARAMS + c["s_N"]) ** -c["alpha"]
        expected += c["B"] * (TOKENS + c["s_D"]) ** -c["beta"]
        close(law.curve({"params": PARAMS, "tokens": TOKENS}, natural, references), expected)

    def test_slope_is_that_of_the_term_midway_between_smallest_and_reference(self):
        references = {
            "params_ref": 1e9,
            "params_start": 1e7,
            "tokens_ref": 1e10,
            "tokens_start": 1e8,
        }
        values = {
            "params_slope": 0.3,
            "tokens_slope": 0.2,
            "relative_params_offset": 3.0,
            "relative_tokens_offset": 0.5,
        }
        shape = bs.ShiftedAdditive().shape(values, references)
        for role, slope in (("params", 0.3), ("tokens", 0.2)):
            middle = math.sqrt(references[f"{role}_start"] * references[f"{role}_ref"])
            x = middle * np.array([1 - 1e-5, 1 + 1e-5])
            logs = -shape[f"{role}_exponent"] * np.log(x + shape[f"{role}_offset"])
            assert -np.diff(logs)[0] / np.diff(np.log(x))[0] == pytest.approx(slope)


class TestMultiplicative:
    def test_formula_and_limits(self):
        law = bs.Multiplicative(irreducible=1.8, A=1e3, params_exponent=0.2, tokens_exponent=0.3)
        got = law.evaluate(params=PARAMS, tokens=TOKENS)
        close(got, 1.8 + 1e3 * PARAMS**-0.2 * TOKENS**-0.3)
        assert law.evaluate(params=1.0, tokens=np.inf) == pytest.approx(1.8)
        c = law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        assert c == pytest.approx({"E": 1.8, "A": 1e3, "alpha": 0.2, "beta": 0.3})

    def test_equal_exponents_are_a_power_law_of_compute(self):
        law = bs.Multiplicative(
            irreducible=1.8, scale=5.0, params_exponent=0.2, tokens_exponent=0.2
        )
        line = bs.PowerLaw(irreducible=1.8, scale=5.0, exponent=0.2)
        expected = line.evaluate(x=PARAMS * TOKENS)
        close(law.evaluate(params=PARAMS, tokens=TOKENS), expected)


class TestEncoderDecoder:
    law = bs.EncoderDecoder(
        irreducible=1.2, A=0.3 * 1e8**0.48, encoder_exponent=0.18, decoder_exponent=0.30
    )

    def test_illustrative_numbers(self):
        close(self.law.evaluate(encoder=2e8, decoder=4e8), 1.3747100379702684)

    def test_optimal_split(self):
        found = self.law.optimal_split(6e8)
        assert found["share"] == pytest.approx(0.375)
        assert found["encoder"] + found["decoder"] == pytest.approx(6e8)
        close(found["loss"], 1.3743889734320807)
        # The closed form: a power law of the total with exponent p_e + p_d.
        best = 0.3 * (1e8 / 0.375) ** 0.18 * (1e8 / 0.625) ** 0.30
        close(found["loss"], 1.2 + best * 6e8**-0.48)
        shares = np.linspace(0.01, 0.99, 99)
        losses = self.law.evaluate(encoder=shares * 6e8, decoder=(1 - shares) * 6e8)
        assert losses.min() >= found["loss"]
        assert self.law.constants(
            self.law.numbers, {"encoder_ref": 1.0, "decoder_ref": 1.0}
        ) == pytest.approx(
            {"L_inf": 1.2, "A": 0.3 * 1e8**0.48, "p_e": 0.18, "p_d": 0.3, "share_e": 0.375}
        )

    def test_optimal_split_of_draws(self):
        references = {"encoder_ref": 1e8, "decoder_ref": 1e8}
        draws = {
            "irreducible": np.array([1.2, 1.3]),
            "scale": np.array([0.3, 0.3]),
            "encoder_exponent": np.array([0.18, 0.3]),
            "decoder_exponent": np.array([0.30, 0.3]),
        }
        found = self.law.optimal_split(6e8, draws, references)
        np.testing.assert_allclose(found["share"], [0.375, 0.5])
        close(found["loss"][0], 1.3743889734320807)
        with pytest.raises(bs.LawError, match="every parameter is a number"):
            bs.EncoderDecoder().optimal_split(6e8)

    def test_halves_that_grow_together_are_one_warning(self):
        size = np.geomspace(1e7, 1e9, 12)
        runs = bs.EncoderDecoder().simulate(encoder=size / 1e8, decoder=size / 2e8)
        runs = runs.assign(encoder=size, decoder=size / 2)
        with pytest.warns(bs.DataWarning) as caught:
            checked(bs.EncoderDecoder(), runs)
        (told,) = (str(warning.message) for warning in caught)
        assert "the scale and encoder_exponent + 1.00 · decoder_exponent" in told
        assert "two terms" not in told


class TestPlateaus:
    numbers = {
        "irreducible": 0.1,
        "params_scale": 20.0,
        "params_exponent": 0.3,
        "tokens_scale": 30.0,
        "tokens_exponent": 0.4,
    }
    without = bs.Chinchilla(**numbers)

    def test_bounded_rational_form(self):
        law = bs.BoundedRational(**self.numbers, plateau=0.9)
        u = (20 * PARAMS**-0.3 + 30 * TOKENS**-0.4) / 0.8
        close(law.evaluate(params=PARAMS, tokens=TOKENS), (0.9 * u + 0.1) / (1 + u))

    def test_rosenfeld_in_the_papers_terms(self):
        """Eta is free: it and a, b, c times any number give the same error."""
        law = bs.Rosenfeld(**self.numbers, plateau=0.9)
        got = law.evaluate(params=PARAMS, tokens=TOKENS)
        inner = self.without.evaluate(params=PARAMS, tokens=TOKENS)
        for eta in (0.9, 0.01, 17.0):
            scaled = inner * eta / 0.9
            close(got, 0.9 * np.abs(scaled / (scaled - 1j * eta)))
        close(got, (inner**-2 + 0.9**-2) ** -0.5)

    @pytest.mark.parametrize("form", [bs.BoundedRational, bs.Rosenfeld])
    def test_limits(self, form):
        law = form(**self.numbers, plateau=0.9)
        assert law.evaluate(params=1e-30, tokens=1e9) == pytest.approx(0.9, rel=1e-6)
        far = law.evaluate(params=np.inf, tokens=np.inf)
        bounded = 0.1 if form is bs.BoundedRational else (0.1**-2 + 0.9**-2) ** -0.5
        assert far == pytest.approx(bounded)
        high = form(**self.numbers, plateau=1e12)
        expected = self.without.evaluate(params=PARAMS, tokens=TOKENS)
        close(high.evaluate(params=PARAMS, tokens=TOKENS), expected, rel=1e-9)

    @pytest.mark.parametrize("form", [bs.BoundedRational, bs.Rosenfeld])
    def test_natural_parameters_are_chinchillas_and_a_plateau(self, form):
        references = {
            "params_ref": 1e8, "params_end": 1e10, "tokens_ref": 1e9, "tokens_end": 1e11,
            "y_ref": 0.4, "y_top": 2.0,
        }  # fmt: skip
        values = {
            "floor_share": 0.3, "level": 1.1, "params_exponent": 0.3, "tokens_share": 0.4,
            "tokens_exponent": 0.4,
        }  # fmt: skip
        expected = bs.Chinchilla().natural(values, references)
        carrier = "relative_rise" if form is bs.BoundedRational else "relative_plateau"
        found = form().natural({**values, carrier: 1.5}, references)
        plateau = found.pop("plateau")
        assert found == pytest.approx(expected)
        rise = expected["irreducible"] if form is bs.BoundedRational else 0.0
        assert plateau == pytest.approx(1.2 + rise)
        fixed = form(plateau=0.9).natural({**values, "plateau": 0.9}, references)
        assert fixed["plateau"] == 0.9

    @pytest.mark.parametrize("form", [bs.BoundedRational, bs.Rosenfeld])
    def test_priors_settle_as_chinchillas_do(self, form):
        assert form(irreducible=0.0).params_scale == bs.Chinchilla(irreducible=0.0).params_scale
        own = bs.Prior("HalfNormal", sigma=2)
        assert form(params_scale=own).tokens_scale == bs.Chinchilla(params_scale=own).tokens_scale

    def test_rosenfelds_constants(self):
        law = bs.Rosenfeld(**self.numbers, plateau=0.9)
        found = law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        data = {"a": 30.0, "alpha": 0.4}
        assert found == pytest.approx({**data, "b": 20.0, "beta": 0.3, "c": 0.1, "eps_0": 0.9})
        law = bs.BoundedRational(**self.numbers, plateau=0.9)
        found = law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        data = {"E": 0.1, "A": 20.0, "alpha": 0.3, "B": 30.0, "beta": 0.4}
        assert found == pytest.approx({**data, "plateau": 0.9})


class TestDataConstrained:
    law = bs.DataConstrained(**REPEATED)

    def test_published_numbers(self):
        found = self.law.evaluate(params=6.34e9, tokens=242e9, unique_tokens=25e9)
        close(found, 2.2256440889984477)
        found = self.law.evaluate(params=8.67e9, tokens=178e9, unique_tokens=25e9)
        close(found, 2.2269634075087867)

    def test_constants(self):
        found = self.law.constants(self.law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        close(found["A"], 520.8249516599187)
        close(found["B"], 1487.716093782861)
        close(found["E"], 1.8691436784054858)
        close(found["G"], 0.22580194342312088)
        close(found["G"] ** 2, 0.05098651765365828)
        assert (found["R*_D"], found["R*_N"]) == (15.387756, 5.309743)

    @pytest.mark.parametrize(
        ("epochs", "worth"),
        [
            (1, 1.0),
            (2, 1.9681992237887165),
            (4, 3.725673123061326),
            (16, 10.582456982670752),
            (40, 15.167464801531787),
            (1e9, 16.387756),
        ],
    )
    def test_what_epochs_are_worth(self, epochs, worth):
        """The tokens that would do as well if none repeated, from the loss."""
        loss = self.law.evaluate(params=1e9, tokens=25e9 * epochs, unique_tokens=25e9)
        of_params = 520.8249516599187 * 1e9**-0.3526596  # fewer than are optimal: none in excess
        of_tokens = loss - of_params - 1.8691436784054858
        close((1487.716093782861 / of_tokens) ** (1 / 0.3526596) / 25e9, worth, rel=1e-8)

    def test_parameters_in_excess(self):
        optimal = 0.05098651765365828 * 25e9
        params = 4 * optimal
        loss = self.law.evaluate(params=params, tokens=25e9, unique_tokens=25e9)
        worth = optimal * (1 + 5.309743 * (1 - math.exp(-3 / 5.309743)))
        expected = 1.8691436784054858 + 520.8249516599187 * worth**-0.3526596
        close(loss, expected + 1487.716093782861 * 25e9**-0.3526596)

    def test_one_epoch_without_excess_is_chinchilla(self):
        names = ("irreducible", "A", "params_exponent", "B", "exponent_ratio")
        plain = bs.Chinchilla(**{name: REPEATED[name] for name in names})
        tokens = np.array([1e9, 1e10, 1e12])
        params = 0.05 * tokens
        for unique in (tokens, 3 * tokens):
            got = self.law.evaluate(params=params, tokens=tokens, unique_tokens=unique)
            close(got, plain.evaluate(params=params, tokens=tokens), rel=1e-12)

    def test_references_do_not_matter(self):
        references = {
            "params_ref": 2e8, "tokens_ref": 7e9, "unique_tokens_ref": 1e9, "y_ref": 3.0,
        }  # fmt: skip
        natural = self.law.natural(REPEATED, references)
        inputs = {"params": 6.34e9, "tokens": 242e9, "unique_tokens": 25e9}
        close(self.law.curve(inputs, natural, references), 2.2256440889984477)
        close(self.law.constants(natural, references)["G"], 0.22580194342312088)

    def test_the_readmes_optimum(self):
        """At 1e22 FLOP and 25e9 unique tokens: 9.49 epochs and 7.022e9 parameters."""
        params = np.geomspace(1e9, 1e11, 200_001)
        tokens = 1e22 / (6 * params)
        loss = self.law.evaluate(params=params, tokens=tokens, unique_tokens=25e9)
        best = params[np.argmin(loss)]
        assert best == pytest.approx(7.022e9, rel=2e-3)
        assert tokens[np.argmin(loss)] / 25e9 == pytest.approx(9.49, abs=0.02)

    def test_runs_without_repetition_are_warned_of(self):
        grid = bs.DataConstrained.example_inputs(24)
        runs = bs.DataConstrained().simulate(**{**grid, "unique_tokens": grid["tokens"]})
        with pytest.warns(
            bs.DataWarning, match="more than 1 times.*tokens_reuse follows its prior"
        ):
            checked(bs.DataConstrained(), runs)
        checked(bs.DataConstrained(tokens_reuse=15.0), runs)  # a number follows no prior

    def test_one_number_of_unique_tokens_is_enough(self):
        grid = bs.DataConstrained.example_inputs(24)
        runs = bs.DataConstrained().simulate(**{**grid, "unique_tokens": np.full(24, 0.1)})
        checked(bs.DataConstrained(), runs)


@pytest.mark.parametrize(
    "form",
    [
        bs.KaplanModelData,
        bs.KaplanModelSteps,
        bs.DroppoElibol,
        bs.Skaling,
        bs.ShiftedAdditive,
        bs.DataConstrained,
    ],
)
def test_level_is_the_curve_at_the_reference_inputs(form):
    """Whatever joins the terms; nothing repeats there."""
    law = form(irreducible=FLOOR_PRIOR)
    references = {"y_ref": 3.0, "y_top": 2.0}
    for role, ref in zip(law.inputs, (1e8, 1e9, 1e9), strict=False):
        references |= {f"{role}_ref": ref, f"{role}_start": ref / 100, f"{role}_end": 100 * ref}
    drawn = law.prior_draws(references, draws=40, seed=3)
    at = {role: np.full(40, references[f"{role}_ref"]) for role in law.inputs}
    if form is bs.DataConstrained:
        drawn["tokens_scale"] = drawn["params_scale"] * drawn["params_exponent"]
        drawn["tokens_scale"] = drawn["tokens_scale"] / drawn["tokens_exponent"]
    curve = law.curve(at, drawn, references)
    power = law.join(drawn)
    whole = sum(drawn[term] ** (1 / power) for term in law.terms)
    floor = drawn["irreducible"]
    if law.floor_joins:
        np.testing.assert_allclose(curve, (floor ** (1 / power) + whole) ** power, rtol=1e-9)
    else:
        np.testing.assert_allclose(curve, floor + whole**power, rtol=1e-9)
