"""Write the page of our own runs from the sweep's tables.

Run: uv run python docs/own_runs.py
Reads benchmarks/results/sweep/runs.csv and benchmarks/results/sweep_fits.csv; writes
docs/own_runs.md and its picture. A number on the page is a number in a file.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd

import bayescale as bs

mpl.use("agg")

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from benchmarks.sweep.designs import (  # noqa: E402 (its folder has to be on the path)
    CPU,
    DESIGNS,
)
from benchmarks.sweep.fits import sharp_fall, valleys  # noqa: E402 (as above)

PAGE = DOCS / "own_runs.md"
RESULTS = DOCS.parent / "benchmarks" / "results"

INTRODUCTION = """# Runs of our own

This page is written by `docs/own_runs.py` from the tables that
[`benchmarks/sweep`](../benchmarks/sweep/README.md) writes: small models whose every detail is
known, trained on the source text of the Python standard library.
"""

FITS = """## What the forms find

Medians with central 90 % intervals, beside what the papers print of *their* runs. Ours are a
thousand to a million times smaller, of bytes and not of tokens, and of one kind of text; so the
same numbers are not to be expected, and where they differ that is no contradiction. "R-hat" is the
largest of the fit; where it is missing nothing was sampled. Default priors and log-normal noise,
but as `benchmarks/sweep/fits.py` says.

Two fits were settled after their runs had been looked at. Addition: with all of its rows and the
noise of one size the break was not found (its interval spanned most of the sizes); of some six
settings the one here was taken, with rows down to where all is solved, noise that varies, and a
break expected about 1000 problems, where the fall had been seen. L(D): which amounts count as
repeated enough was changed from "the longest was not the best" (six amounts) to "the last doubling
gained under 1 %" (seven).

![Valleys of seven budgets, and the sharp fall of three-digit addition](images/own_runs.png)
"""

DATASETS = {
    "tiny_lm_runs": "final losses of runs on text",
    "tiny_lm_curves": "validation losses along them",
    "tiny_lm_batch": "steps and tokens to given losses by batch size",
    "encoder_decoder_runs": "losses of encoders and decoders of different depths",
    "addition_curve": "loss and right answers of three-digit addition by training problems",
}


def page() -> str:
    """Return the page."""
    runs = pd.read_csv(RESULTS / "sweep" / "runs.csv")
    parts = [INTRODUCTION, shipped(), "## What is made\n", made(runs), designs(runs)]
    if (RESULTS / "sweep_fits.csv").exists():
        parts += [FITS, fits()]
    return "\n".join(parts)


def shipped() -> str:
    """Return which data sets ship, and how one is loaded."""
    names = [n for n in DATASETS if (DOCS.parent / "bayescale/datasets" / f"{n}.csv").exists()]
    if not names:
        return "Too few runs are made yet for a data set that ships.\n"
    listed = "\n".join(f"- `{name}`: {DATASETS[name]}" for name in names)
    code = f'import bayescale as bs\n\nruns = bs.load_dataset("{names[0]}")'
    return f"""They ship as data sets, free to use:

{listed}

```python
{code}
runs.attrs["columns"]
```
"""


def made(runs: pd.DataFrame) -> str:
    """Return what is complete and what is not, in words."""
    whole = [name for name, design in CPU.items() if left(name, design(), runs) == 0]
    rest = [f"`{name}`" for name in CPU if name not in whole]
    hours = runs["seconds"].sum() / 3600
    words = f"{len(runs)} runs, {hours:.2f} hours of one core.\n"
    if not rest:
        return words + "Every design for a CPU is complete.\n"
    return words + (
        f"Not complete yet: {', '.join(rest)}.\nThe command `run` makes what is missing; "
        "data sets, fits and this page are then written anew.\n"
    )


def left(name: str, design: list, runs: pd.DataFrame) -> int:
    """Return how many runs of a design are missing."""
    return len({run.name for run in design} - set(runs.loc[runs["design"].eq(name), "run"]))


def designs(runs: pd.DataFrame) -> str:
    """Return a table of the designs."""
    lines = ["| design | runs made | of | FLOP made | largest model | most tokens |"]
    lines.append("|---|---|---|---|---|---|")
    for name, design in DESIGNS.items():
        mine = runs[runs["design"].eq(name)]
        if len(mine) or name in CPU:
            most = (
                f"{mine['flops'].sum():.1e} | {mine['params'].max():,} | {mine['tokens'].max():,}"
                if len(mine)
                else " | | "
            )
            lines.append(f"| `{name}` | {len(mine)} | {len(design())} | {most} |")
    return "\n".join([*lines, ""])


def fits() -> str:
    """Return a table of what the forms find."""
    table = pd.read_csv(RESULTS / "sweep_fits.csv", keep_default_na=False)
    lines = ["| fit | rows | quantity | ours | published | R-hat |", "|---|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        ours = f"{short(row['median'])} [{short(row['lower'])}, {short(row['upper'])}]"
        known = f"{row['published']} ({row['where']})" if row["published"] != "" else ""
        lines.append(
            f"| {row['case']} | {row['rows']} | {row['quantity']} | {ours} | {known} "
            f"| {row['rhat']} |"
        )
    return "\n".join([*lines, ""])


def short(number: float) -> str:
    """Return a number with three digits that count."""
    number = float(number)
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def draw() -> None:
    """Draw the valleys of the budgets, and addition through its sharp fall."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
    bs.plot_isoflop(valleys(), ax=left)
    left.set(xlabel="parameters without embeddings", ylabel="loss, nats a byte")
    bs.plot_fit(sharp_fall(), ax=right)
    right.set(title="Three-digit addition", xlabel="training problems", ylabel="loss, nats")
    figure.savefig(DOCS / "images" / "own_runs.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    draw()
    PAGE.write_text(page(), encoding="utf-8")
