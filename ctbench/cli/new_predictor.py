"""`ctbench new-predictor`: write the package of a new predictor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.output import note

__all__ = ["new_predictor"]


def new_predictor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the predictor and its package, e.g. my-model.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="New or empty folder. [default: NAME]")
    ] = None,
) -> None:
    """Write a working Python package of a new predictor, with tests, to start from.

    Example: `ctbench new-predictor my-model && pip install -e my-model && ctbench check my-model`
    """
    from ctbench.predictors.template import write_package

    folder = write_package(name, out or Path(name))
    note(f"{folder}: install it with `pip install -e {folder}`, then `ctbench check {name}`")
