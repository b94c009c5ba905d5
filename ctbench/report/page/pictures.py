"""The worst, the median and the best case of each model, as pictures with their captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Dataset
from ctbench.errors import DataError
from ctbench.report import explanations
from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.colours import ERROR_COLOURS, FINDING_COLOUR
from ctbench.report.drawings.finding_boxes import Frame, frames, over
from ctbench.report.drawings.overlays import grey, overlay, pick_cases, worst_slice
from ctbench.report.drawings.scene import Scene, read_scene
from ctbench.report.drawings.view import View
from ctbench.report.frames.case_order import worst_first
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.page.markup import Html, element, join
from ctbench.report.wording import fixed
from ctbench.runs.folder import RunFolder
from ctbench.scores import OUTCOMES, Status
from ctbench.statistics import overall

__all__ = ["Picture", "gallery", "legend", "picture", "pictures", "scene_of"]

_LARGEST = 360


@dataclass(frozen=True)
class Picture:
    """One slice of one case.

    Args:
        title: Why it is shown: ``worst``, ``median`` or ``best``, or what is seen.
        case: Id of the case.
        dice: Overall Dice of the case; None: not shown.
        z: the slice, from 0.
        slices: Number of slices of the case.
        image: y,x,3, the slice itself.
        drawn: y,x,3, with the mistakes over it.
        aspect: width over height, in mm.
        step: Only every step-th row and column is shown.
        boxes: Boxes that a detector found in the slice.
        anchor: Id of the picture on the page, for links to it; None: without.
        outcome: What happened where the Dice is no usual one, as in ``ctbench.scores.outcomes``; else empty.
    """

    title: str
    case: str
    dice: float | None
    z: int
    slices: int
    image: NDArray[np.uint8]
    drawn: NDArray[np.uint8]
    aspect: float
    step: tuple[int, int]
    boxes: tuple[Frame, ...] = ()
    anchor: str | None = None
    outcome: str = ""


def pictures(results: ComparableRuns, model: str, dataset: Dataset) -> Iterator[Picture]:
    """Draw the worst, the median and the best case of a model, by its overall Dice on the common reference.

    Cases without a prediction or without an overall Dice are not drawn.

    Args:
        results: Runs on the dataset.
        model: Name of the model.
        dataset: The dataset, with images and readers' masks.

    Raises:
        DataError: A prediction does not fit its image.
    """
    run = results.open_run(model)
    over = results.averaged(model)
    scores = results.scores
    chosen = scores[
        (scores["rater"] == model)
        & (scores["reference"] == results.common)
        & (scores["metric"] == "dice")
        & scores["label"].isin(list(over))
    ]
    if chosen.empty:
        return
    drawable = [case for case in run.manifest.cases if RunFolder(run.folder).prediction(case).is_file()]
    outcome = worst_first(chosen, over).set_index("case")["outcome"].replace(OUTCOMES[Status.OK], "")
    for title, (case, dice) in pick_cases(overall(chosen, labels=over), drawable).items():
        scene = scene_of(results, model, dataset, case)
        found = scene.mistakes(model, results.common, over)
        z = worst_slice(found, scene.references[results.common].annotated)
        yield replace(picture(scene, z, title, model, results.common, over), dice=dice, outcome=outcome[case])


def scene_of(results: ComparableRuns, model: str, dataset: Dataset, case: str) -> Scene:
    """Read a case with the prediction of a model.

    Raises:
        DataError: There is no prediction, or it does not fit the image.
    """
    scene = read_scene(dataset[case], results.manifest, {model: results.open_run(model)})
    if model in scene.lacking:
        raise DataError(scene.lacking[model])
    return scene


def picture(scene: Scene, z: int, title: str, model: str, reference: str, over: Sequence[str]) -> Picture:
    """Draw one slice, plain and with the mistakes of a model over it.

    Args:
        scene: The case, with the model's drawing.
        z: Index of the slice.
        title: Why it is shown.
        model: Name of the model.
        reference: Name of the reference.
        over: Names of the structures that are compared.
    """
    found = scene.mistakes(model, reference, over, slice(z, z + 1)).of_slice(0)
    view = View.of(scene.image, z)
    base = grey(scene.image.array[z])
    plain, drawn = view.voxels(base), view.voxels(overlay(base, found))
    step = math.ceil(plain.shape[0] / _LARGEST), math.ceil(plain.shape[1] / _LARGEST)
    return Picture(
        title=title,
        case=scene.case,
        dice=None,
        z=z,
        slices=scene.image.shape[0],
        image=plain[:: step[0], :: step[1]],
        drawn=drawn[:: step[0], :: step[1]],
        aspect=view.aspect,
        step=step,
        boxes=frames(scene.drawings[model].findings, z, view),
    )


def gallery(drawn: Sequence[Picture]) -> Html:
    """Return pictures side by side, each with its plain slice."""
    return element("div", *(_card(picture) for picture in drawn), class_="gallery")


def _card(picture: Picture) -> Html:
    where = f"slice {picture.z + 1} of {picture.slices}"
    rows, columns = picture.step
    coarse = f", every {rows}. voxel" if rows == columns else f", every {rows}. row and {columns}. column"
    coarse = coarse if max(picture.step) > 1 else ""
    shape = f"aspect-ratio: {picture.aspect:.4f}"
    images = [
        element("img", src=png(array), alt=f"{what} of case {picture.case}, {where}", style=shape, loading="lazy")
        for array, what in ((picture.image, "image"), (picture.drawn, "mistakes"))
    ]
    images[1] = over(images[1], picture.boxes, picture.aspect) if picture.boxes else images[1]
    caption = join(
        (
            element("strong", picture.title),
            f" · case {picture.case}{_scored(picture)} ",
            element("small", f"{where}{coarse}{_framed(picture.boxes)}", class_="line"),
        )
    )
    pair = element("div", *images, class_="pair")
    return element("figure", pair, element("figcaption", caption), class_="card", id=picture.anchor)


def _scored(picture: Picture) -> str:
    """Return the Dice of the case with its outcome, where there is one."""
    outcome = f", {picture.outcome}" if picture.outcome else ""
    return "" if picture.dice is None else f" · Dice {fixed(picture.dice)}{outcome}"


def _framed(boxes: Sequence[Frame]) -> str:
    surest_first = ", ".join(f"{box.type} {box.confidence:.2f}" for box in reversed(boxes))
    return f" · {len(boxes)} box{'es' if len(boxes) > 1 else ''} with confidence: {surest_first}" if boxes else ""


def legend() -> Html:
    """Explain the colours."""
    entries = [
        element("span", element("i", class_="swatch", style=f"background:rgb{ERROR_COLOURS[name]}"), text)
        for name, text in explanations.ERROR_WORDS.items()
    ]
    hatched = element("span", element("i", class_="swatch hatched"), "does not count (readers disagreed)")
    framed = element(
        "span",
        element("i", class_="swatch framing", style=f"border-color:{FINDING_COLOUR}"),
        "found by a detector, with its confidence",
    )
    return element("p", *entries, hatched, framed, class_="legend")
