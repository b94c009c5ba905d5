"""A page as a PDF, printed by a Chromium that the system has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from os import PathLike
from pathlib import Path

from ctbench.errors import MissingFileError, StoreError
from ctbench.files import whole_file

__all__ = ["BROWSER_VARIABLE", "find_browser", "print_pdf"]

BROWSER_VARIABLE = "CTBENCH_BROWSER"

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
_SECONDS = 180


def find_browser() -> str:
    """Find a Chromium: what ``CTBENCH_BROWSER`` names, one on the path, or one where it is usually installed.

    Raises:
        MissingFileError: No Chromium is installed.
    """
    if named := os.environ.get(BROWSER_VARIABLE):
        if found := shutil.which(named):
            return found
        msg = f"{BROWSER_VARIABLE} names {named}, which is no program; let it name a Chromium, or unset it"
        raise MissingFileError(msg)
    for name in (*_NAMES, *_PLACES):
        if found := shutil.which(name):
            return found
    msg = (
        f"printing needs Chromium or Chrome, and none was found; install one, let {BROWSER_VARIABLE} name it, or open "
        "the page in any browser and print it there"
    )
    raise MissingFileError(msg)


def print_pdf(page: str | PathLike[str], path: str | PathLike[str], *, unfolded: bool = True) -> Path:
    """Print a page of ours as a PDF, with bookmarks.

    Args:
        page: an HTML file that loads nothing.
        path: Path of the PDF.
        unfolded: Whether what is folded away on the screen is printed too.

    Returns:
        ``path``.

    Raises:
        MissingFileError: no Chromium, or no page.
        StoreError: The browser did not print the page, or the PDF cannot be written.
    """
    browser = find_browser()
    try:
        html = Path(page).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        msg = f"there is no page {page} to print; check the path"
        raise MissingFileError(msg) from error
    with tempfile.TemporaryDirectory(prefix="ctbench-print-") as name:
        folder = Path(name)
        shown = html.replace("<details", "<details open") if unfolded else html
        (folder / "page.html").write_text(shown, encoding="utf-8")
        _print(browser, folder)
        with whole_file(path) as temporary:
            shutil.copyfile(folder / "page.pdf", temporary)
    return Path(path)


def _print(browser: str, folder: Path) -> None:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--no-pdf-header-footer",
        "--generate-pdf-document-outline",
        f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={folder / 'page.pdf'}",
        # Chromium's sandbox does not work for root, as in most containers; the page is ours.
        *(["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []),
        (folder / "page.html").as_uri(),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace")
        said = done.stderr.strip().splitlines()
    except subprocess.TimeoutExpired:
        said = [f"it was not done after {_SECONDS} s"]
    except OSError as error:
        said = [str(error)]
    if not (folder / "page.pdf").is_file():
        msg = f"{browser} printed no PDF: {said[-1] if said else 'it gave no reason'}; print the page from a browser"
        raise StoreError(msg)
