"""A model of comparable runs against their readers, by structure and overall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns

__all__ = ["compared_with_readers", "gaps_to_readers"]


def compared_with_readers(
    results: ComparableRuns, model: str, reference: str, metrics: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Compare the readers with a model over the positives.

    Args:
        results: Runs with readers.
        model: Name of the model.
        reference: ``leave-one-out``, or the name of the common reference.
        metrics: Names of the metrics.

    Returns:
        As ``tables.comparisons`` returns it.
    """
    asked = _arguments(results, model, reference, metrics)
    return tables.comparisons(results.positive_scores, patients=results.patients, **asked)


def gaps_to_readers(
    results: ComparableRuns, model: str, reference: str, metrics: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Return ``tables.gaps`` of the readers and a model over the positives; takes the same arguments."""
    return tables.gaps(results.positive_scores, **_arguments(results, model, reference, metrics))


def _arguments(results: ComparableRuns, model: str, reference: str, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "model": model,
        "structures": results.compared(model),
        "averaged": results.averaged(model),
        "reference": reference,
        "metrics": metrics,
    }
