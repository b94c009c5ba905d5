"""Images and label maps with their geometry, and the files they come from."""

from __future__ import annotations

from ctbench.volume.geometry import Geometry, Volume, check_same_grid

__all__ = ["Geometry", "Volume", "check_same_grid"]
