"""Coverage of isoFLOP sweeps: do intervals of approach 2 hold the truth, runs gone wrong or not?

Run: uv run python -m benchmarks.isoflop_coverage [--replicates 300] [--out benchmarks/results]

Five budgets (1e19 to 1e21 FLOP) of nine sizes, a factor of 7.4 to either side of a centre that
misses the best size by up to a factor of 2. Truths are drawn as in ``frontier_coverage.py`` (from
ranges about published laws). Noise is 0.3 % and Gaussian on logs; in the second half of the sets
one run in twenty has also gone wrong, with a loss 2 to 20 % too high. The same truths and noise for
the parabola (``asymmetric=False``), which is what papers fit. Counted are intervals of 80 and 90 %
of a (at the middle budget) and of N* at each budget, and which runs are named as gone wrong.
Nothing is sampled by a chain: about 0.15 CPU seconds a set. Writes results/isoflop_coverage.csv.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from benchmarks.frontier_coverage import drawn

RESULTS = Path(__file__).parent / "results"
BUDGETS = np.geomspace(1e19, 1e21, 5)
SIZES, REACH, ASIDE = 9, 2.0, np.log(2)
NOISE, WRONG, BY = 0.003, 1 / 20, (0.02, 0.2)
LEVELS = (0.8, 0.9)


def sweep(rng: np.random.Generator, wrong: bool) -> tuple[pd.DataFrame, np.ndarray, float]:
    """Return runs (with which went wrong), the best size of each budget, and a."""
    law = drawn(rng)
    front = bs.frontier(law, BUDGETS)
    best = front.draws["params"][0, 0]
    centre = np.log(best) + rng.uniform(-ASIDE, ASIDE)
    n = np.exp(centre[:, None] + np.linspace(-REACH, REACH, SIZES)).ravel()
    c = np.repeat(BUDGETS, SIZES)
    logs = np.log(law.evaluate(params=n, tokens=c / (6 * n)))
    logs = logs + NOISE * rng.standard_normal(len(n))
    bad, off = rng.uniform(size=len(n)) < WRONG, np.log1p(rng.uniform(*BY, len(n)))
    went = bad & wrong
    table = pd.DataFrame({"flops": c, "n": n, "loss": np.exp(logs + went * off), "wrong": went})
    return table, best, float(front.draws["params_power"][0, 0, len(BUDGETS) // 2])


def asked(table: pd.DataFrame, best: np.ndarray, power: float, asymmetric: bool) -> list[dict]:
    """Return a row for each quantity of one sweep: which intervals hold it, and how wide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        found = bs.isoflop(
            table, y="loss", params="n", compute="flops", asymmetric=asymmetric, draws=2000
        )
    named = found.runs["p_wrong"].to_numpy() > 0.5
    went = table.sort_values(["flops", "n"])["wrong"].to_numpy()
    counts = {
        "runs": len(went), "wrong": int(went.sum()), "named": int((named & went).sum()),
        "named_in_vain": int((named & ~went).sum()),
    }  # fmt: skip
    rows = []
    of_power = {level: found.power_law(level).loc[0, ["lower", "upper"]] for level in LEVELS}
    rows.append(_row("a", power, [of_power[level].to_numpy(float) for level in LEVELS]) | counts)
    ends = [found.interval(level)[["lower", "upper"]].to_numpy() for level in LEVELS]
    for k, size in enumerate(best):
        if found.used[k]:
            rows.append(_row("N*", np.log(size), [np.log(end[k]) for end in ends]))
    return rows


def _row(of: str, truth: float, intervals: list[np.ndarray]) -> dict:
    held = {
        f"inside_{level}": bool(low < truth < high)
        for level, (low, high) in zip(LEVELS, intervals, strict=True)
    }
    return {"of": of, **held, "width_90": float(np.ptp(intervals[-1]))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=300)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = []
    for wrong in (False, True):
        for seed in range(given.replicates):
            made = sweep(np.random.default_rng([seed, 7]), wrong)
            for valley, asymmetric in (("quartic", True), ("parabola", False)):
                for row in asked(*made, asymmetric):
                    rows.append({"valley": valley, "gone_wrong": wrong, **row})
    table = pd.DataFrame(rows)
    grouped = table.groupby(["gone_wrong", "valley", "of"], sort=False)
    shares = grouped[[f"inside_{level}" for level in LEVELS]].mean()
    sums = grouped[["runs", "wrong", "named", "named_in_vain"]].sum()
    shown = pd.concat([grouped.size().rename("intervals"), shares], axis=1)
    shown["width_90"] = grouped["width_90"].median()
    shown = shown.join(sums.astype(int)).reset_index()
    given.out.mkdir(parents=True, exist_ok=True)
    shown.to_csv(given.out / "isoflop_coverage.csv", index=False, float_format="%.4g")
    print(shown.to_string(index=False))


if __name__ == "__main__":
    main()
