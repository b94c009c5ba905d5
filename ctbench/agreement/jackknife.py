"""Jackknife over readers: the consensus with and without each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement.panel import Drawn, Panel
from ctbench.agreement.rows import Row, row
from ctbench.metrics import score
from ctbench.reference import Reference

__all__ = ["jackknife_rows", "volume_rows"]

_UNDECIDED = 2


def jackknife_rows(panel: Panel) -> list[Row]:
    """Return how the consensus changes without each reader.

    Only slices for which both consensuses have a reader count. The shares are of the voxels in which any reader drew
    the structure. One vote less never reverses a majority: it makes or ends ties. So under a rule that leaves ties
    indeterminate the two consensuses agree wherever both decide; the Dice and the volume therefore take an
    indeterminate voxel as not drawn.

    Returns:
        Rows case, label, reader (who is left out), metric, value, unit, status, detail, with the metrics

        - ``without_dice``: Dice of the two consensuses;
        - ``without_volume_change_ml``: volume of the consensus of the others minus that of all;
        - ``changed_share``: of voxels that change between in, out and indeterminate;
        - ``indeterminate_share``, ``indeterminate_share_without``: with all readers, and without this one;
        - ``indeterminate_share_change``: the latter minus the former.
    """
    rows: list[Row] = []
    for reader, reference in panel.without.items():
        annotated = panel.everyone.annotated & reference.annotated
        for label, codes in panel.structures.items():
            if not panel.was_asked(reader, label):
                continue
            before, after = (one.structure(label, codes) for one in (panel.everyone, reference))
            who = {"case": panel.case, "label": label, "reader": reader}
            drawn = panel.masks(codes).any(axis=0) & annotated[:, None, None]
            empty = not drawn.any()
            detail = "nobody drew it" if empty else "neither consensus has it"
            dice, change_ml = _overlap(before, after, annotated, panel)
            rows += [
                row("without_dice", dice, empty=empty, detail=detail, **who),
                row("without_volume_change_ml", change_ml, "mL", empty=empty, **who),
            ]
            shares = _shares(_verdict(before, drawn), _verdict(after, drawn))
            rows += [row(metric, share, empty=empty, detail=detail, **who) for metric, share in shares.items()]
    return rows


def volume_rows(panel: Drawn) -> list[Row]:
    """Return each reader's volumes in the slices that every reader annotated, so that they can be compared.

    Returns:
        Rows case, label, reader, metric ``volume_ml``, value, unit, status, detail.
    """
    counted = panel.by_all
    if not counted.any():
        return []
    return [
        row(
            "volume_ml",
            float(np.count_nonzero(mask[counted]) * panel.grid.voxel_ml),
            "mL",
            case=panel.case,
            label=label,
            reader=reader,
        )
        for label in panel.structures
        for reader, mask in panel.asked_masks(label).items()
    ]


def _overlap(before: Reference, after: Reference, annotated: NDArray[np.bool_], panel: Panel) -> tuple[float, float]:
    """Return the Dice and the change of volume of a structure between two consensuses."""
    scores = score(
        Reference.of(before.labels, annotated),
        after.labels,
        spacing_mm=panel.grid.spacing_mm,
        labels={"structure": 1},
        metrics=["dice", "volume_difference_ml"],
    )
    dice, change_ml = scores["value"]
    return dice, change_ml


def _shares(before: NDArray[np.integer], after: NDArray[np.integer]) -> dict[str, float]:
    with_all, without = (_share(verdict == _UNDECIDED) for verdict in (before, after))
    return {
        "changed_share": _share(before != after),
        "indeterminate_share": with_all,
        "indeterminate_share_without": without,
        "indeterminate_share_change": without - with_all,
    }


def _verdict(structure: Reference, where: NDArray[np.bool_]) -> NDArray[np.integer]:
    return np.where(structure.excluded[where], _UNDECIDED, structure.labels[where])


def _share(marks: NDArray[np.bool_]) -> float:
    return float(marks.mean()) if marks.size else np.nan
