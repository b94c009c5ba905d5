"""Definitions of metrics, their values where a mask is empty, and consensus rules, as tables."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ctbench.metrics import METRICS
from ctbench.report.wording import MISSING, metric_title, unit_title

__all__ = ["CONSENSUS_RULES", "consensus_rules", "metric_definitions"]

CONSENSUS_RULES = {
    "majority": "the label that more than half of the readers drew who annotated the slice; background is a vote like "
    "any other, and a voxel without a majority is indeterminate",
    "plurality": "the label that most of them drew; a tie is indeterminate",
    "staple": "the label that is most probable given how reliable each reader is, which is estimated from where they "
    "agree (multi-label STAPLE; background counts in the box of what anyone drew); undecided voxels are "
    "indeterminate",
    "simple": "the label that more than half of them drew, each weighted by the Dice with the result; readers far "
    "below the best are dropped (SIMPLE)",
    "union": "what any of them drew; for one structure",
    "intersection": "what all of them drew; for one structure",
}
"""Rule -> how it makes one reference of several readers."""

_EMPTY = ("both", "prediction", "reference", "missing")


def metric_definitions(names: Iterable[str] | None = None) -> pd.DataFrame:
    """Define metrics, in the order in which they are listed.

    Args:
        names: Names of the metrics to define; None: all.

    Returns:
        Columns ``metric, title, definition, unit, better``, then ``both_empty, prediction_empty, reference_empty,
        missing``, the value where something is empty or there is no prediction, and ``source, version``.
    """
    wanted = None if names is None else set(names)
    rows = []
    for name, metric in METRICS.items():
        if wanted is not None and name not in wanted:
            continue
        values = [_outcome(getattr(metric.empty, case)) for case in _EMPTY]
        empty = dict(zip(("both_empty", "prediction_empty", "reference_empty", "missing"), values, strict=True))
        better = {"zero": "towards 0", None: MISSING}.get(metric.better, str(metric.better))
        rows.append(
            {
                "metric": name,
                "title": metric_title(name),
                "definition": metric.definition,
                "unit": unit_title(metric.unit) or "ratio",
                "better": better,
                **empty,
                "source": metric.source,
                "version": metric.version,
            }
        )
    return pd.DataFrame(rows)


def _outcome(value: object) -> str:
    return "undefined" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def consensus_rules() -> pd.DataFrame:
    """Return how each consensus rule works: columns ``rule, meaning``."""
    return pd.DataFrame(list(CONSENSUS_RULES.items()), columns=["rule", "meaning"])
