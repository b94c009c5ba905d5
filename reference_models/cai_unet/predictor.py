"""``cai-unet``: eleven structures of the normal head, slice by slice (Cai et al. 2020)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.predictors import Prediction
from ctbench.volume import Volume
from reference_models.cai_unet import MODEL
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import demo_weights
from reference_models.scans.hounsfield import check_hu, windowed

if TYPE_CHECKING:
    import torch

    from reference_models.inference.devices import Precision
    from reference_models.inference.weightsfile import Weights
    from reference_models.scans.slices import Slices

__all__ = ["CaiConfiguration", "CaiPredictor", "cai_unet", "cai_unet_demo"]

AIR_HU = -1000.0


@dataclass(frozen=True)
class CaiConfiguration:
    """Settings of the network and its preprocessing; the defaults are the paper's.

    Args:
        classes: Number of classes: background and structures.
        width: Channels of the first stage.
        normalization: none, layer, batch or batch_renorm.
        pixel_mm: Side of the square pixels to which slices are resampled; None: no resampling.
        window_hu: HU range that is scaled to 0..1 and clipped; None: HU are not scaled.
        renorm_opens: Training steps after which the bounds of a batch renormalisation open.
    """

    classes: Size = 12
    width: Size = 64
    normalization: Literal["none", "layer", "batch", "batch_renorm"] = "layer"
    pixel_mm: Millimetres | None = None
    window_hu: Window | None = None
    renorm_opens: Annotated[int, Field(ge=1)] = 5_000

    @classmethod
    def read(cls, stored: Any) -> CaiConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    def network(self) -> torch.nn.Module:
        """Return the network with new random weights."""
        return MODEL.network(
            classes=self.classes, width=self.width, normalization=self.normalization, renorm_opens=self.renorm_opens
        )

    def slices(self, image: Volume) -> tuple[Slices, NDArray[np.float32]]:
        """Return the slices that the network sees: how to map back from them, and slice,row,column in its units."""
        from reference_models.scans.slices import Slices

        plan = Slices.of(image, pixel_mm=self.pixel_mm)
        hu = plan.cut(image.array.astype(np.float32), AIR_HU)
        return plan, windowed(hu, self.window_hu)


class CaiPredictor:
    """Predictor of the U-Net; a voxel gets the class with the largest softmax.

    Args:
        weights: Trained weights of ``cai-unet``.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices per forward pass.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
    """

    def __init__(
        self, weights: Weights, device: str = "auto", batch_size: int = 8, precision: Precision = "auto"
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place

        self.configuration = CaiConfiguration.read(weights.configuration)
        self.device, self.batch_size = choose_device(device), batch_size
        self.precision = choose_precision(precision, self.device)
        network = weights.into(self.configuration.network, f"the given file of {MODEL.name}")
        self.network = place(network, self.device).eval()
        self.info = weights.info(
            self.network,
            paper=MODEL.paper,
            paper_size=MODEL.paper_size,
            description="2D U-Net with layer normalisation, slice by slice: anatomy of the normal head on CT.",
            parameters={**asdict(self.configuration), "precision": self.precision},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT.

        Raises:
            DataError: The image is not in HU.
        """
        import torch

        from reference_models.inference.devices import apply_in_batches

        plan, slices = self.configuration.slices(check_hu(image))
        inputs = torch.from_numpy(slices)[:, None]
        probabilities = apply_in_batches(
            lambda batch: torch.softmax(self.network(batch).float(), dim=1),
            inputs,
            self.batch_size,
            self.device,
            self.precision,
        )
        native = plan.restore(probabilities.movedim(1, 0).numpy())
        codes = np.array([0, *self.info.labels.values()])
        return Prediction(codes[native.argmax(axis=0)])


def cai_unet(
    *, weights: str | None = None, device: str = "auto", batch_size: int = 8, precision: Precision = "auto"
) -> CaiPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench train`` or ``ctbench weights import`` wrote; needed.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices per forward pass.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
    """
    return CaiPredictor(open_weights(MODEL.name, weights), device, batch_size, precision)


cai_unet_demo = partial(cai_unet, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""
