"""Options of commands that read and write label maps, and reading of masks whose labels stand in the files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ctbench.labels import LabelSet

__all__ = ["Format", "MaskImage", "found_labels", "named_labels"]

Format = Annotated[
    Literal["nifti", "seg.nrrd", "dicom-seg"],
    typer.Option(
        "--format",
        help="Format of the label maps: NIfTI, 3D Slicer, or DICOM SEG, which needs images that are DICOM series.",
    ),
]
MaskImage = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="PATH",
        help="Image that the masks lie on; DICOM SEG, RTSTRUCT and cropped segmentations need it.",
    ),
]


def named_labels(paths: Sequence[Path]) -> LabelSet | None:
    """Return labels with the names of the segments in some files, numbered from 1; None for label maps, with codes.

    Raises:
        UsageError: Some files name their segments, others have codes only.
        DataError: A file is damaged.
    """
    from ctbench.annotations import name_of_all, segment_names

    names = {path: segment_names(path) for path in paths}
    coded = [path for path, found in names.items() if found is None]
    if coded and len(coded) < len(names):
        named = next(path for path in paths if names[path] is not None)
        msg = f"{named} names its segments, {coded[0]} has codes only; describe them in a dataset's YAML (--dataset)"
        raise UsageError(msg)
    return None if coded else name_of_all(found for found in names.values() if found)


def found_labels(arrays: Iterable[np.ndarray]) -> LabelSet:
    """Return a label set of all codes in some label maps, called ``label-CODE``; empty if there is none but 0."""
    import numpy as np

    from ctbench.labels import LabelSet

    codes = sorted({int(code) for array in arrays for code in np.unique(array)} - {0})
    return LabelSet({f"label-{code}": code for code in codes})
