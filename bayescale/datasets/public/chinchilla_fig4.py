"""Points of Hoffmann et al.'s Figure 4 as Besiroglu et al. recovered them from its picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return parameters, tokens, compute and loss; tokens follow from the other two."""
    import pandas as pd

    source = pd.read_csv(io.BytesIO(files["svg_extracted_data.csv"]))
    source = source[["Model Size", "Training FLOP", "loss"]].dropna()
    params, flops = source["Model Size"], source["Training FLOP"]
    table = {"params": params, "tokens": flops / (6 * params), "flops": flops}
    return pd.DataFrame(table | {"loss": source["loss"]}).reset_index(drop=True)
