"""Labels of axes that fit beside them, in one column of a paper too."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Characters that a line has at least.
LEAST = 12


def fit_labels(ax: Axes) -> None:
    """Break labels that are longer than their axes into lines, in a smaller font."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    for label, along in ((ax.xaxis.label, "width"), (ax.yaxis.label, "height")):
        figure.draw_without_rendering()  # a label of more lines leaves the axes less room
        room = getattr(ax.get_window_extent(), along)
        if getattr(label.get_window_extent(), along) <= room:
            continue
        label.set_fontsize("small")
        text = label.get_text()
        for most in range(max(map(len, text.splitlines())), LEAST, -2):
            if getattr(label.get_window_extent(), along) <= room:
                break
            label.set_text(_broken(text, most))


def _broken(text: str, most: int) -> str:
    """Return a text in lines of at most so many characters; what is in dollars stays together."""
    held = re.sub(r"\$[^$]*\$", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    lines = textwrap.wrap(held, most, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")
