"""How far a refit is from the least it could take: gradients by hand-written code, nothing else.

Run: uv run python benchmarks/speed_limit.py [--repeats 5] [--out FOLDER]
Power law (20 points), one break (70) and Chinchilla (240) are fitted again and again in one
process, on one core so that seconds add up, with the default 4 x (1000 + 1000) and no second
sampling. Counted are the gradients that the sampler takes, warm-up included, and those of the
climbs to the modes; timed are one gradient through our compiled density and one by hand, in
loops of numba. By hand means the same log density written out for its case with its derivatives;
it must agree with ours to 1e-8 before it is timed. One break samples a density with floor and
level integrated out, which nobody would write by hand: no such column.

Columns, medians of the repeats: seconds of a refit (and with all cores), of its gradients, of
NUTS besides, of the climbs, of reading draws into quantities, of diagnostics, of the labelled
tree, and of everything else; each as a share too. ``floor_share`` is the gradients by hand over
the refit. Writes benchmarks/results/speed_limit.csv.
"""

import argparse
import math
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numba
import numpy as np
import pandas as pd
from speed_peers import simulated

import bayescale as bs
from bayescale import attempts, engines, kernels, posterior, sample

LAWS = {
    "power law": bs.PowerLaw(),
    "one break": bs.BrokenPowerLaw(breaks=1),
    "Chinchilla": bs.Chinchilla(),
}
PARTS = ("gradients", "nuts", "climbs", "draws", "diagnostics", "tree", "other")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    table = pd.DataFrame([measured(case, asked.repeats) for case in LAWS])
    table["machine"] = (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, nutpie {version('nutpie')}, "
        f"numba {version('numba')}"
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(asked.out / "speed_limit.csv", index=False, float_format="%.4g")
    shown = table.drop(columns="machine").set_index("case").T
    print(shown.to_string(float_format=lambda v: f"{v:.3g}"))


def measured(case: str, repeats: int) -> dict[str, Any]:
    """Return the row of one case."""
    first = Refit(case)
    first.run(0, cores=1)  # compiles
    density, function = first.density, first.function
    ours_us = microseconds(through(function, density), density)
    by_hand_us = math.nan
    if case in BY_HAND:
        kernel = BY_HAND[case](density)
        agreed(kernel, function, density)
        by_hand_us = microseconds(kernel, density)
    rows, all_cores = [], []
    for seed in range(1, repeats + 1):
        all_cores.append(Refit(case).run(seed, cores=None))
        refit = Refit(case)
        whole = refit.run(seed, cores=1)
        spent = {name: refit.seconds.get(name, 0.0) for name in ("sampled", "climbs", "read")}
        seconds = {
            "gradients": refit.evaluations * ours_us / 1e6,
            "climbs": spent["climbs"],
            "draws": refit.seconds["draw"] - spent["sampled"] + spent["read"],
            "diagnostics": refit.seconds["diagnostics"],
            "tree": refit.seconds["tree"],
        }
        nutpie = spent["sampled"] - spent["climbs"] - spent["read"]
        seconds["nuts"] = nutpie - seconds["gradients"]
        seconds["other"] = whole - sum(seconds.values())
        rows.append(
            {
                "refit_s": whole,
                "evaluations": refit.evaluations,
                "climb_evaluations": refit.climbed,
                **{f"{part}_s": seconds[part] for part in PARTS},
            }
        )
    row: dict[str, Any] = pd.DataFrame(rows).median().to_dict()
    shares = {f"{part}_share": row[f"{part}_s"] / row["refit_s"] for part in PARTS}
    floor = row["evaluations"] * by_hand_us / 1e6
    return {
        "case": case,
        "points": len(next(iter(simulated(case, 0)[0].values()))),
        "refit_s": row.pop("refit_s"),
        "refit_all_cores_s": float(np.median(all_cores)),
        "ours_us": ours_us,
        "by_hand_us": by_hand_us,
        **row,
        **shares,
        "floor_s": floor,
        "floor_share": floor / sum(row[f"{part}_s"] for part in PARTS),
    }


# One refit, with its parts timed ------------------------------------------------------------------


class Refit:
    """One fit whose steps are timed and whose gradients are counted."""

    def __init__(self, case: str) -> None:
        self.case = case
        self.seconds: dict[str, float] = {}
        self.evaluations = 0
        self.climbed = 0
        self.density: Any = None
        self.function: Any = None

    def run(self, seed: int, cores: int | None) -> float:
        """Fit the case's data of a seed; return the seconds."""
        data, at, _ = simulated(self.case, seed)
        runs = pd.DataFrame(data)
        roles = {role: role for role in at}
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayescaleWarning)
            for room, name, label, seen in (
                (engines, "draw", "draw", None),
                (sample, "run", "sampled", self._ran),
                (sample, "_climbed", "climbs", None),
                (sample, "_read", "read", self._read),
                (attempts, "diagnosed", "diagnostics", None),
                (posterior, "tree", "tree", None),
            ):
                stack.enter_context(self._timed(room, name, label, seen))
            stack.enter_context(patch.object(kernels, "caller", self._counting(kernels.caller)))
            start = time.perf_counter()
            LAWS[self.case].fit(
                runs, y="y", seed=seed, cores=cores, retry=False, progress=False, **roles
            )
            return time.perf_counter() - start

    @contextmanager
    def _timed(
        self, room: Any, name: str, label: str, seen: Callable[..., None] | None
    ) -> Iterator[None]:
        function = getattr(room, name)

        def timed(*given: Any) -> Any:
            start = time.perf_counter()
            found = function(*given)
            self.seconds[label] = self.seconds.get(label, 0.0) + time.perf_counter() - start
            if seen is not None:
                seen(*given)
            return found

        with patch.object(room, name, timed):
            yield

    def _ran(self, key: Any, density: Any, settings: Any) -> None:
        self.density = density
        self.function = sample._compiled[key].logp_func.vm.jit_fn

    def _read(self, batches: Any, settings: Any) -> None:
        # A leapfrog step is one gradient; so is the start of every chain.
        for batch in batches:
            self.evaluations += 1 + int(np.asarray(batch.column("n_steps")).sum())

    def _counting(self, caller: Callable) -> Callable:
        def counted(compiled: Any, density: Any) -> Any:
            function = caller(compiled, density)

            def one_more(point: np.ndarray) -> Any:
                self.climbed += 1
                return function(point)

            return None if function is None else one_more

        return counted


# One gradient -------------------------------------------------------------------------------------


def through(function: Any, density: Any) -> Any:
    """Return our compiled density as a kernel: from point and out array to the value."""
    numbers, columns = (np.array(value, order="C") for value in density.data.values())

    @numba.njit
    def kernel(point, out):
        value, gradient = function(point, numbers, columns)
        for i in range(point.size):
            out[i] = gradient[i]
        return value[()]

    return kernel


def microseconds(kernel: Any, density: Any, seconds: float = 0.2, repeats: int = 5) -> float:
    """Return the least time of one evaluation over several loops."""

    @numba.njit
    def loop(point, out, count):
        total = 0.0
        for _ in range(count):
            point[0] += 1e-12  # nothing to be taken out of the loop
            total += kernel(point, out) + out[0]
        return total

    point, out = 0.1 * np.ones(density.dimension), np.empty(density.dimension)

    def lasted(count: int) -> float:
        start = time.perf_counter()
        loop(point, out, count)
        return time.perf_counter() - start

    loop(point, out, 1)  # compiles
    count = max(1, int(seconds / repeats / (lasted(1000) / 1000)))
    return min(lasted(count) for _ in range(repeats)) / count * 1e6


def agreed(kernel: Any, function: Any, density: Any) -> None:
    """Check that a kernel has our gradient, and our value but for a constant."""
    ours = through(function, density)
    rng = np.random.default_rng(0)
    middle = np.zeros(density.dimension)
    out, theirs = np.empty_like(middle), np.empty_like(middle)
    shift = kernel(middle, out) - ours(middle, theirs)
    for _ in range(20):
        point = rng.standard_normal(density.dimension)
        gap = kernel(point, out) - ours(point, theirs) - shift
        scale = 1 + np.abs(theirs)
        wrong = max(abs(gap) / (1 + abs(ours(point, theirs))), np.max(np.abs(out - theirs) / scale))
        if wrong > 1e-8:
            raise SystemExit(f"The hand-written kernel is off by {wrong:.1e} at {point}.")


def power_law_by_hand(density: Any) -> Any:
    """Return the power law's log density and gradient, written out (log-normal noise)."""
    n, names, log_x, log_y = written(density, "x")
    (x_ref, x_end, y_ref, y_drop) = (n[k] for k in ("x_ref", "x_end", "y_ref", "y_drop"))
    e_mu, e_sd, e_at, e_unit = prior_of(n, "exponent")
    s_mu, s_sd, s_at, s_unit = prior_of(n, "sigma")
    l_mu, l_sd = n["level_mu"], n["level_sigma"]
    least = bs.LogNormal().sigma_min ** 2
    log_y, log_x = log_y - math.log(y_ref), log_x - math.log(x_ref)
    end = math.log(x_end / x_ref)
    i_e, i_s, i_l, i_p = (names.index(k) for k in ("exponent", "sigma", *PAIR))

    @numba.njit(fastmath=True, error_model="numpy")
    def kernel(z, out):
        p = z[i_p]
        share = 0.5 * math.erfc(-p / math.sqrt(2.0))
        tilt = y_drop / (1.0 - y_drop * share)
        log_exponent = e_at + e_unit * z[i_e] - math.log(1.0 - y_drop * share)
        exponent = math.exp(log_exponent)
        log_level = 0.5 * z[i_l]
        log_sigma = s_at + s_unit * z[i_s]
        variance = math.exp(2.0 * log_sigma)
        total = variance + least
        ratio = math.exp(-exponent * end)
        whole = 1.0 - share + share * ratio
        offset = log_level - math.log(whole)
        squares = along = by_share = by_exponent = 0.0
        for i in range(log_x.size):
            term = math.exp(-exponent * log_x[i])
            curve = share * ratio + (1.0 - share) * term
            gap = log_y[i] - offset - math.log(curve)
            squares += gap * gap
            along += gap
            part = gap / curve
            by_share += part * (ratio - term)
            by_exponent -= part * (share * end * ratio + (1.0 - share) * log_x[i] * term)
        by_share = (by_share + along * (1.0 - ratio) / whole) / total
        by_exponent = (by_exponent + along * share * end * ratio / whole) / total
        u, v, w = (log_exponent - e_mu) / e_sd, (log_sigma - s_mu) / s_sd, (log_level - l_mu) / l_sd
        by_log_exponent = exponent * by_exponent - u / e_sd
        out[i_e] = e_unit * by_log_exponent
        out[i_s] = s_unit * ((squares / total - log_x.size) * variance / total - v / s_sd)
        out[i_l] = 0.5 * (along / total - w / l_sd)
        normal = math.exp(-0.5 * p * p) / math.sqrt(2.0 * math.pi)
        out[i_p] = normal * (by_share + by_log_exponent * tilt) - p
        likelihood = -0.5 * squares / total - 0.5 * log_x.size * math.log(total)
        return likelihood - 0.5 * (u * u + v * v + w * w + p * p)

    return kernel


def chinchilla_by_hand(density: Any) -> Any:
    """Return Chinchilla's log density and gradient, written out (log-normal noise)."""
    n, names, log_n, log_y = written(density, "params")
    _, _, log_d, _ = written(density, "tokens")
    y_ref = n["y_ref"]
    a_mu, a_sd, a_at, a_unit = prior_of(n, "params_exponent")
    b_mu, b_sd, b_at, b_unit = prior_of(n, "tokens_exponent")
    s_mu, s_sd, s_at, s_unit = prior_of(n, "sigma")
    h_at, h_unit = n["tokens_share_origin"], n["tokens_share_unit"]
    l_mu, l_sd = n["level_mu"], n["level_sigma"]
    least = bs.LogNormal().sigma_min ** 2
    log_y = log_y - math.log(y_ref)
    log_n, log_d = log_n - math.log(n["params_ref"]), log_d - math.log(n["tokens_ref"])
    end_n = math.log(n["params_end"] / n["params_ref"])
    end_d = math.log(n["tokens_end"] / n["tokens_ref"])
    ordered = ("params_exponent", "tokens_exponent", "tokens_share", "sigma", *PAIR)
    i_a, i_b, i_h, i_s, i_l, i_p = (names.index(k) for k in ordered)

    @numba.njit(fastmath=True, error_model="numpy")
    def kernel(z, out):
        p, q = z[i_p], h_at + h_unit * z[i_h]
        share = 0.5 * math.erfc(-p / math.sqrt(2.0))
        half = 0.5 * math.erfc(-q / math.sqrt(2.0))
        log_a, log_b = a_at + a_unit * z[i_a], b_at + b_unit * z[i_b]
        alpha, beta = math.exp(log_a), math.exp(log_b)
        log_level = 0.5 * z[i_l]
        log_sigma = s_at + s_unit * z[i_s]
        variance = math.exp(2.0 * log_sigma)
        total = variance + least
        last_n, last_d = math.exp(-alpha * end_n), math.exp(-beta * end_d)
        ratio = (1.0 - half) * last_n + half * last_d
        whole = 1.0 - share + share * ratio
        offset = log_level - math.log(whole)
        squares = along = parts = by_share = by_a = by_b = by_half = 0.0
        for i in range(log_n.size):
            of_n, of_d = math.exp(-alpha * log_n[i]), math.exp(-beta * log_d[i])
            term = (1.0 - half) * of_n + half * of_d
            curve = share * ratio + (1.0 - share) * term
            gap = log_y[i] - offset - math.log(curve)
            squares += gap * gap
            along += gap
            part = gap / curve
            parts += part
            by_share += part * (ratio - term)
            by_a -= part * log_n[i] * of_n
            by_b -= part * log_d[i] * of_d
            by_half += part * (of_d - of_n)
        # The ratio is in every point's curve, and in the whole that divides it.
        by_ratio = share * (parts - along / whole)
        by_share = (by_share + along * (1.0 - ratio) / whole) / total
        by_a = (1.0 - half) * ((1.0 - share) * by_a - by_ratio * end_n * last_n) / total
        by_b = half * ((1.0 - share) * by_b - by_ratio * end_d * last_d) / total
        by_half = ((1.0 - share) * by_half + by_ratio * (last_d - last_n)) / total
        u, v = (log_a - a_mu) / a_sd, (log_b - b_mu) / b_sd
        w, y = (log_level - l_mu) / l_sd, (log_sigma - s_mu) / s_sd
        root = math.sqrt(2.0 * math.pi)
        out[i_a] = a_unit * (alpha * by_a - u / a_sd)
        out[i_b] = b_unit * (beta * by_b - v / b_sd)
        out[i_h] = h_unit * (math.exp(-0.5 * q * q) / root * by_half - q)
        out[i_s] = s_unit * ((squares / total - log_n.size) * variance / total - y / s_sd)
        out[i_l] = 0.5 * (along / total - w / l_sd)
        out[i_p] = math.exp(-0.5 * p * p) / root * by_share - p
        likelihood = -0.5 * squares / total - 0.5 * log_n.size * math.log(total)
        return likelihood - 0.5 * (u * u + v * v + w * w + y * y + p * p + q * q)

    return kernel


PAIR = ("log_level", "probit_floor_share")
BY_HAND = {"power law": power_law_by_hand, "Chinchilla": chinchilla_by_hand}


def written(density: Any, role: str) -> tuple[dict[str, float], list[str], np.ndarray, np.ndarray]:
    """Return numbers, the names of coordinates, log inputs and log outcomes of a density."""
    numbers = {name: float(value) for name, value in density.numbers.items()}
    return numbers, [*density.sizes], np.log(density.columns[role]), np.log(density.columns["y"])


def prior_of(numbers: dict[str, float], name: str) -> tuple[float, ...]:
    """Return mean and spread of a log-normal prior, origin and unit of its coordinate."""
    mu, sigma, origin, unit = (numbers[f"{name}_{k}"] for k in ("mu", "sigma", "origin", "unit"))
    return mu, sigma, origin, unit


if __name__ == "__main__":
    main()
