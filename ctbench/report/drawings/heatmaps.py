"""Heat maps: tables as coloured squares with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import pointed_at, styled
from ctbench.report.drawings.colours import INK

if TYPE_CHECKING:
    import altair as alt

__all__ = ["heat_chart"]

_CELL, _AROUND = 30, 170
"""Height of a square, and of what stands above and below them, in pixels."""
_MOST_NUMBERS, _NUMBER_WIDTH = 260, 30


def heat_chart(
    table: pd.DataFrame,
    *,
    rows: str,
    columns: str,
    value: str,
    title: str,
    good: bool = True,
    digits: int = 2,
    order: tuple[Sequence[str], Sequence[str]] | None = None,
    domain: tuple[float, float] | None = None,
    titles: tuple[str, str] = ("", ""),
) -> alt.TopLevelMixin:
    """Draw a value for each pair of names: the darker the larger.

    Args:
        table: A row for each square; squares with a null value are empty.
        rows: Column with the names of the rows, which may be users' texts.
        columns: Column with the names of the columns.
        value: Column of the values.
        title: Title of the values, with their unit.
        good: Whether larger values are better: blue if so, else orange.
        digits: Digits after the point; numbers are shown if the squares are large enough.
        order: Order of the names of rows, and of columns; None (default): as they occur.
        domain: Values of the palest and the darkest colour; None (default): the smallest and the largest.
        titles: Titles of the rows and of the columns.
    """
    import altair as alt

    down, across = order or (list(table[rows].unique()), list(table[columns].unique()))
    drawn = table[[rows, columns, value, *(["n"] if "n" in table else [])]].dropna(subset=value)
    drawn = drawn.rename(columns={rows: "row", columns: "column", value: "shown"})
    low, high = domain or (float(drawn["shown"].min()), float(drawn["shown"].max()))
    drawn = drawn.assign(
        row_pointed=pointed_at(drawn["row"]),
        column_pointed=pointed_at(drawn["column"]),
        ink=(drawn["shown"] > low + 0.6 * (high - low)).map({True: "#ffffff", False: INK}),
    )
    names = [
        alt.Tooltip("row_pointed:N", title=titles[0] or rows),
        alt.Tooltip("column_pointed:N", title=titles[1] or columns),
    ]
    shown = [*names, alt.Tooltip("shown:Q", format=f".{digits}f", title=title)]
    shown += [alt.Tooltip("n:Q")] if "n" in drawn else []
    base = alt.Chart(drawn).encode(
        y=alt.Y("row:N", sort=list(down), title=titles[0] or None, axis=alt.Axis(domain=False, ticks=False)),
        x=alt.X(
            "column:N",
            sort=list(across),
            title=titles[1] or None,
            axis=alt.Axis(domain=False, ticks=False, orient="top", labelAngle=-40),
        ),
        tooltip=shown,
    )
    scale = alt.Scale(scheme="blues" if good else "oranges", domain=[low, high], clamp=True)
    legend = alt.Legend(title=title, format=f".{digits}f", orient="bottom", gradientLength=180)
    layers: list[Any] = [base.mark_rect().encode(color=alt.Color("shown:Q", scale=scale, legend=legend))]
    if len(drawn) <= _MOST_NUMBERS:
        fits = alt.ExprRef(f"width < {_NUMBER_WIDTH * len(across)} ? 0 : 1")
        numbers = base.mark_text(fontSize=11, opacity=fits)
        layers.append(
            numbers.encode(text=alt.Text("shown:Q", format=f".{digits}f"), color=alt.Color("ink:N", scale=None))
        )
    # The numbers' colours are colours, the squares' are values.
    return styled(alt.layer(*layers).resolve_scale(color="independent"), height=_CELL * len(down) + _AROUND)
