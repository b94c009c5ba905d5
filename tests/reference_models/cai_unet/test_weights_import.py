"""The Keras weights of Cai's U-Net: read from HDF5, and the same answers as the network in plain numpy."""

import sys
from functools import partial

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, MissingFileError, UsageError
from reference_models.cai_unet import MODEL
from reference_models.cai_unet.network import CaiUNet
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.cai_unet.weights_import import convert_cai
from reference_models.keras_weights import convert, read_keras


def normalized(x, gamma, beta):
    """Layer normalisation over the last axis, with Keras' epsilon."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * gamma + beta


def pooled(x):
    """The largest of 2 x 2."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max((1, 3))


def numpy_unet(convolved, x, convolutions, norms):
    """Cai's U-Net on y,x,1."""
    convolution, norm = iter(convolutions), iter(norms)

    def stage(y):
        for _ in range(2):
            layer, scale = next(convolution), next(norm)
            y = np.maximum(normalized(convolved(y, layer["kernel"], layer["bias"]), scale["gamma"], scale["beta"]), 0)
        return y

    skips = []
    for level in range(5):
        x = stage(x if level == 0 else pooled(x))
        skips.append(x)
    skips.pop()
    while skips:
        up = next(convolution)
        x = convolved(x.repeat(2, 0).repeat(2, 1), up["kernel"], up["bias"])
        x = stage(np.concatenate([skips.pop(), x], -1))
    head = next(convolution)
    return convolved(x, head["kernel"], head["bias"])


def test_cais_network_gives_what_numpy_gives(convolved, loaded, unet_arrays):
    """Kernel layout, order of layers, normalisation and the padding of the even kernel, all at once."""
    convolutions, norms = unet_arrays()
    network = CaiUNet(classes=3, width=2)
    loaded(network, convert(partial(CaiUNet, classes=3, width=2), convolutions, norms, "arrays"))
    x = np.random.default_rng(1).normal(size=(32, 48, 1)).astype(np.float32)
    ours = network(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, numpy_unet(convolved, x, convolutions, norms), rtol=1e-3, atol=1e-4)


def test_a_keras_file_becomes_weights(unet_arrays, tmp_path):
    """Written in Keras' layout, as weights alone and as a whole model; classes and width are read from it."""
    h5py = pytest.importorskip("h5py")
    convolutions, norms = unet_arrays()
    groups = [(f"conv2d_{number}", arrays) for number, arrays in enumerate(convolutions, start=1)]
    groups += [(f"layer_normalization_{number}", arrays) for number, arrays in enumerate(norms, start=1)]
    for name, root in (("weights.hdf5", "/"), ("model.hdf5", "/model_weights")):
        with h5py.File(tmp_path / name, "w") as file:
            top = file.require_group(root)
            top.attrs["layer_names"] = np.array([layer.encode() for layer, _ in reversed(groups)])
            for layer, arrays in groups:
                top.create_group(layer).attrs["weight_names"] = np.array(
                    [f"{layer}/{kind}:0".encode() for kind in arrays]
                )
                for kind, array in arrays.items():
                    top[layer].create_dataset(f"{layer}/{kind}:0", data=array)
        weights = convert_cai("cai-unet", tmp_path / name, {"a": 1, "b": 2})
        configuration = CaiConfiguration.read(weights.configuration)
        assert (configuration.classes, configuration.width, configuration.normalization) == (3, 2, "layer")
        np.testing.assert_array_equal(weights.tensors["head.bias"], convolutions[-1]["bias"])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """Before anything is written."""
    with pytest.raises(MissingFileError, match="there is no file"):
        MODEL.import_weights(tmp_path / "absent.hdf5", tmp_path / "ours.safetensors")


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "w.hdf5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"pip install '\.\[keras-weights\]'"):
        MODEL.import_weights(tmp_path / "w.hdf5", tmp_path / "ours.safetensors")


def test_a_keras_file_of_gigabytes_of_nothing_is_refused(tmp_path):
    """An array that was never written takes no place in the file, and its shape is the file's word."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["conv2d"]
        layer = file.create_group("conv2d")
        layer.attrs["weight_names"] = ["kernel:0"]
        layer.create_dataset("kernel:0", (3, 3, 1, 1 << 30), np.float32, chunks=(1, 1, 1, 1 << 16))
    with pytest.raises(DataError, match=r"bomb\.h5 would unpack from .* to 36 GiB"):
        read_keras(path)
