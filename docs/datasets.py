"""Write the page of data sets, print what of a table goes into a new card, or record hashes.

Run: uv run python docs/datasets.py
     uv run python docs/datasets.py --check TABLE.csv --y loss --exact model,task [--known task]
     uv run python docs/datasets.py --hashes [NAME ...]

The first writes docs/datasets.md. The second prints the `[check]` of a card: --exact names columns
of texts and of counts below 1e8, --known those whose values the check is limited to, where a source
holds more than the table. The third fetches data sets from their sources, all of them or those that
are named, and writes the hashes of their files to bayescale/datasets/public/sha256.txt; it needs
the internet, and keeps what it has where a source cannot be reached.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import pandas as pd

from bayescale.datasets import fetch_dataset, hashes, list_datasets, public
from bayescale.datasets.cards import Card, public_names, read_card
from bayescale.datasets.fetching import MIRROR
from bayescale.datasets.fingerprints import fingerprint
from bayescale.errors import FileError

PAGE = Path(__file__).parent / "datasets.md"

HASHES = Path(public.__file__).with_name(hashes.RECORDED)

INTRODUCTION = """# Data sets

This page is written by `docs/datasets.py` from the cards in `bayescale/datasets`.

Some data sets ship; `bs.load_dataset` reads them. The others are public: `bs.fetch_dataset` gets
the original files from their source, once, keeps them in a cache folder, and gives our columns. The
licence is that of the source, and what you publish should cite the paper; both are said once and
stand in `.attrs`, with units, meanings and what to look out for.

```python
import bayescale as bs

runs = bs.load_dataset("digits_learning_curves")
table = bs.list_datasets()[["name", "where", "rows", "x", "y", "licence"]]
```

```sh
bayescale datasets
bayescale fetch chinchilla_fig4 -o runs.csv
bayescale fit runs.csv --y loss --law chinchilla --input params=params --input tokens=tokens
```

- **Cache**: `cache=` or the environment variable `BAYESCALE_DATA_CACHE`, else the system's place
  for caches. A download that breaks off leaves nothing; a file that was damaged is fetched anew;
  `refresh=True` fetches in any case.
- **Offline**: the environment variable `BAYESCALE_DATA_MIRROR` names a folder or an address that is
  asked instead of the sources, for `NAME.csv` (a table that `fetch_dataset` gave, written by
  `to_csv(..., index=False)`) or for the original files in a folder `NAME`.
- **Hashes**: the SHA-256 of a source's file is checked where it is recorded, in
  `bayescale/datasets/public/sha256.txt`. {recorded} Where none is, the first file that comes is
  trusted if its table is the known one; its hash is remembered in the cache and stands in
  `.attrs["sha256"]`, and a file that comes later has to be the same, unless `refresh=True` asks for
  a new one.
- **Checks**: a table is compared with what is known of it, whichever way it came: texts and counts
  exactly, by a hash, other columns by a number each. Where a source holds more rows than are known,
  those come too, unchecked. Pickles are read by an unpickler that can build tables and arrays and
  nothing else.
"""


def page() -> str:
    """Return the page."""
    table = list_datasets()
    shipped = table[table["where"] == "ships"]
    parts = [
        INTRODUCTION.replace("{recorded}", _recorded()),
        "## That ship\n",
        _overview(shipped),
        "\n## That are fetched\n",
    ]
    parts.append(_overview(table[table["where"] == "fetched"]))
    parts += [_section(read_card(name)) for name in public_names()]
    return "\n".join(parts)


def _recorded() -> str:
    """Say of how many files the hash is recorded."""
    listed = [original for name in public_names() for original in read_card(name).originals]
    count = sum(bool(original.sha256) for original in listed)
    if not count:
        return f"So far that is true of none of the {len(listed)} files."
    return f"That is true of {count} of the {len(listed)} files."


def _overview(table: pd.DataFrame) -> str:
    rows = [
        f"| `{row['name']}` | {row['what']} | {row['rows']:,} | {row['x']} | {row['y']} "
        f"| {row['licence']} |"
        for _, row in table.iterrows()
    ]
    return "\n".join(
        ["| name | what | rows | x | y | licence |", "|---|---|---|---|---|---|", *rows]
    )


def _section(card: Card) -> str:
    columns = [f"| `{c}` | {card.columns[c]} | {card.units[c]} |" for c in card.columns]
    notes = [f"- {note}" for note in card.notes]
    facts = [
        f"Source: {card.source}. Cite: {card.citation}. Licence: {card.licence}.",
        f"{card.known.rows:,} rows are checked{_known(card)}.",
    ]
    head = ["| column | meaning | unit |", "|---|---|---|"]
    title = f"\n### {card.name}\n\n{card.title}.\n"
    return "\n".join([title, *facts, "", *head, *columns, "", *notes])


def _known(card: Card) -> str:
    return f" (chosen by {' and '.join(card.known.known)})" if card.known.known else ""


def check(table: Path, y: str, exact: list[str], known: list[str]) -> str:
    """Return the `[check]` of a card for a table that has been looked at."""
    frame = pd.read_csv(table)
    measured = [column for column in frame if column not in exact]
    found = fingerprint(frame, exact, measured)
    lines = ["[check]", f"rows = {found.rows}", f"zeros = {int((frame[y] == 0).sum())}"]
    lines += [f"exact = {json.dumps(exact)}", f'sha256 = "{found.sha256}"', "", "[check.totals]"]
    lines += [f"{column} = {total!r}" for column, total in found.totals.items()]
    if known:
        lines += ["", "[check.known]"]
    # JSON's lists of texts and whole numbers are TOML's too.
    lines += [f"{c} = {json.dumps(frame[c].unique().tolist(), ensure_ascii=False)}" for c in known]
    return "\n".join(lines)


def record(names: list[str]) -> list[str]:
    """Fetch data sets from their sources and record the hashes of their files; return failures."""
    if os.environ.get(MIRROR):
        sys.exit(f"Unset {MIRROR}: hashes are recorded of what the sources give.")
    lines = HASHES.read_text(encoding="utf-8").splitlines(keepends=True)
    said = "".join(line for line in lines if line.startswith("#"))
    found, failed = hashes.read("".join(lines)), []
    for name in names or public_names():
        with tempfile.TemporaryDirectory() as cache:
            try:
                table = fetch_dataset(name, cache=cache, refresh=True)
            except FileError as error:
                failed.append(f"{name}: {error}")
                continue
        found |= {f"{name}/{file}": value for file, value in table.attrs["sha256"].items()}
        HASHES.write_text(said + hashes.written(found), encoding="utf-8")
    return failed


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", type=Path)
    parser.add_argument("--y", default="loss")
    parser.add_argument("--exact", type=_listed, default=[])
    parser.add_argument("--known", type=_listed, default=[])
    parser.add_argument("--hashes", nargs="*", metavar="NAME")
    given = parser.parse_args()
    if given.hashes is not None:
        if wrong := record(given.hashes):
            sys.exit("\n".join(wrong))
    elif given.check:
        print(check(given.check, given.y, given.exact, given.known))
    else:
        PAGE.write_text(page(), encoding="utf-8")
