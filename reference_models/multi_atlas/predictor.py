"""``multi-atlas``: anatomy by registration of labelled heads and fusion of their labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import DataError, MissingFileError
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.volume import Volume
from reference_models.configuration import Millimetres, Window, read_configuration
from reference_models.inference.weightsfile import Weights
from reference_models.multi_atlas import MODEL
from reference_models.multi_atlas.fusion import Fusion, fused
from reference_models.multi_atlas.registration import Deformation, register_atlas, warped
from reference_models.scans.hounsfield import windowed
from reference_models.scans.resampling import ResampledGrid

__all__ = ["MultiAtlasConfiguration", "MultiAtlasPredictor", "multi_atlas", "prepared"]

_log = logging.getLogger("reference_models")

_PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class MultiAtlasConfiguration:
    """Settings of registration and fusion.

    Args:
        spacing_mm: Side of the cubic voxels on which heads are registered and labels fused.
        window_hu: HU range of a CT that is scaled to 0..1 and clipped; None: the 1st to the 99th percentile of each
            image, as for T1.
        deformation: What follows the affine registration: none, bspline or demons.
        fusion: majority, staple or joint.
        atlases: Largest number of training heads that are kept.
    """

    spacing_mm: Millimetres = 2.0
    window_hu: Window | None = (-20.0, 100.0)
    deformation: Deformation = "demons"
    fusion: Fusion = "joint"
    atlases: Annotated[int, Field(ge=1, le=100)] = 15


class MultiAtlasPredictor:
    """Predictor of anatomy: every atlas is registered to the scan, and their labels are fused.

    Args:
        weights: Atlases that ``ctbench train multi-atlas`` wrote.
        changes: Fields of the configuration that replace those of the weights: ``fusion``, ``deformation``.

    Raises:
        DataError: The weights hold no atlases.
        UsageError: The configuration is invalid.
    """

    def __init__(self, weights: Weights, **changes: Any) -> None:
        given = {name: value for name, value in changes.items() if value is not None}
        self.configuration = read_configuration(MultiAtlasConfiguration, {**weights.configuration, **given})
        self.atlases = _atlases(weights)
        self.info = PredictorInfo(
            name=f"{MODEL.name}{weights.suffix}",
            version="1",
            labels=weights.labels,
            description="Labelled heads registered to the scan, their labels fused: anatomy on CT or T1.",
            paper=MODEL.paper,
            licence="Apache-2.0",
            weights_digest=weights.digest,
            training_datasets=weights.trained_on,
            phantoms_only=weights.phantoms_only,
            parameters={**asdict(self.configuration), "atlases": len(self.atlases)},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one scan of the modality that the atlases have; an empty one has no structures."""
        grid, scan = prepared(image, self.configuration)
        if not scan.array.any():
            _log.warning("the scan is empty within the window, so nothing is registered to it")
            return Prediction(np.zeros(image.shape, np.uint8))
        moved = [self._moved(image_of, labels_of, scan) for image_of, labels_of in self.atlases]
        classes = fused(
            np.stack([labels for _, labels in moved]),
            np.stack([seen for seen, _ in moved]),
            scan.array,
            self.configuration.fusion,
            len(self.info.labels) + 1,
        )
        codes = np.array([0, *self.info.labels.values()])
        return Prediction(codes[grid.to_native(classes)])

    def _moved(self, seen: Volume, labels: Volume, scan: Volume) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return intensities and classes of an atlas on the scan's grid."""
        transform = register_atlas(scan, seen, self.configuration.deformation)
        return warped(seen, scan, transform), warped(labels, scan, transform)


def multi_atlas(
    *, weights: str | None = None, fusion: Fusion | None = None, deformation: Deformation | None = None
) -> MultiAtlasPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench train multi-atlas`` wrote. There are no default weights.
        fusion: majority, staple or joint; None: that of the training.
        deformation: none, bspline or demons; None: that of the training.

    Raises:
        MissingFileError: No weights, or the file does not exist.
    """
    if not weights:
        msg = (
            f"{MODEL.name} comes without atlases; make them of labelled heads with `ctbench train {MODEL.name} "
            "--dataset DATASET --out FOLDER` and pass -o weights=FOLDER/weights.safetensors"
        )
        raise MissingFileError(msg)
    return MultiAtlasPredictor(Weights.load(weights, MODEL.name), fusion=fusion, deformation=deformation)


def prepared(image: Volume, configuration: MultiAtlasConfiguration) -> tuple[ResampledGrid, Volume]:
    """Return the grid of cubic voxels over an image, and on it its intensities from 0 to 1, in the patient's order."""
    grid = ResampledGrid.of(image, configuration.spacing_mm)
    seen = grid.to_grid(image.array.astype(np.float32))
    window = configuration.window_hu
    if window is None:
        low, high = (float(value) for value in np.percentile(seen, _PERCENTILES))
        window = (low, max(high, low + 1e-3))
    return grid, Volume(windowed(seen, window), (configuration.spacing_mm,) * 3)


def _atlases(weights: Weights) -> Sequence[tuple[Volume, Volume]]:
    """Return intensities and classes of the atlases that a weights file holds."""
    spacing = read_configuration(MultiAtlasConfiguration, weights.configuration).spacing_mm
    found: list[tuple[Volume, Volume]] = []
    while (seen := weights.tensors.get(f"image.{len(found)}")) is not None:
        labels = weights.tensors.get(f"labels.{len(found)}")
        kinds = {array.dtype.name for array in (seen, labels) if array is not None}
        if labels is None or seen.ndim != 3 or labels.shape != seen.shape or kinds != {"uint8"}:
            msg = f"atlas {len(found)} is not two uint8 arrays z,y,x of one shape; train again"
            raise DataError(msg)
        volume = Volume(labels, (spacing,) * 3)
        found.append((volume.with_array(seen.astype(np.float32) / 255), volume))
    if not found:
        msg = "the weights hold no atlas: there is no image.0; train again"
        raise DataError(msg)
    return found
