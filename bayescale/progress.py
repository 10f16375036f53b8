"""What is under way, shown in a terminal or a notebook once it has lasted a second."""

from __future__ import annotations

import html
import os
import sys
import threading
import time
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

    def update(
        self, description: str | None = None, advance: float = 0, total: float | None = None
    ) -> None:
        """Change the description, move the bar on, or say how many steps there are after all."""
        if self.display is not None:
            given = {"description": description, "total": total}
            extra = {name: value for name, value in given.items() if value is not None}
            self.display.update(self.key, advance=advance, **extra)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules and not sys.stderr.isatty()


def _terminal_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class _NotebookLines:
    """The same few methods for a notebook: one line a task, rewritten in place.

    rich needs ipywidgets there and warns at every refresh without it.
    """

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.began = time.monotonic()
        self.handle: Any = None
        self.stopped = threading.Event()

    def add_task(self, description: str, total: float | None = None) -> int:
        key = max(self.tasks, default=0) + 1
        self.tasks[key] = {"description": description, "total": total, "done": 0.0}
        return key

    def update(self, key: int, advance: float = 0, **changed: Any) -> None:
        self.tasks[key]["done"] += advance
        self.tasks[key].update(changed)

    def remove_task(self, key: int) -> None:
        self.tasks.pop(key, None)

    def start(self) -> None:
        from IPython.display import HTML, display

        self.handle = display(HTML(self._page()), display_id=True)
        threading.Thread(target=self._refresh, daemon=True).start()

    def _refresh(self) -> None:
        from IPython.display import HTML

        while self.handle is not None and not self.stopped.wait(1.0):
            self.handle.update(HTML(self._page()))

    def stop(self) -> None:
        from IPython.display import HTML

        self.stopped.set()
        if self.handle is not None:
            self.handle.update(HTML(""))

    def _page(self) -> str:
        seconds = time.monotonic() - self.began
        lines = []
        for shown in list(self.tasks.values()):
            total, done = shown["total"], shown["done"]
            bar = "" if total is None else f' <progress value="{done}" max="{total}"></progress>'
            lines.append(f"{html.escape(shown['description'])}{bar}")
        return f"{'<br>'.join(lines)} ({seconds:.0f} s)"


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
    display = _NotebookLines() if _in_notebook() else _terminal_bars()
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
