"""Lesions among readers: the lesion candidates of every case of a dataset, and which readers found each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.agreement.candidates import Candidate, expect_tolerance, find_candidates
from ctbench.agreement.panel import Drawn, read_drawn
from ctbench.agreement.repeats import cases_of_several
from ctbench.agreement.snapshots import Snapshot, cut_out, with_image
from ctbench.datasets import Case, Dataset, size_class
from ctbench.parallel import in_parallel
from ctbench.runs.phases import Progress
from ctbench.volume import Volume, write_volume

__all__ = ["LesionStudy", "study_lesions"]

Rows = list[dict[str, Any]]
Name = tuple[str, str, int]
"""Case, label and number of a lesion candidate."""

_MOST_PICTURES = 6

_CASES = ("case", "patient", "label", "reader", "lesions")
_LESIONS = (
    *("case", "patient", "label", "lesion", "verdict", "found", "read", "volume_ml", "size_class", "parts", "slice"),
    *("found_by", "missed_by", "dispute"),
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
            found_by and missed_by (names of readers, a space between two), dispute (share of the readers of the place
            who are in the minority, 0 to 1/2).
        readings: A row for each candidate and reader who read its place: case, patient, label, lesion, size_class,
            reader, found (bool), pieces, volume_ml, splits and merges (as of ``Candidate``), others_found and
            others_read (how many other readers found it, and read the place).
        pictures: Case, label and lesion -> its slice, over the image: the shade is the share of the readers of the
            place who drew a voxel. The most disputed ones.
    """

    tolerance_mm: float
    cases: pd.DataFrame
    lesions: pd.DataFrame
    readings: pd.DataFrame
    pictures: Mapping[Name, Snapshot] = field(default_factory=dict)

    @property
    def disputed(self) -> pd.DataFrame:
        """The rows of ``lesions`` that some reader of the place missed, by ``dispute``, and then the largest first."""
        return _disputed(self.lesions)


def _disputed(lesions: pd.DataFrame) -> pd.DataFrame:
    order = {"dispute": False, "volume_ml": False, "case": True, "label": True, "lesion": True}
    parted = lesions[lesions["dispute"] > 0]
    return parted.sort_values(list(order), ascending=list(order.values())).reset_index(drop=True)


def study_lesions(
    dataset: Dataset,
    *,
    tolerance_mm: float = 0.0,
    structures: Sequence[str] | None = None,
    jobs: int = -1,
    maps: str | PathLike[str] | None = None,
    progress: Progress = lambda _name, steps, _total: steps,
) -> LesionStudy:
    """Find the lesion candidates of a dataset's cases, and which readers found each.

    A reader counts for a candidate if he was asked for the structure and read the place: he drew it, or annotated the
    slices that hold at least half of it.

    Args:
        dataset: The dataset; cases with fewer than two readers are left out.
        tolerance_mm: As for ``find_candidates``. 0 (default): pieces must overlap.
        structures: Names of labels and groups whose pieces are lesions; None (default): all.
        jobs: Number of worker processes; -1 uses all cores.
        maps: Folder in which ``{case}_{label}_lesions.nii.gz``, the numbers of the candidates, is written for each case
            and structure with some; None (default): no maps.
        progress: Called once, with the cases as steps.

    Raises:
        DataError: No case has two readers, or a label map or an image cannot be used.
        UsageError: The tolerance is negative or not finite.
        StoreError: ``maps`` cannot be written.
    """
    expect_tolerance(tolerance_mm)
    cases = cases_of_several(dataset)
    rules = _Rules(
        tolerance_mm, None if structures is None else tuple(structures), None if maps is None else Path(maps)
    )
    steps = in_parallel(_study_case, [(case, rules) for case in cases], jobs)
    found = {one.case: one for one in progress("lesions among readers", steps, len(cases))}
    every = [found[case.id] for case in cases]
    study = LesionStudy(
        tolerance_mm,
        cases=pd.DataFrame([row for one in every for row in one.cases], columns=list(_CASES)),
        lesions=pd.DataFrame([row for one in every for row in one.lesions], columns=list(_LESIONS)),
        readings=pd.DataFrame([row for one in every for row in one.readings], columns=list(_READINGS)),
    )
    pictures = {name: seen for one in every for name, seen in one.pictures.items()}
    return replace(
        study,
        pictures={
            name: with_image(pictures[name], dataset[name[0]], dataset.modality)
            for name in _names(study.disputed.head(_MOST_PICTURES))
        },
    )


def _names(lesions: pd.DataFrame) -> list[Name]:
    return list(lesions[["case", "label", "lesion"]].itertuples(index=False, name=None))


class _Rules(NamedTuple):
    """The rules of a study, the same for all cases."""

    tolerance_mm: float
    structures: tuple[str, ...] | None
    maps: Path | None


class _CaseLesions(NamedTuple):
    """The results of one case."""

    case: str
    cases: Rows
    lesions: Rows
    readings: Rows
    pictures: dict[Name, Snapshot]


def _study_case(case: Case, rules: _Rules) -> _CaseLesions:
    drawn = read_drawn(case)
    result = _CaseLesions(case.id, [], [], [], {})
    found: dict[Name, Candidate] = {}
    for label in drawn.structures if rules.structures is None else rules.structures:
        masks = _read_masks(drawn, label)
        if len(masks) < 2:
            continue
        own = find_candidates(masks, drawn.grid.spacing_mm, annotated=drawn.annotated, tolerance_mm=rules.tolerance_mm)
        who = {"case": case.id, "patient": case.patient or case.id, "label": label}
        for place, reader in enumerate(masks):
            result.cases.append({**who, "reader": reader, "lesions": sum(int(one.found[place]) for one in own)})
        for number, one in enumerate(own, start=1):
            row = {**who, "lesion": number, **_lesion(one, drawn)}
            result.lesions.append(row)
            shared = {name: row[name] for name in ("case", "patient", "label", "lesion", "size_class")}
            result.readings.extend({**shared, **reading} for reading in _readings(one, drawn))
            found[case.id, label, number] = one
        if rules.maps is not None and own:
            safe = re.sub(r"[^\w.-]", "_", label)
            write_volume(_numbered(own, drawn), rules.maps / f"{case.id}_{safe}_lesions.nii.gz")
    disputed = _disputed(pd.DataFrame(result.lesions, columns=list(_LESIONS))).head(_MOST_PICTURES)
    result.pictures.update({name: _snapshot(found[name], drawn) for name in _names(disputed)})
    return result


def _read_masks(drawn: Drawn, label: str) -> dict[str, NDArray[np.bool_]]:
    """Return the masks of a structure of the readers who were asked for it and annotated a slice."""
    if label not in drawn.structures:
        return {}
    return {reader: mask for reader, mask in drawn.asked_masks(label).items() if drawn.annotated[reader].any()}


def _numbered(candidates: Sequence[Candidate], drawn: Drawn) -> Volume:
    numbers = np.zeros(drawn.grid.shape, np.uint16)
    for number, one in enumerate(candidates, start=1):
        numbers[one.where][one.drawn.any(axis=0)] = number
    return drawn.grid.with_array(numbers)


def _snapshot(one: Candidate, drawn: Drawn) -> Snapshot:
    """Show the slice with most of a candidate: the share of the readers of the place who drew each voxel."""
    depth, height, width = one.where
    shade = np.zeros(drawn.grid.shape[1:], np.float32)
    shade[height, width] = np.count_nonzero(one.drawn[:, one.slice - depth.start], axis=0) / one.read.sum()
    return cut_out(shade, one.slice, drawn.grid)


def _lesion(one: Candidate, drawn: Drawn) -> dict[str, Any]:
    volume_ml = float(one.voxels[one.found].mean() * drawn.grid.voxel_ml)
    names, found, read = np.array(one.readers), int(one.found.sum()), int(one.read.sum())
    return {
        "verdict": one.verdict(),
        "found": found,
        "read": read,
        "volume_ml": volume_ml,
        "size_class": size_class(volume_ml),
        "parts": int(one.parts.max()),
        "slice": one.slice,
        "found_by": " ".join(sorted(names[one.found])),
        "missed_by": " ".join(sorted(names[one.read & ~one.found])),
        "dispute": min(found, read - found) / read,
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
