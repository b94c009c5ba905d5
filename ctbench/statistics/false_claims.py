"""Probability that a printed claim of outperformance is false, from means, SDs and n alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy.special import stdtr

from ctbench.errors import UsageError

__all__ = ["false_claim"]


def false_claim(
    mean: float,
    sd: float,
    other_mean: float,
    other_sd: float,
    n: int,
    correlations: Sequence[float] = (0, 0.5, 0.8, 0.95),
) -> pd.DataFrame:
    """Return the probability that the method with the higher printed mean is not the better one.

    Papers print means and SDs of both methods and not those of the paired differences; these depend on how the two
    methods' values are correlated over cases, which is not printed. With a flat prior the probability is that of the
    t distribution with n - 1 degrees of freedom at the standardised difference.

    Source: Christodoulou et al., False Promises in Medical Imaging AI? Assessing Validity of Outperformance Claims,
    arXiv 2505.04720 (2025).

    Args:
        mean: The printed mean of the first method, for which more is better.
        sd: Its SD over cases.
        other_mean: The printed mean of the other.
        other_sd: Its SD over cases.
        n: Number of cases.
        correlations: Assumed correlations of the two methods' values over cases.

    Returns:
        A row for each correlation: ``correlation``, ``probability`` (null where both SDs leave the differences no
        variance).

    Raises:
        UsageError: Fewer than two cases, a negative SD, two SDs of 0, or a correlation outside [-1, 1].
    """
    if n < 2 or not (min(sd, other_sd) >= 0 < max(sd, other_sd)) or any(abs(r) > 1 for r in correlations):
        given = f"n {n}, SDs {sd:g} and {other_sd:g}, correlations {', '.join(map(str, correlations))}"
        expected = "n of 2 or more, SDs of 0 or more (one above 0), and correlations within [-1, 1]"
        msg = f"expected {expected}; got {given}"
        raise UsageError(msg)
    better = abs(mean - other_mean)
    rows = []
    for r in correlations:
        variance = sd**2 + other_sd**2 - 2 * sd * other_sd * r
        known = variance > 1e-15 * (sd**2 + other_sd**2)
        t = math.sqrt(n) * better / math.sqrt(variance) if known else math.nan
        rows.append((float(r), float(stdtr(n - 1, -t))))
    return pd.DataFrame(rows, columns=["correlation", "probability"])
