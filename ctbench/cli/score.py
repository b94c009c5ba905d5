"""`ctbench score`: score one label map against another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, MaskImage, Metrics
from ctbench.cli.output import note, print_frame
from ctbench.errors import UsageError
from ctbench.metric_descriptions import PRINTED_WITH_VOLUMES
from ctbench.scores import OUTCOMES, Status

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.labels import LabelSet

__all__ = ["score"]


def score(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Label map of the reference.")],
    prediction: Annotated[
        Path, typer.Argument(metavar="PREDICTION", help="Label map to be scored, on the grid of the reference.")
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="NAME=CODE",
            help="Name and code of a structure. May be repeated. [default: every code found]",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", metavar="DATASET", help="Use labels, tolerances and surfaces of this dataset."),
    ] = None,
    catalog: Catalog = None,
    image: MaskImage = None,
    excluded: Annotated[
        Path | None, typer.Option("--excluded", metavar="FILE", help="Mask of voxels that are not counted.")
    ] = None,
    metric: Metrics = None,
    tolerance_mm: Annotated[
        float, typer.Option("--tolerance-mm", metavar="MM", help="Tolerance of nsd (surface Dice) in mm.")
    ] = 1.0,
    surface: Annotated[
        Literal["2d", "3d"] | None,
        typer.Option("--surface", help="Measure distances in 3d, or in 2d within each axial slice. [default: 3d]"),
    ] = None,
    lesions: Annotated[
        list[str] | None,
        typer.Option(
            "--lesions",
            metavar="PROTOCOL",
            help="Score lesions instead of voxels, by this protocol: any, half, iou, isles22, brats-gli, brats-met, "
            "autopet, pq, pq-panoptica, cc, picai or all. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score one label map against another.

    Example: `ctbench score reference.nii.gz prediction.nii.gz --label iph=1 --label ivh=2`
    """
    from ctbench.datasets import find_entry
    from ctbench.metrics import chosen_metrics
    from ctbench.scoring import score as score_files
    from ctbench.scoring import score_lesions

    entry = None if dataset is None else find_entry(dataset, catalog).entry
    scored: Callable[..., pd.DataFrame] = score_lesions if lesions else score_files
    files = partial(
        scored,
        reference,
        prediction,
        labels=_stated_labels(label) if entry is None else entry.label_set,
        image=image,
        excluded=excluded,
        tolerance_mm=tolerance_mm if entry is None else entry.tolerance_mm,
        naming=None if entry is None else entry.naming,
    )
    if lesions:
        _print_lesions(files(**({} if "all" in lesions else {"protocols": lesions})), as_json, as_csv)
        return
    rows = files(metrics=metric, surface=surface or ("3d" if entry is None else entry.surface))
    if as_json or as_csv:
        print_frame(rows, as_json=as_json, as_csv=as_csv)
    else:
        print_frame(_wide(rows, chosen_metrics(metric) if metric else PRINTED_WITH_VOLUMES))
        for row in rows[rows["status"] != Status.OK].drop_duplicates(["label", "status"]).itertuples():
            note(f"{row.label}: {OUTCOMES[str(row.status)]}")


_PRINTED_OF_LESIONS = (
    "label",
    "protocol",
    "lesions",
    "detected",
    "missed",
    "false_positives",
    "f1",
    "pq",
    "lesion_dice",
    "lesion_hd95_mm",
)
"""The columns of lesions on the terminal; JSON and CSV have all of them."""


def _print_lesions(rows: pd.DataFrame, as_json: bool, as_csv: bool) -> None:
    """Print the figures of lesions, and note which of them are conventions of a challenge."""
    chosen = rows if as_json or as_csv else rows[list(_PRINTED_OF_LESIONS)]
    print_frame(chosen, as_json=as_json, as_csv=as_csv)
    for detail in filter(None, rows["detail"].unique()):
        note(detail)


def _stated_labels(given: list[str] | None) -> LabelSet | None:
    """Return the labels of ``--label NAME=CODE``; None without the option."""
    from ctbench.labels import LabelSet

    named = {}
    for one in given or ():
        name, _, code = one.rpartition("=")
        if not name or not code.isdigit():
            msg = f"--label expects NAME=CODE, got {one!r}"
            raise UsageError(msg)
        named[name] = int(code)
    return LabelSet(named) if named else None


def _wide(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return a row a structure and a column a metric, with the unit in the heading unless it is 1 or mL."""
    chosen = rows[rows["metric"].isin(list(metrics))]
    units = chosen.drop_duplicates("metric").set_index("metric")["unit"]
    wide = chosen.pivot_table(index="label", columns="metric", values="value", sort=False, dropna=False)
    wide = wide.reindex(columns=[name for name in metrics if name in wide.columns])
    wide.columns = [name if units[name] in {"1", "mL"} else f"{name} ({units[name]})" for name in wide.columns]
    return wide.reset_index()
