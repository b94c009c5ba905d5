"""Volumes (images and label maps with their geometry), and reading and writing their files."""

from __future__ import annotations

from ctbench.volume.files import check_file, read_geometry, read_label_map, read_volume, write_volume
from ctbench.volume.geometry import Geometry, Volume, check_same_grid
from ctbench.volume.itk import from_itk, to_itk
from ctbench.volume.orientation import as_stored, nearest_axes, on_grid, upright, upright_geometry

__all__ = [
    "Geometry",
    "Volume",
    "as_stored",
    "check_file",
    "check_same_grid",
    "from_itk",
    "nearest_axes",
    "on_grid",
    "read_geometry",
    "read_label_map",
    "read_volume",
    "to_itk",
    "upright",
    "upright_geometry",
    "write_volume",
]
