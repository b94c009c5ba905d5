"""Runs: one predictor, or all readers, scored on one dataset, with everything needed to repeat it."""

from __future__ import annotations

from ctbench.runs.comparison import Drop, compare, drops
from ctbench.runs.crossvalidation import cross_validate
from ctbench.runs.divisions import cases_for_folds, split_off_validation, strata
from ctbench.runs.execution import carry_out, run
from ctbench.runs.folder import Run, open_run
from ctbench.runs.lockfile import Lock, lock, moved_from_lock, read_lock
from ctbench.runs.manifest import Manifest, UsedPredictor
from ctbench.runs.phases import Execution
from ctbench.runs.planning import READERS, RunRequest
from ctbench.runs.rules import differing_rules
from ctbench.runs.shards import Shard, merge
from ctbench.runs.verification import verify

__all__ = [
    "READERS",
    "Drop",
    "Execution",
    "Lock",
    "Manifest",
    "Run",
    "RunRequest",
    "Shard",
    "UsedPredictor",
    "carry_out",
    "cases_for_folds",
    "compare",
    "cross_validate",
    "differing_rules",
    "drops",
    "lock",
    "merge",
    "moved_from_lock",
    "open_run",
    "read_lock",
    "run",
    "split_off_validation",
    "strata",
    "verify",
]
