"""All structures of all cases as one sample: mean with standard error, median and Wilcoxon tests of the models."""

from __future__ import annotations

import pandas as pd

from ctbench.report import explanations
from ctbench.report.drawings.colours import palette
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.pooled import pooled, pooled_labels, pooled_scores, usual_baseline
from ctbench.report.page.cells import count_cell, number_cell, rater_cell
from ctbench.report.page.markup import Cell, Column, Html, details, paragraph, table
from ctbench.report.wording import MISSING, fixed, metric_title, p_value
from ctbench.scores import RaterKind

__all__ = ["pooled_samples"]


def pooled_samples(results: ComparableRuns, metric: str = "dice") -> Html:
    """Show mean ± SE, median and the test against a baseline, over structures x subjects and over subjects."""
    scores = pooled_scores(results, metric)
    baseline, labels = usual_baseline(scores), pooled_labels(results)
    rows = pooled(scores, baseline=baseline, labels=labels)
    how = (
        f"{metric_title(metric)} of the {len(labels)} structures that all models have, against {results.common}. "
        f"{explanations.POOLED}"
    )
    shown = _table(rows, baseline, results, metric)
    return details("One sample, as Wachinger et al. test it", paragraph(how, kind="how"), shown)


def _table(rows: pd.DataFrame, baseline: str, results: ComparableRuns, metric: str) -> Html:
    columns = [
        Column.text("Sample"),
        Column.text("Rater"),
        Column("n", hint="values in the sample"),
        Column("Mean ± SE"),
        Column("Median"),
        Column("Difference", hint=f"mean of the rater minus that of {baseline}"),
        Column("P", hint="Wilcoxon signed-rank test, two-sided, not adjusted"),
        Column("P, Holm", hint="adjusted over the raters"),
    ]
    unit, shades = results.unit(metric), palette(results)
    cells = [
        [
            Cell.text(row["unit"]),
            rater_cell(row["rater"], RaterKind.MODEL, shades),
            count_cell(row["n"]),
            Cell(f"{fixed(row['mean'], unit)} ± {fixed(row['se'], unit)}", row["mean"]),
            number_cell(row["median"], unit),
            number_cell(row["difference"], unit),
            *(Cell(MISSING if pd.isna(row[name]) else p_value(row[name]), row[name]) for name in ("p", "p_holm")),
        ]
        for row in rows.to_dict("records")
    ]
    return table(columns, cells, f"All structures as one sample; tests against {baseline}")
