"""The sweep of small models: what needs no PyTorch, and a check of its own where there is one."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayescale import datasets
from benchmarks.sweep import (
    addition,
    batches,
    corpus,
    fits,
    plan,
    schedule,
    shapes,
    table,
    tidy,
    vowels,
)
from benchmarks.sweep.designs import CPU, DESIGNS, LADDER
from benchmarks.sweep.runs import RATES, Run, rate

TOP = Path(__file__).parents[1]
ALL = [run for made in DESIGNS.values() for run in made()]


# ---- the corpus


def test_manifest_names_each_content_once_and_parts_do_not_change():
    files = corpus.files()
    assert len(files) == 1681
    assert sum(f.size for f in files) == 33_003_626
    assert len({f.sha256 for f in files}) == len({f.path for f in files}) == len(files)
    assert not any(f.path.startswith(("/", "site-packages")) or ".." in f.path for f in files)
    parts = [corpus.part_of(f.path) for f in files]
    assert {part: parts.count(part) for part in sorted(set(parts))} == {
        "test": 99, "train": 1496, "validation": 86,
    }  # fmt: skip
    # Known by name, so that a change of the rule is seen even where the counts stay.
    assert corpus.part_of("asyncio/base_events.py") == "test"
    assert corpus.part_of("pydoc_data/topics.py") == "train"
    assert corpus.part_of("test/test_enum.py") == "validation"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library with a manifest of its own."""
    rng = np.random.default_rng(1)
    for number in range(60):
        content = bytes(rng.integers(32, 127, 2000, dtype=np.uint8))
        (tmp_path / f"m{number}.py").write_bytes(content)
    (tmp_path / "again.py").write_bytes((tmp_path / "m0.py").read_bytes())
    (tmp_path / "empty.py").write_bytes(b"\n")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.py").write_text("x = 1")
    monkeypatch.setattr(corpus, "MANIFEST", tmp_path / "manifest.csv")
    monkeypatch.setattr(corpus, "EVALUATED", {"validation": 3, "test": 5})
    corpus.write_manifest(tmp_path)
    corpus.windows.cache_clear()
    yield tmp_path
    corpus.windows.cache_clear()


def test_parts_share_no_file_and_hold_every_one(library):
    paths = {f.path for f in corpus.files()}
    assert len(paths) == 60
    assert not paths & {"m0.py", "empty.py", "site-packages/other.py"}  # again.py came first
    parts = {part: corpus.text(library, part) for part in ("train", "validation", "test")}
    for path in paths:
        content = (library / path).read_bytes()
        assert [part for part in parts if content in parts[part]] == [corpus.part_of(path)]


def test_targets_are_the_bytes_that_follow(library):
    inputs, targets = corpus.examples(library, "test")
    assert inputs.shape == targets.shape == (5, corpus.CONTEXT)
    assert (inputs[:, 1:] == targets[:, :-1]).all()
    whole = corpus.text(library, "test")
    for row, last in zip(inputs, targets[:, -1], strict=True):
        assert row.tobytes() + bytes([last]) in whole


def test_training_windows_come_in_one_fixed_order(library):
    first = corpus.examples(library, "train")[0]
    assert (first == corpus.examples(library, "train")[0]).all()
    assert not (first == corpus.windows(library, "train", corpus.CONTEXT + 1)[:, :-1]).all()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [(lambda p: p.unlink(), "has no m7.py"), (lambda p: p.write_text("x"), "m7.py in .* is not")],
)
def test_another_library_is_refused(library, spoil, said):
    spoil(library / "m7.py")
    with pytest.raises(SystemExit, match=f"(?s){said}.*Python 3.13.0.*--corpus"):
        corpus.text(library, corpus.part_of("m7.py"))


# ---- the smaller tasks


def test_vowels_are_left_out_and_can_be_given_back(library):
    source, shifted, whole = vowels.examples(library, "test")
    assert source.shape == shifted.shape == whole.shape == (5, vowels.LENGTH)
    assert (shifted[:, 0] == vowels.BEGIN).all()
    assert (shifted[:, 1:] == whole[:, :-1]).all()
    for read, written in zip(source, whole, strict=True):
        consonants = bytes(b for b in written.tobytes() if b not in b"aeiouAEIOU")
        assert read.tobytes() == consonants.ljust(vowels.LENGTH, bytes([vowels.PAD]))


def test_answers_are_sums_and_alone_count():
    seen = {}
    for part, size in addition.SIZES.items():
        inputs, targets = addition.examples(part)
        assert inputs.shape == targets.shape == (size, addition.LENGTH)
        n = addition.DIGITS
        powers = 10 ** np.arange(n)[::-1]
        left, right = inputs[:, :n] @ powers, inputs[:, n + 1 : 2 * n + 1] @ powers
        assert (inputs[:, n] == addition.PLUS).all()
        assert (inputs[:, 2 * n + 1] == addition.EQUALS).all()
        counted = targets != addition.IGNORED
        assert (counted.sum(axis=1) == addition.ANSWER).all()
        answer = targets[:, -addition.ANSWER :] @ 10 ** np.arange(n + 1)[::-1]
        assert (answer == left + right).all()
        assert (inputs[:, 2 * n + 2 :] == targets[:, -addition.ANSWER : -1]).all()
        seen[part] = set(zip(left.tolist(), right.tolist(), strict=True))
        assert len(seen[part]) == size
    assert not seen["train"] & (seen["test"] | seen["validation"])
    assert not seen["validation"] & seen["test"]


# ---- which sequences a step sees


def test_every_epoch_sees_every_sequence_once():
    unique, size = 24, 8
    steps = [batches.rows_of_step(step, size, unique, seed=3) for step in range(6)]
    first, second = np.concatenate(steps[:3]), np.concatenate(steps[3:])
    assert sorted(first) == sorted(second) == list(range(unique))
    assert list(first) != list(second)
    assert list(batches.rows_of_step(0, size, unique, seed=4)) != list(steps[0])
    again = batches.rows_of_step(4, size, unique, seed=3)
    assert (again == steps[4]).all()


def test_a_step_may_span_epochs():
    rows = np.concatenate([batches.rows_of_step(step, 7, 5, seed=0) for step in range(5)])
    assert len(rows) == 35
    assert all(sorted(rows[e : e + 5]) == list(range(5)) for e in range(0, 35, 5))


@pytest.mark.parametrize("steps", [1, 9, 100, 5000])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_schedule_warms_up_holds_and_falls(steps, decay):
    factors = [schedule.factor(step, steps, decay) for step in range(steps)]
    assert min(factors) > 0
    assert max(factors) <= 1
    if steps >= 100:
        assert factors[0] < 0.11
        assert factors[steps // 2] == 1
        assert (factors[-1] < 0.3) == (decay > 0)
    due = schedule.evaluated(steps, 24, decay)
    assert max(due) == steps
    assert min(due) >= 1


# ---- designs


def test_names_are_unique_and_can_be_file_names():
    names = [run.name for run in ALL]
    assert len(set(names)) == len(names)
    assert all(run.name.startswith(f"{run.design}-") and "/" not in run.name for run in ALL)


def test_designs_are_as_large_as_they_are_to_be():
    made = {name: design() for name, design in CPU.items()}
    sizes = {run.size.params for run in made["params"]}
    assert len(sizes) >= 10
    assert min(sizes) < 3e3
    assert max(sizes) > 1e6
    assert len({run.unique for run in made["data"]}) >= 8
    assert max(run.tokens / (run.unique * 128) for run in made["data"]) == 64
    budgets = {}
    for run in made["isoflop"]:
        budgets.setdefault(run.name.split("-")[1], []).append(run)
    assert len(budgets) >= 6
    assert all(len(runs) >= 6 for runs in budgets.values())
    for budget, runs in budgets.items():
        assert all(abs(run.flops / float(budget) - 1) < 0.02 for run in runs), budget
    assert 2 <= np.log10(max(map(float, budgets)) / min(map(float, budgets))) <= 3
    assert len({run.batch for run in made["batch"]}) >= 7
    seeds = {(run.width, run.layers) for run in made["seeds"]}
    assert all(sum((r.width, r.layers) == shape for r in made["seeds"]) >= 3 for shape in seeds)
    grid = {(run.size.encoder, run.size.decoder) for run in made["halves"]}
    assert len(grid) == 25 == len({e for e, _ in grid}) * len({d for _, d in grid})
    assert len({run.unique for run in made["addition"]}) >= 14


def test_only_the_design_of_epochs_repeats_text():
    for run in ALL:
        repeats = run.steps * run.batch > run.unique
        assert repeats == (run.design in ("data", "data_large") and "-e1" not in run.name[-3:]) or (
            run.task == "addition"
        ), run


def test_sizes_are_counted_as_by_hand():
    # 12 d^2 a layer, two norms a layer and one at the end.
    assert shapes.transformer(64, 3, 256, 128).params == 3 * (12 * 64**2 + 2 * 64) + 64
    run = Run("x-1", "x", 64, 3, steps=10, batch=4, unique=40, rate=0.1)
    dense = 6 * (3 * 12 * 64**2 + 64 * 256) * 10 * 4 * 128
    assert run.flops == dense + 3 * 10 * 4 * 3 * 4 * 128**2 * 64
    assert run.tokens == 10 * 4 * 128
    assert run.size.embeddings == 2 * 256 * 64


def test_rates_fall_with_the_width():
    rates = [rate(width) for width, _ in LADDER]
    assert rates == sorted(rates, reverse=True)


# ---- tables


def test_a_runs_rows_are_in_the_table_once(tmp_path):
    path = tmp_path / "curves.csv"
    assert table.read(path) == []
    table.put(path, "a", [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.0}])
    table.put(path, "b", [{"step": 1, "loss": 3.0, "more": "x"}])
    table.put(path, "a", [{"step": 1, "loss": 2.25}])
    rows = table.read(path)
    assert [(row["run"], row["loss"], row["more"]) for row in rows] == [
        ("b", "3.0", "x"), ("a", "2.25", ""),
    ]  # fmt: skip


def test_a_kill_while_writing_leaves_the_table_whole(tmp_path, monkeypatch):
    path = tmp_path / "runs.csv"
    table.put(path, "a", [{"loss": 1.0}])
    before = path.read_bytes()

    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        table.put(path, "b", [{"loss": 2.0}])
    assert path.read_bytes() == before
    monkeypatch.undo()
    table.put(path, "b", [{"loss": 2.0}])
    assert [row["run"] for row in table.read(path)] == ["a", "b"]


def _put_many(path, first):
    for number in range(first, first + 20):
        table.put(path, f"run{number}", [{"loss": number}, {"loss": number + 1}])


def test_two_processes_lose_no_row(tmp_path):
    path = tmp_path / "runs.csv"
    # Spawned, since other tests of this process may have started threads.
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_put_many, args=(path, first)) for first in (0, 20)]
    for one in both:
        one.start()
    for one in both:
        one.join()
        assert one.exitcode == 0
    rows = table.read(path)
    assert len(rows) == 80
    assert {row["run"] for row in rows} == {f"run{number}" for number in range(40)}


def test_a_run_is_claimed_once(tmp_path):
    with table.locked(tmp_path / "a.lock") as mine:
        assert mine
        with table.locked(tmp_path / "a.lock", wait=False) as also:
            assert not also
    with table.locked(tmp_path / "a.lock", wait=False) as after:
        assert after


# ---- plans


def test_a_plan_counts_what_is_left():
    runs = CPU["params"]()
    finished = {run.name for run in runs[:4]}
    found = plan.planned("params", runs, finished, lambda run: 0.01)
    left = runs[4:]
    assert (found.runs, found.left) == (len(runs), len(left))
    assert found.hours == pytest.approx(sum(run.steps for run in left) * 0.01 / 3600)
    assert found.flops == pytest.approx(sum(run.flops for run in left))
    said = plan.lines([found])
    assert "8 of  12 runs left" in said[0]
    assert said[-1].endswith(f"{found.hours:.2f} hours")


# ---- with PyTorch


def _with_torch() -> list[str] | None:
    """Return an interpreter that has PyTorch, if there is one."""
    for found in (os.environ.get("BAYESCALE_SWEEP_PYTHON"), sys.executable):
        if found and shutil.which(found):
            has = subprocess.run([found, "-c", "import torch"], capture_output=True, check=False)
            if has.returncode == 0:
                return [found]
    return None


def test_the_command_says_what_is_missing():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from benchmarks.sweep.__main__ import main\n"
        "main(['plan', '--corpus', '.'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "PyTorch is not installed here" in done.stderr
    assert "requirements.txt" in done.stderr


def test_models_learn_and_go_on_after_a_stop(library, tmp_path):
    python = _with_torch()
    if python is None:
        pytest.skip("PyTorch is in an environment of its own; BAYESCALE_SWEEP_PYTHON names it")
    # The manifest is that of the fixture's library, also in the other process.
    code = (
        "import sys; from pathlib import Path\n"
        "from benchmarks.sweep import corpus\n"
        "corpus.MANIFEST = Path(sys.argv[1]) / 'manifest.csv'\n"
        "corpus.EVALUATED = {'validation': 3, 'test': 5}\n"
        "from benchmarks.sweep.__main__ import main\n"
        "main([*sys.argv[2:], '--corpus', sys.argv[1]])"
    )

    def sweep(*arguments):
        return subprocess.run(
            [*python, "-c", code, str(library), *arguments],
            cwd=TOP, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = sweep("check")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("goes on after a stop") == 4


# ---- the data sets


def invented(results):
    """Write tables as a whole sweep of a CPU would, with losses by formulas."""
    for made in CPU.values():
        rows, curves = [], []
        for run in made():
            loss = 1.0 + 3 * run.size.params**-0.2 + 40 * run.tokens**-0.35
            row = {"run": run.name, **vars(run), "steps_made": run.steps, "tokens": run.tokens}
            del row["name"]
            row |= {"params": run.size.params, "embeddings": run.size.embeddings}
            row |= {"encoder_params": run.size.encoder, "decoder_params": run.size.decoder}
            row |= {"flops": run.flops, "loss": loss, "right": 0.5, "best_step": run.steps}
            row |= {"validation_loss": loss, "last_validation_loss": loss, "seconds": 1.0}
            rows.append(row | {"device": "cpu"})
            for step in sorted(schedule.evaluated(run.steps, run.evaluations, run.decay)):
                tokens = step * run.batch * 128
                curves.append(
                    {
                        "run": run.name, "step": step, "tokens": tokens,
                        "validation_loss": 1.0 + 3 * run.size.params**-0.2 + 40 * tokens**-0.35,
                        "validation_right": 0.0,
                        "rate": run.rate * schedule.factor(step - 1, run.steps, run.decay),
                    }
                )  # fmt: skip
        for name, table_rows in (("runs", rows), ("curves", curves)):
            path = results / f"{name}.csv"
            frame = pd.DataFrame(table_rows)
            frame.to_csv(path, mode="a", index=False, header=not path.exists())


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / "datasets"
    folder.mkdir()
    for name in tidy.TABLES:
        shutil.copy(tidy.DATASETS / f"{name}.md", folder)
    monkeypatch.setattr(tidy, "DATASETS", folder)
    invented(tmp_path)
    tidy.main(tmp_path)
    return folder


def test_tables_have_the_columns_and_rows_of_their_cards(shipped, monkeypatch):
    monkeypatch.setattr(datasets, "files", lambda package: shipped)
    for name in tidy.TABLES:
        runs = datasets.load_dataset(name)
        assert list(runs.columns) == list(runs.attrs["columns"])
        assert not runs.isna().any().any()
        assert f"rows: {len(runs)}\n" in (shipped / f"{name}.md").read_text()
        assert (runs[runs.attrs["y"]] > 0).all()
    assert sum(path.stat().st_size for path in shipped.glob("*.csv")) < 2_000_000


def test_curves_know_where_the_rate_falls(shipped):
    curves = pd.read_csv(shipped / "tiny_lm_curves.csv")
    for _, run in curves[curves["design"] == "params"].groupby("run"):
        assert run["steps"].is_monotonic_increasing
        falling = run.loc[run["decaying"] == 1, "steps"]
        assert falling.min() > 0.8 * run["steps"].max()
        assert run["decaying"].iloc[-1] == 1


def test_steps_to_a_loss_are_read_between_evaluations():
    steps, losses = np.array([10, 100, 1000]), np.array([3.0, 2.0, 1.5])
    assert tidy.steps_to(2.5, steps, losses) == pytest.approx(10**1.5)
    assert tidy.steps_to(2.0, steps, losses) == pytest.approx(100)
    assert tidy.steps_to(1.4, steps, losses) == np.inf
    # Before the first evaluation nothing is known.
    assert tidy.steps_to(3.5, steps, losses) == np.inf


def test_too_few_runs_are_no_data_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tidy, "DATASETS", tmp_path)
    invented(tmp_path)
    for name in ("runs", "curves"):
        rows = pd.read_csv(tmp_path / f"{name}.csv")
        rows[rows["run"].str.startswith("params")].to_csv(tmp_path / f"{name}.csv", index=False)
    tidy.main(tmp_path)
    assert not list(tmp_path.glob("tiny_*.csv"))
    assert "0 of 21 runs of isoflop: not written" in capsys.readouterr().out


def test_rates_are_near_the_best_that_was_tried():
    runs = pd.read_csv(TOP / "benchmarks" / "results" / "sweep" / "runs.csv")
    tried = runs[runs["design"].eq("learning_rate")]
    shapes_tried = [
        (key, rows) for key, rows in tried.groupby(["architecture", "width"]) if len(rows) >= 4
    ]
    assert len(shapes_tried) >= 2
    for (architecture, width), rows in shapes_tried:
        best = rows.loc[rows["validation_loss"].idxmin(), "rate"]
        if architecture == "encoder_decoder":
            used = RATES[architecture][0]  # twice the batch of the others; one width
        else:
            used = rate(width, architecture=architecture)
        assert 0.5 <= used / best <= 2, (architecture, width, best)


@pytest.mark.slow
def test_the_forms_find_what_the_runs_were_made_of(shipped, tmp_path, monkeypatch):
    # Losses of the invented sweep are 1 + 3 / N^0.2 + 40 / D^0.35; here with 1 % noise.
    runs = pd.read_csv(shipped / "tiny_lm_runs.csv")
    runs["loss"] *= np.exp(0.01 * np.random.default_rng(0).standard_normal(len(runs)))
    runs.to_csv(shipped / "tiny_lm_runs.csv", index=False)
    monkeypatch.setattr(datasets, "files", lambda package: shipped)
    monkeypatch.setattr(fits, "FILE", tmp_path / "fits.csv")
    fits.main(["seeds", "chinchilla"])
    found = pd.read_csv(tmp_path / "fits.csv").set_index(["case", "quantity"])
    assert list(found["from"].unique()) == ["chinchilla", "seeds"]  # in the order of the cases
    truths = {"α": 0.2, "β": 0.35, "E, nats a byte": 1.0, "a": 0.35 / 0.55}
    for quantity, truth in truths.items():
        row = found.loc[("L(N, D), Chinchilla", quantity)]
        width = row["upper"] - row["lower"]
        assert row["lower"] - width / 2 < truth < row["upper"] + width / 2, quantity
    assert 0.005 < found.loc[("Seeds", "sd of log loss"), "median"] < 0.015


def test_cases_without_runs_are_left_out(tmp_path, monkeypatch, capsys):
    (tmp_path / "none.md").touch()
    monkeypatch.setattr(datasets, "files", lambda package: tmp_path)
    monkeypatch.setattr(fits, "FILE", tmp_path / "fits.csv")
    fits.main([*fits.CASES])
    assert capsys.readouterr().out.count("not made yet") == len(fits.CASES)
    assert not (tmp_path / "fits.csv").exists()
