"""Commands about runs that are whole: ``verify``, ``compare``, ``lock``, ``submit``, ``withdraw``, ``merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.data import Catalog, Jobs
from ctbench.cli.output import AsCsv, AsJson, note, print_frame, print_summary, show_progress
from ctbench.cli.plugins import MemoryGb, Mounts, Processes, Timeout, Trust, isolation_of

__all__ = ["register"]

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
DatasetOfRun = Annotated[
    str | None, typer.Option("--dataset", "-d", help="A dataset's name, or a YAML file; default: the run's.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(verify)
    app.command()(compare)
    app.command()(lock)
    app.command()(submit)
    app.command()(withdraw)
    app.command()(merge)


def verify(
    run: RunPath,
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    repredict: Annotated[bool, typer.Option("--repredict", help="Run the predictor again too.")] = False,
    lock: Annotated[
        Path | None, typer.Option("--lock", metavar="FILE", help="Also compare with what `ctbench lock` wrote.")
    ] = None,
    trust: Trust = False,
    mount: Mounts = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score a run's kept predictions again and list what moved; exits 1 if anything did.

    What comes of counted voxels must be equal, distances within 1e-6 mm. No cache is asked.

    Example: `ctbench verify runs/phantom-hemorrhage/threshold --lock ctbench.lock`
    """
    import pandas as pd

    from ctbench.datasets import load_dataset
    from ctbench.runs import Execution, moved_from_lock, open_run, read_lock
    from ctbench.runs import verify as verify_run

    opened = open_run(run)
    expected = read_lock(lock) if lock else None
    loaded = load_dataset(dataset or opened.manifest.dataset, catalog=catalog)
    execution = Execution(jobs=jobs, cached=False, progress=show_progress)
    isolation = isolation_of(trust=trust, mount=mount, timeout=timeout, memory_gb=memory_gb, processes=processes)
    moved = verify_run(opened, loaded, repredict=repredict, isolation=isolation, execution=execution)
    if expected is not None:
        moved = pd.concat([moved, moved_from_lock(opened, expected)], ignore_index=True)
    if len(moved) or as_json or as_csv:
        print_frame(moved, as_json=as_json, as_csv=as_csv)
    note(f"ctbench: {len(moved)} things moved in {run}" if len(moved) else f"ctbench: {run} holds")
    if len(moved):
        raise typer.Exit(1)


def compare(
    first: Annotated[Path, typer.Argument(help="Run folder: what it was.")],
    second: Annotated[Path, typer.Argument(help="Run folder: what it is now.")],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Compare this metric; may be repeated; default: dice.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="METRIC:CHANGE",
            help="Exit 1 if a structure changes beyond this, e.g. dice:-0.005, hd95:+1, nsd:significant; "
            "may be repeated; default: any significant drop.",
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare two runs structure by structure, paired by case, worst first; exits 1 on a drop.

    Without --fail-if a drop is a difference for the worse with p < .05 (Wilcoxon signed-rank, Holm's correction).

    Example: `ctbench compare runs/main runs/branch --fail-if dice:-0.005`
    """
    from ctbench.runs import Drop, drops, open_run
    from ctbench.runs import compare as compare_runs

    rules = [Drop.parse(text) for text in fail_if or ()]
    metrics = [*(metric or ()), *(rule.metric for rule in rules)] or ["dice"]
    table = compare_runs(open_run(first), open_run(second), metrics)
    print_frame(table, as_json=as_json, as_csv=as_csv)
    dropped = drops(table, rules)
    for row in dropped.to_dict("records"):
        change = f"from {row['first']:.4f} to {row['second']:.4f} ({row['difference']:+.4f})"
        note(f"ctbench: {row['metric']} of {row['label']} went {change}")
    if len(dropped):
        raise typer.Exit(1)


def lock(
    run: RunPath,
    out: Annotated[Path, typer.Option("--out", help="The file.")] = Path("ctbench.lock"),
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Lock this metric; may be repeated; default: the chief ones.")
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write the expected results of a run into a small text file, to be committed beside a model.

    Example: `ctbench lock runs/phantom-hemorrhage/threshold --out ctbench.lock`
    """
    import pandas as pd

    from ctbench.files import write_text
    from ctbench.runs import lock as lock_run
    from ctbench.runs import open_run

    locked = lock_run(open_run(run), metric)
    write_text(out, locked.to_text())
    rows = [one.model_dump() for one in locked.results]
    columns = ["rater", "label", "metric", "n", "mean"]
    print_frame(pd.DataFrame(rows, columns=columns), as_json=as_json, as_csv=as_csv)
    note(f"lock: {out}")


def submit(
    run: RunPath,
    to: Annotated[str, typer.Option("--to", metavar="BOARD", help="A folder, or a URL that fsspec knows.")],
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Hand a run in to a board, once it has been verified; a run that is there already changes nothing.

    Example: `ctbench submit runs/phantom-hemorrhage/threshold --to board`
    """
    import pandas as pd

    from ctbench.boards import submit as submit_run
    from ctbench.datasets import load_dataset
    from ctbench.runs import Execution, open_run
    from ctbench.runs import verify as verify_run

    opened = open_run(run)
    loaded = load_dataset(dataset or opened.manifest.dataset, catalog=catalog)
    execution = Execution(jobs=jobs, cached=False, progress=show_progress)
    moved = verify_run(opened, loaded, execution=execution)
    if len(moved):
        print_frame(moved, as_json=as_json, as_csv=as_csv)
        note(f"ctbench: {len(moved)} things moved in {run}; it was not handed in")
        raise typer.Exit(1)
    digest, new = submit_run(opened, to)
    row = {"run": digest, "board": to, "result": "added" if new else "there already"}
    print_frame(pd.DataFrame([row]), as_json=as_json, as_csv=as_csv)


def withdraw(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="As `ctbench submit` printed it.")],
    board: Annotated[str, typer.Option("--from", metavar="BOARD", help="A folder, or a URL that fsspec knows.")],
    reason: Annotated[str, typer.Option("--reason", help="Stands on the tombstone.")] = "",
) -> None:
    """Take a run back from a board: its files go, a tombstone stays, and it cannot be handed in again.

    Example: `ctbench withdraw 4f1c...e2 --from board --reason "trained on the test cases"`
    """
    from ctbench.boards import withdraw as withdraw_run

    withdraw_run(digest, board, reason)
    note(f"withdrawn: {digest}")


def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD...", help="The folders of all shards of a run.")],
    out: Annotated[Path, typer.Option("--out", help="The folder of the run.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Join the shards that `ctbench run --shard` made into the run that one machine would have made.

    Example: `ctbench merge runs/big.shard-*-of-16 --out runs/big`
    """
    from ctbench.runs import merge as merge_runs
    from ctbench.runs import open_run

    merged = merge_runs([open_run(folder) for folder in shards], out)
    print_summary([merged], as_json=as_json, as_csv=as_csv)
