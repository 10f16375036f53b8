"""How well 240 Chinchilla runs know a of N* ~ C^a, and why a bootstrap says twice as much.

Run: uv run python -m benchmarks.chinchilla_exponent DATA_FOLDER

Epoch's bootstrap (Huber's loss with delta 1e-3 on log loss; arXiv:2404.10102) has an 80 % interval
of a that is 0.051 wide, Hoffmann's own 0.001. Beside our posteriors this takes the bootstrap apart:
which loss is minimized (Huber's, or Student-t with the posterior's scale and degrees of freedom),
and what is resampled (whole runs, or noise drawn anew from the fitted Student-t about the fitted
law, so that the law holds and noise has one scale). Writes results/chinchilla_exponent.csv.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize

import bayescale as bs

RESULTS = Path(__file__).parent / "results"
LEVELS = [0.1, 0.5, 0.9]
DELTA = 1e-3


def loaded(folder: Path) -> pd.DataFrame:
    """The runs without the five of the highest loss, as Epoch has them."""
    runs = pd.read_csv(folder / "chinchilla_fig4.csv")
    return runs.sort_values("loss").iloc[:240].reset_index(drop=True)


def huber(gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Huber's loss and its slope."""
    small = np.abs(gap) <= DELTA
    loss = np.where(small, gap**2 / 2, DELTA * (np.abs(gap) - DELTA / 2))
    return loss, np.where(small, gap, DELTA * np.sign(gap))


def student(scale: float, freedom: float):
    """Minus the log density of Student's t, and its slope."""

    def loss(gap):
        ratio = gap**2 / (freedom * scale**2)
        return (freedom + 1) / 2 * np.log1p(ratio), (freedom + 1) * gap / (
            freedom * scale**2 + gap**2
        )

    return loss


def curve(theta, log_n, log_d) -> tuple[np.ndarray, np.ndarray]:
    """The log of the law at log A, log B, log E, alpha, beta, and its gradient, shape (5, run)."""
    terms = np.stack(
        [theta[0] - theta[3] * log_n, theta[1] - theta[4] * log_d, 0 * log_n + theta[2]]
    )
    most = terms.max(axis=0)
    shares = np.exp(terms - most)
    total = shares.sum(axis=0)
    shares /= total
    gradient = np.stack([*shares, -shares[0] * log_n, -shares[1] * log_d])
    return most + np.log(total), gradient


def fitted(log_n, log_d, log_loss, measure, start) -> np.ndarray:
    """Minimize a loss of log L from a start, in coordinates in which it is well conditioned."""
    _, gradient = curve(start, log_n, log_d)
    root = np.linalg.inv(np.linalg.cholesky(gradient @ gradient.T)).T
    unit = measure(np.full(1, 5e-3))[1][0] * 5e-3  # of the order of one run's loss

    def value(z):
        predicted, slopes = curve(start + root @ z, log_n, log_d)
        loss, slope = measure(predicted - log_loss)
        return loss.sum() / unit, root.T @ (slopes @ slope) / unit

    first = minimize(value, np.zeros(5), jac=True, method="BFGS", options={"gtol": 1e-6})
    again = minimize(value, first.x + 1e-4, jac=True, method="BFGS", options={"gtol": 1e-6})
    best = min(first, again, key=lambda found: found.fun)
    return start + root @ best.x


def power(theta: np.ndarray) -> np.ndarray:
    return theta[..., 4] / (theta[..., 3] + theta[..., 4])


def information(slopes, residual, best, scale, freedom) -> list[dict]:
    """The width of a by Fisher's information, expected and observed, and by the sandwich.

    And how much more the 40 runs scatter that know most of a than the others do.
    """
    alpha, beta = best[3], best[4]
    toward = np.array([0, 0, 0, -beta, alpha]) / (alpha + beta) ** 2
    base = freedom * scale**2 + residual**2
    weight = (freedom + 1) * (freedom * scale**2 - residual**2) / base**2
    expected = slopes @ slopes.T * (freedom + 1) / (freedom + 3) / scale**2
    observed = (slopes * weight) @ slopes.T
    score = slopes * ((freedom + 1) * residual / base)
    bread = np.linalg.inv(observed)
    covers = {
        "expected information": np.linalg.inv(expected),
        "observed information": bread,
        "sandwich": bread @ (score @ score.T) @ bread,
    }
    says = (toward @ covers["expected information"] @ slopes) ** 2
    most = np.argsort(-says)
    near, rest = (np.median(np.abs(residual[which])) for which in (most[:40], most[40:]))
    rows = [
        {"what": name, "a": beta / (alpha + beta), "width": 2.5631 * np.sqrt(toward @ c @ toward)}
        for name, c in covers.items()
    ]
    ratio = residual[most[:40]].std() / residual[most[40:]].std()
    rows[-1] |= {"scatter_of_40": ratio, "median_scatter_of_40": near / rest}
    print(pd.DataFrame(rows).to_string(), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("BAYESCALE_TEST_DATA"))
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    runs = loaded(Path(asked.data))
    logs = [np.log(runs[name].to_numpy()) for name in ("params", "tokens", "loss")]
    columns = {"y": "loss", "params": "params", "tokens": "tokens", "progress": False}
    rows = []

    def keep(what: str, draws: np.ndarray) -> None:
        low, middle, high = np.quantile(draws, LEVELS)
        rows.append({"what": what, "a": middle, "lower": low, "upper": high, "width": high - low})
        print(rows[-1], flush=True)

    for name, noise in (("Student-t", bs.StudentT()), ("log-normal", bs.LogNormal())):
        fit = bs.Chinchilla().fit(runs, likelihood=noise, **columns)
        keep(f"posterior, {name} noise", bs.frontier(fit, 1e21).draws["params_power"].ravel())
        if name == "Student-t":
            scale, freedom = (float(np.median(fit.noise[key])) for key in ("sigma", "nu"))
    tails = student(scale, freedom)
    start = np.array([6.169, 7.670, 0.597, 0.347, 0.367])
    rng = np.random.default_rng(0)
    for name, measure in (("Huber's loss", huber), ("Student-t", tails)):
        best = fitted(*logs, measure, start)
        drawn = []
        for _ in range(asked.resamples):
            chosen = rng.integers(len(runs), size=len(runs))
            drawn.append(fitted(*(column[chosen] for column in logs), measure, best))
        keep(f"runs resampled, {name}", power(np.array(drawn)))
    best = fitted(*logs, tails, start)
    middle, slopes = curve(best, logs[0], logs[1])
    rows += information(slopes, logs[2] - middle, best, scale, freedom)
    for name, measure in (("Huber's loss", huber), ("Student-t", tails)):
        drawn = []
        for _ in range(asked.resamples):
            noisy = middle + scale * rng.standard_t(freedom, len(runs))
            drawn.append(fitted(logs[0], logs[1], noisy, measure, best))
        keep(f"noise drawn anew, {name}", power(np.array(drawn)))
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "chinchilla_exponent.csv"
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
