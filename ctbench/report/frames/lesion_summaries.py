"""Lesions of comparable runs for one page: sensitivity by size, figures by protocol, missed and false lesions."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import ALL_SIZES, Dataset
from ctbench.metrics.lesions import PROTOCOLS
from ctbench.report.frames.case_calls import any_finding
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesions import LesionTables, lesion_sensitivity_table, lesion_tables
from ctbench.runs.folder import RunFolder
from ctbench.scores import LOST, RaterKind

__all__ = [
    "DETECTED_BY",
    "can_find_lesions",
    "compared_lesions",
    "figures_by_protocol",
    "lesion_figures",
    "lesion_structures",
    "reader_band",
    "wrong_lesions",
]

DETECTED_BY = "any"
"""The protocol by which lesions are listed: one voxel of a lesion is predicted (Chang et al. 2018)."""

_LOST_WITHOUT_VOLUME = ("false_positive_volume_ml",)
"""Figures in which a lost case would be the best one, so that it has none."""


_FIGURES = (
    *("label", "rater", "rater_kind", "reference", "lesions", "detected", "sensitivity", "low", "high"),
    *("false_positives", "false_per_case", "f1", "false_negative_volume_ml", "false_positive_volume_ml"),
    *("splits", "merges", "cases", "lost"),
)


def lesion_structures(results: ComparableRuns) -> tuple[str, ...]:
    """Return the structures that are lesions, the most general first: not in every case, or what a case is called by.

    Anatomy is in every case, and its connected pieces are no lesions.
    """
    chief, volumes = any_finding(results.labels), results.reference_volumes(results.common)
    found = set(chief)
    if volumes is not None:
        held, lacking = ((volumes.values > 0).any(axis=-1), (volumes.values == 0).any(axis=-1))
        varies = held.any(axis=0) & (lacking & ~held).any(axis=0)
        found |= {name for name, one in zip(volumes.labels, varies, strict=True) if one}
    return tuple(sorted((name for name in results.structures if name in found), key=lambda name: name not in chief))


def can_find_lesions(results: ComparableRuns) -> bool:
    """Return whether a model's run keeps predictions, in which some structure may be lesions."""
    kept = (RunFolder(results.open_run(model).folder) for model in results.models)
    return bool(lesion_structures(results)) and any(
        folder.prediction(case).is_file() for folder in kept for case in results.cases
    )


def compared_lesions(
    results: ComparableRuns,
    dataset: Dataset,
    models: Sequence[str] | None = None,
    structures: Sequence[str] | None = None,
) -> LesionTables:
    """Score lesions under all protocols: models against the common reference, readers against those without them.

    Args:
        results: Runs on one dataset.
        dataset: The dataset, with the readers' masks.
        models: Names of the models; None: all.
        structures: Names of structures; None: those of ``lesion_structures``.

    Returns:
        Lesions are listed under ``DETECTED_BY`` only, cases are scored under every protocol.

    Raises:
        DataError: A label map cannot be read.
        StoreError: The files of a run are not on this machine.
    """
    names = results.models if models is None else tuple(models)
    return lesion_tables(
        [results.open_run(name) for name in names],
        dataset,
        tuple(PROTOCOLS),
        structures=lesion_structures(results) if structures is None else structures,
        listed=(DETECTED_BY,),
        leave_one_out=False,
        names=names,
    )


def reader_band(pooled: pd.DataFrame) -> pd.DataFrame:
    """Return the lowest and the highest sensitivity of a single reader by size class.

    Args:
        pooled: Rows of ``lesions.lesion_sensitivity_table`` of one structure.

    Returns:
        Columns size_class, lowest, highest, readers; without size classes in which no reader has a lesion.
    """
    own = pooled[pooled["rater_kind"].eq(RaterKind.READER)].dropna(subset="sensitivity")
    spans = own.groupby("size_class", sort=False)["sensitivity"].agg(["min", "max", "size"]).reset_index()
    return spans.rename(columns={"min": "lowest", "max": "highest", "size": "readers"})


def lesion_figures(tables: LesionTables) -> pd.DataFrame:
    """Return what each rater found, by structure: pooled sensitivity, and sums and means over cases.

    Args:
        tables: Tables of ``compared_lesions``.

    Returns:
        Columns label, rater, rater_kind, reference, lesions, detected, sensitivity, low, high, false_positives,
        false_per_case (over cases with a prediction), f1 (mean over the cases whose reference holds it),
        false_negative_volume_ml and false_positive_volume_ml (sums), splits, merges, cases, lost (cases without a
        prediction).
    """
    pooled = lesion_sensitivity_table(tables.lesions)
    keys = ["label", "rater", "rater_kind", "reference"]
    whole = pooled[pooled["size_class"].eq(ALL_SIZES)].drop(columns=["size_class", "protocol", "patients"])
    cases = tables.cases[tables.cases["protocol"].eq(DETECTED_BY)]
    rows = cases.assign(lost=cases["status"].isin(list(LOST)), f1=cases["f1"].where(cases["lesions"] > 0))
    sums = ["splits", "merges", "false_positive_volume_ml", "false_negative_volume_ml"]
    found = rows.groupby(keys, sort=False).agg(
        **{name: (name, "sum") for name in sums}, cases=("case", "size"), lost=("lost", "sum"), f1=("f1", "mean")
    )
    both = found.reset_index().merge(whole, on=keys, how="left")
    both[["lesions", "detected", "false_positives"]] = both[["lesions", "detected", "false_positives"]].fillna(0)
    predicted = (both["cases"] - both["lost"]).where(lambda n: n > 0)
    return both.assign(false_per_case=both["false_positives"] / predicted)[list(_FIGURES)]


def figures_by_protocol(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of the figure by which each protocol ranks, over the cases whose reference holds the structure.

    Args:
        cases: ``LesionTables.cases`` of one structure.

    Returns:
        Columns protocol, title, rule, figure, rater, rater_kind, reference, value, n (cases with a value). A case
        without a prediction has missed all lesions, but has no false volume.
    """
    held = cases[cases["lesions"] > 0]
    rows = []
    for (name, rater, kind, reference), own in held.groupby(
        ["protocol", "rater", "rater_kind", "reference"], sort=False
    ):
        rule = PROTOCOLS[str(name)]
        values = own[rule.chief]
        if rule.chief in _LOST_WITHOUT_VOLUME:
            values = values.mask(own["status"].isin(list(LOST)))
        who = (rater, kind, reference, values.mean(), int(values.notna().sum()))
        rows.append((rule.name, rule.title, rule.rule, rule.chief, *who))
    columns = ["protocol", "title", "rule", "figure", "rater", "rater_kind", "reference", "value", "n"]
    return pd.DataFrame(rows, columns=columns)


def wrong_lesions(lesions: pd.DataFrame) -> pd.DataFrame:
    """Return missed lesions and false pieces, the largest first.

    Args:
        lesions: ``LesionTables.lesions``.

    Returns:
        Columns case, rater, label, outcome (``missed`` or ``false_positive``), volume_ml, nearest_mm (to the other
        mask; NaN where it is empty), slice (from 0).
    """
    wrong = lesions[lesions["outcome"].isin(["missed", "false_positive"])]
    columns = ["case", "rater", "label", "outcome", "volume_ml", "nearest_mm", "slice"]
    by = ["volume_ml", "case", "rater", "slice"]
    return wrong[columns].sort_values(by, ascending=[False, True, True, True], kind="stable", ignore_index=True)
