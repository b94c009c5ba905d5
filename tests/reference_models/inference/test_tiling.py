import logging

import pytest
import torch
from torch import nn

from ctbench.errors import PredictionFailedError
from reference_models.inference.tiling import apply_in_tiles, over_mirrors

CPU = torch.device("cpu")


@pytest.fixture
def cube():
    """A cube of chance."""
    return torch.randn((48, 48, 48), generator=torch.Generator().manual_seed(0))


def test_what_looks_at_single_voxels_is_not_changed_by_tiles(cube):
    """Overlap and averaging give every voxel its own value again."""
    torch.testing.assert_close(apply_in_tiles(torch.sigmoid, cube, 16, 4, CPU)[0], torch.sigmoid(cube))


def test_a_cube_that_fits_is_not_cut(cube):
    """One call sees all of it."""
    seen = []
    apply_in_tiles(lambda batch: seen.append(tuple(batch.shape)) or batch, cube, 48, 4, CPU)
    assert seen == [(1, 1, 48, 48, 48)]


def test_tiles_overlap_by_half(cube):
    """Tiles of 32 in a cube of 48 start at 0 and 16 along every axis: eight of them."""
    count = 0

    def counting(batch):
        nonlocal count
        count += len(batch)
        return batch

    apply_in_tiles(counting, cube, 32, 3, CPU)
    assert count == 8


def test_every_channel_is_put_together(cube):
    """Channels of overlapping tiles become maps of the whole volume, in one tile and in many."""
    for tile, overlap in ((48, 0.5), (16, 0.0), (16, 0.25)):
        found = apply_in_tiles(lambda batch: torch.cat([batch, -batch], dim=1), cube, tile, 4, CPU, overlap=overlap)
        torch.testing.assert_close(found, torch.stack([cube, -cube]))


def test_the_batch_size_does_not_matter(cube):
    """A convolution gives the same map, tile by tile or five at a time."""
    network = nn.Conv3d(1, 1, 3, padding=1).requires_grad_(False)
    one, five = (apply_in_tiles(network, cube, 32, size, CPU) for size in (1, 5))
    torch.testing.assert_close(one, five, rtol=0, atol=1e-5)


def test_memory_that_does_not_suffice_makes_tiles_smaller(cube, caplog):
    """First fewer at a time, then smaller ones; the log says both."""

    def small(batch):
        if batch.numel() > 16**3:
            raise torch.OutOfMemoryError
        return batch

    with caplog.at_level(logging.WARNING, logger="reference_models"):
        torch.testing.assert_close(apply_in_tiles(small, cube, 32, 2, CPU)[0], cube)
    assert "1 tiles at a time" in caplog.text
    assert "tiles of 16 x 16 x 16 voxels" in caplog.text


def test_tiles_may_be_flat():
    """A scan of thick slices is cut in plane alone."""
    volume, seen = torch.randn((8, 48, 32), generator=torch.Generator().manual_seed(0)), []
    found = apply_in_tiles(lambda batch: seen.append(tuple(batch.shape[1:])) or batch, volume, (8, 32, 32), 4, CPU)
    torch.testing.assert_close(found[0], volume)
    assert set(seen) == {(1, 8, 32, 32)}


def test_no_tile_becomes_smaller_than_the_network_can_take():
    """A side is halved while it stays a multiple of what the network divides by; then a sentence says so."""
    sizes = []

    def never(batch):
        sizes.append(tuple(batch.shape[2:]))
        raise torch.OutOfMemoryError

    with pytest.raises(PredictionFailedError, match="a single input of 4 x 96 x 16"):
        apply_in_tiles(never, torch.zeros(8, 96, 64), (8, 96, 64), 1, CPU, multiple=(4, 32, 16))
    assert sizes == [(8, 96, 64), (4, 96, 32), (4, 96, 16)]


def test_gaussian_weights_favour_the_middle_of_a_tile():
    """Of tiles numbered as they come, a voxel in the middle of the first has nearly the first's value, not the mean."""
    volume = torch.zeros((8, 8, 24))
    found = {}
    for weights in ("constant", "gaussian"):
        tiles = iter(range(10))
        found[weights] = apply_in_tiles(
            lambda batch, tiles=tiles: torch.full_like(batch, float(next(tiles))), volume, 8, 1, CPU, weights=weights
        )
    line = {weights: one[0, 4, 4] for weights, one in found.items()}
    assert line["constant"][6] == 0.5  # of tiles 0 and 1, which begin at 0 and 4
    assert line["constant"][4] == 0.5
    assert line["gaussian"][4] < 0.05
    assert line["gaussian"][7] > 0.9


def test_gaussian_weights_do_not_change_what_looks_at_single_voxels(cube):
    """The weights of every voxel sum to one."""
    found = apply_in_tiles(torch.sigmoid, cube, 16, 4, CPU, weights="gaussian")
    torch.testing.assert_close(found[0], torch.sigmoid(cube))


def test_mirrored_passes_are_averaged_after_they_are_mirrored_back(cube):
    """A shift along x becomes the mean of a shift either way; along all axes eight passes are made."""
    batch = cube[None, None, :8, :8, :8]
    both = (batch.roll(1, -1) + batch.roll(-1, -1)) / 2
    torch.testing.assert_close(over_mirrors(lambda one: one.roll(1, -1), [-1])(batch), both)
    passes = []
    over_mirrors(lambda one: passes.append(one) or one, [-3, -2, -1])(batch)
    assert len({one.numpy().tobytes() for one in passes}) == len(passes) == 8


def test_without_axes_nothing_is_mirrored():
    """The function itself comes back."""
    assert over_mirrors(torch.sigmoid, []) is torch.sigmoid
