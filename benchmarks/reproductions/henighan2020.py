"""Henighan et al. (2020): every law of Table 1 found again on runs that are simulated from it.

Their runs were never published. 16 runs of each law, with noise of 0.2 % of the loss (of 5 % for
the best size at a compute) and grids whose ends are ours: 1e5 to 1e10 parameters, 1e-6 to 100
PF-days. The paper's "no floor" for language was fitted as such, so ours have no floor there
either; everywhere else the floor has its default prior. The figures of Table 3 follow from those of
Table 1: nats an image are nats a token times the tokens of an image.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

import bayescale as bs
from benchmarks.reproductions.beside import Asked, Figure, Row, constants, printed, row, simulated

PAPER = "henighan2020"
GRIDS = {"N": np.geomspace(1e5, 1e10, 16), "C": np.geomspace(1e-6, 1e2, 16)}
#: Of a domain: tokens of an image; compute for a reducible loss of one nat an image, and the
#: irreducible nats an image, as Table 3 prints them.
IMAGES = {
    "image 8x8": (192, 1.9e3, 602),
    "image 16x16": (768, 1.7e10, 2026),
    "image 32x32": (3072, 2.7e26, 6806),
    "image VQ 16x16": (256, 4.7e15, 1047),
    "image VQ 32x32": (1024, 3.1e19, 3246),
}
TYPO = "Table 1's constants give 1.87e4: the printed figure is ten times too small"
GROWING = bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Normal", mu=-0.5, sigma=0.5))


def rows(asked: Asked) -> Iterator[Row]:
    """Return the constants of L(N) and L(C), Table 3, and the best sizes."""
    names = bs.list_published()
    names = list(names.loc[names["paper"].eq(PAPER), "name"])
    for name in asked.some(n for n in names if n.startswith(("L(N)", "L(C)"))):
        yield from of_loss(asked, name)
    powers = []
    for name in asked.some(n for n in names if n.startswith("N_opt(C)") and "section" not in n):
        found = of_size(asked, name)
        powers.append(found.pop("draws"))
        yield found
    middle = np.median([(1 - power) / power for power in powers], axis=0)
    figure = Figure(0.4, "Section 2.3")
    yield row(
        "tokens by size, all domains", "power of N", figure, middle, note="about, says the paper"
    )


def of_loss(asked: Asked, name: str) -> Iterator[Row]:
    """Return the constants of a law of the loss; of images by compute, nats an image as well."""
    law = bs.published(PAPER, name)
    over, domain = name[2], name.split(" ", 1)[1]
    unit = {"N": "parameters", "C": "PF-days"}[over]
    runs = simulated(law, 0.002, x=GRIDS[over])
    figures = printed(law, {"x0": unit, "irreducible": "nats a token"})
    floor = figures["irreducible"].value > 0
    fit = asked.fitted(bs.PowerLaw() if floor else bs.PowerLaw(irreducible=0.0), runs, x="x")
    found = constants(fit)
    symbols = {"irreducible": "L_∞"} if floor else {}
    for key, symbol in {**symbols, "x0": f"{over}_0", "exponent": f"α_{over}"}.items():
        yield row(name, symbol, figures[key], found[key], fit)
    if over == "C" and domain in IMAGES:
        yield from of_images(domain, found, fit)


def of_images(domain: str, found: dict[str, Any], fit: bs.Fit) -> Iterator[Row]:
    """Return the figures of Table 3."""
    tokens, compute, nats = IMAGES[domain]
    case, note = f"nats an image, {domain}", TYPO if domain == "image 8x8" else ""
    reached = found["x0"] * tokens ** (1 / found["exponent"])
    figure = Figure(compute, "Table 3", "PF-days")
    yield row(case, "C for 1 nat above the floor", figure, reached, fit, note)
    figure = Figure(nats, "Table 3", "nats an image")
    yield row(case, "irreducible", figure, found["irreducible"] * tokens, fit)


def of_size(asked: Asked, name: str) -> Row:
    """Return the power in which the best size grows with compute, with its draws."""
    law = bs.published(PAPER, name)
    runs = simulated(law, 0.05, "size", x=GRIDS["C"])
    fit = asked.fitted(GROWING, runs, "size", x="x")
    power = -constants(fit)["exponent"]
    figure = Figure(-law.numbers["exponent"], law.source.where)
    return row(name, "β", figure, power, fit) | {"draws": power.ravel()}
