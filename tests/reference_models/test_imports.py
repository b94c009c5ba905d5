import numpy as np
import pytest
import torch

from ctbench.errors import DataError, MissingFileError, UsageError
from reference_models.cai_unet.network import CaiUNet
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.deepbleed.network import VNet
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.imports import WeightImport, cai_unet, convert, deepbleed

# --- the networks once more, in plain numpy, on TensorFlow's layouts (channels last) ---------------------------------


def convolved(x, kernel, bias):
    """A convolution of stride 1 with TensorFlow's 'same' padding: an even kernel is padded behind only."""
    sizes = kernel.shape[:-2]
    padded = np.pad(x, [((size - 1) // 2, size // 2) for size in sizes] + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, sizes, axis=tuple(range(len(sizes))))
    # windows: space..., in, kernel...; kernel: kernel..., in, out
    inner = list(range(len(sizes) + 1, windows.ndim))
    return np.tensordot(windows, kernel, axes=([*inner, len(sizes)], list(range(len(sizes) + 1)))) + bias


def normalized(x, gamma, beta):
    """Layer normalisation over the last axis, with Keras' epsilon."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * gamma + beta


def pooled(x):
    """The largest of 2 x 2."""
    return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max((1, 3))


def numpy_unet(x, convolutions, norms):
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


def halved(x, kernel, bias):
    """A 2 x 2 convolution of stride 2."""
    y, z = x.shape[0] // 2, x.shape[1] // 2
    return np.einsum("iajbc,abcd->ijd", x.reshape(y, 2, z, 2, -1), kernel) + bias


def doubled(x, kernel, bias):
    """A 2 x 2 transposed convolution of stride 2; TensorFlow's kernel is y, x, out, in."""
    spread = np.einsum("ijc,abdc->iajbd", x, kernel)
    return spread.reshape(2 * x.shape[0], 2 * x.shape[1], -1) + bias


def numpy_vnet(x, layers):
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


# --- arrays as the authors' programs store them ----------------------------------------------------------------------


def unet_arrays(width=2, classes=3, seed=0):
    """Kernels, biases, gammas and betas of a narrow U-Net in the order in which Keras makes its layers."""
    rng = np.random.default_rng(seed)
    widths = [width * 2**level for level in range(5)]
    shapes, norms = [], []
    before = 1
    for here in widths:
        shapes += [(3, 3, before, here), (3, 3, here, here)]
        norms += [here, here]
        before = here
    for here in widths[-2::-1]:
        shapes += [(2, 2, 2 * here, here), (3, 3, 2 * here, here), (3, 3, here, here)]
        norms += [here, here]
    shapes.append((1, 1, width, classes))
    convolutions = [
        {"kernel": rng.normal(0, 0.3, shape).astype(np.float32), "bias": rng.normal(size=shape[-1]).astype(np.float32)}
        for shape in shapes
    ]
    scales = [
        {"gamma": rng.normal(1, 0.2, size).astype(np.float32), "beta": rng.normal(size=size).astype(np.float32)}
        for size in norms
    ]
    return convolutions, scales


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


def loaded(network, tensors):
    """The network with these tensors, ready to predict."""
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return network.eval().requires_grad_(False)


def test_cais_network_gives_what_numpy_gives():
    """Kernel layout, order of layers, normalisation and the padding of the even kernel, all at once."""
    convolutions, norms = unet_arrays()
    network = CaiUNet(classes=3, width=2)
    loaded(network, convert(network, convolutions, norms, "arrays"))
    x = np.random.default_rng(1).normal(size=(32, 48, 1)).astype(np.float32)
    ours = network(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, numpy_unet(x, convolutions, norms), rtol=1e-3, atol=1e-4)


def test_deepbleeds_network_gives_what_numpy_gives():
    """The shared convolutions, the transposed kernels, and the order of concatenation (up first)."""
    layers = vnet_arrays()
    network = VNet(2, width=2)
    loaded(network, convert(network, layers, [], "arrays"))
    x = np.random.default_rng(1).normal(size=(32, 16, 1)).astype(np.float32)
    ours = network(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, numpy_vnet(x, layers), rtol=1e-3, atol=1e-4)


def test_an_npz_of_arrays_becomes_weights(tmp_path):
    """The width is read from the shapes; the file is ours afterwards, in three dimensions too."""
    layers = vnet_arrays(space=3)
    arrays = {f"{number:03d}": array for number, array in enumerate(a for one in layers for a in one.values())}
    np.savez(tmp_path / "authors.npz", **arrays)
    WeightImport("deepbleed-64")(tmp_path / "authors.npz", tmp_path / "ours.safetensors")
    from reference_models.inference.weightsfile import Weights

    weights = Weights.load(tmp_path / "ours.safetensors", "deepbleed-64")
    configuration = DeepBleedConfiguration.read(weights.configuration)
    assert (configuration.width, configuration.edge, configuration.spacing_mm) == (2, 64, 1.5)
    network = configuration.network()
    weights.put_into(network, "ours")
    np.testing.assert_array_equal(
        network.up[0][0].weight.detach().numpy(), layers[9]["kernel"].transpose(4, 3, 0, 1, 2)
    )


def test_a_keras_file_becomes_weights(tmp_path):
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
        weights = cai_unet(tmp_path / name, {"a": 1, "b": 2})
        configuration = CaiConfiguration.read(weights.configuration)
        assert (configuration.classes, configuration.width, configuration.normalization) == (3, 2, "layer")
        np.testing.assert_array_equal(weights.tensors["head.bias"], convolutions[-1]["bias"])


def test_arrays_of_another_network_are_refused(tmp_path):
    """By their number, and by the name and shape of the first that does not fit."""
    convolutions, norms = unet_arrays()
    network = CaiUNet(classes=3, width=2)
    with pytest.raises(DataError, match="holds 22 layers of a kind of which 23 are expected"):
        convert(network, convolutions[:-1], norms, "arrays")
    convolutions[5]["kernel"] = convolutions[5]["kernel"][:2]
    with pytest.raises(DataError, match=r"encoder\.2\.3\.weight should have shape"):
        convert(network, convolutions, norms, "arrays")
    np.savez(tmp_path / "odd.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="a kernel and a bias"):
        deepbleed("deepbleed-128", tmp_path / "odd.npz")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """Before anything is written."""
    with pytest.raises(MissingFileError, match="there is no file"):
        WeightImport("cai-unet")(tmp_path / "absent.hdf5", tmp_path / "ours.safetensors")


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    """The message says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "w.hdf5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"ctbench\[keras-weights\]"):
        WeightImport("cai-unet")(tmp_path / "w.hdf5", tmp_path / "ours.safetensors")
