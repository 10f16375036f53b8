"""What the command line takes of laws: which, with which options and fixed numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from bayescale.commands.options import pairs
from bayescale.errors import LawError

#: Options of forms by the names that forms have for them.
_FLAGS = {"breaks": "--breaks", "placement": "--placement", "monotone": "--signed"}


@dataclass(frozen=True)
class FormOptions:
    """What was given of a form: its options, and parameters held at numbers."""

    breaks: Annotated[int | None, typer.Option(help="How many breaks (1 to 8).")] = None
    placement: Annotated[
        str | None,
        typer.Option(help="Where breaks may lie: cells, fixed or free. [default: cells]"),
    ] = None
    signed: Annotated[
        bool, typer.Option("--signed", help="Let the curve rise and fall (double descent).")
    ] = False
    fixed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=NUMBER",
            help="Fix a parameter or a constant at a number, or set an option of the law; "
            "repeat it.",
        ),
    ] = None

    def given(self) -> dict[str, Any]:
        """Return what was given, by the names that forms have for it."""
        options = {
            "breaks": self.breaks,
            "placement": self.placement,
            "monotone": False if self.signed else None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        for name, text in pairs(self.fixed, "set", "NAME=NUMBER, such as irreducible=0").items():
            if name in given:
                raise LawError(
                    f"{name} is given twice: by {_FLAGS[name]}, and by --set. Leave one out."
                )
            given[name] = _setting(text)
        return given


def _setting(text: str) -> Any:
    """Return a number, or numbers with commas between them, or a word."""
    for kind in (int, float):
        try:
            first, *more = (kind(part) for part in text.split(","))
        except ValueError:
            continue
        return (first, *more) if more else first
    return text


def laws_like(incomplete: str) -> list[str]:
    """Return the laws whose names begin so, for a shell that completes them."""
    from bayescale.registry import list_laws

    names = [str(name) for name in list_laws().index]
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def law_named(name: str, given: dict[str, Any]) -> Any:
    """Return one law by name, with the given options."""
    (made,) = laws_named([name], given).values()
    return made


def laws_named(names: Iterable[str], given: dict[str, Any]) -> dict[str, Any]:
    """Return laws by name, each with those of the given options that it has."""
    from bayescale.registry import find_law

    chosen, used = {}, set()
    for name in names:
        form: Any = find_law(name)
        takes = ({f.name for f in fields(form)} | set(form.constant_names)) & set(given)
        law = form(**{option: given[option] for option in takes})
        used |= takes
        chosen[law.signature_name()] = law
    unused = [_FLAGS.get(name, f"--set {name}") for name in given if name not in used]
    if unused:
        raise LawError(
            f"{', '.join(chosen)} takes no {' and no '.join(unused)}. Leave it out, or choose a "
            "law that has it ('bayescale laws' lists parameters)."
        )
    return chosen
