"""What is under way, shown in a terminal or a notebook once it has lasted a second."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: Seconds of silence before anything is shown.
PATIENCE = 1.0

_active: list[Any] = []


@dataclass
class Task:
    """A handle on the line that is shown; its methods do nothing when nothing is."""

    display: Any = None
    key: Any = None

    def update(self, description: str | None = None, advance: float = 0) -> None:
        """Change the description or move the bar on."""
        if self.display is not None:
            extra = {} if description is None else {"description": description}
            self.display.update(self.key, advance=advance, **extra)


def wanted(progress: bool | None) -> bool:
    """Return whether to show progress: as told, else in a terminal or a notebook only."""
    if progress is not None:
        return progress
    if os.environ.get("BAYESCALE_PROGRESS") == "0":
        return False
    return sys.stderr.isatty() or "ipykernel" in sys.modules


@contextmanager
def task(
    description: str, total: float | None = None, progress: bool | None = None
) -> Iterator[Task]:
    """Show a line with a bar (or a pulse, without a total) while the body runs.

    Parameters
    ----------
    description
        What is under way.
    total
        How many steps there are, or None.
    progress
        True or False to force it; by default in a terminal or a notebook.

    Yields
    ------
    Task
        To be updated. A task inside another one updates the outer one's display.
    """
    if not wanted(progress):
        yield Task()
        return
    if _active:
        display = _active[-1]
        key = display.add_task(description, total=total)
        try:
            yield Task(display, key)
        finally:
            display.remove_task(key)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    key = display.add_task(description, total=total)
    timer = threading.Timer(PATIENCE, display.start)
    timer.daemon = True
    timer.start()
    _active.append(display)
    try:
        yield Task(display, key)
    finally:
        _active.pop()
        timer.cancel()
        timer.join()
        display.stop()
