"""bs.forecast: the laws it takes, the rows it bears, and what it says of wrong ones."""

import warnings

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale import fitting, outlook
from bayescale.data import Observations
from bayescale.ensembles import Ensemble

X = np.geomspace(1.0, 1e4, 24)


def falling(x=X, **columns):
    return bs.PowerLaw().simulate(x=x, y="loss").assign(**columns)


def observed(x, y, **others):
    return Observations(
        {"x": np.asarray(x, float)}, np.asarray(y, float), {"x": "x"}, "y", **others
    )


def asked(runs, **options):
    """Forecast with few invented draws."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return bs.forecast(
            runs, y="loss", x="x", draws=100, tune=10, progress=False, **{"at": 1e5, **options}
        )


class TestLaws:
    def test_a_curve_that_falls_has_laws_that_fall(self):
        chosen = outlook.default_laws(observed(X, falling()["loss"]))
        assert list(chosen) == list(outlook.FALLING)
        assert all(law.only_falls for law in chosen.values())

    def test_a_curve_that_has_risen_has_laws_that_turn(self):
        peak = 2.0 - np.log10(X) * 0.3 + np.exp(-((np.log(X) - 6) ** 2))
        chosen = outlook.default_laws(observed(X, peak))
        assert list(chosen) == list(outlook.RISING)
        assert all(law.turns for law in chosen.values())

    def test_scatter_is_no_rise(self):
        rng = np.random.default_rng(0)
        y = falling()["loss"].to_numpy() * np.exp(0.05 * rng.standard_normal(len(X)))
        assert not outlook.has_risen(observed(X, y))
        assert not outlook.has_risen(observed(X[:3], [1.0, 2.0, 3.0]))

    def test_a_curve_that_has_fallen_off_a_cliff_has_a_law_with_a_sharp_break_besides(self):
        x = np.geomspace(100, 1000, 15)
        chosen = outlook.default_laws(observed(x, 0.4 + 1.7 / (1 + (x / 600) ** 6)))
        assert list(chosen) == [*outlook.FALLING, *outlook.CLIFF]
        steady = outlook.default_laws(observed(X, 2.0 * X**-0.9))
        assert list(steady) == list(outlook.FALLING)

    def test_scatter_is_no_cliff(self):
        rng = np.random.default_rng(0)
        y = falling()["loss"].to_numpy() * np.exp(0.3 * rng.standard_normal(len(X)))
        assert not outlook.has_fallen_off_a_cliff(observed(X, y))
        assert not outlook.has_fallen_off_a_cliff(observed(X[:3], [3.0, 1.0, 0.1]))

    def test_few_sizes_have_fewer_laws_and_too_few_none(self):
        six = outlook.default_laws(observed(X[:6], falling()["loss"][:6]))
        assert "shifted power law" in six
        with pytest.raises(bs.DataError, match="PowerLaw needs runs at 4 or more"):
            outlook.default_laws(observed(X[:3], falling()["loss"][:3]))

    def test_own_laws_in_their_place(self, no_sampling):
        made = asked(falling(), laws={"line": bs.PowerLaw(irreducible=0.0)})
        assert list(made.source.fits) == ["line"]
        assert made.source.weights.tolist() == [1.0]

    @pytest.mark.parametrize(
        ("laws", "message"),
        [
            ({}, "laws by name"),
            ([bs.PowerLaw()], "laws by name"),
            ({"a": bs.PowerLaw}, "with brackets"),
            ({"a": bs.Chinchilla()}, "laws of one input"),
        ],
    )
    def test_wrong_laws(self, laws, message):
        with pytest.raises(bs.LawError, match=message):
            asked(falling(), laws=laws)


class TestForecast:
    def test_it_is_that_of_its_ensemble(self, no_sampling):
        made = asked(falling(), at=[2e4, 1e5])
        assert isinstance(made.source, Ensemble)
        assert made.drift == bs.forecast.__kwdefaults__["drift"] > 0
        assert made.source.rule == "0.1 equal + 0.9 pseudo-bma"
        assert {fit.likelihood.label for fit in made.source.fits.values()} == {
            "Correlated(LogNormal)"
        }
        again = made.source.forecast(x=[2e4, 1e5])
        np.testing.assert_array_equal(made.observation, again.observation)
        assert list(made.interval(0.9)) == ["x", "median", "lower", "upper", "extrapolation"]

    def test_a_law_that_fails_has_no_part_and_loses_nothing(self, no_sampling, monkeypatch):
        fit = fitting.fit

        def failing(law, *args, **options):
            if type(law).__name__ == "ShiftedPowerLaw":
                raise RuntimeError("no luck")
            return fit(law, *args, **options)

        monkeypatch.setattr(fitting, "fit", failing)
        with pytest.warns(bs.BayescaleWarning, match="shifted power law could not be .* no luck"):
            made = bs.forecast(
                falling(), y="loss", x="x", at=1e5, draws=100, tune=10, progress=False
            )
        assert "shifted power law" not in made.source.fits
        with pytest.raises(RuntimeError, match="no luck"):
            asked(falling(), laws={"shifted": bs.ShiftedPowerLaw()})

    def test_several_runs_are_forecast_as_a_new_one(self, no_sampling):
        two = pd.concat([falling(seed="a"), falling(seed="b").assign(loss=lambda t: t.loss * 1.01)])
        made = asked(two, run="seed")
        (fit, *_) = made.source.fits.values()
        assert not fit.runs.one_run
        assert asked(falling(seed="a"), run="seed").source.runs.one_run

    def test_a_metric_that_rises(self, no_sampling):
        runs = falling().assign(loss=lambda t: 1 - t["loss"] / 10)
        with pytest.raises(bs.DataError, match="pass ceiling=1.0"):
            asked(runs)
        draws = asked(runs, ceiling=1.0).draws()
        assert (draws < 1).all()

    def test_rows_are_means_of_evaluations(self, no_sampling):
        made = asked(falling(n=4.0), n_obs="n")
        assert made.source.runs.n_obs.tolist() == [4.0] * len(X)

    @pytest.mark.parametrize(
        ("options", "kind", "message"),
        [
            ({"at": 0.0}, bs.DataError, "positive finite"),
            ({"at": "far"}, bs.DataError, "must hold numbers"),
            ({"drift": -0.1}, bs.LawError, "drift= must be"),
            ({"run": "sed"}, bs.DataError, "no column 'sed'"),
            ({"n_obs": "m"}, bs.DataError, "no column 'm'"),
            ({"n_obs": 3, "likelihood": bs.LogNormal()}, bs.LawError, "to the likelihood itself"),
        ],
    )
    def test_wrong_use_is_told_before_sampling(self, options, kind, message):
        with pytest.raises(kind, match=message):
            asked(falling(), **options)


class TestBins:
    def test_many_rows_become_means_of_bins(self):
        x = np.geomspace(1, 1e4, 5000)
        whole = observed(x, 2 * x**-0.3)
        few = outlook.binned(whole)
        assert len(few) == outlook.BINS
        np.testing.assert_allclose(few.outcome, 2 * few.inputs["x"] ** -0.3, rtol=1e-3)
        assert few.references == whole.references
        assert outlook.binned(few) is few

    def test_each_run_has_bins_of_its_own_and_evaluations_add_up(self):
        x = np.tile(np.geomspace(1, 1e4, 3000), 2)
        run = np.repeat([0.0, 1.0], 3000)
        few = outlook.binned(observed(x, x**-0.3, run=run, n_obs=np.full(6000, 2.0)))
        assert len(few) == 2 * outlook.BINS
        assert few.n_obs.sum() == 12_000
        assert (np.diff(few.run) >= 0).all()


@pytest.mark.slow
def test_a_real_curve_beyond_its_runs(curve):
    """Nothing chosen: eight smaller sizes forecast the rest of a shipped curve."""
    fitted, rest = curve.iloc[:10], curve.iloc[10:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        made = bs.forecast(fitted, y="error", x="examples", at=rest["examples"], progress=False)
    table = made.interval(0.95)
    inside = rest["error"].to_numpy() >= table["lower"].to_numpy()
    inside &= rest["error"].to_numpy() <= table["upper"].to_numpy()
    assert inside.mean() >= 0.8
    assert (table["upper"] / table["lower"]).max() < 4
    density = made.source.log_density(rest["error"], x=rest["examples"])
    assert np.isfinite(density).all()
