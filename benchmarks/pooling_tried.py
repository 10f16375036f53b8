"""Why pooling loses on the isoFLOP set-ups with their largest inputs held out, and what was tried.

Run: uv run python benchmarks/pooling_tried.py DATA_FOLDER
For each set-up and way: the mean log predictive density of its held-out rows and how far the
forecast's median lies above them (mean of log median over outcome), the posterior medians of its
exponent and of its floor's share at its largest training input, and by how much the way is better
than ``none`` on its training rows (leave-one-out, ``elpd_diff`` with its standard error ``dse``).
Ways: ``none`` and ``partial`` as in benchmarks/pooling.py; ``floors apart``, level and exponent
pooled and a floor for each; ``crossed``, effects of the data set, of the recipe and of the set-up
that add. Writes results/pooling_tried.csv, way by way (3 minutes of one core).
"""

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import bayescale as bs

try:
    from benchmarks import pooling
except ImportError:  # run as a file
    import pooling

CROSSED = ("dataset", "recipe", "group")


def laws() -> dict[str, bs.Law]:
    """Return a law for each way."""
    names = ("irreducible", "scale", "exponent")
    alone, pooled = bs.unpooled(by="group"), bs.partial_pooling(by="group")
    crossed = bs.partial_pooling(by=CROSSED)
    return {
        "none": bs.PowerLaw(**dict.fromkeys(names, alone)),
        "partial": bs.PowerLaw(**dict.fromkeys(names, pooled)),
        "floors apart": bs.PowerLaw(irreducible=alone, scale=pooled, exponent=pooled),
        "crossed": bs.PowerLaw(**dict.fromkeys(names, crossed)),
    }


def looked_at(folder: Path) -> Iterator[pd.DataFrame]:
    """Yield a way's rows, one a set-up."""
    runs = pooling.set_ups(folder).runs
    parts = runs["group"].str.split(" ", n=1, expand=True)
    runs = runs.assign(dataset=parts[0], recipe=parts[1])
    train, test = runs[~runs["held"]], runs[runs["held"]]
    fits: dict[str, bs.Fit] = {}
    for way, law in laws().items():
        fit = fits[way] = law.fit(train, y="y", x="x", **pooling.SAMPLING)
        levels = {column: test[column].tolist() for column in fit.groups}
        at, y = test["x"].to_numpy(), test["y"].to_numpy()
        median = fit.forecast(x=at, **levels).interval(0.9)["median"].to_numpy()
        score = fit.log_density(y, x=at, **levels)
        by = test.assign(score=score, above=np.log(median / y)).groupby("group")
        rows = by[["score", "above"]].mean()
        for group, own in train.groupby("group"):
            one = fit.at(**{column: own[column].iloc[0] for column in fit.groups})
            end = one.curve_draws({"x": np.array([own["x"].max()])})[..., 0]
            rows.loc[group, "exponent"] = np.median(one.parameters["exponent"])
            rows.loc[group, "floor_share"] = np.median(one.parameters["irreducible"] / end)
        if way != "none":
            both = {way: fit, "none": fits["none"]}
            found = bs.compare_by_group(both, "group", progress=False).reset_index()
            rows = rows.join(found.set_index("group")[["elpd_diff", "dse", "p_better"]])
        yield rows.reset_index().assign(way=way)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--out", type=Path, default=pooling.RESULTS)
    asked = parser.parse_args()
    done = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        for rows in looked_at(asked.folder):
            done.append(rows)
            table = pd.concat(done, ignore_index=True)
            table = table[["way", "group", *table.columns.drop(["way", "group"])]]
            table.to_csv(asked.out / "pooling_tried.csv", index=False, float_format="%.4g")
            print(rows.to_string(index=False, float_format="{:.3g}".format), flush=True)
            print(f"{rows['way'].iloc[0]}: {rows['score'].mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
