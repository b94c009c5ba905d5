"""Tables and figures of Sharrock et al. 2020, DeepBleed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from ctbench.report.drawings.colours import MODEL_COLOURS, palette
from ctbench.report.drawings.figures import bland_altman_figure, volume_figure
from ctbench.report.drawings.picture_grid import error_tiles, picture_grid
from ctbench.report.drawings.structure_charts import box_chart
from ctbench.report.frames import tables
from ctbench.report.frames.bleed_scores import (
    between_splits,
    bleed_dice,
    by_subgroup,
    case_dice,
    dice_table,
    fields_of_view,
    volume_table,
)
from ctbench.report.frames.boxplots import box_table
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.strata import bleed_of, combinations, reference_volumes
from ctbench.report.frames.subgroups import LOW_DICE, subgroup_columns, subgroup_table
from ctbench.report.papers.hemorrhage import NO_VOLUMES, expect_model_of_bleed
from ctbench.report.papers.part import Figure, Material, NotAvailableError, Part, Result, Table, tuples
from ctbench.report.wording import MISSING, fixed, with_interval

__all__ = ["PARTS"]

_TRAINING = "train"
_POSITIVES = "over the scans whose reference holds it; a lost prediction counts as Dice 0 and 0 mL"
_READERS = "Readers, whom the paper does not score, stand beside on the references made without each of them."
_PICTURES = 4


def _validation(material: Material) -> ComparableRuns:
    """Return the runs on the validation data: all, or where there are several splits, those that are no training."""
    if len(material.results) == 1:
        return material.results[0]
    held_out = [results for results in material.results if results.manifest.split != _TRAINING]
    if len(held_out) == 1:
        return held_out[0]
    return material.one()


def _dice(results: ComparableRuns) -> pd.DataFrame:
    rows = bleed_dice(results, expect_model_of_bleed(results))
    if rows.empty:
        msg = "needs the metric dice, which was not scored; run again with --metric dice"
        raise NotAvailableError(msg)
    return rows


def _cohort(material: Material) -> Result:
    results = _validation(material)
    bleed, kinds = expect_model_of_bleed(results), combinations(results)
    volumes = reference_volumes(results, results.common)
    if volumes.empty:
        msg = "needs the metric reference_volume_ml, which was not scored"
        raise NotAvailableError(msg)
    positive = volumes.loc[volumes[bleed] > 0, bleed]
    named = kinds.reindex(positive.index).fillna("no type") if len(kinds) else pd.Series(bleed, index=positive.index)
    grouped = positive.groupby(named, sort=False).agg(["size", "mean", "std", "min", "max"])
    grouped.loc["all"] = [len(positive), positive.mean(), positive.std(), positive.min(), positive.max()]
    frame = (
        grouped.set_axis(["n", "mean_ml", "sd_ml", "min_ml", "max_ml"], axis=1).rename_axis("subgroup").reset_index()
    )
    frame = frame.assign(n=frame["n"].astype(int), share=frame["n"] / len(positive))
    printed = pd.DataFrame(
        {
            "Subgroup": frame["subgroup"],
            "Scans (%)": [f"{row.n} ({100 * row.share:.0f}%)" for row in tuples(frame)],
            "Volume, mL: mean (SD)": [f"{row.mean_ml:.1f} ({fixed(row.sd_ml, '%')})" for row in tuples(frame)],
            "Range, mL": [f"{row.min_ml:.1f}–{row.max_ml:.1f}" for row in tuples(frame)],
        }
    )
    caption = f"Scans with {bleed} in {results.common}, by the types that the reference holds."
    return Result({"": Table(frame, caption, printed)})


def _table_1(material: Material) -> Result:
    results = _validation(material)
    rows = _dice(results)
    frame = dice_table(rows)
    printed = pd.DataFrame(
        {
            "Model": frame["rater"],
            **{
                head: [fixed(value) for value in frame[name]]
                for head, name in (("Mean", "mean"), ("SD", "sd"), ("Median", "median"), ("Min", "min"), ("Max", "max"))
            },
            "Percent Failed": [f"{100 * share:.1f}%" for share in frame["share_failed"]],
        }
    )
    caption = f"Dice of {rows['label'].iloc[0]} {_POSITIVES}. Failed: Dice < {LOW_DICE:g}."
    notes = ["The paper's scans all hold a bleed, so that its population is ours: the positives.", _READERS]
    return Result({"": Table(frame, caption, printed)}, notes=notes[: 2 if results.readers else 1])


def _table_2(material: Material) -> Result:
    results = _validation(material)
    rows = _dice(results)
    dataset = material.datasets.get(results.dataset)
    groups = subgroup_table(dataset, results.cases)
    wanted = {name: groups[name] for name in subgroup_columns(groups)}
    kinds = combinations(results)
    if len(kinds):
        wanted = {"types in the reference": kinds, **wanted}
    if not wanted:
        msg = "needs subgroups: several labels, or a case table with a column of 2 to 8 values (--catalog FILE)"
        raise NotAvailableError(msg)
    made: dict[str, Table] = {}
    for name, subgroup in wanted.items():
        frame = by_subgroup(rows, subgroup)
        cells = [f"{fixed(row.mean)} ({fixed(row.sd)}); {row.failures} of {row.n} failed" for row in tuples(frame)]
        named = frame.assign(cell=cells)
        wide = named.pivot_table(index="rater", columns="subgroup", values="cell", aggfunc="first").fillna(MISSING)
        order = list(dict.fromkeys(frame["subgroup"]))
        printed = wide.reindex(list(dict.fromkeys(frame["rater"])))[order].rename_axis("Model").reset_index()
        caption = f"Mean (SD) of Dice by {name.replace('_', ' ')}, and scans with Dice < {LOW_DICE:g}, {_POSITIVES}."
        made["" if not made else name] = Table(frame, caption, printed)
    return Result(made, notes=["The paper's Table 2 prints no failures; they stand beside each mean."])


def _figure_2(material: Material) -> Result:
    results = _validation(material)
    rows = _dice(results)
    label = str(rows["label"].iloc[0])
    boxes = box_table(rows, by=("label", "rater")).assign(mark="")
    chart = box_chart(boxes, structures=(label,), palette=palette(results), metric="dice", unit="1")
    frame = boxes.drop(columns=["outliers", "mark"])
    caption = f"Quartiles, whiskers (1.5 box lengths) of the Dice of {label} {_POSITIVES}."
    return Result({"": Table(frame, caption)}, {"": Figure(chart, f"Box plots of the Dice of {label} of each model")})


def _pictures(material: Material, *, failed: bool) -> Result:
    results = _validation(material)
    rows, dataset = _dice(results), material.dataset(_validation(material))
    chosen = _failed(rows, results.models) if failed else _median(rows, results.models)
    if not chosen:
        msg = (
            f"needs a scan with Dice < {LOW_DICE:g}, and no model has one" if failed else "needs predictions, got none"
        )
        raise NotAvailableError(msg)
    label = str(rows["label"].iloc[0])
    dice = case_dice(results, label)
    tiles = [
        tile for case, models in chosen.items() for tile in error_tiles(results, dataset[case], models, label, dice)
    ]
    if not tiles:
        msg = "needs the label maps of the predictions, which the runs do not hold"
        raise NotAvailableError(msg)
    said = "the scans with the lowest Dice of any model" if failed else "each model's scan of median Dice"
    described = f"Green: true positive; red: false positive; blue: false negative; {said}; grey hatches do not count"
    return Result(figures={"": Figure(picture_grid(tiles, columns=len(results.models) if failed else 4), described)})


def _median(rows: pd.DataFrame, models: Sequence[str]) -> dict[str, list[str]]:
    """Return case -> models whose scan of median Dice (the lower of two) it is."""
    found: dict[str, list[str]] = {}
    for model in models:
        own = rows[rows["rater"] == model].dropna(subset="value").sort_values(["value", "case"])
        if len(own):
            found.setdefault(str(own["case"].iloc[(len(own) - 1) // 2]), []).append(model)
    return found


def _failed(rows: pd.DataFrame, models: Sequence[str]) -> dict[str, list[str]]:
    """Return the scans with the lowest Dice of any model, of those below the limit -> all models."""
    own = rows[rows["rater"].isin(models) & (rows["value"] < LOW_DICE)].sort_values(["value", "case"])
    return {str(case): list(models) for case in own["case"].drop_duplicates().head(_PICTURES)}


def _table_3(material: Material) -> Result:
    results = _validation(material)
    bleed = expect_model_of_bleed(results)
    frame = volume_table(results, bleed)
    if frame.empty:
        raise NotAvailableError(NO_VOLUMES)
    printed = pd.DataFrame(
        {
            "Model": frame["rater"],
            "Volume Correlation": [fixed(value) for value in frame["pearson_r"]],
            "RMSE": [fixed(value, digits=1) for value in frame["rmse"]],
            f"Percent within {tables.VOLUME_LIMIT_ML:g}mL": [f"{100 * share:.0f}%" for share in frame["share_within"]],
            "Average Volume Difference": [fixed(value, digits=1) for value in frame["mean_difference"]],
        }
    )
    caption = f"Volumes of {bleed} in mL against {results.common}, {_POSITIVES}; negative: less than the reference."
    notes = ["The sign is that of the paper's Table 3 and text; the caption of its Figure 6 says the opposite."]
    return Result({"": Table(frame, caption, printed)}, notes=notes)


def _volume_pairs(results: ComparableRuns) -> pd.DataFrame:
    bleed = expect_model_of_bleed(results)
    parts = [
        tables.volume_pairs(results.scores, rater=model, reference=results.common, structures=(bleed,)).assign(
            rater=model
        )
        for model in results.models
    ]
    pairs = pd.concat(parts, ignore_index=True)
    if pairs.empty:
        raise NotAvailableError(NO_VOLUMES)
    return pairs


def _figure_5(material: Material) -> Result:
    results = _validation(material)
    pairs = _volume_pairs(results)
    chart = volume_figure(pairs, rater="model", reference=results.common, shade=MODEL_COLOURS[0], panels="rater")
    said = f"Volumes of each model over those of {results.common}. Dashed: identity; blue: linear fit; dotted: LOESS"
    return Result(figures={"": Figure(chart, said)}, notes=[_LOESS])


_LOESS = (
    "The paper does not say how its smoother was set; here it is Cleveland's: local lines over two thirds of the "
    "scans, with robust weights."
)


def _figure_6(material: Material) -> Result:
    results = _validation(material)
    pairs = _volume_pairs(results)
    chart = bland_altman_figure(pairs, rater="model", reference=results.common, shade=MODEL_COLOURS[0], panels="rater")
    said = (
        "Difference of the volumes over their mean, a panel a model. Solid: bias; dashed: 95 % limits of agreement; "
        f"coloured: +-{tables.VOLUME_LIMIT_ML:g} mL; dotted: LOESS"
    )
    notes = [
        "Differences are model minus reference, as in the paper's Table 3; the caption of its Figure 6 swaps them.",
        _LOESS,
    ]
    return Result(figures={"": Figure(chart, said)}, notes=notes)


def _training(material: Material) -> Result:
    results = [one for one in material.results if one.dataset == material.results[0].dataset]
    frame = between_splits(results, bleed_of)
    if frame.empty:
        msg = (
            "needs runs of one model on two splits of one dataset, such as --split train and --split test; got "
            f"{'; '.join(one.title for one in material.results)}"
        )
        raise NotAvailableError(msg)
    printed = pd.DataFrame(
        {
            "Model": frame["rater"],
            "Split": frame["split"],
            "n": frame["n"],
            "Dice: mean (SD)": [f"{fixed(row.mean)} ({fixed(row.sd)})" for row in tuples(frame)],
            "Percent Failed": [f"{100 * share:.1f}%" for share in frame["share_failed"]],
            "Volume Correlation": [fixed(value) for value in frame["pearson_r"]],
            "RMSE": [fixed(value, digits=1) for value in frame["rmse"]],
            "Average Volume Difference": [fixed(value, digits=1) for value in frame["mean_difference"]],
            "Dice minus that in training": [fixed(value) for value in frame["minus_training"]],
        }
    )
    caption = f"The same model on the scans that it learnt from and on others, {_POSITIVES}."
    notes = ["The paper says that it computed these for both cohorts, and prints none of the training's."]
    return Result({"": Table(frame, caption, printed)}, notes=notes)


def _receptive_fields(material: Material) -> Result:
    results = _validation(material)
    frame = fields_of_view(results, _dice(results))
    if len(frame) < 2:
        msg = (
            "needs runs of two or more networks whose cards state `edge` and `spacing_mm`, such as deepbleed-128, -64 "
            f"and -32; got {', '.join(results.models)}"
        )
        raise NotAvailableError(msg)
    printed = pd.DataFrame(
        {
            "Network": frame["rater"],
            "Input, voxels": frame["edge"].astype(str),
            "Input, mm": ["a native slice" if pd.isna(value) else f"{value:g}" for value in frame["width_mm"]],
            "Dice: mean (SD)": [f"{fixed(row.mean)} ({fixed(row.sd)})" for row in tuples(frame)],
            "Median": [fixed(value) for value in frame["median"]],
            "Percent Failed": [f"{100 * share:.1f}%" for share in frame["share_failed"]],
            "Precision": [fixed(value) for value in frame["precision"]],
            "Sensitivity": [fixed(value) for value in frame["sensitivity"]],
            "Drawn in normal scans, mL": [fixed(value, digits=1) for value in frame["false_ml"]],
            "Dice minus the widest (95 % CI)": [
                with_interval(row.difference, row.low, row.high) for row in tuples(frame)
            ],
        }
    )
    caption = (
        "What a network sees at once, and how well it segments: the paper expects over-estimation at the skull and at "
        f"calcifications below 50 mm. Dice {_POSITIVES}; differences paired by scan."
    )
    notes = ["The paper prints 196 mm for 128 voxels of 1.5 mm; that is 192 mm."]
    return Result({"": Table(frame, caption, printed)}, notes=notes)


PARTS: tuple[Part, ...] = (
    Part("cohort", "Cohort: hemorrhages and their volumes (text of Methods and Results)", _cohort),
    Part("table-1", "Table 1: Dice of each model", _table_1),
    Part("table-2", "Table 2: Dice by subgroup, with failures", _table_2),
    Part("table-3", "Table 3: volumes on scans that bleed", _table_3),
    Part("figure-2", "Figure 2: distribution of the Dice of each model", _figure_2),
    Part("figure-3", "Figure 3: scan of median Dice of each model", partial(_pictures, failed=False)),
    Part("figure-4", "Figure 4: failed segmentations", partial(_pictures, failed=True)),
    Part("figure-5", "Figure 5: volumes of each model over the reference's", _figure_5),
    Part("figure-6", "Figure 6: differences of volumes over their means", _figure_6),
    Part("training", "Training against validation (text of Methods)", _training),
    Part(
        "receptive-field", "Receptive field: the networks by what they see at once (text of Methods)", _receptive_fields
    ),
)
