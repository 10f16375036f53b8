"""Fits and what follows from them, made once without sampling, for questions of every kind."""

import warnings
from contextlib import contextmanager
from functools import cache
from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr
from invented import invented_draws

import bayescale as bs
from bayescale import engines, sample
from bayescale.sample import Sampling

#: Small, and quick.
SMALL = Sampling(draws=25, tune=10, chains=2, seed=7)
BRIEF = {"draws": 20, "tune": 10}


def _drawn(law, likelihood, runs, settings, real=engines.draw):
    """Draws near the middle of the priors, in place of the sampler's."""
    if runs.groups is None:
        return invented_draws(law, likelihood, runs, settings)
    return real(law, likelihood, runs, settings)  # from coordinates that are made up below


def _run(key, density, settings, untangled=None):
    rng = np.random.default_rng(settings.seed)
    shape = settings.chains, settings.draws
    dims = ("chain", "draw")
    stats = {
        "diverging": (dims, np.zeros(shape, bool)),
        "energy": (dims, rng.standard_normal(shape)),
        "n_steps": (dims, np.full(shape, 7)),
    }
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    return 0.1 * rng.standard_normal((*shape, density.dimension)), xr.Dataset(stats, coords)


@contextmanager
def without_sampling():
    """Every fit gets draws near the middle of its priors; nothing is compiled."""
    with (
        mock.patch.object(engines, "draw", _drawn),
        mock.patch.object(sample, "run", _run),
        mock.patch.object(sample, "slope", return_value=None),
    ):
        yield


@cache
def table():
    """Twelve runs with every column that is asked for anywhere."""
    x = np.geomspace(1e6, 1e9, 12)
    rng = np.random.default_rng(0)
    y = 2 + 3 * (x / 1e6) ** -0.3 * np.exp(0.01 * rng.standard_normal(12))
    return pd.DataFrame(
        {
            "x": x, "z": 20 * rng.permutation(x), "y": y, "n": rng.integers(1, 50, 12) * 1.0,
            "s": rng.uniform(0.01, 0.05, 12), "g": list("aaaabbbbcccc"), "accuracy": 1 - y / 6,
            "steps": rng.permutation(x) / 1e3,
        }
    )  # fmt: skip


def fitted(law, y="y", **options):
    """A fit to the table."""
    with without_sampling():
        return law.fit(
            table(), y=y, draws=SMALL.draws, chains=SMALL.chains, seed=7, progress=False, **options
        )


def many():
    """The same for three groups."""
    return pd.concat([table().assign(g=g) for g in "abc"], ignore_index=True)


@cache
def sweep():
    """Runs at three budgets, nine sizes each."""
    sizes, budgets = np.geomspace(0.25, 4, 9), [1e18, 1e19, 1e20]
    rows = [(c, s * np.sqrt(c / 120)) for c in budgets for s in sizes]
    runs = pd.DataFrame(rows, columns=["compute", "params"])
    runs["tokens"] = runs["compute"] / (6 * runs["params"])
    noise = np.exp(0.003 * np.random.default_rng(1).standard_normal(len(runs)))
    runs["loss"] = (1.7 + 400 / runs["params"] ** 0.34 + 410 / runs["tokens"] ** 0.28) * noise
    return runs


@cache
def checkpoints():
    """Seven sizes, twelve lengths each."""
    runs = bs.Chinchilla(
        irreducible=1.69, A=406.4, params_exponent=0.34, B=410.7, tokens_exponent=0.28
    )
    sizes, lengths = np.meshgrid(np.geomspace(1e7, 1e9, 7), np.geomspace(1e9, 1e11, 12))
    made = runs.simulate(params=sizes.ravel(), tokens=lengths.ravel(), noise=0.001, y="loss")
    return made.assign(compute=6 * made["params"] * made["tokens"])


@cache
def ready():
    """Everything that can be asked, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws, and made up
        return _ready()


def _ready():
    pooled = bs.partial_pooling(by="g")
    made = {
        "fit": fitted(bs.PowerLaw(), x="x"),
        "broken": fitted(bs.BrokenPowerLaw(breaks=1, placement="fixed"), x="x"),
        "nd": fitted(bs.Chinchilla(), params="x", tokens="z"),
        "compute": fitted(bs.PowerLaw(), x="z"),
        "steps": fitted(bs.KaplanModelSteps(), params="x", steps="steps"),
        "grouped": fitted(bs.PowerLaw(scale=pooled), x="x"),
        "grouped nd": fitted(bs.Chinchilla(irreducible=pooled), params="x", tokens="z"),
        "rising": fitted(bs.PowerLaw(), y="accuracy", ceiling=1.0, x="x"),
        "of runs": fitted(bs.PowerLaw(), likelihood=bs.Correlated(), run="g", x="x"),
        "link": fitted(bs.SigmoidLink(), y="accuracy", loss="y"),
        "of noise": fitted(bs.PowerLaw(), likelihood=bs.LogNormal(n_obs="n", y_sd="s"), x="x"),
        "law": bs.PowerLaw(irreducible=1.0, scale=2.0, exponent=0.3),
        "kaplan": bs.published("kaplan2020", "L(N,D)"),
    }  # fmt: skip
    made["fits"] = {"power": made["fit"], "broken": made["broken"]}
    made["laws"] = {name: fit.law for name, fit in made["fits"].items()}
    made["mixture"] = bs.ensemble(made["fits"], weights=[0.3, 0.7])
    made["forecast"] = made["fit"].forecast(x=[1e10, 1e12])
    made["required"] = made["fit"].required([2.5, 1.0])
    made["front"] = bs.frontier(made["nd"], [1e19, 1e21])
    made["near"] = made["front"].near_optimal()
    made["stages"] = bs.two_stage(made["fit"], made["link"])
    made["a prior"] = bs.Prior("Normal", mu=0.0, sigma=1.0)
    raw = {
        name: table().assign(y=table()["y"] * factor) for name, factor in (("a", 1.01), ("b", 0.98))
    }
    made["learned"] = bs.learn_n_obs({"a": made["fit"], "b": made["broken"]}, raw)
    made["derived"] = bs.elasticity(made["fit"], x=[1e9, 1e11])
    made["difference"] = bs.difference(made["forecast"])
    made["target"] = bs.target_cost(made["nd"], [2.5, 2.2])
    made["sweep"] = bs.isoflop(sweep(), y="loss", params="params", compute="compute", draws=100)
    made["next"] = bs.next_runs(made["fit"], {"x": [1e9, 1e10]}, goal={"x": 1e12}, draws=100)
    made["prior"] = bs.PowerLaw().prior_predictive(table(), y="y", x="x", draws=20)
    with without_sampling():
        how = {"y": "y", "x": "x", "progress": False, **BRIEF}
        made["backtest"] = bs.backtest(made["laws"], table(), cutoffs=2, **how)
        made["batch"] = bs.fit_many(made["laws"], many(), by="g", forecast={"x": 1e10}, **how)
        made["study"] = bs.power_study(
            bs.PowerLaw(), {"sizes": 6, "decades": 3}, studies=2, progress=False, **BRIEF
        )
        made["smallest"] = bs.sensitivity_to_smallest(bs.PowerLaw(), table(), at=1e10, **how)
        made["rows"] = bs.sensitivity_to_rows(made["fit"], x=1e10, repair=False)
        made["compared"] = bs.compare(made["fits"], repair=False)
    return made
