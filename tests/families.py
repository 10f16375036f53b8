"""Runs of several families, and laws of which something varies with them."""

import warnings

import numpy as np
import pandas as pd

import bayescale as bs

X = np.array([1e6, 3e6, 1e7, 3e7, 1e8, 3e8])
FAMILY = {"by": "family"}
POOLED = bs.PowerLaw(
    irreducible=bs.partial_pooling(**FAMILY),
    scale=bs.partial_pooling(**FAMILY),
    exponent=bs.partial_pooling(**FAMILY),
)
MIXED = bs.PowerLaw(
    irreducible=bs.partial_pooling(by="family"),
    scale=bs.unpooled(by="domain"),
    exponent=bs.partial_pooling(by=("domain", "family")),
)


def table(families=("A", "B", "C", "D"), x=X):
    """Runs of several families, every other one of code."""
    found = []
    for i, family in enumerate(families):
        runs = bs.PowerLaw().simulate(x=x / 1e7, y="loss", seed=i)
        runs = runs.assign(params=x, family=family, domain="code" if i % 2 else "text")
        found.append(runs.drop(columns="x"))
    return pd.concat(found, ignore_index=True)


def fitted(law, runs=None, **options):
    """A fit of faked draws: use it with the fixture ``no_sampling``."""
    options = {"draws": 50, "chains": 2, "progress": False, "retry": False} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return law.fit(table() if runs is None else runs, y="loss", x="params", **options)
