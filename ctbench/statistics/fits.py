"""Linear models of scores on raters: least squares, standard errors clustered by case, and mixed models."""

from __future__ import annotations

import math
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
    size = int(raters.max()) + 1
    degrees = len(values) - len(np.unique(cases)) - (size - 1)
    if degrees < 1:
        return _untested(values, raters, "too few cases were scored for two raters: no variance within cases, no test")
    model = _RandomIntercept(values, _design(raters), cases)
    means, errors = model.estimates(model.variance_ratio())
    return Fit(means[1:], errors[1:], float(degrees))


class _RandomIntercept:
    """A linear model with a random effect of the case, by restricted maximum likelihood.

    V is block-diagonal: ``within`` times (I + ratio 11') for each case. Only the ratio of the variance of cases to that
    within cases must be searched; at a given ratio the means are those of generalised least squares, and their standard
    errors follow from (X' V^-1 X)^-1 (Bates et al., Journal of Statistical Software 2015, 67(1), section 3).

    Args:
        values: The n scores.
        design: The design matrix X, n x coefficients.
        cases: The case of each score.
    """

    def __init__(self, values: Numbers, design: Numbers, cases: Codes) -> None:
        _, own = np.unique(cases, return_inverse=True)
        self._sizes = np.bincount(own)
        columns = np.column_stack([design, values - values.mean()])
        self._sums = np.stack([np.bincount(own, weights=column) for column in columns.T], axis=1)
        self._products = columns.T @ columns
        self._degrees = len(values) - design.shape[1]
        self._shift = np.eye(design.shape[1])[0] * values.mean()

    def _weighted(self, ratio: float) -> tuple[Numbers, Numbers, float]:
        """Return X' V^-1 X, the coefficients of the centred values, and the residual variance, for within = 1."""
        shrunk = (ratio / (1 + self._sizes * ratio))[:, None]
        products = self._products - self._sums.T @ (shrunk * self._sums)
        information, moments = products[:-1, :-1], products[:-1, -1]
        means = np.linalg.solve(information, moments)
        return information, means, float(products[-1, -1] - moments @ means) / self._degrees

    def _deviance(self, ratio: float) -> float:
        information, _, within = self._weighted(ratio)
        determinant = np.linalg.slogdet(information).logabsdet
        return float(self._degrees * math.log(within) + np.log1p(self._sizes * ratio).sum() + determinant)

    def variance_ratio(self) -> float:
        """Return the variance of cases over that within cases which has the highest restricted likelihood."""
        from scipy.optimize import minimize_scalar

        logs = np.linspace(-12, 25, 75)
        best = int(np.argmin([self._deviance(math.exp(log)) for log in logs]))
        if best == 0:
            return 0.0
        around = (logs[best - 1], logs[min(best + 1, len(logs) - 1)])
        found = minimize_scalar(
            lambda log: self._deviance(math.exp(log)), bounds=around, method="bounded", options={"xatol": 1e-9}
        )
        ratio = math.exp(float(found.x))
        return ratio if self._deviance(ratio) < self._deviance(0.0) else 0.0

    def estimates(self, ratio: float) -> tuple[Numbers, Numbers]:
        """Return the coefficients and their standard errors at a ratio of the variances."""
        information, means, within = self._weighted(ratio)
        return means + self._shift, np.asarray(np.sqrt(within * np.diag(np.linalg.inv(information))))


def _untested(values: Numbers, raters: Codes, reason: str) -> Fit:
    means = np.array([values[raters == rater].mean() for rater in range(int(raters.max()) + 1)])
    return Fit(means[1:] - means[0], np.full(len(means) - 1, math.nan), 0.0, reason)
