"""``atlas``: baseline for anatomy from a prior map of each structure and its histogram of HU.

The head has a frame of its own: the axes of the patient, the origin at the middle of the intracranial space and its
half extents as units. In that frame a prior map holds how often each structure was seen at a place; a histogram per
structure holds how often it had a given HU. The structure with the largest product wins.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.errors import DataError, MissingFileError
from ctbench.files import whole_file
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.reference import Reference
from ctbench.volume import Volume, nearest_axes
from reference_models.scans.brain import brain_mask

__all__ = ["DEMO_WEIGHTS", "AtlasPredictor", "AtlasWeights", "atlas", "fit_atlas"]

DEMO_WEIGHTS = Path(__file__).parents[1] / "weights" / "atlas.safetensors"

_GRID = (28, 56, 56)
_REACH = 1.3
"""The frame's grid reaches this many half extents from the middle."""
_HU_EDGES = np.linspace(-60.0, 130.0, 77)


@dataclass(frozen=True, eq=False)
class AtlasWeights:
    """Weights of the atlas: prior maps and histograms.

    Args:
        prior: class,z,y,x in the frame, probabilities as 0..255; class 0 is background.
        histograms: class,bin, the probability of an HU bin given the class.
        labels: Names and codes; class k is the k-th label.
        trained_on: Name of the dataset.
        digest: SHA-256 of the file that it was read from, else empty.
    """

    prior: NDArray[np.uint8]
    histograms: NDArray[np.float32]
    labels: LabelSet
    trained_on: str
    digest: str = ""

    def save(self, path: str | Path) -> None:
        """Write the weights as safetensors, atomically."""
        from safetensors.numpy import save_file

        metadata = {"labels": json.dumps(dict(self.labels.codes)), "trained_on": self.trained_on}
        with whole_file(path) as temporary:
            save_file({"prior": self.prior, "histograms": self.histograms}, temporary, metadata)

    @classmethod
    def load(cls, path: str | Path) -> AtlasWeights:
        """Return the weights that a file holds.

        Raises:
            MissingFileError: The file does not exist.
            DataError: The file does not hold the weights of an atlas.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            msg = f"no weights at {path}; fit them with `python -m reference_models.demo_weights`"
            raise MissingFileError(msg)
        try:
            with safe_open(path, framework="numpy") as file:
                prior, histograms = file.get_tensor("prior"), file.get_tensor("histograms")
                metadata = file.metadata() or {}
            labels = LabelSet(json.loads(metadata["labels"]))
        except (SafetensorError, KeyError, ValueError) as error:
            msg = f"{path} does not hold the weights of an atlas: {error}"
            raise DataError(msg) from error
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(prior, histograms, labels, metadata["trained_on"], digest)


class AtlasPredictor:
    """Predictor of anatomy by place and HU, without a network."""

    def __init__(self, weights: AtlasWeights, *, phantoms_only: bool = False) -> None:
        self.weights = weights
        self.info = PredictorInfo(
            name="atlas",
            version="1",
            labels=weights.labels,
            description="Prior map in a head-centred frame times an HU histogram a structure: a baseline.",
            licence="Apache-2.0",
            weights_digest=weights.digest,
            training_datasets=(weights.trained_on,),
            phantoms_only=phantoms_only,
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; without a brain in the field everything is background."""
        frame = _Frame.of(image)
        if frame is None:
            return Prediction(np.zeros(image.shape, np.uint8))
        # Smoothing HU or posterior would wash out the sulci: measured, it costs more than the noise it takes away.
        posterior = frame.sampled(self.weights.prior) * self.weights.histograms[:, _hu_bins(image)]
        codes = np.array([0, *self.weights.labels.values()])
        return Prediction(codes[posterior.argmax(axis=0)])


def atlas(*, weights: str | None = None) -> AtlasPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``AtlasWeights.save`` wrote; None: those fitted on the phantom.
    """
    return AtlasPredictor(AtlasWeights.load(weights or DEMO_WEIGHTS), phantoms_only=weights is None)


def fit_atlas(cases: Iterable[tuple[Volume, Reference]], labels: LabelSet, trained_on: str) -> AtlasWeights:
    """Return weights with the priors and histograms of some cases, without the voxels that do not count.

    Args:
        cases: Images with their references.
        labels: The labels to learn.
        trained_on: Name of the dataset, shown on the predictor's card.

    Raises:
        DataError: No case has a brain in the field.
    """
    classes = (0, *labels.values())
    seen = np.zeros((len(classes), *_GRID))
    counts = np.ones((len(classes), len(_HU_EDGES) + 1)) * 0.5
    found = False
    for image, reference in cases:
        frame = _Frame.of(image)
        if frame is None:
            continue
        found = True
        counted = ~reference.uncounted
        bins = _hu_bins(image)
        for index, code in enumerate(classes):
            mask = (reference.labels == code) & counted
            seen[index] += frame.gathered(mask)
            counts[index] += np.bincount(bins[mask], minlength=counts.shape[1])
    if not found:
        msg = "no training case has a brain in the field, so there is nothing to fit"
        raise DataError(msg)
    smoothed = (
        np.stack([ndimage.gaussian_filter(one, 0.7) for one in seen])
        + 1e-3 * (np.arange(len(classes)) == 0)[:, None, None, None]
    )
    prior = np.round(255 * smoothed / smoothed.sum(axis=0)).astype(np.uint8)
    histograms = ndimage.gaussian_filter1d(counts, 0.7, axis=1)
    histograms /= histograms.sum(axis=1, keepdims=True)
    return AtlasWeights(prior, histograms.astype(np.float32), labels, trained_on)


@dataclass(frozen=True)
class _Frame:
    """The frame of one head: for every axis of the image, the frame's axis, and the frame coordinates of its voxels."""

    axes: Sequence[int]
    coordinates: Mapping[int, NDArray[np.float64]]
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, image: Volume) -> _Frame | None:
        brain = brain_mask(image)
        if not brain.any():
            return None
        # The direction of each axis of the array in the patient: the prior tolerates obliqueness of a few degrees.
        axes = [int(axis) for axis in np.argsort(nearest_axes(image.direction))]
        coordinates = {}
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            share = np.cumsum(brain.sum(axis=others)) / brain.sum()
            low, high = np.searchsorted(share, (0.01, 0.99))
            sign = np.sign(image.direction[axes[axis], axis])
            position = (np.arange(image.shape[axis]) - (low + high) / 2) / max((high - low) / 2, 1.0)
            coordinates[axis] = sign * position
        return cls(axes, coordinates, image.shape)

    def sampled(self, prior: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a map of the frame on the image's grid, interpolated linearly; outside the frame all is background."""
        grid = np.meshgrid(*(self._indices(axis) for axis in range(3)), indexing="ij")
        places: list[NDArray[np.float64]] = [np.empty(0)] * 3
        for axis in range(3):
            places[self.axes[axis]] = grid[axis]
        sampled = np.empty((len(prior), *self.shape), np.float32)
        for index, one in enumerate(prior):
            outside = 255.0 if index == 0 else 0.0
            ndimage.map_coordinates(
                one.astype(np.float32), places, output=sampled[index], order=1, mode="constant", cval=outside
            )
        return sampled / 255.0

    def gathered(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the number of voxels of a mask in each cell of the frame."""
        cells: list[NDArray[np.intp]] = [np.empty(0, np.intp)] * 3
        for axis, index in enumerate(np.nonzero(mask)):
            cells[self.axes[axis]] = np.round(self._indices(axis)).astype(np.intp)[index]
        inside = np.logical_and.reduce([(cell >= 0) & (cell < size) for cell, size in zip(cells, _GRID, strict=True)])
        flat = np.ravel_multi_index([cell[inside] for cell in cells], _GRID)
        return np.bincount(flat, minlength=int(np.prod(_GRID))).reshape(_GRID).astype(np.float64)

    def _indices(self, axis: int) -> NDArray[np.float64]:
        size = _GRID[self.axes[axis]]
        return (self.coordinates[axis] / _REACH + 1) / 2 * (size - 1)


def _hu_bins(image: Volume) -> NDArray[np.intp]:
    bins: NDArray[np.intp] = np.digitize(image.array, _HU_EDGES)
    return bins
