"""Charts of detection: ROC curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ctbench.report.drawings.charts import pointed_at, rater_look, styled
from ctbench.report.drawings.colours import LINE, MUTED

if TYPE_CHECKING:
    import altair as alt

__all__ = ["roc_chart"]


def roc_chart(curves: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw ROC curves, with the dashed diagonal of chance.

    Args:
        curves: Table of ``ctbench.report.frames.roc.roc_table``.
        palette: Rater -> colour.
    """
    import altair as alt

    raters = [name for name in palette if name in set(curves["rater"])]
    rows = curves.assign(pointed=pointed_at(curves["rater"]), threshold=curves["threshold"].replace(np.inf, np.nan))
    span = alt.Scale(domain=[0, 1], nice=False)
    across = alt.X("false_positive_rate:Q", title="1 − specificity (share of negative cases)", scale=span)
    up = alt.Y("sensitivity:Q", title="sensitivity (share of positive cases)", scale=span)
    look = rater_look(raters, palette, "shape")
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("threshold", "sensitivity", "false_positive_rate")),
        alt.Tooltip("by:N", title="called positive"),
    ]
    base = alt.Chart(rows).encode(x=across, y=up, color=look["color"], order="step:Q", detail=["rater:N", "by:N"])
    dash = alt.StrokeDash("by:N", title=None, legend=alt.Legend(orient="bottom", labelColor=MUTED))
    layers: list[Any] = [
        alt.Chart(pd.DataFrame({"x": [0.0, 1.0]})).mark_line(color=LINE, strokeDash=[4, 3]).encode(x="x:Q", y="x:Q"),
        base.mark_line(strokeWidth=2).encode(strokeDash=dash),
        base.mark_point(filled=True, size=28).encode(tooltip=shown, **look),
    ]
    return styled(alt.layer(*layers), height=380)
