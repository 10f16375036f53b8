"""What runs of a design would tell: tables of designs, shares and widths, and bad input."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bayescale as bs
from bayescale.errors import DataError, LawError
from bayescale.experiments.designs import designs_of
from bayescale.experiments.telling import share_interval

TRUTH = {"irreducible": 1.0, "scale": 2.0, "exponent": 0.3}
BEND = {
    "irreducible": 0.2, "scale": 2.0, "exponent": 0.1, "break_location": (30.0,),
    "exponent_change": (0.3,), "break_sharpness": (2.0,),
}  # fmt: skip


class TestDesigns:
    def test_all_combinations(self):
        table, made = designs_of(
            {"sizes": [4, 8], "decades": [1, 2, 3], "noise": 0.05}, ("x",), 0.01
        )
        assert len(table) == len(made) == 6
        assert table.columns.tolist() == ["sizes", "decades", "noise", "runs"]
        assert table["runs"].tolist() == [4, 4, 4, 8, 8, 8]
        assert all(design.noise == 0.05 for design in made)

    @pytest.mark.parametrize(
        ("end", "low", "high"),
        [({}, 1, 1e3), ({"smallest": 10}, 10, 1e4), ({"largest": 1e9}, 1e6, 1e9)],
    )
    def test_sizes_are_even_on_the_log_axis(self, end, low, high):
        _, (design,) = designs_of({"sizes": 4, "decades": 3} | end, ("x",), 0.01)
        np.testing.assert_allclose(design.inputs["x"], np.geomspace(low, high, 4))
        assert design.noise == 0.01

    def test_a_table_of_designs(self):
        rows = pd.DataFrame({"sizes": [4, 6], "decades": [1.0, 2.5], "replicates": [1, 3]})
        table, made = designs_of(rows, ("x",), 0.01)
        assert table["runs"].tolist() == [4, 18]
        assert len(np.unique(made[1].inputs["x"])) == 6

    def test_inputs_by_name(self):
        square = {"params": [1.0, 1, 9, 9], "tokens": [1.0, 9, 1, 9]}
        table, made = designs_of(
            {"square": pd.DataFrame(square), "twice": {k: v + v for k, v in square.items()}},
            ("params", "tokens"), 0.01,
        )  # fmt: skip
        assert table.index.tolist() == ["square", "twice"]
        assert table["runs"].tolist() == [4, 8]
        np.testing.assert_array_equal(made[0].inputs["tokens"], square["tokens"])

    @pytest.mark.parametrize(
        ("design", "error", "words"),
        [
            ({"sizes": [4]}, LawError, "needs decades"),
            ({"size": [4], "decades": 1}, LawError, "Did you mean 'sizes'"),
            ({"sizes": [1], "decades": 1}, DataError, "sizes must be a whole number of at least 2"),
            ({"sizes": [4.5], "decades": 1}, DataError, "whole number"),
            ({"sizes": 4, "decades": 0}, DataError, "decades must be a positive"),
            ({"sizes": [], "decades": 1}, LawError, "no row"),
            ({"sizes": 4, "decades": 1, "smallest": 1, "largest": 9}, LawError, "not both"),
            ([4, 5], LawError, "lists of which all combinations"),
            ({"one": {"n": [1.0]}}, DataError, "needs 'x'"),
        ],
    )
    def test_is_told_what_to_do(self, design, error, words):
        with pytest.raises(error, match=words):
            designs_of(design, ("x",), 0.01)

    def test_several_inputs_need_tables(self):
        with pytest.raises(LawError, match="a table of inputs, by name"):
            designs_of({"sizes": 4, "decades": 1}, ("params", "tokens"), 0.01)


@pytest.fixture(scope="module")
def study():
    return bs.power_study(
        bs.PowerLaw(), {"sizes": [6, 24], "decades": 3}, truth=TRUTH, noise=0.01, studies=12,
        seed=1, progress=False,
    )  # fmt: skip


class TestStudies:
    def test_more_runs_tell_more(self, study):
        table = study.table
        assert table["fitted"].tolist() == [12, 12]
        assert (table["good"] > 0.8).all()
        for name in ("exponent", "irreducible"):
            few, many = table[f"{name}_width"]
            assert many < 0.8 * few
        assert "told" not in table

    def test_columns_are_what_the_studies_say(self, study):
        rows = study.studies.query("quantity == 'exponent' and design == 0")
        row = study.table.loc[0]
        assert (rows["truth"] == 0.3).all()
        assert row["exponent_coverage"] == rows["inside"].mean()
        assert row["exponent_width"] == pytest.approx((rows["upper"] - rows["lower"]).median())
        reach = np.maximum(rows["upper"] - rows["median"], rows["median"] - rows["lower"])
        assert row["exponent_within"] == (reach <= 0.02).mean()

    def test_intervals_hold_the_truth(self, study):
        low, _ = share_interval(study.studies["inside"].sum(), len(study.studies), 0.99)
        assert study.studies["inside"].mean() > 0.75
        assert low > 0.6

    def test_prints(self, study):
        assert "12 simulated studies" in repr(study)
        assert "exponent ±0.02" in repr(study)
        assert "<table" in study._repr_html_()

    def test_every_fit_can_be_had(self, study):
        fit = study.fits.fit(1, 3)
        assert len(fit.runs) == 24

    def test_truths_from_the_prior_are_those_of_every_design(self, no_sampling):
        made = bs.power_study(
            bs.PowerLaw(), {"sizes": [6, 8], "decades": [2, 3]}, studies=3, draws=50,
            progress=False,
        )  # fmt: skip
        for _, same in made.studies.groupby(["study", "quantity"]):
            assert len(same) == 4
            assert np.ptp(same["truth"]) == 0
        exponents = made.studies.query("quantity == 'exponent' and design == 0")["truth"]
        assert len(set(exponents)) == 3

    def test_goes_on_where_it_was_stopped(self, no_sampling, tmp_path, monkeypatch):
        ask = {"truth": TRUTH, "studies": 2, "draws": 50, "folder": tmp_path / "study"}
        first = bs.power_study(bs.PowerLaw(), {"sizes": 6, "decades": 2}, progress=False, **ask)
        from bayescale import curve_record

        monkeypatch.setattr(curve_record, "records", None)  # nothing is left to fit
        again = bs.power_study(bs.PowerLaw(), {"sizes": 6, "decades": 2}, progress=False, **ask)
        pd.testing.assert_frame_equal(first.table, again.table)

    def test_two_inputs(self, no_sampling):
        grid = np.geomspace(1, 100, 4)
        params, tokens = (part.ravel() for part in np.meshgrid(grid, grid))
        made = bs.power_study(
            bs.Chinchilla(), {"4 x 4": {"params": params, "tokens": tokens}}, studies=2, draws=50,
            progress=False,
        )  # fmt: skip
        assert made.table.index.tolist() == ["4 x 4"]
        assert {"params_exponent_width", "tokens_exponent_width"} <= set(made.table)

    def test_noise_of_a_likelihood(self, no_sampling):
        made = bs.power_study(
            bs.PowerLaw(), {"sizes": 6, "decades": 2}, truth=TRUTH, studies=2, draws=50,
            noise=bs.StudentT(sigma=0.01, nu=4.0), likelihood=bs.StudentT(), progress=False,
        )  # fmt: skip
        assert made.table["fitted"].tolist() == [2]

    @pytest.mark.slow
    def test_a_clear_break_is_told_and_none_is_not_invented(self):
        broken = bs.BrokenPowerLaw(breaks=1)
        design = {"sizes": [8, 30], "decades": 3, "noise": 0.015}
        ask = {"studies": 10, "progress": False}
        made = bs.power_study(broken, design, truth=BEND, against=bs.PowerLaw(), **ask)
        few, many = made.table["told"]
        assert many >= few
        assert many >= 0.8
        assert (made.table["misled"] == 0).all()
        straight = bs.power_study(
            bs.PowerLaw(), {"sizes": 16, "decades": 3}, truth=TRUTH, against=broken, **ask
        )
        assert straight.table["misled"][0] <= 0.2


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"law": bs.PowerLaw(**TRUTH)}, "no prior left"),
            ({"law": bs.PowerLaw}, "must be a law"),
            ({"against": bs.Chinchilla()}, "need the same inputs"),
            ({"truth": bs.PowerLaw()}, "have priors"),
            ({"truth": 3}, "takes a law of numbers"),
            ({"truth": bs.Chinchilla()}, "truth= has the inputs"),
            ({"noise": 0}, "positive number"),
            ({"noise": bs.LogNormal()}, "give LogNormal a number for sigma"),
            ({"studies": 0}, "studies= must be"),
            ({"of": ["exponnt"]}, "Did you mean 'exponent'"),
            ({"of": ["scale"]}, "as the scale does"),
            ({"within": {"scale": 0.1}}, "which is not reported"),
            ({"within": {"exponent": 0}}, "positive numbers"),
            ({"prob": 1.0}, "between 0 and 1"),
        ],
    )
    def test_is_told_what_to_do(self, change, words):
        ask = {"law": bs.PowerLaw(), "design": {"sizes": 6, "decades": 2}, "studies": 2} | change
        with pytest.raises(LawError, match=words):
            bs.power_study(ask.pop("law"), ask.pop("design"), progress=False, **ask)


class TestPlot:
    @pytest.fixture(autouse=True)
    def closed(self):
        yield
        plt.close("all")

    def test_width_by_sizes(self, study):
        ax = bs.plot_power_study(study, of="exponent")
        assert ax.get_xlabel() == "sizes"
        (line, *_), *_ = ax.containers
        np.testing.assert_allclose(line.get_ydata(), study.table["exponent_width"])

    def test_lines_by_what_else_differs_and_shares(self, no_sampling):
        made = bs.power_study(
            bs.PowerLaw(), {"sizes": [6, 9], "decades": [2, 3]}, truth=TRUTH, studies=2, draws=50,
            against=bs.PowerLaw(irreducible=0.0), progress=False,
        )  # fmt: skip
        assert {"told", "told_lower", "told_upper", "misled"} <= set(made.table)
        ax = bs.plot_power_study(made)
        assert ax.get_legend_handles_labels()[1] == ["decades 2", "decades 3"]
        assert "tell PowerLaw" in ax.get_ylabel()
        first, second = (c[0].get_xdata() for c in ax.containers)
        assert ((second - first) > 0).all()  # beside each other

    def test_designs_by_name(self, no_sampling):
        table = {"x": np.geomspace(1, 100, 6)}
        made = bs.power_study(
            bs.PowerLaw(), {"a": table, "b": table}, truth=TRUTH, studies=2, draws=50,
            progress=False,
        )  # fmt: skip
        ax = bs.plot_power_study(made, of="irreducible")
        assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]

    def test_refuses_what_is_not_there(self, study):
        with pytest.raises(LawError, match="Did you mean 'exponent'"):
            bs.plot_power_study(study, of="exponet")


def test_interval_of_a_share():
    low, high = share_interval([0, 5, 10], 10)
    assert low[0] == 0
    assert high[-1] == 1
    assert low[1] < 0.5 < high[1]
    np.testing.assert_allclose(high[0], 1 - low[-1])
