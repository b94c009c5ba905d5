import sys

import numpy as np
import pytest

from ctbench.annotations import MadeBy, read_annotation
from ctbench.annotations.dicom_seg_writing import write_seg
from ctbench.errors import GeometryError, UsageError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.volume import Volume

from .conftest import turned

pydicom = pytest.importorskip("pydicom", reason="the extra `annotations` is not installed")
RULE = MadeBy("majority of 3 readers", "0.1", automatic=False)


def written(tmp_path, label_map, labels, source, **options):
    """Write a SEG and read its data set."""
    write_seg(label_map, labels, tmp_path / "out.dcm", source=source, made_by=options.pop("made_by", RULE), **options)
    return pydicom.dcmread(tmp_path / "out.dcm")


def test_every_orientation_of_the_label_map_comes_back(tmp_path, series, drawn, labels, orientation):
    """A label map on an image stored in each of the 48 orientations is written slice by slice of the series."""
    write_seg(turned(drawn, orientation), labels, tmp_path / "a.dcm", source=series[0], made_by=RULE)
    read = read_annotation(tmp_path / "a.dcm", labels=labels, image=drawn.geometry)
    np.testing.assert_array_equal(read.array, drawn.array)


def test_it_belongs_to_the_patient_and_refers_to_the_slices(tmp_path, series, drawn, labels):
    """Patient, study and frame of reference are those of the CT; each stored frame names its slice."""
    seg = written(tmp_path, drawn, labels, series[0])
    assert (seg.PatientID, seg.StudyInstanceUID, seg.FrameOfReferenceUID) == ("P1", "1.2.3.1", "1.2.3.3")
    assert seg.SeriesInstanceUID != "1.2.3.2"
    references = seg.ReferencedSeriesSequence[0]
    assert references.SeriesInstanceUID == "1.2.3.2"
    assert len(references.ReferencedInstanceSequence) == drawn.shape[0]
    positions = {one.SOPInstanceUID: one.ImagePositionPatient[2] for one in series[1]}
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert frame.PlanePositionSequence[0].ImagePositionPatient[2] == positions[source]


def test_segments_have_names_codes_and_what_made_them(tmp_path, series, drawn, labels):
    """One by one from 1, in the order of the labels; a model is automatic, fused readers are not."""
    first, second = written(tmp_path, drawn, labels, series[0]).SegmentSequence
    assert [(one.SegmentNumber, one.SegmentLabel) for one in (first, second)] == [(1, "iph"), (2, "ivh")]
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "50960005"
    assert second.AnatomicRegionSequence[0].CodeMeaning == "Brain ventricle"
    assert first.SegmentAlgorithmType == "SEMIAUTOMATIC"
    model = MadeBy("a-model", "2", automatic=True)
    (one, _) = written(tmp_path, drawn, labels, series[0], made_by=model).SegmentSequence
    assert (one.SegmentAlgorithmType, one.SegmentAlgorithmName) == ("AUTOMATIC", "a-model")


def test_an_empty_label_map_is_a_seg_too(tmp_path, series, drawn, labels):
    """Nothing was found; all frames are stored."""
    write_seg(drawn.with_array(drawn.array * 0), labels, tmp_path / "a.dcm", source=series[0], made_by=RULE)
    assert not read_annotation(tmp_path / "a.dcm", labels=labels, image=drawn.geometry).array.any()


def test_a_structure_without_a_code_is_written_by_its_name(tmp_path, series, drawn):
    """With the private scheme, and read back by name."""
    labels = LabelSet({"dural_folds_sinuses": 3, "caudate": 7})
    write_seg(drawn, labels, tmp_path / "a.dcm", source=series[0], made_by=RULE)
    assert np.array_equal(read_annotation(tmp_path / "a.dcm", labels=labels, image=drawn.geometry).array, drawn.array)


def test_a_resampled_image_is_refused(tmp_path, series, drawn, labels):
    """Its voxels are not those of the slices; a smaller one does not hold them."""
    resampled = Volume(drawn.array, (5.0, 0.7, 0.5), drawn.origin_mm)
    with pytest.raises(GeometryError, match=r"a slice of .*ct lies on another grid than the label map"):
        written(tmp_path, resampled, labels, series[0])
    with pytest.raises(GeometryError, match="lies outside the label map"):
        written(tmp_path, Volume(drawn.array[:2], drawn.spacing_mm, drawn.origin_mm), labels, series[0])


def test_a_source_that_is_no_series_is_refused(tmp_path, drawn, labels, series):
    """A NIfTI image has no slices to refer to; nor can segments be without labels."""
    with pytest.raises(VolumeFileError, match=r"a.nii.gz is no folder; choose another format"):
        written(tmp_path, drawn, labels, tmp_path / "a.nii.gz")
    with pytest.raises(VolumeFileError, match="no labels to name segments by"):
        written(tmp_path, drawn, LabelSet({}), series[0])


def test_without_highdicom_the_message_says_what_to_install(tmp_path, series, drawn, labels, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(UsageError, match=r"^writing DICOM SEG needs highdicom, .*install '.\[annotations\]'$"):
        written(tmp_path, drawn, labels, series[0])
