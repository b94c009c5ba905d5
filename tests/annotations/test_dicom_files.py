import sys

import pytest

from ctbench.annotations.dicom_files import code_of, opened, segment_file
from ctbench.errors import MissingFileError, UsageError, VolumeFileError


def test_the_only_file_with_segments_of_a_folder_is_found(series, write_seg, drawn):
    """Beside the slices of a CT; two of them are one too many."""
    folder = series[0]
    assert segment_file(folder) is None
    path = write_seg({"a": drawn.array > 0}, name="ct/seg.dcm")
    assert segment_file(folder) == segment_file(path) == path
    write_seg({"a": drawn.array > 0}, name="ct/seg2.dcm")
    with pytest.raises(VolumeFileError, match=r"has 2 DICOM files with segments, expected one: seg.dcm, seg2.dcm"):
        segment_file(folder)


def test_a_damaged_file_is_one_sentence(tmp_path, write_rtstruct):
    """Neither DICOM, nor there."""
    (tmp_path / "a.dcm").write_bytes(b"\0" * 500)
    with (
        pytest.raises(VolumeFileError, match=r"a.dcm cannot be read as DICOM: InvalidDicomError"),
        opened(tmp_path / "a.dcm"),
    ):
        pass
    with pytest.raises(MissingFileError, match="there is no file"), opened(tmp_path / "b.dcm"):
        pass


def test_without_pydicom_the_message_says_what_to_install(write_rtstruct, monkeypatch):
    """The extra is named."""
    path = write_rtstruct({"a": []})
    monkeypatch.setitem(sys.modules, "pydicom", None)
    expected = r"^reading DICOM RTSTRUCT files needs pydicom, .*pip install '\.\[annotations\]'$"
    with pytest.raises(UsageError, match=expected), opened(path):
        pass


def test_a_code_is_scheme_value_and_meaning():
    """Of the first item; None without a sequence."""
    dataset = pytest.importorskip("pydicom").Dataset()
    assert code_of(dataset, "SegmentedPropertyTypeCodeSequence") is None
    item = type(dataset)()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = "SCT", "1", "one"
    dataset.SegmentedPropertyTypeCodeSequence = [item]
    assert code_of(dataset, "SegmentedPropertyTypeCodeSequence") == ("SCT", "1", "one")
