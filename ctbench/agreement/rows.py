"""Rows of a study as they come: tidy scores, each with a status, none left out silently."""

from __future__ import annotations

import math
from typing import Any

from ctbench.scores import Status

__all__ = ["row"]

Row = dict[str, Any]


def row(metric: str, value: float, unit: str = "1", *, empty: bool = False, detail: str = "", **who: str) -> Row:
    """Make one row.

    Args:
        metric: what was measured.
        value: NaN where it is undefined.
        unit: ``1``, ``mm`` or ``mL``.
        empty: whether nobody drew the structure.
        detail: why a value is undefined.
        who: case, label, reader, other.
    """
    undefined = (Status.BOTH_EMPTY if empty else Status.NOT_SAMPLED).value
    status, why = (undefined, detail) if math.isnan(value) else (Status.OK.value, "")
    return {**who, "metric": metric, "value": value, "unit": unit, "status": status, "detail": why}
