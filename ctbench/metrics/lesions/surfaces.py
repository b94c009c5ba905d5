"""Surface distances of single lesions: HD95 and NSD of a lesion and the pieces that are compared with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics import distances
from ctbench.metrics.comparison import Comparison, PlainReference
from ctbench.metrics.lesions.protocols import Match
from ctbench.metrics.structures import Structure
from ctbench.metrics.surface import surface_distances

__all__ = ["LesionSurfaces", "lesion_surfaces"]


class LesionSurfaces(NamedTuple):
    """HD95 in mm and NSD of each lesion; NaN where it is not detected, or no surface element could be sampled."""

    hd95_mm: NDArray[np.float64]
    nsd: NDArray[np.float64]


def lesion_surfaces(match: Match) -> LesionSurfaces:
    """Measure each detected lesion against the union of the pieces that are compared with it.

    Surfaces are those of the metrics ``hd95`` and ``nsd`` in 3D. Other lesions and pieces are background.
    """
    found = np.full((2, len(match.detected)), np.nan)
    for lesion in np.flatnonzero(match.detected).tolist():
        pieces = match.pairs.piece[match.pairs.lesion == lesion]
        found[:, lesion] = _measured(match, lesion, pieces)
    return LesionSurfaces(*found)


def _measured(match: Match, lesion: int, pieces: NDArray[np.int64]) -> tuple[float, float]:
    table = match.table
    crop = table.crop
    assert crop is not None
    own, _ = table.lesions.at(table.lesions.numbers == lesion)
    drawn, _ = table.pieces.at(np.isin(table.pieces.numbers, pieces))
    both = np.concatenate([own, drawn], axis=1)
    start, stop = both.min(axis=1), both.max(axis=1) + 1
    window = tuple(slice(*ends) for ends in zip(start.tolist(), stop.tolist(), strict=True))
    masks = np.zeros((2, *(stop - start)), np.uint8)
    for mask, at in zip(masks, (own, drawn), strict=True):
        mask[tuple(at - start[:, None])] = 1
    excluded, possible = None, {}
    if crop.uncounted.size:
        excluded = crop.uncounted[window] > 0
        possible = {1: np.flatnonzero(crop.outer.voxels[window] > crop.reference.voxels[window])}
    comparison = Comparison([PlainReference(masks[0], excluded, None, possible)], masks[1], [1])
    cut = comparison.crop(Structure("lesion", (1,), table.structure.tolerance_mm))
    assert cut is not None
    found = surface_distances(cut, [0], table.spacing_mm, "dual_grid", "3d", table.diagonal_mm)[0]
    if not found.sampled:
        return np.nan, np.nan
    return distances.robust_hausdorff(found), distances.share_within(found, table.structure.tolerance_mm)
