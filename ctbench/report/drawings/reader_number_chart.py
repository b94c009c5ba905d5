"""Chart of "how many readers?": scores by the number of readers, with the spread between subsets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import styled
from ctbench.report.drawings.colours import INK, MODEL_COLOURS

if TYPE_CHECKING:
    import altair as alt

__all__ = ["reader_number_chart"]

_WIDTH, _HEIGHT, _COLUMNS = 200, 130, 3


def reader_number_chart(table: pd.DataFrame, title: str) -> alt.TopLevelMixin:
    """Draw a line for each name in a panel for each structure; the band is the spread between subsets.

    Args:
        table: Columns label, name (one colour each), readers, dice, lowest, highest, and recommended (bool): such
            points have a ring.
        title: Title of the vertical axis.
    """
    import altair as alt

    names = list(table["name"].unique())
    colours = [MODEL_COLOURS[place % len(MODEL_COLOURS)] for place in range(len(names))]
    legend = (
        alt.Legend(title=None, orient="top", columns=3, labelLimit=240, symbolOpacity=1) if len(names) > 1 else None
    )
    colour = alt.Color("name:N", scale=alt.Scale(domain=names, range=colours), legend=legend)
    low = float(table["lowest"].min())
    scale = alt.Scale(zero=False, domain=[max(0.0, round(low - 0.05, 2)), 1.0])
    across = alt.X("readers:O", title="readers", axis=alt.Axis(labelAngle=0))
    base = alt.Chart(table).encode(x=across)
    shown = [
        alt.Tooltip("name:N", title="of"),
        alt.Tooltip("readers:O"),
        *(alt.Tooltip(f"{column}:Q", format=".3f") for column in ("dice", "lowest", "highest")),
    ]
    up, down = (alt.Y(f"{name}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5)) for name in ("dice", "lowest"))
    layers: list[Any] = [
        base.mark_area(opacity=0.18).encode(y=down, y2="highest:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(y=up, color=colour),
        base.mark_point(filled=True, size=40, opacity=1).encode(y=up, color=colour, tooltip=shown),
        base.transform_filter("datum.recommended")
        .mark_point(size=160, strokeWidth=2, color=INK, opacity=1)
        .encode(y=up),
    ]
    panel = alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)
    order = list(table["label"].unique())
    heading = alt.Header(labelFontWeight="bold", labelColor=INK)
    return styled(
        panel.facet(
            facet=alt.Facet("label:N", title=None, sort=order, header=heading), columns=min(_COLUMNS, len(order))
        )
    )
