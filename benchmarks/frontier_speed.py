"""How long a frontier takes: every law of two inputs by every cost, 4000 draws, 50 budgets.

Run: uv run python benchmarks/frontier_speed.py [--repeats 5] [--laws Chinchilla,Rosenfeld]

Each law is fitted by NUTS (4 chains of 1000 draws) to 25 runs that are simulated from its example,
five values of each input, noise of 1 %; of three inputs the third is held. Timed is
``bs.frontier(fit, budgets, cost=...)`` alone, with drift, as it comes: the optimum, its powers and
its loss for all draws at all budgets, and the doubts. The least of the repeats counts, in seconds
of CPU and of wall time (which counts what else runs on the machine). Writes
results/frontier_speed.csv.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs
from bayescale.registry import find_law

RESULTS = Path(__file__).parent / "results"
BUDGETS = 50
#: Where the runs lie: real units, so that costs mean something.
RANGES = {
    "params": (5e7, 2e9), "tokens": (1e9, 6.4e10), "steps": (1e4, 1e6), "experts": (2, 256),
    "encoder": (5e7, 2e9), "decoder": (5e7, 2e9), "unique_tokens": (1e9, 6.4e10),
    "vocab_params": (2e6, 2e8), "precision": (3, 12),
}  # fmt: skip
#: Of three inputs the one that is held, and where.
HELD = {"unique_tokens": 1e10, "vocab_params": 3e7, "precision": 8.0}


def own(params: Any, tokens: Any) -> Any:
    """Return a cost of the user's own."""
    return 6 * params * tokens + 1e9 * tokens


#: Costs by name, and what of each is asked for; in FLOP but for the clock's seconds.
COSTS: dict[str, dict[str, Any]] = {
    "6 N D": {},
    "transformer": {"cost": bs.TransformerFlops(context=2048, vocabulary=50_257)},
    "transformer, tied": {
        "cost": bs.TransformerFlops(context=2048, vocabulary=50_257, embeddings=1)
    },
    "with serving": {"inference_tokens": 1e11},
    "wall clock": {
        "cost": bs.WallClock(flops_per_second=1e17, batch=4e6, critical_batch=2e6, step_seconds=0.2)
    },
    "a function": {"cost": own},
}


def laws() -> dict[str, type[bs.Law]]:
    """Return the laws of two inputs and more, by name."""
    forms = [find_law(name) for name in bs.list_laws().index]
    return {form.__name__: form for form in forms if len(form.inputs) > 1}


def costs_for(form: type[bs.Law]) -> dict[str, dict[str, Any]]:
    """Return the costs that fit a law's inputs."""
    if {"params", "tokens"} <= set(form.inputs):
        if "vocab_params" in form.inputs:  # its parameters count: a function says how
            return {
                "a function": {
                    "cost": lambda params, vocab_params, tokens: (
                        6 * (params + vocab_params) * tokens
                    )
                }
            }
        return COSTS
    if "steps" in form.inputs:
        return {
            "6 N D": {"batch": 5e5},
            "a function": {"cost": lambda params, steps: own(params, 5e5 * steps)},
        }
    if "encoder" in form.inputs:
        return {"both sizes": {}}
    return {"a function": {"cost": lambda params, experts: params * (1 + 0.01 * experts)}}


def fitted(form: type[bs.Law]) -> bs.Fit:
    """Return a fit to runs that are simulated from a law's example."""
    low_high = [RANGES[role] for role in form.inputs]
    many = [np.geomspace(*ends, 5 if i < 2 else 3) for i, ends in enumerate(low_high)]
    at = dict(zip(form.inputs, (a.ravel() for a in np.meshgrid(*many)), strict=True))
    runs = form().simulate(**at, y="loss", noise=0.01, parameters=form.example, seed=1)
    how = {role: role for role in form.inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        return form().fit(runs, y="loss", seed=0, retry=False, progress=False, **how)


def budgets_of(fit: bs.Fit, asked: dict[str, Any], held: dict[str, float]) -> np.ndarray:
    """Return budgets from that of the smallest run to 1000 times that of the largest."""
    cost, inputs = asked.get("cost"), fit.law.inputs
    ends = []
    for side in (0, 1):
        at = {role: RANGES[role][side] for role in inputs} | held
        if "batch" in asked:
            ends.append(6 * at["params"] * at["steps"] * asked["batch"])
        elif cost is None:
            ends.append(
                at["encoder"] + at["decoder"]
                if "encoder" in at
                else 6 * at["params"] * at["tokens"]
            )
        else:
            ends.append(float(cost(**{role: at[role] for role in _taken(cost, inputs)})))
    most = ends[1] * (100 if "encoder" in inputs or "experts" in inputs else 1000)
    return np.geomspace(ends[0] * 3, most, BUDGETS)


def _taken(cost: Callable[..., Any], inputs: tuple[str, ...]) -> list[str]:
    import inspect

    return [role for role in inputs if role in inspect.signature(cost).parameters]


def timed(function: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """Return what a function returns, and the least of its CPU and wall seconds."""
    cpu, wall, found = [], [], None
    for _ in range(repeats):
        began = time.process_time(), time.perf_counter()
        found = function()
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
    return found, min(cpu), min(wall)


def measured(form: type[bs.Law], repeats: int) -> list[dict]:
    """Return a row for each cost."""
    fit, rows = fitted(form), []
    held = {role: value for role, value in HELD.items() if role in form.inputs}
    for name, asked in costs_for(form).items():
        budgets = budgets_of(fit, asked, held)
        found, cpu, wall = timed(
            lambda b=budgets, a=asked: bs.frontier(fit, b, **a, **held), repeats
        )
        rows.append(
            {
                "law": form.__name__, "cost": name, "draws": found.draws["loss"][..., 0].size,
                "budgets": len(budgets), "cpu_s": cpu, "wall_s": wall,
                "none": float(found.p_none.mean()),
            }
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--laws", default=",".join(laws()))
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "frontier_speed.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["law"])
    order = [*laws()]
    for name in asked.laws.split(","):  # rows of other laws stay
        new = pd.DataFrame(measured(laws()[name], asked.repeats))
        table = pd.concat([part for part in (table[table["law"] != name], new) if len(part)])
        table = table.sort_values("law", key=lambda c: c.map(order.index), kind="stable")
        table.to_csv(path, index=False, float_format="%.3g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
