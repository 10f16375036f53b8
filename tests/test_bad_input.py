"""Whatever is passed: a right answer, or an error of ours that says what is wrong; nothing else.

Sampling is where every call ends: what gets there was accepted, and must then be sound. The profile
of hypothesis says how many cases: few here, ten thousand by ``benchmarks/bad_input.py``.
"""

import contextlib
import os
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from bad_frames import frames, numbers, tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import bayescale as bs
from bayescale import attempts, cli, fitting, posterior
from bayescale.checking.invented import invented_fit
from bayescale.checking.made_up import runs_for
from bayescale.coordinates import Coordinates
from bayescale.sample import Sampling

#: Cases of each test; of commands a quarter, which take as long.
CASES = int(os.environ.get("BAYESCALE_BAD_INPUT_CASES", "40"))
EACH = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="BAYESCALE_BAD_INPUT_CASES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)


class Reached(BaseException):
    """Sampling would begin; no ``except Exception`` on the way holds it up."""


def reach(law, likelihood, runs, *rest, **more):
    """Stand in for the sampler: what was accepted must be sound."""
    assert len(runs) > 0
    for values in (*runs.inputs.values(), runs.outcome, *(runs.known or {}).values()):
        assert not np.isnan(values).any()
    assert all((values > 0).all() for values in runs.inputs.values())
    references = runs.references
    assert np.isfinite(list(references.values())).all(), references
    if runs.groups is None:
        coordinates = Coordinates(law, likelihood)
        sizes = coordinates.sizes
        zero = {n: 0.0 if size is None else (0.0,) * size for n, size in sizes.items()}
        values, _ = coordinates.values(zero, coordinates.numbers(references))
        natural, _ = coordinates.natural(values, coordinates.numbers(references))
        curve = posterior.evaluate(law, natural, runs.inputs, references)
        assert np.isfinite(curve).all(), "the curve in the middle of the priors is not finite"
    raise Reached


@pytest.fixture(autouse=True, scope="module")
def no_sampling():
    with (
        mock.patch.object(fitting, "sampled", reach),
        mock.patch.object(attempts, "sampled", reach),
    ):
        yield


def answered(call):
    """Return what a call returns; None where sampling would begin or an error of ours is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        try:
            return call()
        except Reached:
            return None
        except bs.BayescaleError as error:
            words = str(error)
            assert len(words) > 20, f"it says no more than {words!r}"
            assert "Traceback" not in words
            return None


LAWS = {
    "one input": (bs.PowerLaw(), {"x": "x"}),
    "breaks": (bs.BrokenPowerLaw(breaks=1, placement="fixed"), {"x": "x"}),
    "no floor": (bs.Logarithmic(), {"x": "x"}),
    "two inputs": (bs.Chinchilla(), {"params": "x", "tokens": "z"}),
    "pooled": (bs.PowerLaw(exponent=bs.partial_pooling(by="g")), {"x": "x"}),
    "unpooled": (bs.PowerLaw(scale=bs.unpooled(by="g")), {"x": "x"}),
}
NOISES = [
    None, bs.Normal(), bs.StudentT(), bs.LogNormal(n_obs="n", y_sd="s"),
    bs.LogNormal(x_relative_sd="s", resolution="s", censored="n"), bs.Binomial(trials="n"),
    bs.BetaBinomial(trials=50), bs.Correlated(), bs.Heteroscedastic(bs.LogNormal()),
    bs.Replicated(config="g"), bs.Resampled(resample="g"), bs.ExGaussian(),
]  # fmt: skip
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "ceiling": st.sampled_from([1.0, 0.0, np.nan, np.inf, -1.0, "1", None, True, 1e300]),
        "run": st.sampled_from(["g", "n", "x", "missing", "", None, 3]),
    },
)


@EACH
@given(tables(), st.sampled_from(list(LAWS)), st.sampled_from(NOISES), OPTIONS)
def test_fit_of_any_table(table, law, likelihood, options):
    made, inputs = LAWS[law]
    answered(
        lambda: made.fit(table, y="y", likelihood=likelihood, progress=False, **inputs, **options)
    )


@EACH
@given(
    st.none() | st.text() | st.integers() | st.lists(st.floats()) | tables(),
    st.sampled_from(["y", "x", "", "Y", None, 3, ["y"], ("x", "y"), {"y": 1}]),
    st.sampled_from(["x", "y", "", "X", None, 3, ["x"], np.array(["x"])]),
)
def test_fit_of_what_is_no_table_and_of_odd_names(table, y, x):
    answered(lambda: bs.PowerLaw().fit(table, y=y, x=x, progress=False))


@EACH
@given(frames(), st.sampled_from(list(LAWS)), st.sampled_from(NOISES))
def test_prior_predictive_of_any_table(table, law, likelihood):
    made, inputs = LAWS[law]

    def call():
        return made.prior_predictive(table, y="y", likelihood=likelihood, draws=20, **inputs)

    found = answered(call)
    if found is not None:
        answered(found.check)


@EACH
@given(tables(), numbers(), st.sampled_from([None, "g", "n"]))
def test_the_forecast_without_choices_of_any_table(table, at, run):
    answered(lambda: bs.forecast(table, y="y", x="x", at=at, run=run, progress=False))


@EACH
@given(tables(), st.sampled_from(["g", "n", ["g", "n"], "missing", "x", (), None, 3]), numbers())
def test_batches_of_any_table(table, by, at):
    laws = [bs.PowerLaw(), bs.BrokenPowerLaw(breaks=1, placement="fixed")]
    answered(
        lambda: bs.fit_many(table, laws, by=by, y="y", x="x", forecast={"x": at}, progress=False)
    )


@EACH
@given(tables(), st.sampled_from(["envelope", "isoflop", "isoflop at budgets"]), numbers())
def test_sweeps_of_any_table(table, which, budgets):
    how = {"y": "y", "params": "x", "tokens": "z", "draws": 20}
    calls = {
        "envelope": lambda: bs.envelope(table, **how),
        "isoflop": lambda: bs.isoflop(table, **how),
        "isoflop at budgets": lambda: bs.isoflop(table, **how, budgets=budgets),
    }
    answered(calls[which])


# Numbers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit():
    law, likelihood = bs.PowerLaw(), bs.LogNormal()
    return invented_fit(
        law, likelihood, runs_for(law, likelihood), Sampling(draws=50, chains=2, seed=1)
    )


def sound(found):
    """No NaN came out in silence."""
    if found is None:
        return
    table = found if isinstance(found, pd.DataFrame) else pd.DataFrame(np.atleast_1d(found))
    kept = table.select_dtypes("number")
    assert not kept.isna().to_numpy().any(), table


@EACH
@given(numbers(), numbers(), st.sampled_from([0.9, 0, 1, -1, 2, np.nan, "0.9", None, [0.9]]))
def test_questions_to_a_fit(fit, x, y, prob):
    sound(answered(lambda: fit.forecast(x=x).interval(0.9)))
    answered(lambda: fit.forecast(x=1e3).interval(prob))
    answered(lambda: fit.required(y, prob=prob))
    sound(answered(lambda: fit.log_density(y, x=x)))
    answered(lambda: fit.summary(prob))


@EACH
@given(numbers(), numbers(), st.sampled_from([0.01, 0.0, -1.0, np.nan, "a", None, 1e300]))
def test_laws_of_numbers(x, value, noise):
    law = bs.PowerLaw(irreducible=1.0, scale=2.0, exponent=0.3)
    answered(lambda: law.evaluate(x=x))
    answered(lambda: bs.PowerLaw(exponent=value))
    answered(lambda: bs.Prior("LogNormal", mu=value, sigma=value))
    answered(lambda: bs.LogNormal(sigma=value))
    answered(lambda: bs.Binomial(trials=value))
    answered(lambda: law.simulate(x=x, noise=noise))


@EACH
@given(numbers(), numbers())
def test_accounting_of_numbers(a, b):
    for call in (bs.flops, bs.tokens_of, bs.params_of, bs.transformer_params):
        sound(answered(lambda call=call: call(a, b)))
    sound(answered(lambda: bs.pf_days(a)))
    sound(answered(lambda: bs.critical_batch(a, b, 0.2)))


# Commands -----------------------------------------------------------------------------------------

COMMANDS = {
    "fit": ["--x", "x", "--y", "y"],
    "forecast": ["--x", "x", "--y", "y", "--at", "1e10"],
    "compare": ["--x", "x", "--y", "y"],
    "fit of two inputs": ["--law", "chinchilla", "--params", "x", "--tokens", "z", "--y", "y"],
}


@settings(EACH, max_examples=max(CASES // 4, 10))
@given(frames(), st.sampled_from(list(COMMANDS)), st.sampled_from([",", ";", "\t", "|", " "]))
def test_commands_of_any_file(tmp_path_factory, table, command, separator):
    path = tmp_path_factory.mktemp("bad") / "runs.csv"
    with contextlib.suppress(Exception):  # pandas cannot write some of them
        table.to_csv(path, index=False, sep=separator)
    arguments = [command.split()[0], str(path), *COMMANDS[command]]

    def call():
        done = CliRunner().invoke(cli.app, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception

    answered(call)
