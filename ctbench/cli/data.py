"""Commands about data: ``datasets``, ``consensus``, ``readers``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctbench.cli.output import AsCsv, AsJson, note, print_frame, show_progress
from ctbench.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.datasets import Case, Dataset, LabelMaps
    from ctbench.runs import Run
    from ctbench.volume import Volume

__all__ = ["Catalog", "Consensus", "Jobs", "Split", "chosen_split", "register"]

Catalog = Annotated[
    list[Path] | None, typer.Option("--catalog", metavar="FILE", help="A YAML file with datasets of yours.")
]
Consensus = Annotated[
    str, typer.Option("--consensus", help="majority, plurality, staple, union or intersection.", metavar="RULE")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1: one a core.")]
Split = Annotated[
    str | None, typer.Option("--split", help="Cases of this split only; default: test where there is one; all: all.")
]
DatasetName = Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name, or a YAML file.")]

CHIEF_METRICS = ("dice", "hd95", "nsd", "assd", "rvd")
"""What a person sees of the readers; JSON and CSV have all."""

datasets_app = typer.Typer(help="List, show and check datasets.", no_args_is_help=False)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(datasets_app, name="datasets")
    app.command()(consensus)
    app.command()(readers)


def chosen_split(dataset: Dataset, split: str | None) -> str:
    """Give the split that is meant: ``test`` where nothing was said and there is one; empty: all cases."""
    if split is None:
        return "test" if any(case.split == "test" for case in dataset) else ""
    return "" if split == "all" else split


@datasets_app.callback(invoke_without_command=True)
def list_datasets(
    context: typer.Context, catalog: Catalog = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """List the datasets that are known, and which of them are here.

    Example: `ctbench datasets --catalog my_data.yaml`
    """
    if context.invoked_subcommand is not None:
        return
    import pandas as pd

    from ctbench.datasets import catalog as read_catalogs

    rows = [
        {
            "dataset": name,
            "modality": found.entry.modality,
            "task": found.entry.task,
            "structures": len(found.entry.labels),
            "here": _presence(found),
            "licence": found.entry.licence,
            "title": found.entry.title,
        }
        for name, found in read_catalogs(catalog).items()
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)


@datasets_app.command("show")
def show_dataset(name: DatasetName, catalog: Catalog = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show a dataset: what it is, how it is had, and its cases by split, subgroup, type and size class.

    Example: `ctbench datasets show phantom-hemorrhage`
    """
    import pandas as pd

    from ctbench.datasets import counts, find_entry, label_volumes, load_dataset, size_table

    entry = find_entry(name, catalog).entry
    people = not (as_json or as_csv)
    if people:
        facts = {key: value for key, value in entry.model_dump(mode="json").items() if value not in (None, "", [], {})}
        print_frame(pd.DataFrame({"field": list(facts), "value": [_plain(value) for value in facts.values()]}))
    try:
        dataset = load_dataset(name, catalog=catalog)
    except DataError as error:
        note(f"its files are not here: {error}")
        if not people:
            print_frame(pd.DataFrame(columns=["by", "value", "cases"]), as_json=as_json, as_csv=as_csv)
        return
    counted = counts(dataset)
    sizes = None
    if any(case.readers or case.reference_path for case in dataset) and "hemorrhage" in dataset.labels.names:
        volumes = label_volumes(dataset, _reference)
        sizes = size_table(volumes)
    if people:
        print_frame(counted, title="cases")
        if sizes is not None:
            wide = sizes.pivot_table("cases", ["label", "split"], "size", aggfunc="sum", sort=False)
            print_frame(wide.reset_index(), title="cases by type and size class (> 25, 5 to 25, 0.01 to 5, < 0.01 mL)")
        return
    if sizes is not None:
        by = sizes["label"] + " " + sizes["split"]
        counted = pd.concat([counted, pd.DataFrame({"by": by, "value": sizes["size"], "cases": sizes["cases"]})])
    print_frame(counted, as_json=as_json, as_csv=as_csv)


@datasets_app.command("check")
def check_dataset(
    name: DatasetName,
    catalog: Catalog = None,
    deep: Annotated[bool, typer.Option("--deep", help="Open every file, and check its grid and labels.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say what is missing from a dataset, by file; exits 2 if something is.

    Example: `ctbench datasets check my_data.yaml --deep`
    """
    from ctbench.datasets import check, problem_table

    problems = check(name, catalog=catalog, deep=deep)
    if problems or as_json or as_csv:
        print_frame(problem_table(problems), as_json=as_json, as_csv=as_csv)
    # Files that match no pattern are worth a look, but nothing lacks them.
    serious = [problem for problem in problems if problem.is_fatal or problem.kind == "unreadable"]
    note(f"{len(serious)} problems" if serious else "nothing is missing")
    if serious:
        raise typer.Exit(2)


def consensus(
    masks: Annotated[list[Path] | None, typer.Argument(help="Label maps of the readers of one case.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="All cases of a dataset instead.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the references.")] = Path("consensus"),
    method: Annotated[
        str, typer.Option("--method", help="majority, plurality, staple, union or intersection.")
    ] = "majority",
    catalog: Catalog = None,
    split: Split = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Fuse readers' masks: writes label map, excluded voxels and vote share, prints the share of indeterminate voxels.

    Example: `ctbench consensus reader1.nii.gz reader2.nii.gz reader3.nii.gz --out fused`
    """
    import pandas as pd

    from ctbench.datasets import load_dataset

    if bool(masks) == (dataset is not None):
        msg = "give either the masks of one case or --dataset NAME"
        raise UsageError(msg)
    if dataset is None:
        frame = _fuse_files(masks or [], method, out)
    else:
        loaded = load_dataset(dataset, catalog=catalog)
        wanted = chosen_split(loaded, split)
        cases = [case for case in loaded if wanted in {"", case.split or ""}]
        steps = (_fuse_case(case, loaded, method, out) for case in cases)
        frame = pd.concat(show_progress("consensus", steps, len(cases)), ignore_index=True)
    print_frame(frame, as_json=as_json, as_csv=as_csv)
    note(f"references: {out}")


def readers(
    dataset: DatasetName,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of run and study; default runs/DATASET/readers and .../reader-study."),
    ] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Write each case's map of disagreement as NIfTI.")] = False,
    catalog: Catalog = None,
    split: Split = None,
    rule: Consensus = "majority",
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Study the readers: scores them against each other's consensus; writes agreement as a page and as CSV files.

    Example: `ctbench readers my_readers.yaml --maps`
    """
    from ctbench.datasets import load_dataset
    from ctbench.runs import READERS, run

    loaded = load_dataset(dataset, catalog=catalog)
    result = run(
        loaded,
        READERS,
        out or Path("runs") / loaded.name / READERS,
        split=chosen_split(loaded, split),
        consensus=rule,
        jobs=jobs,
        progress=show_progress,
    )
    table = _reader_table(result)
    command = f"ctbench readers {dataset}" + (" --maps" if maps else "")
    study = _write_study(loaded, table, result, out, jobs=jobs, maps=maps, command=command)
    if not (as_json or as_csv):
        chief = table[table["metric"].isin(CHIEF_METRICS)]
        cells = [f"{row.mean:.3f} ± {row.sd:.3f}" for row in chief.itertuples()]
        wide = chief.assign(cell=cells).pivot_table(
            index=["label", "rater"], columns="metric", values="cell", aggfunc="first", sort=False
        )
        table = wide[[name for name in CHIEF_METRICS if name in wide]].reset_index()
    print_frame(table, as_json=as_json, as_csv=as_csv, title="each reader against the consensus of the others")
    note(f"{'reused' if result.reused else 'run'}: {result.folder}")
    note(f"reader study: {study}" if study else "no case has two readers: there is no reader study")


def _write_study(
    dataset: Dataset, against_others: pd.DataFrame, run: Run, out: Path | None, *, jobs: int, maps: bool, command: str
) -> Path | None:
    """Study the cases of a run of readers, and write the page and its tables; None: no case has two readers."""
    from ctbench.agreement import study_readers, write_tables
    from ctbench.report.page.reader_study import build_reader_study

    cases = dataset.select(run.manifest.cases)
    if all(len(case.readers) < 2 for case in cases):
        return None
    folder = out or Path("runs") / dataset.name / "reader-study"
    study = study_readers(
        cases,
        consensus=run.manifest.consensus,
        jobs=jobs,
        maps=folder / "maps" if maps else None,
        progress=show_progress,
    )
    for case, why in study.skipped.items():
        note(f"case {case} is left out of the reader study: {why}")
    write_tables(study, folder)
    return build_reader_study(
        study,
        folder / "reader-study.html",
        against_others=against_others,
        command=command,
    )


def _reader_table(run: Run) -> pd.DataFrame:
    """Describe every reader's scores on the reference that this reader had no part in."""
    from ctbench.statistics import describe

    scores = run.scores
    own = scores["reference"] == run.manifest.consensus + "-without-" + scores["rater"]
    return describe(scores[own], by=("reference", "label", "rater"))


def _presence(found: Any) -> str:
    """Say whether a dataset's files are here; nothing is opened."""
    from ctbench.datasets import dataset_root

    if found.entry.builder:
        return "makes itself"
    try:
        return "yes" if dataset_root(found).is_dir() else "no"
    except DataError:
        return "no"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reference(case: Case) -> Volume | None:
    from ctbench.references import read_references

    if not case.readers and case.reference_path is None:
        return None
    readings = read_references(case)
    return readings.grid.with_array(next(iter(readings.references.values())).labels)


def _fuse_files(masks: Sequence[Path], method: str, out: Path) -> pd.DataFrame:
    import numpy as np

    from ctbench.datasets import LabelMaps
    from ctbench.volume import check_same_grid, read_label_map

    names = [path.name.split(".")[0] for path in masks]
    if len(set(names)) < len(names):
        names = [str(path) for path in masks]
    volumes = {name: read_label_map(path) for name, path in zip(names, masks, strict=True)}
    first = volumes[names[0]]
    for path, volume in zip(masks, volumes.values(), strict=True):
        check_same_grid(volume.geometry, first.geometry, found_name=str(path), expected_name=str(masks[0]))
    codes = sorted({int(code) for volume in volumes.values() for code in np.unique(volume.array)} - {0})
    drawn = LabelMaps(volumes, dict.fromkeys(volumes))
    return _fuse("consensus", drawn, {f"label-{code}": code for code in codes}, method, out)


def _fuse_case(case: Case, dataset: Dataset, method: str, out: Path) -> pd.DataFrame:
    if not case.readers:
        msg = f"{case} has no readers to fuse, only a reference that is given"
        raise DataError(msg)
    return _fuse(case.id, case.label_maps(), dataset.labels, method, out)


def _fuse(case: str, drawn: LabelMaps, labels: Mapping[str, int], method: str, out: Path) -> pd.DataFrame:
    from ctbench.consensus import fuse, indeterminate_share, vote_share
    from ctbench.volume import write_volume

    arrays, annotated = drawn.arrays, drawn.annotated
    reference = fuse(arrays, method, annotated)
    grid = next(iter(drawn.volumes.values()))
    share = vote_share(arrays, reference, annotated)
    for name, array in (("labels", reference.labels), ("excluded", reference.uncounted), ("vote_share", share)):
        write_volume(grid.with_array(array), out / f"{case}_{name}.nii.gz")
    frame = indeterminate_share(arrays, reference, labels, annotated)
    frame.insert(0, "case", case)
    return frame
