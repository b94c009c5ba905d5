import gzip
import re
import struct
import time

import numpy as np
import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume import Volume, read_geometry, read_label_map, read_volume, write_volume
from ctbench.volume.bounds import expect_bounded, expect_no_more_voxels

SIZE = 2000
"""Voxels along each axis of what should not be read: 8 GB of uint8."""


def nifti(path):
    """A NIfTI whose header promises far more than follows."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, SIZE, SIZE, SIZE, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(header + bytes(1 << 20)))


def nrrd(path, skip="", encoding="gzip"):
    """An NRRD of zeros."""
    sizes, space = (
        f"{SIZE} {SIZE} {SIZE}",
        "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace: left-posterior-superior\n",
    )
    header = f"NRRD0004\ntype: uchar\ndimension: 3\n{space}sizes: {sizes}\n{skip}encoding: {encoding}\n\n"
    path.write_bytes(header.encode() + gzip.compress(bytes(1 << 20)))


def meta(path):
    """A MetaImage of zeros."""
    lines = ("ObjectType = Image", "NDims = 3", f"DimSize = {SIZE} {SIZE} {SIZE}", "ElementSpacing = 1 1 1")
    lines += ("CompressedData = True", "ElementType = MET_UCHAR", "ElementDataFile = LOCAL\n")
    path.write_bytes("\n".join(lines).encode() + gzip.compress(bytes(1 << 20)))


WRITERS = {
    "a.nii.gz": nifti,
    "a.nrrd": nrrd,
    "a.mha": meta,
    # Their data are not counted, so that only the header bounds them.
    "skip.nrrd": lambda path: nrrd(path, skip="byte skip: 0\n"),
    "text.nrrd": lambda path: nrrd(path, encoding="ascii"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_small_file_of_gigabytes_is_refused_before_it_is_read(tmp_path, name):
    """As an image and as a label map, at once, in one sentence with both sizes."""
    path = tmp_path / name
    WRITERS[name](path)
    start = time.process_time()
    for read in (read_volume, read_label_map):
        with pytest.raises(
            VolumeFileError, match=re.escape(f"{path} would unpack from 0.00") + r"\d+ MiB to 7\.45 GiB"
        ):
            read(path)
    assert time.process_time() - start < 1


def test_a_label_map_may_have_as_many_voxels_as_its_image(tmp_path, monkeypatch):
    """A mask of zeros shrinks a thousandfold, so the image bounds it; another grid is its own error."""
    monkeypatch.setattr("ctbench.unpacking._MOST_BYTES", 1000)
    image = Volume(np.zeros((40, 50, 60), np.uint8), (1, 1, 1))
    path = tmp_path / "zeros.nii.gz"
    write_volume(image, path)
    with pytest.raises(VolumeFileError, match="would unpack"):
        read_label_map(path)
    assert read_label_map(path, image=read_geometry(path)).shape == image.shape
    expect_bounded(path, (40, 50, 8))
    with pytest.raises(VolumeFileError, match="would unpack"):
        expect_bounded(path, (40, 50, 7))


def test_a_prediction_has_at_most_eight_bytes_for_each_voxel(tmp_path):
    """No other size is allowed for, whatever its file has."""
    path = tmp_path / "small.nii.gz"
    write_volume(Volume(np.zeros((4, 5, 6), np.uint8), (1, 1, 1)), path)
    expect_no_more_voxels(path, (3, 1, 5))
    with pytest.raises(VolumeFileError, match=r"promises 120 bytes of voxels; expected at most 112 for \(2, 1, 7\)"):
        expect_no_more_voxels(path, (2, 1, 7))
