import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.metrics import detection
from ctbench.reference import Reference

ARGUMENTS = {"spacing_mm": (5.0, 1.0, 1.0), "labels": {"iph": 1}}
SHAPE = (6, 30, 30)


@pytest.fixture
def scene(box):
    """Three lesions of 100, 60 and 8 voxels: half of the first is predicted, 10 of the second, none of the third."""
    lesions = [
        box(SHAPE, (1, 1, 1), (2, 11, 11)),
        box(SHAPE, (3, 1, 15), (4, 7, 25)),
        box(SHAPE, (4, 20, 20), (5, 22, 24)),
    ]
    false = box(SHAPE, (0, 25, 1), (1, 28, 4))
    first, second = box(SHAPE, (1, 1, 1), (2, 6, 11)), box(SHAPE, (3, 1, 15), (4, 2, 25))
    return np.any(lesions, axis=0), first | second | false


def outcomes(frame):
    """Give the outcomes by volume in voxels."""
    return dict(zip((frame.volume_ml / 0.005).round().astype(int), frame.outcome, strict=True))


def test_any_overlap(scene):
    """By default one common voxel finds a lesion, and a prediction without any is false."""
    found = detection.lesions(*scene, **ARGUMENTS)
    assert list(found.columns) == ["label", "lesion", "volume_ml", "overlap", "outcome"]
    assert outcomes(found) == {100: "detected", 60: "detected", 8: "missed", 9: "false_positive"}
    assert found.overlap.tolist() == pytest.approx([0.5, 10 / 60, 0, 0])
    assert found.lesion.tolist() == [1, 2, 3, 4]


def test_half_of_the_volume(scene):
    """With ``half``, a sixth is not enough for the lesion, yet the prediction, which lies within it, is true."""
    found = detection.lesions(*scene, rule="half", **ARGUMENTS)
    assert outcomes(found) == {100: "detected", 60: "missed", 8: "missed", 9: "false_positive"}


def test_intersection_over_union(scene):
    """With ``iou``, a sixth is not enough for either side."""
    found = detection.lesions(*scene, rule="iou", **ARGUMENTS)
    assert outcomes(found) == {100: "detected", 60: "missed", 8: "missed", 10: "false_positive", 9: "false_positive"}


def test_corners_hang_together():
    """Voxels that share a corner only are one lesion."""
    mask = np.zeros(SHAPE, int)
    mask[0, 0, 0] = mask[1, 1, 1] = 1
    assert len(detection.lesions(mask, mask, **ARGUMENTS)) == 1


def test_perfect_and_empty(blobs):
    """A label map finds all of its own lesions; nothing finds none, and two nothings have no row."""
    label_map = blobs(0)
    arguments = {"spacing_mm": (1, 1, 1), "labels": {"a": 1, "b": 2}}
    for rule in ("any", "half", "iou"):
        own = detection.lesions(label_map, label_map, rule=rule, **arguments)
        assert set(own.outcome) == {"detected"}
        assert (own.overlap == 1).all()
    nothing = np.zeros_like(label_map)
    assert set(detection.lesions(label_map, nothing, **arguments).outcome) == {"missed"}
    assert set(detection.lesions(nothing, label_map, **arguments).outcome) == {"false_positive"}
    assert detection.lesions(nothing, nothing, **arguments).empty


def test_indeterminate_predictions_are_not_false(box):
    """A prediction where some reader drew the structure is neither found nor false; elsewhere it is false."""
    band, drawn = box(SHAPE, (2, 10, 10), (3, 16, 16)), box(SHAPE, (2, 10, 10), (3, 13, 16))
    reference = Reference(np.zeros(SHAPE, int), band, np.ones(6, bool), "majority", (), {1: drawn})
    beside = box(SHAPE, (2, 10, 10), (3, 12, 20))
    away = box(SHAPE, (2, 15, 15), (3, 16, 20))
    hidden = box(SHAPE, (2, 11, 11), (3, 12, 12))
    assert outcomes(detection.lesions(reference, beside, **ARGUMENTS)) == {8: "indeterminate"}
    assert outcomes(detection.lesions(reference, away, **ARGUMENTS)) == {4: "false_positive"}
    assert detection.lesions(reference, hidden, **ARGUMENTS).empty


def test_unknown_rule_is_refused(scene):
    """A rule must be one of the three."""
    with pytest.raises(UsageError, match=r"'touch'.*'any', 'half' or 'iou'"):
        detection.lesions(*scene, rule="touch", **ARGUMENTS)


def test_study(scene):
    """A study is positive where any counted voxel is; the score is the predictor's, or 1 for any predicted voxel."""
    reference, prediction = scene
    labels = {"iph": 1, "sah": 2}
    found = detection.study(reference, prediction, spacing_mm=(5, 1, 1), labels=labels)
    assert list(found.columns) == ["label", "truth", "score", "reference_volume_ml", "volume_ml"]
    assert found.truth.tolist() == [True, False]
    assert found.score.tolist() == [1.0, 0.0]
    assert found.reference_volume_ml.tolist() == pytest.approx([0.84, 0])
    assert found.volume_ml.tolist() == pytest.approx([0.345, 0])
    sure = detection.study(reference, prediction, spacing_mm=(5, 1, 1), labels=labels, score=0.3)
    assert sure.score.tolist() == [0.3, 0.3]


def test_study_sees_counted_voxels_only(box):
    """What does not count makes no study positive."""
    mask = box(SHAPE, (1, 1, 1), (2, 5, 5)).astype(int)
    unread = Reference(mask, np.zeros(SHAPE, bool), np.arange(6) != 1, "majority", ())
    found = detection.study(unread, mask, **ARGUMENTS)
    assert not found.truth.any()
    assert not found.score.any()


def test_sensitivity_by_size(scene):
    """Found, missed and false lesions are counted by whatever column is there; intervals are Wilson's."""
    found = detection.lesions(*scene, **ARGUMENTS)
    sizes = found.assign(size_class=np.where(found.volume_ml < 0.2, "little", "large"))
    both = pd.concat([sizes, sizes])
    table = detection.lesion_sensitivity(both, by=["label", "size_class"]).set_index("size_class")
    assert table.loc["large", ["lesions", "detected", "false_positives"]].tolist() == [4, 4, 0]
    assert table.loc["little", ["lesions", "detected", "false_positives"]].tolist() == [2, 0, 2]
    assert table.sensitivity.tolist() == [1, 0]
    # Wilson's upper limit for none of two: z² / (n + z²).
    assert table.loc["little", "high"] == pytest.approx(1.959964**2 / (2 + 1.959964**2), abs=1e-5)
    assert detection.lesion_sensitivity(both).loc[0, "sensitivity"] == pytest.approx(4 / 6)
