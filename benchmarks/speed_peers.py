"""How fast and how honest ours and its peers are, in one run and on the same simulated data.

Run: uv run python benchmarks/speed_peers.py [--peers ours,emcee_walkers] [--cases "power law"]
     [--seeds 5] [--bootstraps 4000] [--draws 1000] [--grid 5] [--limit 1800] [--out FOLDER]
Three cases with known truth and 2 % noise: a power law with floor (20 points), one break (70) and
Chinchilla (240). Each peer is a script in benchmarks/peers with an environment of its own (its
header says what it needs; ``uv run --no-project --script`` installs it), and every run is a
process of its own that fits two data sets, one after the other. Peers are interleaved: all of
them on a seed, then the next seed. Ours and the textbook's PyMC run in this project's environment.

Time is from the start of Python to the 90 % interval of the curve at ten times the largest input:
imports count in the first fit, what stays compiled is spared in the second. Peers that keep
compiled code on disk are run once before with an empty cache (a row of its own); the others keep
none. Bulk ESS (the smallest) and R-hat (the largest) are of the literature's constants, the noise
and that curve; for emcee every walker counts as a chain. The width of the interval is on the log
scale; coverage is the share of both fits and all seeds whose interval holds the truth: 0.9 is
right, and with 10 forecasts 0.7 to 1 is no news. Memory is the largest process's. A peer that
cannot be installed or fails is a row with its reason. Writes benchmarks/results/speed_peers.csv
(every fit) and speed_peers_summary.csv (medians). Three hours or so on 2 cores with 5 seeds, most
of it bootstraps and chinchilla's grid of 3125 starts.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from peers.harness import unpacked

import bayescale as bs

HERE = Path(__file__).parent

PEERS = (
    "ours",
    "textbook_pymc",
    "numpyro_nuts",
    "stan_nuts",
    "emcee_walkers",
    "huber_bootstrap",
    "simple_scaling",
    "chinchilla_bfgs",
)
#: Those that keep compiled code on disk: what an empty cache costs them is measured too.
KEEP_COMPILED = ("ours", "textbook_pymc", "stan_nuts")
#: Peers that fit some of the cases only.
ONLY = {"chinchilla_bfgs": ("Chinchilla",)}
NOISE = 0.02
_SIZES, _TOKENS = np.meshgrid(np.geomspace(1e7, 1e10, 15), np.geomspace(1e9, 1e12, 16))
#: Case to the true law and the inputs of its runs.
CASES: dict[str, tuple[Any, dict[str, np.ndarray]]] = {
    "power law": (
        bs.PowerLaw(irreducible=1.7, x0=2.1e7, exponent=0.3),
        {"x": np.geomspace(1e6, 1e10, 20)},
    ),
    "one break": (
        bs.BrokenPowerLaw(
            breaks=1, irreducible=0.2, x0=3e6, exponent=0.08, break_location=1e8,
            exponent_change=0.25, break_sharpness=1.5,
        ),
        {"x": np.geomspace(1e6, 1e10, 70)},
    ),
    "Chinchilla": (
        bs.Chinchilla(
            irreducible=1.8172, A=477.8, params_exponent=0.3473, B=2143.0, tokens_exponent=0.3672
        ),
        {"params": _SIZES.ravel(), "tokens": _TOKENS.ravel()},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bootstraps", type=int, default=4000)
    parser.add_argument("--draws", type=int, default=1000, help="of NumPyro and Stan, and tuning")
    parser.add_argument("--grid", type=int, default=5, help="of chinchilla, values a parameter")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds a run may take")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    peers = chosen(asked.peers, PEERS)
    cases = chosen(asked.cases, tuple(CASES))
    settings = {"bootstraps": asked.bootstraps, "draws": asked.draws, "tune": asked.draws}
    settings["grid"] = asked.grid
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as cache:
        ready = {peer: prepared(peer) for peer in peers}
        for seed in range(-1, asked.seeds):  # -1: with an empty cache
            for case in cases:
                for peer in peers:
                    if case not in ONLY.get(peer, cases):
                        continue
                    if seed < 0 and peer not in KEEP_COMPILED:
                        continue
                    place = Path(cache) / peer / case.replace(" ", "-")
                    done = measured(ready[peer], peer, case, seed, settings, place, asked.limit)
                    rows += done
                    print(shown(done), flush=True)
    table = pd.DataFrame(rows)
    table["machine"] = (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )
    asked.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(asked.out / "speed_peers.csv", index=False, float_format="%.5g")
    summary = summarized(table)
    summary.to_csv(asked.out / "speed_peers_summary.csv", index=False, float_format="%.4g")
    narrow = summary.drop(columns=["machine", "versions"])
    print(narrow.to_string(index=False, float_format=lambda v: f"{v:.3g}"))


def chosen(asked: str, known: tuple[str, ...]) -> list[str]:
    """Return names asked for, with commas between them."""
    names = asked.split(",")
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"Not known: {', '.join(unknown)}. There are: {', '.join(known)}.")
    return names


# One run ------------------------------------------------------------------------------------------


def simulated(case: str, seed: int) -> tuple[dict[str, list[float]], dict[str, list[float]], float]:
    """Return runs, the input to predict at (ten times the largest) and the true curve there."""
    law, inputs = CASES[case]
    exact = law.evaluate(**inputs)
    scatter = NOISE * np.random.default_rng([seed, len(exact)]).standard_normal(len(exact))
    runs = {**inputs, "y": exact * np.exp(scatter)}
    at = {role: np.array([10 * values.max()]) for role, values in inputs.items()}
    data = {name: column.tolist() for name, column in runs.items()}
    return data, {role: v.tolist() for role, v in at.items()}, law.evaluate(**at).item()


def prepared(peer: str) -> dict[str, Any]:
    """Install a peer's environment; return its Python and versions, or why there is none."""
    script = HERE / "peers" / f"{peer}.py"
    command = [sys.executable, str(script)]
    if "# /// script" in script.read_text():  # an environment of its own
        uv = shutil.which("uv")
        if uv is None:
            return {"failure": "uv is not on the path, which installs the peers"}
        command = [uv, "run", "--no-project", "--script", str(script)]
    return asked_of(command, {"data": []}, environment(), limit=1800.0)


def environment(cache: Path | None = None) -> dict[str, str]:
    """Return the variables of a peer's process, with caches in a folder of their own."""
    variables = dict(os.environ)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV"):
        variables.pop(name, None)  # imports are of compiled files, as usual
    if cache is not None:
        variables["PYTENSOR_FLAGS"] = f"base_compiledir={cache}"
        variables["NUMBA_CACHE_DIR"] = str(cache / "numba")
        variables["XDG_CACHE_HOME"] = str(cache)  # of PyStan
    return variables


def asked_of(
    command: list[str], job: dict[str, Any], variables: dict[str, str], limit: float
) -> dict[str, Any]:
    """Run a peer on a job; return its result, or why there is none."""
    job["started"] = time.time()
    try:
        done = subprocess.run(
            command, input=json.dumps(job), env=variables, text=True, capture_output=True,
            timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failure": f"took more than {limit:.0f} s"}
    if done.returncode or not done.stdout:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return {"failure": said[-1][:200] if said else f"ended with code {done.returncode}"}
    return json.loads(done.stdout)


def measured(
    ready: dict[str, Any],
    peer: str,
    case: str,
    seed: int,
    settings: dict[str, int],
    cache: Path,
    limit: float,
) -> list[dict[str, Any]]:
    """Run a peer on two data sets; return a row for each fit."""
    empty = seed < 0
    row = {"peer": peer, "case": case, "seed": seed % 10_000}  # Stan takes no negative seed
    result = ready
    if "failure" not in ready:
        first, at, truth = simulated(case, row["seed"])  # none twice: PyStan keeps draws on disk
        second, _, _ = simulated(case, 10_000 + seed)
        job = {"case": case, "seed": row["seed"], "settings": settings, "at": at}
        job["data"] = [first] if empty else [first, second]
        command = [ready["executable"], str(HERE / "peers" / f"{peer}.py")]
        held = cache if peer in KEEP_COMPILED else None
        result = asked_of(command, job, environment(held), limit)
    if "failure" in result:
        return [{**row, "fit": "empty cache" if empty else "first", "failure": result["failure"]}]
    versions = {"python": result["python"], **result["versions"]}
    common = {
        "peak_mib": result["peak_mib"],
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "failure": "",
    }
    names = ["empty cache"] if empty else ["first", "second"]
    return [
        {**row, "fit": name, **scored(found, truth), **common}
        for name, found in zip(names, result["fits"], strict=True)
    ]


def scored(found: dict[str, Any], truth: float) -> dict[str, Any]:
    """Return the numbers of one fit."""
    low, middle, high = found["interval"]
    row = {"wall_s": found["wall_s"], "cpu_s": found["cpu_s"]}
    if found["draws"]:
        draws = np.stack([unpacked(record) for record in found["draws"].values()])
        moving = draws[np.ptp(draws, axis=(1, 2)) > 0]
        axes: dict[str, Any] = {"chain_axis": 1, "draw_axis": 2}
        ess = float(array_stats.ess(moving, method="bulk", **axes).min())
        row |= {"ess_bulk": ess, "ess_per_s": ess / found["wall_s"]}
        row["rhat"] = float(array_stats.rhat(moving, **axes).max())
    row["log_error"] = float(np.log(middle / truth)) if middle > 0 else np.nan
    if np.isfinite([low, high]).all():
        row["width"] = float(np.log(high / low)) if low > 0 else np.inf
        row["covered"] = float(low <= truth <= high)
    return row


def shown(rows: list[dict[str, Any]]) -> str:
    """Return one line about a run."""
    first = rows[0]
    said = f"{first['case']:<11}{first['peer']:<16} seed {first['seed']}"
    if first["failure"]:
        return f"{said}  failed: {first['failure']}"
    parts = []
    for row in rows:
        ess = f", ESS {row['ess_bulk']:.0f}, R-hat {row['rhat']:.3f}" if "rhat" in row else ""
        width = (
            f", width {row['width']:.3f}, covered {row['covered']:.0f}" if "width" in row else ""
        )
        parts.append(f"{row['fit']} {row['wall_s']:.2f} s{ess}{width}")
    return f"{said}  {'; '.join(parts)}; {first['peak_mib']:.0f} MiB"


# Summary ------------------------------------------------------------------------------------------


def summarized(table: pd.DataFrame) -> pd.DataFrame:
    """Return medians over seeds, coverage over all fits, a row for each case and peer."""
    columns = (
        "wall_s", "cpu_s", "ess_bulk", "ess_per_s", "rhat", "log_error", "width", "covered",
        "peak_mib", "versions",
    )  # fmt: skip
    table = table.reindex(columns=[*dict.fromkeys([*table.columns, *columns])])
    rows = []
    for (case, peer), runs in table.groupby(["case", "peer"], sort=False):
        empty, first, second = (
            runs[runs["fit"] == name] for name in ("empty cache", "first", "second")
        )
        both = pd.concat([first, second])
        failed = runs["failure"][runs["failure"] != ""]
        rows.append(
            {
                "case": case,
                "peer": peer,
                "empty_cache_s": empty["wall_s"].median(),
                "first_s": first["wall_s"].median(),
                "second_s": second["wall_s"].median(),
                "first_cpu_s": first["cpu_s"].median(),
                "second_cpu_s": second["cpu_s"].median(),
                "ess_bulk": both["ess_bulk"].median(),
                "first_ess_per_s": first["ess_per_s"].median(),
                "second_ess_per_s": second["ess_per_s"].median(),
                "rhat": both["rhat"].median(),
                "width": both["width"].median(),
                "coverage": both["covered"].mean(),
                "forecasts": int(both["covered"].count()),
                "abs_log_error": both["log_error"].abs().median(),
                "peak_mib": first["peak_mib"].median(),
                "failed": len(failed),
                "reason": failed.iloc[0] if len(failed) else "",
                "machine": runs["machine"].iloc[0],
                "versions": next(iter(runs["versions"].dropna()), ""),
            }
        )
    order = [[*CASES].index(row["case"]) * len(PEERS) + PEERS.index(row["peer"]) for row in rows]
    return pd.DataFrame(rows, index=order).sort_index()


if __name__ == "__main__":
    main()
