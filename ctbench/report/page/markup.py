"""HTML elements that escape all text, and sortable tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup as Html
from markupsafe import escape

__all__ = ["Cell", "Column", "Html", "details", "element", "how_to_read", "join", "paragraph", "table"]

_LONG = 36
_VOID = {"br", "hr", "img"}


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Args:
        title: Heading of the column.
        unit: Unit, shown beside the title; empty for words and pure numbers.
        numeric: Whether the cells are aligned to the right and sorted by value.
        group: columns of one group stand under a common head.
        hint: a sentence for those who rest on the head.
    """

    title: str
    unit: str = ""
    numeric: bool = True
    group: str = ""
    hint: str = ""

    @classmethod
    def text(cls, title: str, hint: str = "") -> Column:
        """Make the head of a column of texts, which are aligned to the left."""
        return cls(title, numeric=False, hint=hint)


@dataclass(frozen=True)
class Cell:
    """What a cell shows and what it is sorted by; ``order`` is None where there is nothing to sort by."""

    content: str
    order: float | str | None = None
    kind: str = ""

    @classmethod
    def text(cls, text: str, kind: str = "") -> Cell:
        """Make a cell that is sorted by the text that it shows."""
        return cls(text, text, kind)


def element(name: str, *content: object, **attributes: object) -> Html:
    """Make an element.

    Args:
        name: Name of the element.
        content: strings are escaped, ``Html`` is kept, None is left out.
        attributes: an underscore at the end is dropped (``class_``), others become hyphens; None is left out.
    """
    listed = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    opened = f"<{name}{listed}>"
    whole = opened if name in _VOID else f"{opened}{join(content)}</{name}>"
    return Html(whole)  # noqa: S704  # content and values of attributes are escaped


def join(parts: Iterable[object]) -> Html:
    """Join parts, escaping those that are not ``Html``."""
    return Html("".join([escape(part) for part in parts if part is not None]))  # noqa: S704  # each part is escaped


def paragraph(*content: object, kind: str | None = None) -> Html:
    """Make a paragraph, optionally of a kind (a CSS class)."""
    return element("p", *content, class_=kind)


def details(summary: object, *content: object) -> Html:
    """Fold content away under a line that opens it."""
    return element("details", element("summary", summary), *content)


def how_to_read(*content: object) -> Html:
    """Fold what explains a section away under a line that stands beside the section's heading."""
    summary = element("summary", "How to read this")
    return element("details", summary, paragraph(*content, kind="how"), class_="explained")


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], caption: object, kind: str = "") -> Html:
    """Make a table whose columns can be sorted and that scrolls within itself where the page is narrow.

    Args:
        columns: the heads; neighbours of one non-empty group share a head above theirs.
        rows: Rows of one cell for each column; the first cell names the row.
        caption: a sentence above the table.
        kind: more CSS classes.
    """
    body = [_row(columns, cells) for cells in rows]
    inner = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", _groups(columns), element("tr", *(_head(column) for column in columns))),
        element("tbody", *body),
        class_=f"sortable {kind}".strip(),
    )
    return element("div", inner, class_="scroll", tabindex=0, role="group", aria_label="table")


def _groups(columns: Sequence[Column]) -> Html | None:
    if not any(column.group for column in columns):
        return None
    heads: list[Html] = []
    start = 0
    for index in range(1, len(columns) + 1):
        if index == len(columns) or columns[index].group != columns[start].group:
            group = columns[start].group
            heads.append(
                element("th", group, colspan=index - start, class_="group", scope="colgroup")
                if group
                else element("td", colspan=index - start)
            )
            start = index
    return element("tr", *heads, class_="groups")


def _head(column: Column) -> Html:
    unit = element("span", column.unit, class_="unit") if column.unit else None
    return element(
        "th",
        element("button", column.title, unit, type="button"),
        scope="col",
        class_="number" if column.numeric else None,
        title=column.hint or None,
    )


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> Html:
    made = []
    for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        kind = " ".join(part for part in ("number" if column.numeric else _width(cell), cell.kind) if part)
        name, scope = ("th", "row") if index == 0 else ("td", None)
        made.append(element(name, cell.content, class_=kind or None, scope=scope, data_order=_order(cell)))
    return element("tr", *made)


def _width(cell: Cell) -> str:
    words = cell.order if isinstance(cell.order, str) else "" if isinstance(cell.content, Html) else cell.content
    return "long" if len(words) > _LONG else ""


def _order(cell: Cell) -> float | str | None:
    if isinstance(cell.order, float) and not math.isfinite(cell.order):
        return None
    return cell.order
