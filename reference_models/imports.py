"""Weights of the authors' own programs, brought into ours: Cai's Keras HDF5 files, and arrays out of DeepBleed.

Both are read by order and shape. Keras numbers layers as they are made, and both networks here make theirs in the
same order; a tensor that does not fit its place is refused by name.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.labels import LabelSet
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.hemorrhage import LABEL
from reference_models.inference.weightsfile import Weights

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CAI_STRUCTURES", "WeightImport", "cai_unet", "convert", "deepbleed", "read_keras"]

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
"""Names for classes 1 to 11, where the file's owner gives no others: the file itself has none."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class WeightImport:
    """Imports the weights of one model; this is what ``ctbench weights import`` calls."""

    model: str

    def __call__(self, source: Path, out: Path, labels: Mapping[str, int] | None = None) -> None:
        """Convert ``source`` and write our weights to ``out``.

        Args:
            source: Keras HDF5 for ``cai-unet``; an .npz of arrays in order for ``deepbleed``.
            out: a safetensors file.
            labels: name -> code of the classes in their order; None: the paper's.

        Raises:
            MissingFileError: there is no such file.
            UsageError: h5py is not installed, or another number of labels than classes.
            DataError: the file is not laid out as expected.
        """
        if not Path(source).is_file():
            msg = f"there is no file {source}; expected the weights that the authors published"
            raise MissingFileError(msg)
        made = cai_unet(source, labels) if self.model == "cai-unet" else deepbleed(self.model, source)
        made.save(out)


def cai_unet(source: Path, labels: Mapping[str, int] | None = None) -> Weights:
    """Convert a Keras HDF5 file of the U-Net; width, classes and normalisation are read from its shapes."""
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
    tensors = convert(configuration.network(), convolutions, norms, str(source))
    return Weights("cai-unet", asdict(configuration), LabelSet(names), tensors)


def deepbleed(model: str, source: Path) -> Weights:
    """Convert an .npz whose arrays are kernel and bias of every convolution, in the order of the network."""
    try:
        with np.load(source, allow_pickle=False) as file:
            arrays = [file[name] for name in file.files]
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
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
    tensors = convert(configuration.network(), pairs, [], str(source))
    return Weights(model, asdict(configuration), LabelSet({LABEL: 1}), tensors)


def read_keras(source: Path) -> dict[str, dict[str, NDArray[Any]]]:
    """Read a Keras HDF5 file, of weights or of a whole model.

    Returns:
        layer -> its arrays by kind (kernel, bias, gamma, beta); layers of one kind in the order they were made.

    Raises:
        UsageError: h5py is not installed.
        DataError: it is no such file.
    """
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an optional extra, without types
    except ImportError as error:
        msg = "reading Keras weights needs h5py; install ctbench[keras-weights]"
        raise UsageError(msg) from error
    try:
        with h5py.File(source) as file:
            root = file.get("model_weights", file)
            found = {layer: _arrays(root[layer]) for layer in map(_text, root.attrs["layer_names"])}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"{source} is no Keras HDF5 file of weights: {error}"
        raise DataError(msg) from error
    layers = {layer: arrays for layer, arrays in found.items() if arrays}
    return dict(sorted(layers.items(), key=lambda item: _number(item[0])))


def convert(
    network: nn.Module, convolutions: Sequence[Arrays], norms: Sequence[Arrays], where: str
) -> dict[str, NDArray[np.float32]]:
    """Lay TensorFlow's arrays out as torch's.

    A kernel is stored as space..., in, out (space..., out, in for a transposed convolution); torch wants out, in,
    space... (in, out, space...).

    Args:
        network: whose state the result is for.
        convolutions: ``kernel`` and ``bias`` of each, in the order of the network.
        norms: ``gamma`` and ``beta`` of each, likewise.
        where: what to call the source in messages.

    Raises:
        DataError: another number of layers, or one of another shape.
    """
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    kernels = [name for name, tensor in network.named_parameters() if tensor.ndim > 2]
    scales = [name for name, tensor in network.named_parameters() if tensor.ndim == 1 and name.endswith(".weight")]
    _put(
        tensors,
        sorted(kernels, key=_turn),
        [(_torch_kernel(one["kernel"]), one["bias"]) for one in convolutions],
        where,
    )
    _put(tensors, sorted(scales, key=_turn), [(one["gamma"], one["beta"]) for one in norms], where)
    return tensors


def _put(
    tensors: dict[str, NDArray[Any]],
    weights: Sequence[str],
    given: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    where: str,
) -> None:
    """Put pairs of weight and bias into their places, in order."""
    if len(given) != len(weights):
        msg = f"{where} holds {len(given)} layers of a kind of which {len(weights)} are expected, e.g. {weights[:1]}"
        raise DataError(msg)
    for name, pair in zip(weights, given, strict=True):
        for place, array in zip((name, f"{name.removesuffix('weight')}bias"), pair, strict=True):
            if array.shape != tensors[place].shape:
                msg = f"{where}: {place} should have shape {tensors[place].shape} in torch's order, got {array.shape}"
                raise DataError(msg)
            tensors[place] = np.ascontiguousarray(array, np.float32)


def _torch_kernel(kernel: NDArray[Any]) -> NDArray[Any]:
    if kernel.ndim < 3:  # no kernel of a convolution: its shape is told where it does not fit
        return kernel
    return kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))


def _turn(name: str) -> tuple[int, int, int]:
    """Sort our layers as data meets them: a way down or up alternates with the block after it."""
    part, _, rest = name.partition(".")
    group = {"entry": 0, "encoder": 1, "down": 1, "down_blocks": 1, "up": 2, "decoder": 2, "up_blocks": 2}.get(part, 3)
    level = int(rest.partition(".")[0]) if group in {1, 2} else 0
    return group, level, int(part in {"decoder", "down_blocks", "up_blocks"})


def _arrays(group: Any) -> dict[str, NDArray[Any]]:
    names = [_text(name) for name in group.attrs.get("weight_names", ())]
    return {name.rpartition("/")[2].partition(":")[0]: np.asarray(group[name]) for name in names}


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _number(layer: str) -> int:
    found = re.search(r"(\d+)$", layer)
    return int(found.group()) if found else 0


cai = WeightImport("cai-unet")
deepbleed_512 = WeightImport("deepbleed-512")
deepbleed_128 = WeightImport("deepbleed-128")
deepbleed_64 = WeightImport("deepbleed-64")
deepbleed_32 = WeightImport("deepbleed-32")
