"""Downstream accuracies of the same OpenLM runs with counts of test items, Gadre et al."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bayescale.datasets.public.gadre_overtraining_loss import models, run

if TYPE_CHECKING:
    import pandas as pd

#: Means over categories: their accuracy is no share of the test items.
_OF_CATEGORIES = ("mmlu", "mmlu_zeroshot", "bbq", "jeopardy")
#: The source repeats ARC-Easy's count for ARC-Challenge.
_CORRECTED = {"arc_challenge": 1172}


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return one row a run and task."""
    import pandas as pd

    tasks = _tasks(files["exp_data/eval_metadata.csv"])
    rows = []
    for name, model in models(files).items():
        evaluation = json.loads(files[f"exp_data/evals/evaluation_{name}_heavy.json"])
        known = run(name, model)
        del known["params_no_embed"]
        for task, accuracy in evaluation["eval_metrics"]["icl"].items():
            items, shares = tasks[task]["n_items"], task not in _OF_CATEGORIES
            measured = {
                "n_correct": round(accuracy * items) if shares else None,
                "accuracy": accuracy,
                "is_item_proportion": int(shares),
            }
            rows.append(known | {"task": task} | tasks[task] | measured)
    return pd.DataFrame(rows)


def _tasks(content: bytes) -> dict[str, dict[str, Any]]:
    """Return what is known of each task."""
    found = {}
    for line in csv.DictReader(io.StringIO(content.decode())):
        task = line["Eval Task"].strip()
        found[task] = {
            "task_type": line["Task Type"].strip(),
            "n_shots": int(line["#shots"]),
            "chance": float(line["Random baseline"]) / 100,
            "n_items": _CORRECTED.get(task, int(line["#datapoints"])),
        }
    return found
