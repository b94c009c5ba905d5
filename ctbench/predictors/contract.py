"""Checks of a predictor and of every prediction that it returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError, DataError, LabelError
from ctbench.predictors.info import PredictorInfo
from ctbench.predictors.predictor import Finding, Prediction, Predictor
from ctbench.probability_codes import encode, in_range
from ctbench.volume import Volume

__all__ = ["check_prediction", "check_predictor", "encoded_probabilities"]


def check_predictor(predictor: object, where: str) -> Predictor:
    """Return ``predictor`` if it has an ``info`` and a ``predict`` method.

    Args:
        predictor: What a plugin's callable returned.
        where: What to call it in a message, e.g. ``my_package:MyModel``.

    Raises:
        ContractError: One of the two is missing or has the wrong type.
    """
    info = getattr(predictor, "info", None)
    if not isinstance(info, PredictorInfo):
        msg = f"{where} has no valid `info`: expected a PredictorInfo, got {type(info).__name__}"
        raise ContractError(msg)
    if not callable(getattr(predictor, "predict", None)):
        msg = f"{where} has no method `predict(image)`; see ctbench.Predictor"
        raise ContractError(msg)
    assert isinstance(predictor, Predictor)
    return predictor


def check_prediction(prediction: object, image: Volume, info: PredictorInfo) -> Prediction:
    """Return ``prediction`` with its labels as a contiguous integer array, if it keeps the contract.

    Args:
        prediction: What a predictor returned for ``image``.
        image: The image that was predicted.
        info: The predictor's info.

    Raises:
        ContractError: It is not a Prediction, its labels are not integers of the image's shape, a code is unknown, the
            score is not in [0, 1], or probabilities or findings do not fit the image.
    """
    if not isinstance(prediction, Prediction):
        msg = f"{info.name} returned {type(prediction).__name__}; expected a Prediction"
        raise ContractError(msg)
    labels = _check_labels(np.asarray(prediction.labels), image, info)
    if prediction.score is not None and not 0 <= prediction.score <= 1:
        msg = f"{info.name} returned score {prediction.score}; expected a number in [0, 1] or None"
        raise ContractError(msg)
    for name, array in (prediction.probabilities or {}).items():
        if name not in info.labels.names or np.shape(array) != image.shape:
            msg = (
                f"{info.name} returned probabilities {name!r} of shape {np.shape(array)}; "
                f"expected a label of its own and the image's shape {image.shape}"
            )
            raise ContractError(msg)
    findings = tuple(_check_finding(finding, image, info) for finding in prediction.findings)
    score = None if prediction.score is None else float(prediction.score)
    return Prediction(labels, score, prediction.probabilities, findings)


def encoded_probabilities(prediction: Prediction, info: PredictorInfo) -> dict[str, NDArray[np.uint8]]:
    """Return label -> probabilities as codes 0 to 255, of a prediction that `check_prediction` returned.

    Raises:
        ContractError: They are not floats, or outside of 0 to 1.
    """
    found = prediction.probabilities or {}
    try:
        return {
            name: encode(in_range(array, f"the probabilities {name!r} of {info.name}")) for name, array in found.items()
        }
    except DataError as error:
        raise ContractError(str(error)) from error


def _check_labels(labels: np.ndarray, image: Volume, info: PredictorInfo) -> np.ndarray:
    if labels.shape != image.shape:
        msg = f"{info.name} returned labels of shape {labels.shape}; expected the image's {image.shape} (z, y, x)"
        raise ContractError(msg)
    if labels.dtype.kind == "f":
        nans = int(np.isnan(labels).sum())
        what = f"{nans} NaN" if nans else f"{labels.dtype} values"
        msg = f"{info.name} returned {what} as labels; expected integers (take the arg-max or a threshold first)"
        raise ContractError(msg)
    if labels.dtype.kind not in "iub":
        msg = f"{info.name} returned labels of type {labels.dtype}; expected integers"
        raise ContractError(msg)
    if labels.dtype.kind == "b":
        labels = labels.astype(np.uint8)
    try:
        info.labels.check(labels, f"the prediction of {info.name}")
    except LabelError as error:
        raise ContractError(str(error)) from error
    # Codes are few; the smallest type that holds them keeps predictions small on disk and in caches.
    return np.ascontiguousarray(labels, dtype=np.min_scalar_type(max(info.labels.values(), default=1)))


def _check_finding(finding: Finding, image: Volume, info: PredictorInfo) -> Finding:
    if not finding.fits(image.shape) or finding.type not in info.labels.names:
        msg = (
            f"{info.name} returned {finding}; expected a slice and a box (first row, first column, last row + 1, "
            f"last column + 1) inside the image {image.shape}, one of its own labels, and a confidence in [0, 1]"
        )
        raise ContractError(msg)
    top, left, bottom, right = finding.box
    # Detectors count in numpy's numbers, which JSON does not know.
    box = (float(top), float(left), float(bottom), float(right))
    return Finding(int(finding.slice), box, str(finding.type), float(finding.confidence))
