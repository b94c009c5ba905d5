import gzip
import struct

import numpy as np
import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume import Volume, read_geometry, read_volume, write_volume
from ctbench.volume.signatures import described_content, is_gzip, is_nifti


@pytest.fixture
def written(tmp_path):
    """A folder with one volume as ``a`` in every format."""
    for suffix in ("nii", "nii.gz", "nrrd", "mha"):
        write_volume(Volume(np.zeros((3, 4, 5), np.uint8), (5, 1, 1)), tmp_path / f"a.{suffix}")
    return tmp_path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("length", "magic", "at"), [(348, b"n+1\0", 344), (540, b"n+2\0", 4)])
def test_nifti_is_recognised_in_both_versions_and_byte_orders(order, length, magic, at):
    """By the length of the header and the magic, each in its place."""
    start = bytearray(540)
    struct.pack_into(f"{order}i", start, 0, length)
    assert not is_nifti(bytes(start))
    start[at : at + 4] = magic
    assert is_nifti(bytes(start))
    assert not is_nifti(bytes(start[1:]))


@pytest.mark.parametrize(
    ("name", "said"), [("a.nii", "not compressed"), ("a.nii.gz", "gzip"), ("a.nrrd", "NRRD"), ("a.mha", "MetaImage")]
)
def test_formats_are_described_by_their_content(written, name, said):
    """The name plays no part."""
    (written / name).rename(written / "unnamed")
    assert said in described_content(written / "unnamed")


def test_unknown_content_has_no_description(tmp_path):
    """Bytes that begin as no format does, and an empty file."""
    (tmp_path / "a").write_bytes(b"\1\2\3")
    (tmp_path / "b").touch()
    assert described_content(tmp_path / "a") == described_content(tmp_path / "b") == ""
    assert not is_gzip(b"\x1f")


@pytest.mark.parametrize("read", [read_volume, read_geometry])
def test_a_nifti_renamed_to_gz_and_the_reverse_say_the_right_name(written, read):
    """The file is whole: a new name is all that it needs, not another export."""
    (written / "b.nii.gz").write_bytes((written / "a.nii").read_bytes())
    with pytest.raises(VolumeFileError, match=r"b\.nii\.gz is not gzip .* uncompressed NIfTI; rename it to b\.nii$"):
        read(written / "b.nii.gz")
    (written / "b.nii").write_bytes((written / "a.nii.gz").read_bytes())
    with pytest.raises(
        VolumeFileError, match=r"b\.nii is not a NIfTI file: .* gzip data, .*; rename it to b\.nii\.gz$"
    ):
        read(written / "b.nii")


@pytest.mark.parametrize("suffix", ["nrrd", "nhdr", "mha", "mhd"])
@pytest.mark.parametrize(("content", "said"), [("a.nii", "a NIfTI file"), ("a.nii.gz", "gzip data")])
def test_other_formats_under_a_wrong_name_say_what_they_are(written, suffix, content, said):
    """A NIfTI that was renamed to NRRD or MetaImage is not called damaged."""
    (written / f"b.{suffix}").write_bytes((written / content).read_bytes())
    with pytest.raises(VolumeFileError, match=rf"b\.{suffix} is not a (NRRD|MetaImage) file: its content is {said}"):
        read_volume(written / f"b.{suffix}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>404</html>" * 40, "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"/annex/objects/MD5E-s1--0.nii.gz\n", "git annex get"),
        (b"PK\3\4" + bytes(400), "ZIP archive"),
        (bytes(128) + b"DICM" + bytes(500), "a DICOM file"),
        (b"NRRD0004\n" + bytes(400), "a NRRD file"),
    ],
)
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_what_stands_in_place_of_a_nifti_is_named(tmp_path, suffix, content, said):
    """An error page, a pointer of a large-file store, an archive: each with what to do."""
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(VolumeFileError, match=rf"a\.{suffix} is not a NIfTI file: its content is .*{said}"):
        read_volume(tmp_path / f"a.{suffix}")


def test_a_pair_of_header_and_image_is_named(written):
    """A header whose voxels lie in a second file is not damaged."""
    content = (written / "a.nii").read_bytes()
    (written / "b.nii").write_bytes(content[:344] + b"ni1\0" + content[348:])
    with pytest.raises(VolumeFileError, match=r"b\.nii is the header of a pair of files.*save both as one \.nii\.gz"):
        read_volume(written / "b.nii")
    (written / "b.nii.gz").write_bytes(gzip.compress(content[:344] + b"ni1\0" + content[348:]))
    with pytest.raises(VolumeFileError, match=r"b\.nii\.gz is the header of a pair of files"):
        read_volume(written / "b.nii.gz")
