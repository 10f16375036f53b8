"""Arguments of a public call, held to what its signature says before anything is done with them."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from bayescale.errors import LawError
from bayescale.given import one_number, short

#: Arguments that are counted from a number on, wherever they are.
_AT_LEAST = {"seed": 0, "draws": 1, "tune": 1, "chains": 1}
#: More of these than anybody waits for, or memory holds.
AT_MOST = {"draws": 10**6, "tune": 10**6, "chains": 10**4, "studies": 10**5, "outcomes": 10**5}
#: What is not looked at: whoever uses it checks it, with better words.
_FREE = {"Any", "Numbers", "T", "pd.DataFrame", "Mapping"}
#: How many of a list are looked at.
_MOST = 1000

Rule = tuple[Callable[[Any], bool], str]


def check_arguments(
    call: Callable[..., Any], given: Mapping[str, Any], but: tuple[str, ...] = ()
) -> None:
    """Raise an error for an argument of another kind than the signature says.

    Parameters
    ----------
    call
        The public function or method whose first line this is.
    given
        Its arguments by name: ``locals()``.
    but
        Those that it checks itself, with better words.

    Raises
    ------
    LawError
        The argument, what it must be, and what was got.

    Examples
    --------
    >>> def halved(share: float, name: str = "x") -> float:
    ...     check_arguments(halved, locals())
    ...     return share / 2
    >>> halved("3")
    Traceback (most recent call last):
        ...
    bayescale.errors.LawError: share= must be a number; got '3'.
    """
    for name, (fits, words) in _rules(call).items():
        value = given[name]
        if name in but:
            continue
        if not fits(value):
            raise LawError(f"{name}= must be {words}; got {short(value)}.")
        least = _AT_LEAST.get(name)
        if least is not None and value is not None and value < least:
            raise LawError(f"{name}= must be at least {least}; got {short(value)}.")
        most = AT_MOST.get(name)
        if most is not None and value is not None and value > most:
            raise LawError(f"{name}= must be at most {most:,}; got {short(value)}.")


@cache
def _rules(call: Callable[..., Any]) -> dict[str, Rule]:
    """Return a rule for every argument that has one."""
    found = {}
    for name, parameter in inspect.signature(call).parameters.items():
        named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if named and parameter.annotation is not parameter.empty:
            kinds = _split(str(parameter.annotation))
            if not any(kind.partition("[")[0] in _FREE for kind in kinds):
                found[name] = _any_of([_rule(kind) for kind in kinds])
    return found


def _split(annotation: str) -> list[str]:
    """Return the kinds of a union, whatever stands in their brackets."""
    kinds, depth = [""], 0
    for mark in annotation:
        depth += (mark in "[(") - (mark in "])")
        if mark == "|" and not depth:
            kinds.append("")
        else:
            kinds[-1] += mark
    return [kind.strip() for kind in kinds]


def _any_of(rules: list[Rule]) -> Rule:
    tests, words = zip(*rules, strict=True)
    *first, last = dict.fromkeys(words)
    listed = f"{', '.join(first)} or {last}" if first else last
    return (lambda value: any(fits(value) for fits in tests)), listed


def _rule(kind: str) -> Rule:
    """Return how one kind is known, and what it is in words."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    outer, _, rest = kind.partition("[")
    if outer in ("Sequence", "Mapping", "dict", "list"):
        parts = rest.removesuffix("]").split(", ", 1)
        inner = _any_of([_rule(part) for part in _split(parts[-1])])
        if outer in ("Mapping", "dict"):
            return _mapping_of(inner)
        return _list_of(inner)
    if outer == "Callable":
        return callable, "a function"
    if outer == "type":
        return (lambda value: isinstance(value, type)), "a class"
    name = outer.rpartition(".")[2]
    return _is_a(name), f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def _is_a(name: str) -> Callable[[Any], bool]:
    """Return a test for a class by its name, since to import it would be slow, or an arrow up."""
    return lambda value: any(cls.__name__ == name for cls in type(value).__mro__)


def _list_of(inner: Rule) -> Rule:
    fits, words = inner

    def all_fit(value: Any) -> bool:
        listed = isinstance(value, Iterable) and hasattr(value, "__len__")
        if not listed or isinstance(value, str | bytes | Mapping | set) or hasattr(value, "dims"):
            return False
        if getattr(value, "ndim", 1) != 1:
            return False
        return all(fits(part) for part, _ in zip(value, range(_MOST), strict=False))

    return all_fit, f"a list, each {words}" if words != "anything" else "a list"


def _mapping_of(inner: Rule) -> Rule:
    fits, words = inner

    def all_fit(value: Any) -> bool:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            return False
        return all(map(fits, value.values()))

    return all_fit, f"a dict of names, each {words}" if words != "anything" else "a dict of names"


def _whole(value: Any) -> bool:
    whole = hasattr(value, "__index__") and not hasattr(value, "__setitem__")  # as arrays have
    return whole and one_number(value) is not None and abs(int(value)) < 2**63


def _number(value: Any) -> bool:
    known = isinstance(value, int | float) or hasattr(value, "dtype")
    number = one_number(value)
    return known and number is not None and (not isinstance(value, int) or math.isfinite(number))


_PLAIN: dict[str, Rule] = {
    "Any": (lambda value: True, "anything"),
    "None": (lambda value: value is None, "None"),
    "bool": (lambda value: type(value).__name__ in ("bool", "bool_"), "True or False"),
    "int": (_whole, "a whole number"),
    "float": (_number, "a number"),
    "str": (lambda value: isinstance(value, str), "text"),
    "os.PathLike[str]": (lambda value: isinstance(value, os.PathLike), "a path"),
    "Path": (lambda value: isinstance(value, os.PathLike), "a path"),
}
