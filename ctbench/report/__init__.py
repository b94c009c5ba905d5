"""The report: tables and figures of scores, and one static page that lays them out.

Tables and figures are plain functions of frames, so that other pages can lay them out too: ``tables``, ``figures``,
``overlays``.
"""

from __future__ import annotations

from ctbench.report.build import build_report
from ctbench.report.export import summary_table, write_csv
from ctbench.report.papers import build_audit

__all__ = ["build_audit", "build_report", "summary_table", "write_csv"]
