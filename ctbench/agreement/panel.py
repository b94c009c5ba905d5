"""The label maps of all readers of one case, with their consensus."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ctbench.boxes import box_around
from ctbench.consensus.patterns import ABSENT
from ctbench.datasets import Case
from ctbench.reference import Reference
from ctbench.references import read_references
from ctbench.volume import Volume

__all__ = ["Panel", "read_panel"]


@dataclass(frozen=True, eq=False)
class Panel:
    """The label maps of two readers or more of one case, and their consensus.

    Args:
        case: Id of the case.
        label_maps: Reader -> z,y,x integers.
        annotated: Reader -> z bool, the slices that the reader annotated.
        structures: Name -> codes, of the labels and groups that were assessed in this case.
        everyone: The consensus of all readers.
        without: Reader -> the consensus of all others.
        grid: A volume on the case's grid.
        not_asked: Structure -> the readers who were not asked to draw it.
        asked: Reader -> codes of the labels that the reader was asked to draw; a reader who is not named: all.
        weights: Reader -> weight of the reader's vote; a reader who is not named weighs 1.
    """

    case: str
    label_maps: Mapping[str, NDArray[np.integer]]
    annotated: Mapping[str, NDArray[np.bool_]]
    structures: Mapping[str, tuple[int, ...]]
    everyone: Reference
    without: Mapping[str, Reference]
    grid: Volume
    not_asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def readers(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.label_maps)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every pair of readers, once."""
        return tuple(combinations(self.readers, 2))

    @property
    def by_all(self) -> NDArray[np.bool_]:
        """The slices (z bool) that every reader annotated."""
        shared: NDArray[np.bool_] = np.logical_and.reduce(list(self.annotated.values()))
        return shared

    def masks(self, codes: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return each reader's mask of a structure in the slices that this reader annotated: readers x z,y,x."""
        return np.stack([np.isin(array, codes) for array in self.label_maps.values()]) & self._marks

    @property
    def _marks(self) -> NDArray[np.bool_]:
        """The annotated slices, readers x z,1,1."""
        return np.stack(list(self.annotated.values()))[:, :, None, None]

    def was_asked(self, reader: str, label: str) -> bool:
        """Return whether a reader was asked to draw a structure."""
        return reader not in self.not_asked.get(label, ())

    def units(self, codes: tuple[int, ...], without: Collection[str] = ()) -> NDArray[np.int8]:
        """Return the voxels on which the agreement about a structure is judged.

        These are the voxels of the smallest box around all that any reader drew of it, grown by one voxel on every
        side within the image, in slices that two readers or more annotated. With the background of the whole image
        any two readers would agree almost perfectly, the more so the larger the image is; without any background,
        full agreement could not be distinguished from chance.

        Args:
            codes: Codes of the structure.
            without: Readers who were not asked for the structure; default: none.

        Returns:
            readers x voxels: 1 drawn, 0 not drawn, ``ABSENT`` where the reader did not annotate the slice or was not
            asked for the structure. No voxels where nobody drew the structure.
        """
        masks = self.masks(codes)
        box = box_around(np.logical_or.reduce(masks), 1)
        if box is None:
            return np.empty((len(masks), 0), np.int8)
        units = np.where(self._marks[:, box[0]], masks[(slice(None), *box)], np.int8(ABSENT)).reshape(len(masks), -1)
        units[[reader in without for reader in self.readers]] = ABSENT
        return units[:, (units != ABSENT).sum(axis=0) >= 2]


def read_panel(case: Case, consensus: str) -> Panel:
    """Read the label maps of a case with two readers or more, and fuse them.

    Args:
        case: A case with readers.
        consensus: the rule, as in ``ctbench.consensus.fuse``.

    Raises:
        DataError: a label map cannot be read, or is not on the case's grid.
    """
    readings = read_references(case, consensus)
    grid = readings.grid
    everything = np.ones(grid.shape[0], bool)
    labels = case.labels
    return Panel(
        case=case.id,
        label_maps={reader: volume.array for reader, volume in readings.label_maps.items()},
        annotated={reader: everything if mark is None else mark for reader, mark in readings.annotated.items()},
        structures={name: labels.codes_of(name) for name in labels.names if name not in case.not_assessed},
        everyone=readings.common,
        without={reader: readings.references[name] for reader, name in readings.without.items()},
        grid=grid,
        not_asked={
            name: frozenset(reader for reader in case.readers if not case.was_asked(reader, name))
            for name in labels.names
            if case.reader_labels
        },
        asked=case.asked,
        weights={reader: weight for reader, weight in case.reader_weights.items() if reader in readings.label_maps},
    )
