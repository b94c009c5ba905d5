"""Lesions among readers: the lesion candidates of every case of a dataset, and which readers found each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctbench.agreement.candidates import Candidate, expect_tolerance, find_candidates
from ctbench.agreement.panel import Drawn, read_drawn
from ctbench.agreement.repeats import cases_of_several
from ctbench.datasets import Case, Dataset, size_class
from ctbench.parallel import in_parallel
from ctbench.runs.phases import Progress

__all__ = ["LesionStudy", "study_lesions"]

Rows = list[dict[str, Any]]

_CASES = ("case", "patient", "label", "reader", "lesions")
_LESIONS = (
    *("case", "patient", "label", "lesion", "verdict", "found", "read", "volume_ml", "size_class", "parts", "slice"),
    *("found_by", "missed_by"),
)
_READINGS = (
    *("case", "patient", "label", "lesion", "size_class", "reader", "found"),
    *("pieces", "volume_ml", "splits", "merges", "others_found", "others_read"),
)


@dataclass(frozen=True, eq=False)
class LesionStudy:
    """The lesion candidates of a dataset, and which readers found them.

    Args:
        tolerance_mm: Pieces of two readers are one candidate if they overlap or are not further apart than this.
        cases: A row for each case, structure and reader who was asked for it and annotated a slice: case, patient,
            label, reader, lesions (the number of candidates that the reader found; 0: none).
        lesions: A row for each candidate: case, patient, label, lesion (a number from 1), verdict (``lesion``: more
            than half of the readers who read the place found it; ``undecided``: exactly half; ``no lesion``), found and
            read (numbers of readers), volume_ml (mean over the readers who found it), size_class (of that volume),
            parts (connected pieces of what more than half of them drew), slice (index along z where most is drawn),
            found_by and missed_by (names of readers, a space between two).
        readings: A row for each candidate and reader who read its place: case, patient, label, lesion, size_class,
            reader, found (bool), pieces, volume_ml, splits and merges (as of ``Candidate``), others_found and
            others_read (how many other readers found it, and read the place).
    """

    tolerance_mm: float
    cases: pd.DataFrame
    lesions: pd.DataFrame
    readings: pd.DataFrame


def study_lesions(
    dataset: Dataset,
    *,
    tolerance_mm: float = 0.0,
    jobs: int = -1,
    progress: Progress = lambda _name, steps, _total: steps,
) -> LesionStudy:
    """Find the lesion candidates of a dataset's cases, and which readers found each.

    A reader counts for a candidate if he was asked for the structure and read the place: he drew it, or annotated the
    slices that hold at least half of it.

    Args:
        dataset: The dataset; cases with fewer than two readers are left out.
        tolerance_mm: As for ``find_candidates``. 0 (default): pieces must overlap.
        jobs: Number of worker processes; -1 uses all cores.
        progress: Called once, with the cases as steps.

    Raises:
        DataError: No case has two readers, or a label map cannot be used.
        UsageError: The tolerance is negative or not finite.
    """
    expect_tolerance(tolerance_mm)
    cases = cases_of_several(dataset)
    steps = in_parallel(_study_case, [(case, tolerance_mm) for case in cases], jobs)
    found = {name: rows for name, *rows in progress("lesions among readers", steps, len(cases))}
    frames = [
        pd.DataFrame([row for case in cases for row in found[case.id][place]], columns=list(columns))
        for place, columns in enumerate((_CASES, _LESIONS, _READINGS))
    ]
    return LesionStudy(tolerance_mm, *frames)


def _study_case(case: Case, tolerance_mm: float) -> tuple[str, Rows, Rows, Rows]:
    drawn = read_drawn(case)
    by_case: Rows = []
    lesions: Rows = []
    readings: Rows = []
    for label in drawn.structures:
        masks = {reader: mask for reader, mask in drawn.asked_masks(label).items() if drawn.annotated[reader].any()}
        if len(masks) < 2:
            continue
        candidates = find_candidates(masks, drawn.grid.spacing_mm, annotated=drawn.annotated, tolerance_mm=tolerance_mm)
        who = {"case": case.id, "patient": case.patient or case.id, "label": label}
        for place, reader in enumerate(masks):
            by_case.append({**who, "reader": reader, "lesions": sum(int(one.found[place]) for one in candidates)})
        for number, one in enumerate(candidates, start=1):
            row = {**who, "lesion": number, **_lesion(one, drawn)}
            lesions.append(row)
            own = {name: row[name] for name in ("case", "patient", "label", "lesion", "size_class")}
            readings += [{**own, **reading} for reading in _readings(one, drawn)]
    return case.id, by_case, lesions, readings


def _lesion(one: Candidate, drawn: Drawn) -> dict[str, Any]:
    volume_ml = float(one.voxels[one.found].mean() * drawn.grid.voxel_ml)
    names = np.array(one.readers)
    return {
        "verdict": one.verdict(),
        "found": int(one.found.sum()),
        "read": int(one.read.sum()),
        "volume_ml": volume_ml,
        "size_class": size_class(volume_ml),
        "parts": int(one.parts.max()),
        "slice": one.slice,
        "found_by": " ".join(sorted(names[one.found])),
        "missed_by": " ".join(sorted(names[one.read & ~one.found])),
    }


def _readings(one: Candidate, drawn: Drawn) -> Rows:
    splits, merges = one.splits(), one.merges()
    found, read = int(one.found.sum()), int(one.read.sum())
    return [
        {
            "reader": reader,
            "found": bool(one.found[place]),
            "pieces": int(one.pieces[place].max()),
            "volume_ml": float(one.voxels[place] * drawn.grid.voxel_ml),
            "splits": int(splits[place]),
            "merges": int(merges[place]),
            "others_found": found - int(one.found[place]),
            "others_read": read - 1,
        }
        for place, reader in enumerate(one.readers)
        if one.read[place]
    ]
