"""The section of a reader study's page about number of readers, rules of the consensus, and tolerances."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ctbench.agreement.choices import StudyChoices, how_many_readers, rules_side_by_side, tolerances
from ctbench.report.page.cells import count_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, element, join, paragraph, table

__all__ = ["choices_section"]


def choices_section(choices: StudyChoices) -> Html:
    """Return the tables of the section, each below a sentence that says how it is computed."""
    found = tolerances(choices)
    pasted = f"tolerance_mm: {{{', '.join(f'{name}: {mm}' for name, mm in found.items())}}}"
    parts = [
        paragraph(
            "The consensus of every subset of readers against that of all readers, of whom they are a part: means "
            "over cases. Recommended is the smallest number to which no larger adds .01 of Dice; of few readers, all.",
            kind="how",
        ),
        _subsets(how_many_readers(choices)),
        paragraph("What each rule makes of the same readers; indeterminate voxels are not drawn.", kind="how"),
        _rules(rules_side_by_side(choices)),
    ]
    if found:
        how = (
            "The tolerance that readers keep with each other, for the data set's YAML: the mean over cases and pairs "
            "of the 95th percentile of the distances between two readers' surfaces."
        )
        parts += [paragraph(how, kind="how"), element("pre", pasted)]
    return join(parts)


def _subsets(frame: pd.DataFrame) -> Html:
    columns = [Column("Structure", numeric=False), Column("Readers"), Column("Subsets"), Column("Cases")]
    columns += [Column("Dice with all"), Column("Worst subset"), Column("SD of volume", "mL")]
    columns += [Column("Indeterminate", hint="share of what any of them drew"), Column("Recommended", numeric=False)]
    rows = [
        [
            Cell(row["label"], row["label"]),
            *(count_cell(row[name]) for name in ("readers", "subsets", "n")),
            *(number_cell(row[name], "1") for name in ("dice", "dice_lowest")),
            number_cell(row["volume_sd_ml"], "mL"),
            number_cell(row["indeterminate_share"], "1"),
            Cell("yes" if row["recommended"] else "", int(row["recommended"])),
        ]
        for row in _records(frame)
    ]
    return table(columns, rows, "How many readers")


def _rules(frame: pd.DataFrame) -> Html:
    columns = [Column("Structure", numeric=False), Column("Rule", numeric=False), Column("Cases")]
    columns += [Column("Volume", "mL"), Column("To the majority"), Column("Dice with the majority")]
    rows = [
        [
            *(Cell(row[name], row[name]) for name in ("label", "rule")),
            count_cell(row["n"]),
            number_cell(row["volume_ml"], "mL"),
            *(number_cell(row[name], "1") for name in ("volume_ratio", "dice")),
        ]
        for row in _records(frame)
    ]
    return table(columns, rows, "Rules of the consensus side by side")


def _records(frame: pd.DataFrame) -> Iterable[dict[Any, Any]]:
    return frame.to_dict("records")
