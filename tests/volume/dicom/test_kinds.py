import pytest

from ctbench.volume import read_volume
from ctbench.volume.dicom.kinds import RTSTRUCT, SEG, kind_of, kind_of_start

CLASSES = [
    ("1.2.840.10008.5.1.4.1.1.66.4", SEG),
    ("1.2.840.10008.5.1.4.1.1.66.7", SEG),
    ("1.2.840.10008.5.1.4.1.1.481.3", RTSTRUCT),
    ("1.2.840.10008.5.1.4.1.1.2", None),
    ("1.2.840.10008.5.1.4.1.1.66.40", None),
]


@pytest.mark.parametrize(("sop_class", "kind"), CLASSES)
def test_the_kind_is_told_by_the_first_class_in_the_file(tmp_path, sop_class, kind):
    """The classes of images to which a segmentation refers come later."""
    start = b"\0" * 128 + b"DICM" + sop_class.encode() + b"\0" + b"1.2.840.10008.5.1.4.1.1.2\0"
    (tmp_path / "a.dcm").write_bytes(start)
    assert kind_of(tmp_path / "a.dcm") == kind_of_start(start) == kind


def test_other_files_and_folders_have_none(tmp_path):
    """A text, a folder, and nothing."""
    (tmp_path / "text").write_text("1.2.840")
    assert [kind_of(tmp_path / name) for name in ("text", "", "absent")] == [None] * 3


def test_a_segmentation_beside_a_ct_is_no_second_series(write_series):
    """Its file could be read as an image of several frames; the CT is the only series of the folder."""
    folder = write_series([0, 5, 10])
    write_series([0, 5], name="seg", uid="1.2.840.2", tags={"0008|0016": CLASSES[0][0]})
    for path in sorted((folder.parent / "seg").iterdir()):
        path.rename(folder / f"seg{path.name}")
    assert read_volume(folder).shape == (3, 4, 5)
