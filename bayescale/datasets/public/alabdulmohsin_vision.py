"""Few-shot image classification along pre-training, Alabdulmohsin et al."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_DOMAINS = {
    "IC": "image_classification",
    "NMT": "nmt",
    "LM": "language_modelling",
    "BB": "big_bench",
}
_SPLITS = {1: "train", 0: "extrapolation"}


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return the benchmark's rows with our names."""
    return renamed(files["benchmark.vision.csv"])


def renamed(content: bytes) -> pd.DataFrame:
    """Return a file of the benchmark with our names, curve by curve."""
    import pandas as pd

    texts: Any = {"Domain": str, "Task": str, "Model": str}
    source = pd.read_csv(io.BytesIO(content), dtype=texts)
    # What is not among these is another layout, and a KeyError says so.
    table = pd.DataFrame(
        {
            "domain": [_DOMAINS[domain.strip()] for domain in source["Domain"]],
            "task": source["Task"],
            "model": source["Model"],
            "split": [_SPLITS[training] for training in source["Training"]],
            "examples": source["Seen Examples"].round().astype("int64"),
            "loss": source["Loss"],
        }
    )
    in_order = ["domain", "task", "model", "examples"]
    return table.sort_values(in_order, kind="stable", ignore_index=True)
