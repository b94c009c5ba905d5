"""Files of shares of votes: one per structure, with the share of readers who drew it in each voxel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ctbench.annotations.reading import StructureFiles, annotation_geometry
from ctbench.annotations.segments import Naming, Segment, match_names
from ctbench.errors import DataError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.probability_codes import read_codes
from ctbench.volume import Geometry, Volume, on_grid, read_volume

__all__ = ["drawn_by_anyone", "read_shares"]


def read_shares(
    files: StructureFiles,
    labels: LabelSet,
    *,
    image: Geometry | None = None,
    image_name: str = "its image",
    naming: Naming | None = None,
) -> dict[str, Volume]:
    """Read shares of votes on the grid of their image.

    Args:
        files: One file per structure, of floats from 0 to 1, or uint8 codes c for c / 255.
        labels: The label set; shares of structures that are one label by an alias are added.
        image: Grid of the image. None (default): the grid of the first file.
        image_name: Name of the image in messages.
        naming: Aliases of names. Default: none.

    Returns:
        Label -> z,y,x float32 from 0 to 1.

    Raises:
        LabelError: A name has no label.
        GeometryError: The voxels of a file do not lie on the grid.
        VolumeFileError: A file cannot be read, or holds no shares.
    """
    grid = image or annotation_geometry(files)
    unmasked = np.zeros((0, 0, 0), bool)
    matched = match_names(
        [Segment(name, unmasked) for name, _ in files.files], labels, naming or Naming(), f"the shares {files}"
    )
    found: dict[str, NDArray[np.float32]] = {}
    for (_, path), label in zip(files.files, matched, strict=True):
        if label is not None:
            read = on_grid(read_volume(path, shape=grid.shape), grid, found_name=str(path), expected_name=image_name)
            try:
                share = read_codes(read.array, f"the shares in {path}")
            except DataError as error:
                raise VolumeFileError(str(error)) from error
            found[label] = found[label] + share if label in found else share
    if not found:  # aliases leave out each structure of this case
        found[next(iter(labels))] = np.zeros(grid.shape, np.float32)
    return {label: grid.volume_of(share) for label, share in found.items()}


def drawn_by_anyone(shares: Mapping[str, Volume]) -> Volume:
    """Return a mask, 1 where some reader drew some label, of shares as ``read_shares`` returns them."""
    first = next(iter(shares.values()))
    drawn = np.zeros(first.shape, np.uint8)
    for share in shares.values():
        drawn |= share.array > 0
    return first.with_array(drawn)
