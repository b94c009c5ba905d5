"""`ctbench predict`: predict images that belong to no dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctbench.cli.options import (
    AllowDemo,
    AsCsv,
    AsJson,
    Device,
    Environment,
    Format,
    MemoryGb,
    Mounts,
    Options,
    Processes,
    Timeout,
    Trust,
    Unsandboxed,
    isolation_from,
    key_values,
)
from ctbench.cli.output import note, print_frame, show_progress
from ctbench.errors import CtbenchError, UsageError

__all__ = ["predict"]


def predict(
    predictor: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTOR",
            help="Name of an installed predictor, module:attribute, command:'PROGRAM {image} {output}', or "
            "container:IMAGE.",
        ),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of DICOM files.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the label maps.")],
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="Weights of the model. [default: those installed with it]"),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="SERIES",
            help="Where folders hold several DICOM series: a UID, part of a description, or soft-tissue (chosen by "
            "plane, kernel and thickness).",
        ),
    ] = None,
    form: Format = "nifti",
    device: Device = None,
    option: Options = None,
    trust: Trust = False,
    unsandboxed: Unsandboxed = False,
    mount: Mounts = None,
    env: Environment = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    allow_demo: AllowDemo = False,
    keep_probabilities: Annotated[
        bool,
        typer.Option(
            "--keep-probabilities",
            help="Also write the predictor's probabilities (8 bits per voxel and label) as IMAGE_LABEL.prob.nii.gz.",
        ),
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Predict images: writes one label map each, and labels.json with the names of the codes.

    The folder is a predictor again: `ctbench run folder:FOLDER` scores it, with --keep-probabilities its probabilities.

    Prints the score (probability of a positive case) and the volume of each label in mL. Code of other packages than
    ctbench runs in a sandbox, as it does in `ctbench run`.

    Example: `ctbench predict cai-unet --weights trained/mine/weights.safetensors head.nii.gz --out predicted`
    """
    import pandas as pd

    from ctbench.annotations import MapFormat
    from ctbench.predictors import (
        expect_fit_for,
        open_model,
        predict_into_folder,
        probability_names,
        unenforced,
        write_labels_file,
    )
    from ctbench.runs.refused import keep_refused
    from ctbench.volume import read_volume

    names = [path.name.split(".")[0] for path in images]
    if len(set(names)) < len(names):
        msg = f"two images would be written to the same file in {out}; rename one, so that they have different names"
        raise UsageError(msg)
    isolation = isolation_from(
        trust=trust,
        unsandboxed=unsandboxed,
        mount=mount,
        env=env,
        timeout=timeout,
        memory_gb=memory_gb,
        processes=processes,
    )
    opened = open_model(predictor, weights, key_values(option, device), isolation)
    expect_fit_for(opened.info, "these images", is_phantom=False, allow_demo=allow_demo)
    for sentence in unenforced(predictor, isolation):
        note(sentence)

    def predicted(name: str, path: Path) -> dict[str, Any]:
        own = series if path.is_dir() else None
        try:
            return predict_into_folder(
                opened,
                name,
                read_volume(path, series=own),
                out,
                form=MapFormat(form),
                source=path,
                series=own,
                probabilities=keep_probabilities,
            )
        except CtbenchError as error:
            if kept := keep_refused(error.refused, opened.info.name, name):
                note(f"what {opened.info.name} wrote is kept for you to look at: {kept}")
            raise

    steps = ({"image": name, **predicted(name, path)} for name, path in zip(names, images, strict=True))
    rows = list(show_progress("predict", steps, len(names)))
    write_labels_file(opened.info, out)
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)
    note(f"label maps: {out}")
    if keep_probabilities:
        files = (file for name in names for file in probability_names(name, opened.info.labels.names).values())
        if not any((out / file).is_file() for file in files):
            note(f"{opened.info.name} returned no probabilities, so that none are written")
