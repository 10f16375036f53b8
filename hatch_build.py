"""What a package index shows: the README with links that lead somewhere there, and project links.

Links in README.md are relative, for clones and for the site. An index has no files beside the page:
there they become addresses in the public repository that ``home`` names in pyproject.toml, of the
version that is built. While no home is named, links become plain text and pictures are left out.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A picture or a link whose address is not a place in the page and not absolute.
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Fill ``readme`` and ``urls``, which pyproject.toml declares as dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Write both into the metadata of the package."""
        home = str(self.config.get("home", "")).rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": long_description(text, home, metadata["version"]),
        }
        metadata["urls"] = project_links(home)


def long_description(text: str, home: str, version: str) -> str:
    """Return the README as an index shows it.

    Parameters
    ----------
    text
        The README.
    home
        Address of the public repository; empty while there is none.
    version
        Of the package; its files are those of the tag ``v{version}``.
    """

    def anew(found: re.Match[str]) -> str:
        picture, words, place = found.groups()
        if not home:
            return "" if picture else words
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({home}/{kind}/v{version}/{place})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(anew, text))


def project_links(home: str) -> dict[str, str]:
    """Return the links beside a package on an index; none while there is no public repository."""
    if not home:
        return {}
    places = {
        "Source": "",
        "Documentation": "/blob/main/docs/index.md",
        "Issues": "/issues",
        "Changelog": "/blob/main/CHANGELOG.md",
    }
    return {label: home + place for label, place in places.items()}
