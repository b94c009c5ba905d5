"""Registration of an atlas to a scan with SimpleITK: affine, then B-spline or demons, both of one modality.

Everything is in world coordinates (LPS, mm). Sums over threads depend on how the work was split, so one thread is used,
which gives the same result on every machine.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.volume import Volume, from_itk, to_itk
from ctbench.volume.itk import simpleitk

__all__ = ["Deformation", "register_atlas", "warped"]

Deformation = Literal["none", "bspline", "demons"]

_BINS = 32
_SHRINK, _SMOOTH_MM = (4, 2), (4.0, 2.0)
_SHARE, _SEED = 0.25, 20200
_MESH_MM = 25.0
_DEMONS_ROUNDS, _DEMONS_SMOOTHING = 40, 1.5

_log = logging.getLogger("reference_models")


def register_atlas(scan: Volume, atlas: Volume, deformation: Deformation) -> Any:
    """Return the SimpleITK transform from points of the scan to points of the atlas.

    Args:
        scan: Prepared intensities of the scan.
        atlas: Prepared intensities of the atlas, on any grid.
        deformation: What follows the affine registration.
    """
    sitk = simpleitk()
    fixed, moving = (to_itk(one.with_array(one.array.astype(np.float32))) for one in (scan, atlas))
    affine = _affine(fixed, moving)
    if deformation == "none":
        return affine
    after = sitk.Resample(moving, fixed, affine, sitk.sitkLinear, 0.0)
    bend = _demons(fixed, after) if deformation == "demons" else _bspline(fixed, after)
    return sitk.CompositeTransform([affine, bend])


def warped(atlas: Volume, scan: Volume, transform: Any) -> NDArray[Any]:
    """Return an atlas on the scan's grid: floats linearly, integers by the nearest voxel; 0 outside."""
    sitk = simpleitk()
    method = sitk.sitkLinear if atlas.array.dtype.kind == "f" else sitk.sitkNearestNeighbor
    return from_itk(sitk.Resample(to_itk(atlas), to_itk(scan), transform, method, 0.0)).array


def _affine(fixed: Any, moving: Any) -> Any:
    sitk = simpleitk()
    kind = sitk.CenteredTransformInitializerFilter.MOMENTS
    start = sitk.AffineTransform(sitk.CenteredTransformInitializer(fixed, moving, sitk.AffineTransform(3), kind))
    method = _method(sitk.ImageRegistrationMethod())
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    return _executed(method, fixed, moving, start)


def _bspline(fixed: Any, moving: Any) -> Any:
    sitk = simpleitk()
    sides = [size * step for size, step in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)]
    start = sitk.BSplineTransformInitializer(fixed, [max(1, round(side / _MESH_MM)) for side in sides])
    method = _method(sitk.ImageRegistrationMethod())
    method.SetOptimizerAsLBFGSB(numberOfIterations=20)
    method.SetShrinkFactorsPerLevel([2])
    method.SetSmoothingSigmasPerLevel([1.0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    return _executed(method, fixed, moving, start)


def _demons(fixed: Any, moving: Any) -> Any:
    sitk = simpleitk()
    demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    demons.SetNumberOfIterations(_DEMONS_ROUNDS)
    demons.SetStandardDeviations(_DEMONS_SMOOTHING)
    demons.SetNumberOfThreads(1)
    demons.SetNumberOfWorkUnits(1)
    return sitk.DisplacementFieldTransform(sitk.Cast(demons.Execute(fixed, moving), sitk.sitkVectorFloat64))


def _method(method: Any) -> Any:
    sitk = simpleitk()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SHARE, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    return method


def _executed(method: Any, fixed: Any, moving: Any, start: Any) -> Any:
    """Return the registered transform, or the start with a warning where the two hardly overlap."""
    try:
        return method.Execute(fixed, moving)
    except RuntimeError as error:
        _log.warning("an atlas was only centred on the scan: %s", str(error).strip().splitlines()[-1])
        return start
