"""Data sets that ship with the package or are fetched: two loaders, one table of what there is.

A data set that ships is three files of one name in this folder: the numbers (``.csv``), a data
card (``.md``) and the script that measured them (``.py``; of our own training runs
``benchmarks/sweep``). A card without a table is of runs not made yet. One that is fetched is two
files in ``public/``: a card (``.toml``) and a converter (``.py``). To add one, add its files: there
is no list to edit. Cards are the only place where the facts are written; `load_dataset`,
`fetch_dataset` and `list_datasets` read them there. A shipped card opens with ``key: value`` lines.
"""

from __future__ import annotations

import os
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bayescale.arguments import check_arguments
from bayescale.errors import UnknownNameError, unknown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fetch_dataset", "list_datasets", "load_dataset"]

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
        If no data set of that name ships; the message lists those that do.

    See Also
    --------
    fetch_dataset : public data sets that do not ship.

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
    check_arguments(load_dataset, locals())
    import pandas as pd

    from bayescale.datasets.cards import public_names

    names = _names()
    if name not in names and name in public_names():
        raise UnknownNameError(f"{name!r} does not ship; fetch it: bs.fetch_dataset({name!r}).")
    if name not in names:
        raise unknown("data set", name, names)
    with files(__name__).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    frame.attrs = {k: v for k, v in _read_card(name).items() if k not in _OF_THE_FILE}
    return frame


def fetch_dataset(
    name: str,
    *,
    cache: str | os.PathLike[str] | None = None,
    refresh: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Fetch a public data set from its source, once, and return it with our columns.

    The original files are kept in a cache folder; later calls read them there. Every table is
    checked against what is known of it, whichever way it came. Licence and paper to cite are said
    once and stand in ``.attrs``.

    Parameters
    ----------
    name
        Name of the data set, as :func:`list_datasets` shows it.
    cache
        The cache folder; by default the environment variable ``BAYESCALE_DATA_CACHE``, else the
        system's place for caches.
    refresh
        Fetch anew although it is kept.
    progress
        True or False to force the progress bar; by default in a terminal or a notebook.

    Returns
    -------
    pandas.DataFrame
        The runs. ``.attrs`` holds what that of :func:`load_dataset` holds, and ``citation``,
        ``notes`` (what to look out for), ``fetched_from``, and ``sha256`` (the hash of each file
        that was read; of an archive, of what is needed of it).

    Raises
    ------
    UnknownNameError
        If there is no public data set of that name; the message lists those there are.
    FileError
        If there is no network, no space, the mirror lacks the file, or what came is not what is
        known; nothing is left in the cache then. Or if a file of which no hash is recorded is
        another one than the first that came.

    Notes
    -----
    The environment variable ``BAYESCALE_DATA_MIRROR`` names a mirror, a folder or an address, that
    is asked instead of the sources: for ``NAME.csv``, a table with our columns as
    ``frame.to_csv(..., index=False)`` writes it, else for the original files in a folder ``NAME``.

    Where no SHA-256 of a source's file is recorded in this version, which is said, the first file
    that comes is trusted if its table is the known one. Its hash is remembered in the cache, and
    files that come later must have it, unless ``refresh=True`` asks for a new one.

    Some sources hold more than was known when a card was written; such rows are returned too, and
    not checked.

    See Also
    --------
    load_dataset : data sets that ship with the package.

    Examples
    --------
    >>> import bayescale as bs
    >>> runs = bs.fetch_dataset("chinchilla_fig4")  # doctest: +SKIP
    >>> runs.attrs["licence"]  # doctest: +SKIP
    'none stated'
    """
    check_arguments(fetch_dataset, locals())
    from bayescale.datasets.cards import public_names

    names = public_names()
    if name not in names and name in _names():
        raise UnknownNameError(
            f"{name!r} ships with the package; load it: bs.load_dataset({name!r})."
        )
    if name not in names:
        raise unknown("public data set", name, names)
    from bayescale.datasets.fetching import fetched

    return fetched(name, cache, refresh, progress)


def list_datasets() -> pd.DataFrame:
    """List the data sets: those that ship with the package, and public ones that are fetched.

    Returns
    -------
    pandas.DataFrame
        One row per data set, with the columns ``name``, ``where`` (``"ships"``: by
        :func:`load_dataset`; ``"fetched"``: by :func:`fetch_dataset`), ``rows``, ``what``, ``x``,
        ``y``, ``curve``, ``zeros`` (rows whose outcome is exactly 0), ``licence``, ``source`` and
        ``citation``. Those that ship stand first. Of a fetched one ``rows`` and ``zeros`` are of
        the rows that are checked; some sources hold more.

    Examples
    --------
    >>> from bayescale.datasets import list_datasets
    >>> table = list_datasets().set_index("name")
    >>> table.loc["digits_learning_curves", "where"], table.loc["chinchilla_fig4", "where"]
    ('ships', 'fetched')
    """
    import pandas as pd

    from bayescale.datasets.cards import public_names, read_card

    columns = ["name", "where", "rows", "what", "x", "y", "curve", "zeros", "licence", "source"]
    rows = [_read_card(name) | {"where": "ships", "citation": ""} for name in _names()]
    for card in map(read_card, public_names()):
        counts = {"where": "fetched", "rows": card.known.rows, "zeros": card.zeros}
        rows.append(card.attrs() | counts)
    return pd.DataFrame(rows, columns=[*columns, "citation"])


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
