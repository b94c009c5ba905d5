"""Grids of pictures: slices of cases with the errors of models over them, as one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.report.drawings.canvas import png
from ctbench.report.drawings.charts import styled
from ctbench.report.drawings.colours import INK, MUTED
from ctbench.report.drawings.scene import read_scene
from ctbench.report.drawings.slices import Layer, draw_slice, first_slice
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.wording import fixed, shortened

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Tile", "error_tiles", "picture_grid"]

_SIDE, _LARGEST = 210, 420


@dataclass(frozen=True)
class Tile:
    """A picture with some lines above it.

    Args:
        image: y,x,3 of square pixels.
        title: First line.
        subtitle: Below it; what follows its first comma is a line of its own.
    """

    image: NDArray[np.uint8]
    title: str
    subtitle: str


def error_tiles(
    results: ComparableRuns, case: Case, models: Sequence[str], structure: str, dice: Mapping[tuple[str, str], float]
) -> list[Tile]:
    """Draw the errors of some models in one case, on the slice with the most of the structure or of a model's boxes.

    Args:
        results: Runs on the dataset of the case.
        case: The case.
        models: Names of the models; those without a prediction are left out.
        structure: Name of the structure.
        dice: (Case, model) -> Dice, written below the model's name; a case that is not there has none.

    Raises:
        DataError: The image, or a reader's label map, cannot be read.
    """
    scene = read_scene(case, results.manifest, {model: results.open_run(model) for model in models})
    usual = first_slice(scene, None, results.common, (structure,))
    holds = bool(scene.true(results.common, (structure,)).any())
    tiles = []
    for model in models:
        if model in scene.lacking:
            continue
        boxes = scene.drawings[model].findings
        surest = max(boxes, key=lambda box: box.confidence).slice if boxes else None
        z = usual if holds else first_slice(scene, model, results.common, (structure,)) if surest is None else surest
        image = draw_slice(scene, z, Layer("errors", (model,), results.common, (structure,)), largest=_LARGEST)
        value = dice.get((case.id, model))
        said = f", Dice {fixed(value)}" if value is not None else ""
        tiles.append(Tile(image, model, f"{case.id}, slice {z + 1}{said}"))
    return tiles


def picture_grid(tiles: Sequence[Tile], columns: int) -> alt.TopLevelMixin:
    """Lay pictures out in rows, each below its lines.

    Args:
        tiles: The pictures.
        columns: Number of pictures in a row.
    """
    import altair as alt

    panels = []
    for tile in tiles:
        height, width = tile.image.shape[:2]
        scale = _SIDE / max(height, width)
        shown = {"width": round(width * scale), "height": round(height * scale)}
        title = alt.TitleParams(
            shortened(tile.title, 30),
            subtitle=[shortened(line, 32) for line in tile.subtitle.split(", ", 1)],
            subtitleColor=MUTED,
            subtitleFontSize=10,
            color=INK,
            fontSize=12,
            fontWeight="normal",
        )
        panels.append(
            alt.Chart(pd.DataFrame({"url": [png(tile.image)]}))
            .mark_image(**shown)
            .encode(url="url:N", x=alt.value(shown["width"] / 2), y=alt.value(shown["height"] / 2))
            .properties(**shown, title=title)
        )
    return styled(alt.concat(*panels, columns=max(columns, 1)))
