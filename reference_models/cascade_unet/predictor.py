"""``cascade-unet`` and ``cascade-unet-ensemble``: hemorrhage of any type, by two 3D U-Nets (Zhao et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.errors import UsageError
from ctbench.predictors import Prediction
from ctbench.predictors.folds import best_folders, best_weights, joined_digest
from ctbench.volume import Volume
from reference_models.cascade_unet import MODEL
from reference_models.configuration import Millimetres, Size, TileWeights, Window, read_configuration
from reference_models.hemorrhage import LABEL, hemorrhage_of
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import demo_weights
from reference_models.scans.hounsfield import check_hu

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reference_models.cascade_unet.network import LevelPlan
    from reference_models.inference.devices import Precision
    from reference_models.inference.weightsfile import Weights
    from reference_models.scans.headgrid import HeadGrid

__all__ = [
    "CascadeConfiguration",
    "CascadeEnsemble",
    "CascadePredictor",
    "cascade_unet",
    "cascade_unet_demo",
    "cascade_unet_ensemble",
]

AIR_HU = -1000.0

PAPER_WINDOWS_HU = ((0.0, 80.0), (-20.0, 180.0), (-150.0, 230.0))
PAPER_SPACING_MM = (5.0, 0.42, 0.42)
"""Typical spacing of the challenge's scans (INSTANCE 2022): the default for which nnU-Net's plan is made."""


@dataclass(frozen=True)
class CascadeConfiguration:
    """Settings of the networks and their preprocessing; the defaults are the paper's, where it states them.

    Args:
        windows_hu: HU ranges, one channel each, scaled to 0..1 and clipped; None: one channel, normalised as nnU-Net
            does for CT (percentiles 0.5 and 99.5 of the blood in the training heads, z-score).
        stages: Number of U-Nets: 2, or 1 for the first alone.
        plan: Plan of the levels, isotropic or nnunet.
        levels: Number of levels of the plan that are used, from the finest; None: all.
        width: Channels of the finest level.
        largest: Limit of the channels of a level.
        second_input: Input of the second stage, probability or image_and_probability.
        deep_supervision: Whether the loss includes the coarser levels.
        patch: z,y,x size in voxels of the patch that the networks see at a time.
        spacing_mm: z,y,x voxel sides of the grid; None: the scan's.
        tile_weights: Weights of the overlapping patches in prediction, constant or gaussian.
        mirrored: Axes among z, y and x along which patches are mirrored, e.g. ``zyx``: in training half of the time,
            in prediction every way, whose mean counts. x is always mirrored in training. Empty: none in prediction.
    """

    windows_hu: Annotated[tuple[Window, ...], Field(min_length=1, max_length=16)] | None = PAPER_WINDOWS_HU
    stages: Literal[1, 2] = 2
    plan: Literal["isotropic", "nnunet"] = "isotropic"
    levels: Annotated[int, Field(ge=2)] | None = None
    width: Size = 32
    largest: Size = 320
    second_input: Literal["probability", "image_and_probability"] = "probability"
    deep_supervision: bool = False
    patch: tuple[Size, Size, Size] = (16, 320, 320)
    spacing_mm: tuple[Millimetres, Millimetres, Millimetres] | None = None
    tile_weights: TileWeights = "constant"
    mirrored: Annotated[str, Field(pattern="^z?y?x?$")] = ""

    @classmethod
    def read(cls, stored: Any) -> CascadeConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    def level_plan(self) -> LevelPlan:
        """Return kernels and pools of the levels.

        Raises:
            UsageError: The patch is not divisible by the pools.
        """
        from reference_models.cascade_unet.network import ISOTROPIC, nnunet_plan

        plan = ISOTROPIC if self.plan == "isotropic" else nnunet_plan(self.patch, self.spacing_mm or PAPER_SPACING_MM)
        plan = plan.cut(self.levels or len(plan.kernels))
        if any(side % least for side, least in zip(self.patch, plan.multiple, strict=True)):
            expected = " x ".join(map(str, plan.multiple))
            msg = (
                f"the {self.plan} plan of {MODEL.name} cannot divide patch={self.patch}; "
                f"expected multiples of {expected}"
            )
            raise UsageError(msg)
        return plan

    def network(self) -> nn.Module:
        """Return the network of both stages with new random weights."""
        return MODEL.network(
            channels=len(self.windows_hu or ("hu",)),
            scaled=self.windows_hu is None,
            stages=self.stages,
            width=self.width,
            largest=self.largest,
            plan=self.level_plan(),
            second_input=self.second_input,
            deep_supervision=self.deep_supervision,
        )

    @property
    def mirrored_axes(self) -> list[int]:
        """Return the axes of ``mirrored``, counted from the last of a tensor (-1 is x)."""
        return ["zyx".index(axis) - 3 for axis in self.mirrored]

    def channels(self, hu: Tensor) -> Tensor:
        """Return one channel per window, batch,window,... from 0 to 1, of HU batch,1,...; without windows the HU."""
        import torch

        if self.windows_hu is None:
            return hu
        return torch.cat([((hu - low) / (high - low)).clamp(0, 1) for low, high in self.windows_hu], dim=1)

    def grid(self, image: Volume) -> tuple[HeadGrid, NDArray[np.float32]]:
        """Return the image on the networks' grid: the grid, which maps back, and HU z,y,x."""
        from reference_models.scans.headgrid import HeadGrid

        grid = HeadGrid.of(check_hu(image), self.patch, self.spacing_mm)
        return grid, grid.cut(image.array.astype(np.float32), AIR_HU)


class CascadePredictor:
    """Predictor of the cascade, over a scan in overlapping patches.

    Args:
        weights: Trained weights of ``cascade-unet``.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of patches per forward pass.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
        changes: ``tile_weights`` or ``mirrored``, where they differ from the configuration of the weights.
    """

    def __init__(
        self,
        weights: Weights,
        device: str = "auto",
        batch_size: int = 2,
        precision: Precision = "auto",
        **changes: str | None,
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place

        named = {name: value for name, value in changes.items() if value is not None}
        self.configuration = CascadeConfiguration.read({**weights.configuration, **named})
        self.device, self.batch_size = choose_device(device), batch_size
        self.precision = choose_precision(precision, self.device)
        network = weights.into(self.configuration.network, f"the given file of {MODEL.name}")
        self.network = place(network, self.device).eval()
        self.info = weights.info(
            self.network,
            paper=MODEL.paper,
            paper_size=MODEL.paper_size,
            description="Cascade of two 3D U-Nets (Zhao et al. 2022): hemorrhage of any type.",
            parameters={**asdict(self.configuration), "precision": self.precision},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; the score is V / (V + 1 mL).

        Raises:
            DataError: The image is not in HU.
        """
        return hemorrhage_of(self.probability(image), image, self.info.labels[LABEL])

    def probability(self, image: Volume) -> NDArray[np.float32]:
        """Return the probability of hemorrhage, z,y,x on the image's grid.

        Raises:
            DataError: The image is not in HU.
        """
        import torch

        from reference_models.inference.tiling import apply_in_tiles, over_mirrors

        grid, hu = self.configuration.grid(image)
        found = apply_in_tiles(
            over_mirrors(
                lambda batch: torch.sigmoid(self.network(self.configuration.channels(batch)).float()),
                self.configuration.mirrored_axes,
            ),
            torch.from_numpy(hu),
            self.configuration.patch,
            self.batch_size,
            self.device,
            self.configuration.level_plan().multiple,
            weights=self.configuration.tile_weights,
            precision=self.precision,
        )
        return grid.restore(found[0].numpy())


class CascadeEnsemble:
    """Predictor of the mean probability of several models, each the mean of its folds.

    Args:
        models: For each model its folds, predictors with the same label set. Zhao et al. join three models; each of
            them counts alike, however many folds it has.
    """

    def __init__(self, models: Sequence[Sequence[CascadePredictor]]) -> None:
        self.models = tuple(map(tuple, models))
        members = [member for model in self.models for member in model]
        first = members[0].info
        digests = [member.info.weights_digest for member in members]
        self.info = replace(
            first,
            name=f"{MODEL.name}-ensemble",
            description=f"Mean probability of {len(digests)} {MODEL.name} (Zhao et al. 2022): hemorrhage of any type.",
            weights_digest=joined_digest(digests),
            training_datasets=tuple(dict.fromkeys(name for one in members for name in one.info.training_datasets)),
            phantoms_only=all(one.info.phantoms_only for one in members),
            parameters={"members": digests, "folds": [len(model) for model in self.models], **first.parameters},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one CT; the score is V / (V + 1 mL).

        Raises:
            DataError: The image is not in HU.
        """
        total = np.zeros(image.shape, np.float32)
        for model in self.models:
            for member in model:
                total += member.probability(image) / len(model)
        return hemorrhage_of(total / len(self.models), image, self.info.labels[LABEL])


def cascade_unet(
    *,
    weights: str | None = None,
    device: str = "auto",
    batch_size: int = 2,
    tile_weights: TileWeights | None = None,
    mirrored: str | None = None,
    precision: Precision = "auto",
) -> CascadePredictor:
    """Return the predictor.

    Args:
        weights: A file that ``ctbench train`` wrote; needed.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of patches per forward pass.
        tile_weights: Weights of overlapping patches: constant, or gaussian as in nnU-Net; None: as in the weights file.
        mirrored: Axes along which patches are mirrored, e.g. ``x`` or ``zyx``, for the mean over all 2 or 8 mirrored
            passes; None: as in the weights file.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.

    Raises:
        UsageError: A value is not among those.
    """
    opened = open_weights(MODEL.name, weights)
    return CascadePredictor(opened, device, batch_size, precision, tile_weights=tile_weights, mirrored=mirrored)


cascade_unet_demo = partial(cascade_unet, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""


def cascade_unet_ensemble(
    *,
    weights: str | Sequence[str] | None = None,
    best: int | None = None,
    device: str = "auto",
    batch_size: int = 2,
    tile_weights: TileWeights | None = None,
    mirrored: str | None = None,
    precision: Precision = "auto",
) -> CascadeEnsemble:
    """Return the predictor of several cascades.

    Args:
        weights: A list of folders of ``ctbench train cascade-unet --folds N``, one for each model, whose folds are
            averaged; or one such folder, or a list of weights files, which are joined alike. Needed.
        best: Number of models, or of the folds of one, to use: those with the best predictions of their held-out
            cases; None: all. The paper joined its best three models.
        device: auto, cpu, cuda or cuda:N.
        batch_size: Number of patches per forward pass.
        tile_weights: As for ``cascade_unet``.
        mirrored: As for ``cascade_unet``.
        precision: As for ``cascade_unet``.

    Raises:
        MissingFileError: The weights do not exist.
        UsageError: There are fewer models or folds, or the weights are not those of folds.
    """
    models: Sequence[Sequence[str | None]]
    if isinstance(weights, str):
        models = [[file] for file in best_weights(weights, best)]
    elif weights and all(Path(one).is_dir() for one in weights):
        models = [best_weights(folder) for folder in best_folders(weights, best)]
    elif best is None:
        files: Sequence[str | None] = weights or [None]
        models = [[file] for file in files]
    else:
        msg = f"best={best} needs weights=FOLDER of a `ctbench train {MODEL.name} --folds N`, which ranks them"
        raise UsageError(msg)
    opened = [
        [
            cascade_unet(
                weights=file,
                device=device,
                batch_size=batch_size,
                tile_weights=tile_weights,
                mirrored=mirrored,
                precision=precision,
            )
            for file in own
        ]
        for own in models
    ]
    return CascadeEnsemble(opened)
