from itertools import permutations, product

import numpy as np
import pytest

from ctbench import notices
from ctbench.errors import GeometryError
from ctbench.volume import (
    Volume,
    as_stored,
    nearest_axes,
    on_grid,
    read_geometry,
    read_label_map,
    read_volume,
    upright,
    write_volume,
)

WAYS = list(product(permutations(range(3)), product((False, True), repeat=3)))


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Each test hears every warning anew."""
    monkeypatch.setattr(notices, "_said", set())


def rotation(degrees):
    """Rotations about x, y and z of the world, as a direction z,y,x."""
    result = np.eye(3)
    for angle, (first, second) in zip(np.radians(degrees), ((0, 1), (0, 2), (1, 2)), strict=True):
        turn = np.eye(3)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result


@pytest.fixture
def scan():
    """An oblique volume in the order z, y, x in which every voxel differs."""
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    return Volume(array, (5.0, 0.7, 0.488281), (-33.25, 12.5, 101.125), rotation((18.5, -31.0, 7.0)))


@pytest.mark.parametrize("way", WAYS, ids=str)
class TestFortyEightWays:
    """However a file stores its axes."""

    def test_only_the_order_changes(self, tmp_path, scan, way, stored_as):
        """The array has the order z, y, x; a slice keeps its number, and its direction, along the file's axis."""
        axes, flips = way
        write_volume(stored_as(scan, axes, flips), tmp_path / "a.nii.gz")
        read = read_volume(tmp_path / "a.nii.gz")
        np.testing.assert_array_equal(read.array, np.flip(scan.array, [axis for axis in range(3) if flips[axis]]))
        assert read.array.flags.c_contiguous
        np.testing.assert_allclose(read.spacing_mm, scan.spacing_mm, atol=1e-6)
        np.testing.assert_allclose(read.direction, scan.direction * np.where(flips, -1, 1), atol=1e-6)
        assert read_geometry(tmp_path / "a.nii.gz") == read.geometry

    def test_what_is_written_has_the_order_of_the_file(self, tmp_path, scan, way, stored_as):
        """A map of the image is stored as the image is, and lies where it lies."""
        stored = stored_as(scan, *way)
        write_volume(stored, tmp_path / "a.mha")
        read = read_volume(tmp_path / "a.mha")
        write_volume(read.with_array(read.array), tmp_path / "b.mha")
        assert (tmp_path / "b.mha").read_bytes() == (tmp_path / "a.mha").read_bytes()
        np.testing.assert_array_equal(as_stored(read).array, stored.array)
        assert as_stored(read).geometry.differences(stored.geometry, 1e-9) == ()

    def test_a_mask_in_another_orientation_comes_onto_its_image(self, tmp_path, scan, way, stored_as, caplog):
        """Voxel by voxel, without interpolation, whichever of the two is stored which way; said once a folder."""
        mask = scan.with_array(scan.array.astype(np.uint8))
        for folder in ("usual", "turned"):
            for name in "ab":
                stored = mask if folder == "usual" else stored_as(mask, *way)
                write_volume(stored, tmp_path / folder / f"{name}.nii.gz")
        for mine, other in (("usual", "turned"), ("turned", "usual")):
            image = read_volume(tmp_path / other / "a.nii.gz")
            for name in "ab":
                read = read_label_map(tmp_path / mine / f"{name}.nii.gz", image=image.geometry, image_name="ct7")
                np.testing.assert_array_equal(read.array, image.array)
                assert read.geometry.differences(image.geometry) == ()
                assert read.stored_axes == image.stored_axes
        expected = [
            f"label map {tmp_path / mine / 'a.nii.gz'} is stored in another orientation than ct7: it was reordered or "
            "flipped to match, without interpolation"
            for mine in ("usual", "turned")
        ]
        found = [record.getMessage() for record in caplog.records]
        assert found == ([] if way == ((0, 1, 2), (False,) * 3) else expected)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_ties_do_not_depend_on_the_order(way, stored_as):
    """Two axes 45 degrees from the body's: the same one is taken, whichever is stored first."""
    scan = Volume(np.zeros((3, 4, 5)), (1, 1, 1), direction=rotation((45, 0, 0)))
    assert upright(stored_as(scan, *way)).shape == upright(scan).shape


LEANING = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])
"""All three axes are 54.7 degrees from the body's."""


@pytest.mark.parametrize(("direction", "said"), [(rotation((44, 0, 0)), False), (LEANING, True)])
def test_an_oblique_scan_is_said_once(tmp_path, caplog, direction, said):
    """Where even the nearest axis is more than 45 degrees from the body's, one sentence says so for a folder."""
    for name in "ab":
        write_volume(Volume(np.zeros((3, 4, 5), np.uint8), (1, 1, 1), direction=direction), tmp_path / f"{name}.nii")
        read_volume(tmp_path / f"{name}.nii")
    expected = (
        f"the slices of {tmp_path / 'a.nii'} are taken along the axis nearest to the body's long axis, "
        "55 degrees away from it"
    )
    assert [record.getMessage() for record in caplog.records] == ([expected] if said else [])


@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True)])
@pytest.mark.parametrize("field", ["origin", "spacing", "direction", "shape"])
def test_other_voxels_are_refused(field, flips, scan, stored_as):
    """A grid whose voxels do not coincide is none to reorient onto, stored in whichever way."""
    volume = stored_as(scan, (2, 0, 1), flips)
    origin = np.add(volume.origin_mm, (0, 0.3, 0) if field == "origin" else 0)
    spacing = np.multiply(volume.spacing_mm, (1, 1.1, 1) if field == "spacing" else 1)
    direction = rotation((3, 0, 0)) @ volume.direction if field == "direction" else volume.direction
    other = Volume(volume.array[1:] if field == "shape" else volume.array, spacing, origin, direction)
    with pytest.raises(GeometryError, match=r"the mask lies on another grid than ct7 .*Resample"):
        on_grid(upright(other), scan.geometry, found_name="the mask", expected_name="ct7")
    assert on_grid(upright(volume), scan.geometry, found_name="", expected_name="").shape == scan.shape


def test_rounded_directions_still_meet(scan):
    """Directions of few decimals part the origins of flipped grids of 512 voxels; another corner meets."""
    size = (3, 512, 512)
    ours = Volume(np.zeros(size, np.uint8), scan.spacing_mm, scan.origin_mm, rotation((18.5, -31.0, 7.0)))
    rounded = rotation((18.501, -31.001, 7.0))
    far = np.array(ours.origin_mm) + ours.direction @ (np.array(ours.spacing_mm) * (0, 511, 0))
    flipped = Volume(ours.array, ours.spacing_mm, far, rounded * (1, -1, 1))
    found = on_grid(flipped, ours.geometry, found_name="", expected_name="")
    assert found.geometry == ours.geometry
    corner = far + flipped.direction @ (np.array(flipped.spacing_mm) * (0, 511, 0))
    assert np.abs(corner - ours.origin_mm).max() > 1e-3


def test_axes_of_the_patient():
    """Z first, then y: an oblique array has three different axes, whatever is nearest to each."""
    assert nearest_axes(np.eye(3)) == (0, 1, 2)
    assert nearest_axes(np.eye(3)[:, [2, 0, 1]]) == (1, 2, 0)
    assert sorted(nearest_axes(LEANING)) == [0, 1, 2]
