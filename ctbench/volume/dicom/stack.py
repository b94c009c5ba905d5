"""Order, gaps and gantry tilt of the slices of a DICOM series, and checks that they form one volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.series import Series, Slice
from ctbench.volume.geometry import TOLERANCE, nearest_rotation

__all__ = ["Stack", "stack_slices"]

_SAME_MM = 0.01
"""Two slices closer than this, in mm, are duplicates."""
_EVEN_MM = 0.05
"""Largest distance of a slice from its place in an even stack, in mm: scanners round positions."""
_ROUNDING_MM = 0.2
"""Positions rounded to 0.1 mm put a slice, and the ends of its stack, up to this far from an even place, in mm."""
_STEEPEST_DEGREES = 45.0
"""Gantries tilt by up to 30 degrees; a header with a larger tilt is wrong."""
_STRAIGHT_DEGREES = 0.1
"""A smaller tilt moves the last slice of a head by less than a voxel."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in the order of their positions along the slices' normal.

    Args:
        slices: The slices in that order.
        axes: 3 x 3, columns are the directions (x, y, z) of rows, columns and the normal.
        gaps_mm: Distances of neighbouring slices along the normal.
        shear_degrees: Angle between the normal and the line through the slices' positions, 0 in a straight stack.
    """

    slices: tuple[Slice, ...]
    axes: NDArray[np.float64]
    gaps_mm: NDArray[np.float64]
    shear_degrees: float

    @property
    def step_mm(self) -> float:
        """Distance of neighbouring slices: the mean gap, or the best fit through rounded positions."""
        if self.is_even:
            return float(self.gaps_mm.mean())
        places = np.concatenate([[0.0], np.cumsum(self.gaps_mm)])
        return float(np.polyfit(np.arange(len(places)), places, 1)[0])

    @property
    def is_tilted(self) -> bool:
        """Whether the slices are shifted against each other, as with a tilted gantry."""
        height = float(self.gaps_mm.sum())
        return self.shear_degrees > _STRAIGHT_DEGREES and np.tan(np.radians(self.shear_degrees)) * height > _ROUNDING_MM

    @property
    def is_even(self) -> bool:
        """Whether all gaps are alike."""
        return self._unevenness_mm <= _EVEN_MM

    @property
    def may_be_rounded(self) -> bool:
        """Whether the gaps differ by no more than positions do that are rounded to 0.1 mm."""
        return self._unevenness_mm <= _ROUNDING_MM

    @property
    def _unevenness_mm(self) -> float:
        """Largest distance of a slice from its place in an even stack."""
        places = np.concatenate([[0.0], np.cumsum(self.gaps_mm)])
        return float(np.abs(places - np.linspace(0, places[-1], len(places))).max())

    @property
    def gap_ranges(self) -> str:
        """The gaps in words, runs of equal ones together: ``13 x 4.22, 1 x 1.14, 13 x 7.38 mm``."""
        runs: list[tuple[int, float]] = []
        for gap in self.gaps_mm.tolist():
            if runs and abs(runs[-1][1] - gap) <= _EVEN_MM:
                runs[-1] = (runs[-1][0] + 1, runs[-1][1])
            else:
                runs.append((1, gap))
        return ", ".join(f"{count} x {gap:.2f}" for count, gap in runs) + " mm"


def stack_slices(series: Series) -> Stack:
    """Return the slices of a series in order.

    Raises:
        VolumeFileError: Several frames in one file; slices of several patients, sizes, spacings or orientations,
            without a position, at the same position, or with one missing between two others; directions that are not
            orthonormal, or a gantry tilt that no scanner has.
    """
    if any(one.size[2] > 1 for one in series.slices):
        msg = f"DICOM series {series} has several frames in one file; convert it to NIfTI with dcm2niix"
        raise VolumeFileError(msg)
    _expect_alike(series)
    first = series.slices[0]
    if first.orientation is None or any(one.position is None for one in series.slices):
        msg = f"DICOM series {series} has slices without a position or orientation; expected a volume"
        raise VolumeFileError(msg)
    if not first.spacing_mm:
        msg = (
            f"DICOM series {series} states no pixel spacing (PixelSpacing) in {first.path.name}; expected two positive "
        )
        msg += "numbers in mm; export it again"
        raise VolumeFileError(msg)
    if len(series.slices) < 2:
        msg = f"DICOM series {series} is a single slice; expected a volume"
        raise VolumeFileError(msg)
    along_row, along_column = np.reshape(first.orientation, (2, 3))
    _expect_possible(series, along_row, along_column)
    along_row, along_column = (along / np.linalg.norm(along) for along in (along_row, along_column))
    axes = nearest_rotation(np.column_stack([along_row, along_column, np.cross(along_row, along_column)]))
    # In the stack's own axes: in-plane offsets, and the place along the normal.
    places = np.array([one.position for one in series.slices]) @ axes
    order = np.argsort(places[:, 2], kind="stable")
    slices, places = tuple(series.slices[index] for index in order), places[order]
    gaps = np.diff(places[:, 2])
    _expect_whole(series, slices, gaps)
    shift = places[-1] - places[0]
    shear = float(np.degrees(np.arctan2(np.hypot(shift[0], shift[1]), shift[2])))
    return Stack(slices, axes, gaps, shear)


def _expect_possible(series: Series, along_row: NDArray[np.float64], along_column: NDArray[np.float64]) -> None:
    lengths = [along_row @ along_row, along_column @ along_column]
    if not (np.allclose(lengths, 1, rtol=0, atol=1e-2) and abs(along_row @ along_column) <= TOLERANCE):
        msg = f"DICOM series {series} has rows along {along_row} and columns along {along_column} (x, y, z); expected "
        msg += "two directions at right angles; export it again"
        raise VolumeFileError(msg)
    if not all(abs(one.tilt_degrees) <= _STEEPEST_DEGREES for one in series.slices):
        msg = f"DICOM series {series} has a gantry tilt of {series.slices[0].tilt_degrees:g} degrees in its header"
        msg += f"; expected at most {_STEEPEST_DEGREES:g}"
        raise VolumeFileError(msg)


def _expect_alike(series: Series) -> None:
    first = series.slices[0]
    for one in series.slices[1:]:
        for what, here, there in (
            ("patients", one.patient, first.patient),
            ("sizes", one.size, first.size),
            ("pixel spacings", one.spacing_mm, first.spacing_mm),
            ("orientations", one.orientation, first.orientation),
        ):
            if not _alike(here, there):
                # A patient's identifier has no place in a message that may be sent around.
                values = "" if what == "patients" else f", {there} and {here}"
                msg = (
                    f"DICOM series {series} mixes {what}{values}: {first.path.name} and {one.path.name}; "
                    f"keep the slices of one volume"
                )
                raise VolumeFileError(msg)


def _alike(here: object, there: object) -> bool:
    if isinstance(here, tuple) and isinstance(there, tuple):
        return len(here) == len(there) and bool(np.allclose(here, there, rtol=0, atol=1e-3))
    return here == there


def _expect_whole(series: Series, slices: tuple[Slice, ...], gaps: NDArray[np.float64]) -> None:
    names = [one.path.name for one in slices]
    if gaps.min() < _SAME_MM:
        at = int(gaps.argmin())
        msg = f"DICOM series {series} has two slices at one position, {names[at]} and {names[at + 1]}; keep one of them"
        raise VolumeFileError(msg)
    for index, gap in enumerate(gaps):
        # A change of slice distance continues in the next gap; if a slice is lost, the gaps on both sides are equal.
        beside = gaps[[at for at in (index - 1, index + 1) if 0 <= at < len(gaps)]]
        lost = gap / beside[0] - 1 if len(beside) and np.ptp(beside) <= _EVEN_MM else 0.0
        if lost > 0.9 and abs(lost - round(lost)) < 0.05:
            msg = (
                f"DICOM series {series} lacks {round(lost)} slice(s) between {names[index]} and {names[index + 1]} "
                f"({gap:.2f} mm apart, their neighbours {beside[0]:.2f} mm); add what is missing"
            )
            raise VolumeFileError(msg)
