"""The application `ctbench`: its list of commands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ctbench.cli.audit import audit
from ctbench.cli.check import check
from ctbench.cli.compare import compare
from ctbench.cli.consensus import consensus
from ctbench.cli.datasets import datasets_app
from ctbench.cli.demo import demo
from ctbench.cli.leaderboard import leaderboard
from ctbench.cli.lock import lock
from ctbench.cli.merge import merge
from ctbench.cli.metrics import metrics
from ctbench.cli.new_predictor import new_predictor
from ctbench.cli.predict import predict
from ctbench.cli.predictors import predictors
from ctbench.cli.readers import readers
from ctbench.cli.report import report
from ctbench.cli.run import run
from ctbench.cli.score import score
from ctbench.cli.submit import submit
from ctbench.cli.train import train
from ctbench.cli.verify import verify
from ctbench.cli.weights import weights_app
from ctbench.cli.withdraw import withdraw
from ctbench.errors import CtbenchError

__all__ = ["app", "main"]

app = typer.Typer(
    name="ctbench",
    help="Score head-CT segmentation: readers are fused into a consensus, against which models and readers are scored.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)
# In the order of `ctbench --help`: the demo, runs, boards, papers; then data, predictors, models.
_RUNS: tuple[Callable[..., None], ...] = (
    demo,
    run,
    score,
    report,
    verify,
    compare,
    lock,
    merge,
    submit,
    withdraw,
    leaderboard,
    audit,
)
_DATA_AND_MODELS: tuple[Callable[..., None], ...] = (
    consensus,
    readers,
    predictors,
    check,
    new_predictor,
    metrics,
    train,
    predict,
)
for _command in _RUNS:
    app.command()(_command)
app.add_typer(datasets_app, name="datasets")
for _command in _DATA_AND_MODELS:
    app.command()(_command)
app.add_typer(weights_app, name="weights")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print log messages too, e.g. about reading DICOM.")
    ] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed  # imported only if needed

        typer.echo(f"ctbench {installed('ctbench')}")
        raise typer.Exit
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s", stream=sys.stderr)


def main() -> None:
    """Run the command line; a `CtbenchError` is printed as one line and becomes an exit code, without a traceback."""
    try:
        app()
    except CtbenchError as error:
        _end(error, error.exit_code)
    except BrokenPipeError:
        # The reader of the output (`head`) has closed the pipe; without this Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _end("interrupted; complete results are kept, and the same command continues from there", 130)


def _end(message: object, exit_code: int) -> None:
    print("ctbench:", " ".join(str(message).split()), file=sys.stderr)
    sys.exit(exit_code)
