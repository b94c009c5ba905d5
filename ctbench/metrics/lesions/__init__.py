"""Lesion-wise scores: overlap tables of connected pieces, and the protocols of the challenges as functions of them."""

from __future__ import annotations

from ctbench.metrics.lesions.frames import (
    CASE_COLUMNS,
    LESION_COLUMNS,
    CaseRows,
    case_rows,
    case_scores,
    case_tables,
    lesion_list,
)
from ctbench.metrics.lesions.marks import MARK_COLUMNS, Boxes, Hit, protocol_of_boxes
from ctbench.metrics.lesions.protocols import PROTOCOLS, Match, Protocol, protocol
from ctbench.metrics.lesions.table import OverlapTable, overlap_tables

__all__ = [
    "CASE_COLUMNS",
    "LESION_COLUMNS",
    "MARK_COLUMNS",
    "PROTOCOLS",
    "Boxes",
    "CaseRows",
    "Hit",
    "Match",
    "OverlapTable",
    "Protocol",
    "case_rows",
    "case_scores",
    "case_tables",
    "lesion_list",
    "overlap_tables",
    "protocol",
    "protocol_of_boxes",
]
