import numpy as np
import pytest

from ctbench.errors import LabelError
from ctbench.labels import LabelSet
from ctbench.volume import Volume, read_label_map, read_volume, write_volume
from ctbench.volume.codes import as_codes

FORMATS = ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("stored", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("codes", "expected"),
    [((0, 1, 2), np.uint8), ((0, 300, 2), np.uint16), ((0, 14175, 70000), np.uint32), ((-1, 1, 2), np.int8)],
)
def test_whole_numbers_stored_as_floats_become_integers(tmp_path, name, stored, codes, expected):
    """Every code comes back, in the smallest integer type that holds all of them, in every format."""
    array = np.resize(np.array(codes), (3, 4, 5))
    write_volume(Volume(array.astype(stored), (5, 1, 1)), tmp_path / name)
    found = as_codes(read_volume(tmp_path / name).array, tmp_path / name)
    assert found.dtype == expected
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("axes", [3, 4, 5])
def test_every_integer_type_and_trailing_axes_of_one_are_read(write_nifti, dtype, axes):
    """Integers keep their type, and axes of length 1 behind the third are dropped, as many as a tool wrote."""
    array = np.arange(60).reshape((1,) * (axes - 3) + (3, 4, 5)).astype(dtype)
    read = read_label_map(write_nifti(array=array))
    assert read.array.dtype == dtype
    np.testing.assert_array_equal(read.array, array.reshape(3, 4, 5))


@pytest.mark.parametrize("scale", [(2, 0), (1, 1), (0.5, 0), (0.1, 0)])
def test_a_scale_that_makes_whole_numbers_is_applied(write_nifti, scale):
    """Integers that slope and intercept map to whole numbers are those codes."""
    codes = np.resize(np.array([0, 10, 20]), (3, 4, 5)).astype(np.uint8)
    read = read_label_map(write_nifti(array=codes, scale=scale))
    np.testing.assert_array_equal(read.array, np.rint(codes * scale[0] + scale[1]))


def test_a_lossy_scale_is_refused_with_its_slope(write_nifti):
    """Floats that a tool squeezed into 16 bits are no whole numbers any more: the value, its place and the slope."""
    codes = np.zeros((3, 4, 5), np.int16)
    codes[1, 2, 3] = 32767
    path = write_nifti(array=codes, scale=(1.5259e-05, 0.5))
    with pytest.raises(LabelError) as caught:
        read_label_map(path)
    assert "a.nii holds 0.5 at voxel (0, 0, 0) (z, y, x), 60 voxels in all are not whole numbers" in str(caught.value)
    assert "scales the stored numbers by slope 1.53e-05 and intercept 0.5" in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_value_beside_a_whole_number_is_refused_with_its_place(tmp_path, name):
    """What was whole before an interpolation or a rescaling is to be rounded by the user, who knows what it was."""
    array = np.ones((3, 4, 5))
    array[2, 1, 4] = 0.99999
    write_volume(Volume(array, (5, 1, 1)), tmp_path / name)
    said = r"holds 0\.99999 at voxel \(2, 1, 4\) .* 1 voxels .*\(stored as float64\); round it, and save it as uint8"
    with pytest.raises(LabelError, match=said):
        read_label_map(tmp_path / name)


def test_probabilities_are_refused_as_such(tmp_path):
    """A map of probabilities needs a decision, not a rounding."""
    write_volume(Volume(np.full((3, 4, 5), 0.37, np.float32), (5, 1, 1)), tmp_path / "a.nii.gz")
    with pytest.raises(LabelError, match=r"holds 0\.37.* 60 voxels .*take the arg-max or a threshold"):
        read_label_map(tmp_path / "a.nii.gz")


@pytest.mark.parametrize(("dtype", "code"), [(np.float32, 2.0**24), (np.float64, -(2.0**53))])
def test_codes_that_floats_cannot_tell_apart_are_refused(tmp_path, dtype, code):
    """Beyond 2^24 (float32) and 2^53 (float64) two codes may have become one."""
    array = np.zeros((3, 4, 5), dtype)
    array[1] = code
    write_volume(Volume(array, (5, 1, 1)), tmp_path / "a.nrrd")
    with pytest.raises(LabelError, match=f"the code {code:.0f} as float.*save it as an integer type"):
        read_label_map(tmp_path / "a.nrrd")


def test_the_codes_are_checked_after_the_conversion(tmp_path):
    """A float map with an unknown or a negative code is refused by its file, as an integer map is."""
    write_volume(Volume(np.full((3, 4, 5), -1.0), (5, 1, 1)), tmp_path / "a.nii.gz")
    with pytest.raises(LabelError, match=r"a\.nii\.gz holds unknown label codes -1"):
        read_label_map(tmp_path / "a.nii.gz", labels=LabelSet({"iph": 1}))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.float64])
def test_a_negative_code_is_refused_by_its_file(tmp_path, name, dtype):
    """Also where any codes are allowed: -1 for unlabelled is no structure."""
    array = np.zeros((3, 4, 5), dtype)
    array[1, 1] = -1
    write_volume(Volume(array, (5, 1, 1)), tmp_path / name)
    said = rf"{name} holds the negative code -1 \(5 voxels below 0\); expected 0 for background"
    with pytest.raises(LabelError, match=said):
        read_label_map(tmp_path / name)
