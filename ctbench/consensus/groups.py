"""References of groups of labels, fused from the readers' merged masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ctbench.consensus.patterns import ABSENT, Contested, Domain
from ctbench.consensus.readings import Readings
from ctbench.consensus.rules import ESTIMATING_METHODS, RULES
from ctbench.labels import LabelSet
from ctbench.reference import GroupReference

__all__ = ["fuse_groups"]


def fuse_groups(
    readings: Readings, found: Contested, labels: LabelSet, method: str, domain: Domain
) -> dict[str, GroupReference]:
    """Fuse each group of a label set from the readers' merged masks.

    Merging the fused labels instead loses what readers agree about: where each of two readers of three sees blood of
    another type, no type has a majority, but blood has. Where all readers drew the same label nothing can differ, so
    that only contested voxels are looked at.

    Args:
        readings: What the readers drew.
        found: Their contested voxels.
        labels: Names the groups.
        method: One of ``METHODS``.
        domain: As for ``fuse``.

    Returns:
        Name of the group -> its reference.
    """
    at = np.unravel_index(found.at, readings.shape)
    result = {}
    for name in labels.groups:
        codes = labels.codes_of(name)
        members = np.isin(found.codes, codes).astype(np.int64)
        votes = np.where(found.votes == ABSENT, ABSENT, members[found.votes])
        # A reader who was not asked for all labels of the group has no vote about it.
        votes = np.where(readings.asked_of(codes).all(axis=1), votes, ABSENT)
        merged = replace(readings, asked=())
        if method in ESTIMATING_METHODS:
            merged = replace(merged, maps=tuple(np.isin(array, codes).astype(np.uint8) for array in readings.maps))
        verdicts = RULES[method](merged, Contested(found.at, found.place, votes, np.array([0, 1])), domain)
        drawn, undecided = verdicts.chosen[found.place] == 1, verdicts.undecided[found.place]
        result[name] = GroupReference((at[0], at[1], at[2]), drawn, undecided)
    return result
