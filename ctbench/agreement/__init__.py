"""Inter-reader agreement: pairs of readers, reliability, and maps of disagreement."""

from __future__ import annotations

from ctbench.agreement.candidates import Candidate, find_candidates, lesion_consensus
from ctbench.agreement.choices import (
    StudyChoices,
    how_many_readers,
    rules_side_by_side,
    study_choices,
    tolerance_yaml,
    tolerances,
)
from ctbench.agreement.disagreement import disagreement_map
from ctbench.agreement.lesion_summaries import (
    found_and_missed,
    lesion_counts,
    lesion_numbers,
    lesion_presence,
    lesion_readers,
)
from ctbench.agreement.lesions import LesionStudy, study_lesions
from ctbench.agreement.model_ranks import rank_table
from ctbench.agreement.opening import opening_sentences, opening_summary
from ctbench.agreement.repeat_summaries import (
    aided_effect,
    components,
    intra_and_inter,
    reader_borders,
    volume_limits,
)
from ctbench.agreement.repeats import ReadingStudy, study_readings
from ctbench.agreement.snapshots import Snapshot
from ctbench.agreement.study import ReaderStudy, study_readers
from ctbench.agreement.summaries import pair_summary, reader_summary, reliability
from ctbench.agreement.tables import (
    write_choice_tables,
    write_lesion_tables,
    write_reading_tables,
    write_tables,
)

__all__ = [
    "Candidate",
    "LesionStudy",
    "ReaderStudy",
    "ReadingStudy",
    "Snapshot",
    "StudyChoices",
    "aided_effect",
    "components",
    "disagreement_map",
    "find_candidates",
    "found_and_missed",
    "how_many_readers",
    "intra_and_inter",
    "lesion_consensus",
    "lesion_counts",
    "lesion_numbers",
    "lesion_presence",
    "lesion_readers",
    "opening_sentences",
    "opening_summary",
    "pair_summary",
    "rank_table",
    "reader_borders",
    "reader_summary",
    "reliability",
    "rules_side_by_side",
    "study_choices",
    "study_lesions",
    "study_readers",
    "study_readings",
    "tolerance_yaml",
    "tolerances",
    "volume_limits",
    "write_choice_tables",
    "write_lesion_tables",
    "write_reading_tables",
    "write_tables",
]
