"""Files of probability maps, ``{case}_{label}.prob.nii.gz``: names, and reading them from a program or folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError, DataError
from ctbench.probability_codes import read_codes
from ctbench.volume import Volume, on_grid, read_volume

__all__ = ["PROBABILITY_SUFFIX", "probability_name", "probability_names", "read_probability"]

PROBABILITY_SUFFIX = ".prob.nii.gz"


def probability_name(case: str, label: str) -> str:
    """Return the name of the file with the probabilities of one label; characters unfit for paths become ``-``.

    >>> probability_name("p1", "any/blood")
    'p1_any-blood.prob.nii.gz'
    """
    return f"{case}_{re.sub(r'[^A-Za-z0-9_.+-]', '-', label)}{PROBABILITY_SUFFIX}"


def probability_names(case: str, labels: Iterable[str]) -> Mapping[str, str]:
    """Return label -> file name; of two labels with one file name only the first."""
    found: dict[str, str] = {}
    for label in labels:
        found.setdefault(probability_name(case, label), label)
    return {label: name for name, label in found.items()}


def read_probability(path: Path, image: Volume, image_name: str = "its image") -> NDArray[np.float32]:
    """Read the probabilities of one label: floats from 0 to 1, or uint8 codes c for c / 255.

    Args:
        path: A NIfTI file that is no link, and whose size was checked.
        image: Image on whose grid it must lie.
        image_name: What to call the image in messages.

    Returns:
        z,y,x float32 from 0 to 1.

    Raises:
        ContractError: Values are neither.
        DataError: It cannot be read, or lies on another grid.
    """
    volume = on_grid(
        read_volume(path, shape=image.shape), image.geometry, found_name=str(path), expected_name=image_name
    )
    try:
        return read_codes(volume.array, f"the probabilities {path}")
    except DataError as error:
        raise ContractError(str(error)) from error
