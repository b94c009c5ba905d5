"""`ctbench cohorts`: compare one model's scores on several datasets, splits or subgroups of cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog
from ctbench.cli.output import note, print_frame
from ctbench.errors import UsageError

__all__ = ["cohorts"]


def cohorts(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs of one model; each dataset is a cohort."),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Compare the subgroups in this column of one dataset's case table instead."
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="COHORT",
            help="Cohort with which the others are compared. [default: that of the first run, or the largest subgroup]",
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", metavar="METRIC", help="Metric to compare.")] = "dice",
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="Also write box plots as SVG and PDF.")
    ] = None,
    catalog: Catalog = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare one model on two or more cohorts: datasets, splits of one dataset, or subgroups of its cases.

    Each cohort is scored against the reference of its own. The test is Welch's; the categorical regression of Cai et
    al. 2020 (p_regression) stands beside it. The scans of one patient count as one value.

    Example: `ctbench cohorts runs/normal/cai-unet runs/inph/cai-unet`
    """
    import pandas as pd

    from ctbench.cli.report import datasets_of
    from ctbench.report.drawings.canvas import write_figure
    from ctbench.report.frames.cohorts import cohort_scores, cohort_table, cohorts_of, shared_models, subgroup_cohorts
    from ctbench.report.page.cohorts import cohort_figure
    from ctbench.report.papers.part import Material
    from ctbench.runs import open_run

    opened = [open_run(folder) for folder in runs]
    material = Material.of(opened, datasets_of(opened, catalog))
    if by is None:
        compared = cohorts_of(material.results)
    else:
        results = material.one()
        compared = subgroup_cohorts(results, material.dataset(results), by)
    names = [cohort.name for cohort in compared]
    if len(names) < 2:
        msg = f"expected two cohorts or more, got {', '.join(names)}; name runs on two datasets or splits, or use --by"
        raise UsageError(msg)
    if baseline is not None and baseline not in names:
        msg = f"unknown cohort {baseline!r}; expected one of {'; '.join(names)}"
        raise UsageError(msg)
    models = shared_models(compared)
    if not models:
        msg = f"no model was scored on all cohorts ({'; '.join(names)})"
        raise UsageError(msg)
    tables = []
    for model in models:
        scores = cohort_scores(compared, model, metric)
        table = cohort_table(scores, baseline=baseline or names[0])
        tables.append(table.assign(model=model, metric=metric)[["model", "metric", *table.columns]])
        if figures is not None:
            figure = cohort_figure(scores, table, model)
            write_figure(figure.chart, figure.name, figures)
    print_frame(pd.concat(tables, ignore_index=True), as_json=as_json, as_csv=as_csv)
    if figures is not None:
        note(f"figures: {figures}")
