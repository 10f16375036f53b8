"""Double-descent curves, Nakkiran et al., from the copy that Lee et al. keep as a pickle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayescale.datasets.plain_pickles import plain

if TYPE_CHECKING:
    import pandas as pd


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the curves; one that is there several times has replicates 1, 2, ...

    The pickle is read by an unpickler that knows numpy's arrays and nothing else.
    """
    import pandas as pd

    seen: Counter[str] = Counter()
    parts = []
    for task, x_name, y_name, x, y in plain(files["dd_data.pkl"]):
        seen[task] += 1
        known = {"task": task, "replicate": seen[task], "x_name": x_name, "y_name": y_name}
        parts.append(pd.DataFrame(known | {"x": list(x), "y": list(y)}))
    return pd.concat(parts, ignore_index=True)
