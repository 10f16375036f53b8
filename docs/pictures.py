"""Run the blocks of docs/pictures.md, and keep the picture that stands below each.

Run: uv run python docs/pictures.py [NAME ...]
Writes docs/images/plot_*.png and one_column.png, or those that are named; look at them.
"""

import re
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt

PAGE = Path(__file__).with_name("pictures.md")
#: A block of Python, and the picture behind it if there is one.
STEP = re.compile(r"^```python\n(.*?)^```$(?:\n\n!\[.+?\]\((images/.+?)\))?", re.M | re.S)


def steps() -> list[tuple[str, str]]:
    """Return every block of the page, with its picture's place or an empty text."""
    return [(found[1], found[2] or "") for found in STEP.finditer(PAGE.read_text("utf-8"))]


def main(only: list[str]) -> None:
    """Run the page from the top; a block draws on the figure that it made last.

    Parameters
    ----------
    only
        Names of pictures; the blocks of others are left out. Every picture's block stands on
        blocks without a picture alone.
    """
    names: dict[str, object] = {"__name__": "pictures"}
    for code, picture in steps():
        if only and picture and Path(picture).stem not in only:
            continue
        exec(compile(code, str(PAGE), "exec"), names)
        if picture:
            plt.gcf().savefig(PAGE.parent / picture, dpi=100 if "plot_" in picture else 150)
            print(picture)
        plt.close("all")


if __name__ == "__main__":
    main(sys.argv[1:])
