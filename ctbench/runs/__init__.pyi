# ruff: noqa: I001  # one import a module, as lazy-loader reads it
from .comparison import Drop as Drop, compare as compare, drops as drops
from .crossvalidation import cross_validate as cross_validate
from .divisions import (
    cases_for_folds as cases_for_folds,
    split_off_validation as split_off_validation,
    strata as strata,
)
from .execution import carry_out as carry_out, run as run
from .folder import Run as Run, open_run as open_run
from .lockfile import Lock as Lock, lock as lock, moved_from_lock as moved_from_lock, read_lock as read_lock
from .manifest import Manifest as Manifest, UsedPredictor as UsedPredictor
from .phases import Execution as Execution
from .planning import READERS as READERS, RunRequest as RunRequest
from .rules import differing_rules as differing_rules
from .shards import Shard as Shard, merge as merge
from .verification import verify as verify
