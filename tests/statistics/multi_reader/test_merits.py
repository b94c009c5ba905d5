import math

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.multi_reader.merits import covariances, marks_merit, ratings_merit

VAN_DYKE = {  # ratings 1 to 5 of each reader of modality 1: not dissected; dissected
    0.91964573: ((47, 9, 10, 2, 1), (4, 1, 2, 10, 28)),
    0.85877617: ((0, 60, 6, 2, 1), (0, 10, 4, 6, 25)),
    0.90386473: ((21, 35, 5, 6, 2), (0, 8, 1, 2, 34)),
    0.97310789: ((62, 3, 4, 0, 0), (2, 1, 1, 3, 38)),
    0.82979066: ((39, 19, 9, 1, 1), (7, 7, 3, 5, 23)),
}
RATINGS = ("auc", "sensitivity", "specificity", "mean")
MARKS = ("afroc", "wafroc", "wafroc1", "lroc", "hrauc")
LESIONS = [[], [2.0, -math.inf], [3.0], [], [1.0, 4.0, 2.0], [], [-math.inf]]
FALSE = [[1.0], [], [4.0, 1.0], [], [2.0], [3.0, 3.0], []]


def cases(seed, count=20):
    """Ratings, truth and units of cases, both kinds of cases at least twice."""
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 3 == 0
    return np.round(rng.normal(truth, 1), 1), truth, np.arange(count)


def rated(figure, ratings, truth, units):
    """A figure of ratings at threshold .5."""
    return ratings_merit(figure, ratings, truth, units, 0.5)


@pytest.mark.parametrize(("area", "counts"), VAN_DYKE.items())
def test_areas_of_van_dykes_readers(area, counts):
    """The trapezoid areas that are published for the counts of ratings."""
    normal, diseased = (np.repeat(np.arange(5.0), count) for count in counts)
    truth = np.repeat([False, True], [len(normal), len(diseased)])
    merit = ratings_merit("auc", np.concatenate([normal, diseased]), truth, np.arange(len(truth)))
    assert merit.value == pytest.approx(area, abs=5e-9)


@pytest.mark.parametrize("figure", RATINGS)
def test_cases_left_out_of_ratings(figure):
    """The figure without each case is the figure of the other cases."""
    ratings, truth, units = cases(1)
    for case, value in enumerate(rated(figure, ratings, truth, units).left_out()):
        kept = np.delete(units, case)
        assert value == pytest.approx(rated(figure, ratings[kept], truth[kept], np.arange(len(kept))).value)


@pytest.mark.parametrize("figure", MARKS)
def test_cases_left_out_of_marks(figure):
    """Lesions and false marks of a case go together."""
    units = np.arange(len(LESIONS))
    for case, value in enumerate(marks_merit(figure, LESIONS, FALSE, units).left_out()):
        lesions, false = (own[:case] + own[case + 1 :] for own in (LESIONS, FALSE))
        assert value == pytest.approx(marks_merit(figure, lesions, false, units[:-1]).value), case


def test_patients_left_out():
    """All cases of a patient are left out together."""
    ratings, truth, units = cases(2)
    patients = units // 3
    for patient, value in enumerate(rated("auc", ratings, truth, patients).left_out()):
        kept = patients != patient
        assert value == pytest.approx(rated("auc", ratings[kept], truth[kept], np.arange(kept.sum())).value)


def test_figures_of_marks():
    """Closed forms of a study with one normal case (highest false mark 2) and two diseased ones."""
    lesions, false, units = [[], [3.0, 1.0], [2.0]], [[2.0, 1.0], [4.0], []], np.arange(3)

    def of(figure, **more):
        return marks_merit(figure, lesions, false, units, **more).value

    assert of("afroc") == pytest.approx((1 + 0 + 0.5) / 3)
    assert of("wafroc") == pytest.approx((0.5 + 0.5) / 2)
    assert of("wafroc", weights=[[], [0.9, 0.1], [1.0]]) == pytest.approx((0.9 + 0.5) / 2)
    # The false mark of 4 in the second case is above all lesions; the third case has none.
    assert of("wafroc1") == pytest.approx(((0.5 + 0 + 1) / 3 + (0.5 + 0 + 1) / 3) / 2)
    assert of("hrauc") == pytest.approx((1 + 0.5) / 2)
    assert of("lroc") == pytest.approx((0 + 0.5) / 2)  # the highest mark of the second case is wrong


def _by_loops(figure, lesions, false_marks):
    """The definitions of Chakraborty and Zhai, mark by mark."""
    ill = [case for case, own in enumerate(lesions) if own]
    normal = [case for case, own in enumerate(lesions) if not own]
    highest = [max(own, default=-math.inf) for own in false_marks]

    def psi(x, z):
        return 1.0 if x > z else 0.5 if x == z else 0.0

    others = range(len(lesions)) if figure == "wafroc1" else normal
    terms = []
    for case in ill:
        for other in others:
            z, marks = highest[other], lesions[case]
            if figure == "lroc":
                on = max(marks) > highest[case]
                terms.append(psi(max(marks) if on else -math.inf, z))
            elif figure == "hrauc":
                terms.append(psi(max(*marks, highest[case]), z))
            elif figure == "afroc":
                terms += [psi(x, z) for x in marks]
            else:
                terms.append(np.mean([psi(x, z) for x in marks]))
    return np.mean(terms)


@pytest.mark.parametrize("figure", MARKS)
def test_marks_by_their_definition(figure):
    """Of random marks with ties, lesions without a mark and cases without any, the same as loops over all pairs."""
    rng = np.random.default_rng(9)
    lesions = [
        np.where(rng.random(count) < 0.3, -math.inf, rng.integers(1, 5, count)).tolist()
        for count in rng.integers(0, 4, 30)
    ]
    false_marks = [rng.integers(1, 5, count).tolist() for count in rng.integers(0, 3, 30)]
    merit = marks_merit(figure, lesions, false_marks, np.arange(30))
    assert merit.value == pytest.approx(_by_loops(figure, lesions, false_marks))


def test_jackknife_of_a_mean_is_the_sample_covariance():
    """So scores of segmentation need no resampling."""
    values = np.random.default_rng(3).beta(8, 2, (4, 25))
    merits = [ratings_merit("mean", own, np.zeros(25, bool), np.arange(25)) for own in values]
    for method in ("jackknife", "delong", "unbiased"):
        np.testing.assert_allclose(covariances(merits, method), np.cov(values) / 25, rtol=1e-12)


def test_delong_by_placements():
    """Covariances of the shares of cases of the other kind that a case is placed above."""
    ratings, truth, units = cases(4)
    other, _, _ = cases(5)
    merits = [ratings_merit("auc", own, truth, units) for own in (ratings, other)]
    expected = np.zeros((2, 2))
    for axis, count in ((1, truth.sum()), (0, (~truth).sum())):
        expected += np.cov([merit.kernel.mean(axis=axis) for merit in merits]) / count
    np.testing.assert_allclose(covariances(merits, "delong"), expected)


def test_unbiased_covariances_are_right_on_average():
    """Over all samples of two and two cases of a small population their mean is the covariance of the areas."""
    positive, negative = np.array([[1.0, 3, 2], [2, 2, 4]]), np.array([[0.0, 2, 3], [1, 3, 2]])
    truth = np.array([True, True, False, False])
    areas, estimates = [], []
    for i, j, k, l in np.ndindex(3, 3, 3, 3):  # noqa: E741
        ratings = np.column_stack([positive[:, [i, j]], negative[:, [k, l]]])
        merits = [ratings_merit("auc", own, truth, np.arange(4)) for own in ratings]
        areas.append([merit.value for merit in merits])
        estimates.append(covariances(merits, "unbiased"))
    np.testing.assert_allclose(np.mean(estimates, axis=0), np.cov(areas, rowvar=False, ddof=0), atol=1e-12)


def test_what_is_not_defined_is_said():
    """A figure of marks of ratings, and the reverse, thresholds, and DeLong of lesions or patients."""
    ratings, truth, units = cases(6)
    with pytest.raises(UsageError, match="needs a threshold"):
        ratings_merit("sensitivity", ratings, truth, units)
    with pytest.raises(UsageError, match="is a figure of marks"):
        ratings_merit("wafroc", ratings, truth, units)
    with pytest.raises(UsageError, match="is a figure of ratings"):
        marks_merit("auc", LESIONS, FALSE, np.arange(len(LESIONS)))
    with pytest.raises(UsageError, match="unknown covariance 'bootstrap'"):
        covariances([ratings_merit("auc", ratings, truth, units)], "bootstrap")
    for merit in (
        marks_merit("afroc", LESIONS, FALSE, np.arange(len(LESIONS))),
        rated("auc", ratings, truth, units // 2),
    ):
        with pytest.raises(UsageError, match="use jackknife"):
            covariances([merit], "delong")
