"""FROC of the lesions of runs that keep probabilities: curves, and sensitivities at rates of false pieces per case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ctbench.metrics.lesions import PROTOCOLS
from ctbench.report.frames.lesions import LesionTables
from ctbench.scores import RaterKind
from ctbench.statistics.froc import RATES, Marks, froc_curve, froc_sensitivities

__all__ = ["MEAN_RATE", "froc_points", "froc_table"]

MEAN_RATE = "mean"
"""Name of the mean sensitivity over all rates."""

_KEYS = ["label", "protocol", "reference", "rater", "rater_kind"]
_COLUMNS = [*_KEYS, "false_per_case", "sensitivity", "low", "high", "lesions", "cases"]


def froc_table(tables: LesionTables, *, resamples: int = 500) -> pd.DataFrame:
    """Return the sensitivity of each model at 1/8 to 8 false pieces per case, and the mean of these, with intervals.

    The confidence of a predicted piece is the mean of its probabilities; that of a lesion the highest of the pieces
    compared with it. Lesions and pieces are matched once, as the label map has them. False pieces are counted per case
    over all cases, those without a lesion or prediction included.

    Args:
        tables: Tables of ``lesions.lesion_tables``.
        resamples: Bootstrap samples of patients for the 95 % intervals; 0: no intervals.

    Returns:
        Columns label, protocol, reference, rater, rater_kind, false_per_case (a number in words, or ``mean``),
        sensitivity, low, high, lesions, cases. Models that have a piece without a confidence have no rows, nor have
        protocols that call no piece false (``cc``).
    """
    rows = []
    for key, marks in _marks(tables):
        found = froc_sensitivities(marks, resamples=resamples)
        for rate, one in zip([*(f"{rate:g}" for rate in RATES), MEAN_RATE], found, strict=True):
            counts = (len(marks.lesions), len(marks.case_patients))
            rows.append((*key, rate, one.value, one.low, one.high, *counts))
    return pd.DataFrame(rows, columns=_COLUMNS)


def froc_points(tables: LesionTables) -> pd.DataFrame:
    """Return the corners of the FROC curves of models with confidences, with the keys of ``froc_table``.

    Columns false_per_case and sensitivity are numbers; each curve begins at 0, 0.
    """
    rows = []
    for key, marks in _marks(tables):
        corners = zip(*froc_curve(marks), strict=True)
        rows += [(*key, 0.0, 0.0), *((*key, float(rate), float(value)) for rate, value in corners)]
    return pd.DataFrame(rows, columns=[*_KEYS, "false_per_case", "sensitivity"])


def _marks(tables: LesionTables) -> Iterator[tuple[tuple[Any, ...], Marks]]:
    """Yield the keys and marks of each model, structure, protocol and reference."""
    listed = dict(list(tables.lesions.groupby(_KEYS, sort=False)))
    judged = tables.cases["protocol"].isin(tables.lesions["protocol"].unique())
    own = tables.cases[judged & tables.cases["rater_kind"].eq(RaterKind.MODEL)]
    for key, cases in own.groupby(_KEYS, sort=False):
        assert isinstance(key, tuple)
        rows = listed.get(key, tables.lesions[:0])
        marked = rows["outcome"].isin(["detected", "false_positive"])
        if PROTOCOLS[str(key[1])].regions or rows.loc[marked, "confidence"].isna().any():
            continue
        patients = pd.Index(cases["patient"].unique())
        lesions, false = rows[rows["outcome"].isin(["detected", "missed"])], rows[rows["outcome"].eq("false_positive")]
        yield (
            key,
            Marks(
                lesions["confidence"].fillna(-np.inf).to_numpy(),
                patients.get_indexer(lesions["patient"]),
                false["confidence"].to_numpy(),
                patients.get_indexer(false["patient"]),
                patients.get_indexer(cases["patient"]),
            ),
        )
