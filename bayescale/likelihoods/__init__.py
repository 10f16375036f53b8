"""How runs scatter about a law's curve: one likelihood a file, found by itself."""

from importlib import import_module
from pkgutil import iter_modules

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
