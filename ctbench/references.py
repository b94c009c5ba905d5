"""The references of a case: the consensus of its readers, with and without each of them, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.annotations import MadeBy, MapFormat, drawn_by_anyone, write_annotation
from ctbench.consensus import fuse, indeterminate_share, leave_one_out, vote_share
from ctbench.datasets import Case, LabelMaps
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume, write_volume

__all__ = ["Readings", "common_reference", "read_references", "write_consensus"]


@dataclass(frozen=True)
class Readings:
    """What the readers of a case drew, and the references made of it.

    Args:
        case: Id of the case.
        label_maps: Reader -> label map, in the dataset's codes.
        annotated: Reader -> z bool, the slices that this reader annotated; None: all.
        references: Name (``majority``, ``majority-without-reader2``, ``given``) -> reference; the first is the one of
            all readers.
        without: Reader -> name of the reference made without this reader.
        grid: A volume on the case's grid.
    """

    case: str
    label_maps: Mapping[str, Volume]
    annotated: Mapping[str, NDArray[np.bool_] | None]
    references: Mapping[str, Reference]
    without: Mapping[str, str]
    grid: Volume

    @property
    def common_name(self) -> str:
        """The name of the reference of all readers, or of the given one."""
        return next(iter(self.references))

    @property
    def common(self) -> Reference:
        """The reference of all readers, or the given one."""
        return self.references[self.common_name]

    def references_of(self, reader: str) -> dict[str, Reference]:
        """Return the references on which a reader is scored: the common one, and the one made without this reader.

        Slices that this reader did not annotate do not count.
        """
        names = [self.common_name, *([self.without[reader]] if reader in self.without else [])]
        annotated = self.annotated[reader]
        return {
            name: reference if annotated is None else replace(reference, annotated=reference.annotated & annotated)
            for name, reference in self.references.items()
            if name in names
        }


def common_reference(case: Case, consensus: str = "majority") -> Reference:
    """Return the reference of a case alone: what its readers are fused into, or the one that is given.

    Args:
        case: Case with readers, or with one reference that is given.
        consensus: The rule, as in ``ctbench.consensus.fuse``.

    Raises:
        DataError: The case has neither readers nor a reference, or a file of them cannot be used.
    """
    return read_references(case, consensus, without_each=False).common


def read_references(case: Case, consensus: str = "majority", *, without_each: bool = True) -> Readings:
    """Read the label maps of a case and fuse them, with and without each reader.

    Args:
        case: Case with readers, or with one reference that is given.
        consensus: The rule, as in ``ctbench.consensus.fuse``.
        without_each: Whether to make the references without each reader, too. Default: yes.

    Raises:
        DataError: The case has neither readers nor a reference, or a file of them cannot be used.
    """
    given = _given(case)
    if given is not None:
        reference, grid = given
        return Readings(case.id, {}, {}, {reference.method: reference}, {}, grid)
    drawn = _drawn(case)
    rules: dict[str, Any] = {"groups": case.labels, "asked": drawn.asked, "weights": drawn.weights}
    everyone = fuse(drawn.arrays, consensus, drawn.annotated, **rules)
    others = {}
    if without_each and len(drawn.volumes) > 1:
        others = leave_one_out(drawn.arrays, consensus, drawn.annotated, **rules)
    references = {everyone.method: everyone, **{reference.method: reference for reference in others.values()}}
    without = {reader: reference.method for reader, reference in others.items()}
    return Readings(case.id, drawn.volumes, drawn.annotated, references, without, drawn.grid)


def _given(case: Case) -> tuple[Reference, Volume] | None:
    """Return the released reference, and a volume on its grid; None if the case has none.

    Voxels with the dataset's code ``ignore`` do not count.
    """
    shares = case.shares()
    if shares is not None:
        grid = drawn_by_anyone(shares)
        arrays = {label: volume.array for label, volume in shares.items()}
        return Reference.of_shares(arrays, case.labels, case.annotated(None, grid)), grid
    mask = case.reference()
    if mask is None:
        return None
    reference, ignored = Reference.of(mask.array, case.annotated(None, mask)), case.ignored()
    return (reference if ignored is None else replace(reference, excluded=reference.excluded | ignored)), mask


def _drawn(case: Case) -> LabelMaps:
    if not case.readers:
        msg = f"case {case.id} has neither a reader nor a reference; expected one to score against or to learn from"
        raise DataError(msg)
    return case.label_maps()


def write_consensus(
    case: str,
    drawn: LabelMaps,
    labels: LabelSet,
    consensus: str,
    folder: Path,
    *,
    form: MapFormat = MapFormat.NIFTI,
    source: Path | None = None,
    series: str | None = None,
) -> pd.DataFrame:
    """Fuse the label maps of a case's readers and write the reference.

    Args:
        case: Id of the case, which the file names begin with.
        drawn: The readers' label maps, and the slices that each annotated.
        labels: Names and codes of the structures; groups are counted too.
        consensus: The rule, as in ``ctbench.consensus.fuse``.
        folder: Folder of ``{case}_labels`` in the chosen format, ``{case}_excluded.nii.gz`` (1 for a voxel that is not
            counted) and ``{case}_vote_share.nii.gz`` (the share of readers who agree with the reference, in [0, 1]).
        form: Format of the labels. Default: NIfTI.
        source: Image of the case; DICOM SEG needs the folder of its DICOM series.
        series: Which series of that folder, as in ``ctbench.read_volume``.

    Returns:
        The columns of ``ctbench.consensus.indeterminate_share`` after a column ``case``.

    Raises:
        DataError: There are no label maps, or ``source`` is no DICOM series with their slices.
        UsageError: DICOM SEG is asked for without a source, or needs a package that is not installed.
    """
    if not drawn.volumes:
        msg = f"case {case} has no readers to fuse"
        raise DataError(msg)
    arrays, annotated = drawn.arrays, drawn.annotated
    reference = fuse(arrays, consensus, annotated, groups=labels, asked=drawn.asked, weights=drawn.weights)
    grid = drawn.grid
    share = vote_share(arrays, reference, annotated, asked=drawn.asked, weights=drawn.weights)
    made_by = MadeBy(f"{reference.method} of {len(arrays)} readers", version("ctbench"), automatic=False)
    fused = grid.with_array(reference.labels)
    write_annotation(fused, labels, folder / f"{case}_labels", form=form, made_by=made_by, source=source, series=series)
    for name, array in (("excluded", reference.uncounted), ("vote_share", share)):
        write_volume(grid.with_array(array), folder / f"{case}_{name}.nii.gz")
    frame = indeterminate_share(arrays, reference, labels, annotated)
    frame.insert(0, "case", case)
    return frame
