"""Tables and figures of Chang et al. 2018, hybrid 3D/2D Mask R-CNN for hemorrhage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import pandas as pd

from ctbench.datasets import SIZE_CLASSES, Dataset
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.detection_charts import roc_chart
from ctbench.report.drawings.picture_grid import error_tiles, picture_grid
from ctbench.report.frames.bleed_scores import case_dice
from ctbench.report.frames.bleed_volumes import quantified
from ctbench.report.frames.case_calls import RATES, calls, chief_calls, crossed_rows, detection_rows
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.roc import roc_table
from ctbench.report.frames.strata import Strata, strata
from ctbench.report.papers.hemorrhage import expect_bleed
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table, tuples
from ctbench.report.wording import MISSING, fixed, percent
from ctbench.scores import RaterKind

__all__ = ["PARTS"]

_PICTURES = 8
_BALANCED = {"accuracy": "balanced_accuracy", "ppv": "balanced_ppv", "npv": "balanced_npv"}
"""Rate of the full set -> the same as if half of the scans were positive."""
_HEADS = {"accuracy": "Accuracy", "auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
_HEADS |= {"ppv": "PPV", "npv": "NPV"}
_POOLED = (
    "Give the run of `ctbench train --folds 5` for the paper's cross-validation cohort: it holds the held-out "
    "predictions of all folds, pooled as in the paper."
)
_READERS = (
    "Readers are judged by the reference that was made without them; they call a scan positive by drawing anything."
)
_BALANCING = (
    "Balanced accuracy is the mean of sensitivity and specificity; the accuracies that the paper prints are the mean "
    "of the sensitivity and of the full set's negative predictive value (ctbench audit)."
)
_ABC2 = (
    "ABC/2 is taken of the reference: with graded slices as Kothari counts them (1, 1/2 or 0 by area), and with all "
    "slices. On a perfect ellipsoid the first is a third too low, the second 4.5 %. The paper writes of a graded "
    "extent, and finds 20.2 % too much."
)


class _Cohort(NamedTuple):
    """The runs on one cohort: its name, any hemorrhage's structure, the dataset if it is at hand, type and size."""

    name: str
    results: ComparableRuns
    bleed: str
    dataset: Dataset | None
    strata: Strata


def _cohorts(material: Material) -> list[_Cohort]:
    found = []
    several = len({results.dataset for results in material.results}) > 1
    for results, bleed in expect_bleed(material.results):
        dataset, split = material.datasets.get(results.dataset), results.manifest.split or "all"
        name = f"{results.dataset}, {split}" if several else split
        found.append(_Cohort(name, results, bleed, dataset, strata(results, dataset, results.common)))
    if all(cohort.strata.frame.empty for cohort in found):
        msg = "needs the metric reference_volume_ml, which was not scored"
        raise NotAvailableError(msg)
    return found


def _types(cohorts: list[_Cohort]) -> list[str]:
    """Return the types that occur: labels in their order, then other words of case tables."""
    found = {str(name) for cohort in cohorts for name in cohort.strata.frame["type"].dropna()}
    labels = [name for name in cohorts[0].results.labels if name in found]
    return [*labels, *sorted(found - set(labels))]


def _rules(cohorts: list[_Cohort]) -> list[str]:
    return list(dict.fromkeys(cohort.strata.rule for cohort in cohorts))


def _table_1(material: Material) -> Result:
    cohorts = _cohorts(material)
    types = _types(cohorts)
    rows, sizes = [], []
    for cohort in cohorts:
        frame = cohort.strata.frame
        counts = frame.groupby(["size_class", "type"]).size()
        for kind in types:
            own = [(size, int(counts.get((size, kind), 0))) for size in SIZE_CLASSES]
            rows += [(cohort.name, kind, size, n) for size, n in [*own, ("total", sum(n for _, n in own))]]
        for kind in ("all", *types):
            chosen = frame[frame["type"].eq(kind)] if kind != "all" else frame
            volumes = chosen["volume_ml"].dropna()
            quarters = volumes.quantile([0.5, 0.25, 0.75]).tolist()
            sizes.append((cohort.name, kind, len(frame), len(volumes), len(volumes) / len(frame), *quarters))
    counted = pd.DataFrame(rows, columns=["cohort", "type", "size", "hemorrhages"])
    wide = counted.assign(head=counted["type"] + ", " + counted["cohort"])
    order = [f"{kind}, {cohort.name}" for kind in types for cohort in cohorts]
    wide = wide.pivot_table(index="size", columns="head", values="hemorrhages")
    printed = wide.loc[[*SIZE_CLASSES, "total"], order].astype(int).astype(str)
    printed = printed.rename_axis("Size").reset_index().rename_axis(columns=None)
    names = ["cohort", "type", "scans", "hemorrhages", "share", "median_ml", "q1_ml", "q3_ml"]
    medians = pd.DataFrame(sizes, columns=names)
    shown = pd.DataFrame(
        {
            "Cohort": medians["cohort"],
            "Type": medians["type"],
            "Hemorrhages": [f"{row.hemorrhages} of {row.scans} ({percent(row.share)})" for row in tuples(medians)],
            "Median, mL (IQR)": [
                f"{fixed(row.median_ml, '%')} ({fixed(row.q1_ml, '%')}–{fixed(row.q3_ml, '%')})"
                for row in tuples(medians)
            ],
        }
    )
    caption = "Scans with hemorrhage by type and size: > 25, 5 to 25, 0.01 to 5 and < 0.01 mL."
    return Result(
        {
            "": Table(counted, caption, printed),
            "sizes": Table(medians, "Share of scans with hemorrhage, and volume of all their blood.", shown),
        },
        notes=[*_rules(cohorts), _POOLED],
    )


def _calls(cohort: _Cohort) -> pd.DataFrame:
    found = calls(cohort.results)
    return chief_calls(found[found["label"] == cohort.bleed]) if len(found) else found


def _expect_calls(found: Mapping[str, pd.DataFrame]) -> None:
    if not any(map(len, found.values())):
        msg = "needs scans with and without hemorrhage, and the metrics volume_ml and reference_volume_ml"
        raise NotAvailableError(msg)


def _crossed(material: Material) -> tuple[list[_Cohort], pd.DataFrame]:
    cohorts = _cohorts(material)
    types, parts = _types(cohorts), {}
    for cohort in cohorts:
        found = _calls(cohort)
        if len(found):
            own = {name: strata(cohort.results, cohort.dataset, name).frame for name in found["reference"].unique()}
            parts[cohort.name] = crossed_rows(found, own, types).assign(cohort=cohort.name)
    _expect_calls(parts)
    return cohorts, pd.concat(list(parts.values()), ignore_index=True)


def _rates(frame: pd.DataFrame, cohorts: list[_Cohort], named: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of Table 2 as it prints them: a row for each rater and stratum, a column for each rate.

    Args:
        frame: Rows of ``crossed_rows`` with the column ``cohort``.
        cohorts: The cohorts in their order.
        named: Rate -> column that is printed for it, where it differs.
    """
    columns = {
        head if len(cohorts) == 1 else f"{head}, {cohort.name}": (cohort.name, named.get(rate, rate))
        for rate, head in _HEADS.items()
        for cohort in cohorts
    }
    keys = ["rater", "type", "size_class"]
    rows = []
    for key, own in frame.groupby(keys, sort=False):
        kind, size = key[1], key[2]
        by_cohort = own.set_index("cohort")
        positives = [f"{by_cohort['positive'].get(cohort.name, 0)}" for cohort in cohorts]
        heads = {"Rater": key[0], "Type": "all ICH" if kind == "all" else kind, "Size": size, "n": ", ".join(positives)}
        cells = {head: fixed(by_cohort[column].get(name, float("nan"))) for head, (name, column) in columns.items()}
        rows.append(heads | cells)
    return pd.DataFrame(rows).replace(fixed(None), "NA")


def _table_2(material: Material) -> Result:
    cohorts, frame = _crossed(material)
    tables = {}
    for kind, ending in ((RaterKind.MODEL, ""), (RaterKind.READER, "readers")):
        own = frame[frame["rater_kind"] == kind]
        if len(own):
            what = f"Detection by {'models' if kind == RaterKind.MODEL else 'readers'}, by type and size"
            balanced = f"{what}, as if half of the scans were positive. n: scans of the stratum."
            tables[ending] = Table(own.reset_index(drop=True), balanced, _rates(own, cohorts, _BALANCED))
            full = "-".join(filter(None, (ending, "full-set")))
            tables[full] = Table(
                own.reset_index(drop=True), f"{what}, among all scans without hemorrhage.", _rates(own, cohorts, {})
            )
    how = ", ".join(sorted(set(frame["by"])))
    notes = [
        *_rules(cohorts),
        f"A scan is called positive {how}. Every stratum is compared with all scans without hemorrhage.",
        _BALANCING,
        _POOLED,
    ]
    return Result(tables, notes=[*notes, _READERS] if "readers" in tables else notes)


def _detection(material: Material) -> Result:
    cohorts = _cohorts(material)
    parts = {cohort.name: _calls(cohort) for cohort in cohorts}
    _expect_calls(parts)
    frame = pd.concat(
        [detection_rows(found).assign(cohort=name) for name, found in parts.items() if len(found)], ignore_index=True
    )
    printed = pd.DataFrame(
        {
            "Cohort": frame["cohort"],
            "Rater": frame["rater"],
            "Called positive": frame["by"],
            "Hemorrhages": [f"{row.positive} of {row.n}" for row in tuples(frame)],
            **{head: [fixed(value) for value in frame[rate]] for rate, head in RATES.items()},
        }
    )
    _, crossed = _crossed(material)
    by_type = crossed[(crossed["type"] != "all") & (crossed["size_class"] == "all")]
    shares = pd.DataFrame(
        {
            "Cohort": by_type["cohort"],
            "Rater": by_type["rater"],
            "Type": by_type["type"],
            "Sensitivity": [
                f"{percent(row.sensitivity)} ({row.true_positive}/{row.positive})" for row in tuples(by_type)
            ],
        }
    )
    return Result(
        {
            "": Table(frame, "Detection of any hemorrhage in all scans.", printed),
            "by-type": Table(by_type.reset_index(drop=True), "Sensitivity by type.", shares),
        },
        notes=[*_rules(cohorts), _POOLED],
    )


def _roc(material: Material) -> Result:
    cohorts = _cohorts(material)
    found = {cohort.name: (_calls(cohort), cohort) for cohort in cohorts}
    _expect_calls({name: own for name, (own, _) in found.items()})
    tables, figures = {}, {}
    for name, (own, cohort) in found.items():
        if len(own):
            curves, ending = roc_table(own), "" if len(cohorts) == 1 else name
            tables[ending] = Table(curves, f"Points of the ROC curves, {name}: one for each threshold.")
            said = f"Sensitivity over 1 - specificity by scan, {name}; the dashed diagonal is chance"
            figures[ending] = Figure(roc_chart(curves, palette(cohort.results)), said)
    note = (
        "The paper prints the area only. A study's score is that of its surest box, however low: studies whose boxes "
        "are all faint are not tied at 0."
    )
    return Result(tables, figures, [note])


def _quantification(material: Material) -> Result:
    cohorts = _cohorts(material)
    parts = [
        quantified(cohort.results, cohort.strata.frame, cohort.bleed, cohort.dataset).assign(cohort=cohort.name)
        for cohort in cohorts
    ]
    frame = pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else None
    if frame is None:
        msg = "needs the metrics dice, volume_ml and reference_volume_ml"
        raise NotAvailableError(msg)
    printed = pd.DataFrame(
        {
            "Cohort": frame["cohort"],
            "Type": frame["type"],
            "Rater": frame["rater"],
            "What is measured": frame["structure"],
            "n": frame["n"],
            "Dice: mean (SD)": [
                MISSING if pd.isna(row.dice) else f"{fixed(row.dice)} ({fixed(row.dice_sd)})" for row in tuples(frame)
            ],
            "Pearson r": [fixed(value) for value in frame["pearson_r"]],
            "Mean over-estimation": [
                MISSING if pd.isna(value) else percent(value / 100) for value in frame["mean_relative_difference"]
            ],
        }
    )
    caption = "Dice and volumes by type, over the scans that hold it; negative over-estimation: too little."
    notes = [
        "A rater that knows no types is measured on any hemorrhage, in the scans of each type.",
        _ABC2,
    ]
    if not any(cohort.dataset for cohort in cohorts):
        notes.append("ABC/2 with all slices needs the dataset's files (--catalog FILE); it is left out.")
    return Result({"": Table(frame, caption, printed)}, notes=notes)


def _pictures(material: Material, *, right: bool) -> Result:
    cohorts = [cohort for cohort in _cohorts(material) if cohort.dataset is not None]
    if not cohorts:
        msg = "needs the files of the dataset; name its YAML file with --catalog FILE"
        raise NotAvailableError(msg)
    tiles = []
    for cohort in cohorts:
        assert cohort.dataset is not None
        found = _calls(cohort)
        found = found[found["rater_kind"] == RaterKind.MODEL] if len(found) else found
        chosen = _chosen(found, cohort.strata.frame["volume_ml"], right=right)
        dice = case_dice(cohort.results, cohort.bleed)
        for case, model in chosen:
            tiles += error_tiles(cohort.results, cohort.dataset[case], [model], cohort.bleed, dice)
    if not tiles:
        wanted = "scans rightly called positive" if right else "wrongly called scans"
        msg = f"needs {wanted} and their label maps, got none"
        raise NotAvailableError(msg)
    said = (
        "Scans with the least blood that a model rightly called positive"
        if right
        else "Scans that a model wrongly called: false alarms, then misses"
    )
    described = f"{said}. Frames: boxes with their confidence; green: true, red: false positive, blue: missed"
    return Result(figures={"": Figure(picture_grid(tiles, columns=4), described)})


def _chosen(found: pd.DataFrame, volumes: pd.Series, *, right: bool) -> list[tuple[str, str]]:
    """Return cases and models to draw, at most eight: those of the least blood, or the wrongly called."""
    if found.empty:
        return []
    called, truth = found["score"] >= found["threshold"], found["truth"].astype(bool)
    wanted = found[called & truth] if right else found[(called != truth) & ~found["lost"].astype(bool)]
    wanted = wanted.assign(volume=wanted["case"].map(volumes).fillna(0.0)).sort_values(
        ["volume", "case"], kind="stable"
    )
    return [(str(case), str(model)) for case, model in zip(wanted["case"], wanted["rater"], strict=True)][:_PICTURES]


def _time(material: Material) -> Result:
    rows = []
    for results in material.results:
        for model in results.models:
            times = results.open_run(model).times
            own = times[times["phase"] == "predict"]
            own = own[~own["cached"].astype(bool)] if "cached" in own else own
            if len(own):
                seconds = own["seconds"]
                rows.append((results.dataset, results.manifest.split or "all", model, len(own), seconds.mean()))
    if not rows:
        msg = "needs the times of predictions; those that were taken from the cache have none"
        raise NotAvailableError(msg)
    frame = pd.DataFrame(rows, columns=["dataset", "split", "rater", "n", "seconds"])
    return Result(
        {"": Table(frame, "Mean wall time of a prediction, preprocessing included, on the machine of the run.")}
    )


PARTS: tuple[Part, ...] = (
    Part("table-1", "Table 1: hemorrhages by type and size", _table_1),
    Part("table-2", "Table 2: detection by type and size", _table_2),
    Part("detection", "Detection in all scans (text of Results)", _detection),
    Part("roc", "ROC curve of the study's score (text of Results)", _roc),
    Part("quantification", "Quantification: Dice, volumes and ABC/2 (text of Results)", _quantification),
    Part("figure-3", "Figure 3: hemorrhages that were found", partial(_pictures, right=True)),
    Part("figure-4", "Figure 4: false positives and false negatives", partial(_pictures, right=False)),
    Part("time", "Time of a prediction (text of Results)", _time),
)
