"""Commands that make weights: ``train``, ``weights import``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.cli.crossvalidation import cross_validate, held_back
from ctbench.cli.data import Catalog, Consensus, Jobs
from ctbench.cli.output import AsCsv, AsJson, note, print_summary, show_progress
from ctbench.cli.plugins import Device, predictor_options
from ctbench.cli.predicting import ModelName
from ctbench.errors import PluginNotFoundError, UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Case, Dataset

__all__ = ["IMPORTERS", "TRAINERS", "register"]

TRAINERS = "ctbench.trainers"
"""Entry points that train: callables of (dataset, training cases, validation cases, out, **settings), which give the
path of the weights."""
IMPORTERS = "ctbench.weight_imports"
"""Entry points that convert the weights of other programs: callables of (source, out, labels)."""

TrainingOptions = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="A setting of the training; may be repeated."),
]

weights_app = typer.Typer(help="Bring weights of other programs in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(train)
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
    start_from: Annotated[
        Path | None,
        typer.Option("--start-from", metavar="WEIGHTS", help="Fine-tune these weights instead of random ones."),
    ] = None,
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
    option: TrainingOptions = None,
    predict_option: Annotated[
        list[str] | None,
        typer.Option("--predict-option", metavar="KEY=VALUE", help="With --folds: given to the predictor."),
    ] = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Train a model on the consensus of a dataset's readers; voxels on which they could not agree do not count.

    Without --folds it learns from the split train and chooses the best epoch on the split validation. With --folds it
    takes all cases; those of one patient stay together, and the out-of-fold predictions become one run. What was broken
    off goes on with --resume; with --folds the same command does.

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
        "start_from": start_from,
        "options": predictor_options(option, None),
        "progress": show_progress,
        "report": _tell,
    }
    chosen = _subgroup(list(loaded), only or [], keep_tests=not folds)
    if not folds:
        training, validation = _splits(loaded, chosen)
        weights = trainer(loaded, training, validation, out, resume=resume, **settings)
        note(f"weights: {weights}")
        return
    result = cross_validate(
        model,
        lambda learn, choose, folder: trainer(loaded, learn, choose, folder, resume=True, **settings),
        loaded,
        chosen,
        out,
        folds=folds,
        options=predictor_options(predict_option, device),
        consensus=rule,
        jobs=jobs,
    )
    print_summary([result], as_json=as_json, as_csv=as_csv)
    note(f"folds: {out / 'folds.json'}")


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


def _subgroup(cases: Sequence[Case], only: Sequence[str], *, keep_tests: bool) -> list[Case]:
    chosen = list(cases)
    for condition in only:
        column, equals, value = condition.partition("=")
        if not equals or not any(column in case.subgroups for case in cases):
            known = sorted({name for case in cases for name in case.subgroups})
            columns = ", ".join(known) or "none"
            msg = f"--only expects COLUMN=VALUE with a column of the case table ({columns}), got {condition!r}"
            raise UsageError(msg)
        # What the model is tested on stays, unless folds learn from that too.
        chosen = [
            case for case in chosen if case.subgroups.get(column) == value or (keep_tests and case.split == "test")
        ]
    return chosen


def _splits(dataset: Dataset, cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    training = [case for case in cases if case.split == "train"]
    validation = [case for case in cases if case.split == "validation"]
    if not training:
        msg = f"dataset {dataset.name} has no case to learn from in the split train; give it one, or use --folds"
        raise UsageError(msg)
    return (training, validation) if validation else held_back(training)


def _tell(curves: Any, epochs: int) -> None:
    note(
        f"epoch {len(curves.loss)} of at most {epochs}: loss {curves.loss[-1]:.4f}, validation "
        f"{curves.validation_loss[-1]:.4f}, soft Dice {curves.soft_dice[-1]:.4f}, {curves.seconds[-1]:.1f} s"
    )
