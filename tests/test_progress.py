"""What is under way is shown after a second, in a terminal and in a notebook, and never unasked."""

import time

import pytest

from bayescale import progress


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)


def test_silent_when_told(capsys, impatient):
    with progress.task("Fitting", progress=False) as bar:
        bar.update("still fitting", advance=1)
        time.sleep(0.05)
    assert capsys.readouterr() == ("", "")


def test_silent_by_default_where_nobody_looks(monkeypatch):
    monkeypatch.delenv("BAYESCALE_PROGRESS", raising=False)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.delitem(progress.sys.modules, "ipykernel", raising=False)
    assert not progress.wanted(None)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    assert progress.wanted(None)
    monkeypatch.setenv("BAYESCALE_PROGRESS", "0")
    assert not progress.wanted(None)


def test_an_inner_task_shares_the_outer_display(impatient):
    with progress.task("outer", total=2, progress=True) as outer:
        with progress.task("inner", progress=True) as inner:
            assert inner.display is outer.display
            assert len(outer.display.tasks) == 2
        assert len(outer.display.tasks) == 1
    assert not progress._active


def test_the_display_ends_when_the_body_fails(impatient):
    with pytest.raises(KeyError), progress.task("Fitting", progress=True):
        raise KeyError
    assert not progress._active


def test_a_notebook_gets_one_line_rewritten_in_place(impatient, monkeypatch):
    shown = []

    class Handle:
        def update(self, page):
            shown.append(page.data)

    def display(page, display_id):
        shown.append(page.data)
        return Handle()

    import IPython.display

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    with progress.task("Fitting <law>", total=4, progress=True) as bar:
        time.sleep(0.2)
        bar.update(advance=3)
        page = bar.display._page()
    assert shown[0].startswith("Fitting &lt;law&gt; <progress")
    assert 'value="3.0" max="4"' in page
    assert shown[-1] == ""
