import gzip
import struct

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import MissingFileError, VolumeFileError
from ctbench.volume.integrity import check_integrity

SINGLE_FILES = ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"]
ALL_FILES = [*SINGLE_FILES, "a.nhdr", "a.mhd"]


@pytest.fixture(params=[False, True], ids=["raw", "compressed"])
def write(request, tmp_path):
    """A function that writes 4 x 5 x 6 voxels of noise with SimpleITK, compressed or not, and gives the path."""

    def write(name, dtype=np.int16):
        array = np.random.default_rng(0).integers(0, 250, (4, 5, 6)).astype(dtype)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / name), request.param)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint64, np.float32, np.float64])
def test_whole_files_pass(write, name, dtype):
    """What SimpleITK writes is whole, in every format and type, compressed or not."""
    check_integrity(write(name, dtype))


@pytest.mark.parametrize("name", SINGLE_FILES)
@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_cut_file_is_refused(write, name, cut):
    """A file that lacks its last bytes, be it one, is refused by name."""
    path = write(name)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(VolumeFileError, match=r"a\.[a-z.]+ is truncated"):
        check_integrity(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nrrd", "a.mha"])
def test_a_file_longer_than_its_header_says_is_refused(tmp_path, name):
    """Bytes after the last voxel mean that header and data do not belong together."""
    path = tmp_path / name
    SimpleITK.WriteImage(SimpleITK.Image(6, 5, 4, SimpleITK.sitkInt16), str(path))
    path.write_bytes(path.read_bytes() + b"\1" * 60)
    with pytest.raises(VolumeFileError, match="longer than its header says: its header promises 240 bytes"):
        check_integrity(path)


@pytest.mark.parametrize("slices", [3, 5])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_size_in_the_header_that_does_not_fit_the_data_is_refused(tmp_path, slices, suffix):
    """A NIfTI whose header was changed to one slice less or more is refused, with both sizes in bytes."""
    path = tmp_path / "a.nii"
    SimpleITK.WriteImage(SimpleITK.Image(6, 5, 4, SimpleITK.sitkInt16), str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 46, slices)
    path = tmp_path / f"b{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    with pytest.raises(VolumeFileError, match=f"promises {slices * 60} bytes of voxels, got 240"):
        check_integrity(path)


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize(
    "content", [b"\x00\xff" * 3000, b"hello\n", gzip.compress(b"hello\n" * 100, mtime=0)], ids=["bytes", "text", "gzip"]
)
def test_a_file_of_something_else_is_refused(tmp_path, name, content):
    """Random bytes, a text and a compressed text are no volumes, whatever their names say."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VolumeFileError, match=r"a\.[a-z.]+ is (no|damaged)"):
        check_integrity(path)


@pytest.mark.parametrize("name", ALL_FILES)
def test_an_empty_file_is_refused(tmp_path, name):
    """A file of zero bytes says so."""
    (tmp_path / name).touch()
    with pytest.raises(VolumeFileError, match="is empty"):
        check_integrity(tmp_path / name)


def test_a_flipped_bit_in_gzip_is_noticed(tmp_path):
    """The checksum of gzip counts: one wrong bit in the middle is damage."""
    path = tmp_path / "a.nii.gz"
    SimpleITK.WriteImage(SimpleITK.GaussianSource(size=[16, 16, 16]), str(path))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(VolumeFileError, match="is damaged"):
        check_integrity(path)


def test_gzip_of_several_members_and_padding_is_whole(tmp_path):
    """Block gzip, as some tools write it, and zeros at the end are no damage."""
    plain = tmp_path / "a.nii"
    SimpleITK.WriteImage(SimpleITK.Image(6, 5, 4, SimpleITK.sitkInt16), str(plain))
    content = plain.read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]) + bytes(512))
    check_integrity(path)


@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd"])
def test_data_beside_the_header_is_checked(write, name):
    """A header whose data file was cut is refused, and one whose data file is gone names it."""
    path = write(name)
    (data,) = (other for other in path.parent.iterdir() if other != path)
    data.write_bytes(data.read_bytes()[:-10])
    with pytest.raises(VolumeFileError, match="truncated"):
        check_integrity(path)
    data.unlink()
    with pytest.raises(MissingFileError, match=f"no file .*{data.name}, which .*{name} names as its data"):
        check_integrity(path)
