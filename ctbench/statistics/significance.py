"""Who is better than whom: one-sided tests of all pairs of raters."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ctbench.statistics.direction import Direction
from ctbench.statistics.multiplicity import holm
from ctbench.statistics.pairs import Numbers
from ctbench.statistics.samples import samples
from ctbench.statistics.tidy import expect_one

__all__ = ["one_sided_p", "significance_matrix"]


def one_sided_p(values: Numbers) -> Numbers:
    """Test all pairs of columns: Holm-adjusted p that the row's rater is not better than the column's.

    Large-sample signed-rank tests; differences of 0 are dropped and ties corrected for, as in Hollander, Wolfe and
    Chicken, Nonparametric Statistical Methods, section 3.1.

    Args:
        values: cases x raters, higher is better.

    Returns:
        Raters x raters; NaN on the diagonal and for raters that never differ.
    """
    from scipy.stats import rankdata  # takes a second

    first, second = np.triu_indices(values.shape[1], 1)
    differences = np.round(values[:, first] - values[:, second], 12)
    sizes = np.where(differences == 0, math.nan, np.abs(differences))
    ranks = np.nan_to_num(rankdata(sizes, axis=0, nan_policy="omit"))
    spread = np.sqrt((ranks**2).sum(axis=0)) / 2  # with midranks this is the spread that ties leave
    with np.errstate(invalid="ignore", divide="ignore"):
        z = ((ranks * (differences > 0)).sum(axis=0) - ranks.sum(axis=0) / 2) / spread
    p = np.full((values.shape[1],) * 2, math.nan)
    p[first, second], p[second, first] = ndtr(-z), ndtr(z)
    return holm(p)


def significance_matrix(scores: pd.DataFrame, *, direction: Direction | str | None = None) -> pd.DataFrame:
    """Test who is better than whom: one-sided signed-rank tests of all pairs, adjusted by Holm.

    Args:
        scores: tidy scores of one metric, label, reference and dataset.
        direction: as in ``rank``.

    Returns:
        Raters x raters: p of the row's rater not being better than the column's; null on the diagonal, for raters
        that never differ, and for raters without any value. Only cases that every other rater has a value for count.

    Raises:
        UsageError: as ``rank``; also several labels.
    """
    expect_one(scores, ("label",))
    ((_, sample),) = samples(scores.assign(label=""), by=["label"], cluster=None, direction=direction)
    matrix = pd.DataFrame(one_sided_p(sample.values), index=sample.raters, columns=sample.raters)
    everybody = [*sample.raters, *sample.absent]
    return matrix.reindex(index=everybody, columns=everybody)
