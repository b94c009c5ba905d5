"""Consensus of signed distances in mm: shape-based averaging, and each reader's border bias (continuous STAPLE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ctbench.errors import DataError

__all__ = ["BorderFit", "border_fit", "border_offset_mm", "diagonal_mm", "shape_based_average", "signed_distance_mm"]

Floats = NDArray[np.float64]
Surface = Literal["2d", "3d"]

_FAR_MM = 1e6
"""Spacing of slices that do not know each other."""
_BEYOND = 0.3
_TOLERANCE_MM = 1e-6
_MOST_ITERATIONS = 2000
_ROUNDING_MM = 1e-9
"""A mean distance nearer to 0 than this is 0: the order of the readers decides nothing."""
_LEAST_SD_MM = 1e-3
"""A reader is never taken as exact: the others would have no weight."""


def signed_distance_mm(mask: ArrayLike, spacing_mm: Sequence[float], *, surface: Surface = "3d") -> Floats:
    """Return the distance of every voxel from the border of a mask, negative inside.

    The border lies half a voxel before a neighbour on its other side, and 0.3 of a voxel before a farther voxel: of
    many voxels beyond an oblique border the nearest is found, which lies so far beyond it on average (measured on
    discs and balls, whose borders are then off by about a tenth of a voxel on average).

    Args:
        mask: z,y,x bool.
        spacing_mm: Along z, y, x.
        surface: ``3d`` (default), or ``2d`` to measure within each slice.

    Returns:
        z,y,x, in mm; infinite where there is no border (in the slice, for ``2d``).

    Example:
        >>> signed_distance_mm([[[0, 0, 1, 1, 1]]], (1, 1, 2)).round(1).tolist()
        [[[3.4, 1.0, -1.0, -3.4, -5.4]]]
    """
    inside = np.asarray(mask, bool)
    spacing = np.array([_FAR_MM if surface == "2d" else spacing_mm[0], *spacing_mm[1:]], float)
    return np.where(inside, -_to_border(inside, spacing), _to_border(~inside, spacing))


def _to_border(side: NDArray[np.bool_], spacing: Floats) -> Floats:
    """Return for the voxels of one side the distance to the border; 0 for the others."""
    if side.all():
        return np.full(side.shape, np.inf)
    distance, nearest = ndimage.distance_transform_edt(side, sampling=spacing, return_indices=True)
    places: tuple[NDArray[np.intp], ...] = np.indices(side.shape, sparse=True)
    steps = np.max([np.abs(near - place) for near, place in zip(nearest, places, strict=True)], axis=0)
    shortened: Floats = distance * (1 - np.where(steps > 1, _BEYOND, 0.5) / np.maximum(steps, 1))
    shortened[distance >= _FAR_MM] = np.inf
    return shortened


def diagonal_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """Return the length of the diagonal of an image, of whose voxels no two are further apart."""
    return float(np.linalg.norm(np.array(shape) * np.array(spacing_mm)))


def shape_based_average(
    masks: Mapping[str, ArrayLike],
    spacing_mm: Sequence[float],
    *,
    weights: Mapping[str, float] | None = None,
    surface: Surface = "3d",
    longest_mm: float | None = None,
) -> NDArray[np.bool_]:
    """Return the mask whose border is the mean of the readers' borders: where the mean signed distance is negative.

    Rohlfing and Maurer, IEEE Transactions on Image Processing 2007;16:153-161.

    Args:
        masks: Reader -> z,y,x bool; readers who drew nothing have no border and are left out.
        spacing_mm: Along z, y, x.
        weights: Reader -> weight; a reader who is absent weighs 1.
        surface: As for ``signed_distance_mm``.
        longest_mm: The distance that stands for a longer or infinite one: where a reader drew nothing in a slice, for
            ``2d``. Of masks that are cut out, pass the diagonal of the whole image. None (default): the diagonal of the
            masks' array.

    Returns:
        z,y,x bool; False throughout if nobody drew anything.

    Raises:
        DataError: There is no mask.
    """
    if not masks:
        msg = "no masks to average; expected the mask of at least one reader"
        raise DataError(msg)
    arrays = {reader: np.asarray(mask, bool) for reader, mask in masks.items()}
    total = np.zeros(next(iter(arrays.values())).shape)
    drawn = [reader for reader, mask in arrays.items() if mask.any()]
    of = {reader: (weights or {}).get(reader, 1.0) for reader in drawn}
    longest = diagonal_mm(total.shape, spacing_mm) if longest_mm is None else longest_mm
    for reader in drawn:
        distance = signed_distance_mm(arrays[reader], spacing_mm, surface=surface)
        total += of[reader] * np.clip(distance, -longest, longest)
    return total < -_ROUNDING_MM * sum(of.values())


class BorderFit(NamedTuple):
    """Where the border lies, and how each reader draws it.

    Attributes:
        readers: Names of the readers who drew something.
        bias_mm: For each reader the mean distance of the drawn border outside of the estimated one; negative: inside.
        sd_mm: For each reader the spread of the drawn border about the estimated one, without the bias.
        border_mm: z,y,x, signed distance from the estimated border.
        near: z,y,x bool, the voxels that were judged.
    """

    readers: tuple[str, ...]
    bias_mm: Floats
    sd_mm: Floats
    border_mm: Floats
    near: NDArray[np.bool_]


def border_fit(
    masks: Mapping[str, ArrayLike], spacing_mm: Sequence[float], *, band_mm: float = 2.0, surface: Surface = "3d"
) -> BorderFit:
    """Estimate the border together with each reader's bias and spread (continuous STAPLE on signed distances).

    The signed distance of reader k is that of the true border, minus the bias of k (biases sum to 0), plus normal
    errors with a spread of k; Warfield, Zou and Wells, Philosophical Transactions of the Royal Society A
    2008;366:2361-2375. The true distances are integrated out, so that no reader's spread shrinks to 0 because the
    estimate follows him; of two readers the spreads cannot be told apart and are equal.

    Args:
        masks: Reader -> z,y,x bool. Readers who drew nothing have no border and are left out.
        spacing_mm: Along z, y, x.
        band_mm: Voxels nearer than this to the mean border are judged.
        surface: As for ``signed_distance_mm``.

    Raises:
        DataError: Fewer than two readers drew something, or no voxel is near the border.
    """
    arrays = {reader: np.asarray(mask, bool) for reader, mask in masks.items() if np.asarray(mask).any()}
    if len(arrays) < 2:
        msg = f"a border needs two readers or more who drew something, got {len(arrays)}"
        raise DataError(msg)
    distances = np.stack([signed_distance_mm(mask, spacing_mm, surface=surface) for mask in arrays.values()])
    finite = np.isfinite(distances).all(axis=0)
    mean = np.where(finite, np.where(finite, distances, 0).mean(axis=0), np.inf)
    near = np.abs(mean) <= band_mm
    if not near.any():
        msg = f"no voxel lies within {band_mm} mm of the readers' mean border"
        raise DataError(msg)
    shift, sd = _fit(distances[:, near])
    border = mean.copy()
    weight = sd**-2 / (sd**-2).sum()
    border[near] = weight @ (distances[:, near] - shift[:, None])
    return BorderFit(tuple(arrays), -shift, sd, border, near)


def border_offset_mm(fit: BorderFit, mask: ArrayLike, spacing_mm: Sequence[float], surface: Surface = "3d") -> float:
    """Return how far another mask's border lies outside of an estimated border, on average, in mm; NaN if empty."""
    inside = np.asarray(mask, bool)
    if not inside.any():
        return float("nan")
    apart = fit.border_mm[fit.near] - signed_distance_mm(inside, spacing_mm, surface=surface)[fit.near]
    apart = apart[np.isfinite(apart)]
    return float(apart.mean()) if apart.size else float("nan")


def _fit(distances: Floats) -> tuple[Floats, Floats]:
    """Return shift and spread of each reader's distances (readers x voxels) by expectation-maximisation.

    The estimated truth is linear in the distances, so that a step needs their means and covariances only, and the
    shifts, which sum to 0, are those of the means from the first step on.
    """
    means = distances.mean(axis=1)
    centred = distances - means[:, None]
    covariances = centred @ centred.T / distances.shape[1]
    variances = np.diag(covariances)
    sd = np.full(len(distances), max(float(distances.std(axis=0).mean()), 0.1))
    for _ in range(_MOST_ITERATIONS):
        precision = sd**-2
        total = precision.sum()
        weights = precision / total
        shared = covariances @ weights
        errors = variances - 2 * shared + weights @ shared + 1 / total
        spread = np.maximum(np.sqrt(np.maximum(errors, 0)), _LEAST_SD_MM)
        change = float(np.abs(spread - sd).max())
        sd = spread
        if change < _TOLERANCE_MM:
            break
    return means - means.mean(), sd
