"""References of groups of labels: readers' masks are merged first, and fused then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ctbench.consensus.patterns import Domain
from ctbench.consensus.readings import Readings
from ctbench.consensus.rules import RULES
from ctbench.labels import LabelSet
from ctbench.reference import GroupReference

__all__ = ["fuse_groups"]


def fuse_groups(readings: Readings, labels: LabelSet, method: str, domain: Domain) -> dict[str, GroupReference]:
    """Fuse each group of a label set from the readers' merged masks.

    Merging the fused labels instead loses what readers agree about: where each of two readers of three sees blood of
    another type, no type has a majority, but blood has. Where all readers drew the same label nothing can differ, so
    that only contested voxels are looked at.

    Args:
        readings: What the readers drew.
        labels: Names the groups.
        method: One of ``METHODS`` that takes several structures.
        domain: As for ``fuse``.

    Returns:
        Name of the group -> its reference.
    """
    if not labels.groups:
        return {}
    at = np.nonzero(readings.contested())
    drawn, looked = readings.drawn_at(at), readings.annotated[:, at[0]]
    result = {}
    for name in labels.groups:
        codes = labels.codes_of(name)
        if method == "staple":  # how good each reader is follows from all voxels, not only from contested ones
            merged = replace(readings, maps=tuple(np.isin(array, codes).astype(np.uint8) for array in readings.maps))
            fused = RULES[method](merged, domain)
            result[name] = GroupReference(at, fused.labels[at] == 1, fused.undecided[at])
        else:  # of two labels, that with most votes has more than half of them
            votes, readers = (np.isin(drawn, codes) & looked).sum(axis=0), looked.sum(axis=0)
            result[name] = GroupReference(at, 2 * votes > readers, 2 * votes == readers)
    return result
