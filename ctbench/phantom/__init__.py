"""Phantoms: simulated head CTs with true masks, simulated readers, and the datasets built from them."""

from __future__ import annotations

from ctbench.phantom.build import ANATOMY_READERS, HEMORRHAGE_READERS, build_anatomy, build_hemorrhage
from ctbench.phantom.head import DEFAULT_SHAPE, Head, head
from ctbench.phantom.hemorrhage import Hemorrhage
from ctbench.phantom.reader import ReaderProfile, draw
from ctbench.phantom.repeats import PlantedStudy, build_repeats
from ctbench.phantom.structures import FORMAT, anatomy_labels, hemorrhage_labels

__all__ = [
    "ANATOMY_READERS",
    "DEFAULT_SHAPE",
    "FORMAT",
    "HEMORRHAGE_READERS",
    "Head",
    "Hemorrhage",
    "PlantedStudy",
    "ReaderProfile",
    "anatomy_labels",
    "build_anatomy",
    "build_hemorrhage",
    "build_repeats",
    "draw",
    "head",
    "hemorrhage_labels",
]
