"""Fit the forms of the literature to the sweep's data sets, beside the published numbers.

Run: uv run python -m benchmarks.sweep.fits [CASE ...]

Default priors, log-normal noise and 4 chains, but for the published settings that a case names.
Writes sweep_fits.csv to benchmarks/results: medians with central 90 % intervals. A case whose runs
are not made yet is left out; docs/own_runs.py writes the page from the table.
"""

import argparse
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayescale as bs

RESULTS = Path(__file__).parents[1] / "results"
FILE = RESULTS / "sweep_fits.csv"
#: A quantity of ours: what it is called, its draws' summary, the published number, and where.
Row = dict[str, Any]
#: Evaluations of a run before this step are of its warm-up.
WARM = 100
#: Runs of fewer steps are warm-up and decay for the most part, and lie far above any law.
FEWEST = 200
KAPLAN = "Kaplan 2020"


class NotMade(Exception):
    """The runs of a case are not made yet."""


def text_runs(*designs: str, architecture: str = "transformer") -> pd.DataFrame:
    """Return the runs on text of some designs."""
    runs = shipped("tiny_lm_runs")
    kept = runs["design"].isin(designs) & runs["architecture"].eq(architecture)
    return runs[kept].reset_index(drop=True)


def shipped(name: str) -> pd.DataFrame:
    """Return a data set, if it has been made."""
    try:
        return bs.load_dataset(name)
    except bs.UnknownNameError:
        raise NotMade(name) from None


def params() -> Iterator[Row]:
    """L(N): sizes on equal tokens, none of them twice."""
    runs = enough(text_runs("params", "seeds"), "params", 6)
    yield from of_power_law("L(N)", runs, "params", {"α_N": (0.076, f"{KAPLAN}, Table 5")})


def data() -> Iterator[Row]:
    """L(D): amounts of text at their best, if the last doubling of the epochs gained under 1 %."""
    runs = text_runs("data").sort_values(["unique_tokens", "tokens"])
    best = runs.loc[runs.groupby("unique_tokens")["validation_loss"].idxmin()]
    shorter = runs[runs.duplicated("unique_tokens", keep="last")]
    before = shorter.groupby("unique_tokens")["validation_loss"].min()
    gained = 1 - best.set_index("unique_tokens")["validation_loss"] / before
    best = best[best["unique_tokens"].isin(gained.index[gained < 0.01])]
    best = enough(best, "unique_tokens", 6)
    yield from of_power_law("L(D)", best, "unique_tokens", {"α_D": (0.095, f"{KAPLAN}, Table 5")})


def of_power_law(
    case: str, runs: pd.DataFrame, x: str, known: dict[str, tuple[float, str]]
) -> Iterator[Row]:
    """With a floor, and without as the paper has it."""
    symbol, (published, where) = next(iter(known.items()))
    for words, law in (("with a floor", bs.PowerLaw()), ("no floor", bs.PowerLaw(irreducible=0.0))):
        fit = fitted(law, runs, x=x)
        names = {"exponent": (symbol, published if words == "no floor" else None, where)}
        if words != "no floor":
            names["irreducible"] = ("L∞, nats a byte", None, "")
        yield from told(f"{case}, {words}", fit, names)


def isoflop() -> Iterator[Row]:
    """Approach 2: the minimum of every budget, and a in N* ~ C^a."""
    found = valleys()
    about = {"case": "isoFLOP minima", "rows": len(found.runs), "rhat": None}
    for words, draws, published, where in (
        ("a", found.power, 0.49, "Hoffmann 2022, Table 2, approach 2"),
        ("b", 1 - found.power, 0.51, "Hoffmann 2022, Table 2, approach 2"),
    ):
        yield about | {"quantity": words} | quantiles(draws) | beside(published, where)


def valleys() -> bs.IsoFlop:
    """Return the valleys of the budgets that have five sizes or more."""
    runs = text_runs("isoflop").query("steps >= @FEWEST").copy()
    runs["budget"] = runs["run"].str.split("-").str[1].astype(float)
    sizes = runs.groupby("budget")["params"].nunique()
    runs = enough(runs[runs["budget"].isin(sizes.index[sizes >= 5])], "budget", 3)
    return bs.isoflop(runs, y="loss", params="params", compute="budget")


def chinchilla() -> Iterator[Row]:
    """Chinchilla's and Kaplan's L(N, D) on all runs that saw no byte twice."""
    runs = text_runs("isoflop", "params", "seeds").query("steps >= @FEWEST")
    runs = enough(runs, "params", 8)
    runs = runs.drop_duplicates(["params", "tokens", "seed"])
    where = "Besiroglu 2024, of Hoffmann's runs"
    fit = fitted(bs.Chinchilla(), runs, params="params", tokens="tokens")
    yield from told(
        "L(N, D), Chinchilla", fit,
        {
            "alpha": ("α", 0.3478, where), "beta": ("β", 0.3658, where),
            "E": ("E, nats a byte", None, ""), "a": ("a", 0.513, where),
        },
    )  # fmt: skip
    fit = fitted(bs.KaplanModelData(), runs, params="params", tokens="tokens")
    yield from told(
        "L(N, D), Kaplan", fit,
        {
            "alpha_N": ("α_N", 0.076, f"{KAPLAN}, Table 2"),
            "alpha_D": ("α_D", 0.103, f"{KAPLAN}, Table 2"),
        },
    )  # fmt: skip


def steps() -> Iterator[Row]:
    """L(N, S): validation loss along the runs, after the warm-up and before the decay."""
    curves = shipped("tiny_lm_curves")
    curves = curves[curves["design"].eq("params") & curves["decaying"].eq(0)]
    curves = enough(curves[curves["steps"] > WARM], "params", 6)
    law = bs.KaplanModelSteps()
    noise = bs.Correlated(bs.LogNormal())
    fit = fitted(law, curves, likelihood=noise, run="run", params="params", steps="steps")
    yield from told(
        "L(N, S)", fit,
        {
            "alpha_N": ("α_N", 0.077, f"{KAPLAN}, Table 3"),
            "alpha_S": ("α_S", 0.76, f"{KAPLAN}, Table 3"),
        },
    )  # fmt: skip


def epochs() -> Iterator[Row]:
    """Repeated text, up to 16 epochs: what a repetition is worth."""
    runs = text_runs("data", "isoflop", "params").query("steps >= @FEWEST")
    runs = runs[runs["tokens"] <= 16 * runs["unique_tokens"]]
    enough(runs[runs["design"].eq("data")], "unique_tokens", 6)
    roles = {role: role for role in ("params", "tokens", "unique_tokens")}
    fit = fitted(bs.DataConstrained(), runs, likelihood=bs.StudentT(), **roles)
    where = "Muennighoff 2023, on C4"
    yield from told(
        "L(N, D, U)", fit,
        {"R*_D": ("R*_D", 15.4, where), "R*_N": ("R*_N", 5.3, where)},
    )  # fmt: skip


def batch() -> Iterator[Row]:
    """Steps by batch size at each loss, then the critical batch by the loss."""
    runs = enough(shipped("tiny_lm_batch"), "batch_tokens", 5)
    critical = []
    for target, rows in runs.groupby("target_loss", sort=False):
        best = rows.loc[rows.groupby("batch_tokens")["steps"].idxmin()]
        if len(best) >= 5:
            fit = fitted(bs.TimeComputeTradeOff(), best, y="steps", batch="batch_tokens")
            case = f"S(B) to {target:g} nats a byte"
            names = {"B_crit": ("B_crit, bytes", None, ""), "S_min": ("S_min, steps", None, "")}
            rows = list(told(case, fit, names))
            critical.append({"loss": target, "batch": rows[0]["median"]})
            yield from rows
    if len(critical) >= 4:
        fit = fitted(bs.CriticalBatchSize(), pd.DataFrame(critical), y="batch", loss="loss")
        yield from told(
            "B_crit(L), of the medians", fit,
            {"alpha_B": ("α_B", 0.21, f"{KAPLAN}, Table 5")},
        )  # fmt: skip


def architectures() -> Iterator[Row]:
    """L(N) of transformers and LSTMs: levels and exponents of their own, one share of floor."""
    both = [text_runs("params"), text_runs("lstm", architecture="lstm")]
    for runs in both:
        enough(runs, "params", 5)
    law = bs.PowerLaw(scale=bs.unpooled(by="architecture"), exponent=bs.unpooled(by="architecture"))
    fit = fitted(law, pd.concat(both), x="params")
    for name in ("transformer", "lstm"):
        yield from told(f"L(N), {name}", fit.at(architecture=name), {"exponent": ("α_N", None, "")})


def seeds() -> Iterator[Row]:
    """By how much seeds differ: the log loss of equal runs."""
    runs = text_runs("params", "seeds")
    counts = runs.groupby("params")["seed"].nunique()
    runs = runs[runs["params"].isin(counts.index[counts >= 3])]
    enough(runs, "params", 2)
    logs = np.log(runs["loss"])
    rest = logs - logs.groupby(runs["params"]).transform("mean")
    freedom = len(runs) - runs["params"].nunique()
    sigma = math.sqrt((rest**2).sum() / freedom)
    # The sum of squares over sigma^2 is chi-square; the prior of log sigma is flat.
    draws = sigma * np.sqrt(freedom / np.random.default_rng(0).chisquare(freedom, 100_000))
    about = {"case": "Seeds", "rows": len(runs), "rhat": None}
    yield about | {"quantity": "sd of log loss"} | quantiles(draws) | beside(None, "")


def halves() -> Iterator[Row]:
    """Ghorbani's law on the grid of an encoder and a decoder."""
    runs = enough(shipped("encoder_decoder_runs"), "encoder", 4)
    fit = fitted(bs.EncoderDecoder(), runs, encoder="encoder", decoder="decoder")
    yield from told(
        "L(N_e, N_d)", fit,
        {
            "p_e": ("p_e", None, ""), "p_d": ("p_d", None, ""),
            "L_inf": ("L∞, nats a byte", None, ""),
        },
    )  # fmt: skip


def sharp_fall() -> bs.Fit:
    """Return one sharp break along the number of problems, down to where all are solved.

    What is left there is of the last steps of training and follows no law.
    """
    runs = enough(shipped("addition_curve"), "examples", 10)
    solved = runs.groupby("examples")["right"].min() >= 0.99
    runs = runs[runs["examples"] <= solved.idxmax()]
    law = bs.BrokenPowerLaw(
        breaks=1,
        exponent=bs.Prior("HalfNormal", sigma=0.3),
        exponent_change=bs.Prior("HalfNormal", sigma=10.0),
        break_location=bs.Prior("LogNormal", mu=math.log(1000.0), sigma=1.2),
        break_sharpness=bs.Prior("LogNormal", mu=math.log(5.0), sigma=1.0),
    )
    # Before the fall runs differ by a hundredth, in it by a factor.
    noise = bs.Heteroscedastic(sigma_slope=bs.Prior("Normal", mu=0.0, sigma=2.0))
    return fitted(law, runs, x="examples", likelihood=noise)


def addition() -> Iterator[Row]:
    """What the sharp fall of three-digit addition is made of."""
    fit = sharp_fall()
    where = "Caballero 2023, four digits"
    yield from told(
        "Three-digit addition", fit,
        {
            "break_location[1]": ("d_1, problems", 612.6, where),
            "exponent": ("c_0", 0.055, where),
            "exponent_change[1]": ("c_1", 5.66, where),
            "break_sharpness[1]": ("1/f_1", 16.9, where),
        },
    )  # fmt: skip


CASES: dict[str, Callable[[], Iterator[Row]]] = {
    made.__name__: made
    for made in (
        params, data, isoflop, chinchilla, steps, epochs, batch, architectures, seeds, halves,
        addition,
    )
}  # fmt: skip


def enough(runs: pd.DataFrame, column: str, least: int) -> pd.DataFrame:
    """Return runs that have enough different values in a column."""
    if runs[column].nunique() < least:
        raise NotMade(f"{runs[column].nunique()} of {least} values of {column}")
    return runs


def fitted(law: bs.Law, runs: pd.DataFrame, y: str = "loss", **options: Any) -> bs.Fit:
    """Return a fit; what it warns of stands in its diagnostics."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayescaleWarning)
        return law.fit(runs, y=y, progress=False, **options)


def told(case: str, fit: bs.Fit, names: dict[str, tuple[str, float | None, str]]) -> Iterator[Row]:
    """Return the constants that are named, beside the published ones."""
    found = fit.constants()
    about = {"case": case, "rows": len(fit.runs), "rhat": round(fit.diagnostics.rhat, 4)}
    for name, (words, published, where) in names.items():
        row = found.loc[name]
        numbers = {key: row[key] for key in ("median", "lower", "upper")}
        yield about | {"quantity": words} | numbers | beside(published, where)


def quantiles(draws: np.ndarray) -> Row:
    """Return median and central 90 % interval."""
    low, middle, high = np.nanquantile(draws, [0.05, 0.5, 0.95])
    return {"median": middle, "lower": low, "upper": high}


def beside(published: float | None, where: str) -> Row:
    """Return the published number and where it stands."""
    return {"published": published, "where": where if published is not None else ""}


def main(names: list[str]) -> None:
    """Fit the cases, and put their rows in place of those they had."""
    kept = pd.read_csv(FILE) if FILE.exists() else pd.DataFrame(columns=["from"])
    for name in names:
        try:
            rows = pd.DataFrame(CASES[name]())
        except NotMade as why:
            print(f"{name}: not made yet ({why})", flush=True)
            continue
        rows.insert(0, "from", name)
        print(rows.to_string(index=False), flush=True)
        kept = pd.concat([f for f in (kept[kept["from"] != name], rows) if len(f)])
        order = {case: place for place, case in enumerate(CASES)}
        kept = kept.sort_values("from", key=lambda c: c.map(order), kind="stable")
        kept.to_csv(FILE, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=[*CASES], metavar="CASE")
    main(parser.parse_args().cases)
