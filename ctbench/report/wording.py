"""Text of numbers, metrics and units: digits by unit, intervals, P values, counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ctbench.metric_descriptions import DESCRIPTIONS
from ctbench.numerals import p_value, span

__all__ = [
    "MISSING",
    "counted",
    "fixed",
    "interval",
    "listed",
    "mean_sd",
    "metric_heading",
    "metric_title",
    "p_sign",
    "p_value",
    "percent",
    "shortened",
    "span",
    "unit_title",
    "with_interval",
]

MISSING = "–"

_DIGITS = {"1": 3, "mm": 2, "mL": 2, "s": 2, "%": 1}


def metric_title(metric: str) -> str:
    """Return a metric's name as written in text; an unknown metric keeps its own."""
    return DESCRIPTIONS[metric].title if metric in DESCRIPTIONS else metric


def metric_heading(metric: str, unit: str) -> str:
    """Return a metric's name with its unit, as on an axis."""
    return ", ".join(part for part in (metric_title(metric), unit_title(unit)) if part)


def unit_title(unit: str) -> str:
    """Return a unit as written in a table head; empty for a pure number."""
    return "" if unit == "1" else unit


def fixed(value: float | None, unit: str = "1", digits: int | None = None) -> str:
    """Write a number with the digits that its unit deserves: ratios 3, mm, mL and seconds 2, percentages 1.

    Args:
        value: The number; a dash is written if it is undefined.
        unit: Its unit.
        digits: Number of digits after the point instead of the unit's, as a paper prints it.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    # z: no minus sign before what is rounded to zero.
    return f"{value:z.{_DIGITS.get(unit, 2) if digits is None else digits}f}".replace("-", "−")


def mean_sd(mean: float, sd: float, unit: str = "1", digits: int | None = None) -> str:
    """Write mean ± SD, the mean alone if the SD is undefined (a single case); arguments as for ``fixed``."""
    spread = f" ± {fixed(sd, unit, digits)}" if math.isfinite(mean) and math.isfinite(sd) else ""
    return f"{fixed(mean, unit, digits)}{spread}"


def interval(low: float, high: float, unit: str = "1", digits: int | None = None) -> str:
    """Write an interval as ``low to high``, which minus signs cannot make ambiguous; arguments as for ``fixed``."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{fixed(low, unit, digits)} to {fixed(high, unit, digits)}"


def with_interval(value: float | None, low: float, high: float, unit: str = "1", digits: int | None = None) -> str:
    """Write a number and its interval as ``0.870 (0.850 to 0.890)``, the number alone if it has no interval.

    Takes the arguments of ``fixed`` and of ``interval``.
    """
    number = fixed(value, unit, digits)
    between = MISSING if number == MISSING else interval(low, high, unit, digits)
    return number if between == MISSING else f"{number} ({between})"


def percent(share: float, digits: int = 1) -> str:
    """Write a share as a percentage."""
    return f"{100 * share:z.{digits}f} %".replace("-", "−") if math.isfinite(share) else MISSING


def counted(counts: Iterable[float], noun: str = "cases") -> str:
    """Return the range of several n in words: ``n = 12 cases``, ``n = 3 to 12 cases``."""
    found = sorted(map(int, counts)) or [0]
    return f"n = {span(found[0], found[-1])} {noun}".rstrip()


def listed(names: Sequence[str]) -> str:
    """Write names as in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def p_sign(p: float) -> str:
    """Write a P value after its sign, as in ``P = .012`` and ``P < .001``."""
    written = p_value(p)
    return f"{written[0]} {written[1:]}" if written[0] in "<>" else f"= {written}"


def shortened(name: str, length: int = 26) -> str:
    """Cut a user's name to what fits beside an axis, on one line."""
    line = " ".join(name.split())
    return line if len(line) <= length else line[: length - 1] + "…"
