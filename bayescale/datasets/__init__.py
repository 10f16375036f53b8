"""Data sets that ship with the package: one loader, one table of what there is.

A data set is three files of one name in this folder: the numbers (``.csv``), a data card (``.md``)
and the script that measured them (``.py``). To add one, add its files: there is no list to edit.
The card opens with ``key: value`` lines, the only place where the facts are written;
`load_dataset` and `list_datasets` read them there.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bayescale.errors import unknown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_datasets", "load_dataset"]

# Facts about the whole file: they would be wrong in the `.attrs` of a filtered frame.
_OF_THE_FILE = ("rows", "zeros")


def load_dataset(name: str) -> pd.DataFrame:
    """Load a data set that ships with the package, one row per run.

    Parameters
    ----------
    name
        Name of the data set, as :func:`list_datasets` shows it.

    Returns
    -------
    pandas.DataFrame
        The runs, every replicate in its own row. ``.attrs`` holds plain values: ``name``,
        ``title``, ``what``, ``source``, ``licence``, ``x`` and ``y`` (the columns that are usually
        the input and the outcome), ``curve`` (the columns whose values tell curves apart),
        ``units`` and ``columns`` (unit and meaning of each column), ``card`` (the data card's
        text) and, where we measured the data ourselves, ``replicate`` (the column that numbers the
        repetitions), ``measured`` (the date) and ``measured_with`` (the versions).

    Raises
    ------
    UnknownNameError
        If there is no data set of that name; the message lists those there are.

    Examples
    --------
    >>> from bayescale.datasets import load_dataset
    >>> runs = load_dataset("digits_learning_curves")
    >>> list(runs.columns)
    ['task', 'model', 'examples', 'seed', 'error', 'test_size']
    >>> runs.attrs["x"], runs.attrs["y"]
    ('examples', 'error')

    One curve is the mean over the seeds of one classifier on one task:

    >>> knn = runs[(runs["task"] == "digits") & (runs["model"] == "knn")]
    >>> curve = knn.groupby("examples", as_index=False)["error"].mean()
    >>> len(curve)
    16
    """
    import pandas as pd

    names = _names()
    if name not in names:
        raise unknown("data set", name, names)
    with files(__name__).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    frame.attrs = {k: v for k, v in _read_card(name).items() if k not in _OF_THE_FILE}
    return frame


def list_datasets() -> pd.DataFrame:
    """List the data sets that ship with the package.

    Returns
    -------
    pandas.DataFrame
        One row per data set, with the columns ``name``, ``rows``, ``what``, ``x``, ``y``,
        ``curve``, ``zeros`` (rows whose outcome is exactly 0), ``licence`` and ``source``.

    Examples
    --------
    >>> from bayescale.datasets import list_datasets
    >>> table = list_datasets()
    >>> "digits_learning_curves" in set(table["name"])
    True
    """
    import pandas as pd

    columns = ["name", "rows", "what", "x", "y", "curve", "zeros", "licence", "source"]
    return pd.DataFrame([_read_card(name) for name in _names()], columns=columns)


def _names() -> list[str]:
    """Name the data sets: every card of this folder that has a table beside it."""
    found = {entry.name for entry in files(__name__).iterdir()}
    cards = sorted(name.removesuffix(".md") for name in found if name.endswith(".md"))
    return [name for name in cards if f"{name}.csv" in found]


def _read_card(name: str) -> dict[str, Any]:
    """Read the facts at the head of a data card, and the card's text."""
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    header = text.split("---\n")[1]
    card: dict[str, Any] = {"name": name, "units": {}, "columns": {}}
    for line in header.splitlines():
        key, value = line.split(": ", 1)
        if key.startswith("column "):
            # "column error: no unit | fraction ..." holds the unit and the meaning of `error`.
            column = key.removeprefix("column ")
            card["units"][column], card["columns"][column] = value.split(" | ", 1)
        else:
            card[key] = int(value) if value.isdigit() else value
    card["curve"] = card["curve"].split(", ") if "curve" in card else []
    card["card"] = text
    return card
