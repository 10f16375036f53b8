"""Build the site from the documentation: gallery, reference, notebooks, pages; strictly.

Run: uv run --group docs python docs/build_site.py [--out build/site] [--no-notebooks]
Needs no network. A broken link, a docstring that does not parse, a notebook that fails, or a page
that no other leads to ends it with an error.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent
FRONT = (
    '<!doctype html><title>bayescale</title><meta http-equiv="refresh" content="0; '
    'url=docs/index.html"><a href="docs/index.html">bayescale</a>\n'
)


def main() -> None:
    """Write what is generated, and call Sphinx."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=TOP / "build" / "site")
    arguments.add_argument(
        "--no-notebooks", action="store_true", help="show notebooks as they are stored, not run"
    )
    given = arguments.parse_args()
    for script in ("gallery.py", "reference.py"):
        subprocess.run([sys.executable, TOP / "docs" / script], check=True)
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", TOP / "docs"]
    options += ["-d", given.out.with_name(f"{given.out.name}-trees")]
    if given.no_notebooks:
        options += ["-D", "nb_execution_mode=off"]
    # A notebook shows its pictures, and so does the site, whatever this shell draws with.
    surroundings = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    command = [sys.executable, "-m", "sphinx", *options, TOP, given.out]
    made = subprocess.run(command, check=False, env=surroundings)
    if made.returncode:
        sys.exit(made.returncode)
    (given.out / "index.html").write_text(FRONT)
    print(f"Open {given.out / 'index.html'}")


if __name__ == "__main__":
    main()
