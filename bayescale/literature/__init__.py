"""Published laws with their papers' numbers: one file a paper, read when asked for.

A paper is one ``.toml`` file of this folder; to add one, add its file. It opens with ``title``,
``authors``, ``year`` and ``arxiv``. Each ``[[table]]`` is a place in the paper: ``form``,
``formula`` (with ``{names}`` where numbers stand), ``where``, ``units`` of every input and of y,
and, if known, ``valid`` (role to smallest and largest input of the fit), ``note`` and ``verified``.
Under ``[table.laws]`` stands a line for each law: its numbers by the names of the form's fields and
constants, and whatever else is its own of the above. So that numbers can stay as they are printed,
there are three more names:

- ``coefficient`` and ``power``: :math:`y = \\text{coefficient} \\cdot x^{\\text{power}}`, in place
  of ``x0`` and ``exponent``;
- ``log_<name>``: the natural logarithm of a number;
- ``f``: widths of breaks, in place of ``break_sharpness``.

Only numbers that were seen in the paper, in its authors' code, or in several agreeing
transcriptions are here; what was seen in a secondary source only says so (``verified=False``).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bayescale.arguments import check_arguments
from bayescale.errors import unknown
from bayescale.laws import Law
from bayescale.registry import find_law

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "list_published", "published"]

#: What a table of a paper says of all its laws, and a law may say of itself.
_FACTS = ("formula", "where", "units", "valid", "note", "verified")


@dataclass(frozen=True)
class Source:
    """Where a published law comes from.

    Parameters
    ----------
    paper
        The paper's key: first author and year.
    name
        The law's name there, as :func:`list_published` lists it.
    title, authors
        The paper's.
    year
        The year of publication.
    arxiv
        The paper's number on arXiv.
    where
        The table, equation or figure.
    formula
        The law with its numbers, in the paper's symbols.
    units
        Unit of each input, by role, and of the outcome, as ``y``.
    valid
        Smallest and largest value of an input among the runs of the fit, by role, where known.
    note
        What was chosen where the paper contradicts itself, and why; what to look out for.
    verified
        Whether the numbers were seen in the paper or its authors' code; if not, in a secondary
        source.
    """

    paper: str
    name: str
    title: str
    authors: str
    year: int
    arxiv: str
    where: str
    formula: str
    units: Mapping[str, str] = field(hash=False)
    valid: Mapping[str, tuple[float, float]] = field(hash=False)
    note: str
    verified: bool

    @property
    def reference(self) -> str:
        """The paper as it is cited: authors, year and number on arXiv."""
        return f"{self.authors} ({self.year}), arXiv:{self.arxiv}"

    def __str__(self) -> str:
        """Return law, paper, place, units and note, a line each."""
        lines = [
            f"{self.name}:  {self.formula}",
            f'  {self.authors} ({self.year}), "{self.title}", arXiv:{self.arxiv}; {self.where}',
            f"  units: {_units(self.units)}",
        ]
        if self.valid:
            ends = (f"{role} {_number(a)} to {_number(b)}" for role, (a, b) in self.valid.items())
            lines.append(f"  fitted on: {', '.join(ends)}")
        if self.note:
            lines.append(f"  note: {self.note}")
        return "\n".join(lines)


def published(paper: str, name: str) -> Law:
    """Return a published law, every parameter fixed at the paper's number.

    Parameters
    ----------
    paper
        The paper's key, as :func:`list_published` shows it: ``"kaplan2020"``.
    name
        The law's name in that paper: ``"L(N)"``.

    Returns
    -------
    Law
        It can be evaluated, simulated from and drawn; ``law.source`` is its :class:`Source`.
        Inputs and outcome are in the paper's units (``law.source.units``).

    Raises
    ------
    UnknownNameError
        If there is no such paper or no such law; the message lists those there are.

    Examples
    --------
    >>> import bayescale as bs
    >>> from bayescale.literature import published
    >>> law = published("kaplan2020", "L(N)")
    >>> law.evaluate(x=1e9).round(4).item()
    2.3756
    >>> law.source.where, law.source.units["y"]
    ('Eq 1.1, Table 5', 'nats per token')
    """
    check_arguments(published, locals())
    papers = _papers()
    if paper not in papers:
        raise unknown("paper", paper, papers)
    entries = _entries(paper)
    if name not in entries:
        raise unknown(f"law of {paper}", name, entries)
    form, numbers, source = entries[name]
    law = find_law(form)(**numbers)
    object.__setattr__(law, "source", source)
    return law


def list_published() -> pd.DataFrame:
    """List every published law with its numbers.

    Returns
    -------
    pandas.DataFrame
        One row a law, with the columns ``paper`` and ``name`` (what :func:`published` takes),
        ``law`` (the form), ``formula`` (with numbers), ``units``, ``where``, ``note`` and
        ``reference``.

    Examples
    --------
    >>> from bayescale.literature import list_published
    >>> table = list_published().set_index(["paper", "name"])
    >>> table.loc[("hoffmann2022", "L(N,D)"), "formula"]
    'L(N,D) = 1.69 + 406.4/N^0.34 + 410.7/D^0.28'
    """
    import pandas as pd

    rows = [
        {
            "paper": source.paper,
            "name": source.name,
            "law": form,
            "formula": source.formula,
            "units": _units(source.units),
            "where": source.where,
            "note": source.note,
            "reference": source.reference,
        }
        for paper in _papers()
        for form, _, source in _entries(paper).values()
    ]
    return pd.DataFrame(rows)


def _papers() -> list[str]:
    """Name the papers: every file of numbers in this folder."""
    found = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


@cache
def _entries(paper: str) -> dict[str, tuple[str, dict[str, Any], Source]]:
    """Read a paper's file: form, numbers and source of each of its laws."""
    text = files(__name__).joinpath(f"{paper}.toml").read_text(encoding="utf-8")
    about = tomllib.loads(text)
    found = {}
    for table in about.pop("table"):
        laws, form = table.pop("laws"), table.pop("form")
        for name, line in laws.items():
            facts = {"valid": {}, "note": "", "verified": True, **table}
            facts |= {key: line.pop(key) for key in _FACTS if key in line}
            facts["valid"] = {role: (low, high) for role, (low, high) in facts["valid"].items()}
            formula = facts["formula"].format(**{k: _number(v) for k, v in line.items()})
            facts["formula"] = formula.replace("= 0 + ", "= ")
            found[name] = form, _numbers(line), Source(paper=paper, name=name, **about, **facts)
    return found


def _numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a paper's way of writing its numbers into fields and constants of the form."""
    given = dict(line)
    for name in [name for name in given if name.startswith("log_")]:
        given[name.removeprefix("log_")] = math.exp(given.pop(name))
    if "power" in given:
        given["exponent"] = -given.pop("power")
    if "coefficient" in given:
        given["x0"] = given.pop("coefficient") ** (1 / given["exponent"])
    if "f" in given:
        given["break_sharpness"] = tuple(1 / width for width in given.pop("f"))
    return given


def _units(units: Mapping[str, str]) -> str:
    return ", ".join(f"{role} in {unit}" for role, unit in units.items())


def _number(value: Any) -> str:
    """Write a number as papers do: 8.8e13 and not 88000000000000.0."""
    if isinstance(value, list):
        return f"({', '.join(map(_number, value))})"
    text = f"{value:g}"
    mantissa, _, power = (text if float(text) == value else repr(value)).partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa
