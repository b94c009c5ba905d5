"""Read a folder of DICOM files as a volume."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import VolumeFileError
from ctbench.notices import warn_once
from ctbench.unpacking import expect_believable
from ctbench.volume.dicom.correction import convert_series
from ctbench.volume.dicom.frames import expect_no_larger_frames
from ctbench.volume.dicom.series import Series, choose_series, find_series
from ctbench.volume.dicom.stack import Stack, stack_slices
from ctbench.volume.geometry import Geometry, Volume
from ctbench.volume.itk import last_line, quiet_itk, simpleitk

__all__ = ["read_dicom", "read_dicom_geometry"]

_VOXEL_BYTES = 2
_log = logging.getLogger("ctbench.volume")


def read_dicom(folder: Path, series: str | None = None) -> Volume:
    """Read one series of a folder of DICOM files (and the folders in it), in HU if it is a CT.

    The series is the one whose SeriesInstanceUID is ``series``, or whose description contains ``series``;
    ``soft-tissue`` chooses by the rules of ``ctbench.volume.dicom.softtissue``, and logs what it chose. Without
    ``series``, there must be exactly one that can be a volume: localizers, colour images, segmentations and single
    images are skipped. Files inside a series that cannot be slices (a localizer, a screen capture) are left out, which
    is logged as a warning that names them.
    Anything else is an error, whose message lists the series.

    A series of evenly spaced, unshifted slices is read slice by slice; its axes are rows, columns and their normal. A
    series with gantry tilt (by its slices' positions or by its header) or unequal distances goes through dcm2niix,
    which shifts the slices back and resamples them to equal distances; the correction is logged to ``ctbench.volume``
    as information. Positions that are rounded to 0.1 mm are even where dcm2niix takes them so.

    Raises:
        VolumeFileError: The folder has no image, no or several matching series, a damaged file, slices of different
            volumes (other patients, sizes, spacings or orientations), doubled or missing slices, multi-frame files, or
            compressed frames larger than their header says.
    """
    chosen, stack = _stack(folder, series)
    _expect_bounded_frames(stack)
    return _read_stack(stack) if _is_straight(stack) else _converted(chosen, stack)


def read_dicom_geometry(folder: Path, series: str | None = None) -> Geometry:
    """Read the geometry of a series from the headers of its slices; a series that needs dcm2niix is converted.

    Takes the arguments, and raises the errors, of ``read_dicom``.
    """
    chosen, stack = _stack(folder, series)
    if not _is_straight(stack):
        _expect_bounded_frames(stack)
        return _converted(chosen, stack).geometry
    columns, rows, _ = stack.slices[0].size
    # An array that takes no memory.
    return _placed(np.broadcast_to(np.int16(0), (len(stack.slices), rows, columns)), stack).geometry


def _stack(folder: Path, series: str | None) -> tuple[Series, Stack]:
    chosen = choose_series(find_series(folder), series, folder)
    if chosen.left_out:
        warn_once(f"DICOM series {chosen} in {folder}: left out what cannot be a slice: {', '.join(chosen.left_out)}")
    stack = stack_slices(chosen)
    _expect_bounded(stack)
    return chosen, stack


def _expect_bounded(stack: Stack) -> None:
    """Raise if slices would unpack to gigabytes of nothing, or so would those between them that dcm2niix makes."""
    columns, rows, _ = stack.slices[0].size
    count = len(stack.slices) if stack.is_even else stack.gaps_mm.sum() / stack.gaps_mm.min() + 1
    stored = sum(one.path.stat().st_size for one in stack.slices)
    where = f"DICOM series in {stack.slices[0].path.parent}"
    expect_believable(where, int(columns * rows * count) * _VOXEL_BYTES, stored, VolumeFileError)


def _expect_bounded_frames(stack: Stack) -> None:
    """Raise if a compressed frame is larger than the header of its slice says."""
    for one in stack.slices:
        columns, rows, _ = one.size
        expect_no_larger_frames(one.path, rows, columns)


def _is_straight(stack: Stack) -> bool:
    return not stack.is_tilted and stack.is_even and not stack.slices[0].tilt_degrees


def _converted(chosen: Series, stack: Stack) -> Volume:
    tag, uneven = stack.slices[0].tilt_degrees, not stack.is_even
    rounded = uneven and stack.may_be_rounded and not (stack.is_tilted or tag)
    volume = convert_series(chosen, tilted=stack.is_tilted, uneven=uneven, rounded=rounded)
    if volume is None:
        return _read_stack(stack)
    found = f"gantry tilt {tag:g} degrees, slices sheared by {stack.shear_degrees:.1f} degrees, {stack.gap_ranges}"
    _log.info("DICOM series %s: %s; converted by dcm2niix to %s", chosen, found, volume.geometry)
    return volume


def _read_stack(stack: Stack) -> Volume:
    sitk = simpleitk()
    try:
        # ImageSeriesReader would use the type of the first slice for all, whatever their own rescale needs.
        with quiet_itk():
            array = np.stack(
                [
                    sitk.GetArrayFromImage(sitk.ReadImage(str(one.path), imageIO="GDCMImageIO"))[0]
                    for one in stack.slices
                ]
            )
    except RuntimeError as error:
        msg = f"a DICOM image in {stack.slices[0].path.parent} cannot be read: {last_line(error)}"
        raise VolumeFileError(msg) from error
    return _placed(array, stack)


def _placed(array: NDArray[Any], stack: Stack) -> Volume:
    first = stack.slices[0]
    width, height = first.spacing_mm
    assert first.position is not None  # checked by stack_slices
    x, y, z = first.position
    return Volume(array, (stack.step_mm, height, width), (z, y, x), stack.axes[::-1, ::-1])
