"""Pairwise agreement: every reader against every other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.agreement.panel import Drawn
from ctbench.agreement.rows import Row, row
from ctbench.consensus.patterns import ABSENT
from ctbench.metric_descriptions import SYMMETRIC_METRICS
from ctbench.metrics import score_by_reference
from ctbench.reference import Reference
from ctbench.statistics import cohen_kappa

__all__ = ["pair_rows"]


def pair_rows(
    panel: Drawn,
    units: Mapping[str, NDArray[np.int8]],
    *,
    surface: Literal["2d", "3d"],
    tolerance_mm: float | Mapping[str, float],
    metrics: Sequence[str] = SYMMETRIC_METRICS,
) -> list[Row]:
    """Compare every pair of readers on the slices that both annotated: some metrics, and Cohen's kappa.

    Args:
        panel: The readers of one case.
        units: Structure -> array of ``Panel.units``, for the kappa; a structure that is not named has none.
        surface: As for ``ctbench.metrics.score``.
        tolerance_mm: Tolerance of ``nsd`` in mm, one for all structures or by name.
        metrics: Names of metrics for which it does not matter which of the two is the reference.

    Returns:
        Rows case, label, reader, other, metric, value, unit, status, detail.
    """
    rows: list[Row] = []
    scores = {}
    for other in panel.readers[1:]:
        found = score_by_reference(
            {
                reader: Reference.of(panel.label_maps[reader], panel.annotated[reader] & panel.annotated[other])
                for reader, second in panel.pairs
                if second == other
            },
            panel.label_maps[other],
            spacing_mm=panel.grid.spacing_mm,
            labels=panel.structures,
            metrics=metrics,
            tolerance_mm=tolerance_mm,
            surface=surface,
        )
        for reader, own in found.groupby("reference", sort=False):
            scores[reader, other] = own.drop(columns="reference")
    for reader, other in panel.pairs:
        who = {"case": panel.case, "reader": reader, "other": other}
        shared = panel.annotated[reader] & panel.annotated[other]
        rows += [
            {**who, **found}
            for found in _records(scores[reader, other])
            if panel.was_asked(reader, found["label"]) and panel.was_asked(other, found["label"])
        ]
        rows += [
            _kappa(both, shared.any(), label=label, **who)
            for label, table in units.items()
            if panel.was_asked(reader, label) and panel.was_asked(other, label)
            for both in [table[[panel.readers.index(name) for name in (reader, other)]]]
        ]
    return rows


def _kappa(both: NDArray[np.int8], sharing: np.bool_, **who: str) -> Row:
    both = both[:, (both != ABSENT).all(axis=0)]
    if not both.size:
        detail = "nobody drew it" if sharing else "no slice was annotated by both"
        return row("cohen_kappa", np.nan, empty=bool(sharing), detail=detail, **who)
    kappa = cohen_kappa(*both)
    return row("cohen_kappa", kappa.value, empty=not both.any(), detail=kappa.reason, **who)


def _records(scores: pd.DataFrame) -> list[dict[Any, Any]]:
    return scores.to_dict("records")
