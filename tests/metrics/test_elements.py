import itertools

import numpy as np
import pytest

from ctbench.metrics.elements import element_centres, element_sizes, neighbour_codes


def test_single_voxel_has_eight_corners_cut_off():
    """A lone voxel has an element at each of its eight corners, each seeing it as another neighbour."""
    codes = neighbour_codes(np.ones((1, 1, 1), bool))
    assert codes.shape == (2, 2, 2)
    assert sorted(codes.ravel()) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_outside_is_background():
    """A mask that fills its array has elements all around it and none within."""
    codes = neighbour_codes(np.ones((3, 4, 5), bool))
    inner = (slice(1, -1),) * 3
    assert (codes[inner] == 255).all()
    assert np.count_nonzero((codes > 0) & (codes < 255)) == codes.size - codes[inner].size


def test_bits_count_neighbours_in_c_order():
    """The voxel before a corner on every axis is bit 0, the one after it on every axis is bit 7."""
    mask = np.zeros((2, 2, 2), bool)
    mask[0, 0, 0] = True
    assert neighbour_codes(mask)[1, 1, 1] == 1
    assert neighbour_codes(mask)[0, 0, 0] == 128
    assert neighbour_codes(mask)[1, 1, 0] == 2


def test_no_surface_has_no_size_and_every_other_code_has_some():
    """Only the codes of all and of none are not a surface."""
    for dimensions in (2, 3):
        sizes = element_sizes((1.0,) * dimensions)
        assert sizes[0] == sizes[-1] == 0
        assert (sizes[1:-1] > 0).all()


def test_areas_of_plane_cuts():
    """The planar patches of a 2 x 3 x 5 mm cell have the areas that geometry gives them."""
    sizes = element_sizes((2.0, 3.0, 5.0))
    assert sizes[0b00001111] == pytest.approx(3 * 5)
    assert sizes[0b00000011] == pytest.approx(5 * np.hypot(2 / 2, 3 / 2))
    corner = np.array([[1.0, 0, 0], [0, 1.5, 0], [0, 0, 2.5]])
    triangle = np.linalg.norm(np.cross(corner[1] - corner[0], corner[2] - corner[0])) / 2
    assert sizes[0b00000001] == pytest.approx(triangle)
    assert sizes[0b00000110] == pytest.approx(2 * triangle)


def test_lengths_of_contours():
    """Contours within a 3 x 4 mm pixel cell run straight, or across one corner, or across two."""
    lengths = element_sizes((3.0, 4.0))
    assert lengths[0b0011] == pytest.approx(4)
    assert lengths[0b0101] == pytest.approx(3)
    assert lengths[0b0001] == pytest.approx(2.5)
    assert lengths[0b0110] == pytest.approx(5)


def test_complement_has_the_same_surface():
    """A surface has the same area from both of its sides."""
    sizes = element_sizes((5.0, 0.45, 0.47))
    np.testing.assert_allclose(sizes, sizes[::-1], rtol=1e-12)


def test_turning_a_cell_turns_its_areas():
    """Areas follow their corners and spacings through all 48 symmetries of the cell."""
    corners = list(itertools.product((0, 1), repeat=3))
    spacing = np.array((5.0, 0.45, 0.7))
    sizes = element_sizes(tuple(spacing))
    for axes, flips in itertools.product(itertools.permutations(range(3)), corners):
        turned = element_sizes(tuple(spacing[list(axes)]))
        bits = [
            corners.index(tuple(corner[axis] ^ flip for axis, flip in zip(axes, flips, strict=True)))
            for corner in corners
        ]
        for code in range(256):
            image = sum(1 << bits[bit] for bit in range(8) if code >> bit & 1)
            assert turned[image] == pytest.approx(sizes[code], rel=1e-12)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (5, 0.45, 0.47), (0.3, 2, 9)])
def test_areas_are_those_of_surface_distance(spacing):
    """All 256 areas and all 16 lengths equal those of the surface-distance package."""
    from surface_distance import lookup_tables

    # That package numbers the neighbours from the other end.
    areas = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    reverse = [int(f"{code:08b}"[::-1], 2) for code in range(256)]
    np.testing.assert_allclose(element_sizes(spacing)[reverse], areas, rtol=1e-12)
    lengths = lookup_tables.create_table_neighbour_code_to_contour_length(spacing[1:])
    reverse = [int(f"{code:04b}"[::-1], 2) for code in range(16)]
    np.testing.assert_allclose(element_sizes(spacing[1:])[reverse], lengths, rtol=1e-12)


def test_centres_of_plane_cuts():
    """A plane cut lies in its middle, and the triangle at a corner where the mean of its points is."""
    centres = element_centres((2.0, 3.0, 5.0))
    np.testing.assert_allclose(centres[0b00001111], [0.5, 0.5, 0.5])
    np.testing.assert_allclose(centres[0b00000001], [1 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose(centres[0b10000000], [5 / 6, 5 / 6, 5 / 6])
    np.testing.assert_allclose(centres[0b00000011], [0.25, 0.25, 0.5])
    np.testing.assert_allclose(element_centres((3.0, 4.0))[0b0001], [0.25, 0.25])
    np.testing.assert_allclose(centres[[0, 255]], 0.5)


def test_centres_lie_within_their_cell():
    """No element is further than half a voxel from its corner, and a complement has the same centre."""
    for spacing in ((1.0, 1.0, 1.0), (5.0, 0.45, 0.47), (0.4, 0.9)):
        centres = element_centres(spacing)
        assert ((centres > 0) & (centres < 1)).all()
        np.testing.assert_allclose(centres, centres[::-1])
