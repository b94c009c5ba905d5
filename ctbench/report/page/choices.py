"""The section of a reader study's page about number of readers, rules of the consensus, and tolerances."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.agreement.choices import StudyChoices, how_many_readers, rules_side_by_side, tolerance_yaml
from ctbench.agreement.model_ranks import rank_table
from ctbench.report import explanations
from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.reader_number_chart import reader_number_chart
from ctbench.report.frames.agreement import model_number_lines, reader_number_lines
from ctbench.report.page.cells import captioned, count_cell, interval_cell, number_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.wording import span

__all__ = ["choices_section"]


def choices_section(choices: StudyChoices, name: str = "") -> Html:
    """Return the tables of the section, each below a sentence that says how it is computed.

    Args:
        choices: The results.
        name: Begins the ids of figures, which must differ between the sections of one page.
    """
    pasted = tolerance_yaml(choices)
    numbers = how_many_readers(choices)
    parts = [
        paragraph(explanations.SUBSETS_OF_READERS, kind="how"),
        _curve(reader_number_lines(numbers), "Dice with all", f"{name}consensus"),
        details("As a table", _subsets(numbers)),
        *_models(choices, name),
        paragraph(explanations.RULES_OF_CONSENSUS, kind="how"),
        _rules(rules_side_by_side(choices)),
    ]
    if pasted:
        parts += [paragraph(explanations.TOLERANCES, kind="how"), element("pre", pasted)]
    return join(parts)


def _curve(lines: pd.DataFrame, title: str, name: str) -> Html:
    described = f"{title} by the number of readers, for each structure"
    drawn = inline_svg(reader_number_chart(lines, title), f"readers-{name}", described)
    return captioned(drawn, f"{described}; lines are means, bands the spread between subsets of readers.")


def _models(choices: StudyChoices, name: str) -> Sequence[Html]:
    """Return how models stand on the references of subsets of readers and of other rules."""
    by_number, by_rule = (rank_table(choices.models, kind) for kind in ("subset", "rule"))
    if by_number.empty:
        return ()
    return (
        paragraph(explanations.MODELS_ON_SUBSETS, kind="how"),
        _curve(model_number_lines(by_number), "Dice of models", f"{name}models"),
        details("As a table", _ranks(by_number, "Models by number of readers")),
        details("By rule of the consensus", _ranks(by_rule, "Models on what each rule makes of all readers")),
    )


def _ranks(frame: pd.DataFrame, caption: str) -> Html:
    rules = frame["reference"].ne("").any()
    columns = [Column.text("Structure"), Column.text("Rule") if rules else Column("Readers")]
    columns += [Column.text("Model"), *([] if rules else [Column("Subsets")]), Column("Cases")]
    columns += [Column("Dice", hint="mean over references; lowest to highest below"), Column("Rank")]
    columns += [] if rules else [Column("First", "%", hint="share of the subsets on which it is the best")]
    rows = []
    for row in frame.to_dict("records"):
        rank = span(row["rank_lowest"], row["rank_highest"])
        rows.append(
            [
                Cell.text(row["label"]),
                Cell.text(row["reference"]) if rules else count_cell(row["readers"]),
                Cell.text(row["model"]),
                *([] if rules else [count_cell(row["references"])]),
                count_cell(row["n"]),
                number_cell(row["dice"], "1") if rules else interval_cell(row["dice"], row["lowest"], row["highest"]),
                Cell(rank, float(row["rank"])),
                *([] if rules else [Cell(f"{100 * row['first']:.0f}", row["first"])]),
            ]
        )
    return table(columns, rows, caption)


def _subsets(frame: pd.DataFrame) -> Html:
    columns = [Column.text("Structure"), Column("Readers"), Column("Subsets"), Column("Cases")]
    columns += [Column("Dice with all"), Column("Worst subset"), Column("SD of volume", "mL")]
    columns += [Column("Indeterminate", hint="share of what any of them drew"), Column.text("Recommended")]
    rows = [
        [
            Cell.text(row["label"]),
            *(count_cell(row[name]) for name in ("readers", "subsets", "n")),
            *(number_cell(row[name], "1") for name in ("dice", "dice_lowest")),
            number_cell(row["volume_sd_ml"], "mL"),
            number_cell(row["indeterminate_share"], "1"),
            Cell("yes" if row["recommended"] else "", int(row["recommended"])),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "How many readers")


def _rules(frame: pd.DataFrame) -> Html:
    columns = [Column.text("Structure"), Column.text("Rule"), Column("Cases")]
    columns += [Column("Volume", "mL"), Column("To the majority"), Column("Dice with the majority")]
    rows = [
        [
            *(Cell.text(row[name]) for name in ("label", "rule")),
            count_cell(row["n"]),
            number_cell(row["volume_ml"], "mL"),
            *(number_cell(row[name], "1") for name in ("volume_ratio", "dice")),
        ]
        for row in frame.to_dict("records")
    ]
    return table(columns, rows, "Rules of the consensus side by side")
