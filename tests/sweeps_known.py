"""Runs whose best sizes are known: published laws, and tables simulated from them."""

import numpy as np
import pandas as pd

import bayescale as bs

HOFFMANN = {
    "irreducible": 1.69, "A": 406.4, "params_exponent": 0.34, "B": 410.7, "tokens_exponent": 0.28,
}  # fmt: skip
EPOCH = {
    "irreducible": 1.81686, "A": 482.00572, "params_exponent": 0.34781, "B": 2085.4342,
    "tokens_exponent": 0.36585,
}  # fmt: skip


def hoffmann(**changed):
    return bs.Chinchilla(**(HOFFMANN | changed))


def grid_of_runs(sizes=4, lengths=4, law=None, seed=0, noise=0.005):
    """Runs of some sizes by some lengths, simulated."""
    n, d = np.meshgrid(np.geomspace(5e7, 2e9, sizes), np.geomspace(1e9, 6.4e10, lengths))
    return runs_at(n.ravel(), d.ravel(), law or hoffmann(), seed, noise)


def runs_at(n, d, law, seed=0, noise=0.005):
    rng = np.random.default_rng(seed)
    loss = law.evaluate(params=n, tokens=d) * np.exp(noise * rng.standard_normal(len(n)))
    return pd.DataFrame({"n": n, "d": d, "loss": loss})
