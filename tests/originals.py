"""Stand-ins of the original files of public data sets: the sources' layouts, tables of ours."""

import io
import json
import lzma
import pickle
import zipfile
from collections import defaultdict

import numpy as np
import pandas as pd

#: The authors' names of model sizes.
SIZES = {
    "7m": 7.098752e6, "14m": 14.1e6, "20m": 19.703712e6, "25m": 35.5e6, "44m": 44e6, "83m": 82.7e6,
    "146m": 146.5e6, "196m": 201.236224e6, "220m": 220.5e6, "221m": 220.5e6, "280m": 281e6,
    "421m": 421.2e6, "574m": 573.7e6, "619m": 618.7e6, "1b1": 1.0963e9, "1b5": 1.5173e9,
    "2b2": 2.160013824e9, "2b8": 2.81e9, "3b8": 3.581186048e9, "3b9": 3.89971072e9,
    "4b2": 4.2465e9, "8b7": 8.67e9,
}  # fmt: skip
DOMAINS = {
    "image_classification": "IC", "nmt": "NMT", "language_modelling": "LM", "big_bench": "BB",
}  # fmt: skip


def originals(name, table):
    """Return the source's files, by name, that hold a table."""
    return globals()[name](table)


def small(name):
    """Return a small table of a data set, of invented numbers."""
    return globals()[f"small_{name}"]()


def _csv(table):
    return table.to_csv(index=False).encode()


def _zip(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("repository-abc/README.md", "not asked for")
        for name, content in files.items():
            archive.writestr(f"repository-abc/{name}", json.dumps(content))
    return made.getvalue()


# Chinchilla ---------------------------------------------------------------------------------------


def chinchilla_fig4(table):
    source = {"Model Size": table["params"], "Training FLOP": table["flops"], "loss": table["loss"]}
    source = pd.DataFrame(source | {"Unnamed": "#0d0887"})
    unread = pd.DataFrame({"Model Size": [1e9], "Training FLOP": [np.nan], "loss": [np.nan]})
    return {"svg_extracted_data.csv": _csv(pd.concat([source, unread]))}


def small_chinchilla_fig4():
    table = pd.DataFrame({"params": [1e8, 2.5e8, 1e9], "flops": [1e18, 3e18, 1e20]})
    table.insert(1, "tokens", table["flops"] / (6 * table["params"]))
    return table.assign(loss=[3.5, 3.25, 2.5])


# Alabdulmohsin ------------------------------------------------------------------------------------


def _benchmark(table):
    return pd.DataFrame(
        {
            "Domain": table["domain"].map(DOMAINS),
            "Task": table["task"],
            "Model": table["model"],
            "Seen Examples": table["examples"].astype(float),
            "Loss": table["loss"],
            "Training": (table["split"] == "train").astype(int),
        }
    )


def alabdulmohsin_vision(table):
    return {"benchmark.vision.csv": _csv(_benchmark(table))}


def small_alabdulmohsin_vision():
    known = {"domain": "image_classification", "task": "inet_10", "model": "ViT/B/16"}
    seen = {
        "split": ["train", "train", "extrapolation"],
        "examples": [4096000, 8143801, 3137536000],
    }
    return pd.DataFrame(known | seen | {"loss": [0.9, 0.75, 0.5]})


def alabdulmohsin_language(table):
    source = _benchmark(table)
    return {"benchmark.lang.csv": _csv(source.loc[source.index.repeat(table["copies_in_source"])])}


def small_alabdulmohsin_language():
    return pd.DataFrame(
        {
            "domain": ["language_modelling", "language_modelling", "nmt", "big_bench"],
            "task": ["val_loss", "val_loss", "log_perplexity", "('date', '1-shot')"],
            "model": ["1.34e+08", "1.34e+08", "6 Enc, 28 Dec", "262M"],
            "split": ["train", "extrapolation", "train", "train"],
            "examples": [2621440000, 5242880000, 500000, 2621440000],
            "loss": [0.999, 0.98, 0.93, 0.85],
            "copies_in_source": [4, 4, 1, 1],
        }
    )


# Four-digit addition ------------------------------------------------------------------------------


def bnsl_four_digit_addition(table):
    script = f"""
import matplotlib.pyplot as plt
raise SystemExit("a script that is read is not run")
x = np.array([{",\n  ".join(map(str, table["examples"]))}])
y = np.array([{",  ".join(map(repr, table["loss"].tolist()))}])
if __name__ == '__main__':
    split_point = {(table["split"] == "train").sum()}
    x, y = x[:split_point], y[:split_point]
"""
    return {"four_digit_addition.py": script.encode()}


def small_bnsl_four_digit_addition():
    known = {"task": "4_digit_addition", "split": ["train", "train", "extrapolation"]}
    return pd.DataFrame(known | {"examples": [160, 512, 928], "loss": [2.25, 2.0, 0.5]})


# Repeated data ------------------------------------------------------------------------------------


def datablations_c4(table):
    losses = dict(zip(table["run_name"], table["loss"].tolist(), strict=True))
    lines = [f'    "{run}": {loss:.6E}, # a note\n' for run, loss in losses.items()]
    cell = [
        "### DATA ###\n", "NAMES_TO_VAL_LOSSES = {\n", '    # "2b855b4bsubopt": 2.7E+00,\n', *lines,
        '    "3b926b400m": 0,\n', "}\n", f"TOKENS_MAP = {{'100m': 0.1}}\nPARAMS_MAP = {SIZES!r}\n",
    ]  # fmt: skip
    cells = [
        {"cell_type": "markdown", "source": ["NAMES_TO_VAL_LOSSES = {"]},
        {"cell_type": "code", "source": cell, "outputs": []},
        {"cell_type": "code", "source": ["%matplotlib inline\n"]},
    ]
    return {"parametric_fit.ipynb": json.dumps({"cells": cells}).encode()}


def small_datablations_c4():
    return pd.DataFrame(
        [
            ("14m7b5100m", 14.1e6, 7.5e9, 1e8, 75.0, 4.5, None, 0, None),
            ("146m5b9100mdedup", 146.5e6, 5.9e9, 1e8, 59.0, 3.875, None, 1, None),
            ("2b855b28bc4seed1", 2.81e9, 5.5e10, 2.8e10, 55 / 28, 2.625, 1, 0, None),
            ("4b284b12bc4opt2", 4.2465e9, 8.4e10, 1.2e10, 7.0, 2.5, None, 0, "opt_shape"),
            ("4b284b84bc4v2seed3", 4.2465e9, 8.4e10, 8.4e10, 1.0, 2.4375, 3, 0, "v2"),
        ],
        columns=[
            "run_name", "params", "tokens", "unique_tokens", "epochs", "loss", "seed",
            "deduplicated", "variant",
        ],
    )  # fmt: skip


# Overtraining -------------------------------------------------------------------------------------

_PATHS = {"openlm": "val_tok_mult/openlm/shard_0.tar", "c4_val": "c4_val/shard-{0..10}.tar"}


def _models(table):
    """Return the files about runs; without losses where the table has none."""
    files = {}
    keys = ["train_dataset", "model", "params", "tokens"]
    for (dataset, model, params, tokens), rows in table.groupby(keys):
        chosen = {"model": f"configs/{model}.json", "params": params, "tokens": tokens}
        chosen["params_no_embed"] = int(rows["params_no_embed"].iloc[0]) if "loss" in rows else 1
        results = [
            {
                "loss": row.loss,
                "loss_sequences_lower_95": row.loss_seq_lo95,
                "loss_sequences_upper_95": row.loss_seq_hi95,
                "loss_tokens_lower_95": row.loss_tok_lo95,
                "loss_tokens_upper_95": row.loss_tok_hi95,
                "sequences": row.n_sequences,
                "val_data": [f"training/eval_data/{_path(row.val_dataset)}"],
            }
            for row in (rows.itertuples() if "loss" in rows else [])
        ]
        name = f"{dataset}-{model}-{tokens / params / 20}"
        files[name] = {"dataset_name": dataset, "hyperparameters": chosen, "results": results}
    return files


def _path(val_dataset):
    if val_dataset.startswith("val_"):
        return f"val_tok_mult/{val_dataset.split('_')[1]}/{val_dataset}.tar"
    return _PATHS.get(val_dataset, f"val_tok_mult/{val_dataset}/00000001.tar")


def gadre_overtraining_loss(table):
    models = _models(table).items()
    return {"scaling.zip": _zip({f"exp_data/models/{name}.json": made for name, made in models})}


def small_gadre_overtraining_loss():
    known = {"train_dataset": "rpj", "model": "d=96_l=8_h=4", "params": 10569312}
    known |= {"params_no_embed": 5727840, "tokens": 211386240, "token_multiplier": 20.0}
    table = pd.DataFrame(
        known | {"val_dataset": ["openlm", "c4_val", "paloma_ptb", "val_de-en_100"]}
    )
    loss = np.array([6.5, 5.25, 7.5, 7.25])
    names = ["loss", "loss_seq_lo95", "loss_seq_hi95", "loss_tok_lo95", "loss_tok_hi95"]
    for name, change in zip(names, [0, -0.25, 0.25, -0.125, 0.125], strict=True):
        table[name] = loss + change
    return table.assign(n_sequences=[120, 84999, 44, 512])


def gadre_downstream(table):
    files = {f"exp_data/models/{name}.json": made for name, made in _models(table).items()}
    for (dataset, model, params, tokens), rows in table.groupby(
        ["train_dataset", "model", "params", "tokens"]
    ):
        measured = dict(zip(rows["task"], rows["accuracy"], strict=True))
        path = f"exp_data/evals/evaluation_{dataset}-{model}-{tokens / params / 20}_heavy.json"
        files[path] = {"eval_metrics": {"icl": measured}}
    made = io.BytesIO(_zip(files))
    tasks = table.drop_duplicates("task")
    wrong = {"arc_challenge": 2376}
    metadata = pd.DataFrame(
        {
            "Eval Task": tasks["task"],
            "Task Category": "some, thing",
            "Task Type": tasks["task_type"],
            "#shots": tasks["n_shots"],
            "#datapoints": [wrong.get(t, n) for t, n in zip(*_pair(tasks), strict=True)],
            "Random baseline": (100 * tasks["chance"]).astype(int),
        }
    )
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("repository-abc/exp_data/eval_metadata.csv", _csv(metadata))
    return {"scaling.zip": made.getvalue()}


def _pair(tasks):
    return tasks["task"], tasks["n_items"]


def small_gadre_downstream():
    known = {"train_dataset": "c4_original", "model": "open_lm_1b", "params": 1439795200}
    known |= {"tokens": 28795904000, "token_multiplier": 20.0}
    tasks = {
        "task": ["arc_challenge", "mmlu", "squad"],
        "task_type": ["multiple choice", "multiple choice", "language modeling"],
        "n_shots": [10, 5, 10],
        "chance": [0.25, 0.25, 0.0],
        "n_items": [1172, 14042, 10570],
        "n_correct": [293, None, 0],
        "accuracy": [0.25, 0.24, 0.0],
        "is_item_proportion": [1, 0, 1],
    }
    return pd.DataFrame(known | tasks)


# Pythia -------------------------------------------------------------------------------------------


def pythia_downstream(table):
    files = {"evals/pythia-v1/pythia-70m/five-shot/70m-5shot_step1.json": {}}
    for (model, deduplicated, step), rows in table.groupby(["model", "deduplicated_data", "step"]):
        name = f"{model}{'-deduped' * deduplicated}"
        results = {"hendrycksTest-anatomy": {"acc": 0.25}}
        for row in rows.itertuples():
            results[row.task] = {"acc": row.accuracy, "acc_stderr": 0.01}
            if row.perplexity == row.perplexity:
                results[row.task]["ppl"] = row.perplexity
        path = f"evals/pythia-v1/pythia-{name}/zero-shot/{name}_step{step}.json"
        files[path] = {"results": results}
    return {"pythia.zip": _zip(files)}


def small_pythia_downstream():
    items = {
        "arc_challenge": 1172, "arc_easy": 2376, "lambada_openai": 5153, "logiqa": 651,
        "piqa": 1838, "sciq": 1000, "winogrande": 1267, "wsc": 104,
    }  # fmt: skip
    sizes = {"70m": (70426624, 18915328), "1.4b": (1414647808, 1208602624)}
    rows = []
    for model, deduplicated, step in [("70m", 0, 0), ("1.4b", 1, 143000)]:
        for task, n in items.items():
            known = (model, deduplicated, *sizes[model], step, step * 2097152, task)
            perplexity = 10.5 if task == "lambada_openai" else None
            rows.append((*known, (n // 4) / n, n, n // 4, perplexity))
    columns = ["model", "deduplicated_data", "params", "params_non_embedding", "step", "tokens"]
    columns += ["task", "accuracy", "n_items", "n_correct", "perplexity"]
    return pd.DataFrame(rows, columns=columns)


# LCDB ---------------------------------------------------------------------------------------------


def lcdb11_learning_curves(table):
    learners = [*table["learner"].unique(), "DummyClassifier"]
    anchors = sorted(table["examples"].unique().tolist())
    names = dict(zip(table["openml_id"].astype(str), table["dataset"], strict=True))
    meta = {"learners": learners, "anchors": [*anchors, 2 * anchors[-1]]}
    files = {"meta.json": meta, "names.json": names}
    for openml_id, rows in table.groupby("openml_id"):
        curves = [[[[None] * 3 for _ in meta["anchors"]] for _ in range(2)] for _ in learners]
        for row in rows.itertuples():
            mean, error = curves[learners.index(row.learner)]
            at = anchors.index(row.examples)
            mean[at] = [row.train_error, row.val_error, row.test_error]
            error[at] = [0.0, 0.0, row.test_error_stderr]
        files[f"{openml_id}.json"] = curves
    return {name: json.dumps(content).encode() for name, content in files.items()}


def small_lcdb11_learning_curves():
    rows = []
    for openml_id, name in [(3, "kr-vs-kp"), (18, "mfeat-morphological")]:
        for learner in ("SVM_Linear", "TabPFNv2"):
            for examples in (16, 18, 20):
                rows.append((name, openml_id, learner, examples, 0.0, 0.3, 4 / examples, 0.0138))
    columns = ["dataset", "openml_id", "learner", "examples", "train_error", "val_error"]
    return pd.DataFrame(rows, columns=[*columns, "test_error", "test_error_stderr"])


# Porian -------------------------------------------------------------------------------------------


def porian_isoflop(table):
    parts = defaultdict(list)
    keys = ["dataset", "hparams", "warmup", "decay", "param_count", "loss_split"]
    for setup, rows in table.groupby(keys, sort=False):
        dataset, hparams, warmup, decay, count, split = setup
        pairs = [
            {
                "flops": np.float64(flops),
                "n": None,
                "n_vals": points["params"].to_numpy(),
                "t_vals": points["tokens"].to_numpy(),
                "loss_vals": points["loss"],
            }
            for flops, points in rows.groupby("flops")
        ]
        known = {"hparams": hparams, "warmup": warmup, "decay": decay, "param_count": count}
        known |= {
            "dataset": {"refinedweb": "rw", "openwebtext2": "owt2"}[dataset],
            "val": split,
        }
        known |= {"fit_results": {"bootstrap": [{"n_coef": np.float64(0.5)}]}}
        part = "_owt2" if dataset == "openwebtext2" else "_att" * (count == "attention")
        part = "_kaplan_tuned_hparams" if (hparams, warmup) == ("tuned", "long") else part
        parts[part].append(known | {"optimal_pairs": _old(pairs)})
    files = {part: pickle.dumps(_old(setups)) for part, setups in parts.items()}
    return {f"summary_df{part}.pickle.xz": lzma.compress(made) for part, made in files.items()}


def _old(records):
    """Return a table that keeps text as pandas 2 did, which wrote the originals."""
    table = pd.DataFrame(records, dtype=object)
    return table.set_axis(pd.Index(list(table.columns), dtype=object), axis=1)


def small_porian_isoflop():
    setups = [
        ("refinedweb", "base", "long", "kaplan", "kaplan", "train"),
        ("refinedweb", "base", "short", "kaplan", "attention", "train"),
        ("refinedweb", "tuned", "long", "const", "kaplan", "train"),
        ("openwebtext2", "base", "long", "kaplan", "standard", "val"),
    ]
    rows = []
    for setup in setups:
        for flops in (1.25e16, 2.5e16):
            for i, params in enumerate([331776, 1048576, 9809920]):
                rows.append((*setup, flops, params, flops / (6 * params), 5 - i / 4))
    columns = ["dataset", "hparams", "warmup", "decay", "param_count", "loss_split"]
    return pd.DataFrame(rows, columns=[*columns, "flops", "params", "tokens", "loss"])


# Double descent -----------------------------------------------------------------------------------


def double_descent(table):
    keys = ["task", "replicate", "x_name", "y_name"]
    curves = [
        (task, x_name, y_name, rows["x"].tolist(), rows["y"].to_numpy())
        for (task, _, x_name, y_name), rows in table.groupby(keys)
    ]
    return {"dd_data.pkl": pickle.dumps(curves)}


def small_double_descent():
    rows = [
        (task, replicate, "Model Size", "Test Error", x, 1 / x + replicate / 8)
        for task, replicate in [
            ("cifar10-mcnn-p20-sgd", 1),
            ("cifar10-mcnn-p20-sgd", 2),
            ("df4k", 1),
        ]
        for x in (1, 2, 64)
    ]
    return pd.DataFrame(rows, columns=["task", "replicate", "x_name", "y_name", "x", "y"])
