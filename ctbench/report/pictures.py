"""The worst, the median and the best case of each model, as pictures with their captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case, Dataset
from ctbench.labels import LabelSet
from ctbench.report.canvas import png
from ctbench.report.markup import Html, element, join
from ctbench.report.overlays import COLOURS, grey, mistakes, overlay, pick_cases, worst_slice
from ctbench.report.results import Results
from ctbench.report.wording import fixed
from ctbench.runs import Run, match_labels, read_references
from ctbench.runs.folder import RunFolder
from ctbench.statistics import overall
from ctbench.volume import Volume

__all__ = ["Picture", "gallery", "legend", "pictures"]

_LARGEST = 360
_AIR_HU = -500


@dataclass(frozen=True)
class Picture:
    """One slice of one case.

    Args:
        title: ``worst``, ``median`` or ``best``.
        case: its id.
        dice: its overall Dice.
        z: the slice, from 0.
        slices: how many slices there are.
        image: y,x,3, the slice itself.
        drawn: y,x,3, with the mistakes over it.
        aspect: width over height, in mm.
        step: only every step-th voxel is shown.
    """

    title: str
    case: str
    dice: float
    z: int
    slices: int
    image: NDArray[np.uint8]
    drawn: NDArray[np.uint8]
    aspect: float
    step: int


def pictures(results: Results, run: Run, dataset: Dataset) -> Iterator[Picture]:
    """Draw the worst, the median and the best case of a model, by its overall Dice on the common reference.

    Cases without a prediction and cases whose overall Dice is undefined are not drawn; without Dice, none is.

    Args:
        results: of the dataset.
        run: of the model.
        dataset: gives images and references.
    """
    model = run.manifest.rater
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
    for title, (case, dice) in pick_cases(overall(chosen, labels=over), drawable).items():
        yield _picture(title, dataset[case], dice, run, over)


def _picture(title: str, case: Case, dice: float, run: Run, over: Sequence[str]) -> Picture:
    card = run.manifest.predictor
    assert card is not None  # only models are drawn
    codes = match_labels(run.label_set, LabelSet(card.labels, card.groups)).structures
    readings = read_references(case, run.manifest.consensus)
    reference = next(iter(readings.references.values()))
    found = mistakes(
        _only(reference.labels, over, codes), _only(run.prediction(case.id).array, over, codes), reference.uncounted
    )
    z = worst_slice(found, reference.annotated)
    image = readings.grid.with_array(np.zeros(readings.grid.shape)) if case.image_path is None else case.image()
    base = grey(image.array[z])
    drawn = overlay(base, found.of_slice(z))
    window, step = _window(image, z)
    return Picture(
        title=title,
        case=case.id,
        dice=dice,
        z=z,
        slices=image.shape[0],
        image=base[window],
        drawn=drawn[window],
        aspect=_aspect(image, base[window].shape),
        step=step,
    )


def _only(labels: NDArray[np.integer], over: Sequence[str], codes: Mapping[str, Sequence[int]]) -> NDArray[np.uint16]:
    """Number the structures that the mean goes over from 1, and set all else to background."""
    kept = np.zeros(labels.shape, np.uint16)
    for number, name in enumerate(over, start=1):
        kept[np.isin(labels, codes[name])] = number
    return kept


def _window(image: Volume, z: int) -> tuple[tuple[slice, slice], int]:
    """Give the part of a slice that is not air, as radiologists look at it: anterior up, the right side on the left."""
    tissue = image.array[z] > _AIR_HU
    if not tissue.any():
        tissue = np.ones_like(tissue)
    spans = []
    for axis in (0, 1):
        inside = np.flatnonzero(tissue.any(axis=1 - axis))
        spans.append((max(int(inside[0]) - 2, 0), min(int(inside[-1]) + 3, tissue.shape[axis])))
    step = math.ceil(max(stop - start for start, stop in spans) / _LARGEST)
    parts = []
    for axis, (start, stop) in enumerate(spans):
        flipped = image.direction[axis + 1, axis + 1] < 0
        parts.append(slice(stop - 1, start - 1 if start else None, -step) if flipped else slice(start, stop, step))
    return (parts[0], parts[1]), step


def _aspect(image: Volume, shape: tuple[int, ...]) -> float:
    return float(shape[1] * image.spacing_mm[2] / (shape[0] * image.spacing_mm[1]))


def gallery(drawn: Sequence[Picture]) -> Html:
    """Lay pictures out beside one another, each with its plain slice."""
    return element("div", *(_card(picture) for picture in drawn), class_="gallery")


def _card(picture: Picture) -> Html:
    where = f"slice {picture.z + 1} of {picture.slices}"
    coarse = f", every {picture.step}. voxel" if picture.step > 1 else ""
    shape = f"aspect-ratio: {picture.aspect:.4f}"
    images = [
        element("img", src=png(array), alt=f"{what} of case {picture.case}, {where}", style=shape, loading="lazy")
        for array, what in ((picture.image, "image"), (picture.drawn, "mistakes"))
    ]
    caption = join(
        (
            element("strong", picture.title),
            f" · case {picture.case} · Dice {fixed(picture.dice)} ",
            element("small", f"{where}{coarse}", class_="line"),
        )
    )
    return element("figure", element("div", *images, class_="pair"), element("figcaption", caption), class_="card")


def legend() -> Html:
    """Explain the colours."""
    words = {
        "true positive": "agreed (true positive)",
        "false positive": "drawn by the model only (false positive)",
        "false negative": "missed by the model (false negative)",
        "other structure": "another structure than in the reference",
    }
    entries = [
        element("span", element("i", class_="swatch", style=f"background:rgb{COLOURS[name]}"), text)
        for name, text in words.items()
    ]
    hatched = element("span", element("i", class_="swatch hatched"), "does not count (readers disagreed)")
    return element("p", *entries, hatched, class_="legend")
