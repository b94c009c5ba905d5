"""Planning a multi-reader multi-case study of two conditions: power, width of the interval, and cases needed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
from scipy.special import fdtri, ncfdtr

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA, t_half_width
from ctbench.statistics.multi_reader.analysis import Components, sum_of_mean_squares
from ctbench.statistics.power import smallest

if TYPE_CHECKING:
    from ctbench.statistics.multi_reader.study import Mrmc

__all__ = ["READERS_TO_TRY", "MrmcPower", "mrmc_cases_needed", "mrmc_power"]

READERS_TO_TRY = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
"""Numbers of readers for which a plan is printed unless others are asked for."""

_MOST_DEGREES = 1e9
"""Degrees of freedom that are as good as infinite."""


@dataclass(frozen=True, slots=True)
class MrmcPower:
    """Power and precision of a planned study.

    Attributes:
        power: Probability that the difference is found (p < .05, two-sided), 0 to 1. Without any error it is 1, and NaN
            if the difference is 0 as well.
        noncentrality: Noncentrality of F.
        degrees: Degrees of freedom of its error.
        half_width: Expected half-width of the 95 % interval of the difference, whatever the difference is.
    """

    power: float
    noncentrality: float
    degrees: float
    half_width: float


def mrmc_power(
    components: Components,
    interaction: float,
    *,
    pilot_cases: int,
    difference: float,
    readers: int,
    cases: int,
    sampled: bool = False,
) -> MrmcPower:
    """Return the power to find a difference of two conditions with random readers and cases, and the interval's width.

    Hillis, Obuchowski and Berbaum (Academic Radiology 2011;18:129-142): covariances over cases shrink with the number
    of cases, the variance between readers does not.

    Args:
        components: Variance and covariances of a pilot study (``Mrmc.components``), or assumed ones.
        interaction: Mean square of readers x conditions of the pilot study (the third of ``Mrmc.mean_squares``).
        pilot_cases: Number of cases of the pilot study, to which the components belong.
        difference: The difference of the figures of merit to find.
        readers: Number of readers of the planned study, at least 2.
        cases: Number of its cases.
        sampled: Whether the covariances enter the degrees of freedom with the number of cases, as in
            ``mrmc_of_scores`` (True), or are taken as known, as by Hillis in ``mrmc`` (False, default).

    Raises:
        UsageError: Fewer than two readers or cases.
    """
    if readers < 2 or cases < 2 or pilot_cases < 2:
        msg = (
            f"a study needs at least two readers and two cases, got {readers} and {cases} (pilot: {pilot_cases} cases)"
        )
        raise UsageError(msg)
    shrunk, excess = pilot_cases / cases, components.excess
    own = components.variance - components.cov1
    between = max(interaction - own + excess, 0.0)
    error, degrees = sum_of_mean_squares(
        between + shrunk * (own - excess),
        readers - 1,
        readers * shrunk * excess,
        shrunk * (own + (readers - 1) * excess),
        cases if sampled else None,
    )
    degrees = min(degrees, _MOST_DEGREES)
    if error <= 0:  # nothing hides a difference
        return MrmcPower(1.0 if difference else math.nan, math.inf, degrees, 0.0)
    noncentrality = readers / 2 * difference**2 / error
    power = float(1 - ncfdtr(1, degrees, noncentrality, float(fdtri(1, degrees, 1 - ALPHA))))
    return MrmcPower(power, noncentrality, degrees, t_half_width(math.sqrt(2 * error / readers), degrees))


def mrmc_cases_needed(
    pilot: Mrmc,
    *,
    difference: float | None = None,
    half_width: float | None = None,
    power: float = 0.8,
    readers: Iterable[int] = READERS_TO_TRY,
    limit: int = 10_000,
) -> pd.DataFrame:
    """Return, for each number of readers, the smallest number of cases that finds a difference or is precise enough.

    Args:
        pilot: Results of a factorial pilot study: of conditions (``mrmc``), or of a model and readers
            (``mrmc_of_scores``).
        difference: The difference to find with the given power. None: only the width counts.
        half_width: The largest expected half-width of the 95 % interval of the difference. None: only power counts.
        power: The wanted power, between 0 and 1. Default 0.8.
        readers: Numbers of readers to plan for.
        limit: The largest number of cases to try. Default 10,000.

    Returns:
        Columns readers, cases (null if ``limit`` is not enough), power (to find ``difference``; null without one) and
        half_width, both with so many cases (without them with ``limit``), and reason (why cases is null; else empty).

    Raises:
        UsageError: Neither difference nor half_width is given, one is not positive, the power is not between 0 and 1,
            or the pilot has no interaction of readers and conditions (one condition, or a nested design).
    """
    _check(pilot, difference, half_width, power)

    def planned(count: int, cases: int) -> MrmcPower:
        return mrmc_power(
            pilot.components,
            pilot.mean_squares[2],
            pilot_cases=pilot.cases,
            difference=abs(difference or 0.0),
            readers=count,
            cases=cases,
            sampled=pilot.sampled,
        )

    def enough(count: int, cases: int) -> bool:
        found = planned(count, cases)
        strong = difference is None or found.power >= power
        return strong and (half_width is None or found.half_width <= half_width)

    rows = []
    for count in readers:
        reached = enough(count, limit)
        cases = smallest(partial(enough, count), 1, limit) if reached else limit
        found = planned(count, cases)
        rows.append(
            {
                "readers": count,
                "cases": cases if reached else None,
                "power": math.nan if difference is None else found.power,
                "half_width": found.half_width,
                "reason": "" if reached else f"{limit} cases are not enough: more readers are needed",
            }
        )
    return pd.DataFrame(rows, columns=["readers", "cases", "power", "half_width", "reason"]).astype({"cases": "Int64"})


def _check(pilot: Mrmc, difference: float | None, half_width: float | None, power: float) -> None:
    if difference is None and half_width is None:
        msg = "nothing to plan for; pass the difference to find, the half-width of its interval, or both"
        raise UsageError(msg)
    if difference == 0 or (half_width is not None and not half_width > 0) or not 0 < power < 1:
        msg = (
            "expected a difference other than 0, a half-width above 0 and a power between 0 and 1, "
            f"got {difference}, {half_width} and {power}"
        )
        raise UsageError(msg)
    if pilot.design != "factorial" or math.isnan(pilot.mean_squares[2]):
        msg = (
            "a study is planned from a pilot in which the same readers read the same cases in two conditions or more, "
            f"got the design {pilot.design!r} with {len(pilot.means['condition'].unique())} conditions"
        )
        raise UsageError(msg)
