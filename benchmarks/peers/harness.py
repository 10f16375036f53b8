"""What every peer does besides fitting: read a job, time the fits, print the result.

A job is a JSON object on standard input: ``started`` (the clock when the process was started),
``case``, ``data`` (a list of data sets, each column to values), ``at`` (role to the input to
predict at), ``seed`` and ``settings``. The result is one JSON object on standard output. A job
without data imports everything, fits nothing and says which Python and versions it found.

A peer defines ``fit(job, data) -> dict`` with ``interval`` (5 %, 50 % and 95 % of the curve) and,
where it samples, ``draws``: constant to an array of shape (chain, draw).
"""

import base64
import json
import os
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

LEVELS = (0.05, 0.5, 0.95)


def answer(fit: Callable[[dict, dict], dict], *packages: str) -> None:
    """Read a job, fit its data sets one after the other, print what was found.

    Parameters
    ----------
    fit
        From job and data (column to array) to the result.
    *packages
        Whose versions to report.
    """
    printed = os.dup(1)
    os.dup2(2, 1)  # what libraries print is not the result
    warnings.simplefilter("ignore")
    job = json.load(sys.stdin)
    fits = []
    for data in job.get("data", []):
        # The first fit begins with the process: starting Python and imports count.
        cpu, start = (cpu_seconds(), time.time()) if fits else (0.0, job["started"])
        found = fit(job, {name: np.asarray(column) for name, column in data.items()})
        found |= {"wall_s": time.time() - start, "cpu_s": cpu_seconds() - cpu}
        fits.append(found)
    peak = peak_mib()
    for found in fits:
        found["interval"] = [float(value) for value in found["interval"]]
        found["draws"] = {k: packed(v) for k, v in found.get("draws", {}).items()}
    result = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": {name: version(name) for name in packages},
        "fits": fits,
        "peak_mib": peak,
    }
    with os.fdopen(printed, "w") as out:
        json.dump(result, out)


def interval(curve: Any) -> np.ndarray:
    """Return the quantiles of the curve's draws that are reported."""
    return np.quantile(np.asarray(curve, float), LEVELS)


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of its children, ended or not."""
    tick = os.sysconf("SC_CLK_TCK")
    total = sum(os.times()[:4])
    for child in descendants():
        # After the name in brackets: user and system time are the 14th and 15th field of the line.
        fields = (child / "stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15]) / tick
    return total


def peak_mib() -> float:
    """Return the largest resident memory of this process, or of its largest child, in MiB.

    ``ru_maxrss`` of a process begins at that of the process that started it (Linux keeps it over
    exec), so the kernel's own mark is read where there is one.
    """
    unit = 2**20 if sys.platform == "darwin" else 2**10
    marks = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit]
    if not Path("/proc/self/status").exists():
        return max(*marks, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    for process in (Path("/proc/self"), *descendants()):
        lines = (process / "status").read_text().splitlines()
        marks += [int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM")]
    return max(marks)


def descendants(process: str = "self") -> list[Path]:
    """Return the folders in /proc of this process's living descendants; none on other systems."""
    found = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        for child in listed.read_text().split():
            found += [Path(f"/proc/{child}"), *descendants(child)]
    return found


def packed(draws: Any) -> dict[str, Any]:
    """Return an array as JSON can hold it."""
    array = np.ascontiguousarray(draws, np.float64)
    return {"shape": array.shape, "base64": base64.b64encode(array.tobytes()).decode()}


def unpacked(record: dict[str, Any]) -> np.ndarray:
    """Return the array that :func:`packed` wrote."""
    return np.frombuffer(base64.b64decode(record["base64"])).reshape(record["shape"])
