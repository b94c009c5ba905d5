"""The overlap table of a structure: its pieces in a reference and in a prediction, and what they have in common.

All protocols of ``ctbench.metrics.lesions.protocols`` are functions of this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.metrics.crop import Crop, LabelMap, Mask
from ctbench.metrics.inputs import as_comparison, as_spacing
from ctbench.metrics.lesions.runs import (
    Runs,
    connect,
    counted_voxels,
    first_of_rows,
    intersect,
    list_runs,
    nearest_mm2,
    within_dilations,
)
from ctbench.metrics.structures import Codes, Structure, structures
from ctbench.reference import Reference

__all__ = ["Links", "Neighbours", "OverlapTable", "Pieces", "overlap_tables"]

Neighbours = Literal[18, 26]
"""Which voxels are connected: 26 are those that share a face, an edge or a corner, 18 a face or an edge."""

_PLANE = 1
_SHORT = 2**16
_MOST_PAIRS = 2**24
"""Distances of more pairs of pieces would take more than 128 MB."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of a structure in one mask.

    Args:
        runs: Rows of voxels in the crop, piece after piece, each in order.
        numbers: The piece of each run, from 0, ascending.
        voxels: Number of counted voxels of each run.
        doubtful: Whether each piece holds an excluded voxel in which the structure is possible.
        order: The indices of the runs in the order of z, y, start.
    """

    runs: Runs
    numbers: NDArray[np.int64]
    voxels: NDArray[np.int64]
    doubtful: NDArray[np.bool_]
    order: NDArray[np.intp]

    @classmethod
    def of(
        cls, runs: Runs, numbers: NDArray[np.int64], voxels: NDArray[np.int64], doubtful: NDArray[np.bool_]
    ) -> Pieces:
        """Return pieces from runs in the order of z, y, start.

        Args:
            runs: The runs.
            numbers: The piece of each run, from 0.
            voxels: Number of counted voxels of each run.
            doubtful: For each piece, see above.
        """
        # NumPy sorts integers of 16 bits in linear time.
        order = np.argsort(numbers.astype(np.uint16) if len(doubtful) <= _SHORT else numbers, kind="stable")
        places = np.empty(len(order), np.intp)
        places[order] = np.arange(len(order))
        return cls(runs[order], numbers[order], voxels[order], doubtful, places)

    def __len__(self) -> int:
        return len(self.doubtful)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of counted voxels of each piece."""
        return np.bincount(self.numbers, self.voxels, len(self)).astype(np.int64)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Index of the first run of each piece, and the number of runs."""
        return np.searchsorted(self.numbers, np.arange(len(self) + 1))

    @cached_property
    def slices(self) -> NDArray[np.int64]:
        """The slice of the crop on which each piece is largest; of several, the first."""
        depth = int(self.runs[:, 0].max(initial=0)) + 1
        lengths = (self.runs[:, 3] - self.runs[:, 2]).astype(np.float64)
        areas = np.bincount(self.numbers * depth + self.runs[:, 0], lengths, len(self) * depth)
        return np.asarray(areas.reshape(len(self), depth).argmax(axis=1))

    def regrouped(self, groups: NDArray[np.int64]) -> Pieces:
        """Return the pieces joined to groups.

        Args:
            groups: The group of each piece, from 0 without a gap; -1 leaves a piece out.
        """
        if np.array_equal(groups, np.arange(len(self))):
            return self
        order = self.order[groups[self.numbers[self.order]] >= 0]
        doubtful = np.zeros(int(groups.max(initial=-1)) + 1, bool)
        doubtful[groups[self.doubtful & (groups >= 0)]] = True
        return Pieces.of(self.runs[order], groups[self.numbers[order]], self.voxels[order], doubtful)

    def at(self, chosen: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the indices z,y,x of all voxels in the crop, and the piece of each: (z, y, x) x voxels, voxels.

        Args:
            chosen: Whether to return the voxels of each run; None: of all.
        """
        runs, numbers = (self.runs, self.numbers) if chosen is None else (self.runs[chosen], self.numbers[chosen])
        lengths = (runs[:, 3] - runs[:, 2]).astype(np.int64)
        own = np.repeat(np.arange(len(runs)), lengths)
        along = np.arange(len(own)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.stack([runs[own, 0], runs[own, 1], runs[own, 2] + along]).astype(np.int64), numbers[own]


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of a lesion and a piece; all three arrays have an entry for each pair.

    Args:
        lesion: Index of the lesion.
        piece: Index of the piece.
        voxels: Number of counted voxels in common.
    """

    lesion: NDArray[np.int64]
    piece: NDArray[np.int64]
    voxels: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Links:
        return Links(self.lesion[chosen], self.piece[chosen], self.voxels[chosen])

    @classmethod
    def summed(
        cls, lesion: NDArray[np.int64], piece: NDArray[np.int64], voxels: NDArray[np.int64], least: int = 1
    ) -> Links:
        """Return each pair once, with the sum of its voxels, and leave out pairs of fewer than ``least``."""
        width = int(piece.max(initial=0)) + 1
        pairs, own = np.unique(lesion * width + piece, return_inverse=True)
        sums = np.bincount(own, voxels, len(pairs)).astype(np.int64)
        enough = sums >= least
        return cls(pairs[enough] // width, pairs[enough] % width, sums[enough])


@dataclass(frozen=True, eq=False)
class OverlapTable:
    """The pieces of one structure in a reference (its lesions) and in a prediction, and their voxels in common.

    Args:
        structure: The structure, with its tolerance.
        spacing_mm: Spacing along z,y,x.
        diagonal_mm: Diagonal of the image.
        crop: The masks; None where no voxel holds the structure.
        lesions: Pieces of the reference.
        pieces: Pieces of the prediction.
        links: Lesions and pieces that have counted voxels in common.
    """

    structure: Structure
    spacing_mm: tuple[float, float, float]
    diagonal_mm: float
    crop: Crop | None
    lesions: Pieces
    pieces: Pieces
    links: Links

    @classmethod
    def of(
        cls, structure: Structure, spacing_mm: tuple[float, float, float], diagonal_mm: float, crop: Crop | None
    ) -> OverlapTable:
        """Return the table of the finest pieces that a protocol has: those of 18 neighbours.

        Args:
            structure: The structure.
            spacing_mm: Spacing along z,y,x.
            diagonal_mm: Diagonal of the image.
            crop: Masks of one reference and the prediction; None where no voxel holds the structure.
        """
        if crop is None:
            nothing = np.empty(0, np.int64)
            none = Pieces.of(np.empty((0, 4), np.int32), nothing, nothing, np.empty(0, bool))
            return cls(structure, spacing_mm, diagonal_mm, None, none, none, Links(nothing, nothing, nothing))
        lesions, pieces = _pieces(crop.reference, crop), _pieces(crop.prediction, crop)
        at, own, its = intersect(lesions[0], pieces[0])
        links = Links.summed(lesions[1][own], pieces[1][its], counted_voxels(at, crop.uncounted, _PLANE))
        doubtful = np.zeros(int(pieces[1].max(initial=-1)) + 1, bool)
        if crop.outer is not crop.reference:
            possible = list_runs(crop.outer.voxels & ~crop.reference.voxels, crop.outer.spans, _PLANE)
            doubtful[pieces[1][intersect(pieces[0], possible)[1]]] = True
        without = np.zeros(int(lesions[1].max(initial=-1)) + 1, bool)
        both = Pieces.of(*lesions, without), Pieces.of(*pieces, doubtful)
        return cls(structure, spacing_mm, diagonal_mm, crop, *both, links)

    @cached_property
    def voxel_ml(self) -> float:
        """Volume of one voxel, in mL."""
        return float(np.prod(self.spacing_mm)) / 1000

    def connected(self, neighbours: Neighbours) -> OverlapTable:
        """Return the table of the pieces by one rule of connection, without those of which no voxel counts."""
        found = self._connected.get(neighbours)
        if found is None:
            both = []
            for side in (self.lesions, self.pieces):
                groups = _joined(side, corners=neighbours == 26)
                held = np.bincount(groups, side.sizes, int(groups.max(initial=-1)) + 1) > 0
                both.append(np.where(held, np.cumsum(held) - 1, -1)[groups] if len(groups) else groups)
            found = self._connected[neighbours] = self.regrouped(*both)
        return found

    @cached_property
    def _connected(self) -> dict[Neighbours, OverlapTable]:
        """Tables by their rule of connection: most protocols have the same one."""
        return {}

    def consolidated(self, dilations: int) -> OverlapTable:
        """Return the table in which lesions are one that meet when each is dilated so often by its 18 neighbours."""
        lesion, other = self._reached(self.lesions, dilations, both=True)
        n = len(self.lesions)
        edges = sparse.coo_array((np.ones(len(lesion)), (lesion, other)), shape=(n, n))
        _, groups = csgraph.connected_components(edges, directed=False)
        return self.regrouped(_renumbered(groups.astype(np.int64)), np.arange(len(self.pieces)))

    def regrouped(self, lesions: NDArray[np.int64], pieces: NDArray[np.int64]) -> OverlapTable:
        """Return the table of lesions and pieces joined to groups, from 0; a group of -1 is left out."""
        links = Links(lesions[self.links.lesion], pieces[self.links.piece], self.links.voxels)
        links = links[(links.lesion >= 0) & (links.piece >= 0)]
        return replace(
            self,
            lesions=self.lesions.regrouped(lesions),
            pieces=self.pieces.regrouped(pieces),
            links=Links.summed(links.lesion, links.piece, links.voxels),
        )

    @cached_property
    def nearest_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance in mm of each lesion from the nearest piece, and of each piece from the nearest lesion.

        0 where they overlap, also in voxels that do not count; infinity where there is none.
        """
        found = []
        sides = ((self.lesions, self.pieces, self.links.lesion), (self.pieces, self.lesions, self.links.piece))
        for side, other, linked in sides:
            mm2 = np.zeros(len(side))
            apart = ~np.isin(np.arange(len(side)), linked)
            mm2[apart] = np.inf
            chosen = np.flatnonzero(apart[side.numbers])
            if chosen.size:
                height, first, order = self._rows(other)
                mm2_of_runs = nearest_mm2(
                    side.runs[chosen], other.runs[order], first, height, np.array(self.spacing_mm)
                )
                np.minimum.at(mm2, side.numbers[chosen], mm2_of_runs)
            found.append(np.sqrt(mm2))
        return found[0], found[1]

    def distances_mm(self) -> NDArray[np.float64]:
        """Return the distance in mm of the nearest voxels of each lesion and each piece: lesions x pieces.

        Raises:
            DataError: There are more than 2^24 pairs.
        """
        pairs = len(self.lesions) * len(self.pieces)
        if pairs > _MOST_PAIRS:
            msg = (
                f"{self.structure.name} has {len(self.lesions)} lesions and {len(self.pieces)} predicted pieces; "
                f"expected at most {_MOST_PAIRS} pairs to measure. Remove specks from the label maps"
            )
            raise DataError(msg)
        mm2 = np.full((len(self.lesions), len(self.pieces)), np.inf)
        for lesion in range(len(self.lesions)):
            own = self.lesions.runs[self.lesions.first[lesion] : self.lesions.first[lesion + 1]]
            height, first, _ = self._rows(self.lesions, own)
            of_runs = nearest_mm2(self.pieces.runs, own, first, height, np.array(self.spacing_mm))
            np.minimum.at(mm2[lesion], self.pieces.numbers, of_runs)
        distances: NDArray[np.float64] = np.sqrt(mm2)
        return distances

    @cached_property
    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The group of each lesion and of each piece, from 0: those that overlap, directly or through others."""
        n, m = len(self.lesions), len(self.pieces)
        edges = (np.ones(len(self.links.lesion)), (self.links.lesion, n + self.links.piece))
        _, groups = csgraph.connected_components(sparse.coo_array(edges, shape=(n + m, n + m)), directed=False)
        return groups[:n].astype(np.int64), groups[n:].astype(np.int64)

    def touching(self, dilations: int) -> Links:
        """Return the pairs of a lesion and a piece that it reaches when dilated so often by its 18 neighbours."""
        lesion, piece = self._reached(self.pieces, dilations, both=False)
        pairs = np.concatenate([lesion, self.links.lesion]), np.concatenate([piece, self.links.piece])
        voxels = np.concatenate([np.zeros(len(lesion), np.int64), self.links.voxels])
        return Links.summed(*pairs, voxels, least=0)

    def union(self, links: Links) -> NDArray[np.int64]:
        """Return the number of counted voxels of the lesion, the piece or both, for each pair."""
        return self.lesions.sizes[links.lesion] + self.pieces.sizes[links.piece] - links.voxels

    def _reached(self, other: Pieces, dilations: int, *, both: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return lesions, and the pieces of the other mask that they reach; a pair may occur more than once."""
        height, first, order = self._rows(other)
        own, its = within_dilations(self.lesions.runs, other.runs[order], first, height, dilations, both)
        return self.lesions.numbers[own], other.numbers[order][its]

    def _rows(self, pieces: Pieces, runs: Runs | None = None) -> tuple[int, NDArray[np.int64], NDArray[np.intp]]:
        """Return the height of the crop, the first of the runs (of all pieces) in each row, and the runs' order."""
        depth, height, _ = (0, 1, 0) if self.crop is None else self.crop.shape
        order = np.arange(0) if runs is not None else pieces.order
        return height, first_of_rows(pieces.runs[order] if runs is None else runs, depth, height), order


def overlap_tables(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    tolerance_mm: float | Mapping[str, float] = 1.0,
) -> Iterator[OverlapTable]:
    """Yield the overlap table of each structure.

    Args:
        reference: A Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: Spacing along z,y,x.
        labels: A label set, whose labels and groups each have a table, or name -> code or codes.
        tolerance_mm: Tolerance of the NSD of lesions in mm: one for all structures, or name -> tolerance.

    Raises:
        CtbenchError: As ``metrics.score`` does.
    """
    targets, spacing = structures(labels, tolerance_mm), as_spacing(spacing_mm)
    comparison = as_comparison([reference], prediction, {code for structure in targets for code in structure.codes})
    diagonal_mm = float(np.linalg.norm(np.multiply(comparison.shape, spacing)))
    for structure in targets:
        yield OverlapTable.of(structure, spacing, diagonal_mm, comparison.crop(structure))


def _pieces(mask: Mask, crop: Crop) -> tuple[Runs, NDArray[np.int64], NDArray[np.int64]]:
    runs = list_runs(mask.voxels, mask.spans, _PLANE)
    return runs, connect(runs, False), counted_voxels(runs, crop.uncounted, _PLANE)


def _joined(pieces: Pieces, *, corners: bool) -> NDArray[np.int64]:
    """Return the group of each piece when connected by another rule."""
    groups = np.empty(len(pieces), np.int64)
    groups[pieces.numbers[pieces.order]] = connect(pieces.runs[pieces.order], corners)
    return groups


def _renumbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return groups numbered in the order of their first members."""
    _, first, own = np.unique(groups, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return np.asarray(ranks[own], np.int64)
