import numpy as np
import pytest
import SimpleITK

from ctbench.errors import VolumeFileError
from ctbench.volume import Volume, check_file, read_geometry, read_volume, to_itk
from ctbench.volume.textheaders import is_meta_name, read_meta_header, read_nrrd_header

DIRECTIONS = "space dimension: 3\nspace directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (7,8,9)\n"


@pytest.fixture
def nrrd(tmp_path):
    """A function that writes a NRRD file with further lines in its header, attached or not."""

    def write(lines, suffix="nrrd"):
        text = f"NRRD0005\ntype: uint8\ndimension: 3\nsizes: 6 5 4\nencoding: raw\n{lines}"
        (tmp_path / "a.raw").write_bytes(bytes(120))
        data = b"\n" + bytes(120) if suffix == "nrrd" else b"data file: a.raw\n"
        (tmp_path / f"a.{suffix}").write_bytes(text.encode() + data)
        return tmp_path / f"a.{suffix}"

    return write


@pytest.fixture
def meta(tmp_path):
    """A function that writes a MetaImage with further lines in its header, attached or not."""

    def write(lines, suffix="mha"):
        text = f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\n{lines}DimSize = 6 5 4\n"
        text += f"ElementType = MET_UCHAR\nElementDataFile = {'LOCAL' if suffix == 'mha' else 'a.raw'}\n"
        (tmp_path / "a.raw").write_bytes(bytes(120))
        (tmp_path / f"a.{suffix}").write_bytes(text.encode() + (bytes(120) if suffix == "mha" else b""))
        return tmp_path / f"a.{suffix}"

    return write


def grid(path):
    """Spacing and origin, by the header alone and with the voxels alike."""
    found = read_geometry(path)
    assert found == read_volume(path).geometry
    check_file(path)
    return found.spacing_mm, found.origin_mm


def test_headers_end_where_their_voxels_begin(nrrd, meta):
    """What is behind the header is as long as the voxels."""
    for path, read in ((nrrd(DIRECTIONS), read_nrrd_header), (meta("ElementSpacing = 2 3 4\n"), read_meta_header)):
        assert path.stat().st_size - read(path).end == 120
    assert is_meta_name(meta("", "mhd"))
    assert not is_meta_name(nrrd(""))


@pytest.mark.parametrize("suffix", ["nrrd", "nhdr"])
def test_nrrd_spacings_without_directions_are_read(nrrd, suffix):
    """Files that state distances, but no place, have those distances."""
    assert grid(nrrd("spacings: 2 3 4\n", suffix)) == ((4, 3, 2), (0, 0, 0))


@pytest.mark.parametrize("suffix", ["nrrd", "nhdr"])
@pytest.mark.parametrize("lines", ["", "thicknesses: 2 2 2\n", "axis mins: 0 0 0\naxis maxs: 9 9 9\n"])
def test_a_nrrd_without_a_spacing_is_refused(nrrd, suffix, lines):
    """ITK would take 1 mm."""
    for read in (read_volume, read_geometry, check_file):
        with pytest.raises(VolumeFileError, match=r"a\.n.* states no spacing in its header; add the line 'spacings: "):
            read(nrrd(lines, suffix))


@pytest.mark.parametrize("suffix", ["mha", "mhd"])
def test_a_metaimage_without_a_spacing_is_refused(meta, suffix):
    """ITK would take 1 mm; the size of an element stands for its spacing."""
    for read in (read_volume, read_geometry, check_file):
        with pytest.raises(VolumeFileError, match=r"states no spacing in its header; add the line 'ElementSpacing = "):
            read(meta("Offset = 0 0 0\n", suffix))
    assert grid(meta("ElementSize = 2 3 4\n", suffix)) == ((4, 3, 2), (0, 0, 0))


@pytest.mark.parametrize(("value", "said"), [("nan", "NaN or infinity in spacings"), ("-4", "positive"), ("0", "pos")])
def test_nrrd_spacings_that_are_none(nrrd, value, said):
    """NRRD's word for unknown is NaN, which ITK reads as 1 mm; a negative one it reads as a flip."""
    for read in (read_volume, read_geometry, check_file):
        with pytest.raises(VolumeFileError, match=said):
            read(nrrd(f"spacings: 2 3 {value}\n"))


@pytest.mark.parametrize(
    ("unit", "millimetres"),
    [
        ("mm", 1),
        ("", 1),
        ("millimeters", 1),
        ("um", 0.001),
        ("microns", 0.001),
        ("Micrometers", 0.001),
        ("\N{MICRO SIGN}m", 0.001),
        ("\N{GREEK SMALL LETTER MU}m", 0.001),
        ("m", 1000),
        ("meter", 1000),
    ],
)
def test_units_of_nrrd_are_converted(nrrd, unit, millimetres):
    """Spacing and origin are in mm, with directions (space units) and with spacings (units)."""
    units = " ".join([f'"{unit}"'] * 3)
    spacing, origin = grid(nrrd(f"{DIRECTIONS}space units: {units}\n"))
    np.testing.assert_allclose(spacing, np.array([4, 3, 2]) * millimetres)
    np.testing.assert_allclose(origin, np.array([9, 8, 7]) * millimetres)
    spacing, _ = grid(nrrd(f"spacings: 2 3 4\nunits: {units}\n"))
    np.testing.assert_allclose(spacing, np.array([4, 3, 2]) * millimetres)


@pytest.mark.parametrize(("unit", "millimetres"), [("mm", 1), ("um", 0.001), ("m", 1000), ("?", 1)])
def test_units_of_metaimage_are_converted(meta, unit, millimetres):
    """DistanceUnits, which ITK does not read."""
    spacing, origin = grid(meta(f"ElementSpacing = 2 3 4\nOffset = 7 8 9\nDistanceUnits = {unit}\n"))
    np.testing.assert_allclose(spacing, np.array([4, 3, 2]) * millimetres)
    np.testing.assert_allclose(origin, np.array([9, 8, 7]) * millimetres)


@pytest.mark.parametrize("units", ['"furlong" "furlong" "furlong"', '"mm" "mm" "um"', '"cm" "cm" "cm"'])
def test_other_units_are_refused(nrrd, meta, units):
    """Unknown ones, and axes of different ones; the message names field and unit."""
    for read in (read_volume, read_geometry, check_file):
        with pytest.raises(VolumeFileError, match=r"has space units '.*' in its header; expected one unit of mm, um"):
            read(nrrd(f"{DIRECTIONS}space units: {units}\n"))
        with pytest.raises(VolumeFileError, match=r"has DistanceUnits 'cm' in its header"):
            read(meta("ElementSpacing = 2 3 4\nDistanceUnits = cm\n"))


def test_what_simpleitk_writes_states_all(tmp_path):
    """Both formats, attached and detached, are as they were."""
    volume = Volume(np.zeros((4, 5, 6), np.uint8), (4, 3, 2), (9, 8, 7))
    for suffix in ("nrrd", "nhdr", "mha", "mhd"):
        SimpleITK.WriteImage(to_itk(volume), str(tmp_path / f"b.{suffix}"))
        assert grid(tmp_path / f"b.{suffix}") == ((4, 3, 2), (9, 8, 7))
