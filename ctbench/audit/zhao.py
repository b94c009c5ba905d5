"""Audit of Zhao et al. 2022: which row of Table 1 is the best."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ctbench.audit.findings import Finding, Printed, claimed
from ctbench.metric_descriptions import smaller_is_better

__all__ = ["audit_zhao"]

_PAPER = "Zhao 2022"


def audit_zhao(published: pd.DataFrame) -> Iterator[Finding]:
    """Audit the published figures of Zhao et al.: the baseline is said to be the best single model by every metric.

    Args:
        published: Rows of ``ctbench.datasets.published("instance2022")``.
    """
    where = {"paper": _PAPER, "table": "Table 1", "label": "hemorrhage"}
    for metric, rows in published.set_index("rater").groupby("metric", sort=False):
        values = rows["value"]
        single = values.drop("Ensemble")
        lower = smaller_is_better(str(metric))
        best = str(single.idxmin() if lower else single.idxmax())
        yield claimed(
            Printed.of(rows.loc["Baseline"]).text,
            holds=best == "Baseline",
            rater="Baseline",
            quantity=f"best {metric} of the single models",
            detail=f"the best is {Printed.of(rows.loc[best]).text} ({best})",
            **where,
        )
        if metric == "dice":
            yield claimed(
                Printed.of(rows.loc["Ensemble"]).text,
                holds=bool(values["Ensemble"] > single.max()),
                rater="Ensemble",
                quantity="Dice above that of the single models",
                detail=f"the best single model has {Printed.of(rows.loc[best]).text}",
                **where,
            )
