"""``forest``: hemorrhage of any type by a random forest over single voxels (Muschelli et al. 2017)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from ctbench.errors import DataError
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.volume import Volume
from reference_models.configuration import Size, read_configuration
from reference_models.forest import MODEL
from reference_models.forest.features import FEATURES, NORMAL_GRID, BrainBox, NormalBrain
from reference_models.forest.trees import Trees
from reference_models.hemorrhage import LABEL, volume_score
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import Weights, demo_weights
from reference_models.scans.brain_source import brain_source
from reference_models.scans.hounsfield import check_hu

__all__ = ["LIMITED", "Forest", "ForestConfiguration", "ForestPredictor", "forest", "forest_demo"]

LIMITED = ("z_axial", "z_coronal", "share_in_window", "z_normal")
"""Predictors whose range over the hemorrhages of the training scans limits the candidates."""

_log = logging.getLogger("reference_models")


@dataclass(frozen=True)
class ForestConfiguration:
    """Settings of the forest and of what is done with its probabilities.

    Args:
        trees: Number of trees.
        depth: Largest depth of a tree.
        leaf: Smallest number of training voxels in a leaf.
        share: Share of the candidate voxels of each scan that is learnt from.
        cutoff: Smoothed probability above which a voxel is hemorrhage; chosen on held-out scans.
        smallest_voxels: Number of voxels below which a piece is discarded.
        brain: How the brains of the training scans were found, the text of a ``BrainSource``; empty: by the package. It
            is told, and never run.
    """

    trees: Size = 500
    depth: Annotated[int, Field(ge=1, le=64)] = 64
    leaf: Size = 1
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    cutoff: Annotated[float, Field(ge=0, le=1)] = 0.5
    smallest_voxels: Size = 100
    brain: str = ""


@dataclass(frozen=True, eq=False)
class Forest:
    """A fitted forest: trees, normal brains, and the range of the candidates.

    Args:
        trees: Trees over ``FEATURES``.
        normal: Mean and SD of normal brains.
        limits: Lowest and highest value of each predictor in ``LIMITED``, predictors x 2.
    """

    trees: Trees
    normal: NormalBrain
    limits: NDArray[np.float32]

    @classmethod
    def read(cls, tensors: Mapping[str, NDArray[Any]]) -> Forest:
        """Return the forest that a weights file holds.

        Raises:
            DataError: An array is missing or has another shape.
        """
        shapes = {"normal_mean": NORMAL_GRID, "normal_sd": NORMAL_GRID, "limits": (len(LIMITED), 2)}
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape or tensors[name].dtype != np.float32:
                msg = f"the weights hold no forest: {name} is not float32 of shape {shape}; train again"
                raise DataError(msg)
        normal = NormalBrain(tensors["normal_mean"], np.maximum(tensors["normal_sd"], 1e-3))
        return cls(Trees.read(tensors, len(FEATURES)), normal, tensors["limits"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a weights file."""
        normal = {"normal_mean": self.normal.mean, "normal_sd": self.normal.sd}
        return {**self.trees.arrays(), **normal, "limits": self.limits}

    def probability(self, brain: BrainBox) -> NDArray[np.float32]:
        """Return the probability of hemorrhage in a brain's box, averaged over 27 voxels; 0 outside the brain."""
        where = brain.candidates()
        features = brain.features(where, self.normal)
        kept = within(features, self.limits)
        found = np.zeros(len(features), np.float32)
        found[kept] = self.trees.probabilities(features[kept])
        whole = np.zeros(where.shape, np.float32)
        whole[where] = found
        smooth: NDArray[np.float32] = ndimage.uniform_filter(whole, 3, mode="constant") * brain.mask
        return smooth


class ForestPredictor:
    """Predictor of hemorrhage by the forest; small pieces are discarded.

    Args:
        weights: Fitted weights of ``forest``.
        brain: How the brain is found, as for ``brain_source``; None: by the package.

    Raises:
        DataError: The weights hold no forest.
        CtbenchError: As ``brain_source``.
    """

    def __init__(self, weights: Weights, brain: str | None = None) -> None:
        self.configuration = read_configuration(ForestConfiguration, weights.configuration)
        self.brain = brain_source(brain)
        self.brain.warn_if_learnt_otherwise(self.configuration.brain)
        self.forest = Forest.read(weights.tensors)
        self.info = PredictorInfo(
            name=f"{MODEL.name}{weights.suffix}",
            version="1",
            labels=weights.labels,
            description="Random forest over moments, ranks, z-scores and distances of single voxels: hemorrhage.",
            paper=MODEL.paper,
            licence="Apache-2.0",
            weights_digest=weights.digest,
            training_datasets=weights.trained_on,
            phantoms_only=weights.phantoms_only,
            parameters={**asdict(self.configuration), "brain": self.brain.text},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; without a brain in the field nothing is found. The score is V / (V + 1 mL).

        Raises:
            DataError: The image is not in HU.
        """
        brain = BrainBox.of(check_hu(image), self.brain.find)
        if brain is None:
            _log.warning("no brain in the field: nothing is enclosed by skull, so nothing is predicted")
            return Prediction(np.zeros(image.shape, np.uint8), score=0.0)
        found = self.forest.probability(brain)
        probability = brain.restore(found)
        blood = (
            brain.restore(
                without_small_pieces(found > self.configuration.cutoff, self.configuration).astype(np.float32)
            )
            > 0
        )
        labels = blood.astype(np.uint8) * self.info.labels[LABEL]
        return Prediction(labels, score=volume_score(blood, image), probabilities={LABEL: probability})


def forest(*, weights: str | None = None, brain: str | None = None) -> ForestPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench train forest`` wrote; needed.
        brain: A dataset (name or YAML file) whose entry names masks of the brain; the file of a mask; or
            ``command:PROGRAM {image} {output}``, a program of yours that writes one, run as you. None: the package's
            own extraction.
    """
    return ForestPredictor(open_weights(MODEL.name, weights), brain)


forest_demo = partial(forest, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""


def within(features: NDArray[np.float32], limits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which voxels lie within the limits.

    Args:
        features: voxels x ``FEATURES``.
        limits: Lowest and highest value of each predictor in ``LIMITED``.
    """
    seen = features[:, [FEATURES.index(name) for name in LIMITED]]
    kept: NDArray[np.bool_] = np.logical_and.reduce((seen >= limits[:, 0]) & (seen <= limits[:, 1]), axis=1)
    return kept


def without_small_pieces(mask: NDArray[np.bool_], configuration: ForestConfiguration) -> NDArray[np.bool_]:
    """Return a mask without its pieces of fewer than ``smallest_voxels``, which touch by faces, edges or corners."""
    pieces, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.isin(pieces, np.flatnonzero(sizes >= configuration.smallest_voxels))
