"""Small predictors and images."""

import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.volume import Volume


class Bright:
    """A well-behaved predictor."""

    def __init__(self, above=60, device="cpu"):
        self.above = above
        self.device = device
        self.info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        """Segment what is bright."""
        return Prediction((image.array > self.above).astype(np.uint8))


@pytest.fixture
def bright():
    """The well-behaved predictor's class."""
    return Bright


@pytest.fixture
def broken():
    """Make a predictor that answers with what a function makes of the image."""

    def make(answer):
        class Broken(Bright):
            def predict(self, image):
                return answer(image)

        return Broken()

    return make


@pytest.fixture
def image():
    """A small image with every axis of another length."""
    array = np.random.default_rng(0).integers(-100, 100, (4, 6, 5)).astype(np.int16)
    return Volume(array, (5.0, 0.5, 0.6))
