"""The verdict on one run among the other runs on its dataset: where does my model stand?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from ctbench.boards import board_of
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.equivalence import MARGIN
from ctbench.report.frames.verdict import VERDICT_COLUMNS, verdicts
from ctbench.runs import Run

__all__ = ["verdict_of"]


def verdict_of(
    run: Run, beside: Iterable[Run] = (), *, patients: Mapping[str, str] | None = None, margin: float = MARGIN
) -> pd.DataFrame:
    """Return where the model of a run stands among the runs that were scored by the same rules.

    Args:
        run: The run of a model.
        beside: Other runs, of models and readers; those on other datasets or by other rules are left out.
        patients: Case -> patient; other cases are patients of their own.
        margin: The largest difference in Dice that does not matter.

    Returns:
        The rows of ``verdicts`` of this model; none for a run of readers.

    Raises:
        StoreError: The files of a run cannot be read.
        UsageError: The runs were scored against several common references.
    """
    own = run.folder.resolve()
    others = [one for one in beside if one.folder.resolve() != own and one.manifest.dataset == run.manifest.dataset]
    board = board_of([*others, run])
    for results in comparable_runs(board, run.manifest.dataset):
        for name in results.models:
            if board.folders[results.run_of(name)].resolve() == own:
                table = verdicts(replace(results, patients=patients or {}), margin=margin, models=[name])
                return table[table["rater"] == name].reset_index(drop=True)
    return pd.DataFrame(columns=list(VERDICT_COLUMNS))
