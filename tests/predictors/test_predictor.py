import dataclasses

import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.predictor import Finding, Prediction, Predictor


def test_whatever_has_a_card_and_a_method_is_a_predictor(bright):
    """Nobody has to inherit; both must be there."""
    assert isinstance(bright(), Predictor)

    class OnlyCard:
        info = PredictorInfo(name="card", version="1", labels=LabelSet({"iph": 1}))

    class OnlyMethod:
        def predict(self, image):
            """Nothing."""

    assert not isinstance(OnlyCard(), Predictor)
    assert not isinstance(OnlyMethod(), Predictor)


def test_labels_are_all_that_a_prediction_needs():
    """Score, probabilities and findings are for those who have them."""
    labels = np.zeros((1, 2, 2), np.uint8)
    prediction = Prediction(labels)
    assert prediction.labels is labels
    assert (prediction.score, prediction.probabilities, prediction.findings) == (None, None, ())


def test_what_was_predicted_cannot_be_replaced():
    """Predictions and findings are values."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Prediction(np.zeros((1, 1, 1), int)).score = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding(0, (0, 0, 1, 1), "iph", 0.5).confidence = 1.0


def test_equal_findings_are_equal():
    """They are compared by what they say, so that lists of them can be."""
    assert Finding(0, (0, 0, 1, 1), "iph", 0.5) == Finding(0, (0, 0, 1, 1), "iph", 0.5)
    assert Finding(0, (0, 0, 1, 1), "iph", 0.5) != Finding(1, (0, 0, 1, 1), "iph", 0.5)
