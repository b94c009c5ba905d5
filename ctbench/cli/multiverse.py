"""`ctbench multiverse`: which conclusions of a comparison survive every admissible choice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, DatasetOfRun, dataset_of_run
from ctbench.cli.output import note, print_frame

__all__ = ["multiverse"]


def multiverse(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs on one dataset.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="METRIC", help="Metric to rank by. May be repeated. [default: the chief metrics]"
        ),
    ] = None,
    lesions: Annotated[
        bool,
        typer.Option(
            "--lesions",
            help="Rank models by the figure of each protocol of lesions too, on the common reference; reads all masks.",
        ),
    ] = False,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Print every combination with its values and ranks instead.")
    ] = False,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option("--pair", metavar="RATER RATER", help="Raters of the figure. [default: the two closest to a tie]"),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="Also draw the choices as SVG and PDF.")
    ] = None,
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Rank models, and the readers as one, under every combination of admissible choices.

    Choices: what the runs were scored by (consensus, tolerance, surface), metric, leave-one-out or common reference,
    which cases count, mean, median or mean rank, and the protocol of lesions. Prints for each pair in which share of
    the combinations the first is better, and which choice turns that.

    Example: `ctbench multiverse runs/phantom-hemorrhage/*`
    """
    from ctbench.report.drawings.canvas import write_figure
    from ctbench.report.drawings.colours import rater_colours
    from ctbench.report.drawings.specification_chart import specification_chart
    from ctbench.report.frames.comparable_runs import gather
    from ctbench.report.frames.lesion_summaries import compared_lesions
    from ctbench.report.frames.multiverse import (
        CHOICES,
        better_first,
        closest_pair,
        conclusions,
        specifications,
        turning_points,
    )
    from ctbench.runs import open_run

    opened = [open_run(folder) for folder in runs]
    compared = gather(opened)
    scored = []
    if lesions:
        own = dataset_of_run(opened[0], dataset, catalog)
        scored = [compared_lesions(results, own).cases for results in compared]
    ranked = specifications(compared, metric, scored)
    found = conclusions(ranked)
    if figures is not None:
        first, second = pair or closest_pair(found)
        shades = rater_colours({name for results in compared for name in results.models})
        chart = specification_chart(turning_points(ranked, first, second), CHOICES, first, second, shades)
        write_figure(chart, f"multiverse-{first}-{second}", figures)
    if not ranks and not (as_json or as_csv):
        found = found[better_first(found)]
    print_frame(ranked if ranks else found, as_json=as_json, as_csv=as_csv)
    if figures is not None:
        note(f"figures: {figures}")
