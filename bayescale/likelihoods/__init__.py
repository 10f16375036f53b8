"""How runs scatter about a law's curve: one likelihood a file, found by itself."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bayescale.errors import LawError, nearest
from bayescale.given import in_words
from bayescale.likelihoods.correlated import APART as APART
from bayescale.likelihoods.correlated import Correlated as Correlated
from bayescale.likelihoods.likelihood import Likelihood as Likelihood
from bayescale.likelihoods.likelihood import Rows as Rows
from bayescale.likelihoods.log_normal import LogNormal as LogNormal
from bayescale.likelihoods.normal import Normal as Normal
from bayescale.likelihoods.student_t import StudentT as StudentT

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def likelihoods() -> dict[str, type[Likelihood]]:
    """Return every likelihood by its name: those of this folder, and users' own."""
    found: dict[str, type[Likelihood]] = {}
    waiting = [Likelihood]
    while waiting:
        for made in waiting.pop().__subclasses__():
            waiting.append(made)
            if "__dataclass_fields__" in vars(made):  # what several have in common is no record
                found[made.__name__] = made
    return found


def checked_likelihood(given: Any) -> Likelihood:
    """Return a likelihood, or raise a LawError that says how one is written."""
    if isinstance(given, Likelihood):
        return given
    known = likelihoods()
    if isinstance(given, type) and issubclass(given, Likelihood):
        hint = f" Write it with brackets: bs.{given.__name__}()."
    elif isinstance(given, str):
        flat = given.lower().replace("-", "").replace("_", "")
        same = next((name for name in known if name.lower() == flat), None)
        hint = f" Write bs.{same}()." if same else nearest(given, known)
    else:
        hint = ""
    raise LawError(
        "likelihood= takes one such as bs.LogNormal(), bs.StudentT() or bs.Binomial(trials=...); "
        f"got {in_words(given)}.{hint}"
    )
