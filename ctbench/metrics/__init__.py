"""Scores of label maps: overlap, volumes, distances of surfaces, and what they give where something is empty."""

from __future__ import annotations

from ctbench.metrics import detection
from ctbench.metrics.confusion import confusion
from ctbench.metrics.registry import METRICS, Empty, Metric
from ctbench.metrics.score import IsolatedSlicesWarning, Row, missing_rows, missing_scores, score, score_rows

__all__ = [
    "METRICS",
    "Empty",
    "IsolatedSlicesWarning",
    "Metric",
    "Row",
    "confusion",
    "detection",
    "missing_rows",
    "missing_scores",
    "score",
    "score_rows",
]
