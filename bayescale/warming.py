"""Densities compiled ahead of time, so that later processes find PyTensor's cache on disk warm."""

from __future__ import annotations

import atexit
import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bayescale import collapse, compile_cache, engines, linearizing, model, outlook, sample
from bayescale.arguments import check_arguments
from bayescale.coordinates import Coordinates
from bayescale.data import observations
from bayescale.errors import BayescaleError, LawError
from bayescale.given import short
from bayescale.groups import grouped
from bayescale.likelihoods import Correlated, Likelihood
from bayescale.parameters import columns_by
from bayescale.progress import task
from bayescale.registry import find_law

if TYPE_CHECKING:
    import pandas as pd

#: As little sampling as the sampler does: what counts is that it is called.
_BRIEFLY = sample.Sampling(draws=4, tune=1, chains=1, cores=1)
_ROWS = 40
#: What stands for the laws of the forecast without choices.
FORECAST = "forecast"
#: A law, and how runs scatter.
Pair = tuple[Any, Likelihood]
#: What the process in the background runs; it finds modules where this one does.
_CHILD = (
    "import pickle, sys; sys.path[:], job = pickle.load(sys.stdin.buffer); "
    "from bayescale import warming; warming.answer(job)"
)


def defaults() -> list[Any]:
    """Return the laws that are compiled when none is named."""
    broken: Any = find_law("BrokenPowerLaw")
    return [
        find_law("PowerLaw")(),
        broken(breaks=1),
        broken(breaks=2, placement="fixed"),
        find_law("Chinchilla")(),
        find_law("KaplanModelData")(),
    ]


def warm(
    laws: Any = None,
    likelihood: Likelihood | None = None,
    *,
    background: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame | Warming:
    """Compile the densities of laws ahead of time: the first fit of later processes is quick.

    What a density depends on is the law with its options, the likelihood, and the families of the
    priors: numbers in priors and the runs may change.

    Parameters
    ----------
    laws
        A law, its name, or a list of them; by default the power law, the broken one with one break
        and with two fixed ones, Chinchilla's, and Kaplan's of parameters and tokens. The word
        ``"forecast"`` stands for the laws that :func:`bayescale.forecast` mixes for a curve that
        falls, with its correlated noise.
    likelihood
        How runs scatter; by default what suits each form.
    background
        Whether to compile in another process and return at once. It ends with this process. A fit
        that starts meanwhile compiles for itself what is not ready.
    progress
        Whether to show what is under way; by default in a terminal or a notebook.

    Returns
    -------
    pandas.DataFrame or Warming
        A row for each law: ``seconds``, and ``compiled``, which is False where the cache was warm.
        ``attrs`` has ``folder``, where the cache is, and ``mib``, its size. In the background a
        handle, whose ``wait()`` returns that table.

    Raises
    ------
    UnknownNameError, LawError
        If there is no law of a name, or what was given is none.

    Examples
    --------
    >>> import bayescale as bs
    >>> table = bs.warm("power", progress=False)
    >>> list(table.index), list(table.columns)
    (['PowerLaw'], ['seconds', 'compiled'])
    """
    check_arguments(warm, locals())
    chosen = _chosen(laws, likelihood)
    if background:
        return _started(chosen)
    rows = []
    with task("Compiling", total=len(chosen), progress=progress) as bar:
        for row in warmed(chosen):
            rows.append(row)
            bar.update(f"Compiling: {row[0]} done", advance=1)
    return table(rows)


def warmed(chosen: Iterable[Pair]) -> Iterator[tuple[str, float, bool]]:
    """Yield name, seconds, and whether anything was compiled, of each law once it is done."""
    for law, likelihood in chosen:
        before, began = set(compile_cache.entries()), perf_counter()
        compile_law(law, likelihood)
        seconds = perf_counter() - began
        new = set(compile_cache.entries()) - before
        yield _named((law, likelihood)), seconds, bool(new) or not compile_cache.lasts()


def _named(pair: Pair) -> str:
    """Return the law's name, and its noise where that is not what suits the form."""
    law, likelihood = pair
    usual = likelihood.label == law.default_likelihood().label
    return law.signature_name() if usual else f"{law.signature_name()}, {likelihood.label}"


def compile_law(law: Any, likelihood: Likelihood) -> None:
    """Compile every density that a fit of the law may sample, as the fit does.

    This process keeps them, too. Nothing is told of the invented runs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = _example_runs(law, likelihood)
        coordinates = Coordinates(law, likelihood, runs.groups)
        numbers = coordinates.numbers(runs.references)
        densities = {"declared": model.density(law, likelihood, numbers, runs)}
        if runs.groups is None and collapse.applies(coordinates):
            statistics, _ = linearizing.linearized(coordinates, runs, numbers)
            densities["collapsed"] = model.collapsed_density(law, likelihood, numbers, statistics)
    for kind, density in densities.items():
        sample.run(engines.density_key(kind, coordinates, _BRIEFLY), density, _BRIEFLY)


def _example_runs(law: Any, likelihood: Likelihood) -> Any:
    """Return runs that follow the form's example; any serve, whatever their number.

    What the noise must know of each row is 1, whatever it is.
    """
    import pandas as pd

    runs = law.simulate(parameters=law.example, noise=0.02, **law.example_inputs(_ROWS))
    columns = columns_by(law, likelihood)
    if columns:  # two levels of each: the compiled density serves any number
        levels = ("A", runs["y"]), ("B", 1.01 * runs["y"])
        parts = [runs.assign(y=y, **dict.fromkeys(columns, level)) for level, y in levels]
        runs = pd.concat(parts, ignore_index=True)
    roles = {role: role for role in law.inputs}
    checked = observations(law, law.default_likelihood(), runs, "y", roles)
    if columns:
        groups, cell = grouped(runs, columns, lambda bad: "")
        checked = replace(checked, groups=groups, cell=cell)
    ones = np.ones(len(checked))
    known = dict.fromkeys(likelihood.by_run, ones) | {"group": 0 * ones}
    return replace(checked, n_obs=ones, known=known)


def table(rows: list[tuple[str, float, bool]]) -> pd.DataFrame:
    """Return what was compiled as a table, with the cache's folder and its size."""
    import pandas as pd

    made = pd.DataFrame(rows, columns=["law", "seconds", "compiled"]).set_index("law")
    made.attrs = {
        "folder": str(compile_cache.folder()),
        "mib": sum(compile_cache.entries().values()) / 2**20,
    }
    return made


def pairs(laws: Iterable[Any], likelihood: Likelihood | None = None) -> list[Pair]:
    """Return each law with how runs scatter: as given, or by default what suits the form."""
    return [(law, likelihood or law.default_likelihood()) for law in laws]


def of_forecast() -> list[Pair]:
    """Return what :func:`bayescale.forecast` fits to a curve that falls."""
    return [(law, Correlated()) for law in outlook.FALLING.values()]


def _chosen(laws: Any, likelihood: Likelihood | None) -> list[Pair]:
    if laws is None:
        return pairs(defaults(), likelihood)
    chosen: list[Pair] = []
    for law in laws if isinstance(laws, list | tuple) else [laws]:
        if isinstance(law, str) and law == FORECAST:
            chosen += of_forecast()
            continue
        made: Any = find_law(law)() if isinstance(law, str) else law
        if isinstance(made, type) or not hasattr(made, "expr"):
            raise LawError(
                f"laws= takes laws such as bs.PowerLaw() (with brackets), their names, "
                f"{FORECAST!r}, or a list of them; got {short(law)}."
            )
        chosen += pairs([made], likelihood)
    return chosen


# In the background --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Warming:
    """Densities that are being compiled by another process; what :func:`warm` returns at once.

    Parameters
    ----------
    laws
        The names of the laws.
    process
        Who compiles them.
    """

    laws: tuple[str, ...]
    process: subprocess.Popen

    @property
    def running(self) -> bool:
        """Whether the process is still at it."""
        return self.process.poll() is None

    def wait(self, timeout: float | None = None) -> pd.DataFrame:
        """Wait until all is compiled.

        Parameters
        ----------
        timeout
            Seconds to wait at most.

        Returns
        -------
        pandas.DataFrame
            As :func:`warm` returns it; the same at every call.

        Raises
        ------
        BayescaleError
            If the process failed or was stopped; the fits that follow compile for themselves.
        TimeoutError
            If it takes longer.
        """
        check_arguments(Warming.wait, locals())
        if "answer" not in vars(self):
            try:
                answer, error = self.process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"Still compiling after {timeout:g} seconds.") from None
            atexit.unregister(self.stop)
            vars(self)["answer"] = (answer, error)
        answer, error = vars(self)["answer"]
        if self.process.returncode:
            said = error.decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else f"exit code {self.process.returncode}"
            raise BayescaleError(
                f"Compiling {', '.join(self.laws)} in the background came to nothing: {reason}. "
                "Fits compile what they need; bs.warm(...) in this process shows the whole error."
            )
        return table(json.loads(answer))

    def stop(self) -> None:
        """Stop compiling; what is finished stays in the cache."""
        self.process.terminate()

    def __repr__(self) -> str:
        """Return what is compiled, and whether it still is."""
        state = "running" if self.running else "done"
        return f"Warming({', '.join(self.laws)}: {state})"


def _started(chosen: list[Pair]) -> Warming:
    import cloudpickle

    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    made = Warming(tuple(map(_named, chosen)), process)
    atexit.register(made.stop)
    assert process.stdin is not None
    # By value where a law is defined in a notebook or a script, which the process cannot import.
    pickle.dump((list(sys.path), cloudpickle.dumps(chosen)), process.stdin)
    process.stdin.close()
    process.stdin = None  # so that communicate() leaves it alone
    return made


def answer(job: bytes) -> None:
    """Compile, as the process in the background, and write the rows to standard output."""
    import cloudpickle

    # What the user does meanwhile comes first.
    if hasattr(os, "nice"):
        os.nice(10)
    warnings.simplefilter("ignore")  # the fits warn of what is wrong
    out, sys.stdout = sys.stdout, sys.stderr  # for the rows alone
    json.dump(list(warmed(cloudpickle.loads(job))), out)
    out.flush()
