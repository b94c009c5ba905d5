"""The DeepBleed authors' arrays: read from an .npz, and the same answers as the network in plain numpy."""

from functools import partial

import numpy as np
import pytest
import torch

from ctbench.errors import DataError
from reference_models.deepbleed import DEEPBLEED_64
from reference_models.deepbleed.network import VNet
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.deepbleed.weights_import import convert_deepbleed
from reference_models.inference.weightsfile import Weights
from reference_models.keras_weights import convert


def halved(x, kernel, bias):
    """A 2 x 2 convolution of stride 2."""
    y, z = x.shape[0] // 2, x.shape[1] // 2
    return np.einsum("iajbc,abcd->ijd", x.reshape(y, 2, z, 2, -1), kernel) + bias


def doubled(x, kernel, bias):
    """A 2 x 2 transposed convolution of stride 2; TensorFlow's kernel is y, x, out, in."""
    spread = np.einsum("ijc,abdc->iajbd", x, kernel)
    return spread.reshape(2 * x.shape[0], 2 * x.shape[1], -1) + bias


def numpy_vnet(convolved, x, layers):
    """DeepBleed's 2D network on y,x,1, as released: one convolution a block, ReLU."""
    layer = iter(layers)

    def apply(operation, y):
        one = next(layer)
        return np.maximum(operation(y, one["kernel"], one["bias"]), 0)

    def block(y, repeats):
        one, inner = next(layer), y
        for _ in range(repeats):
            inner = np.maximum(convolved(inner, one["kernel"], one["bias"]), 0)
        return y + inner

    x = apply(convolved, x) + x
    skips = []
    for repeats in (2, 3, 3, 3):
        skips.append(x)
        x = block(apply(halved, x), repeats)
    for repeats in (3, 3, 2, 1):
        x = block(np.concatenate([apply(doubled, x), skips.pop()], -1), repeats)
    x = apply(convolved, x)
    last = next(layer)
    return convolved(x, last["kernel"], last["bias"])


def vnet_arrays(width=2, space=2, seed=0):
    """Kernels and biases of a narrow V-Net, in order; transposed kernels are space..., out, in."""
    rng = np.random.default_rng(seed)
    shapes = [((5,) * space + (1, width), width)]
    for level in range(1, 5):
        here = width * 2**level
        shapes += [((2,) * space + (here // 2, here), here), ((5,) * space + (here, here), here)]
    below = width * 16
    for level in range(4, 0, -1):
        here = width * 2**level
        shapes += [((2,) * space + (here // 2, below), here // 2), ((5,) * space + (here, here), here)]
        below = here
    shapes += [((1,) * space + (2 * width, 2), 2), ((1,) * space + (2, 1), 1)]
    return [
        {"kernel": rng.normal(0, 0.15, shape).astype(np.float32), "bias": rng.normal(0, 0.1, size).astype(np.float32)}
        for shape, size in shapes
    ]


def test_deepbleeds_network_gives_what_numpy_gives(convolved, loaded):
    """The shared convolutions, the transposed kernels, and the order of concatenation (up first)."""
    layers = vnet_arrays()
    network = VNet(2, width=2)
    loaded(network, convert(partial(VNet, 2, width=2), layers, [], "arrays"))
    x = np.random.default_rng(1).normal(size=(32, 16, 1)).astype(np.float32)
    ours = network(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, numpy_vnet(convolved, x, layers), rtol=1e-3, atol=1e-4)


def test_an_npz_of_arrays_becomes_weights(tmp_path):
    """The width is read from the shapes; the file is ours afterwards, in three dimensions too."""
    layers = vnet_arrays(space=3)
    arrays = {f"{number:03d}": array for number, array in enumerate(a for one in layers for a in one.values())}
    np.savez(tmp_path / "authors.npz", **arrays)
    DEEPBLEED_64.import_weights(tmp_path / "authors.npz", tmp_path / "ours.safetensors")
    weights = Weights.load(tmp_path / "ours.safetensors", "deepbleed-64")
    configuration = DeepBleedConfiguration.read(weights.configuration)
    assert (configuration.width, configuration.edge, configuration.spacing_mm) == (2, 64, 1.5)
    network = configuration.network()
    weights.put_into(network, "ours")
    np.testing.assert_array_equal(
        network.up[0][0].weight.detach().numpy(), layers[9]["kernel"].transpose(4, 3, 0, 1, 2)
    )


def test_an_npz_of_something_else_is_refused(tmp_path):
    """By the number of its arrays."""
    np.savez(tmp_path / "odd.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="a kernel and a bias"):
        convert_deepbleed("deepbleed-128", tmp_path / "odd.npz")


def test_an_npz_of_gigabytes_of_nothing_is_refused(tmp_path, monkeypatch):
    """Before an array is read."""
    monkeypatch.setattr("ctbench.unpacking._MOST_BYTES", 1000)
    np.savez_compressed(tmp_path / "bomb.npz", np.zeros((3, 3, 3, 1, 100_000), np.float32))
    with pytest.raises(DataError, match=r"bomb\.npz would unpack from"):
        convert_deepbleed("deepbleed-128", tmp_path / "bomb.npz")
