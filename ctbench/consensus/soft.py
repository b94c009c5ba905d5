"""Soft references: the probability of each label in each voxel, by STAPLE or as the share of the readers' votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import Contested, Domain, contested_patterns, count_patterns
from ctbench.consensus.readings import Annotated, Asked, LabelMaps, Readings, Weights
from ctbench.consensus.rules import vote_shares
from ctbench.consensus.staple import StapleFit, fit_staple

__all__ = ["SoftReference", "soft_staple", "soft_votes"]


@dataclass(frozen=True, eq=False)
class SoftReference:
    """The probability of each label in each voxel of one case.

    Args:
        readings: What the readers drew.
        found: The voxels on which they differ.
        probabilities: patterns x codes, of each vote pattern of ``found`` and each of its codes.
        fit: The fit of STAPLE, whose first patterns are those of ``found``; None: these are shares of votes.
    """

    readings: Readings
    found: Contested
    probabilities: NDArray[np.float64]
    fit: StapleFit | None = None

    def probability(self, code: int) -> NDArray[np.float32]:
        """Return the probability that a voxel truly holds a label.

        Args:
            code: The label; 0 is background.

        Returns:
            z,y,x float32. Where all readers agree it is 1 for their label; in slices that nobody annotated it is 0.
        """
        somebody = np.logical_or.reduce(self.readings.annotated)
        result: NDArray[np.float32] = (self.readings.first() == code).astype(np.float32)
        result[~somebody] = 0
        codes = self.found.codes.tolist()
        own = self.probabilities[:, codes.index(code)] if code in codes else np.zeros(len(self.probabilities))
        result.ravel()[self.found.at] = own[self.found.place]
        return result


def soft_staple(
    label_maps: LabelMaps, annotated: Annotated | None = None, *, domain: Domain = "box", asked: Asked | None = None
) -> SoftReference:
    """Fit STAPLE to the readers of one case and keep its posterior.

    Weights of readers have no part in it, as in ``fuse``: STAPLE estimates how much each reader counts.

    Args:
        label_maps: As for ``fuse``.
        annotated: As for ``fuse``.
        domain: As for ``fuse``.
        asked: As for ``fuse``: to a reader who was not asked for a label it is background, so that his vote is no
            evidence for or against it.

    Raises:
        CtbenchError: As for ``fuse``.

    Example:
        >>> import numpy as np
        >>> ann, bob, cyd = (np.array([[[1, 1, code, 0, 0, 0]]]) for code in (0, 1, 1))
        >>> soft_staple({"ann": ann, "bob": bob, "cyd": cyd}).probability(1).round(2).tolist()
        [[[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]]
    """
    readings = Readings.of(label_maps, annotated, asked)
    found = contested_patterns(readings)
    fit = fit_staple(count_patterns(readings, found, domain), readings.asked_of(found.codes.tolist()))
    return SoftReference(readings, found, fit.posterior[: len(found.votes)], fit)


def soft_votes(
    label_maps: LabelMaps,
    annotated: Annotated | None = None,
    *,
    asked: Asked | None = None,
    weights: Weights | None = None,
) -> SoftReference:
    """Return the readers' votes as probabilities: for each label the share, by weight, of the readers who drew it.

    It is the soft form of the rule ``majority``: where a label has more than one half, that rule chooses it.

    Args:
        label_maps: As for ``fuse``.
        annotated: As for ``fuse``.
        asked: As for ``fuse``: a reader who was not asked for a label leaves its denominator, so that the shares of all
            labels may sum to more than 1. Background has the smallest share, over the labels, of those who drew
            nothing.
        weights: As for ``fuse``.

    Raises:
        CtbenchError: As for ``fuse``.

    Example:
        >>> import numpy as np
        >>> ann, bob = np.array([[[1, 1, 0]]]), np.array([[[1, 0, 0]]])
        >>> soft_votes({"ann": ann, "bob": bob}, weights={"ann": 3}).probability(1).tolist()
        [[[1.0, 0.75, 0.0]]]
    """
    readings = Readings.of(label_maps, annotated, asked, weights)
    found = contested_patterns(readings)
    return SoftReference(readings, found, vote_shares(readings, found))
