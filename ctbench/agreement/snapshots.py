"""Parts of slices in which readers differ, with the image under them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.errors import MissingFileError
from ctbench.volume import Volume

__all__ = ["Snapshot", "cut_out", "with_image"]

_RIM_MM = 20.0
"""How much of the slice is kept around what readers drew, so that the place in the head is seen."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A part of one slice of a case, in the order in which it is stored.

    Args:
        shade: A volume 1,y,x of float32 in [0, 1]: how strongly each voxel is to be tinted; 0: not at all.
        corner: Index z,y,x of its first voxel in the case.
        slices: Number of slices of the case.
        image: The same part of the image y,x; None: the case has none, or its file is not there.
        in_hu: Whether the image is a CT.
    """

    shade: Volume
    corner: tuple[int, int, int]
    slices: int
    image: NDArray[Any] | None = None
    in_hu: bool = False

    @property
    def z(self) -> int:
        """Index of the slice along z."""
        return self.corner[0]


def cut_out(shade: NDArray[np.float32], z: int, grid: Volume) -> Snapshot:
    """Cut out of a slice what is tinted, with a rim of 20 mm.

    Args:
        shade: y,x in [0, 1], not 0 everywhere.
        z: Index of the slice.
        grid: A volume on the case's grid.
    """
    spans = []
    for axis, step in enumerate(grid.spacing_mm[1:]):
        places, rim = np.flatnonzero(shade.any(axis=1 - axis)), round(_RIM_MM / step)
        spans.append(slice(max(int(places[0]) - rim, 0), min(int(places[-1]) + 1 + rim, shade.shape[axis])))
    part = Volume(shade[tuple(spans)][None], grid.spacing_mm, direction=grid.direction)
    return Snapshot(part, (z, spans[0].start, spans[1].start), grid.shape[0])


def with_image(seen: Snapshot, case: Case, modality: str) -> Snapshot:
    """Return a snapshot with the image of its case; without one where there is no file.

    Args:
        seen: The snapshot.
        case: Its case.
        modality: Modality of the dataset.

    Raises:
        DataError: The image cannot be read.
    """
    try:
        image = case.image().array
    except MissingFileError:
        return seen
    (z, y, x), (_, height, width) = seen.corner, seen.shade.shape
    part = np.array(image[z, y : y + height, x : x + width])
    return replace(seen, image=part, in_hu=modality == "CT")
