"""Agreement of readers by voxel: the vote share, and the share of indeterminate voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.consensus.patterns import ABSENT, contested_patterns
from ctbench.consensus.readings import Annotated, Asked, LabelMaps, Readings, Weights
from ctbench.consensus.rules import vote_shares
from ctbench.errors import GeometryError
from ctbench.labels import LabelSet
from ctbench.reference import Reference

__all__ = ["indeterminate_share", "vote_share"]


def vote_share(
    label_maps: LabelMaps,
    reference: Reference,
    annotated: Annotated | None = None,
    *,
    asked: Asked | None = None,
    weights: Weights | None = None,
) -> NDArray[np.float32]:
    """Return the share of readers, by weight, who voted for the reference's label.

    Args:
        label_maps: As for ``fuse``.
        reference: The reference that they were fused into.
        annotated: As for ``fuse``.
        asked: As for ``fuse``: a reader who was not asked for a label leaves its denominator. Background has the
            smallest share, over the labels, of those who drew nothing.
        weights: As for ``fuse``.

    Returns:
        z,y,x float32: of the readers who annotated the slice, the share that voted for the label of ``reference``; in
        its indeterminate voxels, the largest share that any label got; 0 in slices that nobody annotated.

    Raises:
        CtbenchError: as for ``fuse``, or a reference of another shape.
    """
    readings = _readings_of(label_maps, reference, annotated, asked, weights)
    found = contested_patterns(readings)
    readers = readings.annotated.sum(axis=0)
    agrees = ((readings.first() == reference.labels) | reference.excluded) & (readers > 0)[:, None, None]
    share: NDArray[np.float32] = agrees.astype(np.float32)
    shares, at = vote_shares(readings, found), found.at
    chosen = np.searchsorted(found.codes, reference.labels.ravel()[at])
    known = found.codes[np.minimum(chosen, len(found.codes) - 1)] == reference.labels.ravel()[at]
    own = np.where(known, shares[found.place, np.minimum(chosen, len(found.codes) - 1)], 0)
    share.ravel()[at] = np.where(reference.excluded.ravel()[at], shares.max(axis=1)[found.place], own)
    return share


def indeterminate_share(
    label_maps: LabelMaps, reference: Reference, labels: Mapping[str, int], annotated: Annotated | None = None
) -> pd.DataFrame:
    """Return the share of indeterminate voxels among those in which the readers drew something.

    A label's annotated voxels are those in which at least one reader drew it, in a slice that this reader annotated;
    its indeterminate voxels are those of them that the reference excludes. The row ``overall`` counts each voxel in
    which some reader drew any of the labels once, like the 1.1 % for all structures in Cai et al. (Radiology:
    Artificial Intelligence 2(5), 2020).

    Args:
        label_maps: As for ``fuse``.
        reference: The reference that they were fused into.
        labels: Name -> code; of a LabelSet the groups are counted too, by their own references.
        annotated: As for ``fuse``.

    Returns:
        Columns label, annotated_voxels, indeterminate_voxels, share (NaN where nobody drew the label); a row for each
        label, in the order of ``labels``, for each group, and the row ``overall``.

    Raises:
        CtbenchError: as for ``fuse``, or a reference of another shape.
    """
    readings = _readings_of(label_maps, reference, annotated)
    found, undecided = contested_patterns(readings), readings.drawn_at(np.flatnonzero(reference.excluded))
    agreed, voxels = readings.first(), np.bincount(found.place, minlength=len(found.votes))
    agreed.ravel()[found.at] = 0
    alone = {code: int(np.count_nonzero(agreed == code)) for code in labels.values()}

    def row(name: str, codes: Sequence[int]) -> dict[str, object]:
        drew = ((found.votes != ABSENT) & np.isin(found.codes[found.votes], codes)).any(axis=1)
        annotated_voxels = sum(alone[code] for code in codes) + int(voxels[drew].sum())
        group = reference.groups.get(name)
        open_to = np.isin(undecided, codes).any(axis=0) if group is None else group.excluded
        indeterminate = int(np.count_nonzero(open_to))
        share = indeterminate / annotated_voxels if annotated_voxels else np.nan
        return {
            "label": name,
            "annotated_voxels": annotated_voxels,
            "indeterminate_voxels": indeterminate,
            "share": share,
        }

    rows = [row(name, [code]) for name, code in labels.items()]
    if isinstance(labels, LabelSet):
        rows += [row(name, labels.codes_of(name)) for name in labels.groups]
    return pd.DataFrame([*rows, row("overall", list(labels.values()))])


def _readings_of(
    label_maps: LabelMaps,
    reference: Reference,
    annotated: Annotated | None,
    asked: Asked | None = None,
    weights: Weights | None = None,
) -> Readings:
    readings = Readings.of(label_maps, annotated, asked, weights)
    if readings.shape != reference.labels.shape:
        msg = f"the reference has shape {reference.labels.shape}, the readers' label maps {readings.shape}"
        raise GeometryError(msg)
    return readings
