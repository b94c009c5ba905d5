"""Images and label maps: NIfTI, NRRD, MetaImage."""

import gzip
import random
import struct

import numpy as np
import pytest
import SimpleITK

SHAPE = (6, 40, 50)
FORMATS = ("nii", "nii.gz", "nrrd", "mha")
DETACHED = ("nhdr", "mhd")
NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A folder with one volume of noise, ``a.SUFFIX``, in every format; NRRD and MetaImage are not compressed."""
    folder = tmp_path_factory.mktemp("whole")
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(0, 250, SHAPE).astype(np.uint8))
    image.SetSpacing((0.5, 0.5, 5.0))
    for suffix in (*FORMATS, *DETACHED):
        SimpleITK.WriteImage(image, str(folder / f"a.{suffix}"))
    return folder


@pytest.fixture
def changed(whole, tmp_path):
    """A function that copies a whole volume, changed: its bytes go through ``change``."""

    def changed(suffix, change):
        for beside in ("a.raw", "a.zraw"):
            if (whole / beside).is_file():
                (tmp_path / beside).write_bytes((whole / beside).read_bytes())
        content = (whole / f"a.{suffix}").read_bytes()
        if suffix.endswith(".gz"):
            content = gzip.decompress(content)
        content = change(content)
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content)
        return path

    return changed


@pytest.mark.parametrize("suffix", [*FORMATS, *DETACHED])
def test_the_whole_ones_are_read(guard, whole, suffix):
    """What the others are made of is fine."""
    answer = guard.ask("volume", whole / f"a.{suffix}")
    assert (answer["outcome"], answer["said"]) == ("read", str(SHAPE))


@pytest.mark.parametrize("kilobytes", range(12))
@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_at_every_kilobyte(whole, tmp_path, refused, suffix, kilobytes):
    """Whatever is left of the file, it is refused by its name."""
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes((whole / f"a.{suffix}").read_bytes()[: 1024 * kilobytes])
    assert path.name in refused("volume", path)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("suffix", [*FORMATS, *DETACHED])
def test_a_bit_flipped_in_the_header(changed, survived, suffix, seed):
    """Any one of the first 350 bytes: many flips change nothing that matters, none does harm."""
    rng = random.Random(seed)

    def flip(content):
        place = rng.randrange(min(350, len(content)))
        return content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]

    survived("volume", changed(suffix, flip))


@pytest.mark.parametrize("seed", range(8))
def test_a_bit_flipped_in_compressed_voxels(whole, tmp_path, refused, seed):
    """The checksum of gzip tells."""
    content = bytearray((whole / "a.nii.gz").read_bytes())
    rng = random.Random(seed)
    content[rng.randrange(400, len(content) - 8)] ^= 1 << rng.randrange(8)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    refused("volume", path)


NIFTI = {
    "no length": ("<i", 0, 0),
    "length of a stranger": ("<i", 0, 12345),
    "no magic": ("4s", 344, b"\0\0\0\0"),
    "magic of a pair of files": ("4s", 344, b"ni1\0"),
    "no axes": ("<h", 40, 0),
    "eight axes": ("<h", 40, 8),
    "minus three axes": ("<h", 40, -3),
    "a negative size": ("<h", 42, -50),
    "a size of zero": ("<h", 44, 0),
    "huge sizes": ("<3h", 42, 32767, 32767, 32767),
    "a fourth axis": ("<5h", 40, 4, 50, 40, 6, 2),
    "no datatype": ("<h", 70, 0),
    "a datatype that does not exist": ("<h", 70, 9999),
    "single bits": ("<2h", 70, 1, 1),
    "colours": ("<2h", 70, 128, 24),
    "128-bit floats": ("<2h", 70, 1536, 128),
    "bits that are not the datatype's": ("<h", 72, 64),
    "negative bits": ("<h", 72, -8),
    "voxels that start at NaN": ("<f", 108, NAN),
    "voxels that start before the file": ("<f", 108, -352.0),
    "voxels that start behind the file": ("<f", 108, 1e6),
    "voxels that start at infinity": ("<f", 108, INFINITE),
    "a spacing of zero": ("<f", 80, 0.0),
    "a spacing of NaN": ("<f", 84, NAN),
    "an infinite spacing": ("<f", 88, INFINITE),
    "an affine of NaN": ("<hh6x3f12f", 252, 1, 1, *[NAN] * 15),
    "an affine of zeros": ("<hh24x12f", 252, 0, 1, *[0.0] * 12),
    "an affine of infinities": ("<hh24x12f", 252, 0, 1, *[INFINITE] * 12),
    "an origin of NaN": ("<hh12x3f", 252, 1, 0, *[NAN] * 3),
    "a quaternion of NaN": ("<hh3f", 252, 1, 0, *[NAN] * 3),
    "all spacings of zero": ("<3f", 80, 0.0, 0.0, 0.0),
    "an sform of one axis twice": ("<hh24x12f", 252, 0, 1, *[0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0]),
    "a sheared sform": ("<hh24x12f", 252, 0, 2, *[0.5, 0.1, 0, 0, 0, 0.49, 0, 0, 0, 0, 5, 0]),
    "a sform that is sheared beside a qform": ("<hh24x12f", 252, 1, 2, *[0.5, 0, 0, 0, 0, 0.5, 1.8, 0, 0, 0, 5, 0]),
    "a sform of another scale": ("<hh24x12f", 252, 1, 1, *[50, 0, 0, 0, 0, 50, 0, 0, 0, 0, 500, 0]),
    "a scale of NaN": ("<2f", 112, NAN, NAN),
    "an infinite scale": ("<2f", 112, INFINITE, 1.0),
}
HARMLESS = {"a scale of NaN", "an infinite scale"}


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("what", [name for name in NIFTI if name not in HARMLESS])
def test_nifti_headers(changed, refused, suffix, what):
    """Fields with values that no volume has."""
    refused("volume", changed(suffix, lambda content: packed(content, *NIFTI[what])))


@pytest.mark.parametrize("what", sorted(HARMLESS))
def test_nifti_fields_that_some_take_for_unset(changed, survived, what):
    """A scale that is no number: read as if it were not there, or refused."""
    survived("volume", changed("nii", lambda content: packed(content, *NIFTI[what])))


def packed(content, form, place, *values):
    """Put values into a header."""
    size = struct.calcsize(form)
    old = bytearray(content[place : place + size])
    struct.pack_into(form, old, 0, *values)
    return content[:place] + bytes(old) + content[place + size :]


TEXT = {
    "nrrd": {
        "no magic": (b"NRRD0004", b"SOMETHING"),
        "a version to come": (b"NRRD0004", b"NRRD9999"),
        "a negative size": (b"sizes: 50 40 6", b"sizes: 50 -40 6"),
        "huge sizes": (b"sizes: 50 40 6", b"sizes: 5000000000 4000000000 6"),
        "sizes beyond any number": (b"sizes: 50 40 6", b"sizes: " + b"9" * 5000 + b" 40 6"),
        "two sizes for three axes": (b"sizes: 50 40 6", b"sizes: 50 240"),
        "no axes": (b"dimension: 3", b"dimension: 0"),
        "a million axes": (b"dimension: 3", b"dimension: 1000000"),
        "a type that does not exist": (b"type: unsigned char", b"type: quaternion"),
        "blocks": (b"type: unsigned char", b"type: block"),
        "an encoding that does not exist": (b"encoding: raw", b"encoding: rot13"),
        "text for numbers": (b"encoding: raw", b"encoding: ascii"),
        "gzip that is none": (b"encoding: raw", b"encoding: gzip"),
        "directions of NaN": (b"space directions: (0.5,0,0)", b"space directions: (nan,0,0)"),
        "directions of zero": (b"space directions: (0.5,0,0)", b"space directions: (0,0,0)"),
        "sheared directions": (b"space directions: (0.5,0,0)", b"space directions: (0.5,0.5,0)"),
        "an origin of NaN": (b"space origin: (0,0,0)", b"space origin: (nan,0,0)"),
        "a space of one axis": (b"space: left-posterior-superior", b"space dimension: 1"),
        "no type": (b"type: unsigned char\n", b""),
        "no end of the header": (b"\n\n", b"\n"),
        "no directions and no spacings": (b"space directions: (0.5,0,0) (0,0.5,0) (0,0,5)\n", b""),
        "spacings that are unknown": (b"space directions: (0.5,0,0) (0,0.5,0) (0,0,5)", b"spacings: nan nan nan"),
        "a negative spacing": (b"space directions: (0.5,0,0) (0,0.5,0) (0,0,5)", b"spacings: 0.5 -0.5 5"),
        "spacings of text": (b"space directions: (0.5,0,0) (0,0.5,0) (0,0,5)", b"spacings: wide wide thick"),
        "an unknown unit": (b"encoding: raw", b'space units: "cubits" "cubits" "cubits"\nencoding: raw'),
        "a unit per axis": (b"encoding: raw", b'space units: "mm" "mm" "m"\nencoding: raw'),
        "a unit without an end": (b"encoding: raw", b'space units: "mm\nencoding: raw'),
        "a megabyte of units": (b"encoding: raw", b"space units: " + b"x" * 1_000_000 + b"\nencoding: raw"),
    },
    "mha": {
        "two axes": (b"NDims = 3", b"NDims = 2"),
        "no axes": (b"NDims = 3", b"NDims = 0"),
        "negative axes": (b"NDims = 3", b"NDims = -3"),
        "a billion axes": (b"NDims = 3", b"NDims = 1000000000"),
        "a negative size": (b"DimSize = 50 40 6", b"DimSize = 50 -40 6"),
        "huge sizes": (b"DimSize = 50 40 6", b"DimSize = 50000000 40000000 6"),
        "sizes beyond any number": (b"DimSize = 50 40 6", b"DimSize = " + b"9" * 5000 + b" 40 6"),
        "two sizes for three axes": (b"DimSize = 50 40 6", b"DimSize = 50 240"),
        "a type that does not exist": (b"ElementType = MET_UCHAR", b"ElementType = MET_WORD_SALAD"),
        "no type": (b"ElementType = MET_UCHAR\n", b""),
        "a spacing of zero": (b"ElementSpacing = 0.5 0.5 5", b"ElementSpacing = 0 0.5 5"),
        "a spacing of NaN": (b"ElementSpacing = 0.5 0.5 5", b"ElementSpacing = nan 0.5 5"),
        "a negative spacing": (b"ElementSpacing = 0.5 0.5 5", b"ElementSpacing = -0.5 0.5 5"),
        "an origin of NaN": (b"Offset = 0 0 0", b"Offset = nan 0 0"),
        "directions of zeros": (b"TransformMatrix = 1 0 0 0 1 0 0 0 1", b"TransformMatrix = 0 0 0 0 0 0 0 0 0"),
        "compression that is none": (b"CompressedData = False", b"CompressedData = True"),
        "data in a file that is not there": (b"ElementDataFile = LOCAL", b"ElementDataFile = absent.raw"),
        "data in a system's file": (b"ElementDataFile = LOCAL", b"ElementDataFile = ../../../../../etc/passwd"),
        "data in a folder": (b"ElementDataFile = LOCAL", b"ElementDataFile = ."),
        "data in a list of nothing": (b"ElementDataFile = LOCAL", b"ElementDataFile = LIST"),
        "many channels": (b"NDims = 3", b"NDims = 3\nElementNumberOfChannels = 1000000"),
        "a channel too few": (b"NDims = 3", b"NDims = 3\nElementNumberOfChannels = 0"),
        "no spacing": (b"ElementSpacing = 0.5 0.5 5\n", b""),
        "a spacing of text": (b"ElementSpacing = 0.5 0.5 5", b"ElementSpacing = wide wide thick"),
        "an unknown unit": (b"NDims = 3", b"NDims = 3\nDistanceUnits = cubits"),
        "directions that lean": (b"= 1 0 0 0 1 0 0 0 1", b"= 1 0.1 0 0 1 0 0 0 1"),
        "a header of text before": (b"NDims = 3", b"NDims = 3\nHeaderSize = 100000000"),
    },
}


@pytest.mark.parametrize(("suffix", "what"), [(suffix, what) for suffix, ways in TEXT.items() for what in ways])
def test_text_headers(changed, refused, suffix, what):
    """Lines with values that no volume has."""
    old, new = TEXT[suffix][what]

    def change(content):
        assert old in content
        return content.replace(old, new, 1)

    refused("volume", changed(suffix, change))


@pytest.mark.parametrize("suffix", DETACHED)
def test_a_header_without_its_data(whole, tmp_path, refused, suffix):
    """The file that it names is not there."""
    (tmp_path / f"a.{suffix}").write_bytes((whole / f"a.{suffix}").read_bytes())
    refused("volume", tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", [*FORMATS, *DETACHED, "dcm", "png"])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"<html>404 not found</html>\n" * 40], ids=["nothing", "zeros", "HTML"]
)
def test_what_is_no_image_at_all(tmp_path, refused, suffix, content):
    """Nothing, zeros, and what a web server says instead of a file."""
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    refused("volume", path)


@pytest.mark.parametrize("real", FORMATS)
@pytest.mark.parametrize("suffix", [*FORMATS, *DETACHED])
def test_one_format_under_the_name_of_another(whole, tmp_path, guard, suffix, real):
    """A whole file that was renamed: refused by its name, with what it is, never read as something else."""
    path = tmp_path / f"renamed.{suffix}"
    path.write_bytes((whole / f"a.{real}").read_bytes())
    answer = guard.ask("volume", path)
    same = {"mha": "mhd", "nrrd": "nhdr"}.get(real) == suffix or real == suffix
    assert answer["outcome"] == "read" if same else answer["outcome"] == "refused", answer
    if not same:
        assert path.name in answer["said"]
        assert "damaged" not in answer["said"]


VALUES = {
    "a fraction": (0.5, np.float32),
    "nearly one": (0.99999, np.float64),
    "minus one": (-1, np.int16),
    "minus one as a float": (-1, np.float32),
    "more than float32 counts": (2.0**25, np.float32),
    "more than float64 counts": (2.0**60, np.float64),
    "the largest float": (np.finfo(np.float64).max, np.float64),
    "the smallest float": (5e-324, np.float64),
    "NaN": (np.nan, np.float32),
    "infinity": (np.inf, np.float64),
}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("what", VALUES)
def test_values_that_are_no_label_codes(tmp_path, refused, suffix, what):
    """One voxel is enough: the file is named."""
    value, dtype = VALUES[what]
    array = np.zeros(SHAPE, dtype)
    array[3, 20, 10] = value
    path = tmp_path / f"codes.{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path))
    assert path.name in refused("label_map", path)


@pytest.mark.parametrize("scale", [(0.5, 0.0), (1.5e-5, 0.5), (1.0, -1000.0), (NAN, 0.0), (1e30, 0.0), (-1.0, 0.0)])
def test_scales_that_make_no_label_codes(changed, survived, scale):
    """Slope and intercept of fractions, negative and huge values, and NaN, which some take for none."""
    outcome = survived("label_map", changed("nii", lambda content: packed(content, "<2f", 112, *scale)))
    assert outcome == "refused" or np.isnan(scale[0])


@pytest.mark.parametrize("reader", ["volume", "label_map"])
def test_ten_megabytes_that_stand_for_ten_gigabytes(tmp_path, refused, reader):
    """Zeros behind the header's own voxels are not inflated to their end."""
    header = packed(bytearray(352), "<i", 0, 348)
    fields = (("<8h", 40, 3, 5, 4, 3, 1, 1, 1, 1), ("<2h", 70, 2, 8), ("<8f", 76, *[1.0] * 8), ("<f", 108, 352.0))
    for field in (*fields, ("4s", 344, b"n+1\0")):
        header = packed(header, *field)
    path = tmp_path / "bomb.nii.gz"
    zeros = gzip.compress(bytes(2**26), mtime=0)
    with path.open("wb") as file:
        file.write(gzip.compress(bytes(header), mtime=0))
        for _ in range(160):
            file.write(zeros)
    assert "longer than its header says" in refused(reader, path)


def test_more_voxels_than_memory(tmp_path, refused):
    """Six gigabytes of zeros that are really there, in three gigabytes of memory."""
    header = bytes(352)
    fields = (("<i", 0, 348), ("<8h", 40, 3, 1200, 1200, 4400, 1, 1, 1, 1), ("<2h", 70, 2, 8), ("<f", 108, 352.0))
    for field in (*fields, ("<8f", 76, *[1.0] * 8), ("4s", 344, b"n+1\0")):
        header = packed(header, *field)
    path = tmp_path / "large.nii"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(352 + 1200 * 1200 * 4400)
    assert "memory" in refused("volume", path)
