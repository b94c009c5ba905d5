import numpy as np
import pytest
from scipy.spatial import cKDTree

from ctbench.metrics.nearest import distances_along_rows, nearest_by_columns, nearest_by_rows, weights_by_step
from ctbench.metrics.surface import _rows_around

SPACING = (2.5, 0.7, 1.1)


def scatter(shape, share, seed):
    """Give random positions, ascending."""
    rng = np.random.default_rng(seed)
    return np.flatnonzero(rng.random(shape) < share).astype(np.uint32)


def lengths(steps):
    """Give the lengths in mm of packed steps."""
    components, _ = weights_by_step(
        np.sort(steps), np.ones(steps.size, np.uint8), np.ones(steps.size, bool), np.array([0.0, 1.0])
    )
    assert len(np.unique(components, axis=0)) == len(components)
    packed = np.stack([steps >> 40, (steps >> 20) & 0xFFFFF, steps & 0xFFFFF], axis=1)
    return np.linalg.norm(packed * SPACING, axis=1)


def by_tree(queries, targets, shape):
    """Give the distances to the nearest targets by a k-d tree."""
    places = [np.stack(np.unravel_index(positions, shape), axis=1) * SPACING for positions in (targets, queries)]
    return cKDTree(places[0]).query(places[1])[0]


@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_distances_along_rows(share):
    """Every voxel of a row with targets knows how far the nearest is; other rows are left alone."""
    shape = (5, 7, 23)
    targets = scatter(shape, share, 0)
    along = np.full(shape, -7, np.int16)
    occupied = distances_along_rows(targets, along)
    held = np.zeros(shape, bool)
    held.ravel()[targets] = True
    np.testing.assert_array_equal(occupied, held.any(axis=2))
    for row, there in zip(along.reshape(-1, 23), held.reshape(-1, 23), strict=True):
        columns = np.flatnonzero(there)
        expected = np.abs(np.arange(23)[:, None] - columns).min(axis=1) if columns.size else -7
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.3])
@pytest.mark.parametrize("enough", [1, 9, 4000])
def test_search_by_rows_and_columns_as_a_tree(share, enough):
    """However many rows are looked at before whole slices are solved, the nearest target is that of a k-d tree."""
    shape = (9, 31, 26)
    targets, queries = scatter(shape, share, 1), scatter(shape, 0.1, 2)
    along = np.empty(shape, np.int16)
    occupied = distances_along_rows(targets, along)
    rows, rows_mm2 = _rows_around(*SPACING[:2], False)
    sampled = np.ones(queries.size, bool)
    steps, lost = nearest_by_rows(queries, sampled, along, occupied, rows[:enough], rows_mm2[:enough], SPACING[2] ** 2)
    assert lost == np.count_nonzero(steps < 0)
    assert lost or enough > 1
    expected = by_tree(queries, targets, shape)
    np.testing.assert_allclose(lengths(steps[steps >= 0]), expected[steps >= 0], rtol=1e-12)
    nearest_by_columns(queries, sampled, along, occupied, np.array(SPACING), False, steps)
    np.testing.assert_allclose(lengths(steps), expected, rtol=1e-12)


def test_search_within_slices():
    """Within slices, targets of other slices do not exist, and a slice without any leaves its queries without."""
    shape = (6, 20, 15)
    targets, queries = scatter(shape, 0.02, 3), scatter(shape, 0.2, 4)
    targets = targets[targets // (20 * 15) != 2]
    along = np.empty(shape, np.int16)
    occupied = distances_along_rows(targets, along)
    rows, rows_mm2 = _rows_around(*SPACING[:2], True)
    assert not rows[:, 0].any()
    sampled = np.ones(queries.size, bool)
    steps, _ = nearest_by_rows(queries, sampled, along, occupied, rows[:5], rows_mm2[:5], SPACING[2] ** 2)
    nearest_by_columns(queries, sampled, along, occupied, np.array(SPACING), True, steps)
    for z in range(6):
        mine = queries // (20 * 15) == z
        if z == 2:
            assert (steps[mine] == -1).all()
        else:
            there = targets[targets // (20 * 15) == z]
            np.testing.assert_allclose(lengths(steps[mine]), by_tree(queries[mine], there, shape), rtol=1e-12)


def test_queries_that_are_not_sampled_are_passed_over():
    """What is not sampled is not searched for."""
    shape = (3, 9, 9)
    targets, queries = scatter(shape, 0.1, 5), scatter(shape, 0.5, 6)
    along = np.empty(shape, np.int16)
    occupied = distances_along_rows(targets, along)
    rows, rows_mm2 = _rows_around(*SPACING[:2], False)
    sampled = np.arange(queries.size) % 2 == 1
    steps, lost = nearest_by_rows(queries, sampled, along, occupied, rows[:1], rows_mm2[:1], SPACING[2] ** 2)
    nearest_by_columns(queries, sampled, along, occupied, np.array(SPACING), False, steps)
    assert (steps[::2] == -1).all()
    assert (steps[1::2] >= 0).all()
    assert lost == sampled.sum()


def test_rows_around_are_all_rows_within_a_distance():
    """The rows are sorted, each is there once, and none nearer than the last is missing."""
    for planar in (False, True):
        rows, mm2 = _rows_around(5.0, 0.45, planar)
        assert (np.diff(mm2) >= 0).all()
        np.testing.assert_allclose(mm2, (rows**2 * np.square((5.0, 0.45))).sum(axis=1))
        reach = np.sqrt(mm2[-1])
        inside = [
            (dz, dy)
            for dz in range(0 if planar else -int(reach / 5), 1 if planar else int(reach / 5) + 1)
            for dy in range(-int(reach / 0.45), int(reach / 0.45) + 1)
            if np.hypot(dz * 5, dy * 0.45) < reach - 1e-9
        ]
        assert set(inside) <= set(map(tuple, rows.tolist()))
        assert len(rows) > 1000


@pytest.mark.parametrize("distinct", [1, 100, 5000])
def test_weights_by_step_as_unique(distinct):
    """The table of steps is NumPy's unique with summed weights, however often it had to grow."""
    rng = np.random.default_rng(0)
    known = rng.choice(2**58, distinct, replace=False)
    steps, codes = rng.choice(known, 20_000), rng.integers(0, 4, 20_000).astype(np.uint8)
    steps[::97] = -1
    sampled = rng.random(20_000) < 0.8
    sizes = np.array([0.0, 0.5, 2.0, 3.25])
    components, weights = weights_by_step(steps, codes, sampled, sizes)
    unique, inverse = np.unique(steps[sampled], return_inverse=True)
    expected = dict(zip(unique.tolist(), np.bincount(inverse, sizes[codes[sampled]]), strict=True))
    packed = np.where(components[:, 0] < 0, -1, components @ (1 << np.array([40, 20, 0])))
    assert dict(zip(packed.tolist(), weights, strict=True)) == pytest.approx(expected)
