"""STAPLE, as SimpleITK computes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ctbench.consensus.readings import LabelMap
from ctbench.volume.itk import simpleitk

__all__ = ["staple_labels"]


def staple_labels(maps: Sequence[LabelMap]) -> tuple[LabelMap, NDArray[np.bool_]]:
    """Estimate the true label map together with each reader's confusion matrix.

    Multi-label STAPLE (Rohlfing, Russakoff, Maurer, "Performance-based classifier combination in atlas-based image
    segmentation using expectation-maximization parameter estimation", IEEE Trans Med Imaging 23(8), 2004), the
    generalisation of Warfield's STAPLE, with SimpleITK's default start and stopping rule.

    Args:
        maps: label maps of one shape, z,y,x.

    Returns:
        The label map, 0 where undecided, and the voxels in which two labels are equally probable.
    """
    sitk = simpleitk()
    codes = np.unique(np.concatenate([np.unique(array) for array in maps]))
    # The filter's tables are as large as the largest code, so that codes are numbered from 0, and the next one is free.
    images = [sitk.GetImageFromArray(np.searchsorted(codes, array).astype(np.uint16)) for array in maps]
    fused = sitk.GetArrayFromImage(sitk.MultiLabelSTAPLE(images, len(codes)))
    undecided = fused == len(codes)
    fused[undecided] = 0
    labels = codes[fused].astype(maps[0].dtype)
    labels[undecided] = 0
    return labels, undecided
