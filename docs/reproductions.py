"""Write the page of reproductions: papers' figures, and ours beside them.

Run: uv run python docs/reproductions.py
Reads benchmarks/results/reproductions/*.csv, which benchmarks/reproductions writes, and what the
modules there say of themselves; writes docs/reproductions.md. A number in a table is a number in a
file.
"""

import ast
import math
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

DOCS = Path(__file__).parent
TOP = DOCS.parent
sys.path.insert(0, str(DOCS))

from approaches import table, words  # noqa: E402 (its folder has to be on the path)

PAGE = DOCS / "reproductions.md"
MODULES = TOP / "benchmarks" / "reproductions"
RESULTS = TOP / "benchmarks" / "results" / "reproductions"
PAPERS = TOP / "bayescale" / "literature"

INTRODUCTION = """# Papers' figures, and ours

This page is written by `docs/reproductions.py` from the tables that this makes:

```sh
uv run python -m benchmarks.reproductions [PAPER ...] DATA_FOLDER
```

Ours are posterior medians with central 90 % intervals, with default priors unless it is said. Where
the paper's runs are public they are fitted; where only its constants are, runs are made from those.
"Outside" says that the paper's figure is not in our interval. That is no verdict on either: why, is
said below each table.
"""
NO_CARD = {"alabdulmohsin2022": ("Alabdulmohsin et al. (2022)", "2209.06640")}


def page() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for name, say in SAID.items():
        found = pd.read_csv(RESULTS / f"{name}.csv", keep_default_na=False, na_values=[""])
        shown = errors(found) if name == "alabdulmohsin2022" else figures(found)
        parts += [heading(name), described(name), "", shown, "", say(found), ""]
    return "\n".join(parts)


def heading(name: str) -> str:
    """Return a paper's name, with its number on arXiv."""
    if name in NO_CARD:
        short, arxiv = NO_CARD[name]
    else:
        card = tomllib.loads((PAPERS / f"{name}.toml").read_text(encoding="utf-8"))
        short, arxiv = f"{card['authors']} ({card['year']})".replace("..", "."), card["arxiv"]
    return f"## {short}\n\narXiv:{arxiv}; `uv run python -m benchmarks.reproductions {name} DATA`"


def described(name: str) -> str:
    """Return what a module says of itself."""
    text = ast.get_docstring(ast.parse((MODULES / f"{name}.py").read_text(encoding="utf-8")))
    first, _, rest = (text or "").partition("\n\n")
    what = first.partition(": ")[2]
    return "\n" + words(plain(f"{what[:1].upper()}{what[1:]} {rest}"))


def figures(found: pd.DataFrame) -> str:
    """Return figures beside ours."""
    rows = []
    for row in found.to_dict("records"):
        paper = number(row["published"])
        if pd.notna(row["published_lower"]):
            paper += f" [{number(row['published_lower'])}, {number(row['published_upper'])}]"
        ours = f"{number(row['median'])} [{number(row['lower'])}, {number(row['upper'])}]"
        unit, note = plain(row["unit"]), plain(row["note"])
        rows.append(
            {
                "of": plain(row["case"]),
                "figure": plain(row["quantity"]) + (f", {unit}" if unit else ""),
                "the paper": paper,
                "where": plain(row["where"]),
                "ours": ours,
                "": "; ".join(filter(None, ["" if row["inside"] else "**outside**", note])),
            }
        )
    return table(pd.DataFrame(rows))


def errors(found: pd.DataFrame) -> str:
    """Return errors by curve and estimator, the paper's beside ours."""
    rows = []
    for case, part in found[found["published"].notna()].groupby("case", sort=False):
        row = {"curve": case, "fitted rows": int(part["rows"].iloc[0])}
        for one in part.to_dict("records"):
            theirs, ours = (
                spread(one[middle], one[upper])
                for middle, upper in (("published", "published_upper"), ("median", "upper"))
            )
            row |= {f"{one['quantity']}, paper": theirs, f"{one['quantity']}, ours": ours}
        rows.append(row)
    return table(pd.DataFrame(rows))


def spread(middle: float, upper: float = math.nan) -> str:
    """Return an error, and its standard error where it has one above 0."""
    more = upper - middle
    return f"{middle:.2g}" if pd.isna(more) or more == 0 else f"{middle:.2g} ± {more:.1g}"


def plain(text: object) -> str:
    """Keep stars of symbols from making italics."""
    return "" if pd.isna(text) else str(text).replace("*", "\\*")


def number(value: float) -> str:
    """Return a number with a few digits that count."""
    size = abs(value)
    if size >= 1e5 or 0 < size < 1e-3:
        mantissa, _, power = f"{value:.3e}".partition("e")
        return f"{float(mantissa):.3g}e{int(power)}"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"


def inside(found: pd.DataFrame) -> str:
    """Return how many figures are in our intervals."""
    return f"{int(found['inside'].sum())} of {len(found)}"


def of(found: pd.DataFrame, quantity: str, case: str = "") -> pd.Series:
    """Return the first row of a quantity."""
    return found[
        found["quantity"].eq(quantity) & found["case"].str.contains(case, regex=False)
    ].iloc[0]


def factor(row: pd.Series) -> float:
    """Return the upper over the lower end of an interval."""
    return row["upper"] / row["lower"]


def kaplan(found: pd.DataFrame) -> str:
    """What is to be said of Kaplan's."""
    derived = found["rows"].isna()
    return words(f"""
        {inside(found[~derived])} constants that made the runs lie inside, where nine in ten are
        expected. What the paper derives does not follow from its own constants everywhere: 0.054
        and 0.71 of the main text are above what its printed exponents give (0.0525 and 0.684; the
        appendix has 0.052), and 2.7 is 2.67 rounded. D_c of the joint law is known to a factor of
        {factor(of(found, "D_c", "L(N,D)")):.1f} only: constants at which a loss would be 1 lie far
        beyond any run. C* is known to a factor of {factor(of(found, "C*")):.0f} from noise alone,
        with every law taken to be right.""")


def henighan(found: pd.DataFrame) -> str:
    """What is to be said of Henighan's."""
    table_3 = found["case"].str.startswith("nats an image")
    made = ~table_3 & found["rows"].notna()
    far = found[table_3 & found["quantity"].str.startswith("C ")]
    return words(f"""
        {inside(found[made])} constants that made the runs lie inside, where nine in ten are
        expected. Of Table 3 the compute that 8x8 images need does not follow from Table 1, by a
        factor of ten: a slip of the paper, or of the text that was read. That compute is known to
        a factor of {far["upper"].div(far["lower"]).min():.2g} at best, and of
        {far["upper"].div(far["lower"]).max():.2g} at worst, as it lies so far beyond the runs. The
        powers β give tokens that grow as a power of size of about 0.43 in the middle domain, which
        the paper calls about 0.4.""")


def hestness(found: pd.DataFrame) -> str:
    """What is to be said of Hestness's."""
    factors = found[found["quantity"].eq("data, times")].set_index("case")
    doubted = found[found["quantity"].str.contains("floor")].set_index("case")
    low = doubted["lower"].div(factors["lower"])
    return words(f"""
        The paper's factor of data is inside for {" and ".join(factors.index[factors["inside"]])};
        not for {" and ".join(factors.index[~factors["inside"]]) or "none"}. Of speech and
        characters the printed constants do not give what is printed beside them: nothing in the
        table gives 33. The factor is (now/desired)^(1/β), so that a small exponent makes a small
        error large: {factors.loc["word LM", "lower"]:.0f} to {factors.loc["word LM", "upper"]:.0f}
        times the data for words, if the curve is a power law to the end. Without that assumption
        the lower ends fall to {low.min():.0%} to {low.max():.0%} of what they were, and for
        {" and ".join(doubted.index[doubted["upper"] > 1e9])} the upper end is beyond any number of
        samples that there could be: these projections leave the data by one to three decades, and
        curves of that reach do not know whether there is a floor.""")


def caballero(found: pd.DataFrame) -> str:
    """What is to be said of Caballero's."""
    held = found[found["case"].str.startswith("a new run")]
    measured = held["note"].str.removeprefix("measured ").astype(float)
    caught = ((held["lower"] < measured) & (measured < held["upper"])).sum()
    floor = of(found, "a")
    return words(f"""
        {inside(found)} figures are inside, and {caught} of the {len(held)} held-out runs. The
        paper's one curve comes nearer to them than our median ({of(found, "RMSLE")["note"]}),
        and our interval says how little fourteen runs know: the floor a is anything between
        {floor["lower"]:.2g} and {floor["upper"]:.2g}. With *default* priors the break is not found,
        as they are made for curves that bend slowly: [the
        benchmark](../benchmarks/README.md) says what they do instead.""")


def besiroglu(found: pd.DataFrame) -> str:
    """What is to be said of Epoch's."""
    epoch, theirs = (found[found["case"].str.endswith(p)] for p in ("iroglu2024", "hoffmann2022"))
    a, plan = of(found, "a"), found[found["case"].str.startswith("the best plan")]
    return words(f"""
        {inside(epoch)} constants of Epoch's are inside, and ours are less wide than its bootstrap
        ([plans, measured](approaches.md) tells why). Of Hoffmann's
        {", ".join(theirs.loc[~theirs["inside"], "quantity"])} are outside, as Epoch found: that
        fit does not follow the runs of its own figure. So is its a: ours is
        [{a["lower"]:.3f}, {a["upper"]:.3f}]. Of the plan that Hoffmann's approach 1 has for
        Gopher's budget {inside(plan)} numbers are inside.""")


def muennighoff(found: pd.DataFrame) -> str:
    """What is to be said of Muennighoff's."""
    gap = of(found, "law over loss, less 1, mean")
    return words(f"""
        How much a repetition is worth agrees; the other constants do not, and are not to: the law
        of the README lies {-100 * gap["published"]:.1f} % below the losses of large runs of few
        epochs, since its E, A, B and α are of other runs. Ours lies
        {-100 * gap["median"]:.1f} % below (it has learned most of these runs, so that is no
        forecast). R*_D is known to a factor of {factor(of(found, "R*_D")):.1f} only: few fitted
        runs go over their data more than ten times, and beyond that runs overfit, which this law
        cannot say.""")


def alabdulmohsin(found: pd.DataFrame) -> str:
    """What is to be said of Alabdulmohsin's."""
    language, vision = found[found["published"].notna()], found[found["published"].isna()]
    rows = []
    for name, part in language.groupby("quantity"):
        mine = vision[vision["quantity"].eq(name)]
        rows.append(
            {
                "estimator": name,
                "language: median error, paper": spread(part["published"].median()),
                "ours": spread(part["median"].median()),
                "holds": f"{part['holds'].mean():.0%}",
                "vision: median error, ours": spread(mine["median"].median()),
                "best on": f"{best(vision).eq(name).mean():.0%}",
                "holds ": f"{mine['holds'].mean():.0%}",
            }
        )
    first = language[language["quantity"].eq("M1")]
    close = (first["median"] / first["published"]).between(1 / 1.1, 1.1).sum()
    ratio = language["median"] / language["published"]
    less, more = (ratio < 1 / 3).sum(), (ratio > 3).sum()
    curves = f"{language['case'].nunique()} language and {vision['case'].nunique()} vision curves"
    top = best(vision).eq("M4").mean()
    held = vision.loc[vision["quantity"].eq("M4"), "holds"].mean()
    said = f"""
        Medians and means over {curves}. M1, which has nothing to be found but a line, agrees within
        a tenth on {close} of {len(first)} language curves. The others have parameters that the
        fitted rows hardly know (a floor, a plateau, how fast the curve leaves it), and there a
        posterior median and one least-squares solution are two things: of {len(ratio)} errors ours
        is less than a third of the paper's in {less}, and more than three times in {more}. So
        where the paper's M2 is as good as its M1 to the last digit, it has found no floor, and
        where ours is far better, there is one. Of these vision curves M4 is best on {top:.0%}; the
        paper says more than 70 % of all 72. But its 90 % intervals hold {held:.0%} of the rows
        there: a form that extrapolates best is not one that knows how well. Why, and what to do,
        is measured on [a page of its own](extrapolation.md)."""
    return f"{table(pd.DataFrame(rows))}\n\n{words(said)}"


def best(found: pd.DataFrame) -> pd.Series:
    """Return the estimator of the least error of every curve."""
    return found.pivot_table(index="case", columns="quantity", values="median").idxmin(axis=1)


SAID: dict[str, Callable[[pd.DataFrame], str]] = {
    "kaplan2020": kaplan, "henighan2020": henighan, "hestness2019": hestness,
    "caballero2023": caballero, "besiroglu2024": besiroglu, "muennighoff2023": muennighoff,
    "alabdulmohsin2022": alabdulmohsin,
}  # fmt: skip

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
