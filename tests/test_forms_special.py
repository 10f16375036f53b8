"""Laws of experts, vocabulary, batch size and precision, and the accounting of compute."""

import numpy as np
import pytest

import bayescale as bs
from bayescale import accounting
from bayescale.data import observations
from bayescale.laws import UNIT_REFERENCES

REFERENCES = {
    "params_ref": 2e8,
    "experts_ref": 11.0,
    "experts_start": 1.0,
    "experts_end": 512.0,
    "vocab_params_ref": 3e7,
    "tokens_ref": 5e9,
    "precision_ref": 6.0,
    "loss_ref": 3.1,
    "batch_ref": 900.0,
    "y_ref": 2.5,
}


def there_and_back(law, **expected):
    """The constants that a law was built from are those that it returns."""
    found = law.constants(law.numbers, UNIT_REFERENCES)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


class TestRoutedLM:
    CONSTANTS = {"a": -0.08, "b": -0.1, "c": 0.01, "d": 1.1, "E_start": 2.0}

    def published(self):
        return bs.RoutedLM(**self.CONSTANTS, experts_max=300.0)

    def by_the_paper(self, n, e):
        """The formula as printed, base 10."""
        c = self.CONSTANTS
        shift = 1 / (1 / c["E_start"] - 1 / 300.0)
        count = 1 / (1 / (e - 1 + shift) + 1 / 300.0)
        log_n, log_e = np.log10(n), np.log10(count)
        return 10 ** (c["a"] * log_n + c["b"] * log_e + c["c"] * log_n * log_e + c["d"])

    def test_is_the_formula_as_printed(self):
        n, e = np.meshgrid([1e7, 1e9, 1e11], [1.0, 8.0, 512.0, 1e6])
        found = self.published().evaluate(params=n, experts=e)
        np.testing.assert_allclose(found, self.by_the_paper(n, e), rtol=1e-12)

    def test_references_do_not_matter(self):
        law = self.published()
        parameters = law.natural({**self.CONSTANTS, "experts_max": 300.0}, REFERENCES)
        inputs = {"params": np.array([1e7, 1e9]), "experts": np.array([64.0, 2.0])}
        found = law.curve(inputs, parameters, REFERENCES)
        np.testing.assert_allclose(found, self.by_the_paper(*inputs.values()), rtol=1e-12)
        back = law.constants(parameters, REFERENCES)
        for name, value in {**self.CONSTANTS, "E_max": 300.0}.items():
            assert back[name] == pytest.approx(value), name

    def test_limits_of_the_experts(self):
        law = self.published()
        assert law.constants(law.numbers, UNIT_REFERENCES)["E_start"] == pytest.approx(2.0)
        many, more = law.evaluate(params=1e9, experts=[1e9, 1e12])
        assert many == pytest.approx(more, rel=1e-6)

    def test_experts_stop_helping_at_one_size(self):
        size = 10 ** (-self.CONSTANTS["b"] / self.CONSTANTS["c"])
        one, many = self.published().evaluate(params=size, experts=[1.0, 512.0])
        assert one == pytest.approx(many)

    def test_mean_exponent_is_the_fall_over_the_experts(self):
        law = bs.RoutedLM()
        values = {
            "relative_scale": 1.0,
            "params_exponent": 0.08,
            "mean_experts_exponent": 0.03,
            "interaction": 0.004,
            "relative_experts_shift": 0.1,
            "relative_experts_max": 20.0,
        }
        parameters = law.natural(values, REFERENCES)
        inputs = {"params": np.full(2, REFERENCES["params_ref"]), "experts": np.array([1.0, 512.0])}
        one, many = law.curve(inputs, parameters, REFERENCES)
        assert np.log(one / many) == pytest.approx(0.03 * np.log(512))


class TestVocabulary:
    def test_constants_and_formula(self):
        law = bs.Vocabulary()
        values = {
            "level": -1.2,
            "relative_params_scale": 0.2,
            "params_exponent": 0.4,
            "relative_vocab_params_scale": 0.05,
            "vocab_params_exponent": 0.6,
            "relative_tokens_scale": 0.3,
            "tokens_exponent": 0.35,
        }
        parameters = law.natural(values, REFERENCES)
        at_reference = {role: REFERENCES[f"{role}_ref"] for role in law.inputs}
        assert law.curve(at_reference, parameters, REFERENCES) == pytest.approx(-1.2 * 2.5)
        c = law.constants(parameters, REFERENCES)
        inputs = {"params": 1e9, "vocab_params": 1e8, "tokens": 1e11}
        printed = -c["E"] + c["A1"] / 1e9 ** c["alpha1"] + c["A2"] / 1e8 ** c["alpha2"]
        printed += c["B"] / 1e11 ** c["beta"]
        assert law.curve(inputs, parameters, REFERENCES) == pytest.approx(printed)

    def test_negative_outcomes_are_taken(self):
        inputs = bs.Vocabulary.example_inputs(40)
        truth = {**bs.Vocabulary.example, "irreducible": -40.0}
        runs = bs.Vocabulary().simulate(noise=0.0, parameters=truth, **inputs)
        assert (runs["y"] < 0).any()
        checked = observations(
            bs.Vocabulary(), bs.Normal(), runs, "y", {role: role for role in inputs}
        )
        assert checked.references["y_ref"] > 0
        assert isinstance(bs.Vocabulary().default_likelihood(), bs.Normal)

    def test_one_exponent_for_model_and_tokens(self):
        law = bs.Vocabulary(exponent_ratio=1.0)
        values = {"params_exponent": 0.4, "exponent_ratio": 1.0, "irreducible": -5.0}
        values |= dict.fromkeys(("params_scale", "vocab_params_scale", "tokens_scale"), 1.0)
        found = law.natural({**values, "vocab_params_exponent": 0.6}, UNIT_REFERENCES)
        assert found["tokens_exponent"] == 0.4


class TestBatchSize:
    @pytest.mark.parametrize(("b_star", "expected"), [(2e8, 1069114.0102), (2.1e8, 1122569.7107)])
    def test_critical_batch_of_kaplan(self, b_star, expected):
        law = bs.CriticalBatchSize(B_star=b_star, exponent=1 / 0.21)
        assert law.evaluate(loss=3.0) == pytest.approx(expected)
        assert accounting.critical_batch(3.0, b_star, 0.21) == pytest.approx(expected)
        there_and_back(law, B_star=b_star, alpha_B=0.21)

    def test_a_reference_loss_leaves_b_star_as_it_is(self):
        law = bs.CriticalBatchSize(B_star=2e8, exponent=1 / 0.21)
        parameters = law.natural({"B_star": 2e8, "exponent": 1 / 0.21}, REFERENCES)
        found = law.curve({"loss": 3.0}, parameters, REFERENCES)
        assert found == pytest.approx(1069114.0102)
        assert law.constants(parameters, REFERENCES)["B_star"] == pytest.approx(2e8)

    def test_loss_factor_that_doubles_the_batch(self):
        law = bs.CriticalBatchSize(B_star=2e8, exponent=1 / 0.21)
        before, after = law.evaluate(loss=[3.0, 3.0 * 0.8645372313078652])
        assert after == pytest.approx(2 * before)

    def test_trade_off_is_the_hyperbola(self):
        law = bs.TimeComputeTradeOff(min_steps=1500.0, critical_batch=2000.0)
        batch = np.array([10.0, 700.0, 2000.0, 1e6])
        steps = law.evaluate(batch=batch)
        least = law.constants(law.numbers, UNIT_REFERENCES)["E_min"]
        np.testing.assert_allclose((steps / 1500 - 1) * (steps * batch / least - 1), 1.0)
        np.testing.assert_allclose(accounting.min_steps(steps, batch, 2000.0), 1500.0)
        np.testing.assert_allclose(accounting.examples_ratio(steps / 1500), steps * batch / least)

    def test_level_is_the_steps_at_the_reference_batch(self):
        law = bs.TimeComputeTradeOff()
        values = {"level": 1.1, "relative_critical_batch": 0.7}
        parameters = law.natural(values, REFERENCES)
        assert parameters["critical_batch"] == pytest.approx(0.7 * 900)
        found = law.curve({"batch": 900.0}, parameters, REFERENCES)
        assert found == pytest.approx(1.1 * 2.5)


class TestPrecisionAware:
    NUMBERS = {
        "irreducible": 1.8,
        "params_exponent": 0.35,
        "tokens_exponent": 0.36,
        "bits_needed": 2.5,
    }

    def test_many_bits_are_chinchilla(self):
        law = bs.PrecisionAware(**self.NUMBERS, A=480.0, B=2000.0)
        plain = {k: v for k, v in self.NUMBERS.items() if k != "bits_needed"}
        chinchilla = bs.Chinchilla(**plain, A=480.0, B=2000.0)
        found = law.evaluate(params=1e9, tokens=2e10, precision=1e3)
        assert found == pytest.approx(chinchilla.evaluate(params=1e9, tokens=2e10))

    def test_few_bits_are_a_smaller_model(self):
        law = bs.PrecisionAware(**self.NUMBERS, A=480.0, B=2000.0)
        low = law.evaluate(params=1e9, tokens=2e10, precision=4.0)
        small = law.evaluate(params=1e9 * (1 - np.exp(-4 / 2.5)), tokens=2e10, precision=1e3)
        assert low == pytest.approx(small)

    def test_references_do_not_matter(self):
        law = bs.PrecisionAware(**self.NUMBERS, A=480.0, B=2000.0)
        parameters = law.natural({**self.NUMBERS, "A": 480.0, "B": 2000.0}, REFERENCES)
        inputs = {"params": 1e9, "tokens": 2e10, "precision": 4.0}
        found = law.curve(inputs, parameters, REFERENCES)
        assert found == pytest.approx(law.evaluate(**inputs))
        back = law.constants(parameters, REFERENCES)
        assert (back["A"], back["B"], back["gamma"]) == pytest.approx((480.0, 2000.0, 2.5))

    def test_one_precision_says_nothing_of_the_bits(self):
        grid = bs.PrecisionAware.example_inputs(30)
        runs = bs.PrecisionAware().simulate(y="loss", **grid).assign(precision=16.0)
        roles = {role: role for role in grid}
        with pytest.raises(bs.DataError, match="same 'precision'"):
            observations(bs.PrecisionAware(), bs.LogNormal(), runs, "loss", roles)
        observations(bs.PrecisionAware(bits_needed=2.5), bs.LogNormal(), runs, "loss", roles)


class TestAccounting:
    """CHECK values of Kaplan et al. (2020)."""

    def test_compute_goes_round(self):
        c = accounting.flops(params=1e9, tokens=[2e10, 3e10])
        np.testing.assert_allclose(c, [1.2e20, 1.8e20])
        np.testing.assert_allclose(accounting.tokens_of(c, 1e9), [2e10, 3e10])
        np.testing.assert_allclose(accounting.params_of(c, [2e10, 3e10]), 1e9)
        assert accounting.pf_days(accounting.PF_DAY) == 1.0

    def test_transformer(self):
        n = accounting.transformer_params(layers=48, width=1600)
        assert n == 1474560000
        assert accounting.forward_flops(n, layers=48, width=1600, context=1024) == 3106406400

    def test_fewest_steps_and_least_compute(self):
        crit = accounting.critical_batch(3.0, 2.1e8, 0.21)
        assert accounting.min_steps(1e5, 5e5, crit) == pytest.approx(30815.31700537388)
        assert accounting.min_compute(1.0, 5e5, crit) == pytest.approx(0.6918468299462611)
        assert accounting.examples_ratio(3.0) == 1.5

    def test_table_six_at_a_thousand_pf_days(self):
        """What grows with compute is a power law of negative exponent."""
        table = {
            201346160458.62256: (1.3e9, 0.73),
            10496149.204995451: (2.0e6, 0.24),
            6643.451362386861: (5.4e3, 0.03),
            129130845806.93112: (2e10, 0.27),
        }
        for expected, (start, power) in table.items():
            law = bs.PowerLaw(irreducible=0.0, x0=start ** (-1 / power), exponent=-power)
            assert law.evaluate(x=1e3) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: accounting.flops(-1.0, 1e9), "params must be positive and finite; got -1"),
            (lambda: accounting.flops([1e9, np.inf], 1e9), "params .*got inf"),
            (lambda: accounting.pf_days(0.0), "compute must be positive"),
            (lambda: accounting.tokens_of("big", 1e9), "compute must hold numbers; got 'big'"),
            (lambda: accounting.examples_ratio([2.0, 1.0]), "above 1 .*got 1"),
        ],
    )
    def test_what_is_no_positive_number_is_refused(self, call, message):
        with pytest.raises(bs.DataError, match=message):
            call()

    def test_a_number_for_numbers_and_an_array_for_arrays(self):
        assert isinstance(accounting.flops(1e9, 2e10), float)
        assert accounting.flops([1e9], 2e10).shape == (1,)
