"""Chart of equivalence: differences of models from readers with their intervals, over the margin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import pointed_at, styled
from ctbench.report.drawings.colours import INK, LINE, MUTED

if TYPE_CHECKING:
    import altair as alt

__all__ = ["equivalence_chart"]

_ROW, _MARGIN = 20, 60
"""Heights of a line, and of the axis, in pixels."""


def equivalence_chart(tested: pd.DataFrame, margin: float, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the mean difference of each model from each reader with its 90 % interval; the margin is a band.

    Args:
        tested: Rows of ``equivalence_table`` of one structure, with the column ``model``.
        margin: The largest difference in Dice that does not matter.
        palette: Model -> colour.
    """
    import altair as alt

    rows = tested.dropna(subset="difference")
    rows = rows.assign(line=rows["model"] + " minus " + rows["rater"], pointed=pointed_at(rows["rater"]))
    title = "difference in Dice, model minus reader"
    usual = alt.Axis(domain=False, ticks=False, labelLimit=260)
    place = alt.Y("line:N", sort=list(rows["line"]), title=None, axis=usual)
    shown = [
        alt.Tooltip("pointed:N", title="reader"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("difference", "low", "high")),
        alt.Tooltip("n:Q"),
        alt.Tooltip("verdict:N"),
    ]
    models = list(rows["model"].unique())
    shade = alt.Color(
        "model:N", legend=None, scale=alt.Scale(domain=models, range=[palette.get(name, INK) for name in models])
    )
    base = alt.Chart(rows).encode(y=place, tooltip=shown)
    band = alt.Chart(pd.DataFrame({"low": [-margin], "high": [margin]}))
    layers: list[Any] = [
        band.mark_rect(color=MUTED, opacity=0.15).encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=LINE).encode(x="zero:Q"),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q", color=shade),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=alt.X("difference:Q", title=title), color=shade),
    ]
    return styled(alt.layer(*layers), height=_ROW * len(rows) + _MARGIN)
