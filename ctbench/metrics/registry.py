"""The registry of metrics: how each is computed, and its value for an empty mask or a missing prediction.

To add a metric, add its description to ``ctbench.metric_descriptions`` and its formula here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal

from ctbench.errors import UsageError
from ctbench.metric_descriptions import ALL_METRICS, DESCRIPTIONS, MetricDescription
from ctbench.metrics import distances, shapes
from ctbench.metrics.distances import SurfaceDistances
from ctbench.metrics.measured import Measured
from ctbench.suggestions import suggestion

__all__ = ["METRICS", "Empty", "Metric", "Outcome", "chosen_metrics", "expect_metrics"]

Formula = Callable[[Measured], float]

Outcome = float | Literal["formula", "diagonal"] | None
"""A fixed value; the value of the formula; the image's diagonal in mm; None: undefined."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The values of a metric where a mask is empty or the prediction is missing."""

    both: Outcome
    """Neither the reference nor the prediction holds the structure."""
    prediction: Outcome
    """Only the reference holds it."""
    reference: Outcome
    """Only the prediction holds it."""
    missing: Outcome
    """There is no prediction: none was made, or the predictor failed. The value does not depend on whether the
    reference holds the structure. For overlaps and distances a failure is never better than any prediction; as a
    volume it counts as 0 mL."""


@dataclass(frozen=True, kw_only=True)
class Metric(MetricDescription):
    """One metric: its description, and how it is computed.

    Args:
        empty: Its values where a mask is empty or the prediction is missing.
        formula: Computes it from a structure that both the reference and the prediction hold.
        surfaces: The distances that the formula sums up; None if it needs none.
        lengths: Whether the formula measures lengths of another kind.
    """

    empty: Empty
    formula: Formula
    surfaces: Callable[[Measured], SurfaceDistances] | None = None
    lengths: bool = False

    @property
    def counted(self) -> bool:
        """Whether values depend on numbers of voxels only: two of them are equal or not, never equal up to rounding."""
        return self.surfaces is None and not self.lengths


_OVERLAP = Empty(both=None, prediction=0.0, reference=0.0, missing=0.0)
_DISTANCE = Empty(both=None, prediction="diagonal", reference="diagonal", missing="diagonal")
_VOLUME = Empty(both="formula", prediction="formula", reference="formula", missing=None)
_ALWAYS = Empty(both="formula", prediction="formula", reference="formula", missing="formula")

_DUAL_GRID = attrgetter("distances")
_VOXELS = attrgetter("voxel_distances")


def _relative_difference(measured: Measured) -> float:
    return (measured.n_prediction - measured.n_reference) / measured.n_reference


def _difference_ml(measured: Measured) -> float:
    return (measured.n_prediction - measured.n_reference) * measured.voxel_ml


def _specificity(measured: Measured) -> float:
    negative = measured.n_counted - measured.n_reference
    false = measured.n_prediction - measured.n_both
    return 1 - false / negative if negative else math.nan


def _correlation(measured: Measured) -> float:
    n, held, drawn = measured.n_counted, measured.n_reference, measured.n_prediction
    margins = math.sqrt(held) * math.sqrt(drawn) * math.sqrt(n - held) * math.sqrt(n - drawn)
    return (measured.n_both * n - held * drawn) / margins if margins else math.nan


def _euler_error(measured: Measured) -> float:
    reference, prediction, counted = measured.masks
    return abs(shapes.euler_number(prediction & counted) - shapes.euler_number(reference & counted))


def _computed(empty: Empty, formula: Formula, **needs: Any) -> dict[str, Any]:
    return {"empty": empty, "formula": formula, **needs}


_COMPUTED: Mapping[str, dict[str, Any]] = {
    "dice": _computed(_OVERLAP, lambda m: 2 * m.n_both / (m.n_reference + m.n_prediction)),
    "jaccard": _computed(_OVERLAP, lambda m: m.n_both / (m.n_reference + m.n_prediction - m.n_both)),
    "sensitivity": _computed(
        Empty(both=None, prediction=0.0, reference=None, missing=0.0), lambda m: m.n_both / m.n_reference
    ),
    "precision": _computed(
        Empty(both=None, prediction=None, reference=0.0, missing=0.0), lambda m: m.n_both / m.n_prediction
    ),
    "volume_ml": _computed(_VOLUME, lambda m: m.n_prediction * m.voxel_ml),
    "reference_volume_ml": _computed(_ALWAYS, lambda m: m.n_reference * m.voxel_ml),
    "volume_difference_ml": _computed(_ALWAYS, _difference_ml),
    "volume_difference_absolute_ml": _computed(_ALWAYS, lambda m: abs(_difference_ml(m))),
    "rvd": _computed(Empty(both=None, prediction=-1.0, reference=None, missing=-1.0), _relative_difference),
    "rvd_absolute": _computed(
        Empty(both=None, prediction=1.0, reference=None, missing=1.0), lambda m: abs(_relative_difference(m))
    ),
    "hd": _computed(_DISTANCE, lambda m: distances.hausdorff(m.distances), surfaces=_DUAL_GRID),
    "hd95": _computed(_DISTANCE, lambda m: distances.robust_hausdorff(m.distances), surfaces=_DUAL_GRID),
    "assd": _computed(_DISTANCE, lambda m: distances.average_distance(m.distances), surfaces=_DUAL_GRID),
    "masd": _computed(_DISTANCE, lambda m: distances.mean_of_directed_averages(m.distances), surfaces=_DUAL_GRID),
    "nsd": _computed(
        _OVERLAP, lambda m: distances.share_within(m.distances, m.structure.tolerance_mm), surfaces=_DUAL_GRID
    ),
    "hd95_pooled": _computed(_DISTANCE, lambda m: distances.pooled_percentile(m.voxel_distances), surfaces=_VOXELS),
    "nsd_voxel": _computed(
        _OVERLAP, lambda m: distances.share_within(m.voxel_distances, m.structure.tolerance_mm), surfaces=_VOXELS
    ),
    "abc2_ml": _computed(_VOLUME, lambda m: m.abc2_ml, lengths=True),
    "reference_abc2_ml": _computed(_ALWAYS, lambda m: m.reference_abc2_ml, lengths=True),
    "f2": _computed(_OVERLAP, lambda m: 5 * m.n_both / (4 * m.n_reference + m.n_prediction)),
    "volumetric_similarity": _computed(
        _OVERLAP, lambda m: 1 - abs(m.n_prediction - m.n_reference) / (m.n_prediction + m.n_reference)
    ),
    "specificity_image": _computed(
        Empty(both="formula", prediction="formula", reference="formula", missing=0.0), _specificity
    ),
    "balanced_accuracy_image": _computed(
        Empty(both=None, prediction="formula", reference=None, missing=0.0),
        lambda m: (m.n_both / m.n_reference + _specificity(m)) / 2,
    ),
    "mcc_image": _computed(Empty(both=None, prediction=0.0, reference=0.0, missing=-1.0), _correlation),
    "boundary_iou": _computed(
        _OVERLAP,
        lambda m: shapes.boundary_iou(m.masks, m.spacing_mm, m.structure.tolerance_mm, planar=m.planar),
        lengths=True,
    ),
    "cldice": _computed(_OVERLAP, lambda m: shapes.centreline_dice(m.masks, planar=m.planar)),
    "centre_distance": _computed(_DISTANCE, lambda m: shapes.centre_distance(m.masks, m.spacing_mm), lengths=True),
    "hd_from_prediction": _computed(_DISTANCE, lambda m: m.distances.from_prediction.largest, surfaces=_DUAL_GRID),
    "hd_from_reference": _computed(_DISTANCE, lambda m: m.distances.from_reference.largest, surfaces=_DUAL_GRID),
    "asd_from_prediction": _computed(_DISTANCE, lambda m: m.distances.from_prediction.average, surfaces=_DUAL_GRID),
    "asd_from_reference": _computed(_DISTANCE, lambda m: m.distances.from_reference.average, surfaces=_DUAL_GRID),
    "euler_error": _computed(Empty(both=0.0, prediction="formula", reference="formula", missing=None), _euler_error),
}
"""Metric -> how it is computed, as ``Metric`` takes it."""


def joined(
    descriptions: Mapping[str, MetricDescription], computed: Mapping[str, dict[str, Any]]
) -> Mapping[str, Metric]:
    """Return the metrics by name, in the order of their descriptions.

    Args:
        descriptions: Name -> what the metric is.
        computed: Name -> how it is computed, as ``Metric`` takes it.

    Raises:
        ValueError: A metric is described and not computed, or the reverse.
    """
    if unmatched := sorted(descriptions.keys() ^ computed.keys()):
        msg = f"metrics need a description and a formula, each of these has only one of them: {', '.join(unmatched)}"
        raise ValueError(msg)
    return MappingProxyType({name: Metric(**vars(one), **computed[name]) for name, one in descriptions.items()})


METRICS = joined(DESCRIPTIONS, _COMPUTED)
"""All metrics by name, in the order of the rows that ``score`` returns."""


def expect_metrics(names: Iterable[str]) -> None:
    """Check that metrics have these names.

    Raises:
        UsageError: One has not; the message suggests a similar name.
    """
    for name in names:
        if name not in METRICS:
            msg = f"unknown metric {name!r}; {suggestion(name, METRICS, otherwise='known metrics:')}"
            raise UsageError(msg)


def chosen_metrics(names: Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of the metrics to compute, in the given order.

    Args:
        names: Names of metrics, or ``all``; None: those of the default panel.

    Raises:
        UsageError: One is no metric; the message suggests a similar name.
    """
    if names is None:
        return tuple(name for name, metric in METRICS.items() if metric.default)
    wanted = (names,) if isinstance(names, str) else tuple(names)
    if ALL_METRICS in wanted:
        return tuple(METRICS)
    expect_metrics(wanted)
    return wanted
