"""Marks on lesions: predicted pieces and detectors' boxes with confidences, and the lesions that they hit.

Their rows are what FROC curves and average precision are made of, see ``ctbench.statistics.froc``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics.lesions.protocols import Match
from ctbench.metrics.lesions.runs import runs_at
from ctbench.metrics.lesions.table import OverlapTable

__all__ = ["LEAST_IOU", "MARK_COLUMNS", "Boxes", "Hit", "box_marks", "piece_marks", "protocol_of_boxes"]

MARK_COLUMNS = ("label", "protocol", "outcome", "confidence")

Hit = Literal["centre", "iou"]
"""When a box hits a lesion: ``centre``: its centre lies in a voxel of the lesion; ``iou``: it has an intersection over
union of at least ``LEAST_IOU`` with the box around the lesion in its slice."""

LEAST_IOU = 0.1
"""The lower threshold of nnDetection (Baumgartner et al., MICCAI 2021), and that of PI-CAI for volumes."""


def protocol_of_boxes(hit: Hit) -> str:
    """Return the name in the column ``protocol`` of marks that are boxes."""
    return f"box-{hit}"


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of one structure in axial slices of one image.

    Args:
        slices: Index along z of each box.
        corners: n x (first row, first column, last row + 1, last column + 1), in voxels of the image.
        confidences: Confidence of each box.
    """

    slices: NDArray[np.int64]
    corners: NDArray[np.float64]
    confidences: NDArray[np.float64]

    @property
    def centres(self) -> NDArray[np.int64]:
        """The voxel at the centre of each box: n x (z, y, x)."""
        middle = np.floor((self.corners[:, :2] + self.corners[:, 2:]) / 2).astype(np.int64)
        return np.column_stack([self.slices, middle])


def piece_marks(match: Match, confidences: tuple[NDArray[np.float64], NDArray[np.float64]]) -> list[dict[str, Any]]:
    """Return a row for each lesion that counts, then for each false piece.

    Args:
        match: What a protocol makes of an overlap table.
        confidences: The highest confidence of the pieces compared with each lesion, and the confidence of each piece.
    """
    lesions = np.flatnonzero(~match.ignored)
    return [*_rows(match.detected[lesions], confidences[0][lesions], confidences[1][match.false])]


def box_marks(table: OverlapTable, boxes: Boxes, hit: Hit) -> list[dict[str, Any]]:
    """Return a row for each lesion, then for each false box.

    A lesion has the highest confidence of the boxes that hit it. A box that hits none is false, unless its centre lies
    in a voxel that does not count.

    Args:
        table: The overlap table of the structure.
        boxes: The boxes of the structure.
        hit: When a box hits a lesion.
    """
    lesion = _in_lesion(table, boxes) if hit == "centre" else _nearest_in_shape(table, boxes)
    on = lesion >= 0
    best = np.full(len(table.lesions), -math.inf)
    np.maximum.at(best, lesion[on], boxes.confidences[on])
    false = ~on & (runs_at(table.drawn.uncounted, boxes.centres.T) < 0)
    return [*_rows(best > -math.inf, best, boxes.confidences[false])]


def _rows(
    detected: NDArray[np.bool_], confidences: NDArray[np.float64], false: NDArray[np.float64]
) -> Iterator[dict[str, Any]]:
    for found, confidence in zip(detected.tolist(), confidences.tolist(), strict=True):
        yield {"outcome": "detected" if found else "missed", "confidence": confidence if found else math.nan}
    for confidence in false.tolist():
        yield {"outcome": "false_positive", "confidence": confidence}


def _in_lesion(table: OverlapTable, boxes: Boxes) -> NDArray[np.int64]:
    """Return the lesion in which the centre of each box lies; -1 for none."""
    run = runs_at(table.lesions.runs, boxes.centres.T)
    return np.append(table.lesions.numbers, -1)[run]


def _nearest_in_shape(table: OverlapTable, boxes: Boxes) -> NDArray[np.int64]:
    """Return the lesion whose box in the slice has the largest intersection over union with each box; -1 for none."""
    found = np.full(len(boxes.slices), -1)
    runs, depth = table.lesions.runs.astype(np.int64), table.drawn.shape[0]
    keys, own = np.unique(table.lesions.numbers * depth + runs[:, 0], return_inverse=True)
    first, last = np.full((len(keys), 2), np.iinfo(np.int64).max), np.zeros((len(keys), 2), np.int64)
    np.minimum.at(first, own, runs[:, 1:3])
    np.maximum.at(last, own, np.column_stack([runs[:, 1] + 1, runs[:, 3]]))
    around = np.column_stack([first, last]).astype(np.float64)
    for z in np.unique(boxes.slices).tolist():
        drawn, here = np.flatnonzero(boxes.slices == z), np.flatnonzero(keys % depth == z)
        if len(here):
            ious = _ious(boxes.corners[drawn], around[here])
            best = ious.argmax(axis=1)
            enough = ious.max(axis=1) >= LEAST_IOU
            found[drawn[enough]] = (keys[here] // depth)[best[enough]]
    return found


def _ious(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of each box with each of the others; these have an area."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=-1) for one in (boxes, others)]
    ious: NDArray[np.float64] = common / (areas[0][:, None] + areas[1][None] - common)
    return ious
