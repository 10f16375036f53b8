"""Tables of other libraries, exports of trackers, and ArviZ on our trees."""

import arviz as az
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from invented import invented_fit

import bayescale as bs
from bayescale.data import observations
from bayescale.frames import frame

TABLE = bs.PowerLaw().simulate(x=[1, 3, 10, 30, 100, 300], y="loss")


def as_kinds():
    columns = {name: TABLE[name].tolist() for name in TABLE}
    return {
        "pandas": TABLE,
        "polars": pl.DataFrame(columns),
        "arrow": pa.table(columns),
        "lists": columns,
        "arrays": {name: TABLE[name].to_numpy() for name in TABLE},
        "series of polars": dict(pl.DataFrame(columns).to_dict()),
        "records": TABLE.to_dict("records"),
    }


@pytest.mark.parametrize("kind", as_kinds())
def test_a_table_of_any_kind_is_the_same_runs(kind):
    given = as_kinds()[kind]
    law, noise = bs.PowerLaw(), bs.LogNormal()
    own, other = (observations(law, noise, table, "loss", {"x": "x"}) for table in (TABLE, given))
    assert other.same_rows(own)


def test_a_table_of_polars_goes_everywhere(no_sampling):
    table = pl.DataFrame(TABLE.to_dict("list"))
    ask = {"y": "loss", "x": "x", "draws": 100, "tune": 10, "progress": False}
    fit = bs.PowerLaw().fit(table, **ask)
    assert fit.forecast(x=pl.Series([1e3, 1e4])).interval().shape[0] == 2
    several = pl.concat([table.with_columns(pl.lit(name).alias("task")) for name in ("a", "b")])
    many = bs.fit_many(bs.PowerLaw(), several, by="task", **ask)
    assert many.table.index.tolist() == ["a", "b"]
    plan = bs.next_runs(fit, pl.DataFrame({"x": [1e3, 1e4]}), goal={"x": 1e5})
    assert sorted(plan.table["x"]) == [1e3, 1e4]
    tested = bs.backtest({"a": bs.PowerLaw(irreducible=0.0)}, table, holdout=1, **ask)
    assert len(tested.points) == 1


def test_groups_of_polars_categories(no_sampling):
    table = pl.concat(
        [
            pl.DataFrame(TABLE.to_dict("list")).with_columns(pl.lit(name).alias("family"))
            for name in ("A", "B")
        ]
    ).with_columns(pl.col("family").cast(pl.Categorical), pl.int_range(12).alias("seed"))
    law = bs.PowerLaw(scale=bs.Prior("LogNormal", mu=0, sigma=1, by="family", on="level"))
    runs = observations(law, bs.LogNormal(), table, "loss", {"x": "x"})
    assert runs.seen == {"family": ("A", "B")}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "DataFrame of pandas or polars.*got int"),
        ([1, 2], "got list"),
        ("runs.csv", "Read a file first"),
        ({"x": [1, 2], "loss": [1]}, "are no table"),
        (pl.DataFrame({"x": [1]}).lazy(), "query that has not run yet: pass table.collect()"),
    ],
)
def test_what_is_no_table(given, message):
    with pytest.raises(bs.DataError, match=message):
        frame(given)


# Trackers ---------------------------------------------------------------------------------------


def read(folder, text):
    path = folder / "export.csv"
    path.write_text(text.strip() + "\n")
    return bs.read_runs(path, quiet=True)


def test_a_table_of_weights_and_biases(tmp_path, capsys):
    text = """
"Name","State","Created","Runtime","n_params","train/tokens","lr","train/loss","eval/loss"
"a","finished","2026-01-01","10","1.25e8","2.5e9","0.001","3.05","3.1"
"b","finished","2026-01-01","20","3.5e8","7e9","0.001","2.75","2.8"
"c","crashed","2026-01-01","5","1.3e9","2.6e10","0.0005","2.9","2.9"
"""
    runs = read(tmp_path, text)
    assert runs.attrs["roles"] == {
        "y": "eval/loss", "params": "n_params", "tokens": "train/tokens", "run": "Name",
    }  # fmt: skip
    assert "1 of 3 runs are not finished ('State')" in runs.attrs["guess"]
    call = "bs.Chinchilla().fit(runs, y='eval/loss', params='n_params', tokens='train/tokens')"
    assert call in runs.attrs["guess"]
    bs.read_runs(tmp_path / "export.csv")
    assert capsys.readouterr().out.strip() == runs.attrs["guess"]


def test_a_chart_of_weights_and_biases(tmp_path):
    text = """
"Step","small - eval/loss","small - eval/loss__MIN","small - eval/loss__MAX","big - eval/loss"
100,4.0,4.0,4.0,3.9
200,3.5,3.5,3.5,
300,3.2,3.2,3.2,3.0
"""
    runs = read(tmp_path, text)
    assert list(runs) == ["run", "Step", "eval/loss"]
    assert runs["run"].tolist() == ["small"] * 3 + ["big"] * 2
    assert runs["eval/loss"].tolist() == [4.0, 3.5, 3.2, 3.9, 3.0]
    assert runs.attrs["roles"] == {"y": "eval/loss", "steps": "Step", "run": "run"}
    assert "y='eval/loss', x='Step', run='run'" in runs.attrs["guess"]


def test_a_table_of_mlflow(tmp_path):
    text = """
run_id,experiment_id,status,metrics.val_loss,params.n_layers,params.num_params,tags.mlflow.runName
f1,0,FINISHED,3.1,12,125M,swift
f2,0,FAILED,2.9,24,350M,slow
"""
    runs = read(tmp_path, text)
    assert runs.attrs["roles"]["y"] == "metrics.val_loss"
    assert runs.attrs["roles"]["params"] == "params.num_params"
    assert runs["params.num_params"].tolist() == [125e6, 350e6]
    assert "1 of 2 runs are not finished ('status')" in runs.attrs["guess"]


def test_a_history_of_mlflow(tmp_path):
    text = """
run_id,key,value,step,timestamp
f1,loss,4.0,1,10
f1,tokens,100,1,10
f1,loss,3.0,2,20
f1,tokens,200,2,20
f2,loss,3.9,1,10
f2,tokens,110,1,10
"""
    runs = read(tmp_path, text)
    assert runs[["loss", "tokens"]].to_numpy().tolist() == [[4, 100], [3, 200], [3.9, 110]]
    assert runs.attrs["roles"] == {
        "y": "loss", "tokens": "tokens", "steps": "step", "run": "run_id",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (["loss", "N", "D"], {"y": "loss"}),
        (["val_loss", "train_loss", "total_flops"], {"y": "val_loss", "compute": "total_flops"}),
        (["test_accuracy", "n_train"], {"y": "test_accuracy", "examples": "n_train"}),
        (["evalLoss", "numParameters"], {"y": "evalLoss", "params": "numParameters"}),
        (["a", "b"], {}),
    ],
)
def test_guesses_by_name(tmp_path, columns, roles):
    numbers = np.arange(1.0, 1 + 2 * len(columns)).reshape(2, -1) ** 2
    lines = [",".join(columns), *(",".join(map(str, row)) for row in numbers)]
    runs = read(tmp_path, "\n".join(lines))
    assert runs.attrs["roles"] == roles
    assert "rises: pass ceiling" in runs.attrs["guess"] or "test_accuracy" not in columns


def test_several_that_could_be_meant_are_named(tmp_path):
    runs = read(tmp_path, "eval/c4/loss,eval/pile/loss,n_params\n3,2.9,10\n2,1.9,100")
    assert runs.attrs["roles"]["y"] == "eval/c4/loss"
    assert "y could be 'eval/pile/loss' as well" in runs.attrs["guess"]


def test_what_was_read_can_be_fitted(tmp_path, no_sampling):
    table = bs.Chinchilla().simulate(y="eval/loss", **bs.Chinchilla.example_inputs(20))
    table.assign(Name=[f"r{i}" for i in range(20)]).rename(columns={"params": "n_params"}).to_csv(
        tmp_path / "export.csv", index=False
    )
    runs = bs.read_runs(tmp_path / "export.csv", quiet=True)
    call = runs.attrs["guess"].rpartition("If so: ")[2]
    fit = eval(call, {"bs": bs, "runs": runs})
    assert fit.runs.columns == {"params": "n_params", "tokens": "tokens"}


# ArviZ -------------------------------------------------------------------------------------------


def test_a_tree_follows_the_schema(broken_fit):
    broken_fit.forecast(x=[2e3, 1e4])
    tree = broken_fit.tree
    groups = {
        "posterior": ("chain", "draw"),
        "sample_stats": ("chain", "draw"),
        "log_likelihood": ("chain", "draw", "run"),
        "posterior_predictive": ("chain", "draw", "run"),
        "predictions": ("chain", "draw", "forecast"),
        "prior": ("chain", "draw"),
        "observed_data": ("run",),
        "constant_data": ("run",),
        "predictions_constant_data": ("forecast",),
    }
    missing = set(groups) - set(tree.children)
    assert not missing, missing
    for name, dims in groups.items():
        found = tree[name].to_dataset()
        assert set(dims) <= set(found.dims), name
        assert (
            name.endswith("constant_data") or "y" in found or {"chain", "draw"} <= set(found.dims)
        )
    assert set(tree["posterior"].data_vars) <= set(tree["prior"].data_vars)


def test_arviz_compares_as_we_do(power_fit, broken_fit):
    fits = {"power": power_fit, "broken": broken_fit}
    with pytest.warns(UserWarning, match="Pareto"):
        theirs = az.compare({n: fit.tree for n, fit in fits.items()}, round_to="none")
    with pytest.warns(UserWarning, match="Pareto"):
        ours = bs.compare(fits, repair=False, progress=False)
    assert ours.index.tolist() == theirs.index.tolist()
    shared = [c for c in ("elpd", "se", "p", "elpd_diff", "dse", "weight") if c in theirs]
    assert len(shared) == 6
    np.testing.assert_allclose(
        ours[shared].to_numpy(float), theirs[shared].to_numpy(float), rtol=1e-8, atol=1e-8
    )


def test_every_form_has_the_groups(form):
    tree = invented_fit(form()).tree
    assert {"posterior", "observed_data", "log_likelihood"} <= set(tree.children)
    assert isinstance(tree["posterior"].to_dataset().to_dataframe(), pd.DataFrame)
