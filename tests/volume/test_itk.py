import numpy as np
import pytest
import SimpleITK

from ctbench.errors import DataError, VolumeFileError
from ctbench.volume import Volume, from_itk, to_itk
from ctbench.volume.itk import last_line, quiet_itk, read_file, read_header_fields, read_layers


def test_a_voxel_lies_where_itk_says(volume):
    """ITK's own transform of an index gives the point that the volume's geometry gives."""
    image = to_itk(volume)
    x, y, z = image.TransformIndexToPhysicalPoint((5, 4, 3))
    expected = volume.origin_mm + volume.direction @ (np.array(volume.spacing_mm) * [3, 4, 5])
    np.testing.assert_allclose([z, y, x], expected)
    assert image[5, 4, 3] == volume.array[3, 4, 5]


def test_there_and_back(volume):
    """A volume comes back from ITK with the same voxels, type and geometry."""
    back = from_itk(to_itk(volume))
    assert back.array.dtype == np.int16
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.geometry.differences(volume.geometry, 1e-12) == ()


@pytest.mark.parametrize(("given", "stored"), [(bool, np.uint8), (np.float16, np.float32)])
def test_types_that_images_lack_become_wider_ones(volume, given, stored):
    """Masks and half floats are stored without loss in the next type that ITK has."""
    array = (np.arange(120).reshape(4, 5, 6) % 2).astype(given)
    back = from_itk(to_itk(volume.with_array(array)))
    assert back.array.dtype == stored
    np.testing.assert_array_equal(back.array, array)


def test_other_types_are_refused(volume):
    """An array of text is no image, and the message names its type."""
    with pytest.raises(DataError, match="<U1 cannot be an image"):
        to_itk(volume.with_array(np.full((4, 5, 6), "a")))


def test_a_flat_image_is_no_volume():
    """A 2D image is refused as such, not by a failure in the geometry."""
    with pytest.raises(DataError, match="got 2D"):
        from_itk(SimpleITK.Image(4, 5, SimpleITK.sitkUInt8))


def test_warnings_are_off_in_the_block_only():
    """ITK's warnings are as they were after the block, also when it raises."""

    def fail():
        with quiet_itk():
            inside.append(SimpleITK.ProcessObject.GetGlobalWarningDisplay())
            raise KeyError

    inside = []
    before = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    with pytest.raises(KeyError):
        fail()
    assert inside == [False]
    assert SimpleITK.ProcessObject.GetGlobalWarningDisplay() == before


def test_reading_is_quiet(write_nifti, capfd, monkeypatch):
    """A header that ITK warns about leaves stderr empty; the same read by SimpleITK alone shows that it does warn."""
    axes = np.column_stack([[[1, 1e-3, 0], [0, 1, 0], [0, 0, 1]], np.zeros(3)])
    path = write_nifti(pixdim=(1, 1, 1), sform=(1, axes))
    read_file(path)
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("ITK_NIFTI_SFORM_PERMISSIVE", "ON")
    SimpleITK.ReadImage(str(path))
    assert "WARNING" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thrown in X:\n/a/b.cxx:99:\nsitk::ERROR: no such thing", "no such thing"),
        ("thrown in X:\nITK ERROR: NiftiImageIO(0x55ea7): t.nii is no file\n", "t.nii is no file"),
        ("plain words", "plain words"),
        ("", "no reason given"),
    ],
)
def test_the_reason_alone_is_kept_of_itk_s_errors(text, expected):
    """Class names, addresses and source lines are no use to a person."""
    assert last_line(RuntimeError(text)) == expected


def test_volume_of_one_slice():
    """A single slice is a volume all the same."""
    image = to_itk(Volume(np.zeros((1, 3, 4), np.uint8), (5, 1, 1)))
    assert image.GetSize() == (4, 3, 1)


def test_layers_of_a_file_are_volumes_with_its_fields(tmp_path, volume):
    """Two numbers per voxel are two volumes on one grid; a file with one is one; added fields are read."""
    layers = [to_itk(volume), to_itk(volume.with_array(volume.array * 2))]
    both = SimpleITK.Compose(*layers)
    both.SetMetaData("Segment0_Name", "iph")
    SimpleITK.WriteImage(both, str(tmp_path / "two.nrrd"))
    read = read_layers(tmp_path / "two.nrrd")
    assert [one.geometry.differences(volume.geometry) for one in read] == [(), ()]
    np.testing.assert_array_equal([one.array for one in read], [volume.array, volume.array * 2])
    assert read_header_fields(tmp_path / "two.nrrd")["Segment0_Name"] == "iph"
    SimpleITK.WriteImage(layers[0], str(tmp_path / "one.nrrd"))
    (alone,) = read_layers(tmp_path / "one.nrrd")
    np.testing.assert_array_equal(alone.array, volume.array)


def test_layers_of_four_axes_are_refused(tmp_path):
    """A series over time is no segmentation."""
    SimpleITK.WriteImage(SimpleITK.Image([3, 3, 3, 2], SimpleITK.sitkUInt8), str(tmp_path / "a.nrrd"))
    with pytest.raises(VolumeFileError, match="holds 4D data of size"):
        read_layers(tmp_path / "a.nrrd")
