"""Uncertainty on the page: reliability diagrams, figures of probabilities with intervals, worst calibrated cases."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.colours import palette
from ctbench.report.drawings.reliability_charts import reliability_chart
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.uncertainty import CHIEF_FIGURES, DOMAIN_TITLES, compared_uncertainty, figure_digits
from ctbench.report.page.cells import captioned, count_cell, interval_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, element, how_to_read, join, paragraph, table

__all__ = ["uncertainties"]


def uncertainties(results: ComparableRuns, domain: str = "box") -> Html:
    """Show how the probabilities of models compare with the readers, by structure.

    Args:
        results: Runs, some of which keep probabilities.
        domain: The voxels that count, see ``DOMAIN_TITLES``.
    """
    figures, diagrams, worst = compared_uncertainty(results, domain)
    if figures.empty:
        return paragraph("No model gave probabilities for a structure of this dataset.")
    shades = palette(results)
    parts = [how_to_read(explanations.uncertainty(DOMAIN_TITLES[domain]))]
    for label in figures["label"].unique():
        drawn = diagrams[diagrams["label"] == label]
        caption = (
            f"{label}: share of readers against probability, {DOMAIN_TITLES[domain]}; {len(drawn)} bins that are not "
            f"empty. {explanations.RELIABILITY_LINES}"
        )
        parts += [
            element("h4", label),
            captioned(
                inline_svg(reliability_chart(drawn, shades), f"{results.dataset}-reliability-{label}", caption), caption
            ),
            details("Figures with intervals", _figures(figures[figures["label"] == label], label, domain, results)),
            details("Worst calibrated cases", _worst(worst[worst["label"] == label], domain, results)),
        ]
    return join(parts)


def _figures(rows: pd.DataFrame, label: str, domain: str, results: ComparableRuns) -> Html:
    columns = [
        Column.text("Rater", hint="and what it is compared with"),
        Column("n", hint="cases with a voxel that counts"),
        *(
            Column(explanations.FORECAST_TITLES[name], hint=explanations.FORECAST_FIGURES[name])
            for name in CHIEF_FIGURES
        ),
    ]
    shades, cells = palette(results), []
    for (rater, kind, against), own in rows.groupby(["rater", "rater_kind", "against"], sort=False):
        records = own.set_index("figure").loc[list(CHIEF_FIGURES)].to_dict("records")
        cells.append(
            [
                rater_cell(str(rater), str(kind), shades, f"against {against}"),
                count_cell(records[0]["cases"]),
                *(
                    interval_cell(row["value"], row["low"], row["high"], digits=figure_digits(name))
                    for name, row in zip(CHIEF_FIGURES, records, strict=True)
                ),
            ]
        )
    return table(columns, cells, f"Probabilities of {label} {DOMAIN_TITLES[domain]}")


def _worst(rows: pd.DataFrame, domain: str, results: ComparableRuns) -> Html:
    columns = [
        Column.text("Case"),
        Column.text("Rater"),
        Column(explanations.FORECAST_TITLES["ece"], hint="of this case, against the mean of readers"),
        Column("Mean probability"),
        Column("Mean share of readers"),
        Column("Voxels"),
    ]
    shades = palette(results)
    cells: list[Sequence[Cell]] = [
        [
            Cell.text(row["case"]),
            rater_cell(row["rater"], "model", shades),
            *(Cell(f"{row[name]:.4f}", row[name]) for name in ("ece", "forecast_share", "observed_share")),
            count_cell(row["voxels"]),
        ]
        for row in rows.to_dict("records")
    ]
    return table(columns, cells, f"Largest calibration error by case, {DOMAIN_TITLES[domain]}")
