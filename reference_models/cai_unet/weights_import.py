"""Conversion of the Keras weights that the authors of the U-Net published (Cai et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ctbench.errors import DataError, UsageError
from ctbench.labels import LabelSet
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.inference.weightsfile import Weights
from reference_models.keras_weights import convert, read_keras

__all__ = ["CAI_STRUCTURES", "convert_cai"]

CAI_STRUCTURES = (
    "brainstem_cerebrum",
    "subarachnoid_space",
    "dural_folds_sinuses",
    "septum_pellucidum",
    "cerebellum",
    "caudate",
    "lentiform",
    "insular_cortex",
    "internal_capsule",
    "ventricles",
    "central_sulcus",
)
"""Default names of classes 1 to 11; the authors' file holds no names."""


def convert_cai(model: str, source: Path, labels: Mapping[str, int] | None = None) -> Weights:
    """Convert a Keras HDF5 file of the U-Net; width, classes and normalisation are read from its shapes.

    Args:
        model: Name of the model, ``cai-unet``.
        source: The HDF5 file, of weights or of a whole model.
        labels: Name -> code of the classes, in their order; None: the paper's structures, numbered from 1.

    Raises:
        UsageError: h5py is not installed, or the number of labels differs from the number of classes.
        DataError: The file is not one of this network.
    """
    layers = read_keras(source)
    kernels = [arrays["kernel"] for arrays in layers.values() if "kernel" in arrays]
    if not kernels:
        msg = f"{source} holds no convolution; expected the weights of a Keras model"
        raise DataError(msg)
    normalized = any("gamma" in arrays for arrays in layers.values())
    configuration = CaiConfiguration(
        classes=int(kernels[-1].shape[-1]),
        width=int(kernels[0].shape[-1]),
        normalization="layer" if normalized else "none",
    )
    names = labels or {name: code for code, name in enumerate(CAI_STRUCTURES, start=1)}
    if len(names) != configuration.classes - 1:
        msg = f"{source} has {configuration.classes - 1} structures, but {len(names)} labels were given; name them all"
        raise UsageError(msg)
    convolutions = [arrays for arrays in layers.values() if "kernel" in arrays]
    norms = [arrays for arrays in layers.values() if "gamma" in arrays]
    tensors = convert(configuration.network, convolutions, norms, str(source))
    return Weights(model, asdict(configuration), LabelSet(names), tensors)
