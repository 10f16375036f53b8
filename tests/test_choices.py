"""The defaults chosen again with each family left out: the rule, and forecasts by setting."""

import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from benchmarks.extrapolation import choices, curves, settings
from benchmarks.extrapolation.scores import LEVELS, Predictive, scored

GOOD = dict(zip(settings.COVERAGES, LEVELS, strict=True))


def row(family, strength, log_score, off=0.0, curve="1"):
    """Scores of a family under a setting whose coverages are off by so much."""
    setting = {
        "laws": "a + b",
        "weights": "equal",
        "slowing": 1 / 3,
        "forgetting": 1.0,
        "varying": 1.0,
        "least": 0.0,
    }
    scores = {"rmsle": strength, "log_score": log_score, "crps": 0.1}
    covers = {name: level - off for name, level in GOOD.items()}
    kind = {"set": "s", "family": family, "curve": curve}
    return {**kind, "strength": strength, **setting, **scores, **covers}


def test_the_best_of_those_that_cover_is_chosen():
    table = pd.DataFrame([row("p", 0.1, 9.0, 0.1), row("p", 0.2, 2.0, 0.03), row("p", 0.3, 1.0)])
    assert choices.chosen(table)["strength"] == 0.2


def test_the_nearest_is_chosen_where_none_covers():
    table = pd.DataFrame([row("p", 0.1, 9.0, 0.1), row("p", 0.2, 2.0, -0.05)])
    assert choices.chosen(table)["strength"] == 0.2


def test_a_family_has_no_say_in_its_own_setting():
    table = pd.DataFrame(
        [
            row("p", 0.1, 1.0), row("p", 0.2, 0.0),
            *(row("q", 0.1, 2.0, curve=name) for name in "123"),
            *(row("q", 0.2, 3.0 + int(name), curve=name) for name in "123"),
            row("r", 0.1, 0.0), row("r", 0.2, 0.5),
        ]
    )  # fmt: skip
    usual = {name: table[name][0] for name in choices.SETTING}
    found = choices.left_out(table, usual).set_index("family")
    assert found["strength"].to_dict() == pytest.approx(
        {"p": 0.2, "q": 0.1, "r": 0.2, "all": 0.2, "all, left out": np.nan}, nan_ok=True
    )  # for q: 1.0 and 0.0 against 0.0 and 0.5
    assert found.loc["q", "log_score"] == 2.0
    assert found.loc["all, left out", "log_score"] == pytest.approx((0.0 + 3 * 2.0 + 0.5) / 5)
    assert found.loc["all", "log_score"] == pytest.approx((0.0 + 4.0 + 5.0 + 6.0 + 0.5) / 5)
    assert found.loc["all, left out", "default_log_score"] == pytest.approx((1 + 3 * 2 + 0) / 5)
    gains = [1.0, 2.0 - 4.0, 2.0 - 5.0, 2.0 - 6.0, -0.5]  # of the usual 0.1 over 0.2
    assert found.loc["all", "gain"] == pytest.approx(np.mean(gains))
    assert found.loc["all", "gain_se"] == pytest.approx(np.std(gains, ddof=1) / 5**0.5)
    assert found["covers"].iloc[:-1].all()


def test_settings_say_what_is_changed():
    usual = choices.default("falling")
    rows = [usual, {**usual, "strength": 0.0}, {**usual, "laws": "power law", "weights": "equal"},
            {**usual, "weights": "equal", "forgetting": 3.0}]  # fmt: skip
    found = choices.marked(pd.DataFrame(rows), usual)
    assert found["changed"].tolist() == ["", "strength", "laws", "weights + forgetting"]


def test_a_curve_is_cut_at_a_tenth():
    x = np.geomspace(1, 100, 21)
    train = pd.DataFrame({"x": x[:15], "y": 1.0, "n_obs": 1})
    test = pd.DataFrame({"x": [*x[15:], 100.0], "y": [*np.ones(6), 3.0]})
    curve = curves.Curve("s", "f", "n", train, test, 1.0, train)
    found = choices.shortened(curve)
    assert found.train["x"].tolist() == x[:11].tolist()
    assert found.test["x"].tolist() == x[11:].tolist()
    assert found.test["y"].iloc[-1] == 2.0
    assert choices.shortened(curve, times=40) is None


def test_scores_of_a_distribution_are_those_of_its_draws():
    rng = np.random.default_rng(0)
    y = np.exp([0.0, 0.1, -0.3, 0.5])
    logs = 0.2 * rng.standard_normal((4000, 4))
    levels = np.quantile(logs, np.linspace(0, 1, 100), axis=0)
    grid = np.sort(np.concatenate([levels, [np.log(y)]]), axis=0)
    found = settings._scores(settings._distribution(logs, grid), np.zeros(4), grid, np.log(y))
    expected = scored(Predictive(np.exp(logs), np.zeros(4)), np.arange(1.0, 5.0), y)
    for name in ("rmsle", "crps", *settings.COVERAGES):
        assert found[name] == pytest.approx(expected[name], abs=1e-3), name


def test_the_default_setting_is_the_packages():
    assert choices.default("falling") == {
        "laws": "two breaks + two breaks in cells + shifted power law",
        "weights": "tenth equal", "strength": 0.3, "slowing": 1 / 4, "forgetting": 1.0,
        "varying": 2.5, "least": 0.3,
    }  # fmt: skip
    for kind in ("falling", "rising"):
        assert settings.DEFAULT in settings.pulls(kind)
        assert settings.default_mixture(kind) in settings.mixtures(kind)


# So few draws fall short, and both sides of the equality are made of the same ones.
@pytest.mark.filterwarnings("ignore::bayescale.errors.SamplingWarning")
def test_a_setting_at_the_defaults_is_the_packages_forecast():
    x = np.geomspace(1, 300, 20)
    runs = bs.PowerLaw().simulate(x=x, y="y", seed=1)
    laws = {"two breaks": bs.PowerLaw(irreducible=0.0), "shifted power law": bs.PowerLaw()}
    options = {"likelihood": bs.Correlated(), "retry": False, "progress": False, "draws": 250}
    fits = {name: law.fit(runs, y="y", x="x", **options) for name, law in laws.items()}
    test = pd.DataFrame({"x": [400.0, 600.0, 600.0, 2500.0], "y": [1.9, 1.8, 1.85, 1.7]})
    at, y = test["x"].to_numpy(), test["y"].to_numpy()
    members = {name: settings.Member(fit, test) for name, fit in fits.items()}
    table = pd.DataFrame(settings.scored(members, "ten times"))
    table = table.assign(set="s", family="f", curve="1")
    usual = choices.default("ten times")
    mixture = bs.ensemble(fits, weights="pseudo-bma")
    assert settings.shares([m.elpd for m in members.values()], "tenth equal") == pytest.approx(
        mixture.shares
    )
    expected = mixture.log_density(y, x=at)
    row = choices._rows(table, usual).iloc[0]
    assert row["log_score"] == pytest.approx(expected.mean(), rel=1e-12)
    logs, density = members["two breaks"].said(settings.DEFAULT)
    assert density == pytest.approx(fits["two breaks"].log_density(y, x=at), rel=1e-12)
    draws = fits["two breaks"].forecast(x=at).draws().reshape(-1, len(at))
    np.testing.assert_allclose(logs, np.log(draws), atol=1e-12)
    without = choices._rows(table, {**usual, "strength": 0.0}).iloc[0]
    assert without["log_score"] == pytest.approx(mixture.log_density(y, x=at, drift=0.0).mean())
    others = table[(table["laws"] == usual["laws"]) & (table["weights"] == usual["weights"])]
    assert others["log_score"].nunique() == len(settings.pulls("ten times"))


@pytest.mark.published
def test_the_curves_of_every_kind(published):
    counts = {kind: len(list(choices._curves(kind, published))) for kind in choices.KINDS}
    assert counts == {"falling": 139, "rising": 13, "ten times": 54}
