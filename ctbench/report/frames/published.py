"""What papers printed for a dataset, beside what was measured on it: marked as such, and never ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ctbench.consensus import METHODS
from ctbench.datasets import published
from ctbench.errors import DatasetError
from ctbench.report.frames.tables import LEAVE_ONE_OUT
from ctbench.statistics import OVERALL

__all__ = ["PUBLISHED_COLUMNS", "has_published", "published_rows"]

PUBLISHED_COLUMNS = ("rater", "rater_kind", "mean", "median", "sd", "n", "incomparable", "reason")
"""The columns of printed results."""

_STATISTICS = ("mean", "median")
_SURFACE_DICE = ("nsd", "nsd_voxel")
_READERS_RULES = METHODS


def published_rows(
    dataset: str,
    over: Sequence[str],
    metric: str,
    *,
    reference: str,
    tolerance_mm: float | Mapping[str, float],
) -> pd.DataFrame:
    """List the means and medians of a metric that papers printed for a dataset.

    Args:
        dataset: Name of the dataset; without an entry in a catalogue it has no published values.
        over: a structure, or the structures of an overall mean: then the papers' own overall rows are given.
        metric: Name of the metric.
        reference: Name of the reference of the measured values, e.g. ``majority`` or ``given``.
        tolerance_mm: Tolerance of the measured surface Dice, one for all structures or by name.

    Returns:
        Columns ``PUBLISHED_COLUMNS``: ``rater`` (with the paper), ``rater_kind`` (``published``), the printed ``mean,
        median, sd, n``; ``incomparable``: why the measured values, which are means over positives, cannot be compared
        with it, empty if they can, but for the cases; ``reason``: where it is printed, for which cases, against what,
        and why it cannot be compared.
    """
    rows = _printed(dataset)
    label = over[0] if len(over) == 1 else OVERALL
    chosen = rows[(rows["label"] == label) & (rows["metric"] == metric) & rows["statistic"].isin(_STATISTICS)]
    made = []
    for row in chosen.to_dict("records"):
        differing = ", ".join(_differing(row, over, reference, tolerance_mm))
        made.append(
            {
                "rater": f"{row['rater']} ({row['paper']})",
                "rater_kind": "published",
                row["statistic"]: row["value"],
                "sd": row["sd"],
                "n": row["n"],
                "incomparable": differing,
                "reason": _source(row, differing),
            }
        )
    frame = pd.DataFrame(made, columns=list(PUBLISHED_COLUMNS))
    return frame.astype({"mean": float, "median": float, "sd": float, "n": "Int64"})


def has_published(dataset: str, metrics: Sequence[str]) -> bool:
    """Return whether a paper printed a mean or median of one of these metrics for a dataset."""
    rows = _printed(dataset)
    return bool((rows["metric"].isin(metrics) & rows["statistic"].isin(_STATISTICS)).any())


def _printed(dataset: str) -> pd.DataFrame:
    try:
        return published(dataset)
    except DatasetError:
        return published().iloc[:0]


def _differing(
    row: Mapping[Any, Any], over: Sequence[str], reference: str, tolerance_mm: float | Mapping[str, float]
) -> Iterator[str]:
    """Yield why a measured mean over positives is not what a printed row is."""
    if not row["population"]:
        yield "the paper does not say over which cases"
    elif row["population"] != "positives":
        yield f"printed over {row['population']}, measured over positives"
    if _of_readers(row["reference"]) != _of_readers(reference):
        yield f"printed against {row['reference'] or 'an unknown reference'}, measured against {reference}"
    if not row["unit"]:
        yield "no unit is printed"
    if row["metric"] in _SURFACE_DICE:
        measured = _text(tolerance_mm, over)
        if pd.isna(row["tolerance_mm"]):
            yield f"no tolerance is printed, measured at {measured} mm"
        elif f"{row['tolerance_mm']:g}" != measured:
            yield f"printed at a tolerance of {row['tolerance_mm']:g} mm, measured at {measured} mm"


def _of_readers(reference: str) -> str:
    """Return the reference if it was fused from several readers; empty for a single mask, whoever drew it."""
    return reference if reference.startswith((*_READERS_RULES, LEAVE_ONE_OUT)) else ""


def _text(tolerance_mm: float | Mapping[str, float], over: Sequence[str]) -> str:
    values = [tolerance_mm[name] for name in over] if isinstance(tolerance_mm, Mapping) else [tolerance_mm]
    return " or ".join(dict.fromkeys(f"{value:g}" for value in values))


def _source(row: Mapping[Any, Any], differing: str) -> str:
    said = [f"printed in {row['table']} of {row['paper']}", row["subset"], row["size"]]
    if row["reference"]:
        said.append(f"against {row['reference']}")
    why = f"; cannot be compared: {differing}" if differing else ""
    return ", ".join(part for part in said if part) + f"{why}; other cases, never ranked"
