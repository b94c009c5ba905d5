"""Agreement of all readers of a case: kappa, alpha, conformity index, and each reader's STAPLE performance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ctbench.agreement.panel import Panel
from ctbench.agreement.rows import Row, row
from ctbench.consensus.patterns import ABSENT, patterns_of
from ctbench.consensus.performance import expected_calls, rates
from ctbench.statistics import Estimate, fleiss_kappa, generalised_conformity_index, krippendorff_alpha

__all__ = ["agreement_rows", "staple_performance", "staple_rows"]

_NOBODY = "nobody drew it in a slice that all readers annotated"


def agreement_rows(panel: Panel, units: Mapping[str, NDArray[np.int8]]) -> list[Row]:
    """Return how far all readers of a case agree about each structure.

    Fleiss' kappa and the generalised conformity index need every reader's vote on every voxel: they use the slices
    that all of them annotated. Krippendorff's alpha uses all slices that two or more annotated. An interval of a
    kappa over voxels would take neighbouring voxels as independent; a study's intervals are over cases instead.

    Args:
        panel: The readers of one case.
        units: Structure -> array of ``Panel.units``.

    Returns:
        Rows case, label, metric (``fleiss_kappa``, ``krippendorff_alpha``, ``generalised_conformity_index``), value,
        unit, status, detail.
    """
    rows: list[Row] = []
    for label, votes in units.items():
        who = {"case": panel.case, "label": label}
        table = votes[_asked(panel, label)]
        if len(table) < 2:
            continue
        common = _common(table)
        for metric, found, drawn in (
            ("fleiss_kappa", _fleiss(common), common.any()),
            ("krippendorff_alpha", _krippendorff(table), (table == 1).any()),
            ("generalised_conformity_index", _conformity(common), common.any()),
        ):
            rows.append(row(metric, found.value, empty=not drawn, detail=found.reason, **who))
    return rows


def staple_rows(panel: Panel, units: Mapping[str, NDArray[np.int8]]) -> list[Row]:
    """Estimate each reader's sensitivity and specificity, for each structure of a case by itself.

    Args:
        panel: The readers of one case.
        units: Structure -> array of ``Panel.units``; the specificity is that within this box.

    Returns:
        Rows case, label, reader, metric (``staple_sensitivity``, ``staple_specificity``), value, unit, status, detail.
    """
    rows: list[Row] = []
    for label, table in units.items():
        drawn = bool((table == 1).any())
        detail = "STAPLE needs drawn and undrawn voxels" if drawn else "nobody drew it"
        asked = _asked(panel, label)
        found = staple_performance(table[asked])
        for reader, values in zip([panel.readers[place] for place in asked], found, strict=True):
            for metric, value in zip(("staple_sensitivity", "staple_specificity"), values, strict=True):
                who = {"case": panel.case, "label": label, "reader": reader}
                rows.append(row(metric, float(value), empty=not drawn, detail=detail, **who))
    return rows


def staple_performance(table: NDArray[np.int8]) -> NDArray[np.float64]:
    """Estimate readers' sensitivity and specificity together with the hidden truth, by STAPLE.

    Args:
        table: readers x voxels: 1 drawn, 0 not drawn, ``ABSENT`` where the reader did not annotate the slice.

    Returns:
        readers x (sensitivity, specificity); NaN where the readers drew no voxel, or all.
    """
    drawn = table == 1
    if not drawn.any() or (drawn | (table == ABSENT)).all():
        return np.full((len(table), 2), np.nan)
    return rates(*expected_calls(patterns_of(table), {"drawn": 1}))[:, 0]


def _asked(panel: Panel, label: str) -> list[int]:
    """Return the places of the readers who were asked for a structure."""
    return [place for place, reader in enumerate(panel.readers) if panel.was_asked(reader, label)]


def _common(table: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return the voxels of the slices that all readers annotated."""
    return table[:, (table != ABSENT).all(axis=0)].astype(bool)


def _fleiss(common: NDArray[np.bool_]) -> Estimate:
    if not common.any():
        return Estimate(math.nan, reason=_NOBODY)
    drew = np.count_nonzero(common, axis=0)
    return fleiss_kappa(np.column_stack([drew, len(common) - drew]))


def _krippendorff(table: NDArray[np.int8]) -> Estimate:
    return krippendorff_alpha(table, missing=ABSENT) if table.size else Estimate(math.nan, reason="nobody drew it")


def _conformity(common: NDArray[np.bool_]) -> Estimate:
    if not common.any():
        return Estimate(math.nan, reason=_NOBODY)
    return Estimate(generalised_conformity_index(common))
