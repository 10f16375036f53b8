"""What ``--help`` shows of each command in use; docs/command-line.md runs the same lines."""

from __future__ import annotations

#: Command to lines that work, the plainest first.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("bayescale demo", "bayescale demo --model knn --out knn"),
    "outlook": ("bayescale outlook runs.csv --x params --y loss --at 1e10,1e11",),
    "fit": (
        "bayescale fit runs.csv --x params --y loss --law broken --breaks 1 -o fit.nc",
        "bayescale fit runs.csv --x params --y loss --y-sd 0.01 --resolution 0.001",
        "bayescale fit grid.csv --law chinchilla --input params=params --input tokens=tokens "
        "--y loss -o grid.nc",
    ),
    "forecast": (
        "bayescale forecast fit.nc --x 1e10,1e11",
        "bayescale forecast fit.nc --x 1e10 --json > forecast.json",
    ),
    "required": ("bayescale required fit.nc --y 2.0",),
    "compare": (
        "bayescale compare runs.csv --x params --y loss --laws power,broken --holdout 0.25",
    ),
    "plan": (
        "bayescale plan fit.nc --candidates candidates.csv --goal x=1e12 --cost dollars "
        "--budget 300",
    ),
    "report": ("bayescale report fit.nc --quick -o report.html",),
    "warm": ("bayescale warm power", "bayescale warm forecast"),
    "laws": ("bayescale laws",),
    "datasets": ("bayescale datasets",),
    "frontier": ("bayescale frontier grid.nc --compute 1e21,1e22 --y 2.2 --price 2e-18",),
    "fetch": ("bayescale fetch chinchilla_fig4 -o runs.csv",),
}


def shown(command: str) -> str:
    """Return the lines as the end of a command's help, which is not to be wrapped."""
    lines = EXAMPLES[command]
    head = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", head, *(f"  {line}" for line in lines)])
