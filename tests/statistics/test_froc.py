"""FROC curves and their mean."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from ctbench.statistics.froc import RATES, Marks, froc_curve, froc_sensitivities, lesion_average_precision


@pytest.fixture
def marks():
    """Marks of 30 cases of 20 patients, with equal confidences and lesions without a mark."""
    rng = np.random.default_rng(5)
    lesions = rng.integers(0, 20, 60) / 20
    lesions[::4] = -np.inf
    patients = np.append(np.arange(20), rng.integers(0, 20, 10))
    return Marks(lesions, rng.integers(0, 20, 60), rng.integers(0, 20, 90) / 25, rng.integers(0, 20, 90), patients)


def test_sensitivities_are_those_of_every_threshold_tried(marks):
    """The best of all thresholds that have at most so many false marks per case, cases without marks included."""
    cuts = [np.inf, *np.unique(np.append(marks.lesions, marks.false))]
    expected = [
        max(np.mean(marks.lesions >= cut) for cut in cuts if cut > -np.inf and np.sum(marks.false >= cut) / 30 <= rate)
        for rate in RATES
    ]
    found = [one.value for one in froc_sensitivities(marks, resamples=0)]
    assert found == pytest.approx([*expected, np.mean(expected)])
    assert len(set(expected)) > 3


def test_the_curve_is_that_of_monai(marks):
    """False marks per case and sensitivity at each threshold; MONAI leaves out the lowest, and adds the origin."""
    metrics = pytest.importorskip("monai.metrics", reason="the extra `models` is not installed")
    expected = metrics.compute_froc_curve_data(marks.false, marks.lesions[np.isfinite(marks.lesions)], 60, 30)
    for own, its in zip(froc_curve(marks), expected, strict=True):
        np.testing.assert_allclose([0, *own[:-1]], its[::-1])


def test_the_curve_ends_where_every_mark_counts(marks):
    """All false marks over all cases, and the share of lesions with a mark."""
    rates, sensitivities = froc_curve(marks)
    assert rates[-1] == 3
    assert sensitivities[-1] == 0.75
    assert (np.diff(rates) >= 0).all()
    assert len(rates) == len(np.unique(np.append(marks.lesions[marks.lesions >= 0], marks.false)))


def test_patients_are_drawn_whole(marks):
    """Where one of two patients has all hits, the sensitivity of a sample may be 0 or 1; a seed repeats the draw."""
    two = np.repeat([0, 1], 30)
    split = Marks(np.where(two == 0, 1, -np.inf), two, np.empty(0), np.empty(0, int), np.array([0, 1]))
    (found, _) = froc_sensitivities(split, (1.0,))
    assert (found.low, found.value, found.high) == (0, 0.5, 1)
    first, second = (froc_sensitivities(marks, resamples=50, seed=3) for _ in range(2))
    assert first == second
    assert all(one.low <= one.value <= one.high for one in first)


def test_no_lesion_and_no_mark():
    """Without a lesion there is no sensitivity; without a mark it is 0."""
    none, nobody = np.empty(0), np.empty(0, int)
    empty = Marks(none, nobody, none, nobody, np.arange(3))
    assert all(np.isnan(one.value) for one in froc_sensitivities(empty))
    missed = Marks(np.array([-np.inf]), np.array([0]), none, nobody, np.arange(3))
    assert [one.value for one in froc_sensitivities(missed, resamples=0)] == [0] * 8
    assert np.isnan(lesion_average_precision(empty).value)
    assert lesion_average_precision(missed).value == 0


def test_average_precision_is_that_of_picai_eval():
    """Four cases with a surplus piece, scored by picai_eval 1.4.13: 5 lesions, AP .433333."""
    lesions = np.array([0.9, -np.inf, 0.6, 0.75, -np.inf])
    marks = Marks(
        lesions, np.array([0, 0, 1, 3, 3]), np.array([0.7, 0.6, 0.75, 0.3]), np.array([0, 1, 2, 3]), np.arange(4)
    )
    found = lesion_average_precision(marks, resamples=50)
    assert found.value == pytest.approx(0.43333333333333335, abs=1e-12)
    assert found.low < found.value < found.high


def test_average_precision_is_scikit_learn_s_without_what_was_never_marked(marks):
    """Its steps over all thresholds above 0, where a lesion without a mark has the score 0."""
    truth = np.repeat([1, 0], [60, 90])
    score = np.concatenate([np.where(marks.lesions > 0, marks.lesions, 0), marks.false])
    precision, sensitivity, cuts = precision_recall_curve(truth, score)
    steps = -np.diff(sensitivity) * precision[:-1]
    assert lesion_average_precision(marks, resamples=0).value == pytest.approx(steps[cuts > 0].sum())
