import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ctbench.statistics.forecasts import auroc, average_precision


def test_ten_predictions(ten):
    """By steps; the trapezoid rule would give .501786."""
    assert float(auroc(ten)) == pytest.approx(0.416667, abs=1e-6)
    assert float(average_precision(ten)) == pytest.approx(0.565278, abs=1e-6)


def test_as_scikit_learn(outcomes_of, many):
    """2000 forecasts with many ties."""
    p, y = many
    assert float(auroc(outcomes_of(p, y))) == pytest.approx(roc_auc_score(y, p))
    assert float(average_precision(outcomes_of(p, y))) == pytest.approx(average_precision_score(y, p))


def test_against_a_share_each_reading_is_an_observation(outcomes_of):
    """As scikit-learn on the votes of two readers put one after the other."""
    p, votes = np.array([0.1, 0.4, 0.4, 0.9]), np.array([[0, 1, 0, 1], [0, 0, 1, 1]])
    found = outcomes_of(p, votes.mean(axis=0))
    assert float(auroc(found)) == pytest.approx(roc_auc_score(votes.ravel(), np.tile(p, 2)))
    assert float(average_precision(found)) == pytest.approx(average_precision_score(votes.ravel(), np.tile(p, 2)))


def test_undefined_without_a_positive(outcomes_of):
    """Null, not 0 and not .5; AUROC needs a negative too."""
    assert np.isnan(auroc(outcomes_of([0.1, 0.2], [0, 0])))
    assert np.isnan(average_precision(outcomes_of([0.1, 0.2], [0, 0])))
    assert np.isnan(auroc(outcomes_of([0.1, 0.2], [1, 1])))
    assert float(average_precision(outcomes_of([0.1, 0.2], [1, 1]))) == 1
