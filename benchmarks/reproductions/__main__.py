"""Make the tables of the reproductions: ``python -m benchmarks.reproductions [PAPER ...] DATA``."""

import argparse
import importlib
import time
from pathlib import Path

import pandas as pd

from benchmarks.reproductions.beside import COLUMNS, Asked, Row

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "reproductions"
#: Every module that is named after a paper, that is after first author and year.
PAPERS = sorted(file.stem for file in HERE.glob("*[0-9].py"))


def main() -> None:
    """Write the table of every paper asked for."""
    parser = argparse.ArgumentParser(description="The figures of papers, and ours beside them.")
    parser.add_argument("papers", nargs="*", metavar="PAPER", help=f"of {', '.join(PAPERS)}")
    parser.add_argument("data", metavar="DATA", help="the folder of published data")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--few", action="store_true", help="the first cases of every paper alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if odd := [name for name in given.papers if name not in PAPERS]:
        parser.error(f"no module for {', '.join(odd)}; there are {', '.join(PAPERS)}")
    given.out.mkdir(parents=True, exist_ok=True)
    asked = Asked(Path(given.data), given.draws, given.few)
    for name in given.papers or PAPERS:
        start, found = time.process_time(), []
        for row in importlib.import_module(f"benchmarks.reproductions.{name}").rows(asked):
            found.append(row)
            write(found, given.out / f"{name}.csv")  # what is there stays if this is stopped
        seconds = time.process_time() - start
        print(f"{name}: {len(found)} figures, {seconds:.0f} CPU s", flush=True)
        print(pd.DataFrame(found).drop(columns=["where", "note"]).to_string(index=False))


def write(found: list[Row], path: Path) -> None:
    """Write rows, in the order of the columns that all papers have."""
    table = pd.DataFrame(found)
    table = table[[*COLUMNS, *(column for column in table if column not in COLUMNS)]]
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    main()
