"""Printing a page."""

import shutil
import stat

import pytest

from ctbench.errors import MissingFileError, StoreError
from ctbench.report.page.printing import BROWSER_VARIABLE, find_browser, print_pdf


@pytest.fixture
def page(tmp_path):
    """A page with something folded away."""
    path = tmp_path / "page.html"
    path.write_text("<!DOCTYPE html><title>t</title><details><summary>s</summary><p>inside</p></details>", "utf-8")
    return path


def _program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_no_browser(monkeypatch, page, tmp_path):
    """Where there is none, the message says what to do, and no PDF is left."""
    monkeypatch.delenv(BROWSER_VARIABLE, raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(MissingFileError, match="needs Chromium or Chrome, and none was found; install one"):
        print_pdf(page, tmp_path / "page.pdf")
    assert not (tmp_path / "page.pdf").exists()


def test_a_named_browser_must_be_there(monkeypatch):
    """A variable that names nothing is said, not passed over."""
    monkeypatch.setenv(BROWSER_VARIABLE, "no-such-browser")
    with pytest.raises(MissingFileError, match="CTBENCH_BROWSER names no-such-browser"):
        find_browser()


def test_the_browser_gets_the_page_unfolded(monkeypatch, page, tmp_path):
    """What the browser prints is the page with everything open; its file is the PDF."""
    script = (
        'for last; do :; done\nfor a; do case $a in --print-to-pdf=*) cat "${last#file://}" > "${a#*=}";; esac; done'
    )
    monkeypatch.setenv(BROWSER_VARIABLE, _program(tmp_path / "browser", script))
    printed = print_pdf(page, tmp_path / "out" / "page.pdf").read_text(encoding="utf-8")
    assert "<details open><summary>" in printed
    assert page.read_text(encoding="utf-8").count("<details>") == 1


def test_the_browser_gets_the_page_as_it_is_on_the_screen(monkeypatch, page, tmp_path):
    """A page with folds may be printed without what is folded."""
    script = (
        'for last; do :; done\nfor a; do case $a in --print-to-pdf=*) cat "${last#file://}" > "${a#*=}";; esac; done'
    )
    monkeypatch.setenv(BROWSER_VARIABLE, _program(tmp_path / "browser", script))
    printed = print_pdf(page, tmp_path / "page.pdf", unfolded=False).read_text(encoding="utf-8")
    assert printed == page.read_text(encoding="utf-8")


def test_a_browser_that_prints_nothing(monkeypatch, page, tmp_path):
    """Its last words are in the message."""
    monkeypatch.setenv(BROWSER_VARIABLE, _program(tmp_path / "browser", "echo 'no display' >&2; exit 1"))
    with pytest.raises(StoreError, match="printed no PDF: no display"):
        print_pdf(page, tmp_path / "page.pdf")


def test_no_page(monkeypatch, tmp_path):
    """A page that is not there is named."""
    monkeypatch.setenv(BROWSER_VARIABLE, _program(tmp_path / "browser", "true"))
    with pytest.raises(MissingFileError, match=r"there is no page .*gone.html"):
        print_pdf(tmp_path / "gone.html", tmp_path / "page.pdf")


@pytest.mark.browser
@pytest.mark.slow
def test_chromium_prints(page, tmp_path):
    """A real Chromium makes a PDF of one page."""
    try:
        find_browser()
    except MissingFileError as error:
        pytest.skip(str(error))
    printed = print_pdf(page, tmp_path / "page.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert b"/Count 1" in printed
