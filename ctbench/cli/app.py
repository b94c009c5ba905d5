"""The application `ctbench`: its list of commands."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ctbench.cli.audit import audit
from ctbench.cli.board import board_app
from ctbench.cli.check import check
from ctbench.cli.cohorts import cohorts
from ctbench.cli.compare import compare
from ctbench.cli.consensus import consensus
from ctbench.cli.datasets import datasets_app
from ctbench.cli.demo import demo
from ctbench.cli.leaderboard import leaderboard
from ctbench.cli.lesions import lesions
from ctbench.cli.lock import lock
from ctbench.cli.merge import merge
from ctbench.cli.metrics import metrics
from ctbench.cli.mrmc import mrmc
from ctbench.cli.multiverse import multiverse
from ctbench.cli.new_predictor import new_predictor
from ctbench.cli.paper import paper
from ctbench.cli.predict import predict
from ctbench.cli.predictors import predictors
from ctbench.cli.readers import readers
from ctbench.cli.report import report
from ctbench.cli.run import run
from ctbench.cli.score import score
from ctbench.cli.submit import submit
from ctbench.cli.train import train
from ctbench.cli.uncertainty import uncertainty
from ctbench.cli.verify import verify
from ctbench.cli.weights import weights_app
from ctbench.cli.withdraw import withdraw
from ctbench.notices import log_own_warnings
from ctbench.printable import printable

__all__ = ["app"]

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
    paper,
    verify,
    compare,
    cohorts,
    mrmc,
    multiverse,
    uncertainty,
    lesions,
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
app.add_typer(board_app, name="board")
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    log_own_warnings()


class _Printable(logging.Formatter):
    """Formats log messages, which may quote headers of files, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message with control characters escaped."""
        return printable(super().format(record), keep="\n\t")
