"""Charts of reader agreement: estimates with their intervals, by structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import pointed_at, styled
from ctbench.report.drawings.colours import INK, MODEL_COLOURS

if TYPE_CHECKING:
    import altair as alt

__all__ = ["estimate_chart"]


def estimate_chart(table: pd.DataFrame, title: str) -> alt.TopLevelMixin:
    """Draw estimates with their 95 % intervals, one line a structure.

    Args:
        table: One statistic, with the columns label, value, low, high, n.
        title: Title of the axis.
    """
    import altair as alt

    rows = table.assign(pointed=pointed_at(table["label"]))
    place = alt.Y("label:N", sort=list(table["label"]), title=None, axis=alt.Axis(domain=False, ticks=False))
    shown = [
        alt.Tooltip("pointed:N", title="structure"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")),
        alt.Tooltip("n:Q"),
    ]
    base = alt.Chart(rows).encode(y=place, tooltip=shown)
    scale = alt.Scale(zero=False, nice=True)
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2, color=MODEL_COLOURS[0]).encode(
            x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8)), x2="high:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1, color=INK).encode(x=alt.X("value:Q", title=title)),
    ]
    return styled(alt.layer(*layers), height=24 * len(rows) + 60)
