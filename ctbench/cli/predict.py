"""`ctbench predict`: predict images that belong to no dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Device, ModelName, Options, key_values
from ctbench.cli.output import note, print_frame, show_progress
from ctbench.errors import UsageError

__all__ = ["predict"]


def predict(
    model: ModelName,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of DICOM files.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the label maps.")],
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="Weights of the model. [default: those installed with it]"),
    ] = None,
    device: Device = None,
    option: Options = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Predict images: writes one {image}.nii.gz each, and labels.json with the names of the codes.

    Prints the score (probability of a positive case) and the volume of each label in mL.

    Example: `ctbench predict cai-unet --weights trained/cai-unet/weights.safetensors head.nii.gz --out predicted`
    """
    import pandas as pd

    from ctbench.predictors import load_model, predict_into_folder, write_labels_file
    from ctbench.volume import read_volume

    names = [path.name.split(".")[0] for path in images]
    if len(set(names)) < len(names):
        msg = f"two images would be written to the same file in {out}; rename one, so that they have different names"
        raise UsageError(msg)
    predictor = load_model(model, weights, key_values(option, device))
    steps = (
        {"image": name, **predict_into_folder(predictor, name, read_volume(path), out)}
        for name, path in zip(names, images, strict=True)
    )
    rows = list(show_progress("predict", steps, len(names)))
    write_labels_file(predictor.info, out)
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    note(f"label maps: {out}")
