# /// script
# requires-python = ">=3.10,<3.13"
# dependencies = ["pystan>=3.10", "numpy", "setuptools<81"]
# ///
"""The textbook's model in Stan by PyStan: NUTS, 4 chains of 1000 + 1000; wants a C++ compiler.

PyStan's compiled models do not load on Python 3.13 (httpstan 4.17 uses a name that it dropped).
"""

import harness
import numpy as np
import stan
from formulas import CURVES, at_forecast

MODELS = {
    "power law": """
data { int n; vector[n] log_x; vector[n] log_y; }
parameters { real<lower=0> floor_; real log_x0; real<lower=0> exponent; real<lower=0> sigma; }
model {
  floor_ ~ normal(0, 2); log_x0 ~ normal(20, 15); exponent ~ lognormal(log(0.25), 0.94);
  sigma ~ lognormal(log(0.02), 1);
  log_y ~ normal(log(floor_ + exp(exponent * (log_x0 - log_x))), sigma);
}""",
    "one break": """
data { int n; vector[n] log_x; vector[n] log_y; }
transformed data { real low = min(log_x); real high = max(log_x); }
parameters {
  real<lower=0> a; real log_b; real<lower=0> c0; real c1; real<lower=low, upper=high> log_d;
  real<lower=0> f; real<lower=0> sigma;
}
model {
  a ~ normal(0, 2); log_b ~ normal(0, 5); c0 ~ lognormal(log(0.25), 0.94); c1 ~ normal(0, 1);
  f ~ lognormal(log(0.5), 1); sigma ~ lognormal(log(0.02), 1);
  log_y ~ normal(
    log(a + exp(log_b - c0 * log_x - c1 * f * log1p_exp((log_x - log_d) / f))), sigma);
}""",
    "Chinchilla": """
data { int n; vector[n] log_n; vector[n] log_d; vector[n] log_y; }
parameters {
  real<lower=0> E; real log_A; real log_B; real<lower=0> alpha; real<lower=0> beta;
  real<lower=0> sigma;
}
model {
  E ~ normal(0, 2); log_A ~ normal(6, 3); log_B ~ normal(6, 3);
  alpha ~ lognormal(log(0.25), 0.94); beta ~ lognormal(log(0.25), 0.94);
  sigma ~ lognormal(log(0.02), 1);
  log_y ~ normal(log(E + exp(log_A - alpha * log_n) + exp(log_B - beta * log_d)), sigma);
}""",
}
CHAINS = 4


def fit(job, data):
    """Build (PyStan keeps the compiled program on disk) and sample."""
    logs = {"x": "log_x", "params": "log_n", "tokens": "log_d", "y": "log_y"}
    given = {logs[name]: np.log(column).tolist() for name, column in data.items()}
    settings = job["settings"]
    model = stan.build(
        MODELS[job["case"]], data={"n": len(data["y"]), **given}, random_seed=1 + job["seed"]
    )
    found = model.sample(
        num_chains=CHAINS, num_samples=settings["draws"], num_warmup=settings["tune"]
    )
    # PyStan lays draws out draw by draw, the chains side by side.
    draws = {
        name.rstrip("_"): np.asarray(found[name])[0].reshape(-1, CHAINS).T
        for name in found.param_names
    }
    curve = CURVES[job["case"]](draws, at_forecast(job))
    return {"interval": harness.interval(curve), "draws": draws | {"forecast": curve}}


if __name__ == "__main__":  # chains are processes that import this file again on some systems
    harness.answer(fit, "pystan", "httpstan")
