"""What a package index shows: links that lead somewhere; one version in every file."""

import re
import tomllib
from pathlib import Path

import pytest
from hatchling.metadata.core import ProjectMetadata
from hatchling.metadata.spec import get_core_metadata_constructors
from hatchling.plugin.manager import PluginManager

TOP = Path(__file__).parent.parent
HOME = "https://example.org/group/bayescale"
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def hook():
    import runpy

    return runpy.run_path(str(TOP / "hatch_build.py"))


def filled(hook, home):
    made = hook["ReadmeHook"](str(TOP), {"home": home})
    metadata = dict(PROJECT["project"])
    made.update(metadata)
    return metadata


def links(text):
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_with_a_home_every_link_and_picture_is_an_address_there(hook):
    text = filled(hook, HOME)["readme"]["text"]
    found = links(text)
    assert len(found) == len(links((TOP / "README.md").read_text()))
    for link in found:
        assert re.match(r"https?:", link), link
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert pictures
    for picture in pictures:
        version = PROJECT["project"]["version"]
        assert picture.startswith(f"{HOME}/raw/v{version}/docs/images/")
        assert (TOP / picture.partition(f"/v{version}/")[2]).exists()


def test_without_a_home_there_is_no_dead_link(hook):
    metadata = filled(hook, "")
    text = metadata["readme"]["text"]
    assert all(re.match(r"https?:|#", link) for link in links(text))
    assert "![" not in text
    assert "docs/images" not in text
    assert metadata["urls"] == {}
    assert "uv run bayescale demo" in text


def test_project_links_are_those_of_the_home(hook):
    urls = filled(hook, HOME + "/")["urls"]
    assert set(urls) == {"Source", "Documentation", "Issues", "Changelog"}
    assert all(url.startswith(HOME) and "//" not in url[8:] for url in urls.values())
    for label in ("Documentation", "Changelog"):
        assert (TOP / urls[label].partition("/blob/main/")[2]).exists()


@pytest.mark.parametrize("home", ["", HOME])
def test_a_build_has_the_links_once_there_is_a_home(home):
    """The whole way: pyproject.toml, its hook, and the file that an index reads."""
    config = tomllib.loads((TOP / "pyproject.toml").read_text())
    config["tool"]["hatch"]["metadata"]["hooks"]["custom"]["home"] = home
    read = ProjectMetadata(str(TOP), PluginManager(), config)
    newest = max(get_core_metadata_constructors(), key=lambda name: [*map(int, name.split("."))])
    written = get_core_metadata_constructors()[newest](read)
    links = dict(re.findall(r"^Project-URL: (\w+), (\S+)$", written, flags=re.M))
    assert set(links) == ({"Source", "Documentation", "Issues", "Changelog"} if home else set())
    assert "Description-Content-Type: text/markdown" in written
    assert ("](docs/" in written) is False
    assert (f"]({home}/blob/v" in written) is bool(home)
    assert "License-Expression: Apache-2.0" in written


def test_every_file_names_one_version():
    version = PROJECT["project"]["version"]
    cited = re.search(r"^version: (.+)$", (TOP / "CITATION.cff").read_text(), flags=re.M)
    assert cited is not None
    assert cited[1] == version
    changed = re.search(r"^## (\S+)", (TOP / "CHANGELOG.md").read_text(), flags=re.M)
    assert changed is not None
    assert changed[1] == version


def test_issue_templates_have_a_head_and_questions():
    templates = sorted((TOP / ".github" / "ISSUE_TEMPLATE").glob("*.md"))
    assert [path.stem for path in templates] == ["bug", "forecast", "law", "question"]
    for path in templates:
        assert re.match(r"---\nname: .+\nabout: .+\n---\n", path.read_text())
        assert path.read_text().count("**") >= 4
