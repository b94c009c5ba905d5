"""`ctbench weights import`: convert the weights that a paper's authors published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import ModelName, TrustPackage, key_values
from ctbench.cli.output import note

__all__ = ["weights_app"]

weights_app = typer.Typer(help="Convert weights of other programs.", no_args_is_help=True)


@weights_app.command("import")
def import_weights(
    model: ModelName,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The authors' file: .hdf5, .npz, or .torch_model.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write. [default: MODEL.safetensors]")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="NAME=CODE",
            help="Name and code of each class, in order. May be repeated. [default: those of the paper]",
        ),
    ] = None,
    trust: TrustPackage = False,
) -> None:
    """Convert the weights that a paper's authors published.

    Example: `ctbench weights import cai-unet head_ct.hdf5 --out cai-unet.safetensors`
    """
    from ctbench.predictors.trainers import load_importer

    convert = load_importer(model, trust=trust)
    out = out or Path(f"{model}.safetensors")
    convert(source, out, {name: int(code) for name, code in key_values(label).items()} or None)
    note(f"weights: {out}")
