"""Checks are run one after the other; what they found is a table, and an error where one failed."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale.errors import BayescaleError, BayescaleWarning, CheckError
from bayescale.given import short

if TYPE_CHECKING:
    import pandas as pd

type Check = Callable[[Any], None]

#: What may be done when a check fails.
ON_FAIL = ("raise", "warn", "record")


class Failed(Exception):
    """A check failed; the message says what is wrong and what to do."""


class Skipped(Exception):
    """A check does not apply; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What one check found.

    Parameters
    ----------
    check
        Its name.
    what
        What holds where it passes, in a sentence.
    passed
        Whether it did; None where it does not apply.
    message
        What is wrong and what to do, or why the check does not apply.
    """

    check: str
    what: str
    passed: bool | None
    message: str


def tried(check: Check, subject: Any) -> Outcome:
    """Run one check; whatever it raises is what it found.

    Parameters
    ----------
    check
        The check.
    subject
        What is checked.

    Returns
    -------
    Outcome
        Passed, failed or skipped.
    """
    name = check.__name__
    what = (inspect.getdoc(check) or "").split("\n")[0].rstrip(".")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Of runs that are made up, and of numbers on the way to a finite result.
            warnings.simplefilter("ignore", BayescaleWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            check(subject)
    except Skipped as reason:
        return Outcome(name, what, None, str(reason))
    except Failed as reason:
        return Outcome(name, what, False, str(reason))
    except BayescaleError as error:
        return Outcome(name, what, False, str(error))
    except Exception as error:  # a user's formula may raise anything
        return Outcome(name, what, False, f"It raised {type(error).__name__}: {error}")
    return Outcome(name, what, True, "")


def report(called: str, outcomes: Sequence[Outcome], on_fail: str) -> pd.DataFrame:
    """Return what checks found as a table, and raise or warn where one failed.

    Parameters
    ----------
    called
        What was checked, for the message.
    outcomes
        What each check found.
    on_fail
        ``"raise"``, ``"warn"`` or ``"record"``.

    Returns
    -------
    pandas.DataFrame
        Index: the check. Columns: ``what``, ``passed`` (NA where it does not apply), ``message``.

    Raises
    ------
    CheckError
        If a check failed and ``on_fail`` is ``"raise"``.
    """
    import pandas as pd

    failed = [found for found in outcomes if found.passed is False]
    if failed and on_fail != "record":
        lines = [f"  {found.check}: {found.message}" for found in failed]
        words = f"{called} fails {len(failed)} of {len(outcomes)} checks:\n" + "\n".join(lines)
        if on_fail == "raise":
            raise CheckError(words)
        warnings.warn(words, BayescaleWarning, stacklevel=3)
    return pd.DataFrame(
        {
            "what": [found.what for found in outcomes],
            "passed": pd.array([found.passed for found in outcomes], dtype="boolean"),
            "message": [found.message for found in outcomes],
        },
        index=pd.Index([found.check for found in outcomes], name="check"),
    )


def checked_choice(on_fail: str) -> None:
    """Raise a CheckError where it is not clear what to do when a check fails."""
    if on_fail not in ON_FAIL:
        raise CheckError(
            f"on_fail= must be one of {', '.join(map(repr, ON_FAIL))}; got {short(on_fail)}."
        )
