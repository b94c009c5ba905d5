"""FROC of lesions: sensitivity at rates of false marks per case, curves, average precision, points of readers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ctbench.report import explanations
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_summaries import DETECTED_BY
from ctbench.report.frames.lesions import LesionTables
from ctbench.scores import RaterKind
from ctbench.statistics.froc import RATES, Marks, froc_sensitivities, lesion_average_precision

__all__ = [
    "MEAN_RATE",
    "FrocTables",
    "average_precisions",
    "froc_caption",
    "froc_curves",
    "froc_table",
    "froc_tables",
    "reader_points",
]

MEAN_RATE = "mean"
"""Name of the mean sensitivity over all rates."""

_KEYS = ["label", "protocol", "reference", "rater", "rater_kind"]
_CURVE = tuple(float(rate) for rate in 2 ** np.linspace(-3, 3, 49))
"""Rates at which a curve is drawn: eight to an octave, ``RATES`` among them."""


_CHALLENGE = "picai"
"""The protocol of the challenge that ranks by average precision."""


class FrocTables(NamedTuple):
    """What a page shows of the marks of one structure; all are empty where no model has confidences.

    Attributes:
        at_rates: ``froc_table`` of pieces under ``DETECTED_BY``, and of boxes.
        curves: ``froc_curves`` of the same.
        precisions: ``average_precisions`` of the same, and under ``picai``.
    """

    at_rates: pd.DataFrame
    curves: pd.DataFrame
    precisions: pd.DataFrame


def froc_tables(tables: LesionTables) -> FrocTables:
    """Return what a page shows of marks with confidences.

    Args:
        tables: Tables of ``lesion_summaries.compared_lesions``, of one structure.
    """
    boxes = [name for name in tables.marks["protocol"].unique() if str(name).startswith("box-")]
    shown = (DETECTED_BY, *boxes)
    return FrocTables(
        froc_table(tables, protocols=shown),
        froc_curves(tables, protocols=shown),
        average_precisions(tables, protocols=(*shown, _CHALLENGE)),
    )


def froc_caption(at_rates: pd.DataFrame, results: ComparableRuns) -> str:
    """Return what a figure of FROC curves shows: structure, protocols, n and cases.

    Args:
        at_rates: Rows of ``FrocTables.at_rates``, at least one.
        results: The runs.
    """
    first = at_rates.iloc[0]
    protocols = " and ".join(at_rates["protocol"].unique())
    return (
        f"{first['label']}: sensitivity over false marks per case, protocol {protocols}; n = {first['lesions']} "
        f"lesions of {results.common} in {first['cases']} cases. {explanations.FROC_LINES}"
    )


def froc_table(tables: LesionTables, *, protocols: Collection[str] | None = None, resamples: int = 500) -> pd.DataFrame:
    """Return the sensitivity of each model at 1/8 to 8 false marks per case, and the mean of these, with intervals.

    Marks are predicted pieces, of models that keep probabilities, and boxes, of models with findings. The confidence of
    a piece is the mean of its probabilities; that of a lesion the highest of the pieces compared with it, or of the
    boxes that hit it. Lesions and pieces are matched once, as the label map has them. False marks are counted per case
    over all cases, those without a lesion or prediction included.

    Args:
        tables: Tables of ``lesions.lesion_tables``.
        protocols: Names in the column ``protocol`` of ``tables.marks``; None: all.
        resamples: Bootstrap samples of patients for the 95 % intervals; 0: no intervals.

    Returns:
        Columns label, protocol, reference, rater, rater_kind, false_per_case (a number in words, or ``mean``),
        sensitivity, low, high, lesions, cases. Models that have a piece without a confidence have no rows for pieces,
        nor have protocols that call no piece false (``cc``).
    """
    rows = []
    for key, marks in _marks(tables, protocols):
        found = froc_sensitivities(marks, resamples=resamples)
        for rate, one in zip([*(f"{rate:g}" for rate in RATES), MEAN_RATE], found, strict=True):
            counts = (len(marks.lesions), len(marks.case_patients))
            rows.append((*key, rate, one.value, one.low, one.high, *counts))
    return pd.DataFrame(rows, columns=[*_KEYS, "false_per_case", "sensitivity", "low", "high", "lesions", "cases"])


def froc_curves(
    tables: LesionTables, *, protocols: Collection[str] | None = None, resamples: int = 500
) -> pd.DataFrame:
    """Return the FROC curve of each model from 1/8 to 8 false marks per case, with its interval at each rate.

    Args:
        tables: As for ``froc_table``, also those that follow.
        protocols: See there.
        resamples: See there.

    Returns:
        The first columns of ``froc_table``, with numbers in false_per_case, then sensitivity, low, high.
    """
    rows = []
    for key, marks in _marks(tables, protocols):
        found = froc_sensitivities(marks, _CURVE, resamples=resamples)
        rows += [(*key, rate, one.value, one.low, one.high) for rate, one in zip(_CURVE, found[:-1], strict=True)]
    return pd.DataFrame(rows, columns=[*_KEYS, "false_per_case", "sensitivity", "low", "high"])


def average_precisions(
    tables: LesionTables, *, protocols: Collection[str] | None = None, resamples: int = 500
) -> pd.DataFrame:
    """Return the average precision of each model's marks on lesions, with intervals; under ``picai`` it is PI-CAI's.

    Args:
        tables: As for ``froc_table``, also those that follow.
        protocols: See there.
        resamples: See there.

    Returns:
        The first columns of ``froc_table``, then average_precision, low, high, lesions, cases.
    """
    rows = []
    for key, marks in _marks(tables, protocols):
        found = lesion_average_precision(marks, resamples=resamples)
        rows.append((*key, found.value, found.low, found.high, len(marks.lesions), len(marks.case_patients)))
    return pd.DataFrame(rows, columns=[*_KEYS, "average_precision", "low", "high", "lesions", "cases"])


def reader_points(figures: pd.DataFrame) -> pd.DataFrame:
    """Return the readers of ``lesion_summaries.lesion_figures`` as points of a FROC plot: they have no confidences."""
    own = figures[figures["rater_kind"].eq(RaterKind.READER)]
    return own[["label", "reference", "rater", "rater_kind", "false_per_case", "sensitivity"]].dropna()


def _marks(tables: LesionTables, protocols: Collection[str] | None) -> Iterator[tuple[tuple[Any, ...], Marks]]:
    """Yield the keys and marks of each model, structure, protocol and reference."""
    scored = ["label", "reference", "rater", "rater_kind"]
    cases = dict(list(tables.cases.drop_duplicates([*scored, "case"]).groupby(scored, sort=False)))
    wanted = tables.marks if protocols is None else tables.marks[tables.marks["protocol"].isin(list(protocols))]
    for key, rows in wanted.groupby(_KEYS, sort=False):
        assert isinstance(key, tuple)
        if rows.loc[rows["outcome"].ne("missed"), "confidence"].isna().any():
            continue
        own = cases[key[:1] + key[2:]]["patient"]
        patients = pd.Index(own.unique())
        false = rows["outcome"].eq("false_positive")
        lesions, wrong = rows[~false], rows[false]
        yield (
            key,
            Marks(
                lesions["confidence"].fillna(-np.inf).to_numpy(),
                patients.get_indexer(lesions["patient"]),
                wrong["confidence"].to_numpy(),
                patients.get_indexer(wrong["patient"]),
                patients.get_indexer(own),
            ),
        )
