"""The score phase: one case's predictions or readers against its references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.labels import LabelSet
from ctbench.metrics import METRICS, missing_scores, score
from ctbench.reference import Reference
from ctbench.runs.folder import SCORE_COLUMNS, RunFolder
from ctbench.runs.matching import LabelMatch
from ctbench.runs.predicting import Outcome
from ctbench.runs.references import read_references
from ctbench.volume import check_same_grid, read_volume

__all__ = ["ScorePlan", "score_model", "score_readers"]


@dataclass(frozen=True)
class ScorePlan:
    """What is alike for all cases of a run: the rules of scoring.

    Args:
        dataset: its name.
        labels: the dataset's labels and groups.
        consensus: the rule that fuses readers.
        metrics: names, in the order of the rows.
        surface: ``3d`` or ``2d``.
        tolerance_mm: of ``nsd``, for all structures or by name.
    """

    dataset: str
    labels: LabelSet
    consensus: str
    metrics: tuple[str, ...]
    surface: Literal["2d", "3d"]
    tolerance_mm: float | Mapping[str, float]

    def tolerance_of(self, names: Sequence[str]) -> float | dict[str, float]:
        """Give the tolerance of some structures as ``metrics.score`` takes it."""
        if isinstance(self.tolerance_mm, Mapping):
            return {name: self.tolerance_mm[name] for name in names}
        return self.tolerance_mm


def score_model(
    plan: ScorePlan, case: Case, rater: str, match: LabelMatch, outcome: Outcome, folder: RunFolder
) -> pd.DataFrame:
    """Score a model on every reference of a case.

    Args:
        plan: the rules.
        case: what was predicted.
        rater: name of the model.
        match: its labels against the dataset's.
        outcome: how its prediction went.
        folder: of the run, with the prediction.

    Returns:
        rows with the columns ``SCORE_COLUMNS``.
    """
    readings = read_references(case, plan.consensus)
    claimed = _assessed(match.structures, case)
    prediction = np.empty(0, int)
    if outcome.status == "ok":
        volume = read_volume(folder.prediction(case.id))
        check_same_grid(
            volume.geometry,
            readings.grid.geometry,
            found_name=f"the prediction of case {case.id}",
            expected_name="its reference",
        )
        prediction = match.translate(volume.array)
    frames = []
    for name, reference in readings.references.items():
        if outcome.status != "ok":
            rows = missing_scores(
                reference,
                spacing_mm=readings.grid.spacing_mm,
                labels=claimed,
                metrics=plan.metrics,
                status=outcome.status,
                detail=outcome.detail,
            )
        else:
            rows = _score(plan, reference, prediction, readings.grid.spacing_mm, claimed)
        rows = pd.concat([rows, _null_rows(plan, case, set(match.structures)), _unsupported_rows(plan, match)])
        frames.append(_complete(rows, plan, case, rater, "model", name))
    return pd.concat(frames, ignore_index=True)


def score_readers(plan: ScorePlan, case: Case) -> pd.DataFrame:
    """Score every reader of a case on the common reference and on the one that this reader had no part in.

    A case with fewer than two readers gives no rows: its only reader is its reference.
    """
    readings = read_references(case, plan.consensus)
    if len(readings.label_maps) < 2:
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    structures = {name: plan.labels.codes_of(name) for name in plan.labels.names}
    frames = []
    for reader, volume in readings.label_maps.items():
        for name, reference in readings.references_of(reader, case).items():
            rows = _score(plan, reference, volume.array, volume.spacing_mm, _assessed(structures, case))
            rows = pd.concat([rows, _null_rows(plan, case, set(structures))])
            frames.append(_complete(rows, plan, case, reader, "reader", name))
    return pd.concat(frames, ignore_index=True)


def _assessed(structures: Mapping[str, tuple[int, ...]], case: Case) -> dict[str, tuple[int, ...]]:
    return {name: codes for name, codes in structures.items() if name not in case.not_assessed}


def _score(
    plan: ScorePlan,
    reference: Reference,
    prediction: NDArray[np.integer],
    spacing_mm: tuple[float, float, float],
    structures: Mapping[str, tuple[int, ...]],
) -> pd.DataFrame:
    return score(
        reference,
        prediction,
        spacing_mm=spacing_mm,
        labels=structures,
        metrics=plan.metrics,
        tolerance_mm=plan.tolerance_of(list(structures)),
        surface=plan.surface,
    )


def _null_rows(plan: ScorePlan, case: Case, claimed: set[str]) -> pd.DataFrame:
    names = [name for name in plan.labels.names if name in case.not_assessed and name in claimed]
    return _status_rows(plan, names, "not_assessed", f"nobody could identify it in case {case.id}")


def _unsupported_rows(plan: ScorePlan, match: LabelMatch) -> pd.DataFrame:
    return _status_rows(plan, match.unsupported, "unsupported", "the predictor does not claim this structure")


def _status_rows(plan: ScorePlan, names: Sequence[str], status: str, detail: str) -> pd.DataFrame:
    rows = [
        {
            "label": name,
            "metric": metric,
            "value": float("nan"),
            "unit": METRICS[metric].unit,
            "status": status,
            "detail": detail,
        }
        for name in names
        for metric in plan.metrics
    ]
    return pd.DataFrame(rows, columns=["label", "metric", "value", "unit", "status", "detail"])


def _complete(rows: pd.DataFrame, plan: ScorePlan, case: Case, rater: str, kind: str, reference: str) -> pd.DataFrame:
    named = rows.assign(dataset=plan.dataset, case=case.id, rater=rater, rater_kind=kind, reference=reference)
    return named[list(SCORE_COLUMNS)]
