"""The figures of the page by name: what sections show, and what ``ctbench report --figures`` writes as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from ctbench.files import file_stems
from ctbench.report.drawings.canvas import inline_svg, write_figure
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.figures import bland_altman_figure, box_figure, overall_figure, volume_figure
from ctbench.report.drawings.froc_chart import froc_chart
from ctbench.report.drawings.lesion_charts import lesion_volume_chart, sensitivity_chart
from ctbench.report.drawings.specification_chart import specification_chart
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_froc import FrocTables, froc_caption, froc_tables, reader_points
from ctbench.report.frames.lesion_summaries import (
    lesion_figures,
    lesion_structures,
    reader_band,
    sensitivity_caption,
    volume_caption,
)
from ctbench.report.frames.lesions import LesionTables, lesion_sensitivity_table
from ctbench.report.frames.models_vs_readers import compared_with_readers
from ctbench.report.frames.multiverse import (
    CHOICES,
    can_turn,
    closest_pair,
    conclusions,
    specifications,
    turning_points,
)
from ctbench.report.frames.summaries import summary
from ctbench.report.page.markup import Html
from ctbench.report.wording import metric_title

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "NamedFigure",
    "box_plots",
    "choices_of_pair",
    "every_figure",
    "froc_plot",
    "lesion_plots",
    "overall_means",
    "volume_plots",
    "write_figures",
]


class NamedFigure(NamedTuple):
    """A chart with its name, which differs from figure to figure, and its description in a sentence."""

    chart: alt.TopLevelMixin
    name: str
    description: str

    @property
    def svg(self) -> Html:
        """The figure as an element of the page."""
        return inline_svg(self.chart, self.name, self.description)


def overall_means(results: ComparableRuns, over: Sequence[str], means: pd.DataFrame) -> NamedFigure:
    """Return the overall means of all raters; ``means`` as ``summary`` returns them."""
    return NamedFigure(
        overall_figure(means, palette(results)),
        f"{results.stem}-overall-{'-'.join(over)}",
        f"Overall means with 95 % intervals of every rater on {results.dataset}",
    )


def box_plots(results: ComparableRuns, compared: pd.DataFrame, model: str, reference: str) -> NamedFigure:
    """Return the Dice by structure of a model and the readers; ``compared`` as ``tables.comparison`` returns it."""
    structures = results.compared(model)
    scores = results.scores_of([model])
    drawn = scores[
        (scores["metric"] == "dice")
        & scores["label"].isin(list(structures))
        & scores["reference"].isin(compared["reference"].unique())
    ]
    return NamedFigure(
        box_figure(drawn, compared, model=model, structures=structures, palette=palette(results)),
        f"{results.stem}-{model}-dice-{reference}",
        f"Box plots of {metric_title('dice')} by structure of {model} and the readers, {reference}",
    )


def volume_plots(
    results: ComparableRuns, model: str, limit_ml: float = tables.VOLUME_LIMIT_ML
) -> tuple[NamedFigure, ...]:
    """Return the scatter and the Bland-Altman plots of a model's volumes; nothing if it has none.

    Args:
        results: Runs on one dataset.
        model: Name of the model.
        limit_ml: Difference in mL at which lines stand in the Bland-Altman plots. Default 5.
    """
    pairs = tables.volume_pairs(
        results.scores, rater=model, reference=results.common, structures=results.compared(model)
    )
    if pairs.empty:
        return ()
    words: Any = {"rater": model, "reference": results.common, "shade": palette(results)[model]}
    stem = f"{results.stem}-{model}"
    return (
        NamedFigure(volume_figure(pairs, **words), f"{stem}-volumes", f"Volumes of {model} over the reference's"),
        NamedFigure(
            bland_altman_figure(pairs, **words, limit_ml=limit_ml), f"{stem}-limits", f"Bland-Altman plots of {model}"
        ),
    )


def choices_of_pair(results: ComparableRuns, ranked: pd.DataFrame, first: str, second: str) -> NamedFigure:
    """Return in which choices one of two raters is better; ``ranked`` by ``specifications``."""
    return NamedFigure(
        specification_chart(turning_points(ranked, first, second), CHOICES, first, second, palette(results)),
        f"{results.dataset}-choices",
        f"In which combinations of choices {first} or {second} is better",
    )


def lesion_plots(pooled: pd.DataFrame, lesions: pd.DataFrame, results: ComparableRuns) -> tuple[NamedFigure, ...]:
    """Return the sensitivity by size of lesions, and their predicted over their true volumes.

    Args:
        pooled: Rows of ``lesions.lesion_sensitivity_table`` of one structure.
        lesions: ``LesionTables.lesions`` of this structure.
        results: The runs.
    """
    shades = palette(results)
    return (
        NamedFigure(
            sensitivity_chart(pooled, reader_band(pooled), shades),
            f"{results.stem}-lesions",
            sensitivity_caption(pooled, results),
        ),
        NamedFigure(
            lesion_volume_chart(lesions, shades), f"{results.stem}-lesion-volumes", volume_caption(lesions, results)
        ),
    )


def froc_plot(found: FrocTables, figures: pd.DataFrame, results: ComparableRuns) -> NamedFigure:
    """Return the FROC curves of one structure.

    Args:
        found: Tables of ``lesion_froc.froc_tables``, not empty.
        figures: Rows of ``lesion_summaries.lesion_figures`` of this structure.
        results: The runs.
    """
    chart = froc_chart(found.curves, reader_points(figures), palette(results))
    return NamedFigure(chart, f"{results.stem}-froc", froc_caption(found.at_rates, results))


def write_figures(figures: Iterable[NamedFigure], folder: Path) -> list[Path]:
    """Write figures as SVG and PDF, and return the paths of the files.

    Args:
        figures: The figures, whose names may be the same.
        folder: Where to; made if needed.
    """
    every = list(figures)
    stems = file_stems(figure.name for figure in every)
    return [path for figure in every for path in write_figure(figure.chart, stems[figure.name], folder)]


def every_figure(results: ComparableRuns, tables: LesionTables | None) -> Iterator[NamedFigure]:
    """Yield every figure of the page about runs on one dataset.

    Args:
        results: The runs.
        tables: Tables of ``lesion_summaries.compared_lesions``; None where there are none.
    """
    for over, models in results.scopes.items():
        means = summary(results, over, models, reference=results.fair, metrics=results.chief_metrics)
        yield overall_means(results, over, means)
    if can_turn(results):
        chosen = specifications([results], lesions=[] if tables is None else [tables.cases])
        yield choices_of_pair(results, chosen, *closest_pair(conclusions(chosen)))
    for model in results.models:
        for reference in dict.fromkeys((results.fair, results.common)) if results.readers else ():
            compared = compared_with_readers(results, model, reference, ["dice"])["dice"]
            if len(compared):
                yield box_plots(results, compared, model, reference)
        yield from volume_plots(results, model)
    if tables is not None:
        chief = lesion_structures(results)[0]
        yield from _of_lesions(LesionTables(*(one[one["label"] == chief] for one in tables)), results)


def _of_lesions(tables: LesionTables, results: ComparableRuns) -> Iterator[NamedFigure]:
    yield from lesion_plots(lesion_sensitivity_table(tables.lesions), tables.lesions, results)
    found = froc_tables(tables)
    if len(found.at_rates):
        yield froc_plot(found, lesion_figures(tables), results)
