"""Cross-validation: train one model per fold, and score the predictions of all held-out cases as one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ctbench.datasets import Case, Dataset
from ctbench.predictors import Isolation, PredictorInfo, open_model, predict_into_folder, write_labels_file
from ctbench.predictors.folds import Fold, joined_digest, write_folds
from ctbench.runs.divisions import divide, expect_enough, split_off_validation
from ctbench.runs.execution import run
from ctbench.runs.folder import Run
from ctbench.runs.phases import Progress
from ctbench.scores import leave_one_out_rows

__all__ = ["cross_validate"]


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
    seed: int | None = None,
    stratum: Mapping[str, str] | None = None,
    hold_out: bool = True,
    isolation: Isolation | None = None,
    progress: Progress = lambda _name, steps, _total: steps,
    report: Callable[[str], None] = lambda _message: None,
) -> Run:
    """Train a model once per fold, predict the cases that it was not trained on, and score all predictions as one run.

    ``out`` gets the folders ``fold-1``, ``fold-2`` ..., ``predictions`` and ``run``, and the file ``folds.json`` with
    the weights, cases and Dice of each fold. An interrupted cross-validation continues where it stopped.

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
        seed: Random seed of the division into folds; None (default): patients in turn.
        stratum: Case id -> stratum that is spread evenly over the folds; None (default): one stratum.
        hold_out: True (default): the best epoch is chosen on a fifth of the training patients. False: on the left-out
            cases themselves, as papers do that have a training and a validation part only; their scores are then too
            good by what this choice fits to them.
        isolation: Whether the predictor is trusted, and its limits; None: third-party code runs in a sandbox.
        progress: Wraps the steps of each phase, to show progress.
        report: Called with a sentence when a fold begins.

    Returns:
        The run of all held-out predictions.

    Raises:
        UsageError: There are too few patients for so many folds.
    """
    expect_enough(folds, cases)
    weights, chosen_on, infos = [], [], []
    held_out = divide(cases, folds, seed=seed, stratum=stratum)
    for number, left_out in enumerate(held_out, 1):
        training, validation = [case for case in cases if case not in left_out], left_out
        if hold_out:
            training, validation = split_off_validation(training, seed=seed, stratum=stratum)
        chosen_on.append(validation)
        counts = f"{len(training)} training, {len(validation)} validation, {len(left_out)} held-out cases"
        report(f"fold {number} of {folds}: {counts}")
        weights.append(train(training, validation, out / f"fold-{number}"))
        infos.append(_predict(model, weights[-1], options, isolation, left_out, out / "predictions", progress))
    digest = joined_digest([info.weights_digest for info in infos])
    told = {} if hold_out else {"best_epoch_on_held_out_cases": True}
    parameters = {**infos[0].parameters, **told}
    write_labels_file(replace(infos[0], weights_digest=digest, parameters=parameters), out / "predictions")
    split = _split_of(dataset, cases)
    result = run(
        dataset if split else dataset.select([case.id for case in cases]),
        f"folder:{out / 'predictions'}",
        out / "run",
        split=split,
        consensus=consensus,
        jobs=jobs,
        progress=progress,
    )
    write_folds(out, _folds(out, weights, held_out, chosen_on, result))
    return result


def _split_of(dataset: Dataset, cases: Sequence[Case]) -> str:
    """Return the split that the cases are, whole; empty if they are not one."""
    split = cases[0].split or ""
    return split if {case.id for case in cases} == {case.id for case in dataset if case.split == split} else ""


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


def _folds(
    out: Path,
    weights: Sequence[Path],
    held_out: Sequence[Sequence[Case]],
    chosen_on: Sequence[Sequence[Case]],
    result: Run,
) -> list[Fold]:
    rows = result.scores
    common = ~leave_one_out_rows(rows["reference"])
    rows = rows[(rows["metric"] == "dice") & common]
    folds = []
    for number, (path, cases, validation) in enumerate(zip(weights, held_out, chosen_on, strict=True), 1):
        names, chosen = (tuple(case.id for case in part) for part in (cases, validation))
        dice = rows.loc[rows["case"].isin(names), "value"].dropna()
        mean = float(dice.mean()) if len(dice) else None
        folds.append(Fold(number, Path(os.path.relpath(path, out)).as_posix(), names, mean, chosen))
    return folds
