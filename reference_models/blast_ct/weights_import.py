"""Conversion of the checkpoints that the authors of BLAST-CT published (Monteiro et al. 2020)."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, UsageError
from ctbench.files import sha256
from ctbench.labels import LabelSet
from ctbench.unpacking import expect_believable, expect_bounded_archive
from reference_models.blast_ct.predictor import BlastConfiguration
from reference_models.inference.weightsfile import Weights

__all__ = ["BLAST_LABELS", "convert_blast"]

BLAST_LABELS = {"iph": 1, "eah": 2, "oedema": 3, "ivh": 4}
"""The published classes: intraparenchymal, extra-axial (EDH, SDH, SAH), oedema around a lesion, intraventricular."""

_IN_PATH = re.compile(r"path\((\d+), \1, \1\)(\d+)\.path\.(\d+)\.(bn|prelu|conv)\.(\w+)")
_IN_HEAD = re.compile(r"fully_connected\.(\d+)\.(bn|prelu|conv)\.(\w+)")
_PARTS = {"bn": "norm", "prelu": "activation", "conv": "convolution"}

_EXPECTED = "expected the state of a DeepMedic that BLAST-CT saved (model_1.torch_model)"


def convert_blast(model: str, source: Path, labels: Mapping[str, int] | None = None) -> Weights:
    """Convert a checkpoint of BLAST-CT; the numbers of channels and classes are read from its shapes.

    The file is read with ``weights_only``: no code in it is executed. Its SHA-256 stands in the configuration.

    Args:
        model: Name of the model, ``blast-ct``.
        source: The checkpoint, written by ``torch.save``.
        labels: Name -> code of the classes, in their order; None: those published.

    Raises:
        DataError: The file is not a checkpoint of this network.
        UsageError: The number of labels differs from the number of classes.
    """
    tensors = {_our_name(name, source): array for name, array in _read(source).items()}
    configuration = _configuration(tensors, source)
    names = dict(labels or BLAST_LABELS)
    if len(names) != configuration.classes - 1:
        told = f"{configuration.classes - 1} structures, but there are {len(names)} labels"
        msg = f"{source} has {told}; name all of them with --label"
        raise UsageError(msg)
    weights = Weights(model, asdict(configuration), LabelSet(names), tensors)
    try:
        weights.expect_fit(configuration.network, str(source))
    except UsageError as error:
        raise DataError(str(error)) from error
    return weights


def _read(source: Path) -> dict[str, NDArray[Any]]:
    import torch

    expect_bounded_archive(source)
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        msg = f"{source} is not a checkpoint of tensors alone: {reason}; {_EXPECTED}"
        raise DataError(msg) from error
    if not (isinstance(state, Mapping) and state and all(map(torch.is_tensor, state.values()))):
        msg = f"{source} holds no names with tensors; {_EXPECTED}"
        raise DataError(msg)
    # A tensor without strides may have any size.
    expect_believable(str(source), sum(tensor.nbytes for tensor in state.values()), source.stat().st_size)
    return {str(name): np.array(tensor.numpy()) for name, tensor in state.items()}


def _our_name(name: str, source: Path) -> str:
    """Return the name in our network of a tensor; a path begins with its down-sampling, which has none."""
    if found := _IN_PATH.fullmatch(name):
        _, path, layer, part, tensor = found.groups()
        return f"paths.{path}.{int(layer) - 1}.{_PARTS[part]}.{tensor}"
    if found := _IN_HEAD.fullmatch(name):
        layer, part, tensor = found.groups()
        return f"head.{layer}.{_PARTS[part]}.{tensor}"
    msg = f"{source} holds a tensor {name[:60]!r}; {_EXPECTED}"
    raise DataError(msg)


def _configuration(tensors: Mapping[str, NDArray[Any]], source: Path) -> BlastConfiguration:
    """Return the configuration whose numbers of channels are those of the tensors."""

    def outputs(group: str) -> tuple[int, ...]:
        found: list[int] = []
        while (kernel := tensors.get(f"{group}.{len(found)}.convolution.weight")) is not None and kernel.ndim == 5:
            found.append(int(kernel.shape[0]))
        return tuple(found)

    channels, ends = outputs("paths.0"), outputs("head")
    if not channels or not ends:
        msg = f"{source} lacks the convolutions of a path or those after the paths; {_EXPECTED}"
        raise DataError(msg)
    return BlastConfiguration.read(
        {"classes": ends[-1], "channels": channels, "hidden": ends[:-1], "source_sha256": sha256(source)}
    )
