# /// script
# requires-python = ">=3.11"
# dependencies = ["numpyro>=0.19", "numpy>=2"]
# ///
"""The textbook's model in NumPyro: NUTS, 4 chains of 1000 + 1000 in parallel, double precision.

The whole run is one compiled function, so that data of the same shape cost no second compile:
left to itself, NumPyro compiled again for each of three data sets when it was tried.
"""

import functools

import harness
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from formulas import CURVES, PRIORS, at_forecast
from numpyro.infer import MCMC, NUTS

CHAINS = 4
numpyro.enable_x64()
numpyro.set_host_device_count(CHAINS)


def model(case, inputs, y):
    p = {}
    for name, (kind, *arguments) in PRIORS[case].items():
        if kind == "Uniform":
            log_x = jnp.log(inputs["x"])
            arguments = [log_x.min(), log_x.max()]
        p[name] = numpyro.sample(name, getattr(dist, kind)(*arguments))
    mu = jnp.log(CURVES[case](p, inputs, jnp))
    numpyro.sample("y", dist.LogNormal(mu, p["sigma"]), obs=y)


@functools.cache
def sampler(case, draws, tune):
    """Return the compiled function from key and data to draws."""

    @jax.jit
    def run(key, inputs, y):
        kernel = NUTS(functools.partial(model, case))
        chains = {"num_chains": CHAINS, "chain_method": "parallel", "progress_bar": False}
        made = MCMC(kernel, num_warmup=tune, num_samples=draws, **chains)
        made.run(key, inputs, y)
        return made.get_samples(group_by_chain=True)

    return run


def fit(job, data):
    """Sample."""
    case, settings = job["case"], job["settings"]
    inputs = {role: jnp.asarray(data[role]) for role in job["at"]}
    key = jax.random.PRNGKey(job["seed"])
    found = sampler(case, settings["draws"], settings["tune"])(key, inputs, jnp.asarray(data["y"]))
    draws = {name: jax.device_get(value) for name, value in found.items()}
    curve = CURVES[case](draws, at_forecast(job))
    return {"interval": harness.interval(curve), "draws": draws | {"forecast": curve}}


harness.answer(fit, "numpyro", "jax")
