"""Runs: one predictor, or all readers, scored on one dataset, with everything needed to do it again."""

from __future__ import annotations

from ctbench.runs.execution import READERS, run
from ctbench.runs.folder import SCORE_COLUMNS, Run, open_run
from ctbench.runs.manifest import Manifest, PredictorCard
from ctbench.runs.matching import LabelMatch, match_labels
from ctbench.runs.references import Readings, read_references

__all__ = [
    "READERS",
    "SCORE_COLUMNS",
    "LabelMatch",
    "Manifest",
    "PredictorCard",
    "Readings",
    "Run",
    "match_labels",
    "open_run",
    "read_references",
    "run",
]
