"""Dense inference: votes of neighbouring patches, tiles, memory."""

import logging

import numpy as np
import pytest
import torch

from reference_models.deepnat import everywhere
from reference_models.deepnat.everywhere import likelihoods, tile_side
from reference_models.deepnat.network import SUPPORT, PatchNetwork, task_offsets

CPU = torch.device("cpu")


@pytest.fixture
def network():
    """Make a narrow network with seven tasks."""
    torch.manual_seed(0)
    made = PatchNetwork(3, coordinates=1, widths=(3, 4, 4), hidden=(8, 6))
    with torch.no_grad():
        made(torch.rand(16, 2, SUPPORT, SUPPORT, SUPPORT))
    return made.eval()


@pytest.fixture
def volume():
    """Two channels around 7 x 9 x 6 voxels, of which a lopsided part is wanted."""
    rng = np.random.default_rng(0)
    wanted = rng.random((7, 9, 6)) < 0.6
    wanted[:, :2] = False
    channels = rng.random((2, *(side + SUPPORT - 1 for side in wanted.shape))).astype(np.float32)
    return torch.from_numpy(channels), wanted


def test_votes_are_the_papers_mean(network, volume):
    """A voxel's likelihood is the mean over the patches centred on it and on its wanted neighbours (Eq. 3)."""
    channels, wanted = volume
    found = likelihoods(network, channels, wanted, CPU)
    for z, y, x in np.argwhere(wanted)[::17]:
        votes = []
        for task, (dz, dy, dx) in enumerate(task_offsets(7)):
            centre = np.array([z - dz, y - dy, x - dx])
            if (centre < 0).any() or (centre >= wanted.shape).any() or not wanted[tuple(centre)]:
                continue
            patch = channels[(slice(None), *(slice(low, low + SUPPORT) for low in centre))][None]
            with torch.no_grad():
                votes.append(torch.softmax(network(patch)[0, :, task, 0, 0, 0], dim=0).numpy())
        np.testing.assert_allclose(found[:, z, y, x], np.mean(votes, axis=0), atol=1e-4)


def test_likelihoods_add_up_to_one_where_wanted(network, volume):
    """And are 0 elsewhere."""
    channels, wanted = volume
    total = likelihoods(network, channels, wanted, CPU).sum(axis=0)
    np.testing.assert_allclose(total[wanted], 1, rtol=1e-5)
    assert not total[~wanted].any()


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
def test_tiles_change_nothing(network, volume, monkeypatch, side):
    """Whatever the size of the tiles, the answer is that of one tile."""
    whole = likelihoods(network, *volume, CPU)
    monkeypatch.setattr(everywhere, "tile_side", lambda *_: side)
    np.testing.assert_allclose(likelihoods(network, *volume, CPU), whole, atol=1e-5)


def test_tiles_follow_the_memory():
    """The paper's network gets smaller tiles where there is less memory, and never less than 8 voxels."""
    made = PatchNetwork(25)
    sides = [tile_side(made, gib * 2**30) for gib in (0, 1, 4, 16)]
    assert sides == sorted(sides)
    assert sides[0] == 8
    assert sides[-1] > sides[1] > 8


def test_where_memory_does_not_suffice_tiles_become_smaller(network, volume, monkeypatch, caplog):
    """A network that finds no memory for large tiles is asked again with small ones, and the log says so."""
    whole = likelihoods(network, *volume, CPU)
    forward = network.forward

    def scarce(x):
        if max(x.shape[2:]) > SUPPORT - 1 + 4:
            raise torch.OutOfMemoryError
        return forward(x)

    monkeypatch.setattr(everywhere, "_SMALLEST", 2)
    monkeypatch.setattr(everywhere, "tile_side", lambda *_: 8)
    monkeypatch.setattr(network, "forward", scarce)
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        found = likelihoods(network, *volume, CPU)
    assert "going on with tiles of 4 voxels" in caplog.text
    np.testing.assert_allclose(found, whole, atol=1e-5)
