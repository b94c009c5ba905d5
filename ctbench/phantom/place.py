"""Points in the cranial cavity, with the distances and coordinates that painting needs."""

from __future__ import annotations

from dataclasses import dataclass

from ctbench.phantom.shapes import Floats, Points

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Points in and close to the cranial cavity, and what is known about each of them.

    Args:
        points: where, in the frame of the head.
        depth: mm below the inner table.
        vault_depth: mm below the vault, as if the skull had no base: what the sulci go by.
        patchy: smooth random field of unit variance.
        uneven: another.
    """

    points: Points
    depth: Floats
    vault_depth: Floats
    patchy: Floats
    uneven: Floats
