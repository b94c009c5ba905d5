import logging

import numpy as np
import pytest
import SimpleITK

from ctbench.errors import VolumeFileError
from ctbench.volume import from_itk, read_geometry, read_volume

EVEN = [10, 15, 20, 25]


def test_geometry_of_an_even_series(write_series):
    """Spacing, origin and axes come from the headers, z, y, x; the lowest slice is first."""
    volume = read_volume(write_series(EVEN))
    assert volume.shape == (4, 4, 5)
    assert volume.spacing_mm == (5, 0.6, 0.5)
    assert volume.origin_mm == (10, 3, -7)
    np.testing.assert_array_equal(volume.direction, np.eye(3))
    np.testing.assert_array_equal(volume.array[2].ravel(), 200 + np.arange(20))


@pytest.mark.parametrize("rescale", [(1, -1024), (2, -1000), (1, 0)])
def test_voxels_are_hounsfield_units(write_series, rescale):
    """HU are slope x stored + intercept, with what is stored taken from the bytes of the files."""
    folder = write_series(EVEN, rescale=rescale)
    stored = np.stack([np.frombuffer(path.read_bytes()[-40:], np.int16) for path in sorted(folder.iterdir())[::-1]])
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.array.reshape(4, 20), stored * rescale[0] + rescale[1])
    assert stored[3, 19] == 319


def test_slices_may_each_have_their_own_rescale(write_series):
    """A slice that needs a wider type than the first is not cut off."""
    folder = write_series(EVEN, slices={3: {"0028|1052": "0", "0028|1053": "100"}})
    array = read_volume(folder).array
    assert array[0, 0, 0] == 0
    stored = np.frombuffer(min(folder.iterdir()).read_bytes()[-40:], np.int16)
    np.testing.assert_array_equal(array[3].ravel(), stored.astype(float) * 100)


def test_the_same_as_simpleitk_s_own_series_reader(write_series):
    """On an even, straight, oblique series the library's reader gives the same voxels on the same grid."""
    turned = {"0020|0037": "0.8\\0.6\\0\\-0.6\\0.8\\0"}
    folder = write_series(EVEN, rescale=(1, -1024), tags=turned)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    expected, volume = from_itk(reader.Execute()), read_volume(folder)
    np.testing.assert_array_equal(volume.array, expected.array)
    assert volume.geometry.differences(expected.geometry, 1e-9) == ()


def test_several_series_are_refused_unless_one_is_named(write_series):
    """``series`` chooses, by UID or by a part of the description."""
    write_series(EVEN, "a", "1.2.840.1")
    folder = write_series(EVEN[:3], "b", "1.2.840.2", tags={"0008|103e": "thin"}).parent
    with pytest.raises(VolumeFileError, match="2 DICOM series"):
        read_volume(folder)
    assert read_volume(folder, series="1.2.840.1").shape[0] == 4
    assert read_volume(folder, series="thin").shape[0] == 3


def test_nothing_is_logged_about_an_even_series(write_series, caplog, capfd):
    """What is read as it lies needs no word, neither in the log nor on stderr."""
    with caplog.at_level(logging.INFO):
        read_volume(write_series(EVEN))
    assert caplog.text == ""
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("degrees", [-20.0, 12.0])
def test_a_tilted_series_is_made_straight(write_series, caplog, degrees):
    """After dcm2niix the axes are orthonormal, the slices are all there, and the log says what was found."""
    folder = write_series(range(0, 60, 5), shear=np.tan(np.radians(degrees)), tags={"0018|1120": f"{degrees}"})
    with caplog.at_level(logging.INFO, "ctbench.volume"):
        volume = read_volume(folder)
    assert volume.shape[0] == 12
    assert volume.shape[2] == 5
    assert volume.spacing_mm == pytest.approx((5, 0.6, 0.5), abs=1e-3)
    assert f"slices sheared by {abs(degrees):.1f} degrees, 11 x 5.00 mm; converted by dcm2niix to" in caplog.text
    assert str(volume.geometry) in caplog.text


def test_an_uneven_series_is_made_even(write_series, caplog):
    """Gaps of 5 and 8 mm become equal ones over the same height, in HU."""
    with caplog.at_level(logging.INFO, "ctbench.volume"):
        volume = read_volume(write_series([0, 5, 10, 15, 23, 31, 39], rescale=(1, -1000)))
    assert (volume.shape[0] - 1) * volume.spacing_mm[0] == pytest.approx(39, abs=1e-3)
    assert (volume.array.min(), volume.array.max()) == (-1000, -1000 + 600 + 19)
    assert "3 x 5.00, 3 x 8.00 mm" in caplog.text


def test_a_tag_of_tilt_on_a_straight_stack_changes_nothing(write_series):
    """Scanners may name a tilt that they have already corrected: dcm2niix decides, and the grid stays."""
    straight = read_volume(write_series(EVEN, "straight"))
    tagged = read_volume(write_series(EVEN, "tagged", tags={"0018|1120": "12"}))
    assert tagged.shape == straight.shape
    assert sorted(tagged.array.ravel()) == sorted(straight.array.ravel())


def test_a_real_tilted_uneven_head_ct(real_data, caplog):
    """GE's series of 4 and then 7 mm slices at 18.5 degrees becomes 512 x 611 x 56 (x, y, z) at equal distances."""
    with caplog.at_level(logging.INFO, "ctbench.volume"):
        volume = read_volume(real_data / "head_ct_ge_tilt_dicom")
    assert volume.shape == (56, 611, 512)
    assert volume.spacing_mm == pytest.approx((2.62, 0.488, 0.488), abs=1e-3)
    assert "gantry tilt 18.5 degrees" in caplog.text
    assert "13 x 4.00, 1 x 1.08, 13 x 7.00 mm" in caplog.text
    assert volume.array.dtype == np.int16
    # Air is -1000 HU, and the scanner's own padding lies below; brain is most of what lies between 20 and 45 HU.
    inside = volume.array[20:35, 250:350, 200:300]
    assert 15 < np.median(inside) < 50


def test_a_localizer_inside_the_series_is_left_out_by_name(write_series, caplog):
    """The volume is that of the slices, and the log names what is not in it, once."""
    frontal = {"0020|0037": "1\\0\\0\\0\\0\\-1", "0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"}
    folder = write_series([*EVEN, 60], slices={4: frontal})
    assert [read_volume(folder).shape for _ in range(2)] == [(4, 4, 5)] * 2
    (said,) = caplog.messages
    assert "(4 files)" in said
    assert said.endswith("left out what cannot be a slice: 001.dcm is a localizer")


def test_a_series_without_signatures_has_the_same_voxels(write_series):
    """Bare data sets are read as the whole files are."""
    expected = read_volume(write_series(EVEN, "whole", rescale=(1, -1024)))
    folder = write_series(EVEN, "bare", rescale=(1, -1024))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    found = read_volume(folder)
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.geometry == expected.geometry


@pytest.mark.parametrize("read", [read_volume, read_geometry])
def test_rounded_positions_are_read_slice_by_slice(write_series, caplog, read):
    """What dcm2niix calls even is even: every slice is there as it is stored, nothing is resampled."""
    folder = write_series([round(0.5829 * k, 1) for k in range(20)])
    found = read(folder)
    assert found.shape == (20, 4, 5)
    assert found.spacing_mm[0] == pytest.approx(0.5829, abs=4e-3)
    assert caplog.text == ""
    if read is read_volume:
        np.testing.assert_array_equal(found.array[:, 0, 0], 100 * np.arange(20))


def test_slices_a_metre_apart_are_not_resampled_to_gigabytes(write_series, monkeypatch):
    """The smallest distance decides how many slices dcm2niix would make of a few small files."""
    folder = write_series([0, 0.02, 5000.01])
    monkeypatch.setattr("ctbench.unpacking._MOST_BYTES", 1 << 20)
    with pytest.raises(VolumeFileError, match=r"DICOM series in .* would unpack from 0\.00\d+ MiB to 0\.0093\d? GiB"):
        read_volume(folder)


def test_dicom_that_is_compressed_as_a_whole_is_refused(write_series):
    """Nothing in its header bounds what it inflates to."""
    folder = write_series([0, 5])
    path = next(folder.iterdir())
    path.write_bytes(bytes(128) + b"DICM" + b"1.2.840.10008.1.2.1.99" + path.read_bytes())
    with pytest.raises(VolumeFileError, match="is DICOM with the transfer syntax Deflated"):
        read_volume(folder)
