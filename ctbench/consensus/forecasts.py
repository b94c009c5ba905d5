"""Tables of a model's probabilities against the votes of several readers, filled in one pass over a stated domain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ctbench.boxes import box_around
from ctbench.consensus.patterns import Domain
from ctbench.consensus.readings import Readings
from ctbench.errors import GeometryError, UsageError
from ctbench.labels import LabelSet
from ctbench.probability_codes import encode
from ctbench.statistics.forecasts import NOT_READ, ForecastTable

__all__ = ["BOX_MARGIN_MM", "domain_mask", "forecast_tables", "share_tables"]

BOX_MARGIN_MM = 10.0
"""Margin around the box of what any reader drew, in mm, within which probabilities are judged."""


def domain_mask(
    readings: Readings, domain: Domain, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> NDArray[np.bool_]:
    """Return the voxels in which probabilities are judged, z,y,x. It depends on the readers only, never on the model.

    Args:
        readings: What the readers drew.
        domain: ``image``; ``box``, the box of all that any reader drew with a margin of ``BOX_MARGIN_MM``, cut at the
            border of the image and empty if nobody drew anything; or a mask, z,y,x bool (of the brain, say), together
            with what any reader drew. Slices that nobody annotated are left out.
        spacing_mm: Size of a voxel along z, y, x.

    Raises:
        UsageError: ``domain`` is a word other than ``box`` and ``image``.
        GeometryError: It is a mask of another shape than the label maps.
    """
    inside = np.zeros(readings.shape, bool)
    if isinstance(domain, str) and domain == "image":
        inside[:] = True
    else:
        drawn = reduce(np.logical_or, [array != 0 for array in readings.maps])
        if not isinstance(domain, str):
            if domain.shape != readings.shape:
                msg = f"domain has shape {domain.shape}; expected that of the label maps, {readings.shape}"
                raise GeometryError(msg)
            inside = domain.astype(bool) | drawn
        elif domain != "box":
            msg = f"unknown domain {domain!r}; expected 'box', 'image' or a mask"
            raise UsageError(msg)
        else:
            margin = [int(np.ceil(round(BOX_MARGIN_MM / size_mm, 6))) for size_mm in spacing_mm]
            box = box_around(drawn, margin)
            if box is not None:
                inside[box] = True
    inside[~readings.annotated.any(axis=0)] = False
    return inside


def forecast_tables(
    readings: Readings,
    probabilities: Mapping[str, NDArray[np.uint8]],
    structures: Mapping[str, tuple[int, ...]],
    domain: NDArray[np.bool_],
) -> dict[str, ForecastTable]:
    """Count each structure's voxels by stored probability and pattern of votes.

    A reader has no vote in slices that he did not annotate, nor on a structure that he was not asked to draw.
    Weights of readers do not count: every reader is an observer of his own.

    Args:
        readings: What the readers drew.
        probabilities: Structure -> z,y,x codes 0 to 255 of ``ctbench.probability_codes.encode``.
        structures: Structure -> label codes of the readers that belong to it.
        domain: z,y,x bool, the voxels that count, see ``domain_mask``.

    Returns:
        Structure -> table, in the order of ``probabilities``.

    Raises:
        GeometryError: An array has another shape than the label maps.
    """
    _expect_shape(readings.shape, probabilities, domain)
    at = np.flatnonzero(domain.ravel())
    drawn = readings.drawn_at(at)
    looked = readings.annotated[:, at // max(readings.shape[1] * readings.shape[2], 1)]
    tables = {}
    for name, codes in probabilities.items():
        asked = np.array([own.all() for own in readings.asked_of(structures[name])])[:, None]
        votes = np.where(looked & asked, np.isin(drawn, structures[name]), NOT_READ).astype(np.int8)
        tables[name] = ForecastTable.of(codes.ravel()[at], list(votes), readings.readers)
    return tables


def share_tables(
    shares: Mapping[str, NDArray[np.floating]],
    probabilities: Mapping[str, NDArray[np.uint8]],
    labels: LabelSet,
    domain: NDArray[np.bool_],
) -> dict[str, ForecastTable]:
    """Count each structure's voxels by stored probability and given share of votes, in 8 bits.

    Args:
        shares: Label -> z,y,x floats from 0 to 1, the share of readers who drew it; a label that is not named has none.
        probabilities: Label or group -> z,y,x codes 0 to 255 of ``ctbench.probability_codes.encode``.
        labels: The label set; the share of a group is the sum of its labels'.
        domain: z,y,x bool, the voxels that count.

    Returns:
        Structure -> table, in the order of ``probabilities``.

    Raises:
        GeometryError: An array has another shape than the shares.
    """
    _expect_shape(next(iter(shares.values())).shape, probabilities, domain)
    tables = {}
    for name, codes in probabilities.items():
        members = [shares[member][domain] for member in labels.groups.get(name, (name,)) if member in shares]
        share = np.minimum(sum(members, np.zeros(int(domain.sum()), np.float32)), 1)
        tables[name] = ForecastTable.of_shares(codes[domain], encode(share))
    return tables


def _expect_shape(
    shape: tuple[int, ...], probabilities: Mapping[str, NDArray[np.uint8]], domain: NDArray[np.bool_]
) -> None:
    for name, codes in probabilities.items():
        if codes.shape != shape or domain.shape != shape:
            msg = (
                f"the probabilities of {name} have shape {codes.shape}, the domain {domain.shape}; "
                f"expected that of the reference, {shape}"
            )
            raise GeometryError(msg)
