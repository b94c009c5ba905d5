"""Comparison of two raters, case by case: paired tests, wins, ties and losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from ctbench.statistics import ALPHA, Direction, direction_of, paired_differences, paired_tests

__all__ = ["TIE_MARGINS", "duel", "side_by_side"]

TIE_MARGINS = {"1": (0.0, 0.005, 0.01, 0.02, 0.05), "mm": (0.0, 0.1, 0.5, 1.0, 2.0), "mL": (0.0, 0.1, 0.5, 1.0, 5.0)}
"""Unit -> differences up to which two values can be called a tie."""

_COLUMNS = (
    *("label", "n", "first", "second", "difference", "low", "high", "p", "p_holm", "better"),
    *("wins", "ties", "losses", "reason"),
)


def duel(
    rows: pd.DataFrame,
    *,
    first: str,
    second: str,
    structures: Sequence[str],
    margin: float = 0.0,
    test: Literal["wilcoxon", "t"] = "wilcoxon",
) -> pd.DataFrame:
    """Test two raters on the cases that both have, structure by structure.

    Args:
        rows: tidy scores of both, of one metric, as ``ctbench.report.frames.contestants`` gives them; those of other
            labels are left out before P is adjusted.
        first: the rater to compare with.
        second: the other.
        structures: the labels, in the order in which they shall stand.
        margin: a difference of at most so much is a tie.
        test: Name of the test of paired differences: signed-rank or t.

    Returns:
        A row for each label: ``n`` pairs, the means ``first, second`` over them, ``difference`` (second minus first)
        with ``low, high`` (95 %), ``p``, ``p_holm`` (adjusted over the labels), ``better`` (with p_holm < .05, else
        empty), ``wins, ties, losses`` of the second (null if the metric has no better direction) and ``reason``.
    """
    rows = rows[rows["label"].isin(list(structures))]
    known = rows.dropna(subset="value")
    absent = [name for name in structures if name not in set(known["label"])]
    tested = paired_tests(known, baseline=first, test=test) if len(known) else pd.DataFrame(columns=["label", "p_holm"])
    metric = str(rows["metric"].iloc[0]) if len(rows) else ""
    counts = [
        {"label": label, **_means(own), **_outcomes(own["difference"].dropna(), metric, margin)}
        for label, own in side_by_side(known, first=first, second=second).groupby("label", sort=False)
    ]
    table = pd.DataFrame(counts, columns=["label", "first", "second", "wins", "ties", "losses"]).merge(
        tested, on="label", how="left"
    )
    table["better"] = table["better"].where(table["p_holm"] < ALPHA, "") if len(tested) else ""
    missing = pd.DataFrame({"label": absent, "n": 0, "better": "", "reason": "no case with values of both"})
    whole = pd.concat([table, missing], ignore_index=True) if absent else table
    places = {name: at for at, name in enumerate(structures)}
    whole = whole.sort_values("label", key=lambda labels: labels.map(places), kind="stable", ignore_index=True)
    return whole.reindex(columns=list(_COLUMNS))


def side_by_side(rows: pd.DataFrame, *, first: str, second: str) -> pd.DataFrame:
    """Return two raters by case, worst for the second first: ``case, label, first, second, difference``.

    Args:
        rows: as for ``duel``.
        first: the rater to compare with.
        second: the other.
    """
    if rows.empty or not {first, second} <= set(rows["rater"]):
        return pd.DataFrame(columns=["case", "label", "first", "second", "difference"])
    return paired_differences(rows, first=first, second=second).dropna(subset="difference", ignore_index=True)


def _means(pairs: pd.DataFrame) -> dict[str, float]:
    return {name: float(pairs[name].mean()) for name in ("first", "second")}


def _outcomes(differences: pd.Series, metric: str, margin: float) -> dict[str, int | None]:
    good = direction_of(metric)
    if good is Direction.NEITHER:
        return {"wins": None, "ties": None, "losses": None}
    gain = np.round(differences.to_numpy(float) * (1 if good is Direction.HIGHER else -1), 12)
    return {
        "wins": int((gain > margin).sum()),
        "ties": int((abs(gain) <= margin).sum()),
        "losses": int((gain < -margin).sum()),
    }
