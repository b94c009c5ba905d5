"""The plugin door: what a predictor is, where it is found, and what it must keep to."""

from __future__ import annotations

from ctbench.predictors.conformance import CheckResult, check_conformance
from ctbench.predictors.contract import check_prediction
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.predictor import Finding, Prediction, Predictor, PredictorInfo
from ctbench.predictors.resolve import installed_predictors, load_predictor

__all__ = [
    "CheckResult",
    "Finding",
    "FolderPredictions",
    "Prediction",
    "Predictor",
    "PredictorInfo",
    "check_conformance",
    "check_prediction",
    "installed_predictors",
    "load_predictor",
]
