"""Files of a paper's tables and figures: a page, CSV, LaTeX, SVG and PDF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.files import file_stems, write_text
from ctbench.report.drawings.canvas import inline_svg, write_figure
from ctbench.report.latex import NEEDS, escaped, latex_table
from ctbench.report.page.cells import captioned
from ctbench.report.page.layout import Section, page
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.papers.part import Material, NotAvailableError, Part, Result, Table
from ctbench.spreadsheet import as_csv

__all__ = ["write_paper"]

Progress = Callable[[str, Iterable[Any], int], Iterable[Any]]


def write_paper(
    title: str,
    parts: Sequence[Part],
    material: Material,
    folder: str | PathLike[str],
    *,
    command: str | None = None,
    progress: Progress = lambda _name, steps, _total: steps,
) -> pd.DataFrame:
    """Write the tables and figures of a paper: ``index.html``, ``tables.tex``, a CSV a table, SVG and PDF a figure.

    Args:
        title: Title of the page.
        parts: Tables and figures, in their order.
        material: Runs and datasets.
        folder: Folder of the files; made if needed.
        command: The command that repeats the page, printed on it.
        progress: Called once, with the parts as steps.

    Returns:
        A row a part: ``part`` (its name), ``title``, ``files`` (comma-separated, empty if it was not made) and
        ``missing`` (what it needs, empty if it was made).

    Raises:
        StoreError: A file cannot be written.
    """
    folder = Path(folder)
    rows, sections, latex = [], [], []
    for part in progress(title, parts, len(parts)):
        try:
            result = part.make(material)
        except NotAvailableError as error:
            rows.append((part.name, part.title, "", str(error)))
            sections.append(Section(part.name, part.title, paragraph("Not made: it ", _said(str(error)), kind="how")))
            continue
        files = [*_write_tables(part, result, folder), *_write_figures(part, result, folder)]
        rows.append((part.name, part.title, ", ".join(path.name for path in files), ""))
        sections.append(Section(part.name, part.title, _shown(part, result)))
        latex += [_latex(part, made) for made in result.tables.values()]
    lead = join([paragraph("Made by ", element("code", command))]) if command else join([])
    write_text(folder / "index.html", page(title, lead, sections, version("ctbench")))
    write_text(folder / "tables.tex", NEEDS + "\n".join(latex))
    return pd.DataFrame(rows, columns=["part", "title", "files", "missing"])


def _stem(part: Part, name: str) -> str:
    whole = "-".join(filter(None, (part.name, name)))
    return file_stems([whole])[whole]


def _write_tables(part: Part, result: Result, folder: Path) -> list[Path]:
    paths = {name: folder / f"{_stem(part, name)}.csv" for name in result.tables}
    for name, path in paths.items():
        write_text(path, as_csv(result.tables[name].frame, line_end="\n").decode())
    return list(paths.values())


def _write_figures(part: Part, result: Result, folder: Path) -> list[Path]:
    return [
        path
        for name, figure in result.figures.items()
        for path in write_figure(figure.chart, _stem(part, name), folder)
    ]


def _shown(part: Part, result: Result) -> Html:
    figures = (
        captioned(inline_svg(figure.chart, _stem(part, name), figure.description), figure.description)
        for name, figure in result.figures.items()
    )
    notes = (paragraph(_said(note), kind="how") for note in result.notes)
    return join((*map(_table, result.tables.values()), *figures, *notes))


def _table(made: Table) -> Html:
    cells = made.cells
    numeric = {name: _is_numeric(cells[name]) for name in cells}
    columns = [Column(str(name), numeric=numeric[name]) for name in cells]
    rows = [[Cell(text, _order(text) if numeric[name] else text) for name, text in row.items()] for row in _rows(cells)]
    shown = table(columns, rows, made.caption)
    return details(f"{made.caption} ({len(rows)} rows)", shown) if len(rows) > _LONG else shown


_LONG = 40
"""Longer tables are folded away."""


def _said(text: str) -> Html:
    """Return a sentence as markup; what stands between backticks is code."""
    parts = text.split("`")
    return join(element("code", part) if index % 2 else part for index, part in enumerate(parts))


def _rows(cells: pd.DataFrame) -> list[dict[Any, str]]:
    return cells.to_dict("records")


def _order(text: str) -> float | None:
    found = _NUMBER.match(text.replace("−", "-"))
    return float(found.group()) if found else None


_NUMBER = re.compile(r"-?\d*\.?\d+")


def _is_numeric(texts: Iterable[str]) -> bool:
    """Return whether all texts with letters or digits begin with a number: they are sorted by it."""
    return all(_order(text) is not None or not re.search(r"\w", text) for text in texts)


def _latex(part: Part, made: Table) -> str:
    heads = [escaped(name) for name in made.cells]
    rows = [[escaped(text) for text in row.values()] for row in _rows(made.cells)]
    return latex_table(heads, rows, f"{escaped(part.title)}. {escaped(made.caption)}")
