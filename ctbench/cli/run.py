"""`ctbench run`: run a predictor on a dataset and score it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.cli.options import (
    AllowDemo,
    AsCsv,
    AsJson,
    Catalog,
    Consensus,
    DatasetOption,
    Device,
    Environment,
    Jobs,
    MemoryGb,
    Metrics,
    Mounts,
    Options,
    Processes,
    Split,
    Timeout,
    Tolerance,
    Trust,
    Unsandboxed,
    chosen_split,
    isolation_from,
    key_values,
    with_tolerances,
)
from ctbench.cli.output import note, note_lost_cases, print_summary, show_progress
from ctbench.cli.standing import note_standing
from ctbench.errors import UsageError
from ctbench.printable import printable

if TYPE_CHECKING:
    from ctbench.runs import Shard

__all__ = ["run"]


def run(
    predictor: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTOR",
            help="Name of an installed predictor, module:attribute, command:'PROGRAM {image} {output}', "
            "container:IMAGE, folder:PATH of predictions; or readers, to score the readers only.",
        ),
    ] = "readers",
    dataset: DatasetOption = ...,  # type: ignore[assignment]  # typer's mark of a required option
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Folder of the run. [default: runs/DATASET/PREDICTOR]"),
    ] = None,
    catalog: Catalog = None,
    split: Split = None,
    case: Annotated[
        list[str] | None,
        typer.Option(
            "--case", metavar="ID", help="Run this case only, in a folder of its own. May be repeated. [default: all]"
        ),
    ] = None,
    consensus: Consensus = "majority",
    metric: Metrics = None,
    tolerance: Tolerance = None,
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the command line of the predictor's process and exit.")
    ] = False,
    jobs: Jobs = -1,
    cluster: Annotated[
        str,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Use the workers of this Dask scheduler instead of --jobs.",
        ),
    ] = "",
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="N/COUNT", help="Run part N of COUNT of the cases, e.g. 3/16. [default: all]"),
    ] = None,
    cache: Annotated[
        bool,
        typer.Option("--cache/--no-cache", help="Use and fill the cache of predictions and scores in CTBENCH_CACHE."),
    ] = True,
    keep_probabilities: Annotated[
        bool,
        typer.Option(
            "--keep-probabilities",
            help="Keep the predictor's probabilities (8 bits per voxel and label) and count them by readers' votes, "
            "for `ctbench uncertainty`.",
        ),
    ] = False,
    readers: Annotated[
        bool, typer.Option("--readers/--no-readers", help="Also score the readers; never done with --out.")
    ] = True,
    log: Annotated[
        Literal["mlflow", "wandb"] | None,
        typer.Option("--log", help="Also log the model's card, means with intervals and report to MLflow or W&B."),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Run a predictor on a dataset and score it, beside the readers, against the consensus of the readers.

    It ends with the model's rank among the runs in runs/DATASET. An interrupted run continues with the same command.
    Exits 1 if the predictor failed on every case, 2 if it broke the contract of predictors.

    Example: `ctbench run threshold --dataset phantom-hemorrhage`
    """
    from ctbench.datasets import load_dataset
    from ctbench.predictors import process_command, unenforced
    from ctbench.runs import READERS, Execution, RunRequest, Shard, carry_out
    from ctbench.runs.starting import usual_folder

    isolation = isolation_from(
        trust=trust,
        unsandboxed=unsandboxed,
        mount=mount,
        env=env,
        timeout=timeout,
        memory_gb=memory_gb,
        processes=processes,
    )
    if dry_run:
        print(printable(process_command(predictor, key_values(option, device), isolation)))
        return
    part = Shard.parse(shard) if shard else None
    if log is not None:
        _expect_log(log, part)
    loaded = with_tolerances(load_dataset(dataset, catalog=catalog), tolerance)
    loaded = loaded.select(case) if case else loaded
    wanted = [predictor]
    if readers and out is None and predictor != READERS and any(len(case.readers) > 1 for case in loaded):
        wanted.append(READERS)
    for sentence in unenforced(predictor, isolation):
        note(sentence)
    execution = Execution(jobs, cluster, cache, show_progress)
    runs = []
    for spec in wanted:
        folder = out or usual_folder(loaded, "-".join([spec, *(case or ())]))
        request = RunRequest(
            loaded,
            spec,
            options={} if spec == READERS else key_values(option, device),
            split="" if case and split is None else chosen_split(loaded, split),
            shard=part,
            consensus=consensus,
            metrics=metric,
            isolation=isolation,
            allow_demo=allow_demo,
            keep_probabilities=keep_probabilities,
        )
        runs.append(carry_out(request, part.folder(folder) if part else folder, execution))
    card = runs[0].manifest.predictor
    if card is not None and (card.info.phantoms_only or card.info.size != card.info.paper_size):
        note(": ".join(filter(None, (card.info.name, card.info.provenance))))
    print_summary(runs, as_json=as_json, as_csv=as_csv)
    if card is not None and part is None:
        note_standing(runs[0], Path("runs") / loaded.name, loaded.patients)
    if log is not None:
        from ctbench.report import log_run  # imports statsmodels

        note(log_run(runs[0], runs[1:], log, {loaded.name: loaded}))
    exit_code = note_lost_cases(runs[0])
    if exit_code:
        raise typer.Exit(exit_code)


def _expect_log(log: Literal["mlflow", "wandb"], part: Shard | None) -> None:
    """Check before anything is computed that the run can be logged."""
    from ctbench.report import expect_tracker

    if part is not None:
        msg = "--log needs the whole run: run the shards without it, merge them, and run again with --log"
        raise UsageError(msg)
    expect_tracker(log)
