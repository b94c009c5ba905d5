import struct

import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.frames import expect_no_larger_frames


def jpeg(width, height, components=1, marker=0xC3, before=b""):
    """The beginning of a frame of JPEG, up to its first scan."""
    size = struct.pack(">BBHBHHB", 0xFF, marker, 8 + 3 * components, 16, height, width, components)
    return b"\xff\xd8" + before + size + bytes(3 * components) + b"\xff\xda\0\0"


def jpeg_ls(width, height, components=1):
    """The same of JPEG-LS."""
    return jpeg(width, height, components, marker=0xF7)


def jpeg_2000(width, height, components=1, offset=0):
    """The beginning of a frame of JPEG 2000."""
    sizes = (width + offset, height + offset, offset, offset, width, height, 0, 0)
    head = struct.pack(">HH8IH", 38 + 3 * components, 0, *sizes, components)
    return b"\xff\x4f\xff\x51" + head + bytes(3 * components)


@pytest.fixture
def dicom(tmp_path):
    """A function that writes what a DICOM file of a compressed image has in common with any other."""

    def write(*fragments, syntax="1.2.840.10008.1.2.4.90", kind=b"OB\0\0", places=1):
        path = tmp_path / "a.dcm"
        meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(syntax)) + syntax.encode()
        items = [b"", *fragments]
        pixels = b"".join(b"\xfe\xff\0\xe0" + struct.pack("<I", len(one)) + one for one in items)
        whole = (b"\xe0\x7f\x10\0" + kind + b"\xff\xff\xff\xff" + pixels + b"\xfe\xff\xdd\xe0\0\0\0\0") * places
        path.write_bytes(b"\0" * 128 + b"DICM" + meta + (whole if fragments else b""))
        return path

    return write


FORMATS = {"JPEG 2000": jpeg_2000, "JPEG": jpeg, "JPEG-LS": jpeg_ls}


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_a_frame_of_the_size_in_the_header_passes(dicom, make):
    """So do smaller ones, such as an icon."""
    for width, height in ((50, 40), (16, 16)):
        expect_no_larger_frames(dicom(make(width, height)), 40, 50)


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("size", [(51, 40), (60000, 60000), (50, 40, 3)], ids=["a column", "bomb", "colours"])
def test_a_larger_frame_is_refused(dicom, make, size):
    """One sentence says both sizes."""
    with pytest.raises(
        VolumeFileError, match=rf"a.dcm holds a compressed frame of {size[0]} x {size[1]} .*says 50 x 4"
    ):
        expect_no_larger_frames(dicom(make(*size)), 40, 50)


HIDDEN = {
    "in two fragments": lambda: [jpeg_2000(60000, 60000)[:3], jpeg_2000(60000, 60000)[3:]],
    "behind a small one": lambda: [jpeg(10, 10) + b"x", jpeg(60000, 60000)],
    "behind a comment": lambda: [jpeg(60000, 60000, before=b"\xff\xfe\0\x0a\xff\xc3\0\x0b\x10\0\x01\0")],
    "behind junk and fill bytes": lambda: [jpeg(60000, 60000, before=b"junk\xff\xff\xff\xfe\0\x02")],
    "as a second header": lambda: [jpeg(10, 10)[:-4] + jpeg(60000, 60000)[2:]],
    "in a file of JPEG 2000": lambda: [b"\0\0\0\x0cjP  \r\n\x87\n" + jpeg_2000(60000, 60000)],
    "with a grid that begins elsewhere": lambda: [jpeg_2000(60000, 60000, offset=1000)],
    "in 16,384 components": lambda: [jpeg_2000(50, 40, components=16384)],
}


@pytest.mark.parametrize("fragments", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("kind", [b"OB\0\0", b"OW\0\0", b"UN\0\0", b""])
def test_a_larger_frame_is_found_wherever_a_decoder_would(dicom, fragments, kind):
    """In several fragments, behind other headers, and with any type of the element."""
    with pytest.raises(VolumeFileError, match="compressed frame"):
        expect_no_larger_frames(dicom(*fragments(), kind=kind), 40, 50)


def test_pixels_without_a_size(dicom):
    """A frame of JPEG without a header, no frames at all, and very many of them."""
    cases = ((dicom, (b"\xff\xd8\xff\xd9",), {}), (dicom, (), {}), (dicom, (jpeg(1, 1),), {"places": 17}))
    for write, fragments, options in cases:
        with pytest.raises(VolumeFileError, match=r"states no size|compressed pixels in (0|17) places"):
            expect_no_larger_frames(write(*fragments, **options), 40, 50)


def test_what_needs_no_size_passes(dicom):
    """Frames of RLE, which are as large as the header says, and files that are not compressed."""
    expect_no_larger_frames(dicom(b"\x01\0\0\0" + bytes(60), syntax="1.2.840.10008.1.2.5"), 40, 50)
    expect_no_larger_frames(dicom(syntax="1.2.840.10008.1.2.1"), 40, 50)


def test_a_frame_in_very_many_pieces_takes_no_long_time(dicom):
    """A hundred thousand frames in one file are looked at once each."""
    expect_no_larger_frames(dicom(*[jpeg(1, 1)] * 100_000), 40, 50)
