"""The worst curves of a method: a picture of each, and what is special about it in words.

The words come from measured facts, each with the number that it was said for; they are hints, and
several may be true at once.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks.extrapolation.curves import Curve
from benchmarks.extrapolation.scores import trend_bins

COUNT, MOST_OF_A_SET = 10, 3


def noise(x: np.ndarray, y: np.ndarray) -> float:
    """Return the scatter of log y about chords between neighbours, as a standard deviation.

    A robust one: from the median absolute deviation. Where x repeats, that of runs of equal x. NaN
    with fewer than five runs.
    """
    if len(x) < 5:
        return float("nan")
    t, log_y = np.log(x), np.log(y)
    if len(np.unique(x)) < len(x) / 2:
        group = pd.Series(log_y).groupby(x)
        return float(np.sqrt(group.var().mean()))
    gap = np.maximum(t[2:] - t[:-2], 1e-12)
    share = (t[1:-1] - t[:-2]) / gap
    off = log_y[1:-1] - (1 - share) * log_y[:-2] - share * log_y[2:]
    off = off / np.sqrt(1 + share**2 + (1 - share) ** 2)
    return float(1.4826 * np.median(np.abs(off)))


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Return the slope of a line through log y on log x, falling as a positive number."""
    if len(np.unique(x)) < 2:
        return float("nan")
    return float(-np.polyfit(np.log(x), np.log(y), 1)[0])


@dataclass(frozen=True)
class Facts:
    """What was measured of a curve.

    Parameters
    ----------
    rows, ahead
        Training rows, and the largest test x over the largest training x.
    before, beyond
        Slopes of log y at the end of the training rows and over the test runs.
    scatter
        Noise of test runs over that of training rows, times the root of n_obs.
    steps
        The larger share of neighbours that are equal, of training rows and of test runs.
    rise
        By how much log y rises, at most, from the last training row to the trend of test runs.
    """

    rows: int
    ahead: float
    before: float
    beyond: float
    scatter: float
    steps: float
    rise: float


def facts(curve: Curve) -> Facts:
    """Measure a curve."""
    x, y, n_obs = (curve.train[name].to_numpy(float) for name in ("x", "y", "n_obs"))
    x_test, y_test = (curve.test[name].to_numpy(float) for name in ("x", "y"))
    last = x >= min(x[-1] / 2, x[-3])
    each = trend_bins(x_test)
    trend_x, trend_y = (
        np.exp(np.bincount(each, np.log(v)) / np.bincount(each)) for v in (x_test, y_test)
    )
    over = np.concatenate([x[-1:], trend_x]), np.concatenate([y[-1:], trend_y])
    single = noise(x, y) * np.sqrt(np.median(n_obs))
    steps = max(np.mean(np.diff(v) == 0) if len(v) > 3 else 0.0 for v in (y, y_test))
    # Replicates of a size are no steps of a curve: their order is by y.
    if len(np.unique(x_test)) < len(x_test):
        steps = float(np.mean(np.diff(y) == 0)) if len(y) > 3 else 0.0
    return Facts(
        rows=len(x),
        ahead=curve.ahead,
        before=slope(x[last], y[last]),
        beyond=slope(*over),
        scatter=noise(x_test, y_test) / single if single > 0 else float("nan"),
        steps=float(steps),
        rise=float(np.max(np.log(trend_y)) - np.log(y[-1])),
    )


def reason(curve: Curve, row: pd.Series) -> str:
    """Return what is special about a curve and its forecast, in words with numbers."""
    found, said = facts(curve), []
    spread = max(noise(*(curve.test[name].to_numpy(float) for name in ("x", "y"))), 0.005)
    if found.steps > 0.3:
        said.append(f"a step function: {found.steps:.0%} of neighbours are equal")
    gap = abs(found.beyond - found.before)
    there = f"local exponent {found.before:.2f} there, {found.beyond:.2f} beyond"
    if found.rise > 3 * spread and found.before > 0:
        said.append(f"rises by up to {found.rise:.0%} after falling at exponent {found.before:.2f}")
    elif gap > max(0.3 * abs(found.before), 0.02):
        how = "flattens" if abs(found.beyond) < abs(found.before) else "steepens"
        if found.before < -0.02 and found.beyond > 0.02:
            how = "turns down"
        said.append(f"{how} after the last training row: {there}")
    if found.scatter > 2:
        said.append(f"test runs scatter {found.scatter:.1f} times as much as training rows")
    if found.rows <= 16:
        said.append(f"{found.rows} training rows")
    if found.ahead > 4:
        said.append(f"{found.ahead:.0f} times the training range")
    if abs(row["bias"]) > 0.7 * row["rmsle"]:
        side = "high" if row["bias"] > 0 else "low"
        times = np.exp(abs(row["bias"]))
        much = f"{abs(np.expm1(row['bias'])):.0%}" if times < 2 else f"by a factor of {times:.3g}"
        said.append(f"predicted {much} too {side}")
    said.append(
        f"the 90 % interval, {row['width']:.2f} wide in log y, holds {row['coverage_90']:.0%} of "
        "the runs"
    )
    return "; ".join(said)


def chosen(table: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows with the largest CRPS of a method, at most a few of each set."""
    rows = table[(table["method"] == method) & (table["failure"] == "")]
    rows = rows.sort_values("crps", ascending=False, kind="stable")
    rows = rows[rows.groupby("set").cumcount() < MOST_OF_A_SET]
    return rows.head(COUNT).reset_index(drop=True)


def explained(rows: pd.DataFrame, curves: dict[tuple[str, str, str], Curve]) -> pd.DataFrame:
    """Return the worst curves with a reason each."""
    columns = ["set", "family", "curve", "method", "rmsle", "crps", "coverage_90", "width"]
    words = [reason(curves[_key(row)], row) for _, row in rows.iterrows()]
    return rows[columns].assign(reason=words)


def drawn(
    rows: pd.DataFrame,
    curves: dict[tuple[str, str, str], Curve],
    quantiles: dict[tuple[str, str, str], np.ndarray],
    path: Path,
) -> None:
    """Draw the gallery: training rows, test runs, median, 50 and 90 % intervals.

    Parameters
    ----------
    rows
        Of :func:`explained`.
    curves
        By set, family and name.
    quantiles
        Of log y at the test runs, as kept by ``running``, by the same.
    path
        The picture.
    """
    across = 5
    down = -(-len(rows) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(15, 3.2 * down), layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(rows) :]:
        axis.axis("off")
    for number, (axis, (_, row)) in enumerate(zip(axes.flat, rows.iterrows(), strict=False), 1):
        curve, at = curves[_key(row)], np.exp(quantiles[_key(row)])
        x = curve.test["x"].to_numpy(float)
        axis.fill_between(x, at[0], at[4], color="C0", alpha=0.2, lw=0, label="90 %")
        axis.fill_between(x, at[1], at[3], color="C0", alpha=0.35, lw=0, label="50 %")
        axis.plot(x, at[2], color="C0", lw=1.2, label="median")
        axis.plot(curve.train["x"], curve.train["y"], ".", color="0.25", ms=4, label="fitted")
        axis.plot(x, curve.test["y"], ".", color="C3", ms=3, alpha=0.6, label="held out")
        axis.axvline(curve.train["x"].max(), color="0.7", lw=0.8)
        axis.set(xscale="log", yscale="log")
        axis.set_title(f"{number}. {curve.set}: {curve.name[:34]}", fontsize=8)
        axis.tick_params(labelsize=7, which="both")
    axes.flat[0].legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=85)
    plt.close(figure)


def _key(row: pd.Series) -> tuple[str, str, str]:
    return row["set"], row["family"], row["curve"]
