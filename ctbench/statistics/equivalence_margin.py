"""Tests of equivalence and non-inferiority within a margin (two one-sided t tests, TOST)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr

from ctbench.errors import UsageError
from ctbench.statistics.clustered_mean import clustered_mean
from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA, t_quantile
from ctbench.statistics.missing import Numbers
from ctbench.statistics.multiplicity import holm
from ctbench.statistics.samples import pairings
from ctbench.statistics.tidy import as_names

__all__ = ["equivalence", "margin_verdict"]


def equivalence(
    scores: pd.DataFrame,
    *,
    model: str,
    margin: float,
    by: str | Sequence[str] = "label",
    cluster: str | None = None,
    direction: Direction | str | None = None,
    holm_within: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test whether a model is equivalent to, or not inferior to, each other rater within a margin.

    Two one-sided paired t tests (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 1987;15:657-680): the
    model is equivalent if the 90 % interval of its mean difference lies within the margin, and not inferior if the
    interval does not reach the margin on the worse side. A non-significant difference (p > .05) shows neither. A rater
    is called different by the test of ``leave_one_out_tests``: the paired t test, with Holm's correction over raters.
    The tests of equivalence are not corrected: a model is equivalent to all readers only if every one of them shows
    it, and that needs no correction. A model
    that differs by exactly the margin is called equivalent in 2 % (12 cases) to 6 % (50 cases) of simulated studies.

    Args:
        scores: Tidy scores of one metric and dataset on one reference; for a comparison with readers, a reference to
            which they did not contribute.
        model: Name of the model.
        margin: The largest difference that does not matter, in the unit of the metric; chosen before seeing the data.
        by: Name or names of the columns whose values are tested separately.
        cluster: As in ``paired_tests``: ``patient`` if patients have several scans.
        direction: As in ``categorical_regression``.
        holm_within: Name or names of the columns, some of ``by``, within whose values Holm's correction is made: the
            label, say, where each reader has a reference of their own. None: ``by``.

    Returns:
        One row per group and rater: the columns ``by``, ``rater``, ``n`` pairs, ``difference`` (mean of model minus
        rater) with ``low, high`` (90 % interval), ``margin``, ``p`` of a difference and ``p_holm`` (adjusted over the
        raters), ``p_equivalence`` (the larger of the two p),
        ``p_inferiority`` (null for a metric without a better direction), ``verdict`` (in words), ``rows_left_out``
        (scores without a pair or a value), ``reason`` (why p is null; else empty).

    Raises:
        UsageError: As ``paired_tests``; also if the margin is not positive.
    """
    if not margin > 0:
        msg = f"the equivalence margin must be positive, got {margin}"
        raise UsageError(msg)
    groups, rows = as_names(by), []
    for head, rater, minus, clusters, left_out, good in pairings(
        scores, baseline=model, by=groups, cluster=cluster, direction=direction
    ):
        tested = _two_one_sided(-minus, clusters, margin, good)
        rows.append(head | {"rater": rater, "n": len(minus)} | tested | {"rows_left_out": left_out})
    columns = ("rater", "n", "difference", "low", "high", "margin", "p", "p_holm", "p_equivalence", "p_inferiority")
    table = pd.DataFrame(rows, columns=[*groups, *columns, "verdict", "rows_left_out", "reason"])
    family = groups if holm_within is None else as_names(holm_within)
    for _, own in table.groupby(family, sort=False, dropna=False, observed=True) if family else [((), table)]:
        table.loc[own.index, "p_holm"] = holm(own["p"].to_numpy(float))
    ps = table[["p", "p_holm", "p_equivalence", "p_inferiority"]].to_numpy(float)
    return table.assign(verdict=[margin_verdict(p, own, same, less, margin) for p, own, same, less in ps])


def _two_one_sided(
    differences: Numbers, clusters: NDArray[np.integer], margin: float, direction: Direction
) -> dict[str, Any]:
    n = len(differences)
    mean, error, degrees = clustered_mean(differences, clusters)
    empty = {"difference": mean, "low": math.nan, "high": math.nan, "margin": margin}
    reason = ""
    if n < 2:
        reason = "fewer than two pairs"
    elif not degrees:
        reason = "all cases are of one patient: no test"
    elif np.ptp(differences) == 0:
        reason = "all differences are equal: no variance, no test"
    if reason:
        return empty | dict.fromkeys(("p", "p_equivalence", "p_inferiority"), math.nan) | {"reason": reason}
    half = t_quantile(1 - ALPHA, degrees) * error
    above = float(stdtr(degrees, -(mean + margin) / error))  # null hypothesis: the difference is at most -margin
    below = float(stdtr(degrees, (mean - margin) / error))  # null hypothesis: it is at least +margin
    inferior = {Direction.HIGHER: above, Direction.LOWER: below, Direction.NEITHER: math.nan}[direction]
    return empty | {
        "low": mean - half,
        "high": mean + half,
        "p": 2 * float(stdtr(degrees, -abs(mean) / error)),
        "p_equivalence": max(above, below),
        "p_inferiority": inferior,
        "reason": "",
    }


def margin_verdict(p: float, p_different: float, p_equivalent: float, p_inferior: float, margin: float) -> str:
    """Return in words what the tests of a difference show.

    Args:
        p: Of the difference; NaN: there was no test.
        p_different: The same, corrected for other tests if wanted.
        p_equivalent: That the difference is no smaller than the margin.
        p_inferior: That what is tested is worse by the margin or more; NaN: not tested.
        margin: The largest difference that does not matter.
    """
    differs = p_different < ALPHA
    if math.isnan(p):
        return "no test"
    if p_equivalent < ALPHA:
        return f"equivalent within {margin:g}" + (", though different" if differs else "")
    if p_inferior < ALPHA:
        return f"not inferior by {margin:g}" + (", and different" if differs else "")
    return "different" if differs else "neither difference nor equivalence shown"
