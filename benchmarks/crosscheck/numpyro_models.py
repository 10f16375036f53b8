"""Five scaling laws in NumPyro, from their formulas and priors; nothing of bayescale is imported.

Run by ``python -m benchmarks.crosscheck``. Standard input is a JSON object: ``study``, ``data``
(column to values), ``draws``, ``tune``, ``seed``, ``points`` (prior's name to values at which the
log density is wanted) and ``out``, an ``.npz`` file for the draws and the log densities.

Constants whose tails are long are reported as logarithms.
"""

import json
import sys
import warnings
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import log_density

numpyro.enable_x64()
CHAINS = 4
#: Below this share rows cannot be told apart, as the noise's documentation has it.
LEAST_SIGMA = 3e-4
sample, report = numpyro.sample, numpyro.deterministic


def positive(name, middle, spread):
    """A log-normal prior by its median."""
    return sample(name, dist.LogNormal(jnp.log(middle), spread))


def scattered(loss, y):
    """Log-normal noise with its default prior."""
    sigma = positive("sigma", 0.02, 1.0)
    sample("y", dist.LogNormal(jnp.log(loss), jnp.hypot(sigma, LEAST_SIGMA)), obs=y)


def floor_and_scale(level, share, fall):
    """Floor E and scale S of E + S g(x), where g(x_ref) = 1 and g(x_end) = fall.

    The level is E + S, and the floor is a share of E + S g(x_end).
    """
    scale = level * (1 - share) / (1 - share + share * fall)
    return level - scale, scale


def power_law(x, y):
    """L = E + (x0/x)^alpha, priors on its level at the centre and the floor's share at the end."""
    centre, end = jnp.exp(jnp.log(x).mean()), x.max()
    unit = jnp.exp(jnp.log(y).mean())
    share = sample("floor_share", dist.Uniform(0.0, 1.0))
    level = unit * positive("level", 1.0, 0.5)
    alpha = positive("exponent", 0.25, 0.94)
    floor, scale = floor_and_scale(level, share, (end / centre) ** -alpha)
    log_x0 = jnp.log(centre) + jnp.log(scale) / alpha
    report("E", floor)
    report("log x0", log_x0)
    report("alpha", alpha)
    scattered(floor + jnp.exp(alpha * (log_x0 - jnp.log(x))), y)


def broken_power_law(x, y):
    """L = E + b x^-c0 (1 + (x/d)^(1/f))^(-c1 f), its break in the middle cell of log x."""
    log_x = jnp.log(x)
    cell = (log_x.max() - log_x.min()) / 2
    unit = jnp.exp(jnp.log(y).mean())
    share = sample("floor_share", dist.Uniform(0.0, 1.0))
    level = unit * positive("level", 1.0, 0.5)
    last = positive("last_exponent", 0.25, 0.9)
    walk = sample("exponent_walk", dist.Normal(0.0, 0.8))
    position = sample("cell_position", dist.Normal(0.0, 0.2))
    f = positive("relative_width", 0.35, 0.3) * cell
    first = last * jnp.exp(walk * jnp.sqrt(cell))
    change, log_d = last - first, log_x.min() + cell * (1 + position)

    def log_shape(at):
        return -first * at - change * f * jnp.logaddexp(0.0, (at - log_d) / f)

    fall = jnp.exp(log_shape(log_x.max()) - log_shape(log_x.mean()))
    floor, scale = floor_and_scale(level, share, fall)
    log_b = jnp.log(scale) - log_shape(log_x.mean())
    report("E", floor)
    report("log b", log_b)
    report("c0", first)
    report("c1", change)
    report("log d1", log_d)
    report("log f1", jnp.log(f))
    scattered(floor + jnp.exp(log_b + log_shape(log_x)), y)


def chinchilla(params, tokens, y):
    """L = E + A/N^alpha + B/D^beta, priors on these constants."""
    floor = sample("irreducible", dist.HalfNormal(2.0))
    a, b = positive("A", 400.0, 1.0), positive("B", 400.0, 1.5)
    alpha, beta = positive("params_exponent", 0.3, 0.4), positive("tokens_exponent", 0.3, 0.4)
    for name, value in {"E": floor, "log A": jnp.log(a), "alpha": alpha}.items():
        report(name, value)
    report("log B", jnp.log(b))
    report("beta", beta)
    sigma = sample("sigma", dist.HalfNormal(0.05))
    loss = floor + a * params**-alpha + b * tokens**-beta
    sample("y", dist.LogNormal(jnp.log(loss), jnp.hypot(sigma, LEAST_SIGMA)), obs=y)


def kaplan(params, tokens, y):
    """L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D, priors on these constants, heavy tails."""
    n_c = sample("N_c", dist.LogNormal(30.0, 3.0))
    d_c = sample("D_c", dist.LogNormal(30.0, 3.0))
    of_params = sample("params_exponent", dist.Beta(2.0, 10.0))
    of_tokens = sample("tokens_exponent", dist.Beta(2.0, 10.0))
    for name, value in {"log N_c": jnp.log(n_c), "alpha_N": of_params}.items():
        report(name, value)
    report("log D_c", jnp.log(d_c))
    report("alpha_D", of_tokens)
    sigma = positive("sigma", 0.02, 1.0)
    nu = sample("nu", dist.Gamma(2.0, 0.1))
    report("log nu", jnp.log(nu))
    first = of_params / of_tokens * (jnp.log(n_c) - jnp.log(params))
    log_loss = of_tokens * jnp.logaddexp(first, jnp.log(d_c) - jnp.log(tokens))
    # Of y itself: the logarithm's density over y.
    scale = jnp.hypot(sigma, LEAST_SIGMA)
    sample("log_y", dist.StudentT(nu, log_loss, scale), obs=jnp.log(y))
    numpyro.factor("of_y", -jnp.log(y).sum())


def pooled_power_law(x, family, y):
    """L = E + S_j (x/x_ref)^-alpha; log S_j scatters about the families' middle by tau."""
    centre = jnp.exp(jnp.log(x).mean())
    floor = sample("irreducible", dist.HalfNormal(2.0))
    middle = positive("scale_population", 1.0, 1.0)
    tau = sample("scale_spread", dist.HalfNormal(0.5))
    with numpyro.plate("families", 5):
        away = sample("scale_offset", dist.Normal(0.0, 1.0))
    alpha = positive("exponent", 0.25, 0.94)
    scales = middle * jnp.exp(tau * away)
    for name, value in {"E": floor, "log S": jnp.log(middle), "log tau": jnp.log(tau)}.items():
        report(name, value)
    report("alpha", alpha)
    for i in range(5):
        report(f"log S of family {i + 1}", jnp.log(scales[i]))
    scattered(floor + scales[family.astype(int)] * (x / centre) ** -alpha, y)


MODELS = {
    "power law": power_law, "broken power law": broken_power_law, "chinchilla": chinchilla,
    "kaplan": kaplan, "pooled power law": pooled_power_law,
}  # fmt: skip


def main():
    warnings.simplefilter("ignore")
    job = json.load(sys.stdin)
    model = MODELS[job["study"]]
    data = {name: jnp.asarray(column, float) for name, column in job["data"].items()}
    kernel = NUTS(model, dense_mass=True, target_accept_prob=0.95)
    run = MCMC(
        kernel, num_warmup=job["tune"], num_samples=job["draws"], num_chains=CHAINS,
        chain_method="sequential", progress_bar=False,
    )  # fmt: skip
    run.run(jax.random.PRNGKey(job["seed"]), **data, extra_fields=("diverging",))
    found = {name: np.asarray(v) for name, v in run.get_samples(group_by_chain=True).items()}
    found["log sigma"] = np.log(found["sigma"])
    points = {name: jnp.asarray(values, float) for name, values in job["points"].items()}
    densities = jax.jit(jax.vmap(lambda point: log_density(model, (), data, point)[0]))
    divergent = np.asarray(run.get_extra_fields(group_by_chain=True)["diverging"])
    np.savez(
        job["out"], **{name: v for name, v in found.items() if v.ndim == 2},
        **{":log_density": np.asarray(densities(points)), ":divergent": divergent},
    )  # fmt: skip
    print(json.dumps({name: version(name) for name in ("numpyro", "jax")}))


main()
