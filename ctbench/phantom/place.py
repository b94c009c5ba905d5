"""Points in the cranial cavity, with the distances and coordinates that painting needs."""

from __future__ import annotations

from dataclasses import dataclass

from ctbench.phantom.shapes import Floats, Points

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Points in and close to the cranial cavity, with their depths and the random fields there.

    Args:
        points: Positions in the frame of the head.
        depth: Distance below the inner table, mm.
        vault_depth: Distance below the vault, mm, as if the skull had no base; sulci depend on it.
        patchy: Smooth random field of unit variance.
        uneven: A second such field.
    """

    points: Points
    depth: Floats
    vault_depth: Floats
    patchy: Floats
    uneven: Floats
