"""The tables of a reader study as CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import pandas as pd

from ctbench.agreement.choices import StudyChoices, how_many_readers, rules_side_by_side, tolerance_yaml
from ctbench.agreement.lesion_summaries import (
    found_and_missed,
    lesion_counts,
    lesion_numbers,
    lesion_presence,
    lesion_readers,
)
from ctbench.agreement.lesions import LesionStudy
from ctbench.agreement.model_ranks import rank_table
from ctbench.agreement.repeat_summaries import (
    aided_effect,
    components,
    intra_and_inter,
    reader_borders,
    volume_limits,
)
from ctbench.agreement.repeats import ReadingStudy
from ctbench.agreement.study import ReaderStudy
from ctbench.agreement.summaries import pair_summary, reader_summary, reliability
from ctbench.files import write_text
from ctbench.spreadsheet import as_csv

__all__ = ["write_choice_tables", "write_lesion_tables", "write_reading_tables", "write_tables"]


def write_tables(study: ReaderStudy, folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write all tables of a study, unrounded.

    Args:
        study: The study.
        folder: Folder for ``pairs.csv``, ``agreement.csv`` and ``by-reader.csv``, a value for each case; their
            summaries over cases, ``pair-summary.csv``, ``reliability.csv`` and ``reader-summary.csv``;
            ``disagreement.csv``; and ``skipped.csv``, the cases that were left out.

    Returns:
        The paths of the files.

    Raises:
        StoreError: The folder cannot be written.
    """
    frames = {
        "pairs": study.pairs,
        "pair-summary": pair_summary(study),
        "agreement": study.agreement,
        "reliability": reliability(study),
        "by-reader": study.by_reader,
        "reader-summary": reader_summary(study),
        "disagreement": study.disagreement,
        "skipped": pd.DataFrame({"case": list(study.skipped), "reason": list(study.skipped.values())}),
    }
    return _written(frames, Path(folder))


def write_reading_tables(study: ReadingStudy, folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write all tables of a study of sessions and conditions, unrounded.

    Args:
        study: The study.
        folder: Folder for ``readings.csv`` and ``reading-pairs.csv``, a value for each reading or pair; and for
            ``intra-inter.csv``, ``components.csv``, ``volume-limits.csv``, ``borders.csv`` and ``aided.csv``, their
            summaries.

    Returns:
        The paths of the files.

    Raises:
        StoreError: The folder cannot be written.
    """
    frames = {
        "readings": study.readings,
        "reading-pairs": study.pairs,
        "intra-inter": intra_and_inter(study),
        "components": components(study),
        "volume-limits": volume_limits(study),
        "borders": reader_borders(study),
        "aided": aided_effect(study),
    }
    return _written(frames, Path(folder))


def write_choice_tables(choices: StudyChoices, folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write what other numbers of readers and other rules would mean, and the tolerances of the readers.

    Args:
        choices: The results.
        folder: Folder for ``how-many-readers.csv``, ``consensus-rules.csv`` and ``tolerances.yaml``, whose content is
            to be pasted into the YAML of a data set; with models also ``models-by-readers.csv`` and
            ``models-by-rule.csv``.

    Returns:
        The paths of the files.

    Raises:
        StoreError: The folder cannot be written.
    """
    frames = {"how-many-readers": how_many_readers(choices), "consensus-rules": rules_side_by_side(choices)}
    if len(choices.models):
        frames["models-by-readers"] = rank_table(choices.models, "subset")
        frames["models-by-rule"] = rank_table(choices.models, "rule")
    path = Path(folder) / "tolerances.yaml"
    write_text(path, tolerance_yaml(choices) or "tolerance_mm: {}\n")
    return (*_written(frames, Path(folder)), path)


def write_lesion_tables(study: LesionStudy, folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write the lesions among readers, unrounded.

    Args:
        study: The study.
        folder: Folder for ``lesions.csv``, a row for each lesion candidate, ``lesion-disputes.csv``, those that some
            reader missed, the most disputed first, ``lesion-readings.csv``, a row for each of them and each reader; and
            for ``lesion-presence.csv``, ``lesion-numbers.csv``, ``lesion-counts.csv``, ``lesion-readers.csv`` and
            ``lesion-pairs.csv``, their summaries.

    Returns:
        The paths of the files.

    Raises:
        StoreError: The folder cannot be written.
    """
    frames = {
        "lesions": study.lesions,
        "lesion-disputes": study.disputed,
        "lesion-readings": study.readings,
        "lesion-presence": lesion_presence(study),
        "lesion-numbers": lesion_numbers(study),
        "lesion-counts": lesion_counts(study),
        "lesion-readers": lesion_readers(study),
        "lesion-pairs": found_and_missed(study),
    }
    return _written(frames, Path(folder))


def _written(frames: Mapping[str, pd.DataFrame], folder: Path) -> tuple[Path, ...]:
    for name, frame in frames.items():
        write_text(folder / f"{name}.csv", as_csv(frame, line_end="\n").decode())
    return tuple(folder / f"{name}.csv" for name in frames)
