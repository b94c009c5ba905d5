"""Box plots as numbers: what a box, its whiskers and its dots stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ctbench.statistics import populated

__all__ = ["box_table", "marked"]

_REACH = 1.5


def box_table(scores: pd.DataFrame, by: Sequence[str] = ("reference", "label", "rater")) -> pd.DataFrame:
    """Sum up values as box plots do.

    The box reaches from the first to the third quartile with the median inside, the whiskers to the last value within
    1.5 times that range (Tukey), and the values beyond are dots.

    Args:
        scores: Tidy scores of one metric; only positives with a value count.
        by: the columns that make a box each.

    Returns:
        Columns ``by``, n, q1, median, q3, low and high (the ends of the whiskers), outliers (a list of values); in the
        order in which the groups first occur.
    """
    rows = []
    groups = populated(scores).dropna(subset="value").groupby(list(by), sort=False, observed=True)
    for head, own in groups["value"]:
        values = own.to_numpy(float)
        q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
        inside = (values >= q1 - _REACH * (q3 - q1)) & (values <= q3 + _REACH * (q3 - q1))
        rows.append(
            {
                **dict(zip(by, head, strict=True)),
                "n": len(values),
                "q1": q1,
                "median": median,
                "q3": q3,
                # Between the values that a quartile lies between, none may be within reach.
                "low": min(values[inside].min(), q1),
                "high": max(values[inside].max(), q3),
                "outliers": values[~inside].tolist(),
            }
        )
    return pd.DataFrame(rows, columns=[*by, "n", "q1", "median", "q3", "low", "high", "outliers"])


def marked(boxes: pd.DataFrame, comparison: pd.DataFrame) -> pd.DataFrame:
    """Add Cai's marks to boxes.

    Args:
        boxes: Rows of ``box_table``, by reference, label and rater.
        comparison: Rows of ``tables.comparison``.

    Returns:
        The boxes with the column ``mark``: ``*`` where the reader is better than the model (P < .05), ``†`` where the
        model is, else empty.
    """
    better = comparison["reader_better"].map({True: "*", False: ""})
    marks = better.mask(comparison["model_better"].astype(bool), "†")
    keys = ["reference", "label", "rater"]
    found = comparison[keys].assign(mark=marks)
    return boxes.merge(found, on=keys, how="left").fillna({"mark": ""})
