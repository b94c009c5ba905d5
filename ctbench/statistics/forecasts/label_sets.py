"""Distances of two sets of masks, such as readers and samples of a model: GED, Dice-max and Dice-match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import UsageError

__all__ = ["dice_match", "dice_max", "energy_distance"]

Masks = Sequence[NDArray[np.bool_]]
Numbers = NDArray[np.float64]
Counts = NDArray[np.float64] | NDArray[np.integer]


def energy_distance(
    samples: Masks,
    readers: Masks,
    *,
    distance: str = "iou",
    diagonal: bool = True,
    empty_pairs: str = "agree",
    voxels: Counts | None = None,
) -> float:
    """Return the squared generalised energy distance, GED^2 = 2 E d(S, R) - E d(S, S') - E d(R, R').

    Kohl et al., NeurIPS 2018, after Székely and Rizzo (J Stat Plan Inference 2013;143:1249-1272). A model without
    samples is one sample: its thresholded map.

    Args:
        samples: Masks of the model, all of one shape.
        readers: Masks of the readers.
        distance: ``iou`` (1 - IoU) or ``dice`` (1 - Dice, as in ValUES).
        diagonal: Whether a mask is also compared with itself, as in the field; the value is then never negative.
            False: the unbiased form, which can be negative and needs two samples and two readers.
        empty_pairs: Two empty masks: ``agree`` (distance 0, as in PHiSeg) or ``left_out`` (as in the probabilistic
            U-Net).
        voxels: Number of voxels that each entry of a mask stands for, of the masks' shape; None: one.

    Returns:
        The distance; NaN if all masks are empty, or a mean has no pair.

    Raises:
        UsageError: An argument is not one of its words, or a set of masks is empty.
    """
    if distance not in {"iou", "dice"} or empty_pairs not in {"agree", "left_out"}:
        msg = f"expected distance iou or dice, and empty_pairs agree or left_out; got {distance!r}, {empty_pairs!r}"
        raise UsageError(msg)
    first, second = _flat(samples), _flat(readers)
    weight = _weight(first, voxels)
    if not ((first @ weight).any() or (second @ weight).any()):
        return float("nan")

    def mean(one: Numbers, other: Numbers, *, itself: bool) -> float:
        pairs = 1 - _overlap(one, other, distance, weight)
        pairs = np.where(np.isnan(pairs), 0.0 if empty_pairs == "agree" else np.nan, pairs)
        if itself and not diagonal:
            pairs = pairs[~np.eye(len(pairs), dtype=bool)]
        known = pairs[~np.isnan(pairs)]
        return float(known.mean()) if known.size else float("nan")

    within = mean(first, first, itself=True) + mean(second, second, itself=True)
    return 2 * mean(first, second, itself=False) - within


def dice_max(samples: Masks, readers: Masks, *, voxels: Counts | None = None) -> float:
    """Return the mean over the samples of the best Dice with any reader; swap the arguments for the reverse.

    Two empty masks are left out; NaN if nothing is left. ``voxels`` is that of ``energy_distance``.

    Raises:
        UsageError: A set of masks is empty.
    """
    first, second = _flat(samples), _flat(readers)
    pairs = _overlap(first, second, "dice", _weight(first, voxels))
    best = np.fmax.reduce(pairs, axis=1)
    known = best[~np.isnan(best)]
    return float(known.mean()) if known.size else float("nan")


def dice_match(samples: Masks, readers: Masks, *, voxels: Counts | None = None) -> float:
    """Return the mean Dice of samples and readers matched one to one so that its sum is largest (Hungarian method).

    With unequal numbers the rest of the larger set has no partner. Two empty masks match with Dice 1 but are left out
    of the mean; NaN if nothing is left. ``voxels`` is that of ``energy_distance``.

    Raises:
        UsageError: A set of masks is empty.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import

    first, second = _flat(samples), _flat(readers)
    pairs = _overlap(first, second, "dice", _weight(first, voxels))
    chosen = pairs[linear_sum_assignment(-np.nan_to_num(pairs, nan=1.0))]
    known = chosen[~np.isnan(chosen)]
    return float(known.mean()) if known.size else float("nan")


def _flat(masks: Masks) -> Numbers:
    if not len(masks):
        msg = "expected one mask or more in each set"
        raise UsageError(msg)
    return np.stack([np.asarray(mask, bool).ravel() for mask in masks]).astype(np.float64)


def _weight(masks: Numbers, voxels: Counts | None) -> Numbers:
    """Return the number of voxels that each entry of the masks stands for."""
    return np.ones(masks.shape[1]) if voxels is None else np.asarray(voxels, np.float64).ravel()


def _overlap(one: Numbers, other: Numbers, distance: str, weight: Numbers) -> Numbers:
    """Return IoU or Dice of each pair; NaN where both are empty."""
    both = (one * weight) @ other.T
    sizes = (one @ weight)[:, None] + other @ weight
    part, whole = (both, sizes - both) if distance == "iou" else (2 * both, sizes)
    return np.asarray(part / np.where(whole > 0, whole, np.nan))
