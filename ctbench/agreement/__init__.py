"""Inter-reader agreement: pairs of readers, reliability, and maps of disagreement."""

from __future__ import annotations

from ctbench.agreement.disagreement import disagreement_map
from ctbench.agreement.study import ReaderStudy, study_readers
from ctbench.agreement.summaries import pair_summary, reader_summary, reliability
from ctbench.agreement.tables import write_tables

__all__ = [
    "ReaderStudy",
    "disagreement_map",
    "pair_summary",
    "reader_summary",
    "reliability",
    "study_readers",
    "write_tables",
]
