"""How the documentation becomes a site: ``uv run --group docs python docs/build_site.py``.

The site is built from the repository as it stands, so that links work on both. Its front page is
``docs/index.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bayescale import __version__

project = "bayescale"
author = "The bayescale developers"
version = release = __version__
root_doc = "docs/index"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # no network is needed to read a formula
]
include_patterns = [
    "docs/*.md",
    "docs/laws/*.md",
    "docs/reference/*",
    "notebooks/*.ipynb",
    "benchmarks/README.md",
    "benchmarks/sweep/README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
nb_execution_mode = "cache"  # a notebook that has not changed is not run again
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_typehints = "none"  # numpydoc's sections say types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = "bayescale"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
project_copyright = "The bayescale developers, Apache-2.0"
suppress_warnings = [
    "mystnb.unknown_mime_type",  # notebooks print rich text, which a site shows as plain
]
