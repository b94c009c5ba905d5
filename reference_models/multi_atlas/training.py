"""Making of the atlases of ``multi-atlas``: training heads on cubic voxels with the labels that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Dataset
from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.reference import Reference
from ctbench.volume import Volume
from reference_models.configuration import read_configuration
from reference_models.inference.weightsfile import Weights
from reference_models.multi_atlas import MODEL
from reference_models.multi_atlas.fusion import UNKNOWN
from reference_models.multi_atlas.predictor import MultiAtlasConfiguration, prepared
from reference_models.training.setup import Cases

__all__ = ["fit_multi_atlas"]


def fit_multi_atlas(
    dataset: Dataset, training: Cases, validation: Cases, preset: str, options: Mapping[str, Any], seed: int
) -> tuple[Weights, dict[str, Any]]:
    """Return the first training heads as atlases, and what a card says of them. Nothing is learnt or drawn.

    Args:
        dataset: Dataset whose labels the atlases have.
        training: Heads with their references.
        validation: Not used.
        preset: Not used: both are the same.
        options: Fields of ``MultiAtlasConfiguration``. By default intensities are HU for a CT, percentiles otherwise.
        seed: Not used.

    Returns:
        The weights, and ``plan``.

    Raises:
        DataError: There are more than 254 labels, or no training case has a known label.
        UsageError: There is no such option.
    """
    del validation, preset, seed
    window = {} if dataset.modality == "CT" else {"window_hu": None}
    configuration = read_configuration(MultiAtlasConfiguration, {**window, **options})
    codes = tuple(dataset.labels.values())
    if len(codes) >= UNKNOWN:
        msg = f"{dataset.name} has {len(codes)} labels; {MODEL.name} takes {UNKNOWN - 1} at most"
        raise DataError(msg)
    tensors: dict[str, NDArray[np.uint8]] = {}
    for case, reference in training:
        if len(tensors) == 2 * configuration.atlases:
            break
        seen, labels = _atlas(case.image(), reference, codes, configuration)
        if (labels != UNKNOWN).any():
            number = len(tensors) // 2
            tensors |= {f"image.{number}": seen, f"labels.{number}": labels}
    if not tensors:
        msg = f"no training case of {dataset.name} has a slice with labels"
        raise DataError(msg)
    weights = Weights(MODEL.name, asdict(configuration), LabelSet(dataset.labels.codes), tensors)
    return weights, {"plan": asdict(configuration)}


def _atlas(
    image: Volume, reference: Reference, codes: tuple[int, ...], configuration: MultiAtlasConfiguration
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return intensities 0..255 and classes of a head on cubic voxels."""
    grid, seen = prepared(image, configuration)
    classes = np.full(int(reference.labels.max(initial=0)) + 1, 0, np.uint8)
    for number, code in enumerate(codes, start=1):
        if code < len(classes):
            classes[code] = number
    labels = np.where(reference.uncounted, UNKNOWN, classes[reference.labels]).astype(np.uint8)
    return np.round(seen.array * 255).astype(np.uint8), grid.to_grid(labels)
