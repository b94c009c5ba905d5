"""The section of a reader study's page about sessions and conditions: repeats, borders, aided against unaided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ctbench.agreement.repeat_summaries import (
    aided_effect,
    components,
    intra_and_inter,
    opening_sentence,
    reader_borders,
)
from ctbench.agreement.repeats import ReadingStudy
from ctbench.metric_descriptions import DESCRIPTIONS
from ctbench.report.page.cells import count_cell, interval_cell, lined_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, join, paragraph, table
from ctbench.report.wording import MISSING, metric_heading, percent

__all__ = ["opening", "repeats_section"]

_TITLES = {"seconds": "Time, s", "border_offset_mm": "Border, mm", "volume_ml": "Volume, mL"}


def opening(study: ReadingStudy) -> Html:
    """Return one sentence with the result in numbers for each structure."""
    labels = dict.fromkeys(study.readings["label"])
    return join([paragraph(opening_sentence(study, str(label))) for label in labels])


def repeats_section(study: ReadingStudy) -> Html:
    """Return the tables of the section, each below a sentence that says how it is computed."""
    parts = [
        paragraph(
            "Sessions of the same reader, and first sessions of different readers, under each condition. A case counts "
            "by the mean over its pairs; intervals (95 %) are over cases. The range is that of readers or pairs.",
            kind="how",
        ),
        _pairs(intra_and_inter(study)),
        paragraph(
            "Components of variance from all sessions under the condition that makes references (two-way random "
            "effects with interaction; Christensen et al. 2020). Reproducibility: limits of one reading around the "
            "mean of all readings of its case. Repeatability: around the mean of the same reader's readings.",
            kind="how",
        ),
        _components(components(study)),
        paragraph(
            "How far each reader's border lies outside of the one estimated from all readings of the condition that "
            "makes references (continuous STAPLE on signed distances); negative: inside. Drift: change per ten "
            "readings in the order of reading.",
            kind="how",
        ),
        _borders(reader_borders(study)),
    ]
    effect = aided_effect(study)
    if len(effect):
        how = (
            f"Each condition against {study.voting}, paired by reader and case, each reading on the reference made "
            "without its reader. Intervals are over cases; the share of time saved is that of geometric means."
        )
        parts += [paragraph(how, kind="how"), _effect(effect, study.voting)]
    return join(parts)


def _pairs(frame: pd.DataFrame) -> Html:
    columns = [_name("Structure"), _name("Condition"), _name("Readings of"), _name("Metric"), Column("Cases")]
    columns += [Column("Mean"), Column("Lowest"), Column("Highest")]
    rows = [
        [
            *(_text(row[name]) for name in ("label", "condition", "kind")),
            _text(_title(row["metric"])),
            count_cell(row["n"]),
            _estimate(row, "mean", _unit(row["metric"])),
            *(number_cell(row[name], _unit(row["metric"])) for name in ("lowest", "highest")),
        ]
        for row in _records(frame)
    ]
    return table(columns, rows, "The same reader twice, and different readers")


def _components(frame: pd.DataFrame) -> Html:
    if "icc" not in frame:
        return paragraph(f"No components of variance: {frame['reason'].iloc[0]}.")
    columns = [_name("Structure"), _name("Of"), Column("Cases"), Column("Reproducibility"), Column("Repeatability")]
    columns += [Column("SD of readers"), Column("SD of reader by case"), Column("SD of sessions"), Column("ICC")]
    rows = []
    for row in _records(frame):
        unit = "mL" if row["quantity"] == "volume_ml" else "mm"
        icc = number_cell(row["icc"], "1") if unit == "mL" else Cell(MISSING, math.nan)
        rows.append(
            [
                _text(row["label"]),
                _text(_TITLES[row["quantity"]]),
                count_cell(row["n"]),
                *(_estimate(row, name, unit) for name in ("reproducibility", "repeatability")),
                *(number_cell(row[name], unit) for name in ("reader_sd", "case_reader_sd")),
                _estimate(row, "session_sd", unit),
                icc,
            ]
        )
    return table(columns, rows, "Components of variance, with 95 % intervals; limits are half-widths")


def _borders(frame: pd.DataFrame) -> Html:
    columns = [_name("Structure"), _name("Condition"), _name("Reader"), Column("Cases"), Column("Bias", "mm")]
    columns += [Column("SD of sessions", "mm"), Column("Drift", "mm per 10")]
    rows = [
        [
            *(_text(row[name]) for name in ("label", "condition", "reader")),
            count_cell(row["n"]),
            _estimate(row | {"bias_mm_low": row["low"], "bias_mm_high": row["high"]}, "bias_mm", "mm"),
            number_cell(row["session_sd_mm"], "mm"),
            number_cell(10 * row["drift_mm"], "mm"),
        ]
        for row in _records(frame)
    ]
    return table(columns, rows, "Border of each reader")


def _effect(frame: pd.DataFrame, voting: str) -> Html:
    columns = [_name("Structure"), _name("Condition"), _name("Metric"), Column("Cases"), Column("Readers")]
    columns += [Column(f"Mean, {voting}"), Column("Mean"), Column("Difference"), Column("Readers who improve")]
    columns += [Column("Saved")]
    rows = []
    for row in _records(frame):
        unit = "s" if row["metric"] == "seconds" else _unit(row["metric"])
        between = row | {"difference_low": row["low"], "difference_high": row["high"]}
        saved = row.get("saved_share", math.nan)
        rows.append(
            [
                _text(row["label"]),
                _text(row["condition"]),
                _text(_title(row["metric"])),
                count_cell(row["n"]),
                count_cell(row["readers"]),
                *(number_cell(row[name], unit) for name in ("unaided", "aided")),
                _estimate(between, "difference", unit),
                count_cell(row["better_readers"]),
                _saved(row, saved),
            ]
        )
    return table(columns, rows, f"Against {voting}, with 95 % intervals over cases")


def _saved(row: Mapping[str, Any], share: float) -> Cell:
    if not math.isfinite(share):
        return Cell(MISSING, math.nan)
    return lined_cell(percent(share), f"{percent(row['saved_low'])} to {percent(row['saved_high'])}", share)


def _estimate(row: Mapping[str, Any], name: str, unit: str) -> Cell:
    low, high = (row.get(f"{name}_{end}", row.get(end, math.nan)) for end in ("low", "high"))
    return interval_cell(row[name], low, high, unit)


def _title(metric: str) -> str:
    return _TITLES.get(metric) or metric_heading(metric, _unit(metric))


def _unit(metric: str) -> str:
    return DESCRIPTIONS[metric].unit if metric in DESCRIPTIONS else "1"


def _name(title: str) -> Column:
    return Column(title, numeric=False)


def _text(value: object) -> Cell:
    return Cell(str(value), str(value))


def _records(frame: pd.DataFrame) -> Iterable[dict[Any, Any]]:
    return frame.to_dict("records")
