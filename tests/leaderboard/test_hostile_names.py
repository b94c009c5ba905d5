"""Names that would be markup, formulas or half a page are shown as they are on the pages of cases and structures."""

from html import escape

import pytest

from ctbench.boards import submit
from ctbench.datasets import load_dataset
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.runs import READERS, run

HOSTILE = "=1+1 <img src=x onerror=alert(1)> **bold** :red[x] $x$ 😀 " + "long" * 110


class Hostile:
    """A model whose name is all of that at once; it finds nothing in half of the head."""

    info = PredictorInfo(name=HOSTILE, version="1", labels=LabelSet({"iph": 1, "ivh": 2}))

    def predict(self, image):
        """Threshold."""
        drawn = (image.array > 90) * 2
        drawn[:, :, 14:] = 0
        return Prediction(drawn.astype("uint8"))


@pytest.fixture(scope="module")
def board(toy, tmp_path_factory):
    """A board with such a run."""
    folder = tmp_path_factory.mktemp("hostile")
    dataset = load_dataset(toy)
    metrics = ["dice", "volume_ml", "reference_volume_ml"]
    for name, predictor in (("readers", READERS), ("hostile", Hostile())):
        submit(run(dataset, predictor, folder / name, metrics=metrics, jobs=1, cached=False), folder / "board")
    return folder / "board"


@pytest.mark.parametrize("page", ["structures", "detection", "case", "readers"])
def test_names_are_text(app, board, page):
    """No page fails, and wherever words are shown as HTML the name is escaped."""
    test = app(board, page)
    assert not test.error
    shown = [one.proto.body for one in test.html]
    assert not any("<img" in words for words in shown)
    if page in {"structures", "case"}:
        assert any(escape(HOSTILE[:20]) in words for words in shown)
