import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import DataError, GeometryError
from ctbench.volume import Volume, check_same_grid
from ctbench.volume.geometry import least_right_angle, nearest_rotation

lengths = st.floats(0.05, 20)
places = st.floats(-500, 500)


def test_shape_and_voxel_volume():
    """Shape is z, y, x, and a voxel of 5 x 0.5 x 0.4 mm has 0.001 mL."""
    volume = Volume(np.zeros((2, 3, 4)), (5, 0.5, 0.4))
    assert volume.shape == (2, 3, 4)
    assert volume.voxel_ml == pytest.approx(0.001)


def test_affine_of_an_axial_ct_by_hand():
    """NIfTI's affine has x, y, z order and RAS signs: LPS origin and axes change sign in x and y."""
    volume = Volume(np.zeros((2, 3, 4)), (5, 0.5, 0.4), (30, 20, 10))
    expected = [[-0.4, 0, 0, -10], [0, -0.5, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(volume.affine, expected)


@given(st.tuples(lengths, lengths, lengths), st.tuples(places, places, places))
def test_affine_and_geometry_name_the_same_point(spacing, origin):
    """A voxel's world position by the geometry's own formula is that by the affine, but for the order and LPS/RAS."""
    turn = np.array([[0.0, 1, 0], [0, 0, -1], [1, 0, 0]])
    volume = Volume(np.zeros((2, 3, 4)), spacing, origin, turn)
    index = np.array([1, 2, 3])
    z, y, x = volume.origin_mm + volume.direction @ (volume.spacing_mm * index)
    np.testing.assert_allclose((volume.affine @ [3, 2, 1, 1])[:3], [-x, -y, z], atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros((2, 3)), (1, 1, 1)), "expected a 3D array z,y,x, got 2D of shape (2, 3)"),
        ((np.zeros((1, 2, 3, 4)), (1, 1, 1)), "got 4D"),
        ((np.zeros((2, 3, 4)), (1, 0, 1)), "expected positive spacing_mm"),
        ((np.zeros((2, 3, 4)), (1, 1)), "three finite numbers for spacing_mm"),
        ((np.zeros((2, 3, 4)), (1, 1, 1), (0, float("nan"), 0)), "three finite numbers for origin_mm"),
        ((np.zeros((2, 3, 4)), (1, 1, 1), (0, 0, 0), np.diag([1, 1, 2])), "orthonormal"),
        ((np.zeros((2, 3, 4)), (1, 1, 1), (0, 0, 0), np.eye(4)), "orthonormal"),
    ],
)
def test_what_is_no_volume_is_refused(arguments, said):
    """Arrays that are not 3D, spacings that are not positive and axes that are not orthonormal have no volume."""
    with pytest.raises(DataError) as caught:
        Volume(*arguments)
    assert said in str(caught.value)


def test_a_volume_keeps_its_own_read_only_direction():
    """Changing the array that a direction came from does not change the volume, and the volume's cannot be changed."""
    direction = np.eye(3)
    volume = Volume(np.zeros((2, 3, 4)), (1, 1, 1), direction=direction)
    direction[0, 0] = -1
    assert volume.direction[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        volume.direction[0, 0] = -1


def test_with_array_keeps_the_grid(volume):
    """Another array takes over the geometry; another shape is refused with both shapes."""
    other = volume.with_array(volume.array > 0)
    assert other.geometry == volume.geometry
    with pytest.raises(GeometryError, match=r"\(4, 5, 6\).*\(4, 5, 7\)"):
        volume.with_array(np.zeros((4, 5, 7)))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"spacing_mm": (5.002, 0.7, 0.488281)}, "spacing"),
        ({"origin_mm": (-33.25, 12.502, 101.125)}, "origin"),
        ({"direction": np.eye(3)}, "direction"),
        ({"array": np.zeros((4, 5, 7))}, "shape"),
    ],
)
def test_grids_that_differ_are_refused_with_both_geometries(volume, changed, name):
    """The message says what differs, where, and shows what was expected and what came."""
    fields = {key: getattr(volume, key) for key in ("array", "spacing_mm", "origin_mm", "direction")}
    other = Volume(**{**fields, **changed})
    with pytest.raises(GeometryError) as caught:
        check_same_grid(other.geometry, volume.geometry, found_name="mask.nii", expected_name="ct.nii")
    said = str(caught.value)
    assert f"mask.nii lies on another grid than ct.nii (they differ in {name})" in said
    assert f"expected {volume.geometry}" in said
    assert f"got {other.geometry}" in said


def test_grids_within_the_tolerance_are_one(volume):
    """Differences of less than a thousandth, as 32-bit headers make them, are none."""
    near = Volume(volume.array, (5.0009, 0.7, 0.488281), (-33.25, 12.5009, 101.125), volume.direction)
    check_same_grid(near.geometry, volume.geometry, found_name="mask", expected_name="ct")
    assert near.geometry.differences(volume.geometry) == ()


@given(st.floats(-1e-3, 1e-3), st.floats(-1e-3, 1e-3), st.floats(-3, 3))
def test_the_nearest_rotation(first, second, angle):
    """A rotation with a small shear comes back orthonormal, as near as the shear is large, with its handedness."""
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, -1]])
    axes = turn @ np.array([[1, first / 2, 0], [0, 1, second / 2], [0, 0, 1]])
    found = nearest_rotation(axes)
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=2e-6)
    assert np.abs(found - axes).max() <= max(abs(first), abs(second)) + 1e-12
    assert np.linalg.det(found) < 0


def test_an_orthonormal_direction_keeps_its_bits(oblique_direction):
    """Rounding to 32 bits is no shear: digests of volumes that are as they were do not change."""
    axes = oblique_direction.astype(np.float32).astype(float)
    np.testing.assert_array_equal(nearest_rotation(axes), axes)


@pytest.mark.parametrize("axes", [np.eye(2), np.diag([1, 1, 1.01]), np.full((3, 3), np.nan), np.zeros((3, 3))])
def test_axes_that_are_far_off_are_refused(axes):
    """Two axes, a wrong length, NaN and zeros."""
    with pytest.raises(DataError, match="expected an orthonormal 3 x 3 direction"):
        nearest_rotation(axes)


@pytest.mark.parametrize("degrees", [90, 70, 110, 45])
def test_the_angle_of_axes_that_are_not_orthogonal(degrees):
    """As lines: 110 degrees are 70; lengths play no part."""
    lean = np.radians(degrees)
    axes = np.array([[1, 3 * np.cos(lean), 0], [0, 3 * np.sin(lean), 0], [0, 0, 0.5]])
    assert least_right_angle(axes) == pytest.approx(min(degrees, 180 - degrees))


def test_a_volume_of_a_grid_and_another_array(volume):
    """Both ways to put an array on a grid keep all of it, its placements too."""
    grid = volume.geometry
    placed = Volume(volume.array, (5, 0.7, 0.488281), (1, 2, 3), name="qform (code 1)", others=(grid,))
    for made in (placed.geometry.volume_of(volume.array), placed.with_array(volume.array)):
        assert made.geometry == placed.geometry
        assert (made.name, made.others) == ("qform (code 1)", (grid,))
