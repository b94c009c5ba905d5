"""Detection by case: which rater calls which case positive, and the rates that follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import pandas as pd

from ctbench.datasets import SIZE_CLASSES
from ctbench.metric_descriptions import REFERENCE_VOLUME, VOLUME, VOLUMES
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.scores import LOST, RaterKind, Status, leave_one_out_rows
from ctbench.statistics import detection, detection_table, predictive_values
from ctbench.statistics.diagnosis import wrongly_called

__all__ = [
    "RATES",
    "STRATA",
    "any_finding",
    "at_prevalence",
    "calls",
    "can_detect",
    "case_calls",
    "chief_calls",
    "crossed_rows",
    "detection_rows",
    "fairly_judged",
    "stratum_rows",
]

STRATA = ("type", "size_class")
"""Columns of a case table by which positive cases are split."""

RATES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "accuracy": "Accuracy",
    "auc": "AUC",
}
"""Fields of ``ctbench.statistics.Detection`` with an interval -> what people call them; all but the AUC are shares."""

Sure = Callable[[str, str], float | None]
"""Rater, case -> the rater's own score that the case is positive, in [0, 1]; None if it has none."""

_ANY = "hemorrhage"
"""The group that a predictor's score of a case is about."""

_BY_SCORE, _BY_VOLUME = "by a case score ≥ 0.5", "by a volume drawn > 0"
_ABOVE_ZERO = math.ulp(0.0)
_KEYS = ["rater_kind", "rater", "reference", "label"]
_GROUP = ["rater", "rater_kind", "reference", "label", "by", "threshold"]
_COLUMNS = ("case", "truth", "score", "lost", *_KEYS, "by", "threshold")


def any_finding(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the structures that a model's score of a whole case is about: any hemorrhage, or the only structure."""
    return (_ANY, *(labels if len(labels) == 1 else ()))


def calls(results: ComparableRuns) -> pd.DataFrame:
    """Return for each case of a report whether a structure is present, and each rater's score for it.

    Returns:
        As ``case_calls``.
    """
    runs = {model: results.open_run(model) for model in results.models}
    return case_calls(
        results.scores,
        common=results.common,
        structures=results.structures,
        findings=any_finding(results.labels),
        sure=lambda rater, case: runs[rater].findings(case)[0],
    )


def can_detect(results: ComparableRuns) -> bool:
    """Return whether some structure is present in some cases and absent in others."""
    judged = _judged(results.scores, results.common, results.structures)
    return any(_cases(rows) is not None for _, rows in judged.groupby(_KEYS, sort=False))


def case_calls(
    scores: pd.DataFrame, *, common: str, structures: Sequence[str], findings: Sequence[str], sure: Sure
) -> pd.DataFrame:
    """Return for each case whether a structure is present, and each rater's score for it.

    A model is judged by the common reference, a reader by the one that it had no part in, where there is one. A case
    without a prediction counts as wrongly called.

    Args:
        scores: tidy scores of one dataset, of which the metrics ``volume_ml`` and ``reference_volume_ml`` count.
        common: the name of the reference of all readers.
        structures: Names of the structures for which a case is called positive.
        findings: those of them that a model's score of a case is about.
        sure: Returns that score.

    Returns:
        Columns rater, rater_kind, reference, label, by (what ``score`` is), threshold, case, truth, score, lost (no
        prediction). Structures that are in all cases or in none are left out.
    """
    parts = list(_found(scores, common, structures, findings, sure))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))


def fairly_judged(scores: pd.DataFrame, common: str) -> pd.DataFrame:
    """Return the rows of models on the common reference, and of readers on the one made without them, if there is one.

    Args:
        scores: Tidy scores of one dataset.
        common: Name of the reference of all readers, or of the given reference.
    """
    is_reader, without = scores["rater_kind"] == RaterKind.READER, leave_one_out_rows(scores["reference"])
    is_common = scores["reference"] == common
    if (is_reader & without).any():
        return scores[(is_reader & without) | (~is_reader & is_common)]
    return scores[is_common]


def _found(
    scores: pd.DataFrame, common: str, structures: Sequence[str], findings: Sequence[str], sure: Sure
) -> Iterator[pd.DataFrame]:
    for key, rows in _judged(scores, common, structures).groupby(_KEYS, sort=False):
        head = dict(zip(_KEYS, map(str, key), strict=True))
        cases = _cases(rows)
        if cases is None:
            continue
        yield cases.assign(**head, by=_BY_VOLUME, threshold=_ABOVE_ZERO)
        if head["rater_kind"] == RaterKind.MODEL and head["label"] in findings:
            said = _case_scores(cases, lambda case, rater=head["rater"]: sure(rater, case))  # type: ignore[misc]  # bound now
            if said is not None:
                yield cases.assign(**head, score=said, by=_BY_SCORE, threshold=0.5)


def _judged(scores: pd.DataFrame, common: str, structures: Sequence[str]) -> pd.DataFrame:
    """Return the volumes by which raters are judged, where their reference holds the structure in some cases only."""
    is_volume = scores["metric"].isin(VOLUMES)
    judged = fairly_judged(scores[is_volume & scores["label"].isin(list(structures))], common)
    held = judged[judged["metric"] == REFERENCE_VOLUME].groupby(_KEYS, sort=False)["value"].agg(["min", "max"])
    mixed = held.index[(held["max"] > 0) & ~(held["min"] > 0)]
    return judged[pd.MultiIndex.from_frame(judged[_KEYS]).isin(mixed)]


def _cases(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return case, truth, score (volume in mL) and lost; None for a structure that the rater does not know."""
    wide = rows.pivot_table(index="case", columns="metric", values="value", dropna=False)
    status = rows.drop_duplicates("case").set_index("case")["status"]
    if not set(VOLUMES) <= set(wide) or status.eq(Status.UNSUPPORTED).all():
        return None
    wide = wide[wide[REFERENCE_VOLUME].notna()]
    truth, lost = wide[REFERENCE_VOLUME] > 0, status[wide.index].isin(LOST)
    score = wrongly_called(truth, wide[VOLUME], lost, _ABOVE_ZERO)
    return pd.DataFrame({"truth": truth, "score": score, "lost": lost}).reset_index()


def _case_scores(cases: pd.DataFrame, sure: Callable[[str], float | None]) -> pd.Series | None:
    """Return a model's own score of each case; None unless every predicted case has one."""
    said = {case: sure(case) for case in cases.loc[~cases["lost"], "case"]}
    if not said or None in said.values():
        return None
    scores = cases["case"].map(said).astype(float)
    return pd.Series(wrongly_called(cases["truth"], scores, cases["lost"], 0.5), index=cases.index)


def chief_calls(found: pd.DataFrame) -> pd.DataFrame:
    """Return one kind of call for each rater: by its own score of a case if it has one, else by the volume drawn.

    Args:
        found: Rows that ``case_calls`` returned, of one structure.
    """
    scored = set(found.loc[found["by"] == _BY_SCORE, "rater"])
    return found[(found["by"] == _BY_SCORE) | ~found["rater"].isin(scored)].reset_index(drop=True)


def detection_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Return how well each rater detects each structure.

    Args:
        found: Rows that ``case_calls`` returned.

    Returns:
        A row for each rater, structure and kind of call: rater, rater_kind, reference, label, by, and the fields of
        ``ctbench.statistics.Detection``.
    """
    return pd.DataFrame(
        [
            dict(zip(_GROUP, key, strict=True))
            | asdict(detection(own["truth"], own["score"], float(own["threshold"].iloc[0])))
            for key, own in found.groupby(_GROUP, sort=False)
        ]
    )


def stratum_rows(found: pd.DataFrame, strata: pd.Series) -> pd.DataFrame:
    """Return how well each rater detects the positive cases of each stratum among all negative cases.

    Args:
        found: Rows that ``case_calls`` returned.
        strata: Case id -> stratum; the name of the series becomes a column.

    Returns:
        The columns of ``detection_rows`` and that of the stratum; sorted by it within each rater.
    """
    column = str(strata.name)
    named = found.assign(**{column: found["case"].map(strata).where(found["truth"])}).sort_values(column, kind="stable")
    rows: list[dict[str, Any]] = []
    for key, own in named.groupby(_GROUP, sort=False):
        parted = detection_table(own, by=column, threshold=float(own["threshold"].iloc[0]))
        rows += [
            dict(zip(_GROUP, key, strict=True)) | {str(name): value for name, value in row.items()}
            for row in parted.to_dict("records")
        ]
    return pd.DataFrame(rows)


def crossed_rows(found: pd.DataFrame, strata: Mapping[str, pd.DataFrame], types: Sequence[str]) -> pd.DataFrame:
    """Return how well each rater detects the positive cases of each type and size class among all negative cases.

    These are the rows of Chang's Table 2.

    Args:
        found: Rows that ``case_calls`` returned, of one structure.
        strata: Name of a reference -> columns ``type`` and ``size_class``, by case.
        types: Types in their order.

    Returns:
        The columns of ``detection_rows`` with ``type`` and ``size_class``; ``all`` stands for any. First any type with
        any size, then with each size class from the largest; then the same of each type. Strata that no rater's
        reference holds are left out.
    """
    rows = []
    for key, own in found.groupby(_GROUP, sort=False):
        named = strata[str(key[2])].reindex(own["case"])
        kinds, sizes = (named[column].to_numpy(object) for column in STRATA)
        truth = own["truth"].to_numpy(bool)
        for kind, size in product(("all", *types), ("all", *SIZE_CLASSES)):
            inside = truth & ((kinds == kind) | (kind == "all")) & ((sizes == size) | (size == "all"))
            if not inside.any():
                continue
            counted = own[inside | ~truth]
            shares = detection(counted["truth"], counted["score"], float(own["threshold"].iloc[0]))
            rows.append(dict(zip(_GROUP, key, strict=True)) | {"type": kind, "size_class": size} | asdict(shares))
    return pd.DataFrame(rows)


def at_prevalence(rows: pd.DataFrame, prevalence: float) -> pd.DataFrame:
    """Return predictive values at a prevalence, by Bayes' theorem.

    Args:
        rows: Rows of ``detection_rows``.
        prevalence: share of positive cases, 0 to 1.

    Returns:
        The rows with the columns ``ppv_at`` and ``npv_at``.
    """
    values = [
        predictive_values(*pair, prevalence=prevalence)
        for pair in rows[["sensitivity", "specificity"]].itertuples(index=False)
    ]
    return rows.assign(ppv_at=[ppv for ppv, _ in values], npv_at=[npv for _, npv in values])
