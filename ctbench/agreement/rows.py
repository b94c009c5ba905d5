"""Rows of a reader study: tidy scores, each with a status."""

from __future__ import annotations

import math
from typing import Any

from ctbench.scores import Status

__all__ = ["row"]

Row = dict[str, Any]


def row(metric: str, value: float, unit: str = "1", *, empty: bool = False, detail: str = "", **who: str) -> Row:
    """Return one row.

    Args:
        metric: Name of the metric.
        value: Its value; NaN if undefined.
        unit: ``1`` (default), ``mm`` or ``mL``.
        empty: Whether nobody drew the structure.
        detail: Why a value is undefined.
        who: The columns case, label, reader, other, as far as they apply.
    """
    undefined = (Status.BOTH_EMPTY if empty else Status.NOT_SAMPLED).value
    status, why = (undefined, detail) if math.isnan(value) else (Status.OK.value, "")
    return {**who, "metric": metric, "value": value, "unit": unit, "status": status, "detail": why}
