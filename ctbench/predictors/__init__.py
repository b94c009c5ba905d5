"""Predictors: the protocol, how one is found and opened, its isolation, and the checks of what it returns."""

from __future__ import annotations

from ctbench.predictors.answers import findings_file, parse_findings
from ctbench.predictors.command import CommandPredictor
from ctbench.predictors.conformance import CheckResult, check_conformance
from ctbench.predictors.container import ContainerPredictor
from ctbench.predictors.contract import check_prediction, encoded_probabilities
from ctbench.predictors.folder import FolderPredictions, predict_into_folder
from ctbench.predictors.info import (
    CARD_KEYS,
    INFO_KEYS,
    PredictorInfo,
    expect_fit_for,
    info_from_json,
    info_to_json,
    write_labels_file,
)
from ctbench.predictors.isolated import (
    IsolatedPredictor,
    open_model,
    open_predictor,
    process_command,
    unenforced,
    visible_files,
    with_options_shown,
)
from ctbench.predictors.isolation import Isolation, Limits, identities
from ctbench.predictors.origin import is_third_party, own_files, package_lists
from ctbench.predictors.predictor import Finding, Prediction, Predictor
from ctbench.predictors.probability_files import PROBABILITY_SUFFIX, probability_name, probability_names
from ctbench.predictors.resolve import installed_predictors, load_predictor

__all__ = [
    "CARD_KEYS",
    "INFO_KEYS",
    "PROBABILITY_SUFFIX",
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
    "encoded_probabilities",
    "expect_fit_for",
    "findings_file",
    "identities",
    "info_from_json",
    "info_to_json",
    "installed_predictors",
    "is_third_party",
    "load_predictor",
    "open_model",
    "open_predictor",
    "own_files",
    "package_lists",
    "parse_findings",
    "predict_into_folder",
    "probability_name",
    "probability_names",
    "process_command",
    "unenforced",
    "visible_files",
    "with_options_shown",
    "write_labels_file",
]
