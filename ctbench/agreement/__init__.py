"""Inter-reader agreement: pairs of readers, reliability, and maps of disagreement."""

from __future__ import annotations

from ctbench.agreement.disagreement import disagreement_map
from ctbench.agreement.repeat_summaries import (
    aided_effect,
    components,
    intra_and_inter,
    opening_sentence,
    reader_borders,
)
from ctbench.agreement.repeats import ReadingStudy, has_repeats, study_readings
from ctbench.agreement.study import ReaderStudy, study_readers
from ctbench.agreement.summaries import pair_summary, reader_summary, reliability
from ctbench.agreement.tables import write_reading_tables, write_tables

__all__ = [
    "ReaderStudy",
    "ReadingStudy",
    "aided_effect",
    "components",
    "disagreement_map",
    "has_repeats",
    "intra_and_inter",
    "opening_sentence",
    "pair_summary",
    "reader_borders",
    "reader_summary",
    "reliability",
    "study_readers",
    "study_readings",
    "write_reading_tables",
    "write_tables",
]
