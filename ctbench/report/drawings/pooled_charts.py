"""Box plots and bars of raters over one sample, and panels of pictures beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.charts import axis_title, styled
from ctbench.report.drawings.colours import INK, rater_colours

if TYPE_CHECKING:
    import altair as alt

__all__ = ["bar_figure", "box_row_figure", "picture_figure"]

_STEP, _HEIGHT = 70, 260
_WIDEST, _HIGHEST = 200, 200
"""Sizes in pixels: width of a rater's column, height of a panel, and the largest size of a picture."""

Picture = NDArray[np.uint8]


def box_row_figure(boxes: pd.DataFrame, metric: str, unit: str) -> alt.TopLevelMixin:
    """Draw a box plot for each rater, side by side, as Wachinger et al. 2018 do.

    Args:
        boxes: Table of ``ctbench.report.frames.boxplots.box_table`` by rater, from left to right.
        metric: Name of the metric.
        unit: Unit of the values.
    """
    import altair as alt

    names = list(boxes["rater"])
    across = _across(names)
    rows = boxes.rename(columns={"low": "from", "high": "to"})
    dots = rows[["rater", "outliers"]].explode("outliers").dropna(subset="outliers").astype({"outliers": float})
    base = alt.Chart(rows.drop(columns="outliers")).encode(x=across)
    up = alt.Y("from:Q", title=axis_title(metric, unit), scale=alt.Scale(zero=False, nice=True))
    layers: list[Any] = [
        base.mark_rule(color=INK).encode(y=up, y2="to:Q"),
        base.mark_bar(size=_STEP // 2, opacity=0.8).encode(y="q1:Q", y2="q3:Q", color=_shade(names)),
        base.mark_tick(color=INK, thickness=2, size=_STEP // 2).encode(y="median:Q"),
    ]
    if len(dots):
        spots = alt.Chart(dots).mark_point(shape="cross", size=25, color=INK)
        layers.append(spots.encode(x=across, y="outliers:Q"))
    return styled(alt.layer(*layers).properties(width=_STEP * len(names)), height=_HEIGHT)


def bar_figure(means: pd.DataFrame, metric: str, unit: str) -> alt.TopLevelMixin:
    """Draw each rater's mean as a bar from 0, with a line of one standard error to either side.

    Args:
        means: Columns ``rater, mean, se``, from left to right.
        metric: Name of the metric.
        unit: Unit of the values.
    """
    import altair as alt

    names = list(means["rater"])
    rows = means[["rater", "mean"]].assign(low=means["mean"] - means["se"], high=means["mean"] + means["se"])
    base = alt.Chart(rows).encode(x=_across(names))
    bars = base.mark_bar(size=_STEP // 2, opacity=0.8).encode(
        y=alt.Y("mean:Q", title=axis_title(metric, unit)), color=_shade(names)
    )
    lines = base.mark_rule(color=INK, strokeWidth=2).encode(y="low:Q", y2="high:Q")
    return styled(alt.layer(bars, lines).properties(width=_STEP * len(names)), height=_HEIGHT)


def picture_figure(pictures: Mapping[str, Picture], columns: int | None = None) -> alt.TopLevelMixin:
    """Lay pictures out in rows, each under its title.

    Args:
        pictures: Title -> picture, y,x,3, from left to right and from the top down.
        columns: Number of pictures in a row; None (default): all.
    """
    import altair as alt

    panels = []
    for title, picture in pictures.items():
        factor = min(_WIDEST / picture.shape[1], _HIGHEST / picture.shape[0])
        height, width = (max(round(side * factor), 1) for side in picture.shape[:2])
        # A picture that is in the page as data needs no address from which it would be loaded.
        chart = alt.Chart(pd.DataFrame({"url": [png(picture)]})).mark_image(width=width, height=height)
        placed = chart.encode(url="url:N", x=alt.value(width / 2), y=alt.value(height / 2))
        heading = alt.TitleParams(title, fontWeight="normal", fontSize=12, color=INK)
        panels.append(placed.properties(width=width, height=height, title=heading))
    return styled(alt.concat(*panels, columns=columns or len(panels)))


def _across(names: Sequence[str]) -> alt.X:
    import altair as alt

    return alt.X("rater:N", sort=list(names), title=None, axis=alt.Axis(labelAngle=-30, ticks=False, labelLimit=180))


def _shade(names: Sequence[str]) -> alt.Color:
    import altair as alt

    shades = rater_colours(names)
    return alt.Color(
        "rater:N", scale=alt.Scale(domain=list(names), range=[shades[name] for name in names]), legend=None
    )
