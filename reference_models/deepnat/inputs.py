"""Kinds of scans and of voxel coordinates that DeepNAT takes."""

from __future__ import annotations

from typing import Literal

__all__ = ["Coordinates", "Modality"]

Coordinates = Literal["both", "spectral", "cartesian", "none"]
"""Coordinates of every voxel that the networks see beside the intensity."""

Modality = Literal["ct", "t1"]
"""CT in HU, or T1-weighted MRI that is 0 outside the brain."""
