"""Write a page for every law, all of one shape, and the table "which law?", from the registry.

Run: uv run python docs/gallery.py [--out FOLDER] [--only LAW ...]
Writes docs/laws/*.md and docs/laws/images/*.png, or fails and says what a form lacks. Nothing here
names a form but the list of families that are known by another name.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np

import bayescale as bs
from bayescale.literature import list_published
from bayescale.observed import Observations
from bayescale.parameters import options, parameter_names
from bayescale.plots.style import BLUE, GREY, INK, SKY, VERMILLION
from bayescale.plots.ticks import log_axis, number
from bayescale.registry import LAWS, find_law

OUT = Path(__file__).parent / "laws"
ARXIV = "https://arxiv.org/abs/"
#: Every page has these headings, in this order.
SECTIONS = (
    "Formula",
    "Parameters",
    "Default priors",
    "The literature's constants",
    "Example",
    "Prior predictive",
    "When to use it",
    "Traps",
    "References",
    "In Python",
    "Published instances",
)
#: How far from the reference outcome the axis of prior curves goes: as a factor where curves are
#: positive, else in reference outcomes.
FAR, NEAR = 300.0, 10.0
#: From light to dark: the second input's values, small to large.
RAMP = ("#86BFE0", "#3F93C8", "#0067A3", "#00344F")
#: The line from a curve's end to its label.
LEADER = {"arrowstyle": "-", "linewidth": 0.8, "shrinkA": 1, "shrinkB": 3}
#: Families of the learning-curve literature that are a law of another name: the family, its
#: formula there, and the call that makes it. Each call is run.
FAMILIES = (
    ("pow2", "a n^(-α)", "bs.PowerLaw(irreducible=0.0)"),
    ("pow3", "a n^(-α) + c", "bs.PowerLaw()"),
    ("pow4", "a (n + d)^(-α) + c", "bs.OffsetPowerLaw()"),
    ("exp2", "a exp(-b n)", "bs.StretchedExponential(irreducible=0.0, stretch=1.0)"),
    ("exp3", "a exp(-b n) + c", "bs.StretchedExponential(stretch=1.0)"),
    ("exp4, Weibull, Janoschek", "c + a exp(-b n^d)", "bs.StretchedExponential()"),
    ("log2", "c - a log n", "bs.Logarithmic()"),
    ("ilog2", "c + a / log n", "bs.InverseLogarithm(origin=1.0)"),
    ("MMF, Hill", "(a b + c n^d) / (b + n^d)", "bs.SaturatingPowerLaw(saturation=1.0)"),
    ("BLEU from loss (Ghorbani)", "c L^(-p), x = L", "bs.PowerLaw(irreducible=0.0)"),
    ("saturating BLEU from loss", "c (L + d)^(-p), x = L", "bs.OffsetPowerLaw(irreducible=0.0)"),
    (
        "over-training law (Gadre)",
        "E + (a M^η + b M^(-η)) C^(-η), M = D/N",
        "bs.Chinchilla(exponent_ratio=1.0)",
    ),
    (
        "downstream error from loss (Gadre)",
        "error = ε - k exp(-γ L), x = L, fitted with ceiling=1.0",
        "bs.StretchedExponential(stretch=1.0)",
    ),
    (
        "model growth (Hestness)",
        "σ m^β, β > 0",
        'bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Normal", mu=-0.7, sigma=0.2))',
    ),
    (
        "L(N, D) of Kaplan with a floor (Henighan)",
        "L∞ + ((N_c/N)^(α_N/α_D) + D_c/D)^α_D",
        'bs.KaplanModelData(irreducible=bs.Prior("Uniform", lower=0, upper=1, on="floor_share"))',
    ),
    ("steps from batch size (Zhang)", "a + b / B^α", "bs.PowerLaw()"),
)


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, check them, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write a page for every law.")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    parser.add_argument("--only", nargs="+", metavar="LAW", help="only the pages of these laws")
    given = parser.parse_args(arguments)
    find_law("PowerLaw")  # fills the registry
    forms = [find_law(name) for name in given.only] if given.only else list(LAWS.values())
    (given.out / "images").mkdir(parents=True, exist_ok=True)
    if not given.only:
        for old in [*given.out.glob("*.md"), *given.out.glob("images/*.png")]:
            old.unlink()
    problems = []
    for form in forms:
        problems += write_page(form, given.out)
    text, missing = which_law(given.out)
    (given.out / "which_law.md").write_text(text, encoding="utf-8")
    problems += [] if given.only else missing
    pages = [given.out / f"{form.__name__}.md" for form in forms] + [given.out / "which_law.md"]
    for page in pages:
        problems += dead_links(page)
    for problem in problems:
        print(f"Error: {problem}", file=sys.stderr)
    print(f"{len(forms)} pages and which_law.md in {given.out}; {len(problems)} problems.")
    return 1 if problems else 0


# A page ------------------------------------------------------------------------------------------


def write_page(form: type[bs.Law], out: Path) -> list[str]:
    """Write the page of a form and its figures; return what the form lacks."""
    name, doc = form.__name__, Docstring.of(form)
    problems = lacks(form, doc)
    figures = {
        f"images/{name}_example.png": draw_example,
        f"images/{name}_prior.png": draw_prior_predictive,
    }
    captions = []
    for file, draw in figures.items():
        figure, caption, found = draw(form)
        figure.savefig(out / file, dpi=200)
        plt.close(figure)
        captions.append(caption)
        problems += [f"{name}: {words}" for words in found]
    example, prior = (
        f"![{what} of {name}]({file})\n\n{caption}"
        for what, file, caption in zip(("Curve", "Prior curves"), figures, captions, strict=True)
    )
    body = {
        "Formula": formula(form, doc),
        "Parameters": parameter_table(form, doc),
        "Default priors": prior_table(form),
        "The literature's constants": constant_table(form, doc),
        "Example": example,
        "Prior predictive": prior,
        "When to use it": form.use,
        "Traps": form.traps,
        "References": linked(markdown(doc.sections.get("References", ""))),
        "In Python": session(doc.sections.get("Examples", "")),
        "Published instances": published_table(form),
    }
    head = f"# {name}\n\n{markdown(doc.summary)}\n\n{inputs_of(form)} [Which law?](which_law.md)"
    parts = [head, *(f"## {title}\n\n{body[title]}" for title in SECTIONS)]
    (out / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return problems


def lacks(form: type[bs.Law], doc: Docstring) -> list[str]:
    """Return what a form does not say of itself."""
    name = form.__name__
    found = [
        f"{name} has no {what}." for what in ("formula", "use", "traps") if not getattr(form, what)
    ]
    if not doc.math:
        found.append(f"{name}: the docstring has no '.. math::' block.")
    if not re.search(r"arXiv:\d{4}\.\d{4,5}", doc.sections.get("References", "")):
        found.append(f"{name}: the docstring's References have no arXiv number.")
    if ">>>" not in doc.sections.get("Examples", ""):
        found.append(f"{name}: the docstring's Examples have no code.")
    for parameter in [*parameter_names(form), *options(form()), *form.constant_names]:
        if not doc.parameters.get(parameter):
            found.append(f"{name}: the docstring does not say what {parameter} is.")
    return found


def inputs_of(form: type[bs.Law]) -> str:
    """Return a line that names the inputs."""
    roles = ", ".join(f"`{role}`" for role in form.inputs)
    return f"{'Input' if len(form.inputs) == 1 else 'Inputs'}: {roles}."


def formula(form: type[bs.Law], doc: Docstring) -> str:
    """Return the formula for readers and for plain text, and its limits."""
    shown = "\n\n".join(f"$$\n{block}\n$$" for block in doc.math)
    plain = f"```text\n{form.formula}\n```"
    return "\n\n".join(part for part in (shown, plain, markdown(doc.prose)) if part)


def parameter_table(form: type[bs.Law], doc: Docstring) -> str:
    """Return symbol, meaning and unit of every parameter and option."""
    law = form()
    rows = []
    for name in parameter_names(form):
        symbol, meaning = symbol_and_meaning(doc.parameters.get(name, ""))
        meaning = re.sub(r";\s*(?:scalar|shape\b)[^.;]*", "", meaning)
        each = f"; one for each {law.component}" if name in law.sizes else ""
        rows.append((f"`{name}`", symbol, meaning, law.unit(name) + each))
    for name, value in options(law).items():
        symbol, meaning = symbol_and_meaning(doc.parameters.get(name, ""))
        rows.append((f"`{name}`", symbol, meaning, f"option, by default `{value!r}`"))
    return table(("parameter", "symbol", "meaning", "unit"), rows)


def prior_table(form: type[bs.Law]) -> str:
    """Return the default priors, as ``Law.priors()`` has them."""
    rows = []
    row: Any
    for name, row in form().priors().iterrows():
        fixed = row["prior"].startswith("fixed")
        interval = "" if fixed else f"{row['low']:.3g} to {row['high']:.3g}"
        on = "itself" if row["on"] == name else f"`{row['on']}`"
        rows.append((f"`{name}`", on, row["prior"], interval, row["unit"], row["meaning"]))
    return table(("parameter", "on", "prior", "central 95 %", "unit", "meaning of `on`"), rows)


def constant_table(form: type[bs.Law], doc: Docstring) -> str:
    """Return the constants that a form takes in place of its parameters."""
    if not form.constant_names:
        return "This form takes none in place of its parameters."
    rows = []
    for name in form.constant_names:
        symbol, meaning = symbol_and_meaning(doc.parameters.get(name, ""))
        stands = [f"`{f}`" for f, others in form.carriers.items() if name in others]
        rows.append((f"`{name}`", symbol, ", ".join(stands), meaning))
    return table(("constant", "symbol", "in place of", "meaning"), rows)


def published_table(form: type[bs.Law]) -> str:
    """Return the published instances of a form, with their numbers."""
    listed = list_published()
    rows = []
    row: Any
    for _, row in listed[listed["law"] == form.__name__].iterrows():
        call = f'`published("{row["paper"]}", "{row["name"]}")`'
        rows.append(
            (call, f"`{row['formula']}`", row["units"], row["where"], linked(row["reference"]))
        )
    if not rows:
        return "None ships with the package."
    shown = table(("law", "formula", "units", "where", "paper"), rows)
    return f"With `from bayescale.literature import published`:\n\n{shown}"


def symbol_and_meaning(text: str) -> tuple[str, str]:
    """Split a parameter's description into its symbol, if it begins with one, and the rest."""
    found = re.match(r"(:math:`[^`]+`)(?:,\s*|:\s*|;\s*|\s+=\s*)", text)
    symbol, meaning = ("", text) if found is None else (found[1], text[found.end() :])
    return markdown(symbol), markdown(meaning[:1].upper() + meaning[1:])


# The docstring -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Docstring:
    """A form's numpydoc docstring, taken apart.

    Parameters
    ----------
    summary
        Its first line.
    math
        The displayed formulas.
    prose
        What else stands before the sections.
    parameters
        Parameter to its description.
    sections
        Title to text, of every section.
    """

    summary: str
    math: list[str]
    prose: str
    parameters: dict[str, str]
    sections: dict[str, str]

    @classmethod
    def of(cls, form: type) -> Docstring:
        """Take the docstring of a form apart."""
        text = inspect.getdoc(form) or ""
        top, *rest = re.split(r"^(\w[\w ]*)\n-{3,}$", text, flags=re.M)
        sections = {
            title: body.strip("\n") for title, body in zip(rest[::2], rest[1::2], strict=True)
        }
        summary, _, body = top.strip().partition("\n")
        math, prose = split_math(body)
        described = {}
        entries = re.split(r"^(\S.*)$", sections.get("Parameters", ""), flags=re.M)
        for names, words in zip(entries[1::2], entries[2::2], strict=True):
            for name in names.split(":")[0].split(","):
                described[name.strip().lstrip("*")] = " ".join(words.split())
        return cls(summary, math, prose, described, sections)


def split_math(text: str) -> tuple[list[str], str]:
    """Return the displayed formulas of a text, and the text without them."""
    math, kept, inside = [], [], False
    for line in text.splitlines():
        if line.startswith(".. math::"):
            inside = True
            math.append([line.removeprefix(".. math::")])
        elif inside and (line.startswith(" ") or not line.strip()):
            math[-1].append(line)
        else:
            inside = False
            kept.append(line)
    blocks = ["\n".join(lines) for lines in math]
    formulas = [part for block in blocks for part in re.split(r"\n\s*\n", block)]
    lined = ["\n".join(line.strip() for line in part.strip().splitlines()) for part in formulas]
    return [part for part in lined if part], "\n".join(kept).strip()


def markdown(text: str) -> str:
    """Turn a docstring's marks into Markdown's."""
    text = re.sub(r":math:`([^`]+)`", lambda found: f"${' '.join(found[1].split())}$", text)
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def linked(text: str) -> str:
    """Turn arXiv numbers into links."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", rf"[arXiv:\1]({ARXIV}\1)", text)


def session(text: str) -> str:
    """Fence the code of a docstring's Examples; what stands between is prose."""
    found: list[tuple[bool, str]] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        code = part.lstrip().startswith(">>>")
        if code and found and found[-1][0]:
            part = f"{found.pop()[1]}\n\n{part}"
        found.append((code, part))
    return "\n\n".join(f"```pycon\n{p}\n```" if code else markdown(p) for code, p in found)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""

    def cell(text: str) -> str:
        text = re.sub(r"\$[^$]*\$", lambda found: found[0].replace("|", r"\vert "), text)
        return " ".join(text.split()).replace("|", r"\|")

    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


# Figures -----------------------------------------------------------------------------------------


def canvas() -> tuple[Any, Any]:
    """Return a figure of 640 by 400 points on screen, and its axes."""
    figure, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained", facecolor="white")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(which="both", color=GREY, labelcolor=INK)
    return figure, ax


def grid_of(form: type[bs.Law], points: int = 200) -> np.ndarray:
    """Return the first input over the example's range, in reference units."""
    low, high = form.example_range.get(form.inputs[0], (1e-2, 1e2))
    return np.geomspace(low, high, points)


def draw_example(form: type[bs.Law]) -> tuple[Any, str, list[str]]:
    """Draw the form's example, with a few values of the second input."""
    figure, ax = canvas()
    first, *others = form.inputs
    x = grid_of(form)
    at = dict.fromkeys(others, 1.0)
    if others:
        low, high = form.example_range.get(others[0], (1e-2, 1e2))
        values = [float(f"{v:.1g}") for v in np.geomspace(low, high, len(RAMP))]
        curves = [form.expr(x, **{**at, others[0]: v}, **form.example) for v in values]
        looks = RAMP
    else:
        values, curves, looks = [], [form.expr(x, **form.example)], (BLUE,)
    for curve, colour in zip(curves, looks, strict=True):
        ax.plot(x, curve, color=colour, linewidth=2.2, solid_capstyle="round", zorder=3)
    whole = np.concatenate(curves)
    log_axis(ax, "x")
    ax.set_xlim(x[0], x[-1])
    set_outcome_axis(ax, whole)
    for floor in np.ravel(form.example.get("irreducible", 0.0)):
        if 0.4 * whole.min() < floor <= whole.min():
            mark_floor(ax, float(floor))
    for name in [n for n, role in form.input_units.items() if role == first]:
        for place in np.ravel(form.example[name]):
            mark_input(ax, float(place), name)
    ax.set_xlabel(f"{first} / reference")
    ax.set_ylabel("y, in its own units")
    if others:
        label_ends(ax, x[-1], curves, values, f"{others[0]} /\nreference")
    shown = ", ".join(f"`{name}` = {words(value)}" for name, value in form.example.items())
    rest = f"; {' and '.join(f'`{r}`' for r in others[1:])} at the reference" if others[1:] else ""
    problems = [] if np.isfinite(whole).all() else ["the example's curve is not finite."]
    return figure, f"The curve of {shown}{rest}.", problems


def draw_prior_predictive(form: type[bs.Law]) -> tuple[Any, str, list[str]]:
    """Draw curves from the default priors, for data of the example's scale."""
    law, references = form(), references_of(form)
    first = form.inputs[0]
    scale = references[f"{first}_ref"]
    x = np.geomspace(references[f"{first}_start"], references[f"{first}_end"], 120)
    at = {role: references[f"{role}_ref"] for role in form.inputs} | {first: x[:, None]}
    with np.errstate(all="ignore"):
        drawn = law.prior_draws(references, draws=400, seed=1)
        curves = np.asarray(law.curve(at, drawn, references)) / references["y_ref"]
        curves = np.broadcast_to(curves, (len(x), 400))
    problems = []
    lost = np.mean(~np.isfinite(curves).all(axis=0))
    if lost > 0.01:
        problems.append(f"{100 * lost:.0f} % of the curves drawn from the priors are not finite.")
    curves = curves[:, np.isfinite(curves).all(axis=0)]

    figure, ax = canvas()
    low, middle, high = np.quantile(curves, [0.05, 0.5, 0.95], axis=1)
    x = x / scale
    ax.fill_between(x, low, high, facecolor=SKY, alpha=0.22, linewidth=0, label="central 90 %")
    ax.plot(x, curves[:, 1:40], color=BLUE, linewidth=0.8, alpha=0.35)
    ax.plot(x, curves[:, :1], color=BLUE, linewidth=0.8, alpha=0.6, label="40 draws")
    ax.plot(x, middle, color=INK, linewidth=2.0, label="median")
    ax.plot(
        [1.0], [1.0], linestyle="none", marker="D", markersize=7, markerfacecolor=VERMILLION,
        markeredgecolor="white", zorder=6, label="reference point",
    )  # fmt: skip
    log_axis(ax, "x")
    ax.set_xlim(x[0], x[-1])
    set_outcome_axis(ax, np.concatenate([low, high]), whole=curves)
    ax.set_xlabel(f"{first} / reference")
    ax.set_ylabel("y / reference")
    ax.legend(fontsize="small", frameon=False, loc="best")
    others = [f"`{role}`" for role in form.inputs[1:]]
    rest = f" {' and '.join(others)} at the reference." if others else ""
    bottom, top = ax.get_ylim()
    if low.min() < bottom or high.max() > top:
        rest += " Where the central 90 % leaves the axis, it goes on beyond it."
    caption = (
        "Curves drawn from the default priors alone, for data of the example's scale; the "
        f"reference point is the geometric mean of inputs and outcomes.{rest}"
    )
    return figure, caption, problems


def references_of(form: type[bs.Law]) -> dict[str, float]:
    """Return the scale of data that lie on the example's curve, all over the example's range."""
    inputs = form.example_inputs(200)
    outcome = np.asarray(form.expr(**inputs, **form.example), float)
    data = Observations(inputs, outcome, {role: role for role in form.inputs}, "y")
    references = data.references
    for role in form.inputs:
        low, high = form.example_range.get(role, (1e-2, 1e2))
        ends = {"start": low, "end": high, "ref": float(np.sqrt(low * high))}
        references |= {f"{role}_{what}": value for what, value in ends.items()}
    return references


def set_outcome_axis(ax: Any, core: np.ndarray, whole: np.ndarray | None = None) -> None:
    """Scale the y axis around the core: logarithmic unless a curve is not positive.

    Of curves from a prior, those further than :data:`FAR` or :data:`NEAR` run out of it.
    """
    seen = core if whole is None else whole
    low, high = core.min(), core.max()
    if (seen > 0).all():
        log_axis(ax, "y")
        if whole is not None:
            low, high = max(low, 1 / FAR), min(high, FAR)
        pad = max(high / low, 1.25) ** 0.06
        ax.set_ylim(low / pad, high * pad)
    else:
        if whole is not None:
            low, high = max(low, -NEAR), min(high, NEAR)
        pad = 0.06 * (high - low)
        ax.set_ylim(low - pad, high + pad)


def mark_floor(ax: Any, floor: float) -> None:
    """Mark the irreducible loss, which is in sight."""
    ax.set_ylim(bottom=min(ax.get_ylim()[0], floor * 0.96))
    ax.axhline(floor, color=GREY, linewidth=1.0, linestyle=(0, (2, 3)), zorder=1)
    ax.annotate(
        "irreducible", (0.01, floor), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", color=GREY, fontsize="small", zorder=2,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip


def mark_input(ax: Any, place: float, name: str) -> None:
    """Mark an input that is a parameter, such as a break's location."""
    low, high = ax.get_xlim()
    if not low < place < high:
        return
    ax.axvline(place, color=GREY, linewidth=1.0, linestyle=(0, (2, 3)), zorder=1)
    right = np.log(place / low) < 0.75 * np.log(high / low)
    ax.annotate(
        name, (place, 0.985), xycoords=("data", "axes fraction"), xytext=(4 if right else -4, 0),
        textcoords="offset points", ha="left" if right else "right", va="top", color=GREY,
        fontsize="small",
    )  # fmt: skip


def label_ends(ax: Any, end: float, curves: list[Any], values: list[float], title: str) -> None:
    """Name each curve at its right end; labels that would touch are moved apart."""
    scale, (low, high) = ax.yaxis.get_transform(), ax.get_ylim()
    floor, span = scale.transform(low), scale.transform(high) - scale.transform(low)
    ends = [float((scale.transform(curve[-1]) - floor) / span) for curve in curves]
    order, gap = np.argsort(ends), 0.062
    places = np.array([ends[i] for i in order])
    for _ in range(100):  # push neighbours apart until all have room
        for i in range(len(places) - 1):
            short = gap - (places[i + 1] - places[i])
            if short > 1e-9:
                places[i], places[i + 1] = places[i] - short / 2, places[i + 1] + short / 2
    places += max(0.0, -places.min()) - max(0.0, places.max() - 0.9)
    for i, place in zip(order, places, strict=True):
        ax.annotate(
            number(values[i]), (1.0, ends[i]), xycoords="axes fraction", xytext=(1.045, place),
            textcoords="axes fraction", va="center", color=INK, fontsize="small",
            annotation_clip=False, arrowprops={**LEADER, "color": RAMP[i]},
        )  # fmt: skip
    ax.annotate(
        title, (1.03, places.max() + 0.05), xycoords="axes fraction", va="bottom", color=GREY,
        fontsize="small", annotation_clip=False,
    )  # fmt: skip


def words(value: Any) -> str:
    """Return a parameter's value, or those of its components."""
    return ", ".join(f"{part:.4g}" for part in np.ravel(value).tolist())


# Which law? --------------------------------------------------------------------------------------


def which_law(out: Path) -> tuple[str, list[str]]:
    """Return the page that leads from a question to a law, and the families that lack theirs."""

    def link(name: str) -> str:
        return f"[{name}]({name}.md)" if (out / f"{name}.md").exists() else name

    listed = bs.list_laws()
    counts = sorted({len(form.inputs) for form in LAWS.values()})
    named = {1: "One input", 2: "Two inputs", 3: "Three inputs"}
    parts = ["# Which law?", "From what you vary and what you see to a law, by number of inputs."]
    head = ("what you vary and see", "law", "inputs", "formula", "reference")
    for count in counts:
        rows = []
        for name, form in sorted(LAWS.items()):
            if len(form.inputs) == count:
                inputs = ", ".join(f"`{role}`" for role in form.inputs)
                reference = linked(str(listed.loc[name, "reference"]))
                rows.append((form.use, link(name), inputs, f"`{form.formula}`", reference))
        parts += [f"## {named.get(count, f'{count} inputs')}", table(head, rows)]
    parts += [
        "## Families of the learning-curve literature that are another law in disguise",
        "n is the input there unless said; the last column makes the law.",
    ]
    rows, missing = [], []
    for family, shown, call in FAMILIES:
        name = call.removeprefix("bs.").split("(")[0]
        rows.append((family, f"`{shown}`", link(name), f"`{call}`"))
        missing += cannot_make(family, call, name)
    parts.append(table(("family", "there", "law", "here"), rows))
    written = [name for name in sorted(LAWS) if (out / f"{name}.md").exists()]
    parts.append("\n".join(["```{toctree}", ":hidden:", "", *written, "```"]))  # for the site
    return "\n\n".join(parts) + "\n", missing


def cannot_make(family: str, call: str, name: str) -> list[str]:
    """Return why a family's law cannot be made, if so."""
    if name not in LAWS:
        return [f"which_law.md: {family} is said to be {name}, which is not a law."]
    try:
        made = eval(call, {"bs": bs})
    except bs.BayescaleError as error:
        return [f"which_law.md: {call} fails: {error}"]
    return [] if isinstance(made, LAWS[name]) else [f"which_law.md: {call} is not {name}."]


# What is checked at the end ----------------------------------------------------------------------


def dead_links(page: Path) -> list[str]:
    """Return what is wrong with the links and figures of a page."""
    found = []
    for mark, link in re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            wrong = link.startswith(ARXIV) and not re.fullmatch(
                r"\d{4}\.\d{4,5}", link[len(ARXIV) :]
            )
        else:
            place = page.parent / link.split("#")[0]
            wrong = not place.exists() or place.stat().st_size == 0
        if wrong:
            found.append(f"{page.name}: the {'figure' if mark else 'link'} {link} leads nowhere.")
    return found


if __name__ == "__main__":
    sys.exit(main())
