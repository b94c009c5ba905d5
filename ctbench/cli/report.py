"""`ctbench report`: write one HTML page about some runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog
from ctbench.cli.output import note, print_summary, show_progress
from ctbench.errors import UsageError

if TYPE_CHECKING:
    from ctbench.datasets import Dataset
    from ctbench.runs import Run

__all__ = ["datasets_of", "report"]


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="HTML page to write.")] = Path("report.html"),
    catalog: Catalog = None,
    overlays: Annotated[
        bool, typer.Option("--overlays/--no-overlays", help="Show slices of cases; reads the dataset's images.")
    ] = True,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf",
            metavar="FILE",
            help="Also write the page as PDF, by the system's Chromium, without what is folded.",
        ),
    ] = None,
    latex: Annotated[
        Path | None, typer.Option("--latex", metavar="FILE", help="Also write the papers' tables as LaTeX.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option("--tables", metavar="FOLDER", help="Also write all tables as CSV files, unrounded.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="Also write all figures as SVG and PDF files.")
    ] = None,
    model_cards: Annotated[
        Path | None,
        typer.Option(
            "--model-cards",
            metavar="FOLDER",
            help="Also write each model's means as a model card with the metadata model-index of Hugging Face.",
        ),
    ] = None,
    margin: Annotated[
        float,
        typer.Option("--margin", metavar="DICE", help="Largest difference in Dice that counts as equivalent."),
    ] = 0.05,
    low_dice: Annotated[
        float, typer.Option("--low-dice", metavar="DICE", help="A case with a lower Dice counts as a failure.")
    ] = 0.5,
    volume_limit: Annotated[
        float,
        typer.Option("--volume-limit", metavar="ML", help="Largest difference of a volume that counts as near, mL."),
    ] = 5.0,
    focus: Annotated[
        list[str] | None,
        typer.Option("--focus", metavar="MODEL", help="Unfold the details of this model, or of all. May be repeated."),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Write one self-contained HTML page with tables, tests, figures and cases of some runs.

    Example: `ctbench report runs/phantom-anatomy/* --out report.html`
    """
    from ctbench.report import (
        build_report,
        find_browser,
        print_pdf,
        write_csv,
        write_latex,
        write_model_index,
    )
    from ctbench.runs import open_run

    if not (margin > 0 and 0 < low_dice <= 1 and volume_limit >= 0):
        msg = (
            "--margin must be above 0, --low-dice above 0 and at most 1, --volume-limit not negative; "
            f"got {margin:g}, {low_dice:g} and {volume_limit:g}"
        )
        raise UsageError(msg)
    if pdf is not None:
        find_browser()  # fail now rather than after a minute

    opened = [open_run(folder) for folder in runs]
    datasets = datasets_of(opened, catalog)
    print_summary(opened, as_json=as_json, as_csv=as_csv)
    limits = [f"--margin {margin:g}"] if margin != 0.05 else []
    limits += [f"--low-dice {low_dice:g}"] if low_dice != 0.5 else []
    limits += [f"--volume-limit {volume_limit:g}"] if volume_limit != 5.0 else []
    limits += [f"--focus {name}" for name in focus or ()]
    command = " ".join(["ctbench report", *map(str, runs), *limits])
    chosen: Any = {"margin": margin, "low_dice": low_dice, "volume_limit": volume_limit}
    page = build_report(
        opened,
        out,
        datasets=datasets,
        overlays=overlays,
        command=command,
        progress=show_progress,
        focus=focus or (),
        figures=figures,
        **chosen,
    )
    note(f"report: {page}")
    if latex is not None:
        note(f"LaTeX:  {write_latex(opened, latex, datasets=datasets)}")
    if tables is not None:
        note(f"tables: {len(write_csv(opened, tables, datasets=datasets, **chosen))} files in {tables}")
    if model_cards is not None:
        written = write_model_index(opened, model_cards, datasets)
        note(f"cards:  {', '.join(map(str, written))}")
    if figures is not None:
        note(f"figures: in {figures}")
    if pdf is not None:
        note(f"PDF:    {print_pdf(page, pdf, unfolded=False)}")


def datasets_of(runs: list[Run], catalog: list[Path] | None) -> dict[str, Dataset]:
    """Load the datasets of the runs whose files exist; of the others no slices and no patients are known."""
    from ctbench.datasets import find_named, load_entry
    from ctbench.errors import DataError

    loaded = {}
    for name in dict.fromkeys(run.manifest.dataset for run in runs):
        try:
            loaded[name] = load_entry(find_named(name, catalog))
        except DataError as error:
            note(
                f"no slices and patients of {name}: {error}; name the YAML file of your own dataset with --catalog FILE"
            )
    return loaded
