"""`ctbench verify`: score a run's predictions again and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctbench.cli.options import (
    AsCsv,
    AsJson,
    Catalog,
    DatasetOfRun,
    Device,
    Environment,
    Jobs,
    MemoryGb,
    Mounts,
    Options,
    Processes,
    RunFolder,
    Timeout,
    Trust,
    Unsandboxed,
    dataset_of_run,
    isolation_from,
    key_values,
)
from ctbench.cli.output import note, print_frame, show_progress

if TYPE_CHECKING:
    from ctbench.datasets import Dataset
    from ctbench.runs import Run

__all__ = ["verify"]


def verify(
    run: RunFolder,
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    repredict: Annotated[
        str | None,
        typer.Option(
            "--repredict",
            metavar="PREDICTOR",
            help="Run this predictor again and compare. You name it, as for `ctbench run`: never the run itself.",
        ),
    ] = None,
    option: Options = None,
    device: Device = None,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Also compare with the file that `ctbench lock` wrote."),
    ] = None,
    trust: Trust = False,
    unsandboxed: Unsandboxed = False,
    mount: Mounts = None,
    env: Environment = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score the predictions that a run keeps again and list every value that changed; exits 1 if any did.

    Overlaps and volumes must be equal, distances within 1e-6 mm; what run.json states must follow from the dataset. No
    cache is used. A run that was scored with --tolerance is scored again with its own tolerance, and this is said.

    Example: `ctbench verify runs/phantom-hemorrhage/threshold --lock ctbench.lock`
    """
    import pandas as pd

    from ctbench.runs import Execution, moved_from_lock, open_run, read_lock
    from ctbench.runs import verify as verify_run

    opened = open_run(run)
    expected = read_lock(lock) if lock else None
    loaded = _with_own_tolerance(opened, dataset_of_run(opened, dataset, catalog))
    execution = Execution(jobs=jobs, cached=False, progress=show_progress)
    isolation = isolation_from(
        trust=trust,
        unsandboxed=unsandboxed,
        mount=mount,
        env=env,
        timeout=timeout,
        memory_gb=memory_gb,
        processes=processes,
    )
    moved = verify_run(
        opened,
        loaded,
        repredict=repredict,
        options=key_values(option, device),
        isolation=isolation,
        execution=execution,
    )
    if expected is not None:
        moved = pd.concat([moved, moved_from_lock(opened, expected)], ignore_index=True)
    if len(moved) or as_json or as_csv:
        print_frame(moved, as_json=as_json, as_csv=as_csv)
    note(f"ctbench: {len(moved)} values changed in {run}" if len(moved) else f"ctbench: {run} is verified")
    if len(moved):
        raise typer.Exit(1)


def _with_own_tolerance(run: Run, dataset: Dataset) -> Dataset:
    """Return the dataset with the tolerance of a run, which its user may have chosen; say so if it is another one."""
    own = dataset.with_tolerance(run.manifest.tolerance_mm)
    if own.tolerance_mm == dataset.tolerance_mm:
        return dataset
    note(
        f"{run.folder} was scored with a tolerance of {run.manifest.tolerance_mm} mm, where {dataset.name} has "
        f"{dataset.tolerance_mm} mm; boards do not accept it"
    )
    return own
