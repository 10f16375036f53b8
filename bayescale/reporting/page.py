"""One HTML page that needs nothing else: text, tables and pictures, all of it escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from bayescale import tables

if TYPE_CHECKING:
    import pandas as pd

#: Characters from which a cell is a sentence.
SENTENCE = 40
#: Rows of a table that are shown; what is left out is counted.
MOST_ROWS = 400


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    name
        By which ``sections=`` asks for it, and by which a link leads to it.
    title
        Its heading, plain text.
    body
        HTML, from the functions of this module.
    """

    name: str
    title: str
    body: str


def paragraph(*words: str, kind: str = "") -> str:
    """Return a paragraph of plain text; ``kind`` is a class of the style sheet."""
    told = escape(" ".join(word for word in words if word))
    return f'<p class="{kind}">{told}</p>' if kind else f"<p>{told}</p>"


def heading(words: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{escape(words)}</h3>"


def items(words: Iterable[str]) -> str:
    """Return a list of plain texts; nothing where there are none."""
    told = "".join(f"<li>{escape(word)}</li>" for word in words)
    return f"<ul>{told}</ul>" if told else ""


def code(text: str, words: str) -> str:
    """Return text as it is written in a file, with a line that says what it is."""
    return (
        f'<figure class="code"><figcaption>{escape(words)}</figcaption>'
        f'<pre tabindex="0"><code>{escape(text)}</code></pre></figure>'
    )


def folded(words: str, body: str) -> str:
    """Return what is shown when asked for, and always in print."""
    return f"<details><summary>{escape(words)}</summary>{body}</details>"


def table(frame: pd.DataFrame, caption: str, formats: dict[str, str] | None = None) -> str:
    """Return a table with its caption; four digits, or as ``formats`` says by column.

    Parameters
    ----------
    frame
        The index is shown where it has a name.
    caption
        What it shows, with units.
    formats
        Column to format of its numbers.
    """
    formats = formats or {}
    shown: Any = frame.iloc[:MOST_ROWS]
    shown = shown.reset_index() if shown.index.name is not None else shown
    kinds = {str(name): _kind(values) for name, values in shown.items()}
    columns = list(kinds)
    head = "".join(f"<th scope='col'{kinds[c]}>{escape(c)}</th>" for c in columns)
    rows = []
    for row in shown.itertuples(index=False, name=None):
        cells = [cell(value, formats.get(name)) for name, value in zip(columns, row, strict=True)]
        first, *others = zip(columns, cells, strict=True)
        told = f"<th scope='row'{kinds[first[0]]}>{escape(first[1])}</th>"
        told += "".join(f"<td{kinds[name]}>{escape(text)}</td>" for name, text in others)
        rows.append(f"<tr>{told}</tr>")
    more = len(frame) - len(shown)
    caption += f" ({more} more rows are not shown)" if more > 0 else ""
    # A wide table scrolls by itself, also with the keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def cell(value: Any, form: str | None = None) -> str:
    """Return a value as a table shows it."""
    if isinstance(value, float) and form is None and value == value:
        return "∞" if value == float("inf") else tables.number(value)
    return tables.cell(value, form)


def _kind(values: Any) -> str:
    """Return the class of a column: numbers to the right, sentences with room to be read."""
    if values.dtype.kind in "iuf":
        return " class='number'"
    return " class='words'" if values.astype(str).str.len().max() > SENTENCE else ""


def picture(svg: str, caption: str, name: str) -> str:
    """Return an SVG picture with its caption; the caption is also what is read out.

    Parameters
    ----------
    svg
        As :func:`bayescale.plots.album.svg_of` draws it.
    caption
        What it shows.
    name
        One that no other picture of the page has: the picture's own names begin with it.
    """
    own = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    own = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', own)
    own = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", own)
    own = own.replace("<svg ", f'<svg role="img" aria-labelledby="{name}-caption" ', 1)
    kind = " paper" if "<image " in own else ""
    return (
        f'<figure class="picture{kind}">{own}'
        f'<figcaption id="{name}-caption">{escape(caption)}</figcaption></figure>'
    )


def kept(body: Callable[[], str], what: str) -> str:
    """Return a part of a section, or what went wrong with it: one part must not cost the others."""
    try:
        return body()
    except Exception as error:  # whatever it is, the rest of the report is written
        return failed(error, what)


def failed(error: Exception, what: str) -> str:
    """Return a note that something of the report failed, and how."""
    words = " ".join(str(error).split()) or type(error).__name__
    return paragraph(
        f"{what} failed and is missing here: {words} ({type(error).__name__}).", kind="failed"
    )


def page(title: str, lead: str, sections: Sequence[Section], foot: str) -> str:
    """Return the whole page.

    Parameters
    ----------
    title, lead, foot
        Plain text: the heading, the line under it, and the last line.
    sections
        In order.
    """
    room = files("bayescale.reporting")
    contents = "".join(
        f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections
    )  # fmt: skip
    body = "".join(
        f'<section id="{s.name}" aria-labelledby="{s.name}-title">'
        f'<h2 id="{s.name}-title">{escape(s.title)}</h2>{s.body}</section>'
        for s in sections
    )
    return Template((room / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        lead=escape(lead),
        style=(room / "page.css").read_text(encoding="utf-8"),
        contents=contents,
        body=body,
        foot=escape(foot),
    )
