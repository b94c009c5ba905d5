"""Detection: who is told to have a finding, and who has one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ctbench.datasets import Dataset
from ctbench.errors import StoreError
from ctbench.report import tables
from ctbench.report.cells import count_cell, rater_cell
from ctbench.report.markup import Cell, Column, Html, details, element, join, paragraph, table
from ctbench.report.results import Results
from ctbench.report.subgroups import subgroup_table
from ctbench.report.wording import fixed, interval, percent
from ctbench.runs import Run
from ctbench.runs.folder import RunFolder
from ctbench.statistics import detection, detection_table

__all__ = ["calls", "can_detect", "detections"]

_ANY = "hemorrhage"
"""The group that a predictor's score of a case is about."""

_STRATA = ("type", "size_class")
_LOST = ("failed", "missing")
_BY_SCORE, _BY_VOLUME = "by a case score ≥ 0.5", "by a volume drawn > 0"
_ABOVE_ZERO = math.ulp(0.0)
_SHARES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "accuracy": "Accuracy",
    "auc": "AUC",
}


def can_detect(results: Results) -> bool:
    """Say whether some structure is there in some cases and absent in others."""
    return any(True for _ in _found(results))


def calls(results: Results) -> pd.DataFrame:
    """Say for each case whether a structure is there, and how sure each rater is of it.

    A model is judged by the common reference, a reader by the one that it had no part in. A case without a prediction
    counts as wrongly called.

    Returns:
        Columns rater, rater_kind, reference, label, by (what ``score`` is), threshold, case, truth, score.
    """
    return pd.concat(list(_found(results)), ignore_index=True)


def _found(results: Results) -> Iterator[pd.DataFrame]:
    scores = results.scores[results.scores["metric"].isin(["volume_ml", "reference_volume_ml"])]
    judged = scores["reference"] == results.common
    if results.leave_one_out:
        is_reader = scores["rater_kind"] == "reader"
        judged = (is_reader & tables.is_leave_one_out(scores["reference"])) | (~is_reader & judged)
    runs = {run.manifest.rater: run for run in results.runs}
    keys = ["rater_kind", "rater", "reference", "label"]
    for key, rows in scores[judged & scores["label"].isin(results.structures)].groupby(keys, sort=False):
        head = dict(zip(keys, map(str, key), strict=True))
        cases = _cases(rows)
        if cases is None:
            continue
        yield cases.assign(**head, by=_BY_VOLUME, threshold=_ABOVE_ZERO)
        if head["rater_kind"] == "model" and head["label"] in _any_finding(results):
            sure = _case_scores(runs[head["rater"]], cases)
            if sure is not None:
                yield cases.assign(**head, score=sure, by=_BY_SCORE, threshold=0.5)


def _any_finding(results: Results) -> tuple[str, ...]:
    """Name what a case as a whole is positive for: any hemorrhage, or the only structure."""
    return (_ANY, *(results.labels if len(results.labels) == 1 else ()))


def _cases(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Give case, truth, score (volume in mL) and lost; None where the structure is there in all cases or in none."""
    wide = rows.pivot_table(index="case", columns="metric", values="value", dropna=False)
    status = rows.drop_duplicates("case").set_index("case")["status"]
    if not {"volume_ml", "reference_volume_ml"} <= set(wide) or status.eq("unsupported").all():
        return None
    wide = wide[wide["reference_volume_ml"].notna()]
    truth, lost = wide["reference_volume_ml"] > 0, status[wide.index].isin(_LOST)
    if truth.nunique() < 2:
        return None
    score = wide["volume_ml"].mask(lost, np.where(truth, 0.0, wide["volume_ml"].max()))
    return pd.DataFrame({"truth": truth, "score": score, "lost": lost}).reset_index()


def _case_scores(run: Run, cases: pd.DataFrame) -> pd.Series | None:
    """Read how sure a model is of each case; None where it does not say so of every case that it predicted."""
    said = {case: _score_of(run, case) for case in cases.loc[~cases["lost"], "case"]}
    if not said or None in said.values():
        return None
    return cases["case"].map(said).astype(float).mask(cases["lost"], np.where(cases["truth"], 0.0, 1.0))


def _score_of(run: Run, case: str) -> float | None:
    path = RunFolder(run.folder).findings(case)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))["score"]
        return None if said is None else float(said)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read as the score of case {case}: {error}; run the predictor again"
        raise StoreError(msg) from error


def detections(results: Results, dataset: Dataset | None = None) -> Html:
    """Give detection of each rater and structure on all cases and on the balanced set, and of models by stratum."""
    how = (
        "Does a rater call the cases positive that are? A case is positive if the reference holds any voxel of the "
        "structure. Intervals are 95 % (Wilson; AUC: DeLong). Balanced: what the same sensitivity and specificity give "
        "where half of the cases are positive, which makes data sets comparable. A case without a prediction counts as "
        "wrongly called."
    )
    if results.leave_one_out:
        how += f" Models stand against {results.common}, a reader against the reference without it; do not rank them."
    found = calls(results)
    is_model = found["rater_kind"] == "model"
    parts: list[Html | None] = [paragraph(how, kind="how")]
    if is_model.any():
        parts += [_both_tables(found[is_model], results, "of the models")]
        parts += [_by_stratum(found[is_model], results, dataset, column) for column in _STRATA]
    if not is_model.all():
        readers = _both_tables(found[~is_model], results, "of the readers")
        parts.append(details("The readers' detection", readers) if is_model.any() else readers)
    return join(part for part in parts if part is not None)


_GROUP = ["rater", "rater_kind", "reference", "label", "by", "threshold"]


def _detected(found: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        dict(zip(_GROUP, key, strict=True))
        | asdict(detection(own["truth"], own["score"], float(own["threshold"].iloc[0])))
        for key, own in found.groupby(_GROUP, sort=False)
    ]


def _both_tables(found: pd.DataFrame, results: Results, whose: str) -> Html:
    rows = _detected(found)
    balanced = [
        Column("Accuracy", "%", hint="the mean of sensitivity and specificity, with its 95 % interval"),
        Column("PPV", "%"),
        Column("NPV", "%"),
    ]
    cells = [
        [
            *_head(row, results),
            _share(row, "balanced_accuracy"),
            *(Cell(_percent(row[name]), row[name]) for name in ("balanced_ppv", "balanced_npv")),
        ]
        for row in rows
    ]
    return join(
        (
            _table(rows, results, f"Detection {whose}, all cases"),
            details("As if half of the cases were positive", table([*_HEAD, *balanced], cells, f"Balanced {whose}")),
        )
    )


_HEAD = (
    Column("Rater", numeric=False),
    Column("Structure", numeric=False, hint="and what makes a rater's call positive"),
    Column("n", hint="cases"),
)


def _head(row: dict[str, Any], results: Results) -> list[Cell]:
    rater = rater_cell(row["rater"], row["rater_kind"], results.palette, row["reference"])
    structure = Cell(join((row["label"], element("small", row["by"], class_="line"))), row["label"])
    return [rater, structure, count_cell(row["n"])]


def _table(rows: list[dict[str, Any]], results: Results, caption: str, stratum: str = "") -> Html:
    columns = [
        *_HEAD,
        *([Column(stratum.replace("_", " ").capitalize(), numeric=False)] if stratum else []),
        Column("positive", hint="cases"),
        *(
            Column(title, "%" if name != "auc" else "", hint="with its 95 % interval")
            for name, title in _SHARES.items()
        ),
        Column("left out", hint="cases without a score"),
    ]
    cells = [
        [
            *_head(row, results),
            *([Cell(str(row[stratum]), str(row[stratum]))] if stratum else []),
            count_cell(row["positive"]),
            *(_share(row, name) for name in _SHARES),
            count_cell(row["left_out"], quiet=True),
        ]
        for row in rows
    ]
    return table(columns, cells, caption)


def _by_stratum(found: pd.DataFrame, results: Results, dataset: Dataset | None, column: str) -> Html | None:
    groups = subgroup_table(dataset, results.cases)
    found = found[found["label"].isin(_any_finding(results))]
    if column not in groups or found.empty:
        return None
    strata = found["case"].map(groups[column]).where(found["truth"])
    rows: list[dict[str, Any]] = [
        {**dict(zip(_GROUP, key, strict=True)), **{str(name): value for name, value in row.items()}}
        for key, own in found.assign(**{column: strata}).groupby(_GROUP, sort=False)
        for row in detection_table(
            own.sort_values(column), by=column, threshold=float(own["threshold"].iloc[0])
        ).to_dict("records")
    ]
    shown = column.replace("_", " ")
    said = paragraph(
        "Each stratum has its own positive cases and all negative ones: specificity is the same in all, and predictive "
        "values depend on how many negative cases there are.",
        kind="how",
    )
    return details(f"By {shown}", said, _table(rows, results, f"Detection by {shown} of the positive cases", column))


def _share(row: dict[str, Any], name: str) -> Cell:
    value, low, high = (row[name + ending] for ending in ("", "_low", "_high"))
    if name == "auc":
        shown, between = fixed(value), interval(low, high)
    else:
        shown, between = _percent(value), interval(100 * low, 100 * high, "%")
    return Cell(join((shown, element("small", between, class_="line"))), value)


def _percent(share: float) -> str:
    return percent(share).removesuffix(" %")
