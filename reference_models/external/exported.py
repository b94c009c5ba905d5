"""`ExportedPredictor`: an exported network is run in tiles, and its probabilities brought back to the image's grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctbench.errors import ContractError, MissingFileError, UsageError
from ctbench.files import sha256
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.volume import Volume
from reference_models.external.settings import NetworkSettings, per_axis, read_card
from reference_models.inference.tiling import apply_in_tiles
from reference_models.scans.hounsfield import check_hu
from reference_models.scans.orientation import Orientation
from reference_models.scans.resampling import ResampledGrid

__all__ = ["ExportedNetwork", "ExportedPredictor", "exported_predictor", "network_device"]

_CUBE = 96


@dataclass(frozen=True)
class ExportedNetwork:
    """A network with one input channel, whatever the library that runs it.

    Args:
        run: Function from batch,1,(z,)y,x float32 on the device to batch,channels,(z,)y,x.
        dimensions: 2 or 3; None: unknown.
        sides: Sizes of the input that the file fixes, one for each of the dimensions; None: any size.
        metadata: Card and settings in the file; empty: none.
        size: Number of parameters; 0: unknown.
    """

    run: Callable[[Tensor], Tensor]
    dimensions: int | None
    sides: tuple[int | None, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0


class ExportedPredictor:
    """Predictor of an exported network: resample, turn, normalise, run in tiles, and the way back.

    Probabilities come back to the image's grid linearly; the label with the largest one is taken there.

    Args:
        network: The network.
        info: Its card.
        settings: Its preprocessing and tiling.
        device: Device of the network.

    Raises:
        UsageError: The number of dimensions is unknown, or the settings contradict the file.
    """

    def __init__(
        self, network: ExportedNetwork, info: PredictorInfo, settings: NetworkSettings, device: torch.device
    ) -> None:
        self.network, self.info, self.settings, self.device = network, info, settings, device
        dimensions = settings.dimensions or network.dimensions
        if dimensions is None:
            msg = f"the file of {info.name} does not say whether it takes slices or volumes; add -o dimensions=2 or 3"
            raise UsageError(msg)
        self.flat = dimensions == 2
        self.codes = np.array([0, *sorted(info.labels.values())])
        self._orientation = Orientation.named(settings.orientation)
        self._sides = self._fixed_sides()

    def predict(self, image: Volume) -> Prediction:
        """Segment one image.

        Raises:
            DataError: The settings have a window, and the image is not in HU.
            ContractError: The network returns another number of channels than there are labels, or another size.
        """
        if self.settings.window:
            check_hu(image)
        spacing = per_axis(self.settings.spacing_mm)
        grid = ResampledGrid.of(image, [spacing[axis] for axis in self._orientation.axes])
        seen = grid.to_grid(image.array.astype(np.float32), smooth=self.settings.antialias)
        found = self._in_tiles(self._orientation.undo(self.settings.normalised(seen)))
        return Prediction(self._labels(grid.to_native(self._orientation.apply(found))))

    def _in_tiles(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities channel,... of an array in the network's order."""
        tile = self._tile(seen.shape)
        ends = [(0, max(0, side - size)) for side, size in zip(tile, seen.shape, strict=True)]
        padded = np.pad(seen, ends, constant_values=float(seen.min()))
        multiple = tuple(fixed or self.settings.multiple for fixed in self._sides)
        found = apply_in_tiles(
            self._probabilities,
            torch.from_numpy(padded),
            tile,
            self.settings.batch_size,
            self.device,
            multiple,  # type: ignore[arg-type]  # three axes
            self.settings.overlap,
        )
        z, y, x = seen.shape
        return found[:, :z, :y, :x].numpy()

    def _tile(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return the sides of a tile for an array in the network's order."""
        least = self.settings.multiple
        whole = [-(-size // least) * least for size in shape]
        usual = (1, *whole[1:]) if self.flat else (_CUBE,) * 3
        z, y, x = (fixed or other for fixed, other in zip(self._sides, usual, strict=True))
        return z, y, x

    def _fixed_sides(self) -> tuple[int | None, int | None, int | None]:
        """Return the sides of a tile that the file or the settings fix; a 2D network sees one slice at a time."""
        wanted = per_axis(self.settings.tile)
        from_file = (*(None,) * (3 - len(self.network.sides)), *self.network.sides)
        differing = [both for both in zip(wanted, from_file, strict=True) if None not in both and both[0] != both[1]]
        if not self.flat and differing:
            msg = f"tile={self.settings.tile}, but the file of {self.info.name} fixes its input to {self.network.sides}"
            raise UsageError(msg)
        z, y, x = (fixed or asked for fixed, asked in zip(from_file, wanted, strict=True))
        return (1 if self.flat else z), y, x

    def _probabilities(self, tiles: Tensor) -> Tensor:
        found = self.network.run(tiles[:, :, 0] if self.flat else tiles)
        found = found[:, :, None] if self.flat else found
        if found.ndim != tiles.ndim or found.shape[2:] != tiles.shape[2:] or len(found) != len(tiles):
            msg = f"{self.info.name} returned {tuple(found.shape)} for a tile {tuple(tiles.shape)}; expected that size"
            raise ContractError(msg)
        channels, labels = found.shape[1], len(self.codes) - 1
        how = self.settings.activation or ("softmax" if channels == labels + 1 else "sigmoid")
        if channels != labels + 1 and (how == "softmax" or channels != labels):
            msg = (
                f"{self.info.name} has {channels} channels for {labels} labels ({', '.join(self.info.labels)}); "
                f"expected {labels + 1} with a background first, or {labels} with sigmoid: name all in its labels"
            )
            raise ContractError(msg)
        if how == "none":
            return found.float()
        return found.float().softmax(dim=1) if how == "softmax" else found.float().sigmoid()

    def _labels(self, found: NDArray[np.float32]) -> NDArray[Any]:
        """Return the codes of the most probable labels from probabilities channel,z,y,x."""
        labels = len(self.codes) - 1
        if len(found) == labels + 1 and self.settings.activation != "sigmoid":
            winners: NDArray[Any] = self.codes[found.argmax(axis=0)]
            return winners
        found = found[-labels:]
        best = found.argmax(axis=0)
        return np.where(found.max(axis=0) >= self.settings.threshold, self.codes[best + 1], 0)


def exported_predictor(
    path: Path,
    expected: str,
    opened: Callable[[Path, torch.device], ExportedNetwork],
    labels: Mapping[str, Any] | None,
    device: str,
    threads: int | None,
    settings: Mapping[str, Any],
) -> ExportedPredictor:
    """Return the predictor of an exported network in a file, whatever its format.

    Settings are checked before the file is read.

    Args:
        path: File of the network.
        expected: What the file should be, for the message where there is none.
        opened: Reads the file for a device.
        labels: Content of a ``labels.json``; None: read from the file or beside it, see `read_card`.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.
        settings: Fields of `NetworkSettings`.

    Raises:
        MissingFileError: There is no such file.
        UsageError: A setting is wrong, or nothing says which labels its channels are.
    """
    if not path.is_file():
        msg = f"no file {path}; {expected}"
        raise MissingFileError(msg)
    NetworkSettings.read(settings)
    place = network_device(device, threads)
    network = opened(path, place)
    name, digest = path.name.partition(".")[0], sha256(path)
    card = read_card(path, labels, settings, network.metadata, name=name, weights_digest=digest, size=network.size)
    return ExportedPredictor(network, *card, place)


def network_device(name: str, threads: int | None) -> torch.device:
    """Return the device of that name, and set the number of threads that torch uses on a CPU.

    Args:
        name: auto, cpu, cuda or cuda:N.
        threads: Number of threads; None: what the environment says, so that parallel processes share the cores.
    """
    from reference_models.inference.devices import choose_device

    if threads is not None:
        torch.set_num_threads(threads)
    return choose_device(name)
