import numpy as np
import pytest
from scipy import ndimage

from ctbench.metrics.lesions import runs as loops

SPACING = np.array([5.0, 0.7, 0.4])


def listed(mask):
    """Return the runs of a mask, which is padded by one voxel."""
    return loops.list_runs(np.pad(mask, 1).view(np.uint8))[0]


def painted(runs, values, shape):
    """Return the volume in which each run has its value."""
    volume = np.full([n + 2 for n in shape], -1)
    for (z, y, start, stop), value in zip(runs.tolist(), values, strict=True):
        volume[z, y, start:stop] = value
    return volume[1:-1, 1:-1, 1:-1]


def rows_of(runs, shape):
    """Return the first run of each row of a padded mask, and the number of its rows in a slice."""
    return loops.first_of_rows(runs, shape[0] + 2, shape[1] + 2), shape[1] + 2


@pytest.mark.parametrize("seed", range(3))
def test_runs_hold_exactly_the_mask(specks, seed):
    """Painting all runs gives the mask back."""
    mask = specks(seed)
    runs = listed(mask)
    assert np.array_equal(painted(runs, np.zeros(len(runs)), mask.shape) == 0, mask)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("corners", "rank"), [(True, 3), (False, 2)])
def test_connected_pieces_are_those_of_scipy(specks, seed, corners, rank):
    """With 26 and with 18 neighbours, the pieces and their order are those of scipy.ndimage.label."""
    mask = specks(seed)
    runs = listed(mask)
    found = painted(runs, loops.connect(runs, corners), mask.shape)
    expected, n = ndimage.label(mask, ndimage.generate_binary_structure(3, rank))
    assert n > 5
    assert np.array_equal(found + 1, expected)


def test_touching_runs_at_the_ends_of_rows_are_apart():
    """The last voxel of a row is no neighbour of the first voxel of the next row."""
    mask = np.zeros((1, 2, 6), bool)
    mask[0, 0, 5] = mask[0, 1, 0] = True
    assert loops.connect(listed(mask), True).tolist() == [0, 1]


def test_runs_of_a_label_map_hold_its_codes(specks):
    """Each run has the code of all its voxels, also where codes touch and at both ends of a row."""
    label_map = np.where(specks(0), 70000, np.where(specks(1) | specks(2), 3, 0))
    label_map[2, 4] = [*[3] * 9, *[70000] * (label_map.shape[2] - 9)]
    runs, codes = loops.list_runs(label_map)
    found = np.zeros_like(label_map)
    for (z, y, start, stop), code in zip(runs.tolist(), codes.tolist(), strict=True):
        assert not found[z, y, start:stop].any()
        found[z, y, start:stop] = code
    assert np.array_equal(found, label_map)
    assert (np.lexsort(runs[:, [2, 1, 0]].T) == np.arange(len(runs))).all()


def test_runs_in_common_name_the_runs_that_they_are_parts_of(specks):
    """Intersections of runs hold the voxels of both masks."""
    mask, other = specks(0), specks(1) | specks(2)
    first, second = listed(mask), listed(other)
    found, own, its = loops.intersect(first, second)
    assert np.array_equal(found, listed(mask & other))
    assert (first[own, :2] == found[:, :2]).all()
    assert (second[its, :2] == found[:, :2]).all()


@pytest.mark.parametrize("seed", range(3))
def test_unions_and_differences_are_those_of_masks(specks, seed):
    """Runs of both masks, and of one without the other, are those that the masks' own union and difference have."""
    mask, other = specks(seed), specks(seed + 1) | specks(seed + 2)
    first, second = listed(mask), listed(other)
    assert np.array_equal(loops.union(second, first), listed(mask | other))
    assert np.array_equal(loops.union(first), first)
    assert np.array_equal(loops.difference(first, second), listed(mask & ~other))
    assert np.array_equal(loops.difference(second, first), listed(other & ~mask))
    assert np.array_equal(loops.difference(first, first[:0]), first)
    assert loops.union().shape == (0, 4)


def test_runs_of_single_voxels_in_any_order(specks):
    """Voxels in any order make the runs of their mask, and each is found in its run; others are in none."""
    mask = specks(0)
    at = np.stack(np.nonzero(np.pad(mask, 1)))[:, np.random.default_rng(0).permutation(mask.sum())]
    runs = loops.runs_of_voxels(at)
    assert np.array_equal(runs, listed(mask))
    everywhere = np.indices(np.add(mask.shape, 4)).reshape(3, -1) - 1
    found = loops.runs_at(runs, everywhere)
    assert np.array_equal(
        found.reshape(np.add(mask.shape, 4))[2:-2, 2:-2, 2:-2], painted(runs, range(len(runs)), mask.shape)
    )
    assert np.count_nonzero(found >= 0) == mask.sum()
    assert loops.runs_at(runs[:0], at).max() == -1


def test_masks_of_boxes_are_cut_from_the_whole(specks):
    """The mask of a box holds what the whole mask holds there, also where the box ends within runs."""
    mask = np.pad(specks(0), 1)
    runs = listed(specks(0))
    start, stop = np.array([3, 2, 5]), np.array([8, 11, 17])
    assert np.array_equal(loops.mask_of(runs, start, stop) > 0, mask[3:8, 2:11, 5:17])
    first, last = loops.box_of(runs)
    assert np.array_equal(loops.mask_of(runs, first, last), mask[tuple(map(slice, first, last))])


def test_members_are_grouped_through_others():
    """Pairs join members to groups that are numbered by their first member; a member without a pair is alone."""
    found = loops.components(6, np.array([5, 2, 4]), np.array([1, 5, 3]))
    assert found.tolist() == [0, 1, 1, 2, 2, 1]


def test_distance_of_each_run_from_the_nearest_voxel(specks):
    """The distance of a run is the least of SciPy's distance transform in its voxels."""
    mask, other = specks(0), specks(1) & specks(2)
    runs, others = listed(mask), listed(other)
    found = loops.nearest_mm2(runs, others, *rows_of(others, mask.shape), SPACING)
    mm = np.pad(ndimage.distance_transform_edt(~other, sampling=SPACING), 1)
    expected = [mm[z, y, start:stop].min() for z, y, start, stop in runs.tolist()]
    assert np.sqrt(found) == pytest.approx(np.array(expected))
    assert np.isinf(loops.nearest_mm2(runs, others[:0], *rows_of(others[:0], mask.shape), SPACING)).all()


@pytest.mark.parametrize("dilations", [1, 2, 3])
def test_dilations_are_those_of_scipy(specks, dilations):
    """A run reaches another after n dilations exactly if n of SciPy's by 18 neighbours reach it."""
    mask, other = specks(0, (9, 23, 40)), specks(1, (9, 23, 40)) & specks(2, (9, 23, 40))
    runs, others = listed(mask)[::5], listed(other)
    own, its = loops.within_dilations(runs, others, *rows_of(others, mask.shape), dilations, False)
    element = ndimage.generate_binary_structure(3, 2)
    for i in range(len(runs)):
        one = painted(runs[i : i + 1], [1], mask.shape) > 0
        grown = ndimage.binary_dilation(one, element, iterations=dilations)
        numbers = painted(others, range(len(others)), mask.shape)
        assert sorted(its[own == i].tolist()) == np.unique(numbers[grown & (numbers >= 0)]).tolist()


@pytest.mark.parametrize("dilations", [1, 2, 3])
def test_runs_meet_when_their_dilations_are_connected(dilations):
    """Two voxels meet after n dilations of both exactly if SciPy's dilated masks share a face, edge or corner."""
    element = ndimage.generate_binary_structure(3, 2)
    rng = np.random.default_rng(dilations)
    met = 0
    for _ in range(60):
        mask = np.zeros((17, 17, 17), bool)
        mask[8, 8, 8] = True
        mask[tuple(rng.integers(1, 16, 3))] = True
        runs = listed(mask)
        own, its = loops.within_dilations(runs, runs, *rows_of(runs, mask.shape), dilations, True)
        _, n = ndimage.label(ndimage.binary_dilation(mask, element, iterations=dilations), np.ones((3, 3, 3)))
        assert (len(own) == len(its) == len(runs) ** 2) == (n == 1)
        met += n == 1
    assert 0 < met < 60
