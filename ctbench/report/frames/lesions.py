"""Lesions of runs: each lesion of each case as every rater found it, figures of cases, and pooled sensitivities."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.datasets import ALL_SIZES, SIZE_CLASSES, Case, Dataset, size_class
from ctbench.errors import MissingFileError, UsageError
from ctbench.metrics.lesions import CASE_COLUMNS, LESION_COLUMNS, MARK_COLUMNS, Hit, case_rows
from ctbench.reference import Reference
from ctbench.references import Readings, read_references
from ctbench.report.frames.comparable_runs import rater_names
from ctbench.report.frames.lesion_marks import MarkedRun
from ctbench.runs import Run
from ctbench.scores import LOST, RaterKind, Status
from ctbench.statistics import clustered_proportion

__all__ = ["LesionTables", "lesion_sensitivity_table", "lesion_tables"]

_WHO = ("dataset", "case", "patient", "rater", "rater_kind", "reference")


class LesionTables(NamedTuple):
    """Lesions of the cases of runs.

    Attributes:
        lesions: A row per lesion and false piece: dataset, case, patient, rater, rater_kind, reference, then the
            columns of ``metrics.lesions.lesion_list`` and ``size_class`` (of Chang et al.).
        cases: A row per case, rater, reference, structure and protocol: the same first columns, then those of
            ``metrics.lesions.case_scores``.
        marks: A row per lesion and false mark of the models with confidences, for FROC curves: the same first columns,
            then label, protocol (of pieces; ``box-centre`` or ``box-iou`` of boxes), outcome (``detected``, ``missed``,
            ``false_positive``), confidence (of a lesion the highest of the marks on it; NaN of a missed one, and of a
            piece of a case without probabilities).
    """

    lesions: pd.DataFrame
    cases: pd.DataFrame
    marks: pd.DataFrame


def lesion_tables(
    runs: Sequence[Run],
    dataset: Dataset,
    protocols: Sequence[str] = ("any",),
    *,
    surfaces: bool = False,
    structures: Collection[str] | None = None,
    listed: Collection[str] | None = None,
    leave_one_out: bool = True,
    names: Sequence[str] | None = None,
    hit: Hit = "centre",
) -> LesionTables:
    """Score the lesions of runs on one dataset: models on every reference, readers on those made without them.

    A model is also scored on the leave-one-out references, so that each reader is compared with it on one reference.
    A case without a prediction counts as one in which nothing is predicted, with the status of the run.

    Args:
        runs: Runs on this dataset with one rule of consensus; the readers are scored once if there are two or more.
        dataset: The dataset, with the readers' masks.
        protocols: Names of ``metrics.lesions.PROTOCOLS``.
        surfaces: Whether to measure HD95 and NSD of lesions, which take most of the time.
        structures: Names of the labels and groups that are scored; None: all.
        listed: The protocols whose lesions are listed; None: all. Cases are scored under all of them.
        leave_one_out: Whether models are scored on the leave-one-out references too.
        names: Name of the rater of each run; None: as its manifest says.
        hit: When a box of a detector hits a lesion.

    Raises:
        DataError: A label map cannot be read, or a box lies outside its image.
        UsageError: An unknown protocol.
    """
    if not runs:
        msg = "no runs to score lesions of; name at least one run folder"
        raise UsageError(msg)
    first = runs[0].manifest
    named = dict(zip(rater_names(runs, names), runs, strict=True))
    marked = {rater: MarkedRun.of(run) for rater, run in named.items() if run.manifest.predictor is not None}
    lesions: list[dict[str, Any]] = []
    cases: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for case in dataset.select(first.cases):
        readings = read_references(case, first.consensus)
        for drawn in _drawn(named, case, readings, leave_one_out):
            asked = {
                name: codes for name, codes in drawn.structures.items() if structures is None or name in structures
            }
            of_marks = marked[drawn.who[0]].in_case(case.id, asked, readings.grid) if drawn.is_model else {}
            found = case_rows(
                drawn.reference,
                drawn.array,
                hit=hit,
                protocols=protocols,
                surfaces=surfaces,
                listed=listed,
                spacing_mm=readings.grid.spacing_mm,
                labels=asked,
                tolerance_mm=first.tolerance_mm,
                **of_marks,
            )
            who = dict(zip(_WHO, (dataset.name, case.id, case.patient or case.id, *drawn.who), strict=True))
            status = {} if drawn.lost is None else {"status": drawn.lost.value}
            lesions += [who | row for row in found.lesions]
            cases += [who | row | status for row in found.cases]
            marks += [who | row for row in found.marks]
    table = pd.DataFrame(lesions, columns=[*_WHO, *LESION_COLUMNS])
    return LesionTables(
        table.assign(size_class=table["volume_ml"].map(size_class)),
        pd.DataFrame(cases, columns=[*_WHO, *CASE_COLUMNS]),
        pd.DataFrame(marks, columns=[*_WHO, *MARK_COLUMNS]),
    )


def lesion_sensitivity_table(lesions: pd.DataFrame) -> pd.DataFrame:
    """Pool lesions to sensitivities by structure, size class and rater, with intervals clustered by patient.

    Args:
        lesions: The lesions of ``lesion_tables``.

    Returns:
        Columns label, size_class (``all`` first), protocol, reference, rater, rater_kind, lesions, detected,
        sensitivity, low, high, patients, false_positives. Lesions too small for a protocol are left out.
    """
    every = lesions.assign(size_class=ALL_SIZES)
    names = ["label", "size_class", "protocol", "reference", "rater", "rater_kind"]
    rows = []
    for stratum, group in pd.concat([every, lesions]).groupby(names, sort=False):
        held = group[group["outcome"].isin(["detected", "missed"])]
        share = clustered_proportion(held["outcome"].eq("detected").to_numpy(), held["patient"].to_numpy())
        rows.append(
            {
                **dict(zip(names, stratum, strict=True)),
                "lesions": len(held),
                "detected": int(held["outcome"].eq("detected").sum()),
                "sensitivity": share.value,
                "low": share.low,
                "high": share.high,
                "patients": held["patient"].nunique(),
                "false_positives": int(group["outcome"].eq("false_positive").sum()),
            }
        )
    columns = [*names, "lesions", "detected", "sensitivity", "low", "high", "patients", "false_positives"]
    table = pd.DataFrame(rows, columns=columns)
    order = {name: place for place, name in enumerate((ALL_SIZES, *SIZE_CLASSES))}
    return table.sort_values(
        ["label", "size_class", "protocol", "reference", "rater"],
        key=lambda column: column.map(order) if column.name == "size_class" else column,
        ignore_index=True,
    )


class _Drawn(NamedTuple):
    """What one rater drew in a case, and the reference that it is scored on."""

    who: tuple[str, str, str]
    reference: Reference
    array: NDArray[np.integer]
    structures: Mapping[str, tuple[int, ...]]
    lost: Status | None = None

    @property
    def is_model(self) -> bool:
        """Whether a model drew it."""
        return self.who[1] == RaterKind.MODEL


def _drawn(runs: Mapping[str, Run], case: Case, readings: Readings, leave_one_out: bool) -> Iterator[_Drawn]:
    """Yield the label maps of the runs' models on their references, and of each reader on those made without it."""
    for rater, run in runs.items():
        if run.manifest.predictor is None:
            continue
        claimed = _assessed(run.claimed, case)
        array, lost = _predicted(run, case, readings)
        for name, reference in readings.references.items():
            judged = _asked(claimed, case, reference.readers)
            if judged and (leave_one_out or name == readings.common_name):
                yield _Drawn((rater, RaterKind.MODEL.value, name), reference, array, judged, lost)
    labels = next(iter(runs.values())).label_set
    claimed = _assessed({name: labels.codes_of(name) for name in labels.names}, case)
    for reader, volume in readings.label_maps.items() if len(readings.label_maps) > 1 else ():
        for name, reference in readings.references_of(reader).items():
            judged = _asked(_asked(claimed, case, reference.readers), case, (reader,))
            if judged and name != readings.common_name:
                yield _Drawn((reader, RaterKind.READER.value, name), reference, volume.array, judged)


def _asked(structures: Mapping[str, tuple[int, ...]], case: Case, readers: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the structures that one of some readers was asked to draw; all of them where the readers are unknown."""
    return {
        name: codes
        for name, codes in structures.items()
        if not readers or any(case.was_asked(reader, name) for reader in readers)
    }


def _predicted(run: Run, case: Case, readings: Readings) -> tuple[NDArray[np.integer], Status | None]:
    try:
        return run.prediction(case.id).array, None
    except MissingFileError:
        found = run.scores.loc[run.scores["case"].eq(case.id) & run.scores["status"].isin(list(LOST)), "status"]
        lost = Status(found.iloc[0]) if len(found) else Status.MISSING
        return np.zeros(readings.grid.array.shape, np.uint8), lost


def _assessed(structures: Mapping[str, tuple[int, ...]], case: Case) -> dict[str, tuple[int, ...]]:
    return {name: codes for name, codes in structures.items() if name not in case.not_assessed}
