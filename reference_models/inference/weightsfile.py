"""Weights files: tensors in safetensors, with model, configuration and labels as JSON in the metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.files import sha256, whole_file
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Weights", "demo_weights"]

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Weights:
    """The trained tensors of a network.

    Args:
        model: Name of the model, e.g. ``cai-unet``.
        configuration: Settings of network and preprocessing; JSON values.
        labels: Names and codes of the classes; class k is the k-th label, class 0 background.
        tensors: Arrays of the network's state, by name.
        trained_on: Names of the datasets; several where training started from other weights.
        phantoms_only: Trained on simulated heads alone, so unusable on patients.
        digest: SHA-256 of the file that they were read from, else empty.
    """

    model: str
    configuration: Mapping[str, Any]
    labels: LabelSet
    tensors: Mapping[str, NDArray[Any]]
    trained_on: tuple[str, ...] = ()
    phantoms_only: bool = False
    digest: str = field(default="", compare=False)

    @classmethod
    def of(cls, network: nn.Module, *, half: bool = False, **fields: Any) -> Weights:
        """Return the weights of a network; ``half`` stores kernels as float16, biases and statistics as float32.

        A running variance may exceed the range of float16.
        """
        tensors = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
        if half:
            tensors = {
                name: array.astype(np.float16) if array.dtype == np.float32 and array.ndim > 1 else array
                for name, array in tensors.items()
            }
        return cls(tensors=tensors, **fields)

    @property
    def suffix(self) -> str:
        """End of the predictor's name: ``-demo`` if they saw simulated heads alone, so that it is not the paper's."""
        return "-demo" if self.phantoms_only else ""

    def info(self, network: nn.Module, *, name: str = "", **fields: Any) -> PredictorInfo:
        """Return the card of the predictor that uses them.

        Args:
            network: The network that holds them.
            name: Name of the predictor, without ``suffix``; empty: that of the model.
            fields: Further fields of the card; ``labels`` where they are not those of the weights.
        """
        from reference_models.layers import count_parameters

        return PredictorInfo(
            **{"labels": self.labels, **fields},
            name=f"{name or self.model}{self.suffix}",
            version="1",
            licence="Apache-2.0",
            weights_digest=self.digest,
            training_datasets=self.trained_on,
            phantoms_only=self.phantoms_only,
            size=count_parameters(network),
        )

    def save(self, path: str | Path) -> None:
        """Write the file atomically."""
        from safetensors.numpy import save_file

        card = {
            "format": _FORMAT,
            "model": self.model,
            "configuration": dict(self.configuration),
            "labels": dict(self.labels.codes),
            "trained_on": self.trained_on,
            "phantoms_only": self.phantoms_only,
        }
        with whole_file(path) as temporary:
            save_file(
                {name: np.asarray(array, order="C") for name, array in self.tensors.items()},
                temporary,
                {"ctbench": json.dumps(card)},
            )

    @classmethod
    def load(cls, path: str | Path, model: str, *, kin: Sequence[str] = ()) -> Weights:
        """Return the weights of one model, read from a file.

        Args:
            path: Safetensors file.
            model: Name of the expected model.
            kin: Names of models with the same network, whose weights are accepted too.

        Raises:
            MissingFileError: The file does not exist.
            DataError: The file is not a weights file.
            UsageError: The file holds the weights of another model; the message names both.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            msg = f"no weights at {path}; give a file that `ctbench train {model}` or `ctbench weights import` wrote"
            raise MissingFileError(msg)
        try:
            with safe_open(path, framework="numpy") as file:
                card = json.loads((file.metadata() or {})["ctbench"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # a file is no mapping
            found, version, configuration = card["model"], card["format"], dict(card["configuration"])
            read = cls(
                model=found,
                configuration=configuration,
                labels=LabelSet(card["labels"]),
                tensors=tensors,
                trained_on=_names(card["trained_on"]),
                phantoms_only=card["phantoms_only"],
                digest=sha256(path),
            )
        except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            msg = f"{path} does not hold weights of {model}: {error}; expected a safetensors file that ctbench wrote"
            raise DataError(msg) from error
        if found not in {model, *kin} or version != _FORMAT:
            msg = (
                f"{path} holds weights of {found} (format {version}, {_told(configuration)}); "
                f"expected weights of {model} (format {_FORMAT})"
            )
            raise UsageError(msg)
        return read

    def into(self, build: Callable[[], nn.Module], where: str) -> nn.Module:
        """Return the network that ``build`` makes, with these tensors.

        Shapes are checked before memory is allocated, since a file may claim any size of its network.

        Args:
            build: Function that returns a network.
            where: Name of the weights in messages.

        Raises:
            UsageError: The configuration is impossible or does not fit the tensors; the message names what differs.
        """
        self.expect_fit(build, where)
        network = build()
        self.put_into(network, where)
        return network

    def expect_fit(self, build: Callable[[], nn.Module], where: str) -> None:
        """Raise an error unless the network that ``build`` makes has these tensors; allocates no memory.

        Args:
            build: Function that returns a network.
            where: Name of the weights in messages.

        Raises:
            UsageError: The configuration is impossible or does not fit the tensors; the message names what differs.
        """
        import torch

        try:
            with torch.device("meta"):
                self._expect_same_tensors(build(), where)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            if isinstance(error, UsageError):
                raise
            msg = f"{where}: there is no {self.model} with {_told(self.configuration)}: {error}"
            raise UsageError(msg) from error

    def put_into(self, network: nn.Module, where: str) -> None:
        """Copy these tensors into a network.

        Args:
            network: Network that is changed.
            where: Name of the weights in messages.

        Raises:
            UsageError: The network has another configuration; the message names what differs.
        """
        import torch

        self._expect_same_tensors(network, where)
        state = network.state_dict()
        network.load_state_dict(
            {name: torch.from_numpy(np.array(array)).to(state[name].dtype) for name, array in self.tensors.items()}
        )

    def _expect_same_tensors(self, network: nn.Module, where: str) -> None:
        wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {name: tuple(array.shape) for name, array in self.tensors.items()}
        differing = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        if differing:
            name = differing[0]
            msg = (
                f"{where} holds weights of another configuration ({self.model}, {_told(self.configuration)}): "
                f"{len(differing)} tensors differ, e.g. {name}: expected {wanted.get(name)}, got {found.get(name)}"
            )
            raise UsageError(msg)


def demo_weights(model: str) -> Path:
    """Return the path of a model's demo weights, which come with the package."""
    return Path(__file__).parents[1] / "weights" / f"{model}.safetensors"


def _names(stored: Any) -> tuple[str, ...]:
    """Return names of datasets; files of version 0.1.0 hold a single name, empty for none."""
    names = [stored] if isinstance(stored, str) else stored
    if not all(isinstance(name, str) for name in names):
        msg = f"names of datasets are text, got {names}"
        raise TypeError(msg)
    return tuple(name for name in names if name)


def _told(configuration: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={str(value)[:40]}" for key, value in configuration.items()) or "no configuration"
