"""Numbers, columns and names as users give them: each of these was a traceback once."""

import datetime
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale.commands.output import note
from bayescale.data import observations
from bayescale.given import as_array, one_number
from bayescale.scoring import log_mean_exp
from bayescale.tables import cell
from bayescale.visible import visible

X = [1e6, 3e6, 1e7, 3e7, 1e8, 3e8]
RUNS = pd.DataFrame({"x": X, "y": [5.0, 4.2, 3.6, 3.1, 2.8, 2.6], "g": [1.0, 1, 1, 2, 2, 2]})


def checked(runs, law=None, likelihood=None, inputs=None, **options):
    law, likelihood = law or bs.PowerLaw(), likelihood or bs.LogNormal()
    return observations(law, likelihood, runs, "y", inputs or {"x": "x"}, **options)


@pytest.mark.parametrize("kind", ["complex128", "timedelta64[ns]", "datetime64[ns]", "bool"])
def test_columns_that_pandas_would_take_for_numbers(kind):
    with pytest.raises(bs.DataError, match=f"'x' must hold numbers; it holds {kind[:6]}"):
        checked(RUNS.assign(x=RUNS["x"].astype("int64").astype(kind)))
    spans = pd.period_range("2024", periods=6, freq="D")
    with pytest.raises(bs.DataError, match=r"'x' must hold numbers; it holds period\[D\]"):
        checked(RUNS.assign(x=spans))


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (10**400, "'x' must be finite; got inf in row 2"),
        (1 + 2j, "row 2 holds"),
        (True, "row 2 holds True"),
        (pd.Timestamp("2024-01-01"), "row 2 holds"),
        (datetime.date(2024, 1, 1), "row 2 holds"),
        ([1.0], "row 2 holds"),
        (np.ma.masked, "row 2 holds"),
        (b"1", "row 2 holds b'1'"),
        (None, "'x' must be finite; got nan in row 2"),
        (pd.NA, "'x' must be finite; got nan in row 2"),
    ],
)
def test_a_value_that_is_no_number(odd, words):
    values = RUNS["x"].astype(object)
    values[2] = odd
    with pytest.raises(bs.DataError, match=words.replace("'", ".")):
        checked(RUNS.assign(x=values))


@pytest.mark.parametrize(("odd", "hint"), [("3,5", True), ("1,5e6", True), ("3;5", False)])
def test_decimal_commas_are_told_of(odd, hint):
    values = RUNS["y"].astype(object)
    values[2] = odd
    with pytest.raises(bs.DataError, match=f"row 2 holds '{odd}'") as caught:
        checked(RUNS.assign(y=values))
    assert ('decimal=","' in str(caught.value)) is hint
    values[3] = "4,5"
    with pytest.raises(bs.DataError, match=r"rows 2, 3 hold '.*', '4,5'"):
        checked(RUNS.assign(y=values))


def test_numbers_of_other_kinds_are_numbers():
    values = [Fraction(10**6), Decimal("3e6"), "1e7", np.float32(3e7), 10**8, 3e8]
    np.testing.assert_allclose(
        checked(RUNS.assign(x=pd.Series(values, dtype=object))).inputs["x"], X
    )


@pytest.mark.parametrize("given", [["x"], np.array(["x"]), {"x": 1}, None, 3])
def test_what_is_no_name_of_a_column(given):
    with pytest.raises(bs.DataError, match="The table has no column"):
        checked(RUNS, inputs={"x": given})


@pytest.mark.parametrize("mixed", [[1, pd.Timestamp("2024")], [[1], [2]], [1, (1, 2)]])
def test_groups_that_have_no_order(mixed):
    column = pd.Series([mixed[0]] * 3 + [mixed[1]] * 3, dtype=object)
    law = bs.PowerLaw(exponent=bs.partial_pooling(by="g"))
    for options in ({"run": "g"}, {"law": law}, {"likelihood": bs.Replicated(config="g")}):
        with pytest.raises(bs.DataError, match=r"'g' \(.*=\) must hold text.*astype\(str\)"):
            checked(RUNS.assign(g=column), **options)


def test_inputs_over_hundreds_of_decades():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = checked(RUNS.assign(x=np.geomspace(1e-300, 1e300, 6)))
    assert np.isfinite(list(runs.references.values())).all()
    far = RUNS.assign(t=[1e-300, 3e-300, 2e-300, 9e-300, 4e-300, 7e-300])
    law = bs.Chinchilla(params_exponent=0.3, tokens_exponent=0.3, irreducible=1.0, params_scale=0.5)
    with pytest.warns(bs.DataWarning, match="swapped"):
        observations(law, bs.LogNormal(), far, "y", {"params": "x", "tokens": "t"})


@pytest.mark.parametrize("ceiling", ["1", True, np.nan, np.inf, [1.0]])
def test_a_ceiling_that_is_no_number(ceiling):
    with pytest.raises(bs.DataError, match="ceiling must be a finite number"):
        checked(RUNS, ceiling=ceiling)


class TestNumbers:
    @pytest.mark.parametrize("odd", ["1", True, None, [1.0], np.array([1.0]), 1 + 0j, pd.NaT])
    def test_what_is_none(self, odd):
        assert one_number(odd) is None

    def test_too_many_digits(self):
        assert one_number(10**400) == np.inf
        assert one_number(-(10**400)) == -np.inf

    @pytest.mark.parametrize(
        "odd", [{1.0}, "x", [[1], [2, 3]], np.ma.masked, [1, None], [True], 1j, [pd.NaT]]
    )
    def test_what_is_no_array(self, odd):
        with pytest.raises(bs.DataError, match="x= must hold numbers; got"):
            as_array("x=", odd)

    @pytest.mark.parametrize(
        "call",
        [
            lambda odd: bs.PowerLaw(exponent=odd),
            lambda odd: bs.Prior("Normal", mu=odd, sigma=1.0),
            lambda odd: bs.LogNormal(sigma=odd),
        ],
    )
    def test_arrays_are_no_priors(self, call):
        with pytest.raises(bs.PriorError, match="number"):
            call(np.eye(2))

    def test_laws_of_what_is_no_number(self):
        law = bs.PowerLaw(irreducible=1.0, scale=2.0, exponent=0.3)
        with pytest.raises(bs.DataError, match="x= must hold numbers; got 'x'"):
            law.evaluate(x="x")
        law = bs.Chinchilla(**bs.Chinchilla.example)
        with pytest.raises(bs.DataError, match=r"params \(2,\), tokens \(3,\)"):
            law.evaluate(params=[1, 2], tokens=[1, 2, 3])

    @pytest.mark.parametrize("odd", [-1.0, np.nan, [1.0, np.ma.masked], np.ma.array([1], mask=[1])])
    def test_laws_of_numbers_that_no_input_can_be(self, odd):
        law = bs.PowerLaw(irreducible=1.0, scale=2.0, exponent=0.3)
        with pytest.raises(bs.DataError, match="x= must hold numbers"):
            law.evaluate(x=odd)
        assert law.evaluate(x=np.inf) == 1.0

    @pytest.mark.parametrize("odd", ["a", None, -1.0, np.nan, 1e300])
    def test_noise_to_simulate(self, odd):
        with pytest.raises(bs.DataError, match="noise="):
            bs.PowerLaw().simulate(x=[1.0, 2.0], noise=odd)

    def test_inputs_to_simulate(self):
        assert len(bs.PowerLaw().simulate(x=3.0)) == 1
        for odd in (0.0, -1.0, np.inf, "x", {1.0}):
            with pytest.raises(bs.DataError, match="x= must hold"):
                bs.PowerLaw().simulate(x=odd)

    def test_accounting(self):
        with pytest.raises(bs.DataError, match=r"shapes are params \(3,\), tokens \(2,\)"):
            bs.flops([1, 2, 3], [1, 2])
        with pytest.raises(bs.DataError, match=r"flops\(\) of these numbers is larger"):
            bs.flops(1e200, 1e200)

    def test_an_outcome_that_no_draw_allows_has_no_density(self):
        found = log_mean_exp(np.array([[-np.inf, 0.0], [-np.inf, 0.0]]))
        np.testing.assert_array_equal(found, [-np.inf, 0.0])


@pytest.mark.parametrize("made", [bs.envelope, bs.isoflop])
def test_sweeps_of_nothing_and_of_too_much(made):
    how = {"y": "y", "params": "x", "tokens": "t"}
    table = RUNS.assign(t=1e300, x=[1e299 * i for i in range(1, 7)])
    with pytest.raises(bs.DataError, match="the compute by C = 6ND must be positive and finite"):
        made(table, **how)
    with pytest.raises(bs.DataError, match="The table of runs is empty"):
        made(table.iloc[:0], **how)
    with pytest.raises(bs.DataError, match=r"must hold numbers; row 2 holds \[1\]"):
        made(table.assign(y=[5.0, 4.0, [1], 3.0, 2.0, 1.0]), **how)


def test_priors_that_lead_to_nothing_finite_are_told_of():
    law = bs.Logarithmic()  # crosses zero
    with pytest.warns(bs.DataWarning, match="not finite"):
        law.prior_predictive(
            RUNS.assign(s=0.5), y="y", x="x", likelihood=bs.LogNormal(x_relative_sd="s")
        )
    with pytest.raises(bs.DataError, match="as a share of the input"):
        checked(RUNS.assign(s=30.0), likelihood=bs.LogNormal(x_relative_sd="s"))


class TestVisible:
    @pytest.mark.parametrize("mark", ["\x1b[2J", "\x07", "\x9b31m", "\u202e", "\u2066", "\x00"])
    def test_nothing_reaches_the_terminal(self, mark, capsys):
        name = f"loss{mark}"
        assert mark[0] not in visible(name)
        assert mark[0] not in cell(name, None)
        note(f"The table has no column {name}")
        assert mark[0] not in capsys.readouterr().err

    def test_text_stays(self):
        assert visible("Verlust α, 損失, 💥 = 3") == "Verlust α, 損失, 💥 = 3"
        assert visible("a\nb", keep="\n") == "a\nb"
