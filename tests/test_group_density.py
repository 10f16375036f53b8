"""With groups too, the sampled density is the declared posterior in other coordinates."""

import numpy as np
import pandas as pd
import pytensor
import pytest

import bayescale as bs
from bayescale import model
from bayescale.coordinates import Coordinates
from bayescale.data import observations

PLAIN = pytensor.compile.mode.Mode(linker="py", optimizer=None)
P = bs.Prior
BOTH = ("domain", "architecture")

CASES = {
    "a level each": (bs.PowerLaw(scale=bs.unpooled(by="domain")), bs.LogNormal()),
    "floor and level each": (
        bs.PowerLaw(irreducible=bs.unpooled(by="domain"), scale=bs.unpooled(by="domain")),
        bs.LogNormal(),
    ),
    "everything each": (
        bs.PowerLaw(
            irreducible=bs.unpooled(by="domain"),
            scale=bs.unpooled(by="domain"),
            exponent=bs.unpooled(by="domain"),
        ),
        bs.LogNormal(sigma=bs.unpooled(by="domain")),
    ),
    "everything pooled": (
        bs.PowerLaw(
            irreducible=bs.partial_pooling(by="domain"),
            scale=bs.partial_pooling(by="domain"),
            exponent=bs.partial_pooling(by="domain"),
        ),
        bs.StudentT(sigma=bs.partial_pooling(by="domain")),
    ),
    "crossed": (
        bs.PowerLaw(
            scale=bs.unpooled(by=BOTH),
            exponent=bs.partial_pooling(by="architecture", spread=0.1),
        ),
        bs.LogNormal(sigma=bs.unpooled(by="domain")),
    ),
    "two effects that add": (
        bs.PowerLaw(
            irreducible=bs.partial_pooling(by="architecture"),
            scale=bs.partial_pooling(by=BOTH, spread=(P("Exponential", lam=2), 0.2)),
            exponent=bs.partial_pooling(P("Beta", alpha=2, beta=5), by=BOTH),
        ),
        bs.LogNormal(),
    ),
    "a floor in units of y": (
        bs.PowerLaw(
            irreducible=bs.partial_pooling(P("HalfNormal", sigma=2), by="domain"),
            scale=bs.unpooled(by="domain"),
        ),
        bs.Normal(),
    ),
    "floors and constants each": (
        bs.PowerLaw(
            irreducible=P("HalfNormal", sigma=2, by="domain"),
            x0=P("LogNormal", mu=20, sigma=3, by="domain"),
            exponent=bs.unpooled(by="domain"),
        ),
        bs.LogNormal(),
    ),
    "breaks": (
        bs.BrokenPowerLaw(
            breaks=2,
            scale=bs.partial_pooling(by="domain"),
            exponent_change=bs.partial_pooling(by=BOTH),
            break_location=bs.unpooled(by="architecture"),
        ),
        bs.LogNormal(),
    ),
    "two inputs": (
        bs.Chinchilla(
            params_scale=bs.partial_pooling(by="domain"),
            params_exponent=bs.unpooled(by="architecture"),
            irreducible=bs.unpooled(by="domain"),
        ),
        bs.LogNormal(),
    ),
    "checkpoints of runs": (
        bs.PowerLaw(scale=bs.partial_pooling(by="domain")),
        bs.Correlated(correlation_length=bs.unpooled(by="domain")),
    ),
}


def runs_of(form, points=6):
    """Runs of four groups, which are three domains of two architectures."""
    found = []
    for i, (domain, architecture) in enumerate(
        [("code", "lstm"), ("text", "lstm"), ("text", "transformer"), ("image", "transformer")]
    ):
        inputs = form.example_inputs(points)
        runs = form().simulate(noise=0.02, y="outcome", seed=i, **inputs)
        wide = {role: 3e7 * x for role, x in inputs.items()}
        found.append(runs.assign(**wide, domain=domain, architecture=architecture))
    return pd.concat(found, ignore_index=True)


def checked_runs(law, likelihood, points=6):
    roles = {role: role for role in law.inputs}
    return observations(law, likelihood, runs_of(type(law), points), "outcome", roles)


def numeric_log_determinant(function, at, step=1e-6):
    columns = []
    for i in range(len(at)):
        move = step * np.eye(len(at))[i]
        columns.append((function(at + move) - function(at - move)) / (2 * step))
    return np.linalg.slogdet(np.array(columns))[1]


@pytest.mark.filterwarnings("ignore::bayescale.errors.DataWarning")
@pytest.mark.parametrize("most", [0.0, 6.0, 1e6])
@pytest.mark.parametrize("case", CASES)
def test_density_is_the_plain_model_with_the_jacobian(case, most):
    law, likelihood = CASES[case]
    checked = checked_runs(law, likelihood)
    coordinates = Coordinates(law, likelihood, checked.groups)
    numbers = coordinates.numbers(checked.references)
    for name in coordinates.long:
        if "_precision" in name:
            numbers[name] = np.linspace(0, most, len(numbers[name]))
        elif "_near" in name:
            numbers[name] = numbers[name] + np.linspace(-0.2, 0.5, len(numbers[name]))
    numbers |= {name: -3.0 for name in numbers if name.endswith("_spread_origin")}

    built = model.density(law, likelihood, numbers, checked)
    vector = 0.3 * np.random.default_rng(1).standard_normal(built.dimension)
    sampled = float(built.model().compile_logp(mode=PLAIN)({"z": vector}))

    values, log_jacobian = coordinates.values(coordinates.split(vector), numbers)
    plain = model.plain(law, likelihood, checked)
    point = {}
    for variable in plain.free_RVs:
        value = np.asarray(values[variable.name])
        transform = plain.rvs_to_transforms[variable]
        inputs = variable.owner.inputs
        moved = value if transform is None else transform.forward(value, *inputs).eval(mode=PLAIN)
        point[plain.rvs_to_values[variable].name] = moved
    declared = float(plain.compile_logp(jacobian=False, mode=PLAIN)(point))

    def flat(z):
        found, _ = coordinates.values(coordinates.split(z), numbers)
        return np.concatenate([np.ravel(found[slot.quantity]) for slot in coordinates.free])

    assert log_jacobian == pytest.approx(numeric_log_determinant(flat, vector), abs=1e-4)
    assert sampled == pytest.approx(declared + log_jacobian, rel=1e-9)

    natural, noise = coordinates.natural(values, numbers)
    outputs = plain.replace_rvs_by_values([plain[name] for name in (*natural, *noise)])
    got = plain.compile_fn(outputs, inputs=plain.value_vars, mode=PLAIN, on_unused_input="ignore")(
        point
    )
    for (name, wanted), found in zip((natural | noise).items(), got, strict=True):
        by = columns_of(plain, name)
        wide = np.asarray(found)[..., checked.groups.index(by)] if by else found
        wanted = np.broadcast_to(np.asarray(wanted), np.shape(wide))
        np.testing.assert_allclose(wide, wanted, rtol=1e-9, err_msg=name)


def columns_of(plain, name):
    """The columns of a variable's levels."""
    dims = [dim for dim in plain.named_vars_to_dims.get(name, ()) if dim != "break"]
    return tuple(dims[0].split(":")) if dims else ()
