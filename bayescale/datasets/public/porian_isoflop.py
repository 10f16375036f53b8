"""IsoFLOP points under set-ups from Kaplan's to Hoffmann's exponents, Porian et al."""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bayescale.datasets.plain_pickles import plain

if TYPE_CHECKING:
    import pandas as pd

_DATASETS = {"rw": "refinedweb", "owt2": "openwebtext2"}


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the points that the authors' curves at each budget go through.

    The pickles are read by an unpickler that knows pandas' and numpy's containers and nothing else.
    """
    import pandas as pd

    parts = []
    for content in files.values():
        for setup in plain(lzma.decompress(content)).to_dict("records"):
            known = {"dataset": _DATASETS[setup["dataset"]]}
            known |= {key: setup[key] for key in ("hparams", "warmup", "decay", "param_count")}
            known |= {"loss_split": setup["val"]}
            for budget in setup["optimal_pairs"].to_dict("records"):
                flops, params = float(budget["flops"]), pd.Series(list(budget["n_vals"]))
                measured = {"flops": flops, "params": params, "tokens": flops / (6 * params)}
                measured |= {"loss": list(budget["loss_vals"])}
                parts.append(pd.DataFrame(known | measured))
    return pd.concat(parts, ignore_index=True)
