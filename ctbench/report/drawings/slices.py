"""Pictures of single slices: the image in a window, with masks, outlines or errors over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.predictors import Finding
from ctbench.report.drawings.colours import RGB, WHITE, outline_colours, structure_colours
from ctbench.report.drawings.finding_boxes import MOST_LABELS
from ctbench.report.drawings.overlays import grey, mistakes, overlay, worst_slice
from ctbench.report.drawings.scene import Scene
from ctbench.report.drawings.view import View
from ctbench.report.wording import shortened

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = [
    "WINDOWS",
    "Layer",
    "draw_slice",
    "errors_by_slice",
    "first_slice",
    "whole_range",
]

WINDOWS = {"brain": (40.0, 80.0), "subdural": (75.0, 215.0), "bone": (600.0, 2800.0)}
"""Level and width in HU of the windows in which head CTs are read."""

_OPACITY = 0.45
_HATCH_STEP = 6
_HATCH_WIDTH = 2
_HATCH_RGB = (150, 150, 150)
_BAR_MM = 50


@dataclass(frozen=True)
class Layer:
    """What to draw over a slice.

    Args:
        kind: ``none``; ``errors`` of one rater; ``structures``, filled, of one rater; or ``outlines`` of several.
        raters: Names of the raters; None stands for the reference itself.
        reference: Name of the reference of the errors; its uncounted voxels are hatched.
        structures: Names of labels or groups.
        boxes: Whether to frame the raters' findings.
        palette: Rater -> colour of the charts, for outlines.
    """

    kind: Literal["none", "errors", "structures", "outlines"]
    raters: tuple[str | None, ...] = ()
    reference: str = ""
    structures: tuple[str, ...] = ()
    boxes: bool = True
    palette: Mapping[str, str] = field(default_factory=dict)


def draw_slice(
    scene: Scene,
    z: int,
    layer: Layer,
    *,
    window: tuple[float, float] | None = WINDOWS["brain"],
    largest: int = 640,
) -> NDArray[np.uint8]:
    """Draw one slice in radiological view, with a scale bar and the side of the patient.

    Args:
        scene: The case.
        z: Index of the slice.
        layer: What to draw over it; raters that are not in the scene, and structures that they do not support, are
            left out.
        window: Level and width; None: the darkest and the brightest hundredth of the image are black and white.
        largest: Number of pixels of the longer side.

    Returns:
        y,x,3 of square pixels.

    Raises:
        IndexError: The scene has no such slice.
    """
    view = scene.view
    shape = view.pixels(largest)
    drawn = view.smooth(grey(scene.image.array[z], window or whole_range(scene.image.array)), shape)
    raters = [rater for rater in layer.raters if rater is None or rater in scene.drawings]
    if layer.kind == "errors":
        for rater in raters[:1]:
            drawn = drawn if rater is None else _with_errors(drawn, scene, z, rater, layer)
    elif layer.kind != "none":
        uncounted = scene.judged_by(layer.reference, layer.structures).uncounted[z]
        drawn = _hatched(drawn, view.nearest(uncounted, shape))
        colours = outline_colours(layer.raters, layer.palette)
        for rater in raters[:1] if layer.kind == "structures" else raters:
            numbers, known = _numbers(scene, z, rater, layer)
            shown = view.nearest(numbers, shape)
            if layer.kind == "structures":
                palette = structure_colours(scene.labels.names)
                drawn = _filled(drawn, shown, [palette[name] for name in known])
            else:
                # Most of the reference lies under the others' lines: a broader one still shows beside them.
                drawn = _outlined(drawn, shown, colours[rater], width=4 if rater is None else 2)
    boxes = [finding for rater in raters if rater for finding in scene.drawings[rater].findings if finding.slice == z]
    return _annotated(drawn, view, boxes if layer.boxes else [])


def errors_by_slice(scene: Scene, rater: str, reference: str, structures: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of counted voxels of each slice (z) in which a rater differs from a reference."""
    return np.asarray(scene.mistakes(rater, reference, structures).wrong.sum(axis=(1, 2)), np.int64)


def first_slice(scene: Scene, rater: str | None, reference: str, structures: Sequence[str]) -> int:
    """Return the initial slice: the one with most errors of the rater; without a rater, with most of the structures."""
    truth = scene.judged_by(reference, structures)
    if rater is not None:
        return worst_slice(scene.mistakes(rater, reference, structures), truth.annotated)
    drawn = scene.true(reference, structures)
    return worst_slice(mistakes(drawn, drawn, truth.uncounted), truth.annotated)


def whole_range(image: NDArray[Any]) -> tuple[float, float]:
    """Return level and width of a window from the darkest to the brightest hundredth of an image z,y,x."""
    low, high = np.percentile(image[:, ::4, ::4], [1, 99])
    return float(low + high) / 2, max(float(high - low), 1.0)


def _with_errors(drawn: NDArray[np.uint8], scene: Scene, z: int, rater: str, layer: Layer) -> NDArray[np.uint8]:
    view, shape = scene.view, drawn.shape[:2]
    found = scene.mistakes(rater, layer.reference, layer.structures, z)
    masks = {name: view.nearest(mask, shape) for name, mask in vars(found).items()}
    uncounted = masks["uncounted"]
    tinted = overlay(drawn, replace(found, **masks | {"uncounted": np.zeros_like(uncounted)}))
    return _hatched(tinted, uncounted)


def _numbers(scene: Scene, z: int, rater: str | None, layer: Layer) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
    """Return the numbers of the structures that a rater drew in a slice, and the names of these structures."""
    if rater is None:
        return scene.true(layer.reference, layer.structures, z), layer.structures
    known = scene.shared(rater, layer.structures)
    return scene.drawn(rater, known, z), known


def _filled(drawn: NDArray[np.uint8], numbers: NDArray[np.uint16], colours: Sequence[RGB]) -> NDArray[np.uint8]:
    tints = np.array([(0, 0, 0), *colours], float)[numbers]
    shown = np.where((numbers > 0)[..., None], (1 - _OPACITY) * drawn + _OPACITY * tints, drawn)
    return np.round(shown).astype(np.uint8)


def _outlined(drawn: NDArray[np.uint8], numbers: NDArray[np.uint16], rgb: RGB, width: int) -> NDArray[np.uint8]:
    inner = numbers
    for _ in range(width):
        around = np.pad(inner, 1)
        same = [around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]]
        inner = np.where(np.all([inner == beside for beside in same], axis=0), inner, 0)
    shown = drawn.copy()
    shown[(numbers > 0) & (inner == 0)] = rgb
    return shown


def _hatched(drawn: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    rows, columns = np.indices(mask.shape)
    shown = drawn.copy()
    shown[mask & ((rows + columns) % _HATCH_STEP < _HATCH_WIDTH)] = _HATCH_RGB
    return shown


def _annotated(drawn: NDArray[np.uint8], view: View, boxes: Sequence[Finding]) -> NDArray[np.uint8]:
    """Frame findings, and write the scale and the patient's side."""
    from PIL import Image, ImageDraw

    sheet = Image.fromarray(drawn)
    pen = ImageDraw.Draw(sheet)
    pen.fontmode = "L"
    colours = structure_colours(sorted({finding.type for finding in boxes}))
    ordered = sorted(boxes, key=lambda one: one.confidence)  # the surest on top
    places = [view.box(finding.box, drawn.shape[:2]) for finding in ordered]
    for finding, (top, left, bottom, right) in zip(ordered, places, strict=True):
        pen.rectangle((left, top, right - 1, bottom - 1), outline=colours[finding.type], width=2)
    for finding, (top, left, _, _) in list(zip(ordered, places, strict=True))[-MOST_LABELS:]:
        words = f"{shortened(finding.type, 20)} {finding.confidence:.2f}"
        _write(pen, (left + 2, max(top - 16, 0)), words, colours[finding.type])
    height, width = drawn.shape[:2]
    bar = _BAR_MM * width / view.size_mm[1]
    pen.line((width - 12 - bar, height - 12, width - 12, height - 12), fill=WHITE, width=2)
    _write(pen, (width - 12 - bar, height - 30), f"{_BAR_MM // 10} cm", WHITE)
    _write(pen, (8, height // 2 - 8), "A" if view.plane == "sagittal" else "R", WHITE)
    return np.asarray(sheet)


def _write(pen: ImageDraw, place: tuple[float, float], words: str, rgb: RGB) -> None:
    from PIL import ImageFont

    pen.text(place, words, fill=rgb, font=ImageFont.load_default(14), stroke_width=2, stroke_fill=(0, 0, 0))
