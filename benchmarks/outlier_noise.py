"""Student's t by default? Curves forecast, tables compared, and outliers planted.

Run: uv run python -m benchmarks.outlier_noise DATA_FOLDER [--parts tables planted curves]

- ``curves``: every sixth of the published curves of benchmarks/extrapolation, by ``bs.forecast``
  as it comes (noise ``Correlated(LogNormal)``) and with ``Correlated(StudentT)`` in its place;
- ``tables``: tables of separate runs, compared by leave-one-out (``elpd_diff`` is of Student's t
  over log-normal, ``dse`` its standard error);
- ``planted``: simulated power laws of 16 configurations, of which none or each tenth (at random)
  went wrong and is worse by ten times the noise; the curve at 10 times the largest input.

Writes results/outlier_noise.csv: a row for each part, case and noise. Parts that are not asked for
stay as they were; curves are written one by one, and a run that is stopped goes on with the next.
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs
from benchmarks.extrapolation import curves
from benchmarks.extrapolation.scores import Predictive, scored
from benchmarks.simulated_coverage import END, RESULTS, SAMPLING, SEED, power_law

NOISES = {"log-normal": bs.LogNormal, "Student's t": bs.StudentT}
ROWS, SHARE, FAR = 16, 0.1, 10.0
PARTS = ("tables", "planted", "curves")


# Curves -------------------------------------------------------------------------------------------


def forecast(curve: curves.Curve, noise: type) -> dict:
    """Return the scores of ``bs.forecast`` with a noise inside ``Correlated``."""
    x, y = (curve.test[name].to_numpy(float) for name in ("x", "y"))
    start = time.perf_counter()
    likelihood = bs.Correlated(noise(n_obs="n_obs"))
    made = bs.forecast(curve.train, y="y", x="x", at=x, likelihood=likelihood, progress=False)
    seconds = time.perf_counter() - start
    draws = made.draws().reshape(-1, len(x))
    draws = np.minimum(draws, np.finfo(float).max)  # heavy tails do reach infinity
    found = scored(Predictive(draws, np.asarray(made.source.log_density(y, x=x))), x, y)
    fits = made.source.fits.values()
    return {
        **{name: found[name] for name in ("rmsle", "crps", "coverage_50", "coverage_90", "width")},
        "log_score": found["log_score_clipped"], "seconds": seconds,
        "rhat": max(fit.diagnostics.rhat for fit in fits),
    }  # fmt: skip


def of_curves(folder: Path, every: int, done: set[tuple[str, str]]) -> Iterator[dict]:
    """A row for each curve and noise that has none yet."""
    for curve in curves.read(folder)[::every]:
        for name, noise in NOISES.items():
            if (curve.key, name) not in done:
                yield {"part": "curves", "case": curve.key, "noise": name, **forecast(curve, noise)}


# Tables of separate runs --------------------------------------------------------------------------


def tables(folder: Path) -> Iterator[tuple[str, bs.Law, pd.DataFrame, dict]]:
    """Name, law, runs and columns of tables whose rows are runs of their own."""
    both = {"y": "loss", "params": "params", "tokens": "tokens"}
    yield "Chinchilla", bs.Chinchilla(), pd.read_csv(folder / "chinchilla_fig4.csv"), both
    runs = pd.read_csv(folder / "gadre_overtraining_loss.csv")
    runs = runs[runs["val_dataset"].eq("c4_val")].astype({"params": float, "tokens": float})
    for name, part in runs.groupby("train_dataset"):
        yield f"over-training, {str(name).removesuffix('_original')}", bs.Chinchilla(), part, both
    runs = pd.read_csv(folder / "datablations_c4.csv")
    runs = runs[runs["epochs"].le(1.01) & runs["deduplicated"].eq(0)]
    yield "one epoch of C4", bs.Chinchilla(), runs, both
    runs = pd.read_csv(folder / "misfitting_final_checkpoints.csv")
    keys = ["params", "tokens"]
    yield "best rate of (Mis)fitting", bs.Chinchilla(), runs.groupby(keys, as_index=False)[
        "loss"
    ].min(), both  # fmt: skip
    runs = pd.read_csv(folder / "steplaw_dense.csv").groupby(keys, as_index=False)["loss"].min()
    yield "best rate of Step Law", bs.Chinchilla(), runs, both
    runs = pd.read_csv(folder / "observational_base_llms.csv")
    runs = runs[runs["task"].eq("hellaswag") & runs["flops"].notna()].drop_duplicates("model")
    one = {"y": "accuracy", "x": "flops", "ceiling": 1.0}
    yield "HellaSwag of public models", bs.PowerLaw(), runs, one
    runs = pd.read_csv(folder / "convnets_imagenet_error.csv")
    yield "ImageNet of ConvNets", bs.PowerLaw(), runs, {"y": "error_pct", "x": "tpu_v4_core_hours"}


def of_tables(folder: Path) -> Iterator[dict]:
    """A row for each table and noise."""
    for case, law, runs, columns in tables(folder):
        fits = {
            name: law.fit(runs, likelihood=noise(), progress=False, **columns)
            for name, noise in NOISES.items()
        }
        at = {role: fits["log-normal"].runs.references[f"{role}_end"] * 10 for role in law.inputs}
        table = bs.compare(fits)
        by_row = {name: np.asarray(fit.loo().elpd_i) for name, fit in fits.items()}
        gap = by_row["Student's t"] - by_row["log-normal"]
        for name, fit in fits.items():
            row = fit.forecast(drift=0, **at).interval(0.9, of="curve").iloc[0]
            yield {
                "part": "tables", "case": case, "noise": name, "rows": len(fit.runs),
                "elpd_diff": gap.sum() if name != "log-normal" else 0.0,
                "dse": gap.std(ddof=1) * len(gap) ** 0.5 if name != "log-normal" else 0.0,
                "width": np.log(row["upper"] / row["lower"]), "median": row["median"],
                "outliers": int((fit.outliers()["probability"] > 0.5).sum()),
                "rhat": fit.diagnostics.rhat, "pareto_k": table.loc[name, "worst_pareto_k"],
            }  # fmt: skip


# Planted outliers ---------------------------------------------------------------------------------


def planted(replicate: int, share: float) -> tuple[pd.DataFrame, float]:
    """Return runs of which a share went wrong, and the true log curve at ten times the end."""
    rng = np.random.default_rng([SEED, 97, replicate])
    law, sigma = power_law(rng), np.exp(rng.uniform(np.log(0.005), np.log(0.03)))
    x = np.geomspace(1, END, ROWS)
    scatter = sigma * rng.standard_normal(ROWS)
    wrong = rng.uniform(size=ROWS) < share
    y = np.exp(law(np.log(x)) + scatter + FAR * sigma * wrong)
    return pd.DataFrame({"x": x, "y": y}), float(law(np.log(10 * END)))


def of_planted(replicates: int) -> Iterator[dict]:
    """A row for each data set and noise."""
    for share in (0.0, SHARE):
        for replicate in range(replicates):
            runs, true = planted(replicate, share)
            for name, noise in NOISES.items():
                fit = bs.PowerLaw().fit(runs, y="y", x="x", likelihood=noise(), **SAMPLING)
                curve = np.log(fit.forecast(x=10 * END, drift=0).draws("curve")).ravel()
                low, middle, high = np.quantile(curve, [0.05, 0.5, 0.95])
                yield {
                    "part": "planted", "case": f"{share:.0%} wrong", "noise": name,
                    "rmsle": abs(middle - true), "coverage_90": float(low <= true <= high),
                    "width": high - low, "rhat": fit.diagnostics.rhat,
                }  # fmt: skip


# The command --------------------------------------------------------------------------------------


def summarized(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means over curves and data sets, by part, case and noise."""
    kept = rows[rows["part"].ne("tables")]
    case = kept["case"].where(kept["part"].eq("planted"), "published curves")
    groups = kept.assign(case=case).groupby(["part", "case", "noise"], sort=False)
    means = ("rmsle", "crps", "log_score", "coverage_50", "coverage_90", "seconds")
    return groups.agg(
        sets=("noise", "size"), **{name: (name, "mean") for name in means},
        width=("width", "median"), unsure=("rhat", lambda r: (r > 1.05).mean()),
    ).reset_index()  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--every", type=int, default=6, help="of how many curves one is taken")
    parser.add_argument("--replicates", type=int, default=50, help="of the simulated data sets")
    parser.add_argument("--fresh", action="store_true", help="forecast again what was forecast")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    path = asked.out / "outlier_noise.csv"
    before = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["part", "case", "noise"])
    going_on = before["part"].eq("curves") & (not asked.fresh)
    table = before[~before["part"].isin(asked.parts) | going_on]
    done = set(zip(*(table.loc[going_on, name] for name in ("case", "noise")), strict=True))
    parts = {
        "tables": lambda: of_tables(asked.folder),
        "planted": lambda: of_planted(asked.replicates),
        "curves": lambda: of_curves(asked.folder, asked.every, done),
    }
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        for part in asked.parts:
            for row in parts[part]():
                table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
                if part != "planted":
                    said = f"{time.monotonic() - started:.0f} s: {row['case']}, {row['noise']}"
                    print(said, flush=True)
                if part == "curves":
                    table.to_csv(path, index=False, float_format="%.4g")
            table.to_csv(path, index=False, float_format="%.4g")
    with pd.option_context("display.width", 220, "display.max_columns", 30):
        print(table[table["part"].eq("tables")].dropna(axis=1, how="all").to_string(index=False))
        print(summarized(table).to_string(index=False, float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
