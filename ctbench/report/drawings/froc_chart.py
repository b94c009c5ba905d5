"""FROC curves of lesions, with their bootstrap bands and the single readers as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import pointed_at, rater_look, styled
from ctbench.report.drawings.colours import READER_COLOURS
from ctbench.statistics.froc import RATES

if TYPE_CHECKING:
    import altair as alt

__all__ = ["froc_chart"]

_HEIGHT, _WIDTH = 300, 620
_DASHES = {"pieces": [1, 0], "boxes": [5, 3]}
_READERS = "single readers"


def froc_chart(curves: pd.DataFrame, readers: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the FROC curve of each model with its 95 % band, and the readers as points; false marks on a log axis.

    A reader outside 1/8 to 8 false marks per case stands at the edge.

    Args:
        curves: Rows of ``ctbench.report.frames.lesion_froc.froc_curves`` of one structure and reference.
        readers: Rows of ``ctbench.report.frames.lesion_froc.reader_points`` of one structure.
        palette: Rater -> colour.
    """
    import altair as alt

    raters = [name for name in palette if name in set(curves["rater"])]
    kind = curves["protocol"].str.startswith("box-").map({True: "boxes", False: "pieces"})
    rows = curves.assign(marks=kind, pointed=pointed_at(curves["rater"]))
    scale = alt.Scale(type="log", base=2, domain=[RATES[0], RATES[-1]], nice=False)
    axis = alt.Axis(values=list(RATES), format="~g")
    across = alt.X("false_per_case:Q", title="false marks per case", scale=scale, axis=axis)
    span = alt.Scale(domain=[0, 1], nice=False)
    up = alt.Y("sensitivity:Q", title="sensitivity (share of lesions)", scale=span)
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        alt.Tooltip("protocol:N"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("false_per_case", "sensitivity", "low", "high")),
    ]
    look = rater_look(raters, palette, "stroke", symbolOpacity=1)["color"]
    drawn = [name for name in _DASHES if name in set(kind)]
    dash = alt.StrokeDash("marks:N", title=None, scale=alt.Scale(domain=drawn, range=[_DASHES[name] for name in drawn]))
    base = alt.Chart(rows).encode(x=across, color=look, detail="marks:N")
    layers: list[Any] = [
        base.mark_area(opacity=0.15, interpolate="step-after").encode(y=alt.Y("low:Q", scale=span), y2="high:Q"),
        base.mark_line(strokeWidth=2, interpolate="step-after").encode(y=up, strokeDash=dash, tooltip=shown),
    ]
    if len(readers):
        points = readers.assign(
            pointed=pointed_at(readers["rater"]),
            at=readers["false_per_case"].clip(RATES[0], RATES[-1]),
            kind=_READERS,
        )
        form = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=[_READERS], range=["square"]))
        place = alt.X("at:Q", title="false marks per case", scale=scale, axis=axis)
        dots = alt.Chart(points).mark_point(filled=True, size=60, opacity=1, color=READER_COLOURS[0], clip=False)
        layers.append(
            dots.encode(x=place, y=up, shape=form, tooltip=[shown[0], *(shown[at] for at in (2, 3))]),
        )
    return styled(alt.layer(*layers).properties(width=_WIDTH), height=_HEIGHT)
