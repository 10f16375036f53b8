"""Published laws: their numbers, where they come from, and what follows from them.

The values were computed in double precision apart from this package.
"""

import math
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

import bayescale as bs
from bayescale import literature
from bayescale.laws import Law
from bayescale.literature import list_published, published

LISTED = [tuple(row) for row in list_published()[["paper", "name"]].to_numpy()]
#: FLOP of a PF-day.
PF_DAY = 8.64e19


def near(value):
    return pytest.approx(value, rel=1e-9)


def law_of(key):
    return published(*key)


every_law = pytest.mark.parametrize("key", LISTED, ids=[" ".join(key) for key in LISTED])


class TestEveryLaw:
    @every_law
    def test_it_is_fixed_and_says_where_it_comes_from(self, key):
        law, source = law_of(key), law_of(key).source
        assert (source.paper, source.name) == key
        assert set(source.units) == {*law.inputs, "y"}
        assert set(source.valid) <= set(law.inputs)
        assert source.title
        assert source.where
        assert source.year == int(source.paper[-4:])
        assert "{" not in source.formula
        assert "  " not in source.note
        assert "\n" not in source.note
        assert source.verified != ("secondary source" in source.note)
        assert source.where in str(source)
        assert hash(source) == hash(law_of(key).source)
        assert law == law_of(key)

    @every_law
    def test_it_is_finite_over_its_range_and_simulates_in_its_units(self, key):
        law = law_of(key)
        inputs = {}
        for role in law.inputs:
            compute = law.source.units[role].startswith("PF-days")
            wide = (0.5, 12.0) if role == "loss" else (1e-9, 1e9) if compute else (1.0, 1e24)
            inputs[role] = np.geomspace(*law.source.valid.get(role, wide), 40)
        curve = law.evaluate(**inputs)
        assert np.isfinite(curve).all()
        assert (curve > 0).all()
        runs = law.simulate(noise=0.0, y="outcome", **inputs)
        assert list(runs) == [*law.inputs, "outcome"]
        np.testing.assert_allclose(runs["outcome"], curve, rtol=1e-12)

    def test_the_list_has_a_row_for_each(self):
        table = list_published()
        columns = ["paper", "name", "law", "formula", "units", "where", "note", "reference"]
        assert list(table) == columns
        assert not table.duplicated(["paper", "name"]).any()
        assert not table.drop(columns="note").eq("").any().any()
        found = {path.stem for path in Path(literature.__file__).parent.glob("*.toml")}
        assert set(table["paper"]) == found

    def test_a_form_of_the_registry_has_no_source(self):
        assert bs.PowerLaw(irreducible=0.0, x0=8.8e13, exponent=0.076).source is None
        assert Law.source is None


class TestNames:
    def test_unknown_paper(self):
        with pytest.raises(bs.UnknownNameError, match="no paper 'kaplan'.*Did you mean 'kaplan20"):
            published("kaplan", "L(N)")

    def test_unknown_law(self):
        with pytest.raises(bs.UnknownNameError, match=r"law of kaplan2020.*L\(D\).*Did you mean"):
            published("kaplan2020", "L(n)")


def test_numbers_are_written_as_in_papers():
    formulas = list_published().set_index(["paper", "name"])["formula"]
    assert formulas["kaplan2020", "L(N)"] == "L(N) = (8.8e13/N)^0.076"
    assert formulas["henighan2020", "L(C) image 8x8"] == "L(C) = 3.13 + (1.8e-8/C)^0.19"
    assert "exp(6.0073404)" in formulas["hoffmann2022", "L(N,D) unrounded"]


def test_a_fixed_law_simulates_with_its_own_numbers_unless_others_are_given():
    law = bs.PowerLaw(irreducible=1.0, x0=10.0, exponent=0.5)
    assert law.simulate(noise=0.0, x=[1000.0])["y"][0] == pytest.approx(1.1)
    others = {"irreducible": 0.0, "scale": 2.0, "exponent": 1.0}
    assert law.simulate(noise=0.0, x=[4.0], parameters=others)["y"][0] == pytest.approx(0.5)
    free = bs.PowerLaw(irreducible=0.0)
    assert free.simulate(noise=0.0, x=[1.0])["y"][0] == pytest.approx(2.9)


KAPLAN = [
    ("L(N)", {"x": 1e9}, 2.3756402951345246),
    ("L(N)", {"x": 1.5e9}, 2.3035505519976587),
    ("L(N)", {"x": 1.75e11}, 1.60438942731325),
    ("L(D)", {"x": 1e10}, 2.2624417538197132),
    ("L(D)", {"x": 2.2e10}, 2.099168266822878),
    ("L(C_min)", {"x": 1.0}, 2.6580802262455236),
    ("L(C_min)", {"x": 1e4}, 1.677135240967187),
    ("L(C)", {"x": 1.0}, 2.574155859897865),
    ("L(N,D)", {"params": 1e9, "tokens": 1e10}, 2.4196518191691774),
    ("L(N,D)", {"params": 1e8, "tokens": 1e9}, 2.956733738633301),
    ("L(N,D)", {"params": 1e9, "tokens": 2.2e10}, 2.3693163430934017),
    ("L(N,D)", {"params": 1e9, "tokens": np.inf}, 2.318834098331168),
    ("L(N,D)", {"params": np.inf, "tokens": 1e10}, 2.1641784491436535),
    ("L(N,S_min)", {"params": 1e9, "steps": 1e5}, 2.4005136614270093),
    ("L(N,S_min)", {"params": 1e8, "steps": 1e4}, 3.1082267236280448),
    ("B_crit(L)", {"loss": 3.0}, 1122569.7107474345),
    ("B_crit(L) rounded", {"loss": 3.0}, 1069114.010235652),
    ("N_opt(C)", {"x": 1e3}, 201346160458.62256),
    ("B(C)", {"x": 1e3}, 10496149.204995451),
    ("S(C)", {"x": 1e3}, 6643.451362386861),
    ("D(C)", {"x": 1e3}, 129130845806.93112),
    ("D(N) without overfitting", {"x": 1e9}, 22854409480.743748),
]


class TestKaplan:
    @pytest.mark.parametrize(("name", "inputs", "value"), KAPLAN)
    def test_values(self, name, inputs, value):
        assert published("kaplan2020", name).evaluate(**inputs) == near(value)

    @pytest.mark.parametrize(
        ("name", "ratio"),
        [
            ("L(N)", 0.9486843151404539),
            ("L(D)", 0.9362722474344922),
            ("L(C_min)", 0.9659363289248456),
        ],
    )
    def test_what_doubling_gives(self, name, ratio):
        law = published("kaplan2020", name)
        assert law.evaluate(x=2e9) / law.evaluate(x=1e9) == near(ratio)

    def test_overfitting_of_the_joint_law(self):
        law = published("kaplan2020", "L(N,D)")
        limit = law.evaluate(params=1e9, tokens=np.inf)
        found = law.evaluate(params=1e9, tokens=1e10) / limit - 1
        assert found == near(0.04347776363585765)
        enough = law.evaluate(params=1e9, tokens=24135832758.278255) / limit
        assert enough == near(1.02)

    def test_the_exponent_and_the_prefactor_of_equation_4_4(self):
        numbers = published("kaplan2020", "L(N,D)").numbers
        ratio = numbers["params_exponent"] / numbers["tokens_exponent"]
        assert ratio == near(0.7378640776699029)
        law = published("kaplan2020", "L(N,D)")
        tokens = 5519.320183658228 * 1e9**ratio
        ahead = law.evaluate(params=1e9, tokens=tokens)
        assert ahead / law.evaluate(params=1e9, tokens=np.inf) - 1 == near(0.02)

    def test_the_loss_falls_by_an_eighth_where_the_critical_batch_doubles(self):
        law = published("kaplan2020", "B_crit(L)")
        assert law.evaluate(loss=3.0 * 0.8645372313078652) == near(2 * law.evaluate(loss=3.0))

    def test_table_6_spends_the_compute(self):
        n, b, s = (
            published("kaplan2020", name).evaluate(x=1.0) for name in ("N_opt(C)", "B(C)", "S(C)")
        )
        assert 6 * n * b * s / PF_DAY == near(0.975)
        assert 2 * PF_DAY / (6 * n) == near(22153846153.846153)
        printed = published("kaplan2020", "D(C), Eq 6.7").evaluate(x=1.0)
        assert printed == near(4e10)

    @pytest.mark.parametrize(
        ("data", "compute", "params", "tokens", "loss"),
        [
            (
                "D(C)",
                11189.486269514986,
                1173747715868.9775,
                247861307054.39005,
                1.6677370510410325,
            ),
            (
                "D(C), Eq 6.7",
                106446.04092022302,
                6077820882276.149,
                811173332629.2389,
                1.4900869424410657,
            ),
        ],
    )
    def test_where_two_laws_contradict_each_other(self, data, compute, params, tokens, loss):
        assert published("kaplan2020", "N_opt(C)").evaluate(x=compute) == near(params)
        assert published("kaplan2020", data).evaluate(x=compute) == near(tokens)
        assert published("kaplan2020", "L(C_min)").evaluate(x=compute) == near(loss)
        assert published("kaplan2020", "L(D)").evaluate(x=tokens) == near(loss)


#: Domain: L(N) at 1e8 parameters, L(C) and N_opt(C) at 1 PF-day.
HENIGHAN = {
    "language": (2.7021671713584006, 2.5700159271427503, 1292661528.8825352),
    "image 8x8": (3.154414510515666, 3.1637677229509857, 313663109.4521204),
    "image 16x16": (2.7000308878950547, 2.69657951198578, 308367835.2051189),
    "image 32x32": (2.356283911192293, 2.3530969081105253, 207645254.99192852),
    "image VQ 16x16": (4.333619094728375, 4.297198344855945, 283706521.3549027),
    "image VQ 32x32": (3.3713182969478224, 3.3836962011112224, 262307375.69524434),
    "text-to-image, text": (1.065817770482942, None, None),
    "text-to-image, image": (2.2056890764444446, 2.063786930226102, 262307375.69524434),
    "image-to-text, text": (1.078844429706741, None, None),
    "image-to-text, image": (2.229643630125668, 2.0869969664875923, 184786382.4043145),
    "video VQ 16x16x16": (1.1600957564004388, 1.1728123069840068, 303608764.93383163),
    "math (extrapolation)": (0.5126070265218362, 0.28956906062730386, 107252591.12620716),
}


class TestHenighan:
    @pytest.mark.parametrize("domain", HENIGHAN)
    def test_table_1(self, domain):
        at = (("L(N)", 1e8), ("L(C)", 1.0), ("N_opt(C)", 1.0))
        for (kind, x), value in zip(at, HENIGHAN[domain], strict=True):
            if value is None:
                with pytest.raises(bs.UnknownNameError):
                    published("henighan2020", f"{kind} {domain}")
            else:
                assert published("henighan2020", f"{kind} {domain}").evaluate(x=x) == near(value)

    def test_every_domain_is_checked(self):
        names = [name for paper, name in LISTED if paper == "henighan2020"]
        kinds = ("L(N) ", "L(C) ", "N_opt(C) ")
        domains = {name.removeprefix(kind) for name in names for kind in kinds if kind in name}
        assert domains - {"image 16x16, section 6"} == set(HENIGHAN)

    @pytest.mark.parametrize(
        ("domain", "tokens", "floor", "compute"),
        [
            ("image 8x8", 192, 600.96, 18734.72803632813),
            ("image 16x16", 768, 2027.52, 17283337386.49123),
            ("image 32x32", 3072, 6789.12, 2.6947260105435618e26),
            ("image VQ 16x16", 256, 1047.04, 4768924300916427.0),
            ("image VQ 32x32", 1024, 3246.08, 3.168154262819291e19),
        ],
    )
    def test_one_nat_an_image_above_the_floor(self, domain, tokens, floor, compute):
        numbers = published("henighan2020", f"L(C) {domain}").numbers
        assert tokens * numbers["irreducible"] == near(floor)
        # Above the floor, which would swallow the digits of a single nat.
        reducible = numbers["scale"] * compute ** -numbers["exponent"]
        assert tokens * reducible == near(1.0)

    def test_compute_that_suits_a_data_set(self):
        law = published("henighan2020", "N_opt(C) image 16x16, section 6")
        compute = np.array([1e-3, 1e3])
        tokens = compute * PF_DAY / (6 * law.evaluate(x=compute))
        power = np.log(compute[1] / compute[0]) / np.log(tokens[1] / tokens[0])
        assert power == near(3.846153846153846)
        assert compute[0] / tokens[0] ** power == near(6.354183702499991e-42)
        printed = published("henighan2020", "C(D) image 16x16")
        assert printed.evaluate(x=1.0) == near(5e-42)

    def test_tokens_grow_more_slowly_than_parameters(self):
        law = published("henighan2020", "N_opt(C) image VQ 32x32")
        n = law.evaluate(x=np.array([1.0, 10.0]))
        tokens = np.array([1.0, 10.0]) / n
        growth = np.log(tokens[1] / tokens[0]) / np.log(n[1] / n[0])
        assert growth == near(0.4285714285714286)


#: Domain: error now and wanted, and how many times the data and the model that takes.
HESTNESS = {
    "word LM": (3.37, 2.48, 104.1961851693863, 23.558044446850207),
    "character LM": (1.3, 0.7, 836.0488529276927, 398.8284891111918),
    "NMT": (0.28, 0.12, 749.5811128297203, 90.1315151646147),
    "speech": (0.095, 0.04, 19.54070616027487, 4.978605760144412),
    "image": (0.194, 0.05, 80.46449499611236, 12.195354954125298),
}


class TestHestness:
    @pytest.mark.parametrize("domain", HESTNESS)
    def test_what_the_target_takes(self, domain):
        now, wanted, data, size = HESTNESS[domain]
        error = published("hestness2019", f"error {domain}")
        model = published("hestness2019", f"model size {domain}")
        assert error.evaluate(x=data) / error.evaluate(x=1.0) == near(wanted / now)
        assert model.evaluate(x=data) / model.evaluate(x=1.0) == near(size)

    @pytest.mark.parametrize(
        ("paper", "name", "samples", "value"),
        [
            ("hestness2017", "error NMT 208 hidden", 2**20, 0.6702084625609401),
            ("hestness2017", "error NMT 512 hidden", 2**20, 0.6559375000000001),
            ("hestness2017", "error NMT composite", 2**20, 0.6562573434028113),
            ("hestness2017", "error NMT composite, as printed", 2**20, 0.6383119518363876),
            ("hestness2019", "error word LM", 768e6, 3.3690659448575486),
            ("hestness2019", "model size word LM", 768e6, 1035.5557470427216),
        ],
    )
    def test_values(self, paper, name, samples, value):
        assert published(paper, name).evaluate(x=samples) == near(value)

    @pytest.mark.parametrize(
        ("exponent", "factor"), [(0.35, 7.245789314111254), (0.07, 19972.31971048611)]
    )
    def test_data_that_halve_the_error(self, exponent, factor):
        law = bs.PowerLaw(irreducible=0.0, x0=1e6, exponent=exponent)
        assert law.evaluate(x=factor) == near(law.evaluate(x=1.0) / 2)


class TestCaballero:
    @pytest.mark.parametrize(
        ("name", "x", "value"),
        [
            ("four-digit addition", 100, 2.1809810230040343),
            ("four-digit addition", 405, 2.049455220994911),
            ("four-digit addition", 612.5836172918001, 1.6815325505756513),
            ("four-digit addition", 1000, 0.5109096060259902),
            ("four-digit addition", 4096, 0.41391511218049754),
            ("figure 1", 1, 4659.997752311628),
            ("figure 1", 1e6, 1972.323381988258),
            ("figure 1", 1e14, 0.42764645145384117),
            ("figure 1", 1e17, 1.2573154277352028),
            ("figure 1", 2e20, 9.08266158279083),
            ("figure 1", 1e24, 0.001001676248377922),
        ],
    )
    def test_values(self, name, x, value):
        assert published("caballero2023", name).evaluate(x=x) == near(value)

    @pytest.mark.parametrize(
        ("x", "value"),
        [
            (10, 0.7962143411213262),
            (1e3, 0.14296028157212676),
            (1e4, 0.3990526226139949),
            (1e5, 1.1452117526282617),
            (1e7, 0.5023772862948832),
        ],
    )
    def test_a_curve_with_a_peak(self, x, value):
        law = bs.BrokenPowerLaw(
            breaks=2,
            monotone=False,
            irreducible=0.0,
            b=2.0,
            exponent=0.4,
            break_location=(1e3, 1e5),
            exponent_change=(-0.9, 0.7),
            break_sharpness=5.0,
        )
        assert law.evaluate(x=x) == near(value)

    def test_the_published_fit_keeps_every_digit(self):
        law = published("caballero2023", "four-digit addition")
        found = law.constants(law.numbers, {"x_ref": 1.0})
        assert found["irreducible"] == near(0.41388453071629455)
        assert found["b"] == near(2.2772722897737556)
        assert found["exponent"] == near(0.055077348404973955)
        assert found["exponent_change"] == near((5.662903816010331,))
        assert found["break_location"] == near((612.5836172918001,))
        assert found["f"] == near((0.059193036393742314,))

    def test_the_factor_of_a_break_at_its_location(self):
        law = published("caballero2023", "four-digit addition")
        found = law.constants(law.numbers, {"x_ref": 1.0})
        d = found["break_location"][0]
        first = found["b"] * d ** -found["exponent"]
        assert (law.evaluate(x=d) - found["irreducible"]) / first == near(0.792671784096902)

    def test_between_breaks_the_curve_is_near_its_segment(self):
        law = published("caballero2023", "figure 1")
        found = law.constants(law.numbers, {"x_ref": 1.0})
        edges, slopes = (1.0, *found["break_location"][:2], 1e17), found["segment_exponent"]
        steps = zip(edges, edges[1:], slopes, strict=False)
        segment = list(accumulate((-c * math.log(b / a) for a, b, c in steps)))[-1]
        third = found["b"] * math.exp(segment)
        assert third == near(1.2450171432974955)
        assert law.evaluate(x=1e17) == pytest.approx(third, rel=0.02)

    def test_decades_in_which_a_break_goes_from_a_tenth_to_nine_tenths(self):
        width, f = 1.9084850188786497, 0.2
        law = bs.BrokenPowerLaw(
            irreducible=0.0,
            b=1.0,
            exponent=0.0,
            monotone=False,
            break_location=1e3,
            exponent_change=1.0,
            break_sharpness=1 / f,
        )
        slopes = []
        for side in (-0.5, 0.5):
            at = np.log(1e3) + side * width * f * np.log(10) + np.array([-1e-4, 1e-4])
            slopes.append(-np.diff(np.log(law.evaluate(x=np.exp(at))))[0] / 2e-4)
        assert slopes == pytest.approx([0.1, 0.9], abs=1e-6)
        assert width == near(2 * math.log(9) / math.log(10))


#: L(70e9, 1.4e12), L(280e9, 300e9), L(1e9, 20e9); G, a, b, gamma; then for three budgets
#: the best parameters, tokens and their loss.
BUDGETS = (1e21, 5.76e23, 1e25)
CHINCHILLA = {
    ("hoffmann2022", "L(N,D)"): (
        (1.9366454705587173, 1.9932584616598494, 2.5800478722379934),
        (1.34471064277253, 0.45161290322580644, 0.5483870967741935, 0.1535483870967742),
        (1824217696.8955524, 32189859151.368168, 116822979225.12782),
        (91363364663.27403, 2982305686662.796, 14266599582731.521),
        (2.3288829401543194, 1.930748101731648, 1.8453201291884438),
    ),
    ("hoffmann2022", "L(N,D) unrounded"): (
        (1.9208460265656064, 1.9672433240299165, 2.530668201329356),
        (1.3000464420166369, 0.45652591432554535, 0.5434740856744547, 0.15484027784356322),
        (2216954892.6169333, 40360938387.23629, 148545846889.53366),
        (75178194748.89285, 2378537363996.447, 11219880606329.479),
        (2.29549104008491, 1.9184120459968501, 1.8380242135005347),
    ),
    ("besiroglu2024", "L(N,D)"): (
        (1.973415876792619, 1.9990798198274007, 2.529212274642688),
        (0.1196312883761414, 0.5126390718269204, 0.48736092817307963, 0.17830099557212117),
        (2781983523.6581883, 72352738465.78731, 312543765978.9072),
        (59909293225.255035, 1326832985670.536, 5332586498555.042),
        (2.3048372003834916, 1.9739734821320754, 1.9113086052111499),
    ),
}


@pytest.mark.parametrize("key", CHINCHILLA, ids=[" ".join(key) for key in CHINCHILLA])
class TestChinchilla:
    def test_losses(self, key):
        law = law_of(key)
        runs = [(70e9, 1.4e12), (280e9, 300e9), (1e9, 20e9)]
        found = [law.evaluate(params=n, tokens=d).item() for n, d in runs]
        assert found == near(list(CHINCHILLA[key][0]))

    def test_the_frontier_s_constants(self, key):
        law = law_of(key)
        found = law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})
        gamma = found["alpha"] * found["beta"] / (found["alpha"] + found["beta"])
        assert [found["G"], found["a"], found["b"], gamma] == near(list(CHINCHILLA[key][1]))

    def test_the_optimum(self, key):
        law = law_of(key)
        found = law.optimum(BUDGETS)
        for name, values in zip(("params", "tokens", "loss"), CHINCHILLA[key][2:], strict=True):
            assert list(found[name]) == near(list(values))
        assert 6 * found["params"] * found["tokens"] == near(np.array(BUDGETS))

    def test_at_the_optimum_both_terms_fall_alike(self, key):
        law = law_of(key)
        best, n = law.optimum(1e23), law.numbers
        alike = [
            n[f"{role}_exponent"] * n[f"{role}_scale"] * best[role] ** -n[f"{role}_exponent"]
            for role in ("params", "tokens")
        ]
        assert alike[0] / alike[1] == near(1.0)


def test_an_optimum_needs_numbers():
    with pytest.raises(bs.LawError, match="irreducible has a prior"):
        bs.Chinchilla(A=406.4, B=410.7, params_exponent=0.34, tokens_exponent=0.28).optimum(1e21)


class TestMuennighoff:
    @pytest.fixture
    def constants(self):
        law = published("muennighoff2023", "L(N,D,U)")
        return law.constants(law.numbers, {"params_ref": 1.0, "tokens_ref": 1.0})

    def test_constants(self, constants):
        assert constants["A"] == near(520.8249516599187)
        assert constants["B"] == near(1487.716093782861)
        assert constants["E"] == near(1.8691436784054858)
        assert constants["G"] == near(0.22580194342312088)

    @pytest.mark.parametrize(
        ("params", "tokens", "value"),
        [(6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)],
    )
    def test_losses(self, params, tokens, value):
        law = published("muennighoff2023", "L(N,D,U)")
        assert law.evaluate(params=params, tokens=tokens, unique_tokens=25e9) == near(value)

    @pytest.mark.parametrize(
        ("epochs", "worth"),
        [
            (2, 1.9681992237887165),
            (4, 3.725673123061326),
            (16, 10.582456982670752),
            (40, 15.167464801531787),
            (1e9, 16.387756),
        ],
    )
    def test_what_repeated_tokens_are_worth(self, epochs, worth):
        law = published("muennighoff2023", "L(N,D,U)")
        repeated = law.evaluate(params=1e8, tokens=epochs * 25e9, unique_tokens=25e9)
        fresh = law.evaluate(params=1e8, tokens=worth * 25e9, unique_tokens=worth * 25e9)
        assert repeated == pytest.approx(fresh, rel=1e-13)

    def test_parameters_that_suit_the_unique_tokens(self, constants):
        """Up to them no parameter is in excess, so that more unique tokens change nothing."""
        assert constants["G"] ** 2 == near(0.05098651765365828)
        law = published("muennighoff2023", "L(N,D,U)")
        plain = bs.Chinchilla(
            irreducible=constants["E"],
            A=constants["A"],
            params_exponent=constants["alpha"],
            B=constants["B"],
            tokens_exponent=constants["beta"],
        )
        suits = 0.05098651765365828 * 25e9
        for share, same in ((1 - 1e-6, True), (1.01, False)):
            found = law.evaluate(params=share * suits, tokens=25e9, unique_tokens=25e9)
            expected = plain.evaluate(params=share * suits, tokens=25e9)
            assert (found == pytest.approx(expected, rel=1e-12)) is same


class TestBaselines:
    """Alabdulmohsin et al. (2022): M1 and M2 are power laws, y = beta x^c and with a floor."""

    @pytest.mark.parametrize(
        ("irreducible", "value"), [(0.0, 0.25178508235883346), (0.1, 0.35178508235883343)]
    )
    def test_values(self, irreducible, value):
        law = bs.PowerLaw(irreducible=irreducible, scale=2.0, exponent=0.3)
        assert law.evaluate(x=1e3) == near(value)
