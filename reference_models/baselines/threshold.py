"""``threshold``: baseline for hemorrhage: voxels inside the brain with the HU of blood."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.volume import Volume
from reference_models.hemorrhage import volume_score
from reference_models.scans.brain import brain_mask

__all__ = ["ThresholdPredictor", "threshold"]

_BONE_HU = 150.0


@dataclass(frozen=True)
class ThresholdSettings:
    """Limits of HU and size that make voxels hemorrhage.

    Args:
        low_hu: Lower limit of clotted blood in HU; grey matter ends at about 45.
        high_hu: Upper limit in HU; above are calcification, metal and partial volume of bone.
        smoothing_mm: Standard deviation of the in-plane Gaussian against noise.
        margin_mm: Distance by which the brain mask is shrunk, since the inner edge of the skull blurs into the same HU.
        smallest_ml: Volume below which a piece is discarded as noise.
    """

    low_hu: float = 50.0
    high_hu: float = 95.0
    smoothing_mm: float = 1.5
    margin_mm: float = 2.0
    smallest_ml: float = 0.5


class ThresholdPredictor:
    """Predictor of hemorrhage by HU alone, without training and without types."""

    def __init__(self, settings: ThresholdSettings) -> None:
        self.settings = settings
        self.info = PredictorInfo(
            name="threshold",
            version="1",
            labels=LabelSet({"hemorrhage": 1}),
            description="HU between two thresholds inside the brain, small pieces removed: a baseline.",
            licence="Apache-2.0",
            parameters=asdict(settings),
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; the score is V / (V + 1 mL) for a predicted volume V."""
        settings, spacing = self.settings, image.spacing_mm
        hu = image.array.astype(np.float32)
        # Bone and metal must not be smeared into the brain.
        clipped = np.clip(hu, -50.0, 150.0)
        smooth = ndimage.gaussian_filter(clipped, [0.0, *(settings.smoothing_mm / size for size in spacing[1:])])
        # Slices are thick: bone in the slice above or below blurs into this one too.
        brain = brain_mask(image) & ~ndimage.binary_dilation(hu > _BONE_HU, structure=np.ones((3, 1, 1), bool))
        inner = np.stack([_shrunk(plane, settings.margin_mm, spacing[1:]) for plane in brain])
        blood = inner & (smooth > settings.low_hu) & (smooth < settings.high_hu) & (hu < 2 * settings.high_hu)
        labels = _without_small_pieces(blood, settings.smallest_ml / image.voxel_ml)
        return Prediction(labels.astype(np.uint8), score=volume_score(labels, image))


def threshold(
    *,
    low_hu: float = 50.0,
    high_hu: float = 95.0,
    smoothing_mm: float = 1.5,
    margin_mm: float = 2.0,
    smallest_ml: float = 0.5,
) -> ThresholdPredictor:
    """Return the predictor; arguments as in ``ThresholdSettings``."""
    return ThresholdPredictor(ThresholdSettings(low_hu, high_hu, smoothing_mm, margin_mm, smallest_ml))


def _shrunk(plane: np.ndarray, mm: float, spacing: tuple[float, ...]) -> np.ndarray:
    inner: np.ndarray = ndimage.distance_transform_edt(plane, sampling=spacing) > mm
    return inner


def _without_small_pieces(mask: np.ndarray, voxels: float) -> np.ndarray:
    pieces, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    kept: np.ndarray = (sizes >= max(voxels, 1.0))[pieces]
    return kept
