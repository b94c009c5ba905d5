"""Linear models of scores on raters: least squares, standard errors clustered by case, and mixed models."""

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
    """A fitted linear model.

    Attributes:
        differences: Mean of each rater but the baseline, minus that of the baseline.
        errors: Their standard errors; NaN if there is no test.
        degrees: Degrees of freedom of their t tests.
        reason: Why there is no test; else empty.
    """

    differences: Numbers
    errors: Numbers
    degrees: float
    reason: str = ""


def fit_raters(values: Numbers, raters: Codes, cases: Codes, variant: Variant) -> Fit:
    """Return the fit of ``value ~ C(rater)`` with rater 0 as baseline.

    Args:
        values: The n scores.
        raters: The rater of each score: n codes from 0 (the baseline) to k - 1, each of which occurs.
        cases: The case of each score: n codes from 0.
        variant: ``pooled``: ordinary least squares, which assumes independent scores. ``clustered``: the same with
            standard errors clustered by case, and degrees of freedom of the number of cases. ``mixed``: a random effect
            of the case, by restricted maximum likelihood, with the degrees of freedom within cases.
    """
    varies = any(np.ptp(values[raters == rater]) > 0 for rater in np.unique(raters))
    reason = no_spread(len(values) - int(raters.max()) - 1, varies=varies)
    if not reason and variant != "pooled" and _constant_differences(values, raters, cases):
        reason = "the raters differ by the same amount in every case: no residual variance, no test"
    if reason:
        return _untested(values, raters, reason)
    return {"pooled": _pooled, "clustered": _clustered, "mixed": _mixed}[variant](values, raters, cases)


def _constant_differences(values: Numbers, raters: Codes, cases: Codes) -> bool:
    """Return whether each rater differs from the baseline by a constant, up to round-off."""
    table = np.full((int(cases.max()) + 1, int(raters.max()) + 1), math.nan)
    table[cases, raters] = values
    differences = table[:, 1:] - table[:, :1]
    differences = differences[np.isfinite(differences).any(axis=1)]
    spread = np.nanmax(differences, axis=0, initial=-math.inf) - np.nanmin(differences, axis=0, initial=math.inf)
    return bool((spread < 1e-12 * np.abs(values).max()).all())


def no_spread(degrees: int, *, varies: bool) -> str:
    """Return why there is no residual variance, and so no test; empty if there is some."""
    if degrees < 1:
        return "one value of each rater: no residual variance, no test"
    return "" if varies else "the values of each rater are all equal: no residual variance, no test"


def _design(raters: Codes) -> Numbers:
    """Return the design matrix in treatment coding: a constant (the baseline's mean) and a column per other rater."""
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
        return _untested(values, raters, "one case: no clusters, no test")
    fit = sm.OLS(values, _design(raters)).fit(cov_type="cluster", cov_kwds={"groups": cases}, use_t=True)
    return Fit(fit.params[1:], fit.bse[1:], float(degrees))


def _mixed(values: Numbers, raters: Codes, cases: Codes) -> Fit:
    from statsmodels.regression.mixed_linear_model import MixedLM

    size = int(raters.max()) + 1
    degrees = len(values) - len(np.unique(cases)) - (size - 1)
    if degrees < 1:
        return _untested(values, raters, "too few cases were scored for two raters: no variance within cases, no test")
    with warnings.catch_warnings():
        # A case variance estimated as 0 is a valid result (that of ``pooled``), yet statsmodels warns about it.
        warnings.simplefilter("ignore")
        try:
            # Powell's method can reach a case variance of 0; gradient methods fail there.
            fit = MixedLM(values, _design(raters), groups=cases).fit(reml=True, method="powell")
        except (np.linalg.LinAlgError, ValueError) as error:
            return _untested(values, raters, f"the mixed model cannot be fitted: {error}")
    if not fit.converged:
        return _untested(values, raters, "the mixed model did not converge")
    errors = _generalised_errors(_design(raters), cases, float(fit.cov_re[0, 0]), float(fit.scale))
    return Fit(np.asarray(fit.fe_params)[1:size], errors[1:], float(degrees))


def _generalised_errors(design: Numbers, cases: Codes, between: float, within: float) -> Numbers:
    """Return the standard errors of generalised least squares, from (X' V^-1 X)^-1 at the estimated variances.

    statsmodels inverts the joint Hessian of means and variances instead, which differs where scores are missing.

    Args:
        design: The design matrix X, scores x coefficients.
        cases: The case of each score.
        between: Variance of the random effect of the case.
        within: Residual variance. V is block-diagonal: within I + between 11' for each case.
    """
    information = design.T @ design
    for case in np.unique(cases):
        own = design[cases == case]
        total = own.sum(axis=0)
        information = information - between / (within + len(own) * between) * np.outer(total, total)
    return np.asarray(np.sqrt(within * np.diag(np.linalg.inv(information))))


def _untested(values: Numbers, raters: Codes, reason: str) -> Fit:
    means = np.array([values[raters == rater].mean() for rater in range(int(raters.max()) + 1)])
    return Fit(means[1:] - means[0], np.full(len(means) - 1, math.nan), 0.0, reason)
