import numpy as np
import pytest

from ctbench.boards.copies import Drawn, copied_from_run, copied_from_truth, drawn_by
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.runs import READERS, Execution, run

HERE = Execution(jobs=1)


class Copier:
    """Draws what is bright, shifted along x; a reader of the blobs is shifted, too."""

    def __init__(self, shift=0, flip=0):
        self.info = PredictorInfo(name="copier", version="1", labels=LabelSet({"hemorrhage": 1}))
        self.shift, self.flip = shift, flip

    def predict(self, image):
        """Segment."""
        labels = np.roll((image.array > 50).astype(np.uint8), self.shift, axis=2)
        labels.ravel()[: self.flip] ^= 1
        return Prediction(labels)


def drawn(blobs, predictor, folder):
    """What is drawn by a predictor in all cases."""
    return drawn_by(run(blobs, predictor, folder, metrics=["dice"], jobs=1), blobs, HERE)


@pytest.mark.parametrize(("shift", "reader"), [(0, "r1"), (1, "r2"), (-1, "r3")])
def test_a_copy_of_a_reader_is_seen(blobs, tmp_path, shift, reader):
    """In every case, also for a predictor that knows the group only."""
    found = drawn(blobs, Copier(shift), tmp_path / "run")
    assert [one.case for one in found] == ["a", "b", "c", "d"]
    assert all(f"reader {reader}" in one.like for one in found)
    assert f"in 4 of 4 cases the prediction is that of reader {reader}, voxel for voxel" in copied_from_truth(found)


def test_a_copy_of_the_reference_is_seen(blobs, tmp_path):
    """Of three readers, a voxel apart, the first is the majority."""
    assert all("the reference majority" in one.like for one in drawn(blobs, Copier(), tmp_path / "run"))


def test_other_predictions_are_no_copies(blobs, tmp_path):
    """Neither shifted by two voxels, nor with some voxels more, nor empty ones."""
    for number, predictor in enumerate((Copier(2), Copier(0, flip=40))):
        found = drawn(blobs, predictor, tmp_path / f"run{number}")
        assert len(found) == 4
        assert copied_from_truth(found) == []
    silent = Copier()
    silent.predict = lambda image: Prediction(np.zeros(image.shape, np.uint8))
    assert drawn(blobs, silent, tmp_path / "silent") == []


def test_readers_are_no_copies_of_themselves(blobs, tmp_path):
    """A run of readers has no predictions."""
    assert drawn(blobs, READERS, tmp_path / "readers") == []


@pytest.mark.parametrize(("alike", "total", "many"), [(3, 30, True), (2, 30, False), (2, 2, True), (0, 0, False)])
def test_three_cases_are_many(alike, total, many):
    """Or all, where there are fewer."""
    cases = [Drawn(str(at), str(at), ("reader r1",) if at < alike else ()) for at in range(total)]
    assert bool(copied_from_truth(cases)) == many
    own = {str(at): "x" for at in range(total)}
    other = {str(at): "x" if at < alike else "y" for at in range(total)}
    assert bool(copied_from_run(own, other, "run b")) == many
