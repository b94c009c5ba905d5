"""Commands about models with weights: ``train``, ``predict``, ``weights import``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.cli.data import Catalog, Consensus, Jobs
from ctbench.cli.output import AsCsv, AsJson, note, print_frame, print_summary, show_progress
from ctbench.cli.plugins import Device, Options, predictor_options
from ctbench.errors import PluginNotFoundError, UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Case, Dataset
    from ctbench.predictors import Predictor

__all__ = ["IMPORTERS", "TRAINERS", "register"]

TRAINERS = "ctbench.trainers"
"""Entry points that train: callables of (dataset, training cases, validation cases, out, **settings), which give the
path of the weights."""
IMPORTERS = "ctbench.weight_imports"
"""Entry points that convert the weights of other programs: callables of (source, out, labels)."""

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="A model, e.g. cai-unet.")]

weights_app = typer.Typer(help="Bring weights of other programs in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(train)
    app.command()(predict)
    app.add_typer(weights_app, name="weights")


def train(
    model: ModelName,
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name, or a YAML file.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for weights, card, curves and checkpoint.")],
    preset: Annotated[
        Literal["paper", "demo"], typer.Option("--preset", help="demo: narrow, for phantoms, minutes on a laptop.")
    ] = "paper",
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
    folds: Annotated[
        int, typer.Option("--folds", help="Train so many times, each on all other folds, and score the predictions.")
    ] = 0,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="COLUMN=VALUE", help="Learn from this subgroup; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of weights, sampling and augmentation.")] = 0,
    rule: Consensus = "majority",
    catalog: Catalog = None,
    option: Options = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Train a model on the consensus of a dataset's readers; voxels on which they could not agree do not count.

    Without --folds it learns from the split train and chooses the best epoch on the split validation. With --folds it
    takes all cases; those of one patient stay together, and the out-of-fold predictions become one run.

    Example: `ctbench train cai-unet --dataset phantom-anatomy --preset demo --out trained/cai-unet`
    """
    from ctbench.datasets import load_dataset

    trainer = _plugin(TRAINERS, model)
    loaded = load_dataset(dataset, catalog=catalog)
    settings = {
        "preset": preset,
        "device": device or "auto",
        "seed": seed,
        "consensus": rule,
        "options": predictor_options(option, None),
        "progress": show_progress,
    }
    chosen = _subgroup(list(loaded), only or [])
    if not folds:
        training, validation = _splits(loaded, chosen)
        weights = trainer(loaded, training, validation, out, resume=resume, report=_tell, **settings)
        note(f"weights: {weights}")
        return
    _expect_folds(folds, chosen)
    for number, held_out in enumerate(_folds(chosen, folds)):
        folder = out / f"fold-{number + 1}"
        rest = [case for case in chosen if case not in held_out]
        training, validation = _validated(rest)
        if not (folder / "weights.safetensors").is_file():
            note(f"fold {number + 1} of {folds}: {len(training)} training, {len(held_out)} held-out cases")
            trainer(loaded, training, validation, folder, resume=True, report=_tell, **settings)
        _predict_held_out(model, folder / "weights.safetensors", device, held_out, out / "predictions")
    from ctbench.runs import run

    pooled = loaded.select([case.id for case in chosen])
    result = run(
        pooled, f"folder:{out / 'predictions'}", out / "run", consensus=rule, jobs=jobs, progress=show_progress
    )
    print_summary([result], as_json=as_json, as_csv=as_csv)


def predict(
    model: ModelName,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of DICOM.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the label maps.")],
    weights: Annotated[Path | None, typer.Option("--weights", help="Default: those that the model comes with.")] = None,
    device: Device = None,
    option: Options = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Predict images: one {image}.nii.gz each, and labels.json with the names of the codes.

    Example: `ctbench predict cai-unet --weights trained/cai-unet/weights.safetensors head.nii.gz --out predicted`
    """
    import pandas as pd

    from ctbench.volume import read_volume

    names = [path.name.split(".")[0] for path in images]
    if len(set(names)) < len(names):
        msg = f"two images would be written to the same file in {out}; give images of different names"
        raise UsageError(msg)
    predictor = _predictor(model, weights, predictor_options(option, device))
    steps = (
        (name, _predict_one(predictor, name, read_volume(path), out)) for name, path in zip(names, images, strict=True)
    )
    rows = [{"image": name, **facts} for name, facts in show_progress("predict", steps, len(names))]
    _write_names(predictor, out)
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    note(f"label maps: {out}")


@weights_app.command("import")
def import_weights(
    model: ModelName,
    source: Annotated[Path, typer.Argument(help="The authors' file: Keras .hdf5, or .npz.")],
    out: Annotated[Path | None, typer.Option("--out", help="Default: NAME.safetensors.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME=CODE", help="Of each class, in order; default: the paper's."),
    ] = None,
) -> None:
    """Convert the weights that a paper's authors published.

    Example: `ctbench weights import cai-unet head_ct.hdf5 --out cai-unet.safetensors`
    """
    convert = _plugin(IMPORTERS, model)
    out = out or Path(f"{model}.safetensors")
    convert(source, out, {name: int(code) for name, code in predictor_options(label, None).items()} or None)
    note(f"weights: {out}")


def _plugin(group: str, name: str) -> Callable[..., Any]:
    known = {entry.name: entry for entry in entry_points(group=group)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
        what = "trained" if group == TRAINERS else "given weights of another program"
        msg = f"no model that can be {what} is called {name!r}; {hint}"
        raise PluginNotFoundError(msg)
    loaded: Callable[..., Any] = known[name].load()
    return loaded


def _subgroup(cases: Sequence[Case], only: Sequence[str]) -> list[Case]:
    chosen = list(cases)
    for condition in only:
        column, equals, value = condition.partition("=")
        if not equals or not any(column in case.subgroups for case in cases):
            known = sorted({name for case in cases for name in case.subgroups})
            columns = ", ".join(known) or "none"
            msg = f"--only expects COLUMN=VALUE with a column of the case table ({columns}), got {condition!r}"
            raise UsageError(msg)
        # A subgroup is what is learnt from; what the model is tested on stays.
        chosen = [case for case in chosen if case.split == "test" or case.subgroups.get(column) == value]
    return chosen


def _splits(dataset: Dataset, cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    training = [case for case in cases if case.split == "train"]
    validation = [case for case in cases if case.split == "validation"]
    if not training:
        msg = f"dataset {dataset.name} has no case to learn from in the split train; give it one, or use --folds"
        raise UsageError(msg)
    return (training, validation) if validation else _validated(training)


def _validated(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Hold a fifth of the patients back to choose the best epoch."""
    held_back = _folds(cases, min(5, len({_patient(case) for case in cases})))[0]
    return [case for case in cases if case not in held_back], held_back


def _folds(cases: Sequence[Case], count: int) -> list[list[Case]]:
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


def _predictor(model: str, weights: Path | None, options: dict[str, Any]) -> Predictor:
    from ctbench.predictors import FolderPredictions, load_predictor

    if weights is not None:
        options["weights"] = str(weights)
    predictor = load_predictor(model, options)
    if isinstance(predictor, FolderPredictions):
        msg = f"{model} holds predictions that are made already; there is nothing to predict"
        raise UsageError(msg)
    return predictor


def _predict_one(predictor: Predictor, name: str, image: Any, out: Path) -> dict[str, Any]:
    import numpy as np

    from ctbench.files import write_text
    from ctbench.predictors import check_prediction
    from ctbench.volume import write_volume

    prediction = check_prediction(predictor.predict(image), image, predictor.info)
    write_volume(image.with_array(prediction.labels), out / f"{name}.nii.gz")
    if prediction.score is not None:
        write_text(out / f"{name}.json", json.dumps({"score": prediction.score}) + "\n")
    codes = predictor.info.labels.codes
    volumes = {
        f"{label}_ml": float(np.sum(prediction.labels == code)) * image.voxel_ml for label, code in codes.items()
    }
    return {"score": prediction.score, **volumes}


def _write_names(predictor: Predictor, out: Path) -> None:
    from ctbench.files import write_text

    info = predictor.info
    card = {
        "name": info.name,
        "version": info.version,
        "labels": dict(info.labels.codes),
        "weights_digest": info.weights_digest,
        "training_datasets": list(info.training_datasets),
    }
    write_text(out / "labels.json", json.dumps(card, indent=1) + "\n")


def _predict_held_out(model: str, weights: Path, device: str | None, cases: Sequence[Case], out: Path) -> None:
    predictor = _predictor(model, weights, {} if device is None else {"device": device})
    for case in cases:
        if not (out / f"{case.id}.nii.gz").is_file():
            _predict_one(predictor, case.id, case.image(), out)
    _write_names(predictor, out)


def _tell(curves: Any, epochs: int) -> None:
    note(
        f"epoch {len(curves.loss)} of at most {epochs}: loss {curves.loss[-1]:.4f}, validation "
        f"{curves.validation_loss[-1]:.4f}, soft Dice {curves.soft_dice[-1]:.4f}, {curves.seconds[-1]:.1f} s"
    )
