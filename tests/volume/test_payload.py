import struct

import numpy as np
import pytest
import SimpleITK

from ctbench.volume.payload import Payload, find_payload


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_of_both_versions_of_nifti(tmp_path, order):
    """Headers of NIfTI-1 and NIfTI-2, written by hand in both byte orders, say where the data should be."""
    one, two = bytearray(352), bytearray(544)
    struct.pack_into(f"{order}i", one, 0, 348)
    struct.pack_into(f"{order}8h", one, 40, 3, 6, 5, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}hh", one, 70, 4, 16)
    struct.pack_into(f"{order}f", one, 108, 352)
    one[344:348], two[4:8] = b"n+1\0", b"n+2\0"
    struct.pack_into(f"{order}i", two, 0, 540)
    struct.pack_into(f"{order}hh", two, 12, 64, 64)
    struct.pack_into(f"{order}8q", two, 16, 3, 6, 5, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}q", two, 168, 544)
    path = tmp_path / "a.nii"
    path.write_bytes(one)
    assert find_payload(path) == Payload(path, 352, False, 240)
    path.write_bytes(two)
    assert find_payload(path) == Payload(path, 544, False, 960, floats=np.dtype(f"{order}f8"))


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "nhdr", "mhd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_the_payload_is_the_array_s_bytes(tmp_path, suffix, compressed):
    """What a payload gives is byte for byte the array that SimpleITK wrote."""
    array = np.random.default_rng(0).integers(0, 2000, (7, 80, 90)).astype(np.int16)
    path = tmp_path / f"a.{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path), compressed)
    payload = find_payload(path)
    assert payload.expected == array.nbytes
    assert b"".join(payload.chunks()) == array.tobytes()


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.nrrd", "NRRD0004\ntype: short\nsizes: 2 2 2\nencoding: ascii\n\n"),
        ("a.nhdr", "NRRD0004\ntype: short\nsizes: 2 2 2\nencoding: raw\ndata file: LIST\n"),
        ("a.nhdr", "NRRD0004\ntype: short\nsizes: 2 2 2\nencoding: raw\nbyte skip: 7\ndata file: a.raw\n"),
        ("a.nrrd", "NRRD0004\ntype: block\nsizes: 2 2 2\nencoding: raw\n\n"),
        ("a.mhd", "NDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = a%02d.raw\n"),
        ("a.mhd", "NDims = 3\nDimSize = 2 2 2\nHeaderSize = -1\nElementType = MET_SHORT\nElementDataFile = a.raw\n"),
    ],
)
def test_what_a_header_does_not_tell_easily_is_left_to_itk(tmp_path, name, header):
    """Text encodings, lists of files and offsets into them have no payload to be counted."""
    path = tmp_path / name
    path.write_text(header)
    assert find_payload(path) is None
