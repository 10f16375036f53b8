"""Exponents that drift beyond the data: what changes there, and what must not."""

import numpy as np
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale.drift import _KNOTS, DRIFT, Drift, checked_drift

SHAPE = (4, 500)


@pytest.fixture(scope="module")
def fit():
    return invented_fit(bs.PowerLaw())


@pytest.fixture(scope="module")
def broken():
    return invented_fit(bs.BrokenPowerLaw(breaks=2, placement="fixed"), bs.Correlated())


@pytest.fixture(scope="module")
def two():
    return invented_fit(bs.Chinchilla())


def curve(fit, drift=DRIFT, **at):
    return fit.forecast(drift=drift, **at).draws("curve")


def ends(fit, role="x"):
    return fit.runs.references[f"{role}_start"], fit.runs.references[f"{role}_end"]


def straight(exponent=0.3, strength=0.5, on_logs=True, seed=0, edges=None, **constants):
    """The drift of a power law without a floor, whose draws are all the same."""

    def power(inputs):
        x = np.prod(list(inputs.values()), axis=0)
        return np.broadcast_to(2.0 * x**-exponent, (*SHAPE, len(x)))

    edges = edges or {"x": (1.0, 100.0)}
    return Drift(power, edges, SHAPE, strength, seed, on_logs=on_logs, **constants)


class TestOff:
    def test_without_drift_the_law_stands(self, fit):
        at = {"x": np.array([10.0, 1e6, 1e9])}
        np.testing.assert_array_equal(curve(fit, 0, **at), fit.curve_draws(at))
        np.testing.assert_array_equal(fit.drifted_draws(at, 0.0), fit.curve_draws(at))

    def test_inside_the_data_nothing_drifts(self, fit, broken):
        for one in (fit, broken):
            start, end = ends(one)
            at = {"x": np.geomspace(start, end, 7)}
            np.testing.assert_array_equal(curve(one, 2.0, **at), one.curve_draws(at))

    def test_inside_nothing_drifts_beside_what_is_beyond(self, fit):
        start, end = ends(fit)
        at = {"x": np.array([start / 9, start, np.sqrt(start * end), end, 5 * end])}
        moved = curve(fit, **at) / fit.curve_draws(at)
        np.testing.assert_allclose(moved[..., 1:4], 1.0, rtol=1e-12)
        assert (moved[..., [0, 4]].std(axis=(0, 1)) > 1e-3).all()


class TestPath:
    def test_what_is_asked_along_with_it_does_not_matter(self, fit, broken):
        for one in (fit, broken):
            _, end = ends(one)
            alone = curve(one, x=[3 * end])
            many = curve(one, x=[1.01 * end, 300 * end, 3 * end, 1e9 * end, 3 * end])
            np.testing.assert_allclose(many[..., 2], alone[..., 0], rtol=1e-9)
            np.testing.assert_allclose(many[..., 4], alone[..., 0], rtol=1e-9)

    def test_the_same_for_two_inputs(self, two):
        p, t = ends(two, "params")[1], ends(two, "tokens")[1]
        alone = curve(two, params=3 * p, tokens=10 * t)
        both = curve(two, params=[3 * p, p, 9 * p], tokens=[10 * t, 2 * t, 100 * t])
        np.testing.assert_allclose(both[..., 0], alone[..., 0], rtol=1e-9)

    def test_it_starts_at_the_edge_of_the_data(self, fit, two):
        start, end = ends(fit)
        for x in (end, start):
            step = 1e-6 * (1 if x == end else -1)
            near = curve(fit, x=[x * (1 + step)])
            np.testing.assert_allclose(near[..., 0], fit.curve_draws({"x": np.array([x])})[..., 0],
                                       rtol=1e-5)  # fmt: skip
        p, t = ends(two, "params")[1], ends(two, "tokens")[1]
        near = curve(two, params=p * 1.000001, tokens=t * 1.000001)
        at = {"params": np.array([p]), "tokens": np.array([t])}
        np.testing.assert_allclose(near, two.curve_draws(at), rtol=1e-5)

    def test_it_is_continuous(self):
        drift = straight()
        t = np.concatenate([np.linspace(0, 8, 4001), _KNOTS[1:40] - 1e-7, _KNOTS[1:40] + 1e-7])
        t.sort()
        path = np.log(drift.applied({"x": 100 * np.exp(t)}))
        steep = np.abs(np.diff(path, axis=-1)) / np.maximum(np.diff(t), 1e-12)
        assert np.abs(np.diff(path, axis=-1))[..., np.diff(t) < 1e-6].max() < 1e-4
        assert np.median(steep) == pytest.approx(0.3, rel=0.5)

    def test_a_falling_curve_goes_on_falling(self, fit):
        _, end = ends(fit)
        path = curve(fit, 1.0, x=np.geomspace(end, 1e4 * end, 200))
        assert (np.diff(path, axis=-1) <= 1e-12).all()

    def test_nearby_inputs_drift_alike(self, fit):
        _, end = ends(fit)
        at = {"x": np.array([5 * end, 5.5 * end, 5e3 * end])}
        moved = np.log(curve(fit, **at) / fit.curve_draws(at)).reshape(-1, 3)
        alike = np.corrcoef(moved.T)
        assert alike[0, 1] > 0.98
        assert alike[0, 2] < alike[0, 1]


class TestSize:
    def test_the_spread_is_what_the_formula_says_at_first(self):
        """Its variance is that of an integrated Ornstein-Uhlenbeck process that forgets in 1."""
        t = 0.6
        x = 100 * np.exp(t)
        alike = straight(exponent=0.3, strength=0.2, usual=1.0, varies=0.0)
        shift = np.log(alike.applied({"x": np.array([x])}) / (2 * x**-0.3))
        variance = t - 1.5 + 2 * np.exp(-t) - 0.5 * np.exp(-2 * t)
        # Of the exponent and 0.3.
        assert shift.std() == pytest.approx(0.2 * (0.3 + 0.3) * np.sqrt(variance), rel=0.05)
        assert shift.mean() == pytest.approx(0.2 / 4 * 0.3 * t, rel=0.1)  # it falls short

    def test_draws_drift_by_different_amounts(self):
        """Most by next to nothing, and one in ten by 25 times as much as the usual one."""
        t, q = 0.4, 0.02  # so little that no draw comes to a halt
        at, law = {"x": np.array([100 * np.exp(t)])}, 2 * (100 * np.exp(t)) ** -0.3
        slowed = q / 4 * 0.3 * t
        shift = np.log(straight(strength=q).applied(at) / law) - slowed
        alike = straight(strength=q, usual=1.0, varies=0.0)
        usual = np.log(alike.applied(at) / law) - slowed
        ratio = np.abs(shift / usual)
        np.testing.assert_allclose(np.quantile(ratio, 0.5), 0.05, rtol=0.15)
        np.testing.assert_allclose(np.quantile(ratio, 0.9), 0.05 * np.exp(2.5 * 1.2816), rtol=0.15)
        assert ratio.max() == pytest.approx(10.0)

    def test_a_flat_curve_may_fall_again_and_does_not_turn(self):
        flat = straight(exponent=0.0, usual=1.0, varies=0.0)
        path = np.log(flat.applied({"x": 100 * np.exp(np.linspace(0, 5, 60))}) / 2.0)
        assert (np.diff(path, axis=-1) <= 1e-12).all()
        assert path[..., -1].std() > 0.05

    def test_outcomes_of_any_sign_have_no_least_slope(self):
        flat = straight(exponent=0.0, on_logs=False)
        assert (flat.applied({"x": np.array([1e4])}) == 2.0).all()

    def test_a_rising_curve_goes_on_rising(self):
        rising = straight(exponent=-0.2, usual=1.0, varies=0.0)
        path = rising.applied({"x": 100 * np.exp(np.linspace(0, 5, 60))})
        assert (np.diff(path, axis=-1) >= -1e-12).all()
        assert np.log(path[..., -1]).std() > 0.05

    def test_more_drift_is_more_doubt(self):
        at = {"x": np.array([2000.0])}
        widths = [np.log(straight(strength=q).applied(at)).std() for q in (0, 0.3, 0.6, 1.2)]
        assert (np.diff(widths) > 0).all()

    def test_a_law_that_turns_gains_exponents_of_either_sign(self):
        """By the largest that a draw has within the data, also where its end is flat."""

        def peak(inputs):
            u = np.log(inputs["x"]) / np.log(100)
            return np.broadcast_to(np.exp(-((u - 1) ** 2)), (*SHAPE, len(u)))

        drift = Drift(peak, {"x": (1.0, 100.0)}, SHAPE, 0.5, 0, turns=True)
        at = {"x": 100 * np.exp(np.array([0.5, 1.0]))}
        shift = np.log(drift.applied(at) / peak(at))
        steepest = 2 / np.log(100)  # at u = 0; the end is flat
        t = np.array([0.5, 1.0])
        variance = t - 1.5 + 2 * np.exp(-t) - 0.5 * np.exp(-2 * t)
        spread = shift.std(axis=(0, 1))
        np.testing.assert_allclose(spread, 0.5 * steepest * np.sqrt(variance), rtol=0.07)
        assert np.abs(shift.mean(axis=(0, 1)) / spread).max() < 0.1
        assert (shift[..., 1] > 0).mean() == pytest.approx(0.5, abs=0.05)

    def test_a_new_run_drifts_as_the_curve_does(self, fit):
        _, end = ends(fit)
        made = fit.forecast(x=[50 * end])
        curves, news = (np.log(made.draws(of)).ravel() for of in ("curve", "observation"))
        assert np.corrcoef(curves, news)[0, 1] > 0.9
        assert news.std() > curves.std()

    def test_below_the_data_it_drifts_too(self, fit):
        start, end = ends(fit)
        at = {"x": np.array([start / 5])}
        below = np.log(curve(fit, **at) / fit.curve_draws(at))
        assert below.std() > 1e-3
        above = np.log(curve(fit, x=[5 * end]) / fit.curve_draws({"x": np.array([5 * end])}))
        assert above.std() > 0

    def test_seeds_of_fits_are_seeds_of_drifts(self):
        at = {"x": np.array([1e4])}
        one, other = straight(seed=[7, 7]).applied(at), straight(seed=[8, 7]).applied(at)
        assert not np.array_equal(one, other)
        np.testing.assert_array_equal(one, straight(seed=[7, 7]).applied(at))

    def test_a_curve_that_has_run_out_of_numbers_stays(self):
        far = straight(exponent=5.0).applied({"x": np.array([1e200])})
        assert (far == 0).all()

    def test_however_far_is_asked(self):
        tiny = straight(edges={"x": (1e-300, 1e-290)})
        assert np.isfinite(tiny.applied({"x": np.array([1e-280, 1e307])})).all()
        edges = {"a": (1e-300, 1e-290), "b": (1.0, 10.0)}
        wide = Drift(lambda at: 1 + at["a"] ** -0.01 + 0 * at["b"], edges, SHAPE, 0.5, 0)
        far = np.full((*SHAPE, 1), 1e307)
        assert np.isfinite(wide.applied({"a": far, "b": np.full_like(far, 5.0)})).all()

    def test_outcomes_of_any_sign_drift_themselves(self):
        def line(inputs):
            return np.broadcast_to(1.0 - 0.4 * np.log(inputs["x"]), (*SHAPE, len(inputs["x"])))

        drift = Drift(line, {"x": (1.0, 100.0)}, SHAPE, 0.5, 0, on_logs=False)
        at = {"x": np.array([50.0, 1e4])}
        found = drift.applied(at)
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found[..., 0], line(at)[..., 0])
        assert found[..., 1].std() > 0.1


class TestSeveralInputs:
    def test_only_what_is_beyond_drifts(self, two):
        (p0, p1), (t0, t1) = ends(two, "params"), ends(two, "tokens")
        inside = {"params": np.array([p0, p1, p1]), "tokens": np.array([t1, t0, t1])}
        np.testing.assert_array_equal(two.drifted_draws(inside, 0.5), two.curve_draws(inside))
        for beyond in ({"params": 9 * p1, "tokens": t1}, {"params": p1, "tokens": t0 / 9}):
            at = {role: np.array([value]) for role, value in beyond.items()}
            assert np.log(two.drifted_draws(at, 0.5) / two.curve_draws(at)).std() > 1e-4

    def test_the_farthest_input_says_how_far(self):
        edges = {"a": (1.0, 10.0), "b": (1.0, 100.0)}
        drift = straight(edges=edges)
        at = {"a": np.array([5.0, 30.0, 0.1, 10.0]), "b": np.array([50.0, 300.0, 50.0, 800.0])}
        np.testing.assert_allclose(drift.distance(at), np.log([1.0, 3.0, 10.0, 8.0]))


class TestQuestions:
    @pytest.mark.parametrize("law", ["fit", "broken"])
    def test_the_curve_at_the_required_input_is_the_target(self, law, request):
        one = request.getfixturevalue(law)
        _, end = ends(one)
        for far in (20, 1e6):
            target = float(np.median(one.curve_draws({"x": np.array([far * end])})))
            x = one.required(y=target).draws[..., 0].ravel()
            there = np.flatnonzero(np.isfinite(x) & (x > end) & (x < 1e12 * end))[::5]
            assert len(there) > 20
            drifted = one.drifted_draws({"x": x[there]}, DRIFT).reshape(-1, len(there))
            # A draw that leaves its course bends between the places of which it is read off.
            np.testing.assert_allclose(drifted[there, np.arange(len(there))], target, rtol=3e-3)

    def test_the_same_for_two_inputs(self, two):
        p, t = ends(two, "params")[1], ends(two, "tokens")[1]
        at = {"params": np.array([2 * p]), "tokens": np.array([10 * t])}
        target = float(np.median(two.curve_draws(at)))
        x = two.required(y=target, solve="tokens", params=2 * p).draws[..., 0].ravel()
        finite = np.flatnonzero(np.isfinite(x) & (x > t) & (x < 1e8 * t))[::11]
        assert len(finite) > 20
        at = {"params": np.full(len(finite), 2 * p), "tokens": x[finite]}
        drifted = two.drifted_draws(at, DRIFT).reshape(-1, len(finite))
        np.testing.assert_allclose(drifted[finite, np.arange(len(finite))], target, rtol=0.05)

    def test_inside_the_data_the_required_input_is_that_of_the_law(self, fit):
        start, end = ends(fit)
        middle = {"x": np.array([np.sqrt(start * end)])}
        target = float(np.median(fit.curve_draws(middle)))
        plain, drifted = (fit.required(y=target, drift=q).draws for q in (0, 0.5))
        inside = (plain > start) & (plain < end)
        assert inside.mean() > 0.5
        np.testing.assert_allclose(drifted[inside], plain[inside], rtol=1e-9)

    def test_probability_is_that_of_the_forecast(self, fit, broken):
        for one in (fit, broken):
            _, end = ends(one)
            draws = curve(one, x=[30 * end])
            target = float(np.quantile(draws, 0.3))
            assert one.probability(y=target, x=30 * end, of="curve") == pytest.approx(0.3, abs=0.01)

    def test_probability_and_required_say_the_same(self, fit):
        _, end = ends(fit)
        x = 30 * end
        target = float(np.quantile(curve(fit, x=x), 0.4))
        needed = fit.required(y=target).draws
        chance = fit.probability(y=target, x=x, of="curve")
        assert (needed <= x).mean() == pytest.approx(chance, abs=5e-3)

    def test_an_ensemble_drifts_as_its_fits_do(self):
        laws = bs.PowerLaw(), bs.BrokenPowerLaw(breaks=2, placement="fixed")
        members = [invented_fit(law) for law in laws]
        both = bs.ensemble(members)
        end = members[0].runs.references["x_end"]
        at = {"x": [2 * end, 80 * end]}
        drifted = [fit.drifted_draws({"x": np.array(at["x"])}, 0.7) for fit in members]
        found = both.forecast(drift=0.7, **at)
        np.testing.assert_array_equal(found.draws("curve"), both.mixed(drifted))
        assert found.drift == 0.7
        plain = both.forecast(drift=0, **at).draws("curve")
        assert (plain != found.draws("curve")).all()
        density = both.log_density([1.2, 1.0], drift=0.7, **at)
        parts = [fit.log_density([1.2, 1.0], drift=0.7, **at) for fit in members]
        np.testing.assert_allclose(density, np.logaddexp(*parts) - np.log(2))
        target = float(np.median(found.draws("curve")[..., 1]))
        needed = both.required(y=target, drift=0.7).draws
        assert (needed <= at["x"][1]).mean() == pytest.approx(0.5, abs=0.01)

    def test_density_is_about_the_drifted_curve(self, fit):
        _, end = ends(fit)
        y = float(np.quantile(curve(fit, 0, x=50 * end), 0.999)) * 1.1
        doubtful, sure = (fit.log_density(y, x=50 * end, drift=q).item() for q in (1.0, 0))
        assert doubtful > sure

    def test_an_outcome_with_a_ceiling_drifts_below_it(self):
        fit = invented_fit(bs.PowerLaw(), ceiling=4.0)
        _, end = ends(fit)
        at = {"x": np.array([end, 30 * end, 1e6 * end])}
        found = curve(fit, **at)
        np.testing.assert_allclose(4.0 - found, fit.drifted_draws(at, DRIFT), atol=1e-12)
        assert (found <= 4.0).all()
        assert (found[..., 1] != curve(fit, 0, **at)[..., 1]).any()
        np.testing.assert_allclose(found[..., 0], curve(fit, 0, **at)[..., 0], rtol=1e-12)
        target = float(np.median(found[..., 1]))
        assert fit.probability(y=target, x=30 * end, of="curve") == pytest.approx(0.5, abs=0.01)
        needed = fit.required(y=target).draws
        assert (needed <= 30 * end).mean() == pytest.approx(0.5, abs=0.01)


class TestWhatIsRefused:
    @pytest.mark.parametrize("drift", [-0.1, np.nan, -np.inf, np.inf, "0.5", None, True, [0.5]])
    def test_what_is_no_drift(self, fit, drift):
        with pytest.raises(bs.LawError, match=r"drift= must be a number of at least 0.*got"):
            checked_drift(drift)
        with pytest.raises(bs.LawError, match="drift= must be"):
            fit.forecast(x=1e6, drift=drift)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda f: f.required(y=2.0, drift=-1),
            lambda f: f.probability(y=2.0, x=1e6, drift=-1),
            lambda f: f.intervals(x=1e6, drift=-1),
            lambda f: f.log_density(2.0, x=1e6, drift=-1),
        ],
        ids=["required", "probability", "intervals", "log_density"],
    )
    def test_everywhere(self, fit, ask):
        both = bs.ensemble({"a": fit, "b": fit})
        for source in (fit, both):
            with pytest.raises(bs.LawError, match=r"drift= must be.*got -1"):
                ask(source)

    @pytest.mark.parametrize("drift", [0, 0.5, 2, np.float64(0.3), np.int64(1)])
    def test_numbers_are_taken(self, drift):
        assert checked_drift(drift) == float(drift)
        assert isinstance(checked_drift(drift), float)
