"""Zero-shot accuracies of Pythia's models along training, Biderman et al."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: Parameters with and without embeddings, from Pythia's documentation.
_PARAMS = {
    "70m": (70_426_624, 18_915_328),
    "160m": (162_322_944, 85_056_000),
    "410m": (405_334_016, 302_311_424),
    "1b": (1_011_781_632, 805_736_448),
    "1.4b": (1_414_647_808, 1_208_602_624),
    "2.8b": (2_775_208_960, 2_517_652_480),
    "6.9b": (6_857_302_016, 6_444_163_072),
    "12b": (11_846_072_320, 11_327_027_200),
}
#: Test items of each task; the standard errors in the files agree with them.
_ITEMS = {
    "arc_challenge": 1172,
    "arc_easy": 2376,
    "lambada_openai": 5153,
    "logiqa": 651,
    "piqa": 1838,
    "sciq": 1000,
    "winogrande": 1267,
    "wsc": 104,
}
_TOKENS_A_STEP = 2_097_152
_FILE = re.compile(r"evals/pythia-v1/pythia-([\d.]+[mb])(-deduped)?/zero-shot/.*_step(\d+)\.json")


def convert(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return one row a model, step and task."""
    import pandas as pd

    rows = []
    for name, content in files.items():
        found = _FILE.fullmatch(name)
        if not found or found[1] not in _PARAMS:
            continue
        model, deduplicated, step = found[1], int(bool(found[2])), int(found[3])
        results = json.loads(content)["results"]
        known = {"model": model, "deduplicated_data": deduplicated, "params": _PARAMS[model][0]}
        known |= {"params_non_embedding": _PARAMS[model][1]}
        known |= {"step": step, "tokens": step * _TOKENS_A_STEP}
        for task, items in _ITEMS.items():
            accuracy = results[task]["acc"]
            counts = {"n_items": items, "n_correct": round(accuracy * items)}
            measured = {"task": task, "accuracy": accuracy, **counts}
            rows.append(known | measured | {"perplexity": results[task].get("ppl")})
    table = pd.DataFrame(rows)
    in_order = ["deduplicated_data", "params", "task", "step"]
    return table.sort_values(in_order, kind="stable", ignore_index=True)
