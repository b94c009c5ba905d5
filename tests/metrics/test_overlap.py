import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from ctbench.metrics import score


@pytest.mark.parametrize("seed", range(3))
def test_overlap_as_simpleitk(seed, blobs, values):
    """Overlaps and volumes of every label equal those of SimpleITK's filters."""
    reference, prediction, spacing = blobs(seed), blobs(seed + 50), (5.0, 0.45, 0.7)
    images = [sitk.GetImageFromArray(label_map) for label_map in (reference, prediction)]
    scores = score(reference, prediction, spacing_mm=spacing, labels={"a": 1, "b": 2, "c": 3})
    overlap, shape = sitk.LabelOverlapMeasuresImageFilter(), sitk.LabelShapeStatisticsImageFilter()
    for image in images:
        image.SetSpacing(spacing[::-1])
    overlap.Execute(*images[::-1])  # the prediction comes first there
    shape.Execute(images[1])
    for label, code in (("a", 1), ("b", 2), ("c", 3)):
        found = values(scores, label)
        assert found["dice"] == pytest.approx(overlap.GetDiceCoefficient(code), abs=1e-12)
        assert found["jaccard"] == pytest.approx(overlap.GetJaccardCoefficient(code), abs=1e-12)
        assert found["precision"] == pytest.approx(1 - overlap.GetFalseDiscoveryRate(code), abs=1e-12)
        assert found["sensitivity"] == pytest.approx(1 - overlap.GetFalseNegativeError(code), abs=1e-12)
        assert found["volume_ml"] == pytest.approx(shape.GetPhysicalSize(code) / 1000, abs=1e-12)


def test_real_lesions(real_data, values, surface_distance_oracle):
    """Real lesions are perfect against themselves; shifted by a voxel they are as far off as surface-distance says."""
    image = sitk.ReadImage(str(real_data / "lesions" / "tbi_lesions.nii.gz"))
    lesions, spacing = sitk.GetArrayFromImage(image), image.GetSpacing()[::-1]
    labels = {f"lesion {code}": int(code) for code in np.unique(lesions) if code}
    assert labels
    perfect = score(lesions, lesions, spacing_mm=spacing, labels=labels)
    assert (perfect.value[perfect.metric.isin(["dice", "nsd", "nsd_voxel"])] == 1).all()
    assert (perfect.value[perfect.metric.isin(["hd", "hd95", "assd", "masd", "hd95_pooled", "rvd"])] == 0).all()
    shifted = np.roll(lesions, 1, axis=2)
    scores = score(lesions, shifted, spacing_mm=spacing, labels=labels)
    for label, code in labels.items():
        expected = surface_distance_oracle(lesions == code, shifted == code, spacing)
        found = values(scores, label)
        assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)
        overlap = ((lesions == code) & (shifted == code)).sum() / (lesions == code).sum()
        assert found["dice"] == pytest.approx(overlap)
