"""What stands beside a mean over positives: misses, false alarms, specificity, and the volume drawn in negatives."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.metric_descriptions import VOLUME
from ctbench.scores import LOST, POSITIVE, Status
from ctbench.statistics.missing import Numbers
from ctbench.statistics.populations import PLACE, negatives
from ctbench.statistics.proportion import wilson
from ctbench.statistics.tidy import as_names, checked, expect_one

__all__ = ["CALLS", "false_alarms", "with_specificity"]

CALLS = ("positives", "misses", "negatives", "false_alarms", "lost")
"""The columns that count cases."""


def false_alarms(scores: pd.DataFrame, by: str | Sequence[str] = ("label", "rater")) -> pd.DataFrame:
    """Return how often raters missed what is there, and drew what is not: what stands beside a mean over positives.

    Args:
        scores: Tidy scores of one reference and dataset, unless these columns are among ``by``. The volumes need rows
            of the metric ``volume_ml``.
        by: Name or names of the columns to group by.

    Returns:
        One row per group: the columns ``by``; ``positives`` and ``negatives`` (cases whose reference holds the
        structure, and does not; with several structures in a group, structures of cases); ``misses`` (positives in
        which the rater drew nothing), ``false_alarms`` (negatives in which the rater drew something), ``lost`` (failed
        or missing predictions of either); ``specificity`` with its 95 % interval ``specificity_low, specificity_high``
        (share of the negatives in which the rater drew nothing; a lost case counts as wrongly called), and
        ``false_ml`` (mean volume drawn in a negative, mL; null without volumes or negatives).

    Raises:
        UsageError: The scores are not tidy, or a group holds several references or datasets.
    """
    names = as_names(by)
    scores = checked(scores, (*names, "case", "label", "rater", "metric", "status"))
    expect_one(scores, ("reference", "dataset"), split=names)
    scores = scores.assign(negative=negatives(scores))
    once = scores.drop_duplicates([name for name in (*PLACE, "rater") if name in scores.columns])
    status, negative = once["status"], once["negative"]
    positive = ~negative & status.isin(POSITIVE | LOST)
    counted = once.assign(
        positives=positive,
        misses=status.eq(Status.PREDICTION_EMPTY.value),
        negatives=negative,
        false_alarms=status.eq(Status.REFERENCE_EMPTY.value),
        lost=status.isin(LOST),
        lost_negatives=negative & status.isin(LOST),
    )
    counts = [*CALLS, "lost_negatives"]
    table = counted.groupby(names, sort=False, dropna=False, observed=True)[counts].sum()
    drawn = scores[scores["metric"].eq(VOLUME) & scores["negative"]]
    volume = drawn.groupby(names, sort=False, dropna=False, observed=True)["value"].mean()
    table["false_ml"] = volume.reindex(table.index).astype(float)
    wrong = table["false_alarms"] + table.pop("lost_negatives")
    return with_specificity(table, wrong.to_numpy(float)).reset_index()


def with_specificity(table: pd.DataFrame, wrong: Numbers) -> pd.DataFrame:
    """Return a table of calls with ``specificity`` and its Wilson interval after ``lost``.

    Args:
        table: Columns ``positives, misses, negatives, false_alarms, lost, false_ml``.
        wrong: Number of negatives that were called wrongly, in each row.
    """
    shares = [wilson(round(n - k), n) for k, n in zip(wrong, table["negatives"], strict=True)]
    own = {
        "specificity": [share.value for share in shares],
        "specificity_low": [share.low for share in shares],
        "specificity_high": [share.high for share in shares],
    }
    return table.assign(**own)[[*CALLS, *own, "false_ml"]]
