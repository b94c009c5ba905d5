"""Maps of disagreement between the readers of a case, and their figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement.panel import Panel
from ctbench.agreement.snapshots import Snapshot, cut_out
from ctbench.consensus import fuse, vote_share

__all__ = ["disagreement_map", "disagreement_row", "snapshot"]


def disagreement_map(panel: Panel) -> NDArray[np.float32]:
    """Return one minus the share of votes of the label that most readers drew.

    It does not depend on the rule of the consensus: 0 where all readers who annotated the slice drew the same label
    (background is one), 1/2 where two readers differ; 0 also in slices that nobody annotated. A reader who was not
    asked for a label has no part in it, and votes count by the readers' weights.

    Returns:
        z,y,x float32 in [0, 1).
    """
    commonest = fuse(panel.label_maps, "plurality", panel.annotated, asked=panel.asked, weights=panel.weights)
    share = vote_share(panel.label_maps, commonest, panel.annotated, asked=panel.asked, weights=panel.weights)
    share[~commonest.annotated] = 1
    return 1 - share


def disagreement_row(panel: Panel, disagreement: NDArray[np.float32]) -> dict[str, Any]:
    """Return the figures of a map of disagreement.

    Returns:
        ``case``; ``readers``, their number; ``drawn_voxels``, in which any reader drew anything; ``contested_voxels``,
        in which they differ; ``contested_share``, of the drawn ones; ``mean_disagreement`` over the drawn ones;
        ``worst_slice``, the index along z of the slice with the most contested voxels (None: no voxel is contested),
        and ``worst_slice_voxels``, their number.
    """
    drawn = np.zeros(disagreement.shape, bool)
    for reader, array in panel.label_maps.items():
        drawn |= (array != 0) & panel.annotated[reader][:, None, None]
    contested = disagreement > 0
    by_slice = np.count_nonzero(contested, axis=(1, 2))
    drawn_voxels, contested_voxels = int(np.count_nonzero(drawn)), int(by_slice.sum())
    return {
        "case": panel.case,
        "readers": len(panel.readers),
        "drawn_voxels": drawn_voxels,
        "contested_voxels": contested_voxels,
        "contested_share": contested_voxels / drawn_voxels if drawn_voxels else np.nan,
        "mean_disagreement": float(disagreement[drawn].mean(dtype=np.float64)) if drawn_voxels else np.nan,
        "worst_slice": int(by_slice.argmax()) if contested_voxels else None,
        "worst_slice_voxels": int(by_slice.max()),
    }


def snapshot(panel: Panel, disagreement: NDArray[np.float32]) -> Snapshot | None:
    """Return the slice with the most contested voxels; None if the readers agree in every slice.

    Its shade is the disagreement, 1 where half of the readers or more do not have the commonest label.
    """
    by_slice = np.count_nonzero(disagreement > 0, axis=(1, 2))
    if not by_slice.any():
        return None
    z = int(by_slice.argmax())
    return cut_out(np.minimum(2 * disagreement[z], 1), z, panel.grid)
