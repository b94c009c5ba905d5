"""The application: its commands by topic, and how an error leaves it."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from ctbench.cli import data, demo, leaderboard, plugins, predicting, scoring, studies, training, verifying
from ctbench.errors import CtbenchError

__all__ = ["app", "main"]

app = typer.Typer(
    name="ctbench",
    help="Score head-CT segmentation: readers become a ground truth, models and readers are scored against it alike.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)
demo.register(app)
scoring.register(app)
verifying.register(app)
studies.register(app)
leaderboard.register(app)
data.register(app)
plugins.register(app)
training.register(app)
predicting.register(app)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what is logged, e.g. of DICOM.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed  # only where it is asked for

        typer.echo(f"ctbench {installed('ctbench')}")
        raise typer.Exit
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s", stream=sys.stderr)


def main() -> None:
    """Run the command line; an error of ours is one line and an exit code, never a traceback."""
    try:
        app()
    except CtbenchError as error:
        _end(error, error.exit_code)
    except BrokenPipeError:
        # Whoever read our output (`head`) has gone; let the interpreter not complain while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _end("stopped; what is whole is kept, and the same command goes on from there", 130)


def _end(message: object, exit_code: int) -> None:
    print("ctbench:", " ".join(str(message).split()), file=sys.stderr)
    sys.exit(exit_code)
