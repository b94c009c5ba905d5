"""The section of a reader study's page about lesions: agreement on presence, and who finds what others miss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ctbench.agreement import (
    LesionStudy,
    found_and_missed,
    lesion_counts,
    lesion_numbers,
    lesion_presence,
    lesion_readers,
    study_lesions,
)
from ctbench.datasets import ALL_SIZES, Dataset
from ctbench.report import explanations
from ctbench.report.drawings.snapshots import disputed_cards
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.lesion_summaries import lesion_structures
from ctbench.report.page.cells import count_cell, interval_cell, lined_cell, number_cell, of_cell
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.page.snapshots import snapshot_gallery
from ctbench.report.wording import MISSING, fixed

__all__ = ["can_have_reader_lesions", "lesions_among_readers", "lesions_section"]

_MOST_LISTED = 50


def can_have_reader_lesions(results: ComparableRuns) -> bool:
    """Return whether two readers or more were scored, in structures some of which are lesions."""
    return len(results.readers) > 1 and bool(lesion_structures(results))


def lesions_among_readers(results: ComparableRuns, dataset: Dataset) -> Html:
    """Match the lesions of the readers of some runs, and show them as ``lesions_section`` does.

    Args:
        results: Runs for which ``can_have_reader_lesions`` is true.
        dataset: Their dataset, with the readers' masks.
    """
    cases = dataset.select(results.cases)
    return lesions_section(study_lesions(cases, structures=lesion_structures(results), jobs=1))


def lesions_section(study: LesionStudy) -> Html:
    """Return the tables of the section, each below a sentence that says how it is computed."""
    if study.lesions.empty:
        return paragraph("No reader drew a lesion.")
    presence, readers = lesion_presence(study), lesion_readers(study)
    whole, sized = readers["size_class"] == ALL_SIZES, presence["size_class"] != ALL_SIZES
    against = "Each reader against the others' lesions"
    return join(
        (
            how_to_read(explanations.lesion_candidates(study.tolerance_mm), " ", explanations.READER_LESION_PRESENCE),
            _presence(presence[~sized]),
            details("Agreement by size class", _presence(presence[sized])) if sized.any() else None,
            details(
                "How many readers found them, and how many each counts",
                _counts(lesion_counts(study)),
                paragraph(explanations.LESION_NUMBERS, kind="how"),
                _numbers(lesion_numbers(study)),
            ),
            details(
                against,
                paragraph(explanations.READER_LESIONS, kind="how"),
                _readers(readers[whole], against),
                _readers(readers[~whole], f"{against}, by size class") if not whole.all() else None,
            ),
            details("Who finds what another one misses", _pairs(found_and_missed(study))),
            _disputed(study),
        )
    )


def _disputed(study: LesionStudy) -> Html:
    rows = study.disputed
    if rows.empty:
        return paragraph(explanations.NOTHING_DISPUTED)
    return details(
        "Disputed lesions",
        paragraph(explanations.DISPUTED_LESIONS, kind="how"),
        snapshot_gallery(disputed_cards(study), explanations.DISPUTED_PICTURES),
        _listed(rows),
    )


def _presence(frame: pd.DataFrame) -> Html:
    columns = [*map(Column.text, ("Structure", "Unit", "Size")), Column("n", hint="read by two readers or more")]
    columns += [Column("Found by all"), Column("Found by one")]
    columns += [Column("Positive agreement"), Column("AC1"), Column("Kappa")]
    rows = [
        [
            *(Cell.text(row[name]) for name in ("label", "unit", "size_class")),
            *(count_cell(row[name]) for name in ("n", "by_all", "by_one")),
            *(_estimate(row, name) for name in ("positive", "ac1", "kappa")),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "Agreement of the readers on presence, with 95 % intervals")


def _numbers(frame: pd.DataFrame) -> Html:
    columns = [
        Column.text("Structure"),
        Column("Cases"),
        Column("Fewest in a case"),
        Column("Most in a case"),
        Column("AC2"),
    ]
    rows = [
        [
            Cell.text(row["label"]),
            count_cell(row["n"]),
            *(number_cell(row[name], "1") for name in ("fewest", "most")),
            Cell.text(row["reason"]) if math.isnan(row["ac2"]) else interval_cell(row["ac2"], row["low"], row["high"]),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "Number of lesions in a case: means of the readers, and their agreement")


def _counts(frame: pd.DataFrame) -> Html:
    columns = [Column.text("Structure"), Column("Readers", hint="at least so many found it"), Column("Lesions")]
    columns += [Column("Volume", "mL"), Column("Undecided", hint="fewer readers read the place")]
    rows = [
        [
            Cell.text(row["label"]),
            *(count_cell(row[name]) for name in ("least", "lesions")),
            number_cell(row["volume_ml"], "mL"),
            count_cell(row["undecided"], quiet=True),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "Lesions by the number of readers who must have found them")


def _readers(frame: pd.DataFrame, caption: str) -> Html:
    several = set(frame["size_class"]) != {ALL_SIZES}
    columns = [
        Column.text("Structure"),
        *([Column.text("Size")] if several else []),
        Column.text("Reader"),
        Column("Found"),
    ]
    columns += [
        Column("Sensitivity", hint="share of the others' lesions that the reader found"),
        Column("Missed", hint="of the others' lesions"),
        Column("Precision", hint="share of the reader's lesions that the others confirm"),
        Column("Not confirmed", hint="of the reader's lesions that the others decide"),
        Column("Alone", hint="found by nobody else"),
        Column("Missed alone", hint="found by all others, two or more"),
        Column("Splits"),
        Column("Merges"),
    ]
    rows = [
        [
            *(Cell.text(row[name]) for name in ("label", *(["size_class"] if several else []), "reader")),
            of_cell(row["found"], row["read"], quiet=False),
            interval_cell(row["sensitivity"], row["low"], row["high"]),
            of_cell(row["others_lesions"] - row["others_found"], row["others_lesions"]),
            interval_cell(row["precision"], row["precision_low"], row["precision_high"]),
            of_cell(row["unconfirmed"], row["confirmed"] + row["unconfirmed"]),
            *(count_cell(row[name], quiet=True) for name in ("alone", "missed_alone", "splits", "merges")),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, caption)


def _pairs(frame: pd.DataFrame) -> Html:
    """Make a table with a row for each structure and reader and a column for each other reader."""
    readers = sorted(set(frame["reader"]))
    found = {(row["label"], row["reader"], row["other"]): row for row in frame.to_dict("records")}
    columns = [*map(Column.text, ("Structure", "Found by")), *(Column(reader, group="missed by") for reader in readers)]
    rows = [
        [
            Cell.text(label),
            Cell.text(reader),
            *(_missed(found.get((label, reader, other))) for other in readers),
        ]
        for label in frame["label"].unique()
        for reader in readers
    ]
    return table(columns, rows, "Lesions that the reader of the row found and the reader of the column missed")


def _missed(row: Mapping[Any, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING)
    shown = of_cell(row["missed"], row["both"] + row["missed"])
    volume = f"{fixed(row['missed_volume_ml'], 'mL')} mL" if row["missed"] else ""
    return replace(lined_cell(shown.content, volume, shown.order), kind=shown.kind)


def _listed(rows: pd.DataFrame) -> Html:
    columns = [
        *map(Column.text, ("Case", "Structure")),
        Column("Lesion"),
        Column("Slice", hint="from 1"),
        Column.text("Size"),
    ]
    columns += [Column("Volume", "mL"), *map(Column.text, ("Found by", "Missed by")), Column.text("Majority")]
    cells = [
        [
            *(Cell.text(row[name]) for name in ("case", "label")),
            count_cell(row["lesion"]),
            count_cell(row["slice"] + 1),
            Cell.text(row["size_class"]),
            number_cell(row["volume_ml"], "mL"),
            *(Cell.text(row[name]) for name in ("found_by", "missed_by", "verdict")),
        ]
        for row in rows.head(_MOST_LISTED).to_dict("records")
    ]
    more = f", the first {_MOST_LISTED} of {len(rows)}" if len(rows) > _MOST_LISTED else ""
    return table(columns, cells, f"Candidates that some reader found and another one missed{more}")


def _estimate(row: Mapping[Any, Any], name: str) -> Cell:
    return interval_cell(row[name], row[f"{name}_low"], row[f"{name}_high"])
