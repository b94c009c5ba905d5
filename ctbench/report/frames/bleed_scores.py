"""Dice and volumes of any hemorrhage by rater, subgroup, split and width of the network's input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from ctbench.report.frames import tables
from ctbench.report.frames.case_calls import fairly_judged
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.subgroups import LOW_DICE
from ctbench.statistics import describe, failures, false_alarms, paired_tests

__all__ = ["between_splits", "bleed_dice", "by_subgroup", "case_dice", "dice_table", "fields_of_view", "volume_table"]

_DESCRIBED = ["n", "mean", "sd", "median", "q1", "q3", "min", "max", "failed"]
_VOLUMES = ["n", "pearson_r", "pearson_r_low", "pearson_r_high", "concordance", "rmse", "share_within", "limit_ml"]
_VOLUMES += ["mean_difference", "sd_difference", "mean_relative_difference", "overestimation", "underestimation"]


def bleed_dice(results: ComparableRuns, bleed: str) -> pd.DataFrame:
    """Return the Dice of a structure in its positives: models on the common reference, readers on those without them.

    Args:
        results: Runs on one dataset.
        bleed: Name of the structure.
    """
    scores = results.positive_scores
    rows = scores[(scores["metric"] == "dice") & (scores["label"] == bleed) & ~scores["negative"]]
    rows = rows[rows["status"] != "unsupported"]
    order = {name: at for at, name in enumerate((*results.models, *results.readers))}
    return fairly_judged(rows, results.common).sort_values(
        "rater", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def dice_table(rows: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Describe Dice by rater, and count the failures.

    Args:
        rows: Rows of ``bleed_dice``.
        by: Further columns to group by.

    Returns:
        Columns ``by``, ``rater, rater_kind, reference, n, mean, sd, median, q1, q3, min, max``, ``failed`` (lost
        predictions), ``failures`` (Dice below the limit) and ``share_failed`` (0 to 1) with its 95 % interval
        ``share_low, share_high``.
    """
    keys = [*by, "rater", "rater_kind", "reference"]
    described = describe(rows, by=keys)[[*keys, *_DESCRIBED]]
    low = failures(rows, below=LOW_DICE, by=keys)[[*keys, "failures", "share", "low", "high"]]
    named = {"share": "share_failed", "low": "share_low", "high": "share_high"}
    return described.merge(low.rename(columns=named), on=keys)


def by_subgroup(rows: pd.DataFrame, subgroup: pd.Series) -> pd.DataFrame:
    """Describe Dice by subgroup of cases and rater.

    Args:
        rows: Rows of ``bleed_dice``.
        subgroup: Case -> name of its subgroup; other cases are left out.

    Returns:
        The columns of ``dice_table`` with ``subgroup``, whose names of fewest words come first.
    """
    named = rows.assign(subgroup=rows["case"].map(subgroup)).dropna(subset="subgroup")
    table = dice_table(named, by=["subgroup"])
    length = table["subgroup"].map(lambda name: (len(str(name).split()), str(name)))
    return table.iloc[length.argsort(kind="stable")].reset_index(drop=True)


def volume_table(results: ComparableRuns, bleed: str) -> pd.DataFrame:
    """Return the agreement of volumes in the positives: models on the common reference, readers on those without them.

    Args:
        results: Runs on one dataset.
        bleed: Name of the structure.

    Returns:
        Columns ``rater, rater_kind, reference`` and those of ``ctbench.statistics.VolumeAgreement`` that a table shows.
    """
    parts = []
    for rater, reference in results.judged_on.items():
        own = results.scores[results.scores["rater"] == rater]
        found = tables.volumes(own, reference=reference, structures=(bleed,))
        if len(found):
            parts.append(found.assign(reference=reference)[["rater", "rater_kind", "reference", *_VOLUMES]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def between_splits(
    groups: Iterable[ComparableRuns], bleed_of: Callable[[ComparableRuns], str | None], training: str = "train"
) -> pd.DataFrame:
    """Return Dice and volumes of models on several splits of a dataset.

    Args:
        groups: Runs on the splits.
        bleed_of: Returns the structure of some runs; None: they are left out.
        training: Name of the split on which the models were trained.

    Returns:
        A row for each model with the same weights on two or more splits, and split: ``rater, split``, the columns of
        ``dice_table`` and ``volume_table``, and ``minus_training``, the mean Dice minus that of the training split.
    """
    parts = []
    for results in groups:
        bleed = bleed_of(results)
        if bleed is None or not results.models:
            continue
        volumes = volume_table(results, bleed)
        dice = dice_table(bleed_dice(results, bleed))
        both = dice.merge(volumes.drop(columns=["n"], errors="ignore"), on=["rater", "rater_kind", "reference"])
        both = both[both["rater"].isin(results.models)]
        cards = {model: results.card(model) for model in results.models}
        digests = {model: card.info.weights_digest if card else "" for model, card in cards.items()}
        parts.append(both.assign(split=results.manifest.split or "all", weights=both["rater"].map(digests)))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["rater", "weights", "split"])
    several = table.groupby(["rater", "weights"])["split"].transform("nunique") > 1
    table = table[several].sort_values("rater", kind="stable", ignore_index=True)
    if table.empty:
        return table
    learnt = table[table["split"] == training].set_index("rater")["mean"]
    minus = (table["mean"] - table["rater"].map(learnt)).where(table["split"] != training)
    return table.assign(minus_training=minus)


def fields_of_view(results: ComparableRuns, rows: pd.DataFrame) -> pd.DataFrame:
    """Return how wide the input of each network is, beside its Dice; the widest first.

    Args:
        results: Runs on one dataset.
        rows: Rows of ``bleed_dice``.

    Returns:
        A row for each model whose card states ``edge`` and ``spacing_mm``: the columns of ``dice_table``; ``edge``
        (voxels), ``width_mm`` (null for native slices); ``precision, sensitivity`` (means in positives, null if not
        scored); ``false_ml`` (mean volume drawn in a negative); ``difference`` of its Dice from that of the widest 3D
        network on the same cases, with ``low, high`` (95 %) and ``p`` (Wilcoxon).
    """
    inputs: dict[str, tuple[int, float]] = {}
    for model in results.models:
        card = results.card(model)
        parameters = card.info.parameters if card else {}
        if "edge" in parameters and "spacing_mm" in parameters:
            edge, spacing = int(parameters["edge"]), parameters["spacing_mm"]
            inputs[model] = (edge, math.nan if spacing is None else edge * float(spacing))
    own = rows[rows["rater"].isin(inputs)]
    if own.empty:
        return pd.DataFrame()
    table = dice_table(own)
    table["edge"] = [inputs[name][0] for name in table["rater"]]
    table["width_mm"] = [inputs[name][1] for name in table["rater"]]
    beside = results.scores[(results.scores["reference"] == results.common) & results.scores["rater"].isin(inputs)]
    beside = beside[beside["label"] == rows["label"].iloc[0]]
    means = describe(beside, by=("rater",)).pivot_table(index="rater", columns="metric", values="mean")
    for metric in ("precision", "sensitivity"):
        table[metric] = table["rater"].map(means[metric]) if metric in means else math.nan
    table["false_ml"] = table["rater"].map(false_alarms(beside).groupby("rater")["false_ml"].first())
    widest = table.sort_values("width_mm", ascending=False, kind="stable")["rater"].iloc[0]
    if len(table) > 1:
        tested = paired_tests(own, baseline=widest).set_index("rater")
        for column in ("difference", "low", "high", "p"):
            table[column] = table["rater"].map(tested[column])
    return table.sort_values("width_mm", ascending=False, na_position="first", kind="stable", ignore_index=True)


def case_dice(results: ComparableRuns, structure: str) -> dict[tuple[str, str], float]:
    """Return (case, model) -> Dice of a structure on the common reference, where it is defined."""
    scores = results.scores
    rows = scores[
        (scores["metric"] == "dice")
        & (scores["label"] == structure)
        & (scores["reference"] == results.common)
        & scores["rater"].isin(results.models)
    ].dropna(subset="value")
    return dict(zip(zip(rows["case"], rows["rater"], strict=True), rows["value"], strict=True))
