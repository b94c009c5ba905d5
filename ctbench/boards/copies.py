"""Predictions that are copies: of a reader's masks, of the reference, or of another run's predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case, Dataset
from ctbench.matching import LabelMatch, match_labels
from ctbench.reference import Reference
from ctbench.references import read_references
from ctbench.runs import Execution, Run
from ctbench.runs.digests import array_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.phases import chunks
from ctbench.volume import read_volume

__all__ = ["Drawn", "copied_from_run", "copied_from_truth", "drawn_by"]

_MANY = 3
"""So many cases are not alike by chance; of fewer cases all must be."""
_SHARE = 1000
"""Two masks are alike if at most one in so many of their voxels differs."""


@dataclass(frozen=True)
class Drawn:
    """The predicted label map of one case, if it is not empty.

    Args:
        case: Id of the case.
        digest: Digest of the label map in the dataset's codes.
        like: What it is a copy of: readers and references in words.
    """

    case: str
    digest: str
    like: tuple[str, ...]


def drawn_by(run: Run, dataset: Dataset, execution: Execution) -> list[Drawn]:
    """Compare the predictions of a run of a model with the readers' masks and the reference of each case.

    Args:
        run: A verified run.
        dataset: The dataset that it was scored on.
        execution: Processes and progress.

    Returns:
        One for each case with a prediction that is not empty; none for a run of readers.
    """
    card = run.manifest.predictor
    if card is None:
        return []
    cases = tuple(dataset.select(run.manifest.cases))
    match = match_labels(dataset.labels, card.info.labels)
    steps = [(some, run.folder, match, run.manifest.consensus) for some in chunks(cases)]
    found = execution.over(f"compare {run.manifest.rater}", _drawn_in, steps, len(cases))
    return [one for one in found if one is not None]


def copied_from_truth(drawn: Sequence[Drawn]) -> list[str]:
    """Return a sentence for each reader and reference that is copied in many cases."""
    counts = Counter(name for one in drawn for name in one.like)
    return [
        f"in {count} of {len(drawn)} cases the prediction is that of {name}, voxel for voxel"
        for name, count in sorted(counts.items())
        if _is_many(count, len(drawn))
    ]


def copied_from_run(own: Mapping[str, str], other: Mapping[str, str], name: str) -> list[str]:
    """Return a sentence if two runs have the same predictions in many cases.

    Args:
        own: Case -> digest of the prediction.
        other: The same of a run that was verified before.
        name: What to call that run.
    """
    count = sum(other.get(case) == digest for case, digest in own.items())
    said = f"in {count} of {len(own)} cases the prediction is that of {name}, voxel for voxel"
    return [said] if _is_many(count, len(own)) else []


def _is_many(count: int, total: int) -> bool:
    return total > 0 and count >= min(_MANY, total)


def _drawn_in(cases: Iterable[Case], folder: Path, match: LabelMatch, consensus: str) -> list[Drawn | None]:
    return [_drawn(case, RunFolder(folder).prediction(case.id), match, consensus) for case in cases]


def _drawn(case: Case, path: Path, match: LabelMatch, consensus: str) -> Drawn | None:
    labels = match.translate(read_volume(path).array) if path.is_file() else np.zeros(0, np.uint8)
    if not labels.any():
        return None
    masks = {name: np.isin(labels, codes) for name, codes in match.structures.items()}
    readings = read_references(case, consensus, without_each=False)
    like = [
        f"reader {reader}"
        for reader, volume in readings.label_maps.items()
        if _alike(masks, {name: np.isin(volume.array, codes) for name, codes in match.structures.items()})
    ]
    if _is_reference(masks, readings.common, match):
        like.append(f"the reference {readings.common_name}")
    return Drawn(case.id, array_digest(labels.astype(np.int32)), tuple(like))


def _is_reference(masks: Mapping[str, NDArray[np.bool_]], reference: Reference, match: LabelMatch) -> bool:
    """Return whether masks are a reference, with its indeterminate voxels left empty or filled."""
    own = {name: reference.structure(name, codes) for name, codes in match.structures.items()}
    empty = {name: one.labels.astype(bool) for name, one in own.items()}
    filled = {name: one.labels.astype(bool) | one.excluded for name, one in own.items()}
    return _alike(masks, empty) or _alike(masks, filled)


def _alike(masks: Mapping[str, NDArray[np.bool_]], others: Mapping[str, NDArray[np.bool_]]) -> bool:
    """Return whether all masks of a case are alike, and some voxel is in one of them."""
    for name, mask in masks.items():
        other = others[name]
        if mask.shape != other.shape or _SHARE * np.count_nonzero(mask ^ other) > np.count_nonzero(mask | other):
            return False
    return any(mask.any() for mask in masks.values())
