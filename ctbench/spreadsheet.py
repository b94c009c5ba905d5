"""Tables to take away: CSV that a spreadsheet shows and never runs, and Parquet."""

from __future__ import annotations

import io

import pandas as pd

__all__ = ["as_csv", "as_parquet"]

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets run cells that begin with one of these; https://owasp.org/www-community/attacks/CSV_Injection."""


def as_csv(frame: pd.DataFrame, *, line_end: str = "\r\n") -> bytes:
    """Write a table as CSV in UTF-8 (RFC 4180); text that a spreadsheet would run is put behind an apostrophe.

    Args:
        frame: numbers stay as they are, also negative ones; null is empty.
        line_end: End of each line; default as in RFC 4180.
    """
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime"])
    safe = frame.assign(**{str(name): column.map(_inert) for name, column in texts.items()})
    return safe.rename(columns=_inert).to_csv(index=False, lineterminator=line_end).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    """Write a table as Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value
