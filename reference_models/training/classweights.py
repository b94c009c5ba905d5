"""Class weights of the cross-entropy (Cai et al. 2020, Materials and Methods, Experiments)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["class_weights"]


def class_weights(counts: ArrayLike, scheme: Literal["balanced", "attenuated", "none"]) -> NDArray[np.float64]:
    """Return class weights that grow with the rarity of a class.

    ``balanced`` is w_c = sum_i n_i / ((k + 1) n_c) over background and k structures; ``attenuated`` is its cube root;
    ``none`` is 1.

    Args:
        counts: Voxels of background and of each structure in the training set.
        scheme: balanced, attenuated or none.

    Returns:
        The weight of each class; 0 for a class without voxels.

    Example:
        >>> class_weights([80, 10, 10], "balanced").round(3).tolist()
        [0.417, 3.333, 3.333]
    """
    number = np.asarray(counts, np.float64)
    if scheme == "none":
        return np.ones_like(number)
    balanced: NDArray[np.float64] = np.divide(
        number.sum(), number.size * number, out=np.zeros_like(number), where=number > 0
    )
    if scheme == "balanced":
        return balanced
    if scheme == "attenuated":
        attenuated: NDArray[np.float64] = np.cbrt(balanced)
        return attenuated
    msg = f"unknown class weights {scheme!r}; expected balanced, attenuated or none"
    raise ValueError(msg)
