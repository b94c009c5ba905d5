"""What a predictor is, what it says of itself, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ctbench.labels import LabelSet
from ctbench.volume import Volume

__all__ = ["Finding", "Prediction", "Predictor", "PredictorInfo"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One box that a detector drew in an axial slice.

    Args:
        slice: index along z.
        box: first row, first column, last row + 1, last column + 1, in voxels of the image.
        type: name of a label or group of the predictor.
        confidence: in [0, 1].
    """

    slice: int
    box: tuple[float, float, float, float]
    type: str
    confidence: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a predictor gives for one image.

    Args:
        labels: z,y,x integers on the image's grid, in the predictor's own codes.
        score: in [0, 1], how sure the predictor is that the case is positive; None where it does not say.
        probabilities: label name -> z,y,x floats in [0, 1].
        findings: boxes, for detectors.
    """

    labels: NDArray[np.integer]
    score: float | None = None
    probabilities: Mapping[str, NDArray[np.floating]] | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class PredictorInfo:
    """A predictor's card: everything that a run keeps of it.

    Args:
        name: e.g. ``cai-unet``.
        version: of the code and its settings together; another version is another predictor.
        labels: names and codes of its label maps. Names meet those of a dataset, codes need not.
        description: one sentence.
        paper: DOI or URL of the paper.
        licence: of code and weights.
        weights_digest: SHA-256 of the weights, empty where there are none.
        training_datasets: names of the datasets it was fitted on, so that an overlap can be seen.
        parameters: settings that change what it predicts.
    """

    name: str
    version: str
    labels: LabelSet
    description: str = ""
    paper: str = ""
    licence: str = ""
    weights_digest: str = ""
    training_datasets: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Predictor(Protocol):
    """The plugin door: anything with a card and a ``predict`` can be scored.

    Example:
        >>> import numpy as np
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
            image: HU for CT, z,y,x, with its geometry.

        Returns:
            A prediction on the grid of ``image``.
        """
        ...
