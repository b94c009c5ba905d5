"""Figures of a dataset's scores: frames in, matplotlib figures out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ctbench.report.drawings.canvas import INK, LINE, MUTED, colour, sheet, style
from ctbench.report.wording import counted, metric_heading, shortened
from ctbench.statistics import Direction, bland_altman, direction_of, volume_agreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bland_altman_figure", "box_figure", "colours", "overall_figure", "volume_figure"]

_BAND = "#8c959f"


def colours(scores: pd.DataFrame) -> dict[str, str]:
    """Give every rater of the scores its colour: greys to readers, Okabe and Ito's colours to models."""
    named: dict[str, str] = {}
    for kind, rows in scores.groupby("rater_kind", sort=False):
        named |= {str(rater): colour(index, str(kind)) for index, rater in enumerate(rows["rater"].unique())}
    return named


def overall_figure(summary: pd.DataFrame, palette: Mapping[str, str]) -> Figure:
    """Draw each rater's overall mean with its 95 % interval, one panel for each metric, the readers as a band.

    Args:
        summary: as ``averages.summary`` returns it. With a row of all readers the band reaches from the lowest to the
            highest mean of a single reader.
        palette: rater -> colour.
    """
    metrics = list(summary["metric"].unique())
    names = list(summary.loc[summary["rater_kind"] != "reader", "rater"].unique()) or list(summary["rater"].unique())
    with style():
        figure, panels = sheet(1, len(metrics), (2.2 * len(metrics) + 1.1, 0.36 * len(names) + 1.15), sharey=True)
        for panel, metric in zip(panels, metrics, strict=True):
            _overall_panel(panel, summary[summary["metric"] == metric], names, palette)
        panels[0].set_yticks(range(len(names)), [shortened(name) for name in names])
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        panels[0].set_ylabel("rater")
    return figure


def _overall_panel(panel: Axes, rows: pd.DataFrame, names: Sequence[str], palette: Mapping[str, str]) -> None:
    if rows["rater_kind"].eq("readers").any():
        singles = rows[rows["rater_kind"] == "reader"]
        panel.axvspan(singles["mean"].min(), singles["mean"].max(), color=_BAND, alpha=0.22, linewidth=0)
        panel.plot(singles["mean"], np.zeros(len(singles)), "|", color=_BAND, markersize=11, zorder=1)
    for row in rows[rows["rater"].isin(list(names))].to_dict("records"):
        place, shade = names.index(row["rater"]), palette.get(row["rater"], _BAND)
        panel.plot([row["low"], row["high"]], [place, place], color=shade, linewidth=1.6, solid_capstyle="butt")
        panel.plot([row["mean"]], [place], "o", color=shade, markersize=6)
    metric, unit = rows["metric"].iloc[0], rows["unit"].iloc[0]
    panel.set_xlabel(f"{metric_heading(metric, unit)}\n{_good(metric)}\n{counted(rows['n'])}")
    panel.locator_params(axis="x", nbins=4)


def box_figure(
    scores: pd.DataFrame, comparison: pd.DataFrame, *, model: str, structures: Sequence[str], palette: Mapping[str, str]
) -> Figure:
    """Draw box plots by structure, a panel for each reference, with an asterisk where a reader is better (P < .05).

    Boxes reach from the first to the third quartile with the median inside, whiskers to the last value within 1.5
    times that range, and dots are the values beyond.

    Args:
        scores: of one metric; the raters and references to draw.
        comparison: as ``tables.comparison`` gives it: the asterisks and daggers.
        model: its name; its box comes first.
        structures: from the top down.
        palette: rater -> colour.
    """
    references = list(scores["reference"].unique())
    across = min(len(references), 3)
    down = math.ceil(len(references) / across)
    boxes = max(scores[scores["reference"] == name]["rater"].nunique() for name in references)
    height = len(structures) * (0.13 * boxes + 0.14) + 1.1
    with style():
        figure, panels = sheet(down, across, (2.55 * across + 2.1, height * down), sharey=True, sharex=True)
        for panel in panels[len(references) :]:
            panel.remove()
        shown: dict[str, str] = {}
        for panel, reference in zip(panels, references, strict=False):
            rows = scores[scores["reference"] == reference]
            raters = [model, *(name for name in rows["rater"].unique() if name != model)]
            _box_panel(panel, rows, raters, structures, palette)
            _marks(panel, comparison[comparison["reference"] == reference], raters, structures)
            panel.set_title(f"against {shortened(reference, 34)}", fontweight="normal", fontsize=9.5, color=MUTED)
            shown |= {name: palette.get(name, INK) for name in raters}
        panels[0].set_yticks(range(len(structures)), [shortened(name) for name in structures])
        panels[0].set_ylim(len(structures) - 0.5, -0.5)
        for panel in panels[: len(references) : across]:
            panel.set_ylabel("structure")
        _legend(figure, shown)
    return figure


def _box_panel(
    panel: Axes, rows: pd.DataFrame, raters: Sequence[str], structures: Sequence[str], palette: Mapping[str, str]
) -> None:
    metric, unit = rows["metric"].iloc[0], rows["unit"].iloc[0]
    counts = []
    for index, rater in enumerate(raters):
        own = rows[rows["rater"] == rater].dropna(subset="value")
        samples = [own.loc[own["label"] == name, "value"].to_numpy() for name in structures]
        counts += [len(sample) for sample in samples]
        shade = palette.get(rater, INK)
        panel.boxplot(
            samples,
            positions=[_place(place, index, len(raters)) for place in range(len(structures))],
            orientation="horizontal",
            widths=0.62 / len(raters),
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": shade, "edgecolor": shade, "alpha": 0.75, "linewidth": 0.8},
            medianprops={"color": INK, "linewidth": 1.3},
            whiskerprops={"color": shade, "linewidth": 1},
            capprops={"color": shade, "linewidth": 1},
            flierprops={"marker": ".", "markersize": 4, "markerfacecolor": shade, "markeredgecolor": shade},
        )
    for place in range(1, len(structures)):
        panel.axhline(place - 0.5, color=LINE, linewidth=0.5)
    panel.set_xlabel(f"{metric_heading(metric, unit)}\n{counted(counts)}, {_good(metric)}")


def _marks(panel: Axes, comparison: pd.DataFrame, raters: Sequence[str], structures: Sequence[str]) -> None:
    marked = comparison[comparison["label"].isin(list(structures)) & comparison["rater"].isin(list(raters))]
    for row in marked[marked["reader_better"] | marked["model_better"]].to_dict("records"):
        place = _place(structures.index(row["label"]), raters.index(row["rater"]), len(raters))
        panel.text(
            1.01,
            place,
            "*" if row["reader_better"] else "†",
            transform=panel.get_yaxis_transform(),
            verticalalignment="center_baseline",
            fontweight="bold",
            color=INK,
        )


def _place(structure: int, rater: int, raters: int) -> float:
    return structure + 0.76 * ((rater + 0.5) / raters - 0.5)


def volume_figure(pairs: pd.DataFrame, *, rater: str, reference: str, shade: str) -> Figure:
    """Plot measured over reference volumes with the line of identity and the least-squares fit, a panel a structure.

    Args:
        pairs: as ``tables.volume_pairs`` gives it.
        rater: who measured.
        reference: against what.
        shade: the rater's colour.
    """

    def draw(panel: Axes, pair: pd.DataFrame) -> None:
        x, y = pair["reference_ml"].to_numpy(), pair["measured_ml"].to_numpy()
        ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
        panel.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        panel.plot(x, y, "o", color=shade, markersize=4, alpha=0.8, markeredgewidth=0)
        fit = volume_agreement(x, y)
        span = np.array([x.min(), x.max()])
        panel.plot(span, fit.intercept + fit.slope * span, color=shade, linewidth=1.4)
        panel.grid(visible=True, axis="both")

    words = f"reference ({shortened(reference)}), mL", f"{shortened(rater)}, mL"
    return _by_structure(pairs, draw, *words)


def bland_altman_figure(pairs: pd.DataFrame, *, rater: str, reference: str, shade: str) -> Figure:
    """Plot differences over means with the bias and the 95 % limits of agreement, a panel for each structure.

    Args:
        pairs: as ``tables.volume_pairs`` gives it.
        rater: who measured.
        reference: against what.
        shade: the rater's colour.
    """

    def draw(panel: Axes, pair: pd.DataFrame) -> None:
        x, y = pair["reference_ml"].to_numpy(), pair["measured_ml"].to_numpy()
        limits = bland_altman(x, y)
        panel.axhline(0, color=LINE, linewidth=1)
        panel.axhline(limits.bias, color=shade, linewidth=1.4)
        for limit in (limits.lower, limits.upper):
            panel.axhline(limit, color=shade, linewidth=1, linestyle=(0, (4, 3)))
        panel.plot((x + y) / 2, y - x, "o", color=shade, markersize=4, alpha=0.8, markeredgewidth=0)
        panel.grid(visible=True, axis="both")

    words = "mean of both, mL", f"{shortened(rater, 18)} − {shortened(reference, 18)}, mL"
    return _by_structure(pairs, draw, *words)


def _by_structure(pairs: pd.DataFrame, draw: Callable[[Axes, pd.DataFrame], None], across: str, up: str) -> Figure:
    labels = list(pairs["label"].unique())
    columns = min(len(labels), 4)
    rows = math.ceil(len(labels) / columns)
    with style():
        figure, panels = sheet(rows, columns, (2.35 * columns + 0.5, 2.05 * rows + 0.45))
        for panel in panels[len(labels) :]:
            panel.remove()
        for panel, label in zip(panels, labels, strict=False):
            pair = pairs[pairs["label"] == label]
            draw(panel, pair)
            panel.set_title(f"{shortened(label, 20)} (n = {len(pair)})", fontsize=9.5, fontweight="normal")
            panel.locator_params(nbins=4)
        figure.supxlabel(across, fontsize=9.5)
        figure.supylabel(up, fontsize=9.5)
    return figure


def _legend(figure: Figure, shades: Mapping[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=shade, alpha=0.75, linewidth=0, label=shortened(name)) for name, shade in shades.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 6))


def _good(metric: str) -> str:
    arrows = {Direction.HIGHER: "higher is better", Direction.LOWER: "lower is better", Direction.NEITHER: ""}
    return arrows[direction_of(metric)]
