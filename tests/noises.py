"""Every likelihood with tables that suit it, for tests that run over all of them."""

import bayescale as bs
from bayescale.checking.made_up import runs_for as runs_for
from bayescale.checking.made_up import table_for as table_for

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
