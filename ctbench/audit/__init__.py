"""Audit of the papers' tables: every printed figure that follows from others is recomputed."""

from __future__ import annotations

from ctbench.audit.findings import COLUMNS, Finding
from ctbench.audit.papers import audit

__all__ = ["COLUMNS", "Finding", "audit"]
