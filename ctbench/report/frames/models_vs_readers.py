"""A model of comparable runs against their readers, by structure and overall."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = ["compared_with_readers", "gap_to_readers"]


def compared_with_readers(results: ComparableRuns, model: str, reference: str, metric: str) -> pd.DataFrame:
    """Compare the readers with a model over the positives.

    Args:
        results: Runs with readers.
        model: Name of the model.
        reference: ``leave-one-out``, or the name of the common reference.
        metric: Name of the metric.

    Returns:
        As ``tables.comparison`` returns it.
    """
    asked = _arguments(results, model, reference, metric)
    return tables.comparison(results.positive_scores, patients=results.patients, **asked)


def gap_to_readers(results: ComparableRuns, model: str, reference: str, metric: str) -> pd.DataFrame:
    """Return ``tables.gap`` of the readers and a model over the positives; takes the same arguments."""
    return tables.gap(results.positive_scores, **_arguments(results, model, reference, metric))


def _arguments(results: ComparableRuns, model: str, reference: str, metric: str) -> dict[str, Any]:
    return {
        "model": model,
        "structures": results.compared(model),
        "averaged": results.averaged(model),
        "reference": reference,
        "metric": metric,
    }
