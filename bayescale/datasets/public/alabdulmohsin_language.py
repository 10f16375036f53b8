"""Translation, language models and BIG-bench along training, Alabdulmohsin et al."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayescale.datasets.public.alabdulmohsin_vision import renamed

if TYPE_CHECKING:
    import pandas as pd


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the benchmark's rows with our names; rows that are written several times, once."""
    import pandas as pd

    table = renamed(files["benchmark.lang.csv"])
    rows = table.groupby(list(table.columns), sort=False, as_index=False)
    return pd.DataFrame(rows.size()).rename(columns={"size": "copies_in_source"})
