"""The page of a reader study: who agrees with whom, how reliably, and where readers part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.agreement import (
    LesionStudy,
    ReaderStudy,
    ReadingStudy,
    StudyChoices,
    pair_summary,
    reader_summary,
    reliability,
)
from ctbench.consensus.performance import QUANTITIES
from ctbench.files import write_text
from ctbench.metric_descriptions import PRINTED_METRICS
from ctbench.report import explanations
from ctbench.report.drawings.snapshots import contested_cards
from ctbench.report.frames.agreement import of_volumes, statistic_title
from ctbench.report.page.cells import count_cell, lined_cell, mean_cell, number_cell, when_fewer
from ctbench.report.page.choices import choices_section
from ctbench.report.page.layout import Section, page
from ctbench.report.page.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.page.reader_lesions import lesions_section
from ctbench.report.page.repeats import opening, repeats_section
from ctbench.report.page.snapshots import snapshot_gallery
from ctbench.report.wording import MISSING, fixed, interval, percent, unit_title
from ctbench.statistics import OVERALL

__all__ = ["build_reader_study", "study_sections"]

_PERCENT = {"changed_share", "indeterminate_share_change"}
_STAPLE = ("staple_sensitivity", "staple_specificity")
_WITHOUT = ("without_dice", "without_volume_change_ml", "changed_share", "indeterminate_share_change")


def build_reader_study(
    study: ReaderStudy,
    path: str | PathLike[str],
    *,
    against_others: pd.DataFrame | None = None,
    readings: ReadingStudy | None = None,
    choices: StudyChoices | None = None,
    lesions: LesionStudy | None = None,
    command: str | None = None,
) -> Path:
    """Write one self-contained page about the readers of a dataset; the same arguments give the same bytes.

    Args:
        study: Results of the study.
        path: Path of the page.
        against_others: their scores on the consensus of the others, described by ``label`` and ``rater`` as
            ``ctbench.statistics.describe`` does; None: the page goes without.
        readings: Sessions, conditions and borders; None: the page goes without.
        choices: Other numbers of readers, rules and tolerances; None: the page goes without.
        lesions: The lesions among the readers; None: the page goes without.
        command: The command that repeats the page, printed on it.

    Returns:
        ``path``.

    Raises:
        StoreError: the page cannot be written.
    """
    lead = paragraph(
        f"How far the readers of {study.dataset} agree with each other. Means are over cases, and so are their 95 % "
        "intervals, except those of the intraclass correlations, which have their own."
    )
    sections = [
        Section("facts", "The study", _facts(study)),
        *study_sections(study, readings, choices, against_others=against_others),
        *([] if lesions is None else [Section("lesions", "Lesions among readers", lesions_section(lesions))]),
        Section("repeat", "How this page was made", _repeat(command)),
    ]
    lead = join((opening(study, readings), lead))
    write_text(path, page(f"Reader study: {study.dataset}", lead, sections, version("ctbench")))
    return Path(path)


def study_sections(
    study: ReaderStudy,
    readings: ReadingStudy | None = None,
    choices: StudyChoices | None = None,
    *,
    against_others: pd.DataFrame | None = None,
    name: str = "",
) -> list[Section]:
    """Return what a study shows of its readers, each part with its heading.

    Args:
        study: Agreement of the readers.
        readings: Sessions, conditions and borders; None: without them.
        choices: As for ``build_reader_study``.
        against_others: As for ``build_reader_study``.
        name: Begins the ids of sections and figures, which must differ within one page.
    """
    sections = [
        Section("pairs", "Who agrees with whom", _pairs(study)),
        Section("reliability", "Reliability", _reliability(study)),
        Section("readers", "Each reader", _readers(study, against_others)),
    ]
    if readings is not None:
        sections.append(Section("variability", "Sessions, conditions and borders", repeats_section(readings)))
    if choices is not None:
        shown = choices_section(choices, name)
        sections.append(Section("choices", "Number of readers, rules, tolerances", shown))
    sections.append(Section("where", "Where they part", _where(study)))
    return [replace(one, anchor=f"{name}{one.anchor}") for one in sections]


def _facts(study: ReaderStudy) -> Html:
    rows = {
        "Dataset": f"{study.dataset}: {study.title}",
        "Readers": f"{len(study.readers)}: {', '.join(study.readers)}",
        "Cases": f"{len(study.cases)} with two readers or more",
        "Left out": f"{len(study.skipped)} cases" if study.skipped else "no case",
        "Structures": ", ".join((*study.labels, *study.groups)),
        "Consensus": study.consensus,
    }
    entries = (element("div", element("dt", name), element("dd", text)) for name, text in rows.items())
    facts = element("dl", *entries, class_="facts")
    if not study.skipped:
        return facts
    columns = [Column.text("Case"), Column.text("Why")]
    cells = [[Cell.text(case), Cell.text(why)] for case, why in study.skipped.items()]
    return join((facts, details("Cases that were left out", table(columns, cells, "They are in no figure below"))))


def _pairs(study: ReaderStudy) -> Html:
    how = (
        "Each pair of readers on the slices that both annotated; mean ± SD over the cases that both read. Every metric "
        "here is the same whichever of the two is taken for the reference. Kappas are those of the voxels in the box "
        "around what any reader drew, one voxel wider: the background of the whole image would make all readers alike."
    )
    described = pair_summary(study)
    parts = [paragraph(how, kind="how")]
    for index, (metric, own) in enumerate(described.groupby("metric", sort=False)):
        matrix = _matrix(own, str(metric), study)
        parts.append(
            element(
                "details", element("summary", statistic_title(str(metric))), matrix, open="open" if index == 0 else None
            )
        )
    return join(parts)


def _matrix(described: pd.DataFrame, metric: str, study: ReaderStudy) -> Html:
    """Make a table with a row for each structure and reader and a column for each other reader."""
    unit = str(described["unit"].iloc[0])
    found: dict[tuple[str, ...], dict[Any, Any]] = {}
    for row in described.to_dict("records"):
        found[row["label"], row["reader"], row["other"]] = found[row["label"], row["other"], row["reader"]] = row
    cases = int(described["rows"].max())
    columns = [Column.text("Structure"), Column.text("Reader")]
    columns += [Column(reader, unit_title(unit), group="with") for reader in study.readers]
    rows = [
        [
            _structure(label, study),
            Cell.text(reader),
            *(_paired(found.get((label, reader, other)), cases) for other in study.readers),
        ]
        for label in described["label"].unique()
        for reader in study.readers
    ]
    return table(columns, rows, f"{statistic_title(metric)} of every pair of readers, mean ± SD over {cases} cases")


def _structure(label: str, study: ReaderStudy) -> Cell:
    return Cell(label, kind="overall" if label == OVERALL else "group" if label in study.groups else "")


def _paired(row: Mapping[Any, Any] | None, cases: int) -> Cell:
    if row is None:
        return Cell(MISSING)
    return mean_cell(row["mean"], row["sd"], row["unit"], below=when_fewer(int(row["n"]), cases))


def _reliability(study: ReaderStudy) -> Html:
    frame = reliability(study)
    how = (
        "Intraclass correlations of the volumes, named as by Shrout and Fleiss: the first figure is 1 where every "
        "case has readers of its own, 2 where the same readers stand for others like them, 3 where only they matter "
        "and a constant bias does not; then 1 for one reader, k for the mean of all. The overall CCC is the "
        "concordance correlation of all readers (Barnhart, Haber and Song): how near the volumes of these readers lie "
        "to identity. Fleiss' kappa, Krippendorff's alpha and the generalised conformity index (shared over united "
        "volume, over all pairs) are worked out on the voxels of each case, as above, and averaged over cases. n is "
        "the number of cases that count."
    )
    volumes = frame["statistic"].map(of_volumes)
    return join(
        (
            paragraph(how, kind="how"),
            _statistics(frame[volumes], study, "Intraclass correlation and concordance of volumes"),
            _statistics(frame[~volumes], study, "Agreement on voxels, mean over cases"),
            _gaps(frame),
        )
    )


def _statistics(frame: pd.DataFrame, study: ReaderStudy, caption: str) -> Html:
    """Make a table with a row for each structure and a column for each statistic."""
    names = list(frame["statistic"].unique())
    columns = [
        Column.text("Structure"),
        *(Column(statistic_title(name), hint="95 % interval below") for name in names),
    ]
    rows = []
    for label, own in frame.groupby("label", sort=False):
        found = own.set_index("statistic").to_dict("index")
        rows.append([_structure(str(label), study), *(_estimate(found[name]) for name in names)])
    return table(columns, rows, caption)


def _estimate(row: Mapping[Any, Any]) -> Cell:
    return lined_cell(fixed(row["value"]), f"{interval(row['low'], row['high'])}, n = {row['n']}", row["value"])


def _gaps(frame: pd.DataFrame) -> Html | None:
    """Name the statistics that lack something, with the reason."""
    lacking = frame[(frame["reason"] != "") | (frame["left_out"] > 0)]
    if lacking.empty:
        return Html()
    columns = [Column.text("Structure"), Column.text("Statistic")]
    columns += [Column("Cases left out"), Column.text("Why")]
    rows = [
        [
            Cell(row["label"]),
            Cell(statistic_title(row["statistic"])),
            count_cell(row["left_out"]),
            Cell(row["reason"] or "no value in these cases", kind="long"),
        ]
        for row in lacking.to_dict("records")
    ]
    return details("Statistics that lack a case or an interval", table(columns, rows, "What is not there, and why"))


def _readers(study: ReaderStudy, against_others: pd.DataFrame | None) -> Html:
    parts: list[Html] = []
    if against_others is not None and len(against_others):
        how = "Each reader against the consensus of all others, in which this reader had no part."
        renamed = against_others.rename(columns={"rater": "reader"})
        scored = _by_reader(renamed, study, PRINTED_METRICS, "Against the others' consensus, mean ± SD over cases")
        parts += [paragraph(how, kind="how"), scored]
    described = reader_summary(study)
    without = (
        f"What the consensus ({study.consensus}) would be without each reader, against that of all: their Dice and the "
        "change of volume, with indeterminate voxels taken as not drawn; and, of the voxels that any reader drew, the "
        "share that changes between in, out and indeterminate, and the change of the share that is indeterminate."
    )
    parts += [
        paragraph(explanations.STAPLE, kind="how"),
        _by_reader(described, study, ("volume_ml", *_STAPLE), "Volume and STAPLE performance, mean ± SD over cases"),
        _performance(study),
        paragraph(without, kind="how"),
        _by_reader(described, study, _WITHOUT, "The consensus without each reader, mean ± SD over cases"),
    ]
    return join(parts)


def _performance(study: ReaderStudy) -> Html:
    """Show each reader's performance in one STAPLE fit over all cases."""
    if study.performance.empty:
        return Html()
    columns = [Column.text("Structure"), Column.text("Reader"), Column("Cases")]
    columns += [Column(name.capitalize(), hint="with its 95 % interval over cases") for name in QUANTITIES]
    rows = []
    for (label, reader), own in study.performance.groupby(["label", "reader"], sort=False):
        found = own.set_index("quantity").to_dict("index")
        cells = [_estimated(found[name]) for name in QUANTITIES]
        cases = int(own["groups"].max())
        rows.append([_structure(str(label), study), Cell.text(str(reader)), count_cell(cases), *cells])
    return table(columns, rows, "Performance in one STAPLE fit over all cases: each voxel weighs the same")


def _estimated(row: Mapping[Any, Any]) -> Cell:
    between = interval(row["low"], row["high"])
    return lined_cell(fixed(row["value"]), row["reason"] if between == MISSING else between, row["value"])


def _by_reader(described: pd.DataFrame, study: ReaderStudy, metrics: Iterable[str], caption: str) -> Html:
    """Make a table with a row for each structure and reader and a column for each metric that is there."""
    units = described.drop_duplicates("metric").set_index("metric")["unit"]
    metrics = [metric for metric in metrics if metric in units.index]
    columns = [Column.text("Structure"), Column.text("Reader"), Column("Cases")]
    columns += [
        Column(statistic_title(metric), "%" if metric in _PERCENT else unit_title(str(units[metric])))
        for metric in metrics
    ]
    rows = []
    for (label, reader), own in described.groupby(["label", "reader"], sort=False):
        found = own.set_index("metric").to_dict("index")
        cases = int(own["rows"].max())
        cells = [_mean(found.get(metric), metric, cases) for metric in metrics]
        rows.append([_structure(str(label), study), Cell.text(str(reader)), count_cell(cases), *cells])
    return table(columns, rows, caption)


def _mean(row: Mapping[Any, Any] | None, metric: str, cases: int) -> Cell:
    if row is None:
        return Cell(MISSING)
    below = when_fewer(int(row["n"]), cases)
    if metric in _PERCENT:
        return Cell(join((percent(row["mean"]).removesuffix(" %"), below)), row["mean"])
    return mean_cell(row["mean"], row["sd"], row["unit"], below=below)


def _where(study: ReaderStudy) -> Html:
    how = (
        "A voxel is contested where readers who annotated its slice drew different labels (background is one). Its "
        "disagreement is one minus the share of votes of the commonest label; the mean is over all voxels that any "
        "reader drew."
    )
    columns = [
        Column.text("Case"),
        Column("Readers"),
        Column("Drawn", "voxels"),
        Column("Contested", "voxels"),
        Column("Contested", "%", hint="of the drawn voxels"),
        Column("Mean disagreement"),
        Column("Worst slice", hint="the one with the most contested voxels, from 1"),
        Column("Contested there", "voxels"),
    ]
    rows = [
        [
            Cell.text(row["case"]),
            count_cell(row["readers"]),
            _voxels(row["drawn_voxels"]),
            _voxels(row["contested_voxels"]),
            Cell(percent(row["contested_share"]).removesuffix(" %"), row["contested_share"]),
            number_cell(row["mean_disagreement"], "1"),
            Cell(MISSING) if pd.isna(row["worst_slice"]) else count_cell(row["worst_slice"] + 1),
            _voxels(row["worst_slice_voxels"]),
        ]
        for row in study.disagreement.to_dict("records")
    ]
    shown = snapshot_gallery(contested_cards(study), explanations.CONTESTED_SLICES)
    return join((paragraph(how, kind="how"), table(columns, rows, "Disagreement by case"), shown))


def _voxels(count: int) -> Cell:
    return Cell(f"{count:,}", float(count))


def _repeat(command: str | None) -> Html:
    parts = [paragraph("Every value for every case is in the CSV files beside this page.")]
    if command:
        parts += [paragraph("Made by"), element("pre", element("code", command))]
    return join(parts)
