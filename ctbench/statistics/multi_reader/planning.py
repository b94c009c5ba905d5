"""Power of a multi-reader multi-case study of two conditions, from a pilot study or from given components."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import fdtri, ncfdtr

from ctbench.errors import UsageError
from ctbench.statistics.estimate import ALPHA
from ctbench.statistics.multi_reader.analysis import Components

__all__ = ["MrmcPower", "mrmc_power"]


@dataclass(frozen=True, slots=True)
class MrmcPower:
    """Power of a planned study.

    Attributes:
        power: Probability that the difference is found (p < .05, two-sided), 0 to 1.
        noncentrality: Noncentrality of F.
        degrees: Degrees of freedom of its error.
    """

    power: float
    noncentrality: float
    degrees: float


def mrmc_power(
    components: Components, interaction: float, *, pilot_cases: int, difference: float, readers: int, cases: int
) -> MrmcPower:
    """Return the power to find a difference of two conditions with random readers and cases.

    Hillis, Obuchowski and Berbaum (Academic Radiology 2011;18:129-142): covariances over cases shrink with the number
    of cases, the variance between readers does not.

    Args:
        components: Variance and covariances of a pilot study (``Mrmc.components``), or assumed ones.
        interaction: Mean square of readers x conditions of the pilot study (the third of ``Mrmc.mean_squares``).
        pilot_cases: Number of cases of the pilot study, to which the components belong.
        difference: The difference of the figures of merit to find.
        readers: Number of readers of the planned study, at least 2.
        cases: Number of its cases.

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
    error = between + shrunk * (own + (readers - 1) * excess)
    degrees = error**2 / ((between + shrunk * (own - excess)) ** 2 / (readers - 1))
    noncentrality = readers / 2 * difference**2 / error
    critical = float(fdtri(1, degrees, 1 - ALPHA))
    power = float(1 - ncfdtr(1, degrees, noncentrality, critical)) if math.isfinite(noncentrality) else math.nan
    return MrmcPower(power, noncentrality, degrees)
