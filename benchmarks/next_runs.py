"""Choosing the next run on real sweeps: whether it saves compute, and whether values are right.

Run: uv run python benchmarks/next_runs.py DATA_FOLDER [--repetitions 20] [--sweeps ...] [--check]
A sweep of runs is hidden but for ten cheap ones. Each policy then makes one run after another out
of thirty (the same for all, drawn anew in each repetition) and fits the law again, until the budget
is spent or eight runs are made. What is to be known are the outcomes of the sweep's twelve dearest
runs, three times and more dearer than any that can be made. The full budget is three times the cost
of the dearest of the thirty; each policy is given a tenth, three tenths and all of it, in runs of
their own, since a plan for a small budget is another one than the beginning of one for a large.
Scored after every run: the root mean squared log error of the forecast's median, the mean log
score, and the width of the 90 % interval on the log scale.

Sweeps are language models over parameters and tokens (Chinchilla's law under Student's t, since
published sweeps have outliers; a run costs 6 N D), and classifiers over the number of examples
(LCDB; a power law with floor; a run costs its examples). Simulated sweeps follow the law that
is fitted: what planning does where the law is right.

Policies: ``next_runs`` (plans with what is left and with how many runs may still be made, makes
the first run of the plan, plans again); ``random`` (any run that can be paid); ``log-uniform`` (the
run nearest to a cost drawn evenly on the log axis); ``dearest`` (the dearest that can be paid);
and, where ``--policies`` names it, ``ensemble`` (planned over two laws; scored is the forecast of
the first).

With ``--check``, values of eight candidates by weights, by regression and by fitting again are put
side by side instead, with drift and without.

Writes results/next_runs.csv (a row for each sweep, repetition, policy and run) and
results/next_runs_check.csv. A run that is stopped goes on: what is in the table is kept, unless
``--fresh``.
"""

import argparse
import time
import warnings
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

RESULTS = Path(__file__).parent / "results"
START, POOL, MOST, TARGETS = 10, 30, 8, 12
#: The budget over the cost of the dearest run of the pool; how much dearer targets are.
BUDGET, BEYOND = 3.0, 3.0
#: Few draws: a fit takes a third of a second.
SAMPLING = {"draws": 500, "tune": 400, "chains": 2, "retry": False, "progress": False}
POLICIES = ("next_runs", "random", "log-uniform", "dearest")
ENSEMBLE = "ensemble"
#: Shares of the budget that are given.
SHARES = (0.1, 0.3, 1.0)
#: Floor and exponent of simulated sweeps, which follow the law that is fitted.
TRUTHS = ((0.05, 0.3), (0.3, 0.3), (0.1, 0.2), (0.02, 0.4))
#: Of LCDB, the data sets with the largest training sets, and learners that are common.
DATASETS = ("codrna", "electricity", "fried", "kropt")
LEARNERS = ("CatBoost", "ens.RandomForest", "KNN")


# Sweeps -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sweep:
    """Runs that were made, and the law that is fitted to some of them.

    Parameters
    ----------
    law
        The law.
    runs
        A column for each role, ``loss`` and ``cost``.
    rival
        A second law, for plans over an ensemble.
    likelihood
        How runs scatter.
    """

    law: bs.Law
    runs: pd.DataFrame
    rival: bs.Law
    likelihood: bs.Likelihood = field(default_factory=bs.LogNormal)

    @property
    def roles(self) -> tuple[str, ...]:
        return self.law.inputs


def sweeps(folder: Path) -> dict[str, Sweep]:
    """Return sweeps by name."""
    porian = pd.read_csv(folder / "porian_isoflop.csv")
    tuned = porian.query("hparams == 'tuned' and warmup == 'short' and param_count == 'standard'")
    isoflop = pd.read_csv(folder / "isoflop_sweeps.csv").query("outlier_flag == 0")
    fitting = pd.read_csv(folder / "misfitting_final_checkpoints.csv")
    best = fitting.groupby(["params", "tokens"], as_index=False)["loss"].min()
    found = {
        f"porian {name}": rows[rows["loss_split"] == "val"]
        for name, rows in tuned.groupby("dataset")
    }
    found |= {str(name): rows for name, rows in isoflop.groupby("source") if name != "marin_202603"}
    found["misfitting"] = best
    found["chinchilla"] = pd.read_csv(folder / "chinchilla_fig4.csv")
    made = {
        name: Sweep(
            bs.Chinchilla(),
            checked(rows, ["params", "tokens"]),
            bs.BoundedRational(),
            bs.StudentT(),
        )
        for name, rows in found.items()
    }
    lcdb = pd.read_csv(folder / "lcdb11_learning_curves.csv")
    for dataset, learner in product(DATASETS, LEARNERS):
        rows = lcdb[(lcdb["dataset"] == dataset) & (lcdb["learner"] == learner)]
        rows = rows.rename(columns={"examples": "x", "test_error": "loss"})
        made[f"lcdb {dataset} {learner}"] = Sweep(
            bs.PowerLaw(), checked(rows, ["x"]), bs.BrokenPowerLaw(breaks=1)
        )
    for number, (floor, exponent) in enumerate(TRUTHS):
        truth = {"irreducible": floor, "scale": 2.0, "exponent": exponent}
        rows = bs.PowerLaw().simulate(
            x=np.geomspace(16, 4e5, 90), y="loss", noise=0.02, seed=number, parameters=truth
        )
        made[f"simulated {number}"] = Sweep(
            bs.PowerLaw(), checked(rows, ["x"]), bs.BrokenPowerLaw(breaks=1)
        )
    return made


def checked(rows: pd.DataFrame, roles: list[str]) -> pd.DataFrame:
    rows = rows[[*roles, "loss"]].astype(float)
    rows = rows[(rows > 0).all(axis=1)].drop_duplicates(roles)
    cost = rows[roles].prod(axis=1) * (6 if len(roles) > 1 else 1)
    return rows.assign(cost=cost).reset_index(drop=True)


def split(sweep: Sweep, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the runs at the start, those that can be made, and those to forecast."""
    rng = np.random.default_rng([20260607, seed])
    ordered = sweep.runs.sort_values("cost", ignore_index=True)
    targets = ordered.tail(TARGETS)
    rest = ordered[ordered["cost"] <= targets["cost"].min() / BEYOND]
    cheap = rest.head(max(len(rest) // 2, START + 2))
    for _ in range(200):
        start = cheap.sample(START, random_state=rng)
        if min(len(set(start[role])) for role in sweep.roles) >= 4:
            break
    pool = rest.drop(start.index)
    return start, pool.sample(min(POOL, len(pool)), random_state=rng), targets


# Policies -----------------------------------------------------------------------------------------


def chosen(
    policy: str,
    fit: bs.Fit | bs.Ensemble,
    pool: pd.DataFrame,
    targets: pd.DataFrame,
    left: float,
    most: int,
    rng: np.random.Generator,
) -> int | None:
    """Return the label of the run to make, or None where none is worth it or can be paid."""
    open_ = pool[pool["cost"] <= left]
    if open_.empty:
        return None
    if policy == "random":
        return int(rng.choice(open_.index))
    if policy == "log-uniform":
        low, high = np.log(pool["cost"].min()), np.log(pool["cost"].max())
        wanted = rng.uniform(low, high)
        return int((np.log(open_["cost"]) - wanted).abs().idxmin())
    if policy == "dearest":
        return int(open_["cost"].idxmax())
    roles = [role for role in pool.columns if role not in ("cost", "loss")]
    goal = {role: targets[role].to_numpy() for role in roles}
    ask = {"goal": goal, "cost": "cost", "draws": 1000, "outcomes": 64, "progress": False}
    plan = bs.next_runs(fit, pool, budget=left, most=most, **ask)
    return None if plan.batch.empty else int(pool.index[plan.batch.index[0]])


def fitted(sweep: Sweep, runs: pd.DataFrame, seed: int, law: bs.Law | None = None) -> bs.Fit:
    how = {role: role for role in sweep.roles} | {"likelihood": sweep.likelihood}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        return (law or sweep.law).fit(runs, y="loss", seed=seed, **how, **SAMPLING)


def scored(fit: bs.Fit, targets: pd.DataFrame) -> dict[str, float]:
    at = {role: targets[role].to_numpy() for role in fit.law.inputs}
    truth = targets["loss"].to_numpy()
    table = fit.forecast(**at).interval(0.9)
    error = np.log(table["median"].to_numpy()) - np.log(truth)
    inside = (table["lower"] <= truth) & (truth <= table["upper"])
    return {
        "error": float(np.sqrt((error**2).mean())),
        "log_score": float(fit.log_density(truth, **at).mean()),
        "width": float(np.log(table["upper"] / table["lower"]).mean()),
        "inside": float(inside.mean()),
    }


def followed(sweep: Sweep, policy: str, seed: int, share: float) -> list[dict]:
    """Make one run after another within a share of the budget, and score after each."""
    start, pool, targets = split(sweep, seed)
    rng = np.random.default_rng([seed, (*POLICIES, ENSEMBLE).index(policy)])
    full = BUDGET * float(pool["cost"].max())
    budget = share * full
    runs, spent, rows = start, 0.0, []
    fit = fitted(sweep, runs, seed)
    began = time.process_time()
    for step in range(MOST + 1):
        row = {"policy": policy, "repetition": seed, "budget": share, "step": step}
        row["spent"] = spent / full
        rows.append(row | scored(fit, targets) | {"good": fit.diagnostics.good})
        label = None
        if step < MOST:
            source = fit
            if policy == ENSEMBLE:
                source = bs.ensemble([fit, fitted(sweep, runs, seed, sweep.rival)])
            label = chosen(policy, source, pool, targets, budget - spent, MOST - step, rng)
        if label is None:
            break
        spent += float(pool.loc[label, "cost"])
        runs = pd.concat([runs, pool.loc[[label]]], ignore_index=True)
        pool = pool.drop(label)
        fit = fitted(sweep, runs, seed)
    rows[0]["cpu_s"] = time.process_time() - began
    return rows


# Whether values are right -------------------------------------------------------------------------


def compared(name: str, sweep: Sweep, seed: int) -> pd.DataFrame:
    """Return values of eight candidates by every method, with drift and without."""
    start, pool, targets = split(sweep, seed)
    fit = fitted(sweep, start, seed)
    candidates = pool.sort_values("cost").iloc[np.linspace(0, len(pool) - 1, 8).astype(int)]
    middle = targets.iloc[[len(targets) // 2]]
    goal = {role: middle[role].to_numpy() for role in sweep.roles}
    parts = []
    for drift in (0.0, 0.3):
        found = {}
        for method in ("weights", "regression", "refit"):
            plan = bs.next_runs(
                fit, candidates, goal=goal, cost="cost", drift=drift, method=method, progress=False
            )
            found[method] = plan.table.sort_index()
        table = pd.DataFrame({method: t["value"] for method, t in found.items()})
        table["refit_se"] = found["refit"]["se"]
        table["ess"] = found["weights"]["ess"]
        table["cost"] = found["refit"]["cost"]
        parts.append(table.reset_index().assign(sweep=name, repetition=seed, drift=drift))
    return pd.concat(parts, ignore_index=True)


# What is printed ----------------------------------------------------------------------------------


KEY = ["sweep", "policy", "repetition"]


def at_end(rows: pd.DataFrame, share: float, column: str = "error") -> pd.Series:
    """Return the score in the end of a budget, by sweep, policy and repetition."""
    return rows[rows["budget"] == share].groupby(KEY)[column].last()


def at_start(rows: pd.DataFrame, share: float, column: str = "error") -> pd.Series:
    """Return the score before any run is made, by sweep, policy and repetition."""
    return rows[rows["budget"] == share].groupby(KEY)[column].first()


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by sweep and policy the median error in the end of each budget."""
    errors = {
        f"error at {share:.0%}": at_end(rows, share).groupby(["sweep", "policy"]).median()
        for share in SHARES
    }
    table = pd.DataFrame(errors)
    table["inside 90 %"] = at_end(rows, 1.0, "inside").groupby(["sweep", "policy"]).mean()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--policies", nargs="*", default=list(POLICIES))
    parser.add_argument("--sweeps", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop starting anew after this")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    every = sweeps(given.data)
    names = given.sweeps or list(every)
    ends = time.monotonic() + 60 * given.minutes
    if given.check:
        found = pd.concat([compared(name, every[name], 0) for name in names], ignore_index=True)
        found.to_csv(RESULTS / "next_runs_check.csv", index=False, float_format="%.4g")
        print(found.to_string(float_format=lambda v: f"{v:.3g}"))
        return
    path = RESULTS / "next_runs.csv"
    rows = pd.DataFrame()
    if path.exists() and not given.fresh:
        rows = pd.read_csv(path)
    done = set()
    if len(rows):
        done = set(zip(*(rows[column] for column in (*KEY, "budget")), strict=True))
    for repetition in range(given.repetitions):
        for name in names:
            for policy, share in product(given.policies, SHARES):
                if (name, policy, repetition, share) in done or time.monotonic() > ends:
                    continue
                made = followed(every[name], policy, repetition, share)
                new = pd.DataFrame(made).assign(sweep=name)
                rows = pd.concat([rows, new], ignore_index=True)
            rows.to_csv(path, index=False, float_format="%.5g")
    print(summary(rows).to_string(float_format=lambda v: f"{v:.3g}"))


if __name__ == "__main__":
    main()
