"""Many pictures into a folder; one that fails is named and the others are drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def draw_into(folder: Path, pictures: Mapping[str, Callable[[], Any]]) -> list[Path]:
    """Draw pictures as PNG files.

    Parameters
    ----------
    folder
        Where to; it exists.
    pictures
        File name without suffix to a function that returns axes.

    Returns
    -------
    list of Path
        The files written. A picture that fails is reported on the standard error stream.
    """
    if "matplotlib.pyplot" not in sys.modules:
        import matplotlib as mpl

        mpl.use("agg")  # no window is wanted
    import matplotlib.pyplot as plt

    written = []
    for name, picture in pictures.items():
        path = folder / f"{name}.png"
        try:
            figure = picture().get_figure()
            figure.savefig(path, dpi=150, bbox_inches="tight")
            plt.close(figure)
            written.append(path)
        except Exception as error:  # whatever it is, the other pictures are not lost
            print(f"Note: {path.name} was not drawn: {error!r}", file=sys.stderr)
    return written
