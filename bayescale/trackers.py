"""Tables that experiment trackers export: read, put in shape, and what their columns seem to be."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import tables
from bayescale.arguments import check_arguments

if TYPE_CHECKING:
    import pandas as pd

#: Role to patterns of a column's last words, the likeliest first. Names are compared in lower case,
#: with one space between words.
ROLES: dict[str, tuple[str, ...]] = {
    "y": (
        r"(val|valid|validation|eval|evaluation|test|heldout)( .*)? (loss|nll|cross entropy|bpb)",
        r"(loss|nll|cross entropy|bits per byte|bpb)( (val|valid|validation|eval|test))?",
        r"(val|valid|validation|eval|test)( .*)? (error|error rate|perplexity|accuracy|acc)",
        r"(train|training)( .*)? (loss|nll)",
        r"error|error rate|perplexity|accuracy|acc",
    ),
    "params": (
        r"(n|num|number of|model|total|non ?embedding) ?(params|parameters|param count)",
        r"params|parameters|param count|model size|(params|parameters) (total|non ?embedding)",
    ),
    "tokens": (
        r"(n|num|number of|train|training|total|seen) ?tokens?( seen)?",
        r"tokens|tokens seen|tokens (total|trained)|num (train|training) tokens",
    ),
    "compute": (
        r"(n|num|total|train|training) ?flops?|flops?( total)?|compute|pf days|total compute",
    ),
    "examples": (
        r"(n|num|number of|train|training) ?(examples|samples)|examples|samples",
        r"n train|train size|training size|dataset size|data size",
    ),
    "steps": (r"(global|train|training|trainer global|num|n|max) ?steps?|steps?|iterations?|iter",),
    "run": (r"run name|mlflow runname|run|run id|runid|name|id|experiment name",),
}
#: Inputs by which a law of one input would be fitted, the likeliest first.
INPUTS = ("compute", "params", "tokens", "examples", "steps")
#: What trackers call runs that came to their end.
FINISHED = {"finished", "completed", "success", "succeeded"}
_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


@dataclass(frozen=True)
class Guess:
    """What the columns of a table seem to be.

    Parameters
    ----------
    roles
        Role (``y``, ``params``, ``tokens``, ``compute``, ``examples``, ``steps``, ``run``) to
        column.
    others
        Role to columns that could be meant too.
    notes
        What was done to the table and what to look at, in sentences.
    """

    roles: dict[str, str]
    others: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def call(self) -> str:
        """The fit that the columns suggest, as code; empty where they suggest none."""
        found, y = self.roles, self.roles.get("y")
        if y is None:
            return ""
        run = f", run={found['run']!r}" if "run" in found and "steps" in found else ""
        if {"params", "tokens"} <= set(found):
            columns = f"params={found['params']!r}, tokens={found['tokens']!r}"
            return f"bs.Chinchilla().fit(runs, y={y!r}, {columns}{run})"
        inputs = [found[role] for role in INPUTS if role in found]
        return f"bs.PowerLaw().fit(runs, y={y!r}, x={inputs[0]!r}{run})" if inputs else ""

    def __str__(self) -> str:
        """Return the guess in words."""
        said = ", ".join(f"{role} = {column!r}" for role, column in self.roles.items())
        lines = [f"Columns by their names, a guess: {said or 'none is known'}."]
        for role, columns in self.others.items():
            lines.append(f"{role} could be {', '.join(map(repr, columns))} as well.")
        lines += self.notes
        if self.call:
            lines.append(f"If so: {self.call}")
        return "\n".join(lines)


def read_runs(path: str | os.PathLike[str], *, quiet: bool = False) -> pd.DataFrame:
    """Read a table of runs, such as an export of Weights & Biases or MLflow, and guess its columns.

    A plain CSV or Parquet file is read as it is. Three kinds of exports are put in shape first:
    charts of Weights & Biases (a column ``run - metric`` for each run) and metric histories of
    MLflow (a row for each ``key``) become a row for each run and step; sizes such as ``125M`` and
    ``1.3B`` become numbers. The names of columns stay.

    Parameters
    ----------
    path
        A CSV file (commas, tabs or semicolons; gzip) or a Parquet file.
    quiet
        Whether not to print the guess.

    Returns
    -------
    pandas.DataFrame
        One row a run (or checkpoint). ``.attrs["roles"]`` maps roles to columns, as guessed;
        ``.attrs["guess"]`` says the same in words, with what else was seen.

    Raises
    ------
    FileError
        If the file is missing, or is neither CSV nor Parquet.
    DataError
        If it is empty, or its lines do not have the same columns.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import bayescale as bs
    >>> place = pathlib.Path(tempfile.mkdtemp()) / "wandb_export.csv"
    >>> lines = ["Name,State,n_params,tokens,eval/loss", "a,finished,125M,2.5B,3.1"]
    >>> _ = place.write_text("\\n".join([*lines, "b,finished,1.3B,26B,2.6"]))
    >>> runs = bs.read_runs(place)
    Columns by their names, a guess: y = 'eval/loss', params = 'n_params', tokens = 'tokens', \
run = 'Name'.
    'n_params', 'tokens' held sizes such as 125M; they are numbers now.
    If so: bs.Chinchilla().fit(runs, y='eval/loss', params='n_params', tokens='tokens')
    >>> runs["n_params"].tolist()
    [125000000.0, 1300000000.0]
    """
    check_arguments(read_runs, locals())
    with tables.within_memory(path):
        table, notes = tidied(tables.read_runs(path))
        found = guessed(table, notes)
    table.attrs = {"roles": found.roles, "guess": str(found)}
    if not quiet:
        print(found)
    return table


def tidied(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return an export with a row for each run and step, and what was done to it, in sentences.

    Parameters
    ----------
    table
        As it was read.
    """
    made, notes = table, []
    for change in (_chart, _history, _sizes):
        made, note = change(made)
        notes += [note] if note else []
    return made, notes


def _chart(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """A chart of Weights & Biases: a column for each run and metric, beside its step."""
    import pandas as pd

    step = next((c for c in table if str(c).lower() in ("step", "_step", "global_step")), None)
    parts = {str(c): str(c).rpartition(" - ") for c in table.columns}
    drawn = {c: (run, metric) for c, (run, mark, metric) in parts.items() if mark and run}
    ends = ("__MIN", "__MAX")
    lines = {c: pair for c, pair in drawn.items() if not pair[1].endswith((*ends, "_step"))}
    if step is None or not lines:
        return table, ""
    metrics = list(dict.fromkeys(metric for _, metric in lines.values()))
    rows = []
    for run in dict.fromkeys(run for run, _ in lines.values()):
        own = {metric: table[c] for c, (of, metric) in lines.items() if of == run}
        rows.append(pd.DataFrame({"run": run, str(step): table[step], **own}).dropna(subset=[*own]))
    made = pd.concat(rows, ignore_index=True)
    return made, (
        f"A chart with {len(rows)} runs of {', '.join(map(repr, metrics))} became {len(made)} rows "
        "with a column 'run'."
    )


def _history(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """A metric history of MLflow: a row for each run, step and key."""
    named = {str(c).lower(): c for c in table}
    key = named.get("key", named.get("metric"))
    if key is None or not {"value", "step"} <= set(named):
        return table, ""
    run = next((named[n] for n in ("run_id", "run", "run name", "run_name") if n in named), None)
    index = [c for c in (run, named["step"]) if c is not None]
    made: Any = table.pivot_table(index=index, columns=key, values=named["value"], aggfunc="last")
    count = made.shape[1]
    made = made.reset_index().rename_axis(columns=None)
    return made, f"A history of {count} metrics became {len(made)} rows with a column for each."


def _sizes(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Numbers that are written as people say them: 125M, 1.3B."""
    pattern = re.compile(r"\s*([0-9.]+)\s*([kmbgt])\s*", re.IGNORECASE)
    changed = {}
    for name, values in table.items():
        if values.dtype.kind in "biufMm" or values.isna().all():
            continue
        read = [pattern.fullmatch(str(value)) for value in values.dropna()]
        if all(read):
            numbers = [float(m[1]) * _SUFFIX[m[2].lower()] for m in read if m]
            whole = np.full(len(values), np.nan)
            whole[values.notna().to_numpy()] = numbers
            changed[name] = whole
    if not changed:
        return table, ""
    told = ", ".join(map(repr, map(str, changed)))
    return table.assign(**changed), f"{told} held sizes such as 125M; they are numbers now."


def guessed(table: pd.DataFrame, notes: list[str]) -> Guess:
    """Return what the columns seem to be, by their names.

    Parameters
    ----------
    table
        In shape.
    notes
        What was done to it.
    """
    roles: dict[str, str] = {}
    others: dict[str, list[str]] = {}
    for role, patterns in ROLES.items():
        fitting = [c for c in _candidates(table, role == "run") if c not in roles.values()]
        ranks = {c: rank for c in fitting if (rank := _rank(_words(c), patterns)) is not None}
        if ranks:
            first = min(ranks, key=lambda c: (ranks[c], len(c)))
            roles[role] = first
            rest = [c for c in ranks if c != first and ranks[c] == ranks[first]]
            others |= {role: rest} if rest else {}
    return Guess(roles, others, (*notes, *_warnings(table, roles)))


def _candidates(table: pd.DataFrame, names: bool) -> list[str]:
    """Return the columns that could be a number that varies (or a name)."""
    found = []
    for name, values in table.items():
        if names or (values.dtype.kind in "iuf" and len(set(values)) > 1):
            found.append(str(name))
    return found


def _words(column: str) -> str:
    """Return a column's name in lower case with one space between words, without prefixes."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    plain = " ".join(re.split(r"[^a-zA-Z0-9]+", spaced)).strip().lower()
    return re.sub(r"^(metrics|params|tags|config|summary)(?= )\s", "", plain)


def _rank(words: str, patterns: tuple[str, ...]) -> int | None:
    """Return which pattern a name ends in; None for none."""
    for rank, pattern in enumerate(patterns):
        if re.fullmatch(rf"(.* )?({pattern})", words):
            whole = re.fullmatch(pattern, words) is not None
            return 2 * rank + (not whole)
    return None


def _warnings(table: pd.DataFrame, roles: dict[str, str]) -> list[str]:
    words = []
    for name in ("State", "state", "status", "Status"):
        if name in table:
            late = ~table[name].astype(str).str.lower().isin(FINISHED)
            if late.any() and not late.all():
                words.append(
                    f"{int(late.sum())} of {len(table)} runs are not finished ({name!r}): leave "
                    f"them out, runs = runs[runs[{name!r}] == {table.loc[~late, name].iloc[0]!r}]."
                )
            break
    y = roles.get("y")
    if y is not None and re.search(r"\b(accuracy|acc)$", _words(y)):
        words.append(f"{y!r} rises: pass ceiling=1.0 (or 100).")
    empty = [c for c in roles.values() if bool(table[c].isna().to_numpy().any())]
    if empty:
        listed = ", ".join(map(repr, empty))
        words.append(f"Some rows have nothing in {listed}: runs = runs.dropna(subset={empty}).")
    return words
