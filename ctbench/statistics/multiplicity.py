"""P values adjusted for multiple testing: Holm, and Benjamini and Hochberg."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ctbench.statistics.missing import Numbers

__all__ = ["adjusted", "holm"]


def holm(p: Numbers) -> Numbers:
    """Return p values adjusted by Holm, which bounds the probability of one false rejection or more.

    Holm, Scandinavian Journal of Statistics 1979;6:65-70. Written here because statsmodels' ``multipletests`` collects
    garbage in each call, which takes 0.1 to 0.3 s, and ``rank`` makes thousands of calls.

    Args:
        p: P values, an array of any shape; NaN where there was no test.

    Returns:
        The adjusted p values in the same shape; NaN where there was no test.
    """
    flat, adjusted_p = p.ravel(), np.full(p.size, math.nan)
    order = np.argsort(flat)[: int(np.isfinite(flat).sum())]
    steps = flat[order] * np.arange(len(order), 0, -1)
    adjusted_p[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted_p.reshape(p.shape)


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of tests with two more columns, the p values adjusted over all of its rows.

    Args:
        table: One row per test, with a column ``p``; null where there was no test.

    Returns:
        The table with ``p_holm`` (Holm) and ``p_bh`` (Benjamini and Hochberg, Journal of the Royal Statistical Society
        B 1995;57:289-300, which bounds the expected share of false rejections).
    """
    from scipy.stats import false_discovery_control  # takes a second

    p = table["p"].to_numpy(dtype=np.float64)
    tested, p_bh = np.isfinite(p), np.full(len(p), math.nan)
    p_bh[tested] = false_discovery_control(p[tested], method="bh")
    return table.assign(p_holm=holm(p), p_bh=p_bh)
