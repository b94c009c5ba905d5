"""``deepbleed-512``, ``-128``, ``-64``, ``-32``: hemorrhage, in four fields of view (Sharrock et al. 2020)."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import UsageError
from ctbench.predictors import Prediction
from ctbench.volume import Volume
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.deepbleed import MODELS
from reference_models.hemorrhage import LABEL, hemorrhage_of
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import demo_weights
from reference_models.scans.brain_source import brain_source
from reference_models.scans.hounsfield import windowed
from reference_models.scans.space import (
    EXTENT_MM,
    TemplateSpace,
    extracted_brain,
    read_template,
    template_digest,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from reference_models.inference.devices import Precision
    from reference_models.inference.weightsfile import Weights

__all__ = [
    "DeepBleedConfiguration",
    "DeepBleedPredictor",
    "deepbleed_32",
    "deepbleed_32_demo",
    "deepbleed_64",
    "deepbleed_64_demo",
    "deepbleed_128",
    "deepbleed_128_demo",
    "deepbleed_512",
    "deepbleed_512_demo",
]

TRAINED_TEMPLATE = "template.nii.gz"
"""Name of the copy of a named template that a training writes beside the weights."""

_log = logging.getLogger("reference_models")


@dataclass(frozen=True)
class DeepBleedConfiguration:
    """Settings of a network and its preprocessing; the defaults are the released model's.

    Args:
        model: Name of the model, one of the four.
        edge: Side in voxels of a cube, or of a slice for ``deepbleed-512``.
        spacing_mm: Side of the cubic voxels in template space; None for ``deepbleed-512``, which sees native slices.
        width: Channels of the first block.
        largest: Limit of the channels of a level; None: no limit.
        blocks: shared or separate convolutions.
        activation: relu or prelu.
        dropout: Share of activations dropped in the two deepest levels while training.
        normalization: none or batch.
        window_hu: HU range that is scaled to 0..1 and clipped; None: HU are not scaled.
        template_digest: Digest of the template to which the training heads were registered; empty: that of the package,
            or unknown.
        brain: How the brains of the training heads were found, the text of a ``BrainSource``; empty: by the package.
            It is told, and never run.
    """

    model: Literal["deepbleed-512", "deepbleed-128", "deepbleed-64", "deepbleed-32"]
    edge: Size
    spacing_mm: Millimetres | None = 1.5
    width: Size = 16
    largest: Size | None = None
    blocks: Literal["shared", "separate"] = "shared"
    activation: Literal["relu", "prelu"] = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    normalization: Literal["none", "batch"] = "none"
    window_hu: Window | None = None
    template_digest: str = ""
    brain: str = ""

    @classmethod
    def paper(cls, model: str, **options: Any) -> DeepBleedConfiguration:
        """Return the configuration of the paper, changed by ``options``."""
        edge = int(model.rpartition("-")[2])
        return cls.read({"model": model, "edge": edge, "spacing_mm": None if edge == 512 else 1.5, **options})

    @classmethod
    def read(cls, stored: Any) -> DeepBleedConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    @property
    def is_whole(self) -> bool:
        """Whether one cube covers the whole field of the template."""
        return self.spacing_mm is not None and self.edge * self.spacing_mm >= EXTENT_MM

    def network(self) -> torch.nn.Module:
        """Return the network with new random weights."""
        options = ("width", "largest", "blocks", "activation", "dropout", "normalization")
        (record,) = (one for one in MODELS if one.name == self.model)
        return record.network(**{option: getattr(self, option) for option in options})


class DeepBleedPredictor:
    """One of the four V-Nets with its weights, and the paper's pipeline around it.

    HU are clamped, the brain is extracted, and everything outside it is 0. The 3D networks see the brain after rigid
    registration to the template, and their probability comes back by the inverse; the 2D network sees native slices,
    resampled to its size. The paper's figure shows the 2D network without brain extraction, its text with it: the text
    is followed.

    Args:
        weights: Trained weights of the network.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices or cubes per forward pass.
        template: File of an extracted brain in HU; None: the one that comes with the package, of simulated heads.
        brain: How the brain is found, as for ``brain_source``; None: by the package.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.

    Raises:
        UsageError: The weights learnt with another template than this one.
        CtbenchError: As ``brain_source``.
    """

    def __init__(
        self,
        weights: Weights,
        device: str = "auto",
        batch_size: int = 4,
        template: str | None = None,
        brain: str | None = None,
        precision: Precision = "auto",
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place

        self.configuration = DeepBleedConfiguration.read(weights.configuration)
        self.device, self.batch_size, self.template = choose_device(device), batch_size, template
        self.precision = choose_precision(precision, self.device)
        self.brain = brain_source(brain)
        self.brain.warn_if_learnt_otherwise(self.configuration.brain)
        digest = template_digest(template)
        if self.configuration.template_digest not in {"", digest}:
            msg = (
                f"these weights of {self.configuration.model} learnt with another template than "
                f"{template or 'the one that comes with the package'}; name the one of their training: template=FILE"
            )
            raise UsageError(msg)
        network = weights.into(self.configuration.network, f"the given file of {self.configuration.model}")
        self.network = place(network, self.device).eval()
        (record,) = (one for one in MODELS if one.name == self.configuration.model)
        self.info = weights.info(
            self.network,
            name=record.name,
            paper=record.paper,
            paper_size=record.paper_size,
            description=f"V-Net on a brain-extracted CT, {self.configuration.model}: hemorrhage of any type.",
            parameters={
                **asdict(self.configuration),
                "template": template or "phantom",
                "template_digest": digest,
                "brain": self.brain.text,
                "precision": self.precision,
            },
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; without a brain in the field nothing is found. The score is V / (V + 1 mL).

        Raises:
            DataError: The image is not in HU.
        """
        brain = extracted_brain(image, self.brain.find)
        if not brain.array.any():
            _log.warning("no brain in the field: nothing is enclosed by skull, so nothing is predicted")
            return Prediction(np.zeros(image.shape, np.uint8), score=0.0)
        probability = self._in_slices(brain) if self.configuration.spacing_mm is None else self._in_template(brain)
        return hemorrhage_of(probability, image, self.info.labels[LABEL])

    def _in_slices(self, brain: Volume) -> NDArray[np.float32]:
        import torch

        from reference_models.inference.devices import apply_in_batches
        from reference_models.scans.slices import Slices

        plan = Slices.of(brain, edge=self.configuration.edge)
        inputs = torch.from_numpy(windowed(plan.cut(brain.array, 0.0), self.configuration.window_hu))[:, None]
        found = apply_in_batches(
            lambda batch: torch.sigmoid(self.network(batch).float()),
            inputs,
            self.batch_size,
            self.device,
            self.precision,
        )
        native: NDArray[np.float32] = plan.restore(found.movedim(1, 0).numpy())[0]
        return native

    def _in_template(self, brain: Volume) -> NDArray[np.float32]:
        import torch

        from reference_models.inference.tiling import apply_in_tiles

        assert self.configuration.spacing_mm is not None
        space = TemplateSpace.of(brain, read_template(self.template), self.configuration.spacing_mm)
        cube = torch.from_numpy(windowed(space.to_template(brain.array), self.configuration.window_hu))
        found = apply_in_tiles(
            self._of_brain, cube, self.configuration.edge, self.batch_size, self.device, precision=self.precision
        )
        return space.to_native(found[0].numpy())

    def _of_brain(self, cubes: Tensor) -> Tensor:
        """Return the probability of blood: 0 for cubes without brain, which the network does not see."""
        import torch

        probability = torch.zeros_like(cubes)
        with_brain = cubes.flatten(1).any(dim=1)
        if with_brain.any():
            probability[with_brain] = torch.sigmoid(self.network(cubes[with_brain]).float())
        return probability


def _opened(
    model: str,
    weights: str | None,
    device: str,
    batch_size: int,
    template: str | None,
    brain: str | None,
    precision: Precision,
) -> DeepBleedPredictor:
    """Return a 3D predictor; weights that learnt with a named template find its copy beside them."""
    opened = open_weights(model, weights)
    if template is None and opened.configuration.get("template_digest"):
        beside = Path(str(weights)).with_name(TRAINED_TEMPLATE)
        template = str(beside) if beside.is_file() else None
    return DeepBleedPredictor(opened, device, batch_size, template, brain, precision)


def deepbleed_512(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 4,
    brain: str | None = None,
    precision: Precision = "auto",
) -> DeepBleedPredictor:
    """Return the 2D predictor, which works on native slices.

    Args:
        weights: A file that ``ctbench train`` or ``ctbench weights import`` wrote; needed.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of slices per forward pass.
        brain: A dataset (name or YAML file) whose entry names masks of the brain; the file of a mask; or
            ``command:PROGRAM {image} {output}``, a program of yours that writes one (HD-BET, SynthStrip, BET), run as
            you. None: the package's own extraction.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
    """
    return DeepBleedPredictor(
        open_weights("deepbleed-512", weights), device, batch_size, brain=brain, precision=precision
    )


deepbleed_512_demo = partial(deepbleed_512, weights=str(demo_weights("deepbleed-512")))
"""The predictor with its demo weights, which learnt on simulated heads."""


def deepbleed_128(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 4,
    template: str | None = None,
    brain: str | None = None,
    precision: Precision = "auto",
) -> DeepBleedPredictor:
    """Return the predictor that sees the whole head at once.

    Args:
        weights: As for ``deepbleed_512``.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of cubes per forward pass.
        template: File of an extracted brain in HU; None: the one that the weights learnt with, which lies beside them;
            of weights that know none, the mean of simulated heads.
        brain: As for ``deepbleed_512``.
        precision: As for ``deepbleed_512``.
    """
    return _opened("deepbleed-128", weights, device, batch_size, template, brain, precision)


deepbleed_128_demo = partial(deepbleed_128, weights=str(demo_weights("deepbleed-128")))
"""The predictor with its demo weights, which learnt on simulated heads."""


def deepbleed_64(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 4,
    template: str | None = None,
    brain: str | None = None,
    precision: Precision = "auto",
) -> DeepBleedPredictor:
    """Return the predictor that sees overlapping cubes of 96 mm; arguments as for ``deepbleed_128``."""
    return _opened("deepbleed-64", weights, device, batch_size, template, brain, precision)


deepbleed_64_demo = partial(deepbleed_64, weights=str(demo_weights("deepbleed-64")))
"""The predictor with its demo weights, which learnt on simulated heads."""


def deepbleed_32(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 4,
    template: str | None = None,
    brain: str | None = None,
    precision: Precision = "auto",
) -> DeepBleedPredictor:
    """Return the predictor that sees overlapping cubes of 48 mm; arguments as for ``deepbleed_128``."""
    return _opened("deepbleed-32", weights, device, batch_size, template, brain, precision)


deepbleed_32_demo = partial(deepbleed_32, weights=str(demo_weights("deepbleed-32")))
"""The predictor with its demo weights, which learnt on simulated heads."""
