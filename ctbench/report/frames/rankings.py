"""Rankings of models and readers on the same references, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.contestants import contestants, structure_rows
from ctbench.statistics import OVERALL, Direction, direction_of, rank

__all__ = ["RANKED", "RESAMPLES", "can_rank", "entrants", "ranked", "ranking_table"]

RESAMPLES = 1000
"""Number of sign patterns, or of bootstrap samples, of patients."""


RANKED: Any = {"cluster": "patient", "resamples": RESAMPLES}
"""Options of ``ctbench.statistics.rank`` and ``rank_stability`` in a report."""


def can_rank(results: ComparableRuns) -> bool:
    """Return whether some scope has two raters to rank, by a metric of which higher or lower values are better."""
    most = max(map(len, results.ranked_scopes.values()))
    return (
        most + results.leave_one_out >= 2
        and most > 0
        and direction_of(results.chief_metrics[0]) is not Direction.NEITHER
    )


def entrants(results: ComparableRuns, models: Sequence[str], structures: Sequence[str]) -> pd.DataFrame:
    """Return scores that may be ranked together: models and the readers as one rater, on the same references.

    Each reader and the models are scored on the reference made without this reader, and the scores of models and
    readers are averaged over these references. A structure of a case counts on the references on which all raters have
    a value. Without leave-one-out references the models are ranked among themselves on the common reference.

    Args:
        results: Runs on one dataset.
        models: Names of the models to rank.
        structures: Names of the structures to keep.

    Returns:
        Tidy scores of the first of ``results.chief_metrics`` with the column ``patient``: by case, rater and
        structure, and by case and rater the mean over structures as ``overall``; null where nothing counts.
    """
    metric = results.chief_metrics[0]
    grids = results.grids(metric, results.fair)
    names = [*models, *([tables.ALL_READERS] if results.leave_one_out else [])]
    own: Any = {"name_of": results.name_of, "patients": results.patients}
    each = structure_rows(grids, names, structures, metric, **own)
    mean = contestants(grids, names, structures, metric, **own)
    return pd.concat([each, mean], ignore_index=True).assign(dataset=results.dataset, reference=results.fair)


def ranking_table(results: ComparableRuns, models: Sequence[str], structures: Sequence[str]) -> pd.DataFrame:
    """Rank models, and the readers as one rater, for each structure and by the overall mean.

    Takes the same arguments as ``entrants``.

    Returns:
        The columns of ``ctbench.statistics.rank`` by label; ``overall`` comes last.
    """
    return ranked(entrants(results, models, structures), structures)


def ranked(scores: pd.DataFrame, structures: Sequence[str]) -> pd.DataFrame:
    """Rank the scores that ``entrants`` returned: the columns of ``ctbench.statistics.rank``, by label."""
    return tables.in_order(rank(scores, **RANKED), (*structures, OVERALL))
