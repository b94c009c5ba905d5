"""The `Predictor` protocol, and the `Prediction` and `Finding` that a predictor returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctbench.displays import Displayed, names_in_short
from ctbench.predictors.info import PredictorInfo
from ctbench.volume import Volume

__all__ = ["Finding", "Prediction", "Predictor"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One box that a detector drew in an axial slice.

    Args:
        slice: Index along z, which counts as a viewer of the image's file counts along that axis, from 0.
        box: First row (along y), first column (along x), last row + 1, last column + 1, in voxels of the image.
        type: Name of a label or group of the predictor.
        confidence: Number in [0, 1].
    """

    slice: int
    box: tuple[float, float, float, float]
    type: str
    confidence: float

    def fits(self, shape: Sequence[int]) -> bool:
        """Return whether the box lies in an image of a shape (z, y, x), and its confidence in [0, 1]."""
        if len(self.box) != 4:
            return False
        top, left, bottom, right = self.box
        depth, height, width = shape
        inside = 0 <= self.slice < depth and 0 <= top < bottom <= height and 0 <= left < right <= width
        return inside and 0 <= self.confidence <= 1


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Displayed):
    """What a predictor returns for one image.

    Args:
        labels: z,y,x integers on the image's grid, in the predictor's own codes.
        score: Probability in [0, 1] that the case is positive; None if the predictor does not estimate it.
        probabilities: Label or group name -> z,y,x floats in [0, 1]. A run keeps them with ``--keep-probabilities``.
        findings: Boxes, from a detector.
    """

    labels: NDArray[np.integer]
    score: float | None = None
    probabilities: Mapping[str, NDArray[np.floating]] | None = None
    findings: tuple[Finding, ...] = ()

    def _facts(self) -> dict[str, object]:
        return {
            "labels": f"{' x '.join(map(str, self.labels.shape))} {self.labels.dtype}",
            "score": "" if self.score is None else f"{self.score:.3f}",
            "probabilities": names_in_short(tuple(self.probabilities)) if self.probabilities else "",
            "findings": len(self.findings) or "",
        }


@runtime_checkable
class Predictor(Protocol):
    """Anything with an ``info`` and a ``predict`` method can be scored.

    Example:
        >>> import numpy as np
        >>> from ctbench.labels import LabelSet
        >>> class Bright:
        ...     info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))
        ...
        ...     def predict(self, image):
        ...         return Prediction((image.array > 60).astype(np.uint8))
        >>> isinstance(Bright(), Predictor)
        True
    """

    info: PredictorInfo

    def predict(self, image: Volume) -> Prediction:
        """Segment one image.

        Args:
            image: z,y,x array (HU for CT) with its geometry; z is the stored axis nearest to the body's long axis.

        Returns:
            A prediction on the grid of ``image``.
        """
        ...
