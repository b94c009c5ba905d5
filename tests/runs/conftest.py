"""Predictors for the small dataset of blobs."""

import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo


class Bright:
    """Finds what is bright, as one class; on case c (by its image) it does what it is told."""

    def __init__(self, misbehave=None):
        self.info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))
        self.misbehave = misbehave

    def predict(self, image):
        """Segment what is bright."""
        labels = (image.array > 50).astype(np.uint8)
        if self.misbehave and labels[1, 6, 6] and not labels[1, 6, 5]:
            return self.misbehave(labels)
        return Prediction(labels, score=0.9)


def refuse(labels):
    """Raise as a broken model does."""
    msg = "CUDA went away"
    raise RuntimeError(msg)


@pytest.fixture
def bright():
    """A predictor that knows only the group."""
    return Bright()


@pytest.fixture
def fails_on_c():
    """The same, but it raises on case c."""
    return Bright(refuse)


@pytest.fixture
def wrong_shape_on_c():
    """The same, but case c comes back with a slice too few."""
    return Bright(lambda labels: Prediction(labels[1:]))


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Work in a folder of no repository: the commit of one that changes meanwhile would stand in runs."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
