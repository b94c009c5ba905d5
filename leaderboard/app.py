"""The leaderboard: ``ctbench leaderboard [BOARD]``, or ``streamlit run leaderboard/app.py -- BOARD``.

How a page is made
    A page is a module in ``leaderboard/views/`` with one public function ``show(selection)``, and a line in ``PAGES``
    with its title, its address and the shared controls that it needs (``selection.ASKED``). This module draws those
    above the page, so that their values are kept from page to page. ``selection`` holds the chosen structure, metric
    and reference, and reads the data: ``selection.runs`` has the raters of the dataset, ``selection.scores()`` returns
    tidy scores, ``selection.grids()`` arrays, ``selection.run(rater)`` a run with its predictions,
    ``selection.dataset()`` images and readers' masks if they are on this machine.

Rules
    1. A page only does the layout. Every number, table and figure comes from ``ctbench.report``, or the statistics
       below it, as a plain function of frames; altair charts are in ``ctbench.report.drawings.charts``. A page writes
       no files.
    2. Every control comes from ``leaderboard.controls``, which ties it to the address by its key: a link reproduces
       the view. A key is a short word, unique on its page; the same word on two pages means the same thing.
    3. Names of datasets, cases, raters and structures come from users. They are shown by ``leaderboard.layout`` only
       (``text``, ``note``, ``table``, ``chart``), or as options of ``controls.choice`` and ``choices``, which take
       plain text; never in a label, a hint, markdown or HTML.
    4. Functions that read or compute are ``reading.cached``; their arguments are a ``Selection``, ``ComparableRuns``
       or plain values. A page reads the partition that it shows, never all of them.
    5. Every table is shown by ``layout.table``, which offers the shown rows as CSV; every chart by ``layout.chart``,
       with a unit on every axis and n in its caption.
    6. A page may raise our errors (``CtbenchError``): their message is shown here.
    7. Links between pages: ``layout.link(url, words, key=value)``, with keys of controls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from threading import Thread

import streamlit as st

from ctbench.errors import CtbenchError
from leaderboard import controls, layout, reading
from leaderboard.selection import Selection, ask
from leaderboard.views import (
    about,
    case,
    compare,
    detection,
    equivalence,
    lesions,
    methods,
    multiverse,
    ranking,
    readers,
    structures,
    uncertainty,
)

__all__ = ["PAGES", "Page", "main", "prepare"]


@dataclass(frozen=True)
class Page:
    """A page of the leaderboard.

    Args:
        title: Title in the navigation.
        url: Path in the address; empty for the first page.
        icon: A name of Material Symbols.
        show: Draws the page; called with a ``Selection`` if the page has shared controls, else without arguments.
        asks: The shared controls above the page.
    """

    title: str
    url: str
    icon: str
    show: Callable[..., None]
    asks: tuple[str, ...] = ()


PAGES = (
    Page("Ranking", "", "leaderboard", ranking.show, ("dataset", "structure", "metric", "reference")),
    Page("Equivalence", "equivalence", "balance", equivalence.show, ("dataset",)),
    Page("Compare", "compare", "compare_arrows", compare.show, ("dataset", "structure", "metric", "reference")),
    Page("Structures", "structures", "bar_chart", structures.show, ("dataset", "metric", "reference")),
    Page("Readers", "readers", "groups", readers.show, ("dataset",)),
    Page("Detection", "detection", "search", detection.show, ("dataset",)),
    Page("Lesions", "lesions", "blur_circular", lesions.show, ("dataset",)),
    Page("Multiverse", "multiverse", "call_split", multiverse.show, ("dataset",)),
    Page("Uncertainty", "uncertainty", "blur_on", uncertainty.show, ("dataset",)),
    Page("Case", "case", "radiology", case.show, ("dataset", "structure", "metric", "reference")),
    Page("Methods", "methods", "psychology", methods.show, ("dataset",)),
    Page("About", "about", "info", about.show),
)


def prepare() -> None:
    """Draw the first page once without a visitor, so that its data are cached for the first one.

    The modules of the other pages are imported meanwhile. Errors of the board are ignored here; the pages show them.
    """
    Thread(target=_import_statistics, daemon=True).start()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # Streamlit warns about every control that is drawn without a visitor
    try:
        with suppress(Exception):
            board, page = reading.board(), PAGES[0]
            if not board.runs.empty:
                page.show(ask(board, page.asks))
    finally:
        logging.disable(before)


def _import_statistics() -> None:
    with suppress(RuntimeError):  # the server was stopped meanwhile, and nothing more can be imported
        import_module("statsmodels.api")


def _show(page: Page, asked: Sequence[Selection]) -> None:
    page.show(*asked)


def _link_to(page: Page) -> None:
    """Show the address of this view with all values, so that it means the same when the board has grown."""
    if not (query := controls.address()):
        return
    base = str(st.context.url or "").partition("?")[0]
    with layout.folded("Link to this view"):
        layout.code(f"{base}?{query}" if base else f"/{page.url}?{query}")


def main() -> None:
    """Draw the page of the current address."""
    # Before the navigation: it would take the icon of a page for the tab's, which is loaded from another site.
    st.set_page_config(page_icon="🧠", layout="wide")
    layout.style()
    asked: list[Selection] = []
    places = {
        page.url: st.Page(
            partial(_show, page, asked),
            title=page.title,
            url_path=page.url,
            icon=f":material/{page.icon}:",
            default=not page.url,
        )
        for page in PAGES
    }
    layout.remember(places)
    chosen = st.navigation(list(places.values()), position="top")
    page = next(page for page in PAGES if page.url == chosen.url_path)
    st.set_page_config(page_title=f"{page.title} - ctbench leaderboard")
    try:
        controls.forget()
        if page.asks:
            board = reading.board()
            if board.runs.empty:
                layout.empty_board(reading.where())
                return
            asked.append(ask(board, page.asks))
        chosen.run()
        _link_to(page)
    except CtbenchError as error:
        layout.note(str(error), kind="error")


if __name__ == "__main__":
    main()
