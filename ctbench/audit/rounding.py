"""Interval arithmetic with printed figures: every printed number is the interval of numbers that round to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ctbench.errors import UsageError
from ctbench.statistics.direction import Direction
from ctbench.statistics.estimate import ALPHA, t_p_value

__all__ = ["Cell", "Range", "Verdict", "asterisks", "verdict_of"]

Verdict = str
"""``reproduced``, ``undecidable`` or ``contradicted``."""


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from ``low`` to ``high``, and arithmetic with them.

    Results are exact where every range occurs once in an expression; where one occurs twice they are too wide.

    Example:
        >>> Range.printed(0.5, 1) + 1
        Range(low=1.45, high=1.55)
    """

    low: float
    high: float

    @classmethod
    def printed(cls, value: float, decimals: int = 0) -> Range:
        """Return the numbers that round to ``value`` when printed with so many digits after the point."""
        half = 0.5 * 10.0**-decimals
        return cls(value - half, value + half)

    @classmethod
    def exactly(cls, value: float) -> Range:
        """Return the range of a number that is known exactly, such as a count."""
        return cls(value, value)

    def __add__(self, other: Range | float) -> Range:
        other = _as_range(other)
        return Range(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Range:
        return Range(-self.high, -self.low)

    def __sub__(self, other: Range | float) -> Range:
        return self + -_as_range(other)

    def __rsub__(self, other: float) -> Range:
        return _as_range(other) - self

    def __mul__(self, other: Range | float) -> Range:
        other = _as_range(other)
        products = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Range(min(products), max(products))

    def __truediv__(self, other: Range | float) -> Range:
        other = _as_range(other)
        if other.low <= 0 <= other.high:
            msg = f"cannot divide by a range that holds 0, got {other}"
            raise UsageError(msg)
        return self * Range(1 / other.high, 1 / other.low)

    def __rtruediv__(self, other: float) -> Range:
        return _as_range(other) / self

    def __abs__(self) -> Range:
        low = 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Range(low, max(abs(self.low), abs(self.high)))

    __radd__, __rmul__ = __add__, __mul__

    def squared(self) -> Range:
        """Return the range of the squares."""
        size = abs(self)
        return Range(size.low**2, size.high**2)

    def at_least(self, bound: float) -> Range:
        """Return the range without what lies below a bound, such as negative standard deviations."""
        return Range(max(self.low, bound), max(self.high, bound))

    def at_most(self, bound: float) -> Range:
        """Return the range without what lies above a bound, such as shares above 1."""
        return Range(min(self.low, bound), min(self.high, bound))

    def meets(self, other: Range) -> bool:
        """Return whether some number lies in both, up to round-off; intervals that only touch at their ends do not."""
        slack = 1e-9 * max(1.0, abs(self.high), abs(other.high))
        overlap = min(self.high, other.high) - max(self.low, other.low)
        is_point = min(self.high - self.low, other.high - other.low) <= slack
        return overlap >= -slack if is_point else overlap > slack


def _as_range(value: Range | float) -> Range:
    return value if isinstance(value, Range) else Range.exactly(value)


def verdict_of(printed: Range, follows: Range, expected: float) -> Verdict:
    """Judge a printed figure that follows from other printed figures.

    Args:
        printed: the numbers that round to the printed figure.
        follows: the numbers that follow from the other figures, each over its rounding interval.
        expected: the number that follows from them as they are printed.

    Returns:
        ``reproduced`` if the expected number rounds to the printed one, ``undecidable`` if another choice within the
        rounding would, ``contradicted`` if none would.
    """
    if printed.meets(Range.exactly(expected)):
        return "reproduced"
    return "undecidable" if printed.meets(follows) else "contradicted"


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed mean and standard deviation (n - 1) of n scores of a rater, and whether an asterisk stands there."""

    rater: str
    mean: Range
    sd: Range
    n: int
    marked: bool = False


def asterisks(cells: Sequence[Cell], *, baseline: str, direction: Direction | str) -> pd.DataFrame:
    """Recompute the asterisks of one row of a table: "better than the baseline with p < .05".

    The test is ``categorical_regression_from_summary``. p falls as the means move apart and as the standard deviations
    shrink, so that its range over the rounding intervals is found at their ends.

    Args:
        cells: One cell per rater.
        baseline: the rater that the others are compared with.
        direction: Whether higher or lower scores are better.

    Returns:
        A row for each other rater: ``rater, marked, verdict``, ``value_low, value_high`` (range of the difference,
        rater minus baseline), ``p_low, p_high``. ``reproduced``: all numbers within the rounding lead to what is
        printed; ``contradicted``: none does; ``undecidable``: some do.

    Raises:
        UsageError: The baseline is not among the cells, or no degrees of freedom are left.
    """
    base = next((cell for cell in cells if cell.rater == baseline), None)
    degrees = sum(cell.n - 1 for cell in cells)
    if base is None or degrees < 1 or min(cell.n for cell in cells) < 1:
        had = ", ".join(f"{cell.rater} (n {cell.n})" for cell in cells)
        msg = f"expected the baseline {baseline!r} and degrees of freedom among the cells, got {had or 'none'}"
        raise UsageError(msg)
    squares = sum((cell.sd.at_least(0).squared() * (cell.n - 1) for cell in cells), Range.exactly(0))
    rows = []
    for cell in cells:
        if cell is not base:
            variance = squares / degrees * (1 / cell.n + 1 / base.n)
            errors = Range(math.sqrt(variance.low), math.sqrt(variance.high))
            rows.append({"rater": cell.rater, "marked": cell.marked} | _tested(cell, base, errors, degrees, direction))
    return pd.DataFrame(rows, columns=["rater", "marked", "verdict", "value_low", "value_high", "p_low", "p_high"])


def _tested(cell: Cell, base: Cell, errors: Range, degrees: int, direction: Direction | str) -> dict[str, object]:
    difference = cell.mean - base.mean
    distance, gain = abs(difference), -difference if Direction(direction) is Direction.LOWER else difference
    may = gain.high > 0 and _p(gain.high, errors.low, degrees) < ALPHA
    must = gain.low > 0 and _p(gain.low, errors.high, degrees) < ALPHA
    return {
        "verdict": "undecidable" if may != must else "reproduced" if may == cell.marked else "contradicted",
        "value_low": difference.low,
        "value_high": difference.high,
        "p_low": _p(distance.high, errors.low, degrees),
        "p_high": _p(distance.low, errors.high, degrees),
    }


def _p(difference: float, error: float, degrees: int) -> float:
    """Return p of a difference; without any spread it is 0 for a positive difference, else 1."""
    if error > 0:
        return t_p_value(difference, error, degrees)
    return 0.0 if difference > 0 else 1.0
