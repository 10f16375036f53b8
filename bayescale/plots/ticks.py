"""Log axes with few round ticks, and numbers as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import Formatter, Locator, MaxNLocator, NullFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Between these an axis has plain numbers, beyond them powers of ten.
PLAIN = (1e-4, 1e5)


#: From here on thousands are set apart.
_LONG = 1e4


def number(value: float) -> str:
    """Return a number as people write it: 1347, 0.02, 12,300; beyond them a power of ten.

    In matplotlib's mathematical text, so that the power stands above the line.
    """
    size = abs(float(f"{value:.4g}"))
    if size == 0 or 1e-3 <= size < _LONG:
        return f"{value:.4g}"
    if _LONG <= size < PLAIN[1]:
        return f"{float(f'{value:.3g}'):,.0f}"
    return _scientific(value, 2)


class NiceTicks(Locator):
    """Ticks of a log axis: decades, or 1-2-5, or round numbers where it spans less than that.

    Parameters
    ----------
    minor
        Whether to return 2 to 9 times the decades instead, or nothing over many decades.
    """

    def __init__(self, minor: bool = False) -> None:
        self.minor = minor

    def __call__(self) -> Sequence[float]:
        """Return the ticks within the view."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the ticks between two positive limits."""
        low, high = sorted((vmin, vmax))
        if not 0 < low < high < np.inf:
            return []
        decades = np.log10(high) - np.log10(low)
        powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
        if self.minor:
            digits = range(2, 10) if 0.5 < decades < 8 else []
            return _between(np.outer(10.0**powers, digits), low, high)
        if decades < 0.7:
            ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
            return _between(np.asarray(ticks), low, high)
        wide = high >= PLAIN[1] or low < PLAIN[0]  # labels such as 2 x 10^5 take room
        room = (self.axis.get_tick_space() if self.axis else 9) / (1.5 if wide else 1.0)
        digits = [[1, 1.5, 2, 3, 5, 7]] if decades < 1.2 else []
        digits += [[1, 2, 5], [1, 3]] if decades < (2 if wide else 3) else []
        for choice in digits:
            ticks = _between(np.outer(10.0**powers, choice), low, high)
            if len(ticks) > 1 and np.diff(np.log10(ticks)).min() / decades * room >= 1.1:
                return ticks
        return _between(10.0 ** powers[:: int(np.ceil(decades / min(room, 8)))], low, high)


def _between(ticks: np.ndarray, low: float, high: float) -> list[float]:
    """Return the ticks within the limits, and those that rounding has put just outside."""
    flat = np.ravel(ticks)
    return flat[(flat >= low * (1 - 1e-9)) & (flat <= high * (1 + 1e-9))].tolist()


class NiceNumbers(Formatter):
    """Plain numbers where all ticks are handy ones, powers of ten elsewhere."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return one number, such as where the cursor is, without mathematical text."""
        return f"{x:.4g}"

    def format_ticks(self, values: Iterable[float]) -> list[str]:
        """Return the labels of all ticks of an axis, in one manner."""
        ticks = list(values)
        if not ticks or (min(ticks) >= PLAIN[0] and max(ticks) < PLAIN[1]):
            return [f"{tick:,.6g}" if tick >= _LONG else f"{tick:.6g}" for tick in ticks]
        return [_scientific(tick, 3) for tick in ticks]


def _scientific(value: float, digits: int) -> str:
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    head = f"{float(mantissa):g}"
    before = "" if head == "1" else rf"{head}\times "
    return rf"${before}10^{{{int(power)}}}$"


def log_axis(ax: Axes, which: str) -> None:
    """Make the x or the y axis logarithmic; what is not positive runs out of its lower end."""
    getattr(ax, f"set_{which}scale")("log", nonpositive="clip")
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(NiceTicks())
    axis.set_major_formatter(NiceNumbers())
    axis.set_minor_locator(NiceTicks(minor=True))
    axis.set_minor_formatter(NullFormatter())
