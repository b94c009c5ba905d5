"""What each reader contributes: the consensus with and without one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement.panel import Panel
from ctbench.agreement.rows import Row, row
from ctbench.metrics import score
from ctbench.reference import Reference

__all__ = ["jackknife_rows", "volume_rows"]

_UNDECIDED = 2


def jackknife_rows(panel: Panel) -> list[Row]:
    """Say how the consensus would change without each reader.

    Only slices for which both consensuses have a reader count. The shares are of the voxels in which any reader drew
    the structure. One vote less never turns a majority round: it makes or ends ties. So a rule that leaves ties
    indeterminate gives two consensuses that agree wherever both decide; the Dice and the volume therefore take an
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
        overlap = _overlap(panel, reference, annotated)
        for label, codes in panel.structures.items():
            who = {"case": panel.case, "label": label, "reader": reader}
            drawn = panel.masks(codes).any(axis=0) & annotated[:, None, None]
            empty = not drawn.any()
            detail = "nobody drew it" if empty else "neither consensus has it"
            dice, change_ml = overlap[label]
            rows += [
                row("without_dice", dice, empty=empty, detail=detail, **who),
                row("without_volume_change_ml", change_ml, "mL", empty=empty, **who),
            ]
            shares = _shares(panel.everyone, reference, codes, drawn)
            rows += [row(metric, share, empty=empty, detail=detail, **who) for metric, share in shares.items()]
    return rows


def volume_rows(panel: Panel) -> list[Row]:
    """Measure each reader's volumes, in the slices that every reader annotated, so that they can be compared.

    Returns:
        Rows case, label, reader, metric ``volume_ml``, value, unit, status, detail.
    """
    counted = panel.by_all
    if not counted.any():
        return []
    return [
        row(
            "volume_ml",
            float(np.count_nonzero(mask) * panel.grid.voxel_ml),
            "mL",
            case=panel.case,
            label=label,
            reader=reader,
        )
        for label, codes in panel.structures.items()
        for reader, mask in zip(panel.readers, panel.masks(codes)[:, counted], strict=True)
    ]


def _overlap(panel: Panel, reference: Reference, annotated: NDArray[np.bool_]) -> dict[str, tuple[float, float]]:
    """Give the Dice and the change of volume of each structure."""
    scores = score(
        Reference.of(panel.everyone.labels, annotated),
        reference.labels,
        spacing_mm=panel.grid.spacing_mm,
        labels=panel.structures,
        metrics=["dice", "volume_difference_ml"],
    )
    values = [scores.loc[scores["metric"] == metric, "value"] for metric in ("dice", "volume_difference_ml")]
    return dict(zip(panel.structures, zip(*values, strict=True), strict=True))


def _shares(
    everyone: Reference, others: Reference, codes: tuple[int, ...], drawn: NDArray[np.bool_]
) -> dict[str, float]:
    before, after = (_verdict(reference, codes, drawn) for reference in (everyone, others))
    with_all, without = (_share(verdict == _UNDECIDED) for verdict in (before, after))
    return {
        "changed_share": _share(before != after),
        "indeterminate_share": with_all,
        "indeterminate_share_without": without,
        "indeterminate_share_change": without - with_all,
    }


def _verdict(reference: Reference, codes: tuple[int, ...], where: NDArray[np.bool_]) -> NDArray[np.integer]:
    return np.where(reference.excluded[where], _UNDECIDED, np.isin(reference.labels[where], codes).astype(np.uint8))


def _share(marks: NDArray[np.bool_]) -> float:
    return float(marks.mean()) if marks.size else np.nan
