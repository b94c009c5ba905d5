"""Detection of structures: in a study as a whole, and lesion by lesion.

Frames of several cases, one below the other, go to ``statistics.detection`` and ``statistics.detection_table``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.metrics.crop import LabelMap
from ctbench.metrics.inputs import as_comparison, as_spacing
from ctbench.metrics.lesions import lesion_list
from ctbench.metrics.structures import Codes, structures
from ctbench.reference import Reference

__all__ = ["OverlapRule", "lesion_sensitivity", "lesions", "study"]

OverlapRule = Literal["any", "half", "iou"]
"""When a lesion is found: ``any``: one voxel of it is predicted; ``half``: at least half of its volume is;
``iou``: one predicted piece has at least half of the volume of the union of the two in common with it."""


def study(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    score: float | None = None,
) -> pd.DataFrame:
    """Return for every structure whether a study contains it, and the prediction's score for it.

    Source: Chang et al., AJNR 2018;39:1609-1616: a study is positive where any region of it is predicted.

    Args:
        reference: a Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: z,y,x.
        labels: a label set, whose labels and groups are both looked for, or name -> code or codes.
        score: the predictor's own score of the study; None: 1 where any counted voxel is predicted, else 0.

    Returns:
        One row per structure: ``label``, ``truth`` (bool), ``score``, and the counted volumes ``reference_volume_ml``
        and ``volume_ml``.

    Raises:
        CtbenchError: as ``score`` does.
    """
    targets, voxel_ml = structures(labels, 1.0), float(np.prod(as_spacing(spacing_mm))) / 1000
    comparison = as_comparison([reference], prediction, {code for structure in targets for code in structure.codes})
    rows = []
    for structure in targets:
        crop = comparison.crop(structure)
        held, found = (0, 0) if crop is None else (int(n) for n in crop.counts[0].sum(axis=0)[:2])
        sure = float(found > 0) if score is None else float(score)
        rows.append((structure.name, held > 0, sure, held * voxel_ml, found * voxel_ml))
    return pd.DataFrame(rows, columns=["label", "truth", "score", "reference_volume_ml", "volume_ml"])


def lesions(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    rule: OverlapRule = "any",
) -> pd.DataFrame:
    """List the lesions of the reference, found or missed, and the false positives of the prediction.

    A lesion is a connected component of a structure (26 neighbours: faces, edges and corners). Its volume and overlap
    are those of its counted voxels; components without any are left out. A predicted component that overlaps no
    lesion, but lies where some reader drew the structure, is ``indeterminate``: neither found nor false.

    Args:
        reference: a Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: z,y,x.
        labels: a label set, whose labels and groups are both looked for, or name -> code or codes.
        rule: how much overlap makes a lesion found; the same rule, from the other side, makes a prediction true.

    Returns:
        One row per lesion of the reference, then per predicted component without one, for each structure: ``label``,
        ``lesion`` (a number from 1), ``volume_ml``, ``overlap`` (the share by which ``rule`` decides), and ``outcome``:
        ``detected``, ``missed``, ``false_positive`` or ``indeterminate``.

    Raises:
        UsageError: an unknown rule.
        CtbenchError: as ``score`` does.
    """
    if rule not in ("any", "half", "iou"):
        msg = f"unknown rule {rule!r}; expected 'any', 'half' or 'iou'"
        raise UsageError(msg)
    found = lesion_list(reference, prediction, spacing_mm=spacing_mm, labels=labels, protocols=[rule], surfaces=False)
    return found[["label", "lesion", "volume_ml", "overlap", "outcome"]]


def lesion_sensitivity(lesions: pd.DataFrame, *, by: str | Sequence[str] = "label") -> pd.DataFrame:
    """Return the numbers of found, missed and false lesions, and the sensitivity with its 95 % interval (Wilson).

    Args:
        lesions: rows of ``lesions`` of any number of cases, with whatever columns to stratify by: the size classes of
            Chang et al. are ``lesions.assign(size_class=lesions["volume_ml"].map(datasets.size_class))``.
        by: the columns to stratify by.

    Returns:
        One row per stratum, sorted: the columns ``by``, ``lesions``, ``detected``, ``false_positives``,
        ``sensitivity`` (NaN without lesions), ``low``, ``high``.
    """
    from ctbench.statistics import wilson  # with its tests and models it is slow to import, and wanted here only

    columns = [by] if isinstance(by, str) else list(by)
    rows = []
    for stratum, group in lesions.groupby(columns, sort=True):
        outcomes = group["outcome"].value_counts()
        detected, missed = int(outcomes.get("detected", 0)), int(outcomes.get("missed", 0))
        share = wilson(detected, detected + missed)
        false = int(outcomes.get("false_positive", 0))
        rows.append((*stratum, detected + missed, detected, false, share.value, share.low, share.high))
    names = [*columns, "lesions", "detected", "false_positives", "sensitivity", "low", "high"]
    return pd.DataFrame(rows, columns=names)
