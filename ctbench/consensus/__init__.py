"""Consensus: fuse several readers' label maps into one reference, and measure their agreement."""

from __future__ import annotations

from ctbench.consensus.fusion import expect_method, fuse, leave_one_out
from ctbench.consensus.patterns import Domain
from ctbench.consensus.performance import pooled_performance, reader_performance
from ctbench.consensus.rules import METHODS
from ctbench.consensus.shares import indeterminate_share, vote_share
from ctbench.consensus.soft import SoftReference, soft_staple, soft_votes

__all__ = [
    "METHODS",
    "Domain",
    "SoftReference",
    "expect_method",
    "fuse",
    "indeterminate_share",
    "leave_one_out",
    "pooled_performance",
    "reader_performance",
    "soft_staple",
    "soft_votes",
    "vote_share",
]
