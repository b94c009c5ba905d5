"""What the header of an image file states about its grid: unit of length, spacing, and placements (qform and sform)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import VolumeFileError
from ctbench.volume.geometry import ASSUMED, TOLERANCE, Geometry, least_right_angle, nearest_rotation
from ctbench.volume.nifti import NiftiHeader, is_nifti_name, read_nifti_header
from ctbench.volume.textheaders import (
    check_meta_grid,
    check_nrrd_grid,
    is_meta_name,
    read_meta_header,
    read_nrrd_header,
)

__all__ = ["StatedGrid", "read_stated_grid"]

_SFORM_USERS = "nibabel, FSL and SPM"
_QFORM_USERS = "ITK, SimpleITK and ITK-SNAP"


class StatedGrid(NamedTuple):
    """What a header states about a grid beyond what ITK reads.

    Attributes:
        mm_per_unit: Factor from the lengths that ITK returns to mm.
        sheared: Whether the axes of a NIfTI's sform are slightly off orthonormal, which ITK must be told to allow.
        placements: The grids by qform and sform of a NIfTI, if they differ; those that programs assume if it has
            neither; else empty.
    """

    mm_per_unit: float = 1.0
    sheared: bool = False
    placements: tuple[Geometry, ...] = ()


def read_stated_grid(path: Path) -> StatedGrid:
    """Read and check the spacing and the placements in the header of a NIfTI, NRRD or MetaImage file.

    Raises:
        VolumeFileError: A spacing is zero, missing, not finite or in an unknown unit; a NIfTI has two spacings; or its
            sform is sheared by more than 1e-3.
    """
    if is_nifti_name(path):
        return _nifti(path, read_nifti_header(path))
    if is_meta_name(path):
        return StatedGrid(check_meta_grid(path, read_meta_header(path).fields))
    return StatedGrid(check_nrrd_grid(path, read_nrrd_header(path).fields))


def _nifti(path: Path, header: NiftiHeader) -> StatedGrid:
    places = [header.pixdim, *([header.quaternion] if header.qform_code else [])]
    if header.sform_code:
        places.append(tuple(header.srow.ravel()))
    if not all(np.isfinite(place).all() for place in places):
        msg = f"{path} has NaN or infinity in the geometry of its header; export it again"
        raise VolumeFileError(msg)
    steps = header.pixdim[: len(header.sizes)]
    if 0 in steps:
        msg = (
            f"{path} has a spacing of 0 in its header: pixdim {_listed(steps)} (x, y, z); expected the distances of "
            "its voxels in mm. Correct it, or export the file again"
        )
        raise VolumeFileError(msg)
    if header.sform_code:
        _expect_right_angles(path, header)
        _expect_one_spacing(path, header)
    return StatedGrid(sheared=_shear(header) > 1e-6, placements=_differing(header))


def _shear(header: NiftiHeader) -> float:
    """Return the largest cosine between two axes of the sform; 0 if there is none."""
    if not header.sform_code:
        return 0.0
    axes = _unit_axes(header.srow)
    return float(np.abs(axes.T @ axes)[np.triu_indices(3, 1)].max())


def _unit_axes(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = affine[:, :3]
    return np.asarray(axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-300))


def _expect_right_angles(path: Path, header: NiftiHeader) -> None:
    shear = _shear(header)
    if shear <= TOLERANCE * 1.001:
        return
    degrees = 90 - least_right_angle(header.srow[:, :3])
    msg = f"{path} has axes that are not orthonormal: its sform (code {header.sform_code}) is sheared by {degrees:.2g} "
    if header.qform_code:
        msg += (
            f"degrees, its qform (code {header.qform_code}) is not, as from an uncorrected gantry tilt. {_SFORM_USERS} "
            f"use the sform, {_QFORM_USERS} the qform; convert its DICOM series again and use the corrected file "
            "(_Tilt of dcm2niix), or resample it"
        )
    else:
        msg += f"degrees (cosine {shear:.2g}; expected at most {TOLERANCE:g}); resample it onto a right-angled grid"
    raise VolumeFileError(msg)


def _expect_one_spacing(path: Path, header: NiftiHeader) -> None:
    """Raise if the two spacings of a header differ: ITK uses pixdim, other software the sform."""
    by_sform = np.linalg.norm(header.srow[:, :3], axis=0)
    if not np.allclose(by_sform, np.abs(header.pixdim), rtol=1e-3, atol=1e-3):
        pixdim, sform = _listed(header.pixdim), _listed(by_sform)
        msg = f"{path} has two spacings in its header: pixdim {pixdim} and sform {sform} (x, y, z); correct one of them"
        raise VolumeFileError(msg)


def _differing(header: NiftiHeader) -> tuple[Geometry, ...]:
    if len(header.sizes) >= 3 and not (header.qform_code or header.sform_code):
        return _assumed(header)
    if not (header.qform_code and header.sform_code and len(header.sizes) >= 3):
        return ()
    qform = _geometry(header, header.qform, f"qform (code {header.qform_code}, which {_QFORM_USERS} use)")
    sform = _geometry(header, header.srow, f"sform (code {header.sform_code}, which {_SFORM_USERS} use)")
    return (qform, sform) if qform.differences(sform) else ()


def _assumed(header: NiftiHeader) -> tuple[Geometry, ...]:
    """Return where ITK and nibabel take the voxels to lie if a header states it neither by qform nor by sform.

    ITK: from the origin along the axes of LPS. nibabel: centred, along the axes of LAS.
    """
    steps = np.abs(header.pixdim)
    centre = (np.array(header.sizes[:3]) - 1) / 2 * steps
    itk = np.column_stack([np.diag(steps * [-1, -1, 1]), np.zeros(3)])
    nibabel = np.column_stack([np.diag(steps * [-1, 1, 1]), centre * [1, -1, -1]])
    why = "(qform_code and sform_code are 0)"
    return (
        _geometry(header, itk, f"{ASSUMED} of {_QFORM_USERS} {why}"),
        _geometry(header, nibabel, f"{ASSUMED} of nibabel {why}"),
    )


def _geometry(header: NiftiHeader, affine: NDArray[np.float64], name: str) -> Geometry:
    """Return the geometry (z, y, x, LPS) of an affine from index x, y, z to RAS."""
    to_lps = np.array([-1.0, -1.0, 1.0])
    axes = nearest_rotation(_unit_axes(affine)) * to_lps[:, None]
    steps = np.linalg.norm(affine[:, :3], axis=0) * header.mm_per_unit
    origin = affine[:, 3] * to_lps * header.mm_per_unit
    shape = tuple(int(size) for size in header.sizes[2::-1])
    rows = tuple(tuple(row) for row in axes[::-1, ::-1].tolist())
    return Geometry(shape, tuple(steps[::-1].tolist()), tuple(origin[::-1].tolist()), rows, name=name)  # type: ignore[arg-type]  # three of each


def _listed(values: tuple[float, ...] | NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.5g}" for value in values)
