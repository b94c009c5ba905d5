import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.series import choose_series, find_series, read_tags

EVEN = [0, 5, 10, 15]
LOCALIZER = {"0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"}


@pytest.fixture
def study(write_series):
    """A folder of a localizer, a thick and a thin series, and a report's single image."""
    write_series(EVEN, "thick", "1.2.840.1", tags={"0008|103e": "Head 5 mm"})
    write_series(EVEN, "thin", "1.2.840.10", tags={"0008|103e": "Head 1 mm bone"})
    write_series(EVEN[:2], "scout", "1.2.840.2", tags={"0008|103e": "Scout", **LOCALIZER})
    return write_series(EVEN[:1], "dose", "1.2.840.3", tags={"0008|103e": "Dose report"}).parent


def test_headers_are_grouped_by_series(study):
    """Files in folders below count too, and series come in the order of their UIDs."""
    found = find_series(study)
    assert [(one.uid, one.description, len(one.slices)) for one in found] == [
        ("1.2.840.1", "Head 5 mm", 4),
        ("1.2.840.10", "Head 1 mm bone", 4),
        ("1.2.840.2", "Scout", 2),
        ("1.2.840.3", "Dose report", 1),
    ]
    assert [one.is_volume for one in found] == [True, True, False, False]


def test_the_header_of_a_slice(write_series):
    """Positions, spacings and the rest are read as DICOM gives them, in its order x, y, z."""
    (series,) = find_series(write_series([7.5], tags={"0018|1120": "+18.5"}))
    (one,) = series.slices
    assert one.position == (-7, 3, 7.5)
    assert one.orientation == (1, 0, 0, 0, 1, 0)
    assert one.spacing_mm == (0.5, 0.6)
    assert one.size == (5, 4, 1)
    assert one.tilt_degrees == 18.5
    assert one.patient == "patient-1"


@pytest.mark.parametrize(
    ("wanted", "uid"),
    [("1.2.840.1", "1.2.840.1"), ("1.2.840.10", "1.2.840.10"), ("5 MM", "1.2.840.1"), ("scout", "1.2.840.2")],
)
def test_a_series_is_named_by_uid_or_description(study, wanted, uid):
    """A UID must be whole (one may begin another); a description may be a part, in any case; a name always wins."""
    assert choose_series(find_series(study), wanted, study).uid == uid


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(None, "holds 2 DICOM series that can be a volume"), ("head", "'head' fits 2"), ("spine", "'spine' fits 0")],
)
def test_without_one_answer_all_series_are_listed(study, wanted, said):
    """UID, description and number of files of each let a person choose."""
    with pytest.raises(VolumeFileError) as caught:
        choose_series(find_series(study), wanted, study)
    assert said in str(caught.value)
    assert "1.2.840.1 'Head 5 mm' (4 files); 1.2.840.10 'Head 1 mm bone' (4 files); 1.2.840.2 " in str(caught.value)


def test_localizers_and_single_images_do_not_stand_in_the_way(write_series):
    """The one series that can be a volume needs no name."""
    write_series(EVEN[:2], "scout", "1.2.840.2", tags=LOCALIZER)
    folder = write_series(EVEN, "head").parent
    assert choose_series(find_series(folder), None, folder).uid == "1.2.840.1"


def test_a_folder_without_dicom_is_refused(tmp_path):
    """Other files are passed over, and a folder of nothing else says what to give instead."""
    (tmp_path / "notes.txt").write_text("no image " * 100)
    with pytest.raises(VolumeFileError, match="no DICOM image in"):
        find_series(tmp_path)


def test_a_cut_image_is_refused_not_passed_over(write_series):
    """A CT image that lost its last byte would otherwise be a slice less, at the end without a sign."""
    folder = write_series(EVEN)
    path = folder / "001.dcm"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(VolumeFileError, match=r"001\.dcm is truncated or damaged"):
        find_series(folder)


def test_an_empty_file_is_refused(write_series):
    """A slice of zero bytes is a slice lost."""
    folder = write_series(EVEN)
    (folder / "001.dcm").write_bytes(b"")
    with pytest.raises(VolumeFileError, match=r"001\.dcm is empty"):
        find_series(folder)


def test_dicom_objects_without_an_image_are_passed_over(write_series):
    """A DICOMDIR or a report beside the images is no fault."""
    folder = write_series(EVEN)
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + b"1.2.840.10008.1.3.10" + bytes(100))
    assert len(find_series(folder)[0].slices) == 4


def without_preamble(path):
    """Take off the 132 bytes with DICOM's signature."""
    path.write_bytes(path.read_bytes()[132:])


@pytest.mark.parametrize("which", [["001.dcm"], ["004.dcm"], ["001.dcm", "002.dcm", "003.dcm", "004.dcm"]])
def test_slices_without_dicom_s_signature_are_slices(write_series, which):
    """Old exports and planning systems omit it; at the end of a stack nothing else shows that a slice is missing."""
    folder = write_series(EVEN)
    for name in which:
        without_preamble(folder / name)
    (series,) = find_series(folder)
    assert len(series.slices) == 4


@pytest.mark.parametrize("name", ["001.dcm", "001.ima", "IM001", "1.2.840.1.9"])
def test_a_file_that_cannot_be_read_is_refused_by_name(write_series, name):
    """Text under the name of a slice may be a slice that is lost."""
    folder = write_series(EVEN)
    (folder / "001.dcm").unlink()
    (folder / name).write_text("no image " * 100)
    with pytest.raises(VolumeFileError, match=f"{name} cannot be read as a DICOM image; copy or export it again"):
        find_series(folder)


def test_a_file_that_is_no_slice_by_name_is_passed_over(write_series):
    """Unknown suffixes are tried, and skipped if they are no image."""
    folder = write_series(EVEN)
    (folder / "viewer.dat").write_text("no image " * 100)
    (folder / "001.dcm").rename(folder / "001.odd")
    assert len(find_series(folder)[0].slices) == 4


def test_a_linked_folder_is_a_folder(write_series, tmp_path):
    """A tree of links, as data managers make it, is read as the files are."""
    folder = write_series(EVEN)
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "series").symlink_to(folder)
    assert len(find_series(tmp_path / "case")[0].slices) == 4


@pytest.mark.parametrize("modality", ["SEG", "RTDOSE"])
def test_a_segmentation_beside_an_image_is_no_second_image(write_series, modality):
    """A CT and what was drawn on it in one folder: the CT is the image."""
    write_series(EVEN, "seg", "1.2.840.2", tags={"0008|0060": modality})
    folder = write_series(EVEN, "head").parent
    assert choose_series(find_series(folder), None, folder).uid == "1.2.840.1"


def test_a_header_without_a_pixel_spacing_has_none(write_series):
    """ITK's 1 mm is not a spacing."""
    folder = write_series(EVEN)
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.count(b"\x28\x00\x30\x00") == 1
        path.write_bytes(content.replace(b"\x28\x00\x30\x00", b"\x28\x00\x32\x00"))
    assert {one.spacing_mm for one in find_series(folder)[0].slices} == {()}


def test_tags_that_a_slice_states_are_read(write_series, tmp_path):
    """Without blanks at the ends; a tag that is not there is left out, and a file that is no slice is told."""
    folder = write_series(EVEN, tags={"0008|0070": "ACME ", "0008|0060": "CT"})
    assert read_tags(folder / "001.dcm", ["0008|0070", "0008|0060", "0018|0060"]) == {
        "0008|0070": "ACME",
        "0008|0060": "CT",
    }
    (tmp_path / "text.dcm").write_text("no slice")
    with pytest.raises(VolumeFileError, match=r"text\.dcm cannot be read"):
        read_tags(tmp_path / "text.dcm", ["0008|0070"])
