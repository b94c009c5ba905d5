"""Files of probability maps, ``{case}_{label}.prob.nii.gz``: names, and reading them from a program or folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctbench.errors import ContractError
from ctbench.probability_codes import decode
from ctbench.volume import Volume, on_grid, read_volume

__all__ = ["PROBABILITY_SUFFIX", "in_range", "probability_name", "probability_names", "read_probability"]

PROBABILITY_SUFFIX = ".prob.nii.gz"

_SLACK = 1e-3
"""Probabilities of networks leave 0 to 1 by this much at most, by rounding."""


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
    if volume.array.dtype == np.uint8:
        return decode(volume.array).astype(np.float32)
    return in_range(volume.array, str(path))


def in_range(array: NDArray[np.generic], where: str) -> NDArray[np.float32]:
    """Return probabilities as float32 in 0 to 1, without the rounding errors of a network.

    Raises:
        ContractError: They are not floats, or outside of 0 to 1.
    """
    values = np.asarray(array)
    if values.dtype.kind != "f":
        msg = f"the probabilities {where} are {values.dtype}; expected floats from 0 to 1 (in files also uint8 codes)"
        raise ContractError(msg)
    if values.size and not (values.min() >= -_SLACK and values.max() <= 1 + _SLACK):  # a NaN fails both
        msg = f"the probabilities {where} are {values.min():g} to {values.max():g}; expected 0 to 1"
        raise ContractError(msg)
    return np.clip(values, 0, 1).astype(np.float32)
