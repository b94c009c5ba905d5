"""The label maps of all readers of one case, alone (``Drawn``) and with their consensus (``Panel``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ctbench.boxes import box_around
from ctbench.consensus.patterns import ABSENT
from ctbench.consensus.readings import Readings
from ctbench.datasets import Case
from ctbench.reference import Reference
from ctbench.references import read_references
from ctbench.volume import Volume

__all__ = ["Drawn", "Panel", "read_drawn", "read_panel"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn:
    """The label maps of two readers or more of one case.

    Args:
        case: Id of the case.
        label_maps: Reader -> z,y,x integers.
        annotated: Reader -> z bool, the slices that the reader annotated.
        structures: Name -> codes, of the labels and groups that were assessed in this case.
        grid: A volume on the case's grid.
        asked: Reader -> codes of the labels that the reader was asked to draw; a reader who is not named: all.
        weights: Reader -> weight of the reader's vote; a reader who is not named weighs 1.
    """

    case: str
    label_maps: Mapping[str, NDArray[np.integer]]
    annotated: Mapping[str, NDArray[np.bool_]]
    structures: Mapping[str, tuple[int, ...]]
    grid: Volume
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

    def asked_masks(self, label: str) -> dict[str, NDArray[np.bool_]]:
        """Return reader -> mask of a structure z,y,x, as in ``masks``, of the readers who were asked to draw it."""
        masks = zip(self.readers, self.masks(self.structures[label]), strict=True)
        return {reader: mask for reader, mask in masks if self.was_asked(reader, label)}

    @property
    def _marks(self) -> NDArray[np.bool_]:
        """The annotated slices, readers x z,1,1."""
        return np.stack(list(self.annotated.values()))[:, :, None, None]

    def was_asked(self, reader: str, label: str) -> bool:
        """Return whether a reader was asked to draw a structure, of a group all labels."""
        asked = self.asked.get(reader)
        return asked is None or set(asked) >= set(self.structures[label])

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


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel(Drawn):
    """The label maps of two readers or more of one case, and their consensus.

    Args:
        everyone: The consensus of all readers.
        without: Reader -> the consensus of all others.
    """

    everyone: Reference
    without: Mapping[str, Reference]


def read_drawn(case: Case) -> Drawn:
    """Read the label maps of a case with two readers or more.

    Raises:
        DataError: A label map cannot be read, is not on the case's grid, or has a code its reader was not asked for.
    """
    found = case.label_maps()
    Readings.of(found.arrays, found.annotated, found.asked, found.weights)  # checks them as for a consensus
    return _drawn(case, found.volumes, found.annotated)


def read_panel(case: Case, consensus: str) -> Panel:
    """Read the label maps of a case with two readers or more, and fuse them.

    Args:
        case: A case with readers.
        consensus: The rule, as in ``ctbench.consensus.fuse``.

    Raises:
        DataError: As for ``read_drawn``.
    """
    readings = read_references(case, consensus)
    return Panel(
        **vars(_drawn(case, readings.label_maps, readings.annotated)),
        everyone=readings.common,
        without={reader: readings.references[name] for reader, name in readings.without.items()},
    )


def _drawn(case: Case, volumes: Mapping[str, Volume], annotated: Mapping[str, NDArray[np.bool_] | None]) -> Drawn:
    grid = next(iter(volumes.values()))
    everything = np.ones(grid.shape[0], bool)
    labels = case.labels
    return Drawn(
        case=case.id,
        label_maps={reader: volume.array for reader, volume in volumes.items()},
        annotated={reader: everything if marks is None else marks for reader, marks in annotated.items()},
        structures={name: labels.codes_of(name) for name in labels.names if name not in case.not_assessed},
        grid=grid,
        asked=case.asked,
        weights={reader: weight for reader, weight in case.reader_weights.items() if reader in volumes},
    )
