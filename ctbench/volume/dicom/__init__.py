"""Folders of DICOM files, read as volumes."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.correction import convert_series
from ctbench.volume.dicom.series import choose_series, find_series
from ctbench.volume.dicom.stack import Stack, stack_slices
from ctbench.volume.geometry import Volume
from ctbench.volume.itk import last_line, quiet_itk, simpleitk

__all__ = ["read_dicom"]

_log = logging.getLogger("ctbench.volume")


def read_dicom(folder: Path, series: str | None = None) -> Volume:
    """Read one series of a folder of DICOM files (and the folders in it), in HU where it is a CT.

    Which series: the one whose SeriesInstanceUID is ``series``, or whose description has ``series`` in it. Without
    ``series``, there must be exactly one that can be a volume: localizers, colour images and single images are passed
    over. Everything else is refused with the list of series.

    A series of evenly spaced, unshifted slices is read slice by slice; its axes are rows, columns and their normal. A
    series with gantry tilt (by its slices' positions or by its header) or unequal distances goes through dcm2niix,
    which shifts the slices back and resamples them to equal distances; what was found and made of it goes to the log
    ``ctbench.volume`` as information.

    Raises:
        VolumeFileError: no image, no or several series that fit, a damaged file, slices that are not of one volume
            (other patients, sizes, spacings or orientations), doubled or missing slices, or multi-frame files.
    """
    chosen = choose_series(find_series(folder), series, folder)
    stack = stack_slices(chosen)
    tag = stack.slices[0].tilt_degrees
    if not stack.is_tilted and stack.is_even and not tag:
        return _read_stack(stack)
    volume = convert_series(chosen, tilted=stack.is_tilted, uneven=not stack.is_even)
    found = f"gantry tilt {tag:g} degrees, slices sheared by {stack.shear_degrees:.1f} degrees, {stack.gap_ranges}"
    _log.info("DICOM series %s: %s; converted by dcm2niix to %s", chosen, found, volume.geometry)
    return volume


def _read_stack(stack: Stack) -> Volume:
    sitk = simpleitk()
    first = stack.slices[0]
    try:
        # ImageSeriesReader would give all slices the type of the first, whatever their own rescale needs.
        with quiet_itk():
            array = np.stack([sitk.GetArrayFromImage(sitk.ReadImage(str(one.path)))[0] for one in stack.slices])
    except RuntimeError as error:
        msg = f"a DICOM image in {first.path.parent} cannot be read: {last_line(error)}"
        raise VolumeFileError(msg) from error
    width, height = first.spacing_mm
    assert first.position is not None  # checked by stack_slices
    x, y, z = first.position
    return Volume(array, (float(stack.gaps_mm.mean()), height, width), (z, y, x), stack.axes[::-1, ::-1])
