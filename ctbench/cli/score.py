"""`ctbench score`: score one label map against another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.cli.masks import MaskImage, found_labels, named_labels
from ctbench.cli.options import AsCsv, AsJson, Catalog, Metrics
from ctbench.cli.output import note, print_frame
from ctbench.errors import LabelError, UsageError
from ctbench.metric_descriptions import PRINTED_WITH_VOLUMES
from ctbench.scores import Status

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.labels import LabelSet
    from ctbench.volume import Volume

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
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score one label map against another.

    Example: `ctbench score reference.nii.gz prediction.nii.gz --label iph=1 --label ivh=2`
    """
    from dataclasses import replace

    import numpy as np

    from ctbench.annotations import Naming, read_annotation
    from ctbench.datasets import find_entry
    from ctbench.metrics import score as score_volumes
    from ctbench.reference import Reference
    from ctbench.volume import read_geometry, read_label_map

    entry = None if dataset is None else find_entry(dataset, catalog).entry
    stated = _stated_labels(label) if entry is None else entry.label_set
    expected = stated or named_labels([reference, prediction])
    naming = Naming() if entry is None else entry.naming
    grid = None if image is None else read_geometry(image)
    true = read_annotation(reference, labels=expected, image=grid, image_name=str(image), naming=naming)
    guess = read_annotation(prediction, labels=expected, image=true.geometry, image_name=str(reference), naming=naming)
    labels = expected or _all_codes(true, guess)
    tolerance, rule = (tolerance_mm, "3d") if entry is None else (entry.tolerance_mm, entry.surface)
    truth = Reference.of(true.array)
    if excluded is not None:
        mask = read_label_map(excluded, image=true.geometry, image_name=str(reference)).array > 0
        truth = replace(truth, labels=np.where(mask, 0, true.array), excluded=mask)
    rows = score_volumes(
        truth,
        guess.array,
        spacing_mm=true.spacing_mm,
        labels=labels,
        metrics=metric,
        tolerance_mm=tolerance,
        surface=surface or rule,
    )
    if as_json or as_csv:
        print_frame(rows, as_json=as_json, as_csv=as_csv)
    else:
        print_frame(_wide(rows, metric or PRINTED_WITH_VOLUMES))
        for row in rows[rows["status"] != Status.OK].drop_duplicates(["label", "status"]).itertuples():
            note(f"{row.label}: {row.status}")


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


def _all_codes(*volumes: Volume) -> LabelSet:
    found = found_labels(volume.array for volume in volumes)
    if not found:
        msg = "both label maps are empty; name the structures with --label NAME=CODE"
        raise LabelError(msg)
    return found


def _wide(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return a row a structure and a column a metric, with the unit in the heading unless it is 1 or mL."""
    chosen = rows[rows["metric"].isin(list(metrics))]
    units = chosen.drop_duplicates("metric").set_index("metric")["unit"]
    wide = chosen.pivot_table(index="label", columns="metric", values="value", sort=False, dropna=False)
    wide = wide.reindex(columns=[name for name in metrics if name in wide.columns])
    wide.columns = [name if units[name] in {"1", "mL"} else f"{name} ({units[name]})" for name in wide.columns]
    return wide.reset_index()
