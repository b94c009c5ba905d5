"""The tables of a reader study as CSV files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import pandas as pd

from ctbench.agreement.study import ReaderStudy
from ctbench.agreement.summaries import pair_summary, reader_summary, reliability
from ctbench.files import write_text
from ctbench.spreadsheet import as_csv

__all__ = ["write_tables"]


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
    for name, frame in frames.items():
        write_text(Path(folder) / f"{name}.csv", as_csv(frame, line_end="\n").decode())
    return tuple(Path(folder) / f"{name}.csv" for name in frames)
