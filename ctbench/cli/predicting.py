"""``predict``: label maps of images that belong to no dataset; and what a cross-validation does with those of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctbench.cli.output import AsCsv, AsJson, note, print_frame, show_progress
from ctbench.cli.plugins import Device, Options, predictor_options
from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.predictors import Predictor

__all__ = ["ModelName", "open_model", "register"]

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="A model, e.g. cai-unet.")]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(predict)


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

    from ctbench.predictors import predict_into_folder, write_labels_file
    from ctbench.volume import read_volume

    names = [path.name.split(".")[0] for path in images]
    if len(set(names)) < len(names):
        msg = f"two images would be written to the same file in {out}; give images of different names"
        raise UsageError(msg)
    predictor = open_model(model, weights, predictor_options(option, device))
    steps = (
        (name, predict_into_folder(predictor, name, read_volume(path), out))
        for name, path in zip(names, images, strict=True)
    )
    rows = [{"image": name, **facts} for name, facts in show_progress("predict", steps, len(names))]
    write_labels_file(predictor.info, out)
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    note(f"label maps: {out}")


def open_model(model: str, weights: Path | None, options: dict[str, Any]) -> Predictor:
    """Make the predictor of a model with given weights.

    Raises:
        UsageError: it is a folder of predictions.
    """
    from ctbench.predictors import FolderPredictions, load_predictor

    predictor = load_predictor(model, options if weights is None else {**options, "weights": str(weights)})
    if isinstance(predictor, FolderPredictions):
        msg = f"{model} holds predictions that are made already; there is nothing to predict"
        raise UsageError(msg)
    return predictor
