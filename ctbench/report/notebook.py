"""Figures for notebooks: box plots of a run, slices of a case with a run's errors, slices of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.colours import ERROR_COLOURS, outline_colours, palette, structure_colours
from ctbench.report.drawings.scene import Scene, read_scene
from ctbench.report.drawings.slices import Layer, draw_slice, first_slice
from ctbench.report.drawings.structure_charts import box_chart
from ctbench.report.explanations import ERROR_WORDS
from ctbench.report.frames.boxplots import box_table
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.runs import Run
from ctbench.scores import Status
from ctbench.statistics import populated
from ctbench.volume import Volume

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Slices", "boxes", "show_case", "show_reference"]

RGB = tuple[int, int, int]


@dataclass(frozen=True, repr=False)
class Slices:
    """Pictures of one slice side by side, which a notebook displays.

    Args:
        title: A sentence above them.
        pictures: What a picture shows -> y,x,3 of square pixels, 8 bits.
        legend: Meaning of a colour -> the colour.
    """

    title: str
    pictures: dict[str, NDArray[np.uint8]]
    legend: dict[str, RGB]

    def __repr__(self) -> str:
        """Return the title and what the pictures show on one line."""
        return f"Slices({self.title}: {', '.join(self.pictures)})"

    def _repr_html_(self) -> str:
        """Return the pictures with their legend, for notebooks."""
        shown = "".join(
            f"<figure style='margin:0'><img src='{png(picture)}' alt='{escape(f'{self.title}: {words}')}' "
            f"style='max-width:100%'><figcaption>{escape(words)}</figcaption></figure>"
            for words, picture in self.pictures.items()
        )
        colours = " ".join(
            "<span><i style='display:inline-block;width:.7em;height:.7em;border:1px solid #888;"
            f"background:rgb{rgb}'></i> {escape(words)}</span>"
            for words, rgb in self.legend.items()
        )
        return f"<p>{escape(self.title)}</p><div style='display:flex;gap:8px'>{shown}</div><p>{colours}</p>"


def boxes(run: Run, metric: str = "dice", structures: Sequence[str] | None = None) -> alt.TopLevelMixin:
    """Draw box plots of the cases that hold a structure, by structure and rater, on the common reference.

    Args:
        run: A run of a model or of readers.
        metric: Name of the metric.
        structures: Names of structures from the top down; None: all that the rater claims.

    Raises:
        UsageError: The metric was not scored, or there is no score of any of the structures.
    """
    results = _compared(run)
    if metric not in results.metrics:
        msg = f"{metric} was not scored; expected one of {', '.join(results.metrics)}"
        raise UsageError(msg)
    known = (*results.labels, *results.groups)
    rows = populated(run.scores)
    rows = rows[(rows["metric"] == metric) & (rows["reference"] == results.common)]
    rows = rows[(rows["status"] != Status.UNSUPPORTED) & rows["label"].isin(list(structures or known))]
    if rows["value"].isna().all():
        msg = f"no case has a {metric} of {', '.join(structures or known)} on {results.common}"
        raise UsageError(msg)
    drawn = set(rows.dropna(subset="value")["label"])
    return box_chart(
        box_table(rows).assign(mark=""),
        structures=[name for name in structures or known if name in drawn],
        palette=palette(results),
        metric=metric,
        unit=results.unit(metric),
    )


def show_case(case: Case, run: Run, z: int | None = None, structures: Sequence[str] | None = None) -> Slices:
    """Return a slice of a case with a model's errors over it, or with the readers' outlines for a run of readers.

    Args:
        case: A case of the run's dataset.
        run: The run.
        z: Index of the slice; None: the one with the most errors, or with the most of the structures.
        structures: Names of labels or groups; None: all labels that the model claims.

    Raises:
        DataError: The image, a label map or the prediction cannot be read.
        IndexError: The case has no such slice.
        UsageError: The model has no prediction of this case.
    """
    results = _compared(run)
    model = next(iter(results.models), None)
    scene = read_scene(case, run.manifest, {model: run} if model else {})
    if model is not None and model in scene.lacking:
        msg = f"{model} has no prediction of {case.id}: {scene.lacking[model]}"
        raise UsageError(msg)
    names = tuple(structures or (results.compared(model) if model else results.labels))
    reference = results.common if results.common in scene.references else next(iter(scene.references))
    at = first_slice(scene, model, reference, names) if z is None else z
    image = {"image": draw_slice(scene, at, Layer("none", boxes=False))}
    where = f"{case.id}, slice {at + 1} of {scene.image.shape[0]}"
    if model:
        over = draw_slice(scene, at, Layer("errors", (model,), reference, names))
        legend = {words.replace("the rater", model): ERROR_COLOURS[kind] for kind, words in ERROR_WORDS.items()}
        return Slices(where, image | {f"{model} against {reference}": over}, legend)
    raters = (None, *scene.drawings)
    over = draw_slice(scene, at, Layer("outlines", raters, reference, names))
    shades = {name or reference: rgb for name, rgb in outline_colours(raters, {}).items()}
    return Slices(where, image | {"outlines": over}, shades)


def show_reference(
    reference: Reference, image: Volume | None = None, z: int | None = None, labels: LabelSet | None = None
) -> Slices:
    """Return a slice of a reference: its structures in colours, hatched where voxels do not count.

    Args:
        reference: The reference.
        image: Image on the same grid, drawn below; None: black, with voxels of 1 mm.
        z: Index of the slice; None: the one with the most voxels of any structure.
        labels: Names of the codes; None: the codes stand for themselves.

    Raises:
        IndexError: The reference has no such slice.
    """
    codes = [int(code) for code in np.unique(reference.labels) if code]
    labels = labels or LabelSet({f"code {code}": code for code in codes or [1]})
    shape = reference.labels.shape
    scene = Scene(
        case="",
        labels=labels,
        image=Volume(np.zeros(shape, np.int16), (1.0, 1.0, 1.0)) if image is None else image,
        has_image=image is not None,
        references={reference.method: reference},
        without={},
        drawings={},
        lacking={},
    )
    names = tuple(name for name in labels if labels[name] in codes)
    at = first_slice(scene, None, reference.method, names) if z is None else z
    layer = Layer("structures", (None,), reference.method, names)
    shades = structure_colours(labels.names)
    return Slices(
        f"{reference.method}, slice {at + 1} of {shape[0]}",
        {"hatched: does not count": draw_slice(scene, at, layer)},
        {name: shades[name] for name in names},
    )


def _compared(run: Run) -> ComparableRuns:
    (results,) = gather([run])
    return results
