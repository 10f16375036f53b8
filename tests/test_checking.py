"""Every law and likelihood passes every check; wrong ones fail the check that is meant for them."""

import inspect

import numpy as np
import pytest
from noises import NOISES

import bayescale as bs
from bayescale.checking import every, of_fits
from bayescale.checking.running import tried
from bayescale.checking.subject import Subject
from bayescale.registry import LAWS


def test_every_law_passes_every_check(form):
    table = bs.check_law(form)
    assert list(table.index) == [check.__name__ for check in every.OF_LAWS]
    assert table["what"].str.len().min() > 20
    left_out = set(table.index[table["passed"].isna()])
    assert left_out <= {
        "recovers_what_made_the_runs",
        "floor_and_scale_are_what_they_are_called",
        "constants_come_back",
        "curve_only_falls",
    }
    assert (table["message"] != "").eq(table["passed"].isna()).all()


@pytest.mark.slow
def test_nuts_recovers_the_example(form):
    found = tried(
        of_fits.recovers_what_made_the_runs, Subject(form(), form.default_likelihood(), sample=True)
    )
    assert found.passed, found.message


@pytest.mark.parametrize("noise", NOISES)
def test_every_likelihood_passes_every_check(noise):
    table = bs.check_likelihood(NOISES[noise])
    assert list(table.index) == [check.__name__ for check in every.OF_LIKELIHOODS]
    merged = {"noise_adds_to_one", "noise_draws_follow_the_density", "wrong_runs_are_refused"}
    assert set(table.index[table["passed"].isna()]) == (merged if NOISES[noise].merges else set())


# Wrong on purpose ---------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def registry():
    """The registry as it was: laws of these tests are in no other's."""
    before = dict(LAWS)
    yield
    LAWS.clear()
    LAWS.update(before)


def plain(x, irreducible, scale, exponent):
    return irreducible + scale * x**-exponent


def one_more(x, irreducible, scale, exponent, more):
    return irreducible + scale * x**-exponent


def law_of(expr=plain, **changes):
    """A law that is right but for what is changed."""
    names = [name for name in inspect.signature(expr).parameters if name not in ("x", "draws")]
    priors = {
        "irreducible": bs.Prior("Uniform", lower=0.0, upper=1.0, on="floor_share"),
        "scale": bs.Prior("LogNormal", mu=0.0, sigma=0.5, on="level"),
        "exponent": bs.Prior("LogNormal", mu=-1.4, sigma=0.9),
        "more": bs.Prior("Normal", mu=0.0, sigma=0.02),
        "sigma": bs.Prior("LogNormal", mu=0.0, sigma=0.3),
    }
    example = {"irreducible": 1.7, "scale": 1.2, "exponent": 0.3, "more": 0.01, "sigma": 1.0}
    body = {
        "__doc__": "A law of mine.",
        "__annotations__": dict.fromkeys(names, bs.Prior | float),
        **{name: priors[name] for name in names},
        "example": {name: example[name] for name in names},
        "formula": "L(x) = irreducible + scale · x^-exponent",
        "expr": staticmethod(expr),
    }
    return bs.law(type("Mine", (bs.Law,), body | changes))


def test_a_right_law_passes():
    table = bs.check_law(law_of())
    assert table["passed"].dropna().all()


def not_everywhere(x, irreducible, scale, exponent):
    return irreducible + scale * np.log(x) ** -exponent


def changes_x(x, irreducible, scale, exponent):
    x *= 2
    return irreducible + scale * (x / 2) ** -exponent


def random_(x, irreducible, scale, exponent):
    return irreducible + scale * x**-exponent * np.random.default_rng().uniform(1, 1 + 1e-13)


def one_number(x, irreducible, scale, exponent):
    return irreducible + scale * x ** -float(exponent)


def arrays_only(x, irreducible, scale, exponent):
    return irreducible + scale * np.asarray(x) ** -exponent


def no_tensors(x, irreducible, scale, exponent):
    return irreducible + scale * np.cbrt(x) ** (-3 * exponent)


def steps(x, irreducible, scale, exponent):
    return irreducible + scale * x ** -(np.floor(10 * exponent) / 10)


def overflows(x, irreducible, scale, exponent):
    return irreducible + scale * x**-exponent * (np.exp(x) / np.exp(x))


def invents(x, irreducible, scale, exponent):
    return irreducible + scale * 2 ** (-exponent * (x > 1))


def two_of_one_kind(x, irreducible, scale, exponent, more):
    return irreducible + scale * x ** -(exponent + more)


def twice_the_scale(x, irreducible, scale, exponent):
    return irreducible + 2 * scale * x**-exponent


def curved(x, irreducible, scale, exponent, more):
    return irreducible + scale * x ** -(exponent + more * np.log(x))


def sharp(x, irreducible, scale, exponent, more):
    return irreducible + scale * x ** -(exponent + 0.1 * abs(more) ** 0.5 * np.log(x))


def of_sigma(x, irreducible, scale, exponent, sigma):
    return irreducible + scale * ((sigma + 1) / (sigma + x)) ** exponent


def of_draws(draws, irreducible, scale, exponent):
    return irreducible + scale * draws**-exponent


def other_shape_of_tensors(self, values, references):
    factor = 1.1 if hasattr(values["exponent"], "owner") else 1.0
    return {"exponent": values["exponent"] * factor}


def shape_with_units(self, values, references):
    return {"exponent": values["exponent"] * references["x_ref"] ** 0.01}


def wide(mu, sigma):
    return {"exponent": bs.Prior("LogNormal", mu=mu, sigma=sigma)}


#: What is wrong: (formula, what else is changed, the first check that must fail, words of it).
WRONG = {
    "logarithms of what may be negative": (not_everywhere, {}, "formula_is_finite", "nan at x ="),
    "x /= 2": (changes_x, {}, "formula_leaves_inputs_alone", "x = x / 2"),
    "a random formula": (random_, {}, "formula_leaves_inputs_alone", "random"),
    "float()": (one_number, {}, "formula_holds_for_draws", "TypeError"),
    "np.asarray()": (arrays_only, {}, "formula_on_labelled_arrays", "one-argument functions"),
    "a function without tensors": (no_tensors, {}, "formula_on_tensors", "TypeError"),
    "steps": (steps, {}, "formula_has_its_slope", "smooth formula"),
    "overflow": (overflows, {}, "formula_bears_extremes", "not finite at x ="),
    "a comparison": (invents, {}, "missing_stays_missing", "an invented number"),
    "an idle parameter": (one_more, {}, "everything_matters", "'more' does not move"),
    "two of one kind": (
        two_of_one_kind, {}, "parameters_can_be_told_apart", "exponent and more do one and",
    ),
    "twice the scale": (
        twice_the_scale, {}, "floor_and_scale_are_what_they_are_called", "the curve is 4.1",
    ),
    "an input called draws": (of_draws, {"inputs": ("draws",)}, "names_are_free", "'draws'"),
    "a parameter called sigma": (of_sigma, {}, "names_are_free", "one of a likelihood"),
    "an example out of bounds": (
        plain,
        {"example": {"irreducible": 1.7, "scale": 1.2, "exponent": -0.3}},
        "example_is_legal",
        "outside its bounds",
    ),
    "units of nothing": (
        plain, {"input_units": {"nothing": "x"}}, "declarations_agree", "'nothing'",
    ),
    "no formula for people": (plain, {"formula": ""}, "says_what_it_is", "formula ="),
    "no docstring": (plain, {"__doc__": None}, "says_what_it_is", "docstring"),
    "a prior without bounds": (plain, wide(0.0, 500.0), "priors_are_proper", "central 95 %"),
    "a prior far from anything": (plain, wide(4.0, 2.0), "prior_curves_are_sane", "not finite"),
    "units that matter": (plain, {"shape": shape_with_units}, "units_do_not_matter", "input_units"),
    "it may rise": (curved, {}, "curve_only_falls", "only_falls"),
    "tensors are another law": (
        plain, {"shape": other_shape_of_tensors}, "density_in_numpy_is_the_same", "numpy's",
    ),
    "a cusp where chains start": (
        sharp, {"only_falls": False}, "gradient_is_finite_at_the_start", "middle of the priors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_law_fails_the_check_that_is_meant_for_it(what):
    expr, changes, check, words = WRONG[what]
    law = law_of(expr, **changes)()
    assert words in first_failure(every.OF_LAWS, check, Subject(law, law.default_likelihood()))


def first_failure(checks, meant, subject):
    """The message of the check that is meant, before which every other passes."""
    names = [check.__name__ for check in checks]
    *before, found = every.outcomes(checks[: names.index(meant) + 1], subject)
    assert not [outcome for outcome in before if outcome.passed is False]
    assert found.passed is False
    return found.message


def test_a_failure_is_an_error_that_names_the_check_and_what_to_do():
    wrong = law_of(one_more)
    with pytest.raises(bs.CheckError, match=r"Mine fails .* checks:\n  everything_matters: .*drop"):
        bs.check_law(wrong)
    with pytest.warns(bs.BayescaleWarning, match="everything_matters"):
        table = bs.check_law(wrong, on_fail="warn")
    assert not table.loc["everything_matters", "passed"]


def test_another_law_of_the_same_name_could_not_be_loaded():
    first = law_of()
    law_of()
    (found,) = every.outcomes(
        [of_fits.fits_survive_the_disk], Subject(first(), first.default_likelihood())
    )
    assert not found.passed
    assert "under a name of its own" in found.message


class TestAsked:
    def test_a_name_an_instance_and_groups(self, monkeypatch):
        asked = []
        monkeypatch.setattr(every, "outcomes", lambda checks, subject: asked.append(subject) or [])
        pooled = bs.PowerLaw(exponent=bs.partial_pooling(by="family"), irreducible=0.0)
        for law in ("power", pooled, bs.PowerLaw):
            bs.check_law(law, likelihood=bs.StudentT(), sample=True)
        assert [subject.law for subject in asked] == [
            bs.PowerLaw(), bs.PowerLaw(irreducible=0.0), bs.PowerLaw(),
        ]  # fmt: skip
        assert all(subject.sample and subject.likelihood == bs.StudentT() for subject in asked)

    @pytest.mark.parametrize("odd", [3, dict, bs.LogNormal(), None])
    def test_what_is_no_law(self, odd):
        with pytest.raises(bs.CheckError, match="check_law takes a law, such as bs.PowerLaw; got"):
            bs.check_law(odd)

    def test_a_class_without_the_decorator(self):
        class Bare(bs.Law):
            """A law that was forgotten."""

        with pytest.raises(bs.CheckError, match=r"Bare is not registered. Write @bs\.law"):
            bs.check_law(Bare)

    def test_what_is_no_likelihood(self):
        with pytest.raises(bs.CheckError, match="got the class StudentT"):
            bs.check_likelihood(bs.StudentT)

    def test_what_to_do_on_failure(self):
        with pytest.raises(bs.CheckError, match="'raise', 'warn', 'record'; got 'ignore'"):
            bs.check_law(bs.PowerLaw, on_fail="ignore")

    def test_runs_of_one_s_own(self):
        runs = bs.PowerLaw().simulate(x=np.geomspace(1, 100, 9), y="loss")
        runs["n"] = 4
        likelihood = bs.LogNormal(n_obs="n")
        table = bs.check_likelihood(likelihood, runs=runs, y="loss", x="x")
        assert table.loc["noise_is_pymcs", "passed"]
        with pytest.raises(bs.DataError, match="no column 'n'"):
            bs.check_likelihood(likelihood, runs=runs.drop(columns="n"), y="loss", x="x")


def wrong_noise(**changes):
    return type("MyNoise", (bs.LogNormal,), changes)()


def of_log_y(self, y, value, **noise):
    return bs.LogNormal().log_density(y, value, **noise) + np.log(y)


def drawn_too_wide(self, rng, value, **noise):
    return bs.LogNormal().draw(rng, value, **noise | {"sigma": 2 * noise["sigma"]})


def drawn_anew(self, rng, value, **noise):
    return bs.LogNormal().draw(np.random.default_rng(), value, **noise)


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"log_density": of_log_y}, "noise_is_pymcs", "lacks 1 / y"),
        ({"draw": drawn_too_wide}, "noise_draws_follow_the_density", "p = "),
        ({"draw": drawn_anew}, "noise_draws_are_right", "Use rng"),
    ],
)
def test_a_wrong_likelihood_fails_the_check_that_is_meant_for_it(changes, check, words):
    subject = Subject(bs.PowerLaw(), wrong_noise(**changes))
    assert words in first_failure(every.OF_LIKELIHOODS, check, subject)
