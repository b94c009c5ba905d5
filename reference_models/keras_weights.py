"""Reading of Keras HDF5 weights, and conversion of TensorFlow's arrays to torch's layout.

Tensors are matched by order and shape: Keras numbers layers as they are made, and the networks here make theirs in the
same order. A tensor that does not fit its place is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.extras import import_extra
from ctbench.unpacking import expect_believable

if TYPE_CHECKING:
    from torch import nn

__all__ = ["convert", "read_keras"]

Arrays = Mapping[str, NDArray[Any]]


def read_keras(source: Path) -> dict[str, dict[str, NDArray[Any]]]:
    """Read a Keras HDF5 file, of weights or of a whole model.

    Returns:
        layer -> its arrays by name (kernel, bias, gamma, beta); layers of one type in the order of their numbers.

    Raises:
        UsageError: h5py is not installed.
        DataError: The file is not a Keras HDF5 file of weights.
    """
    h5py = import_extra("h5py", "reading Keras weights")
    try:
        with h5py.File(source) as file:
            root = file.get("model_weights", file)
            stored = {layer: _datasets(root[layer]) for layer in map(_text, root.attrs["layer_names"])}
            promised = sum(item.nbytes for items in stored.values() for item in items.values())
            expect_believable(str(source), promised, source.stat().st_size)
            found = {layer: {name: np.asarray(item) for name, item in items.items()} for layer, items in stored.items()}
    except DataError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"{source} is no Keras HDF5 file of weights: {error}"
        raise DataError(msg) from error
    layers = {layer: arrays for layer, arrays in found.items() if arrays}
    return dict(sorted(layers.items(), key=lambda item: _number(item[0])))


def convert(
    build: Callable[[], nn.Module], convolutions: Sequence[Arrays], norms: Sequence[Arrays], where: str
) -> dict[str, NDArray[np.float32]]:
    """Return TensorFlow's arrays in torch's layout, by the names of the network's state.

    A kernel is stored as space..., in, out (space..., out, in for a transposed convolution); torch wants out, in,
    space... (in, out, space...). Shapes are checked before the network is built, whose size the file may have chosen.

    Args:
        build: Returns the network that the tensors are for.
        convolutions: ``kernel`` and ``bias`` of each convolution, in the order of the network.
        norms: ``gamma`` and ``beta`` of each normalisation, in the order of the network.
        where: Name of the source in messages.

    Raises:
        DataError: The number of layers or the shape of one differs from the network's.
    """
    import torch

    with torch.device("meta"):  # without memory
        planned = build()
    kernels = [name for name, tensor in planned.named_parameters() if tensor.ndim > 2]
    scales = [name for name, tensor in planned.named_parameters() if tensor.ndim == 1 and name.endswith(".weight")]
    given = (
        (sorted(kernels, key=_turn), [(_torch_kernel(one["kernel"]), one["bias"]) for one in convolutions]),
        (sorted(scales, key=_turn), [(one["gamma"], one["beta"]) for one in norms]),
    )
    for names, pairs in given:
        _put(dict(planned.state_dict()), names, pairs, where)
    tensors = {name: tensor.numpy() for name, tensor in build().state_dict().items()}
    for names, pairs in given:
        _put(tensors, names, pairs, where)
    return tensors


def _put(
    tensors: dict[str, Any],
    weights: Sequence[str],
    given: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    where: str,
) -> None:
    """Replace the tensors of the layers by pairs of weight and bias, in order."""
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
    if kernel.ndim < 3:  # not a convolution's kernel: the shape check reports it
        return kernel
    return kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))


def _turn(name: str) -> tuple[int, int, int]:
    """Return the sort key of a layer in forward order: each step down or up, then the block after it."""
    part, _, rest = name.partition(".")
    group = {"entry": 0, "encoder": 1, "down": 1, "down_blocks": 1, "up": 2, "decoder": 2, "up_blocks": 2}.get(part, 3)
    level = int(rest.partition(".")[0]) if group in {1, 2} else 0
    return group, level, int(part in {"decoder", "down_blocks", "up_blocks"})


def _datasets(group: Any) -> dict[str, Any]:
    names = [_text(name) for name in group.attrs.get("weight_names", ())]
    return {name.rpartition("/")[2].partition(":")[0]: group[name] for name in names}


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _number(layer: str) -> int:
    found = re.search(r"(\d+)$", layer)
    return int(found.group()) if found else 0
