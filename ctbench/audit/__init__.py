"""Do the papers' own tables agree with themselves? Every figure that follows from others is worked out again."""

from __future__ import annotations

from ctbench.audit.findings import COLUMNS, Finding
from ctbench.audit.papers import audit

__all__ = ["COLUMNS", "Finding", "audit"]
