"""The overlap table of a structure: its pieces in a reference and in a prediction, and what they have in common.

All protocols of ``ctbench.metrics.lesions.protocols`` are functions of this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.labels import LabelSet
from ctbench.metrics.crop import LabelMap
from ctbench.metrics.lesions.runs import (
    Runs,
    components,
    connect,
    first_of_rows,
    intersect,
    lengths,
    nearest_mm2,
    within_dilations,
)
from ctbench.metrics.lesions.structure_runs import StructureRuns, structure_runs
from ctbench.metrics.structures import Codes
from ctbench.reference import Reference

__all__ = ["Links", "Neighbours", "OverlapTable", "Pieces", "overlap_tables"]

Neighbours = Literal[18, 26]
"""Which voxels are connected: 26 are those that share a face, an edge or a corner, 18 a face or an edge."""

_MOST_PAIRS = 2**24
"""Distances of more pairs of pieces would take more than 128 MB."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of a structure in one mask.

    Args:
        runs: Rows of voxels in order.
        numbers: The piece of each run, from 0.
        voxels: Number of counted voxels of each run.
        doubtful: Whether each piece holds an excluded voxel in which the structure is possible.
    """

    runs: Runs
    numbers: NDArray[np.int64]
    voxels: NDArray[np.int64]
    doubtful: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.doubtful)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of counted voxels of each piece."""
        return np.bincount(self.numbers, self.voxels, len(self)).astype(np.int64)

    @cached_property
    def each(self) -> list[Runs]:
        """The runs of each piece, in order."""
        order = np.argsort(self.numbers, kind="stable")
        return np.split(self.runs[order], np.searchsorted(self.numbers[order], np.arange(1, len(self))))

    @cached_property
    def slices(self) -> NDArray[np.int64]:
        """The slice on which each piece is largest; of several, the first."""
        depth = int(self.runs[:, 0].max(initial=0)) + 1
        areas = np.bincount(self.numbers * depth + self.runs[:, 0], lengths(self.runs), len(self) * depth)
        return np.asarray(areas.reshape(len(self), depth).argmax(axis=1))

    def joined(self, groups: NDArray[np.int64]) -> Pieces:
        """Return the pieces joined to groups.

        Args:
            groups: The group of each piece, from 0 without a gap.
        """
        doubtful = np.zeros(int(groups.max(initial=-1)) + 1, bool)
        doubtful[groups[self.doubtful]] = True
        return Pieces(self.runs, groups[self.numbers], self.voxels, doubtful)

    @property
    def at(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The indices z,y,x of all voxels, and the piece of each: (z, y, x) x voxels, voxels."""
        size = lengths(self.runs)
        own = np.repeat(np.arange(len(size)), size)
        along = np.arange(len(own)) - np.repeat(np.cumsum(size) - size, size)
        z, y, start, _ = self.runs.T.astype(np.int64)
        return np.stack([z[own], y[own], start[own] + along]), self.numbers[own]


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
        drawn: The structure in both.
        lesions: Pieces of the reference.
        pieces: Pieces of the prediction.
        links: Lesions and pieces that have counted voxels in common.
    """

    drawn: StructureRuns
    lesions: Pieces
    pieces: Pieces
    links: Links

    @classmethod
    def of(cls, drawn: StructureRuns, neighbours: Neighbours) -> OverlapTable:
        """Return the table of the pieces by one rule of connection, without those of which no voxel counts."""
        lesions, pieces = _pieces(drawn, drawn.reference, neighbours), _pieces(drawn, drawn.prediction, neighbours)
        at, own, its = intersect(lesions.runs, pieces.runs)
        return cls(drawn, lesions, pieces, Links.summed(lesions.numbers[own], pieces.numbers[its], _counted(drawn, at)))

    def consolidated(self, dilations: int) -> OverlapTable:
        """Return the table in which lesions are one that meet when each is dilated so often by its 18 neighbours."""
        lesion, other = self._reached(self.lesions, dilations, both=True)
        groups = components(len(self.lesions), lesion, other)
        links = Links.summed(groups[self.links.lesion], self.links.piece, self.links.voxels)
        return replace(self, lesions=self.lesions.joined(groups), links=links)

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
                np.minimum.at(mm2, side.numbers[chosen], self._nearest_mm2(side.runs[chosen], other.runs))
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
                f"{self.drawn.structure.name} has {len(self.lesions)} lesions and {len(self.pieces)} predicted pieces; "
                f"expected at most {_MOST_PAIRS} pairs to measure. Remove specks from the label maps"
            )
            raise DataError(msg)
        mm2 = np.full((len(self.lesions), len(self.pieces)), np.inf)
        for lesion, own in enumerate(self.lesions.each if len(self.lesions) else []):
            np.minimum.at(mm2[lesion], self.pieces.numbers, self._nearest_mm2(self.pieces.runs, own))
        distances: NDArray[np.float64] = np.sqrt(mm2)
        return distances

    @cached_property
    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The group of each lesion and of each piece, from 0: those that overlap, directly or through others."""
        n, m = len(self.lesions), len(self.pieces)
        groups = components(n + m, self.links.lesion, n + self.links.piece)
        return groups[:n], groups[n:]

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
        depth, height, _ = self.drawn.shape
        first = first_of_rows(other.runs, depth, height)
        own, its = within_dilations(self.lesions.runs, other.runs, first, height, dilations, both)
        return self.lesions.numbers[own], other.numbers[its]

    def _nearest_mm2(self, runs: Runs, others: Runs) -> NDArray[np.float64]:
        """Return the squared distance in mm from each run to the nearest voxel of other runs."""
        depth, height, _ = self.drawn.shape
        return nearest_mm2(runs, others, first_of_rows(others, depth, height), height, np.array(self.drawn.spacing_mm))


def overlap_tables(
    reference: Reference | LabelMap,
    prediction: LabelMap,
    *,
    spacing_mm: Sequence[float],
    labels: LabelSet | Mapping[str, Codes],
    tolerance_mm: float | Mapping[str, float] = 1.0,
    neighbours: Neighbours = 26,
) -> Iterator[OverlapTable]:
    """Yield the overlap table of each structure.

    Args:
        reference: A Reference, or z,y,x integers in which every voxel counts.
        prediction: z,y,x integers of the same shape.
        spacing_mm: Spacing along z,y,x.
        labels: A label set, whose labels and groups each have a table, or name -> code or codes.
        tolerance_mm: Tolerance of the NSD of lesions in mm: one for all structures, or name -> tolerance.
        neighbours: Which voxels are connected.

    Raises:
        CtbenchError: As ``metrics.score`` does.
    """
    rules: dict[str, Any] = {"spacing_mm": spacing_mm, "labels": labels, "tolerance_mm": tolerance_mm}
    for drawn in structure_runs(reference, prediction, **rules):
        yield OverlapTable.of(drawn, neighbours)


def _pieces(drawn: StructureRuns, runs: Runs, neighbours: Neighbours) -> Pieces:
    """Return the connected pieces that hold a counted voxel, of the runs of one side."""
    numbers, voxels = connect(runs, neighbours == 26), _counted(drawn, runs)
    count = int(numbers.max(initial=-1)) + 1
    held = np.bincount(numbers, voxels, count) > 0
    doubtful = np.zeros(count, bool)
    doubtful[numbers[intersect(runs, drawn.possible)[1]]] = True
    chosen = held[numbers]
    return Pieces(runs[chosen], (np.cumsum(held) - 1)[numbers[chosen]], voxels[chosen], doubtful[held])


def _counted(drawn: StructureRuns, runs: Runs) -> NDArray[np.int64]:
    """Return the number of counted voxels of each run."""
    left_out, own, _ = intersect(runs, drawn.uncounted)
    return lengths(runs) - np.bincount(own, lengths(left_out), len(runs)).astype(np.int64)
