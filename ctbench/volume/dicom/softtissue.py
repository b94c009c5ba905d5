"""Choice of a study's axial soft-tissue series by its headers: modality, origin, contrast, plane, kernel, thickness."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from ctbench.volume.dicom.series import Series

__all__ = ["SOFT_TISSUE", "Sharpness", "fit_soft_tissue", "sharpness"]

Sharpness = Literal["soft", "sharp", "unknown"]

SOFT_TISSUE = "soft-tissue"
"""What is given in place of a series' name, so that the rules choose."""

_THICKNESS_MM = 5.0
"""Slice thickness of routine head CT, which the rules prefer."""
_ALIKE_MM = 0.01
_PLANES = ("sagittal", "coronal", "axial")
_DERIVED = {"DERIVED", "SECONDARY", "MPR", "MIP", "MINIP", "AVERAGE", "REFORMATTED", "RESAMPLED"}

_SHARP_WORDS, _SOFT_WORDS = re.compile("BONE|LUNG|EDGE|SHARP|ULTRA"), re.compile("SOFT|STANDARD|STND|BRAIN|SMOOTH")
_SHARP_PHILIPS, _SOFT_PHILIPS = {"D", "E", "L", "YA", "YB", "YC", "YD"}, {"A", "B", "UA", "UB", "UC"}
_CANON, _SHARP_CANON, _SOFT_CANON = re.compile(r"FC(\d\d)"), {3, 5, 8}, {0, 1, 2, 6}
"""FC and two digits, of which the first says what it is for: 3 and 8 bone, 5 lung, 0 to 2 and 6 body and head."""
_SIEMENS, _SHARP_SIEMENS = re.compile(r"[A-Z]{1,2}(\d\d)[A-Z]{0,2}"), 50
"""Letters, a number that rises with sharpness, and a letter: H31s, J40s, Hr64h."""


def fit_soft_tissue(found: Sequence[Series]) -> tuple[tuple[Series, ...], dict[str, str]]:
    """Return the series that the rules cannot tell apart, one where they choose, and the reason for or against each.

    1. A volume of CT, in axial slices: the normal is nearer to the body's long axis than to any other.
    2. As it was reconstructed: the image type does not say derived, secondary or a reformat.
    3. No contrast agent is stated.
    4. The convolution kernel is not a sharp one (bone, lung); one that is known as soft comes before unknown ones.
       Without a kernel the series' description is searched for such words.
    5. Of these, the slice thickness that is nearest to 5 mm.

    Args:
        found: All series of a study.

    Returns:
        The series that fit best, and UID -> what was found.
    """
    reasons = {one.uid: _fault(one) for one in found}
    fitting = [one for one in found if not reasons[one.uid]]
    if any(_sharpness(one) == "soft" for one in fitting):
        for one in fitting:
            if _sharpness(one) != "soft":
                reasons[one.uid] = f"{_kernel(one)}, not known as soft"
        fitting = [one for one in fitting if not reasons[one.uid]]
    distances = {one.uid: abs((one.slices[0].thickness_mm or np.inf) - _THICKNESS_MM) for one in fitting}
    least = min(distances.values(), default=0.0)
    for one in fitting:
        reasons[one.uid] = f"axial, {_kernel(one)}, {_thickness(one)}, not derived"
    nearest = tuple(one for one in fitting if distances[one.uid] <= least + _ALIKE_MM)
    return nearest, reasons


def sharpness(kernel: str) -> Sharpness:
    """Return what a convolution kernel is for: soft tissue, or bone and lung; ``unknown`` for names not known here.

    Knows the names of GE, Siemens (from 50 on: sharp), Canon or Toshiba, and Philips.

    Args:
        kernel: DICOM's ConvolutionKernel, or words of a description.

    Example:
        >>> [sharpness(name) for name in ("H31s", "Hr64h", "FC30", "UB", "BONEPLUS", "DETAIL")]
        ['soft', 'sharp', 'sharp', 'soft', 'sharp', 'unknown']
    """
    name = kernel.partition("\\")[0].strip().upper()
    if canon := _CANON.match(name):
        tens = int(canon[1]) // 10
        return "sharp" if tens in _SHARP_CANON else "soft" if tens in _SOFT_CANON else "unknown"
    if siemens := _SIEMENS.fullmatch(name):
        return "sharp" if int(siemens[1]) >= _SHARP_SIEMENS else "soft"
    if _SHARP_WORDS.search(name) or name in _SHARP_PHILIPS:
        return "sharp"
    return "soft" if _SOFT_WORDS.search(name) or name in _SOFT_PHILIPS else "unknown"


def _fault(series: Series) -> str:
    """Return why a series is none of soft tissue, empty if it may be one."""
    first = series.slices[0]
    if not series.is_volume:
        return "cannot be a volume"
    if first.modality != "CT":
        return f"modality {first.modality or 'not stated'}, not CT"
    if first.orientation is None:
        return "no orientation"
    if derived := sorted(_DERIVED.intersection(first.image_type.upper().split("\\"))):
        return f"image type {' '.join(derived)}"
    if first.contrast:
        return "with contrast agent"
    plane = _PLANES[int(np.abs(np.cross(first.orientation[:3], first.orientation[3:])).argmax())]
    if plane != "axial":
        return plane
    return f"sharp {_kernel(series)}" if _sharpness(series) == "sharp" else ""


def _sharpness(series: Series) -> Sharpness:
    return sharpness(series.slices[0].kernel or series.description)


def _kernel(series: Series) -> str:
    kernel = series.slices[0].kernel
    return f"kernel {kernel!r}" if kernel else f"kernel not stated, description {series.description!r}"


def _thickness(series: Series) -> str:
    thickness = series.slices[0].thickness_mm
    return "thickness not stated" if thickness is None else f"{thickness:g} mm"
