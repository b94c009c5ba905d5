"""Reliability diagrams: what readers drew at each forecast of a model, with the single readers as a band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from ctbench.report.drawings.charts import pointed_at, rater_look, styled
from ctbench.report.drawings.colours import LINE

if TYPE_CHECKING:
    import altair as alt

__all__ = ["reliability_chart"]


def reliability_chart(table: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the reliability diagram of one structure, one line per model, with the dashed diagonal of perfect forecasts.

    Args:
        table: Rows of ``ctbench.report.frames.uncertainty.reliability_table`` of one structure.
        palette: Rater -> colour.
    """
    import altair as alt

    raters = [name for name in palette if name in set(table["rater"])]
    rows = table.assign(pointed=pointed_at(table["rater"]))
    span = alt.Scale(domain=[0, 1], nice=False)
    across = alt.X("forecast:Q", title="mean probability of the model", scale=span)
    look = rater_look(raters, palette, "shape")
    base = alt.Chart(rows).encode(x=across, color=look["color"])
    up = alt.Y("observed:Q", title="share of readers who drew it", scale=span)
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("forecast", "observed", "lowest", "highest")),
        alt.Tooltip("voxels:Q", format=","),
    ]
    diagonal = alt.Chart(pd.DataFrame({"x": [0.0, 1.0]})).mark_line(color=LINE, strokeDash=[4, 3])
    layers = [
        diagonal.encode(x="x:Q", y="x:Q"),
        base.mark_area(opacity=0.15).encode(y=alt.Y("lowest:Q", scale=span), y2="highest:Q"),
        base.mark_line(strokeWidth=2).encode(y=up),
        base.mark_point(filled=True, size=28).encode(y=up, tooltip=shown, **look),
    ]
    return styled(alt.layer(*layers), height=320)
