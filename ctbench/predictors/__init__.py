"""The plugin door: what a predictor is, where it is found, how it is kept apart, and what it must keep to."""

from __future__ import annotations

from ctbench.predictors.command import CommandPredictor
from ctbench.predictors.conformance import CheckResult, check_conformance
from ctbench.predictors.container import ContainerPredictor
from ctbench.predictors.contract import check_prediction
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.isolated import IsolatedPredictor, open_predictor, process_command, unenforced, visible_files
from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.isolation.policy import Isolation
from ctbench.predictors.origin import is_third_party, own_files
from ctbench.predictors.predictor import Finding, Prediction, Predictor, PredictorInfo
from ctbench.predictors.resolve import installed_predictors, load_predictor

__all__ = [
    "CheckResult",
    "CommandPredictor",
    "ContainerPredictor",
    "Finding",
    "FolderPredictions",
    "IsolatedPredictor",
    "Isolation",
    "Limits",
    "Prediction",
    "Predictor",
    "PredictorInfo",
    "check_conformance",
    "check_prediction",
    "installed_predictors",
    "is_third_party",
    "load_predictor",
    "open_predictor",
    "own_files",
    "process_command",
    "unenforced",
    "visible_files",
]
