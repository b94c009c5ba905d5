"""`ctbench metrics`: list the metrics, or show the definition of one and its values in empty cases."""

from __future__ import annotations

from typing import Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_frame, print_record

__all__ = ["metrics"]


def metrics(
    name: Annotated[
        str | None, typer.Argument(metavar="METRIC", help="Metric whose definition is shown. [default: list all]")
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List every metric, or show one: definition, source, and its value if reference or prediction is empty.

    Example: `ctbench metrics hd95`
    """
    import pandas as pd

    from ctbench.metrics import METRICS, expect_metrics

    if name is not None:
        expect_metrics([name])
    rows = [
        {
            "metric": metric.name,
            "unit": metric.unit,
            "better": metric.better or "",
            "default": "yes" if metric.default else "",
            "both_empty": _outcome(metric.empty.both),
            "prediction_empty": _outcome(metric.empty.prediction),
            "reference_empty": _outcome(metric.empty.reference),
            "missing": _outcome(metric.empty.missing),
            "definition": metric.definition,
            "source": metric.source,
            "version": metric.version,
        }
        for metric in METRICS.values()
        if name in {None, metric.name}
    ]
    if name is not None:
        print_record(rows[0], as_json=as_json, as_csv=as_csv)
        return
    print_frame(
        pd.DataFrame(rows),
        as_json=as_json,
        as_csv=as_csv,
        columns=("metric", "unit", "better", "default", "definition"),
    )
    note("values of empty cases and the source: ctbench metrics METRIC")


def _outcome(value: float | str | None) -> str:
    return "null" if value is None else str(value)
