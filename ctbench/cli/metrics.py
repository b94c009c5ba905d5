"""`ctbench metrics`: list the metrics with their definitions and their values in empty cases."""

from __future__ import annotations

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import print_frame

__all__ = ["metrics"]


def metrics(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List every metric: unit, better direction, value if reference or prediction is empty, definition, source.

    Example: `ctbench metrics --json`
    """
    import pandas as pd

    from ctbench.metrics import METRICS

    rows = [
        {
            "metric": metric.name,
            "unit": metric.unit,
            "better": metric.better or "",
            "both_empty": _outcome(metric.empty.both),
            "prediction_empty": _outcome(metric.empty.prediction),
            "reference_empty": _outcome(metric.empty.reference),
            "missing": _outcome(metric.empty.missing),
            "definition": metric.definition,
            "source": metric.source,
            "version": metric.version,
        }
        for metric in METRICS.values()
    ]
    print_frame(pd.DataFrame(rows), as_json=as_json, as_csv=as_csv)


def _outcome(value: float | str | None) -> str:
    return "null" if value is None else str(value)
