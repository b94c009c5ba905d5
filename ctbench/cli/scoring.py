"""Commands that give scores: ``run``, ``score``, ``report``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.cli.data import Catalog, Consensus, Jobs, Split, chosen_split
from ctbench.cli.output import AsCsv, AsJson, note, print_frame, print_summary, show_progress
from ctbench.cli.plugins import (
    Device,
    MemoryGb,
    Mounts,
    Options,
    Processes,
    Timeout,
    Trust,
    isolation_of,
    predictor_options,
)
from ctbench.errors import LabelError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.datasets import Dataset
    from ctbench.labels import LabelSet
    from ctbench.runs import Run
    from ctbench.volume import Volume

__all__ = ["failure_note", "register"]

CHIEF_METRICS = ("dice", "hd95", "nsd", "assd", "rvd", "volume_ml", "reference_volume_ml")
"""What a person sees of a table of scores; JSON and CSV have all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    app.command()(score)
    app.command()(report)


def run(
    predictor: Annotated[
        str,
        typer.Argument(
            help="An installed predictor, module:attribute, command:'PROGRAM {image} {output}', container:IMAGE, "
            "folder:PATH, or readers."
        ),
    ] = "readers",
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name, or a YAML file.")] = ...,  # type: ignore[assignment]  # typer's mark of a required option
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; default runs/DATASET/PREDICTOR.")] = None,
    catalog: Catalog = None,
    split: Split = None,
    rule: Consensus = "majority",
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only this metric; may be repeated.")] = None,
    device: Device = None,
    option: Options = None,
    trust: Trust = False,
    mount: Mounts = None,
    timeout: Timeout = None,
    memory_gb: MemoryGb = None,
    processes: Processes = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the command line of the predictor's process, and end.")
    ] = False,
    jobs: Jobs = -1,
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="ADDRESS", help="Use the workers of this Dask scheduler.")
    ] = "",
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="N/COUNT", help="Only this part of the cases, e.g. 3/16.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Take what is known from CTBENCH_CACHE, and keep it there.")
    ] = True,
    readers: Annotated[
        bool, typer.Option("--readers/--no-readers", help="Score the readers too, where --out is not given.")
    ] = True,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Run a predictor on a dataset and score it against the consensus of its readers, beside the readers themselves.

    Example: `ctbench run threshold --dataset phantom-hemorrhage`
    """
    from ctbench.datasets import load_dataset
    from ctbench.predictors import process_command, unenforced
    from ctbench.runs import READERS, Shard
    from ctbench.runs import run as make_run

    isolation = isolation_of(trust=trust, mount=mount, timeout=timeout, memory_gb=memory_gb, processes=processes)
    if dry_run:
        print(process_command(predictor, predictor_options(option, device), isolation))
        return
    part = Shard.parse(shard) if shard else None
    loaded = load_dataset(dataset, catalog=catalog)
    wanted = [predictor]
    if readers and out is None and predictor != READERS and any(len(case.readers) > 1 for case in loaded):
        wanted.append(READERS)
    for sentence in unenforced(predictor, isolation):
        note(sentence)
    runs = []
    for spec in wanted:
        folder = out or Path("runs") / loaded.name / _folder_name(spec)
        result = make_run(
            loaded,
            spec,
            part.folder(folder) if part else folder,
            options=None if spec == READERS else predictor_options(option, device),
            split=chosen_split(loaded, split),
            shard=part,
            consensus=rule,
            metrics=metric,
            jobs=jobs,
            cluster=cluster,
            cached=cache,
            isolation=isolation,
            progress=show_progress,
        )
        runs.append(result)
    print_summary(runs, as_json=as_json, as_csv=as_csv)
    exit_code = failure_note(runs[0])
    if exit_code:
        raise typer.Exit(exit_code)


def failure_note(run: Run) -> int:
    """Tell on which cases a predictor failed, and give the exit code that follows.

    0: on none, or on some but not all; 1: on all; 2: it broke the contract of predictors.
    """
    lost = run.scores[run.scores["status"].isin(["missing", "failed"])].drop_duplicates("case")
    if lost.empty:
        return 0
    for row in lost.head(5).itertuples():
        note(f"ctbench: case {row.case} {row.status}: {row.detail}")
    if len(lost) > 5:
        note(f"ctbench: and {len(lost) - 5} more; see {run.folder / 'log.jsonl'}")
    note(f"ctbench: {len(lost)} of {len(run.manifest.cases)} cases have no prediction and are penalised")
    if any(message.get("broken_contract") and message["case"] in set(lost["case"]) for message in run.messages()):
        return 2
    return 1 if len(lost) == len(run.manifest.cases) else 0


def score(
    reference: Annotated[Path, typer.Argument(help="Label map that is taken as true.")],
    prediction: Annotated[Path, typer.Argument(help="Label map to be scored, on the same grid.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=CODE", help="A structure; default: every code found.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Take labels and tolerances of this dataset.")
    ] = None,
    catalog: Catalog = None,
    excluded: Annotated[Path | None, typer.Option("--excluded", help="Mask of voxels that do not count.")] = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only this metric; may be repeated.")] = None,
    tolerance_mm: Annotated[float, typer.Option("--tolerance-mm", help="Of nsd.")] = 1.0,
    surface: Annotated[Literal["2d", "3d"] | None, typer.Option("--surface", help="2d: in each axial slice.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score one label map against another.

    Example: `ctbench score reference.nii.gz prediction.nii.gz --label iph=1 --label ivh=2`
    """
    from dataclasses import replace

    import numpy as np

    from ctbench.datasets import find_entry
    from ctbench.metrics import score as score_volumes
    from ctbench.reference import Reference
    from ctbench.volume import read_label_map

    true = read_label_map(reference)
    guess = read_label_map(prediction, image=true.geometry, image_name=str(reference))
    if dataset is not None:
        entry = find_entry(dataset, catalog).entry
        labels, tolerance, rule = entry.label_set, entry.tolerance_mm, entry.surface
    else:
        labels, tolerance, rule = _labels(label, true, guess), tolerance_mm, "3d"
    for volume, path in ((true, reference), (guess, prediction)):
        labels.check(volume.array, str(path))
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
        print_frame(_wide(rows, metric or CHIEF_METRICS))
        for row in rows[rows["status"] != "ok"].drop_duplicates(["label", "status"]).itertuples():
            note(f"{row.label}: {row.status}")


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path, typer.Option("--out", help="The page.")] = Path("report.html"),
    catalog: Catalog = None,
    overlays: Annotated[bool, typer.Option("--overlays/--no-overlays", help="Show cases; needs the images.")] = True,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Also print the page, with the system's Chromium.")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option("--latex", metavar="FILE", help="Also write the papers' tables, ready to paste.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", metavar="FOLDER", help="Also write all tables as CSV, unrounded.")
    ] = None,
    margin: Annotated[
        float, typer.Option("--margin", help="The largest difference in Dice that does not matter (equivalence).")
    ] = 0.05,
    low_dice: Annotated[float, typer.Option("--low-dice", help="A Dice below it is a failure.")] = 0.5,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write one self-contained page with tables, tests, figures and cases of some runs.

    Example: `ctbench report runs/phantom-anatomy/* --out report.html`
    """
    from ctbench.report import build_report, find_browser, print_pdf, write_csv, write_latex
    from ctbench.runs import open_run

    if not (margin > 0 and 0 < low_dice <= 1):
        msg = f"--margin must be above 0 and --low-dice above 0 and at most 1, got {margin:g} and {low_dice:g}"
        raise UsageError(msg)
    if pdf is not None:
        find_browser()  # better now than after a minute

    opened = [open_run(folder) for folder in runs]
    datasets = _datasets(opened, catalog) if overlays else {}
    print_summary(opened, as_json=as_json, as_csv=as_csv)
    limits = [f"--margin {margin:g}"] if margin != 0.05 else []
    limits += [f"--low-dice {low_dice:g}"] if low_dice != 0.5 else []
    command = " ".join(["ctbench report", *map(str, runs), *limits])
    chosen: Any = {"margin": margin, "low_dice": low_dice}
    page = build_report(opened, out, datasets=datasets, command=command, progress=show_progress, **chosen)
    note(f"report: {page}")
    if latex is not None:
        note(f"LaTeX:  {write_latex(opened, latex)}")
    if tables is not None:
        note(f"tables: {len(write_csv(opened, tables, datasets=datasets, **chosen))} files in {tables}")
    if pdf is not None:
        note(f"PDF:    {print_pdf(page, pdf)}")


def _datasets(runs: list[Run], catalog: list[Path] | None) -> dict[str, Dataset]:
    """Load the datasets of the runs that are here; a page without pictures of the others is still a page."""
    from ctbench.datasets import load_dataset
    from ctbench.errors import DataError

    loaded = {}
    for name in dict.fromkeys(run.manifest.dataset for run in runs):
        try:
            loaded[name] = load_dataset(name, catalog=catalog)
        except DataError as error:
            note(f"no pictures of {name}: {error}; a dataset of yours needs --catalog FILE")
    return loaded


def _folder_name(spec: str) -> str:
    return re.sub(r"[^\w.-]+", "-", spec).strip("-")[:80]


def _labels(given: list[str] | None, *volumes: Volume) -> LabelSet:
    import numpy as np

    from ctbench.labels import LabelSet

    if not given:
        codes = sorted({int(code) for volume in volumes for code in np.unique(volume.array)} - {0})
        if not codes:
            msg = "both label maps are empty; name the structures with --label NAME=CODE"
            raise LabelError(msg)
        return LabelSet({f"label-{code}": code for code in codes})
    named = {}
    for one in given:
        name, _, code = one.rpartition("=")
        if not name or not code.isdigit():
            msg = f"--label expects NAME=CODE, got {one!r}"
            raise UsageError(msg)
        named[name] = int(code)
    return LabelSet(named)


def _wide(rows: pd.DataFrame, metrics: list[str] | tuple[str, ...]) -> pd.DataFrame:
    chosen = rows[rows["metric"].isin(list(metrics))]
    units = chosen.drop_duplicates("metric").set_index("metric")["unit"]
    wide = chosen.pivot_table(index="label", columns="metric", values="value", sort=False, dropna=False)
    wide = wide.reindex(columns=[name for name in metrics if name in wide.columns])
    wide.columns = [name if units[name] in {"1", "mL"} else f"{name} ({units[name]})" for name in wide.columns]
    return wide.reset_index()
