"""Soft references: how probable each label is in each voxel, given what the readers drew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import Domain, PatternMap, count_patterns
from ctbench.consensus.readings import Annotated, Fused, LabelMaps, Readings
from ctbench.consensus.staple import StapleFit, fit_staple

__all__ = ["SoftReference", "soft_staple"]


@dataclass(frozen=True, eq=False)
class SoftReference:
    """The posterior of STAPLE for one case.

    Args:
        readings: What the readers drew.
        counted: The vote patterns and where they stand.
        fit: What STAPLE makes of them.
    """

    readings: Readings
    counted: PatternMap
    fit: StapleFit

    @property
    def fused(self) -> Fused:
        """The most probable label of each voxel, undecided where two are equally probable."""
        labels, undecided = self.readings.first(), np.zeros(self.readings.shape, bool)
        labels[self.counted.contested] = self.fit.decided[self.counted.place]
        undecided[self.counted.contested] = self.fit.undecided[self.counted.place]
        return Fused(labels, undecided)

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
        codes = self.counted.patterns.codes.tolist()
        found = self.fit.posterior[:, codes.index(code)] if code in codes else np.zeros(len(self.fit.posterior))
        result[self.counted.contested] = found[self.counted.place]
        return result


def soft_staple(label_maps: LabelMaps, annotated: Annotated | None = None, *, domain: Domain = "box") -> SoftReference:
    """Fit STAPLE to the readers of one case and keep its posterior.

    Args:
        label_maps: As for ``fuse``.
        annotated: As for ``fuse``.
        domain: As for ``fuse``.

    Raises:
        CtbenchError: As for ``fuse``.

    Example:
        >>> import numpy as np
        >>> ann, bob, cyd = (np.array([[[1, 1, code, 0, 0, 0]]]) for code in (0, 1, 1))
        >>> soft_staple({"ann": ann, "bob": bob, "cyd": cyd}).probability(1).round(2).tolist()
        [[[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]]
    """
    return soft_staple_of(Readings.of(label_maps, annotated), domain)


def soft_staple_of(readings: Readings, domain: Domain) -> SoftReference:
    """As ``soft_staple``, of checked readings."""
    counted = count_patterns(readings, domain)
    return SoftReference(readings, counted, fit_staple(counted.patterns))
