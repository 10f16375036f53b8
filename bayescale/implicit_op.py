"""Newton's steps as one operation of PyTensor; imported when the first tensor asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from pytensor import scalar
from pytensor.tensor.elemwise import Elemwise


class SaturatingLogit(scalar.ScalarLoop):
    """The steps of :func:`bayescale.implicit.saturating_logit`, with its gradient.

    Written out in a graph, eight steps took more than eight minutes to compile. A scalar loop has
    code for every backend and lacks only the gradient. It is a class of a module, and not of a
    function, because PyTensor's C backend pickles it.
    """

    def pullback(self, inputs, outputs, output_grads):
        """Return the gradient of the implicit function; steps and start have none."""
        steps, start, _, a = inputs
        (z,), (grad,) = outputs, output_grads
        through = grad / (scalar.sigmoid(-z) + a * scalar.sigmoid(z))
        unmoved = [steps.zeros_like(dtype="float64"), start.zeros_like()]
        return [*unmoved, through, -through * scalar.softplus(z)]


@cache
def saturating_logit(step: Callable[..., Any]) -> Elemwise:
    """Return the elementwise loop over one step, a function of z, h, a and the maths to use."""
    start, h, a = (scalar.float64(name) for name in ("start", "h", "a"))
    return Elemwise(SaturatingLogit([start], [step(start, h, a, scalar)], [h, a]))
