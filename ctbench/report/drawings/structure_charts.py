"""Charts of scores by structure: box plots with Cai's asterisks, and scores against the size of a structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctbench.report.drawings.charts import axis_title, number_axis, pointed_at, rater_look, styled
from ctbench.report.drawings.colours import INK, MUTED

if TYPE_CHECKING:
    import altair as alt

__all__ = ["box_chart", "box_height", "box_layers", "size_chart"]

_BOX_STEP, _AROUND = 15, 80
_NAMES_WIDTH = 600


def box_chart(
    boxes: pd.DataFrame, *, structures: Sequence[str], palette: Mapping[str, str], metric: str, unit: str
) -> alt.TopLevelMixin:
    """Draw box plots by structure and rater against one reference.

    Args:
        boxes: Table of ``boxes.marked`` for one reference.
        structures: Names of the structures, from the top down.
        palette: Rater -> colour, of all raters in their order.
        metric: Name of the metric.
        unit: Unit of the values.
    """
    present = set(boxes["rater"])
    raters = [name for name in palette if name in present]
    own = {name: palette[name] for name in raters}
    drawn = box_layers(boxes, structures=structures, palette=own, title=axis_title(metric, unit))
    return styled(drawn, height=box_height(len(structures), len(raters)) + _AROUND)


def box_height(structures: int, raters: int) -> int:
    """Return the height of a panel of box plots, in pixels."""
    return structures * (_BOX_STEP * raters + 8)


def box_layers(
    boxes: pd.DataFrame,
    *,
    structures: Sequence[str],
    palette: Mapping[str, str],
    title: str | list[str],
    ticks: int = 8,
    named: bool = True,
) -> Any:
    """Return the layers of ``box_chart``.

    Args:
        boxes: As for ``box_chart``.
        structures: As for ``box_chart``.
        palette: Rater -> colour, of the raters in the legend: panels side by side need the same.
        title: Title of the axis.
        ticks: About how many labels the axis has. Default 8.
        named: Whether the structures' names stand at the left. Default True.
    """
    import altair as alt

    present = set(boxes["rater"])
    raters = [name for name in palette if name in present]
    rows = boxes.assign(pointed=pointed_at(boxes["rater"]), structure=pointed_at(boxes["label"]))
    rows = rows.rename(columns={"low": "from", "high": "to"})
    dots = rows[["label", "rater", "pointed", "outliers"]].explode("outliers").dropna(subset="outliers")
    dots = dots.astype({"outliers": float})
    scale = alt.Scale(zero=False, nice=True)
    place: dict[str, Any] = {
        "y": alt.Y(
            "label:N", sort=list(structures), title=None, axis=alt.Axis(domain=False, ticks=False, labels=named)
        ),
        "yOffset": alt.YOffset("rater:N", sort=raters),
    }
    look = rater_look(list(palette), palette, "strokeDash")
    shade = look["color"]
    shown = [
        alt.Tooltip("structure:N"),
        alt.Tooltip("pointed:N", title="rater"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("median", "q1", "q3", "from", "to")),
        alt.Tooltip("n:Q"),
    ]
    base = alt.Chart(rows.drop(columns="outliers")).encode(**place, tooltip=shown)
    size = max(_BOX_STEP - 5, 4)
    across = alt.X("from:Q", title=title, scale=scale, axis=number_axis(ticks))
    layers: list[Any] = [
        base.mark_rule().encode(x=across, x2="to:Q", **look),
        base.mark_bar(size=size, opacity=0.8).encode(x=alt.X("q1:Q", title=title), x2="q3:Q", color=shade),
        base.mark_tick(color=INK, thickness=1.6, size=size + 2).encode(x=alt.X("median:Q", title=title)),
        base.transform_filter("datum.mark != ''")
        .mark_text(align="left", dx=3, color=INK, fontWeight="bold", fontSize=13, baseline="middle")
        .encode(x=alt.value("width"), text="mark:N"),
    ]
    if len(dots):
        spots = alt.Chart(dots).mark_point(filled=True, size=14, opacity=0.9)
        layers.append(spots.encode(**place, x=alt.X("outliers:Q", title=title), color=shade))
    return alt.layer(*layers)


def size_chart(points: pd.DataFrame, *, palette: Mapping[str, str], metric: str, unit: str) -> alt.TopLevelMixin:
    """Draw scores over the volume of the reference, on a logarithmic scale.

    Args:
        points: Table of ``ctbench.report.frames.sizes.size_points``; points of volume 0 are left out.
        palette: Rater -> colour.
        metric: Name of the metric.
        unit: Unit of the scores.
    """
    import altair as alt

    raters = [name for name in palette if name in set(points["rater"])]
    rows = points[points["volume_ml"] > 0]
    named = [name for name in ("label", "case") if name in rows]
    rows = rows.assign(
        pointed=pointed_at(rows["rater"]), **{f"{name}_pointed": pointed_at(rows[name]) for name in named}
    )
    across = alt.X("volume_ml:Q", title="volume in the reference, mL", scale=alt.Scale(type="log", nice=True))
    up = alt.Y("value:Q", title=axis_title(metric, unit), scale=alt.Scale(zero=False, nice=True))
    shown = [
        alt.Tooltip("pointed:N", title="rater"),
        *(alt.Tooltip(f"{name}_pointed:N", title="structure" if name == "label" else name) for name in named),
        alt.Tooltip("volume_ml:Q", format=".2f", title="volume, mL"),
        alt.Tooltip("value:Q", format=".3f"),
        alt.Tooltip("n:Q"),
    ]
    dots = alt.Chart(rows).mark_point(filled=True, size=55, opacity=0.8)
    names = _names(rows) if "case" not in rows else None
    drawn = dots.encode(x=across, y=up, **rater_look(raters, palette, "shape"), tooltip=shown)
    return styled(drawn if names is None else alt.layer(drawn, names), height=360)


def _names(rows: pd.DataFrame) -> Any:
    """Write the structures' names above and below their points in turn, so that neighbours do not meet."""
    import altair as alt

    ends = rows.groupby("label").agg(volume_ml=("volume_ml", "mean"), top=("value", "max"), bottom=("value", "min"))
    ends = ends.sort_values("volume_ml").join(rows.drop_duplicates("label").set_index("label")["label_pointed"])
    fits = alt.ExprRef(f"width < {_NAMES_WIDTH} ? 0 : 1")
    layers = []
    for part, column, shift in ((ends[::2], "top", -10), (ends[1::2], "bottom", 12)):
        text = alt.Chart(part).mark_text(dy=shift, color=MUTED, fontSize=11, limit=120, opacity=fits)
        layers.append(text.encode(x="volume_ml:Q", y=f"{column}:Q", text="label_pointed:N"))
    return alt.layer(*layers)
