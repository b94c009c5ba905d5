import numpy as np
import pytest
from scipy import ndimage

from ctbench.metrics.elements import neighbour_codes
from ctbench.metrics.listing import dual_grid_elements, surface_voxels

EVERYTHING_COUNTS = np.zeros((0, 0, 0), np.uint8)


@pytest.fixture(params=[(3, 5, 1), (4, 6, 7), (5, 4, 8), (3, 9, 30)], ids=str)
def masks(request):
    """A mask and uncounted voxels with their margin, and the mask's spans."""
    rng = np.random.default_rng(1)
    mask = np.pad(ndimage.binary_dilation(rng.random(request.param) < 0.1), 1).astype(np.uint8)
    uncounted = np.pad(rng.random(request.param) < 0.1, 1, mode="edge").astype(np.uint8)
    occupied = mask.any(axis=2)
    first, last = mask.argmax(axis=2), mask.shape[2] - mask[..., ::-1].argmax(axis=2)
    spans = np.stack([np.where(occupied, first, mask.shape[2]), np.where(occupied, last, 0)], axis=-1)
    return mask, spans.astype(np.int32), uncounted


@pytest.mark.parametrize("counts", ["all", "some"])
def test_dual_grid_as_numpy(counts, masks):
    """Positions and codes are those of NumPy's neighbour codes; what touches an uncounted voxel is not sampled."""
    mask, spans, uncounted = masks
    expected = neighbour_codes(mask.astype(bool))[1:, 1:, 1:]
    where = np.flatnonzero((expected > 0) & (expected < 255))
    touching = neighbour_codes(uncounted.astype(bool))[1:, 1:, 1:] > 0
    # The last plane of corners lies behind the margin.
    positions, codes, sampled = dual_grid_elements(
        mask, spans, EVERYTHING_COUNTS if counts == "all" else uncounted, False
    )
    np.testing.assert_array_equal(positions, where)
    np.testing.assert_array_equal(codes, expected.ravel()[where])
    np.testing.assert_array_equal(sampled, True if counts == "all" else ~touching.ravel()[where])


@pytest.mark.parametrize("counts", ["all", "some"])
def test_dual_grid_within_slices_as_numpy(counts, masks):
    """Within slices, both halves of a code are that of the slice's own neighbours."""
    mask, spans, uncounted = masks
    expected = np.stack([neighbour_codes(one.astype(bool))[1:, 1:] for one in mask])
    touching = np.stack([neighbour_codes(one.astype(bool))[1:, 1:] > 0 for one in uncounted])
    where = np.flatnonzero((expected > 0) & (expected < 15))
    positions, codes, sampled = dual_grid_elements(
        mask, spans, EVERYTHING_COUNTS if counts == "all" else uncounted, True
    )
    np.testing.assert_array_equal(positions, where)
    np.testing.assert_array_equal(codes, expected.ravel()[where] * 17)
    np.testing.assert_array_equal(sampled, True if counts == "all" else ~touching.ravel()[where])


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("counts", ["all", "some"])
def test_surface_voxels_as_scipy(counts, planar, masks):
    """Surface voxels are those that SciPy's erosion takes away; where its dilation reaches, none is sampled."""
    mask, spans, uncounted = masks
    cross = ndimage.generate_binary_structure(3, 1)
    if planar:
        cross[[0, 2]] = False
    surface = mask & ~ndimage.binary_erosion(mask, cross)
    positions, codes, sampled = surface_voxels(mask, spans, EVERYTHING_COUNTS if counts == "all" else uncounted, planar)
    np.testing.assert_array_equal(positions, np.flatnonzero(surface))
    reached = ndimage.binary_dilation(uncounted, cross).ravel()[positions]
    np.testing.assert_array_equal(sampled, True if counts == "all" else ~reached)
    assert (codes == 1).all()
