"""Pictures as files and as text: PNG into a folder, SVG for a page that is light or dark."""

from __future__ import annotations

import io
import re
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


#: Colours of the style, by which a page's style sheet knows them.
_NAMED = {
    "#ffffff": "paper", "#000000": "ink", "#1a1a1a": "ink", "#595959": "grey", "#f1f1f1": "shade",
    "#d0d0d0": "line", "#0072b2": "blue", "#d55e00": "vermillion", "#009e73": "green",
    "#cc79a7": "purple", "#e69f00": "orange", "#56b4e9": "sky",
}  # fmt: skip
#: Characters above which what a picture is made of is painted, not drawn.
_LONG = 400_000


def svg_of(picture: Callable[[Any], Any], name: str, size: tuple[float, float] = (5.8, 4.0)) -> str:
    """Draw a picture as SVG whose colours are the page's, so that it can be light or dark.

    Parameters
    ----------
    picture
        Draws on the axes that it is given.
    name
        Of the picture; the same picture is the same text.
    size
        Width and height in inches.

    Returns
    -------
    str
        An element ``svg``. Colours of the style are ``var(--name, colour)``. A picture of very
        many points holds them as an image, in the colours of paper.
    """
    if "matplotlib.pyplot" not in sys.modules:
        import matplotlib as mpl

        mpl.use("agg")  # no window is wanted
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure, ax = plt.subplots(figsize=size, layout="constrained")
        try:
            picture(ax)
            figure.patch.set_visible(False)
            text = _written(figure)
            if len(text) > _LONG:
                for artist in (*ax.lines, *ax.collections):
                    artist.set_rasterized(True)
                return _written(figure)
        finally:
            plt.close(figure)
    pattern = "|".join(_NAMED)
    return re.sub(
        rf"(?<=: )({pattern})\b", lambda m: f"var(--{_NAMED[m[1]]}, {m[1]})", text
    )  # fmt: skip


def _written(figure: Any) -> str:
    """Return a figure as an element, without what stands before it in a file."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    return re.sub(r"<!--.*?-->", "", text, flags=re.S)
