"""``blast-ct``: hemorrhage of three types and oedema by DeepMedic, with weights that the user imports."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import MissingFileError, UsageError
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.predictors.folds import joined_digest
from ctbench.volume import Volume
from reference_models.blast_ct import MODEL
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.hemorrhage import volume_score
from reference_models.inference.weightsfile import Weights
from reference_models.scans.hounsfield import check_hu, windowed
from reference_models.scans.resampling import ResampledGrid

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from reference_models.inference.devices import Precision

__all__ = ["BlastConfiguration", "BlastPredictor", "blast_ct"]

_TILE_STEP = 30
"""Where tiles begin at multiples of this, every voxel is answered from the same voxels as in the authors' patches."""

_NO_BLOOD = "oedema"

_log = logging.getLogger("reference_models")


@dataclass(frozen=True)
class BlastConfiguration:
    """Settings of the network and its preprocessing; the defaults are those of the published weights.

    Args:
        classes: Number of classes, background included.
        channels: Channels after each 3x3x3 convolution of a path.
        hidden: Channels of the 1x1x1 convolutions before the classes.
        spacing_mm: Side of the cubic voxels that the network sees.
        window_hu: HU range that is scaled to -1..1 and clipped.
        source_sha256: SHA-256 of the checkpoint that the weights were converted from; empty: none.
    """

    classes: Size = 5
    channels: Annotated[tuple[Size, ...], Field(min_length=1, max_length=32)] = (30, 30, 40, 40, 40, 40, 50, 50)
    hidden: Annotated[tuple[Size, ...], Field(max_length=8)] = (250, 250)
    spacing_mm: Millimetres = 1.0
    window_hu: Window = (-15.0, 100.0)
    source_sha256: str = ""

    @classmethod
    def read(cls, stored: Any) -> BlastConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    def network(self) -> torch.nn.Module:
        """Return the network with new random weights."""
        return MODEL.network(classes=self.classes, channels=self.channels, hidden=self.hidden)


class BlastPredictor:
    """Predictor of DeepMedic; a voxel of the 1 mm grid gets the class with the largest mean softmax of the members.

    Labels come back to the image's grid by the nearest voxel, as in the authors' program.

    Args:
        members: Weights of the networks whose probabilities are averaged: one, or the authors' twelve.
        device: auto, cpu, cuda or cuda:N.
        tile: Side of the cubes of voxels that are answered at a time, a multiple of 30. The answer does not depend on
            it; 60 voxels need about 1.5 GB, 30 a third of that.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.

    Raises:
        UsageError: The members differ in labels or configuration, or the tile is not a multiple of 30.
    """

    def __init__(
        self, members: Sequence[Weights], device: str = "auto", tile: int = 60, precision: Precision = "auto"
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place
        from reference_models.layers import count_parameters

        if tile < _TILE_STEP or tile % _TILE_STEP:
            msg = f"tile={tile}; expected a multiple of {_TILE_STEP}"
            raise UsageError(msg)
        self.device, self.tile = choose_device(device), tile
        self.precision = choose_precision(precision, self.device)
        self.configuration, labels = _shared(members)
        self.networks = [
            place(one.into(self.configuration.network, f"the given file of {MODEL.name}"), self.device).eval()
            for one in members
        ]
        digests = [one.digest for one in members]
        self.info = PredictorInfo(
            name=MODEL.name,
            version="1",
            labels=labels,
            description="DeepMedic of BLAST-CT at 1 mm: IPH, extra-axial and intraventricular hemorrhage, oedema.",
            paper=MODEL.paper,
            licence="Apache-2.0",
            weights_digest=digests[0] if len(digests) == 1 else joined_digest(digests),
            training_datasets=tuple(dict.fromkeys(name for one in members for name in one.trained_on)),
            parameters={
                **asdict(self.configuration),
                "precision": self.precision,
                "source_sha256": [one.configuration.get("source_sha256", "") for one in members],
            },
            size=count_parameters(self.networks[0]),
            paper_size=MODEL.paper_size,
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; the score is V / (V + 1 mL) for a predicted volume V of blood, without oedema.

        Raises:
            DataError: The image is not in HU.
        """
        grid = ResampledGrid.of(check_hu(image), self.configuration.spacing_mm)
        hu = grid.to_grid(image.array.astype(np.float32), smooth=False)
        classes = grid.to_native(self._classes(2 * windowed(hu, self.configuration.window_hu) - 1))
        labels = np.array([0, *self.info.labels.values()])[classes]
        blood = [code for name, code in self.info.labels.items() if name != _NO_BLOOD]
        return Prediction(labels, score=volume_score(np.isin(labels, blood), image))

    def _classes(self, seen: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the class of every voxel of the grid, one tile after the other."""
        found = np.zeros(seen.shape, np.uint8)
        margin = int(self.networks[0].margin) // 2  # type: ignore[arg-type]  # torch does not know a property's type
        for corner, cube in _tiles(seen, self.tile, margin):
            answered = self._answered(cube)
            where = tuple(slice(low, low + self.tile) for low in corner)
            found[where] = answered[tuple(slice(size) for size in found[where].shape)]
        return found

    def _answered(self, cube: Tensor) -> NDArray[np.uint8]:
        """Return the class of every voxel of one tile."""
        import torch

        from reference_models.inference.devices import is_out_of_memory, memory_does_not_suffice, predicting

        try:
            with predicting(self.device, self.precision):
                inputs = cube[None, None].to(self.device)
                total = sum(torch.softmax(network(inputs)[0].float(), dim=0) for network in self.networks)
            assert isinstance(total, torch.Tensor)
            return total.argmax(dim=0).to(torch.uint8).cpu().numpy()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise memory_does_not_suffice(self.device, cube.shape) from error
            raise


def blast_ct(
    *,
    weights: str | Sequence[str] | None = None,
    device: str = "auto",
    tile: int = 60,
    precision: Precision = "auto",
) -> BlastPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench weights import blast-ct`` wrote, or a list of them, whose probabilities are
            averaged. There are no default weights.
        device: auto, cpu, cuda or cuda:N.
        tile: Side of the cubes that are answered at a time, a multiple of 30; smaller ones need less memory.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.

    Raises:
        MissingFileError: No weights, or a file that does not exist.
        UsageError: The weights are those of another model, or differ from each other.
    """
    if not weights:
        msg = (
            f"{MODEL.name} comes without weights; import the authors' checkpoint with "
            f"`ctbench weights import {MODEL.name} model_1.torch_model` and pass -o weights={MODEL.name}.safetensors"
        )
        raise MissingFileError(msg)
    files = [weights] if isinstance(weights, str) else list(weights)
    return BlastPredictor([Weights.load(file, MODEL.name) for file in files], device, tile, precision)


def _shared(members: Sequence[Weights]) -> tuple[BlastConfiguration, Any]:
    """Return configuration and labels of the members, which must be the same but for their source."""
    from dataclasses import replace

    first, *others = [replace(BlastConfiguration.read(one.configuration), source_sha256="") for one in members]
    labels = members[0].labels
    if any(other != first for other in others) or any(one.labels != labels for one in members):
        msg = f"the weights of {MODEL.name} differ in labels or configuration; expected members of one ensemble"
        raise UsageError(msg)
    return first, labels


def _tiles(seen: NDArray[np.float32], tile: int, margin: int) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """Yield the first voxel of each tile, and the tile with its margin; beyond the grid its outermost voxels go on."""
    import torch

    counts = [-(-size // tile) for size in seen.shape]
    ends = [(margin, count * tile - size + margin) for count, size in zip(counts, seen.shape, strict=True)]
    padded = np.pad(seen, ends, mode="edge")
    for index in np.ndindex(*counts):
        corner = tuple(tile * step for step in index)
        cube = padded[tuple(slice(low, low + tile + 2 * margin) for low in corner)]
        yield corner, torch.from_numpy(np.ascontiguousarray(cube))
