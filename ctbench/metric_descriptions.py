"""Every metric described once: name, title, definition, unit, which way is better, source and version.

``ctbench.metrics.registry`` adds to each description how the metric is computed. All else (tables, axes, rankings,
tests, lock files) takes a metric's title, unit and direction from here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "ALL_METRICS",
    "CHIEF_METRICS",
    "DESCRIPTIONS",
    "DICE",
    "LOCKED_METRICS",
    "PRINTED_METRICS",
    "PRINTED_WITH_VOLUMES",
    "REFERENCE_VOLUME",
    "SYMMETRIC_METRICS",
    "VOLUME",
    "VOLUMES",
    "VOLUME_DIFFERENCE_ABSOLUTE",
    "MetricDescription",
    "smaller_is_better",
]


@dataclass(frozen=True)
class MetricDescription:
    """What a metric is, without how it is computed.

    Args:
        name: As in the column ``metric``.
        title: As people write it, in headings and on axes.
        definition: One sentence.
        unit: ``mm``, ``mL`` or ``1``.
        better: Which way is better: ``higher``, ``lower``, towards ``zero``; None if the value is no judgement.
        source: Where the definition comes from.
        version: Raised when the definition changes; values of different versions are not comparable.
        default: Whether it is computed unless metrics are named.
        least: The least value, if higher is better.
    """

    name: str
    title: str
    definition: str
    unit: Literal["mm", "mL", "1"]
    better: Literal["higher", "lower", "zero"] | None
    source: str
    version: int = 1
    default: bool = True
    least: float = 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value that the metric can have."""
        if self.better == "zero":
            return -math.inf, math.inf
        return (self.least, 1.0) if self.better == "higher" else (0.0, math.inf)


DICE = "dice"

VOLUME = "volume_ml"
"""Of what the rater drew."""

REFERENCE_VOLUME = "reference_volume_ml"
"""It also says which cases are negatives where no rater has a prediction, see ``ctbench.statistics.populations``."""

VOLUMES = (VOLUME, REFERENCE_VOLUME)
"""What volume agreement and detection are computed from."""

VOLUME_DIFFERENCE_ABSOLUTE = "volume_difference_absolute_ml"

_TAHA = "Taha and Hanbury, BMC Medical Imaging 2015;15:29"
_NIKOLOV = "Nikolov et al., J Med Internet Res 2021;23:e26151"
_RELOADED = "Maier-Hein, Reinke et al., Metrics reloaded, Nat Methods 2024;21:195-212"
_KOTHARI = "Kothari et al., Stroke 1996;27:1304-1305"
_MEDPY = "MedPy, medpy.metric.binary"

_ALL = (
    MetricDescription(
        DICE,
        "Dice",
        "Twice the common volume over the sum of both volumes, without smoothing.",
        "1",
        "higher",
        "Dice, Ecology 1945;26:297-302",
    ),
    MetricDescription(
        "jaccard",
        "Jaccard",
        "The common volume over the volume of the union.",
        "1",
        "higher",
        "Jaccard, New Phytologist 1912;11:37-50",
    ),
    MetricDescription(
        "sensitivity",
        "Sensitivity",
        "The share of the reference that the prediction holds.",
        "1",
        "higher",
        _TAHA,
    ),
    MetricDescription(
        "precision",
        "Precision",
        "The share of the prediction that lies in the reference.",
        "1",
        "higher",
        _TAHA,
    ),
    MetricDescription(
        VOLUME,
        "Volume",
        "The prediction's volume: its counted voxels times the volume of one.",
        "mL",
        None,
        _RELOADED,
    ),
    MetricDescription(
        REFERENCE_VOLUME,
        "Reference volume",
        "The reference's volume: its counted voxels times the volume of one.",
        "mL",
        None,
        _RELOADED,
    ),
    MetricDescription(
        "volume_difference_ml",
        "Volume difference",
        "The prediction's volume minus the reference's.",
        "mL",
        "zero",
        _RELOADED,
    ),
    MetricDescription(
        VOLUME_DIFFERENCE_ABSOLUTE,
        "Volume difference (absolute)",
        "The size of the difference of the two volumes.",
        "mL",
        "lower",
        _RELOADED,
    ),
    MetricDescription(
        "rvd",
        "Relative volume difference",
        "The prediction's volume minus the reference's, over the reference's.",
        "1",
        "zero",
        "Heimann et al., IEEE Trans Med Imaging 2009;28:1251-1265",
    ),
    MetricDescription(
        "rvd_absolute",
        "Relative volume difference (absolute)",
        "The size of the relative volume difference.",
        "1",
        "lower",
        _RELOADED,
    ),
    MetricDescription(
        "hd",
        "HD",
        "Hausdorff distance: the largest distance of either surface from the other.",
        "mm",
        "lower",
        "Huttenlocher et al., IEEE TPAMI 1993;15:850-863",
    ),
    MetricDescription(
        "hd95",
        "HD95",
        "The larger of the two directed 95th percentiles of the surface distances, weighted by area: the distance of"
        " the first element at which the cumulative area reaches 95 %.",
        "mm",
        "lower",
        _NIKOLOV,
    ),
    MetricDescription(
        "assd",
        "ASSD",
        "Average symmetric surface distance: the mean, by area, of the distances of both surfaces pooled.",
        "mm",
        "lower",
        "Heimann et al., IEEE Trans Med Imaging 2009;28:1251-1265",
    ),
    MetricDescription(
        "masd",
        "MASD",
        "Mean average surface distance: the mean of the two directed mean distances.",
        "mm",
        "lower",
        _RELOADED,
    ),
    MetricDescription(
        "nsd",
        "NSD",
        "Normalised surface distance (surface Dice): the share of the area of both surfaces, pooled, that lies within"
        " tolerance_mm (<=) of the other one.",
        "1",
        "higher",
        _NIKOLOV,
    ),
    MetricDescription(
        "hd95_pooled",
        "HD95 (pooled)",
        "The 95th percentile, interpolated linearly, of the distances of the surface voxels of both masks in one list;"
        " a surface voxel shares a face with one outside the mask.",
        "mm",
        "lower",
        _MEDPY,
    ),
    MetricDescription(
        "nsd_voxel",
        "NSD (by voxels)",
        "The share of the surface voxels of both masks, pooled, that lie within tolerance_mm (<=) of the other's.",
        "1",
        "higher",
        _RELOADED,
    ),
    MetricDescription(
        "abc2_ml",
        "ABC/2 volume",
        "The prediction's volume by the ABC/2 rule, with slices weighted 1, 1/2 or 0 by their area.",
        "mL",
        None,
        _KOTHARI,
    ),
    MetricDescription(
        "reference_abc2_ml",
        "ABC/2 volume of the reference",
        "The reference's volume by the ABC/2 rule, with slices weighted 1, 1/2 or 0 by their area.",
        "mL",
        None,
        _KOTHARI,
    ),
    MetricDescription(
        "f2",
        "F2",
        "F-beta with beta 2, which weights what is missed four times what is too much: 5 TP / (5 TP + 4 FN + "
        "FP), in voxels.",
        "1",
        "higher",
        _RELOADED,
        default=False,
    ),
    MetricDescription(
        "volumetric_similarity",
        "Volumetric similarity",
        "1 minus the size of the difference of the two volumes over their sum.",
        "1",
        "higher",
        _TAHA,
        default=False,
    ),
    MetricDescription(
        "specificity_image",
        "Specificity (image)",
        "The share of the image's counted voxels outside the reference that lie outside the prediction too; "
        "it grows with the image's field of view.",
        "1",
        "higher",
        _TAHA,
        default=False,
    ),
    MetricDescription(
        "balanced_accuracy_image",
        "Balanced accuracy (image)",
        "The mean of sensitivity and of specificity over the image's counted voxels.",
        "1",
        "higher",
        _RELOADED,
        default=False,
    ),
    MetricDescription(
        "mcc_image",
        "MCC (image)",
        "Matthews correlation coefficient of reference and prediction over the image's counted voxels.",
        "1",
        "higher",
        "Matthews, Biochim Biophys Acta 1975;405:442-451",
        default=False,
        least=-1.0,
    ),
    MetricDescription(
        "boundary_iou",
        "Boundary IoU",
        "Intersection over union of the inner rims of both masks: their surface voxels, and all of their "
        "voxels within tolerance_mm (<=) of a voxel outside; left out are voxels that near one that does not"
        " count.",
        "1",
        "higher",
        "Cheng et al., CVPR 2021:15334-15342, with a width in mm",
        default=False,
    ),
    MetricDescription(
        "cldice",
        "clDice",
        "Harmonic mean of the share of the prediction's skeleton in the reference and of the reference's "
        "skeleton in the prediction, by morphological skeletons in voxels; for thin structures.",
        "1",
        "higher",
        "Shit et al., CVPR 2021:16560-16569",
        default=False,
    ),
    MetricDescription(
        "centre_distance",
        "Centre distance",
        "The distance between the centroids of the counted voxels of both masks.",
        "mm",
        "lower",
        _RELOADED,
        default=False,
    ),
    MetricDescription(
        "hd_from_prediction",
        "HD from the prediction",
        "Directed Hausdorff distance: the largest distance of the prediction's surface from the reference's; "
        "large where too much is drawn.",
        "mm",
        "lower",
        "Huttenlocher et al., IEEE TPAMI 1993;15:850-863",
        default=False,
    ),
    MetricDescription(
        "hd_from_reference",
        "HD from the reference",
        "Directed Hausdorff distance: the largest distance of the reference's surface from the prediction's; "
        "large where something is missed.",
        "mm",
        "lower",
        "Huttenlocher et al., IEEE TPAMI 1993;15:850-863",
        default=False,
    ),
    MetricDescription(
        "asd_from_prediction",
        "Mean distance from the prediction",
        "The mean, by area, of the distances of the prediction's surface from the reference's.",
        "mm",
        "lower",
        _NIKOLOV,
        default=False,
    ),
    MetricDescription(
        "asd_from_reference",
        "Mean distance from the reference",
        "The mean, by area, of the distances of the reference's surface from the prediction's.",
        "mm",
        "lower",
        _NIKOLOV,
        default=False,
    ),
    MetricDescription(
        "euler_error",
        "Euler number error",
        "The size of the difference of the Euler numbers (pieces - holes + cavities) of the counted voxels of"
        " both masks, connected by faces, edges and corners.",
        "1",
        "lower",
        "Kong and Rosenfeld, Comput Vis Graph Image Process 1989;48:357-393",
        default=False,
    ),
)

DESCRIPTIONS: Mapping[str, MetricDescription] = MappingProxyType({metric.name: metric for metric in _ALL})
"""All metrics by name, in the order of the rows that ``metrics.score`` returns."""

ALL_METRICS = "all"
"""Stands for every metric where metrics are named."""

CHIEF_METRICS = (DICE, VOLUME_DIFFERENCE_ABSOLUTE, "hd95", "nsd")
"""What a report and a board lead with: overlap, volume, distance, surface."""

LOCKED_METRICS = (DICE, "nsd", "hd95", "assd", VOLUME_DIFFERENCE_ABSOLUTE)
"""What ``ctbench lock`` keeps: the chief ones, and the mean distance, which moves when a surface moves a little."""

PRINTED_METRICS = (DICE, "hd95", "nsd", "assd", "rvd")
"""The columns of a reader in ``ctbench readers``: volumes differ by a sign and a share, not by a mean of sizes."""

PRINTED_WITH_VOLUMES = (*PRINTED_METRICS, *VOLUMES)
"""The columns of two single label maps in ``ctbench score``, unless ``--metric`` names others."""

SYMMETRIC_METRICS = (DICE, "jaccard", VOLUME_DIFFERENCE_ABSOLUTE, "hd95", "assd", "nsd")
"""The metrics of two readers: whichever of them is taken for the reference, the value is the same."""


def smaller_is_better(metric: str) -> bool:
    """Return whether a size nearer to 0 is better: of distances, and of signed differences; False if unknown."""
    return metric in DESCRIPTIONS and DESCRIPTIONS[metric].better in {"lower", "zero"}
