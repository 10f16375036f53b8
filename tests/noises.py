"""Every likelihood with tables that suit it, for tests that run over all of them."""

import numpy as np

import bayescale as bs
from bayescale.data import observations

P = bs.Prior
#: Name to likelihood; each class of the package is among them (test_likelihoods.py).
NOISES = {
    "LogNormal": bs.LogNormal(),
    "LogNormal, means of known error": bs.LogNormal(n_obs="n", y_sd="s"),
    "LogNormal, errors of the input": bs.LogNormal(x_relative_sd="s", y_sd=0.01),
    "LogNormal, rounded": bs.LogNormal(resolution=0.05),
    "LogNormal, capped": bs.LogNormal(censored=2.2),
    "StudentT": bs.StudentT(),
    "StudentT, rounded and capped, of known error": bs.StudentT(
        y_sd=0.02, x_relative_sd=0.05, resolution="s", censored="cap"
    ),
    "Normal": bs.Normal(),
    "Normal, rounded and capped, of known error": bs.Normal(
        y_sd="s", resolution=0.05, censored=2.2
    ),
    "Normal, errors of the input": bs.Normal(x_relative_sd="s", censored="cap"),
    "Binomial": bs.Binomial(trials="items"),
    "Binomial, guessing": bs.Binomial(trials=50, guess_rate=0.05),
    "BetaBinomial": bs.BetaBinomial(
        trials="items", guess_rate=P("Beta", alpha=1, beta=19), concentration=80.0
    ),
    "ExGaussian": bs.ExGaussian(),
    "Correlated": bs.Correlated(bs.LogNormal(n_obs="n")),
    "Correlated, Student's t": bs.Correlated(bs.StudentT()),
    "Heteroscedastic": bs.Heteroscedastic(bs.LogNormal(n_obs="n", y_sd="s")),
    "Heteroscedastic, Student's t": bs.Heteroscedastic(
        bs.StudentT(x_relative_sd=0.1), sigma_slope=-0.2
    ),
    "Replicated": bs.Replicated(bs.LogNormal(n_obs="n"), config="config"),
    "Resampled": bs.Resampled(resample="fold", model="config"),
}
COUNTS = tuple(name for name in NOISES if "inomial" in name)


def table_for(law, likelihood, rows=24):
    """Runs of a law with every column that a likelihood of NOISES may ask for."""
    rng = np.random.default_rng(5)
    inputs = law.example_inputs(rows)
    runs = type(law)().simulate(noise=0.02, y="outcome", seed=2, **inputs)
    runs = runs.assign(
        n=rng.integers(1, 9, rows).astype(float),
        s=rng.uniform(0.005, 0.03, rows),
        cap=2.2,
        items=50,
        config=np.arange(rows) // 2 if likelihood.grouped else np.arange(rows),
        who=np.arange(rows) // 8,
    )
    if likelihood.merges:
        runs = _with_folds(runs, rng)
    if "trials" in likelihood.columns:
        y = runs["outcome"].to_numpy()
        share = np.clip(y - min(y.min(), 0.0), 0, None)
        runs["outcome"] = np.round(50 * share / (1.05 * share.max())) / 50
    return runs


def _with_folds(runs, rng):
    """Each run on four resamples, in no order."""
    many = runs.loc[runs.index.repeat(4)].reset_index(drop=True)
    many["fold"] = np.tile(list("abcd"), len(runs))
    many["config"] = many.index // 4
    many["outcome"] *= np.exp(0.02 * rng.standard_normal(len(many)))
    return many.sample(frac=1.0, random_state=1).reset_index(drop=True)


def runs_for(law, likelihood, rows=24):
    """The same, checked."""
    roles = {role: role for role in law.inputs}
    alone = likelihood.correlated and len(roles) > 1  # along which input is not clear otherwise
    table = table_for(law, likelihood, rows)
    run = "config" if alone else None
    return observations(law, likelihood, table, "outcome", roles, run=run)
