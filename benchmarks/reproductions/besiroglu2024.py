"""Besiroglu et al. (2024), Epoch: Chinchilla's law fitted anew to the runs of Hoffmann's figure 4.

240 real runs, read off the figure; the five of the highest loss are dropped as Epoch does. Default
priors and Student-t noise, since the loss was read from a colour bar and some of it is off. Epoch's
figures are minima of Huber's loss with a bootstrap; Hoffmann's are what the paper prints of
its own fit to these runs.
"""

from collections.abc import Iterator

import numpy as np

import bayescale as bs
from benchmarks.chinchilla_exponent import loaded
from benchmarks.reproductions.beside import Asked, Figure, Row, constants, printed, row

EPOCH = "Epoch, the authors' notebook (95 % bootstrap)"
INTERVALS = {
    "E": (1.769, 1.871), "A": (285.214, 743.626), "B": (1042.357, 5810.344),
    "alpha": (0.317, 0.373), "beta": (0.331, 0.415),
}  # fmt: skip
SYMBOLS = {"E": "E", "A": "A", "B": "B", "alpha": "α", "beta": "β"}
UNITS = {"E": "nats a token"}
#: Of Hoffmann's a by approach 3, Table 2: the 10th and 90th percentiles.
NARROW = "its 80 % interval is 0.001 wide, which would take some 600,000 runs (Epoch)"
#: The budget of Gopher and what Table 3 gives for it, by approach 1.
GOPHER, SIZE, TOKENS = 5.76e23, 67e9, 1.5e12


def rows(asked: Asked) -> Iterator[Row]:
    """Return the constants, the exponent of the best size, and the plan for Gopher's budget."""
    fit = asked.fitted(
        bs.Chinchilla(), loaded(asked.data), likelihood=bs.StudentT(), params="params",
        tokens="tokens",
    )  # fmt: skip
    found = constants(fit)
    for paper, name in (("besiroglu2024", "L(N,D)"), ("hoffmann2022", "L(N,D) unrounded")):
        figures = printed(bs.published(paper, name), UNITS)
        for key, symbol in SYMBOLS.items():
            value, unit = figures[key].value, UNITS.get(key, "")
            if paper == "besiroglu2024":
                figure = Figure(value, EPOCH, unit, *INTERVALS[key])
            else:
                figure = Figure(value, "Hoffmann, Eq 10 before rounding", unit)
            yield row(f"L(N,D) beside {paper}", symbol, figure, found[key], fit)
    case = "a of N* ~ C^a"
    figure = Figure(0.513, EPOCH, "", 0.513 - 1.96 * 0.02, 0.513 + 1.96 * 0.02)
    yield row(case, "a", figure, found["a"], fit, "interval from its standard error, 0.02")
    figure = Figure(0.46, "Hoffmann, Table 2, approach 3 (80 %)", "", 0.454, 0.455)
    yield row(case, "a", figure, found["a"], fit, NARROW)
    yield from plan(fit)


def plan(fit: bs.Fit) -> Iterator[Row]:
    """Return the best size and tokens at Gopher's budget, of the law as it stands."""
    best = bs.frontier(fit, np.array([GOPHER]), drift=0.0).draws
    for name, value, unit in (("params", SIZE, "parameters"), ("tokens", TOKENS, "tokens")):
        figure = Figure(value, "Hoffmann, Table 3, approach 1", unit)
        yield row("the best plan for 5.76e23 FLOP", f"{name}*", figure, best[name][..., 0], fit)
