"""``hybrid-mask-rcnn``: hemorrhage as boxes, masks and a study score (Chang et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import Finding, Prediction
from ctbench.volume import Volume
from reference_models.configuration import Size, Window, read_configuration
from reference_models.hemorrhage import LABEL
from reference_models.hybrid_mask_rcnn import MODEL
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import demo_weights
from reference_models.scans.hounsfield import check_hu, windowed

if TYPE_CHECKING:
    from torch import Tensor

    from reference_models.hybrid_mask_rcnn.network import Detections, HybridMaskRCNN
    from reference_models.inference.devices import Precision
    from reference_models.inference.weightsfile import Weights
    from reference_models.scans.slices import Slices

__all__ = ["ChangConfiguration", "ChangPredictor", "hybrid_mask_rcnn", "hybrid_mask_rcnn_demo"]

Pixels = Annotated[float, Field(gt=0, allow_inf_nan=False)]

SCALED_TO = 3.0
"""Value to which the upper end of the window is scaled; the lower end is scaled to its negative."""

_INSIDE = 0.5
"""Mask probability from which a pixel is hemorrhage."""


@dataclass(frozen=True)
class ChangConfiguration:
    """Settings of the network and its preprocessing; the defaults are the paper's, where it states them.

    Args:
        edge: Number of rows and columns to which slices are resampled.
        window_hu: HU range that is scaled to -3..3 and clipped.
        anchors_px: Side of the anchors of each level of the pyramid, in pixels.
        widths: Channels of the first convolution and of the four stages.
        pyramid: Channels of the expanding arm and of the heads.
        blocks: Number of residual bottlenecks per stage.
        stem_stride: in-plane step of the first convolution.
        kernel_depth: Size along z of the contracting arm's 3x3 kernels: 1, or 3 for 3x3x3, at five times the work.
        hidden: Units of the box head's layers.
        proposals: Number of proposals per slice.
        prior_logit: Subtracted from the logit of every detection, since training shows more positives than scans hold.
        types: Names of the classes of the type head, in its order; empty: no such head, as in the paper.
    """

    edge: Size = 512
    window_hu: Window = (-240.0, 240.0)
    anchors_px: tuple[Pixels, Pixels, Pixels, Pixels] = (16.0, 32.0, 64.0, 128.0)
    widths: tuple[Size, Size, Size, Size, Size] = (32, 64, 128, 256, 512)
    pyramid: Size = 128
    blocks: Size = 2
    stem_stride: Size = 2
    kernel_depth: Literal[1, 3] = 1
    hidden: Size = 1024
    proposals: Size = 256
    prior_logit: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        coarsest = self.stem_stride * 16
        if self.edge % coarsest:
            msg = f"slices of {self.edge} pixels a side cannot be halved as often; expected a multiple of {coarsest}"
            raise UsageError(msg)

    @classmethod
    def read(cls, stored: Any) -> ChangConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of the network."""
        given = {key: value for key, value in asdict(self).items() if key not in {"edge", "window_hu"}}
        return {**given, "types": len(self.types)}

    def network(self) -> HybridMaskRCNN:
        """Return the network with new random weights."""
        from reference_models.hybrid_mask_rcnn.network import HybridMaskRCNN

        return HybridMaskRCNN(**self.options())

    def slices(self, image: Volume) -> tuple[Slices, NDArray[np.float32]]:
        """Return the slices that the network sees: how to map back from them, and slice,row,column from -3 to 3.

        The first and the last slice are repeated, so that they too have two neighbours on either side.

        Raises:
            DataError: The image is not in HU.
        """
        from reference_models.hybrid_mask_rcnn.backbone import CONTEXT
        from reference_models.scans.slices import Slices

        plan = Slices.of(image, edge=self.edge)
        hu = plan.cut(check_hu(image).array.astype(np.float32), self.window_hu[0])
        scaled = SCALED_TO * (2 * windowed(hu, self.window_hu) - 1)
        return plan, np.pad(scaled, ((CONTEXT, CONTEXT), (0, 0), (0, 0)), mode="edge")


class ChangPredictor:
    """Predictor of the network.

    The label map holds every pixel in the mask of a box whose score reaches the threshold; with types, the type is that
    of the box with the highest probability at the pixel. The score of the study is the highest of any box on any slice.

    Args:
        weights: Trained weights of ``hybrid-mask-rcnn``.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices per forward pass.
        threshold: Softmax score from which a box is hemorrhage.
        types: Give the type of each hemorrhage in place of the paper's one class.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.

    Raises:
        UsageError: Types are asked for and the weights know none.
    """

    def __init__(
        self,
        weights: Weights,
        device: str = "auto",
        batch_size: int = 64,
        threshold: float = 0.5,
        *,
        types: bool = False,
        precision: Precision = "auto",
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place

        self.configuration = ChangConfiguration.read(weights.configuration)
        if types and not self.configuration.types:
            msg = (
                f"these weights of {MODEL.name} know no types of hemorrhage; "
                "train with types=true, or leave the option out"
            )
            raise UsageError(msg)
        self.device, self.batch_size, self.threshold = choose_device(device), batch_size, threshold
        self.precision = choose_precision(precision, self.device)
        self.types = self.configuration.types if types else ()
        network = weights.into(self.configuration.network, f"the given file of {MODEL.name}")
        self.network = place(network, self.device).eval()
        self.info = weights.info(
            self.network,
            paper=MODEL.paper,
            paper_size=MODEL.paper_size,
            labels=LabelSet(weights.labels.codes, {LABEL: self.types}) if types else LabelSet({LABEL: 1}),
            description="Hybrid 3D/2D Mask R-CNN, five slices at a time: hemorrhage as boxes, masks and a study score.",
            parameters={
                **asdict(self.configuration),
                "threshold": threshold,
                "typed": types,
                "precision": self.precision,
            },
        )

    def predict(self, image: Volume) -> Prediction:
        """Detect and segment in one CT.

        Raises:
            DataError: The image is not in HU.
        """
        import torch

        plan, slices = self.configuration.slices(image)
        detections = self._detected(torch.from_numpy(slices))
        names = self.types or (LABEL,)
        kinds = detections.types.argmax(-1) if self.types else torch.zeros_like(detections.scores, dtype=torch.long)
        kinds = kinds.masked_fill(detections.scores < self.threshold, -1)
        probabilities = self._painted(detections, kinds, plan)
        codes = np.array([self.info.labels[name] for name in names])
        labels = np.where(probabilities.max(0) >= _INSIDE, codes[probabilities.argmax(0)], 0)
        return Prediction(
            labels,
            score=float(detections.scores.max()),
            probabilities=dict(zip(names, probabilities, strict=True)),
            findings=tuple(_findings(detections, kinds, names, plan, image.shape)),
        )

    def _detected(self, slices: Tensor) -> Detections:
        import torch

        from reference_models.hybrid_mask_rcnn.backbone import CONTEXT, SLAB
        from reference_models.hybrid_mask_rcnn.network import Detections
        from reference_models.inference.devices import apply_in_batches

        def detect(wanted: Tensor) -> Tensor:
            slab = slices[int(wanted[0]) : int(wanted[-1]) + 2 * CONTEXT + 1]
            found: Detections = self.network(slab[None].to(self.device))
            return found.packed()

        wanted = torch.arange(len(slices) - 2 * CONTEXT)
        # With 3x3x3 kernels each slice is computed from its own slab.
        together = self.batch_size if self.configuration.kernel_depth == 1 else max(1, self.batch_size // SLAB)
        packed = apply_in_batches(detect, wanted, together, self.device, self.precision)
        return Detections.unpacked(packed, len(self.configuration.types))

    def _painted(self, detections: Detections, kinds: Tensor, plan: Slices) -> NDArray[np.float32]:
        from reference_models.hybrid_mask_rcnn.network import painted

        side = self.configuration.edge
        maps = painted(detections, kinds, (side, side), max(1, len(self.types)))
        return plan.restore(maps.movedim(1, 0).numpy())


def _findings(
    detections: Detections, kinds: Tensor, names: tuple[str, ...], plan: Slices, shape: tuple[int, ...]
) -> Iterator[Finding]:
    """Yield the findings of boxes with a kind; none where the image's slices are not the patient's axial ones."""
    if plan.orientation.axes[0] != 0:
        return
    for index, place in (kinds >= 0).nonzero().tolist():
        (z, top, left), (_, bottom, right) = plan.restore_box(index, detections.boxes[index, place].tolist(), shape)
        box = (float(top), float(left), float(bottom), float(right))
        yield Finding(int(z), box, names[int(kinds[index, place])], float(detections.scores[index, place]))


def hybrid_mask_rcnn(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 64,
    threshold: float = 0.5,
    types: bool = False,
    precision: Precision = "auto",
) -> ChangPredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench train`` wrote; needed.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices per forward pass.
        threshold: Softmax score from which a box is hemorrhage.
        types: Predict the type of each hemorrhage instead of the paper's one class; the weights must have types.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
    """
    return ChangPredictor(
        open_weights(MODEL.name, weights), device, batch_size, threshold, types=types, precision=precision
    )


hybrid_mask_rcnn_demo = partial(hybrid_mask_rcnn, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""
