"""P values and ranges as text, for pages and terminals."""

from __future__ import annotations

import math

__all__ = ["p_value", "span"]


def p_value(p: float, missing: str = "–") -> str:
    """Write a P value as the papers do: no leading zero, three digits, ``<.001`` below.

    Args:
        p: The P value.
        missing: What stands for an undefined one.

    >>> p_value(0.0312), p_value(0.00001), p_value(0.9999)
    ('.031', '<.001', '>.999')
    """
    if not math.isfinite(p):
        return missing
    if p < 0.001:
        return "<.001"
    return ">.999" if p > 0.999 else f"{p:.3f}".removeprefix("0")


def span(low: object, high: object) -> str:
    """Write a range from low to high; what is written alike is written once.

    >>> span(3, 12), span("0.86", "0.86")
    ('3 to 12', '0.86')
    """
    return " to ".join(dict.fromkeys(map(str, (low, high))))
