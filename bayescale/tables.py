"""Tables in and out: runs read from files, results shown to people and to programs."""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import DataError, FileError, nearest
from bayescale.paths import given_path
from bayescale.visible import visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from bayescale.backtest_record import Backtest
    from bayescale.fitting import Fit
    from bayescale.forecasts import Forecast

#: Bytes that a compressed table may hold.
LARGEST = 2**32
_PART = 2**24
#: Names up to this length stay on one line.
NAME = 24


def read_runs(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table of runs from a CSV or a Parquet file.

    The kind is told by the content. A CSV file may be separated by commas, tabs or semicolons,
    and compressed by gzip; its rows are numbered as the lines of the file, for messages.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    pandas.DataFrame
        One run a row.

    Raises
    ------
    FileError
        If the file is missing, or is neither CSV nor Parquet.
    DataError
        If it is empty, or its lines do not have the same columns.
    """
    place = given_path(path)
    with within_memory(place):
        return _read(place)


@contextmanager
def within_memory(place: Any) -> Iterator[None]:
    """Turn what happens where a file needs more memory than there is into an error of ours."""
    try:
        yield
    except MemoryError:
        raise _too_large(place, "there is memory for") from None


def _read(place: Path) -> pd.DataFrame:
    content = _content(place)
    if content.startswith(b"PAR1"):
        return _parquet(place, content)
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(place, content)
    if not content.strip():
        raise DataError(
            f"{place} is empty. It needs a line of column names, and a line for each run."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise FileError(
            f"{place} is not a CSV file: it is not text in UTF-8. Give a CSV or a Parquet file "
            "with one training run a row."
        )
    return _csv(place, text)


def _content(place: Path) -> bytes:
    if place.is_dir():
        raise FileError(f"{place} is a folder. Give the CSV or Parquet file with the runs.")
    if not place.exists():
        near = ""
        with suppress(OSError):
            near = nearest(place.name, [entry.name for entry in place.parent.iterdir()])
        raise FileError(f"There is no file {place}.{near}")
    try:
        return place.read_bytes()
    except OSError as error:
        raise FileError(f"{place} cannot be read: {error.strerror or error}.") from error


def _unpacked(place: Path, content: bytes) -> bytes:
    """Return what is in a gzip file, up to the limit."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            # A part at a time: to ask for so much at once takes so much, however little is there.
            parts: list[bytes] = []
            while part := file.read(_PART):
                parts.append(part)
                if sum(map(len, parts)) > LARGEST:
                    raise _too_large(place)
        return b"".join(parts)
    except FileError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{place} is compressed, but damaged ({error}).") from error


def _too_large(place: Any, than: str = f"{LARGEST / 2**30:.3g} GiB") -> FileError:
    return FileError(
        f"{place} holds more than {than} when unpacked, which is no table of runs. Read it "
        "yourself, keep the columns and rows you need, and pass the table."
    )


def _parquet(place: Path, content: bytes) -> pd.DataFrame:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        known = file.metadata
        groups = [known.row_group(i).total_byte_size for i in range(known.num_row_groups)]
        # Repeated values take next to no room in the file, and eight bytes each in memory.
        if max(sum(groups), 8 * known.num_rows * known.num_columns) > LARGEST:
            raise _too_large(place)
        return file.read().to_pandas()
    except (FileError, MemoryError):
        raise
    except Exception as error:
        words = " ".join(str(error).split())
        raise FileError(f"{place} is a Parquet file, but a damaged one ({words}).") from error


def _csv(place: Path, text: str) -> pd.DataFrame:
    import pandas as pd

    body = text.lstrip("\r\n \t") if not text.startswith("\t") else text
    head, _, rest = body.partition("\n")
    counts = {mark: head.count(mark) for mark in (",", "\t", ";")}
    separator = "," if counts[","] else max(counts, key=lambda mark: counts[mark])
    if not rest.strip():
        raise DataError(
            f"{place} has one line and no runs under it. It needs a line of column names, and a "
            "line for each run."
        )
    try:
        table = pd.read_csv(
            io.StringIO(body), sep=separator, skip_blank_lines=False, skipinitialspace=True
        )
    except (ValueError, OverflowError) as error:  # pandas' own errors of parsing are ValueErrors
        words = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(
            f"{place} cannot be read as a table ({words}). Every line must have as many values as "
            "the first has column names."
        ) from error
    first = text[: len(text) - len(body)].count("\n") + 2
    table.index = pd.RangeIndex(first, first + len(table))
    table.columns = [str(name).strip() for name in table.columns]
    return table.dropna(how="all")


# For people --------------------------------------------------------------------------------------


def console() -> Console:
    """Return the console of standard output; wide enough for tables when it is not a screen."""
    from rich.console import Console

    made = Console(highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made = Console(highlight=False, width=120)
    return made


def show(table: pd.DataFrame, title: str = "", formats: Mapping[str, str] | None = None) -> None:
    """Print a table.

    Parameters
    ----------
    table
        Its index is the first column, unless it only counts the rows.
    title
        A line above it.
    formats
        Column to format of its numbers; four digits elsewhere.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    formats = formats or {}
    if table.index.name is not None or table.index.dtype.kind not in "iu":
        table = table.reset_index(names=table.index.name or "")
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = []
    for name, column in table.items():
        cells = [cell(value, formats.get(str(name))) for value in column]
        widest = max(len(text) for text in [str(name), *cells])
        number_like = column.dtype.kind in "iuf"
        # Words may wrap; numbers and short names must not.
        whole = widest if number_like or (not columns and widest <= NAME) else None
        justify = "right" if number_like else "left"
        drawn.add_column(
            Text(visible(str(name))),
            justify=justify,
            overflow="fold",
            min_width=whole,
            no_wrap=whole is not None,
        )
        columns.append(cells)
    for row in zip(*columns, strict=True):
        drawn.add_row(*map(Text, row))
    out = console()
    if title:
        out.print(Text(visible(title)))
    # On a screen too narrow for the numbers, lines run over, but no digit is lost.
    least = sum((column.min_width or 8) + 3 for column in drawn.columns)
    out.width = max(out.width, least)
    out.print(drawn, crop=False)


def show_cards(table: pd.DataFrame) -> None:
    """Print a table of long texts: for each row its name, and a line for each column."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE, show_header=False, pad_edge=False, show_lines=True)
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, row in table.iterrows():
        lines = [f"{column}: {cell(value, None)}" for column, value in row.items()]
        drawn.add_row(Text(visible(str(name))), Text("\n".join(lines)))
    console().print(drawn)


def say(text: str) -> None:
    """Print a paragraph, wrapped at the width of the screen."""
    from rich.text import Text

    console().print(Text(visible(text, keep="\n")))


def cell(value: Any, form: str | None) -> str:
    """Return a value as a table shows it: yes and no, four digits, nothing for NaN."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:d}"
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:{form}}" if form else number(float(value))
    if isinstance(value, list | tuple):
        return visible(", ".join(map(str, value)))
    return "" if value is None else visible(str(value))


def number(value: float) -> str:
    """Return a number with four digits, as people write it: 13470, 0.0213, 3.2e+09."""
    whole = 1e3 <= abs(value) < 1e6
    return f"{value:.0f}" if whole else f"{value:.4g}"


def show_outlook(made: Forecast, table: pd.DataFrame) -> None:
    """Print the forecast that needs no choices, and what it is made of.

    Parameters
    ----------
    made
        What :func:`bayescale.forecast` returned.
    table
        Its intervals, with their ``attrs``.
    """
    facts, mixture = table.attrs, made.source
    what = "one new run" if facts["of"] == "observation" else "the curve"
    drift = f"drift {facts['drift']:g}" if facts["drift"] else "no drift"
    show(
        table,
        f"{facts['outcome']} of {what}, {facts['probability'] * 100:g} % equal-tailed interval, "
        f"{drift} beyond the data; extrapolation is the input over the largest seen",
    )
    shares = ", ".join(f"{name} {share:.2f}" for name, share in mixture.weights.items())
    noise = next(iter(mixture.fits.values())).likelihood.label
    say(f"{len(mixture.runs)} rows, noise {noise}. Weights of the laws: {shares}")


def show_fit(fit: Fit) -> None:
    """Print a fit: law, parameters, the literature's constants, diagnostics and advice."""
    runs = fit.runs
    inputs = ", ".join(f"{role}={name!r}" for role, name in runs.columns.items())
    say(f"{fit.name} fitted to {len(runs)} runs (y={runs.outcome_column!r}, {inputs})")
    say(fit.law.formula)
    ends = {"eti90_lb": "lower", "eti90_ub": "upper"}
    parameters = fit.summary(0.9).rename(columns=ends).rename_axis("parameter")
    columns = ["mean", "sd", "lower", "upper", "ess_bulk", "r_hat"]
    formats = dict.fromkeys(["mean", "sd", "median", "lower", "upper"], ".3g")
    show(
        parameters.reindex(columns=columns),
        "Parameters, 90 % equal-tailed interval",
        formats | {"ess_bulk": ".0f", "r_hat": ".3f"},
    )
    show(fit.constants(0.9), "The literature's constants, 90 % equal-tailed interval", formats)
    say(fit.diagnostics.line())
    for words in (f"sampled: {fit.engine}", *fit.notes, *fit.diagnostics.advice):
        say(f"- {words}")


def show_comparison(comparison: pd.DataFrame, backtest: Backtest | None = None) -> None:
    """Print the tables of :func:`bayescale.compare` and :func:`bayescale.backtest`.

    Parameters
    ----------
    comparison
        One row a law, best first.
    backtest
        Scores of the same laws.
    """
    columns = ["elpd", "elpd_diff", "dse", "p", "weight", "worst_pareto_k", "repaired"]
    show(
        comparison.reindex(columns=columns).rename(columns={"worst_pareto_k": "pareto_k"}),
        "Leave one out (interpolation): elpd, larger is better",
        dict.fromkeys([*columns, "pareto_k"], ".2f"),
    )
    for name, words in comparison["warning"].items():
        if str(words):
            say(f"- {name}: {words}")
    if backtest is None:
        return
    scores = backtest.table
    levels = [name for name in scores if str(name).startswith("coverage_")]
    shares = [" ".join(f"{share:.2f}" for share in row) for row in scores[levels].to_numpy()]
    heading = f"inside {'/'.join(str(name).removeprefix('coverage_') for name in levels)} %"
    cutoffs = ", ".join(number(cutoff) for cutoff in backtest.cutoffs)
    show(
        scores.reindex(columns=["log_score", "rmsle", "crps"]).assign(
            **{heading: shares, "points": scores["points"]}
        ),
        f"Backtest (extrapolation), trained up to {backtest.x} = {cutoffs}: larger log_score, "
        "smaller rmsle and crps are better",
        {"log_score": ".2f"},
    )


# For programs ------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it.

    Parameters
    ----------
    value
        Numbers, text, arrays, tables, and dicts and lists of these.

    Returns
    -------
    object
        NaN becomes None, infinities the text ``"Infinity"`` and ``"-Infinity"``, a table a list
        with a dict for each row (its index, where named, is a column).
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        named = value if value.index.name is None else value.reset_index()
        return plain(named.to_dict("records"))
    return str(value)
