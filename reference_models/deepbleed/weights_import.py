"""Conversion of the DeepBleed authors' weights, exported as an .npz of arrays (Sharrock et al. 2020)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.unpacking import expect_bounded_archive
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.hemorrhage import LABEL
from reference_models.inference.weightsfile import Weights
from reference_models.keras_weights import convert

__all__ = ["convert_deepbleed"]


def convert_deepbleed(model: str, source: Path, _: Mapping[str, int] | None = None) -> Weights:
    """Convert an .npz whose arrays are kernel and bias of every convolution, in the order of the network.

    Args:
        model: ``deepbleed-512``, ``-128``, ``-64`` or ``-32``.
        source: The .npz file.
        _: Labels; not used, since the only label is hemorrhage.

    Raises:
        DataError: The file is not one of this network.
    """
    expect_bounded_archive(source)
    try:
        with np.load(source, allow_pickle=False) as file:
            arrays = [file[name] for name in file.files]
    except (OSError, ValueError, EOFError, MemoryError, AttributeError, zipfile.BadZipFile) as error:
        msg = f"{source} is no .npz of arrays: {error}; write it with the script in the documentation"
        raise DataError(msg) from error
    if len(arrays) % 2 or not arrays:
        msg = f"{source} holds {len(arrays)} arrays; expected a kernel and a bias for every convolution"
        raise DataError(msg)
    pairs = [{"kernel": kernel, "bias": bias} for kernel, bias in zip(arrays[::2], arrays[1::2], strict=True)]
    if arrays[0].ndim < 4:
        msg = f"{source} begins with an array of shape {arrays[0].shape}; expected the kernel of a convolution"
        raise DataError(msg)
    configuration = DeepBleedConfiguration.paper(model, width=int(arrays[0].shape[-1]))
    tensors = convert(configuration.network, pairs, [], str(source))
    return Weights(model, asdict(configuration), LabelSet({LABEL: 1}), tensors)
