import json
import re
from dataclasses import asdict

import numpy as np
import pytest

from ctbench.errors import ContractError
from ctbench.labels import LabelSet
from ctbench.predictors import Finding, Prediction, PredictorInfo, check_prediction
from ctbench.predictors.contract import check_predictor, encoded_probabilities

INFO = PredictorInfo(name="model", version="1", labels=LabelSet({"iph": 1, "ivh": 300}))


def test_probabilities_are_encoded_in_8_bits(image):
    """Only what is certain is stored as certain; floats outside of 0 to 1 break the contract."""
    info = PredictorInfo(name="mine", version="1", labels=LabelSet({"iph": 1}))
    share = np.full(image.shape, 0.999, np.float32)
    labels = np.zeros(image.shape, np.uint8)
    found = encoded_probabilities(Prediction(labels, probabilities={"iph": share}), info)
    assert (found["iph"].dtype, int(found["iph"][0, 0, 0])) == (np.uint8, 254)
    assert encoded_probabilities(Prediction(labels), info) == {}
    with pytest.raises(ContractError, match=r"'iph' of mine are 5\.994 to 5\.994"):
        encoded_probabilities(Prediction(labels, probabilities={"iph": share * 6}), info)


def test_a_good_prediction_comes_back_as_small_integers(image):
    """Labels keep their values and take the smallest type that holds every code of the predictor."""
    labels = np.zeros(image.shape, np.int64)
    labels[0, 0, 0] = 300
    checked = check_prediction(Prediction(labels, score=1), image, INFO)
    assert checked.labels.dtype == np.uint16
    np.testing.assert_array_equal(checked.labels, labels)


def test_bool_labels_are_code_one(image):
    """A mask is a label map of code 1."""
    info = PredictorInfo(name="model", version="1", labels=LabelSet({"iph": 1}))
    checked = check_prediction(Prediction(np.ones(image.shape, bool)), image, info)
    assert (checked.labels == 1).all()


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (None, "returned NoneType; expected a Prediction"),
        (Prediction(np.zeros((3, 6, 5), int)), "labels of shape (3, 6, 5); expected the image's (4, 6, 5)"),
        (Prediction(np.full((4, 6, 5), np.nan)), "returned 120 NaN as labels"),
        (Prediction(np.zeros((4, 6, 5))), "returned float64 values as labels; expected integers"),
        (Prediction(np.full((4, 6, 5), 7)), "unknown label codes 7; expected 0 background, 1 iph, 300 ivh"),
        (Prediction(np.zeros((4, 6, 5), int), score=1.2), "score 1.2; expected a number in [0, 1]"),
        (Prediction(np.zeros((4, 6, 5), int), score=float("nan")), "score nan"),
        (Prediction(np.zeros((4, 6, 5), int), probabilities={"sah": np.zeros((4, 6, 5))}), "probabilities 'sah'"),
        (Prediction(np.zeros((4, 6, 5), int), probabilities={"iph": np.zeros((4, 6))}), "of shape (4, 6)"),
    ],
)
def test_what_breaks_the_contract_is_named(image, prediction, message):
    """The message says what came and what was expected."""
    with pytest.raises(ContractError, match=re.escape(message)):
        check_prediction(prediction, image, INFO)


@pytest.mark.parametrize(
    "finding",
    [
        Finding(4, (0, 0, 2, 2), "iph", 0.5),
        Finding(0, (0, 0, 7, 2), "iph", 0.5),
        Finding(0, (2, 2, 2, 3), "iph", 0.5),
        Finding(0, (0, 0, 2, 2), "tumour", 0.5),
        Finding(0, (0, 0, 2, 2), "iph", 1.5),
    ],
)
def test_findings_outside_the_image_or_of_unknown_type_are_refused(image, finding):
    """A box needs a slice and corners inside the image, a type of the predictor and a confidence."""
    with pytest.raises(ContractError, match="expected a slice and a box"):
        check_prediction(Prediction(np.zeros(image.shape, int), findings=(finding,)), image, INFO)


def test_a_finding_inside_the_image_passes(image):
    """A box may touch the image's far edge."""
    finding = Finding(3, (0, 0, 6, 5), "ivh", 1.0)
    assert check_prediction(Prediction(np.zeros(image.shape, int), findings=(finding,)), image, INFO).findings


def test_numbers_of_numpy_become_pythons(image):
    """A detector's boxes are arrays; what is kept of them is JSON."""
    finding = Finding(np.int64(3), tuple(np.array([0, 0, 6, 5], np.float32)), "ivh", np.float32(0.5))
    labels = np.zeros(image.shape, int)
    checked = check_prediction(Prediction(labels, np.float32(0.5), findings=[finding]), image, INFO)
    assert json.loads(json.dumps([checked.score, asdict(checked.findings[0])])) == [
        0.5,
        {"slice": 3, "box": [0, 0, 6, 5], "type": "ivh", "confidence": 0.5},
    ]


def test_a_thing_without_card_or_predict_is_no_predictor(bright):
    """What a plugin's callable returns must have `info` and `predict`."""
    with pytest.raises(ContractError, match="here has no valid `info`: expected a PredictorInfo"):
        check_predictor(object(), "here")
    mute = bright()
    mute.predict = None
    with pytest.raises(ContractError, match="has no method `predict"):
        check_predictor(mute, "here")
