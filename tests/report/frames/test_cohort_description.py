"""Description of a cohort, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.report.frames.cohort_description import cohort_description, voxel_shares
from ctbench.volume import Volume


def test_numbers_have_a_mean_and_texts_are_counted(dataset):
    """Ages as mean and range, makers with their number of cases; n is how many state the fact."""
    table = [{"age": "60", "sex": "F", "manufacturer": "A"}, {"age": "80", "sex": "F"}, {"sex": "M"}]
    cases = [replace(case, subgroups=row) for case, row in zip(dataset, table, strict=False)]
    facts = cohort_description(cases).set_index("fact")
    assert facts.loc["age, years", ["value", "n"]].tolist() == ["mean 70.0, range 60 to 80", 2]
    assert facts.loc["sex", "value"] == "F (2), M (1)"
    assert facts.loc["manufacturer", ["value", "n"]].tolist() == ["A (1)", 1]
    assert facts.loc["distance of slices, mm", "value"] == "5 (3)"
    assert "age" not in facts.index


def test_dicom_headers_are_read(dataset, write_ct, tmp_path):
    """The slice thickness and the sex of a DICOM series."""
    pytest.importorskip("pydicom", reason="the extra `annotations` is not installed")
    slices = write_ct(Volume(np.zeros((3, 8, 8), np.int16), (5.0, 1.0, 1.0)), tmp_path / "ct")
    for path in (tmp_path / "ct").iterdir():
        import pydicom

        one = pydicom.dcmread(path)
        one.PatientAge, one.PatientSex, one.KVP = "073Y", "F", "120"
        one.save_as(path)
    case = replace(next(iter(dataset)), image_path=tmp_path / "ct", subgroups={})
    facts = cohort_description([case]).set_index("fact")["value"]
    assert len(slices) == 3
    assert facts["age, years"] == "73 (1)"
    assert facts["sex"] == "F (1)"
    assert facts["tube voltage, kVp"] == "120 (1)"


def test_shares_are_reference_volumes_over_images(results, dataset):
    """The mean reference volume of a label over the volume of all voxels; the rest has no label."""
    shares = voxel_shares(results, tuple(dataset)).set_index("label")["percent"]
    scores = results.positive_scores
    own = scores[
        (scores["metric"] == "reference_volume_ml")
        & (scores["reference"] == "majority")
        & (scores["label"] == "cerebellum")
        & (scores["rater"] == "reader1")
    ]
    image_ml = 8 * 48 * 40 * 5.0 / 1000
    assert shares["cerebellum"] == pytest.approx(100 * own["value"].sum() / (12 * image_ml))
    assert shares.sum() == pytest.approx(100)
