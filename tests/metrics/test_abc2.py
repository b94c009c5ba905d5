import numpy as np
import pytest
from scipy.spatial import ConvexHull

from ctbench.metrics.abc2 import abc2_ml, hull_corners, longest_chord, longest_chords


def test_nothing_has_no_volume():
    """An empty mask is 0 mL."""
    assert abc2_ml(np.zeros((2, 3, 4), bool), (5, 1, 1)) == 0


def test_single_voxel():
    """One pixel is as wide and as long as it is: A x B x C / 2 is half of the voxel."""
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert abc2_ml(mask, (5, 1, 2)) == pytest.approx(1 * 2 * 5 / 2 / 1000)


def test_row_of_voxels(box):
    """A row of pixels is its length times its width: B is perpendicular to A."""
    assert abc2_ml(box((1, 9, 9), (0, 4, 1), (1, 5, 8)), (5, 1, 1)) == pytest.approx(7 * 1 * 5 / 2 / 1000)


def test_ellipsoid(ball):
    """Of an ellipsoid, A and B are its diameters, and C is what its slices weigh."""
    mask = ball((81, 81, 81), (30, 36, 24))
    estimate = abc2_ml(mask, (1, 1, 1))
    # Slices within 30 sqrt(1 - share) of the middle have more than that share of its area; voxels add 1 to a diameter.
    full, half = (2 * int(30 * np.sqrt(1 - share)) + 1 for share in (0.75, 0.25))
    assert estimate == pytest.approx(73 * 49 * (full + half) / 2 / 2 / 1000, rel=0.01)


def test_all_slices_of_an_ellipsoid_are_nearly_its_volume(ball):
    """A x B x C / 2 of the diameters, 3 / pi of an ellipsoid; with graded slices C is .683 of that."""
    mask = ball((81, 81, 81), (30, 36, 24))
    estimate = abc2_ml(mask, (1, 1, 1), graded=False)
    assert estimate == pytest.approx(61 * 73 * 49 / 2 / 1000, rel=0.01)  # voxels add 1 to a diameter
    assert abc2_ml(mask, (1, 1, 1)) / estimate == pytest.approx((0.5 + 0.75**0.5) / 2, abs=0.02)


@pytest.mark.parametrize(("side", "weight"), [(10, 1), (9, 1), (7, 0.5), (5, 0.5), (4, 0)])
def test_slice_weights(side, weight):
    """A slice of more than 75 % of the largest area counts 1, from 25 % 1/2, below that nothing."""
    mask = np.zeros((2, 12, 12), bool)
    mask[0, 1:11, 1:11] = True
    alone = abc2_ml(mask, (3, 1, 1))
    mask[1, :side, :side] = True
    assert abc2_ml(mask, (3, 1, 1)) == pytest.approx(alone * (1 + weight))


def test_slice_of_exactly_three_quarters_counts_half():
    """75 % is not more than 75 %."""
    mask = np.zeros((2, 4, 4), bool)
    mask[0] = True
    alone = abc2_ml(mask, (1, 1, 1))
    mask[1, :3] = True
    assert abc2_ml(mask, (1, 1, 1)) == pytest.approx(1.5 * alone)


def test_turning_and_mirroring_changes_nothing(blobs):
    """The estimate is the same from every side of the slice and of the stack."""
    mask = blobs(4) == 1
    estimate = abc2_ml(mask, (5, 0.5, 0.7))
    for axis in range(3):
        assert abc2_ml(np.flip(mask, axis), (5, 0.5, 0.7)) == pytest.approx(estimate)
    assert abc2_ml(mask.transpose(0, 2, 1), (5, 0.7, 0.5)) == pytest.approx(estimate)


def test_two_lesions_are_spanned(box):
    """Two lesions on the slice are measured as one: the rule overestimates them."""
    one = box((1, 5, 40), (0, 1, 1), (1, 4, 4))
    both = one | box((1, 5, 40), (0, 1, 31), (1, 4, 34))
    assert abc2_ml(both, (1, 1, 1)) > 5 * abc2_ml(one, (1, 1, 1))


def test_corners_are_those_of_the_convex_hull():
    """The corners are the vertices that Qhull finds of the midpoints of all pixels' edges, each once."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        area = rng.random(rng.integers(1, 20, 2)) < rng.choice([0.03, 0.3, 0.9])
        area[0, rng.integers(area.shape[1])] = True
        pixels = np.argwhere(area)
        points = np.concatenate([2 * pixels + step for step in ((1, 0), (-1, 0), (0, 1), (0, -1))])
        corners = hull_corners(area)
        assert sorted(map(tuple, corners)) == sorted(map(tuple, points[ConvexHull(points).vertices]))
        turns = np.roll(corners, -1, axis=0) - corners
        assert (
            len({np.sign(np.linalg.det([a, b])) for a, b in zip(turns, np.roll(turns, -1, axis=0), strict=True)}) == 1
        )


def test_both_diagonals_of_a_square_are_longest():
    """All chords that are equally long are returned, as unit vectors."""
    length, directions = longest_chords(np.array([[0.0, 0], [0, 2], [2, 2], [2, 0]]))
    assert length == pytest.approx(np.sqrt(8))
    np.testing.assert_allclose(np.abs(directions), np.full((2, 2), np.sqrt(0.5)))
    assert directions[0] @ directions[1] == pytest.approx(0)


def test_longest_chord_stands_at_a_corner():
    """A right triangle on its long side is as high as its top, and a square on its corner as its diagonal."""
    assert longest_chord(np.array([0.0, 1, 5]), np.array([0.0, 2, 0])) == 2
    assert longest_chord(np.array([0.0, 1, 2, 1]), np.array([0.0, 1, 0, -1])) == 2
