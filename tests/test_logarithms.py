"""Powers and logarithms of data become reads of a column."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import ancestors
from pytensor.scalar import Log, Pow

from bayescale.logarithms import taken_once

DATA = np.geomspace(0.01, 100.0, 7)


def gradients(value, wanted):
    return pt.grad(value, wanted, disconnected_inputs="ignore")


@pytest.mark.parametrize(
    "graph",
    [
        lambda x, s, p: x**p,
        lambda x, s, p: (x / s) ** -p,
        lambda x, s, p: (s / x) ** p,
        lambda x, s, p: pt.log(x / s) * p,
        lambda x, s, p: ((x / s) / p) ** s + pt.log(x),
    ],
)
def test_value_and_gradient_stay(graph):
    x, logs, s, p = pt.dvector("x"), pt.dvector("logs"), pt.dscalar("s"), pt.dscalar("p")
    plain = graph(x, s, p).sum()
    found = taken_once(graph(x, s, p).sum(), {x: logs})
    ops = [a.owner.op for a in ancestors([found]) if a.owner]
    assert not any(isinstance(getattr(op, "scalar_op", None), Pow) for op in ops)
    read = [
        a.owner.inputs[0]
        for a in ancestors([found])
        if a.owner and isinstance(getattr(a.owner.op, "scalar_op", None), Log)
    ]
    assert all(variable.ndim == 0 or variable.owner is not None for variable in read)
    inputs = [x, logs, s, p]
    both = pytensor.function(
        inputs,
        [plain, found, *gradients(plain, [s, p]), *gradients(found, [s, p])],
        on_unused_input="ignore",
    )
    values = both(DATA, np.log(DATA), 3.0, 0.7)
    assert values[1] == pytest.approx(float(values[0]), rel=1e-13)
    np.testing.assert_allclose(values[4:], values[2:4], rtol=1e-11, atol=1e-12)


def test_what_is_no_data_is_left_alone():
    x, y = pt.dvector("x"), pt.dvector("y")
    graph = pt.log(y) + y**2 + x
    assert taken_once(graph, {x: pt.dvector("logs")}) is graph
