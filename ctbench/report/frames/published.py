"""What papers printed for a dataset, beside what was measured on it: marked as such, and never ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ctbench.datasets import published
from ctbench.errors import DatasetError
from ctbench.statistics import OVERALL

__all__ = ["published_rows"]

_STATISTICS = ("mean", "median")


def published_rows(dataset: str, over: Sequence[str], metric: str) -> pd.DataFrame:
    """List the means and medians of a metric that papers printed for a dataset.

    Args:
        dataset: Name of the dataset; without an entry in a catalogue it has no published values.
        over: a structure, or the structures of an overall mean: then the papers' own overall rows are given.
        metric: Name of the metric.

    Returns:
        Columns ``rater`` (with the paper), ``rater_kind`` (``published``), ``mean, median, sd, n`` and ``reason``:
        where it is printed, for which cases, against what.
    """
    columns = ["rater", "rater_kind", *_STATISTICS, "sd", "n", "reason"]
    try:
        rows = published(dataset)
    except DatasetError:
        return pd.DataFrame(columns=columns)
    label = over[0] if len(over) == 1 else OVERALL
    chosen = rows[(rows["label"] == label) & (rows["metric"] == metric) & rows["statistic"].isin(_STATISTICS)]
    made = [
        {
            "rater": f"{row['rater']} ({row['paper']})",
            "rater_kind": "published",
            row["statistic"]: row["value"],
            "sd": row["sd"],
            "n": row["n"],
            "reason": _source(row),
        }
        for row in chosen.to_dict("records")
    ]
    return pd.DataFrame(made, columns=columns).astype({"mean": float, "median": float, "sd": float, "n": "Int64"})


def _source(row: Mapping[Any, Any]) -> str:
    said = [f"printed in {row['table']} of {row['paper']}", row["subset"], row["size"]]
    if row["reference"]:
        said.append(f"against {row['reference']}")
    return ", ".join(part for part in said if part) + "; other cases, never ranked"
