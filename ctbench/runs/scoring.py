"""Scoring of single cases: a prediction, or all readers, against the references of the case."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.errors import StoreError
from ctbench.labels import LabelSet
from ctbench.matching import LabelMatch
from ctbench.metrics import METRICS, Row, missing_rows, rows_by_reference
from ctbench.reference import Reference
from ctbench.references import Readings, read_references
from ctbench.runs.cache import Columns, ScoreCache
from ctbench.runs.digests import array_digest, key, reference_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.predicting import Outcome
from ctbench.scores import SCORE_COLUMNS, VALUE_COLUMNS, RaterKind, Status
from ctbench.volume import on_grid, read_volume
from ctbench.volume.bounds import expect_no_more_voxels

__all__ = ["CaseScores", "ScorePlan", "score_case"]


@dataclass(frozen=True)
class ScorePlan:
    """The rules of scoring, the same for all cases of a run.

    Args:
        dataset: Name of the dataset.
        labels: The dataset's labels and groups.
        consensus: The rule that fuses readers.
        metrics: Names of the metrics, in the order of the rows.
        surface: ``3d`` or ``2d``.
        tolerance_mm: Tolerance of ``nsd`` in mm, one for all structures or by name.
        cache: Cache of scores; None: every score is computed.
    """

    dataset: str
    labels: LabelSet
    consensus: str
    metrics: tuple[str, ...]
    surface: Literal["2d", "3d"]
    tolerance_mm: float | Mapping[str, float]
    cache: ScoreCache | None = None

    def tolerance_of(self, names: Sequence[str]) -> float | dict[str, float]:
        """Return the tolerance of some structures, as the argument of ``metrics.score``."""
        if isinstance(self.tolerance_mm, Mapping):
            return {name: self.tolerance_mm[name] for name in names if name in self.tolerance_mm}
        return self.tolerance_mm


_UNASKED = "the readers were not asked to draw it"


class CaseScores(NamedTuple):
    """The scores of one case.

    Attributes:
        columns: name of each of ``SCORE_COLUMNS`` -> its values, None where null.
        references: name of each reference that was scored against -> its digest.
    """

    columns: Columns
    references: dict[str, str]

    @property
    def rows(self) -> pd.DataFrame:
        """The scores as a frame."""
        return pd.DataFrame(self.columns).astype({"value": float})


def score_case(
    plan: ScorePlan, case: Case, rater: str, match: LabelMatch | None, outcome: Outcome | None, folder: RunFolder
) -> CaseScores:
    """Score a model, or every reader, on the references of a case.

    A model is scored on all of them; a reader on the common one and on the one made without this reader. A case with
    fewer than two readers has no rows for readers: its only reader is its reference.

    Args:
        plan: The rules.
        case: The case to score.
        rater: Name of the model.
        match: The model's labels matched to the dataset's; None: the readers are scored.
        outcome: Outcome of the model's prediction; None: the readers are scored.
        folder: The run's folder, with the prediction.
    """
    readings = read_references(case, plan.consensus)
    scoring = _Scoring(plan, case, readings)
    if match is None or outcome is None:
        scoring.add_readers()
    else:
        scoring.add_model(rater, match, outcome, folder)
    return CaseScores(scoring.columns, scoring.digests)


class _Scoring:
    """Collects the rows of one case in plain lists: a frame for each reference would take longer than the scores.

    Args:
        plan: The rules.
        case: The case to score.
        readings: Its label maps and references.
    """

    def __init__(self, plan: ScorePlan, case: Case, readings: Readings) -> None:
        self.plan, self.case, self.readings = plan, case, readings
        self.columns: Columns = {name: [] for name in SCORE_COLUMNS}
        self.digests = {name: reference_digest(reference) for name, reference in readings.references.items()}

    def add_model(self, rater: str, match: LabelMatch, outcome: Outcome, folder: RunFolder) -> None:
        """Score a model on every reference."""
        claimed, spacing_mm = self._assessed(match.structures), self.readings.grid.spacing_mm
        references, found = self.readings.references, {}
        if outcome.status == Status.OK:
            prediction = match.translate(self._prediction(folder, outcome))
            found = self._score(references, self.digests, prediction, spacing_mm, claimed)
        for name, reference in references.items():
            scores = found.get(name)
            if scores is None:
                scores = _columns(
                    missing_rows(
                        reference,
                        spacing_mm=spacing_mm,
                        labels=claimed,
                        metrics=self.plan.metrics,
                        status=outcome.status,
                        detail=outcome.detail,
                    )
                )
            unasked = self._unasked(claimed, reference.readers)
            self._add(_of_labels(scores, set(claimed) - set(unasked)), rater, RaterKind.MODEL, name)
            self._add(self._without(unasked, Status.NOT_ASSESSED, _UNASKED), rater, RaterKind.MODEL, name)
            self._add(self._not_assessed(match.structures), rater, RaterKind.MODEL, name)
            unclaimed = self._without(
                match.unsupported, Status.UNSUPPORTED, "the predictor does not claim this structure"
            )
            self._add(unclaimed, rater, RaterKind.MODEL, name)

    def add_readers(self) -> None:
        """Score every reader."""
        if len(self.readings.label_maps) < 2:
            return
        labels = self.plan.labels
        structures = {name: labels.codes_of(name) for name in labels.names}
        claimed = self._assessed(structures)
        for reader, volume in self.readings.label_maps.items():
            references = self.readings.references_of(reader)
            digests = {
                name: self.digests[name] if reference is self.readings.references[name] else reference_digest(reference)
                for name, reference in references.items()
            }
            found = self._score(references, digests, volume.array, volume.spacing_mm, claimed)
            for name, scores in found.items():
                unasked = self._unasked(claimed, [reader])
                for label in self._unasked(claimed, references[name].readers):
                    unasked += [label] if label not in unasked else []
                self._add(_of_labels(scores, set(claimed) - set(unasked)), reader, RaterKind.READER, name)
                self._add(self._without(unasked, Status.NOT_ASSESSED, _UNASKED), reader, RaterKind.READER, name)
                self._add(self._not_assessed(structures), reader, RaterKind.READER, name)

    def _prediction(self, folder: RunFolder, outcome: Outcome) -> NDArray[np.integer]:
        path, grid = folder.prediction(self.case.id), self.readings.grid.geometry
        if path.is_file():  # read_volume says what else is wrong
            expect_no_more_voxels(path, grid.shape)
        prediction = read_volume(path, shape=grid.shape)
        if outcome.files and folder.prediction_files(self.case.id) != outcome.files:
            msg = (
                f"{folder.prediction(self.case.id)} was changed after it was made; repeat the same `ctbench run` "
                "command to make it again"
            )
            raise StoreError(msg)
        name = f"the prediction of case {self.case.id}"
        return on_grid(prediction, grid, found_name=name, expected_name="its reference").array

    def _score(
        self,
        references: Mapping[str, Reference],
        digests: Mapping[str, str],
        prediction: NDArray[np.integer],
        spacing_mm: tuple[float, float, float],
        structures: Mapping[str, tuple[int, ...]],
    ) -> dict[str, Columns]:
        """Return the scores against each reference; those that are not in the cache are computed together."""
        plan, cache = self.plan, self.plan.cache
        rules: dict[str, Any] = {
            "spacing_mm": spacing_mm,
            "tolerance_mm": plan.tolerance_of(list(structures)),
            "surface": plan.surface,
        }
        keys, found = {}, {}
        if cache is not None:
            versions = [(metric, METRICS[metric].version) for metric in plan.metrics]
            common = {"structures": list(structures.items()), "metrics": versions, **rules}
            drawn = array_digest(prediction)
            keys = {name: key(prediction=drawn, reference=digest, **common) for name, digest in digests.items()}
            found = {name: kept for name in references if (kept := cache.fetch(keys[name])) is not None}
        missing = {name: reference for name, reference in references.items() if name not in found}
        computed = rows_by_reference(missing, prediction, labels=structures, metrics=plan.metrics, **rules)
        for name, rows in computed.items():
            found[name] = _columns(rows)
            if cache is not None:
                cache.keep(keys[name], found[name])
        return {name: found[name] for name in references}

    def _unasked(self, names: Iterable[str], readers: Sequence[str]) -> list[str]:
        """Return the structures that none of some readers was asked to draw; none where the readers are unknown."""
        if not (self.case.reader_labels and readers):
            return []
        return [name for name in names if not any(self.case.was_asked(reader, name) for reader in readers)]

    def _assessed(self, structures: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        return {name: codes for name, codes in structures.items() if name not in self.case.not_assessed}

    def _not_assessed(self, claimed: Iterable[str]) -> Columns:
        names = [name for name in self.plan.labels.names if name in self.case.not_assessed and name in set(claimed)]
        return self._without(names, Status.NOT_ASSESSED, f"nobody could identify it in case {self.case.id}")

    def _without(self, names: Sequence[str], status: Status, detail: str) -> Columns:
        """Return rows without a value."""
        pairs = [(name, metric) for name in names for metric in self.plan.metrics]
        return {
            "label": [name for name, _ in pairs],
            "metric": [metric for _, metric in pairs],
            "value": [None] * len(pairs),
            "unit": [METRICS[metric].unit for _, metric in pairs],
            "status": [status.value] * len(pairs),
            "detail": [detail] * len(pairs),
        }

    def _add(self, columns: Columns, rater: str, kind: RaterKind, reference: str) -> None:
        who = {"dataset": self.plan.dataset, "case": self.case.id, "rater": rater, "rater_kind": kind.value}
        count = len(columns["label"])
        for name, value in (who | {"reference": reference}).items():
            self.columns[name] += [value] * count
        for name, values in columns.items():
            self.columns[name] += values


def _of_labels(columns: Columns, labels: Container[str]) -> Columns:
    """Return the rows of some structures."""
    keep = [place for place, label in enumerate(columns["label"]) if label in labels]
    if len(keep) == len(columns["label"]):
        return columns
    return {name: [values[place] for place in keep] for name, values in columns.items()}


def _columns(rows: Sequence[Row]) -> Columns:
    columns: Columns = {name: [row[place] for row in rows] for place, name in enumerate(VALUE_COLUMNS)}
    columns["value"] = [None if math.isnan(value) else value for value in columns["value"]]
    return columns
