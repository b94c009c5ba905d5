"""`ctbench uncertainty`: calibration and other figures of the probabilities that runs keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import print_frame, with_interval

if TYPE_CHECKING:
    from ctbench.runs import Run

__all__ = ["uncertainty"]


def uncertainty(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs made with --keep-probabilities.")
    ],
    table: Annotated[
        Literal["calibration", "sets", "volumes", "cases"],
        typer.Option(
            "--table",
            help="Print figures of voxels, such as calibration; generalised energy distance, Dice-max and Dice-match "
            "of sets of masks; CRPS, Cramér distance and conformal intervals of volumes; or sets and volumes by case.",
        ),
    ] = "calibration",
    domain: Annotated[
        str,
        typer.Option(
            "--domain",
            metavar="DOMAIN",
            help="Voxels that count: box (the box of all that any reader drew, with a margin of 10 mm), image, or "
            "brain (where the dataset names masks of it).",
        ),
    ] = "box",
    figure: Annotated[
        list[str] | None,
        typer.Option(
            "--figure",
            metavar="FIGURE",
            help="Print this figure, e.g. ece, brier_reliability, soft_dice_mbh_seg, or all. May be repeated. "
            "[default: ece, ks, brier, nll, auroc, average_precision, soft_dice_qubiq]",
        ),
    ] = None,
    by_reader: Annotated[bool, typer.Option("--by-reader", help="Also compare with every single reader.")] = False,
    resamples: Annotated[
        int,
        typer.Option("--resamples", min=0, metavar="N", help="Bootstrap samples of patients for the 95 % intervals."),
    ] = 500,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print how well the probabilities of models are calibrated, against the readers, by structure.

    All voxels of all cases count together, with 95 % intervals of a bootstrap of patients. The rows "vote share of the
    other readers" are a ceiling: what the other readers say about each reader, scored as if it were a model.

    Sets and volumes are over the whole image; "each reader against the others" is their ceiling.

    Example: `ctbench uncertainty runs/phantom-hemorrhage/forest-demo --table volumes`
    """
    from ctbench.report.frames.uncertainty import CHIEF_FIGURES, DOMAIN_TITLES, figure_digits, uncertainty_table
    from ctbench.runs import open_run
    from ctbench.statistics.forecasts import FIGURES

    wanted = tuple(FIGURES) if figure and "all" in figure else tuple(figure or CHIEF_FIGURES)
    runs = [open_run(folder) for folder in folders]
    if table != "calibration":
        _print_sets(runs, table, resamples, as_json=as_json, as_csv=as_csv)
        return
    rows = uncertainty_table(runs, domain, figures=wanted, by_reader=by_reader, resamples=resamples)
    if not (as_json or as_csv):
        rows["value"] = [
            with_interval(value, low, high, figure_digits(name))
            for name, value, low, high in rows[["figure", "value", "low", "high"]].itertuples(index=False)
        ]
        keys = ["label", "rater", "against", "cases"]
        rows = rows.pivot(index=keys, columns="figure", values="value")[list(wanted)].reset_index()
        rows.columns.name = None
    print_frame(rows, as_json=as_json, as_csv=as_csv, title=f"Probabilities {DOMAIN_TITLES[domain]}")


def _print_sets(runs: list[Run], table: str, resamples: int, *, as_json: bool, as_csv: bool) -> None:
    """Print figures of sets of masks and of volumes: means over cases, or each case."""
    from ctbench.report.frames.forecast_sets import SET_FIGURES, VOLUME_FIGURES, forecast_cases, forecast_means

    cases = forecast_cases(runs)
    if table == "cases":
        print_frame(cases, as_json=as_json, as_csv=as_csv, title="Masks and volumes over the whole image")
        return
    figures = SET_FIGURES if table == "sets" else VOLUME_FIGURES
    rows = forecast_means(cases, figures, resamples=resamples)
    if not (as_json or as_csv):
        rows["value"] = [
            with_interval(value, low, high, 4)
            for value, low, high in rows[["value", "low", "high"]].itertuples(index=False)
        ]
        rows = rows.drop(columns=["low", "high", "rater_kind"])
    print_frame(rows, as_json=as_json, as_csv=as_csv, title="Means over cases, over the whole image")
