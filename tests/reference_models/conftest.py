"""Small networks, and images that they take."""

import os
from dataclasses import asdict

import numpy as np
import pytest
import torch

from ctbench.datasets import load_dataset
from ctbench.labels import LabelSet
from ctbench.predictors.conformance import tiny_head
from ctbench.reference import Reference
from ctbench.volume import Volume, write_volume
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.cascade_unet.predictor import CascadeConfiguration
from reference_models.deepbleed.predictor import DeepBleedConfiguration
from reference_models.deepnat import seenbrain
from reference_models.hemorrhage import LABEL
from reference_models.inference.weightsfile import Weights
from reference_models.scans.preprocessing import remembered

HEADS = """
heads:
  title: Small heads
  modality: CT
  task: segmentation
  labels: {ventricles: 1, hemorrhage: 2}
  groups: {everything: [ventricles, hemorrhage]}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
  cases: cases.csv
"""


@pytest.fixture
def heads(tmp_path):
    """Six heads of four patients; the readers mark dark and bright inside, one of them a voxel to the side."""
    root = tmp_path / "heads"
    rows = ["case,split,patient,scanner"]
    for number in range(6):
        image = tiny_head()
        hu = image.array + np.random.default_rng(number).integers(-2, 3, image.shape).astype(np.int16)
        inside = np.zeros(image.shape, bool)
        inside[2:-2, 14:-12, 12:-10] = True
        labels = np.where(inside & (hu < 18), 1, np.where(inside & (hu > 50) & (hu < 90), 2, 0)).astype(np.uint8)
        write_volume(image.with_array(hu), root / "images" / f"h{number}.nii.gz")
        for reader, shift in (("r1", 0), ("r2", 0), ("r3", 1)):
            drawn = np.roll(labels, shift, axis=2)
            write_volume(image.with_array(drawn), root / "readers" / reader / f"h{number}.nii.gz")
        split = "test" if number == 5 else "validation" if number == 4 else "train"
        rows.append(f"h{number},{split},p{number % 4},{'AB'[number % 2]}")
    (root / "cases.csv").write_text("\n".join(rows) + "\n")
    (root / "heads.yaml").write_text(HEADS)
    return load_dataset(root / "heads.yaml")


@pytest.fixture
def tiny_reference():
    """Blood of the tiny head as code 7, ventricles as code 3; one slice excluded, one not annotated."""
    hu = tiny_head().array
    labels = np.where((hu > 55) & (hu < 90), 7, np.where((hu > -10) & (hu < 17), 3, 0))
    excluded = np.zeros(hu.shape, bool)
    excluded[3] = True
    annotated = np.ones(len(hu), bool)
    annotated[4] = False
    return Reference(np.where(excluded, 0, labels), excluded, annotated, "majority", ())


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks are quickest so, and sums come out alike everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shared_preprocessing(own_cache, tmp_path_factory, monkeypatch):
    """Brain masks, registrations and spectral coordinates of this test session, also those of another process.

    For tests that ask a predictor for many answers about the same heads; what registers and solves is tested without a
    cache.
    """
    session = tmp_path_factory.getbasetemp()
    shared = (session.parent if "PYTEST_XDIST_WORKER" in os.environ else session) / "preprocessing"
    shared.mkdir(exist_ok=True)
    own_cache.mkdir()
    (own_cache / "preprocessing").symlink_to(shared, target_is_directory=True)
    solve = seenbrain.spectral_coordinates

    def solve_once(mask, step):
        seen = Volume(mask.astype(np.uint8), (1.0, 1.0, 1.0))
        return remembered(f"spectral-by-{step}", 1, (seen,), lambda: solve(mask, step))

    monkeypatch.setattr(seenbrain, "spectral_coordinates", solve_once)


@pytest.fixture
def cai_weights():
    """Make untrained weights of a narrow U-Net with three structures."""

    def make(labels=None, **options):
        torch.manual_seed(0)
        labels = LabelSet(labels or {"ventricles": 10, "caudate": 6, "cerebellum": 5})
        configuration = CaiConfiguration(**{"classes": len(labels) + 1, "width": 2, **options})
        return Weights.of(configuration.network(), model="cai-unet", configuration=asdict(configuration), labels=labels)

    return make


@pytest.fixture
def deepbleed_weights():
    """Make untrained weights of a narrow V-Net on small cubes or slices."""

    def make(model, edge, spacing_mm, **options):
        torch.manual_seed(0)
        configuration = DeepBleedConfiguration(model, edge, spacing_mm, width=2, window_hu=(0.0, 100.0), **options)
        return Weights.of(
            configuration.network(), model=model, configuration=asdict(configuration), labels=LabelSet({LABEL: 1})
        )

    return make


@pytest.fixture
def cascade_weights():
    """Make untrained weights of a narrow cascade on small patches; ``seed`` makes others."""

    def make(seed=0, **options):
        torch.manual_seed(seed)
        small = {"width": 2, "levels": 3, "patch": (4, 16, 16), "spacing_mm": (10.0, 4.0, 4.0)}
        configuration = CascadeConfiguration(**{**small, **options})
        return Weights.of(
            configuration.network(),
            model="cascade-unet",
            configuration=asdict(configuration),
            labels=LabelSet({LABEL: 1}),
        )

    return make


@pytest.fixture
def dice():
    """Overlap of two masks."""
    return lambda a, b: 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture
def convolved():
    """A convolution in plain numpy, with TensorFlow's layout (channels last) and padding."""

    def apply(x, kernel, bias):
        """A convolution of stride 1 with TensorFlow's 'same' padding: an even kernel is padded behind only."""
        sizes = kernel.shape[:-2]
        padded = np.pad(x, [((size - 1) // 2, size // 2) for size in sizes] + [(0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, sizes, axis=tuple(range(len(sizes))))
        # windows: space..., in, kernel...; kernel: kernel..., in, out
        inner = list(range(len(sizes) + 1, windows.ndim))
        return np.tensordot(windows, kernel, axes=([*inner, len(sizes)], list(range(len(sizes) + 1)))) + bias

    return apply


@pytest.fixture
def loaded():
    """Put tensors into a network."""

    def load(network, tensors):
        """The network with these tensors, ready to predict."""
        network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
        return network.eval().requires_grad_(False)

    return load


@pytest.fixture
def unet_arrays():
    """Make random arrays of Cai's U-Net as Keras stores them."""

    def make(width=2, classes=3, seed=0):
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
            {
                "kernel": rng.normal(0, 0.3, shape).astype(np.float32),
                "bias": rng.normal(size=shape[-1]).astype(np.float32),
            }
            for shape in shapes
        ]
        scales = [
            {"gamma": rng.normal(1, 0.2, size).astype(np.float32), "beta": rng.normal(size=size).astype(np.float32)}
            for size in norms
        ]
        return convolutions, scales

    return make
