"""Where a model stands after a run: its rank among the runs that are already there, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ctbench.cli.output import note
from ctbench.errors import CtbenchError

if TYPE_CHECKING:
    from ctbench.runs import Run

__all__ = ["note_standing"]


def note_standing(run: Run, folder: Path, patients: Mapping[str, str]) -> None:
    """Note the verdict on the model of a run, among the runs of a folder that were scored by the same rules.

    Args:
        run: The run of a model, in this folder or in another one.
        folder: Folder of runs on the dataset, such as ``runs/DATASET``.
        patients: Case -> patient.
    """
    from ctbench.report import verdict_of  # imports statsmodels

    beside = [other for other in _runs_in(folder) if other.folder.resolve() != run.folder.resolve()]
    try:
        rows = verdict_of(run, beside, patients=patients)
    except CtbenchError as error:  # the run itself is whole
        note(f"no rank among the runs in {folder}: {error}")
        return
    for sentence in rows["sentence"]:
        note(str(sentence))
    if len(rows) and folder.is_dir():
        note(f"ranked among the runs in {folder}; see: ctbench leaderboard {folder.parent}")


def _runs_in(folder: Path) -> list[Run]:
    """Open the complete runs in a folder; others are skipped."""
    from ctbench.runs import open_run

    found = []
    for path in sorted(folder.glob("*/run.json")):
        try:
            found.append(open_run(path.parent))
        except CtbenchError:
            continue
    return found
