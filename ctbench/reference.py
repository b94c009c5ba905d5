"""References: what raters are scored against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctbench.displays import Displayed, Picture, drawn_by, names_in_short
from ctbench.errors import DataError
from ctbench.probability_codes import CODES

if TYPE_CHECKING:
    from ctbench.labels import LabelSet
    from ctbench.volume import Volume

__all__ = ["GroupReference", "Reference", "SparseMasks"]

_HALF_CODE = 0.5 / (CODES - 1) + 1e-6
"""How far a share that was stored in 8 bits is from the true one at most."""


@dataclass(frozen=True, eq=False)
class GroupReference:
    """What readers' merged masks make of a group of labels, in the voxels on which they differ.

    Elsewhere all readers agree, and the group is the union of its labels.

    Args:
        at: The contested voxels: z, y and x indices, each an array of the same length.
        drawn: bool for each contested voxel, whether the group is there.
        excluded: bool for each, whether it is indeterminate: it may be there.
    """

    at: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    drawn: NDArray[np.bool_]
    excluded: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SparseMasks(Mapping[int, NDArray[np.bool_]]):
    """Masks of few voxels by code: kept as indices, and made z,y,x bool when one is read.

    Args:
        shape: z, y, x.
        indices: code -> flat indices of the voxels of its mask.
    """

    shape: tuple[int, ...]
    indices: Mapping[int, NDArray[np.intp]]

    def __getitem__(self, code: int) -> NDArray[np.bool_]:
        mask = np.zeros(self.shape, bool)
        mask.ravel()[self.indices[code]] = True
        return mask

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False, repr=False)
class Reference(Displayed):
    """A label map with the voxels that must not count.

    Args:
        labels: z,y,x integers, 0 where excluded.
        excluded: z,y,x bool, the indeterminate voxels.
        annotated: z bool, the slices that somebody annotated; voxels of the others do not count either.
        method: the consensus rule, e.g. ``majority``.
        readers: the readers who made it; empty where it is unknown who did.
        possible: code -> z,y,x bool, the excluded voxels in which some reader drew that label. None: unknown, which
            is taken as empty.
        groups: name of a group of labels -> what its readers' merged masks were fused into. A group that is not named
            is the union of its labels.

    Raises:
        DataError: shapes that do not fit together, labels that are not integers, or a label in an excluded voxel.
    """

    labels: NDArray[np.integer]
    excluded: NDArray[np.bool_]
    annotated: NDArray[np.bool_]
    method: str
    readers: tuple[str, ...]
    possible: Mapping[int, NDArray[np.bool_]] | None = None
    groups: Mapping[str, GroupReference] = field(default_factory=dict)

    def _facts(self) -> dict[str, object]:
        return {
            "method": self.method,
            "readers": names_in_short(self.readers) if self.readers else "",
            "labels": f"{' x '.join(map(str, self.labels.shape))} {self.labels.dtype}",
            "excluded": f"{int(self.excluded.sum())} voxels",
            "annotated": f"{int(self.annotated.sum())} of {len(self.annotated)} slices",
        }

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.dtype.kind not in "iu":
            got = f"{self.labels.dtype} of shape {self.labels.shape}"
            msg = f"labels of a reference must be 3D integers z,y,x, got {got}"
            raise DataError(msg)
        _expect_mask("excluded", self.excluded, self.labels.shape)
        _expect_mask("annotated", self.annotated, self.labels.shape[:1])
        checked = isinstance(self.possible, SparseMasks) and self.possible.shape == self.labels.shape
        for code, mask in () if checked else (self.possible or {}).items():
            _expect_mask(f"possible[{code}]", mask, self.labels.shape)
        # By indices, which is faster than by the mask where few voxels are excluded.
        if self.labels.ravel()[np.flatnonzero(self.excluded)].any():
            msg = "labels of a reference must be 0 in excluded voxels"
            raise DataError(msg)

    @classmethod
    def of(cls, labels: NDArray[np.integer], annotated: NDArray[np.bool_] | None = None) -> Reference:
        """Make a reference of one given label map, without indeterminate voxels.

        Args:
            labels: z,y,x integers.
            annotated: z bool, the slices that count; None: all.
        """
        return cls(
            labels=labels,
            excluded=np.zeros(labels.shape, bool),
            annotated=np.ones(labels.shape[0], bool) if annotated is None else annotated,
            method="given",
            readers=(),
        )

    @classmethod
    def of_shares(
        cls, shares: Mapping[str, NDArray[np.floating]], labels: LabelSet, annotated: NDArray[np.bool_] | None = None
    ) -> Reference:
        """Make a reference of given shares of votes, by majority: what more than half of the readers say.

        Background has the rest of each voxel, and a group the sum of its labels: a reader gives a voxel one label.
        Voxels in which nothing has more than half are indeterminate. A share that is stored as a code of 8 bits is
        known to half a code, so that one half, which has no code, is taken for what it is.

        Args:
            shares: Label -> z,y,x floats from 0 to 1, one label or more; a label that is not named has none.
            labels: The label set.
            annotated: z bool, the slices that count; None: all.

        Raises:
            DataError: The shares of a voxel sum to more than 1.
        """
        first = next(iter(shares.values()))
        total, largest = np.zeros((2, *first.shape), np.float32)
        drawn = np.zeros(first.shape, np.min_scalar_type(max(labels.values(), default=1)))
        for name, share in shares.items():
            total += share
            np.maximum(largest, share, out=largest)
            drawn[share > 0.5 + _HALF_CODE] = labels[name]
        if total.size and total.max() > 1 + len(shares) * _HALF_CODE:
            at = ",".join(map(str, np.unravel_index(total.argmax(), total.shape)))
            msg = (
                f"the shares of {', '.join(shares)} sum to {total.max():.3f} in voxel {at}; expected at most 1, since "
                "a reader gives a voxel one label"
            )
            raise DataError(msg)
        excluded = (drawn == 0) & (total >= 0.5 - len(shares) * _HALF_CODE)
        contested = np.flatnonzero((total > 0) & (largest < 1))
        z, y, x = np.unravel_index(contested, first.shape)
        groups = {}
        for name, members in labels.groups.items():
            parts = [shares[member].ravel()[contested] for member in members if member in shares]
            share, slack = np.sum(parts, axis=0) + np.zeros(len(contested)), max(len(parts), 1) * _HALF_CODE
            groups[name] = GroupReference((z, y, x), share > 0.5 + slack, np.abs(share - 0.5) <= slack)
        undecided = np.flatnonzero(excluded)
        possible = {labels[name]: undecided[share.ravel()[undecided] > 0] for name, share in shares.items()}
        return replace(
            cls.of(drawn, annotated), excluded=excluded, possible=SparseMasks(first.shape, possible), groups=groups
        )

    def structure(self, name: str, codes: Sequence[int]) -> Reference:
        """Return the reference of one structure alone, as code 1.

        Args:
            name: Name of a label or of a group.
            codes: Codes of the label, or of the group's labels.
        """
        labels = np.isin(self.labels, codes).astype(np.uint8)
        group = self.groups.get(name)
        if group is None:
            flat = [at for code, at in self.possible_at.items() if code in codes]
            possible = None if self.possible is None else SparseMasks(self.labels.shape, {1: _united(flat)})
            return replace(self, labels=labels, groups={}, possible=possible)
        excluded = np.zeros(self.labels.shape, bool)
        labels[group.at] = group.drawn
        excluded[group.at] = group.excluded
        return replace(self, labels=labels, excluded=excluded, possible={1: excluded}, groups={})

    def show(self, image: Volume | None = None, z: int | None = None, labels: LabelSet | None = None) -> Picture:
        """Return a slice with the structures in colours, hatched where voxels do not count, for notebooks.

        Args:
            image: Image on the same grid, drawn below. Default: black, with voxels of 1 mm.
            z: Index of the slice. Default: the one with the most voxels of any structure.
            labels: Names of the codes. Default: the codes stand for themselves.

        Raises:
            IndexError: The reference has no such slice.
        """
        picture: Picture = drawn_by("show_reference", self, image, z, labels)
        return picture

    @property
    def possible_at(self) -> dict[int, NDArray[np.intp]]:
        """Code -> flat indices of the voxels that may hold it."""
        if isinstance(self.possible, SparseMasks):
            return dict(self.possible.indices)
        return {code: np.flatnonzero(mask) for code, mask in (self.possible or {}).items()}

    @property
    def uncounted(self) -> NDArray[np.bool_]:
        """The voxels that do not count, z,y,x: indeterminate ones and those of slices that nobody annotated."""
        return self.excluded | ~self.annotated[:, None, None]


def _united(flat: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    return np.unique(np.concatenate([np.empty(0, np.intp), *flat]))


def _expect_mask(name: str, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.dtype != np.bool_ or mask.shape != shape:
        msg = f"{name} of a reference must be bool of shape {shape}, got {mask.dtype} of shape {mask.shape}"
        raise DataError(msg)
