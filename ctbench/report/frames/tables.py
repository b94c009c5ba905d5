"""Tables of a dataset's scores: frames in, frames out, nothing formatted.

Every table keeps to one reference or to one set of references. ``leave-one-out`` stands for the set
``<method>-without-k`` of all readers k: a reader is scored on the one made without this reader, a model on each of
them, so the two averages are over the same references.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import pandas as pd

from ctbench.errors import UsageError
from ctbench.metric_descriptions import REFERENCE_VOLUME, VOLUME, VOLUMES
from ctbench.scores import LOST, OUTCOMES, RaterKind, Status, leave_one_out_rows
from ctbench.statistics import (
    OVERALL,
    bland_altman,
    categorical_regression,
    describe,
    leave_one_out_tests,
    overall,
    populated,
    readers_minus_model,
    volume_agreement,
)

__all__ = [
    "ALL_READERS",
    "ALL_READERS_KIND",
    "LEAVE_ONE_OUT",
    "OVERALL",
    "VOLUME_LIMIT_ML",
    "VolumePopulation",
    "common_reference",
    "comparison",
    "comparisons",
    "contest",
    "failures",
    "gaps",
    "in_order",
    "per_structure",
    "present",
    "raters",
    "scope",
    "supported",
    "unsupported",
    "volume_pairs",
    "volumes",
    "with_overall",
    "with_patients",
]

VolumePopulation = Literal["positives", "all"]
VOLUME_LIMIT_ML = 5.0
"""The largest difference of a volume from the reference's that counts as near, mL, unless another limit is chosen."""

LEAVE_ONE_OUT = "leave-one-out"
ALL_READERS, ALL_READERS_KIND = "all readers", "readers"
"""Name and kind of the readers as one rater, which is neither a model nor a single reader."""


def common_reference(scores: pd.DataFrame) -> str:
    """Return the name of the reference of all readers, or of the given reference.

    Raises:
        UsageError: The scores have no such reference, or several, which cannot be compared.
    """
    names = scores.loc[~leave_one_out_rows(scores["reference"]), "reference"].unique()
    if len(names) != 1:
        msg = f"expected scores against one common reference, got {', '.join(names) or 'none'}; report them apart"
        raise UsageError(msg)
    return str(names[0])


def raters(scores: pd.DataFrame, kind: str) -> tuple[str, ...]:
    """Return the raters of a kind (``reader`` or ``model``), in the order in which they first occur."""
    return tuple(map(str, scores.loc[scores["rater_kind"] == kind, "rater"].unique()))


def scope(scores: pd.DataFrame, rater: str, labels: Iterable[str], groups: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the structures that a rater's overall mean is taken over.

    These are the labels that the rater supports. A rater that knows none of them, but a group as a whole (any
    hemorrhage), is averaged over its groups.
    """
    return supported(scores, rater, labels) or supported(scores, rater, groups)


def supported(scores: pd.DataFrame, rater: str, structures: Iterable[str]) -> tuple[str, ...]:
    """Return those of the structures that a rater claims to know."""
    rows = unsupported(scores)
    lacking = set(rows.loc[rows["rater"] == rater, "label"])
    return tuple(name for name in structures if name not in lacking)


def unsupported(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the structures that models do not claim to know: columns rater, label."""
    rows = scores[scores["status"] == Status.UNSUPPORTED]
    return rows[["rater", "label"]].drop_duplicates(ignore_index=True)


def failures(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the cases without a prediction: columns rater, case, outcome (in words), detail."""
    rows = scores[scores["status"].isin(LOST)].drop_duplicates(["rater", "case"], ignore_index=True)
    return rows.assign(outcome=rows["status"].astype(str).map(OUTCOMES))[["rater", "case", "outcome", "detail"]]


def present(scores: pd.DataFrame, structures: Iterable[str]) -> tuple[str, ...]:
    """Return those of the structures that have scores."""
    found = set(scores["label"])
    return tuple(name for name in structures if name in found)


def per_structure(
    scores: pd.DataFrame, structures: Sequence[str], metric: str, patients: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Describe one metric by structure, reference and rater.

    Args:
        scores: Tidy scores of one dataset.
        structures: Names of labels and groups, in the order of the rows.
        metric: Name of the metric.
        patients: Case -> patient; other cases are patients of their own.

    Returns:
        The columns of ``ctbench.statistics.describe`` by label, reference and rater.
    """
    chosen = populated(scores)
    chosen = chosen[(chosen["metric"] == metric) & chosen["label"].isin(list(structures))]
    return in_order(describe_patients(chosen, ("label", "reference", "rater"), patients), structures)


def comparison(scores: pd.DataFrame, *, metric: str, **asked: Any) -> pd.DataFrame:
    """Compare the readers with one model by one metric: the table of ``comparisons``, whose arguments it takes."""
    return comparisons(scores, metrics=(metric,), **asked)[metric]


def comparisons(
    scores: pd.DataFrame,
    *,
    model: str,
    structures: Sequence[str],
    averaged: Sequence[str],
    metrics: Sequence[str],
    reference: str,
    patients: Mapping[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Compare the readers with one model, structure by structure and overall.

    Args:
        scores: Tidy scores of one dataset.
        model: Name of the model.
        structures: Names of the structures to compare, in the order of the rows; ``overall`` comes last.
        averaged: Names of the structures that the overall mean is taken over.
        metrics: Names of the metrics.
        reference: ``leave-one-out`` pairs each reader with the model by case on the reference made without this reader
            (``ctbench.statistics.leave_one_out_tests``); the name of the common reference makes the papers' test.
        patients: Case -> patient; other cases are patients of their own. For the paired test.

    Returns:
        For each metric a table with a row for each structure and reader: label, rater, reference; the reader's ``n,
        mean, sd``; the model's ``model_n, model_mean, model_sd`` on the same reference; ``difference`` (reader minus
        model) with ``low, high`` (95 %), ``p`` and ``p_holm`` (over the readers; null for the papers' test);
        ``reader_better`` and ``model_better`` (with p_holm < .05, by the papers' test p < .05; else both False);
        ``reason`` where there is no p.
    """
    chosen = with_overall(contest(scores, model, reference), structures, averaged, metrics)
    by = ("metric", "label")
    if reference == LEAVE_ONE_OUT:
        test = leave_one_out_tests(with_patients(chosen, patients), baseline=model, by=by, cluster="patient")
    else:
        test = categorical_regression(chosen, baseline=model, by=by).assign(reference=reference, p_holm=math.nan)
    keys = [*by, "reference"]
    means = describe(chosen, by=(*keys, "rater"))[[*keys, "rater", "n", "mean", "sd"]]
    models = means[means["rater"] == model].drop(columns="rater")
    models = models.rename(columns={"n": "model_n", "mean": "model_mean", "sd": "model_sd"})
    table = (
        test.drop(columns=["n", "n_baseline"], errors="ignore")
        .merge(means, on=[*keys, "rater"])
        .merge(models, on=keys)
        .assign(
            reader_better=lambda rows: rows["better"] == rows["rater"],
            model_better=lambda rows: rows["better"] == model,
        )
    )
    return {
        metric: in_order(table.loc[table["metric"] == metric, list(_COMPARED)], (*structures, OVERALL))
        for metric in metrics
    }


_COMPARED = (
    *("label", "rater", "reference", "n", "mean", "sd", "model_n", "model_mean", "model_sd"),
    *("difference", "low", "high", "p", "p_holm", "reader_better", "model_better", "reason"),
)


def gaps(
    scores: pd.DataFrame,
    *,
    model: str,
    structures: Sequence[str],
    averaged: Sequence[str],
    metrics: Sequence[str],
    reference: str,
) -> dict[str, pd.DataFrame]:
    """Subtract the model's mean from the readers', and give it as a share of the reference volume.

    These are the last columns of Cai's Tables 2 and 3. On leave-one-out references, reader and model are subtracted on
    each and the differences averaged. The share of ``overall`` is the mean of the absolute shares of the structures
    averaged, which is how Cai's 3.94 % comes out of its column.

    Takes the same arguments as ``comparisons``, without the patients.

    Returns:
        For each metric a table with a row for each structure: label, ``difference`` (readers minus model),
        ``share_percent`` (null unless the unit is mL).
    """
    rows = contest(scores, model, reference)
    volumes = rows[(rows["metric"] == REFERENCE_VOLUME) & rows["label"].isin(list(structures))]
    chosen = pd.concat([with_overall(rows, structures, averaged, metrics), volumes], ignore_index=True)
    each = readers_minus_model(chosen, model=model, by=("metric", "reference", "label"))
    each = each.sort_values("reference", kind="stable")
    columns = ["difference", REFERENCE_VOLUME]
    table = each.groupby(["metric", "unit", "label"], sort=False)[columns].mean().reset_index()
    share = 100 * table["difference"] / table[REFERENCE_VOLUME]
    table = table.assign(share_percent=share.where(table["unit"] == "mL"))
    is_averaged = table["label"].isin(list(averaged))
    found = {}
    for metric in metrics:
        own = table["metric"] == metric
        shares = table.loc[own & is_averaged, "share_percent"]
        table.loc[own & (table["label"] == OVERALL), "share_percent"] = shares.abs().mean()
        found[metric] = in_order(table.loc[own, ["label", "difference", "share_percent"]], (*structures, OVERALL))
    return found


def volume_pairs(
    scores: pd.DataFrame,
    *,
    rater: str,
    reference: str,
    structures: Sequence[str],
    population: VolumePopulation = "positives",
) -> pd.DataFrame:
    """Return measured and reference volumes of a rater, case by case.

    Args:
        scores: Tidy scores of one dataset.
        rater: Name of the rater.
        reference: Name of the reference.
        structures: Names of the structures.
        population: ``positives`` (default): cases whose reference holds the structure; where the rater has no
            prediction, it measured 0 mL. ``all``: all cases, without those in which the rater has no prediction.

    Returns:
        Columns label, case, reference_ml, measured_ml, without cases in which nobody assessed the structure.
    """
    chosen = scores[
        (scores["rater"] == rater)
        & (scores["reference"] == reference)
        & scores["metric"].isin(VOLUMES)
        & scores["label"].isin(list(structures))
    ]
    reference_ml, measured_ml = (
        chosen[chosen["metric"] == metric].set_index(["label", "case"])["value"]
        for metric in (REFERENCE_VOLUME, VOLUME)
    )
    pairs = pd.DataFrame({"reference_ml": reference_ml, "measured_ml": measured_ml})
    if population == "positives":
        lost = chosen[chosen["status"].isin(LOST)].drop_duplicates(["label", "case"]).set_index(["label", "case"]).index
        pairs.loc[pairs.index.isin(lost), "measured_ml"] = 0.0
        pairs = pairs[pairs["reference_ml"] > 0]
    return in_order(pairs.dropna().reset_index(), structures)


def volumes(
    scores: pd.DataFrame,
    *,
    reference: str,
    structures: Sequence[str],
    population: VolumePopulation = "positives",
    limit_ml: float = VOLUME_LIMIT_ML,
) -> pd.DataFrame:
    """Return how well each rater's volumes agree with those of a reference: one row per structure and rater.

    Args:
        scores: Tidy scores of one dataset.
        reference: Name of the reference.
        structures: Names of the structures.
        population: As for ``volume_pairs``. Double zeros of all cases raise any correlation.
        limit_ml: The largest absolute difference that counts in ``share_within``, mL. Default 5.

    Returns:
        Columns label, rater, rater_kind, population, the fields of ``VolumeAgreement``, and ``lower, upper``: the
        limits of agreement in mL.
    """
    kinds = {name: kind for kind in (RaterKind.READER, RaterKind.MODEL) for name in raters(scores, kind)}
    rows = []
    for rater, kind in kinds.items():
        pairs = volume_pairs(scores, rater=rater, reference=reference, structures=structures, population=population)
        for label, pair in pairs.groupby("label", sort=False):
            agreement = volume_agreement(pair["reference_ml"], pair["measured_ml"], limit_ml=limit_ml)
            limits = bland_altman(pair["reference_ml"], pair["measured_ml"])
            row = {
                "label": label,
                "rater": rater,
                "rater_kind": kind.value,
                "population": population,
                **asdict(agreement),
            }
            rows.append(row | {"lower": limits.lower, "upper": limits.upper})
    table = pd.DataFrame(rows)
    return in_order(table, structures) if len(table) else table


def contest(scores: pd.DataFrame, model: str, reference: str) -> pd.DataFrame:
    """Return the rows of the readers and of one model, on the common reference or on the references without a reader.

    Args:
        scores: Tidy scores of one dataset.
        model: Name of the model.
        reference: Name of the common reference, or ``leave-one-out``.
    """
    is_reader = scores["rater_kind"] == RaterKind.READER
    chosen = scores[is_reader | (scores["rater"] == model)]
    if reference != LEAVE_ONE_OUT:
        return chosen[chosen["reference"] == reference]
    paired = chosen.loc[
        (chosen["rater_kind"] == RaterKind.READER) & leave_one_out_rows(chosen["reference"]), "reference"
    ]
    return chosen[chosen["reference"].isin(paired.unique())]


def with_overall(
    scores: pd.DataFrame, structures: Sequence[str], averaged: Sequence[str], metric: str | Sequence[str]
) -> pd.DataFrame:
    """Return the rows of some metrics and structures, with the mean over structures as the label ``overall``.

    Only positives have a value, see ``ctbench.statistics.populated``.

    Args:
        scores: Tidy scores of one dataset, best of all metrics.
        structures: Names of the structures to keep.
        averaged: Names of the structures that the overall mean is taken over.
        metric: Name or names of the metrics.
    """
    chosen = populated(scores)
    chosen = chosen[
        chosen["metric"].isin([metric] if isinstance(metric, str) else metric) & chosen["label"].isin(list(structures))
    ]
    mean = overall(chosen, labels=present(chosen, averaged))
    return pd.concat([chosen.drop(columns="negative"), mean], ignore_index=True)


def with_patients(scores: pd.DataFrame, patients: Mapping[str, str] | None) -> pd.DataFrame:
    """Return scores with the column ``patient``; a case that ``patients`` does not name is a patient of its own."""
    known = patients or {}
    return scores.assign(patient=[known.get(case, case) for case in scores["case"]])


def describe_patients(
    scores: pd.DataFrame, by: str | Sequence[str], patients: Mapping[str, str] | None
) -> pd.DataFrame:
    """Return ``ctbench.statistics.describe`` with the values of a patient's scans taken as one cluster.

    Args:
        scores: Tidy scores.
        by: Name or names of the columns to group by.
        patients: Case -> patient; other cases are patients of their own.
    """
    if not patients:
        return describe(scores, by=by)
    return describe(with_patients(scores, patients), by=by, cluster="patient")


def in_order(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Sort the rows of a table by the place of their label among names; else they keep their order."""
    places = {name: index for index, name in enumerate(names)}
    return table.sort_values("label", key=lambda labels: labels.map(places), kind="stable", ignore_index=True)
