"""Every public function as a call that is right, for tests that then make it wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from ready import BRIEF, checkpoints, ready, sweep, table

import bayescale as bs

QUIET = {"progress": False}


@dataclass(frozen=True)
class Call:
    """A call that is right.

    ``also`` are arguments that it leaves out; ``always`` are made wrong in every case, since the
    call itself would take too long, or act on the world.
    """

    call: Callable[..., Any]
    right: dict[str, Any]
    also: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    method: str = ""


def _of(name: str, method: str, also: tuple[str, ...] = (), **right: Any) -> Call:
    """A method of something ready."""
    called = f"{type(ready()[name]).__name__}.{method}"
    return Call(lambda **how: getattr(ready()[name], method)(**how), right, also, (), called)


def _positional(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def made(**how: Any) -> Any:
        given = how.pop(name)
        return call(*given if isinstance(given, tuple) else (given,), **how)

    return made


def _law(cls: str) -> Call:
    """A law made with numbers or priors for its parameters, and described."""
    law = getattr(bs, cls)

    def made(**how: Any) -> Any:
        found = law(**how)
        return repr(found), found.priors, found.describe() if hasattr(found, "describe") else None

    return Call(made, dict(law.example))


def tables() -> dict[str, Call]:
    """Those that take a table of runs; what the columns may be is tests/test_bad_input.py's."""
    how = {"y": "y", "x": "x"}
    fast = {**how, **BRIEF, **QUIET}
    ours = ready()
    by = {"y": "loss", "params": "params", "compute": "compute", "draws": 20}
    noise = ("likelihood", "ceiling", "run")
    return {
        "PowerLaw.fit": Call(
            lambda **how: bs.PowerLaw().fit(**how),
            {"runs": table(), **fast},
            (*noise, "seed", "chains", "target_accept", "retry", "nonsense"),
        ),
        "PowerLaw.model": Call(
            lambda **how: bs.PowerLaw().model(**how), {"runs": table(), **how}, noise, ("runs",)
        ),
        "PowerLaw.prior_predictive": Call(
            lambda **how: bs.PowerLaw().prior_predictive(**how),
            {"runs": table(), **how, "draws": 20},
            (*noise, "seed", "nonsense"),
        ),
        "forecast": Call(
            bs.forecast,
            {"runs": table(), **fast, "at": 1e10},
            ("run", "n_obs", "ceiling", "laws", "likelihood", "drift", "seed"),
        ),
        "fit_many": Call(
            bs.fit_many,
            {"laws": ours["laws"], "runs": table(), "by": "g", **fast},
            (*noise, "forecast", "prob", "chains", "target_accept", "seed", "retry", "keep",
             "folder", "chunk", "nonsense"),
        ),
        "backtest": Call(
            bs.backtest,
            {"laws": ours["laws"], "runs": table(), **fast},
            (*noise, "holdout", "cutoffs", "by", "new_groups", "keep", "drift", "seed"),
        ),
        "sensitivity_to_smallest": Call(
            bs.sensitivity_to_smallest,
            {"law": bs.PowerLaw(), "runs": table(), "at": 1e10, **fast},
            ("group", "cuts", "of", "prob", "likelihood", "ceiling", "seed"),
        ),
        "envelope": Call(
            bs.envelope, {"runs": checkpoints(), **by}, ("tokens", "run", "seed")
        ),
        "isoflop": Call(
            bs.isoflop,
            {"runs": sweep(), **by},
            ("tokens", "budgets", "run", "asymmetric", "seed"),
        ),
        "check_likelihood": Call(
            bs.check_likelihood,
            {"likelihood": bs.Normal(), "runs": table(), **how},
            ("law", "on_fail"),
            ("likelihood",),
        ),
        "learn_n_obs": Call(
            bs.learn_n_obs,
            {"fits": {"a": ours["fit"]}, "raw_runs": {"a": table()}},
            ("drift",),
        ),
        "fit.update": _of("fit", "update", new_runs=table().iloc[:2].assign(x=[3e9, 5e9]), **QUIET),
    }  # fmt: skip


def fits() -> dict[str, Call]:
    """Those that take fits."""
    ours = ready()
    x = {"x": [1e10, 1e11]}
    nd = {"params": 1e9, "tokens": 1e10}
    both, one = ours["fits"], {"source": ours["fit"]}
    never = {"repair": False, **QUIET}
    study = {"law": bs.PowerLaw(), "design": {"sizes": [6], "decades": 3}, "studies": 1}
    return {
        "compare": Call(bs.compare, {"fits": both, **never}, ("method", "by", "folds")),
        "compare_by_group": Call(
            bs.compare_by_group,
            {"fits": {"one": ours["grouped"], "two": ours["grouped"]}, "column": "g", **never},
            ("by", "folds"),
        ),
        "leave_block_out": Call(
            bs.leave_block_out, {"fits": both, "blocks": 2, **QUIET}
        ),
        "ensemble": Call(
            bs.ensemble,
            {"fits": both, "weights": "equal"},
            ("backtest", "shrink"),
        ),
        "two_stage": Call(
            bs.two_stage, {"loss_fit": ours["fit"], "link_fit": ours["link"]}, ("seed",)
        ),
        "verdict": Call(
            bs.verdict,
            {"fits": both, "backtest": ours["backtest"], "comparison": ours["compared"], **QUIET},
            ("holdout", "cutoffs", "rope", "prob"),
        ),
        "next_runs": Call(
            bs.next_runs,
            {**one, "candidates": {"x": [1e9, 1e10]}, "goal": {"x": 1e12}, "draws": 100,
             "outcomes": 8, "refits": 2, **QUIET},
            ("cost", "budget", "most", "measure", "drift", "method", "seed"),
        ),
        "power_study": Call(
            bs.power_study,
            {**study, **BRIEF, **QUIET},
            ("truth", "against", "noise", "of", "within", "likelihood", "prob", "seed", "folder",
             "chunk"),
        ),
        "frontier": Call(
            bs.frontier,
            {"source": ours["nd"], "compute": [1e19, 1e20]},
            ("cost", "batch", "critical_batch", "inference_tokens", "price", "unit", "drift",
             "nonsense", "params"),
        ),
        "frontier of steps": Call(
            bs.frontier,
            {"source": ours["steps"], "compute": 1e19, "batch": 1e5},
            ("critical_batch",),
        ),
        "target_cost": Call(
            bs.target_cost,
            {"source": ours["nd"], "y": [2.5]},
            ("prob", "of", "cost", "batch", "inference_tokens", "price", "drift", "nonsense"),
        ),
        "cheaper": Call(
            bs.cheaper,
            {"first": ours["nd"], "second": ours["kaplan"], "compute": 1e20},
            ("cost", "second_cost", "prob", "drift", "seed", "nonsense"),
        ),
        "doubling_value": Call(
            bs.doubling_value,
            {"source": ours["nd"], **nd},
            ("factor", "cost", "batch", "drift", "nonsense"),
        ),
        "crossing": Call(
            bs.crossing,
            {"first": ours["fit"], "second": ours["law"], "start": 1.0, "end": 1e12},
            ("seed",),
        ),
        "projection": Call(
            bs.projection,
            {"source": ours["fit"], "target": 2.4, "current": 3.0},
            ("growth", "seed"),
        ),
        "speedup": Call(
            bs.speedup,
            {"first": ours["fit"], "over": ours["broken"], "at": [1e8]},
            ("group", "y", "of", "seed", "nonsense"),
        ),
        "speedup of groups": Call(
            bs.speedup,
            {"first": ours["grouped"], "group": {"g": "a"}, "over": {"g": "b"}, "at": 1e8},
            ("y", "of"),
        ),
        "tokens_needed": Call(
            bs.tokens_needed,
            {"source": ours["nd"], "overfitting": 0.02, "params": 1e9},
            ("of", "tokens"),
        ),
        "doubling_gain": Call(bs.doubling_gain, {**one, **x}, ("of", "factor", "nonsense")),
        "elasticity": Call(bs.elasticity, {**one, **x}, ("of", "reducible", "nonsense")),
        "entropy_split": Call(bs.entropy_split, {**one, **x}, ("unit", "items")),
        "floor_share": Call(bs.floor_share, {**one, **x}, ("nonsense",)),
        "overfitting": Call(bs.overfitting, {"source": ours["nd"], **nd}, ("of",)),
        "reducible_loss": Call(bs.reducible_loss, {**one, **x}, ("nonsense",)),
        "difference": Call(
            bs.difference, {"made": ours["forecast"], "first": 0, "second": 1}, ("of", "nonsense")
        ),
        "difference of a fit": Call(
            bs.difference,
            {"made": ours["grouped"], "first": {"g": "a"}, "second": {"g": "b"}, "x": 1e10},
            ("of", "drift"),
        ),
        "break_table": Call(bs.break_table, {"fit": ours["broken"]}, ("prob", "by_mode")),
        "break_detectability": Call(
            bs.break_detectability, {"source": ours["broken"], "x_max": 1e8, "sigma": 0.01}
        ),
        "sensitivity_to_prior": Call(
            bs.sensitivity_to_prior, {"fit": ours["fit"], "x": 1e10}, ("of", "nonsense")
        ),
        "sensitivity_to_rows": Call(
            bs.sensitivity_to_rows, {"fit": ours["fit"], "x": 1e10, **never}, ("of")
        ),
    }  # fmt: skip


def methods() -> dict[str, Call]:
    """What can be asked of a record."""
    x = {"x": [1e10, 1e11]}
    found = {
        "fit.forecast": _of("fit", "forecast", ("drift", "nonsense"), **x),
        "fit.intervals": _of("fit", "intervals", ("prob", "of", "drift"), **x),
        "fit.log_density": _of("fit", "log_density", ("drift",), y=2.5, **x),
        "fit.log_density_draws": _of("fit", "log_density_draws", ("drift",), y=2.5, **x),
        "fit.probability": _of("fit", "probability", ("of", "drift"), y=2.5, **x),
        "fit.required": _of("fit", "required", ("solve", "drift", "nonsense"), y=[2.5]),
        "fit.summary": _of("fit", "summary", prob=0.9),
        "fit.constants": _of("fit", "constants", prob=0.9),
        "fit.outliers": _of("fit", "outliers", limit=0.5),
        "fit.at": _of("fit", "at", ("nonsense", "x")),
        "fit.save": _of("fit", "save", path="fit.nc"),
        "fit.report": _of(
            "fit", "report",
            ("title", "at", "compare", "backtest", "checklist", "prob", "drift", "seconds"),
            path="report.html", quick=True, sections=["summary"], **QUIET,
        ),
        "noise.intervals": _of("of noise", "intervals", ("of", "n", "s", "n_obs", "y_sd"), **x),
        "nd.required": _of("nd", "required", y=[2.5], solve="tokens", params=1e9),
        "nd.forecast": _of("nd", "forecast", params=1e9, tokens=[1e10, 1e11]),
        "rising.probability": _of("rising", "probability", y=0.6, **x),
        "rising.required": _of("rising", "required", y=[0.6, 2.0]),
        "of runs.forecast": _of("of runs", "forecast", ("run", "g"), **x),
        "grouped.at": _of("grouped", "at", ("nonsense",), g="a"),
        "grouped.forecast": _of("grouped", "forecast", ("drift",), g="b", **x),
        "grouped.intervals": _of("grouped", "intervals", ("prob", "drift"), g="new", **x),
        "grouped.required": _of("grouped", "required", g="b", y=2.5),
        "grouped.contrasts": _of(
            "grouped", "contrasts", ("prob",), parameter="scale", against="a", ratio=True
        ),
        "mixture.forecast": _of("mixture", "forecast", ("drift", "nonsense"), **x),
        "mixture.intervals": _of("mixture", "intervals", ("prob", "of"), **x),
        "mixture.log_density": _of("mixture", "log_density", y=2.5, **x),
        "mixture.required": _of("mixture", "required", ("solve",), y=[2.5]),
        "mixture.probability": _of("mixture", "probability", ("of",), y=2.5, **x),
        "mixture.save": _of("mixture", "save", path="mixture.nc"),
        "mixture.at": _of("mixture", "at", ("nonsense", "x")),
        "forecast.interval": _of("forecast", "interval", prob=0.9, of="curve"),
        "forecast.draws": _of("forecast", "draws", of="curve"),
        "required.interval": _of("required", "interval", prob=0.9),
        "required.quantile": _of("required", "quantile", levels=[0.1, 0.9]),
        "derived.interval": _of("derived", "interval", prob=0.9),
        "derived.quantile": _of("derived", "quantile", levels=0.5),
        "difference.interval": _of("difference", "interval", prob=0.9),
        "front.interval": _of("front", "interval", prob=0.9, of="params"),
        "front.plan": _of("front", "plan", prob=0.9, of="curve"),
        "front.power_law": _of("front", "power_law", prob=0.9),
        "front.probability": _of("front", "probability", y=2.4, of="curve"),
        "front.table": _of("front", "table", prob=0.9),
        "front.near_optimal": _of("front", "near_optimal", within=0.01),
        "front.for_people": _of("front", "for_people", prob=0.9),
        "target.interval": _of("target", "interval", prob=0.9),
        "sweep.forecast": _of("sweep", "forecast", compute=[1e21], prob=0.9),
        "sweep.interval": _of("sweep", "interval", prob=0.9, of="params"),
        "sweep.power_law": _of("sweep", "power_law", prob=0.9),
        "prior.check": _of("prior", "check", prob=0.9),
        "batch.fit": Call(
            _positional(lambda *key, **how: ready()["batch"].fit(*key, **how), "key"),
            {"key": ("a",), "law": "power"}, (), (), "FitTable.fit",
        ),
        "batch.ensemble": Call(
            _positional(lambda *key, **how: ready()["batch"].ensemble(*key, **how), "key"),
            {"key": ("b",)}, ("weights",), (), "FitTable.ensemble",
        ),
        "backtest.at": _of("backtest", "at", ("g",)),
        "near.interval": _of("near", "interval", prob=0.9),
        "near.probability": _of("near", "probability", sizes=[1e8]),
        "learned.interval": _of("learned", "interval", prob=0.9),
        "learned.table": _of("learned", "table", prob=0.9),
        "learned.quantile": _of("learned", "quantile", level=0.5),
        "learned.without": Call(
            _positional(ready()["learned"].without, "curves"), {"curves": ("a",)}, (), (),
            "LearnedNObs.without",
        ),
        "stages.forecast": _of("stages", "forecast", ("drift",), **x),
        "stages.intervals": _of("stages", "intervals", ("prob", "of", "drift"), **x),
        "stages.required": _of("stages", "required", ("solve",), y=0.6),
        "stages.log_density": _of("stages", "log_density", ("drift",), y=0.6, **x),
        "stages.probability": _of("stages", "probability", ("of",), y=0.6, **x),
        "stages.at": _of("stages", "at", ("nonsense",)),
    }  # fmt: skip
    for name in ("fit", "nd", "grouped", "mixture"):
        found |= {f"repr of {name}": Call(lambda name=name: repr(ready()[name]), {})}
    return found


def numbers() -> dict[str, Call]:
    """Laws, likelihoods, priors and arithmetic: made of numbers and names."""
    two = {"a": 1e9, "b": 1e10}
    arithmetic = {
        "flops": two, "tokens_of": two, "params_of": two, "transformer_params": two,
        "pf_days": {"a": 1e20}, "critical_batch": {"a": 3.0, "b": 2e8, "c": 0.21},
        "min_steps": {"a": 1e5, "b": 5e5, "c": 5e5}, "min_compute": {"a": 1e5, "b": 5e5, "c": 5e5},
        "forward_flops": {"a": 1e9, "b": 48, "c": 1600, "d": 1024}, "examples_ratio": {"a": 1.5},
    }  # fmt: skip
    found = {
        name: Call(lambda name=name, **how: getattr(bs, name)(*how.values()), right)
        for name, right in arithmetic.items()
    }
    loss = {"length": 128, "exponent": 0.5, "first": 6.0, "converged": 3.0}
    found |= {"infogain": Call(bs.infogain, loss)}
    found |= {"segment_information": Call(bs.segment_information, loss)}
    law = ready()["law"]
    x = [1e6, 1e7]
    clock = {"flops_per_second": 1e18, "batch": 4e6}
    spent = {"params": 1e9, "tokens": 1e10}
    exact = bs.TransformerFlops(context=2048)
    found |= {
        "law.evaluate": Call(law.evaluate, {"x": x}, ("nonsense",)),
        "law.simulate": Call(law.simulate, {"x": x}, ("noise", "y", "seed", "nonsense")),
        "PowerLaw.simulate": Call(bs.PowerLaw().simulate, {"x": x}, ("noise", "y", "seed")),
        "published": Call(bs.published, {"paper": "kaplan2020", "name": "L(N)"}),
        "load": Call(bs.load, {"path": "nothing.nc"}),
        "read_runs": Call(bs.read_runs, {"path": "nothing.csv"}, ("quiet",)),
        "load_dataset": Call(bs.load_dataset, {"name": "digits_learning_curves"}),
        "fetch_dataset": Call(bs.fetch_dataset, {"name": "x"}, ("refresh", "cache"), ("name",)),
        "Prior.placed_on": _of("a prior", "placed_on", quantity="level"),
        "Prior": Call(
            lambda **how: bs.Prior(how.pop("distribution"), **how).describe(),
            {"distribution": "Normal", "mu": 0.0, "sigma": 1.0}, ("on", "by", "lower", "nonsense"),
        ),
        "partial_pooling": Call(
            bs.partial_pooling, {"by": "g"}, ("prior", "spread")
        ),
        "unpooled": Call(bs.unpooled, {"by": "g"}, ("prior",)),
        "WallClock": Call(
            lambda **how: bs.WallClock(**how)(**spent), clock, ("critical_batch", "step_seconds")
        ),
        "TransformerFlops": Call(
            lambda **how: bs.TransformerFlops(**how)(**spent),
            {"context": 2048}, ("vocabulary", "embeddings", "width_over_layers"),
        ),
        "TransformerFlops of numbers": Call(exact, spent),
        "Checklist": Call(lambda **how: bs.Checklist(**how).given, {"form": "a", "runs": "b"}),
        "warm": Call(bs.warm, {"laws": "x", **QUIET}, ("likelihood",), ("laws",)),
        "check_law": Call(bs.check_law, {"law": "x"}, ("likelihood", "on_fail"), ("law",)),
        "law": Call(bs.law, {"cls": object}, always=("cls",)),
    }  # fmt: skip
    noise = {
        "BetaBinomial": ("trials", "concentration", "guess_rate"),
        "Binomial": ("trials", "guess_rate"), "Correlated": ("correlation_length", "smoothed"),
        "ExGaussian": ("sigma", "excess", "sigma_min"),
        "Heteroscedastic": ("input", "sigma_slope"),
        "LogNormal": ("sigma", "sigma_min", "n_obs", "y_sd", "x_relative_sd", "censored"),
        "Normal": ("sigma", "n_obs", "y_sd", "censored"), "Replicated": ("config", "lack_of_fit"),
        "Resampled": ("resample", "model", "resample_sd"), "StudentT": ("nu", "sigma", "n_obs"),
    }  # fmt: skip
    needed = {"trials": 50, "config": "g", "resample": "g"}
    for name, named in noise.items():
        right = {n: v for n, v in needed.items() if n in named}
        found[name] = Call(
            lambda name=name, **how: repr(getattr(bs, name)(**how)), right, tuple(named)
        )
    return found


def plots() -> dict[str, Call]:
    """Pictures."""
    given = {
        "backtest": ("backtest", "backtest", ()), "breaks": ("fit", "broken", ("prob",)),
        "compare": ("table", "compared", ()),
        "fit": ("fit", "fit", ("prob", "extrapolation", "drift")),
        "forecast": ("forecast", "forecast", ("prob",)),
        "frontier": ("front", "front", ("of", "prob", "within")),
        "isoflop": ("found", "sweep", ("prob",)),
        "loss_contours": ("source", "nd", ("cost", "prob", "extrapolation", "levels", "x")),
        "next_runs": ("plan", "next", ()), "power_study": ("study", "study", ("of",)),
        "prior_predictive": ("made", "prior", ("prob",)),
        "required": ("required", "required", ("prob",)),
        "sensitivity_to_rows": ("table", "rows", ()),
        "sensitivity_to_smallest": ("table", "smallest", ()),
        "slices": ("fit", "nd", ("along", "levels", "prob", "extrapolation")),
    }  # fmt: skip
    return {
        f"plot_{name}": Call(getattr(bs, f"plot_{name}"), {argument: ready()[what]}, (*also, "ax"))
        for name, (argument, what, also) in given.items()
    }


def calls() -> dict[str, Call]:
    """All of them; each law with numbers for its parameters is one."""
    from bayescale.registry import LAWS

    laws = {name: _law(name) for name in LAWS if LAWS[name].__module__.startswith("bayescale.")}
    return {**tables(), **fits(), **methods(), **numbers(), **plots(), **laws}


#: Columns of numbers that are empty for a reason that the page of the function gives.
EMPTY = {
    "sure_from": "where no size is near-optimal with that probability", "sure_to": "the same",
    "p_worse": "of the best law", "p_no_break": "of laws without breaks", "bf10": "the same",
    "prior_sensitivity": "the same", "bend": "the same", "pareto_k": "where the tail is none",
    **dict.fromkeys(
        ["coverage_90", "crps", "crps_diff", "crps_se", "log_score", "log_score_diff",
         "log_score_se"], "without a backtest",
    ),
}  # fmt: skip


def silent_nans(found: Any, depth: int = 0) -> list[str]:
    """Where NaN stands in what came out: the names of columns, or what it was."""
    if isinstance(found, pd.DataFrame):
        return [str(n) for n, c in found.items() if c.dtype.kind == "f" and c.isna().any()]
    if isinstance(found, pd.Series | np.ndarray | float | int):
        values = np.asarray(found)
        return ["values"] if values.dtype.kind == "f" and np.isnan(values).any() else []
    if isinstance(found, dict):
        found = tuple(found.values())
    if isinstance(found, list | tuple):
        return [name for part in found for name in silent_nans(part, depth + 1)]
    if getattr(found, "doubts", ()):
        return []  # it is said there
    told = hasattr(found, "p_bracketed") or hasattr(found, "p_none")  # how many have a minimum
    own = (
        None if told else getattr(found, "draws", None),
        getattr(found, "table", None),
        getattr(found, "batch", None),
    )
    parts = [part for part in own if isinstance(part, np.ndarray | pd.DataFrame | dict)]
    if hasattr(found, "interval") and not hasattr(found, "law") and depth < 2:
        parts.append(found.interval())
    return silent_nans(parts, depth + 1) if parts else []
