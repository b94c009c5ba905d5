"""Template space of DeepBleed: rigid registration of extracted brains, resampling to the template and back.

The paper registers with ANTs; this is SimpleITK with the same kind of transform and metric (rigid, Mattes mutual
information). Everything is in world coordinates (LPS, mm), so the way an image is stored does not matter.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ctbench.errors import DataError
from ctbench.volume import Volume, from_itk, read_volume, to_itk
from ctbench.volume.itk import simpleitk
from reference_models.scans.brain import BrainFinder, brain_mask
from reference_models.scans.hounsfield import CT_RANGE_HU, check_hu
from reference_models.scans.preprocessing import remembered

__all__ = [
    "TEMPLATE",
    "TemplateSpace",
    "digest_of_template",
    "extracted_brain",
    "read_template",
    "register",
    "template_digest",
]

TEMPLATE = Path(__file__).parents[1] / "weights" / "template.nii.gz"
"""Mean extracted brain of simulated heads, 128 voxels of 1.5 mm per side."""

EXTENT_MM = 192.0
"""Side of the cube that the networks see: 128 voxels of 1.5 mm."""

_log = logging.getLogger("reference_models")

_BINS = 64
_SHRINK = (4, 2)
_SMOOTH_MM = (4.0, 1.5)
_CONTRAST_HU = 100.0
_METRIC_MM = 2.0
_SHARE = 0.5
_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS = 2.0, 0.005, 150
_SEED = 20200
_VERSION = 1


def extracted_brain(image: Volume, find: BrainFinder = brain_mask) -> Volume:
    """Return HU clipped to -1024..3071 inside the brain mask, and 0 outside (Sharrock et al. 2020, Image Processing).

    A scan without a brain in the field becomes all zeros.

    Args:
        image: CT.
        find: Finds the brain.

    Raises:
        DataError: The image is not in HU.
    """
    mask = find(check_hu(image))
    return image.with_array(np.where(mask, np.clip(image.array, *CT_RANGE_HU), 0).astype(np.float32))


@dataclass(frozen=True, eq=False)
class TemplateSpace:
    """Resampling between one image and the template.

    Args:
        grid: Cubic voxels over the template's field; its array is not used.
        native: The image's grid; its array is not used.
        transform: SimpleITK's rigid transform from points of the template to points of the image.
    """

    grid: Volume
    native: Volume
    transform: Any

    @classmethod
    def of(cls, brain: Volume, template: Volume, spacing_mm: float) -> TemplateSpace:
        """Return the template space of an extracted brain, which is registered to the template.

        Args:
            brain: Result of ``extracted_brain``.
            template: Another extracted brain.
            spacing_mm: Side of the cubic voxels in template space.
        """
        sitk = simpleitk()
        rigid = remembered("rigid", _VERSION, (brain, template), lambda: _numbers(register(brain, template)))
        transform = sitk.Euler3DTransform()
        transform.SetFixedParameters(rigid[0].tolist())
        transform.SetParameters(rigid[1].tolist())
        return cls(_cube(template, spacing_mm), brain, transform)

    def to_template(self, array: NDArray[Any], *, nearest: bool = False) -> NDArray[Any]:
        """Return an array of the image's grid in template space; 0 outside the image."""
        return _resampled(self.native.with_array(array), self.grid, self.transform, nearest)

    def to_native(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an array of template space on the image's grid, interpolated linearly; 0 outside."""
        moved: NDArray[np.float32] = _resampled(
            self.grid.with_array(array), self.native, self.transform.GetInverse(), nearest=False
        )
        return moved


def register(brain: Volume, template: Volume) -> Any:
    """Return the rigid transform from points of ``template`` to points of ``brain``.

    It starts from the better of two guesses, no rotation and the principal axes of the two brains, about the centres
    of mass; then it refines from coarse to fine. The result is deterministic. Where a brain is too small for that
    (a scan of a few slices), the first guess is returned and a warning is logged.

    Args:
        brain: HU inside the brain, 0 outside.
        template: HU inside the template's brain, 0 outside; on any grid.

    Returns:
        A SimpleITK Euler3DTransform.

    Raises:
        DataError: One of the two is empty.
    """
    sitk = simpleitk()

    if not (brain.array.any() and template.array.any()):
        msg = "an empty volume cannot be registered; expected HU inside a brain and 0 outside"
        raise DataError(msg)
    fixed, moving = _contrast(template), _contrast(brain)
    method = _method()
    guesses = _guesses(from_itk(fixed), from_itk(moving))
    try:
        values = []
        for guess in guesses:
            method.SetInitialTransform(guess)
            values.append(method.MetricEvaluate(fixed, moving))
        best = guesses[int(np.argmin(values))]
        method.SetInitialTransform(best, inPlace=False)
        refined = method.Execute(fixed, moving)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        _log.warning("a brain was only centred on the template, not registered to it: %s", reason)
        return guesses[0]
    return sitk.Euler3DTransform(sitk.CompositeTransform(refined).GetBackTransform())


def _numbers(transform: Any) -> NDArray[np.float64]:
    """Return a transform as two rows: its centre, and its three angles and three shifts."""
    fixed, free = transform.GetFixedParameters(), transform.GetParameters()
    return np.array([[*fixed, *[0.0] * (len(free) - len(fixed))], free])


def _method() -> Any:
    sitk = simpleitk()

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(_SHARE, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        _STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS, relaxationFactor=0.7, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    # Sums over threads depend on how the work was split; one thread gives the same result on every machine.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    return method


def _guesses(template: Volume, brain: Volume) -> list[Any]:
    sitk = simpleitk()

    (there, axes_there), (here, axes_here) = _moments(brain), _moments(template)
    turned = axes_there @ axes_here.T
    guesses = []
    for rotation in (np.eye(3), turned):
        guess = sitk.Euler3DTransform()
        guess.SetCenter(here.tolist())
        guess.SetTranslation((there - here).tolist())
        guess.SetMatrix(rotation.ravel().tolist(), tolerance=1e-6)
        guesses.append(guess)
    return guesses


def _moments(volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre of a brain's voxels and its principal axes as columns, in ITK's order x, y, z of the world.

    Each axis is assigned to the nearest world axis and points in its direction: patients are rotated less than 45
    degrees.
    """
    index = np.argwhere(volume.array > 0)
    points = (np.array(volume.origin_mm) + (index * volume.spacing_mm) @ volume.direction.T)[:, ::-1]
    centre = points.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((points - centre).T))
    _, order = linear_sum_assignment(-np.abs(axes))
    axes = axes[:, order]
    axes = axes * np.sign(np.diag(axes))
    if np.linalg.det(axes) < 0:
        axes = np.eye(3)
    return centre, axes


@lru_cache(maxsize=4)
def read_template(path: str | None) -> Volume:
    """Return a template, an extracted brain in HU, read once; None: the one that comes with the package."""
    return read_volume(path or TEMPLATE)


def template_digest(path: str | None) -> str:
    """Return the SHA-256 of a template's grid and voxels, however it is stored; empty for the package's own.

    The digest of a copy in another format or type of number is the same.
    """
    return "" if path is None else digest_of_template(read_template(path))


def digest_of_template(template: Volume) -> str:
    """Return the SHA-256 of a template's grid and voxels."""
    grid = [*template.shape, *template.spacing_mm, *template.origin_mm, *template.direction.ravel().tolist()]
    content = hashlib.sha256((np.round(np.array(grid, float), 4) + 0.0).tobytes())  # no minus zero
    content.update(template.array.astype("<f4").tobytes())
    return content.hexdigest()


def _contrast(volume: Volume) -> Any:
    """Return a brain for the registration metric, averaged to voxels of 2 mm or more.

    HU are clipped so that bone at its edge and calcifications do not dominate the histogram.
    """
    sitk = simpleitk()

    image = to_itk(volume.with_array(np.clip(volume.array, 0.0, _CONTRAST_HU).astype(np.float32)))
    return sitk.BinShrink(image, [max(1, int(_METRIC_MM / size)) for size in image.GetSpacing()])


def _cube(template: Volume, spacing_mm: float) -> Volume:
    """Return a cube of 192 mm around the middle of the template's field, along its axes."""
    size = round(EXTENT_MM / spacing_mm)
    half = (np.array(template.shape) - 1) / 2 * template.spacing_mm - (size - 1) / 2 * spacing_mm
    origin = np.array(template.origin_mm) + template.direction @ half
    return Volume(np.zeros((size,) * 3, np.uint8), (spacing_mm,) * 3, tuple(origin), template.direction)


def _resampled(volume: Volume, grid: Volume, transform: Any, nearest: bool) -> NDArray[Any]:
    sitk = simpleitk()

    method = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    moved = sitk.Resample(to_itk(volume), to_itk(grid), transform, method, 0.0)
    return from_itk(moved).array
