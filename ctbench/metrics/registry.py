"""Every metric: what it says, what it gives where something is empty, and how it is worked out.

To add a metric, add a ``Metric`` here; ``score`` and ``ctbench metrics`` find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Literal

from ctbench.metrics import distances
from ctbench.metrics.distances import SurfaceDistances
from ctbench.metrics.measured import Measured

__all__ = ["METRICS", "Empty", "Metric", "Outcome"]

Outcome = float | Literal["formula", "diagonal"] | None
"""A fixed value; what the formula gives all the same; the image's diagonal in mm; None: undefined."""


@dataclass(frozen=True, slots=True)
class Empty:
    """What a metric gives where its formula may not be asked."""

    both: Outcome
    """Neither the reference nor the prediction holds the structure."""
    prediction: Outcome
    """Only the reference holds it."""
    reference: Outcome
    """Only the prediction holds it."""
    missing: Outcome
    """There is no prediction: none was made, or the predictor failed. Whether the reference holds the structure is of
    no matter, so that failing is never better than any answer."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: as it stands in tables.
        definition: one sentence.
        unit: ``mm``, ``mL`` or ``1``.
        better: which way is better: ``higher``, ``lower``, towards ``zero``; None where the value is no judgement.
        empty: what it gives where something is empty or missing.
        source: where the definition comes from.
        formula: works it out of a structure that both the reference and the prediction hold.
        surfaces: the distances that the formula sums up; None where it needs none.
        lengths: the formula measures lengths of another kind.
        version: raised when the definition changes; values of different versions are not comparable.
    """

    name: str
    definition: str
    unit: Literal["mm", "mL", "1"]
    better: Literal["higher", "lower", "zero"] | None
    empty: Empty
    source: str
    formula: Callable[[Measured], float]
    surfaces: Callable[[Measured], SurfaceDistances] | None = None
    lengths: bool = False
    version: int = 1

    @property
    def counted(self) -> bool:
        """Whether values come of numbers of voxels alone, so that they are equal or not, never near."""
        return self.surfaces is None and not self.lengths


_OVERLAP = Empty(both=None, prediction=0.0, reference=0.0, missing=0.0)
_DISTANCE = Empty(both=None, prediction="diagonal", reference="diagonal", missing="diagonal")
_VOLUME = Empty(both="formula", prediction="formula", reference="formula", missing=None)
_ALWAYS = Empty(both="formula", prediction="formula", reference="formula", missing="formula")

_DUAL_GRID = attrgetter("distances")
_VOXELS = attrgetter("voxel_distances")

_TAHA = "Taha and Hanbury, BMC Medical Imaging 2015;15:29"
_NIKOLOV = "Nikolov et al., J Med Internet Res 2021;23:e26151"
_RELOADED = "Maier-Hein, Reinke et al., Metrics reloaded, Nat Methods 2024;21:195-212"
_KOTHARI = "Kothari et al., Stroke 1996;27:1304-1305"
_MEDPY = "MedPy, medpy.metric.binary"


def _relative_difference(measured: Measured) -> float:
    return (measured.n_prediction - measured.n_reference) / measured.n_reference


def _difference_ml(measured: Measured) -> float:
    return (measured.n_prediction - measured.n_reference) * measured.voxel_ml


_ALL = (
    Metric(
        "dice",
        "Twice the common volume over the sum of both volumes, without smoothing.",
        "1",
        "higher",
        _OVERLAP,
        "Dice, Ecology 1945;26:297-302",
        lambda m: 2 * m.n_both / (m.n_reference + m.n_prediction),
    ),
    Metric(
        "jaccard",
        "The common volume over the volume of the union.",
        "1",
        "higher",
        _OVERLAP,
        "Jaccard, New Phytologist 1912;11:37-50",
        lambda m: m.n_both / (m.n_reference + m.n_prediction - m.n_both),
    ),
    Metric(
        "sensitivity",
        "The share of the reference that the prediction holds.",
        "1",
        "higher",
        Empty(both=None, prediction=0.0, reference=None, missing=0.0),
        _TAHA,
        lambda m: m.n_both / m.n_reference,
    ),
    Metric(
        "precision",
        "The share of the prediction that lies in the reference.",
        "1",
        "higher",
        Empty(both=None, prediction=None, reference=0.0, missing=0.0),
        _TAHA,
        lambda m: m.n_both / m.n_prediction,
    ),
    Metric(
        "volume_ml",
        "The prediction's volume: its counted voxels times the volume of one.",
        "mL",
        None,
        _VOLUME,
        _RELOADED,
        lambda m: m.n_prediction * m.voxel_ml,
    ),
    Metric(
        "reference_volume_ml",
        "The reference's volume: its counted voxels times the volume of one.",
        "mL",
        None,
        _ALWAYS,
        _RELOADED,
        lambda m: m.n_reference * m.voxel_ml,
    ),
    Metric(
        "volume_difference_ml",
        "The prediction's volume minus the reference's.",
        "mL",
        "zero",
        _ALWAYS,
        _RELOADED,
        _difference_ml,
    ),
    Metric(
        "volume_difference_absolute_ml",
        "The size of the difference of the two volumes.",
        "mL",
        "lower",
        _ALWAYS,
        _RELOADED,
        lambda m: abs(_difference_ml(m)),
    ),
    Metric(
        "rvd",
        "The prediction's volume minus the reference's, over the reference's.",
        "1",
        "zero",
        Empty(both=None, prediction=-1.0, reference=None, missing=-1.0),
        "Heimann et al., IEEE Trans Med Imaging 2009;28:1251-1265",
        _relative_difference,
    ),
    Metric(
        "rvd_absolute",
        "The size of the relative volume difference.",
        "1",
        "lower",
        Empty(both=None, prediction=1.0, reference=None, missing=1.0),
        _RELOADED,
        lambda m: abs(_relative_difference(m)),
    ),
    Metric(
        "hd",
        "Hausdorff distance: the largest distance of either surface from the other.",
        "mm",
        "lower",
        _DISTANCE,
        "Huttenlocher et al., IEEE TPAMI 1993;15:850-863",
        lambda m: distances.hausdorff(m.distances),
        surfaces=_DUAL_GRID,
    ),
    Metric(
        "hd95",
        "The larger of the two directed 95th percentiles of the surface distances, weighted by area: the distance of"
        " the first element at which the cumulative area reaches 95 %.",
        "mm",
        "lower",
        _DISTANCE,
        _NIKOLOV,
        lambda m: distances.robust_hausdorff(m.distances),
        surfaces=_DUAL_GRID,
    ),
    Metric(
        "assd",
        "Average symmetric surface distance: the mean, by area, of the distances of both surfaces pooled.",
        "mm",
        "lower",
        _DISTANCE,
        "Heimann et al., IEEE Trans Med Imaging 2009;28:1251-1265",
        lambda m: distances.average_distance(m.distances),
        surfaces=_DUAL_GRID,
    ),
    Metric(
        "masd",
        "Mean average surface distance: the mean of the two directed mean distances.",
        "mm",
        "lower",
        _DISTANCE,
        _RELOADED,
        lambda m: distances.mean_of_directed_averages(m.distances),
        surfaces=_DUAL_GRID,
    ),
    Metric(
        "nsd",
        "Normalised surface distance (surface Dice): the share of the area of both surfaces, pooled, that lies within"
        " tolerance_mm (<=) of the other one.",
        "1",
        "higher",
        _OVERLAP,
        _NIKOLOV,
        lambda m: distances.share_within(m.distances, m.structure.tolerance_mm),
        surfaces=_DUAL_GRID,
    ),
    Metric(
        "hd95_pooled",
        "The 95th percentile, interpolated linearly, of the distances of the surface voxels of both masks in one list;"
        " a surface voxel shares a face with one outside the mask.",
        "mm",
        "lower",
        _DISTANCE,
        _MEDPY,
        lambda m: distances.pooled_percentile(m.voxel_distances),
        surfaces=_VOXELS,
    ),
    Metric(
        "nsd_voxel",
        "The share of the surface voxels of both masks, pooled, that lie within tolerance_mm (<=) of the other's.",
        "1",
        "higher",
        _OVERLAP,
        _RELOADED,
        lambda m: distances.share_within(m.voxel_distances, m.structure.tolerance_mm),
        surfaces=_VOXELS,
    ),
    Metric(
        "abc2_ml",
        "The prediction's volume by the ABC/2 rule, with slices weighted 1, 1/2 or 0 by their area.",
        "mL",
        None,
        _VOLUME,
        _KOTHARI,
        lambda m: m.abc2_ml,
        lengths=True,
    ),
    Metric(
        "reference_abc2_ml",
        "The reference's volume by the ABC/2 rule, with slices weighted 1, 1/2 or 0 by their area.",
        "mL",
        None,
        _ALWAYS,
        _KOTHARI,
        lambda m: m.reference_abc2_ml,
        lengths=True,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""All metrics by name, in the order of the rows that ``score`` gives."""
