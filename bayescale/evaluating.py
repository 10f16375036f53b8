"""Laws whose parameters are all numbers: the numbers, and the value at inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bayescale.errors import DataError, LawError
from bayescale.given import as_array, of_one_shape
from bayescale.parameters import slots


class _Ones(dict):
    """References of 1, whatever the roles."""

    def __missing__(self, name: str) -> float:
        """Return 1."""
        return 1.0


#: Where constants are in the user's units themselves.
UNIT_REFERENCES: Mapping[str, float] = _Ones()


def check_names(law: Any, wanted: Iterable[str], got: Iterable[str]) -> None:
    """Raise a LawError unless the names of inputs or parameters are those of the law."""
    wanted, got = list(wanted), list(got)
    if set(got) != set(wanted):
        said = ", ".join(map(str, got)) or "none"
        raise LawError(f"{type(law).__name__} takes {', '.join(wanted)}; got {said}.")


def is_fixed(law: Any) -> bool:
    """Return whether every parameter is a number."""
    return all(slot.prior is None for slot in slots(law))


def numbers(law: Any) -> dict[str, Any]:
    """Return every parameter of a law that is fixed at numbers, with all reference inputs at 1."""
    name, found = type(law).__name__, slots(law)
    if not is_fixed(law):
        free = [slot.field for slot in found if slot.prior is not None]
        raise LawError(
            f"{name} can be evaluated when every parameter is a number; "
            f"{', '.join(free)} {'has a prior' if len(free) == 1 else 'have priors'}. "
            "Fix them, or fit the law and ask the fit for a forecast."
        )
    for slot in found:
        if slot.quantity != slot.field and slot.quantity not in law.constant_names:
            raise LawError(
                f"{name}: {slot.field} is fixed through {slot.quantity!r}, which is relative to "
                f"the runs of a fit. Give {slot.field}= in units of its own."
            )
    return law.natural({slot.quantity: slot.value for slot in found}, UNIT_REFERENCES)


def evaluated(law: Any, inputs: Mapping[str, Any]) -> np.ndarray:
    """Return the outcome of such a law at inputs in the user's units, which broadcast."""
    held = law.numbers
    check_names(law, law.inputs, inputs)
    arrays = {role: as_array(f"{role}=", values) for role, values in inputs.items()}
    for role, array in arrays.items():
        if not (array >= 0).all():
            raise DataError(f"{role}= must hold numbers of at least 0; got {inputs[role]!r}.")
    of_one_shape(**arrays)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        return np.asarray(law.curve(arrays, held, UNIT_REFERENCES))
