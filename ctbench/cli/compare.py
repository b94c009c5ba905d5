"""`ctbench compare`: compare two runs, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_frame

__all__ = ["compare"]


def compare(
    first: Annotated[Path, typer.Argument(metavar="BEFORE", help="Folder of the earlier run.")],
    second: Annotated[Path, typer.Argument(metavar="AFTER", help="Folder of the later run.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="METRIC", help="Compare this metric. May be repeated. [default: dice]"),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="METRIC:CHANGE",
            help="Exit 1 if the mean of a structure changes by more, e.g. dice:-0.005, hd95:+1 (mm), nsd:significant, "
            "or a count: false-alarms:+0 (always on), misses:+0, lost:+0, undefined:+0. May be repeated. "
            "[default: any significant drop]",
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare two runs structure by structure, paired by case, largest drop first; exits 1 if a structure got worse.

    Means are over the cases whose reference holds the structure. Without --fail-if a structure got worse if p < .05
    (Wilcoxon signed-rank test, Holm's correction). More false alarms always fail, unless another limit is given
    (--fail-if false-alarms:+2).

    Example: `ctbench compare runs/main runs/branch --fail-if dice:-0.005`
    """
    from ctbench.runs import Drop, drops, open_run
    from ctbench.runs import compare as compare_runs
    from ctbench.runs.comparison import COUNTS

    rules = [Drop.parse(text) for text in fail_if or ()]
    metrics = [*(metric or ()), *(rule.metric for rule in rules if rule.metric not in COUNTS)] or ["dice"]
    table = compare_runs(open_run(first), open_run(second), metrics)
    print_frame(table, as_json=as_json, as_csv=as_csv)
    dropped = drops(table, rules)
    for row in dropped.to_dict("records"):
        change = f"from {row['first']:.4f} to {row['second']:.4f} ({row['difference']:+.4f})"
        if row["metric"] in COUNTS:
            change = f"from {row['first']:.0f} to {row['second']:.0f} of {row['n']}"
        note(f"ctbench: {row['metric']} of {row['label']} went {change}")
    if len(dropped):
        raise typer.Exit(1)
