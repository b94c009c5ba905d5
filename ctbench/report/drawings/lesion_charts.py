"""Charts of lesions: sensitivity by size with the readers' band, and predicted over reference volumes of lesions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.datasets import SIZE_CLASSES
from ctbench.report.drawings.charts import pointed_at, rater_look, styled
from ctbench.report.drawings.colours import LINE, READER_COLOURS
from ctbench.scores import RaterKind

if TYPE_CHECKING:
    import altair as alt

__all__ = ["lesion_volume_chart", "sensitivity_chart"]

_ALL = "all"
_HEIGHT, _SQUARE = 170, 300
_WIDTH = 620
_LEGEND = {"columnPadding": 28, "columns": 4}
"""Room for a wider font than the layout's."""
_LEAST_ML = 0.001
"""Volumes below it, and 0 of a missed lesion, stand at the edge of the logarithmic axis."""


def sensitivity_chart(pooled: pd.DataFrame, band: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the sensitivity of each model by size class, with 95 % intervals, the single readers as a band.

    Args:
        pooled: Rows of ``ctbench.report.frames.lesions.lesion_sensitivity_table`` of one structure, each rater on one
            reference.
        band: Table of ``ctbench.report.frames.lesion_summaries.reader_band``.
        palette: Rater -> colour.
    """
    import altair as alt

    rows = pooled[pooled["rater_kind"].eq(RaterKind.MODEL)].dropna(subset="sensitivity")
    raters = [name for name in palette if name in set(rows["rater"])]
    classes = [name for name in (_ALL, *SIZE_CLASSES) if name in {*rows["size_class"], *band["size_class"]}]
    across = alt.X("size_class:N", sort=classes, title="size of the lesion", axis=alt.Axis(labelAngle=0))
    span = alt.Scale(domain=[0, 1], nice=False)
    aside = alt.XOffset("rater:N", sort=raters)
    base = alt.Chart(rows.assign(pointed=pointed_at(rows["rater"]))).encode(
        x=across,
        xOffset=aside,
        **rater_look(raters, palette, "shape", **_LEGEND),
        tooltip=[
            alt.Tooltip("pointed:N", title="rater"),
            alt.Tooltip("size_class:N", title="size"),
            *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("sensitivity", "low", "high")),
            *(alt.Tooltip(f"{name}:Q") for name in ("detected", "lesions", "patients")),
        ],
    )
    title = "sensitivity (share of lesions)"
    spans = alt.Chart(band).mark_bar(color=READER_COLOURS[0], opacity=0.3, stroke=READER_COLOURS[0], strokeWidth=2)
    layers: list[Any] = [
        *([spans.encode(x=across, y=alt.Y("lowest:Q", title=title, scale=span), y2="highest:Q")] if len(band) else []),
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title, scale=span), y2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=alt.Y("sensitivity:Q", title=title, scale=span)),
    ]
    return styled(alt.layer(*layers).properties(width=_WIDTH), height=_HEIGHT)


def lesion_volume_chart(lesions: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the predicted volume of each lesion over its volume in the reference, both on logarithmic axes.

    A missed lesion, and a volume below 0.001 mL, stands at 0.001 mL.

    Args:
        lesions: ``LesionTables.lesions`` of one structure; only lesions of models are drawn, detected or missed.
        palette: Rater -> colour.
    """
    import altair as alt

    rows = lesions[lesions["rater_kind"].eq(RaterKind.MODEL) & lesions["outcome"].isin(["detected", "missed"])]
    raters = [name for name in palette if name in set(rows["rater"])]
    rows = rows.assign(
        pointed=pointed_at(rows["rater"]),
        case_pointed=pointed_at(rows["case"]),
        x=rows["volume_ml"].clip(lower=_LEAST_ML),
        y=rows["predicted_volume_ml"].clip(lower=_LEAST_ML),
        at=rows["slice"] + 1,
    )[["pointed", "case_pointed", "x", "y", "at", "rater", "outcome", "volume_ml", "predicted_volume_ml"]]
    ends = [_LEAST_ML, float(rows[["x", "y"]].max().max()) if len(rows) else 1.0]
    scale = alt.Scale(type="log", domain=ends, nice=True)
    across = alt.X("x:Q", title="volume in the reference, mL", scale=scale)
    up = alt.Y("y:Q", title="predicted volume, mL", scale=scale)
    look = rater_look(raters, palette, "stroke", **_LEGEND)
    form = alt.Shape(
        "outcome:N", title=None, scale=alt.Scale(domain=["detected", "missed"], range=["circle", "triangle-down"])
    )
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        alt.Tooltip("case_pointed:N", title="case"),
        alt.Tooltip("outcome:N"),
        alt.Tooltip("volume_ml:Q", format=".3f"),
        alt.Tooltip("predicted_volume_ml:Q", format=".3f"),
        alt.Tooltip("at:Q", title="slice"),
    ]
    equal = alt.Chart(pd.DataFrame({"x": ends, "y": ends})).mark_line(color=LINE, strokeDash=[4, 3])
    dots = alt.Chart(rows).mark_point(filled=True, size=36, opacity=0.7)
    layers = [equal.encode(x=across, y=up), dots.encode(x=across, y=up, shape=form, tooltip=shown, **look)]
    return styled(alt.layer(*layers).properties(width=_WIDTH), height=_SQUARE)
