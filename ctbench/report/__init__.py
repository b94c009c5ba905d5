"""The report: tables and figures of scores, and one static page that lays them out.

Tables and figures are plain functions of frames, so that other pages can lay them out too: ``tables``, ``figures``,
``overlays``.
"""

from __future__ import annotations

from ctbench.report.export import summary_table, write_csv
from ctbench.report.frames.own_verdict import verdict_of
from ctbench.report.latex import latex_tables, write_latex
from ctbench.report.model_index import write_model_index
from ctbench.report.page.audits import build_audit
from ctbench.report.page.build import build_report
from ctbench.report.page.printing import find_browser, print_pdf
from ctbench.report.trackers import expect_tracker, log_run

__all__ = [
    "build_audit",
    "build_report",
    "expect_tracker",
    "find_browser",
    "latex_tables",
    "log_run",
    "print_pdf",
    "summary_table",
    "verdict_of",
    "write_csv",
    "write_latex",
    "write_model_index",
]
