"""The record of a reference model: its network, predictors, training, presets and demo weights.

The record names the parts as ``module:attribute`` and imports each one when it is used, so that listing the models
imports neither torch nor ctbench.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from ctbench.datasets import Case, Dataset
    from reference_models.inference.weightsfile import Weights
    from reference_models.training.setup import Cases, Setup

__all__ = ["DemoStart", "DemoTraining", "Model"]


@dataclass(frozen=True, slots=True)
class DemoStart:
    """A first, coarse training, whose weights the demo training starts from.

    Args:
        name: Folder of this training in the cache.
        model: Name of the model that is trained.
        options: Training options on top of that model's demo preset.
    """

    name: str
    model: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DemoTraining:
    """How the weights that come with the package are trained.

    Args:
        phantom: Dataset whose kind of simulated heads the network learns from.
        start: A coarse training before this one; None: random weights.
    """

    phantom: str
    start: DemoStart | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One reference model; everything else that lists models reads these records.

    Args:
        name: Name of the model on the command line and in its weights files.
        predictors: Name of a predictor -> the function that makes it. ``pyproject.toml`` repeats these as entry points.
        network_class: The ``torch.nn.Module``; empty: the model has no network.
        network_options: Keyword arguments of the class that this model fixes, e.g. the number of dimensions.
        training_setup: Function of (name, dataset, preset, options, seed) that returns a ``Setup``; empty: the model
            is not trained by epochs.
        training_fit: Function of (dataset, training, validation, preset, options, seed) that returns ``Weights`` and
            what the card says of them, for a model that is fitted at once; empty, and no ``training_setup``: the model
            cannot be trained with ``ctbench train``.
        presets: Names of the settings that its training offers.
        weights_conversion: Function of (name, source, labels) that converts the authors' weights to ``Weights``; empty:
            the authors published none.
        same_network: Other models with the same network, whose weights a training of this one may start from.
        demo_training: How its demo weights are trained; None: it has none, or ``demo_fit`` makes them.
        demo_fit: Function without arguments that fits the demo weights, writes them and returns their path.
        paper: DOI of the paper.
        paper_size: Number of trainable parameters of the paper's network; 0: no network, or not printed and not known.
    """

    name: str
    predictors: Mapping[str, str]
    network_class: str = ""
    network_options: Mapping[str, Any] = field(default_factory=dict)
    training_setup: str = ""
    training_fit: str = ""
    presets: tuple[str, ...] = ("paper", "demo")
    weights_conversion: str = ""
    same_network: tuple[str, ...] = ()
    demo_training: DemoTraining | None = None
    demo_fit: str = ""
    paper: str = ""
    paper_size: int = 0

    def network(self, **options: Any) -> nn.Module:
        """Return the network with new random weights; ``options`` are keyword arguments of its class."""
        made: nn.Module = self._part("network_class")(**self.network_options, **options)
        return made

    def setup(self, dataset: Dataset, preset: str, options: Mapping[str, Any], seed: int) -> Setup:
        """Return the plan, labels and recipe with which this model is trained on a dataset.

        Args:
            dataset: The dataset whose labels are learnt.
            preset: One of ``presets``.
            options: Training options that change single settings of the preset.
            seed: Seed of the first weights, the sampling and the augmentation.

        Raises:
            UsageError: The model has no such preset or option.
        """
        self._expect_preset(preset)
        made: Setup = self._part("training_setup")(self.name, dataset, preset, options, seed)
        return made

    def train(
        self, dataset: Dataset, training: Sequence[Case], validation: Sequence[Case], out: Path, **settings: Any
    ) -> Path:
        """Train the model and return the path of its weights: the entry point of the group ``ctbench.trainers``.

        Args:
            dataset: The dataset that the cases come from.
            training: Cases to learn from.
            validation: Cases on which the best epoch is chosen.
            out: Folder for weights, card, curves and checkpoint.
            settings: Keyword arguments of ``reference_models.training.run.train``.
        """
        from reference_models.training.run import fit_at_once, train

        how = fit_at_once if self.training_fit else train
        return how(self, dataset, training, validation, out, **settings)

    def fit(
        self,
        dataset: Dataset,
        training: Cases,
        validation: Cases,
        preset: str,
        options: Mapping[str, Any],
        seed: int,
    ) -> tuple[Weights, dict[str, Any]]:
        """Return the weights of a model that is fitted at once, and what their card says of them.

        Args:
            dataset: The dataset whose labels are learnt.
            training: Cases to learn from, with the references that are learnt.
            validation: Cases on which settings are chosen.
            preset: One of ``presets``.
            options: Training options that change single settings of the preset.
            seed: Random seed.

        Raises:
            UsageError: The model has no such preset or option.
        """
        self._expect_preset(preset)
        made: tuple[Weights, dict[str, Any]] = self._part("training_fit")(
            dataset, training, validation, preset, options, seed
        )
        return made

    def import_weights(self, source: Path, out: Path, labels: Mapping[str, int] | None = None) -> None:
        """Convert the authors' weights to ours: the entry point of the group ``ctbench.weight_imports``.

        Args:
            source: The authors' file: Keras HDF5 for ``cai-unet``; an .npz of arrays in order for ``deepbleed``; a
                checkpoint of torch for ``blast-ct``.
            out: The safetensors file to write.
            labels: Name -> code of the classes, in their order; None: the paper's.

        Raises:
            MissingFileError: ``source`` does not exist.
            UsageError: h5py is not installed, or the number of labels differs from the number of classes.
            DataError: The file is not laid out as expected.
        """
        from ctbench.errors import MissingFileError

        if not Path(source).is_file():
            msg = f"there is no file {source}; expected the weights that the authors published"
            raise MissingFileError(msg)
        self._part("weights_conversion")(self.name, source, labels).save(out)

    def fit_demo(self) -> Path:
        """Fit the demo weights of a model that is not trained by epochs, and return their path."""
        path: Path = self._part("demo_fit")()
        return path

    def _expect_preset(self, preset: str) -> None:
        from ctbench.errors import UsageError

        if preset not in self.presets:
            msg = f"{self.name} has no preset {preset!r}; expected one of {', '.join(self.presets)}"
            raise UsageError(msg)

    def _part(self, which: str) -> Any:
        """Import the function or class that a field names."""
        place: str = getattr(self, which)
        if not place:
            msg = f"{self.name} has no {which.replace('_', ' ')}"
            raise ValueError(msg)
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)
