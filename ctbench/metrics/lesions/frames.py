"""Tables of lesions: one row per lesion and false piece, and one row per case, under any protocol."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.labels import LabelSet
from ctbench.metrics.crop import LabelMap
from ctbench.metrics.lesions.marks import Boxes, Hit, box_marks, piece_marks, protocol_of_boxes
from ctbench.metrics.lesions.protocols import PROTOCOLS, Match, Protocol, protocol
from ctbench.metrics.lesions.structure_runs import structure_runs
from ctbench.metrics.lesions.surfaces import LesionSurfaces, lesion_surfaces
from ctbench.metrics.lesions.table import OverlapTable, Pieces
from ctbench.metrics.structures import Codes
from ctbench.reference import Reference
from ctbench.scores import Status

__all__ = ["CASE_COLUMNS", "LESION_COLUMNS", "CaseRows", "case_rows", "case_scores", "case_tables", "lesion_list"]

LESION_COLUMNS = (
    "label",
    "protocol",
    "lesion",
    "outcome",
    "volume_ml",
    "predicted_volume_ml",
    "volume_difference_ml",
    "overlap",
    "dice",
    "hd95_mm",
    "nsd",
    "nearest_mm",
    "pieces",
    "group",
    "slice",
    "confidence",
)
CASE_COLUMNS = (
    "label",
    "protocol",
    "status",
    "lesions",
    "pieces",
    "detected",
    "missed",
    "ignored",
    "false_positives",
    "indeterminate",
    "surplus",
    "sensitivity",
    "precision",
    "f1",
    "sq",
    "pq",
    "lesion_dice",
    "lesion_hd95_mm",
    "lesion_nsd",
    "false_positive_volume_ml",
    "false_negative_volume_ml",
    "count_difference",
    "splits",
    "merges",
    "detail",
)


def lesion_list(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    protocols: Iterable[str] = ("any",),
    tolerance_mm: float | Mapping[str, float] = 1.0,
    surfaces: bool = True,
    probabilities: Mapping[str, NDArray[Any]] | None = None,
) -> pd.DataFrame:
    """List the lesions of the reference, detected or missed, and the predicted pieces that detect none.

    Args:
        reference: A Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: Spacing along z,y,x.
        labels: A label set, whose labels and groups are both scored, or name -> code or codes.
        protocols: Names of ``PROTOCOLS``.
        tolerance_mm: Tolerance of ``nsd`` in mm: one for all structures, or name -> tolerance.
        surfaces: Whether to measure ``hd95_mm`` and ``nsd``, which take most of the time.
        probabilities: Name of a structure -> z,y,x numbers from which ``confidence`` is averaged. Default: none.

    Returns:
        For each structure and protocol one row per lesion, then one per piece that detects no lesion:

        - ``label``, ``protocol``, ``lesion`` (a number from 1);
        - ``outcome``: ``detected``, ``missed``, ``ignored`` (too small for the protocol); of a piece
          ``false_positive``, ``indeterminate`` (it overlaps no lesion and lies where some reader drew the structure) or
          ``surplus`` (it overlaps a lesion that has another piece, where pairs are one to one);
        - ``volume_ml``: counted voxels of the lesion or piece; ``predicted_volume_ml``: of the pieces compared with a
          lesion, and ``volume_difference_ml`` (predicted minus lesion);
        - ``overlap``: the share by which the protocol decides;
        - ``dice``, ``hd95_mm``, ``nsd`` of a lesion and its pieces: of one that is not detected 0, the diagonal of the
          image (or the protocol's penalty) and 0; NaN of a piece;
        - ``nearest_mm``: distance of the nearest voxels of the other mask's pieces; NaN where there is none;
        - ``pieces``: the pieces that overlap a lesion, or the lesions that overlap a piece;
        - ``group``: a number from 1: lesions and pieces that overlap, directly or through others;
        - ``slice``: index along z of the slice on which it is largest;
        - ``confidence``: mean probability of a piece, and of a lesion the highest of the pieces compared with it; NaN
          of a lesion that is not detected, and without probabilities.

    Raises:
        UsageError: An unknown protocol.
        CtbenchError: As ``metrics.score`` does.
    """
    rules: dict[str, Any] = {"spacing_mm": spacing_mm, "labels": labels, "tolerance_mm": tolerance_mm}
    rules["probabilities"] = probabilities
    return case_tables(reference, prediction, protocols=protocols, surfaces=surfaces, **rules)[0]


def case_scores(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    protocols: Iterable[str] = tuple(PROTOCOLS),
    tolerance_mm: float | Mapping[str, float] = 1.0,
    surfaces: bool = False,
) -> pd.DataFrame:
    """Score the lesions of one case under several protocols.

    Args:
        reference: A Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: Spacing along z,y,x.
        labels: A label set, whose labels and groups are both scored, or name -> code or codes.
        protocols: Names of ``PROTOCOLS``. Default: all.
        tolerance_mm: Tolerance of ``lesion_nsd`` in mm: one for all structures, or name -> tolerance.
        surfaces: Whether to measure ``lesion_hd95_mm`` and ``lesion_nsd``, which take most of the time; else NaN.

    Returns:
        One row per structure and protocol:

        - ``label``, ``protocol``; ``status``: ``ok``, ``both_empty``, ``prediction_empty`` or ``reference_empty``;
        - numbers of ``lesions``, of predicted ``pieces``, of lesions that are ``detected``, ``missed`` or ``ignored``,
          of pieces that are ``false_positives``, ``indeterminate`` or ``surplus``;
        - ``sensitivity``: detected / (detected + missed); ``precision``: true pieces / (true + false);
        - ``f1``: detected / (detected + (missed + false_positives) / 2), which is also the recognition quality RQ;
        - ``sq``: mean IoU of detected lesions and their pieces; ``pq``: ``f1`` x ``sq``;
        - ``lesion_dice``, ``lesion_hd95_mm``, ``lesion_nsd``: means over lesions that count and false positives. A
          missed lesion and a false piece count 0; as a distance, the image's diagonal or the protocol's penalty;
        - ``false_positive_volume_ml``, ``false_negative_volume_ml``: volume of false pieces and of missed lesions;
        - ``count_difference``: pieces minus lesions, without indeterminate pieces;
        - ``splits``: lesions that overlap several pieces; ``merges``: pieces that overlap several lesions;
        - ``detail``: says so where a value is a convention of the protocol, else empty.

        Undefined is NaN: all ratios without a lesion and a piece (unless the protocol has a value for it), sensitivity
        without a lesion, precision without a piece.

    Raises:
        UsageError: An unknown protocol.
        CtbenchError: As ``metrics.score`` does.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((3, 10, 10), int)
        >>> truth[1, 1:4, 1:4] = truth[1, 6:9, 6:9] = 1
        >>> half = np.where(np.arange(10) < 5, truth, 0)
        >>> scores = case_scores(truth, half, spacing_mm=(5, 1, 1), labels={"iph": 1}, protocols=["any", "pq"])
        >>> scores[["protocol", "detected", "missed", "sensitivity", "f1"]].round(3)
          protocol  detected  missed  sensitivity     f1
        0      any         1       1          0.5  0.667
        1       pq         1       1          0.5  0.667
    """
    rules: dict[str, Any] = {"spacing_mm": spacing_mm, "labels": labels, "tolerance_mm": tolerance_mm}
    return case_tables(reference, prediction, protocols=protocols, surfaces=surfaces, **rules)[1]


def case_tables(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    protocols: Iterable[str],
    surfaces: bool,
    **rules: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the frames of ``lesion_list`` and ``case_scores``, computed from the same overlap tables."""
    found = case_rows(reference, prediction, protocols=protocols, surfaces=surfaces, **rules)
    return _frame(found.lesions, LESION_COLUMNS), _frame(found.cases, CASE_COLUMNS)


def _frame(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pd.DataFrame:
    """Return a frame of rows, made column by column, which is faster; NaN where a row has no such column."""
    if not rows:
        return pd.DataFrame(columns=list(names))
    return pd.DataFrame({name: [row.get(name, math.nan) for row in rows] for name in names})


class CaseRows(NamedTuple):
    """Rows of one case: of ``lesion_list``, of ``case_scores``, and marks with the columns ``marks.MARK_COLUMNS``."""

    lesions: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    marks: list[dict[str, Any]]


def case_rows(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    protocols: Iterable[str],
    surfaces: bool,
    listed: Collection[str] | None = None,
    probabilities: Mapping[str, NDArray[Any]] | None = None,
    forecast: Collection[str] = (),
    boxes: Mapping[str, Boxes] | None = None,
    hit: Hit = "centre",
    **rules: Any,
) -> CaseRows:
    """Return the rows of ``lesion_list`` and of ``case_scores``; a frame of many cases is made of them at once.

    Args:
        reference: As for ``lesion_list``, also those that follow.
        prediction: See there.
        protocols: See there.
        surfaces: See there.
        listed: The protocols whose lesions are listed; None: all.
        probabilities: See there.
        forecast: Names of the structures whose pieces are marks; those of a case without probabilities have no
            confidence.
        boxes: Name of a structure -> its boxes, which are marks. Default: none.
        hit: When a box hits a lesion.
        rules: Spacing, labels and tolerance, see there.
    """
    chosen = [protocol(name) for name in ([protocols] if isinstance(protocols, str) else protocols)]
    rows = CaseRows([], [], [])
    neighbours = {26, *(one.neighbours for one in chosen)}
    for drawn in structure_runs(reference, prediction, **rules):
        structure = drawn.structure.name
        tables = {one: OverlapTable.of(drawn, one) for one in neighbours}
        means: dict[Pieces, NDArray[np.float64]] = {}  # most protocols have the same pieces
        for one in chosen:
            match = one.apply(tables[one.neighbours])
            names = {"label": structure, "protocol": one.name}
            compared = _compared(match, one, lesion_surfaces(match) if surfaces else None)
            is_listed, is_marked = listed is None or one.name in listed, structure in forecast and not one.regions
            if is_listed or is_marked:
                confidences = _confidences(match, (probabilities or {}).get(structure), means)
                rows.lesions.extend(names | row for row in (_rows(match, compared, confidences) if is_listed else ()))
                rows.marks.extend(names | row for row in (piece_marks(match, confidences) if is_marked else ()))
            rows.cases.append(names | _case(match, one, compared))
        if boxes and structure in boxes:
            names = {"label": structure, "protocol": protocol_of_boxes(hit)}
            rows.marks.extend(names | row for row in box_marks(tables[26], boxes[structure], hit))
    return rows


def _compared(match: Match, rule: Protocol, surfaces: LesionSurfaces | None) -> dict[str, NDArray[np.float64]]:
    """Return what is measured of each lesion against its pieces."""
    table, n = match.table, len(match.detected)
    common = np.bincount(match.pairs.lesion, match.pairs.voxels, n)
    drawn = np.bincount(match.pairs.lesion, table.pieces.sizes[match.pairs.piece], n)
    drawn = np.where(match.detected, drawn, 0)
    common = np.where(match.detected, common, 0)
    sizes = table.lesions.sizes
    penalty = table.drawn.diagonal_mm if rule.penalty_mm is None else rule.penalty_mm
    hd95, nsd = surfaces or (np.full(n, np.nan), np.full(n, np.nan))
    missed = ~match.detected & (surfaces is not None)
    return {
        "predicted_volume_ml": drawn * table.drawn.voxel_ml,
        "volume_difference_ml": (drawn - sizes) * table.drawn.voxel_ml,
        "dice": 2 * common / np.maximum(sizes + drawn, 1),
        "iou": common / np.maximum(sizes + drawn - common, 1),
        "hd95_mm": np.where(missed, penalty, hd95),
        "nsd": np.where(missed, 0.0, nsd),
    }


def _confidences(
    match: Match, probabilities: NDArray[Any] | None, means: dict[Pieces, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the highest confidence of the pieces compared with each lesion, and the mean probability of each piece.

    Args:
        match: What a protocol makes of an overlap table.
        probabilities: z,y,x.
        means: The mean probabilities of all pieces of a mask, to which those of this table are added.
    """
    pieces = match.table.pieces
    lesions, unknown = np.full(len(match.detected), np.nan), np.full(len(pieces), np.nan)
    if probabilities is None or not len(pieces):
        return lesions, unknown
    if pieces not in means:
        means[pieces] = _mean_of(pieces, probabilities)
    found = means[pieces]
    np.fmax.at(lesions, match.pairs.lesion, found[match.pairs.piece])
    return np.where(match.detected, lesions, np.nan), found


def _mean_of(pieces: Pieces, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of z,y,x values in each piece."""
    at, numbers = pieces.at
    sums = np.bincount(numbers, values[tuple(at)], len(pieces))
    return np.asarray(sums / np.bincount(numbers, minlength=len(pieces)))


def _rows(
    match: Match,
    compared: Mapping[str, NDArray[np.float64]],
    confidences: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> list[dict[str, Any]]:
    """Return the rows of lesions, then of the pieces that detect none."""
    table = match.table
    nearest, groups, links = table.nearest_mm, table.groups, (table.links.lesion, table.links.piece)

    def listed(side: Literal[0, 1], chosen: NDArray[np.intp], outcomes: NDArray[np.str_]) -> list[dict[str, Any]]:
        pieces, overlaps = ((table.lesions, match.overlaps), (table.pieces, match.piece_overlaps))[side]
        distances = nearest[side][chosen]
        columns = {
            "outcome": outcomes[chosen],
            "volume_ml": pieces.sizes[chosen] * table.drawn.voxel_ml,
            "overlap": overlaps[chosen],
            "nearest_mm": np.where(np.isfinite(distances), distances, math.nan),
            "pieces": np.bincount(links[side], minlength=len(pieces))[chosen],
            "group": groups[side][chosen] + 1,
            "slice": pieces.slices[chosen],
            "confidence": confidences[side][chosen],
        }
        if side == 0:
            columns |= {name: values[chosen] for name, values in compared.items() if name != "iou"}
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in values]

    outcomes = np.where(match.ignored, "ignored", np.where(match.detected, "detected", "missed"))
    rows = listed(0, np.arange(len(outcomes)), outcomes)
    outcomes = np.where(match.surplus, "surplus", np.where(match.indeterminate, "indeterminate", "false_positive"))
    rows += listed(1, np.flatnonzero(~match.true), outcomes)
    return [{"lesion": number} | one for number, one in enumerate(rows, start=1)]


def _case(match: Match, rule: Protocol, compared: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Return the figures of a case."""
    table, counted = match.table, ~match.ignored
    detected, missed = match.detected & counted, ~match.detected & counted
    tp, fn, fp = (int(np.count_nonzero(one)) for one in (detected, missed, match.false))
    true = int(np.count_nonzero(match.true))
    status = _status(len(table.lesions), len(table.pieces))
    penalty = table.drawn.diagonal_mm if rule.penalty_mm is None else rule.penalty_mm
    f1, sq = _ratio(tp, tp + (fp + fn) / 2), _mean(compared["iou"][detected])
    measured = compared["hd95_mm"][counted]
    # Without surfaces every distance is NaN, and so is the mean.
    unmeasured = len(measured) > 0 and bool(np.isnan(measured).all())
    # A false piece lies in the region of a lesion, whose figures it lowers.
    extra = 0 if rule.regions else fp
    row = {
        "status": status.value,
        "lesions": len(table.lesions),
        "pieces": len(table.pieces),
        "detected": tp,
        "missed": fn,
        "ignored": int(np.count_nonzero(match.ignored)),
        "false_positives": fp,
        "indeterminate": int(np.count_nonzero(match.indeterminate)),
        "surplus": int(np.count_nonzero(match.surplus)),
        "sensitivity": _ratio(tp, tp + fn),
        "precision": _ratio(true, true + fp),
        "f1": f1,
        "sq": sq,
        "pq": f1 * sq if tp else f1,
        "lesion_dice": _mean(np.append(compared["dice"][counted], np.zeros(extra))),
        "lesion_hd95_mm": math.nan if unmeasured else _mean(np.append(measured, np.full(extra, penalty))),
        "lesion_nsd": math.nan if unmeasured else _mean(np.append(compared["nsd"][counted], np.zeros(extra))),
        "false_positive_volume_ml": float(table.pieces.sizes[match.false].sum() * table.drawn.voxel_ml),
        "false_negative_volume_ml": float(table.lesions.sizes[missed].sum() * table.drawn.voxel_ml),
        "count_difference": len(table.pieces) - int(np.count_nonzero(match.indeterminate)) - len(table.lesions),
        "splits": int(np.count_nonzero(np.bincount(table.links.lesion) > 1)),
        "merges": int(np.count_nonzero(np.bincount(table.links.piece) > 1)),
        "detail": "",
    }
    return row | _conventions(rule, status, tp + fn + fp)


def _conventions(rule: Protocol, status: Status, counted: int) -> dict[str, Any]:
    """Return the figures of a case that are conventions of its protocol."""
    if rule.regions:
        unknown = ("precision", "f1", "sq", "pq", "false_positives", "false_positive_volume_ml", "count_difference")
        figures: dict[str, Any] = dict.fromkeys(unknown, math.nan)
        if status is Status.REFERENCE_EMPTY:
            figures |= dict.fromkeys(("lesion_dice", "lesion_hd95_mm", "lesion_nsd"), math.nan)
        return figures
    if counted or rule.both_empty is None:
        return {}
    value = rule.both_empty
    figures = dict.fromkeys(("sensitivity", "precision", "f1", "sq", "pq", "lesion_dice", "lesion_nsd"), value)
    return figures | {"lesion_hd95_mm": 0.0, "detail": f"{rule.title} counts a case without lesions as {value:g}"}


def _status(lesions: int, pieces: int) -> Status:
    match lesions > 0, pieces > 0:
        case False, False:
            return Status.BOTH_EMPTY
        case True, False:
            return Status.PREDICTION_EMPTY
        case False, True:
            return Status.REFERENCE_EMPTY
    return Status.OK


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
