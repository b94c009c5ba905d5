import numpy as np
import pytest
from scipy.spatial import cKDTree

from ctbench.metrics.nearest import (
    count_planes,
    distances_along_rows,
    distances_in_plane,
    marked_in_plane,
    nearest_by_columns,
    nearest_by_rows,
    nearest_by_scan,
    nearest_in_ball,
    pack_steps,
    weights_by_step,
)
from ctbench.metrics.surface import _ball, _rows_around

SPACING = (2.5, 0.7, 1.1)


def scatter(shape, share, seed):
    """Give random positions, ascending."""
    rng = np.random.default_rng(seed)
    return np.flatnonzero(rng.random(shape) < share).astype(np.uint32)


def lengths(steps):
    """Give the lengths in mm of packed steps."""
    components, _ = weights_by_step(np.sort(steps), np.ones(steps.size))
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
    steps, lost = nearest_by_rows(queries, along, occupied, rows[:enough], rows_mm2[:enough], SPACING[2] ** 2)
    assert lost == np.count_nonzero(steps < 0)
    assert lost or enough > 1
    expected = by_tree(queries, targets, shape)
    np.testing.assert_allclose(lengths(steps[steps >= 0]), expected[steps >= 0], rtol=1e-12)
    nearest_by_columns(queries, along, occupied, np.array(SPACING), False, steps)
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
    steps, _ = nearest_by_rows(queries, along, occupied, rows[:5], rows_mm2[:5], SPACING[2] ** 2)
    nearest_by_columns(queries, along, occupied, np.array(SPACING), True, steps)
    for z in range(6):
        mine = queries // (20 * 15) == z
        if z == 2:
            assert (steps[mine] == -1).all()
        else:
            there = targets[targets // (20 * 15) == z]
            np.testing.assert_allclose(lengths(steps[mine]), by_tree(queries[mine], there, shape), rtol=1e-12)


@pytest.fixture
def marked():
    """A function that marks targets of three planes: targets by plane, marks, their margins, extents in each row."""

    def make(shape, margins, share):
        common = scatter(shape, share / 2, 3)
        planes = [np.union1d(scatter(shape, share / 2, seed), common) for seed in range(3)]
        marks = np.zeros(np.add(shape, np.multiply(2, margins)), np.uint8)
        inner = marks[tuple(slice(by, by + n) for by, n in zip(margins, shape, strict=True))]
        for plane, targets in enumerate(planes):
            inner[np.unravel_index(targets, shape)] |= 1 << plane
        held = inner > 0
        first, last = held.argmax(axis=2), shape[2] - held[..., ::-1].argmax(axis=2)
        occupied = held.any(axis=2)
        extents = np.stack([np.where(occupied, first, shape[2]), np.where(occupied, last, 0)], axis=-1)
        return planes, marks, extents.astype(np.int32)

    return make


@pytest.mark.parametrize("share", [0.003, 0.1])
def test_search_in_a_ball_as_a_tree(share, marked):
    """In every plane where it is wanted, the nearest target is that of a k-d tree, or the ball holds none."""
    shape, ball = (9, 31, 26), _ball(SPACING, False)
    margins = tuple(ball.steps.max(axis=0).tolist())
    planes, marks, _ = marked(shape, margins, share)
    queries = scatter(shape, 0.1, 7)
    wanted = np.random.default_rng(8).integers(0, 8, queries.size).astype(np.uint8)
    numbers = np.arange(queries.size, dtype=np.uint64)
    codes = numbers % 5 * np.uint64(0x010101) + np.where(numbers % 3 == 0, np.uint64(0x020100), np.uint64(0))
    weights, first = np.zeros((len(ball.packed), 8)), np.full((len(ball.packed), 8), -1)
    sizes, steps = np.arange(256.0) + 1, (ball.steps, ball.kinds)
    lost = nearest_in_ball(queries, codes, wanted, shape, marks, margins, *steps, sizes, weights, first, 7)
    reach = np.linalg.norm(ball.steps[-1] * SPACING)
    kinds_mm = lengths(ball.packed)
    for plane, targets in enumerate(planes):
        mine = wanted >> plane & 1 > 0
        mm = by_tree(queries[mine], targets, shape)
        np.testing.assert_array_equal(lost[mine] >> plane & 1 > 0, mm > reach + 1e-9)
        assert not (lost[~mine] >> plane & 1).any()
        near = mm <= reach + 1e-9
        total = sizes[(codes[mine][near] >> np.uint64(8 * plane) & np.uint64(255)).astype(int)]
        assert weights[:, plane].sum() == pytest.approx(total.sum())
        assert weights[:, plane] @ kinds_mm == pytest.approx(total @ mm[near])
        met = first[:, plane] >= 0
        assert set(first[met, plane]) <= set(np.flatnonzero(mine)[near])
        np.testing.assert_allclose(by_tree(queries[first[met, plane]], targets, shape), kinds_mm[met], rtol=1e-12)


def test_planes_are_counted():
    """The numbers of elements are those of NumPy, plane by plane."""
    bits = np.random.default_rng(0).integers(0, 64, 1000).astype(np.uint8)
    assert count_planes(bits, 6).tolist() == [np.count_nonzero(bits >> plane & 1) for plane in range(6)]


def test_near_and_far_elements_are_summed_by_their_distance():
    """Near and far elements of one step count together, those of other planes not; one without target is far."""
    packed = np.array([1, 1 << 20, 1 << 40])
    weights = np.zeros((3, 8))
    weights[:, 1] = 2.0, 5.0, 0.0
    first = np.full((3, 8), -1)
    first[:, 1] = 4, 0, -1
    far, lost = np.array([1, 2, 6]), np.array([2, 1, 3], np.uint8)
    steps = np.array([[-1, 7, 7], [1, -1, -1]])
    codes, sizes = np.full(7, 0x0300, np.uint64), np.array([0.0, 0.0, 0.0, 10.0])
    mm, found = distances_in_plane(1, packed, weights, first, far, lost, steps, codes, sizes, (5.0, 2.0, 0.5), 99.0)
    assert dict(zip(mm.tolist(), found.tolist(), strict=True)) == {0.5: 12.0, 2.0: 5.0, 99.0: 10.0}


def test_targets_of_one_plane_in_a_window(marked):
    """They are those that a whole look at the window's bits finds, as indices in the window."""
    shape, margins = (6, 11, 13), (1, 2, 3)
    _, marks, extents = marked(shape, margins, 0.1)
    start, size = (1, 3, 2), (4, 7, 9)
    inner = marks[tuple(slice(a + by, a + by + n) for a, by, n in zip(start, margins, size, strict=True))]
    for plane in range(3):
        found = marked_in_plane(marks, margins, extents, start, size, plane)
        np.testing.assert_array_equal(found, np.flatnonzero(inner >> plane & 1))
    assert not marked_in_plane(marks, margins, extents, start, size, 5).size


def test_balls_hold_all_mirrored_steps_or_none():
    """A ball is sorted, has each step once, and a kind for all steps of one length in each direction."""
    for planar in (False, True):
        steps, kinds, packed = _ball(SPACING, planar)
        mm = np.linalg.norm(steps * SPACING, axis=1)
        assert (np.diff(mm) >= -1e-12).all()
        assert len(np.unique(steps, axis=0)) == len(steps) > 20
        np.testing.assert_array_equal(packed[kinds], pack_steps(np.abs(steps)))
        kept = set(map(tuple, steps.tolist()))
        assert all((-z, y, x) in kept and (z, -y, x) in kept and (z, y, -x) in kept for z, y, x in kept)
        assert planar == (not steps[:, 0].any())


@pytest.mark.parametrize("share", [0.0005, 0.02])
def test_search_by_scan_as_a_tree(share, marked):
    """In every plane where it is wanted, the nearest target is that of a k-d tree if it is within the plane's limit."""
    shape, margins = (9, 31, 26), (1, 2, 3)
    planes, marks, extents = marked(shape, margins, share)
    queries = scatter(shape, 0.05, 7)
    wanted = np.random.default_rng(8).integers(0, 8, queries.size).astype(np.uint8)
    rows, rows_mm2 = _rows_around(*SPACING[:2], False)
    limits = np.array([rows_mm2[-1], 30.0, 5.0])
    steps = nearest_by_scan(queries, wanted, shape, marks, margins, extents, rows, rows_mm2, SPACING[2] ** 2, limits)
    for plane, targets in enumerate(planes):
        mine = wanted >> plane & 1 > 0
        assert (steps[plane, ~mine] == -1).all()
        mm, own = by_tree(queries[mine], targets, shape), steps[plane, mine]
        np.testing.assert_array_equal(own >= 0, mm**2 < limits[plane] - 1e-9)
        np.testing.assert_allclose(lengths(own[own >= 0]), mm[own >= 0], rtol=1e-12)
        assert (own >= 0).any()


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
    steps, sizes = rng.choice(known, 20_000), rng.choice([0.0, 0.5, 2.0, 3.25], 20_000)
    steps[::97] = -1
    components, weights = weights_by_step(steps, sizes)
    unique, inverse = np.unique(steps, return_inverse=True)
    expected = dict(zip(unique.tolist(), np.bincount(inverse, sizes), strict=True))
    packed = np.where(components[:, 0] < 0, -1, components @ (1 << np.array([40, 20, 0])))
    assert dict(zip(packed.tolist(), weights, strict=True)) == pytest.approx(expected)
