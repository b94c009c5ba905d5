import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import GeometryError, LabelError, MissingFileError, StoreError, UsageError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.volume import Volume, check_file, read_geometry, read_label_map, read_volume, to_itk, write_volume

WRITTEN = ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64])
def test_round_trip(tmp_path, volume, name, dtype):
    """What is written is read with the same voxels and type, on the same grid, however oblique."""
    written = volume.with_array(volume.array.clip(0, 100).astype(dtype))
    write_volume(written, tmp_path / name)
    read = read_volume(tmp_path / name)
    assert read.array.dtype == dtype
    np.testing.assert_array_equal(read.array, written.array)
    assert read.geometry.differences(volume.geometry, 1e-5) == ()


@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd"])
def test_headers_with_data_beside_them_are_read(tmp_path, volume, name):
    """A header that names a data file is as good as one file."""
    SimpleITK.WriteImage(to_itk(volume), str(tmp_path / name))
    np.testing.assert_array_equal(read_volume(tmp_path / name).array, volume.array)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_volume_gives_the_same_bytes(tmp_path, volume, name):
    """Neither the time nor the folder or name of a file is in its bytes."""
    write_volume(volume, tmp_path / name)
    write_volume(volume, tmp_path / "elsewhere" / f"other-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / "elsewhere" / f"other-{name}").read_bytes()
    assert struct.unpack_from("<I", (tmp_path / name).read_bytes(), 4)[0] == 0 or not name.endswith(".gz")


def test_a_mask_is_written_as_uint8(tmp_path, volume):
    """Bool has no type of its own in image files."""
    write_volume(volume.with_array(volume.array > 0), tmp_path / "a.nii.gz")
    read = read_label_map(tmp_path / "a.nii.gz")
    assert read.array.dtype == np.uint8
    np.testing.assert_array_equal(read.array, volume.array > 0)


def test_one_slice_and_a_fourth_axis_of_one_are_volumes(tmp_path):
    """A volume of one slice stays one, and a time axis of length 1 is dropped."""
    write_volume(Volume(np.ones((1, 3, 4), np.uint8), (5, 1, 1)), tmp_path / "one.nii.gz")
    assert read_volume(tmp_path / "one.nii.gz").shape == (1, 3, 4)
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.ones((1, 2, 3, 4), np.uint8), isVector=False), str(tmp_path / "four.nrrd")
    )
    assert read_volume(tmp_path / "four.nrrd").shape == (2, 3, 4)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize(
    ("array", "vector", "said"),
    [
        (np.ones((5, 6), np.int16), False, "holds 2D data"),
        (np.ones((2, 4, 5, 6), np.int16), False, "holds 4D data"),
        (np.ones((4, 5, 6, 3), np.uint8), True, "3 numbers per voxel"),
        (np.ones((4, 5, 6), np.complex64), False, "2 numbers per voxel"),
    ],
    ids=["2D", "4D", "colour", "complex"],
)
def test_what_is_no_scalar_3d_volume_is_refused(tmp_path, suffix, array, vector, said):
    """2D, 4D, colour and complex images are refused, with what they are."""
    path = tmp_path / f"a.{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array, isVector=vector), str(path))
    with pytest.raises(VolumeFileError, match=said):
        read_volume(path)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_number(tmp_path, volume, name, dtype, bad):
    """Voxels that are no numbers are found in every format, also where ITK would read them as 0."""
    array = volume.array.astype(dtype)
    array[0, 1, 2] = array[3, 1, 2] = bad
    write_volume(volume.with_array(array), tmp_path / name)
    with pytest.raises(VolumeFileError, match=r"a\.[a-z.]+ has 2 voxels that are NaN or infinite"):
        read_volume(tmp_path / name)


@pytest.fixture
def write_sform(tmp_path):
    """A function that writes a NIfTI of 1 mm voxels by its pixdim, with the given axes (rows x, y, z) as its sform."""

    def write(axes):
        path = tmp_path / "a.nii"
        write_volume(Volume(np.zeros((4, 5, 6), np.uint8), (1, 1, 1)), path)
        content = bytearray(path.read_bytes())
        struct.pack_into("<h", content, 252, 0)
        struct.pack_into("<12f", content, 280, *np.column_stack([axes, np.zeros(3)]).ravel())
        path.write_bytes(content)
        return path

    return write


def test_sheared_axes_are_refused(write_sform):
    """A grid whose axes are not at right angles has no spacing to measure by."""
    with pytest.raises(VolumeFileError, match="not orthonormal"):
        read_volume(write_sform([[1, 0.6, 0], [0, 0.8, 0], [0, 0, 1]]))


def test_two_spacings_in_one_header_are_refused(write_sform):
    """Half of all readers would take pixdim and the other half the sform: volumes would differ by a factor of 8."""
    with pytest.raises(VolumeFileError, match="two spacings in its header: pixdim 1, 1, 1 and sform 2, 2, 2"):
        read_volume(write_sform(np.diag([2, 2, 2])))
    assert read_volume(write_sform(np.diag([1.0005, 1, 1]))).spacing_mm == (1, 1, 1)


@pytest.mark.parametrize("error", [MissingFileError, FileNotFoundError])
def test_a_missing_file_is_a_file_not_found(tmp_path, error):
    """Callers who do not know ctbench catch it as what it is, also where the suffix is unknown."""
    for name in ("a.nii.gz", "a.xyz"):
        with pytest.raises(error, match=f"there is no file .*{name}"):
            read_volume(tmp_path / name)


def test_a_file_that_may_not_be_read_says_so(tmp_path, volume, monkeypatch):
    """A lack of permission is the user's to mend, not a failure of ours."""

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    write_volume(volume, tmp_path / "a.nii")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(VolumeFileError, match=r"a\.nii may not be read by this user"):
        read_volume(tmp_path / "a.nii")


def test_unknown_suffixes_are_refused(tmp_path, volume):
    """The message lists the suffixes; a slice of DICOM alone is one of the unknown."""
    (tmp_path / "a.dcm").write_bytes(b"x")
    with pytest.raises(VolumeFileError, match=r"a\.dcm does not end in one of \.nii\.gz, .*the folder of a DICOM"):
        read_volume(tmp_path / "a.dcm")
    with pytest.raises(VolumeFileError, match=r"a\.mhd does not end in one of \.nii\.gz, \.nii, \.nrrd, \.mha"):
        write_volume(volume, tmp_path / "a.mhd")


def test_a_series_of_a_file_is_a_misuse(tmp_path, volume):
    """Choosing a series where there is none is refused rather than ignored."""
    write_volume(volume, tmp_path / "a.nii")
    with pytest.raises(UsageError, match=r"series='head'.*a\.nii"):
        read_volume(tmp_path / "a.nii", series="head")


def test_a_damaged_file_is_refused_without_a_word_on_stderr(tmp_path, volume, capfd):
    """The libraries below ITK write nothing of their own, whatever they are given."""
    write_volume(volume, tmp_path / "a.mha")
    content = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(content[:-9])
    (tmp_path / "b.mha").write_bytes(content[:60])
    for name in ("a.mha", "b.mha"):
        with pytest.raises(VolumeFileError):
            read_volume(tmp_path / name)
    assert capfd.readouterr().err == ""


class TestLabelMaps:
    """``read_label_map``."""

    def test_integers_stay_what_they_are(self, tmp_path, volume):
        """A code that no float64 can hold comes back exactly: the way never leads through floats."""
        codes = np.abs(volume.array).astype(np.int64)
        codes[0, 0, 0] = 2**53 + 1
        write_volume(volume.with_array(codes), tmp_path / "a.nrrd")
        read = read_label_map(tmp_path / "a.nrrd")
        assert read.array.dtype == np.int64
        assert int(read.array[0, 0, 0]) == 2**53 + 1

    def test_floats_that_are_no_whole_numbers_are_refused(self, tmp_path, volume):
        """The message says which value, how it is stored and what to do."""
        write_volume(volume.with_array(np.full((4, 5, 6), 0.5, np.float32)), tmp_path / "a.nii.gz")
        with pytest.raises(LabelError, match=r"a\.nii\.gz holds 0\.5 at voxel .*stored as float32.*arg-max"):
            read_label_map(tmp_path / "a.nii.gz")

    def test_a_scale_in_the_header_is_refused(self, tmp_path, volume):
        """Integers that a header scales to fractions are no codes."""
        path = tmp_path / "a.nii"
        write_volume(volume, path)
        content = bytearray(path.read_bytes())
        struct.pack_into("<2f", content, 112, 0.5, 0)
        path.write_bytes(content)
        with pytest.raises(LabelError, match=r"scales the stored numbers by slope 0\.5 and intercept 0"):
            read_label_map(path)

    def test_unknown_codes_are_refused(self, tmp_path, volume):
        """Codes outside the label set are listed with the file and the codes that are known."""
        write_volume(volume.with_array(np.full((4, 5, 6), 7, np.uint8)), tmp_path / "a.nii.gz")
        with pytest.raises(LabelError, match=r"a\.nii\.gz holds unknown label codes 7; expected 0 background, 1 iph"):
            read_label_map(tmp_path / "a.nii.gz", labels=LabelSet({"iph": 1}))
        assert read_label_map(tmp_path / "a.nii.gz", labels=LabelSet({"iph": 7})).shape == (4, 5, 6)

    def test_another_grid_is_refused(self, tmp_path, volume):
        """A label map must lie on its image's grid; the message names both."""
        moved = Volume(np.abs(volume.array), volume.spacing_mm, (0, 0, 0), volume.direction)
        write_volume(moved, tmp_path / "a.nii.gz")
        with pytest.raises(GeometryError, match=r"label map .*a\.nii\.gz lies on another grid than ct7 .*origin"):
            read_label_map(tmp_path / "a.nii.gz", image=volume.geometry, image_name="ct7")
        assert read_label_map(tmp_path / "a.nii.gz", image=moved.geometry).shape == (4, 5, 6)


def test_a_failed_write_leaves_the_former_file(tmp_path, volume, monkeypatch):
    """A writer that fails half way leaves neither a damaged file nor a temporary one."""

    def fail(image, name, **_):
        Path(name).write_bytes(b"half")
        msg = "in ITK:\nITK ERROR: no space left"
        raise RuntimeError(msg)

    write_volume(volume, tmp_path / "a.nii.gz")
    before = (tmp_path / "a.nii.gz").read_bytes()
    monkeypatch.setattr(SimpleITK, "WriteImage", fail)
    with pytest.raises(StoreError, match=r"cannot write .*: no space left; is the disk full"):
        write_volume(volume, tmp_path / "a.nii.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]
    assert (tmp_path / "a.nii.gz").read_bytes() == before


def test_simpleitk_is_imported_only_when_a_file_is_read():
    """The command line's help must not wait for SimpleITK."""
    code = "import sys, ctbench.volume; sys.exit('SimpleITK' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_real_volumes(real_data):
    """A real head CT keeps its HU, and a real label map its codes and its brain mask's grid."""
    head = read_volume(real_data / "head_ct" / "cranium.nii.gz")
    assert head.shape == (108, 256, 256)
    assert (head.array.dtype, head.array.min(), head.array.max()) == (np.int16, -1024, 2986)
    brain = read_label_map(real_data / "lesions" / "tbi_brain_mask.nii.gz")
    labels = LabelSet({"iph": 1, "extra_axial": 2, "oedema": 3, "ivh": 4})
    lesions = read_label_map(real_data / "lesions" / "tbi_lesions.nii.gz", labels=labels, image=brain.geometry)
    volumes_ml = np.bincount(lesions.array.ravel())[1:] * lesions.voxel_ml
    np.testing.assert_allclose(volumes_ml, [46.4, 22.9, 75.6, 0.6], atol=0.05)


def geometry_of(path):
    """The grid by the header alone, which must be that of the whole volume."""
    found = read_geometry(path)
    assert found == read_volume(path).geometry
    return found


@pytest.mark.parametrize("name", [*WRITTEN, "a.nhdr", "a.mhd"])
def test_the_header_alone_says_where_a_volume_lies(tmp_path, volume, name):
    """To the bit what the volume says that is read with its voxels, however oblique."""
    SimpleITK.WriteImage(to_itk(volume), str(tmp_path / name))
    assert geometry_of(tmp_path / name).shape == volume.shape


def test_the_header_alone_says_where_four_axes_and_tilted_slices_lie(tmp_path, volume, write_series):
    """A fourth axis of length 1 is dropped; a series is placed by its slices, or converted where it is tilted."""
    four = SimpleITK.JoinSeries([to_itk(volume)])
    SimpleITK.WriteImage(four, str(tmp_path / "four.nrrd"))
    assert geometry_of(tmp_path / "four.nrrd").shape == volume.shape
    assert geometry_of(write_series([0, 5, 10])).spacing_mm[0] == 5
    geometry_of(write_series([0, 5, 10, 15], name="tilted", shear=0.2))


@pytest.mark.parametrize("read", [read_geometry, check_file])
def test_what_is_no_volume_has_no_grid(tmp_path, read):
    """Absent, of an unknown suffix, or no image at all: the same errors as of the whole volume."""
    with pytest.raises(MissingFileError, match="there is no file"):
        read(tmp_path / "a.nii")
    (tmp_path / "a.txt").write_text("voxels")
    with pytest.raises(VolumeFileError, match="does not end in one of"):
        read(tmp_path / "a.txt")
    (tmp_path / "a.nii").write_text("voxels")
    with pytest.raises(VolumeFileError):
        read(tmp_path / "a.nii")


def test_a_file_is_checked_without_its_volume(tmp_path, volume, monkeypatch):
    """A cut file is found, a whole one passes, and no voxel goes through ITK."""
    write_volume(volume, tmp_path / "a.nii.gz")
    monkeypatch.setattr("ctbench.volume.files.read_file", None)
    check_file(tmp_path / "a.nii.gz")
    check_file(tmp_path)
    (tmp_path / "a.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes()[:-30])
    with pytest.raises(VolumeFileError, match="truncated"):
        check_file(tmp_path / "a.nii.gz")


def test_a_segmentation_of_slicer_is_no_label_map(tmp_path):
    """Its numbers depend on the order in which a reader made the segments."""
    with pytest.raises(LabelError, match=r"a.seg.nrrd names its segments, .*ctbench.read_annotation"):
        read_label_map(tmp_path / "a.seg.nrrd")
