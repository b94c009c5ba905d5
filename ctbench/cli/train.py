"""`ctbench train`: train a model on a dataset, once or by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.cli.options import (
    AsCsv,
    AsJson,
    Catalog,
    Consensus,
    DatasetOption,
    Device,
    Jobs,
    ModelName,
    TrustPackage,
    key_values,
)
from ctbench.cli.output import note, print_summary, show_progress
from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Case, Dataset

__all__ = ["train"]


def train(
    model: ModelName,
    dataset: DatasetOption,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Folder of weights, description, curves and checkpoint.")
    ],
    preset: Annotated[
        Literal["paper", "demo", "nnunet"],
        typer.Option(
            "--preset",
            help="paper: as published. demo: a narrow network for phantoms, minutes on a laptop. "
            "nnunet: nnU-Net's settings, cascade-unet only.",
        ),
    ] = "paper",
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in --out.")] = False,
    start_from: Annotated[
        Path | None,
        typer.Option("--start-from", metavar="FILE", help="Fine-tune these weights. [default: random weights]"),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            "--folds", metavar="N", help="Cross-validate with N folds and score the held-out cases; 0 trains once."
        ),
    ] = 0,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SPLIT",
            help="With --folds: the cases of this split, or 'all'. [default: all cases outside the split test]",
        ),
    ] = None,
    stratify: Annotated[
        str | None,
        typer.Option(
            "--stratify",
            metavar="LABEL|COLUMN",
            help="With --folds: spread the positives of this structure, or the values of this column of the case "
            "table, evenly over the folds.",
        ),
    ] = None,
    hold_out: Annotated[
        bool,
        typer.Option(
            "--hold-out/--no-hold-out",
            help="With --folds: choose the best epoch on a fifth of the training patients, or, as in the papers, on "
            "the fold that is left out.",
        ),
    ] = True,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="COLUMN=VALUE", help="Train on this subgroup of the case table only. May be repeated."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Random seed of weights, sampling, augmentation and folds.")
    ] = 0,
    consensus: Consensus = "majority",
    catalog: Catalog = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="Setting of the training. May be repeated."),
    ] = None,
    predict_option: Annotated[
        list[str] | None,
        typer.Option(
            "--predict-option",
            metavar="KEY=VALUE",
            help="With --folds: keyword argument of the predictor. May be repeated.",
        ),
    ] = None,
    trust: TrustPackage = False,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Train a model on the consensus of a dataset's readers, without the voxels on which they could not agree.

    Without --folds the model is trained on the split train, and the split validation chooses the best epoch. With
    --folds all cases outside the split test are shuffled by --seed into folds; those of one patient stay in one fold,
    and the held-out predictions become one run. An interrupted training continues with --resume; with --folds the same
    command continues it. A model of another package than ctbench needs --trust.

    Example: `ctbench train cai-unet --dataset phantom-anatomy --preset demo --out trained/cai-unet`
    """
    from ctbench.datasets import load_dataset
    from ctbench.predictors import Isolation
    from ctbench.predictors.trainers import load_trainer
    from ctbench.runs import cases_for_folds, cross_validate, strata

    trainer = load_trainer(model, trust=trust)
    loaded = load_dataset(dataset, catalog=catalog)
    settings = {
        "preset": preset,
        "device": device or "auto",
        "seed": seed,
        "consensus": consensus,
        "start_from": start_from,
        "options": key_values(option),
        "progress": show_progress,
        "report": _note_epoch,
    }
    chosen = _subgroup(list(loaded), only or [], keep_tests=not folds)
    if not folds:
        if split is not None or stratify is not None or not hold_out:
            msg = "--split, --stratify and --no-hold-out divide cases into folds; use them with --folds N"
            raise UsageError(msg)
        training, validation = _splits(loaded, chosen)
        weights = trainer(loaded, training, validation, out, resume=resume, **settings)
        note(f"weights: {weights}")
        return
    chosen = cases_for_folds(loaded, chosen, split)
    result = cross_validate(
        model,
        lambda training, validation, folder: trainer(loaded, training, validation, folder, resume=True, **settings),
        loaded,
        chosen,
        out,
        folds=folds,
        options=key_values(predict_option, device),
        consensus=consensus,
        jobs=jobs,
        seed=seed,
        stratum=strata(loaded, chosen, stratify, consensus) if stratify else None,
        hold_out=hold_out,
        isolation=Isolation(trust=trust),
        progress=show_progress,
        report=note,
    )
    print_summary([result], as_json=as_json, as_csv=as_csv)
    note(f"folds: {out / 'folds.json'}")


def _subgroup(cases: Sequence[Case], only: Sequence[str], *, keep_tests: bool) -> list[Case]:
    """Return the cases that meet every condition of ``--only``; with ``keep_tests`` also all cases of split test."""
    chosen = list(cases)
    for condition in only:
        column, equals, value = condition.partition("=")
        if not equals or not any(column in case.subgroups for case in cases):
            known = sorted({name for case in cases for name in case.subgroups})
            columns = ", ".join(known) or "none"
            msg = f"--only expects COLUMN=VALUE with a column of the case table ({columns}), got {condition!r}"
            raise UsageError(msg)
        chosen = [
            case for case in chosen if case.subgroups.get(column) == value or (keep_tests and case.split == "test")
        ]
    return chosen


def _splits(dataset: Dataset, cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    from ctbench.runs import split_off_validation

    training = [case for case in cases if case.split == "train"]
    validation = [case for case in cases if case.split == "validation"]
    if not training:
        msg = f"dataset {dataset.name} has no case in the split train; add one to its case table, or use --folds"
        raise UsageError(msg)
    return (training, validation) if validation else split_off_validation(training)


def _note_epoch(curves: Any, epochs: int) -> None:
    note(
        f"epoch {len(curves.loss)} of at most {epochs}: loss {curves.loss[-1]:.4f}, validation "
        f"{curves.validation_loss[-1]:.4f}, soft Dice {curves.soft_dice[-1]:.4f}, {curves.seconds[-1]:.1f} s"
    )
