"""Interactive altair charts with tooltips, made from frames, in the colours of the static figures.

altair takes half a second to import, so it is imported on first use. Names are data, never part of an expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ctbench.report.drawings.colours import (
    INK,
    KIND_COLOURS,
    LINE,
    MUTED,
    READER_COLOURS,
    colour_uses,
    pair_colours,
)
from ctbench.report.frames.tables import ALL_READERS_KIND
from ctbench.report.wording import metric_heading, shortened
from ctbench.scores import RaterKind
from ctbench.statistics import Direction, bland_altman, direction_of, loess

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "STYLE",
    "agreement_chart",
    "agreement_layers",
    "axis_title",
    "difference_chart",
    "mean_layers",
    "number_axis",
    "pointed_at",
    "rank_chart",
    "rater_look",
    "scatter_chart",
    "significance_chart",
    "standing_chart",
    "styled",
]

_KINDS = {
    RaterKind.MODEL.value: ("model", "circle"),
    ALL_READERS_KIND: ("readers as one", "square"),
    RaterKind.READER.value: ("single reader", "triangle-up"),
    "published": ("published", "diamond"),
}
"""Kind of a rater -> its name in the legend, and the shape of its dot."""
_LONGEST = 60
_NAME_WIDTH = 150
_ROW, _MARGIN = 24, 100
"""Heights of a rater's line, and of axis and legend, in pixels."""


def styled(chart: Any, height: int | None = None) -> alt.TopLevelMixin:
    """Return a chart in the style of the static figures, as wide as its page."""
    size = {} if height is None else {"height": height}
    drawn: alt.TopLevelMixin = chart.properties(**size, **STYLE)
    return drawn


_CONFIG = {
    "background": "transparent",
    "font": "sans-serif",
    "axis": {
        "labelColor": MUTED,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelLimit": _NAME_WIDTH,
    },
    "view": {"stroke": None},
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "orient": "top",
        "labelLimit": _NAME_WIDTH,
        "labelFontSize": 12,
    },
    "title": {"anchor": "start", "color": INK, "fontSize": 13},
}
STYLE: dict[str, Any] = {"padding": {"left": 5, "right": 12, "top": 5, "bottom": 5}, "config": _CONFIG}
"""What ``styled`` adds, as arguments of ``alt.concat``: altair copies all panels in each later call on the chart."""


def axis_title(metric: str, unit: str) -> str:
    """Return the title of an axis: the metric, its unit, and its better direction."""
    good = {Direction.HIGHER: "higher is better", Direction.LOWER: "lower is better", Direction.NEITHER: ""}
    return ", ".join(part for part in (metric_heading(metric, unit), good[direction_of(metric)]) if part)


def number_axis(ticks: int) -> Any:
    """Return an axis of about so many labels, each below its tick; labels that would touch are left out."""
    import altair as alt

    return alt.Axis(tickCount=ticks, labelFlush=False, labelOverlap=True, labelSeparation=5)


def pointed_at(names: pd.Series) -> pd.Series:
    """Shorten names to fit into a tooltip."""
    return names.map(lambda name: shortened(str(name), _LONGEST))


def standing_chart(
    table: pd.DataFrame,
    metric: str,
    unit: str,
    singles: pd.Series | None = None,
    palette: Mapping[str, str] | None = None,
) -> alt.TopLevelMixin:
    """Draw means with their 95 % intervals, one line a rater in the order of the table, the single readers as a band.

    Args:
        table: Table of ``ctbench.report.frames.standings.standings``, or some of its rows.
        metric: Name of the metric.
        unit: Unit of the means.
        singles: Means of the single readers, which the band spans; None (default): of those in ``table``.
        palette: Rater -> colour; None (default): raters of one kind have one colour.
    """
    import altair as alt

    rows = table.dropna(subset="mean").assign(kind=lambda own: own["rater_kind"].map(lambda kind: _KINDS[kind][0]))
    shapes = dict(_KINDS[kind] for kind in KIND_COLOURS if kind in set(rows["rater_kind"]))
    names = list(rows["rater"])
    by_kind = dict(zip(names, rows["rater_kind"].map(KIND_COLOURS), strict=True))
    shades = [(palette or {}).get(name, by_kind[name]) for name in names]
    look: dict[str, Any] = {
        "color": alt.Color("rater:N", legend=None, scale=alt.Scale(domain=names, range=shades)),
        "shape": alt.Shape("kind:N", title=None, scale=alt.Scale(domain=list(shapes), range=list(shapes.values()))),
    }
    if singles is None:
        singles = rows.loc[rows["rater_kind"] == RaterKind.READER, "mean"]
    drawn = mean_layers(rows, singles, title=axis_title(metric, unit), shown=("n", "rank"), **look)
    return styled(drawn, height=_ROW * len(rows) + _MARGIN)


def mean_layers(
    rows: pd.DataFrame,
    singles: pd.Series,
    *,
    title: str | list[str],
    shown: Sequence[str],
    color: Any,
    ticks: int = 8,
    **look: Any,
) -> Any:
    """Return layers of means with their intervals, one line a rater, and the single readers as a band.

    Args:
        rows: Columns rater, mean, low, high, those of ``shown`` and those of the encodings; one row a line, from above.
        singles: The means of single readers, which the band spans; empty: no band.
        title: Title of the axis.
        shown: Further columns of the tooltip.
        color: Encoding of the colour.
        ticks: Approximate number of axis labels; default 8.
        look: Further encodings of the dots, and ``y`` for another axis.
    """
    import altair as alt

    usual = alt.Y("rater:N", sort=list(rows["rater"]), title=None, axis=alt.Axis(domain=False, ticks=False))
    rows = rows.assign(pointed=pointed_at(rows["rater"]))
    tooltip = [alt.Tooltip("pointed:N", title="rater"), *_numbers("mean", "low", "high")]
    tooltip += [alt.Tooltip(f"{name}:Q") for name in shown]
    base = alt.Chart(rows).encode(y=look.pop("y", usual), tooltip=tooltip, color=color)
    axis = number_axis(ticks)
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, axis=axis), x2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X("mean:Q", title=title, axis=axis, scale=alt.Scale(zero=False, nice=True)), **look
        ),
    ]
    if len(singles):
        span = pd.DataFrame({"low": [singles.min()], "high": [singles.max()]})
        layers.insert(
            0, alt.Chart(span).mark_rect(color=READER_COLOURS[0], opacity=0.22).encode(x="low:Q", x2="high:Q")
        )
    return alt.layer(*layers)


def scatter_chart(pairs: pd.DataFrame, first: str, second: str, metric: str, unit: str) -> alt.TopLevelMixin:
    """Plot the second rater over the first, a dot a case, with the line on which they are equal.

    Args:
        pairs: Table of ``ctbench.report.frames.two_raters.side_by_side``.
        first: Name of the rater on the x axis.
        second: Name of the rater on the y axis.
        metric: Name of the metric.
        unit: Unit of the values.
    """
    import altair as alt

    span = [float(pairs[["first", "second"]].min().min()), float(pairs[["first", "second"]].max().max())]
    scale = alt.Scale(domain=span, zero=False, nice=True)
    rows = pairs.assign(pointed=pointed_at(pairs["case"]))
    heading = metric_heading(metric, unit)
    dots = (
        alt.Chart(rows)
        .mark_circle(size=60, color=MUTED, opacity=0.7)
        .encode(
            x=alt.X("first:Q", title=f"{heading}: {shortened(first)}", scale=scale),
            y=alt.Y("second:Q", title=f"{heading}: {shortened(second)}", scale=scale),
            tooltip=[alt.Tooltip("pointed:N", title="case"), *_numbers("first", "second", "difference")],
        )
    )
    ends = pd.DataFrame({"first": span, "second": span})
    equal = alt.Chart(ends).mark_line(color=MUTED, strokeDash=[5, 4]).encode(x="first:Q", y="second:Q")
    return styled(alt.layer(equal, dots), height=340)


def difference_chart(
    pairs: pd.DataFrame, first: str, second: str, metric: str, unit: str, palette: Mapping[str, str] | None = None
) -> alt.TopLevelMixin:
    """Draw the differences of the cases in order, the second rater minus the first, those better in another colour.

    Args:
        pairs: Table of ``ctbench.report.frames.two_raters.side_by_side``.
        first: Name of the rater whose values are subtracted.
        second: Name of the rater from whose values they are subtracted.
        metric: Name of the metric.
        unit: Unit of the values.
        palette: Rater -> colour of the cases in which it is better. Default: two colours of models.
    """
    import altair as alt

    ordered = pairs.sort_values("difference", kind="stable").reset_index(drop=True)
    sign = {Direction.HIGHER: 1, Direction.LOWER: -1, Direction.NEITHER: 0}[direction_of(metric)]
    gain = ordered["difference"] * sign
    outcome = (
        pd.Series("neither better", index=ordered.index).mask(gain > 0, "second better").mask(gain < 0, "first better")
    )
    at = np.arange(1, len(ordered) + 1)
    rows = ordered.assign(**{"from": at - 0.5, "to": at + 0.5}, pointed=pointed_at(ordered["case"]), outcome=outcome)
    places, whole = alt.Scale(domain=[0.5, len(rows) + 0.5], nice=False), alt.Axis(tickMinStep=1, grid=False)
    shades = dict(zip(("first better", "second better"), pair_colours(first, second, palette or {}), strict=True))
    shades["neither better"] = LINE
    return styled(
        alt.Chart(rows)
        .mark_bar(stroke="#ffffff", strokeWidth=0.5 if len(rows) < 100 else 0)
        .encode(
            x=alt.X("from:Q", title="cases, in the order of their difference", scale=places, axis=whole),
            x2="to:Q",
            y2=alt.datum(0),
            y=alt.Y("difference:Q", title=f"{metric_heading(metric, unit)}: {shortened(second)} − {shortened(first)}"),
            color=alt.Color("outcome:N", title=None, scale=alt.Scale(domain=list(shades), range=list(shades.values()))),
            tooltip=[alt.Tooltip("pointed:N", title="case"), *_numbers("first", "second", "difference")],
        ),
        height=340,
    )


def agreement_chart(pairs: pd.DataFrame, first: str, second: str) -> alt.TopLevelMixin:
    """Draw a Bland-Altman plot of two raters' volumes: the bias, the 95 % limits of agreement, and a smooth curve.

    Args:
        pairs: Columns ``case, first, second`` in mL.
        first: Name of the rater whose volumes are subtracted.
        second: Name of the rater from whose volumes they are subtracted.
    """
    import altair as alt

    dash = alt.StrokeDash("line:N", title=None, scale=alt.Scale(domain=["bias", "95 % limits"], range=[[1, 0], [5, 4]]))
    up = f"{shortened(second)} − {shortened(first)}, mL"
    rules, dots, x, y = agreement_layers(pairs, shade=MUTED, titles=("mean of both, mL", up), dash=dash)
    middle, difference = (pairs["first"] + pairs["second"]) / 2, pairs["second"] - pairs["first"]
    curve = loess(middle, difference).rename(columns={"x": "mean_ml", "fitted": "difference_ml"})
    smooth = alt.Chart(curve).mark_line(color=INK, strokeDash=[2, 2], strokeWidth=1.5).encode(x=x, y=y)
    return styled(alt.layer(rules, smooth, dots), height=340)


def agreement_layers(
    pairs: pd.DataFrame, *, shade: str, titles: tuple[str | None, str | None], dash: Any
) -> tuple[Any, Any, Any, Any]:
    """Return the layers of a Bland-Altman plot, and its axes.

    Args:
        pairs: Columns case, first, second (mL).
        shade: Colour of the dots.
        titles: Titles of the two axes; None: no title.
        dash: Encoding of the meaning of a line, from the column ``line``.

    Returns:
        The rules of bias and limits, the dots, and the encodings of x and y.
    """
    import altair as alt

    limits = bland_altman(pairs["first"], pairs["second"])
    rows = pairs.assign(
        mean_ml=(pairs["first"] + pairs["second"]) / 2,
        difference_ml=pairs["second"] - pairs["first"],
        pointed=pointed_at(pairs["case"]),
    )
    x = alt.X("mean_ml:Q", title=titles[0], scale=alt.Scale(zero=False))
    y = alt.Y("difference_ml:Q", title=titles[1])
    dots = (
        alt.Chart(rows)
        .mark_circle(size=60, color=shade, opacity=0.7)
        .encode(x=x, y=y, tooltip=[alt.Tooltip("pointed:N", title="case"), *_numbers("mean_ml", "difference_ml")])
    )
    lines = pd.DataFrame(
        {"value": [limits.bias, limits.lower, limits.upper], "line": ["bias", "95 % limits", "95 % limits"]}
    ).dropna()
    rules = alt.Chart(lines).mark_rule(color=INK).encode(y="value:Q", strokeDash=dash)
    return rules, dots, x, y


def significance_chart(p: pd.DataFrame) -> alt.TopLevelMixin:
    """Draw which raters are significantly better than which others, as a matrix.

    Args:
        p: Matrix of ``ctbench.statistics.significance_matrix``.
    """
    import altair as alt

    names = list(map(str, p.columns))
    cells = pd.DataFrame(
        {
            "row": np.repeat(names, len(names)),
            "column": np.tile(names, len(names)),
            "p": p.to_numpy(float).ravel(),
        }
    )
    steps = {"P < .001": 0.001, "P < .01": 0.01, "P < .05": 0.05}
    verdict = pd.Series("not significant", index=cells.index)
    for name, level in reversed(steps.items()):
        verdict = verdict.mask(cells["p"] < level, name)
    cells = cells.assign(
        verdict=verdict.mask(cells["p"].isna(), "no test"),
        better=pointed_at(cells["row"]),
        than=pointed_at(cells["column"]),
    )
    domain = [*steps, "not significant", "no test"]
    shades = ["#00436b", "#0072b2", "#7fbfe6", "#eef0f2", "#ffffff"]
    axis: dict[str, Any] = {"sort": names, "title": None}
    return styled(
        alt.Chart(cells)
        .mark_rect(stroke="#ffffff", strokeWidth=1)
        .encode(
            x=alt.X("column:N", **axis, axis=alt.Axis(labelAngle=-45, title="… than this rater")),
            y=alt.Y("row:N", **axis, axis=alt.Axis(title="this rater is better …")),
            color=alt.Color("verdict:N", title=None, scale=alt.Scale(domain=domain, range=shades)),
            tooltip=["better:N", "than:N", alt.Tooltip("p:Q", format=".4f"), "verdict:N"],
        ),
        height=_ROW * len(names) + 2 * _MARGIN,
    )


def rank_chart(ranked: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw the rank of each rater with its confidence set.

    Args:
        ranked: Table of ``ctbench.statistics.rank``.
        palette: Rater -> colour.
    """
    import altair as alt

    rows = ranked.dropna(subset="rank").assign(pointed=lambda table: pointed_at(table["rater"]))
    place = alt.Y("rater:N", sort=list(rows["rater"]), title=None, axis=alt.Axis(domain=False, ticks=False))
    scale, axis = alt.Scale(domain=[1, max(len(rows), 2)], nice=False, padding=12), alt.Axis(tickMinStep=1, format="d")
    shown: list[Any] = [alt.Tooltip("pointed:N", title="rater"), "rank:Q", "rank_low:Q", "rank_high:Q", "n:Q"]
    names = list(rows["rater"])
    shades = alt.Scale(domain=names, range=[palette.get(name, INK) for name in names])
    base = alt.Chart(rows).encode(y=place, tooltip=shown, color=alt.Color("rater:N", legend=None, scale=shades))
    title = "rank, with the interval that holds all true ranks at once (95 %)"
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("rank_low:Q", title=title, scale=scale, axis=axis), x2="rank_high:Q"
    )
    dots = base.mark_circle(size=80, opacity=1).encode(x="rank:Q")
    return styled(alt.layer(lines, dots), height=_ROW * len(rows) + _MARGIN)


_FORMS = ("circle", "triangle-up", "square", "cross", "triangle-down")
_DASHES = ([1, 0], [4, 2], [1, 2], [6, 2, 1, 2], [8, 4])


def rater_look(
    raters: Sequence[str], palette: Mapping[str, str], apart: Literal["shape", "strokeDash", "stroke"], **legend: Any
) -> dict[str, Any]:
    """Return the encodings that tell the raters of a chart apart, with one legend.

    Args:
        raters: Names of the raters, in the order of the legend.
        palette: Rater -> colour.
        apart: What differs, beside the colour, between raters of one colour: the shape of points, the dashes of lines,
            or the outline of points whose shape has another meaning.
        legend: Arguments of ``altair.Legend``.
    """
    import altair as alt

    uses = colour_uses(raters, palette)
    shades = [palette.get(name, INK) for name in raters]
    ranges: dict[str, Sequence[Any]] = {
        "shape": [_FORMS[use % len(_FORMS)] for use in uses],
        "strokeDash": [_DASHES[use % len(_DASHES)] for use in uses],
        "stroke": [(shade, INK, LINE)[use % 3] for shade, use in zip(shades, uses, strict=True)],
    }
    channels: dict[str, Any] = {
        "color": alt.Color,
        "shape": alt.Shape,
        "strokeDash": alt.StrokeDash,
        "stroke": alt.Stroke,
    }
    wanted = {"color": shades} | ({apart: ranges[apart]} if any(uses) else {})
    shown = {"legend": alt.Legend(**legend)} if legend else {}
    return {
        name: channels[name]("rater:N", title=None, scale=alt.Scale(domain=list(raters), range=values), **shown)
        for name, values in wanted.items()
    }


def _numbers(*names: str) -> list[Any]:
    import altair as alt

    return [alt.Tooltip(f"{name}:Q", format=".3f") for name in names]
