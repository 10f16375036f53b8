"""The built site: every link leads somewhere, and a browser shows its pages without a complaint.

Run after ``uv run --group docs python docs/build_site.py``; needs Chromium, and no network.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest

TOP = Path(__file__).parent.parent
SITE = TOP / "build" / "site"
#: Pages of every kind.
SHOWN = (
    "docs/index.html",
    "docs/quickstart.html",
    "docs/extrapolation.html",
    "docs/pictures.html",
    "docs/laws/which_law.html",
    "docs/laws/BrokenPowerLaw.html",
    "docs/reference/index.html",
    "docs/reference/Fit.html",
    "docs/reference/PowerLaw.html",
    "notebooks/01_quickstart.html",
    "notebooks/06_from_a_sweep_to_a_budget.html",
)
#: Put before everything in a page that is served: what the browser complains of (its log calls an
#: error what a page calls information).
LISTEN = """<script>window.complaints = [];
  console.error = (...words) => window.complaints.push(words.join(" "));
  window.addEventListener("error", e => window.complaints.push(
    e.message || "not loaded: " + (e.target.src || e.target.href)), true);
  window.addEventListener("unhandledrejection", e => window.complaints.push(String(e.reason)));
</script>"""
#: Put behind every page that is served: says what a user would see is missing.
LOOK = """<script>window.addEventListener("load", () => setTimeout(() => {
  const broken = [...document.images].filter(i => !i.naturalWidth).map(i => i.src);
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  const found = document.querySelectorAll("#search-results li").length;
  const formulas = document.querySelectorAll("mjx-container").length;
  document.title = "LOOKED" + JSON.stringify(
    {broken, wide, found, formulas, complaints: window.complaints}) + "END";
}, 1500))</script>"""

pytestmark = pytest.mark.site


class Page(HTMLParser):
    """Where a page leads, and the places in it that can be led to."""

    def __init__(self, path: Path):
        super().__init__()
        self.leads, self.places = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.places |= {given[key] for key in ("id", "name") if given.get(key)}
        for key in ("href", "src"):
            if given.get(key):
                self.leads.append(given[key])


@pytest.fixture(scope="module")
def pages():
    assert (SITE / "index.html").exists(), "Build it: uv run --group docs python docs/build_site.py"
    return {path.resolve(): Page(path) for path in SITE.rglob("*.html")}


def test_every_link_inside_leads_somewhere(pages):
    dead = []
    for path, page in pages.items():
        for lead in page.leads:
            if urlparse(lead).scheme or lead.startswith(("//", "data:")):
                continue
            target, place = urldefrag(lead)
            target = unquote(target.split("?")[0])
            goal = (path.parent / target).resolve() if target else path
            if not goal.exists():
                dead.append(f"{path.relative_to(SITE.resolve())}: {lead}")
            elif goal in pages and unquote(place) not in pages[goal].places:
                dead.append(f"{path.relative_to(SITE.resolve())}: {lead} (no such place)")
    assert not dead, "\n".join(sorted(set(dead))[:40])


def test_nothing_is_loaded_from_elsewhere(pages):
    for path in pages:
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', text)
        assert not [url for url in loaded if 'rel="canonical"' not in url], path


def test_notebooks_show_their_pictures_and_no_path_of_the_machine(pages):
    shown = [path for path in pages if path.parent.name == "notebooks"]
    assert len(shown) == len(list((TOP / "notebooks").glob("*.ipynb")))
    for path in shown:
        text = path.read_text(encoding="utf-8")
        assert "<img alt=" in text, path
        assert "&lt;Axes" not in text, path
        assert str(TOP) not in text, path
        assert "output stderr" not in text, path


class Served(http.server.SimpleHTTPRequestHandler):
    """The site, with a look at every page from inside it."""

    def do_GET(self):
        place = Path(self.translate_path(self.path))
        if place.suffix != ".html":
            super().do_GET()
            return
        text = place.read_text(encoding="utf-8").replace("<head>", "<head>" + LISTEN, 1)
        body = text.replace("</body>", LOOK + "</body>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    handler = functools.partial(Served, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def address():
    with served(SITE) as found:
        yield found


def looked_at(url, folder, width):
    """Open a page in a browser; return what it saw."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "Chromium is missing: apt-get install chromium"
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update "
        f"--virtual-time-budget=8000 --window-size={width},900 --dump-dom"
    )
    done = subprocess.run(
        [browser, *flags.split(), f"--user-data-dir={folder}", url],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    seen = re.search(r"LOOKED(\{.*?\})END", done.stdout)
    assert seen, f"{url} did not finish loading"
    return json.loads(seen[1])


def test_what_is_wrong_with_a_page_is_seen(tmp_path):
    (tmp_path / "page.html").write_text(
        '<html><head></head><body><img src="none.png"><div style="width:3000px">wide</div>'
        '<script>console.error("bad"); nothing.here()</script></body></html>'
    )
    with served(tmp_path) as address:
        seen = looked_at(f"{address}/page.html", tmp_path / "user", 500)
    assert len(seen["complaints"]) == 3
    assert len(seen["broken"]) == 1
    assert seen["wide"] > 0


@pytest.mark.parametrize("width", [1300, 500])
@pytest.mark.parametrize("page", SHOWN)
def test_a_browser_shows_the_page(page, width, address, tmp_path):
    seen = looked_at(f"{address}/{page}", tmp_path, width)
    assert not seen["complaints"]
    assert not seen["broken"]
    assert seen["wide"] <= 0  # wide tables and code scroll by themselves, the page does not
    if "BrokenPowerLaw" in page:
        assert seen["formulas"] > 3


def test_the_search_finds(address, tmp_path):
    seen = looked_at(f"{address}/search.html?q=chinchilla", tmp_path, 1300)
    assert not seen["complaints"]
    assert seen["found"] > 3
