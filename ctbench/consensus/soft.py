"""Soft references: the posterior probability of each label in each voxel, by STAPLE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.patterns import Contested, Domain, contested_patterns, count_patterns
from ctbench.consensus.readings import Annotated, LabelMaps, Readings
from ctbench.consensus.staple import StapleFit, fit_staple

__all__ = ["SoftReference", "soft_staple"]


@dataclass(frozen=True, eq=False)
class SoftReference:
    """The posterior of STAPLE for one case.

    Args:
        readings: What the readers drew.
        found: The voxels on which they differ.
        fit: The fit of STAPLE; its first patterns are those of ``found``.
    """

    readings: Readings
    found: Contested
    fit: StapleFit

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
        own = self.fit.posterior[:, codes.index(code)] if code in codes else np.zeros(len(self.fit.posterior))
        result.ravel()[self.found.at] = own[self.found.place]
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
    readings = Readings.of(label_maps, annotated)
    found = contested_patterns(readings)
    return SoftReference(readings, found, fit_staple(count_patterns(readings, found, domain)))
