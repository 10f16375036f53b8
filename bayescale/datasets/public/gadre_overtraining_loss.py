"""Losses of OpenLM runs on eight validation sets, with their intervals, Gadre et al."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_MODELS = "exp_data/models/"


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return one row a run and validation set."""
    import pandas as pd

    rows = []
    for name, model in models(files).items():
        for result in model["results"]:
            measured = {
                "val_dataset": _validation_set(result["val_data"][0]),
                "loss": result["loss"],
                "loss_seq_lo95": result["loss_sequences_lower_95"],
                "loss_seq_hi95": result["loss_sequences_upper_95"],
                "loss_tok_lo95": result["loss_tokens_lower_95"],
                "loss_tok_hi95": result["loss_tokens_upper_95"],
                "n_sequences": result["sequences"],
            }
            rows.append(run(name, model) | measured)
    return pd.DataFrame(rows)


def models(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the files about runs by their name, in order."""
    names = sorted(name for name in files if name.startswith(_MODELS))
    if not names:
        raise KeyError(_MODELS)
    return {PurePosixPath(name).stem: json.loads(files[name]) for name in names}


def run(name: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a run; its name is training set, architecture and multiplier."""
    chosen = model["hyperparameters"]
    dataset = model["dataset_name"]
    return {
        "train_dataset": dataset,
        "model": name.removeprefix(f"{dataset}-").rpartition("-")[0],
        "params": chosen["params"],
        "params_no_embed": chosen["params_no_embed"],
        "tokens": chosen["tokens"],
        "token_multiplier": chosen["tokens"] / chosen["params"],
    }


def _validation_set(path: str) -> str:
    """Return a validation set's name: of its folder, but the pair of languages needs the file's."""
    parts = PurePosixPath(path)
    return parts.stem if parts.stem.startswith("val_") else parts.parent.name
