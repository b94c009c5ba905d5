"""A run as `ctbench run` makes it: predictor, dataset, and a folder by default."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import Any

from ctbench.datasets import Dataset, load_dataset
from ctbench.errors import UsageError
from ctbench.predictors import Predictor
from ctbench.runs.execution import run as run_on
from ctbench.runs.folder import Run

__all__ = ["run", "usual_folder", "usual_split"]


def run(
    predictor: str | Predictor,
    dataset: Dataset | str | PathLike[str],
    folder: str | PathLike[str] | None = None,
    *,
    split: str | None = None,
    **settings: Any,
) -> Run:
    """Score a predictor, or the readers, on a dataset, in the order of the arguments of ``ctbench run``.

    Args:
        predictor: As PREDICTOR of ``ctbench run``, or a predictor object; ``readers`` scores the readers.
        dataset: A dataset, its name, or the path of its YAML file.
        folder: Folder of the run. None: ``runs/DATASET/PREDICTOR``.
        split: Score the cases of this split, or ``all``. None: ``test`` if the dataset has such a split, else all.
        settings: Keyword arguments of ``ctbench.runs.run``, such as ``metrics``, ``options`` and ``jobs``.

    Returns:
        The complete run; `Run.summary` describes it.

    Raises:
        UsageError: The arguments stand in the other order, or as ``ctbench.runs.run``.
        CtbenchError: As ``ctbench.runs.run``.
    """
    if isinstance(predictor, Dataset):
        msg = "expected run(predictor, dataset), as on the command line; got a dataset first"
        raise UsageError(msg)
    loaded = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    name = predictor if isinstance(predictor, str) else predictor.info.name
    place = usual_folder(loaded, name) if folder is None else Path(folder)
    return run_on(loaded, predictor, place, split=usual_split(loaded, split), **settings)


def usual_folder(dataset: Dataset, predictor: str) -> Path:
    """Return ``runs/DATASET/PREDICTOR``, the folder of a run unless another one is named."""
    return Path("runs") / dataset.name / re.sub(r"[^\w.-]+", "-", predictor).strip("-")[:80]


def usual_split(dataset: Dataset, split: str | None) -> str:
    """Return the split that ``--split`` means: empty for all cases; for None ``test`` if there is one."""
    if split is None:
        return "test" if any(case.split == "test" for case in dataset) else ""
    return "" if split == "all" else split
