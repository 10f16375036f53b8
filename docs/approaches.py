"""Write the page of measured plans from the benchmarks' results.

Run: uv run python docs/approaches.py
Reads approaches, chinchilla_exponent, frontier_coverage and isoflop_coverage.csv of results; writes
docs/approaches.md. A number on the page is a number in a file, beside the command that made it.
"""

import textwrap
from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"

INTRODUCTION = """# Plans, measured

This page is written by `docs/approaches.py` from the tables in `benchmarks/results`. How to get
such answers from your own runs is told in [plans](plans.md).
"""


def words(text: str) -> str:
    """Return a paragraph in lines of a page's width."""
    return textwrap.fill(" ".join(text.split()), 104, break_long_words=False)


def table(frame: pd.DataFrame) -> str:
    """Return a frame as a table of Markdown."""
    head = f"| {' | '.join(map(str, frame.columns))} |"
    rows = [f"| {' | '.join(map(str, row))} |" for row in frame.itertuples(index=False)]
    return "\n".join([head, "|" + "---|" * len(frame.columns), *rows])


def three() -> str:
    """The three approaches by table."""
    found = pd.read_csv(RESULTS / "approaches.csv")
    rows = []
    for name, part in found.groupby("table", sort=False):
        row = {"runs of": name, "runs": int(part["runs"].iloc[0])}
        for _, one in part.iterrows():
            shown = "none" if pd.isna(one["a"]) else _interval(one)
            row[f"approach {one['approach']}"] = shown
        known = part["published"].iloc[0]
        row["published"] = "" if pd.isna(known) else f"{known:g}"
        rows.append(row)
    how = """
        The exponent a of N* ~ C^a: median and 80 % interval, by the envelope of curves (its
        interval is a bootstrap over curves), by a valley for each budget, and by Chinchilla's
        law with Student-t noise. *None*: too few sizes are ever the best one."""
    said = """
        They are no three looks at one number. Where every budget has its best size between a
        smaller and a larger one (Porian's short warm-up and tuned runs) envelope and valleys agree
        with each other and with what was published. The law sees all runs, those far from the
        optimum with them, and is off where its form is: on Porian's tuned runs and on (Mis)Fitting,
        whose smallest models are mostly embeddings, its interval does not hold what the valleys
        say. On Step Law's five sizes, nearly all smaller than optimal, and on the Gemstones, which
        differ in shape as well as in size, valleys know next to nothing of a, and say so."""
    parts = [
        "## Three approaches, side by side",
        "`uv run python -m benchmarks.approaches DATA_FOLDER`",
    ]
    return "\n\n".join([*parts, words(how), table(pd.DataFrame(rows)), words(said), ""])


def _interval(row: pd.Series) -> str:
    return f"{row['a']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"


def width() -> str:
    """Why the interval of a differs."""
    found = pd.read_csv(RESULTS / "chinchilla_exponent.csv")
    by = found.set_index("what")
    shown = pd.DataFrame(
        {"how": found["what"], "a": found["a"].map("{:.3f}".format),
         "80 % width": found["width"].map("{:.4f}".format)}
    )  # fmt: skip
    width = by["width"]
    sandwich = by.loc["sandwich"]
    anew, resampled = width["noise drawn anew, Huber's loss"], width["runs resampled, Huber's loss"]
    before = """
        Hoffmann et al. give a an 80 % interval 0.001 wide; Epoch's bootstrap of the same runs
        (Besiroglu et al. 2024) one of 0.051."""
    after = f"""
        With one scale of noise for all runs the design would know a to
        {width["expected information"]:.3f}, and so does least Huber's loss on noise drawn anew
        ({anew:.3f}). The runs that tell most of a, large models on few tokens, scatter more: 40 of
        them {sandwich["scatter_of_40"]:.1f} times as much as the other 200. Student-t noise gives
        them less say, which is the posterior's {width["posterior, Student-t noise"]:.3f} (observed
        information: {width["observed information"]:.3f}). A bootstrap of whole runs lets each of
        them come twice or not at all: {width["runs resampled, Student-t"]:.3f}, as does the
        sandwich, which allows for noise of any kind ({width["sandwich"]:.3f}). Huber's loss with
        delta 0.001 is the rest: {resampled:.3f}. So about half of Epoch's width is what these runs
        know if all are alike, and half is that the noise is larger where it matters, which one
        scale does not describe."""
    parts = [
        "## How well 240 runs of Chinchilla know a",
        "`uv run python -m benchmarks.chinchilla_exponent DATA_FOLDER`",
    ]
    return "\n\n".join([*parts, words(before), table(shown), words(after), ""])


def coverage() -> str:
    """How often intervals hold the truth."""
    found = pd.read_csv(RESULTS / "frontier_coverage.csv")
    names = {"params": "N*", "tokens": "D*", "params_power": "a", "loss": "L*"}
    rows = found[found["of"].isin(names) & (found["of"] != "tokens")]
    ranges, priors = (
        found[(found["truth"] == truth) & (found["of"] == "params")].set_index("at")
        for truth in ("all", "priors")
    )
    sets = int(priors["sets"].max())
    shown = pd.DataFrame(
        {
            "truth": rows["truth"], "of": rows["of"].map(names), "budget": rows["at"],
            "data sets": rows["sets"],
            "80 % holds": (100 * rows["inside_0.8"]).map("{:.1f} %".format),
            "90 % holds": (100 * rows["inside_0.9"]).map("{:.1f} %".format),
            "median width of 90 %": rows["width_90"].map("{:.3f}".format),
        }
    )  # fmt: skip
    how = """
        16 runs, 4 sizes by 4 lengths, 0.5 % noise, priors as they come; budgets at the middle of
        the runs, at the largest run, and at 100 times it. Widths are in logs (of a: the log of
        upper over lower). D* holds as often as N*, being C/6N*. Truths are Hoffmann's and Epoch's
        laws, which the priors do not know of, and laws drawn from ranges about published ones
        (*all*: these three together); *priors* are laws drawn from the default priors themselves.
        No drift, since the truth has none."""
    level = ", ".join(
        f"{100 * ranges.loc[at, 'inside_0.8']:.1f} and {100 * ranges.loc[at, 'inside_0.9']:.1f} % "
        f"({at})"
        for at in ranges.index
    )
    exact = ", ".join(
        f"{100 * priors.loc[at, 'inside_0.8']:.1f} and {100 * priors.loc[at, 'inside_0.9']:.1f} % "
        f"({at})"
        for at in priors.index
    )
    count = int(ranges["sets"].max())
    said = f"""
        Of laws like the published ones, intervals of 80 and 90 % of N* hold the truth in {level}
        of {count} data sets, whose own errors are {_error(0.8, count)} and {_error(0.9, count)}
        points: a little more often than they say. That is the priors and no mistake: they allow
        for laws far from the published ones, so that a law in their middle is inside more often,
        and one in their tails less. Averaged over laws that are drawn from the priors the same
        intervals hold {exact} of {sets} sets (errors {_error(0.8, sets)} and {_error(0.9, sets)}
        points), as intervals of a posterior must."""
    parts = [
        "## How often intervals hold the truth",
        "`uv run python -m benchmarks.frontier_coverage`, and with "
        "`--truths priors --replicates 380`",
    ]
    return "\n\n".join([*parts, words(how), table(shown), words(said), ""])


def sweeps() -> str:
    """How often intervals of approach 2 hold the truth."""
    found = pd.read_csv(RESULTS / "isoflop_coverage.csv")
    percent = "{:.1f} %".format
    shown = pd.DataFrame(
        {
            "runs gone wrong": found["gone_wrong"].map({True: "one in twenty", False: "none"}),
            "valley": found["valley"], "of": found["of"], "intervals": found["intervals"],
            "80 % holds": (100 * found["inside_0.8"]).map(percent),
            "90 % holds": (100 * found["inside_0.9"]).map(percent),
            "median width of 90 %": found["width_90"].map("{:.3f}".format),
        }
    )  # fmt: skip
    rows = found.set_index(["gone_wrong", "valley", "of"])
    clean, wrong = rows.loc[(False, "quartic", "a")], rows.loc[(True, "quartic", "a")]
    how = f"""
        Five budgets of nine sizes, 0.3 % noise, sizes centred up to a factor of 2 beside the best
        one, truths from ranges about published laws; in half of the sets one run in twenty has
        gone wrong, with a loss 2 to 20 % too high. Widths of N* are in logs. Of
        {wrong["wrong"]:.0f} runs that had gone wrong {wrong["named"]:.0f} are named as such, and of
        {clean["runs"] + wrong["runs"] - wrong["wrong"]:.0f} others
        {clean["named_in_vain"] + wrong["named_in_vain"]:.0f}; what is not named lies within the
        noise's reach, or where a valley has few other runs."""
    parabola, quartic = rows.loc[(False, "parabola", "N*")], rows.loc[(False, "quartic", "N*")]
    said = f"""
        A parabola, which papers fit, takes the steeper side of a valley for a larger optimum: its
        90 % intervals of N* hold the truth in {100 * parabola["inside_0.9"]:.0f} %, those of the
        quartics that `bs.isoflop` fits by default in {100 * quartic["inside_0.9"]:.0f} %. Intervals
        of a hold more than they say in both, since the prior of how minima scatter about the power
        law is for real sweeps, and these have none."""
    parts = [
        "## How often intervals of a sweep hold the truth",
        "`uv run python -m benchmarks.isoflop_coverage`",
    ]
    return "\n\n".join([*parts, words(how), table(shown), words(said), ""])


def _error(share: float, sets: int) -> str:
    """Return the standard error of a share in percent."""
    return f"{100 * (share * (1 - share) / sets) ** 0.5:.1f}"


def page() -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, three(), width(), coverage(), sweeps()])


if __name__ == "__main__":
    (DOCS / "approaches.md").write_text(page())
