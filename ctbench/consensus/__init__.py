"""Consensus: one reference made of several readers, and how far they agreed."""

from __future__ import annotations

from ctbench.consensus.fusion import fuse, leave_one_out
from ctbench.consensus.rules import METHODS
from ctbench.consensus.shares import indeterminate_share, vote_share

__all__ = ["METHODS", "fuse", "indeterminate_share", "leave_one_out", "vote_share"]
