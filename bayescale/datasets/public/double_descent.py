"""Double-descent curves, Nakkiran et al., from the copy that Lee et al. keep as a pickle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayescale.datasets.plain_pickles import plain

if TYPE_CHECKING:
    import pandas as pd
#: A replicate's name; the first has none.
_NUMBERED = re.compile(r"(.+)-rep(\d+)")


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the curves; a replicate's number stands behind its name, but for the first.

    The pickle is read by an unpickler that knows numpy's arrays and nothing else.
    """
    import pandas as pd

    seen: Counter[str] = Counter()
    parts = []
    for name, x_name, y_name, x, y in plain(files["dd_data.pkl"]):
        numbered = _NUMBERED.fullmatch(name)
        task = numbered[1] if numbered else name
        seen[task] += not numbered
        replicate = int(numbered[2]) if numbered else seen[task]
        known = {"task": task, "replicate": replicate, "x_name": x_name, "y_name": y_name}
        parts.append(pd.DataFrame(known | {"x": list(x), "y": list(y)}))
    return pd.concat(parts, ignore_index=True)
