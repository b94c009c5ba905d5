"""Choice of the slices that readers annotate in an anatomy case (Cai et al. 2020, doi 10.1148/ryai.2020190183)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctbench.phantom.structures import anatomy_labels

__all__ = ["representative_slices"]

_BASAL = ("internal_capsule", "caudate", "insular_cortex", "lentiform", "septum_pellucidum")


def representative_slices(anatomy: NDArray[np.integer], basal: int) -> NDArray[np.bool_]:
    """Return the slices to annotate, which show all eleven structures.

    One slice shows the cerebellum at its largest, one the central sulcus at its most visible level, and some
    contiguous ones the basal ganglia.

    Args:
        anatomy: z,y,x, codes of ``anatomy_labels``.
        basal: Number of contiguous slices at the basal ganglia, 2 to 4 in the paper.

    Returns:
        z, True where annotated.
    """
    shown = sum(_share(anatomy, name) for name in _BASAL)
    # The septum is thin and shows on few slices: a level without it shows less than it seems to.
    visible = np.minimum.reduce([_share(anatomy, name) for name in _BASAL]) + 0.1 * shown
    first = int(np.argmax(np.convolve(visible, np.ones(basal), mode="valid")))
    chosen = np.zeros(anatomy.shape[0], bool)
    chosen[first : first + basal] = True
    for name in ("cerebellum", "central_sulcus"):
        share = _share(anatomy, name)
        chosen[int(np.argmax(np.where(chosen, -1.0, share)))] = True
    return chosen


def _share(anatomy: NDArray[np.integer], name: str) -> NDArray[np.float64]:
    area = np.count_nonzero(anatomy == anatomy_labels[name], axis=(1, 2))
    return np.asarray(area / max(1, area.sum()))
