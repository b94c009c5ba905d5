"""Hounsfield units of tissues."""

from __future__ import annotations

__all__ = ["AIR", "CSF", "DURA", "GREY", "VENOUS", "WHITE"]

AIR, CSF, WHITE, GREY, DURA, VENOUS = -1000.0, 7.0, 28.0, 37.0, 50.0, 56.0
