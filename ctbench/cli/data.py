"""Commands about data: ``datasets``, ``consensus``, ``readers``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctbench.cli.output import AsCsv, AsJson, note, print_frame, show_progress
from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Dataset
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
    if context.invoked_subcommand is None:
        from ctbench.datasets import list_catalog  # heavy imports wait for the command that needs them

        print_frame(list_catalog(catalog), as_json=as_json, as_csv=as_csv)


@datasets_app.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="A dataset's name, or a YAML file.")],
    catalog: Catalog = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show a dataset: what it is, how it is had, and its cases by type and size class.

    Example: `ctbench datasets show phantom-hemorrhage`
    """
    from ctbench.datasets import describe_entry, find_entry

    entry = find_entry(name, catalog)
    print_frame(describe_entry(entry), as_json=as_json, as_csv=as_csv, title=entry.name)


@datasets_app.command("check")
def check_dataset(
    name: Annotated[str, typer.Argument(help="A dataset's name, or a YAML file.")],
    catalog: Catalog = None,
    deep: Annotated[bool, typer.Option("--deep", help="Open every file, and check its grid and labels.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say what is missing from a dataset, by file; exits 2 if something is.

    Example: `ctbench datasets check my_data.yaml --deep`
    """
    from ctbench.datasets import check

    problems = check(name, catalog=catalog, deep=deep)
    print_frame(problems, as_json=as_json, as_csv=as_csv)
    note(f"{len(problems)} problems" if len(problems) else "nothing is missing")
    if len(problems):
        raise typer.Exit(2)


def consensus(
    masks: Annotated[list[Path] | None, typer.Argument(help="Label maps of the readers of one case.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="All cases of a dataset instead.")] = None,
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
    import pandas as pd  # as above

    from ctbench.datasets import load_dataset

    if bool(masks) == (dataset is not None):
        msg = "give either the masks of one case or --dataset NAME"
        raise UsageError(msg)
    if masks:
        frame = _fuse_files(masks, method, out)
    else:
        assert dataset is not None
        loaded = load_dataset(dataset, catalog=catalog)
        wanted = chosen_split(loaded, split)
        cases = [case for case in loaded if wanted in {"", case.split or ""}]
        steps = (
            _fuse(
                case.id,
                {reader: case.reader(reader) for reader in case.readers},
                {reader: case.annotated(reader) for reader in case.readers},
                loaded.labels,
                method,
                out,
            )
            for case in cases
        )
        frame = pd.concat(show_progress("consensus", steps, len(cases)), ignore_index=True)
    print_frame(frame, as_json=as_json, as_csv=as_csv)
    note(f"references are in {out}")


def readers(
    dataset: Annotated[str, typer.Argument(help="A dataset with readers: its name, or a YAML file.")],
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; default runs/DATASET/readers.")] = None,
    catalog: Catalog = None,
    split: Split = None,
    rule: Consensus = "majority",
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score every reader on the common reference and on the one made without them.

    Example: `ctbench readers my_readers.yaml`
    """
    from ctbench.datasets import load_dataset
    from ctbench.report import summary_table
    from ctbench.runs import READERS, run

    loaded = load_dataset(dataset, catalog=catalog)
    folder = out or Path("runs") / loaded.name / READERS
    result = run(
        loaded,
        READERS,
        folder,
        split=chosen_split(loaded, split),
        consensus=rule,
        jobs=jobs,
        progress=show_progress,
    )
    print_frame(summary_table([result]), as_json=as_json, as_csv=as_csv)
    note(f"{'reused' if result.reused else 'run'}: {folder}")


def _fuse_files(masks: Sequence[Path], method: str, out: Path) -> pd.DataFrame:  # noqa: F821  # imported lazily
    import numpy as np

    from ctbench.labels import LabelSet
    from ctbench.volume import check_same_grid, read_label_map

    volumes = {path.name.split(".")[0]: read_label_map(path) for path in masks}
    if len(volumes) < len(masks):
        volumes = {str(path): read_label_map(path) for path in masks}
    first = next(iter(volumes.values()))
    for path, volume in zip(masks, volumes.values(), strict=True):
        check_same_grid(volume.geometry, first.geometry, found_name=str(path), expected_name=str(masks[0]))
    codes = sorted({int(code) for volume in volumes.values() for code in np.unique(volume.array)} - {0})
    labels = LabelSet({f"label-{code}": code for code in codes})
    return _fuse("consensus", volumes, {}, labels, method, out)


def _fuse(
    case: str, volumes: dict[str, Volume], annotated: dict[str, object], labels: object, method: str, out: Path
) -> pd.DataFrame:  # noqa: F821  # imported lazily
    from ctbench.consensus import fuse, indeterminate_share, vote_share
    from ctbench.volume import write_volume

    arrays = {reader: volume.array for reader, volume in volumes.items()}
    marks = {reader: mark for reader, mark in annotated.items() if mark is not None}
    reference = fuse(arrays, method, marks)
    grid = next(iter(volumes.values()))
    share = vote_share(arrays, marks)
    for name, array in (("labels", reference.labels), ("excluded", reference.excluded), ("vote_share", share)):
        write_volume(grid.with_array(array), out / f"{case}_{name}.nii.gz")
    frame = indeterminate_share(arrays, reference, labels, marks)
    frame.insert(0, "case", case)
    return frame
