"""The command ``bayescale``, and ``python -m bayescale``."""

from __future__ import annotations

import sys
import traceback
from io import TextIOWrapper


def main() -> int:
    """Run the command line.

    Returns
    -------
    int
        The exit code where the command did not set it: 0 fine, 1 the fit has problems that are
        printed, 2 wrong usage or data, 70 a mistake in bayescale, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek still gets its table
    try:
        from bayescale.cli import app

        app(prog_name="bayescale")
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        print(
            "This is a mistake in bayescale; please report it with the lines above.",
            file=sys.stderr,
        )
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
