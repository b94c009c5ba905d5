"""Charts of detection: ROC curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ctbench.report.drawings.canvas import LINE, MUTED
from ctbench.report.drawings.charts import pointed_at, styled
from ctbench.statistics import roc_curve

if TYPE_CHECKING:
    import altair as alt

__all__ = ["roc_chart", "roc_table"]


def roc_table(found: pd.DataFrame) -> pd.DataFrame:
    """Trace the ROC curve of each rater.

    Args:
        found: as ``calls.case_calls`` gives it, of one structure.

    Returns:
        Columns rater, by, step (from 0), and those of ``ctbench.statistics.roc_curve``.
    """
    curves = []
    for (rater, by), own in found.groupby(["rater", "by"], sort=False):
        curve = roc_curve(own["truth"].astype(bool), own["score"])
        curves.append(curve.assign(rater=str(rater), by=str(by), step=np.arange(len(curve))))
    columns = ["rater", "by", "step", "threshold", "false_positive_rate", "sensitivity"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def roc_chart(curves: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw ROC curves; the dashed diagonal is what chance gives.

    Args:
        curves: as ``roc_table`` gives them.
        palette: rater -> colour.
    """
    import altair as alt

    raters = [name for name in palette if name in set(curves["rater"])]
    rows = curves.assign(pointed=pointed_at(curves["rater"]), threshold=curves["threshold"].replace(np.inf, np.nan))
    span = alt.Scale(domain=[0, 1], nice=False)
    across = alt.X("false_positive_rate:Q", title="1 − specificity (share of negative cases)", scale=span)
    up = alt.Y("sensitivity:Q", title="sensitivity (share of positive cases)", scale=span)
    shade = alt.Color("rater:N", title=None, scale=alt.Scale(domain=raters, range=[palette[name] for name in raters]))
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("threshold", "sensitivity", "false_positive_rate")),
        alt.Tooltip("by:N", title="called positive"),
    ]
    base = alt.Chart(rows).encode(x=across, y=up, color=shade, order="step:Q", detail=["rater:N", "by:N"])
    dash = alt.StrokeDash("by:N", title=None, legend=alt.Legend(orient="bottom", labelColor=MUTED))
    layers: list[Any] = [
        alt.Chart(pd.DataFrame({"x": [0.0, 1.0]})).mark_line(color=LINE, strokeDash=[4, 3]).encode(x="x:Q", y="x:Q"),
        base.mark_line(strokeWidth=2).encode(strokeDash=dash),
        base.mark_point(filled=True, size=28).encode(tooltip=shown),
    ]
    return styled(alt.layer(*layers), height=380)
