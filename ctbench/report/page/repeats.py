"""The part of a page about the variability of readers: repeats, borders, aided against unaided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ctbench.agreement import (
    ReaderStudy,
    ReadingStudy,
    aided_effect,
    components,
    intra_and_inter,
    opening_sentences,
    opening_summary,
    reader_borders,
    volume_limits,
)
from ctbench.metric_descriptions import DESCRIPTIONS
from ctbench.report import explanations
from ctbench.report.page.cells import count_cell, interval_cell, lined_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, join, paragraph, table
from ctbench.report.wording import MISSING, interval, metric_heading, percent

__all__ = ["opening", "repeats_section"]

_TITLES = {"seconds": "Time, s", "border_offset_mm": "Border, mm", "volume_ml": "Volume, mL"}


def opening(study: ReaderStudy, readings: ReadingStudy | None) -> Html:
    """Return the result in numbers: a sentence for each structure; of many, one of all above them."""
    sentences = [paragraph(sentence) for sentence in opening_sentences(study, readings).values()]
    summary = opening_summary(study, readings)
    return (
        join((paragraph(summary), details("Each structure in a sentence", *sentences))) if summary else join(sentences)
    )


def repeats_section(study: ReadingStudy) -> Html:
    """Return the tables of the section, each below a sentence that says how it is computed."""
    parts = [
        paragraph(explanations.READING_PAIRS, kind="how"),
        _pairs(intra_and_inter(study)),
        paragraph(explanations.READING_COMPONENTS, kind="how"),
        _components(components(study)),
        details("Limits of agreement of each pair of readers", *_limits(volume_limits(study))),
        paragraph(explanations.READER_BORDERS, kind="how"),
        _borders(reader_borders(study)),
    ]
    effect = aided_effect(study)
    if len(effect):
        parts += [paragraph(explanations.conditions_compared(study.voting), kind="how"), _effect(effect, study.voting)]
    return join(parts)


def _pairs(frame: pd.DataFrame) -> Html:
    columns = [*map(Column.text, ("Structure", "Condition", "Readings of", "Metric")), Column("Cases")]
    columns += [Column("Mean"), Column("Lowest"), Column("Highest")]
    rows = [
        [
            *(Cell.text(row[name]) for name in ("label", "condition", "kind")),
            Cell.text(_title(row["metric"])),
            count_cell(row["n"]),
            _estimate(row, "mean", _unit(row["metric"])),
            *(number_cell(row[name], _unit(row["metric"])) for name in ("lowest", "highest")),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "The same reader twice, and different readers")


def _components(frame: pd.DataFrame) -> Html:
    columns = [
        *map(Column.text, ("Structure", "Of")),
        Column("Cases"),
        Column("Reproducibility"),
        Column("Repeatability"),
    ]
    columns += [Column("SD of readers"), Column("SD of reader by case"), Column("SD of sessions"), Column("ICC")]
    rows = []
    for row in frame.to_dict("records"):
        unit = "mL" if row["quantity"] == "volume_ml" else "mm"
        icc = number_cell(row["icc"], "1") if unit == "mL" else Cell(MISSING, math.nan)
        around = _estimate(row, "reproducibility", unit) if row["n"] > 1 else Cell(row["reason"], math.nan, kind="long")
        rows.append(
            [
                Cell.text(row["label"]),
                Cell.text(_TITLES[row["quantity"]]),
                count_cell(row["n"]),
                around,
                _estimate(row, "repeatability", unit),
                *(number_cell(row[name], unit) for name in ("reader_sd", "case_reader_sd")),
                _estimate(row, "session_sd", unit),
                icc,
            ]
        )
    return table(columns, rows, "Components of variance, with 95 % intervals; limits are half-widths")


def _limits(frame: pd.DataFrame) -> tuple[Html, Html]:
    columns = [*map(Column.text, ("Structure", "Reader", "Minus", "From")), Column("n"), Column("Pairs")]
    columns += [Column("Bias", "mL"), Column("SD", "mL"), Column("Lower limit", "mL"), Column("Upper limit", "mL")]
    rows = []
    for row in frame.to_dict("records"):
        ends = {"bias_ml_low": row["low"], "bias_ml_high": row["high"]}
        why = Cell.text(row["reason"]) if math.isnan(row["sd_ml"]) else number_cell(row["sd_ml"], "mL")
        rows.append(
            [
                *(Cell.text(row[name]) for name in ("label", "other", "reader")),
                Cell.text(explanations.LIMIT_FORMS[row["form"]]),
                *(count_cell(row[name]) for name in ("n", "pairs")),
                _estimate(row | ends, "bias_ml", "mL"),
                why,
                *(number_cell(row[name], "mL") for name in ("lower_ml", "upper_ml")),
            ]
        )
    caption = "Limits of agreement of volumes: bias with its 95 % interval, and limits of single measurements"
    return paragraph(explanations.VOLUME_LIMITS, kind="how"), table(columns, rows, caption)


def _borders(frame: pd.DataFrame) -> Html:
    columns = [*map(Column.text, ("Structure", "Condition", "Reader")), Column("Cases"), Column("Bias", "mm")]
    columns += [Column("Spread", "mm"), Column("SD of sessions", "mm"), Column("Drift", "mm a reading")]
    rows = [
        [
            *(Cell.text(row[name]) for name in ("label", "condition", "reader")),
            count_cell(row["n"]),
            _estimate(row | {"bias_mm_low": row["low"], "bias_mm_high": row["high"]}, "bias_mm", "mm"),
            *(number_cell(row[name], "mm") for name in ("spread_mm", "session_sd_mm")),
            interval_cell(row["drift_mm"], row["drift_mm_low"], row["drift_mm_high"], "mm", 3),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "Border of each reader")


def _effect(frame: pd.DataFrame, voting: str) -> Html:
    columns = [*map(Column.text, ("Structure", "Condition", "Metric")), Column("Cases"), Column("Readers")]
    columns += [Column(f"Mean, {voting}"), Column("Mean"), Column("Difference"), Column("Readers who improve")]
    columns += [Column("Saved")]
    rows = []
    for row in frame.to_dict("records"):
        unit = "s" if row["metric"] == "seconds" else _unit(row["metric"])
        between = row | {"difference_low": row["low"], "difference_high": row["high"]}
        saved = row.get("saved_share", math.nan)
        rows.append(
            [
                Cell.text(row["label"]),
                Cell.text(row["condition"]),
                Cell.text(_title(row["metric"])),
                count_cell(row["n"]),
                count_cell(row["readers"]),
                *(number_cell(row[name], unit) for name in ("unaided", "aided")),
                _estimate(between, "difference", unit),
                count_cell(row["better_readers"]),
                _saved(row, saved),
            ]
        )
    return table(columns, rows, f"Against {voting}, with 95 % intervals over cases")


def _saved(row: Mapping[Any, Any], share: float) -> Cell:
    if not math.isfinite(share):
        return Cell(MISSING, math.nan)
    return lined_cell(percent(share), interval(100 * row["saved_low"], 100 * row["saved_high"], "%"), share)


def _estimate(row: Mapping[Any, Any], name: str, unit: str) -> Cell:
    low, high = (row.get(f"{name}_{end}", row.get(end, math.nan)) for end in ("low", "high"))
    return interval_cell(row[name], low, high, unit)


def _title(metric: str) -> str:
    return _TITLES.get(metric) or metric_heading(metric, _unit(metric))


def _unit(metric: str) -> str:
    return DESCRIPTIONS[metric].unit if metric in DESCRIPTIONS else "1"
