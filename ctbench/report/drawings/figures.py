"""Figures of several panels for the static page: the charts of the leaderboard side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ctbench.report.drawings.charts import STYLE, agreement_layers, axis_title, mean_layers, pointed_at
from ctbench.report.drawings.colours import INK, MODEL_COLOURS, MUTED
from ctbench.report.drawings.structure_charts import box_height, box_layers
from ctbench.report.frames.boxplots import box_table, marked
from ctbench.report.frames.tables import ALL_READERS_KIND, VOLUME_LIMIT_ML
from ctbench.report.wording import counted, shortened
from ctbench.scores import RaterKind
from ctbench.statistics import loess, volume_agreement

if TYPE_CHECKING:
    import altair as alt

__all__ = ["bland_altman_figure", "box_figure", "overall_figure", "volume_figure"]

Panels = Literal["label", "rater"]

_MEAN_WIDTH, _MEAN_ROW = 170, 26
_BOX_WIDTH, _ACROSS = 240, 3
_SQUARE = 150
"""Sizes of panels in pixels; panels of box plots stand three in a row."""


def overall_figure(summary: pd.DataFrame, palette: Mapping[str, str]) -> alt.TopLevelMixin:
    """Draw each rater's overall mean with its 95 % interval, one panel for each metric, the readers as a band.

    Args:
        summary: Table of ``averages.summary``. With a row of all readers the band reaches from the lowest to the
            highest mean of a single reader.
        palette: Rater -> colour.
    """
    import altair as alt

    names = list(summary.loc[summary["rater_kind"] != RaterKind.READER, "rater"].unique()) or list(
        summary["rater"].unique()
    )
    shades = alt.Scale(domain=names, range=[palette.get(name, MUTED) for name in names])
    panels = []
    for index, metric in enumerate(summary["metric"].unique()):
        rows = summary[summary["metric"] == metric]
        lines = (
            rows[rows["rater"].isin(names)].assign(place=lambda own: own["rater"].map(names.index)).sort_values("place")
        )
        singles = rows.loc[rows["rater_kind"] == RaterKind.READER, "mean"]
        axis = alt.Axis(domain=False, ticks=False, labels=index == 0)
        panel = mean_layers(
            lines[["rater", "mean", "low", "high", "n"]],
            singles if rows["rater_kind"].eq(ALL_READERS_KIND).any() else singles.iloc[:0],
            title=[*axis_title(metric, rows["unit"].iloc[0]).rsplit(", ", 1), counted(rows["n"])],
            shown=("n",),
            ticks=4,
            color=alt.Color("rater:N", scale=shades, legend=None),
            y=alt.Y("rater:N", sort=names, title=None, axis=axis),
        )
        panels.append(panel.properties(width=_MEAN_WIDTH, height=_MEAN_ROW * len(names)))
    return alt.hconcat(*panels, **STYLE)


def box_figure(
    scores: pd.DataFrame, comparison: pd.DataFrame, *, model: str, structures: Sequence[str], palette: Mapping[str, str]
) -> alt.TopLevelMixin:
    """Draw box plots by structure, a panel for each reference, with an asterisk where a reader is better (P < .05).

    Args:
        scores: Scores of one metric, with the raters and references to draw.
        comparison: Table of ``tables.comparison``, for the asterisks and daggers.
        model: Name of the model, whose box comes first.
        structures: Names of the structures, from the top down.
        palette: Rater -> colour.
    """
    import altair as alt

    metric, unit = scores["metric"].iloc[0], scores["unit"].iloc[0]
    boxes = marked(box_table(scores), comparison)
    raters = [model, *(name for name in scores["rater"].unique() if name != model)]
    shades = {name: palette.get(name, INK) for name in raters}
    references = list(scores["reference"].unique())
    most = max(boxes.loc[boxes["reference"] == name, "rater"].nunique() for name in references)
    panels = []
    for index, reference in enumerate(references):
        own = boxes[boxes["reference"] == reference]
        title = [*axis_title(metric, unit).rsplit(", ", 1), counted(own["n"])]
        panel = box_layers(own, structures=structures, palette=shades, title=title, ticks=5, named=index % _ACROSS == 0)
        heading = alt.TitleParams(f"against {shortened(reference, 34)}", fontWeight="normal", color=MUTED, fontSize=12)
        panels.append(panel.properties(width=_BOX_WIDTH, height=box_height(len(structures), most), title=heading))
    return alt.concat(*panels, columns=_ACROSS, resolve=_resolved(color="shared", x="shared"), **STYLE)


def volume_figure(
    pairs: pd.DataFrame, *, rater: str, reference: str, shade: str, panels: Panels = "label"
) -> alt.TopLevelMixin:
    """Plot measured over reference volumes with the line of identity, the least-squares fit and a LOESS curve.

    Args:
        pairs: As ``tables.volume_pairs`` returns it.
        rater: Name of the rater, or what the raters of several panels are.
        reference: Name of the reference.
        shade: Colour of the dots and of the least-squares fit.
        panels: ``label`` (default): a panel for each structure; ``rater``: one for each value of the column ``rater``.
    """
    import altair as alt

    def draw(pair: pd.DataFrame, across: str | None, up: str | None) -> tuple[Any, ...]:
        free = alt.Scale(zero=False)
        x = alt.X("reference_ml:Q", title=across, scale=free)
        y = alt.Y("measured_ml:Q", title=up, scale=free)
        span = pair["reference_ml"].agg(["min", "max"])
        fit = volume_agreement(pair["reference_ml"], pair["measured_ml"])
        values = pair[["reference_ml", "measured_ml"]].to_numpy()
        ends = pd.DataFrame({"reference_ml": [values.min(), values.max()], "measured_ml": [values.min(), values.max()]})
        line = pd.DataFrame({"reference_ml": span, "measured_ml": fit.intercept + fit.slope * span}).dropna()
        rows = pair.assign(pointed=pointed_at(pair["case"]))
        return (
            alt.Chart(ends).mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1).encode(x=x, y=y),
            alt.Chart(line).mark_line(color=shade, strokeWidth=1.5).encode(x=x, y=y),
            alt.Chart(rows).mark_circle(size=30, color=shade, opacity=0.8).encode(x=x, y=y),
            *_curve(pair["reference_ml"], pair["measured_ml"], x, y),
        )

    return _panelled(pairs, panels, draw, f"reference ({shortened(reference)}), mL", f"{shortened(rater)}, mL")


def bland_altman_figure(
    pairs: pd.DataFrame,
    *,
    rater: str,
    reference: str,
    shade: str,
    panels: Panels = "label",
    limit_ml: float = VOLUME_LIMIT_ML,
) -> alt.TopLevelMixin:
    """Plot differences over means with bias, 95 % limits of agreement, a LOESS curve, and lines at a fixed difference.

    Args:
        pairs: As ``tables.volume_pairs`` returns it.
        rater: Name of the rater, or what the raters of several panels are.
        reference: Name of the reference, which is subtracted.
        shade: Colour of the dots.
        panels: As for ``volume_figure``.
        limit_ml: Difference in mL at which lines stand, above and below 0. Default 5.
    """
    import altair as alt

    dash = alt.StrokeDash(
        "line:N", legend=None, scale=alt.Scale(domain=["bias", "95 % limits"], range=[[1, 0], [5, 4]])
    )

    def draw(pair: pd.DataFrame, across: str | None, up: str | None) -> tuple[Any, ...]:
        named = pair.rename(columns={"reference_ml": "first", "measured_ml": "second"})
        rules, dots, x, y = agreement_layers(named, shade=shade, titles=(across, up), dash=dash)
        ends = pd.DataFrame({"difference_ml": [-limit_ml, limit_ml]})
        near = alt.Chart(ends).mark_rule(color=MODEL_COLOURS[1], strokeWidth=1).encode(y=y)
        middle, difference = (named["first"] + named["second"]) / 2, named["second"] - named["first"]
        return (near, rules, dots, *_curve(middle, difference, x, y))

    return _panelled(
        pairs, panels, draw, "mean of both, mL", f"{shortened(rater, 18)} − {shortened(reference, 18)}, mL"
    )


def _curve(across: pd.Series, up: pd.Series, x: Any, y: Any) -> tuple[Any, ...]:
    """Return the layer of a dotted LOESS curve, named as the axes' columns; none where there are too few points."""
    import altair as alt

    curve = loess(across, up)
    if len(curve) < 2:
        return ()
    names = (str(x.shorthand).partition(":")[0], str(y.shorthand).partition(":")[0])
    rows = curve.set_axis(names, axis=1)
    return (alt.Chart(rows).mark_line(color=INK, strokeDash=[2, 2], strokeWidth=1.5).encode(x=x, y=y),)


def _panelled(
    pairs: pd.DataFrame,
    column: Panels,
    draw: Callable[[pd.DataFrame, str | None, str | None], tuple[Any, ...]],
    across: str,
    up: str,
) -> alt.TopLevelMixin:
    """Lay a panel of the layers of each value of a column out in rows of four; titles stand at the outer axes."""
    import altair as alt

    labels = list(pairs[column].unique())
    columns = min(len(labels), 4)
    panels = []
    for index, label in enumerate(labels):
        pair = pairs[pairs[column] == label]
        last_of_column = index + columns >= len(labels)
        layers = draw(pair, across if last_of_column else None, up if index % columns == 0 else None)
        heading = f"{shortened(str(label), 20)} (n = {len(pair)})"
        title = alt.TitleParams(heading, fontWeight="normal", fontSize=12, color=INK)
        panels.append(alt.layer(*layers, width=_SQUARE, height=_SQUARE, title=title))
    return alt.concat(*panels, columns=columns, resolve=_resolved(x="independent", y="independent"), **STYLE)


def _resolved(**scales: Literal["shared", "independent"]) -> Any:
    """Return whether panels share the scales of some channels."""
    import altair as alt

    return alt.Resolve(scale=alt.ScaleResolveMap(**scales))
