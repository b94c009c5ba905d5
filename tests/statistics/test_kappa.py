import math

import numpy as np
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from ctbench.errors import UsageError
from ctbench.statistics import cohen_kappa, fleiss_kappa, generalised_conformity_index, krippendorff_alpha

# Thirty patients, six psychiatrists each, five diagnoses: Fleiss, Psychological Bulletin 1971;76:378-382, Table 1.
# A string is a patient; a digit says how many of the six chose that diagnosis.
FLEISS = [
    [int(count) for count in row]
    for row in [
        "00060",
        "03003",
        "01401",
        "00006",
        "03030",
        "20400",
        "00402",
        "20310",
        "20040",
        "00006",
        "10050",
        "11040",
        "03300",
        "10050",
        "02031",
        "00501",
        "30012",
        "51000",
        "02040",
        "10203",
        "00006",
        "01050",
        "02013",
        "20040",
        "10041",
        "05010",
        "40002",
        "02040",
        "10500",
        "00006",
    ]
]
_ = math.nan
# Four observers, twelve units: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]


def from_table(table):
    """The categories of two readers whose cross table is given."""
    table = np.array(table)
    return [np.repeat(codes.ravel(), table.ravel()) for codes in np.indices(table.shape)]


def test_cohens_first_example():
    """Cohen's 200 diagnoses (1960, Table 1) give the kappa of .492 that he prints."""
    estimate = cohen_kappa(*from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]]))
    assert round(estimate.value, 3) == 0.492
    assert estimate.n == 200


def test_cohen_interval_covers_and_weights_by_hand():
    """The interval is that of the delta method, taken here by numerical derivatives; weights are worked out by hand."""
    table = np.array([[20, 5, 0], [3, 15, 6], [1, 4, 30]])
    shares = table / table.sum()

    def kappa(p):
        chance = p.sum(axis=1) @ p.sum(axis=0)
        return (np.trace(p) - chance) / (1 - chance)

    step = 1e-6
    slope = np.array([(kappa(shares + step * at) - kappa(shares)) / step for at in np.eye(9).reshape(9, 3, 3)])
    variance = (shares.ravel() @ slope**2 - (shares.ravel() @ slope) ** 2) / table.sum()
    estimate = cohen_kappa(*from_table(table))
    assert estimate.high - estimate.value == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-4)
    distance = np.abs(np.subtract.outer(range(3), range(3)))
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    for weights, cost in (("linear", distance), ("quadratic", distance**2)):
        by_hand = 1 - (shares * cost).sum() / (expected * cost).sum()
        assert cohen_kappa(*from_table(table), weights=weights).value == pytest.approx(by_hand)


def test_fleiss_first_example():
    """The data of 1971 give the kappa of .430 that Fleiss prints, and the value of statsmodels."""
    estimate = fleiss_kappa(FLEISS)
    assert round(estimate.value, 3) == 0.430
    assert estimate.value == pytest.approx(statsmodels_fleiss(np.array(FLEISS)))


def _half_width(estimate):
    return (estimate.high - estimate.low) / 2


@pytest.mark.parametrize(
    "estimator",
    [
        fleiss_kappa,
        lambda counts: krippendorff_alpha(np.array([np.repeat(range(5), row) for row in counts]).T),
        lambda counts: krippendorff_alpha(np.array([np.repeat(range(5), row) for row in counts]).T, "interval"),
    ],
)
def test_intervals_agree_with_leaving_one_unit_out(estimator):
    """The interval's standard error is that of the plain jackknife, within 8 %."""
    whole = estimator(FLEISS)
    without = [estimator(FLEISS[:i] + FLEISS[i + 1 :]).value for i in range(len(FLEISS))]
    jackknife = math.sqrt(29 / 30 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert _half_width(whole) == pytest.approx(2.045230 * jackknife, rel=0.08)  # t(29) at 97.5 %


@pytest.mark.parametrize(
    ("level", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_example_with_missing_data(level, printed):
    """Krippendorff's reliability data give the four alphas that he prints; the unit coded once is left out."""
    estimate = krippendorff_alpha(KRIPPENDORFF, level)
    assert round(estimate.value, 3) == printed
    assert (estimate.n, estimate.left_out) == (11, 1)


def test_a_code_can_stand_for_missing():
    """Integer codes with a code for missing give what NaN gives."""
    codes = np.nan_to_num(np.array(KRIPPENDORFF), nan=-1).astype(int)
    assert krippendorff_alpha(codes, missing=-1) == krippendorff_alpha(KRIPPENDORFF)


def test_alpha_of_many_voxels_equals_scotts_form():
    """Two readers without gaps: alpha is 1 - (N - 1) / N times observed over expected disagreement of pooled codes."""
    rng = np.random.default_rng(2)
    codes = np.where(rng.random((2, 5000)) < 0.8, rng.integers(0, 4, 5000), rng.integers(0, 4, (2, 5000)))
    shares = np.bincount(codes.ravel()) / codes.size
    by_hand = 1 - (codes.size - 1) / codes.size * np.mean(codes[0] != codes[1]) / (1 - shares @ shares)
    assert krippendorff_alpha(codes).value == pytest.approx(by_hand)


def test_perfect_agreement_is_one():
    """Readers who always agree have 1 by every coefficient, and an interval that does not pass it."""
    codes = np.array([[0, 1, 2, 1], [0, 1, 2, 1]])
    for estimate in (cohen_kappa(*codes), fleiss_kappa(2 * np.eye(3)[codes[0]]), krippendorff_alpha(codes)):
        assert (estimate.value, estimate.high) == pytest.approx((1, 1))


def test_one_category_says_that_chance_explains_all():
    """When every reading is of one category, each coefficient is NaN with a reason."""
    for estimate in (
        cohen_kappa([1, 1], [1, 1]),
        fleiss_kappa([[2, 0], [2, 0]]),
        krippendorff_alpha([[1, 1], [1, 1]]),
        krippendorff_alpha([[math.nan], [math.nan]]),
    ):
        assert math.isnan(estimate.value)
        assert estimate.reason


@pytest.mark.parametrize(("one", "other"), [([1, 1, 1, 0], [1] * 4), ([1, 1], [0, 0]), ([1, 2, 3], [2, 2, 2])])
@pytest.mark.parametrize("weights", [None, "linear"])
def test_one_reader_who_always_says_the_same(one, other, weights):
    """Kappa is 0 whatever the other reader says: no interval, a reason, and no warning (warnings are errors here)."""
    estimate = cohen_kappa(one, other, weights=weights)
    assert estimate.value == pytest.approx(0)
    assert math.isnan(estimate.low)
    assert "the same category everywhere" in estimate.reason


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen_kappa([1, 2], [1]),
        lambda: cohen_kappa([], []),
        lambda: fleiss_kappa([[2, 0], [1, 0]]),
        lambda: fleiss_kappa([[0.5, 0.5]]),
        lambda: fleiss_kappa([[1, 0], [0, 1]]),
        lambda: krippendorff_alpha([[1, 2]]),
        lambda: krippendorff_alpha([[1, 2], [1, 2]], "ordered"),
        lambda: generalised_conformity_index(np.ones((1, 3), bool)),
        lambda: generalised_conformity_index(np.ones((2, 3))),
    ],
)
def test_impossible_codes_are_refused(call):
    """Shapes, counts and levels that make no sense are errors."""
    with pytest.raises(UsageError):
        call()


def test_conformity_of_two_masks_is_jaccard_and_of_three_by_hand():
    """For two readers the index is Jaccard's; for three, sums of pairwise intersections over unions."""
    masks = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 0]], dtype=bool)
    assert generalised_conformity_index(masks[:2]) == 2 / 4
    assert generalised_conformity_index(masks) == (2 + 1 + 2) / (4 + 4 + 3)
    assert math.isnan(generalised_conformity_index(np.zeros((2, 4), bool)))


def test_units_without_a_category_are_left_out():
    """NaN is no category: four units count, two are left out."""
    nan = np.nan
    found = cohen_kappa([1, 2, 1, 2, nan, nan], [1, 2, 2, 2, nan, nan])
    assert (found.value, found.n, found.left_out) == (pytest.approx(0.5), 4, 2)
    assert "no unit" in cohen_kappa([nan, 1], [2, nan]).reason
