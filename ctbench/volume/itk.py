"""Convert between volumes and SimpleITK images, and read image files with SimpleITK (imported lazily, 0.25 s)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, VolumeFileError
from ctbench.volume.geometry import Geometry, Volume

__all__ = ["from_itk", "last_line", "quiet_itk", "read_file", "read_file_geometry", "simpleitk", "to_itk"]

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

    Raises:
        VolumeFileError: SimpleITK cannot read it, or it is not one number per voxel of a 3D grid.
    """
    with _reading(path) as reader:
        image = reader.Execute()
        _expect_scalar_3d(reader, path)
        return from_itk(image[:, :, :, 0] if image.GetDimension() == 4 else image)


def read_file_geometry(path: Path) -> Geometry:
    """Read the geometry of an image file from its header; raises as ``read_file``."""
    with _reading(path) as reader:
        reader.ReadImageInformation()
        _expect_scalar_3d(reader, path)
        direction: NDArray[np.float64] = np.reshape(reader.GetDirection(), (reader.GetDimension(), -1))
        x, y, z = reader.GetSize()[:3]
        # A broadcast array takes no memory; Volume checks the grid.
        blank = np.broadcast_to(np.uint8(0), (z, y, x))
        spacing, origin = reader.GetSpacing()[2::-1], reader.GetOrigin()[2::-1]
        return Volume(blank, spacing, origin, direction[:3, :3][::-1, ::-1]).geometry


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
def _reading(path: Path) -> Iterator[Any]:
    """Yield a reader for a file; errors inside the block become ``VolumeFileError`` with the path."""
    reader = simpleitk().ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_itk():
            yield reader
    except RuntimeError as error:
        msg = f"{path} cannot be read as a volume: {_reason(error)}"
        raise VolumeFileError(msg) from error
    except DataError as error:
        msg = str(error) if isinstance(error, VolumeFileError) else f"{path} cannot be read as a volume: {error}"
        raise VolumeFileError(msg) from error


def _expect_scalar_3d(reader: Any, path: Path) -> None:
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) != 3 and not (len(size) == 4 and size[3] == 1):
        msg = f"{path} holds {len(size)}D data of size {size} (x, y, ...); expected one 3D volume"
        raise VolumeFileError(msg)
    if components != 1:
        msg = f"{path} holds {components} numbers per voxel (colour, vectors or complex); expected one"
        raise VolumeFileError(msg)


def _reason(error: RuntimeError) -> str:
    if "orthonormal" in str(error):
        return "its axes are not orthonormal (a sheared grid, as from an uncorrected gantry tilt); resample it"
    if "Unable to determine ImageIO" in str(error):
        return "its content is not what its suffix says, or it is damaged"
    if "allocate memory" in str(error) or "bad_alloc" in str(error):
        return "it needs more memory than there is"
    return last_line(error)
