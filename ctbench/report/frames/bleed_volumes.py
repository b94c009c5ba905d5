"""Dice and volumes by type of hemorrhage, of raters and of the ABC/2 rule (Chang et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.metrics.abc2 import abc2_ml
from ctbench.references import read_references
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.strata import reference_volumes
from ctbench.scores import RaterKind
from ctbench.statistics import volume_agreement

__all__ = ["ABC2_ALL", "ABC2_GRADED", "abc2_rows", "quantified"]

ABC2_GRADED, ABC2_ALL = "ABC/2 (graded slices)", "ABC/2 (all slices)"
"""The rule as a rater: slices count 1, 1/2 or 0 by their area (Kothari), or all of them count."""

_AGREEMENT = (
    *("n", "pearson_r", "pearson_r_low", "pearson_r_high", "mean_difference"),
    *("mean_relative_difference", "overestimation", "underestimation"),
)
_COLUMNS = ("type", "rater", "rater_kind", "reference", "structure", "dice", "dice_sd", *_AGREEMENT)


def quantified(results: ComparableRuns, strata: pd.DataFrame, bleed: str, dataset: Dataset | None) -> pd.DataFrame:
    """Return Dice and agreement of volumes by type of hemorrhage and rater, and those of ABC/2 of the reference.

    Args:
        results: Runs on one dataset.
        strata: Column ``type``, by case.
        bleed: Name of the structure that stands for any hemorrhage.
        dataset: The dataset with its label maps, of which ABC/2 with all slices is taken; None: without it.

    Returns:
        A row for each type and rater: ``type, rater, rater_kind, reference``, ``structure`` (what was measured: the
        label of the type, or any hemorrhage for a rater that does not know the label), ``dice, dice_sd`` (mean and SD,
        null for ABC/2), and the fields of ``ctbench.statistics.VolumeAgreement`` in mL and %.
    """
    rows = list(_of_raters(results, strata["type"], bleed))
    labels = [name for name in results.labels if name in set(strata["type"].dropna()) | {bleed}]
    return pd.DataFrame([*rows, *abc2_rows(results, dataset, labels)], columns=list(_COLUMNS))


def _of_raters(results: ComparableRuns, types: pd.Series, bleed: str) -> Iterator[dict[str, Any]]:
    scores = results.positive_scores
    for kind in _ordered(types, results.labels):
        for rater, reference in results.judged_on.items():
            own = scores[(scores["rater"] == rater) & (scores["reference"] == reference)]
            known = kind in results.labels and kind in tables.supported(own, rater, [kind])
            structure = kind if known else bleed
            rows = own[own["label"] == structure]
            if not known:
                rows = rows[rows["case"].map(types) == kind]
            pairs = tables.volume_pairs(rows, rater=rater, reference=reference, structures=(structure,))
            dice = rows.loc[rows["metric"] == "dice", "value"].dropna()
            if len(dice) or len(pairs):
                agreement = volume_agreement(pairs["reference_ml"], pairs["measured_ml"])
                yield {
                    "type": kind,
                    "rater": rater,
                    "rater_kind": (RaterKind.READER if rater in results.readers else RaterKind.MODEL).value,
                    "reference": reference,
                    "structure": structure if known else f"{structure} in scans of {kind}",
                    "dice": dice.mean(),
                    "dice_sd": dice.std(),
                    **{name: getattr(agreement, name) for name in _AGREEMENT},
                }


def abc2_rows(results: ComparableRuns, dataset: Dataset | None, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the agreement of ABC/2 of the common reference with the reference's volumes, by label.

    Args:
        results: Runs on one dataset.
        dataset: As for ``quantified``.
        labels: Names of the labels.

    Returns:
        Rows as those of ``quantified``; with graded slices if the metric ``reference_abc2_ml`` was scored.
    """
    volumes = reference_volumes(results, results.common)
    estimates = {ABC2_GRADED: _graded(results), ABC2_ALL: _of_all_slices(results, dataset, labels)}
    rows = []
    for label in labels:
        for name, found in estimates.items():
            if label not in found:
                continue
            true = volumes.loc[volumes[label] > 0, label]
            agreement = volume_agreement(true, found[label].reindex(true.index))
            if not agreement.n:
                continue  # no rater claims to know the label, so that the reference's volumes were not scored
            rows.append(
                {
                    "type": label,
                    "rater": name,
                    "rater_kind": "rule",
                    "reference": results.common,
                    "structure": label,
                    "dice": math.nan,
                    "dice_sd": math.nan,
                    **{field: getattr(agreement, field) for field in _AGREEMENT},
                }
            )
    return rows


def _graded(results: ComparableRuns) -> pd.DataFrame:
    """Return the metric ``reference_abc2_ml``: a row for each case, a column for each structure; else empty."""
    scores = results.scores
    rows = scores[(scores["metric"] == "reference_abc2_ml") & (scores["reference"] == results.common)]
    rows = rows.dropna(subset="value").drop_duplicates(["case", "label"])
    return rows.pivot_table(index="case", columns="label", values="value")


def _of_all_slices(results: ComparableRuns, dataset: Dataset | None, labels: Sequence[str]) -> pd.DataFrame:
    if dataset is None:
        return pd.DataFrame()
    rows = {}
    for case in dataset.select(results.cases):
        readings = read_references(case, results.manifest.consensus)
        reference, spacing = readings.common, readings.grid.spacing_mm
        codes = {label: results.manifest.labels[label] for label in labels}
        rows[case.id] = {
            label: abc2_ml(reference.labels == code, spacing, graded=False) for label, code in codes.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _ordered(types: pd.Series, labels: Sequence[str]) -> list[str]:
    found = set(types.dropna().astype(str))
    return [*(name for name in labels if name in found), *sorted(found - set(labels))]
