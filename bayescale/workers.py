"""Who runs the chunks of a batch: this process, processes of our own, or any executor.

Nothing is lost when a worker dies: every chunk that was under way is tried again alone, a chunk
that fails alone is split into single jobs, and a job that fails twice alone is given up with its
reason, so that one bad curve cannot take others with it.
"""

from __future__ import annotations

import functools
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any

from bayescale.errors import BayescaleError, LawError
from bayescale.given import short

#: Tries of a single job, alone, before it is given up.
TRIES = 2
#: Threads of one process take turns: compiling and catching warnings are not safe in parallel.
turn = threading.Lock()
#: Workers that an executor may have which does not say how many.
_FEWEST = 32
#: Seconds after which an executor is asked again how many workers it has.
_ASKED_EVERY = 5.0
#: What a worker needs and every fit imports; loaded once, before workers are forked.
_IMPORTS = ["bayescale.curve_record", "bayescale.forms", "pymc", "nutpie", "arviz", "xarray"]


@dataclass(eq=False)
class _Chunk:
    jobs: Sequence[Any]
    tries: int = 0


def check(executor: Any, workers: int | None) -> None:
    """Raise an error unless at most one of the two is given, and it can be used."""
    if executor is not None and workers is not None:
        raise LawError("Give executor= or workers=, not both: an executor has workers of its own.")
    if workers is not None and (
        isinstance(workers, bool) or int(workers) != workers or workers < 1
    ):
        raise LawError(f"workers= must be a whole number of at least 1; got {short(workers)}.")
    if executor is not None and not hasattr(executor, "submit"):
        raise LawError(
            "executor= must be a concurrent.futures.Executor or a dask.distributed.Client; got "
            f"{type(executor).__name__}."
        )


def run(
    call: Callable[..., list],
    packed: bytes,
    jobs: Sequence[Any],
    *,
    executor: Any = None,
    workers: int | None = None,
    chunk: int = 10,
    lost: Callable[[Any, str], Any],
) -> Iterator[list]:
    """Yield the results of jobs, chunk by chunk, in the order in which they are done.

    Parameters
    ----------
    call
        From ``packed`` and a list of jobs to a list of results; a function of a module.
    packed
        What all jobs have in common.
    jobs
        What is to be done.
    executor, workers
        Who does it: this process where both are None.
    chunk
        Jobs that are sent together.
    lost
        From a job and a reason to the result of one that was given up.

    Yields
    ------
    list
        Results of some jobs.

    Raises
    ------
    BayescaleError
        If an executor that cannot be started again dies, or no worker starts.
    """
    if executor is None and workers is None:
        for job in jobs:
            yield call(packed, [job])
        return
    chunks = deque(_Chunk(jobs[i : i + chunk]) for i in range(0, len(jobs), chunk))
    pool = _Given(executor) if executor is not None else _Own(min(workers or 1, len(chunks)))
    try:
        yield from _through(pool, call, packed, chunks, lost)
    except BaseException:
        pool.stop()
        raise
    pool.close()


def ordered(
    call: Callable[..., list],
    packed: bytes,
    jobs: Sequence[Any],
    *,
    executor: Any = None,
    workers: int | None = None,
    done: Callable[[int], object] = lambda count: None,
) -> list:
    """Return the results of jobs in their own order; for few long jobs that are all needed.

    Parameters
    ----------
    call, packed, jobs, executor, workers
        As for :func:`run`.
    done
        Called with how many jobs were just done.

    Returns
    -------
    list
        A result for each job.

    Raises
    ------
    BayescaleError
        If a job was given up, or an executor dies that cannot be started again.
    """
    check(executor, workers)
    found: dict[int, Any] = {}
    results = run(
        functools.partial(_numbered, call), packed, list(enumerate(jobs)),
        executor=executor, workers=workers, chunk=1, lost=lambda job, why: (job[0], _Lost(why)),
    )  # fmt: skip
    for part in results:
        found |= part
        done(len(part))
    for result in found.values():
        if isinstance(result, _Lost):
            raise BayescaleError(f"A worker could not do its part: {result.reason}.")
    return [found[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class _Lost:
    reason: str


def _numbered(call: Any, packed: bytes, jobs: Sequence[tuple[int, Any]]) -> list:
    with turn:
        results = call(packed, [job for _, job in jobs])
    return [(number, result) for (number, _), result in zip(jobs, results, strict=True)]


def _through(
    pool: Any, call: Any, packed: bytes, waiting: deque[_Chunk], lost: Any
) -> Iterator[list]:
    suspects: deque[_Chunk] = deque()
    running: dict[Future, _Chunk] = {}
    while waiting or suspects or running:
        # A suspect runs with nothing beside it, so that it is known who was at fault.
        alone = bool(suspects) and not running
        sent = [suspects.popleft()] if alone else []
        while waiting and not (alone or suspects) and len(running) + len(sent) < pool.most:
            sent.append(waiting.popleft())
        broken: BaseException | None = None
        failed: list[_Chunk] = []
        for part in sent:
            try:
                running[pool.submit(call, packed, part.jobs)] = part
            except BrokenExecutor as error:
                broken = error
                failed.append(part)
        done = wait(running, return_when=FIRST_COMPLETED).done if running and not broken else ()
        for future in done:
            part = running.pop(future)
            try:
                result = future.result()
            except BrokenExecutor as error:
                broken = error
                failed.append(part)
            except Exception as error:  # of this chunk only: it could not be sent, or came to grief
                result = [lost(job, _words(error)) for job in _tried(part, suspects)]
                yield result
            else:
                yield result
        if broken is None:
            continue
        failed += running.values()
        running.clear()
        pool.restart(broken)
        if alone:
            reason = f"its worker died {TRIES} times ({_words(broken)})"
            yield [lost(job, reason) for job in _tried(failed[0], suspects)]
        else:
            suspects.extend(failed)


def _tried(part: _Chunk, suspects: deque[_Chunk]) -> list[Any]:
    """Count a try of a chunk that failed by itself; return its jobs when they are given up."""
    if len(part.jobs) > 1:
        suspects.extend(_Chunk([job]) for job in part.jobs)
        return []
    part.tries += 1
    if part.tries < TRIES:
        suspects.append(part)
        return []
    return list(part.jobs)


def _words(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {words}"


def context() -> Any:
    """Return how processes are started, with what every fit imports loaded once for all.

    A fork of this process could inherit locks held by its threads; a fork server has none.
    """
    import multiprocessing

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(_IMPORTS)
    return found


class _Given:
    """An executor of the user's; a Dask client hands out one of its own."""

    def __init__(self, executor: Any) -> None:
        self.pool = executor.get_executor() if hasattr(executor, "get_executor") else executor
        self.executor = executor
        self.size, self.asked_at = 0, -math.inf
        self.futures: set[Future] = set()

    @property
    def most(self) -> int:
        """How many chunks are sent: no worker waits, and stopping loses little."""
        if time.monotonic() - self.asked_at > _ASKED_EVERY:
            self.asked_at = time.monotonic()
            self.size = getattr(self.executor, "_max_workers", None) or _FEWEST
            if hasattr(self.executor, "nthreads"):  # Dask's workers, which may become more
                self.size = max(sum(self.executor.nthreads().values()), _FEWEST)
        return 2 * int(self.size)

    def submit(self, *args: Any) -> Future:
        try:
            future = self.pool.submit(*args)
        except RuntimeError as error:  # shut down, or broken: the class differs by executor
            self.restart(error)
            raise
        self.futures.add(future)
        future.add_done_callback(self.futures.discard)
        return future

    def restart(self, error: BaseException) -> None:
        raise BayescaleError(
            f"The executor died ({_words(error)}), and one that was given cannot be started again. "
            "What was finished is in the folder, where folder= was given: run the same call with a "
            "new executor, or with workers=, and it goes on from there."
        ) from error

    def close(self) -> None:
        """Leave the executor to its owner."""

    def stop(self) -> None:
        for future in list(self.futures):
            future.cancel()


class _Own:
    """A pool of processes of our own, started again when one of them dies."""

    def __init__(self, workers: int) -> None:
        self.workers, self.most = workers, 2 * workers
        self._start()

    def _start(self) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self.pool = ProcessPoolExecutor(self.workers, context(), _deaf)
        try:
            self.pool.submit(_ready).result()
        except BrokenExecutor as error:
            raise BayescaleError(
                "No worker process could be started. In a script, call fit_many under "
                'if __name__ == "__main__": (worker processes import the script); otherwise see '
                f"the error above, or leave out workers=. ({_words(error)})"
            ) from error

    def submit(self, *args: Any) -> Future:
        return self.pool.submit(*args)

    def restart(self, error: BaseException) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        self._start()

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        # A chunk can take minutes; workers hold nothing that is worth waiting for.
        processes = list((getattr(self.pool, "_processes", None) or {}).values())
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def _deaf() -> None:
    """Leave Ctrl-C to the parent, which ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ready() -> bool:
    return True
