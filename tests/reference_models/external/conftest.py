"""Small networks with random weights, and images."""

import numpy as np
import pytest
import torch
from torch import nn

from ctbench.volume import Volume


@pytest.fixture
def image():
    """A CT whose every axis has another length and spacing, from air to bone."""
    array = np.random.default_rng(0).integers(-1000, 200, (5, 40, 36)).astype(np.int16)
    return Volume(array, (5.0, 0.5, 0.6))


@pytest.fixture
def flat_network():
    """A network of slices with three channels."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1)).eval().requires_grad_(False)


@pytest.fixture
def solid_network():
    """A network of volumes with three channels."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 3, 1)).eval().requires_grad_(False)


@pytest.fixture
def expected():
    """Make the label map of a network of slices on an image whose grid it takes as it is, with a window of 0..100."""

    def make(network, image):
        seen = torch.from_numpy(np.clip(image.array, 0, 100).astype(np.float32) / 100)
        return network(seen[:, None]).argmax(dim=1).numpy()

    return make
