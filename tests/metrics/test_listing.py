import numpy as np
import pytest
from scipy import ndimage

from ctbench.metrics.elements import neighbour_codes
from ctbench.metrics.listing import dual_grid_elements, surface_voxels

EVERYTHING_COUNTS = np.zeros((0, 0, 0), np.uint8)


PLANES = 3


@pytest.fixture(params=[(3, 5, 6), (4, 6, 14), (5, 4, 8), (3, 9, 30)], ids=str)
def masks(request):
    """A mask and uncounted voxels of three planes with their margin, and the mask's spans."""
    rng = np.random.default_rng(1)
    shape = (PLANES, *request.param)
    planes = [np.pad(ndimage.binary_dilation(one < 0.1), 1) for one in rng.random(shape)]
    left_out = [np.pad(one < 0.1, 1, mode="edge") for one in rng.random(shape)]
    mask, uncounted = (sum(one.astype(np.uint8) << k for k, one in enumerate(each)) for each in (planes, left_out))
    occupied = mask.any(axis=2)
    first, last = (mask > 0).argmax(axis=2), mask.shape[2] - (mask[..., ::-1] > 0).argmax(axis=2)
    spans = np.stack([np.where(occupied, first, mask.shape[2]), np.where(occupied, last, 0)], axis=-1)
    return mask, spans.astype(np.int32), uncounted


@pytest.fixture(params=["all count", "some count"])
def listing(request, masks):
    """A function that lists elements by a rule: shape, uncounted voxels, lists, marks without margin, extents."""
    mask, spans, uncounted = masks
    left_out = EVERYTHING_COUNTS if request.param == "all count" else uncounted

    def make(lister, planar, listed=True):
        targets = np.zeros(np.add(mask.shape, (2, 4, 6)), np.uint8)
        extents = np.tile(np.array([mask.shape[2], 0], np.int32), (*mask.shape[:2], 1))
        lists = lister(mask, spans, left_out, planar, targets, (1, 2, 3), extents, listed)
        return mask, left_out if left_out.size else np.zeros_like(mask), lists, targets[1:-1, 2:-2, 3:-3], extents

    return make


def expect(lists, marks, extents, codes, touching):
    """Expect the lists of elements with these codes, plane by plane, of which some touch an uncounted voxel."""
    surfaces = sum((one > 0).astype(np.uint8) << plane for plane, one in enumerate(codes))
    where = np.flatnonzero(surfaces)
    np.testing.assert_array_equal(marks, surfaces)
    positions, found, on, sampled = lists
    np.testing.assert_array_equal(positions, where)
    np.testing.assert_array_equal(on, surfaces.ravel()[where])
    for plane, one in enumerate(codes):
        there = on >> plane & 1 > 0
        own = (found >> np.uint64(8 * plane)).astype(np.uint8)[there]
        np.testing.assert_array_equal(own, one.ravel()[where][there])
        clean = there & ~touching[plane].ravel()[where]
        np.testing.assert_array_equal(sampled >> plane & 1 > 0, clean)
    for row, extent in zip(marks.reshape(-1, marks.shape[2]), extents.reshape(-1, 2), strict=True):
        columns = np.flatnonzero(row)
        assert tuple(extent) == ((columns[0], columns[-1] + 1) if columns.size else (marks.shape[2], 0))


def planes_of(mask):
    """Return the planes of a mask, as bool."""
    return [mask >> plane & 1 > 0 for plane in range(PLANES)]


def test_dual_grid_as_numpy(listing):
    """Positions and codes are those of NumPy's neighbour codes; what touches an uncounted voxel is not sampled."""
    mask, left_out, lists, marks, extents = listing(dual_grid_elements, False)
    # The last plane of corners lies behind the margin.
    codes = [neighbour_codes(one)[1:, 1:, 1:] for one in planes_of(mask)]
    touching = [neighbour_codes(one)[1:, 1:, 1:] > 0 for one in planes_of(left_out)]
    expect(lists, marks, extents, [np.where(one == 255, 0, one) for one in codes], touching)


def test_dual_grid_within_slices_as_numpy(listing):
    """Within slices, both halves of a code are that of the slice's own neighbours."""
    mask, left_out, lists, marks, extents = listing(dual_grid_elements, True)
    codes = [np.stack([neighbour_codes(one)[1:, 1:] for one in plane]) for plane in planes_of(mask)]
    touching = [np.stack([neighbour_codes(one)[1:, 1:] > 0 for one in plane]) for plane in planes_of(left_out)]
    expect(lists, marks, extents, [np.where(one == 15, 0, one) * 17 for one in codes], touching)


@pytest.mark.parametrize("planar", [False, True])
def test_surface_voxels_as_scipy(planar, listing):
    """Surface voxels are those that SciPy's erosion takes away; where its dilation reaches, none is sampled."""
    mask, left_out, lists, marks, extents = listing(surface_voxels, planar)
    cross = ndimage.generate_binary_structure(3, 1)
    if planar:
        cross[[0, 2]] = False
    codes = [(one & ~ndimage.binary_erosion(one, cross)).astype(np.uint8) for one in planes_of(mask)]
    reached = [ndimage.binary_dilation(one, cross) for one in planes_of(left_out)]
    expect(lists, marks, extents, codes, reached)


@pytest.mark.parametrize("lister", [dual_grid_elements, surface_voxels])
def test_elements_can_be_marked_without_a_list(lister, listing):
    """The marks and extents are those of a listing, and the lists are empty."""
    *_, marks, extents = listing(lister, False)
    *_, lists, marks_alone, extents_alone = listing(lister, False, listed=False)
    assert [len(one) for one in lists] == [0] * 4
    np.testing.assert_array_equal(marks_alone, marks)
    np.testing.assert_array_equal(extents_alone, extents)
