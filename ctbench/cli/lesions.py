"""`ctbench lesions`: score the lesions of runs, models and readers, under the protocols of challenges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, DatasetOfRun, dataset_of_run
from ctbench.cli.output import note, print_frame
from ctbench.errors import UsageError

__all__ = ["lesions"]


def lesions(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs on one dataset.")],
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol",
            metavar="PROTOCOL",
            help="any, half, iou, isles22, brats-gli, brats-met, autopet, pq, pq-panoptica, cc or picai. May be "
            "repeated. [default: any]",
        ),
    ] = None,
    table: Annotated[
        Literal["pooled", "cases", "lesions"],
        typer.Option(
            "--table",
            help="Print sensitivity by size, figures of each case, or each lesion and false piece with its slice.",
        ),
    ] = "pooled",
    surfaces: Annotated[
        bool, typer.Option("--surfaces", help="Measure HD95 and NSD of lesions too, which takes longer.")
    ] = False,
    froc: Annotated[
        bool,
        typer.Option(
            "--froc",
            help="Print the sensitivity at 1/8 to 8 false marks per case and their mean. Marks are the pieces of runs "
            "made with --keep-probabilities, and the boxes of detectors.",
        ),
    ] = False,
    average_precision: Annotated[
        bool,
        typer.Option(
            "--average-precision", help="Print the average precision of the same marks; PI-CAI's with --protocol picai."
        ),
    ] = False,
    hit: Annotated[
        Literal["centre", "iou"],
        typer.Option(
            "--hit",
            help="When a box hits a lesion: its centre lies in it, or it has an IoU of at least .1 with the box around "
            "the lesion in its slice.",
        ),
    ] = "centre",
    dataset: DatasetOfRun = None,
    catalog: Catalog = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score lesions: which are detected or missed, and which predicted pieces are false.

    Readers are scored on the reference made without them, models on every reference.

    Example: `ctbench lesions runs/phantom-hemorrhage/* --protocol brats-met --table cases`
    """
    from ctbench.report.frames.comparable_runs import gather
    from ctbench.report.frames.lesion_froc import average_precisions, froc_table
    from ctbench.report.frames.lesions import lesion_sensitivity_table, lesion_tables
    from ctbench.runs import open_run

    opened = [open_run(folder) for folder in runs]
    gathered = gather(opened)
    if len(gathered) > 1:
        names = ", ".join(one.dataset for one in gathered)
        msg = f"the runs are of several datasets ({names}); score the lesions of one dataset at a time"
        raise UsageError(msg)
    if froc and average_precision:
        msg = "--froc and --average-precision each print a table; choose one of them"
        raise UsageError(msg)
    own = dataset_of_run(opened[0], dataset, catalog)
    tables = lesion_tables(opened, own, protocol or ["any"], surfaces=surfaces, hit=hit)
    if froc or average_precision:
        found = froc_table(tables) if froc else average_precisions(tables)
        if found.empty:
            msg = (
                "no model has marks with confidences under these protocols; expected runs made with "
                "`ctbench run --keep-probabilities` and a protocol other than cc, or runs of a detector of boxes"
            )
            raise UsageError(msg)
        print_frame(found, as_json=as_json, as_csv=as_csv)
        note("confidence is the mean probability of a piece, or that of a box; false marks are counted over all cases")
        return
    frames = {
        "pooled": lesion_sensitivity_table(tables.lesions),
        "cases": tables.cases,
        "lesions": tables.lesions,
    }
    print_frame(frames[table], as_json=as_json, as_csv=as_csv)
    note("intervals are clustered by patient" if table == "pooled" else "slices are numbered from 0")
