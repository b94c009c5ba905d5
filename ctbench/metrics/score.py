"""Score one prediction, or its absence, against one reference or several."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Required, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.metrics.comparison import PlainReference
from ctbench.metrics.crop import PLANES
from ctbench.metrics.distances import SurfaceDistances
from ctbench.metrics.inputs import as_comparison, as_spacing
from ctbench.metrics.measured import Measured, StructureMeasurements
from ctbench.metrics.registry import METRICS, Empty, Metric, Outcome, chosen_metrics
from ctbench.metrics.structures import Codes, Structure, structures
from ctbench.metrics.surface import Surface
from ctbench.reference import Reference
from ctbench.scores import VALUE_COLUMNS, Status

__all__ = [
    "IsolatedSlicesWarning",
    "Row",
    "missing_rows",
    "missing_scores",
    "rows_by_reference",
    "score",
    "score_by_reference",
    "score_rows",
]

Row = tuple[str, str, float, str, str, str]
"""One score, with the values of ``VALUE_COLUMNS``."""


class IsolatedSlicesWarning(UserWarning):
    """Surfaces are measured in 3D, but single slices have no useful 3D elements."""


def score(
    reference: Reference | NDArray[np.integer],
    prediction: NDArray[np.integer],
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    metrics: Iterable[str] | None = None,
    tolerance_mm: float | Mapping[str, float] = 1.0,
    surface: Surface = "3d",
    surface_model: Literal["dual_grid", "mesh"] = "dual_grid",
) -> pd.DataFrame:
    """Score a prediction against a reference.

    Voxels that do not count (indeterminate ones, and slices that nobody annotated) are left out of overlaps and
    volumes in both label maps. Surfaces are taken from the whole label maps, but elements that touch such a voxel are
    not sampled. Whether a structure is empty is judged on the counted voxels, alike for every metric.

    Args:
        reference: a Reference, or a z,y,x array of integers in which every voxel counts; z runs along the body, as in
            the arrays of ``read_volume``.
        prediction: z,y,x integers (or bool, as code 1) of the same shape.
        spacing_mm: z,y,x.
        labels: a label set, whose labels and groups are both scored, or name -> code or codes.
        metrics: names of ``METRICS``, or ``all``; None: the default panel.
        tolerance_mm: Tolerance of ``nsd`` and ``nsd_voxel`` in mm: one for all structures, or name -> tolerance.
        surface: ``3d``, or ``2d`` for contours within each axial slice (for slices annotated far apart).
        surface_model: Position of the surface elements of ``hd``, ``hd95``, ``assd``, ``masd`` and ``nsd``: at the
            corners of voxels (``dual_grid``: the usual definition, and fast), or at the centre of the element's piece
            of the surface (``mesh``: more accurate, above all for small structures, but slower and not comparable).

    Returns:
        One row per structure and metric, in the order of ``labels`` and of ``METRICS``, with the columns

        - ``label``, ``metric``: names;
        - ``value``: NaN where undefined; ``unit``: ``mm``, ``mL`` or ``1``;
        - ``status``: ``ok``, ``both_empty``, ``prediction_empty``, ``reference_empty``, or ``not_sampled`` where no
          surface element is left;
        - ``detail``: a sentence for a person, else empty.

    Raises:
        GeometryError: the two label maps differ in shape.
        DataError: not 3D, not integers, or spacing that is not positive.
        LabelError: ``labels`` names no structure, or a code that is not a positive integer.
        UsageError: an unknown metric, surface or surface model, or a tolerance that is missing or not positive.

    Warns:
        IsolatedSlicesWarning: ``surface`` is ``3d``, a surface metric is wanted, and an annotated slice has no
            annotated neighbour, or the volume has one slice.

    Example:
        >>> import numpy as np
        >>> truth = np.zeros((10, 10, 10), int)
        >>> truth[2:6, 2:6, 2:6] = 1
        >>> lower = np.roll(truth, 1, axis=0)
        >>> scores = score(truth, lower, spacing_mm=(5, 1, 1), labels={"cube": 1}, metrics=["dice", "hd"])
        >>> scores[["label", "metric", "value", "unit", "status"]]
          label metric  value unit status
        0  cube   dice   0.75    1     ok
        1  cube     hd   5.00   mm     ok
    """
    rows = rows_by_reference(
        {"": reference},
        prediction,
        spacing_mm=spacing_mm,
        labels=labels,
        metrics=metrics,
        tolerance_mm=tolerance_mm,
        surface=surface,
        surface_model=surface_model,
    )
    return _frame(rows[""])


class Rules(TypedDict, total=False):
    """The keyword arguments of ``score``, which say how."""

    spacing_mm: Required[Sequence[float]]
    labels: Required[LabelSet | Mapping[str, Codes]]
    metrics: Iterable[str] | None
    tolerance_mm: float | Mapping[str, float]
    surface: Surface
    surface_model: Literal["dual_grid", "mesh"]


def score_rows(
    reference: Reference | NDArray[np.integer], prediction: NDArray[np.integer], **rules: Unpack[Rules]
) -> list[Row]:
    """Return the rows of ``score`` as tuples: for a small volume, making a frame takes longer than the scores.

    Arguments, errors and warnings are those of ``score``.
    """
    return rows_by_reference({"": reference}, prediction, **rules)[""]


def score_by_reference(
    references: Mapping[str, Reference | NDArray[np.integer]], prediction: NDArray[np.integer], **rules: Unpack[Rules]
) -> pd.DataFrame:
    """Score a prediction against several references that are nearly the same, such as all references of one case.

    The values are those of ``score`` for each reference. They take far less time than one call for each, because what
    all references share is measured once.

    Args:
        references: Name -> reference, as for ``score``; one or more.
        prediction: As for ``score``.
        rules: The keyword arguments of ``score``.

    Returns:
        The rows of ``score`` for each reference in turn, after a column ``reference`` of its name.

    Raises:
        CtbenchError: As ``score`` does.

    Warns:
        IsolatedSlicesWarning: As ``score`` does, for each reference.

    Example:
        >>> import numpy as np
        >>> small, large = (np.zeros((1, 4, 4), int) for _ in range(2))
        >>> small[0, 1:3, 1:3] = large[0, 1:3, 1:4] = 1
        >>> found = {"small": small, "large": large}
        >>> scores = score_by_reference(found, small, spacing_mm=(5, 1, 1), labels={"square": 1}, metrics=["dice"])
        >>> scores[["reference", "label", "metric", "value"]]
          reference   label metric  value
        0     small  square   dice    1.0
        1     large  square   dice    0.8
    """
    found = rows_by_reference(references, prediction, **rules)
    frame = _frame([row for rows in found.values() for row in rows])
    frame.insert(0, "reference", [name for name, rows in found.items() for _ in rows])
    return frame


def rows_by_reference(
    references: Mapping[str, Reference | NDArray[np.integer]],
    prediction: NDArray[np.integer],
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    metrics: Iterable[str] | None = None,
    tolerance_mm: float | Mapping[str, float] = 1.0,
    surface: Surface = "3d",
    surface_model: Literal["dual_grid", "mesh"] = "dual_grid",
) -> dict[str, list[Row]]:
    """Return the rows of ``score_by_reference`` as tuples: name of the reference -> its rows.

    Arguments, errors and warnings are those of ``score_by_reference``.
    """
    wanted, targets, spacing = _metrics(metrics), structures(labels, tolerance_mm), as_spacing(spacing_mm)
    codes, names = _codes(targets), list(references)
    found: dict[str, list[Row]] = {name: [] for name in names}
    for first in range(0, len(names), PLANES):
        some = names[first : first + PLANES]
        comparison = as_comparison([references[name] for name in some], prediction, codes)
        for reference in comparison.references:
            _check_surface(surface, surface_model, reference, wanted)
        for structure in targets:
            measurements = StructureMeasurements(structure, comparison, spacing, surface, surface_model)
            for name, measured in zip(some, measurements.against, strict=True):
                status = _status(measured)
                found[name] += [_row(metric, measured, status) for metric in wanted]
    return found


def missing_scores(
    reference: Reference | NDArray[np.integer],
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    metrics: Iterable[str] | None = None,
    status: Status = Status.MISSING,
    detail: str = "",
) -> pd.DataFrame:
    """Return the rows of a case for which there is no prediction.

    Every structure is penalised as if it had been missed, also one that the reference does not hold: a failure is never
    better than any prediction.

    Args:
        reference: as for ``score``.
        spacing_mm: z,y,x.
        labels: as for ``score``.
        metrics: as for ``score``.
        status: ``failed`` if the predictor raised an error, ``missing`` if it returned nothing.
        detail: why, for a person.

    Returns:
        The same rows and columns as ``score``.

    Raises:
        CtbenchError: as ``score`` does.
    """
    rules: dict[str, Any] = {"metrics": metrics, "status": status, "detail": detail}
    return _frame(missing_rows(reference, spacing_mm=spacing_mm, labels=labels, **rules))


def missing_rows(
    reference: Reference | NDArray[np.integer],
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    metrics: Iterable[str] | None = None,
    status: Status = Status.MISSING,
    detail: str = "",
) -> list[Row]:
    """Return the rows of ``missing_scores`` as tuples; arguments and errors are the same."""
    wanted, targets, spacing = _metrics(metrics), structures(labels, 1.0), as_spacing(spacing_mm)
    shape = reference.labels.shape if isinstance(reference, Reference) else np.shape(reference)
    comparison = as_comparison([reference], np.zeros(shape, np.uint8), _codes(targets))
    rows = []
    for structure in targets:
        measured = StructureMeasurements(structure, comparison, spacing).against[0]
        rows += [_row(metric, measured, Status(status).value, detail) for metric in wanted]
    return rows


def _status(measured: Measured) -> str:
    match measured.n_reference > 0, measured.n_prediction > 0:
        case False, False:
            return Status.BOTH_EMPTY.value
        case True, False:
            return Status.PREDICTION_EMPTY.value
        case False, True:
            return Status.REFERENCE_EMPTY.value
    return Status.OK.value


def _row(metric: Metric, measured: Measured, status: str, detail: str = "") -> Row:
    if status == Status.OK and metric.surfaces:
        status, detail = _sampling(metric.surfaces(measured))
    value = _value(_outcome(metric.empty, status), metric, measured)
    if status == Status.OK and math.isnan(value):
        status, detail = Status.NOT_SAMPLED.value, "none of the voxels that the metric needs counts"
    return measured.structure.name, metric.name, value, metric.unit, status, detail


def _sampling(distances: SurfaceDistances) -> tuple[str, str]:
    """Return the status and the detail, by which of the two surfaces could be sampled."""
    match distances.from_reference.mm.size > 0, distances.from_prediction.mm.size > 0:
        case False, False:
            return Status.NOT_SAMPLED.value, "every surface element touches voxels that do not count"
        case True, False:
            return Status.OK.value, "only the reference's surface could be sampled"
        case False, True:
            return Status.OK.value, "only the prediction's surface could be sampled"
    return Status.OK.value, ""


def _outcome(empty: Empty, status: str) -> Outcome:
    match status:
        case Status.OK:
            return "formula"
        case Status.BOTH_EMPTY:
            return empty.both
        case Status.PREDICTION_EMPTY:
            return empty.prediction
        case Status.REFERENCE_EMPTY:
            return empty.reference
        case Status.MISSING | Status.FAILED:
            return empty.missing
    return None


def _value(outcome: Outcome, metric: Metric, measured: Measured) -> float:
    match outcome:
        case None:
            return math.nan
        case "formula":
            return float(metric.formula(measured))
        case "diagonal":
            return measured.diagonal_mm
    return outcome


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    columns = (
        dict(zip(VALUE_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(VALUE_COLUMNS, ())
    )
    return pd.DataFrame(columns | {"value": np.array(columns["value"], np.float64)})


def _metrics(names: Iterable[str] | None) -> list[Metric]:
    wanted = set(chosen_metrics(names))
    return [metric for name, metric in METRICS.items() if name in wanted]


def _codes(targets: Sequence[Structure]) -> set[int]:
    return {code for structure in targets for code in structure.codes}


def _check_surface(surface: str, surface_model: str, reference: PlainReference, wanted: Sequence[Metric]) -> None:
    if surface not in ("2d", "3d") or surface_model not in ("dual_grid", "mesh"):
        expected = "'3d' or '2d', and 'dual_grid' or 'mesh'"
        msg = f"unknown surface {surface!r} or surface_model {surface_model!r}; expected {expected}"
        raise UsageError(msg)
    if surface == "2d" or not any(metric.surfaces for metric in wanted):
        return
    if reference.labels.shape[0] == 1:
        warnings.warn(
            "the volume has one slice, so that its upper and lower face outweigh its outline in 3D distances (an hd95"
            " of 0 for masks that differ); pass surface='2d' to measure within the slice",
            IsolatedSlicesWarning,
            stacklevel=4,  # whoever called a public function of this module
        )
        return
    annotated = reference.annotated
    if annotated is None:
        return
    padded = np.pad(annotated, 1)
    isolated = np.count_nonzero(annotated & ~padded[:-2] & ~padded[2:])
    if isolated:
        warnings.warn(
            f"{isolated} of {np.count_nonzero(annotated)} annotated slices have no annotated neighbour, so that no 3D"
            " surface element of theirs can be sampled; pass surface='2d' to measure within slices",
            IsolatedSlicesWarning,
            stacklevel=4,  # whoever called a public function of this module
        )
