"""What a million curves take on many workers, and where the scheduler becomes the limit.

Run: uv run python benchmarks/cluster_plan.py [--curves 1000000]
The costs are measured here, in one run: a curve and the start-up of a worker, in a process of its
own; the parent's time and memory for each job (grouping, hashing) and each record (keeping it,
writing it); and Dask's time for a task, by CPU time of the client and of the scheduler in separate
processes, with tasks as large as real ones that do nothing. With them the road of
``bayescale.fit_many`` through a Dask client is simulated, event by event:

    parent, one after another: submit while fewer than MOST chunks are under way; look which are
    done; take their records in; write them once a second
    -> scheduler (one process) -> a free worker: fit -> scheduler -> parent

Not in it: the network's latency, heartbeats of workers, workers that die or wait for each other's
disk, a parent that runs out of memory (the table says what it needs). The rate of a long batch is
the one of the simulated part. Writes benchmarks/results/cluster_plan.csv.
"""

import argparse
import gc
import heapq
import itertools
import json
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd
from scale_curves import simulated

import bayescale as bs
from bayescale import batch, batch_jobs, curve_record, workers
from bayescale.batch_store import CADENCE, Store

HERE = Path(__file__).parent
WORKERS = (1, 10, 30, 64, 100, 200, 300, 1000)
CHUNKS = (1, 10, 100)
#: The number of workers that the plan is for, and chunks under way that are too few for it.
AIM, FEW = 100, 64
#: At least so many chunks are simulated, and so many for each worker.
CHUNKS_LEAST, CHUNKS_EACH = 20_000, 40


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes, measured."""

    curve: np.ndarray = field(repr=False)  # of every measured curve, in a worker
    start_up: float  # of a worker: imports, and a law compiled with a warm cache on disk
    job: float  # of the parent, before anything is sent
    job_bytes: float  # held by the parent
    job_sent: float
    plan_sent: float  # with every chunk
    record: float  # of the parent: kept and written
    record_bytes: float
    record_sent: float
    finish: float  # of the parent, for each curve, when all are done
    file: float  # of the parent: one file of records
    look: float  # of the parent: to see which of k chunks are done, for each
    client: float  # of the parent, for each task
    client_job: float  # and for each job in it
    scheduler: float  # for each task


# Measured -----------------------------------------------------------------------------------------


def plan_and_jobs(count: int):
    """Return plan, jobs, and seconds and bytes a job."""
    plan = batch._planned(
        {"PowerLaw": bs.PowerLaw()}, None, "y", {"x": "x"}, None, None, 0.9, {"x": [1e9]}, None,
        {"draws": 500, "tune": 300, "chains": 4, "retry": True}, None,
    )  # fmt: skip
    runs = simulated(count, broken=False)
    gc.collect()
    before, began = now_resident(), time.perf_counter()
    jobs = batch_jobs.jobs(plan, runs, ("curve",), 0)
    seconds = time.perf_counter() - began
    gc.collect()
    return plan, jobs, seconds / count, (now_resident() - before) / count


def now_resident() -> float:
    """Return this process's resident bytes."""
    import psutil

    return psutil.Process().memory_info().rss


def worker(path: str) -> None:
    """Fit the jobs of a file, as a worker does, and put their records in its place."""
    packed, jobs = pickle.loads(Path(path).read_bytes())
    Path(path).write_bytes(pickle.dumps(curve_record.records(packed, jobs)))


def in_a_worker(packed: bytes, jobs: list) -> tuple[list, np.ndarray, float]:
    """Return records, seconds of curves and of the start-up of a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs"
        walls = []
        for part in (jobs[:1], jobs):  # the first process warms the cache on disk
            path.write_bytes(pickle.dumps((packed, part)))
            began = time.perf_counter()
            subprocess.run([sys.executable, __file__, "--worker", str(path)], check=True)
            walls.append(time.perf_counter() - began)
        records = pickle.loads(path.read_bytes())
    each = np.array([record["seconds"] for record in records[1:]])
    return records, each, walls[1] - each.sum()


def parent_costs(plan, jobs: list, records: list) -> dict:
    """Return what the parent spends on records, on a file of them, and at the end."""
    many = [
        {**json.loads(json.dumps(record)), "name": job.name}
        for job, record in zip(jobs, itertools.cycle(records), strict=False)
    ]
    sent = [pickle.dumps(many[i : i + 10]) for i in range(0, len(many), 10)]
    count = len(many)
    del many
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "batch", plan, 0)
        before, began = now_resident(), time.perf_counter()
        for part in sent:
            store.add(pickle.loads(part))
        store.flush()
        wrote = time.perf_counter() - began
        held = now_resident() - before
        began = time.perf_counter()
        for _ in range(20):
            store.unwritten = [store.done[jobs[0].name]]
            store.flush()
        file = (time.perf_counter() - began) / 20
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = bs.FitTable(("curve",), plan, tuple(jobs), store)
            batch._warn(table)
        finish = (time.perf_counter() - began) / count
    return {
        "record": wrote / count,
        "record_bytes": held / count,
        "record_sent": sum(map(len, sent)) / count,
        "finish": finish,
        "file": file,
    }


def look_seconds(count: int = 2000) -> float:
    """Return seconds, for each of many futures, to see that one of them is done."""
    futures = [Future() for _ in range(count)]
    futures[-1].set_result(None)
    began = time.perf_counter()
    for _ in range(20):
        wait(futures, return_when=FIRST_COMPLETED)
    return (time.perf_counter() - began) / 20 / count


def nothing(packed: bytes, jobs: list) -> list:
    """Stand in for the fits of a chunk."""
    return []


def dask_costs(plan_bytes: bytes, jobs: list, tasks: int) -> dict:
    """Return CPU seconds a task of client and scheduler, each in a process of its own."""
    import psutil
    from distributed import Client
    from distributed.deploy.subprocess import SubprocessCluster

    spent = {}
    large = 50
    with SubprocessCluster(n_workers=1, worker_kwargs={"nthreads": 1}) as cluster:
        client = Client(cluster)
        scheduler = psutil.Process(cluster.scheduler.process.pid)

        def seconds() -> tuple[float, float]:
            theirs = scheduler.cpu_times()
            return time.process_time(), theirs.user + theirs.system

        for size in (1, 1, large):  # the first time warms up
            distinct = itertools.batched(itertools.cycle(jobs), size)
            parts = [list(part) for part in itertools.islice(distinct, tasks)]
            before = seconds()
            # As fit_many goes through a client.
            for _ in workers.run(
                nothing, plan_bytes, parts, executor=Passing(client), chunk=1, lost=print
            ):
                pass
            spent[size] = np.subtract(seconds(), before) / tasks
        client.close()
    each = max(spent[large][0] - spent[1][0], 0.0) / (large - 1)
    return {
        "client": float(spent[1][0]),
        "client_job": float(each),
        "scheduler": float(spent[1][1]),
    }


class Passing:
    """A client whose tasks are chunks already; each is sent as it is."""

    def __init__(self, client) -> None:
        self.pool = client.get_executor(pure=False)

    def submit(self, call, packed, parts):
        return self.pool.submit(call, packed, parts[0])


def measured(curves: int, jobs_count: int, tasks: int) -> Costs:
    import cloudpickle

    plan, jobs, job, job_bytes = plan_and_jobs(jobs_count)
    packed = cloudpickle.dumps(plan)
    records, each, start_up = in_a_worker(packed, jobs[: curves + 1])
    sent = np.mean([len(pickle.dumps([one])) for one in jobs[:200]])
    return Costs(
        curve=each,
        start_up=start_up,
        job=job,
        job_bytes=job_bytes,
        job_sent=float(sent),
        plan_sent=len(packed),
        look=look_seconds(),
        **parent_costs(plan, jobs, records),
        **dask_costs(packed, jobs, tasks),
    )


# Simulated ----------------------------------------------------------------------------------------


def simulate(costs: Costs, count: int, chunk: int, most: int, total: int, seed: int = 0) -> dict:
    """Return what a batch takes: count workers, chunks of some curves, so many under way."""
    all_chunks = -(-total // chunk)
    chunks = min(all_chunks, max(CHUNKS_LEAST, CHUNKS_EACH * count))
    rng = np.random.default_rng(seed)
    fits = rng.choice(costs.curve, (chunks, chunk)).sum(axis=1).tolist()
    submit = costs.client + costs.client_job * (chunk - 1)
    visit = costs.scheduler / 2  # a task comes by twice: to be sent, and when it is done

    SENT, FITTED, BACK = range(3)
    events: list[tuple[float, int, int]] = []
    idle, queue = [costs.start_up] * count, deque()  # when each free worker is, or was, ready
    heapq.heapify(idle)
    parent = scheduler = busy_parent = busy_scheduler = busy_workers = written = 0.0
    under_way, sent, done = 0, 0, 0
    ready = deque()
    finished = np.empty(chunks)
    while done < chunks:
        # The parent's loop; it sleeps until something is back where there is nothing else to do.
        began = parent
        while sent < chunks and under_way < most:
            parent += submit
            heapq.heappush(events, (parent, SENT, sent))
            sent, under_way = sent + 1, under_way + 1
        while events and (not ready or events[0][0] <= parent):
            at, kind, which = heapq.heappop(events)
            if kind == SENT:
                scheduler = max(at, scheduler) + visit
                busy_scheduler += visit
                if idle:
                    start = max(heapq.heappop(idle), scheduler)
                    heapq.heappush(events, (start + fits[which], FITTED, which))
                else:
                    queue.append(which)
            elif kind == FITTED:
                busy_workers += fits[which]
                scheduler = max(at, scheduler) + visit
                busy_scheduler += visit
                heapq.heappush(events, (scheduler, BACK, which))
                if queue:  # sent ahead of time, as Dask does
                    then = queue.popleft()
                    heapq.heappush(events, (at + fits[then], FITTED, then))
                else:
                    heapq.heappush(idle, at)
            else:
                ready.append((at, which))
        busy_parent += parent - began
        parent = max(parent, ready[0][0])
        began = parent
        parent += costs.look * under_way
        while ready and ready[0][0] <= parent:
            parent += costs.record * chunk
            finished[done] = parent
            ready.popleft()
            under_way, done = under_way - 1, done + 1
        if parent - written > CADENCE:
            parent += costs.file
            written = parent
        busy_parent += parent - began
    # The rate of the middle goes for what was not simulated.
    low, high = chunks // 4, 3 * chunks // 4
    rate = (high - low) / (finished[high] - finished[low])
    loop = finished[-1] + (all_chunks - chunks) / rate
    before, after = costs.job * total, costs.finish * total
    return {
        "workers": count,
        "chunk": chunk,
        "under_way": most,
        "hours": (before + loop + after) / 3600,
        "hours_of_the_loop": loop / 3600,
        "curves_per_s": total / loop,
        "busy_workers": busy_workers / finished[-1] / count,
        "busy_parent": busy_parent / finished[-1],
        "busy_scheduler": busy_scheduler / finished[-1],
        "parent_GiB": total * (costs.job_bytes + costs.record_bytes) / 2**30,
        "sent_GiB": (
            total * (costs.job_sent + costs.record_sent) + all_chunks * costs.plan_sent
        ) / 2**30,
    }  # fmt: skip


def conclusion(table: pd.DataFrame, costs: Costs, total: int) -> list[str]:
    """Return what the table says, in words."""
    words = [
        f"A curve takes a worker {1e3 * costs.curve.mean():.0f} ms and a worker starts in "
        f"{costs.start_up:.0f} s. A curve takes the parent {1e3 * costs.job:.2f} ms before the "
        f"first is sent, {1e3 * costs.client_job:.2f} ms to be sent, "
        f"{1e3 * costs.record:.2f} ms when it is back and {1e3 * costs.finish:.2f} ms at "
        f"the end; a task takes the client {1e3 * costs.client:.2f} ms and the scheduler "
        f"{1e3 * costs.scheduler:.2f} ms."
    ]
    enough = table[table["under_way"] == 2 * table["workers"]]
    for chunk, sizes in enough.groupby("chunk"):
        best = sizes["curves_per_s"].max()
        row = sizes[sizes["curves_per_s"] > 0.95 * best].iloc[0]
        who = max(("parent", "scheduler", "workers"), key=lambda who: row[f"busy_{who}"])
        words.append(
            f"Chunks of {chunk}: more than {row['workers']:.0f} workers do not help beyond "
            f"{best:.0f} curves/s, where the {who} {'are' if who == 'workers' else 'is'} "
            f"{row[f'busy_{who}']:.0%} busy."
        )
    at = table.set_index(["workers", "chunk", "under_way"])["hours"]
    here = enough[enough["workers"] == AIM].set_index("chunk")
    right = min(CHUNKS, key=lambda chunk: (round(here["hours"][chunk], 1), chunk))
    row = here.loc[right]
    words += [
        f"{total:,} curves on {AIM} workers: chunks of {right} take {row['hours']:.2f} h with "
        f"{2 * AIM} under way (workers {row['busy_workers']:.0%} busy, parent "
        f"{row['busy_parent']:.0%}), and {at[AIM, right, FEW]:.2f} h with {FEW}.",
        f"{(costs.job + costs.finish) * total / 3600:.2f} h of that no worker is busy, before the "
        f"first chunk and after the last. The parent holds {row['parent_GiB']:.0f} GiB at the end "
        f"({costs.job_bytes / 1024:.1f} KiB a job, {costs.record_bytes / 1024:.1f} KiB a record).",
    ]
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curves", type=int, default=1_000_000)
    parser.add_argument("--measured", type=int, default=200, help="curves that are really fitted")
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of the parent's costs")
    parser.add_argument("--tasks", type=int, default=2000, help="tasks of Dask's costs")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.worker:
        worker(asked.worker)
        return
    costs = measured(asked.measured, asked.jobs, asked.tasks)
    for part in fields(costs):
        value = getattr(costs, part.name)
        print(f"{part.name:>13}: {np.mean(value):.4g}")
    table = pd.DataFrame(
        simulate(costs, count, chunk, most, asked.curves)
        for count in WORKERS
        for chunk in CHUNKS
        for most in sorted({FEW, 2 * count})
    )
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    for words in conclusion(table, costs, asked.curves):
        print(words)
    asked.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(asked.out / "cluster_plan.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
