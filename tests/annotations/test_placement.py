from dataclasses import replace

import numpy as np
import pytest

from ctbench.annotations.placement import index_matrix, place
from ctbench.errors import GeometryError
from ctbench.volume import Volume

from .conftest import turned


def placed(part, whole):
    """Place one volume's grid on another's."""
    return place(part.geometry, whole.geometry, name="mask.nrrd", whole_name="image.nii.gz")


def test_the_same_voxels_in_any_orientation_are_placed_one_to_one(drawn, orientation):
    """A mask stored in each of the 48 orders and directions of axes comes back as it was drawn."""
    part = turned(drawn, orientation)
    placement = placed(part, drawn)
    np.testing.assert_array_equal(placement.put(part.array > 0, "mask"), drawn.array > 0)
    np.testing.assert_array_equal(placement.take(drawn.array), part.array)


def test_a_cropped_part_lies_where_it_was_cut_out(drawn, orientation):
    """A window of the grid, in any orientation, keeps its place; outside of it nothing is drawn."""
    window = Volume(drawn.array[1:3, 1:4, 2:5], drawn.spacing_mm, (16.0, -6.25, 4.0))
    part = turned(window, orientation)
    expected = np.zeros(drawn.shape, bool)
    expected[1:3, 1:4, 2:5] = window.array > 0
    placement = placed(part, drawn)
    assert placement.is_inside
    np.testing.assert_array_equal(placement.put(part.array > 0, "mask"), expected)


def test_a_larger_part_may_reach_beyond_the_image_where_it_is_empty(drawn):
    """A margin without voxels is cut off; one with a voxel is refused with their number."""
    larger = Volume(np.pad(drawn.array, 1), drawn.spacing_mm, (6.0, -7.75, 2.5))
    placement = placed(larger, drawn)
    assert not placement.is_inside
    np.testing.assert_array_equal(placement.put(larger.array > 0, "mask"), drawn.array > 0)
    larger.array[0, 0, 0] = 1
    with pytest.raises(GeometryError, match=r"^1 voxels of mask lie outside the image"):
        placement.put(larger.array > 0, "mask")


def test_a_part_beside_the_image_is_placed_empty(drawn):
    """No voxel of the part is a voxel of the grid."""
    beside = Volume(np.zeros((2, 2, 2), bool), drawn.spacing_mm, (111.0, -7.0, 3.0))
    assert not placed(beside, drawn).put(beside.array, "mask").any()


@pytest.mark.parametrize(
    "change",
    [
        {"origin_mm": (11.0, -7.0, 3.2)},
        {"spacing_mm": (5.0, 0.75, 0.6)},
        {"spacing_mm": (10.0, 0.75, 0.5)},
        {"direction": np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])},
    ],
)
def test_voxels_between_those_of_the_image_are_refused(drawn, change):
    """A shift by a part of a voxel, another spacing or a rotation would need interpolation; both grids are named."""
    fields = {"spacing_mm": drawn.spacing_mm, "origin_mm": drawn.origin_mm, "direction": drawn.direction} | change
    with pytest.raises(GeometryError, match=r"mask.nrrd lies on another grid than image.nii.gz: .*shape \(4, 5, 6\)"):
        placed(Volume(drawn.array, **fields), drawn)


def test_rounded_positions_coincide(drawn):
    """A position that is rounded by less than a tenth of a voxel is the voxel's own."""
    near = Volume(drawn.array, drawn.spacing_mm, (11.0, -7.0, 3.04))
    assert placed(near, drawn).start == (0, 0, 0)


def test_the_matrix_takes_indices_to_millimetres(drawn):
    """Columns are the steps along the axes."""
    np.testing.assert_allclose(index_matrix(drawn.geometry) @ (1, 2, 4), (5.0, 1.5, 2.0))


def test_any_placement_that_a_file_states_may_fit(drawn):
    """A NIfTI with two placements of its voxels: the part lies on the second."""
    first = replace(drawn.geometry, origin_mm=(0.0, 0.3, 0.0), others=(drawn.geometry,))
    placement = place(drawn.geometry, first, name="mask", whole_name="image")
    assert placement == place(drawn.geometry, drawn.geometry, name="mask", whole_name="image")
    assert placement == place(first, drawn.geometry, name="mask", whole_name="image")
