"""Tables of the audit of the papers: what follows from their other figures, and what does not."""

from __future__ import annotations

import pandas as pd

__all__ = ["VERDICTS", "audit_tables"]

VERDICTS = ("reproduced", "undecidable", "contradicted")
"""The verdicts of ``ctbench.audit.audit`` on a printed figure."""


def audit_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Audit all papers' tables.

    Returns:
        A row for each paper and table with the number of figures of each verdict and of all that were worked out again,
        ``n``; and the findings themselves, as ``ctbench.audit.audit`` gives them.
    """
    from ctbench.audit import audit

    findings = audit()
    counts = findings.groupby(["paper", "table"], sort=False)["verdict"].value_counts().unstack(fill_value=0)  # noqa: PD010
    counts = counts.reindex(columns=list(VERDICTS), fill_value=0)
    return counts.assign(n=counts.sum(axis=1)).rename_axis(columns=None).reset_index(), findings
