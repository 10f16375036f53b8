"""How well each form samples: our coordinates, and for four of them the literature's own.

Run: uv run python benchmarks/geometry.py [--laws PowerLaw,Chinchilla] [--seeds 3] [--pymc]
Every form is fitted to runs that follow its example with 1 % noise (60 runs). For the power law
with floor, one break, Chinchilla and Kaplan's L(N, D), on runs like those of their papers, the same
law is also written by hand in PyMC in the literature's constants with broad priors on their
logarithms (``textbook``), and sampled by nutpie as it comes (diagonal metric) and with our metric
(low rank); ``--pymc`` adds PyMC's own NUTS. Same draws, tuning, target acceptance and chains.

Columns: smallest bulk ESS over the literature's constants, per draw and per second of sampling
(compiling is not counted: the second run of each is timed), leapfrog steps per draw, divergences,
R-hat. Medians over seeds. Writes benchmarks/results/geometry.csv.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pymc as pm
from arviz_stats.base.array import array_stats
from textbook import PAPERS, runs_like_the_paper

import bayescale as bs
from bayescale import sample
from bayescale.registry import LAWS, find_law

DRAWS, TUNE, CHAINS = 1000, 1000, 4


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--laws")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--pymc", action="store_true")
    given = arguments.parse_args()
    find_law("PowerLaw")  # fills the registry
    names = given.laws.split(",") if given.laws else list(LAWS)
    rows = []
    for name in names:
        if name in PAPERS:
            rows += compared(name, given.seeds, given.pymc)
        rows.append(median(name, "example", "ours", [ours(name, s) for s in range(given.seeds)]))
        print(pd.DataFrame(rows[-4:]).to_string(index=False, float_format=lambda v: f"{v:.3g}"))
    table = pd.DataFrame(rows)
    place = Path(__file__).parent / "results" / "geometry.csv"
    if given.laws is None:
        table.to_csv(place, index=False, float_format="%.4g")
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))


def median(law: str, runs: str, coordinates: str, found: list[dict]) -> dict[str, Any]:
    """Return the median over seeds of every number."""
    return {"law": law, "runs": runs, "coordinates": coordinates, **pd.DataFrame(found).median()}


def ours(name: str, seed: int) -> dict[str, float]:
    """Fit a form to runs that follow its example."""
    form = LAWS[name]
    inputs = form.example_inputs(60)
    exact = form.expr(**inputs, **form.example)
    scatter = 0.01 * np.random.default_rng(seed).standard_normal(60)
    positive = form.default_likelihood.positive
    y = exact * np.exp(scatter) if positive else exact + np.abs(exact).mean() * scatter
    runs = pd.DataFrame({**inputs, "y": y})
    return fitted(form(), form.default_likelihood(), runs, seed)


def fitted(law: Any, likelihood: Any, runs: pd.DataFrame, seed: int) -> dict[str, float]:
    """Fit with our coordinates, timing the sampler alone."""
    seconds = 0.0
    run = sample.run

    def timed(*given: Any) -> Any:
        nonlocal seconds
        start = time.perf_counter()
        done = run(*given)
        seconds = time.perf_counter() - start
        return done

    roles = {role: role for role in law.inputs}
    settings: dict[str, Any] = {"draws": DRAWS, "tune": TUNE, "chains": CHAINS, "retry": False}
    with warnings.catch_warnings(), patch.object(sample, "run", timed):
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        for _ in range(2):  # the first compiles
            fit = law.fit(
                runs, y="y", likelihood=likelihood, seed=seed, progress=False, **settings, **roles
            )
    constants = fit.law.constants(fit.parameters, fit.runs.references) | fit.noise
    return scores(constants, fit.tree["sample_stats"].to_dataset(), seconds)


def scores(constants: dict[str, Any], stats: Any, seconds: float) -> dict[str, float]:
    """Return the numbers of one fit."""
    flat = []
    for value in constants.values():
        flat += list(value) if isinstance(value, tuple) else [value]
    moving = np.stack([draws for draws in flat if np.ptp(draws) > 0])
    axes: dict[str, Any] = {"chain_axis": 1, "draw_axis": 2}
    ess = array_stats.ess(moving, method="bulk", **axes).min()
    return {
        "ess_per_draw": ess / moving[0].size,
        "ess_per_second": ess / seconds,
        "steps_per_draw": float(stats["n_steps"].mean()),
        "divergences": int(stats["diverging"].sum()),
        "rhat": float(array_stats.rhat(moving, **axes).max()),
        "seconds": seconds,
    }


# The literature's coordinates --------------------------------------------------------------------


def compared(name: str, seeds: int, with_pymc: bool) -> list[dict[str, Any]]:
    """Sample one law in our coordinates and in the literature's."""
    law, textbook, *_ = PAPERS[name]
    found: dict[str, list] = {}
    for seed in range(seeds):
        runs = runs_like_the_paper(name, seed)
        made = law()
        found.setdefault("ours", []).append(fitted(made, bs.LogNormal(), runs, seed))
        for metric in ("diag", "low_rank"):
            label = f"textbook, nutpie {metric}"
            result = by_nutpie(textbook(runs), metric, made.target_accept, seed)
            found.setdefault(label, []).append(result)
        if with_pymc:
            found.setdefault("textbook, PyMC", []).append(by_pymc(textbook(runs), seed))
    return [median(name, "paper", label, results) for label, results in found.items()]


def by_nutpie(model: pm.Model, metric: str, target: float, seed: int) -> dict[str, float]:
    import nutpie

    compiled = nutpie.compile_pymc_model(model)
    for _ in range(2):
        start = time.perf_counter()
        tree = nutpie.sample(
            compiled, draws=DRAWS, tune=TUNE, chains=CHAINS, cores=2, seed=seed,
            target_accept=target, adaptation=metric, save_warmup=False, progress_bar=False,
        )  # fmt: skip
        seconds = time.perf_counter() - start
    return scores(variables(tree), tree["sample_stats"].to_dataset(), seconds)


def by_pymc(model: pm.Model, seed: int) -> dict[str, float]:
    with model, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        tree = pm.sample(
            DRAWS, tune=TUNE, chains=CHAINS, cores=2, random_seed=seed, progressbar=False,
            nuts_sampler="pymc", compute_convergence_checks=False,
        )  # fmt: skip
        seconds = time.perf_counter() - start
    stats = tree["sample_stats"].to_dataset()
    return scores(variables(tree), stats, float(stats["sampling_time"].max()) or seconds)


def variables(tree: Any) -> dict[str, Any]:
    draws = tree["posterior"].to_dataset()
    return {name: draws[name].to_numpy() for name in draws if draws[name].ndim == 2}


if __name__ == "__main__":
    main()
