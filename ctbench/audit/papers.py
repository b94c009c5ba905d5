"""The audits of all papers in one table."""

from __future__ import annotations

import pandas as pd

from ctbench.audit.cai import audit_cai
from ctbench.audit.chang import audit_chang
from ctbench.audit.findings import COLUMNS
from ctbench.audit.sharrock import audit_sharrock
from ctbench.audit.wachinger import audit_wachinger
from ctbench.audit.zhao import audit_zhao
from ctbench.datasets import published
from ctbench.errors import DatasetError

__all__ = ["audit"]

_AUDITS = {
    "cai2020": audit_cai,
    "chang2018": audit_chang,
    "instance2022": audit_zhao,
    "mistie-iii": audit_sharrock,
    "oasis-multiatlas": audit_wachinger,
}


def audit(dataset: str | None = None) -> pd.DataFrame:
    """Recompute the papers' figures from their other figures, with every number over its rounding interval.

    Args:
        dataset: the catalogue entry whose paper to audit; None: all five papers.

    Returns:
        A row for each audited figure or claim, with the columns ``paper, table, label, rater, quantity, printed,
        verdict, value_low, value_high, p_low, p_high, detail``. ``verdict`` is ``reproduced``, ``undecidable`` (within
        the rounding) or ``contradicted``; ranges that do not apply are null.

    Raises:
        DatasetError: no published figures of that dataset can be audited.
    """
    if dataset is not None and dataset not in _AUDITS:
        msg = f"no audit of dataset {dataset!r}; expected one of {', '.join(_AUDITS)}"
        raise DatasetError(msg)
    names = [dataset] if dataset else list(_AUDITS)
    rows = [finding.as_row() for name in names for finding in _AUDITS[name](published(name))]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    ranges = ["value_low", "value_high", "p_low", "p_high"]
    return table.astype(dict.fromkeys(ranges, float))
