"""Split-conformal prediction intervals, with calibration cases drawn by patient, their coverage and width."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ctbench.errors import UsageError

__all__ = ["Coverage", "conformal_coverage", "conformal_half_width"]


def conformal_half_width(scores: ArrayLike, alpha: float = 0.1) -> float:
    """Return the half-width of a prediction interval that covers 1 - alpha of new cases.

    The k-th smallest score, k = ceil((n + 1)(1 - alpha)); infinite where k > n: so few cases cannot promise it (Lei et
    al., J Am Stat Assoc 2018;113:1094-1111).

    Args:
        scores: |prediction - observation| of the n calibration cases; those that are NaN are left out.
        alpha: Share of cases outside of their interval, between 0 and 1.

    Raises:
        UsageError: ``alpha`` is not between 0 and 1.

    Example:
        >>> [conformal_half_width([0.2, 0.5, 0.9, 1.1, 1.4, 2, 2.2, 3.1, 4], alpha) for alpha in (0.2, 0.1, 0.05)]
        [3.1, 4.0, inf]
    """
    if not 0 < alpha < 1:
        msg = f"expected an alpha between 0 and 1, got {alpha}"
        raise UsageError(msg)
    values = np.asarray(scores, np.float64).ravel()
    ordered = np.sort(values[~np.isnan(values)])
    rank = math.ceil(round((len(ordered) + 1) * (1 - alpha), 9))  # 10 x (1 - .1) is a little above 9
    return float(ordered[rank - 1]) if rank <= len(ordered) else math.inf


class Coverage(NamedTuple):
    """A conformal interval, and how it did on cases that it was not made from.

    Attributes:
        half_width: The interval is the prediction +- this.
        coverage: Share of the other cases within their interval; NaN if there are none.
        calibration_cases: Number of cases that it was made from.
        cases: Number of the other cases.
    """

    half_width: float
    coverage: float
    calibration_cases: int
    cases: int


def conformal_coverage(
    predicted: ArrayLike,
    observed: ArrayLike,
    patients: ArrayLike,
    *,
    alpha: float = 0.1,
    share: float = 0.5,
    seed: int = 0,
) -> Coverage:
    """Make an interval from the cases of some patients, and count how many cases of the other patients it covers.

    Args:
        predicted: Predicted value of each case, e.g. a volume in mL. Cases without a prediction or an observation (NaN)
            are left out and not counted.
        observed: Observed value of each case.
        patients: Patient of each case; all cases of a patient are on one side.
        alpha: As for ``conformal_half_width``.
        share: Share of the patients for calibration, rounded down.
        seed: Seed of the draw of patients.
    """
    errors = np.abs(np.asarray(predicted, np.float64) - np.asarray(observed, np.float64))
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(names))[: int(share * len(names))]
    known = ~np.isnan(errors)
    errors, calibration = errors[known], np.isin(owner.ravel(), drawn)[known]
    half_width = conformal_half_width(errors[calibration], alpha)
    others = errors[~calibration]
    covered = float((others <= half_width).mean()) if others.size else math.nan
    return Coverage(half_width, covered, int(calibration.sum()), len(others))
