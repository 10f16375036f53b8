"""Forecasts, the input that reaches a target, and the chance of beating one."""

import numpy as np
import pytest

import bayescale as bs
from bayescale.forecasting import required_inputs


class TestRequired:
    """Against closed forms."""

    def solve(self, curve, targets, start=1.0, end=100.0):
        return required_inputs(curve, np.atleast_1d(targets), start, end)

    def test_power_law(self):
        floor = np.array([[0.0, 1.0, 1.9]])
        alpha = np.array([[0.05, 0.3, 0.8]])

        def curve(u):
            return floor + 3 * np.exp(-alpha * u)

        found = self.solve(curve, [2.0, 1.5])
        exact = np.exp(np.log(3 / (2.0 - floor)) / alpha)
        np.testing.assert_allclose(found[..., 0], exact, rtol=1e-9)
        assert np.isinf(found[0, 2, 1])
        assert np.isfinite(found[0, :2, 1]).all()

    def test_after_a_peak_the_target_must_hold_for_good(self):
        parameters = (0, 2, 0.4, (1e3, 1e5), (-0.9, 0.7), (5.0, 5.0))

        def curve(u):
            return np.broadcast_to(bs.BrokenPowerLaw.expr(np.exp(u), *parameters), (1, 1))

        # 0.3 is reached near x = 1e2 on the first descent, and for good only after the peak.
        (x,) = self.solve(curve, 0.3, start=10.0, end=1e7).ravel()
        assert bs.BrokenPowerLaw.expr(200.0, *parameters) < 0.3
        assert x > 1e7
        assert bs.BrokenPowerLaw.expr(x, *parameters) == pytest.approx(0.3, rel=1e-9)

    def test_a_curve_that_ends_rising_never_reaches(self):
        found = self.solve(lambda u: np.full((1, 2), np.exp(0.1 * np.minimum(u, 600))), 0.5)
        assert np.isinf(found).all()

    def test_a_target_above_the_whole_curve_needs_nothing(self):
        assert self.solve(lambda u: np.full((1, 1), 1.0), 2.0).item() == 0.0


class TestForecast:
    def test_interval_is_that_of_the_draws(self, power_fit):
        made = power_fit.forecast(x=[2e3, 2e4])
        table = made.interval(0.8)
        low, high = np.quantile(made.observation, [0.1, 0.9], axis=(0, 1))
        np.testing.assert_allclose(table["lower"], low)
        np.testing.assert_allclose(table["upper"], high)
        np.testing.assert_allclose(table["extrapolation"], np.array([2e3, 2e4]) / 1347)
        assert next(iter(table)) == "examples"
        assert table.attrs == {
            "drift": 0.3,
            "probability": 0.8,
            "kind": "equal-tailed",
            "of": "observation",
            "outcome": "error",
        }

    def test_a_new_run_is_less_certain_than_the_curve(self, power_fit):
        made = power_fit.forecast(x=[2e3])
        curve, run = made.interval(0.9, of="curve"), made.interval(0.9)
        assert (run["upper"] - run["lower"] > curve["upper"] - curve["lower"]).all()

    def test_the_tree_keeps_the_newest_forecast(self, power_fit):
        power_fit.forecast(x=[2e3, 3e3, 4e3])
        assert power_fit.tree["predictions"]["y"].sizes["forecast"] == 3
        np.testing.assert_allclose(
            power_fit.tree["predictions_constant_data"]["x"], [2e3, 3e3, 4e3]
        )

    def test_role_or_column_name(self, power_fit):
        by_role = power_fit.forecast(x=5e3).interval()
        by_column = power_fit.forecast(examples=5e3).interval()
        assert by_role.equals(by_column)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"x": [1e3, 0.0]}, bs.DataError, "positive finite numbers.*got 0"),
            ({"x": -1}, bs.DataError, "got -1"),
            ({"x": []}, bs.DataError, "got nothing"),
            ({"x": "big"}, bs.DataError, "must hold numbers; got 'big'"),
            ({"params": 1e3}, bs.LawError, "needs x=; got params="),
            ({}, bs.LawError, "got none"),
        ],
    )
    def test_bad_inputs(self, power_fit, given, error, message):
        with pytest.raises(error, match=message):
            power_fit.forecast(**given)

    @pytest.mark.parametrize("prob", [0, 1, 90, -0.1])
    def test_bad_probability(self, power_fit, prob):
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            power_fit.forecast(x=1e3).interval(prob)

    def test_a_backcast_says_that_it_is_one(self, power_fit):
        made = power_fit.forecast(x=[1.0, 1e4])
        least = power_fit.runs.inputs["x"].min()
        note = f"1 of 2 lie below the smallest examples ({least:g}): a backcast; the drift of 0.3"
        assert note in repr(made)
        assert "a backcast" in made._repr_html_()
        plain = power_fit.forecast(x=1.0, drift=0)
        assert plain.notes == [f"1 of 1 lie below the smallest examples ({least:g}): a backcast."]
        assert power_fit.forecast(x=1e4).notes == []
        inside = power_fit.forecast(x=300.0).curve.std()
        assert made.curve[..., 0].std() > power_fit.forecast(x=1.0, drift=0).curve.std() > inside

    def test_bad_kind(self, power_fit):
        with pytest.raises(bs.LawError, match="'observation' or 'curve'"):
            power_fit.forecast(x=1e3).interval(0.9, of="mean")


class TestTargets:
    def test_quantiles_are_infinite_where_never_is_likelier(self, power_fit):
        found = power_fit.required(y=[0.01, 0.001], drift=0)
        table = found.interval(0.9)
        assert table["p_never"][0] < 0.05
        assert np.isfinite(table["upper"][0])
        never = table["p_never"][1]
        assert 0.05 < never < 0.999
        assert np.isinf(found.quantile(1 - never / 2)[1])
        assert np.isfinite(found.quantile((1 - never) / 2)[1])

    def test_probability_counts_new_runs(self, power_fit):
        draws = power_fit.forecast(x=5e3).draws()
        assert power_fit.probability(y=0.01, x=5e3) == pytest.approx((draws < 0.01).mean())
        several = power_fit.probability(y=0.01, x=[1e3, 1e4])
        assert several[0] < several[1]

    def test_bad_targets(self, power_fit):
        with pytest.raises(bs.DataError, match="finite numbers"):
            power_fit.required(y=np.nan)
        with pytest.raises(bs.DataError, match="one target; got 2"):
            power_fit.probability(y=[1, 2], x=1e4)
