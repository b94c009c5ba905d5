"""``deepnat``, ``deepnat-crf``: a brain's structures from patches around every voxel (Wachinger et al. 2018)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ctbench.predictors import Prediction
from ctbench.volume import Volume
from reference_models.configuration import Millimetres, Size, Window, read_configuration
from reference_models.deepnat import MODEL
from reference_models.deepnat.crf import DenseCrf
from reference_models.deepnat.inputs import Coordinates, Modality
from reference_models.inference.loading import open_weights
from reference_models.inference.weightsfile import demo_weights

if TYPE_CHECKING:
    from reference_models.deepnat.network import DeepNat
    from reference_models.deepnat.seenbrain import SeenBrain
    from reference_models.inference.devices import Precision
    from reference_models.inference.weightsfile import Weights

__all__ = ["DeepNatConfiguration", "DeepNatPredictor", "deepnat", "deepnat_crf", "deepnat_crf_demo", "deepnat_demo"]

Weight = Annotated[float, Field(ge=0, le=100)]

_NEGLIGIBLE = 0.02
"""Foreground likelihood below which the second network is not evaluated."""

_log = logging.getLogger("reference_models")


@dataclass(frozen=True)
class DeepNatConfiguration:
    """Settings of the networks and their preprocessing; the defaults are the paper's where they apply to a CT.

    Args:
        structures: Number of structures.
        hierarchical: One network for the foreground, a second for the structures; otherwise one network for all.
        tasks: Number of voxels that a patch predicts: 1, 7 or 27.
        coordinates: Coordinates of the centre of a patch: spectral, cartesian, both or none.
        widths: Filters of the three convolutions.
        hidden: Neurons of the two hidden layers.
        dropout: Share dropped after each hidden layer while training.
        modality: ct or t1.
        spacing_mm: Side of the cubic voxels.
        spectral_mm: Side of the blocks on which spectral coordinates are solved.
        window_hu: HU range of a CT that is scaled to 0..1 and clipped.
        appearance: Weight of the random field's bilateral kernel (the paper's nu_1).
        smoothness: Weight of its spatial kernel (nu_2).
        reach_mm: Standard deviation of distance in both kernels; the paper's three voxels of 1 mm.
        contrast: Standard deviation of intensity in the bilateral kernel, on a scale to 255.
        iterations: Number of mean-field iterations.
    """

    structures: Size = 25
    hierarchical: bool = True
    tasks: Literal[1, 7, 27] = 7
    coordinates: Coordinates = "both"
    widths: tuple[Size, Size, Size] = (32, 64, 64)
    hidden: tuple[Size, Size] = (1024, 512)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    modality: Modality = "ct"
    spacing_mm: Millimetres = 1.0
    spectral_mm: Millimetres = 1.0
    window_hu: Window = (0.0, 80.0)
    appearance: Weight = 3.0
    smoothness: Weight = 3.0
    reach_mm: Millimetres = 3.0
    contrast: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    iterations: Annotated[int, Field(ge=0, le=1000)] = 5

    @classmethod
    def read(cls, stored: Any) -> DeepNatConfiguration:
        """Return the configuration stored in a weights file; raise ``UsageError`` if it is invalid."""
        return read_configuration(cls, stored)

    def network(self) -> DeepNat:
        """Return the networks with new random weights."""
        from reference_models.deepnat.network import DeepNat

        return DeepNat(
            self.structures,
            hierarchical=self.hierarchical,
            tasks=self.tasks,
            coordinates={"both": 6, "none": 0}.get(self.coordinates, 3),
            widths=self.widths,
            hidden=self.hidden,
            dropout=self.dropout,
        )

    def see(self, image: Volume) -> SeenBrain | None:
        """Return the input of the networks for a scan; None where there is no brain."""
        from reference_models.deepnat.seenbrain import see_brain

        return see_brain(
            image,
            modality=self.modality,
            spacing_mm=self.spacing_mm,
            spectral_mm=self.spectral_mm,
            window_hu=self.window_hu,
            coordinates=self.coordinates,
        )

    @property
    def variant(self) -> str:
        """Return what differs from the paper's DeepNAT among its Figure 4, as the end of a name; empty: nothing.

        Example:
            >>> DeepNatConfiguration(tasks=27, coordinates="none").variant
            '-no-coordinates-27-tasks'
        """
        coordinates = {"both": "", "none": "-no-coordinates"}.get(self.coordinates, f"-{self.coordinates}")
        steps = "" if self.hierarchical else "-one-step"
        tasks = {7: "", 1: "-1-task"}.get(self.tasks, f"-{self.tasks}-tasks")
        return coordinates + steps + tasks

    @property
    def random_field(self) -> DenseCrf:
        """Return the random field, whose reach is in voxels."""
        reach = self.reach_mm / self.spacing_mm
        return DenseCrf(self.appearance, self.smoothness, reach, self.contrast, self.iterations)


class DeepNatPredictor:
    """Predictor of the two networks, evaluated at every voxel of the brain.

    The first network separates foreground from background, the second the structures; the likelihood of a voxel is the
    mean over the patches that vote on it. With a random field the likelihoods of background and structures are
    multiplied out, and its labels are the most probable after some iterations.

    DeepNAT was made for T1-weighted MRI. On CT, HU are scaled from a soft-tissue window and the brain is the cavity
    inside the skull: that adaptation is ours. The labels are those of the weights. Scans are resampled to cubic voxels,
    and likelihoods are interpolated back linearly.

    Args:
        weights: Trained weights of ``deepnat``.
        device: auto, cpu, cuda or cuda:N.
        random_field: Whether the random field refines the likelihoods; otherwise each voxel is decided alone.
        name: Name of the predictor; that of a variant of Figure 4 follows.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
        changes: Settings of the random field that differ from those of the weights; None: as there.
    """

    def __init__(
        self,
        weights: Weights,
        device: str = "auto",
        *,
        random_field: bool = False,
        name: str = MODEL.name,
        precision: Precision = "auto",
        **changes: float | None,
    ) -> None:
        from reference_models.inference.devices import choose_device, choose_precision, place

        named = {key: value for key, value in changes.items() if value is not None}
        self.configuration = DeepNatConfiguration.read({**weights.configuration, **named})
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        network = weights.into(self.configuration.network, f"the given file of {MODEL.name}")
        self.network: DeepNat = place(network, self.device).eval()  # type: ignore[assignment]  # the same module
        self.random_field = self.configuration.random_field if random_field else None
        self.info = weights.info(
            self.network,
            paper=MODEL.paper,
            paper_size=MODEL.paper_size,
            name=name + self.configuration.variant,
            description="Patch networks with spectral coordinates, run densely: structures of the brain"
            + (", refined by a dense random field." if random_field else "."),
            parameters={**asdict(self.configuration), "precision": self.precision},
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one scan; without a brain in the field everything is background.

        Raises:
            DataError: A CT is not in HU.
        """
        seen = self.configuration.see(image)
        if seen is None:
            _log.warning("no brain in the field, so nothing is predicted")
            return Prediction(np.zeros(image.shape, np.uint8))
        found = self.likelihoods(seen)
        if self.random_field is not None:
            found[:, seen.mask] = self.random_field.refined(found[:, seen.mask], seen.intensity, seen.mask)
        codes = np.array([0, *self.info.labels.values()])
        cascade = self.configuration.hierarchical and self.random_field is None
        return Prediction(codes[_decided((seen.to_image(one) for one in found), gated=cascade)])

    def likelihoods(self, seen: SeenBrain) -> NDArray[np.float32]:
        """Return the likelihood of background and of every structure: class,z,y,x in the box, 0 outside the brain."""
        from reference_models.deepnat.everywhere import likelihoods

        how = self.device, self.precision
        if self.network.foreground is None:
            return likelihoods(self.network.structures, seen.channels, seen.mask, *how)
        background, foreground = likelihoods(self.network.foreground, seen.channels, seen.mask, *how)
        structures = likelihoods(self.network.structures, seen.channels, foreground > _NEGLIGIBLE, *how)
        return np.concatenate([background[None], foreground * structures])


def deepnat(*, weights: str | None = None, device: str = "auto", precision: Precision = "auto") -> DeepNatPredictor:
    """Return the predictor in which each voxel is decided alone.

    Args:
        weights: A file that ``ctbench train deepnat`` wrote; needed.
        device: auto, cpu, cuda or cuda:N.
        precision: float32, bfloat16, or auto: bfloat16 on a GPU, float32 on a CPU.
    """
    return DeepNatPredictor(open_weights(MODEL.name, weights), device, precision=precision)


deepnat_demo = partial(deepnat, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""


def deepnat_crf(
    *,
    weights: str | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    appearance: float | None = None,
    smoothness: float | None = None,
    reach_mm: float | None = None,
    contrast: float | None = None,
    iterations: int | None = None,
) -> DeepNatPredictor:
    """Return the predictor with the dense random field; it uses the weights of ``deepnat``.

    Args:
        weights: As for ``deepnat``.
        device: auto, cpu, cuda or cuda:N; the random field runs on the CPU.
        precision: As for ``deepnat``; the random field computes in float32.
        appearance: Weight of the kernel of distance and intensity; None, here and below: as in the weights file.
        smoothness: Weight of the kernel of distance alone.
        reach_mm: Standard deviation of distance in both.
        contrast: Standard deviation of intensity, on a scale to 255.
        iterations: Number of mean-field iterations.

    Raises:
        UsageError: A value is out of range.
    """
    return DeepNatPredictor(
        open_weights(MODEL.name, weights),
        device,
        random_field=True,
        name=f"{MODEL.name}-crf",
        precision=precision,
        appearance=appearance,
        smoothness=smoothness,
        reach_mm=reach_mm,
        contrast=contrast,
        iterations=iterations,
    )


deepnat_crf_demo = partial(deepnat_crf, weights=str(demo_weights(MODEL.name)))
"""The predictor with its demo weights, which learnt on simulated heads."""


def _decided(maps: Iterator[NDArray[np.float32]], *, gated: bool) -> NDArray[np.uint8]:
    """Return the number of the most likely class of every voxel, reading one map after the other.

    Args:
        maps: z,y,x likelihoods of background and of every structure.
        gated: Whether a voxel that is more likely foreground than background gets a structure even where each structure
            alone is less likely than background.
    """
    background = next(maps)
    labels = np.zeros(background.shape, np.uint8)
    foreground, largest = np.zeros_like(background), np.zeros_like(background)
    for number, one in enumerate(maps, start=1):
        foreground += one
        labels[one > largest] = number
        np.maximum(largest, one, out=largest)
    labels[(foreground if gated else largest) <= background] = 0
    return labels
