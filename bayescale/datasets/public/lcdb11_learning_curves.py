"""Learning curves of classical learners, LCDB 1.1, Yan et al."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return one row a data set, learner and training size at which it was measured."""
    import pandas as pd

    meta, names = json.loads(files["meta.json"]), json.loads(files["names.json"])
    ids = sorted(int(name.removesuffix(".json")) for name in files if name[0].isdigit())
    rows = []
    for openml_id in ids:
        curves = json.loads(files[f"{openml_id}.json"])
        for learner, (means, errors) in zip(meta["learners"], curves, strict=True):
            # A file has as many sizes as its data set allows, or all with nothing beyond.
            for examples, mean, error in zip(meta["anchors"], means, errors, strict=False):
                if mean[2] is None:
                    continue
                known = (names[str(openml_id)], openml_id, learner, examples)
                rows.append((*known, *mean, error[2]))
    columns = ["dataset", "openml_id", "learner", "examples", "train_error", "val_error"]
    return pd.DataFrame(rows, columns=[*columns, "test_error", "test_error_stderr"])
