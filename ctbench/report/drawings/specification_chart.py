"""Specification curve: in which choices one of two raters is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import styled
from ctbench.report.drawings.colours import INK, LINE, MUTED, pair_colours
from ctbench.report.frames.multiverse import option_title

if TYPE_CHECKING:
    import altair as alt

__all__ = ["specification_chart"]

_ROW, _NAMES = 17, 165
_COLUMN, _WIDTH = 16, 700
"""Sizes in pixels: height of an option's row, width of its name, widest column, and width of all columns at most."""


def specification_chart(
    points: pd.DataFrame, choices: Sequence[str], first: str, second: str, palette: Mapping[str, str]
) -> alt.TopLevelMixin:
    """Draw a column for each combination of choices: who is better above, which options it is made of below.

    Combinations stand in the order of the difference. A bar reaches up where the first is better and down where the
    second is; its length is the rank of the difference's size among all, because metrics have different units.

    Args:
        points: As ``frames.multiverse.turning_points`` returns it.
        choices: Names of the choices, in the order of the rows; those with one option only are left out.
        first: Name of the first rater.
        second: Name of the second.
        palette: Rater -> colour.
    """
    import altair as alt

    size = points["difference"].abs().rank(pct=True)
    rows = points.assign(height=size * points["difference"].map(lambda value: (value > 0) - (value < 0)))
    place = alt.X("place:O", title=None, axis=None, scale=alt.Scale(padding=0.1))
    side: dict[str, Any] = {"minExtent": _NAMES, "maxExtent": _NAMES, "domain": False, "ticks": False}
    side |= {"titleAngle": 0, "titleAlign": "right", "titleX": -_NAMES - 15, "titleColor": INK}
    wide = min(_COLUMN * len(points), _WIDTH)
    names = [first, second]
    shown = [alt.Tooltip(f"{name}:N") for name in choices] + [alt.Tooltip("difference:Q", format=".3f")]
    scale = alt.Scale(domain=names, range=list(pair_colours(first, second, palette)))
    bars = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=place,
            y=alt.Y("height:Q", title=["Who is", "better"], axis=alt.Axis(labels=False, grid=False, **side)),
            color=alt.Color("better:N", title=None, scale=scale),
            tooltip=shown,
        )
        .properties(height=110, width=wide)
    )
    long = rows.melt(id_vars=["place", "better"], value_vars=list(choices), var_name="choice", value_name="option")
    several = [name for name in choices if len(points[name].unique()) > 1]
    panels: list[Any] = [bars]
    for name in several:
        own = long[(long["choice"] == name) & (long["option"] != "")]  # it is empty where the choice does not arise
        titles = {str(option): option_title(name, str(option)) for option in own["option"].unique()}
        own = own.assign(option=own["option"].map(titles))
        axis = alt.Axis(labelColor=MUTED, labelLimit=_NAMES, **side)
        panels.append(
            alt.Chart(own)
            .mark_rect(stroke=LINE, strokeWidth=0.2)
            .encode(
                x=place,
                y=alt.Y("option:N", sort=list(titles.values()), title=name.capitalize(), axis=axis),
                color=alt.Color("better:N", title=None, scale=scale),
            )
            .properties(height=_ROW * len(titles), width=wide)
        )
    title = alt.TitleParams(f"{len(points)} combinations of choices", fontWeight="normal", color=INK, fontSize=12)
    return styled(alt.vconcat(*panels, spacing=6, title=title).resolve_scale(x="shared", color="shared"))
