"""Write the extrapolation page and its picture from the benchmark's results.

Run: uv run python docs/extrapolation.py
Reads benchmarks/results/extrapolation*.csv; writes docs/extrapolation.md and
docs/images/extrapolation_coverage.png. A number on the page is a number in a file; a method that
was not run is left out. The gallery's picture is drawn by the benchmark, which has the curves.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
LEVELS = (50, 60, 70, 80, 90, 95, 99)

INTRODUCTION = """# Extrapolation, measured

This page is written by `docs/extrapolation.py` from the tables in `benchmarks/results`, which

`uv run python -m benchmarks.extrapolation DATA_FOLDER`

writes: every method fits the same rows at small x and forecasts single runs at large x.

- **Published**: 54 vision and 16 language curves of Alabdulmohsin et al. (2022) with their split;
  12 curves of nanoGPT's loss against its width, and 13 double-descent curves, cut as by Lee et al.
  (2025, NSL-PFN); four-digit addition of Caballero et al. (2023).
- **Transfer**: 28 classical learning curves (lcdb), 12 of drug response models, 25 of pre-training
  runs, 3 learning rate schedules. Half of them are cut at half of the largest x, half in the middle
  of log x, which forecasts at 4 to 48 times the training range. Laws, weights and noise were chosen
  without them. The drift was not: one that was chosen on the published curves alone had intervals
  of 50, 80, 90 and 95 % that held 48, 68, 76 and 83 % here; most of what they missed were curves
  that went on to fall faster than forecast, many of them nearly flat. Heavier tails and a drift of
  flat curves were made for that, so these tables flatter them; at the end of the page each family
  is left out.

**RMSLE** is of the predictive median, **log score** the mean log density of y in units of y (larger
is better; every point at -20 or above), **CRPS** of log y, **inside** the share of single held-out
runs in the central interval, **trend** the share of 6 % bins' means in the 90 % interval, **width**
that of the 90 % interval in log y. **Wins** is the share of curves with the smallest RMSLE after
three decimals, ties shared. All are means over curves.

Least squares (LS) minimizes squared errors of log y from 32 starts, and its intervals are of 60
refits of a residual bootstrap; one break has slopes of either sign. GP is a Gaussian process of log
y on log x; emcee has NSL-PFN's settings (150 steps, 50 of them burn-in). PyMC is this package's law
with independent noise and nothing added beyond the data; it takes every row for one run, where the
others know of how many runs a row of the transfer sets is the mean.
"""
#: Group of sets, title, what is known of it.
GROUPS = (
    ("published", "All published curves", ""),
    (
        "vision",
        "Vision",
        "Published, over all 72 curves of which 54 are here: NSL-PFN has RMSLE 0.0280 and log "
        "score 3.330, MCMC of one break 0.0645 and 2.921, of M4 0.0422 and 3.024.",
    ),
    ("language", "Language", "Big-bench curves (half of them, BB) are step functions of x."),
    (
        "language + nano",
        "Language and nano",
        "Published, over 44 curves of which 28 are here: NSL-PFN has RMSLE 0.0194 and log score "
        "2.773, MCMC of M4 0.0235 and 2.216.",
    ),
    (
        "double_descent",
        "Double descent",
        "Published, over 16 curves of which 13 are here: NSL-PFN has RMSLE 0.0335 and log score "
        "2.565, MCMC of one break 0.0494 and 1.250.",
    ),
    ("addition", "Four-digit addition", "One curve with three held-out runs."),
    ("transfer", "All transfer curves", ""),
    ("lcdb", "Classical learning curves", ""),
    ("drug", "Drug response", ""),
    ("pretraining", "Pre-training runs", ""),
    ("schedule", "Learning rate schedules", ""),
)
COLUMNS = {
    "method": "method", "curves": "curves", "rmsle": "RMSLE", "log_score_clipped": "log score",
    "crps": "CRPS", "coverage_50": "inside 50 %", "coverage_80": "80 %", "coverage_90": "90 %",
    "coverage_95": "95 %", "trend_90": "trend 90 %", "msce": "MSCE", "width": "width",
    "wins": "wins", "seconds": "s a curve",
}  # fmt: skip
SHARES = ("inside 50 %", "80 %", "90 %", "95 %", "trend 90 %", "wins")


def table(frame: pd.DataFrame) -> str:
    """Return a frame as a table of Markdown."""
    head = f"| {' | '.join(map(str, frame.columns))} |"
    rows = [f"| {' | '.join(map(_cell, row))} |" for row in frame.itertuples(index=False)]
    return "\n".join([head, "|" + "---|" * len(frame.columns), *rows])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}"
    return str(value)


def _percent(value: float) -> str:
    return "" if pd.isna(value) else f"{100 * value:.0f}"


def group(summary: pd.DataFrame, name: str) -> str:
    """Return the table of a group of sets."""
    rows = summary[(summary["set"] == name) & (summary["family"] == "all")]
    shown = rows[list(COLUMNS)].rename(columns=COLUMNS)
    return table(shown.assign(**{column: shown[column].map(_percent) for column in SHARES}))


def families(summary: pd.DataFrame) -> str:
    """Return the best CRPS of each family, and who has it."""
    rows = summary[~summary["method"].str.startswith(("form ", "bayescale, "))]
    named = {"published", "transfer", "language + nano"}
    found = []
    for (name, family), some in rows.groupby(["set", "family"], sort=False):
        most = some["curves"].max()
        some = some[some["curves"] == most].sort_values("crps")
        if family == "all" or name in named or some.empty:
            continue
        best = some.iloc[0]
        row = {"set": name, "family": family, "curves": int(most), "best CRPS": best["method"]}
        row |= {"CRPS": best["crps"], "its 90 %": _percent(best["coverage_90"])}
        ours = some[some["method"] == "bayescale"]
        if len(ours):
            row |= {"bayescale's CRPS": float(ours["crps"].iloc[0])}
            row |= {"its 90 %, too": _percent(ours["coverage_90"].iloc[0])}
        found.append(row)
    return table(pd.DataFrame(found))


#: Below the table of who is best.
WHY = """Where another method is first, and why, as far as rows of the tables tell:

- **language, pile_t5**: curves that follow one form (least squares with M4 or one break) to a few
  thousandths; the mixture pays for its doubt about the form. Half of BB are steps.
- **nano, addition**: curves that keep their course; without drift ours is first on nano.
- **drug, opt**: most have five to fifteen rows, too few for the laws that bend most; one break with
  its prior bends all the same, and was right to.
- **gpt3, amber**: loss falls faster once the learning rate decays; one least-squares break read the
  beginning of it into the last rows, with intervals that hold half of the runs.
- **openlm_rpj, olmo**: a bump in training, for which laws that rise and fall are taken; the curve
  then fell as a power law does.
- **pythia, redpajama**: nobody is near (the first is a few per cent better)."""


def gallery(worst: pd.DataFrame) -> str:
    """Return the worst curves in words."""
    rows = [
        f"{number}. **{row.set}: {row.curve}** (RMSLE {row.rmsle:.3g}): {row.reason}."
        for number, row in enumerate(worst.itertuples(), 1)
    ]
    said = (
        f"The ten largest CRPS of `{worst['method'].iloc[0]}`, at most three of a set. Reasons are "
        "written from measured facts of the curve."
    )
    picture = "![the ten worst curves](images/extrapolation_worst.png)"
    return "\n".join([said, "", picture, "", *rows])


CHOICES = """`bs.forecast` makes seven choices for its user: the laws that are mixed, their weights,
and five constants of the drift beyond the data: its strength q, by what share of q exponents fall
short on average, over how many e-folds their wandering is forgotten (one, of curves that fall), how
differently draws drift (the standard deviation of log S, whose median goes with it), and what is
added to an exponent so that flat curves drift. They were made by looking at the published curves,
and the last two at the transfer sets too, so the
tables above flatter them. Here each family is left out in its turn (a transfer set is one family),
the others choose among {settings} settings, and the family that had no say is forecast with what
they chose. The rule: the largest mean log score of those settings whose 50, 80, 90 and 95 %
intervals are within 3 points of what they promise, in the mean over the other families' curves;
where there are none, the smallest sum of the four deviations. The defaults saw every family and the
choices beside them all but one: what the defaults gain in log score (with its standard error over
curves) holds both what looking at the family gave them and what the rule lost. A curve of nano or
NMT has one held-out run. No fit was tried again where its sampler fell short.

`uv run python -m benchmarks.extrapolation.choices DATA_FOLDER`"""
TURNING = """Of curves that rise and fall, the choices are the number of breaks, weights, q, and
the forgetting (all draws drift alike); the families are kinds of network."""
TEN_TIMES = """What drift means far out: the same vision and language curves as far as
they bear it, {curves} of them, fitted up to a tenth of the largest x and forecast from there to the
end, by two breaks and a shifted power law."""
#: Choice to what it is called in tables.
CHOICE = {
    "laws": "laws", "weights": "weights", "strength": "q", "slowing": "slower by",
    "forgetting": "e-folds", "varying": "sd of log S", "least": "added",
}  # fmt: skip
SCORES = {
    "rmsle": "RMSLE", "log_score": "log score", "crps": "CRPS", "coverage_50": "inside 50 %",
    "coverage_80": "80 %", "coverage_90": "90 %", "coverage_95": "95 %",
}  # fmt: skip


def choices() -> str:
    """Return the section about how the defaults were chosen."""
    grid = pd.read_csv(RESULTS / "extrapolation_choices.csv", keep_default_na=False)
    found = pd.read_csv(RESULTS / "extrapolation_left_out.csv")
    far = pd.read_csv(RESULTS / "extrapolation_ten_times.csv", keep_default_na=False)
    grid = grid[grid["family"] == "all"]
    falling, rising = (grid[grid["kind"] == kind] for kind in ("falling", "rising"))
    parts = [
        CHOICES.format(settings=len(falling)),
        _left_out(found[found["kind"] == "falling"]),
        "One choice changed at a time, means over all of these curves; first the defaults:",
        _changed(falling),
        TURNING,
        _left_out(found[found["kind"] == "rising"]),
        _changed(rising),
        TEN_TIMES.format(curves=far["curves"].iloc[0]),
        _changed(far),
    ]
    return "\n\n".join(parts)


def _left_out(found: pd.DataFrame) -> str:
    """Return what the others chose for each family, its scores, and below them the defaults'."""
    rows = []
    for row in found.to_dict("records"):
        by = "chosen by all" if row["family"] == "all" else "chosen by others"
        gain = f"{row['gain']:.3f} ± {row['gain_se']:.3f}"
        names = {"family": row["family"], "curves": str(row["curves"]), "setting": by}
        rows.append(names | {name: row[name] for name in (*CHOICE, *SCORES)})
        usual = {name: row[f"default_{name}"] for name in SCORES}
        rows.append(usual | {"setting": "defaults", "defaults gain": gain})
    empty = ("family", "curves", "laws", "weights", "defaults gain")
    shown = pd.DataFrame(rows).fillna(dict.fromkeys(empty, ""))
    return _settings(shown, ["family", "curves", "setting", *CHOICE, "defaults gain"])


def _changed(grid: pd.DataFrame) -> str:
    """Return the scores of the defaults and of every single change."""
    parts = [grid[grid["changed"] == name] for name in ("", *CHOICE)]
    return _settings(pd.concat(parts), list(CHOICE))


def _settings(rows: pd.DataFrame, first: list[str]) -> str:
    """Return choices and scores as a table of Markdown."""
    words = {" + ": ", ", "shifted power law": "shifted", " breaks": ""}
    laws = rows["laws"]
    for long, short in words.items():
        laws = laws.str.replace(long, short, regex=False)
    shown = rows.assign(laws=laws)[[*first, *SCORES]].rename(columns=CHOICE | SCORES)
    inside = [name for name in SHARES if name in shown]
    return table(shown.assign(**{name: shown[name].map(_percent) for name in inside}))


#: Before the correlations of a curve's past and future.
OWN_PAST = """`uv run python -m benchmarks.extrapolation.own_past DATA_FOLDER`

What the 90 % interval misses most are curves that change their course after the cut. One drift
serves them and the curves that keep it. Could each curve tell its own? Two fixed breaks were
fitted to the smaller 60 % of a curve's training inputs and forecast the others; and to all of
them, and forecast the held-out runs. The table has the rank correlation, over curves, of how far
the two forecasts stray, in units of their own widths, by the law as it stands and with drift. A
curve that has strayed before strays little more than its like, so a drift that listened to the
curve's own past would mend little of it."""


def own_past() -> str:
    """Return the section on whether a curve's own past tells how far it strays."""
    found = pd.read_csv(RESULTS / "extrapolation_own_past_summary.csv")
    names = {"law": "as it stands", "drift": "with drift"}
    return f"{OWN_PAST}\n\n{table(found.rename(columns=names))}"


def page() -> str:
    """Return the page as Markdown."""
    summary = pd.read_csv(RESULTS / "extrapolation_summary.csv")
    parts = [INTRODUCTION, "![nominal and actual coverage](images/extrapolation_coverage.png)\n"]
    for name, title, said in GROUPS:
        if (summary["set"] == name).any():
            words = f"{said}\n\n" if said else ""
            parts.append(f"## {title}\n\n{words}{group(summary, name)}\n")
    parts.append(f"## Who is best where\n\n{families(summary)}\n\n{WHY}\n")
    if (RESULTS / "extrapolation_choices.csv").exists():
        title = "## How the defaults were chosen, with each family left out in its turn"
        parts.append(f"{title}\n\n{choices()}\n")
    if (RESULTS / "extrapolation_own_past_summary.csv").exists():
        parts.append(f"## Does a curve's past tell how far it strays?\n\n{own_past()}\n")
    worst = RESULTS / "extrapolation_worst.csv"
    if worst.exists():
        parts.append(f"## The worst forecasts\n\n{gallery(pd.read_csv(worst))}\n")
    return "\n".join(parts)


def picture(summary: pd.DataFrame) -> None:
    """Draw nominal against actual coverage of single runs."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained", sharey=True)
    for axis, name in zip(axes, ("published", "transfer"), strict=True):
        rows = summary[(summary["set"] == name) & (summary["family"] == "all")]
        rows = rows[~rows["method"].str.startswith(("form ", "bayescale, "))]
        axis.plot([45, 100], [45, 100], color="0.6", lw=0.8)
        for number, (_, row) in enumerate(rows.iterrows()):
            actual = [100 * row[f"coverage_{level}"] for level in LEVELS]
            ours = row["method"] == "bayescale"
            look = {"lw": 2.5, "color": "k"} if ours else {"lw": 1.2, "color": f"C{number % 10}"}
            axis.plot(LEVELS, actual, "o-", ms=3, label=row["method"], **look)
        axis.set(xlabel="promised, %", title=f"{name} curves", ylim=(0, 102))
    axes[0].set_ylabel("held-out runs inside, %")
    axes[1].legend(frameon=False, fontsize=8, loc="lower right", ncols=2)
    figure.savefig(DOCS / "images" / "extrapolation_coverage.png", dpi=85)
    plt.close(figure)


def main() -> None:
    """Write the page and its picture."""
    (DOCS / "extrapolation.md").write_text(page())
    picture(pd.read_csv(RESULTS / "extrapolation_summary.csv"))


if __name__ == "__main__":
    main()
