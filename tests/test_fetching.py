"""Public data sets: from sources of the original layout, from mirrors, and when things go wrong."""

import dataclasses
import errno
import http.server
import importlib.util
import io
import json
import os
import pickle
import threading
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import originals
import pandas as pd
import pooch
import pytest

import bayescale as bs
from bayescale import progress as showing
from bayescale.cli import app
from bayescale.datasets import cards, downloads, fetching, hashes
from bayescale.datasets.cards import public_names, read_card
from bayescale.datasets.fingerprints import Fingerprint, fingerprint
from bayescale.datasets.plain_pickles import plain
from bayescale.errors import FileError, UnknownNameError

NAMES = public_names()
CHINCHILLA = "chinchilla_fig4"
DOCS = Path(__file__).parent.parent / "docs"


class Server:
    """A server on this machine; `fails` says how the next answers for a path go wrong."""

    def __init__(self):
        self.files, self.fails, self.asked = {}, {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                content = outer.files.get(self.path)
                failing = outer.fails.get(self.path) or [None]
                how = failing.pop(0)
                if content is None or isinstance(how, int):
                    self.send_error(how or 404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if how == "half" else content)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No mirror, a cache of the test's own, no waiting, and nothing noted before."""
    monkeypatch.delenv(fetching.MIRROR, raising=False)
    monkeypatch.setenv(downloads.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(fetching, "_noted", set())


def redirected(monkeypatch, name, table, address, **changes):
    """Let a card's files lie below an address, and a table be what is known of it."""
    card = read_card(name)
    measured = [c for c in table.columns if c not in card.known.exact]
    known = dataclasses.replace(
        fingerprint(table, card.known.exact, measured), known=card.known.known
    )
    files = originals.originals(name, table)
    listed = tuple(
        dataclasses.replace(original, urls=(f"{address}/{name}/{original.name}",), **changes)
        for original in card.originals
        if original.name in files
    )
    assert len(listed) == len(files)
    made = dataclasses.replace(card, originals=listed, known=known)
    monkeypatch.setattr(fetching, "read_card", lambda asked: made)
    return made


def served(monkeypatch, server, name=CHINCHILLA, table=None):
    """Serve stand-ins of a data set's originals, and return the table that they hold."""
    table = originals.small(name) if table is None else table
    redirected(monkeypatch, name, table, server.address)
    files = originals.originals(name, table)
    server.files |= {f"/{name}/{file}": content for file, content in files.items()}
    return table


def assert_same(found, table):
    """Rows may stand in another order; numbers may have been written with fewer digits."""
    assert list(found.columns) == list(table.columns)
    in_order = [c for c in table.columns if table[c].notna().all()]
    first, second = (
        frame.sort_values(in_order, ignore_index=True).replace({None: float("nan")})
        for frame in (found, table)
    )
    pd.testing.assert_frame_equal(first, second, check_dtype=False, rtol=1e-6)


def kept(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


# Where they come from -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_from_a_source_of_the_original_layout(name, server, monkeypatch, capsys):
    table = served(monkeypatch, server, name)
    found = bs.fetch_dataset(name)
    assert_same(found, table)
    assert found.attrs["fetched_from"].startswith(server.address)
    asked = len(server.asked)
    pd.testing.assert_frame_equal(bs.fetch_dataset(name), found)
    assert len(server.asked) == asked, "the second call reads the cache"
    bs.fetch_dataset(name, refresh=True)
    assert len(server.asked) == 2 * asked
    said = capsys.readouterr().err
    assert said.count(found.attrs["citation"]) == 1
    assert found.attrs["licence"] in said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["converted", "originals"])
@pytest.mark.parametrize("kind", ["folder", "address"])
def test_from_a_mirror(name, how, kind, server, monkeypatch, tmp_path):
    table = originals.small(name)
    redirected(monkeypatch, name, table, "http://127.0.0.1:1")
    files = {f"{name}/{file}": made for file, made in originals.originals(name, table).items()}
    if how == "converted":
        files = {f"{name}.csv": table.to_csv(index=False, float_format="%.8g").encode()}
    for file, content in files.items():
        place = tmp_path / "mirror" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    server.files = {f"/data/{file}": content for file, content in files.items()}
    mirror = tmp_path / "mirror" if kind == "folder" else f"{server.address}/data/"
    monkeypatch.setenv(fetching.MIRROR, str(mirror))
    assert_same(bs.fetch_dataset(name), table)
    assert bool(kept(tmp_path)) == (kind == "address")
    asked = len(server.asked)
    bs.fetch_dataset(name)
    missing = 1 if (how, kind) == ("originals", "address") else 0
    assert len(server.asked) == asked + missing


def test_more_rows_than_are_known_come_along(server, monkeypatch):
    table = originals.small("alabdulmohsin_vision")
    more = table.assign(task="cars_10")
    both = pd.concat([table, more], ignore_index=True)
    served(monkeypatch, server, "alabdulmohsin_vision", table)
    files = originals.originals("alabdulmohsin_vision", both)
    server.files["/alabdulmohsin_vision/benchmark.vision.csv"] = files["benchmark.vision.csv"]
    assert_same(bs.fetch_dataset("alabdulmohsin_vision"), both)


def test_replicates_may_have_numbers_in_their_names(server, monkeypatch):
    table = originals.small("double_descent")
    served(monkeypatch, server, "double_descent", table)
    curves = plain(server.files["/double_descent/dd_data.pkl"])
    # The second first, and the first without a number.
    second = ("cifar10-mcnn-p20-sgd-rep2", *curves[1][1:])
    server.files["/double_descent/dd_data.pkl"] = pickle.dumps([second, curves[0], curves[2]])
    assert_same(bs.fetch_dataset("double_descent"), table)


def test_the_cache_can_be_elsewhere(server, monkeypatch, tmp_path):
    served(monkeypatch, server)
    bs.fetch_dataset(CHINCHILLA, cache=tmp_path / "here")
    names = {path.name for path in (tmp_path / "here" / CHINCHILLA).iterdir()}
    assert names == {FILE, f"{FILE}.sha256", "first.sha256"}
    assert not kept(tmp_path)


def test_the_system_has_a_place_for_caches(monkeypatch):
    monkeypatch.delenv(downloads.CACHE)
    assert downloads.cache_folder(None) == Path(pooch.os_cache("bayescale")) / "datasets"


def test_the_bar_counts_bytes_once(server, monkeypatch):
    served(monkeypatch, server)
    moves, totals = [], []

    class Display:
        def add_task(self, description, total=None):
            return description

        def update(self, key, advance=0, **changed):
            moves.append((key, advance))
            totals.append(changed.get("total"))

        def remove_task(self, key):
            pass

    monkeypatch.setattr(showing, "_active", [Display()])
    bs.fetch_dataset(CHINCHILLA, progress=True)
    assert max(total or 0 for total in totals) == len(server.files[f"/{CHINCHILLA}/{FILE}"])
    assert sum(advance for key, advance in moves if key == f"Fetching {CHINCHILLA}") == 1


FILE = "svg_extracted_data.csv"


# When things go wrong -----------------------------------------------------------------------------


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="no public data set 'chinchila'.*'chinchilla_fig4'"):
        bs.fetch_dataset("chinchila")
    with pytest.raises(UnknownNameError, match=r"ships with the package; load it: bs.load_dataset"):
        bs.fetch_dataset("digits_learning_curves")
    with pytest.raises(UnknownNameError, match=r"does not ship; fetch it: bs.fetch_dataset"):
        bs.load_dataset(CHINCHILLA)


def test_no_network(monkeypatch, tmp_path):
    redirected(monkeypatch, CHINCHILLA, originals.small(CHINCHILLA), "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(FileError, match=r"no connection.*Is there a network\?.*DATA_MIRROR"):
        bs.fetch_dataset(CHINCHILLA)
    assert not kept(tmp_path)


def test_no_server_has_the_file(server, monkeypatch, tmp_path):
    served(monkeypatch, server)
    server.files.clear()
    with pytest.raises(FileError, match="the server answered 404"):
        bs.fetch_dataset(CHINCHILLA)
    assert len(server.asked) == 1, "what is not there is not asked for again"
    assert not kept(tmp_path)


def test_the_next_address_is_tried(server, monkeypatch):
    table = served(monkeypatch, server)
    card = fetching.read_card(CHINCHILLA)
    urls = (f"{server.address}/gone", *card.originals[0].urls)
    two = (dataclasses.replace(card.originals[0], urls=urls),)
    changed = dataclasses.replace(card, originals=two)
    monkeypatch.setattr(fetching, "read_card", lambda name: changed)
    found = bs.fetch_dataset(CHINCHILLA)
    assert_same(found, table)
    assert server.asked == ["/gone", f"/{CHINCHILLA}/{FILE}"]
    assert found.attrs["fetched_from"] == f"{server.address}/{CHINCHILLA}/{FILE}"


@pytest.mark.parametrize("how", ["half", 503, 429])
def test_a_download_that_breaks_off_is_tried_again(how, server, monkeypatch):
    table = served(monkeypatch, server)
    server.fails[f"/{CHINCHILLA}/{FILE}"] = [how, how]
    assert_same(bs.fetch_dataset(CHINCHILLA), table)
    assert len(server.asked) == 3


def test_a_download_that_always_breaks_off_leaves_nothing(server, monkeypatch, tmp_path):
    served(monkeypatch, server)
    server.fails[f"/{CHINCHILLA}/{FILE}"] = ["half"] * 10
    with pytest.raises(
        FileError, match="the connection broke before the end.*Nothing of it was kept"
    ):
        bs.fetch_dataset(CHINCHILLA)
    assert len(server.asked) == 1 + downloads.RETRIES
    assert not kept(tmp_path)


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "There is no space left"), (errno.EACCES, "Permission denied")],
)
def test_a_cache_that_cannot_be_written_to(number, said, server, monkeypatch, tmp_path):
    served(monkeypatch, server)

    def full(self, url, output, *more, **given):
        Path(output).write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(FileError, match=f"could not be written to .*{said}.*BAYESCALE_DATA_CACHE"):
        bs.fetch_dataset(CHINCHILLA)
    assert not kept(tmp_path)


def test_a_refresh_that_fails_keeps_the_old_file(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    bs.fetch_dataset(CHINCHILLA)
    server.fails[f"/{CHINCHILLA}/{FILE}"] = ["half"] * 10
    with pytest.raises(FileError, match="the connection broke"):
        bs.fetch_dataset(CHINCHILLA, refresh=True)
    assert len(kept(tmp_path)) == 3
    assert_same(bs.fetch_dataset(CHINCHILLA), table)


def test_two_processes_may_fetch_at_once(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda refresh: bs.fetch_dataset(CHINCHILLA, refresh=refresh), [True] * 8)
        )
    for found in made:
        assert_same(found, table)
    assert len(kept(tmp_path)) == 3


def test_a_wrong_hash(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    redirected(monkeypatch, CHINCHILLA, table, server.address, sha256="0" * 64)
    with pytest.raises(FileError, match="its SHA-256 is not the one that is known"):
        bs.fetch_dataset(CHINCHILLA)
    assert not kept(tmp_path)


def test_a_right_hash(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    made = tmp_path / FILE
    made.write_bytes(server.files[f"/{CHINCHILLA}/{FILE}"])
    right = pooch.file_hash(str(made))
    redirected(monkeypatch, CHINCHILLA, table, server.address, sha256=right)
    assert_same(bs.fetch_dataset(CHINCHILLA), table)


def test_a_source_that_has_changed(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    files = originals.originals(CHINCHILLA, table.assign(loss=table["loss"] * 1.01))
    server.files[f"/{CHINCHILLA}/{FILE}"] = files[FILE]
    with pytest.raises(FileError, match=r"not give .* as it is known: other values in loss"):
        bs.fetch_dataset(CHINCHILLA)
    assert not kept(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_of_another_layout(name, server, monkeypatch, tmp_path):
    served(monkeypatch, server, name)
    for path in server.files:
        server.files[path] = b"<html>Moved to another place.</html>"
    with pytest.raises(FileError, match=r"not laid out as|not a whole archive|not give"):
        bs.fetch_dataset(name)
    assert not kept(tmp_path)


def test_a_file_that_was_damaged_is_fetched_anew(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    bs.fetch_dataset(CHINCHILLA)
    place = tmp_path / "cache" / CHINCHILLA / FILE
    place.write_bytes(place.read_bytes()[:-20])
    assert_same(bs.fetch_dataset(CHINCHILLA), table)
    assert len(server.asked) == 2
    # A process that died between the file and its record leaves a file that counts for nothing.
    place.with_name(f"{FILE}.sha256").unlink()
    assert_same(bs.fetch_dataset(CHINCHILLA), table)
    assert len(server.asked) == 3


def test_a_kept_file_that_is_of_no_use_is_fetched_anew_once(server, monkeypatch):
    table = served(monkeypatch, server)
    path = f"/{CHINCHILLA}/{FILE}"
    right = server.files[path]
    changed = table.assign(loss=table["loss"] + 1)
    redirected(monkeypatch, CHINCHILLA, changed, server.address)
    server.files[path] = originals.originals(CHINCHILLA, changed)[FILE]
    bs.fetch_dataset(CHINCHILLA)
    # A newer version of the package knows another table, and the source has it.
    redirected(monkeypatch, CHINCHILLA, table, server.address)
    server.files[path] = right
    assert_same(bs.fetch_dataset(CHINCHILLA), table)
    assert len(server.asked) == 2


def test_a_mirror_without_the_file(server, monkeypatch, tmp_path):
    message = "has neither chinchilla_fig4.csv nor a folder chinchilla_fig4 with svg_extracted"
    for mirror in (str(tmp_path), f"file://{tmp_path}", server.address):
        monkeypatch.setenv(fetching.MIRROR, mirror)
        with pytest.raises(FileError, match=message):
            bs.fetch_dataset(CHINCHILLA)


def test_a_mirror_with_another_table(monkeypatch, tmp_path):
    monkeypatch.setenv(fetching.MIRROR, str(tmp_path))
    place = tmp_path / f"{CHINCHILLA}.csv"
    place.write_text("N,D,loss\n1,2,3\n")
    with pytest.raises(FileError, match=r"columns are N, D, loss instead of params, tokens, flops"):
        bs.fetch_dataset(CHINCHILLA)
    originals.small(CHINCHILLA).to_csv(place, index=False)
    with pytest.raises(FileError, match="3 rows instead of 245"):
        bs.fetch_dataset(CHINCHILLA)
    assert place.is_file(), "a mirror's files are not ours to remove"
    published = pd.concat([originals.small(CHINCHILLA)] * 82).iloc[:245].astype({"loss": object})
    published.iloc[3, 3] = "a word"
    published.to_csv(place, index=False)
    with pytest.raises(FileError, match="a value that is no number.*a word"):
        bs.fetch_dataset(CHINCHILLA)
    place.write_text("")
    with pytest.raises(FileError, match="cannot be read as a table"):
        bs.fetch_dataset(CHINCHILLA)


# Hashes of originals ------------------------------------------------------------------------------


def damaged(tmp_path, name, file):
    place = tmp_path / "cache" / name / file
    place.write_bytes(place.read_bytes()[:-20])


def test_what_came_first_is_remembered(server, monkeypatch, tmp_path, capsys):
    table = served(monkeypatch, server)
    path = f"/{CHINCHILLA}/{FILE}"
    first = bs.fetch_dataset(CHINCHILLA).attrs["sha256"]
    said = capsys.readouterr().err
    assert "No hash of the source's files is recorded" in said
    assert "trusted as they first came" in said
    (tmp_path / "same").write_bytes(server.files[path])
    assert first == {FILE: pooch.file_hash(str(tmp_path / "same"))}
    # The same table in another file: the rows that are known do not tell.
    server.files[path] = server.files[path].replace(b"#0d0887", b"#ffffff")
    damaged(tmp_path, CHINCHILLA, FILE)
    for _ in range(2):
        with pytest.raises(
            FileError, match="another file than the one that was fetched first.*refr"
        ):
            bs.fetch_dataset(CHINCHILLA)
    again = bs.fetch_dataset(CHINCHILLA, refresh=True)
    assert_same(again, table)
    assert again.attrs["sha256"] != first
    assert bs.fetch_dataset(CHINCHILLA).attrs["sha256"] == again.attrs["sha256"]


def packed_anew(content):
    """Return an archive of the same files under another top folder, pressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in reversed(old.namelist()):
            inner = name.partition("/")[2]
            new.writestr(f"other-1/{inner}", old.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()


def test_an_archive_that_is_packed_anew_is_the_same(server, monkeypatch, tmp_path):
    name, file = "gadre_overtraining_loss", "scaling.zip"
    table = served(monkeypatch, server, name)
    first = bs.fetch_dataset(name).attrs["sha256"]
    before = server.files[f"/{name}/{file}"]
    server.files[f"/{name}/{file}"] = packed_anew(before)
    assert server.files[f"/{name}/{file}"] != before
    damaged(tmp_path, name, file)
    again = bs.fetch_dataset(name)
    assert_same(again, table)
    assert again.attrs["sha256"] == first


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_hash_is_checked(name, server, monkeypatch, tmp_path, capsys):
    table = served(monkeypatch, server, name)
    found = bs.fetch_dataset(name).attrs["sha256"]
    card = fetching.read_card(name)
    capsys.readouterr()
    monkeypatch.setattr(fetching, "_noted", set())

    def known(right):
        listed = tuple(
            dataclasses.replace(o, sha256=found[o.name] if right else "0" * 64)
            for o in card.originals
        )
        changed = dataclasses.replace(card, originals=listed)
        monkeypatch.setattr(fetching, "read_card", lambda asked: changed)

    known(True)
    assert_same(bs.fetch_dataset(name), table)
    assert "No hash" not in capsys.readouterr().err
    known(False)
    with pytest.raises(FileError, match="SHA-256"):
        bs.fetch_dataset(name)
    # A mirror's originals are held to it as well.
    folder = tmp_path / "mirror" / name
    folder.mkdir(parents=True)
    for file, content in originals.originals(name, table).items():
        (folder / file).write_bytes(content)
    monkeypatch.setenv(fetching.MIRROR, str(tmp_path / "mirror"))
    with pytest.raises(FileError, match="its SHA-256 is .* instead of 0000"):
        bs.fetch_dataset(name)
    known(True)
    assert_same(bs.fetch_dataset(name), table)


def test_recorded_hashes_are_of_files_that_there_are():
    files = {f"{name}/{o.name}" for name in NAMES for o in read_card(name).originals}
    listed = hashes.recorded()
    assert set(listed) <= files
    assert all(len(value) == 64 and int(value, 16) >= 0 for value in listed.values())
    assert hashes.read(hashes.written(listed)) == listed


def test_a_cache_that_can_only_be_read_serves(server, monkeypatch, tmp_path):
    table = served(monkeypatch, server)
    bs.fetch_dataset(CHINCHILLA)
    (tmp_path / "cache" / CHINCHILLA / "first.sha256").unlink()

    def refused(self, *more, **given):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    assert_same(bs.fetch_dataset(CHINCHILLA), table)
    assert len(server.asked) == 1


def test_a_maintainer_records_hashes_in_one_place(server, monkeypatch, tmp_path):
    served(monkeypatch, server)
    script = page_script()
    place = tmp_path / "sha256.txt"
    place.write_text("# Said.\n" + hashes.written({"another/file": "a" * 64}))
    monkeypatch.setattr(script, "HASHES", place)
    assert script.record([CHINCHILLA]) == []
    found = hashes.read(place.read_text())
    assert place.read_text().startswith("# Said.\n")
    assert set(found) == {"another/file", f"{CHINCHILLA}/{FILE}"}
    assert found[f"{CHINCHILLA}/{FILE}"] == bs.fetch_dataset(CHINCHILLA).attrs["sha256"][FILE]
    server.files.clear()
    (failed,) = script.record([CHINCHILLA])
    assert "404" in failed
    assert hashes.read(place.read_text()) == found
    monkeypatch.setenv(fetching.MIRROR, str(tmp_path))
    with pytest.raises(SystemExit, match="what the sources give"):
        script.record([CHINCHILLA])


# Cards and pickles --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete(name):
    card = read_card(name)
    attrs = card.attrs()
    assert json.loads(json.dumps(attrs)) == attrs
    assert {card.x, card.y, *card.curve, *card.known.exact} <= set(card.columns)
    assert {*card.known.exact, *card.known.totals} == set(card.columns)
    assert all(str(fact).strip() for fact in (card.title, card.what, card.licence, card.source))
    assert "arXiv:" in card.citation
    assert len({original.name for original in card.originals}) == len(card.originals)
    for original in card.originals:
        assert original.urls
        assert all(url.startswith("https://") and "{" not in url for url in original.urls)
    small = originals.small(name)
    assert list(small.columns) == list(card.columns)


def test_the_table_says_what_ships_and_what_is_fetched():
    table = bs.list_datasets().set_index("name")
    assert set(table.index[table["where"] == "fetched"]) == set(NAMES)
    assert table.loc[CHINCHILLA, "rows"] == 245
    assert table.loc["gadre_downstream", "zeros"] == 288
    assert "arXiv:2404.10102" in table.loc[CHINCHILLA, "citation"]
    assert (table.loc[table["where"] == "ships", "licence"] == "Apache-2.0").all()


def test_a_public_data_set_is_added_by_adding_files(server, monkeypatch, tmp_path):
    folder = tmp_path / "public"
    folder.mkdir()
    text = Path(cards.__file__).with_name("public").joinpath(f"{CHINCHILLA}.toml").read_text()
    (folder / "another.toml").write_text(text.replace("245", "2").split("[check.totals]")[0])
    with (folder / "another.toml").open("a") as card:
        card.write("[check.totals]\nparams = 0.0\ntokens = 0.0\nflops = 0.0\nloss = 0.0\n")
    (folder / "another.py").write_text(
        "import pandas as pd\n\ndef convert(files):\n"
        "    columns = ['params', 'tokens', 'flops', 'loss']\n"
        "    return pd.DataFrame(0.0, index=[0, 1], columns=columns)\n"
    )
    monkeypatch.setattr(cards, "files", lambda package: folder)
    monkeypatch.setattr(cards.import_module("bayescale.datasets.public"), "__path__", [str(folder)])
    monkeypatch.setenv(fetching.MIRROR, str(tmp_path))
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / FILE).write_text("")
    assert list(bs.list_datasets().query("where == 'fetched'")["name"]) == ["another"]
    # The hash of two rows of no exact columns.
    known = fingerprint(pd.DataFrame(index=[0, 1]), [], [])
    changed = (
        (folder / "another.toml")
        .read_text()
        .replace(read_card(CHINCHILLA).known.sha256, known.sha256)
    )
    (folder / "another.toml").write_text(changed)
    cards.read_card.cache_clear()
    assert len(bs.fetch_dataset("another")) == 2
    cards.read_card.cache_clear()


class _Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([_Evil()]),
        pickle.dumps(eval),
        b"cos\nsystem\n(S'touch evil'\ntR.",
        b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'tofile'\ntR.",
        b"cpandas\nDataFrame.to_pickle\n.",
        b"cnumpy\nload\n.",
    ],
    ids=["reduce", "eval", "system", "getattr", "attribute", "load"],
)
def test_pickles_run_nothing(content, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="which is no table, array or number"):
        plain(content)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_tables_and_arrays_are_read(protocol):
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, None]}).assign(
        c=pd.Series(["x", None], dtype=object)
    )
    table.columns = pd.Index(["a", "b", "c"], dtype=object)  # as pandas 2 kept text
    again = plain(pickle.dumps({"table": table, "array": table["a"].to_numpy()}, protocol))
    pd.testing.assert_frame_equal(again["table"], table)
    assert again["array"].tolist() == [1, 2]


# The command, and the page ------------------------------------------------------------------------


def test_the_command_writes_a_table_that_fit_reads(server, monkeypatch, tmp_path, capsys):
    table = served(monkeypatch, server)
    written = tmp_path / "runs.csv"
    for more in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            app(["fetch", CHINCHILLA, "-o", str(written), *more], prog_name="bayescale")
        assert ended.value.code == 0
        assert_same(pd.read_csv(written), table)
        out = capsys.readouterr().out
        assert "arXiv:2404.10102" in out
    assert json.loads(out)["rows"] == len(table)
    with pytest.raises(SystemExit) as ended:
        app(["fetch", CHINCHILLA, "-o", str(tmp_path / "no" / "runs.csv")], prog_name="bayescale")
    assert ended.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def page_script():
    found = importlib.util.spec_from_file_location("page_of_datasets", DOCS / "datasets.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_cards():
    written = (DOCS / "datasets.md").read_text(encoding="utf-8")
    assert page_script().page() == written, "run: uv run python docs/datasets.py"


def test_the_check_of_a_new_card_is_printed(tmp_path):
    table = originals.small("alabdulmohsin_vision")
    table.to_csv(tmp_path / "table.csv", index=False)
    exact = ["domain", "task", "model", "split"]
    said = page_script().check(tmp_path / "table.csv", "loss", exact, ["task"])
    check = tomllib.loads(said)["check"]
    assert check.pop("zeros") == 0
    assert Fingerprint(**check).differences(table) == []


# The data themselves ------------------------------------------------------------------------------


@pytest.mark.published
@pytest.mark.parametrize("name", NAMES)
def test_published_tables_are_the_known_ones(name, published, monkeypatch):
    monkeypatch.setenv(fetching.MIRROR, str(published))
    found = bs.fetch_dataset(name)
    assert len(found) == read_card(name).known.rows
    assert int((found[found.attrs["y"]] == 0).sum()) == read_card(name).zeros


@pytest.mark.published
@pytest.mark.parametrize("name", NAMES)
def test_published_tables_from_originals(name, published, server, monkeypatch):
    """The whole of each data set in its source's layout, against the card as it is."""
    monkeypatch.setenv(fetching.MIRROR, str(published))
    table = bs.fetch_dataset(name)
    monkeypatch.delenv(fetching.MIRROR)
    card = read_card(name)
    files = originals.originals(name, table)
    server.files = {f"/{file}": content for file, content in files.items()}
    listed = tuple(
        dataclasses.replace(original, urls=(f"{server.address}/{original.name}",))
        for original in card.originals
    )
    changed = dataclasses.replace(card, originals=listed)
    monkeypatch.setattr(fetching, "read_card", lambda asked: changed)
    assert_same(bs.fetch_dataset(name), table)
