"""Isolation of third-party code: child processes with resource limits, inside a bubblewrap sandbox where there is one.

Other modules import from here only. `Session` runs a predictor in a process that lives on from case to case,
`run_program` a program once; `Isolation` and `Limits` set what they may read and use.
"""

from __future__ import annotations

from ctbench.predictors.isolation.limits import Limits, enforce
from ctbench.predictors.isolation.mounts import identities, mounted_below
from ctbench.predictors.isolation.policy import Isolation
from ctbench.predictors.isolation.sandbox import environment_folders, missing_protections, shared_files
from ctbench.predictors.isolation.session import KilledError, Session
from ctbench.predictors.isolation.supervised import run_program

__all__ = [
    "Isolation",
    "KilledError",
    "Limits",
    "Session",
    "enforce",
    "environment_folders",
    "identities",
    "missing_protections",
    "mounted_below",
    "run_program",
    "shared_files",
]
