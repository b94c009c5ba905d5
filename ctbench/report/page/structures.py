"""Scores by structure, and volumes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from ctbench.metric_descriptions import DICE, REFERENCE_VOLUME
from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames import tables
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.structure_means import structure_means
from ctbench.report.page.cells import (
    CONTRIBUTE,
    calls_cells,
    calls_columns,
    captioned,
    count_cell,
    mean_cell,
    model_fold,
    number_cell,
    rater_cell,
    shaded_cell,
)
from ctbench.report.page.markup import Cell, Column, Html, details, how_to_read, join, paragraph, table
from ctbench.report.page.page_figures import volume_plots
from ctbench.report.wording import interval, metric_title, percent, unit_title
from ctbench.scores import RaterKind, Status
from ctbench.statistics import false_alarms, size_correlation

__all__ = ["can_correlate", "per_structure", "sizes", "volumes"]

_COUNTS = ("negatives", "undefined", "penalised", "failed", "not assessed", "unsupported")


def per_structure(results: ComparableRuns) -> Html:
    """Show the mean of each structure and rater on a heat shade, and every figure on the common reference folded.

    The means are those by which models and readers are ranked.
    """
    common = results.scores[results.scores["reference"] == results.common]
    scores = results.positive_scores
    positives = scores[scores["reference"] == results.common]
    how = f"All raters against {results.common}; groups of structures are named in grey."
    contribute = CONTRIBUTE if results.readers else None
    folded: list[object] = [paragraph(contribute, " ", how, " ", explanations.POSITIVES, kind="how")]
    for metric in results.chief_metrics:
        described = tables.per_structure(positives, results.structures, metric, results.patients)
        folded.append(details(metric_title(metric), _structure_table(described, metric, results)))
    folded.append(details("Misses and false alarms", _calls_table(common, results)))
    heat = [_heat_table(results, models) for models in results.scopes.values()]
    return join([*heat, details(f"All figures against {results.common}, metric by metric", *folded)])


def _heat_table(results: ComparableRuns, models: Sequence[str]) -> Html:
    metric = results.chief_metrics[0]
    unit = results.unit(metric)
    means = structure_means(results, results.structures, models, metric)
    means = means[means["rater"].isin([tables.ALL_READERS, *models]) | (not results.leave_one_out)]
    if means.empty:
        return Html()
    raters = list(dict.fromkeys(means["rater"]))
    wide = means.pivot_table("mean", "label", "rater", sort=False).reindex(columns=raters)
    counts = means.groupby("label", sort=False)["n"].max()
    low, high = float(means["mean"].min()), float(means["mean"].max())
    columns = [
        Column.text("Structure"),
        Column("n", hint="cases that count: the reference holds the structure"),
        *(Column(rater, unit_title(unit)) for rater in raters),
    ]
    rows = [
        [
            Cell(str(label), kind="group" if label in results.groups else ""),
            count_cell(counts[label]),
            *(shaded_cell(float(value), unit, (float(value) - low) / ((high - low) or 1)) for value in row),
        ]
        for label, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    fair = "the references without reader k" if results.leave_one_out else results.common
    caption = f"{metric_title(metric)}, means over the positives, on {fair}; the darker, the higher"
    return table(columns, rows, caption, kind="heat")


def _calls_table(common: pd.DataFrame, results: ComparableRuns) -> Html:
    kinds = dict.fromkeys(results.readers, RaterKind.READER)
    counted = tables.in_order(false_alarms(common), results.structures)
    counted = counted[counted["positives"] + counted["negatives"] > 0]
    columns = [
        Column.text("Structure"),
        Column.text("Rater"),
        *calls_columns(),
        Column("lost", hint="cases without a prediction; in the specificity they count as wrongly called"),
    ]
    rows = [
        [
            Cell(row["label"], kind="group" if row["label"] in results.groups else ""),
            rater_cell(row["rater"], kinds.get(row["rater"], RaterKind.MODEL), palette(results)),
            *calls_cells(row),
            count_cell(row["lost"], quiet=True),
        ]
        for row in counted.to_dict("records")
    ]
    return table(columns, rows, f"Misses and false alarms against {results.common}, by structure and rater")


def _structure_table(described: pd.DataFrame, metric: str, results: ComparableRuns) -> Html:
    unit = str(described["unit"].iloc[0])
    columns = [
        Column.text("Structure"),
        Column.text("Rater"),
        Column("n"),
        Column("Mean ± SD", unit_title(unit)),
        Column("Without penalties", unit_title(unit), hint="mean of the cases in which reference and rater hold it"),
        Column("95 % interval", unit_title(unit), hint="of the mean"),
        Column("Median", unit_title(unit)),
        Column("Range", unit_title(unit)),
        *(Column(name) for name in _COUNTS),
    ]
    kinds = dict.fromkeys(results.readers, RaterKind.READER)
    rows = [
        [
            Cell(row["label"], kind="group" if row["label"] in results.groups else ""),
            rater_cell(row["rater"], kinds.get(row["rater"], RaterKind.MODEL), palette(results)),
            count_cell(row["n"]),
            mean_cell(row["mean"], row["sd"], unit),
            number_cell(row["mean_ok"], unit),
            Cell(interval(row["low"], row["high"], unit), row["low"]),
            number_cell(row["median"], unit),
            Cell(interval(row["min"], row["max"], unit), row["min"]),
            *(count_cell(row[name.replace(" ", "_")], quiet=True) for name in _COUNTS),
        ]
        for row in described.to_dict("records")
    ]
    return table(columns, rows, f"{metric_title(metric)} against {results.common}, by structure and rater")


_SHORT = 12
"""A table of so many rows is not folded away."""


def volumes(results: ComparableRuns, limit_ml: float = tables.VOLUME_LIMIT_ML, focus: Collection[str] = ()) -> Html:
    """Return the agreement of volumes with the common reference: tables, then scatter and Bland-Altman plots.

    Args:
        results: Runs on one dataset.
        limit_ml: The largest difference that counts as near, mL.
        focus: Names of the models whose plots are not folded away.
    """
    asked: Any = {"reference": results.common, "structures": results.structures, "limit_ml": limit_ml}
    agreement = tables.volumes(results.scores, **asked)
    if agreement.empty:
        return paragraph("No volumes were scored.")
    how = (
        f"Measured volumes against those of {results.common}, without the voxels that do not count. Bias is measured "
        "minus reference; 95 % of differences are expected between the limits of agreement. Only positives count, the "
        "cases whose reference holds the structure; a case without a prediction was measured as 0 mL."
    )
    is_model = agreement["rater_kind"] == RaterKind.MODEL
    parts = [how_to_read(how)]
    if is_model.any():
        shown = _volume_table(agreement[is_model], results)
        short = int(is_model.sum()) <= _SHORT
        parts.append(shown if short else details(f"The models' volumes, {len(results.structures)} structures", shown))
    if not is_model.all():
        readers = join((paragraph(CONTRIBUTE), _volume_table(agreement[~is_model], results)))
        parts.append(details("The readers' volumes", readers) if is_model.any() else readers)
    everywhere = tables.volumes(results.scores, population="all", **asked)
    if len(everywhere) != len(agreement) or (everywhere["n"] != agreement["n"]).any():
        why = "Also the cases in which the reference holds nothing: double zeros raise the correlation."
        parts.append(details("Volumes over all cases", paragraph(why, kind="how"), _volume_table(everywhere, results)))
    legend = (explanations.BLAND_ALTMAN, explanations.limit_lines(limit_ml), explanations.DIFFERENCE_LINES)
    for model in results.models:
        drawn = volume_plots(results, model, limit_ml)
        if not drawn:
            continue
        scatter, limits = (figure.svg for figure in drawn)
        plots = captioned(scatter, explanations.VOLUME_LINES), captioned(limits, " ".join(legend))
        parts.append(model_fold(results, model, *plots, focus=focus))
    return join(parts)


def _volume_table(agreement: pd.DataFrame, results: ComparableRuns) -> Html:
    limit = agreement["limit_ml"].iloc[0]
    columns = [
        Column.text("Structure"),
        Column.text("Rater"),
        Column("n"),
        Column("Pearson r"),
        Column("95 % interval", hint="of r"),
        Column("Lin's CCC", hint="concordance correlation coefficient"),
        Column("RMSE", "mL"),
        Column("Bias", "mL", hint="mean of measured minus reference"),
        Column("Limits of agreement", "mL"),
        Column(f"Within {limit:g} mL", "%"),
    ]
    rows = [
        [
            Cell(row["label"], kind="group" if row["label"] in results.groups else ""),
            rater_cell(row["rater"], row["rater_kind"], palette(results)),
            count_cell(row["n"]),
            number_cell(row["pearson_r"], "1"),
            Cell(interval(row["pearson_r_low"], row["pearson_r_high"]), row["pearson_r_low"]),
            number_cell(row["concordance"], "1"),
            number_cell(row["rmse"], "mL"),
            number_cell(row["mean_difference"], "mL"),
            Cell(interval(row["lower"], row["upper"], "mL"), row["lower"]),
            Cell(percent(row["share_within"], 0).removesuffix(" %"), row["share_within"]),
        ]
        for row in agreement.to_dict("records")
    ]
    return table(columns, rows, f"Agreement of volumes with {results.common}")


def can_correlate(results: ComparableRuns) -> bool:
    """Return whether Dice and volumes were scored."""
    return {DICE, REFERENCE_VOLUME} <= set(results.scores["metric"])


def sizes(results: ComparableRuns) -> Html:
    """Correlate Dice with the volume of the reference: over structures, and over the cases of each structure."""
    how = (
        "Over structures: do larger ones have the higher mean Dice? Over cases: does a structure have a higher Dice "
        f"where it is larger? {explanations.SIZE}"
    )
    chosen = results.scores[
        (results.scores["reference"] == results.common)
        & results.scores["metric"].isin([DICE, REFERENCE_VOLUME])
        & (results.scores["status"] != Status.UNSUPPORTED)
    ]
    over_cases = tables.in_order(size_correlation(chosen, across="cases"), results.structures)
    parts = [paragraph(CONTRIBUTE if results.readers else None, " ", how, kind="how")]
    labelled = chosen[chosen["label"].isin(results.labels)]
    if len(labelled):  # some models know groups only
        over_structures = size_correlation(labelled)
        over_structures = over_structures[over_structures["n"] > 2]
        if len(over_structures):
            parts.append(_size_table(over_structures, results, "Mean Dice of the structures and their mean volumes"))
    by_case = _size_table(over_cases, results, "Dice and volume of the cases, structure by structure")
    parts.append(details("Over the cases of each structure", by_case))
    return details("Correlation of Dice with the volume of the structure", *parts)


def _size_table(correlated: pd.DataFrame, results: ComparableRuns, caption: str) -> Html:
    by_label = "label" in correlated
    columns = [
        *([Column.text("Structure")] if by_label else []),
        Column.text("Rater"),
        Column("n", hint="cases" if by_label else "structures"),
        Column("Pearson r"),
        Column("95 % interval", hint="of r"),
        Column("Spearman r"),
        Column.text("Note"),
    ]
    readers = dict.fromkeys(results.readers, RaterKind.READER)
    rows = [
        [
            *([Cell(row["label"], kind="group" if row["label"] in results.groups else "")] if by_label else []),
            rater_cell(row["rater"], readers.get(row["rater"], RaterKind.MODEL), palette(results)),
            count_cell(row["n"]),
            number_cell(row["pearson_r"], "1"),
            Cell(interval(row["pearson_r_low"], row["pearson_r_high"]), row["pearson_r_low"]),
            number_cell(row["spearman_r"], "1"),
            Cell(row["reason"]),
        ]
        for row in correlated.to_dict("records")
    ]
    return table(columns, rows, caption)
