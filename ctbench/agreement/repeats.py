"""Readings of a study with sessions and conditions: scores, pairs and border offsets of every reading of a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.boxes import box_around
from ctbench.consensus.signed import BorderFit, border_fit, border_offset_mm
from ctbench.datasets import Case, Dataset
from ctbench.datasets.readings import Reading
from ctbench.errors import DataError
from ctbench.metrics import score
from ctbench.parallel import in_parallel
from ctbench.reference import Reference
from ctbench.references import Readings, read_references
from ctbench.runs.phases import Progress

__all__ = ["DIFFERENT_READERS", "SAME_READER", "ReadingStudy", "cases_of_several", "study_readings"]

SAME_READER, DIFFERENT_READERS = "same reader", "different readers"

_SCORES = ("dice", "nsd", "volume_difference_ml")
_PAIRS = ("dice", "nsd", "volume_difference_absolute_ml")

Rows = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class ReadingStudy:
    """Every reading of a data set, whose readers may have read in several sessions or conditions.

    Args:
        voting: Name of the condition that makes references; empty if there are no conditions.
        conditions: Names of all conditions, in the order of the data set.
        readings: A row for each reading, label and metric: case, label, reader, session, condition, seconds, order,
            metric, value. The metrics are ``dice``, ``nsd`` and ``volume_difference_ml`` on the reference made without
            this reader; ``volume_ml``; ``border_offset_mm``, how far the border lies outside of the one estimated from
            all readings of the voting condition; and, of these, ``border_spread_mm``, its spread about that border.
        pairs: A row for each pair of readings of one condition, label and metric: case, label, condition, kind
            (``same reader``: two sessions; ``different readers``: their first sessions), reader, session, other,
            other_session, metric (``dice``, ``nsd``, ``volume_difference_absolute_ml``), value.
        patients: Case -> patient; a case that is not named is of a patient of its own.
    """

    voting: str
    conditions: tuple[str, ...]
    readings: pd.DataFrame
    pairs: pd.DataFrame
    patients: Mapping[str, str] = field(default_factory=dict)

    def patients_of(self, cases: Iterable[str]) -> list[str]:
        """Return the patient of each case."""
        return [self.patients.get(case, case) for case in cases]


def cases_of_several(dataset: Dataset) -> list[Case]:
    """Return the cases that two readers or more have read.

    Raises:
        DataError: There is none.
    """
    cases = [case for case in dataset if len(case.readers) > 1]
    if not cases:
        msg = f"no case of dataset {dataset.name!r} has two readers; readings can be compared only with each other"
        raise DataError(msg)
    return cases


def study_readings(
    dataset: Dataset,
    *,
    consensus: str = "majority",
    jobs: int = -1,
    progress: Progress = lambda _name, steps, _total: steps,
) -> ReadingStudy:
    """Score every reading of a data set, and compare readings of one reader and of different readers.

    Args:
        dataset: The data set; cases with fewer than two voting readers are left out.
        consensus: The rule that fuses the readers.
        jobs: Number of worker processes; -1 uses all cores.
        progress: Called once, with the cases as steps.

    Raises:
        DataError: No case has two readers, or a label map cannot be used.
    """
    cases = cases_of_several(dataset)
    rules = _Rules(consensus, dataset.entry.surface, dataset.tolerance_mm)
    steps = in_parallel(_study_case, [(case, rules) for case in cases], jobs)
    found = {name: rows for name, *rows in progress("readings", steps, len(cases))}
    conditions = dataset.entry.conditions
    return ReadingStudy(
        voting=conditions[0] if conditions else "",
        conditions=conditions or ("",),
        readings=_frame([row for case in cases for row in found[case.id][0]]),
        pairs=_frame([row for case in cases for row in found[case.id][1]]),
        patients=dataset.patients,
    )


class _Rules(NamedTuple):
    """The rules of a study, the same for all cases."""

    consensus: str
    surface: Literal["2d", "3d"]
    tolerance_mm: float | Mapping[str, float]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One reading with its label map."""

    reading: Reading
    labels: NDArray[np.integer]
    annotated: NDArray[np.bool_]


def _study_case(case: Case, rules: _Rules) -> tuple[str, Rows, Rows]:
    references = read_references(case, rules.consensus)
    everything = np.ones(references.grid.shape[0], bool)
    drawn = []
    for reading in case.readings:
        volume = case.reading(reading)
        marks = case.annotated(reading.reader, volume)
        drawn.append(_Drawn(reading, volume.array, everything if marks is None else marks))
    asked = {
        reader: {
            name: case.labels.codes_of(name)
            for name in case.labels.names
            if name not in case.not_assessed and case.was_asked(reader, name)
        }
        for reader in {one.reading.reader for one in drawn}
    }
    return (
        case.id,
        [*_scored(case, references, drawn, asked, rules), *_offsets(case, references, drawn, asked, rules)],
        _paired(case, references, drawn, asked, rules),
    )


Asked = Mapping[str, Mapping[str, tuple[int, ...]]]


def _scored(case: Case, references: Readings, drawn: Iterable[_Drawn], asked: Asked, rules: _Rules) -> Rows:
    rows: Rows = []
    for one in drawn:
        reader = one.reading.reader
        name = references.without.get(reader, references.common_name)
        reference = references.references[name]
        labels = {
            label: codes
            for label, codes in asked[reader].items()
            if any(case.was_asked(other, label) for other in reference.readers)
        }
        found = _score(_within(reference, one.annotated), one.labels, labels, _SCORES, references, rules)
        rows += [{**_who(case, one.reading), **values} for values in found]
        rows += [
            {
                **_who(case, one.reading),
                "label": label,
                "metric": "volume_ml",
                "value": _volume_ml(one, codes, references),
            }
            for label, codes in asked[reader].items()
        ]
    return rows


def _volume_ml(one: _Drawn, codes: tuple[int, ...], references: Readings) -> float:
    """Return the volume of a structure in the annotated slices, whether or not its voxels count in the reference."""
    return float(np.count_nonzero(np.isin(one.labels[one.annotated], codes)) * references.grid.voxel_ml)


def _paired(case: Case, references: Readings, drawn: list[_Drawn], asked: Asked, rules: _Rules) -> Rows:
    firsts: dict[tuple[str, str], Reading] = {}
    for one in drawn:
        firsts.setdefault((one.reading.reader, one.reading.condition), one.reading)
    rows: Rows = []
    for one, other in combinations(drawn, 2):
        first, second = one.reading, other.reading
        if first.condition != second.condition:
            continue
        same = first.reader == second.reader
        if not same and any(firsts[each.reader, each.condition] is not each for each in (first, second)):
            continue
        labels = {label: codes for label, codes in asked[first.reader].items() if label in asked[second.reader]}
        reference = Reference.of(one.labels, one.annotated & other.annotated)
        who = {
            "case": case.id,
            "condition": first.condition,
            "kind": SAME_READER if same else DIFFERENT_READERS,
            "reader": first.reader,
            "session": first.session,
            "other": second.reader,
            "other_session": second.session,
        }
        found = _score(reference, other.labels, labels, _PAIRS, references, rules)
        rows += [{**who, **values} for values in found]
    return rows


def _offsets(case: Case, references: Readings, drawn: list[_Drawn], asked: Asked, rules: _Rules) -> Rows:
    """Return the offset of each reading's border from the border that the voting condition draws."""
    voting = {reading.condition for reader in case.readers for reading in case.voting(reader)}
    spacing_mm = references.grid.spacing_mm
    rows: Rows = []
    for label in case.labels:
        own = [one for one in drawn if label in asked[one.reading.reader]]
        masks = [one.labels == case.labels.codes[label] for one in own]
        if not masks:
            continue
        margin = [int(np.ceil(_MARGIN_MM / step)) + 1 for step in spacing_mm]
        box = box_around(np.logical_or.reduce(masks), margin)
        if box is None:
            continue
        fit = _border(
            {
                str(place): mask[box]
                for place, (one, mask) in enumerate(zip(own, masks, strict=True))
                if one.reading.condition in voting
            },
            spacing_mm,
            rules,
        )
        if fit is None:
            continue
        spreads = dict(zip(fit.readers, fit.sd_mm.tolist(), strict=True))
        for place, (one, mask) in enumerate(zip(own, masks, strict=True)):
            values = {"border_offset_mm": border_offset_mm(fit, mask[box], spacing_mm, rules.surface)}
            values |= {"border_spread_mm": spreads[str(place)]} if str(place) in spreads else {}
            who = {**_who(case, one.reading), "label": label}
            rows += [{**who, "metric": metric, "value": value} for metric, value in values.items()]
    return rows


_BAND_MM, _MARGIN_MM = 3.0, 6.0


def _border(masks: Mapping[str, NDArray[np.bool_]], spacing_mm: tuple[float, ...], rules: _Rules) -> BorderFit | None:
    """Return the border of some masks; None where fewer than two drew it."""
    try:
        return border_fit(masks, spacing_mm, band_mm=max(_BAND_MM, 1.5 * spacing_mm[-1]), surface=rules.surface)
    except DataError:
        return None


def _within(reference: Reference, annotated: NDArray[np.bool_]) -> Reference:
    return replace(reference, annotated=reference.annotated & annotated)


def _score(
    reference: Reference,
    labels: NDArray[np.integer],
    structures: Mapping[str, tuple[int, ...]],
    metrics: tuple[str, ...],
    references: Readings,
    rules: _Rules,
) -> Rows:
    if not structures:
        return []
    found = score(
        reference,
        labels,
        spacing_mm=references.grid.spacing_mm,
        labels=structures,
        metrics=metrics,
        tolerance_mm=rules.tolerance_mm,
        surface=rules.surface,
    )
    return [
        {str(name): value for name, value in row.items()}
        for row in found[["label", "metric", "value"]].to_dict("records")
    ]


def _who(case: Case, reading: Reading) -> dict[str, Any]:
    return {
        "case": case.id,
        "reader": reading.reader,
        "session": reading.session,
        "condition": reading.condition,
        "seconds": reading.seconds,
        "order": reading.order,
    }


def _frame(rows: Rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return frame.astype({"value": float, **({"seconds": float, "order": "Int64"} if "seconds" in frame else {})})
