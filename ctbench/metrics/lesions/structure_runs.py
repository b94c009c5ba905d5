"""The runs of each structure in a reference and in a prediction, listed in one pass over both label maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ctbench.labels import LabelSet
from ctbench.metrics.comparison import PlainReference
from ctbench.metrics.crop import LabelMap
from ctbench.metrics.inputs import as_comparison, as_spacing
from ctbench.metrics.lesions.runs import Runs, difference, list_runs, runs_of_voxels, union
from ctbench.metrics.structures import Codes, Structure, structures
from ctbench.reference import Reference

__all__ = ["StructureRuns", "structure_runs"]


@dataclass(frozen=True, eq=False)
class StructureRuns:
    """One structure in a reference and in a prediction.

    Args:
        structure: The structure, with its tolerance.
        spacing_mm: Spacing along z,y,x.
        shape: Number of voxels of the image along z,y,x.
        reference: Runs of the reference.
        prediction: Runs of the prediction.
        uncounted: Runs of the voxels that do not count.
        possible: Runs of the excluded voxels in which some reader drew the structure.
    """

    structure: Structure
    spacing_mm: tuple[float, float, float]
    shape: tuple[int, int, int]
    reference: Runs
    prediction: Runs
    uncounted: Runs
    possible: Runs

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, in mL."""
        return float(np.prod(self.spacing_mm)) / 1000

    @property
    def diagonal_mm(self) -> float:
        """Diagonal of the image, in mm."""
        return float(np.linalg.norm(np.multiply(self.shape, self.spacing_mm)))


def structure_runs(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    tolerance_mm: float | Mapping[str, float] = 1.0,
) -> Iterator[StructureRuns]:
    """Yield the runs of each structure.

    Args:
        reference: A Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: Spacing along z,y,x.
        labels: A label set, whose labels and groups are both listed, or name -> code or codes.
        tolerance_mm: Tolerance of the NSD of lesions in mm: one for all structures, or name -> tolerance.

    Raises:
        CtbenchError: As ``metrics.score`` does.
    """
    targets, spacing = structures(labels, tolerance_mm), as_spacing(spacing_mm)
    comparison = as_comparison([reference], prediction, {code for structure in targets for code in structure.codes})
    (given,) = comparison.references
    in_reference, in_prediction = _by_code(given.labels), _by_code(comparison.prediction)
    excluded = _NONE if given.excluded is None else list_runs(given.excluded.view(np.uint8))[0]
    unannotated = _unannotated(given)
    for structure in targets:
        drawn, possible, left_out = _of_codes(in_reference, structure.codes), _possible(given, structure), excluded
        group = given.groups.get(structure.name)
        if group is not None:
            at = np.array(group.at)
            contested = runs_of_voxels(at)
            drawn = union(difference(drawn, contested), runs_of_voxels(at[:, group.drawn]))
            left_out = union(difference(excluded, contested), possible)
        yield StructureRuns(
            structure,
            spacing,
            comparison.shape,
            drawn,
            _of_codes(in_prediction, structure.codes),
            union(left_out, unannotated) if len(unannotated) else left_out,
            difference(possible, drawn),
        )


_NONE: Runs = np.empty((0, 4), np.int32)


def _by_code(label_map: LabelMap) -> dict[int, Runs]:
    runs, codes = list_runs(label_map)
    order = np.argsort(codes, kind="stable")
    runs, codes = runs[order], codes[order]
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])[: len(codes)])
    ends = pairwise([*first.tolist(), len(codes)])
    return {code: runs[start:stop] for code, (start, stop) in zip(codes[first].tolist(), ends, strict=True)}


def _of_codes(by_code: Mapping[int, Runs], codes: Sequence[int]) -> Runs:
    """Return the runs of the voxels that hold one of some codes."""
    found = [by_code[code] for code in codes if code in by_code]
    return found[0] if len(found) == 1 else union(*found)


def _possible(given: PlainReference, structure: Structure) -> Runs:
    """Return the runs of the excluded voxels that may hold a structure."""
    group = given.groups.get(structure.name)
    if group is not None:
        return runs_of_voxels(np.array(group.at)[:, group.excluded])
    return union(*(runs_of_voxels(given.possible_at[code]) for code in structure.codes if code in given.possible_at))


def _unannotated(given: PlainReference) -> Runs:
    """Return the rows of all slices that nobody annotated."""
    _, height, width = given.labels.shape
    slices = np.flatnonzero(~given.annotated) if given.annotated is not None else np.arange(0)
    z, y = np.repeat(slices, height), np.tile(np.arange(height), len(slices))
    return np.stack([z, y, np.zeros_like(z), np.full_like(z, width)], axis=1).astype(np.int32)
