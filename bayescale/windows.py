"""Windows on a density: places all over the coordinates by which modes may lie apart.

A chain that is free goes where it is drawn to and may never see another mode; one that is held
about a place sees what there is at that place. Chains of a few hundred steps in windows all over
find modes that neither climbs nor free chains come to (seen: a plateau between two breaks, a
narrow mode with most of the mass, that climbs and draws of the prior missed). How much each mode
holds they do not say: within a window, too, chains sit where they came to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Windows for one place: twice as many for each further one, up to a number.
_FEWEST, _EXPONENT = 8, 6
#: Standard deviation of the middles, and of a window; the prior of a place has about one.
_MIDDLES, WIDTH = 1.25, 0.5


@dataclass(frozen=True, eq=False)
class Window:
    """A Gaussian factor that holds some coordinates about a middle.

    Parameters
    ----------
    middle
        Shape (d,).
    precision
        One over the variance, zero for a coordinate that is free; shape (d,).
    """

    middle: np.ndarray
    precision: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """All numbers, as :mod:`bayescale.kernels` reads them."""
        return np.concatenate([self.middle, self.precision])

    def start(self, seed: int) -> np.ndarray:
        """Return where a chain starts: in the middle, and anywhere near the prior's elsewhere."""
        anywhere = np.random.default_rng(seed).uniform(-1.0, 1.0, len(self.middle))
        return np.where(self.precision > 0, self.middle, anywhere)


def windows(size: int, places: Sequence[int], seed: int) -> list[Window]:
    """Return windows whose middles lie evenly over the prior of the places.

    Parameters
    ----------
    size
        Of a point.
    places
        Which coordinates a window holds.
    seed
        Same seed, same windows.
    """
    from scipy.stats import norm, qmc

    count = min(_FEWEST * 2 ** (len(places) - 1), 2**_EXPONENT)
    evenly = qmc.Sobol(len(places), rng=np.random.default_rng([seed, 29]))
    middles = _MIDDLES * norm.ppf(np.clip(evenly.random(count), 1e-3, 1 - 1e-3))
    held = np.zeros(size)
    held[list(places)] = WIDTH**-2
    made = []
    for middle in middles:
        whole = np.zeros(size)
        whole[list(places)] = middle
        made.append(Window(whole, held))
    return made
