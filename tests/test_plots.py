"""Plots draw the numbers that the user can also have, where and how they say."""

import re
import subprocess
import sys
from types import SimpleNamespace

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from invented import invented_fit
from matplotlib.text import Text

import bayescale as bs
from bayescale import posterior
from bayescale.data import observations
from bayescale.fitting import Fit
from bayescale.plots import labels, style, ticks
from bayescale.plots.breaks import local_exponent
from bayescale.sample import Sampling

CHAINS, DRAWS = 2, 150
X = np.geomspace(10, 1000, 9)


@pytest.fixture(autouse=True)
def closed_figures():
    """Close every figure; none has numbers that read 1e+04 or 2e9."""
    yield
    written = []
    for number in plt.get_fignums():
        plt.figure(number).draw_without_rendering()
        written += [text.get_text() for text in plt.figure(number).findobj(Text)]
    plt.close("all")
    assert not [words for words in written if re.search(r"\d[eE][+-]?\d", words)]


def synthetic_fit(law, runs, *, y="loss", x="tokens", likelihood=None, ceiling=None, spread=0.03):
    """Return a real Fit whose draws are scattered about the law's example, without sampling."""
    likelihood = likelihood or bs.LogNormal()
    checked = observations(law, likelihood, runs, y, {"x": x}, ceiling)
    rng = np.random.default_rng(0)

    def scattered(value):
        if isinstance(value, tuple):
            return tuple(scattered(part) for part in value)
        return value * np.exp(spread * rng.standard_normal((CHAINS, DRAWS)))

    parameters = {name: scattered(value) for name, value in law.example.items()}
    if "break_location" in parameters:
        centre = checked.references["x_ref"]
        parameters["break_location"] = tuple(centre * d for d in parameters["break_location"])
    size = float(checked.outcome.mean()) if not likelihood.positive else 1.0
    noise = {"sigma": scattered(0.05 * size)}
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), bool))})
    draws = posterior.Draws({}, parameters, noise, stats, "made by hand")
    free = {**parameters, **noise}  # stands in for the quantities that carry priors
    made = posterior.Draws(free, parameters, noise, stats, "made by hand")
    names = [slot.quantity for slot in posterior.Coordinates(law, likelihood).free]
    made.quantities.update(
        {name: rng.random((CHAINS, DRAWS)) for name in names if name not in free}
    )
    tree = posterior.tree(law, likelihood, checked, made, 0)
    tree.attrs = {"engine": draws.engine, "notes": [], "pareto_k": np.nan}
    return Fit(law, likelihood, checked, Sampling(), tree)


def runs_of(law, x=X, noise=0.02):
    runs = law.simulate(x=x / np.exp(np.log(x).mean()), y="loss", noise=noise)
    return runs.assign(tokens=x).drop(columns="x")


@pytest.fixture
def power_fit():
    law = bs.PowerLaw()
    return synthetic_fit(law, runs_of(law))


@pytest.fixture
def broken_fit():
    law = bs.BrokenPowerLaw()
    return synthetic_fit(law, runs_of(law))


def forecast_at(x, *, curve=1.0, sd=0.1, runs=None, outcome="loss", column="tokens"):
    """Return a Forecast made by hand: draws of a falling curve and of new runs about it."""
    rng = np.random.default_rng(1)
    x = np.asarray(x, float)
    middle = curve * (x / 100) ** -0.2 * (1 + 0.02 * rng.standard_normal((CHAINS, DRAWS, len(x))))
    new = middle + sd * rng.standard_normal(middle.shape)
    if runs is None:
        runs = pd.DataFrame({column: X, outcome: curve * (X / 100) ** -0.2})
    dims = ("chain", "draw", "forecast")
    return bs.Forecast(
        inputs=pd.DataFrame({column: x}),
        curve=xr.DataArray(middle, dims=dims),
        observation=xr.DataArray(new, dims=dims),
        extrapolation=x / runs[column].max(),
        outcome=outcome,
        runs=runs,
    )


def artist(ax, label):
    """Return the band or line with this label."""
    handles = [*ax.collections, *ax.lines, *ax.containers]
    (found,) = [handle for handle in handles if str(handle.get_label()).startswith(label)]
    return found


def band_edges(band):
    """Return the lower and the upper edge of a filled band, in order of x."""
    x, y = band.get_paths()[0].vertices.T
    corners = pd.DataFrame({"x": x, "y": y}).drop_duplicates().groupby("x")["y"]
    return corners.min().to_numpy(), corners.max().to_numpy()


def edge_line(ax):
    """Return the x of the vertical line across the axes."""
    lines = [line for line in ax.lines if list(line.get_ydata()) == [0, 1]]
    (edge,) = [line for line in lines if len(set(line.get_xdata())) == 1]
    return edge.get_xdata()[0]


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def boxes(ax):
    """Return the extents of the legend and of the edge's label, once all is laid out."""
    ax.figure.draw_without_rendering()
    (label,) = [t for t in ax.texts if "largest run" in t.get_text()]
    return ax.get_legend().get_window_extent(), label.get_window_extent()


class TestFit:
    def test_axes_labels_and_edge(self, power_fit):
        ax = bs.plot_fit(power_fit)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("tokens", "loss")
        assert ax.get_title() == "PowerLaw"
        assert edge_line(ax) == X.max()
        assert any(t.get_text() == "largest run: 1000" for t in ax.texts)

    def test_bands_are_the_forecast_of_each_input(self, power_fit):
        ax = bs.plot_fit(power_fit, prob=0.8)
        for of, label in (("curve", "curve, 80"), ("observation", "one new run, 80")):
            band = artist(ax, label)
            low, high = band_edges(band)
            at = np.unique(band.get_paths()[0].vertices[:, 0])
            for i in (0, 50, len(at) - 1):
                table = power_fit.forecast(x=at[i]).interval(0.8, of)
                assert low[i] == pytest.approx(table["lower"][0])
                assert high[i] == pytest.approx(table["upper"][0])

    def test_legend_says_probability_and_kind(self, power_fit):
        texts = legend_texts(bs.plot_fit(power_fit, prob=0.5))
        assert texts == [
            "runs (9)",
            "curve, median",
            "curve, 50 % equal-tailed",
            "one new run, 50 % equal-tailed",
        ]

    def test_draws_every_run_and_passes_through_their_inputs(self, power_fit):
        ax = bs.plot_fit(power_fit)
        runs = artist(ax, "runs")
        assert np.allclose(runs.get_xdata(), X)
        assert np.allclose(runs.get_ydata(), power_fit.runs.outcome)
        assert np.isin(X, artist(ax, "curve, median").get_xdata()).all()

    @pytest.mark.parametrize("extrapolation", [1, 10, 1e4])
    def test_extrapolation_sets_the_end(self, power_fit, extrapolation):
        ax = bs.plot_fit(power_fit, extrapolation=extrapolation)
        end = artist(ax, "curve, median").get_xdata().max()
        assert end == pytest.approx(X.max() * extrapolation)
        assert ax.get_xlim()[1] > end

    @pytest.mark.parametrize("extrapolation", [0.5, np.nan, np.inf])
    def test_refuses_a_short_extrapolation(self, power_fit, extrapolation):
        with pytest.raises(bs.LawError, match="extrapolation= must be 1 or more"):
            bs.plot_fit(power_fit, extrapolation=extrapolation)

    def test_leaves_the_fit_as_it_was(self, power_fit):
        power_fit.forecast(x=5e4)
        before = power_fit.tree["predictions"].to_dataset()
        bs.plot_fit(power_fit)
        assert power_fit.tree["predictions"].to_dataset().identical(before)

    def test_draws_into_the_axes_given_and_opens_no_other(self, power_fit):
        _, axs = plt.subplots(1, 2, layout="constrained")
        assert bs.plot_fit(power_fit, ax=axs[1]) is axs[1]
        assert not axs[0].has_data()
        assert plt.get_fignums() == [1]

    def test_accuracy_has_a_linear_axis_below_its_ceiling(self):
        law = bs.PowerLaw()
        runs = pd.DataFrame({"tokens": X, "accuracy": 1 - 0.3 * (X / 100) ** -0.4})
        ax = bs.plot_fit(synthetic_fit(law, runs, y="accuracy", ceiling=4.0, spread=0.01))
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")

    def test_bands_below_zero_run_out_of_the_log_axis(self):
        law = bs.PowerLaw()
        fit = synthetic_fit(law, runs_of(law), likelihood=bs.Normal(sigma=3.0))
        fit.tree["posterior"]["sigma"][:] = 3.0
        ax = bs.plot_fit(fit)
        low, _ = band_edges(artist(ax, "one new run"))
        assert (low < 0).any()
        assert ax.get_yscale() == "log"
        assert 0.1 < ax.get_ylim()[0] < fit.runs.outcome.min()
        ax.figure.draw_without_rendering()

    def test_many_replicates(self):
        law = bs.PowerLaw()
        runs = runs_of(law, np.repeat(X, 30), noise=0.1)
        ax = bs.plot_fit(synthetic_fit(law, runs))
        assert legend_texts(ax)[0] == "runs (270)"
        assert artist(ax, "runs").get_alpha() < 1

    def test_legend_and_label_are_off_the_data(self, power_fit):
        ax = bs.plot_fit(power_fit)
        legend, label = boxes(ax)
        assert not legend.overlaps(label)
        for line in (artist(ax, "runs"), artist(ax, "curve, median")):
            points = ax.transData.transform(line.get_xydata())
            assert legend.count_contains(points) == 0
            assert label.count_contains(points) == 0

    def test_refuses_laws_of_several_inputs(self, power_fit):
        runs = SimpleNamespace(columns={"params": "N", "tokens": "D"}, groups=None)
        several = SimpleNamespace(law=None, runs=runs, forecast=None)
        with pytest.raises(bs.LawError, match=r"plot_fit draws one input.*N, D"):
            bs.plot_fit(several)


class TestSlices:
    @pytest.fixture
    def fit(self):
        return invented_fit(bs.Chinchilla())

    def test_lines_are_the_curve_at_levels_that_occur(self, fit):
        ax = bs.plot_slices(fit, along="tokens", levels=3)
        levels = np.unique(fit.runs.inputs["params"])
        lines = [line for line in ax.get_lines() if line.get_label().startswith("n_params = ")]
        assert len(lines) == 3
        for line, level in zip(lines, [levels[0], None, levels[-1]], strict=True):
            if level is None:
                continue
            x, y = line.get_xydata()[40]
            table = fit.forecast(params=level, tokens=x).interval(0.9, "curve")
            assert y == pytest.approx(table["median"][0], rel=1e-6)

    def test_every_run_is_drawn_once(self, fit):
        ax = bs.plot_slices(fit)
        markers = [line for line in ax.get_lines() if line.get_linestyle() == "None"]
        assert sum(len(line.get_xdata()) for line in markers) == len(fit.runs)
        assert ax.get_xlabel() == "n_params"

    def test_a_run_between_the_lines_is_not_taken_for_one_of_a_line(self, fit):
        ax = bs.plot_slices(fit, levels=2)
        other = fit.runs.inputs["tokens"]
        at = np.isclose(other, other.min()) | np.isclose(other, other.max())
        (drawn,) = [line for line in ax.get_lines() if line.get_label().startswith("runs at other")]
        assert drawn.get_label() in legend_texts(ax)
        assert len(drawn.get_xdata()) == np.count_nonzero(~at)

    def test_what_it_refuses(self, fit, power_fit):
        with pytest.raises(bs.LawError, match="one input; draw it with plot_fit"):
            bs.plot_slices(power_fit)
        with pytest.raises(bs.LawError, match="along= must be one of params, tokens; got 'x'"):
            bs.plot_slices(fit, along="x")
        with pytest.raises(bs.LawError, match="levels= must be from 2 to 6; got 9"):
            bs.plot_slices(fit, levels=9)


class TestForecast:
    def test_bars_are_the_interval(self):
        made = forecast_at([2e3, 1e4])
        ax = bs.plot_forecast(made, prob=0.5)
        for of, label in (("curve", "curve, 50"), ("observation", "one new run, 50")):
            table = made.interval(0.5, of)
            (bars,) = artist(ax, label).lines[2]
            segments = np.array(bars.get_segments())
            assert np.allclose(segments[:, 0, 0], table["tokens"])
            assert np.allclose(segments[..., 1], table[["lower", "upper"]])
        assert np.allclose(
            artist(ax, "curve, median").get_ydata(), made.interval(0.5, "curve")["median"]
        )

    def test_bands_are_the_interval_in_order_of_x(self):
        x = np.geomspace(10, 1e5, 30)[::-1]
        made = forecast_at(x)
        ax = bs.plot_forecast(made)
        table = made.interval(0.9).sort_values("tokens")
        low, high = band_edges(artist(ax, "one new run"))
        assert np.allclose(low, table["lower"])
        assert np.allclose(high, table["upper"])
        assert (np.diff(artist(ax, "curve, median").get_xdata()) > 0).all()

    def test_one_input_and_its_runs_are_in_sight(self):
        ax = bs.plot_forecast(forecast_at([1e6]))
        low, high = ax.get_xlim()
        assert low < X.min()
        assert high > 1e6
        assert edge_line(ax) == X.max()
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("tokens", "loss")

    def test_band_below_zero_does_not_stretch_the_axis(self):
        made = forecast_at(np.geomspace(1e3, 1e5, 20), sd=1.0)
        ax = bs.plot_forecast(made)
        assert made.interval(0.9)["lower"].min() < 0
        assert ax.get_ylim()[0] > 0.01
        ax.figure.draw_without_rendering()

    def test_outcomes_that_are_not_positive_have_a_linear_axis(self):
        runs = pd.DataFrame({"tokens": X, "loss": np.linspace(1.0, -0.2, len(X))})
        ax = bs.plot_forecast(forecast_at([2e3, 4e3], runs=runs))
        assert ax.get_yscale() == "linear"

    def test_runs_at_one_input(self):
        runs = pd.DataFrame({"tokens": [100.0, 100.0], "loss": [1.0, 1.0]})
        ax = bs.plot_forecast(forecast_at([100.0], runs=runs))
        assert ax.get_xlim()[0] < 100 < ax.get_xlim()[1]

    def test_forecast_of_an_ensemble(self, power_fit):
        both = bs.ensemble({"a": power_fit, "b": power_fit})
        ax = bs.plot_forecast(both.forecast(x=[2e3, 1e4, 1e5]))
        assert legend_texts(ax)[0] == "runs (9)"

    def test_returns_the_axes_given(self):
        _, ax = plt.subplots()
        assert bs.plot_forecast(forecast_at([2e3]), ax=ax) is ax

    def test_widens_limits_that_were_set(self):
        _, axs = plt.subplots(1, 2, sharex=True, sharey=True, layout="constrained")
        bs.plot_forecast(forecast_at([1e8]), ax=axs[0])
        bs.plot_forecast(forecast_at([2e3], curve=5.0), ax=axs[1])
        assert axs[0].get_xlim()[1] > 1e8
        assert axs[0].get_ylim()[0] < 0.1
        assert axs[0].get_ylim()[1] > 7.0

    def test_refuses_a_wrong_probability_and_several_inputs(self):
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            bs.plot_forecast(forecast_at([1e6]), prob=90)
        table = pd.DataFrame({"N": [1.0], "D": [2.0]})
        several = SimpleNamespace(inputs=table, groups=(), curve=None, observation=None)
        with pytest.raises(bs.LawError, match="N, D"):
            bs.plot_forecast(several)
        assert plt.get_fignums() == []


def comparison(**columns):
    table = pd.DataFrame(
        {
            "rank": [0, 1, 2],
            "elpd": [60.0, 52.0, 20.0],
            "elpd_diff": [0.0, -8.0, -40.0],
            "dse": [0.0, 3.0, 9.0],
            "weight": [0.8, 0.2, 0.0],
            "warning": ["", "", "high Pareto k left"],
        },
        index=pd.Index(["broken", "power law", "no floor"], name="law"),
    )
    return table.assign(**columns)


class TestCompare:
    def test_draws_the_table_best_on_top(self):
        ax = bs.plot_compare(comparison())
        labels = [label.get_text() for label in ax.get_yticklabels()]
        assert labels == ["broken\nweight 0.80", "power law\nweight 0.20", "no floor\nweight 0.00"]
        assert ax.yaxis_inverted()
        (bars,) = ax.collections
        spans = np.array(bars.get_segments())[..., 0]
        assert np.allclose(spans, [[0, 0], [-11, -5], [-49, -31]])
        assert ax.get_xlim()[0] < -49
        assert ax.get_xlim()[1] > 0
        assert "standard error" in ax.get_xlabel()

    def test_hollow_where_the_table_warns(self):
        ax = bs.plot_compare(comparison())
        sound, doubtful = ax.lines[-2:]
        assert list(sound.get_ydata()) == [0, 1]
        assert list(doubtful.get_ydata()) == [2]
        assert doubtful.get_markerfacecolor() == "white"
        assert legend_texts(ax) == ["the table has a warning"]
        assert bs.plot_compare(comparison(warning="")).get_legend() is None

    def test_one_law_and_axes_given(self):
        _, ax = plt.subplots(layout="constrained")
        assert bs.plot_compare(comparison().head(1), ax=ax) is ax
        ax.figure.draw_without_rendering()


def backtest_of(held=(300.0, 600.0, 1000.0), laws=("power law", "broken"), replicates=1):
    train = np.geomspace(10, 200, 8)
    rows = []
    for cutoff in (200.0, 100.0):
        for i, law in enumerate(laws):
            for x in np.repeat(held, replicates):
                middle = 2 * x**-0.3 * (1 + 0.05 * i)
                row = {"law": law, "cutoff": cutoff, "n": x, "loss": 2 * x**-0.3, "median": middle}
                for level, width in ((50, 0.03), (80, 0.06), (90, 0.08), (95, 0.1)):
                    row[f"lower_{level}"] = middle * (1 - width) * (1 if cutoff == 200 else 0.1)
                    row[f"upper_{level}"] = middle * (1 + width)
                rows.append(row)
    every = np.concatenate([train, np.repeat(held, replicates)])
    table = pd.DataFrame(
        {"coverage_50": 0.4, "coverage_80": 0.7, "coverage_90": 0.95, "coverage_95": 1.0},
        index=pd.Index(laws, name="law"),
    ).assign(points=len(rows) // len(laws))
    return SimpleNamespace(
        table=table,
        points=pd.DataFrame(rows),
        runs=pd.DataFrame({"n": every, "loss": 2 * every**-0.3}),
        x="n",
        y="loss",
        cutoffs=(200.0, 100.0),
    )


class TestBacktest:
    def test_two_panels_of_its_own_and_one_in_axes_given(self):
        ax = bs.plot_backtest(backtest_of())
        main, side = ax.figure.axes
        assert ax is main
        assert "held-out points" in side.get_ylabel()
        _, given = plt.subplots()
        assert bs.plot_backtest(backtest_of(), ax=given) is given
        assert given.figure.axes == [given]

    def test_coverage_is_the_table(self):
        side = bs.plot_backtest(backtest_of()).figure.axes[1]
        drawn = [line for line in side.lines if len(line.get_xdata()) == 4]
        assert len(drawn) == 2
        assert np.allclose(drawn[0].get_xdata(), [0.5, 0.8, 0.9, 0.95])
        assert np.allclose(drawn[1].get_ydata(), [0.4, 0.7, 0.95, 1.0])

    def test_bars_are_the_last_cutoffs_points(self):
        made = backtest_of()
        ax = bs.plot_backtest(made)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("n", "loss")
        assert edge_line(ax) == 200
        last = made.points[made.points["cutoff"] == 200]
        for law in ("power law", "broken"):
            mine = last[last["law"] == law]
            (bars,) = artist(ax, law).lines[2]
            segments = np.array(bars.get_segments())
            assert np.allclose(segments[..., 1], mine[["lower_90", "upper_90"]])
            assert np.allclose(segments[:, 0, 0], mine["n"], rtol=0.2)

    def test_fitted_and_held_out_runs_are_told_apart(self):
        ax = bs.plot_backtest(backtest_of())
        fitted, held = artist(ax, "runs fitted"), artist(ax, "runs held out")
        assert fitted.get_xdata().max() == pytest.approx(200)
        assert list(held.get_xdata()) == [300, 600, 1000]
        assert fitted.get_label() == "runs fitted (6 of 8 in sight)"
        assert held.get_markerfacecolor() == "white"
        assert "90 % equal-tailed" in ax.get_legend().get_title().get_text()

    def test_bars_of_different_laws_stand_apart_and_in_sight(self):
        names = tuple("abcdefg")
        ax = bs.plot_backtest(backtest_of(laws=names))
        places = np.array([artist(ax, name).lines[0].get_xdata() for name in names])
        assert (np.diff(places, axis=0) > 0).all()
        assert places[-1, 0] < places[0, 1]
        assert places.max() < ax.get_xlim()[1]

    def test_bands_over_many_inputs(self):
        held = tuple(np.geomspace(300, 3000, 20))
        made = backtest_of(held=held)
        ax = bs.plot_backtest(made)
        last = made.points[(made.points["cutoff"] == 200) & (made.points["law"] == "power law")]
        low, high = band_edges(ax.collections[0])
        assert np.allclose(low, last["lower_90"])
        assert np.allclose(high, last["upper_90"])
        assert ax.collections[0].get_hatch() != ax.collections[1].get_hatch()

    @pytest.mark.parametrize("replicates", [1, 30])
    def test_one_held_out_input(self, replicates):
        ax = bs.plot_backtest(backtest_of(held=(400.0,), replicates=replicates))
        (bars,) = artist(ax, "broken").lines[2]
        assert len(bars.get_segments()) == 1
        assert f"runs held out ({replicates})" in legend_texts(ax)
        ax.figure.draw_without_rendering()


class TestBreaks:
    def test_local_exponent_of_a_power_law_is_its_exponent(self, power_fit):
        table = local_exponent(power_fit, [20.0, 1e5], prob=0.8)
        draws = power_fit.parameters["exponent"]
        for column, level in (("lower", 0.1), ("median", 0.5), ("upper", 0.9)):
            assert np.allclose(table[column], np.quantile(draws, level), rtol=1e-6)
        assert table.columns.tolist() == ["tokens", "median", "lower", "upper"]
        assert table.attrs["kind"] == "equal-tailed"

    def test_local_exponent_goes_from_first_to_last_segment(self, broken_fit):
        table = local_exponent(broken_fit, [1e-6, 1e12])
        first = broken_fit.parameters["exponent"]
        last = first + broken_fit.parameters["exponent_change"][0]
        assert table["median"][0] == pytest.approx(np.median(first), rel=1e-3)
        assert table["median"][1] == pytest.approx(np.median(last), rel=1e-3)

    def test_local_exponent_refuses_what_is_not_positive(self, broken_fit):
        with pytest.raises(bs.DataError, match="positive"):
            local_exponent(broken_fit, [0.0])

    def test_band_is_the_local_exponent(self, broken_fit):
        ax = bs.plot_breaks(broken_fit, prob=0.5)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
        assert ax.get_xlabel() == "tokens"
        line = artist(ax, "local exponent, median")
        table = local_exponent(broken_fit, line.get_xdata(), prob=0.5)
        assert np.allclose(line.get_ydata(), table["median"])
        low, high = band_edges(artist(ax, "local exponent, 50 % equal-tailed"))
        assert np.allclose(low, table["lower"])
        assert np.allclose(high, table["upper"])
        assert edge_line(ax) == X.max()

    def test_location_is_the_constants_and_lies_below_the_band(self, broken_fit):
        ax = bs.plot_breaks(broken_fit, prob=0.5)
        row = broken_fit.constants(0.5).loc["break_location[1]"]
        bar = artist(ax, "break location: density, 50 % equal-tailed")
        assert np.allclose(bar.get_xdata(), row[["lower", "upper"]].astype(float))
        low, high = ax.get_ylim()
        lowest = band_edges(artist(ax, "local exponent, 50"))[0].min()
        assert low + 0.16 * (high - low) <= lowest + 1e-9

    def test_a_fixed_location_is_a_line(self):
        law = bs.BrokenPowerLaw()
        fit = synthetic_fit(law, runs_of(law))
        fit.tree["posterior"]["break_location"][:] = 300.0
        ax = bs.plot_breaks(fit)
        assert set(artist(ax, "break location, fixed").get_xdata()) == {300.0}

    def test_refuses_a_law_without_breaks(self, power_fit):
        with pytest.raises(bs.LawError, match="PowerLaw has no break"):
            bs.plot_breaks(power_fit)
        assert plt.get_fignums() == []

    def test_returns_the_axes_given(self, broken_fit):
        _, ax = plt.subplots()
        assert bs.plot_breaks(broken_fit, ax=ax) is ax


def required_of(*, never=0.2, centre=5.0, targets=(2.0,)):
    draws = 10.0 ** np.random.default_rng(2).normal(centre, 0.4, (CHAINS, 500, len(targets)))
    draws[:, : round(never * 500)] = np.inf
    return bs.Required(np.array(targets), draws, "tokens", "loss", 1e4)


class TestRequired:
    def test_line_is_the_share_of_draws(self):
        made = required_of()
        ax = bs.plot_required(made)
        line = artist(ax, "loss 2")
        share = [(made.draws <= x).mean() for x in line.get_xdata()]
        assert np.allclose(line.get_ydata(), share)
        assert line.get_ydata()[-1] == pytest.approx(0.8, abs=0.03)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
        assert (ax.get_xlabel(), ax.get_ylabel()) == (
            "tokens",
            "probability of having reached the target",
        )
        assert edge_line(ax) == 1e4

    def test_legend_says_never_and_the_interval(self):
        ax = bs.plot_required(required_of(), prob=0.5)
        assert legend_texts(ax) == ["loss 2; never reached: 20 %", "median and 50 % equal-tailed"]

    def test_marks_are_the_finite_ends(self):
        made = required_of()
        row = made.interval(0.9).loc[0]
        marks = artist(bs.plot_required(made), "median and")
        assert np.isinf(row["upper"])
        assert np.allclose(marks.get_xdata(), [row["lower"], row["median"]])
        assert np.allclose(marks.get_ydata(), [0.05, 0.5])

    def test_targets_are_told_apart_in_grey(self):
        ax = bs.plot_required(required_of(targets=(2.0, 1.9, 1.8)))
        lines = [artist(ax, f"loss {target:g};") for target in (2.0, 1.9, 1.8)]
        assert len({line.get_linestyle() for line in lines}) == 3

    @pytest.mark.parametrize("value", [np.inf, 0.0, 1e290])
    def test_draws_at_the_ends_of_the_world(self, value):
        made = bs.Required(np.array([2.0]), np.full((2, 10, 1), value), "tokens", "loss", 1e4)
        ax = bs.plot_required(made)
        assert ax.get_xlim()[0] < 1e4 < ax.get_xlim()[1]
        shares = artist(ax, "loss 2").get_ydata()
        assert shares[-1] == (0 if value == np.inf else 1)
        ax.figure.draw_without_rendering()

    def test_returns_the_axes_given_and_refuses_a_wrong_probability(self):
        _, ax = plt.subplots()
        assert bs.plot_required(required_of(), ax=ax) is ax
        with pytest.raises(bs.LawError, match="between 0 and 1"):
            bs.plot_required(required_of(), prob=1.0)


class TestStyle:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (1.0, 1e6, [1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
            (8.0, 600.0, [10, 20, 50, 100, 200, 500]),
            (1.7, 2.9, [1.8, 2.0, 2.2, 2.4, 2.6, 2.8]),
            (0.1, 1.0, [0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0]),
            (-1.0, 1.0, []),
        ],
    )
    def test_ticks_are_round_and_few(self, low, high, expected):
        assert np.allclose(ticks.NiceTicks().tick_values(low, high), expected)

    @pytest.mark.parametrize("decades", [0.3, 0.8, 1.5, 2.5, 4, 9, 40])
    def test_there_are_always_some_ticks_but_never_a_crowd(self, decades):
        for start in (1e-7, 0.013, 2.2, 4e5, 1e20):
            assert 2 <= len(ticks.NiceTicks().tick_values(start, start * 10**decades)) <= 10

    def test_numbers_of_one_axis_are_written_in_one_manner(self):
        write = ticks.NiceNumbers().format_ticks
        assert write([0.02, 0.05, 1.0, 1000.0]) == ["0.02", "0.05", "1", "1000"]
        assert write([1000.0, 10_000.0]) == ["1000", "10,000"]
        assert write([1e4, 3e5]) == ["$10^{4}$", r"$3\times 10^{5}$"]
        assert write([]) == []

    def test_a_number_in_words(self):
        written = [ticks.number(value) for value in (1347.0, 0.02, 9999.7, 12_345, 0.0)]
        assert written == ["1347", "0.02", "10,000", "12,300", "0"]
        written = [ticks.number(value) for value in (3.2e6, 1e9, 2e21, -1.5e-7)]
        assert written == [
            r"$3.2\times 10^{6}$",
            "$10^{9}$",
            r"$2\times 10^{21}$",
            r"$-1.5\times 10^{-7}$",
        ]

    def test_strokes_differ_in_more_than_colour(self):
        for part in ("colour", "line", "hatch", "marker"):
            assert len({getattr(look, part) for look in style.STROKES}) == len(style.STROKES)


def test_long_labels_are_broken_where_the_axes_are_small():
    long = r"share of the variance that goes, of the forecast of loss at N=$2.5\times 10^{11}$"
    _, wide = plt.subplots(figsize=(12, 9))
    wide.set_ylabel(long)
    labels.fit_labels(wide)
    assert wide.get_ylabel() == long
    figure, ax = plt.subplots(figsize=(3.3, 2.6), layout="constrained")
    ax.set(xlabel=f"{long}, and {long}", ylabel=long)
    labels.fit_labels(ax)
    figure.draw_without_rendering()
    sheet = figure.bbox
    for label in (ax.xaxis.label, ax.yaxis.label):
        assert "\n" in label.get_text()
        assert label.get_text().replace("\n", " ").startswith(long)
        assert r"$2.5\times 10^{11}$" in label.get_text()
        box = label.get_window_extent()
        assert sheet.x0 <= box.x0 <= box.x1 <= sheet.x1
        assert sheet.y0 <= box.y0 <= box.y1 <= sheet.y1


def test_labels_of_a_column_stay_on_the_page(power_fit, broken_fit):
    required = power_fit.required(y=[1.2, 1.1])
    for plot, given in (
        (bs.plot_required, required),
        (bs.plot_breaks, broken_fit),
        (bs.plot_compare, comparison()),
    ):
        figure, ax = plt.subplots(figsize=(3.3, 2.6), layout="constrained")
        plot(given, ax=ax)
        figure.draw_without_rendering()
        for label in filter(Text.get_text, (ax.xaxis.label, ax.yaxis.label)):
            box = label.get_window_extent()
            assert figure.bbox.x0 - 1 <= box.x0
            assert box.x1 <= figure.bbox.x1 + 1
            assert figure.bbox.y0 - 1 <= box.y0
            assert box.y1 <= figure.bbox.y1 + 1


def test_matplotlib_loads_with_the_first_plot_only():
    code = (
        "import sys, bayescale as bs; bs.PowerLaw(); "
        "assert 'matplotlib.pyplot' not in sys.modules; "
        "bs.plot_compare; assert 'matplotlib.pyplot' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
