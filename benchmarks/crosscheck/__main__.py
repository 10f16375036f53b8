"""The command: fit each study on both sides, compare, and write the tables."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from pymc.model.transform.conditioning import remove_value_transforms

import bayescale as bs
import benchmarks.crosscheck as crosscheck
from benchmarks import two_samples
from benchmarks.crosscheck.studies import STUDIES, Study

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
#: Points at which log densities are compared: as many draws, and as many twice as far out.
POINTS = 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=crosscheck.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", nargs="*", default=list(STUDIES), choices=list(STUDIES))
    parser.add_argument("--draws", type=int, default=4000, help="of each of four chains, each side")
    parser.add_argument("--seed", type=int, default=11, help="of ours; theirs is one more")
    parser.add_argument("--python", help="of an environment that has requirements.txt already")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    for name in asked.studies:
        rows, whole = compared(name, STUDIES[name](), asked)
        put(pd.DataFrame(rows), asked.out / "crosscheck.csv")
        put(pd.DataFrame([whole]), asked.out / "crosscheck_studies.csv")
        print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3g}".format))
        print(pd.Series(whole).to_string(), "\n", flush=True)


def compared(name: str, study: Study, asked: argparse.Namespace) -> tuple[list[dict], dict]:
    """Return a row for each constant of a study, and one for the study as a whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        fit = study.law.fit(
            study.runs, y="y", likelihood=study.likelihood, draws=asked.draws, seed=asked.seed,
            progress=False, retry=False, **study.inputs,
        )  # fmt: skip
        model = study.law.model(study.runs, y="y", likelihood=study.likelihood, **study.inputs)
    points = points_of(fit, model)
    theirs, versions = by_numpyro(name, study, asked, points)
    gaps = log_densities(model, points) - theirs.pop(":log_density")
    divergent = theirs.pop(":divergent")
    ours = study.constants(fit)
    theirs = {constant: theirs[constant] for constant in ours}
    thin = [two_samples.independent(side) for side in (ours, theirs)]
    ks = two_samples.one_by_one(*thin)
    rows = [
        {"study": name, "seed": asked.seed, "constant": constant, "ks_p": ks[constant]}
        | {
            f"{statistic}_{side}": two_samples.statistic(statistic, values[constant])
            for statistic in ("mean", "sd")
            for side, values in (("ours", ours), ("theirs", theirs))
        }
        | {
            f"z_{statistic}": two_samples.in_errors(statistic, ours[constant], theirs[constant])
            for statistic in two_samples.STATISTICS
        }
        for constant in ours
    ]
    z = np.array([[row[f"z_{statistic}"] for statistic in two_samples.STATISTICS] for row in rows])
    whole = {
        "study": name, "seed": asked.seed, "draws": 4 * asked.draws, "engine": fit.engine,
        "rhat_ours": worst(ours, "rhat"), "rhat_theirs": worst(theirs, "rhat"),
        "ess_ours": worst(ours, "ess"), "ess_theirs": worst(theirs, "ess"),
        "divergent_theirs": int(divergent.sum()),
        "points": len(gaps), "log_density_offset": float(np.median(gaps)),
        "log_density_gap": float(np.abs(gaps - np.median(gaps)).max()),
        "comparisons": z.size, "largest_z": float(np.abs(z).max()),
        "z_above_2": int((np.abs(z) > 2).sum()),
        "thinned_ours": len(next(iter(thin[0].values()))),
        "thinned_theirs": len(next(iter(thin[1].values()))),
        "smallest_ks_p": min(ks.values()), "energy_p": two_samples.apart(*thin), **versions,
    }  # fmt: skip
    return rows, whole


def worst(draws: dict[str, np.ndarray], what: str) -> float:
    """Return the largest R-hat, or the smallest bulk effective sample size."""
    found = [float(getattr(array_stats, what)(values)) for values in draws.values()]
    return max(found) if what == "rhat" else min(found)


def points_of(fit: bs.Fit, model: Any) -> dict[str, list]:
    """Return values of everything that has a prior: some draws, and some further out."""
    posterior = fit.tree["posterior"]
    rng = np.random.default_rng(0)
    found: dict[str, list] = {}
    for variable in model.free_RVs:
        drawn = posterior[variable.name].transpose("chain", "draw", ...).to_numpy()
        values = drawn.reshape(drawn.shape[0] * drawn.shape[1], -1)
        values = values[np.linspace(0, len(values) - 1, POINTS).astype(int)]
        share = variable.name.endswith("_share") or "Beta" in str(variable.owner.op)
        free = np.log(values / (1 - values)) if share else values
        signed = (free < 0).any()
        free = free if share or signed else np.log(free)
        far = free.mean(0) + 2 * (free - free.mean(0))[rng.permutation(POINTS)]
        back = 1 / (1 + np.exp(-far)) if share else far if signed else np.exp(far)
        every = np.concatenate([values, back])
        found[variable.name] = (every if "offset" in variable.name else every[:, 0]).tolist()
    return found


def log_densities(model: Any, points: dict[str, list]) -> np.ndarray:
    """Return PyMC's log density of the plain model at points of what has priors."""
    plain = remove_value_transforms(model)
    function = plain.compile_logp(mode="FAST_COMPILE")
    shapes = {variable.name: variable.type.ndim for variable in plain.value_vars}
    at = [
        {
            name: np.reshape(values[i], (-1,) if shapes[name] else ())
            for name, values in points.items()
        }
        for i in range(len(next(iter(points.values()))))
    ]
    return np.array([float(function(point)) for point in at])


def by_numpyro(
    name: str, study: Study, asked: argparse.Namespace, points: dict[str, list]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Run the model that was written by hand, in its own environment."""
    data = {column: study.runs[column].tolist() for column in study.runs}
    command = (
        [asked.python] if asked.python else
        ["uv", "run", "--quiet", "--no-project", "--with-requirements",
         str(HERE / "requirements.txt"), "python"]
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "draws.npz"
        job = {
            "study": name, "data": data, "draws": asked.draws, "tune": 2000, "seed": asked.seed + 1,
            "points": points, "out": str(out),
        }  # fmt: skip
        done = subprocess.run(
            [*command, str(HERE / "numpyro_models.py")], input=json.dumps(job), text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"NumPyro's side of {name!r} failed:\n{done.stderr[-3000:]}")
        with np.load(out) as found:
            return dict(found), json.loads(done.stdout.splitlines()[-1])


def put(table: pd.DataFrame, file: Path) -> None:
    """Write rows in the place of those of the same study and seed."""
    if file.exists():
        before = pd.read_csv(file)
        same = before["study"].isin(table["study"]) & before["seed"].isin(table["seed"])
        table = pd.concat([before[~same], table])
    place = table["study"].map([*STUDIES].index)
    table = table.assign(place=place).sort_values(["place", "seed"], kind="stable")
    table = table.drop(columns="place")
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(file, index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
