"""T1-weighted MRI: check of skull stripping, N4 bias field correction, intensity normalisation to white matter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.volume import Volume
from ctbench.volume.itk import simpleitk, to_itk

__all__ = ["LARGEST_BRAIN_ML", "WHITE_MATTER", "check_stripped", "normalised"]

LARGEST_BRAIN_ML = 2500.0
"""Volume in mL above which the voxels that are not 0 are more than a brain; a head has 3,500 and more."""

WHITE_MATTER = 110.0
"""Intensity of white matter after normalisation, as in FreeSurfer."""

_ITERATIONS = (20, 20, 20)
_SHRUNK_MM = 4.0
_BINS = 128

Mask = NDArray[np.bool_]


def check_stripped(image: Volume) -> Mask:
    """Return the brain mask of a skull-stripped T1: the voxels that are not 0.

    Args:
        image: T1 whose voxels outside the brain are 0.

    Raises:
        DataError: No voxel is 0, or those that are not 0 make up more than a brain.
    """
    mask: Mask = image.array != 0
    volume_ml = float(mask.sum()) * float(np.prod(image.spacing_mm)) / 1000
    if mask.all() or volume_ml > LARGEST_BRAIN_ML:
        msg = (
            f"the T1 has {volume_ml:.0f} mL of voxels that are not 0, {mask.mean():.0%} of the image; expected a "
            f"skull-stripped brain of at most {LARGEST_BRAIN_ML:.0f} mL with 0 around it: run a brain extraction "
            "(SynthStrip, HD-BET, FSL BET, FreeSurfer) and set all voxels outside its mask to 0"
        )
        raise DataError(msg)
    return mask


def normalised(image: Volume, mask: Mask) -> NDArray[np.float32]:
    """Return the intensities of a T1 without bias field, scaled so that white matter is ``WHITE_MATTER``.

    The bias field is that of N4 (Tustison et al. 2010, doi 10.1109/TMI.2010.2046908), fitted in the mask on voxels of
    about 4 mm. White matter is the brightest of three classes by Otsu's thresholds; its median is scaled. FreeSurfer,
    which the paper uses, corrects with N3 and scales to white matter, too.

    Args:
        image: T1.
        mask: z,y,x brain mask with at least one voxel.

    Returns:
        z,y,x; 0 outside the mask.
    """
    values = np.where(mask, image.array, 0).astype(np.float32)
    if np.ptp(values[mask]) > 0:
        values /= _bias_field(image.with_array(values), mask)
    brightest = values[mask] >= _white_threshold(values[mask])
    white = float(np.median(values[mask][brightest]))
    scaled: NDArray[np.float32] = np.where(mask, values * np.float32(WHITE_MATTER / max(white, 1e-6)), np.float32(0))
    return scaled


def _bias_field(image: Volume, mask: Mask) -> NDArray[np.float32]:
    """Return the bias field z,y,x of N4, of geometric mean 1 in the mask."""
    sitk = simpleitk()
    whole, inside = to_itk(image), to_itk(image.with_array(mask.astype(np.uint8)))
    factors = [max(1, round(_SHRUNK_MM / mm)) for mm in image.spacing_mm[::-1]]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(_ITERATIONS))
    n4.SetMaskLabel(1)
    n4.Execute(sitk.Shrink(whole, factors), sitk.Shrink(inside, factors))
    log_field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(whole)).astype(np.float32)
    field: NDArray[np.float32] = np.exp(log_field - log_field[mask].mean())
    return field


def _white_threshold(values: NDArray[np.float32]) -> float:
    """Return the upper one of Otsu's two thresholds of intensities; their smallest value if all are equal."""
    sitk = simpleitk()
    if np.ptp(values) == 0:
        return float(values[0])
    otsu = sitk.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.SetNumberOfHistogramBins(_BINS)
    otsu.Execute(sitk.GetImageFromArray(values.reshape(1, -1)))
    return float(otsu.GetThresholds()[-1])
