"""The gallery: pages of one shape, strict about what is missing; a new form is in it by itself."""

import importlib.util
import inspect
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

import bayescale as bs
from bayescale.parameters import parameter_names, slots
from bayescale.registry import LAWS

TOP = Path(__file__).parent.parent
SCRIPT = TOP / "docs" / "gallery.py"


@pytest.fixture(scope="module")
def gallery():
    """The script, loaded as a module."""
    spec = importlib.util.spec_from_file_location("gallery", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def pages(gallery, tmp_path_factory):
    """The pages of a law of one input and of one of two, and what is in docs/laws meanwhile."""
    out = tmp_path_factory.mktemp("laws")
    before = contents(gallery.OUT)
    assert gallery.main(["--out", str(out), "--only", "PowerLaw", "Chinchilla"]) == 0
    assert contents(gallery.OUT) == before
    return out


def contents(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*")}


def sections_of(page: Path) -> dict[str, str]:
    top, *rest = re.split(r"^## (.+)$", page.read_text(), flags=re.M)
    assert top.startswith(f"# {page.stem}\n\n")
    return {title: body.strip() for title, body in zip(rest[::2], rest[1::2], strict=True)}


@pytest.mark.parametrize("name", ["PowerLaw", "Chinchilla"])
def test_a_page_has_every_section_in_order_and_none_is_empty(gallery, pages, name):
    form, sections = LAWS[name], sections_of(pages / f"{name}.md")
    assert tuple(sections) == gallery.SECTIONS
    assert all(sections.values())
    assert sections["Formula"].count("$$") >= 2
    assert form.formula in sections["Formula"]
    for parameter in parameter_names(form):
        for title in ("Parameters", "Default priors"):
            assert sections[title].count(f"| `{parameter}` |") == 1
    for constant in form.constant_names:
        assert f"| `{constant}` |" in sections["The literature's constants"]
    assert sections["When to use it"] == form.use
    assert sections["Traps"] == form.traps
    assert "(https://arxiv.org/abs/" in sections["References"]
    assert ">>> import bayescale as bs" in sections["In Python"]
    for title in ("Example", "Prior predictive"):
        (figure,) = re.findall(r"!\[[^\]]+\]\((.+)\)", sections[title])
        size = (pages / figure).read_bytes()[16:24]
        assert struct.unpack(">II", size) == (1280, 800)
    assert not re.search(
        r":\w+:`|(?<!`)``(?!`)", (pages / f"{name}.md").read_text()
    )  # no marks of reST


def test_only_what_was_asked_for_is_written(pages):
    assert {path.name for path in pages.glob("*.md")} == {
        "PowerLaw.md", "Chinchilla.md", "which_law.md",
    }  # fmt: skip
    text = (pages / "which_law.md").read_text()
    assert "[PowerLaw](PowerLaw.md)" in text
    assert "(BrokenPowerLaw.md)" not in text  # named, not linked: there is no such page
    assert "| BrokenPowerLaw |" in text


def test_every_form_has_what_its_page_needs(gallery, form):
    assert gallery.lacks(form, gallery.Docstring.of(form)) == []


@pytest.mark.parametrize("what", ["formula", "use", "traps"])
def test_a_form_that_lacks_something_fails(gallery, monkeypatch, tmp_path, capsys, what):
    for draw in ("draw_example", "draw_prior_predictive"):
        monkeypatch.setattr(gallery, draw, lambda form: (gallery.plt.figure(), "A figure.", []))
    monkeypatch.setattr(bs.PowerLaw, what, "")
    assert gallery.main(["--out", str(tmp_path), "--only", "PowerLaw"]) == 1
    assert f"PowerLaw has no {what}." in capsys.readouterr().err


def test_a_docstring_that_lacks_something_fails(gallery, monkeypatch):
    doc = inspect.getdoc(bs.PowerLaw)
    for old, new, message in (
        ("arXiv:", "arxiv ", "References have no arXiv number"),
        (".. math::", "math:", "no '.. math::' block"),
        (">>>", ">", "Examples have no code"),
        ("\nexponent\n", "\nslope\n", "does not say what exponent is"),
    ):
        assert old in doc
        monkeypatch.setattr(bs.PowerLaw, "__doc__", doc.replace(old, new))
        (found,) = gallery.lacks(bs.PowerLaw, gallery.Docstring.of(bs.PowerLaw))
        assert message in found


def test_dead_links_and_missing_figures_are_found(gallery, tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "empty.png").touch()
    page.write_text("[a](page.md) ![b](none.png) ![c](empty.png) [d](https://arxiv.org/abs/12)")
    found = gallery.dead_links(page)
    assert [words.split(" leads")[0] for words in found] == [
        "page.md: the figure none.png",
        "page.md: the figure empty.png",
        "page.md: the link https://arxiv.org/abs/12",
    ]


def test_a_family_whose_law_is_missing_fails(gallery, monkeypatch, tmp_path):
    for call in ("bs.Nothing()", "bs.PowerLaw(nothing=1)"):
        monkeypatch.setattr(gallery, "FAMILIES", (("pow9", "a n", call),))
        (found,) = gallery.which_law(tmp_path)[1]
        assert "which_law.md" in found


def test_prior_draws_are_the_priors_in_natural_parameters(gallery, form):
    references = gallery.references_of(form)
    drawn = form().prior_draws(references, draws=64, seed=3)
    again = form().prior_draws(references, draws=64, seed=3)
    assert list(drawn) == parameter_names(form)
    for name, value in drawn.items():
        assert isinstance(value, tuple) == (name in form().sizes)
        assert np.shape(value)[-1] == 64
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, again[name])


def test_prior_draws_have_the_quantiles_of_the_priors(gallery):
    references = gallery.references_of(bs.PowerLaw)
    law = bs.PowerLaw(irreducible=0.0, scale=bs.Prior("HalfNormal", sigma=2.0))
    drawn, table = law.prior_draws(references, draws=20_000), law.priors()
    for name in ("scale", "exponent"):
        found = np.quantile(drawn[name], [0.025, 0.975])
        np.testing.assert_allclose(found, table.loc[name, ["low", "high"]].tolist(), rtol=0.1)
    assert (drawn["irreducible"] == 0).all()


# Families of the literature ----------------------------------------------------------------------

X = np.geomspace(0.05, 20, 40)
N, D = np.meshgrid(np.geomspace(0.05, 20, 9), np.geomspace(0.05, 20, 9))

#: The family's own formula with some numbers; the form must be able to follow it exactly.
EXACT = {
    "pow2": 0.8 * X**-0.4,
    "pow3": 0.8 * X**-0.4 + 0.3,
    "pow4": 0.8 * (X + 0.5) ** -0.7 + 0.3,
    "exp2": 0.8 * np.exp(-0.2 * X),
    "exp3": 0.8 * np.exp(-0.2 * X) + 0.3,
    "exp4, Weibull, Janoschek": 0.3 + 0.8 * np.exp(-0.5 * X**0.6),
    "log2": 3.0 - 0.4 * np.log(X),
    "MMF, Hill": (1.2 * 0.7 + 0.2 * X**0.6) / (0.7 + X**0.6),
    "BLEU from loss (Ghorbani)": 0.8 * X**-0.4,
    "saturating BLEU from loss": 0.8 * (X + 0.5) ** -0.7,
    "over-training law (Gadre)": 1.7 + (0.5 * (D / N) ** 0.2 + 0.4 * (D / N) ** -0.2)
    * (6 * N * D) ** -0.2,
    "downstream error from loss (Gadre)": 1.0 - (0.85 - 0.6 * np.exp(-0.2 * X)),
    "model growth (Hestness)": 0.8 * X**0.7,
    "L(N, D) of Kaplan with a floor (Henighan)": 0.6 + ((2 / N) ** (0.3 / 0.5) + 1.5 / D) ** 0.5,
    "steps from batch size (Zhang)": 1.0 + 0.9 / X**0.8,
}  # fmt: skip


def test_every_family_is_held_to_its_formula(gallery):
    """ilog2, c + a / log n, needs n > 1 in its own units; tests of its form hold it to that."""
    assert {family for family, _, _ in gallery.FAMILIES} - {"ilog2"} == set(EXACT)


@pytest.mark.parametrize("family", EXACT)
def test_a_family_is_the_law_it_is_said_to_be(gallery, family):
    (call,) = [call for name, _, call in gallery.FAMILIES if name == family]
    law, target = eval(call, {"bs": bs}), EXACT[family]
    form = type(law)
    at = (X,) if target.ndim == 1 else (N, D)
    inputs = dict(zip(form.inputs, at, strict=True))
    held = {slot.field: slot.value for slot in slots(law) if slot.prior is None}
    held.pop("tokens_exponent", None)  # fixed through exponent_ratio, and not at its own number
    free = [name for name in parameter_names(form) if name not in held]

    def off(vector):
        values = dict(zip(free, vector, strict=True)) | held
        with np.errstate(all="ignore"):
            return np.nan_to_num((form.expr(**inputs, **values) - target).ravel(), nan=1e6)

    start = [
        form.example[name] * (-1 if "mu=-" in call and name == "exponent" else 1) for name in free
    ]
    found = least_squares(off, start, x_scale=np.abs(start), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert np.abs(off(found.x)).max() < 1e-6 * target.max()
    if "exponent_ratio=1.0" in call:
        fitted = dict(zip(free, found.x, strict=True))
        assert fitted["params_exponent"] == pytest.approx(fitted["tokens_exponent"], rel=1e-4)


# A form of one's own -----------------------------------------------------------------------------

NEW_FORM = '''\
"""A form that somebody drops into the folder."""

from bayescale.laws import EXPONENT_PRIOR, FLOOR_PRIOR, LEVEL_PRIOR, Law
from bayescale.prior import Prior
from bayescale.registry import law


@law
class NewForm(Law):
    r"""Loss falls as a power of one more than the input, towards a floor.

    .. math:: L(x) = L_\\infty + S \\left(\\frac{2}{1 + x/x_{ref}}\\right)^{\\alpha}

    As :math:`x \\to 0` it stays finite.

    Parameters
    ----------
    irreducible
        :math:`L_\\infty`, the loss that is left at infinite scale; scalar, in the units of y.
    scale
        :math:`S`, the reducible loss at the reference input; scalar, in the units of y.
    exponent
        :math:`\\alpha`, slope of the reducible loss at large inputs; scalar, no unit.

    References
    ----------
    Nobody (2017), arXiv:1712.00409.

    Examples
    --------
    >>> import bayescale as bs
    >>> bs.NewForm(irreducible=0.0).irreducible
    0.0
    """

    irreducible: Prior | float = FLOOR_PRIOR
    scale: Prior | float = LEVEL_PRIOR
    exponent: Prior | float = EXPONENT_PRIOR

    formula = "L(x) = irreducible + scale · (2/(1 + x/x_ref))^exponent"
    use = "To see that a form needs one file."
    traps = "It is nobody's law."
    example = {"irreducible": 1.7, "scale": 1.2, "exponent": 0.5}

    @staticmethod
    def expr(x, irreducible, scale, exponent):
        """Return the loss at x, in reference units."""
        return irreducible + scale * (2 / (1 + x)) ** exponent
'''


@pytest.mark.slow
def test_a_form_dropped_into_the_folder_is_everywhere(tmp_path):
    """One file of less than 60 lines in forms/ of a copy of the package, and no other edit."""
    assert len(NEW_FORM.splitlines()) < 60
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(bs.__file__).parent, tmp_path / "bayescale", ignore=skip)
    (tmp_path / "bayescale" / "forms" / "new_form.py").write_text(NEW_FORM)

    def python(*arguments):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path), "MPLBACKEND": "agg"},
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    where = python("-c", "import bayescale as bs; print(bs.__file__, bs.NewForm().formula)")
    assert where.startswith(str(tmp_path))
    assert "(2/(1 + x/x_ref))^exponent" in where

    assert "NewForm" in python("-m", "bayescale", "laws")
    listed = json.loads(python("-m", "bayescale", "laws", "--json"))
    (row,) = [row for row in listed if row["law"] == "NewForm"]
    assert "(2/(1 + x/x_ref))" in row["formula"]
    assert row["reference"] == "arXiv:1712.00409"

    out = tmp_path / "out"
    python(SCRIPT, "--only", "NewForm", "--out", out)
    assert len(sections_of(out / "NewForm.md")) == 11
    assert "[NewForm](NewForm.md)" in (out / "which_law.md").read_text()

    files = [TOP / "tests" / name for name in ("test_laws.py", "test_checking.py")]
    tests = [*files, "-k", "NewForm", "-p", "no:cacheprovider"]
    passed = python("-m", "pytest", *tests)
    assert int(re.search(r"(\d+) passed", passed)[1]) >= 5
