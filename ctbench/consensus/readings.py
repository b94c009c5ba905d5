"""Readings: the label maps of several readers of one image, checked and brought to one type."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctbench.errors import DataError, GeometryError, LabelError, UsageError

__all__ = ["Annotated", "Asked", "LabelMap", "LabelMaps", "Readings", "Weights", "contested"]

LabelMap = NDArray[np.integer[Any]]
LabelMaps = Mapping[str, ArrayLike] | Sequence[ArrayLike]
Annotated = Mapping[str, ArrayLike | None]
Asked = Mapping[str, Collection[int]]
Weights = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Readings:
    """The label maps of several readers on one grid.

    Args:
        readers: Names of the readers.
        maps: Their label maps, z,y,x, all of one integer dtype, 0 in slices that the reader did not annotate.
        annotated: Readers x z bool, the slices that each of them annotated.
        asked: For each reader the codes that he was asked to draw, None for all codes; empty: all were asked for all.
        weights: Weight of each reader's vote; empty: all weigh the same.
    """

    readers: tuple[str, ...]
    maps: tuple[LabelMap, ...]
    annotated: NDArray[np.bool_]
    asked: tuple[frozenset[int] | None, ...] = ()
    weights: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        label_maps: LabelMaps,
        annotated: Annotated | None = None,
        asked: Asked | None = None,
        weights: Weights | None = None,
    ) -> Readings:
        """Return checked label maps of readers; the readers of a sequence are named reader1, reader2, ...

        Args:
            label_maps: Reader -> z,y,x integers (or bool), or a sequence of such arrays.
            annotated: Reader -> z bool; a reader who is absent, or None, annotated all slices.
            asked: Reader -> codes that he was asked to draw; a reader who is absent was asked for all.
            weights: Reader -> weight of his vote, above 0; a reader who is absent weighs 1.

        Raises:
            DataError: There is no reader, or an array is not 3D.
            GeometryError: The label maps differ in shape, or ``annotated`` in the number of slices.
            LabelError: A label map does not hold integers, or holds a code that its reader was not asked to draw.
            UsageError: ``annotated``, ``asked`` or ``weights`` names a reader who has no label map, or a weight is not
                positive.
        """
        named = label_maps if isinstance(label_maps, Mapping) else _named(label_maps)
        if not named:
            msg = "no readers to fuse; expected the label map of at least one"
            raise DataError(msg)
        arrays = {reader: _integers(reader, array) for reader, array in named.items()}
        shape = _common_shape(arrays)
        slices = _annotated_slices(tuple(arrays), annotated or {}, shape[0])
        common = np.result_type(*arrays.values())
        # NumPy's common type of int64 and uint64 is a float.
        dtype = common if common.kind in "iu" else np.dtype(np.int64)
        maps = tuple(
            _blank_outside(np.ascontiguousarray(array, dtype=dtype), read)
            for array, read in zip(arrays.values(), slices, strict=True)
        )
        return cls(tuple(arrays), maps, slices, _asked(arrays, asked or {}), _weights(tuple(arrays), weights or {}))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along z, y, x."""
        return self.maps[0].shape

    def of_readers(self, places: Sequence[int]) -> Readings:
        """Return the readings of some readers, by their places among all."""
        chosen = list(places)
        maps = tuple(self.maps[place] for place in chosen)
        return Readings(
            tuple(self.readers[place] for place in chosen),
            maps,
            self.annotated[chosen],
            tuple(self.asked[place] for place in chosen if self.asked),
            tuple(self.weights[place] for place in chosen if self.weights),
        )

    def asked_of(self, codes: Collection[int]) -> NDArray[np.bool_]:
        """Return for each reader and code whether he was asked to draw it: readers x codes; all are asked for 0."""
        result = np.ones((len(self.readers), len(codes)), bool)
        for own, asked in zip(result, self.asked, strict=False):
            if asked is not None:
                own[:] = [code == 0 or code in asked for code in codes]
        return result

    def panels(self) -> Iterator[tuple[tuple[LabelMap, ...], slice | NDArray[np.intp]]]:
        """Group the slices by who annotated them.

        Yields:
            The label maps, in these slices, of the readers who annotated them, and the slices (an index along z).
            Slices that nobody annotated are left out.
        """
        patterns, members = np.unique(self.annotated, axis=1, return_inverse=True)
        for number, pattern in enumerate(patterns.T):
            present = [array for array, reads in zip(self.maps, pattern, strict=True) if reads]
            if len(patterns.T) == 1 and present:
                yield tuple(present), slice(None)
            elif present:
                slices = np.flatnonzero(members.ravel() == number)
                yield tuple(array[slices] for array in present), slices

    def first(self) -> LabelMap:
        """Return, z,y,x, what the first reader who annotated each slice drew; 0 where nobody did."""
        if self.annotated[0].all():
            return self.maps[0].copy()
        labels = np.zeros(self.shape, self.maps[0].dtype)
        for maps, slices in self.panels():
            labels[slices] = maps[0]
        return labels

    def drawn_at(self, flat: NDArray[np.intp]) -> LabelMap:
        """Return what each reader drew in the voxels with these flat indices: readers x voxels."""
        return np.stack([array.ravel()[flat] for array in self.maps])


def contested(maps: Sequence[LabelMap]) -> tuple[NDArray[np.intp], LabelMap]:
    """Find the voxels in which not all of the label maps are alike.

    Args:
        maps: One or more label maps, z,y,x, of one dtype.

    Returns:
        Flat indices of these voxels, ascending, and their labels, maps x voxels.
    """
    first, *others = maps
    at, labels = [np.empty(0, np.intp)], [np.empty((len(maps), 0), first.dtype)]
    differ = np.empty(first.shape[1:], bool)
    for z, own in enumerate(first):  # slice by slice, which the processor's cache holds
        differ[:] = False
        for array in others:
            np.logical_or(differ, array[z] != own, out=differ)
        inside = np.flatnonzero(differ)
        at.append(z * differ.size + inside)
        labels.append(np.stack([array[z].ravel()[inside] for array in maps]))
    return np.concatenate(at), np.concatenate(labels, axis=1)


def _named(label_maps: Sequence[ArrayLike]) -> dict[str, ArrayLike]:
    return {f"reader{number}": array for number, array in enumerate(label_maps, start=1)}


def _integers(reader: str, label_map: ArrayLike) -> LabelMap:
    array = np.asarray(label_map)
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        msg = f"the label map of {reader} is {array.dtype}; expected integers: round and convert it first"
        raise LabelError(msg)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size and int(array.max()) >= 2**63:
        msg = f"the label map of {reader} holds the code {int(array.max())}; expected codes below 2^63"
        raise LabelError(msg)
    return array


def _common_shape(arrays: Mapping[str, LabelMap]) -> tuple[int, ...]:
    (first, reference), *others = arrays.items()
    if reference.ndim != 3:
        msg = f"the label map of {first} has shape {reference.shape}; expected three axes z,y,x"
        raise DataError(msg)
    for reader, array in others:
        if array.shape != reference.shape:
            msg = (
                f"the label map of {reader} has shape {array.shape}, that of {first} {reference.shape}; "
                f"expected one shape (z, y, x): resample them onto the image"
            )
            raise GeometryError(msg)
    return reference.shape


def _annotated_slices(readers: tuple[str, ...], annotated: Annotated, slices: int) -> NDArray[np.bool_]:
    _expect_readers("annotated", annotated, readers)
    result = np.ones((len(readers), slices), bool)
    for index, reader in enumerate(readers):
        given = annotated.get(reader)
        if given is None:
            continue
        marks = np.asarray(given)
        if marks.dtype != np.bool_ or marks.shape != (slices,):
            msg = f"annotated[{reader!r}] is {marks.dtype} of shape {marks.shape}; expected bool of shape ({slices},)"
            raise GeometryError(msg)
        result[index] = marks
    return result


def _expect_readers(what: str, named: Collection[str], readers: Collection[str]) -> None:
    strangers = set(named) - set(readers)
    if strangers:
        msg = f"{what} names {', '.join(sorted(strangers))}, who has no label map; readers: {', '.join(readers)}"
        raise UsageError(msg)


def _asked(arrays: Mapping[str, LabelMap], asked: Asked) -> tuple[frozenset[int] | None, ...]:
    _expect_readers("asked", asked, arrays)
    for reader, codes in asked.items():
        others = sorted({int(code) for code in np.unique(arrays[reader])} - {0, *codes})
        if others:
            msg = f"the label map of {reader} holds the code {others[0]}, which this reader was not asked to draw; "
            msg += "correct the reader's list of labels, or the label map"
            raise LabelError(msg)
    return tuple(frozenset(asked[reader]) if reader in asked else None for reader in arrays) if asked else ()


def _weights(readers: tuple[str, ...], weights: Weights) -> tuple[float, ...]:
    _expect_readers("weights", weights, readers)
    for reader, weight in weights.items():
        if not 0 < weight < np.inf:
            msg = f"the weight of {reader} is {weight}; expected a positive number"
            raise UsageError(msg)
    return tuple(float(weights.get(reader, 1.0)) for reader in readers) if weights else ()


def _blank_outside(array: LabelMap, read: NDArray[np.bool_]) -> LabelMap:
    if read.all():
        return array
    return array * read[:, None, None].astype(array.dtype)
