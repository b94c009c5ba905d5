"""Simulated readers: label maps with random and systematic errors of a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctbench.errors import UsageError
from ctbench.phantom.borders import near_labels
from ctbench.phantom.fields import SliceNoise
from ctbench.phantom.shapes import Floats

__all__ = ["ReaderProfile", "draw"]

Labels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ReaderProfile:
    """Random and systematic errors of a simulated reader.

    Args:
        bias_mm: Mean distance of a drawn border outside of the true one; negative: inside.
        label_bias_mm: Code -> the same for one structure, instead of ``bias_mm``.
        jitter_mm: Standard deviation of the displacement of the hand, per axis; it moves neighbouring borders together.
        wander_mm: Standard deviation of the error in judging the border between two structures.
        smooth_mm: Correlation length of both.
        miss: Probability that a piece smaller than ``miss_below_ml`` is overlooked.
        miss_below_ml: Largest volume in mL of pieces that can be overlooked.
        slip: Probability that a structure smaller than ``slip_below_ml`` is drawn one slice too high or too low.
        slip_below_ml: Largest volume in mL of structures that can be shifted by a slice.
        confuse: Probability that a connected piece of one of ``types`` is drawn as another of them.
        types: Codes of the structures that the reader may take for each other, such as types of hemorrhage.

    Raises:
        UsageError: A probability is outside of 0 to 1, or a size is negative.
    """

    bias_mm: float = 0.0
    label_bias_mm: Mapping[int, float] = field(default_factory=dict)
    jitter_mm: float = 0.8
    wander_mm: float = 0.6
    smooth_mm: float = 9.0
    miss: float = 0.1
    miss_below_ml: float = 0.3
    slip: float = 0.02
    slip_below_ml: float = 20.0
    confuse: float = 0.0
    types: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        chances = (self.miss, self.slip, self.confuse)
        if not all(0.0 <= chance <= 1.0 for chance in chances):
            msg = f"miss, slip and confuse of a reader are chances, expected 0 to 1, got {chances}"
            raise UsageError(msg)
        sizes = (self.jitter_mm, self.wander_mm, self.miss_below_ml, self.slip_below_ml)
        if min(sizes) < 0.0 or self.smooth_mm <= 0.0:
            msg = f"jitter, wander and sizes of a reader cannot be negative, and smooth_mm must be positive: {self}"
            raise UsageError(msg)


def draw(
    truth: NDArray[np.integer],
    spacing_mm: tuple[float, float, float],
    reader: ReaderProfile,
    seed: int,
    *,
    annotated: NDArray[np.bool_] | None = None,
) -> Labels:
    """Draw a label map as a reader would, slice by slice.

    Args:
        truth: z,y,x, codes 0 to 255.
        spacing_mm: along z, y, x.
        reader: The reader who draws.
        seed: Seed of the random errors; another seed is another session of the same reader.
        annotated: z bool, the slices to draw; None: all. The others stay 0.

    Returns:
        z,y,x, uint8.
    """
    slips, stray, doubt, mistakes = (
        np.random.Generator(np.random.PCG64(sequence)) for sequence in np.random.SeedSequence(seed).spawn(4)
    )
    wanted = np.ones(truth.shape[0], bool) if annotated is None else annotated
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    labels = truth.astype(np.uint8)
    _overlook(labels, reader, voxel_ml, slips)
    _slip(labels, reader, voxel_ml, slips)
    _confuse(labels, reader, mistakes)
    drawn = np.flatnonzero(wanted & labels.any(axis=(1, 2)))
    if drawn.size == 0:
        return np.zeros_like(labels)
    pages = _stray(labels[drawn], spacing_mm, reader, stray)
    labels[:] = 0
    labels[drawn] = _misjudge(pages, spacing_mm, reader, doubt)
    return labels


def _overlook(labels: Labels, reader: ReaderProfile, voxel_ml: float, rng: np.random.Generator) -> None:
    """Remove small pieces."""
    for code, box in _boxes(labels):
        pieces, count = ndimage.label(labels[box] == code)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:] * voxel_ml
        missed = (sizes < reader.miss_below_ml) & (rng.random(count) < reader.miss)
        if missed.any():
            mask = np.zeros(labels.shape, bool)
            mask[box] = np.concatenate([[False], missed])[pieces]
            _erase(labels, mask)


def _slip(labels: Labels, reader: ReaderProfile, voxel_ml: float, rng: np.random.Generator) -> None:
    """Shift small structures by a slice."""
    for code, _ in _boxes(labels):
        happens, shift = rng.random() < reader.slip, int(rng.choice([-1, 1]))
        mask = labels == code
        if not happens or not 0.0 < np.count_nonzero(mask) * voxel_ml < reader.slip_below_ml:
            continue
        _erase(labels, mask)
        moved = np.roll(mask, shift, axis=0)
        moved[0 if shift > 0 else -1] = False
        labels[moved] = code


def _confuse(labels: Labels, reader: ReaderProfile, rng: np.random.Generator) -> None:
    """Draw pieces of one type as another."""
    truth = labels.copy()
    for code, box in _boxes(truth):
        others = [other for other in reader.types if other != code]
        if code not in reader.types or not others:
            continue
        pieces, count = ndimage.label(truth[box] == code)
        for piece in range(1, count + 1):
            happens, other = rng.random() < reader.confuse, int(rng.choice(others))
            if happens:
                labels[box][pieces == piece] = other


def _boxes(labels: Labels) -> Iterator[tuple[int, tuple[slice, ...]]]:
    for index, box in enumerate(ndimage.find_objects(labels)):
        if box is not None:
            yield index + 1, box


def _erase(labels: Labels, mask: NDArray[np.bool_]) -> None:
    """Relabel the voxels of a mask, in place, with the nearest label in their slice."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    grown = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
    # Other slices are made so far away that they never are the nearest.
    _, nearest = ndimage.distance_transform_edt(mask[grown], sampling=(1e6, 1.0, 1.0), return_indices=True)
    labels[grown] = labels[grown][tuple(nearest)]


def _stray(
    labels: Labels, spacing_mm: tuple[float, float, float], reader: ReaderProfile, rng: np.random.Generator
) -> Labels:
    """Bend every slice smoothly."""
    noise = SliceNoise.draw(rng, 2, labels.shape, spacing_mm[1:], reader.smooth_mm)
    depth, rows, columns = labels.shape
    moved = []
    for axis, (size, step) in enumerate(zip((rows, columns), spacing_mm[1:], strict=True)):
        start = np.arange(size)[:, None] if axis == 0 else np.arange(size)
        places = start + noise.everywhere(axis) * (reader.jitter_mm / step)
        moved.append(np.clip(np.rint(places), 0, size - 1).astype(np.intp))
    return labels[np.arange(depth)[:, None, None], moved[0], moved[1]]


def _misjudge(
    labels: Labels, spacing_mm: tuple[float, float, float], reader: ReaderProfile, rng: np.random.Generator
) -> Labels:
    """Move the borders between labels by the reader's bias and by doubt about where they are."""
    codes = np.unique(labels)
    noise = SliceNoise.draw(rng, codes.size, labels.shape, spacing_mm[1:], reader.smooth_mm)
    bias = {int(code): reader.label_bias_mm.get(int(code), reader.bias_mm) for code in codes}
    bias[0] = reader.label_bias_mm.get(0, 0.0)
    reach_mm = max(bias.values()) - min(bias.values()) + 3.0 * reader.wander_mm
    where, distance = near_labels(labels, codes, spacing_mm[1:], reach_mm)
    half_mm = 0.5 * float(np.sqrt(spacing_mm[1] * spacing_mm[2]))
    cost: Floats = np.full(distance.shape, np.inf)
    for column, code in enumerate(codes):
        near = np.flatnonzero(np.isfinite(distance[column]))
        away = distance[column, near]
        # A voxel beside a border lies half a voxel from it.
        lead = bias[int(code)] + reader.wander_mm * noise.at(column, where[near])
        cost[column, near] = np.where(away > 0.0, away - half_mm, 0.0) - lead
    moved = labels.flatten()
    moved[where] = codes[np.argmin(cost, axis=0)]
    return moved.reshape(labels.shape)
