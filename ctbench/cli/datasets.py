"""`ctbench datasets`: list, show, check, export and import datasets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, Consensus, DatasetArgument
from ctbench.cli.output import note, print_frame, print_rows
from ctbench.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.datasets import Case, Dataset
    from ctbench.interchange import Guess
    from ctbench.volume import Volume

__all__ = ["datasets_app"]

datasets_app = typer.Typer(help="List, show, check, export and import datasets.", no_args_is_help=False)


@datasets_app.callback(invoke_without_command=True)
def list_datasets(
    context: typer.Context, catalog: Catalog = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """List the known datasets, and whether their files are on this machine.

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
    columns = ("dataset", "structures", "here", "title")
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv, columns=columns)
    note("task, licence and how to obtain it: ctbench datasets show DATASET")


@datasets_app.command("show")
def show_dataset(
    name: DatasetArgument, catalog: Catalog = None, as_json: AsJson = False, as_csv: AsCsv = False
) -> None:
    """Show a dataset: description, how to obtain it, and numbers of cases by split, subgroup, type and size class.

    Example: `ctbench datasets show phantom-hemorrhage`
    """
    import pandas as pd

    from ctbench.datasets import counts, find_entry, load_dataset

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
    counted, sizes = counts(dataset), _sizes(dataset)
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
    name: DatasetArgument,
    catalog: Catalog = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also open every file and check its grid and label codes.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the missing and faulty files of a dataset; exits 2 if there are any.

    Example: `ctbench datasets check my_data.yaml --deep`
    """
    from ctbench.datasets import check, problem_table

    problems = check(name, catalog=catalog, deep=deep)
    if problems or as_json or as_csv:
        print_frame(problem_table(problems), as_json=as_json, as_csv=as_csv)
    # Files that match no pattern are listed, but are no fault.
    serious = [problem for problem in problems if problem.is_fatal or problem.kind == "unreadable"]
    note(f"{len(serious)} problems" if serious else "nothing is missing")
    if serious:
        raise typer.Exit(2)


@datasets_app.command("export")
def export_dataset(
    name: DatasetArgument,
    to: Annotated[
        Literal["nnunet", "bids", "croissant", "card"],
        typer.Option(
            "--to", help="Layout: nnunet (a raw data set of nnU-Net), bids, croissant (metadata), or card (Markdown)."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="PATH",
            help="nnunet: the folder nnUNet_raw; bids: a new folder; croissant: the folder of croissant.json; "
            "card: the Markdown file.",
        ),
    ],
    number: Annotated[
        int | None, typer.Option("--id", metavar="N", help="nnunet: number of the data set, 1 to 999.")
    ] = None,
    creator: Annotated[
        list[str] | None,
        typer.Option("--creator", metavar="NAME", help="croissant: who made the dataset. May be repeated."),
    ] = None,
    published: Annotated[
        str, typer.Option("--published", metavar="YYYY-MM-DD", help="croissant: when it was published.")
    ] = "",
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="croissant: its page. [default: that of the YAML]")
    ] = "",
    split: Annotated[
        str, typer.Option("--split", metavar="SPLIT", help="Export only the cases of this split.")
    ] = "all",
    consensus: Consensus = "majority",
    catalog: Catalog = None,
) -> None:
    """Write a dataset in the layout of another tool, or describe it in a metadata file.

    nnunet has the consensus, with voxels that do not count as ignored; bids the masks of the readers, too.

    Example: `ctbench datasets export phantom-hemorrhage --to bids --out phantom-bids`
    """
    from ctbench.datasets import load_dataset
    from ctbench.interchange import Publication, export_bids, export_card, export_croissant, export_nnunet

    loaded = load_dataset(name, catalog=catalog)
    chosen = loaded if split == "all" else loaded.split(split)
    exporters: dict[str, Callable[[], Path]] = {
        "bids": lambda: export_bids(chosen, out, consensus=consensus),
        "croissant": lambda: export_croissant(chosen, out, Publication(tuple(creator or ()), published, url)),
        "card": lambda: export_card(chosen, out, consensus=consensus),
    }
    if to in exporters:
        note(f"{len(chosen)} cases: {exporters[to]()}")
        return
    if number is None:
        msg = "--to nnunet needs --id, the number of the data set, e.g. --id 901"
        raise UsageError(msg)
    folder = export_nnunet(chosen, out, number, consensus=consensus)
    note(f"{len(chosen)} cases: {folder}")
    splits = folder / "splits_final.json"
    if splits.is_file():
        note(f"for folds by patient, copy {splits} to nnUNet_preprocessed/{folder.name} once planned")


@datasets_app.command("import")
def import_dataset(
    layout: Annotated[
        Literal["nnunet", "bids", "grand-challenge", "folder"],
        typer.Argument(
            help="Layout: nnunet (a raw data set of nnU-Net), bids, grand-challenge (an archive), or folder, "
            "whose layout is guessed."
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Its folder, e.g. nnUNet_raw/Dataset901_heads.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="YAML to write. [default: NAME.yaml]")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="folder: write what was guessed, as --out does; without it, only show it.")
    ] = False,
) -> None:
    """Describe a dataset of another tool in a YAML file, which is then yours; its files stay where they are.

    Example: `ctbench datasets import nnunet nnUNet_raw/Dataset901_heads`
    """
    from ctbench.interchange import guess_folder, import_bids, import_folder, import_grand_challenge, import_nnunet

    importers: dict[str, Callable[[Path, Path], Path]] = {
        "nnunet": import_nnunet,
        "bids": import_bids,
        "grand-challenge": import_grand_challenge,
    }
    if layout == "folder":
        guess = guess_folder(folder)
        _show(guess)
        if not write and out is None:
            note(f"if this is right: ctbench datasets import folder {folder} --write")
            return
        importers[layout] = functools.partial(import_folder, guess=guess)
    written = importers[layout](folder, out or Path(f"{folder.absolute().name}.yaml"))
    note(f"{written}; next: ctbench datasets check {written} --deep")


def _show(guess: Guess) -> None:
    """Print what a plain folder seems to hold."""
    print_rows([{"found": what, "as": text} for what, text in guess.facts.items()])
    if guess.left_over:
        more = f" and {len(guess.left_over) - 10} more" if len(guess.left_over) > 10 else ""
        note(f"left over: {', '.join(map(str, guess.left_over[:10]))}{more}")


def _sizes(dataset: Dataset) -> pd.DataFrame | None:
    """Count the cases by type and size of hemorrhage; None for a dataset without hemorrhages or references."""
    from ctbench.datasets import label_volumes, size_table

    judged = any(case.readers or case.reference_path for case in dataset)
    if not judged or "hemorrhage" not in dataset.labels.names:
        return None
    return size_table(label_volumes(dataset, _reference))


def _presence(found: Any) -> str:
    """Return whether a dataset's files are on this machine; none is opened."""
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
    readings = read_references(case, without_each=False)
    return readings.grid.with_array(readings.common.labels)
