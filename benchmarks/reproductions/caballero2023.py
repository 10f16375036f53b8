"""Caballero et al. (2023): a sharp break in four-digit addition, seen from 14 of 17 runs.

Real runs, read off their code. The law is theirs, one break; the priors are those of
`benchmarks/four_digit_addition.py`, which draws the picture: far sharper breaks than the default
ones allow. Their figures are least squares on log(y + 1).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.four_digit_addition import LAW, PUBLISHED, published
from benchmarks.reproductions.beside import Asked, Figure, Row, constants, row

WHERE = "the authors' code, of Figure 4"
SYMBOLS = {
    "irreducible": ("a", "nats"), "b": ("b", ""), "exponent": ("c_0", ""),
    "exponent_change[1]": ("c_1", ""), "break_location[1]": ("d_1", "training problems"),
    "f[1]": ("f_1", ""),
}  # fmt: skip
#: RMSLE over the three held-out rows of the published fit.
RMSLE = Figure(0.010915719052, "the authors' code, of Figure 4")


def rows(asked: Asked) -> Iterator[Row]:
    """Return the constants, the held-out rows, and the error there."""
    runs = pd.read_csv(asked.data / "bnsl_four_digit_addition.csv")
    train, held = (runs[runs["split"] == part] for part in ("train", "extrapolation"))
    fit = asked.fitted(LAW, train, x="examples", seed=1)
    found = constants(fit)
    for name, (symbol, unit) in SYMBOLS.items():
        key, _, number = name.partition("[")
        draws = found[key][0] if number else found[key]
        yield row("constants", symbol, Figure(PUBLISHED[name], WHERE, unit), draws, fit)
    x, measured = held["examples"].to_numpy(float), held["loss"].to_numpy()
    theirs = published(x)
    forecast = fit.forecast(x=x)
    for place, at in enumerate(x):
        figure = Figure(theirs[place], WHERE, "nats")
        note = f"measured {measured[place]:.3f}"
        new = forecast.observation[..., place]
        yield row(f"a new run of {at:.0f} problems", "loss", figure, new, fit, note)
    middle = np.median(forecast.curve, axis=(0, 1))
    errors = np.log(forecast.curve) - np.log(measured)
    note = f"of the median curve {np.sqrt(np.mean((np.log(middle / measured)) ** 2)):.4f}"
    yield row(
        "the three held-out runs", "RMSLE", RMSLE, np.sqrt((errors**2).mean(axis=-1)), fit, note
    )
