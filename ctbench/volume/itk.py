"""Convert between volumes and SimpleITK images, and read image files with SimpleITK (imported lazily, 0.25 s)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, VolumeFileError
from ctbench.notices import warn_once
from ctbench.volume.geometry import Geometry, Volume
from ctbench.volume.placements import StatedGrid, read_stated_grid
from ctbench.volume.signatures import described_content

__all__ = [
    "from_itk",
    "last_line",
    "quiet_itk",
    "read_file",
    "read_file_geometry",
    "read_header_fields",
    "read_layers",
    "simpleitk",
    "to_itk",
]

_PERMISSIVE = "ITK_NIFTI_SFORM_PERMISSIVE"
_STORED_AS = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}
"""Types without a counterpart in image files -> the type in which they are stored without loss."""
_ITK_PREFIX = re.compile(r"^(sitk|itk|ITK)?:*\s*(ERROR: )?(\w+\(0x[0-9a-f]+\): )?")


def simpleitk() -> Any:
    """Return the module SimpleITK, imported on first use; as Any, because its functions have no types."""
    import SimpleITK

    return SimpleITK


def to_itk(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image; bool becomes uint8 and float16 float32.

    Raises:
        DataError: SimpleITK has no pixel type for the array's dtype.
    """
    sitk = simpleitk()
    array = volume.array.astype(_STORED_AS.get(volume.array.dtype, volume.array.dtype), copy=False)
    try:
        image = sitk.GetImageFromArray(array)
    except (KeyError, TypeError) as error:
        msg = f"an array of {array.dtype} cannot be an image; convert it to an integer or float type first"
        raise DataError(msg) from error
    image.SetSpacing(volume.spacing_mm[::-1])
    image.SetOrigin(volume.origin_mm[::-1])
    image.SetDirection(volume.direction[::-1, ::-1].ravel().tolist())
    return image


def from_itk(image: Any) -> Volume:
    """Return a three-dimensional SimpleITK image as a volume of the same dtype.

    Raises:
        DataError: the image is not three-dimensional, or its direction is not orthonormal.
    """
    sitk = simpleitk()
    direction: NDArray[np.float64] = np.reshape(image.GetDirection(), (image.GetDimension(), -1))
    array = sitk.GetArrayFromImage(image)
    return Volume(array, image.GetSpacing()[::-1], image.GetOrigin()[::-1], direction[::-1, ::-1])


def read_file(path: Path) -> Volume:
    """Read an image file in a format of SimpleITK; a fourth axis of length 1 is dropped.

    The lengths are in mm, whatever unit the header states. A NIfTI whose qform and sform differ has both placements,
    and that is logged as a warning.

    Raises:
        VolumeFileError: SimpleITK cannot read it, it is not one number per voxel of a 3D grid, or its header states no
            spacing.
    """
    with _reading(path) as (reader, stated):
        image = reader.Execute()
        _expect_scalar_3d(reader, path)
        return _placed(from_itk(image[:, :, :, 0] if image.GetDimension() == 4 else image), stated, path)


def read_file_geometry(path: Path) -> Geometry:
    """Read the geometry of an image file from its header; raises as ``read_file``."""
    with _reading(path) as (reader, stated):
        reader.ReadImageInformation()
        _expect_scalar_3d(reader, path)
        direction: NDArray[np.float64] = np.reshape(reader.GetDirection(), (reader.GetDimension(), -1))
        x, y, z = reader.GetSize()[:3]
        # A broadcast array takes no memory; Volume checks the grid.
        blank = np.broadcast_to(np.uint8(0), (z, y, x))
        spacing, origin = reader.GetSpacing()[2::-1], reader.GetOrigin()[2::-1]
        return _placed(Volume(blank, spacing, origin, direction[:3, :3][::-1, ::-1]), stated, path).geometry


def read_layers(path: Path) -> tuple[Volume, ...]:
    """Read a 3D file with one or more numbers per voxel as one volume for each of them; raises as ``read_file``."""
    with _reading(path) as (reader, stated):
        image, count = reader.Execute(), reader.GetNumberOfComponents()
        if image.GetDimension() != 3:
            msg = f"{path} holds {image.GetDimension()}D data of size {image.GetSize()} (x, y, ...); expected 3D layers"
            raise VolumeFileError(msg)
        select = simpleitk().VectorIndexSelectionCast
        layers = [image] if count == 1 else [select(image, layer) for layer in range(count)]
        return tuple(_placed(from_itk(layer), stated, path) for layer in layers)


def read_header_fields(path: Path) -> dict[str, str]:
    """Read the fields that a program added to the header of an image file; raises as ``read_file``."""
    with _reading(path) as (reader, _):
        reader.ReadImageInformation()
        return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}


def _placed(volume: Volume, stated: StatedGrid, path: Path) -> Volume:
    """Return the volume with its lengths in mm, and with all placements that its file states."""
    if stated.mm_per_unit != 1:
        spacing, origin = (np.multiply(values, stated.mm_per_unit) for values in (volume.spacing_mm, volume.origin_mm))
        return Volume(volume.array, tuple(spacing), tuple(origin), volume.direction)
    if not stated.placements:
        return volume
    # ITK chooses by the codes: the nearest of the two is the one that it took.
    read = min(stated.placements, key=lambda one: _distance(one, volume.geometry))
    others = tuple(one for one in stated.placements if one is not read)
    if not read.is_assumed:
        _warn_of_placements(path, read, others[0])
    return replace(volume, name=read.name, others=others)


def _distance(one: Geometry, other: Geometry) -> float:
    pairs = ((one.origin_mm, other.origin_mm), (one.direction, other.direction))
    return max(float(np.abs(np.subtract(mine, theirs)).max()) for mine, theirs in pairs)


def _warn_of_placements(path: Path, read: Geometry, other: Geometry) -> None:
    what = ", ".join(name.removesuffix("_mm") for name in read.differences(other))
    warn_once(
        f"{path} is placed in two ways by its header, which differ in {what}: by its {read.name}, and by its "
        f"{other.name}; the former is used here"
    )


def last_line(error: RuntimeError) -> str:
    """Return the last line of an ITK error, without the class and address at its start."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _ITK_PREFIX.sub("", lines[-1]) if lines else "no reason given"


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Suppress ITK's warnings on stderr inside the block; errors are still raised."""
    sitk = simpleitk()
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


@contextmanager
def _reading(path: Path) -> Iterator[tuple[Any, StatedGrid]]:
    """Yield a reader for a file, and what its header states; errors in the block become ``VolumeFileError``."""
    stated = read_stated_grid(path)
    reader = simpleitk().ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_itk(), _shear_allowed(stated.sheared):
            yield reader, stated
    except RuntimeError as error:
        msg = f"{path} cannot be read as a volume: {_reason(error, path)}"
        raise VolumeFileError(msg) from error
    except DataError as error:
        msg = str(error) if isinstance(error, VolumeFileError) else f"{path} cannot be read as a volume: {error}"
        raise VolumeFileError(msg) from error


@contextmanager
def _shear_allowed(allowed: bool) -> Iterator[None]:
    """Let ITK take the nearest rotation of a sheared sform inside the block, instead of refusing it."""
    before = os.environ.get(_PERMISSIVE)
    if allowed:
        os.environ[_PERMISSIVE] = "ON"
    try:
        yield
    finally:
        if allowed and before is None:
            del os.environ[_PERMISSIVE]
        elif allowed and before is not None:
            os.environ[_PERMISSIVE] = before


def _expect_scalar_3d(reader: Any, path: Path) -> None:
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) != 3 and not (len(size) == 4 and size[3] == 1):
        msg = f"{path} holds {len(size)}D data of size {size} (x, y, ...); expected one 3D volume"
        raise VolumeFileError(msg)
    if components != 1:
        msg = f"{path} holds {components} numbers per voxel (colour, vectors or complex); expected one"
        raise VolumeFileError(msg)


def _reason(error: RuntimeError, path: Path) -> str:
    if "orthonormal" in str(error):
        return "its axes are not orthonormal (a sheared grid, as from an uncorrected gantry tilt); resample it"
    if "Unable to determine ImageIO" in str(error):
        content = described_content(path)
        return f"its content is {content}" if content else "its content is not what its suffix says, or it is damaged"
    if "allocate memory" in str(error) or "bad_alloc" in str(error):
        return "it needs more memory than there is"
    return last_line(error)
