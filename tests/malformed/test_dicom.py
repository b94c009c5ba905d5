"""Folders of DICOM slices."""

import struct

import numpy as np
import pytest
import SimpleITK

TAGS = {
    "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
    "0008|0060": "CT",
    "0010|0020": "patient-1",
    "0020|000d": "1.2.3",
    "0020|000e": "1.2.3.4",
    "0020|0037": "1\\0\\0\\0\\1\\0",
}


@pytest.fixture
def series(tmp_path):
    """A function that writes ten slices 5 mm apart; ``changes`` are the tags of single ones, ``z`` their places."""

    def series(changes=None, z=range(0, 50, 5), size=8, compressor=None):
        folder = tmp_path / "series"
        folder.mkdir(exist_ok=True)
        for index, place in enumerate(z):
            own = {**TAGS, "0008|0018": f"1.2.3.5.{index}", "0020|0032": f"0\\0\\{place}", "0020|0013": str(index)}
            own |= (changes or {}).get(index, {}) | (changes or {}).get("all", {})
            image = SimpleITK.GetImageFromArray(np.full((1, size, size), index, np.int16))
            for tag, text in own.items():
                image.SetMetaData(tag, text)
            writer = SimpleITK.ImageFileWriter()
            writer.KeepOriginalImageUIDOn()
            if compressor:
                writer.UseCompressionOn()
                writer.SetCompressor(compressor)
            writer.SetFileName(str(folder / f"{index:02d}.dcm"))
            writer.Execute(image)
        return folder

    return series


def test_the_whole_series_is_read(guard, series):
    """What the others are made of is fine."""
    assert guard.ask("volume", series())["said"] == "(10, 8, 8)"


SERIES = {
    "a missing slice": {"z": [0, 5, 10, 20, 25, 30, 35]},
    "two missing slices": {"z": [0, 5, 10, 25, 30, 35]},
    "a doubled slice": {"z": [0, 5, 5, 10, 15]},
    "all slices at one place": {"z": [0] * 6},
    "a single slice": {"z": [0]},
    "mixed patients": {"changes": {4: {"0010|0020": "patient-2"}}},
    "mixed orientations": {"changes": {4: {"0020|0037": "1\\0\\0\\0\\0\\1"}}},
    "two series": {"changes": {index: {"0020|000e": "1.2.3.9"} for index in range(5)}},
    "a place that is no number": {"changes": {4: {"0020|0032": "here"}}},
    "a place of NaN": {"changes": {4: {"0020|0032": "0\\0\\nan"}}},
    "a place at infinity": {"changes": {4: {"0020|0032": "0\\0\\inf"}}},
    "a place of one number": {"changes": {4: {"0020|0032": "5"}}},
    "only a localizer": {"changes": {"all": {"0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"}}},
    "a tilt of nonsense": {"changes": {"all": {"0018|1120": "1e300"}}},
}


@pytest.mark.parametrize("what", SERIES)
def test_slices_that_make_no_volume(series, refused, what):
    """Missing, doubled or mixed slices, and headers that do not say where they lie."""
    refused("volume", series(**SERIES[what]))


@pytest.mark.parametrize("directions", ["0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "7\\0\\0\\0\\7\\0", "x\\0\\0\\0\\1\\0"])
def test_directions_that_no_slice_has(series, refused, directions):
    """Zeros, one direction twice, directions that are too long, and text; no writer would write them."""
    folder = series()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(TAGS["0020|0037"].encode()) == 1
        path.write_bytes(content.replace(TAGS["0020|0037"].encode(), directions.encode()))
    refused("volume", folder)


def test_slices_of_two_sizes(series, refused):
    """Five of 8 x 8 pixels over which five of 9 x 9 were copied."""
    series(size=8)
    refused("volume", series(size=9, z=range(0, 25, 5)))


@pytest.mark.parametrize("left", [100, 140, 300, 500, 700])
def test_a_truncated_slice(series, refused, left):
    """Cut in the preamble, in the header or in the pixels: the slice is named, or missed."""
    folder = series()
    path = folder / "04.dcm"
    path.write_bytes(path.read_bytes()[:left])
    refused("volume", folder)


@pytest.mark.parametrize("content", [b"", b"DICM", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xff" * 400])
def test_files_that_are_no_slices(tmp_path, refused, content):
    """A folder with nothing else in it."""
    (tmp_path / "a.dcm").write_bytes(content)
    refused("volume", tmp_path)


def test_an_empty_folder(tmp_path, refused):
    """There is nothing to read."""
    refused("volume", tmp_path)


@pytest.mark.parametrize("seed", range(10))
def test_a_bit_flipped_in_a_header(series, survived, seed):
    """Most change nothing that matters, none does harm."""
    folder = series(z=range(0, 20, 5))
    path = folder / "02.dcm"
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    content[int(rng.integers(132, len(content) - 128))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    survived("volume", folder)


LAST = "09.dcm"


@pytest.mark.parametrize("content", [b"x" * 500, b"<html>404</html>" * 50, b"\0" * 5000, b"\x08\0\x05\0CS\xff\xff" * 9])
def test_a_last_slice_of_something_else(series, refused, content):
    """At the end of a stack no gap shows that a slice is lost: the file is named."""
    folder = series()
    (folder / LAST).write_bytes(content)
    assert LAST in refused("volume", folder)


@pytest.mark.parametrize("left", [0, 100, 140, 300, 500, 700])
@pytest.mark.parametrize("preamble", [True, False])
def test_a_last_slice_that_was_truncated(series, refused, left, preamble):
    """With DICOM's signature and without it."""
    folder = series()
    content = (folder / LAST).read_bytes()
    (folder / LAST).write_bytes(content[0 if preamble else 132 :][:left])
    refused("volume", folder)


def test_a_series_without_signatures(series, guard):
    """Bare data sets are whole."""
    folder = series()
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    assert guard.ask("volume", folder)["said"] == "(10, 8, 8)"


@pytest.mark.parametrize("target", ["nowhere.dcm", "10.dcm", ".", "../series"])
def test_links_that_lead_nowhere_or_in_a_circle(series, guard, target):
    """A broken link is refused by its name, a circle of folders ends."""
    folder = series()
    (folder / "10.dcm").symlink_to(target)
    answer = guard.ask("volume", folder)
    if target.endswith("dcm"):
        assert answer["outcome"] == "refused", answer
        assert "10.dcm is a broken link" in answer["said"]
    else:
        assert answer["said"] == "(10, 8, 8)"


def test_a_pixel_spacing_that_is_missing(series, refused):
    """ITK would take 1 mm."""
    folder = series()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(b"\x28\0\x30\0") == 1
        path.write_bytes(content.replace(b"\x28\0\x30\0", b"\x28\0\x32\0"))
    assert "states no pixel spacing" in refused("volume", folder)


FRAMES = {
    "JPEG2000": (b"\xff\x4f\xff\x51", 8, ">8I", lambda n: (n, n, 0, 0, n, n, 0, 0)),
    "JPEG": (b"\xff\xc3", 5, ">2H", lambda n: (n, n)),
}


@pytest.mark.parametrize("compressor", FRAMES)
def test_compressed_frames_larger_than_the_header_says(series, guard, refused, compressor):
    """A small file whose frames would unpack to gigabytes is refused before any of them is decoded."""
    folder = series(compressor=compressor)
    assert guard.ask("volume", folder)["said"] == "(10, 8, 8)"
    marker, place, form, sizes = FRAMES[compressor]
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        struct.pack_into(form, content, content.index(marker) + place, *sizes(60000))
        path.write_bytes(content)
    assert {"JPEG2000": "compressed frame of 60000 x 60000", "JPEG": "would unpack"}[compressor] in refused(
        "volume", folder
    )
