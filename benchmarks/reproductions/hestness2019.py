"""Hestness, Ardalani and Diamos (2019): data and model size for an error that nobody reaches yet.

Their learning curves were published as constants alone. For every domain of Table 1 eleven training
sets, each twice the one before and the largest as theirs, scatter about the printed curve by 3 %
(ours), and so do the model sizes that suit them, by 10 %. Both curves are fitted as power laws, as
the paper has them, and asked for the factors by which data and model must grow from the current
error to the desired one. Below stands the same question with a floor that the data may have and
with exponents that may drift beyond it, which are our defaults: what the paper's factor leaves out.
"""

from collections.abc import Iterator

import numpy as np

import bayescale as bs
from benchmarks.reproductions.beside import Asked, Figure, Row, constants, printed, row, simulated

PAPER = "hestness2019"
#: Current error, desired error, samples, factors of data and of model; Table 1.
PROJECTED = {
    "word LM": (3.37, 2.48, 768e6, 100, 23),
    "character LM": (1.30, 0.70, 3.48e9, 971, 456),
    "NMT": (0.28, 0.12, 130e6, 750, 90),
    "speech": (0.095, 0.04, 425e6, 33, 6.6),
    "image": (0.194, 0.05, 1.3e6, 81, 12),
}
#: What the printed constants give, where that is not what is printed.
OWN = {
    "character LM": "the printed constants give 836 and 399",
    "speech": "the printed constants give 19.5 and 5.0",
}
GROWING = bs.PowerLaw(irreducible=0.0, exponent=bs.Prior("Normal", mu=-0.5, sigma=0.5))
WHERE = "Table 1"


def rows(asked: Asked) -> Iterator[Row]:
    """Return constants and factors of every domain."""
    for domain, (now, desired, samples, data_factor, model_factor) in asked.some(PROJECTED.items()):
        shards = samples / 2.0 ** np.arange(11)
        law = bs.published(PAPER, f"error {domain}")
        runs = simulated(law, 0.03, "error", x=shards)
        fit = asked.fitted(bs.PowerLaw(irreducible=0.0), runs, "error", x="x")
        power = constants(fit)["exponent"]
        figure = Figure(-printed(law, {})["exponent"].value, WHERE)
        yield row(domain, "β_g", figure, -power, fit)
        suits = bs.published(PAPER, f"model size {domain}")
        sizes = asked.fitted(GROWING, simulated(suits, 0.1, "size", x=shards), "size", x="x")
        grows = -constants(sizes)["exponent"]
        figure = Figure(-suits.numbers["exponent"], WHERE)
        yield row(domain, "β_p", figure, grows, sizes)
        factor, note = (now / desired) ** (1 / power), OWN.get(domain, "")
        yield row(domain, "data, times", Figure(data_factor, WHERE), factor, fit, note)
        model = factor**grows
        yield row(domain, "model, times", Figure(model_factor, WHERE), model, fit, note)
        yield doubted(asked, domain, runs, (now, desired), data_factor)


def doubted(asked: Asked, domain: str, runs, errors: tuple[float, float], printed_as: float) -> Row:
    """Return the data's factor if there may be a floor and exponents may drift."""
    fit = asked.fitted(bs.PowerLaw(), runs, "error", x="x")
    need = fit.required(y=list(errors))
    now, then = need.draws[..., 0], need.draws[..., 1]
    factor = np.where(np.isinf(then), np.inf, then / now)
    note = f"P(never) {need.never[1]:.2f}"
    says = "data, times, floor and drift allowed"
    return row(domain, says, Figure(printed_as, WHERE), factor, fit, note)
