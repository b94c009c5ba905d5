"""Isolation: third-party predictors in child processes, under limits and in a sandbox."""

from __future__ import annotations

from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.isolation.policy import Isolation

__all__ = ["Isolation", "Limits"]
