"""``ctbench train --folds``: one model a fold, and what each predicts of the cases that it did not see as one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctbench.cli.output import note, show_progress
from ctbench.cli.predicting import open_model
from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Case, Dataset
    from ctbench.predictors import PredictorInfo
    from ctbench.runs import Run

__all__ = ["cross_validate", "held_back"]


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
) -> Run:
    """Train on all folds but one, as often as there are folds, and score what is predicted of the folds left out.

    ``out`` gets ``fold-1`` and so on, ``predictions``, ``run``, and ``folds.json``, which names the weights and says
    how good they were. What was broken off goes on.

    Args:
        model: name of the predictor.
        train: learns from cases, chooses by others, writes into a folder and gives the path of the weights.
        dataset: of the cases.
        cases: all of them; those of one patient stay together.
        out: a folder.
        folds: how many.
        options: of the predictor.
        consensus: the rule that fuses readers.
        jobs: processes that score.

    Raises:
        UsageError: there are too few patients.
    """
    from ctbench.predictors import write_labels_file
    from ctbench.runs import run

    _expect_folds(folds, cases)
    weights, held_out, infos = [], _dealt(cases, folds), []
    for number, left_out in enumerate(held_out, 1):
        rest = [case for case in cases if case not in left_out]
        learn, choose = held_back(rest)
        note(
            f"fold {number} of {folds}: {len(learn)} training, {len(choose)} validation, {len(left_out)} held-out cases"
        )
        weights.append(train(learn, choose, out / f"fold-{number}"))
        infos.append(_predict(model, weights[-1], options, left_out, out / "predictions"))
    write_labels_file(_joined(infos), out / "predictions")
    result = run(
        dataset.select([case.id for case in cases]),
        f"folder:{out / 'predictions'}",
        out / "run",
        consensus=consensus,
        jobs=jobs,
        progress=show_progress,
    )
    _write(out, weights, held_out, result)
    return result


def held_back(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Hold a fifth of the patients back to choose the best epoch: the others, and these."""
    back = _dealt(cases, min(5, len({_patient(case) for case in cases})))[0]
    return [case for case in cases if case not in back], back


def _dealt(cases: Sequence[Case], count: int) -> list[list[Case]]:
    """Deal the patients out, so that all cases of one lie in one fold."""
    patients = {name: number % count for number, name in enumerate(dict.fromkeys(map(_patient, cases)))}
    return [[case for case in cases if patients[_patient(case)] == fold] for fold in range(count)]


def _expect_folds(folds: int, cases: Sequence[Case]) -> None:
    patients = len({_patient(case) for case in cases})
    if not 2 <= folds <= patients or patients < 3:
        msg = f"{folds} folds cannot be made of {patients} patients; expected 2 to {patients}, of at least 3 patients"
        raise UsageError(msg)


def _patient(case: Case) -> str:
    return case.patient or case.id


def _predict(model: str, weights: Path, options: Mapping[str, Any], cases: Sequence[Case], out: Path) -> PredictorInfo:
    from ctbench.predictors import predict_into_folder

    # Always anew: beside a training it takes no time, and what lies there may be of other weights or options.
    predictor = open_model(model, weights, dict(options))
    steps = (predict_into_folder(predictor, case.id, case.image(), out) for case in cases)
    for _ in show_progress("predict", steps, len(cases)):
        pass
    return predictor.info


def _joined(infos: Sequence[PredictorInfo]) -> PredictorInfo:
    from ctbench.predictors.folds import joined_digest

    return replace(infos[0], weights_digest=joined_digest([info.weights_digest for info in infos]))


def _write(out: Path, weights: Sequence[Path], held_out: Sequence[Sequence[Case]], result: Run) -> None:
    from ctbench.predictors.folds import Fold, write_folds
    from ctbench.report.frames.tables import common_reference

    rows = result.scores
    rows = rows[(rows["metric"] == "dice") & (rows["reference"] == common_reference(rows))]
    folds = []
    for number, (path, cases) in enumerate(zip(weights, held_out, strict=True), 1):
        names = tuple(case.id for case in cases)
        dice = rows.loc[rows["case"].isin(names), "value"].dropna()
        mean = float(dice.mean()) if len(dice) else None
        folds.append(Fold(number, Path(os.path.relpath(path, out)).as_posix(), names, mean))
    write_folds(out, folds)
