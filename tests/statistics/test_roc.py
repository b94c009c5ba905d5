"""The ROC curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics import roc_auc, roc_curve

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)


def test_by_hand():
    """Two positive, two negative cases, one tie."""
    curve = roc_curve([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.4])
    assert curve["threshold"].tolist() == [np.inf, 0.9, 0.4, 0.1]
    assert curve["false_positive_rate"].tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve["sensitivity"].tolist() == [0.0, 0.5, 1.0, 1.0]


@given(CASES)
def test_the_area_under_it_is_the_auc(cases):
    """Trapezoids under the curve make Mann and Whitney's share, ties included; it never falls."""
    truth, score = (np.array(column) for column in zip(*cases, strict=True))
    curve = roc_curve(truth, score)
    if truth.all() or not truth.any():
        assert curve.empty
        return
    x, y = curve["false_positive_rate"].to_numpy(), curve["sensitivity"].to_numpy()
    area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
    assert area == pytest.approx(roc_auc(truth, score).value)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()


def test_missing_scores_are_left_out():
    """A case without a score changes nothing."""
    assert roc_curve([0, 1, 1], [0.2, 0.7, np.nan]).equals(roc_curve([0, 1], [0.2, 0.7]))


def test_a_truth_is_yes_or_no():
    """Anything else is refused."""
    with pytest.raises(UsageError, match="must be 0 or 1"):
        roc_curve([0, 2], [0.1, 0.2])
