"""The registry: ``@law`` checks a form and lists it; laws are found by name.

The folder ``forms/`` fills it, one file a law.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, dataclass_transform

from bayescale.errors import LawError, UnknownNameError, nearest
from bayescale.given import short
from bayescale.laws import Law, option
from bayescale.parameters import parameter_names

if TYPE_CHECKING:
    import pandas as pd

#: Every law by the name of its class; ``@law`` fills it.
LAWS: dict[str, type[Law]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
def law[T: type[Law]](cls: T) -> T:
    """Freeze a law's class, check that its expression and its fields agree, and list it.

    Parameters
    ----------
    cls
        A subclass of :class:`Law` with its parameters as fields and ``expr``.

    Returns
    -------
    type
        The same class, frozen and listed in :data:`LAWS`.

    Raises
    ------
    LawError
        If ``expr`` does not take the inputs and then the parameters, in order, if the example
        does not name every parameter, if a field has no default prior, or if a law with a floor
        does not say which fields are its reducible loss.
    """
    if not isinstance(cls, type) or not hasattr(cls, "expr") or not hasattr(cls, "inputs"):
        raise LawError(
            f"@law goes above a class of bs.Law with inputs, fields and expr; got {short(cls)}."
        )
    if LAWS.get(cls.__name__) is cls:
        return cls
    made = dataclass(frozen=True, kw_only=True)(cls)
    own = {f.name for f in fields(made)}  # type: ignore[arg-type]
    given = list(inspect.signature(made.__init__).parameters)[1:]
    made.constant_names = tuple(name for name in given if name not in own)
    wants = [*made.inputs, *parameter_names(made)]
    takes = list(inspect.signature(made.expr).parameters)
    if takes != wants:
        missing = [name for name in wants if name not in takes]
        extra = [name for name in takes if name not in wants]
        detail = "".join(
            [
                f" It lacks {missing}." if missing else "",
                f" {extra} is neither input nor field.{nearest(extra[0], wants)}" if extra else "",
                "" if missing or extra else " The order differs.",
            ]
        )
        raise LawError(
            f"{cls.__name__}.expr takes {takes}; its inputs and fields are {wants}.{detail}"
        )
    _settle_terms(made)
    if set(made.example) != set(parameter_names(made)):
        raise LawError(
            f"{cls.__name__}.example names {list(made.example)}; the parameters are "
            f"{parameter_names(made)}."
        )
    # The type checker does not see that `made` is a dataclass now.
    bare = [f.name for f in fields(made) if f.default is MISSING]  # type: ignore[arg-type]
    if bare:
        raise LawError(f"{cls.__name__}: the fields {bare} have no default prior.")
    _explain_wrong_arguments(made)
    LAWS[cls.__name__] = made
    return made  # type: ignore[return-value]


def _settle_terms(cls: type[Law]) -> None:
    """See that terms are parameters; without a floor there are none to tell it from."""
    names = parameter_names(cls)
    if "irreducible" not in names:
        cls.terms = ()
    missing = [term for term in cls.terms if term not in names]
    if missing:
        raise LawError(
            f"{cls.__name__} has a floor, and its terms {missing} are no fields. Name the "
            "parameters that make up the reducible loss: terms = ('scale',)."
        )


def _explain_wrong_arguments(cls: type[Law]) -> None:
    """Turn an unknown keyword into an error that lists the parameters."""
    build = cls.__init__
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type] (a dataclass by now)

    def __init__(self: Any, **given: Any) -> None:
        for name in given:
            if name not in [*names, *cls.constant_names]:
                raise LawError(
                    f"{cls.__name__} has no parameter {name!r}. It has: {', '.join(names)}."
                    f"{nearest(name, names)}"
                )
        build(self, **given)

    __init__.__signature__ = inspect.signature(build)  # type: ignore[attr-defined]
    cls.__init__ = __init__  # type: ignore[assignment]


def find_law(name: str) -> type[Law]:
    """Return the form of a name, in any spelling of case and with or without underscores.

    Parameters
    ----------
    name
        The class name (``"PowerLaw"``), or the first words of it (``"power"``, ``"broken"``).

    Returns
    -------
    type
        The form.

    Raises
    ------
    UnknownNameError
        If no form or more than one has this name.
    """
    import bayescale.forms  # noqa: F401 (fills the registry)

    flat = name.lower().replace("_", "").replace("-", "").replace(" ", "")
    exact = [made for key, made in LAWS.items() if key.lower() == flat]
    starts = [made for key, made in LAWS.items() if flat and key.lower().startswith(flat)]
    if len(exact or starts) == 1:
        return (exact or starts)[0]
    shorter = name if nearest(name, LAWS) else f"{name}powerlaw"  # 'brokn' is near 'broken'
    listed = ", ".join(sorted(LAWS))
    raise UnknownNameError(
        f"There is no law {name!r}. Available: {listed}.{nearest(shorter, LAWS)}"
    )


def list_laws() -> pd.DataFrame:
    """Return every law: its formula, inputs, parameters, what it is, and its reference.

    Returns
    -------
    pandas.DataFrame
        Indexed by the law's name.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.list_laws().loc["PowerLaw", "inputs"]
    'x'
    """
    import pandas as pd

    import bayescale.forms  # noqa: F401 (fills the registry)

    rows = {}
    for name, made in sorted(LAWS.items()):
        doc = inspect.getdoc(made) or ""
        rows[name] = {
            "formula": made.formula,
            "inputs": ", ".join(made.inputs),
            "parameters": ", ".join(parameter_names(made)),
            "what": doc.splitlines()[0] if doc else "",
            "reference": ", ".join(f"arXiv:{n}" for n in re.findall(r"arXiv:(\d+\.\d+)", doc)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("law")
