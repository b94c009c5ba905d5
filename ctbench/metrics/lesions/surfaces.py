"""Surface distances of single lesions: HD95 and NSD of a lesion and the pieces that are compared with it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.metrics import distances
from ctbench.metrics.comparison import Comparison, PlainReference
from ctbench.metrics.lesions.protocols import Match
from ctbench.metrics.lesions.runs import box_of, mask_of
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
    table, drawn = match.table, match.table.drawn
    own = table.lesions.each[lesion]
    union_of_pieces = np.concatenate([table.pieces.each[piece] for piece in pieces])
    start, stop = box_of(np.concatenate([own, union_of_pieces]))
    reference, prediction, excluded, possible = (
        mask_of(runs, start, stop) for runs in (own, union_of_pieces, drawn.uncounted, drawn.possible)
    )
    given = PlainReference(reference, excluded.view(np.bool_), None, {1: np.flatnonzero(possible)})
    structure = Structure("lesion", (1,), drawn.structure.tolerance_mm)
    cut = Comparison([given], prediction, [1]).crop(structure)
    assert cut is not None
    found = surface_distances(cut, [0], drawn.spacing_mm, "dual_grid", "3d", drawn.diagonal_mm)[0]
    if not found.sampled:
        return np.nan, np.nan
    return distances.robust_hausdorff(found), distances.share_within(found, structure.tolerance_mm)
