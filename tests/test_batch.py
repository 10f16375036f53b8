"""Many curves at once: equal numbers whoever runs them, failures as rows, batches that go on."""

import json
import os
import signal
import warnings
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)

import arviz as az
import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale import batch_plan, batch_store, curve_record, workers
from bayescale.batch import pace

PINNED = 1789310101  # from a stable hash: a change here would change every batch

ASK = {"by": ["task", "model"], "y": "error", "x": "examples", "progress": False}


def shipped(groups=3):
    runs = bs.load_dataset("digits_learning_curves")
    curves = runs.groupby(["task", "model", "examples"], as_index=False)["error"].mean()
    chosen = curves[["task", "model"]].drop_duplicates().head(groups)
    return curves.merge(chosen, on=["task", "model"])


@pytest.fixture
def runs():
    return shipped()


@pytest.fixture
def quick(no_sampling):
    """fit_many with faked draws: nothing is compiled."""

    def ask(laws, runs, **more):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.SamplingWarning)
            return bs.fit_many(laws, runs, **(ASK | {"draws": 200} | more))

    return ask


def same(one, other):
    """Whether two batches are equal in every number."""
    drop = ["seconds"]
    pd.testing.assert_frame_equal(
        one.table.drop(columns=drop).sort_index(),
        other.table.drop(columns=drop).sort_index(),
        check_exact=True,
    )


@pytest.fixture(scope="module")
def real():
    """Two laws on three shipped curves, really sampled."""
    laws = {"floor": bs.PowerLaw(), "no floor": bs.PowerLaw(irreducible=0.0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        return bs.fit_many(laws, shipped(), **ASK, forecast={"x": [1e4, 1e5]})


class TestNumbers:
    def test_rows_are_those_of_single_fits(self, real):
        for key in real.table.index:
            *group, law = key
            fit, row = real.fit(*group, law=law), real.table.loc[key]
            for name, draws in (fit.parameters | fit.noise).items():
                assert row[name] == np.median(draws)
                assert row[f"{name}_upper"] == np.quantile(draws, 0.95)
            assert row["rhat"] == fit.diagnostics.rhat
            assert row["ess_bulk"] == fit.diagnostics.ess_bulk
            made = fit.forecast(x=[1e4, 1e5])
            got = real.forecasts.loc[key]
            assert (got["observation_upper"] == made.interval(0.9)["upper"].to_numpy()).all()
            assert (got["curve_median"] == made.interval(0.9, of="curve")["median"].values).all()  # noqa: PD011

    def test_single_fit_by_hand_is_the_same(self, real, runs):
        """The public road, with the seed of the row."""
        (task, model, law), row = next(real.table.iterrows())
        curve = runs[(runs["task"] == task) & (runs["model"] == model)]
        fit = real.plan.laws[law].fit(
            curve.drop(columns=["task", "model"]), y="error", x="examples",
            draws=500, tune=200, seed=int(row["seed"]), progress=False,
        )  # fmt: skip
        assert row["exponent"] == np.median(fit.parameters["exponent"])

    def test_loo_is_arviz_s(self, real):
        for key, row in real.table.iterrows():
            *group, law = key
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loo = az.loo(real.fit(*group, law=law).tree, pointwise=True)
            assert row["elpd"] == pytest.approx(loo.elpd, rel=1e-10)
            assert row["elpd_se"] == pytest.approx(loo.se, rel=1e-10)
            assert row["p_loo"] == pytest.approx(loo.p, rel=1e-9)
            assert row["worst_pareto_k"] == pytest.approx(float(loo.pareto_k.max()), rel=1e-9)

    def test_best_weights_and_ensemble(self, real):
        best = real.best()
        elpd = real.table["elpd"].unstack("law")  # noqa: PD010
        assert (best["law"] == elpd.idxmax(axis=1).loc[best.index]).all()
        assert best["elpd_lead"].to_numpy() == pytest.approx(
            np.ptp(elpd.loc[best.index].to_numpy(), axis=1)
        )
        assert real.weights().sum(axis=1).to_numpy() == pytest.approx(1.0)
        mixed = real.ensemble(*best.index[0])
        assert list(mixed.fits) == ["floor", "no floor"]
        assert mixed.forecast(x=[1e5]).interval(0.9)["lower"][0] > 0

    def test_words(self, real):
        assert "6 of 6 curves fitted" in repr(real)
        assert "exponent" in repr(real)
        assert "<table" in real._repr_html_()
        assert {"task", "model", "law"} <= set(real.to_frame())


def test_bent_laws_have_a_pilot(quick, runs):
    laws = {"plain": bs.PowerLaw(), "bent": bs.BrokenPowerLaw(breaks=1)}
    table = quick(laws, runs)
    assert {name: s.pilot > 0 for name, s in table.plan.settings.items()} == {
        "plain": False,
        "bent": True,
    }
    assert not table.table["straightened"].any()  # nothing was really sampled


class TestSeeds:
    def test_order_of_rows_and_groups_does_not_matter(self, quick, runs):
        mixed = pd.concat([part for _, part in reversed(list(runs.groupby("model", sort=True)))])
        same(quick(bs.PowerLaw(), runs), quick(bs.PowerLaw(), mixed))

    def test_seed_is_pinned(self):
        """A stable hash: a change here would change every batch."""
        assert batch_plan.seed_of(0, ("digits", 3)) == batch_plan.seed_of(
            0, ("digits", np.int64(3))
        )
        assert batch_plan.seed_of(0, ("digits", "knn")) == PINNED
        assert batch_plan.seed_of(1, ("digits", "knn")) != PINNED

    def test_several_laws_one_column(self, quick, runs):
        table = quick([bs.PowerLaw(), bs.PowerLaw(irreducible=0.0)], runs, by="model")
        assert table.table.index.names == ["model", "law"]
        assert list(table.plan.laws) == ["PowerLaw", "PowerLaw #2"]


class TestFailures:
    def test_too_few_rows_is_a_row(self, quick, runs):
        short = runs.drop(runs.index[runs["model"].eq(runs["model"].iloc[0])][2:])
        with pytest.warns(bs.BayescaleWarning, match="1 of 3 curves could not be fitted"):
            table = quick(bs.PowerLaw(), short)
        (reason,) = table.failures["failure"]
        assert "needs runs at" in reason
        assert table.table["exponent"].notna().sum() == 2
        with pytest.raises(bs.DataError, match="needs runs at"):
            table.fit(*table.failures.index[0])

    def test_any_error_is_a_row(self, quick, runs, monkeypatch):
        def refuse(*_):
            raise ZeroDivisionError("by zero")

        monkeypatch.setattr(curve_record, "leave_one_out", refuse)
        with pytest.warns(bs.BayescaleWarning, match="ZeroDivisionError: by zero"):
            assert len(quick(bs.PowerLaw(), runs).failures) == 3

    def test_all_failed_still_answers(self, quick, runs):
        laws = [bs.PowerLaw(), bs.PowerLaw(irreducible=0.0)]
        single = runs.groupby(["task", "model"]).head(1)
        with pytest.warns(bs.BayescaleWarning, match="6 of 6"):
            table = quick(laws, single, forecast={"x": [1e5]})
        assert "0 of 6" in repr(table)
        assert table.forecasts.empty
        assert (table.best()["laws"] == 0).all()


def changed(runs, column, value, rows=slice(0, 1)):
    copy = runs.copy()
    copy[column] = copy[column].astype(object)
    copy.iloc[rows, copy.columns.get_loc(column)] = value
    return copy


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "more", "match"),
        [
            (lambda r: changed(r, "task", None), {}, "1 rows have no value in task"),
            (lambda r: changed(r, "task", r["task"].iloc[0] + " "), {}, "type or spaces"),
            (lambda r: r, {"by": ["task", "task"]}, "twice"),
            (lambda r: r, {"by": ["tusk"]}, "Did you mean 'task'"),
            (lambda r: r, {"by": []}, "needs a column"),
            (lambda r: r, {"by": ["examples"]}, "both name"),
            (lambda r: r.head(0), {}, "empty"),
            (lambda r: 3, {}, "DataFrame"),
            (lambda r: r, {"workers": 0}, "workers="),
            (lambda r: r, {"executor": 3}, "executor="),
            (lambda r: r, {"executor": 3, "workers": 2}, "not both"),
            (lambda r: r, {"chunk": 0}, "chunk="),
            (lambda r: r, {"keep": "all"}, "keep="),
            (lambda r: r, {"prob": 2}, "prob"),
            (lambda r: r, {"forecast": {"z": [1]}}, "needs x="),
            (lambda r: r, {"forecast": {"x": [-1]}}, "positive"),
        ],
    )
    def test_said_before_anything_is_sampled(self, runs, change, more, match, monkeypatch):
        monkeypatch.setattr(workers, "run", None)
        with pytest.raises(bs.BayescaleError, match=match):
            bs.fit_many(bs.PowerLaw(), change(runs), **(ASK | more))

    @pytest.mark.parametrize("laws", [[], bs.PowerLaw, {3: bs.PowerLaw()}, "PowerLaw"])
    def test_laws(self, runs, laws):
        with pytest.raises(bs.LawError):
            bs.fit_many(laws, runs, **ASK)

    def test_inputs_of_all_laws(self, runs):
        with pytest.raises(bs.LawError, match="takes params="):
            bs.fit_many([bs.PowerLaw(), bs.Chinchilla()], runs, **ASK)

    def test_unknown_group_and_law(self, quick, runs):
        table = quick(bs.PowerLaw(), runs)
        (task, model), *_ = table.table.index
        with pytest.raises(bs.UnknownNameError, match="Did you mean"):
            table.fit(task, model + "x")
        with pytest.raises(bs.UnknownNameError):
            table.fit(task, model, law="powr")
        with pytest.raises(bs.LawError, match="two or more"):
            table.best()


class TestFolder:
    def test_goes_on_where_it_was(self, quick, runs, tmp_path, monkeypatch):
        whole = quick(bs.PowerLaw(), runs)
        first = runs[runs["model"].eq(runs["model"].iloc[0])]
        quick(bs.PowerLaw(), first, folder=tmp_path / "b")
        done = []
        inner = curve_record._record
        monkeypatch.setattr(
            curve_record, "_record", lambda plan, job: done.append(job.key) or inner(plan, job)
        )
        same(quick(bs.PowerLaw(), runs, folder=tmp_path / "b"), whole)
        assert len(done) == 2
        same(quick(bs.PowerLaw(), runs, folder=tmp_path / "b"), whole)
        assert len(done) == 2

    def test_interrupt_leaves_what_was_done(self, quick, runs, tmp_path, monkeypatch):
        inner = curve_record._record
        done = []

        def stops(plan, job):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(job.key)
            return inner(plan, job)

        monkeypatch.setattr(curve_record, "_record", stops)
        kept = pytest.warns(bs.BayescaleWarning, match="Interrupted: what is finished, 2 curves")
        with kept, pytest.raises(KeyboardInterrupt):
            quick(bs.PowerLaw(), runs, folder=tmp_path)
        lines = [p.read_text() for p in tmp_path.glob("records-*.jsonl")]
        assert sum(text.count("\n") for text in lines) == 2

    def test_interrupt_without_a_folder_keeps_what_was_done(
        self, quick, runs, tmp_path, monkeypatch
    ):
        inner, done = curve_record._record, []

        def stops(plan, job):
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(job.key)
            return inner(plan, job)

        monkeypatch.setattr(curve_record, "_record", stops)
        monkeypatch.setattr(batch_store.tempfile, "mkdtemp", lambda prefix: tmp_path)
        kept = pytest.warns(bs.BayescaleWarning, match="The same call with folder=")
        more = {"forecast": {"x": [5.0]}, "keep": "draws"}
        with kept, pytest.raises(KeyboardInterrupt):
            quick(bs.PowerLaw(), runs, **more)
        monkeypatch.setattr(curve_record, "_record", inner)
        same(
            quick(bs.PowerLaw(), runs, folder=tmp_path, **more), quick(bs.PowerLaw(), runs, **more)
        )
        assert len(list((tmp_path / "draws").glob("*.npz"))) == 3

    @pytest.mark.parametrize(
        ("law", "more", "match"),
        [
            (bs.PowerLaw(exponent=bs.Prior("LogNormal", mu=0.0, sigma=1.0)), {}, "exponent was"),
            (bs.PowerLaw(), {"draws": 300}, "draws was 200, is 300"),
            (bs.PowerLaw(), {"seed": 3}, "seed was 0, is 3"),
            (bs.PowerLaw(), {"likelihood": bs.StudentT()}, "form was LogNormal, is StudentT"),
            (bs.PowerLaw(), {"forecast": {"x": [5.0]}}, "forecast was None"),
        ],
    )
    def test_another_batch_is_refused(self, quick, runs, tmp_path, law, more, match):
        quick({"law": bs.PowerLaw()}, runs, folder=tmp_path)
        with pytest.raises(bs.FileError, match=match):
            quick({"law": law}, runs, folder=tmp_path, **more)

    def test_changed_rows_are_refused(self, quick, runs, tmp_path):
        quick(bs.PowerLaw(), runs, folder=tmp_path)
        moved = runs.copy()
        moved.loc[0, "error"] *= 1.01
        with pytest.raises(bs.FileError, match="1 finished group have changed"):
            quick(bs.PowerLaw(), moved, folder=tmp_path)

    def test_a_law_may_join(self, quick, runs, tmp_path):
        quick({"a": bs.PowerLaw()}, runs, folder=tmp_path)
        both = {"a": bs.PowerLaw(), "b": bs.PowerLaw(irreducible=0.0)}
        same(quick(both, runs, folder=tmp_path), quick(both, runs))
        quick({"a": bs.PowerLaw()}, runs, folder=tmp_path)

    def test_kept_draws_are_the_fit(self, quick, runs, tmp_path):
        for folder in (None, tmp_path / "b"):
            table = quick(bs.PowerLaw(), runs, keep="draws", folder=folder)
            key = table.table.index[1]
            again = quick(bs.PowerLaw(), runs).fit(*key)
            kept = table.fit(*key)
            assert kept.tree["posterior"].to_dataset().equals(again.tree["posterior"].to_dataset())
            assert kept.diagnostics == again.diagnostics
            assert kept.notes == again.notes
            assert kept.settings == again.settings
            one, other = kept.forecast(x=1e5), again.forecast(x=1e5)
            assert np.array_equal(one.observation, other.observation)
        (path, *_) = (tmp_path / "b" / "draws").glob("*.npz")
        for damaged in (tmp_path / "b" / "draws").glob("*.npz"):
            damaged.write_bytes(path.read_bytes()[:100])
        assert np.array_equal(table.fit(*key).parameters["exponent"], again.parameters["exponent"])

    def test_folders_that_cannot_be_used(self, quick, runs, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(bs.FileError, match="is a file"):
            quick(bs.PowerLaw(), runs, folder=tmp_path / "file")
        with pytest.raises(bs.FileError, match="holds no batch"):
            quick(bs.PowerLaw(), runs, folder=tmp_path)
        (tmp_path / "damaged").mkdir()
        (tmp_path / "damaged" / "manifest.json").write_text("{")
        with pytest.raises(bs.FileError, match="damaged"):
            quick(bs.PowerLaw(), runs, folder=tmp_path / "damaged")

    def test_folder_that_cannot_be_written(self, quick, runs, tmp_path, monkeypatch):
        def denied(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(batch_store, "_write", denied)
        with pytest.raises(bs.FileError, match="cannot be written to: Permission denied"):
            quick(bs.PowerLaw(), runs, folder=tmp_path)

    def test_full_disk_loses_nothing(self, quick, runs, tmp_path, monkeypatch):
        inner, full = batch_store._write, [True]

        def write(path, content):
            if path.name.startswith("records-") and full[0]:
                raise OSError(28, "No space left on device")
            inner(path, content)

        monkeypatch.setattr(batch_store, "_write", write)
        with pytest.warns(bs.BayescaleWarning, match="No space left"):
            table = quick(bs.PowerLaw(), runs, folder=tmp_path)
        same(table, quick(bs.PowerLaw(), runs))
        full[0] = False
        table.store.flush()
        assert len(batch_store.Store(tmp_path, table.plan, 0).done) == 3

    def test_damaged_records_are_fitted_again(self, quick, runs, tmp_path):
        table = quick(bs.PowerLaw(), runs, folder=tmp_path)
        for path in tmp_path.glob("records-*.jsonl"):
            path.write_text(path.read_text()[:-30])
        with pytest.warns(bs.BayescaleWarning, match="cannot be read"):
            same(quick(bs.PowerLaw(), runs, folder=tmp_path), table)

    def test_other_versions_are_told(self, quick, runs, tmp_path):
        quick(bs.PowerLaw(), runs, folder=tmp_path)
        path = tmp_path / "manifest.json"
        found = json.loads(path.read_text())
        found["versions"]["nutpie"] = "0.1"
        path.write_text(json.dumps(found))
        with pytest.warns(bs.BayescaleWarning, match=r"nutpie was 0\.1"):
            quick(bs.PowerLaw(), runs, folder=tmp_path)


# Who runs it --------------------------------------------------------------------------------------


def square(packed, jobs):
    """A job is (number, what happens in a worker)."""
    for _, fate in jobs:
        if fate == "dies" or (fate == "dies once" and not os.path.exists(packed.decode())):  # noqa: PTH110
            open(packed.decode(), "w").close()  # noqa: PTH123
            os.kill(os.getpid(), signal.SIGKILL)
        if fate == "raises":
            raise ValueError("will not")
    return [number**2 for number, _ in jobs]


def squares(jobs, packed, **more):
    found = workers.run(square, packed, jobs, chunk=3, lost=lambda job, why: (job[0], why), **more)
    return [one for part in found for one in part]


class TestWorkers:
    def test_a_killed_worker_loses_nothing(self, tmp_path):
        packed = str(tmp_path / "mark").encode()
        jobs = [(n, "dies once" if n == 4 else "") for n in range(12)]
        assert sorted(squares(jobs, packed, workers=2)) == [n**2 for n in range(12)]

    def test_a_killer_is_given_up_alone(self, tmp_path):
        packed = str(tmp_path / "mark").encode()
        jobs = [(n, {4: "dies", 7: "raises"}.get(n, "")) for n in range(12)]
        found = squares(jobs, packed, workers=2)
        lost = dict(one for one in found if isinstance(one, tuple))
        assert set(lost) == {4, 7}
        assert "its worker died 2 times" in lost[4]
        assert "will not" in lost[7]
        assert len(found) == 12

    def test_threads_of_the_user_s(self):
        with ThreadPoolExecutor(2) as pool:
            jobs = [(n, "") for n in range(7)]
            assert sorted(squares(jobs, b"", executor=pool)) == [n**2 for n in range(7)]
            assert pool.submit(int).result() == 0, "it is left running"

    def test_an_executor_that_dies(self):
        class Dying(Executor):
            def submit(self, *_, **__):
                future = Future()
                future.set_exception(BrokenExecutor("gone"))
                return future

        with pytest.raises(bs.BayescaleError, match="executor died.*gone"):
            squares([(1, "")], b"", executor=Dying())

    def test_an_executor_that_was_shut_down(self):
        pool = ThreadPoolExecutor(1)
        pool.shutdown()
        with pytest.raises(bs.BayescaleError, match="after shutdown"):
            squares([(1, "")], b"", executor=pool)

    def test_in_threads_a_batch_is_the_same(self, quick, runs):
        with ThreadPoolExecutor(2) as pool:
            same(quick(bs.PowerLaw(), runs), quick(bs.PowerLaw(), runs, executor=pool, chunk=1))

    def test_pace(self):
        words = pace(50, 200, 10.0, 3)
        assert words == "50 of 200 curves, 5/s, 0:30 left, 3 failed"


@pytest.fixture(scope="module")
def elsewhere(real):
    """The batch of ``real`` in a worker that loads from disk what this process compiled."""
    more = {"forecast": {"x": [1e4, 1e5]}, "chunk": 3}
    with warnings.catch_warnings(), ProcessPoolExecutor(1, workers.context()) as pool:
        warnings.simplefilter("ignore", bs.SamplingWarning)
        many = bs.fit_many(real.plan.laws, shipped(), **ASK, **more, executor=pool)
    same(many, real)
    return many


@pytest.mark.slow
def test_equal_numbers_in_processes(elsewhere):
    more = {"forecast": {"x": [1e4, 1e5]}, "chunk": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.SamplingWarning)
        same(elsewhere, bs.fit_many(elsewhere.plan.laws, shipped(), **ASK, **more, workers=2))


# Dask and its event loop warn while they start and stop, of nothing that this test is about.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_equal_numbers_by_dask(elsewhere):
    distributed = pytest.importorskip("distributed")
    more = {"forecast": {"x": [1e4, 1e5]}, "chunk": 2}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        many = bs.fit_many(elsewhere.plan.laws, shipped(), **ASK, **more, executor=client)
        same(elsewhere, many)
