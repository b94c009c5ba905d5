"""Lesions of comparable runs for one page: sensitivity by size, figures by protocol, missed and false lesions."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.datasets import ALL_SIZES, SIZE_CLASSES, Dataset
from ctbench.metrics.lesions import PROTOCOLS
from ctbench.report import explanations
from ctbench.report.frames.case_calls import any_finding
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.kept_predictions import models_with_predictions
from ctbench.report.frames.lesions import LesionTables, lesion_sensitivity_table, lesion_tables
from ctbench.report.wording import counted
from ctbench.scores import LOST, OUTCOMES, RaterKind, Status
from ctbench.statistics import Population

__all__ = [
    "DETECTED_BY",
    "can_find_lesions",
    "chief_values",
    "compared_lesions",
    "figures_by_protocol",
    "lesion_figures",
    "lesion_structures",
    "reader_band",
    "sensitivity_caption",
    "volume_caption",
    "wrong_lesions",
]

DETECTED_BY = "any"
"""The protocol by which lesions are listed: one voxel of a lesion is predicted (Chang et al. 2018)."""

_WRONG = {"missed": OUTCOMES[Status.PREDICTION_EMPTY], "false_positive": OUTCOMES[Status.REFERENCE_EMPTY]}
"""Outcome of a lesion or piece -> the same in the words for cases."""

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
        values = volumes.select().values
        held, lacking = ((values > 0).any(axis=-1), (values == 0).any(axis=-1))
        varies = held.any(axis=0) & (lacking & ~held).any(axis=0)
        found |= {name for name, one in zip(volumes.labels, varies, strict=True) if one}
    return tuple(sorted((name for name in results.structures if name in found), key=lambda name: name not in chief))


def can_find_lesions(results: ComparableRuns) -> bool:
    """Return whether a model's run keeps predictions here, and some structure may be lesions."""
    return bool(lesion_structures(results)) and any(True for _ in models_with_predictions(results))


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
        models: Names of the models; None: all. Those without predictions here are left out.
        structures: Names of structures; None: those of ``lesion_structures``.

    Returns:
        Lesions are listed under ``DETECTED_BY`` only, cases are scored under every protocol.

    Raises:
        DataError: A label map cannot be read.
        UsageError: No run of these models keeps predictions here.
    """
    kept = {name: run for name, run in models_with_predictions(results) if models is None or name in models}
    return lesion_tables(
        list(kept.values()),
        dataset,
        tuple(PROTOCOLS),
        structures=lesion_structures(results) if structures is None else structures,
        listed=(DETECTED_BY,),
        leave_one_out=False,
        names=list(kept),
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


def sensitivity_caption(pooled: pd.DataFrame, results: ComparableRuns) -> str:
    """Return what a figure of sensitivities by size shows: structure, protocol, size classes, cases and n.

    Args:
        pooled: Rows of ``lesions.lesion_sensitivity_table`` of one structure.
        results: The runs.
    """
    held = (
        pooled[pooled["reference"].eq(results.common)].groupby("size_class", sort=False)[["lesions", "patients"]].max()
    )
    n = "n = 0 lesions"
    if ALL_SIZES in held.index:
        whole = held.loc[ALL_SIZES]
        by_size = ", ".join(f"{size} {held['lesions'][size]}" for size in SIZE_CLASSES if size in held.index)
        n = f"n = {whole['lesions']} lesions of {results.common} ({by_size}) in {whole['patients']} patients"
    return (
        f"{_of(pooled)}sensitivity by size of the lesion, 95 % intervals clustered by patient. {_domain(results)} "
        f"{explanations.SIZE_CLASSES} {explanations.detection_references(results.common)} {n}. "
        f"{explanations.LESION_BAND}"
    )


def volume_caption(lesions: pd.DataFrame, results: ComparableRuns) -> str:
    """Return what a figure of volumes of lesions shows: structure, protocol, cases and n.

    Args:
        lesions: ``LesionTables.lesions`` of one structure.
        results: The runs.
    """
    own = lesions[lesions["rater_kind"].eq(RaterKind.MODEL) & lesions["outcome"].isin(["detected", "missed"])]
    each = own.groupby("rater").size()
    n = counted(each, f"lesions of {results.common} for each model")
    return f"{_of(lesions)}volumes of single lesions. {_domain(results)} {n}. {explanations.LESION_VOLUMES}"


def _of(rows: pd.DataFrame) -> str:
    return f"{rows['label'].iloc[0]}: " if len(rows) else ""


def _domain(results: ComparableRuns) -> str:
    rule = PROTOCOLS[DETECTED_BY]
    return f"Protocol {rule.name}: {rule.rule}; in all {len(results.cases)} cases."


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


def chief_values(cases: pd.DataFrame, population: Population = "positives") -> pd.Series:
    """Return for each case the figure by which its protocol ranks, null where it is not in a population.

    A case without a prediction has missed all lesions, and has no false volume.

    Args:
        cases: Rows of ``LesionTables.cases``.
        population: As for ``statistics.populated``, of which a protocol's own value of a case without a lesion and a
            piece is no part: ``full-marks`` has the best value there.
    """
    figure = cases["protocol"].map({name: rule.chief for name, rule in PROTOCOLS.items()})
    values = pd.Series(float("nan"), index=cases.index)
    for name in figure.unique():
        values = values.mask(figure.eq(name), cases[name])
    negative, lost, volume = cases["lesions"].eq(0), cases["status"].isin(list(LOST)), figure.isin(_LOST_WITHOUT_VOLUME)
    values = values.mask(lost & volume)
    if population == "positives":
        return values.mask(negative)
    empty = negative & cases["pieces"].eq(0) & ~lost
    best = 1.0 - volume if population == "full-marks" else float("nan")
    return values.mask(empty, best).mask(negative & lost & ~volume, 0.0)


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
        values = chief_values(own)
        who = (rater, kind, reference, values.mean(), int(values.notna().sum()))
        rows.append((rule.name, rule.title, rule.rule, rule.chief, *who))
    columns = ["protocol", "title", "rule", "figure", "rater", "rater_kind", "reference", "value", "n"]
    return pd.DataFrame(rows, columns=columns)


def wrong_lesions(lesions: pd.DataFrame) -> pd.DataFrame:
    """Return missed lesions and false pieces, the largest first.

    Args:
        lesions: ``LesionTables.lesions``.

    Returns:
        Columns case, rater, label, outcome (``missed`` or ``false alarm``), volume_ml, nearest_mm (to the other
        mask; NaN where it is empty), slice (from 0).
    """
    wrong = lesions.assign(outcome=lesions["outcome"].map(_WRONG)).dropna(subset="outcome")
    columns = ["case", "rater", "label", "outcome", "volume_ml", "nearest_mm", "slice"]
    by = ["volume_ml", "case", "rater", "slice"]
    return wrong[columns].sort_values(by, ascending=[False, True, True, True], kind="stable", ignore_index=True)
