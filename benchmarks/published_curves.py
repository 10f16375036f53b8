"""How the laws sample and forecast on 70 published curves, beside a least-squares peer.

Run: uv run python benchmarks/published_curves.py [DATA_FOLDER]

DATA_FOLDER (or the environment variable BAYESCALE_TEST_DATA) holds alabdulmohsin_vision.csv and
alabdulmohsin_language.csv (Alabdulmohsin et al. 2022, arXiv:2209.06640): 54 vision curves (9 tasks
x 6 models) and 16 language curves, each with its published split. Every law is fitted to the train
rows (equal x merged by their mean) and forecasts the extrapolation rows (thinned to 60 evenly
spaced points). The peer is the power law with a floor by multi-start least squares on log y, with
a residual bootstrap, on the same rows.

Writes published_curves.csv (a row for each curve and law) and published_curves_summary.csv (by law
and family) to benchmarks/results, and prints the summary. Scores are means over curves, so that
a curve with many points weighs no more than one with few; R-hat and ESS are the worst over all
parameters and the forecast of each fit.

The checkpoints of a curve are one training run's, so their scatter is correlated, and exponents
drift beyond the data. These laws have independent noise and no drift yet: their intervals are too
narrow here, and this table is to show by how much.
"""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit

import bayescale as bs
from bayescale.scoring import crps, log_mean_exp

LAWS = {
    "power": bs.PowerLaw(),
    "one break": bs.BrokenPowerLaw(breaks=1),
    "two breaks, fixed": bs.BrokenPowerLaw(breaks=2, placement="fixed"),
    "two breaks": bs.BrokenPowerLaw(breaks=2),
}
PEER, MIXTURE = "least squares + bootstrap", "equal mixture"
LEVELS = (0.5, 0.8, 0.9, 0.95)
STARTS, REFITS, NOISE, POINTS = 12, 60, 50, 60


def read(folder: Path) -> pd.DataFrame:
    """Return the rows of both files, with the family in a column."""
    files = {name: folder / f"alabdulmohsin_{name}.csv" for name in ("vision", "language")}
    tables = [pd.read_csv(path).assign(family=name) for name, path in files.items()]
    return pd.concat(tables, ignore_index=True)


def split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the train rows, equal x merged, and at most 60 evenly spaced extrapolation rows."""
    train, test = (
        rows[rows["split"] == part].groupby("examples", as_index=False)["loss"].mean()
        for part in ("train", "extrapolation")
    )
    kept = np.unique(np.linspace(0, len(test) - 1, min(POINTS, len(test))).round().astype(int))
    return train, test.iloc[kept]


def scores(news: np.ndarray, densities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the scores of a forecast: draws of new runs and log densities, shape (draw, point)."""
    found = {
        "rmsle": np.sqrt(np.mean((np.log(np.median(news, axis=0)) - np.log(truth)) ** 2)),
        "log_score": log_mean_exp(densities).mean(),
        "crps": crps(np.log(news), np.log(truth)).mean(),
    }
    for level in LEVELS:
        low, high = np.quantile(news, [(1 - level) / 2, (1 + level) / 2], axis=0)
        found[f"coverage_{level * 100:g}"] = ((low <= truth) & (truth <= high)).mean()
    return {name: float(value) for name, value in found.items()}


def bayes(law: bs.Law, train: pd.DataFrame, test: pd.DataFrame):
    """Return diagnostics, draws of new runs and log densities at the held-out rows."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = law.fit(
            train, y="loss", x="examples", tune=1000, draws=1000, retry=False, progress=False
        )
    found = fit.diagnostics
    row = {
        "seconds": time.perf_counter() - start,
        "rhat": found.rhat,
        "ess_bulk": found.ess_bulk,
        "ess_tail": found.ess_tail,
        "divergences": found.divergences,
        "draws": found.draws,
        "pareto_k": found.pareto_k,
        # The floor could not be integrated out exactly enough: the plain model was sampled.
        "fell_back": law.collapsible and found.pareto_k is None,
        "worst": found.worst,
        "smallest": found.smallest,
    }
    points, truth = len(test), test["loss"].to_numpy()
    curve = fit.curve_draws({"x": test["examples"].to_numpy(float)})
    noise = {name: value[..., None] for name, value in fit.noise.items()}
    density = fit.likelihood.log_density(truth, curve, **noise)
    return row, fit.new_run_draws(curve).reshape(-1, points), density.reshape(-1, points)


def peer(train: pd.DataFrame, test: pd.DataFrame, rng: np.random.Generator):
    """Return the same of the power law with a floor by least squares and a residual bootstrap."""
    start = time.perf_counter()
    x_ref = np.exp(np.log(train["examples"]).mean())
    t = np.log(train["examples"].to_numpy(float) / x_ref)
    ahead = np.log(test["examples"].to_numpy(float) / x_ref)
    log_y, truth = np.log(train["loss"].to_numpy()), test["loss"].to_numpy()

    def law(t, log_floor, log_scale, log_exponent):
        with np.errstate(over="ignore"):
            return np.logaddexp(log_floor, log_scale - np.exp(log_exponent) * t)

    def fit(log_y, starts):
        best, least = None, np.inf
        for at in starts:
            try:
                found, _ = curve_fit(law, t, log_y, p0=at, maxfev=2000)
            except RuntimeError:  # this start did not converge
                continue
            loss = np.sum((law(t, *found) - log_y) ** 2)
            if loss < least:
                best, least = found, loss
        return best

    shares, exponents = rng.uniform(0.05, 0.95, STARTS), rng.lognormal(np.log(0.3), 0.9, STARTS)
    starts = np.column_stack(
        [log_y.min() + np.log(shares), log_y.mean() + np.log1p(-shares), np.log(exponents)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy on covariances that it cannot give
        best = fit(log_y, starts)
        fitted = law(t, *best)
        residuals = log_y - fitted
        residuals -= residuals.mean()
        scale = np.sqrt(len(t) / max(len(t) - 3, 1))
        refits = [
            fit(fitted + scale * rng.choice(residuals, len(t)), [best]) for _ in range(REFITS)
        ]
    curves = np.array([law(ahead, *found) for found in refits if found is not None])
    sigma = scale * residuals.std()
    curve = np.repeat(curves, NOISE, axis=0)
    news = np.exp(curve + sigma * rng.standard_normal(curve.shape))
    density = bs.LogNormal().log_density(truth, np.exp(curves), sigma=sigma)
    return {"seconds": time.perf_counter() - start}, news, density


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each law and family."""
    rows = []
    every = table.assign(family="all")
    for (law, family), group in pd.concat([table, every]).groupby(["law", "family"], sort=False):
        mean = group[["rmsle", "log_score", "crps", *COVERAGE]].mean()
        sampled = group["rhat"].notna().any()
        rows.append(
            {
                "law": law,
                "family": family,
                "curves": len(group),
                "crashed": int((group["error"] != "").sum()),
                "rhat_ok": (group["rhat"] < 1.01).mean() if sampled else np.nan,
                "rhat_max": group["rhat"].max(),
                "ess_min": group["ess_bulk"].min(),
                "ess_median": group["ess_bulk"].median(),
                "divergences": group["divergences"].sum() if sampled else np.nan,
                "curves_divergent": (group["divergences"] > 0).sum() if sampled else np.nan,
                "fell_back": group["fell_back"].astype(float).mean() if sampled else np.nan,
                "seconds": group["seconds"].median(),
                **mean,
            }
        )
    return pd.DataFrame(rows)


COVERAGE = [f"coverage_{level * 100:g}" for level in LEVELS]


def main(folder: Path, out: Path) -> None:
    runs = read(folder)
    rng = np.random.default_rng(0)
    rows = []
    curves = runs.groupby(["family", "task", "model"], sort=False)
    for number, ((family, task, model), curve) in enumerate(curves, 1):
        train, test = split(curve)
        truth = test["loss"].to_numpy()
        about = {"family": family, "curve": f"{task}/{model}", "train": len(train)}
        about |= {"test": len(test), "error": ""}
        news, densities, seconds = [], [], 0.0
        for name, law in LAWS.items():
            try:
                row, new, density = bayes(law, train, test)
            except Exception as error:  # a crash is a result, and must not lose the others
                rows.append({"law": name, **about, "error": repr(error)})
                print(f"{task}/{model}, {name}: {error!r}", flush=True)
                continue
            news.append(new)
            densities.append(density)
            seconds += row["seconds"]
            rows.append({"law": name, **about, **row, **scores(new, density, truth)})
        mixed = scores(np.concatenate(news), np.concatenate(densities), truth)
        rows.append({"law": MIXTURE, **about, "seconds": seconds, **mixed})
        row, new, density = peer(train, test, rng)
        rows.append({"law": PEER, **about, **row, **scores(new, density, truth)})
        print(f"{number}/{len(curves)} {family} {task}/{model}: {seconds:.1f} s", flush=True)
    table = pd.DataFrame(rows).round(5)
    order = {name: place for place, name in enumerate([*LAWS, MIXTURE, PEER])}
    table = table.sort_values("law", key=lambda column: column.map(order), kind="stable")
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "published_curves.csv", index=False)
    summary = summarize(table).round(4)
    summary.to_csv(out / "published_curves_summary.csv", index=False)
    print(summary.to_string(index=False, float_format=lambda v: f"{v:.3g}"))


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BAYESCALE_TEST_DATA")
    if not given:
        sys.exit("Name the folder of published data, or set BAYESCALE_TEST_DATA.")
    main(Path(given), Path(__file__).parent / "results")
