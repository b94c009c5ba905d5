"""References: what raters are scored against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import DataError

__all__ = ["Reference"]


@dataclass(frozen=True, eq=False)
class Reference:
    """A label map with the voxels that must not count.

    Args:
        labels: z,y,x integers, 0 where excluded.
        excluded: z,y,x bool, the indeterminate voxels.
        annotated: z bool, the slices that somebody annotated; voxels of the others do not count either.
        method: the consensus rule, e.g. ``majority``.
        readers: the readers who made it; empty where it is unknown who did.
        possible: code -> z,y,x bool, the excluded voxels in which some reader drew that label. None: unknown, which
            is taken as empty.

    Raises:
        DataError: shapes that do not fit together, labels that are not integers, or a label in an excluded voxel.
    """

    labels: NDArray[np.integer]
    excluded: NDArray[np.bool_]
    annotated: NDArray[np.bool_]
    method: str
    readers: tuple[str, ...]
    possible: Mapping[int, NDArray[np.bool_]] | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.dtype.kind not in "iu":
            got = f"{self.labels.dtype} of shape {self.labels.shape}"
            msg = f"labels of a reference must be 3D integers z,y,x, got {got}"
            raise DataError(msg)
        _expect_mask("excluded", self.excluded, self.labels.shape)
        _expect_mask("annotated", self.annotated, self.labels.shape[:1])
        for code, mask in (self.possible or {}).items():
            _expect_mask(f"possible[{code}]", mask, self.labels.shape)
        if np.any(self.labels[self.excluded]):
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

    @property
    def uncounted(self) -> NDArray[np.bool_]:
        """The voxels that do not count, z,y,x: indeterminate ones and those of slices that nobody annotated."""
        return self.excluded | ~self.annotated[:, None, None]


def _expect_mask(name: str, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.dtype != np.bool_ or mask.shape != shape:
        msg = f"{name} of a reference must be bool of shape {shape}, got {mask.dtype} of shape {mask.shape}"
        raise DataError(msg)
