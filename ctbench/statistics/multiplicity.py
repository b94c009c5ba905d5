"""P values adjusted for the number of tests."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ctbench.statistics.missing import Numbers

__all__ = ["adjusted", "benjamini_hochberg", "holm"]


def holm(p: Numbers) -> Numbers:
    """Adjust p values so that the chance of any false claim stays below the level.

    Holm, Scandinavian Journal of Statistics 1979;6:65-70.

    Args:
        p: any shape; NaN are no tests and stay NaN.
    """
    flat, adjusted_p = p.ravel(), np.full(p.size, math.nan)
    order = np.argsort(flat)[: int(np.isfinite(flat).sum())]
    steps = flat[order] * np.arange(len(order), 0, -1)
    adjusted_p[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted_p.reshape(p.shape)


def benjamini_hochberg(p: Numbers) -> Numbers:
    """Adjust p values so that the expected share of false ones among the claims stays below the level.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B 1995;57:289-300.

    Args:
        p: any shape; NaN are no tests and stay NaN.
    """
    flat, adjusted_p = p.ravel(), np.full(p.size, math.nan)
    order = np.argsort(flat)[: int(np.isfinite(flat).sum())]
    steps = flat[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted_p[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted_p.reshape(p.shape)


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Add to a table with a column ``p`` the columns ``p_holm`` and ``p_bh``, adjusted over all of its rows."""
    p = table["p"].to_numpy(dtype=np.float64)
    return table.assign(p_holm=holm(p), p_bh=benjamini_hochberg(p))
