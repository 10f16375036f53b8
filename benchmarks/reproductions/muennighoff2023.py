"""Muennighoff et al. (2023): what a repeated token is worth, on their runs of C4.

Real runs, and a law that cannot follow all of them: many epochs overfit, and the loss rises again.
So a part is fitted, as the authors do; `benchmarks/real_data.py` says which and why. Their E, A, B
and α were fitted to digitised runs of Hoffmann's, and only R*_D and R*_N to runs of their own; that
law lies below their own losses throughout. Ours learns all of them from the runs.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

import bayescale as bs
from benchmarks.real_data import data_constrained
from benchmarks.reproductions.beside import Asked, Figure, Row, constants, printed, row

PAPER = "muennighoff2023"
ROLES = ("params", "tokens", "unique_tokens")
SYMBOLS = {
    "R*_D": "R*_D", "R*_N": "R*_N", "E": "E", "A": "A", "B": "B", "alpha": "α", "beta": "β",
}  # fmt: skip
#: The README's own examples: inputs, what it computes, and the run that was measured, if one was.
EXAMPLES = (
    ((6.34e9, 242e9, 25e9), 2.2256440889984477, None),
    ((8.67e9, 178e9, 25e9), 2.2269634075087867, "8b7178b25b"),
)
WHERE = "README of the authors' code, for C4"


def rows(asked: Asked) -> Iterator[Row]:
    """Return the constants, the README's examples, and how far both laws miss the runs."""
    _, runs, _, laws, roles = data_constrained(asked.data)
    law, likelihood = laws["DataConstrained"]
    fit = asked.fitted(law, runs, likelihood=likelihood, **roles)
    found, theirs = constants(fit), bs.published(PAPER, "L(N,D,U)")
    figures = printed(theirs, {"E": "nats a token"})
    for key, symbol in SYMBOLS.items():
        yield row("L(N,D,U)", symbol, figures[key], found[key], fit)
    every = pd.read_csv(asked.data / "datablations_c4.csv")
    for values, value, name in EXAMPLES:
        new = fit.forecast(drift=0.0, **dict(zip(ROLES, values, strict=True))).observation
        measured = every.loc[every["run_name"].eq(name), "loss"]
        note = f"measured {measured.iloc[0]:.4f}" if len(measured) else "no such run"
        case = "N {:.3g}, D {:.3g}, U {:.3g}".format(*values)
        yield row(case, "loss", Figure(value, WHERE, "nats a token"), new, fit, note)
    yield misfit(every, theirs, fit)


def misfit(every: pd.DataFrame, theirs: bs.Law, fit: bs.Fit) -> Row:
    """Return by how much the published law and ours miss large runs of few epochs, on average."""
    plain = (every["deduplicated"] == 0) & every["variant"].isna()
    large = (every["params"] > 1e9) & (every["epochs"] <= 5) & (every["unique_tokens"] > 3e9)
    runs = every[plain & large]
    inputs = {role: runs[role].to_numpy(float) for role in ROLES}
    measured = runs["loss"].to_numpy()
    published = float(np.mean(theirs.evaluate(**inputs) / measured - 1))
    ours = (fit.curve_draws(inputs) / measured - 1).mean(axis=-1)
    figure = Figure(published, "computed from the README's constants")
    case = f"{len(runs)} runs above 1e9 parameters, at most 5 epochs, more than 3e9 unique tokens"
    return row(case, "law over loss, less 1, mean", figure, ours, fit)
