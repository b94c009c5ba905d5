"""Cross-validation: train one model per fold, and score the predictions of all held-out cases as one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ctbench.datasets import Case, Dataset
from ctbench.errors import UsageError
from ctbench.predictors import Isolation, PredictorInfo, open_model, predict_into_folder, write_labels_file
from ctbench.predictors.folds import Fold, joined_digest, write_folds
from ctbench.runs.execution import run
from ctbench.runs.folder import Run
from ctbench.runs.phases import Progress
from ctbench.scores import leave_one_out_rows

__all__ = ["cross_validate", "split_off_validation"]

_VALIDATION_PARTS = 5
"""Number of parts that the training patients are split into; one of them is used to choose the best epoch."""


def cross_validate(
    model: str,
    train: Callable[[Sequence[Case], Sequence[Case], Path], Path],
    dataset: Dataset,
    cases: Sequence[Case],
    out: Path,
    *,
    folds: int,
    options: Mapping[str, Any],
    consensus: str,
    jobs: int,
    isolation: Isolation | None = None,
    progress: Progress = lambda _name, steps, _total: steps,
    report: Callable[[str], None] = lambda _message: None,
) -> Run:
    """Train a model once per fold, predict the cases that it was not trained on, and score all predictions as one run.

    ``out`` gets the folders ``fold-1``, ``fold-2`` ..., ``predictions`` and ``run``, and the file ``folds.json`` with
    the weights, held-out cases and Dice of each fold. An interrupted cross-validation continues where it stopped.

    Args:
        model: Name of the predictor.
        train: Trains on the first cases, chooses the best epoch by the second ones, writes into the folder and returns
            the path of the weights.
        dataset: The dataset of the cases.
        cases: Cases to train on and to predict; those of one patient stay in one fold.
        out: Output folder.
        folds: Number of folds, from 2 to the number of patients.
        options: Keyword arguments of the predictor.
        consensus: Rule that fuses the readers, as in ``ctbench.consensus.fuse``.
        jobs: Number of processes that score; -1 uses all cores.
        isolation: Whether the predictor is trusted, and its limits; None: third-party code runs in a sandbox.
        progress: Wraps the steps of each phase, to show progress.
        report: Called with a sentence when a fold begins.

    Returns:
        The run of all held-out predictions.

    Raises:
        UsageError: There are too few patients for so many folds.
    """
    _expect_folds(folds, cases)
    weights, held_out, infos = [], _by_patient(cases, folds), []
    for number, left_out in enumerate(held_out, 1):
        training, validation = split_off_validation([case for case in cases if case not in left_out])
        counts = f"{len(training)} training, {len(validation)} validation, {len(left_out)} held-out cases"
        report(f"fold {number} of {folds}: {counts}")
        weights.append(train(training, validation, out / f"fold-{number}"))
        infos.append(_predict(model, weights[-1], options, isolation, left_out, out / "predictions", progress))
    digest = joined_digest([info.weights_digest for info in infos])
    write_labels_file(replace(infos[0], weights_digest=digest), out / "predictions")
    result = run(
        dataset.select([case.id for case in cases]),
        f"folder:{out / 'predictions'}",
        out / "run",
        consensus=consensus,
        jobs=jobs,
        progress=progress,
    )
    write_folds(out, _folds(out, weights, held_out, result))
    return result


def split_off_validation(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Split cases by patient into training cases and a fifth for validation, which chooses the best epoch."""
    patients = len({_patient(case) for case in cases})
    validation = _by_patient(cases, min(_VALIDATION_PARTS, patients))[0]
    return [case for case in cases if case not in validation], validation


def _by_patient(cases: Sequence[Case], count: int) -> list[list[Case]]:
    """Split cases into ``count`` parts, patients in turn, so that all cases of one patient are in one part."""
    parts = {name: number % count for number, name in enumerate(dict.fromkeys(map(_patient, cases)))}
    return [[case for case in cases if parts[_patient(case)] == part] for part in range(count)]


def _expect_folds(folds: int, cases: Sequence[Case]) -> None:
    patients = len({_patient(case) for case in cases})
    if not 2 <= folds <= patients or patients < 3:
        msg = f"{folds} folds cannot be made of {patients} patients; expected 2 to {patients}, of at least 3 patients"
        raise UsageError(msg)


def _patient(case: Case) -> str:
    return case.patient or case.id


def _predict(
    model: str,
    weights: Path,
    options: Mapping[str, Any],
    isolation: Isolation | None,
    cases: Sequence[Case],
    out: Path,
    progress: Progress,
) -> PredictorInfo:
    # Existing predictions are overwritten: they may come from other weights or options, and predicting is quick
    # compared with training.
    predictor = open_model(model, weights, options, isolation)
    steps = (predict_into_folder(predictor, case.id, case.image(), out) for case in cases)
    for _ in progress("predict", steps, len(cases)):
        pass
    return predictor.info


def _folds(out: Path, weights: Sequence[Path], held_out: Sequence[Sequence[Case]], result: Run) -> list[Fold]:
    rows = result.scores
    common = ~leave_one_out_rows(rows["reference"])
    rows = rows[(rows["metric"] == "dice") & common]
    folds = []
    for number, (path, cases) in enumerate(zip(weights, held_out, strict=True), 1):
        names = tuple(case.id for case in cases)
        dice = rows.loc[rows["case"].isin(names), "value"].dropna()
        mean = float(dice.mean()) if len(dice) else None
        folds.append(Fold(number, Path(os.path.relpath(path, out)).as_posix(), names, mean))
    return folds
