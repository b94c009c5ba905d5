import struct
from pathlib import Path

import pytest

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.candidates import candidates, is_certain, is_other_object


@pytest.fixture
def files(tmp_path):
    """A function that makes small files in a folder, which it returns."""

    def make(*names):
        for name in names:
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return tmp_path / "folder"

    return make


def names(folder):
    """The candidates, relative to their folder."""
    return [path.relative_to(folder).as_posix() for path in candidates(folder)]


def test_files_that_could_be_dicom_are_found_in_all_subfolders(files):
    """By suffix, or without one; other known suffixes and hidden files are passed over."""
    slices = ["a/IM0001", "a/b/2.ima", "b.dcm", "c.DCM", "1.2.840.113619.2.55", "odd.vol"]
    others = ["notes.txt", "README", "DICOMDIR", "Version", ".DS_Store", "._b.dcm", "a/seg.nii.gz", "view.exe"]
    assert sorted(names(files(*slices, *others))) == sorted(slices)


@pytest.mark.parametrize(
    ("name", "certain"),
    [("a.dcm", True), ("a.IMA", True), ("IM1", True), ("1.2.840.5", True), ("IM.0001", True), ("a.vol", False)],
)
def test_names_of_slices(name, certain):
    """Suffixes of DICOM, none, and UIDs, whose last number looks like a suffix."""
    assert is_certain(Path(name)) == certain


def test_links_to_files_and_folders_are_followed_once(files, tmp_path):
    """A linked subfolder counts, a circle ends."""
    folder = files("own.dcm")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "1.dcm").write_bytes(b"x")
    (folder / "linked").symlink_to(tmp_path / "store")
    (folder / "file.dcm").symlink_to(tmp_path / "store" / "1.dcm")
    (tmp_path / "store" / "back").symlink_to(folder)
    assert names(folder) == ["file.dcm", "linked/1.dcm", "own.dcm"]


@pytest.mark.parametrize("name", ["9.dcm", "IM9", "series2"])
def test_a_broken_link_is_refused_by_name(files, name):
    """A slice or a folder that was not fetched is a stack that is too short."""
    folder = files("1.dcm")
    (folder / name).symlink_to("../not-fetched/9")
    with pytest.raises(VolumeFileError, match=rf"{name} is a broken link to \.\./not-fetched/9; fetch"):
        names(folder)


def test_an_empty_file_is_refused_only_where_it_may_be_a_slice(files):
    """An empty marker of another suffix is none."""
    folder = files("1.dcm")
    (folder / "done.flag").touch()
    assert names(folder) == ["1.dcm", "done.flag"]
    (folder / "IM2").touch()
    with pytest.raises(VolumeFileError, match="IM2 is empty"):
        names(folder)


@pytest.mark.parametrize(
    ("uid", "other"),
    [
        ("1.2.840.10008.1.3.10", True),
        ("1.2.840.10008.5.1.4.1.1.88.67", True),
        ("1.2.840.10008.5.1.4.1.1.11.1", True),
        ("1.2.840.10008.5.1.4.1.1.481.3", True),
        ("1.2.840.10008.5.1.4.1.1.481.1", False),
        ("1.2.840.10008.5.1.4.1.1.2", False),
        ("1.2.840.10008.5.1.4.1.1.4", False),
        ("1.2.840.10008.5.1.4.1.1.7", False),
        ("1.2.840.10008.5.1.4.1.1.128", False),
    ],
)
def test_objects_without_an_image_are_known_by_their_class(uid, other):
    """Reports, presentation states, contours and DICOMDIR, by the class in the file's meta header alone."""
    meta = b"\x02\x00\x02\x00UI" + struct.pack("<H", len(uid)) + uid.encode()
    assert is_other_object(bytes(128) + b"DICM" + meta + b"\x02\x00\x03\x00") == other
    assert not is_other_object(bytes(128) + b"DICM" + uid.encode())
