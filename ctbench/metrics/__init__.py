"""Segmentation metrics of label maps: overlap, volumes, surface distances, and their values for empty masks."""

from __future__ import annotations

from ctbench.metrics import detection, lesions
from ctbench.metrics.confusion import confusion
from ctbench.metrics.registry import METRICS, Empty, Metric, chosen_metrics, expect_metrics
from ctbench.metrics.score import (
    IsolatedSlicesWarning,
    Row,
    missing_rows,
    missing_scores,
    rows_by_reference,
    score,
    score_by_reference,
    score_rows,
)

__all__ = [
    "METRICS",
    "Empty",
    "IsolatedSlicesWarning",
    "Metric",
    "Row",
    "chosen_metrics",
    "confusion",
    "detection",
    "expect_metrics",
    "lesions",
    "missing_rows",
    "missing_scores",
    "rows_by_reference",
    "score",
    "score_by_reference",
    "score_rows",
]
