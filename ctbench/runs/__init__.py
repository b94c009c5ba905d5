"""Runs: one predictor, or all readers, scored on one dataset, with everything needed to do it again."""

from __future__ import annotations

from ctbench.runs.board import Board, board_stamp, open_board, rebuild, submit, withdraw
from ctbench.runs.comparison import Drop, compare, drops
from ctbench.runs.execution import run
from ctbench.runs.folder import SCORE_COLUMNS, Run, open_run
from ctbench.runs.grid import Grid
from ctbench.runs.lockfile import Lock, lock, moved_from_lock, read_lock
from ctbench.runs.manifest import Manifest, PredictorCard
from ctbench.runs.matching import LabelMatch, match_labels
from ctbench.runs.merging import merge
from ctbench.runs.phases import Execution
from ctbench.runs.planning import READERS
from ctbench.runs.references import Readings, read_references
from ctbench.runs.rules import differing_rules
from ctbench.runs.shards import Shard
from ctbench.runs.verification import verify

__all__ = [
    "READERS",
    "SCORE_COLUMNS",
    "Board",
    "Drop",
    "Execution",
    "Grid",
    "LabelMatch",
    "Lock",
    "Manifest",
    "PredictorCard",
    "Readings",
    "Run",
    "Shard",
    "board_stamp",
    "compare",
    "differing_rules",
    "drops",
    "lock",
    "match_labels",
    "merge",
    "moved_from_lock",
    "open_board",
    "open_run",
    "read_lock",
    "read_references",
    "rebuild",
    "run",
    "submit",
    "verify",
    "withdraw",
]
