"""Label, threshold and study score shared by the networks that segment hemorrhage of any type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.labels import LabelSet
from ctbench.predictors import Prediction
from ctbench.volume import Volume

__all__ = ["LABEL", "hemorrhage_codes", "hemorrhage_of", "volume_score"]

LABEL = "hemorrhage"

THRESHOLD = 0.5


def hemorrhage_of(probability: NDArray[np.floating], image: Volume, code: int) -> Prediction:
    """Return the prediction of a probability map; its score is V / (V + 1 mL) for a predicted volume V.

    Args:
        probability: z,y,x on the image's grid, from 0 to 1.
        image: Image whose grid is used; its array is not read.
        code: Label code of hemorrhage.
    """
    blood = probability > THRESHOLD
    labels = blood.astype(np.uint8) * code
    return Prediction(labels, score=volume_score(blood, image), probabilities={LABEL: probability})


def volume_score(blood: NDArray[np.bool_], image: Volume) -> float:
    """Return the score of a study, V / (V + 1 mL) for a volume V of blood.

    Args:
        blood: Mask on the image's grid.
        image: Image whose grid is used; its array is not read.
    """
    volume_ml = float(np.count_nonzero(blood)) * image.voxel_ml
    return volume_ml / (volume_ml + 1.0)


def hemorrhage_codes(labels: LabelSet) -> tuple[int, ...]:
    """Return the codes that are learnt as hemorrhage: those of the label or group of that name, or else all codes."""
    return labels.codes_of(LABEL) if LABEL in labels.names else tuple(labels.values())
