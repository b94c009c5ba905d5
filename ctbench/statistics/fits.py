"""Fits of a linear model of scores on raters, with three ways to take account of the cases that raters share."""

from __future__ import annotations

import math
import warnings
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctbench.statistics.missing import Numbers

__all__ = ["Fit", "Variant", "fit_raters", "no_spread"]

Variant = Literal["pooled", "clustered", "mixed"]
Codes = NDArray[np.integer]


class Fit(NamedTuple):
    """Differences of the raters from the baseline, their standard errors, and the degrees of freedom of their t tests.

    Errors are NaN where ``reason`` says why there is no test.
    """

    differences: Numbers
    errors: Numbers
    degrees: float
    reason: str = ""


def fit_raters(values: Numbers, raters: Codes, cases: Codes, variant: Variant) -> Fit:
    """Fit ``value ~ C(rater)`` with rater 0 as baseline.

    Args:
        values: n scores.
        raters: n codes, from 0 (the baseline) to k - 1, each of which occurs.
        cases: n codes of cases.
        variant: ``pooled``: ordinary least squares, which takes scores as independent. ``clustered``: the same with
            standard errors clustered by case and degrees of freedom of the cases. ``mixed``: a random effect of the
            case, by restricted maximum likelihood, with the degrees of freedom within cases.
    """
    varies = any(np.ptp(values[raters == rater]) > 0 for rater in np.unique(raters))
    reason = no_spread(len(values) - int(raters.max()) - 1, varies=varies)
    if not reason and variant != "pooled" and _constant_differences(values, raters, cases):
        reason = "the raters differ by the same amount in every case: no spread to compare with"
    if reason:
        return _untested(values, raters, reason)
    return {"pooled": _pooled, "clustered": _clustered, "mixed": _mixed}[variant](values, raters, cases)


def _constant_differences(values: Numbers, raters: Codes, cases: Codes) -> bool:
    """Whether, up to round-off, every rater differs from the baseline by an amount of its own."""
    table = np.full((int(cases.max()) + 1, int(raters.max()) + 1), math.nan)
    table[cases, raters] = values
    differences = table[:, 1:] - table[:, :1]
    differences = differences[np.isfinite(differences).any(axis=1)]
    spread = np.nanmax(differences, axis=0, initial=-math.inf) - np.nanmin(differences, axis=0, initial=math.inf)
    return bool((spread < 1e-12 * np.abs(values).max()).all())


def no_spread(degrees: int, *, varies: bool) -> str:
    """Say why there is no residual variance to test against; empty if there is one."""
    if degrees < 1:
        return "one value of each rater: no spread to compare with"
    return "" if varies else "the values of each rater are all equal: no spread to compare with"


def _design(raters: Codes) -> Numbers:
    """Treatment coding: a constant, which is the baseline's mean, and a column for each other rater."""
    design: Numbers = (raters[:, None] == np.arange(raters.max() + 1)).astype(np.float64)
    design[:, 0] = 1
    return design


def _pooled(values: Numbers, raters: Codes, _cases: Codes) -> Fit:
    import statsmodels.api as sm  # takes two seconds

    fit = sm.OLS(values, _design(raters)).fit()
    return Fit(fit.params[1:], fit.bse[1:], float(fit.df_resid))


def _clustered(values: Numbers, raters: Codes, cases: Codes) -> Fit:
    import statsmodels.api as sm

    degrees = len(np.unique(cases)) - 1
    if degrees < 1:
        return _untested(values, raters, "one case: no clusters to compare")
    fit = sm.OLS(values, _design(raters)).fit(cov_type="cluster", cov_kwds={"groups": cases}, use_t=True)
    return Fit(fit.params[1:], fit.bse[1:], float(degrees))


def _mixed(values: Numbers, raters: Codes, cases: Codes) -> Fit:
    from statsmodels.regression.mixed_linear_model import MixedLM

    size = int(raters.max()) + 1
    degrees = len(values) - len(np.unique(cases)) - (size - 1)
    if degrees < 1:
        return _untested(values, raters, "hardly a case has been scored for two raters: no spread within cases")
    with warnings.catch_warnings():
        # A case variance at its boundary 0 is a result (the fit is then that of ``pooled``), not a fault.
        warnings.simplefilter("ignore")
        try:
            # Powell reaches a case variance of 0, at which the gradient methods give up.
            fit = MixedLM(values, _design(raters), groups=cases).fit(reml=True, method="powell")
        except (np.linalg.LinAlgError, ValueError) as error:
            return _untested(values, raters, f"the mixed model cannot be fitted: {error}")
    if not fit.converged:
        return _untested(values, raters, "the mixed model did not converge")
    return Fit(np.asarray(fit.fe_params)[1:size], np.asarray(fit.bse_fe)[1:size], float(degrees))


def _untested(values: Numbers, raters: Codes, reason: str) -> Fit:
    means = np.array([values[raters == rater].mean() for rater in range(int(raters.max()) + 1)])
    return Fit(means[1:] - means[0], np.full(len(means) - 1, math.nan), 0.0, reason)
