"""Tables and figures of Cai et al. 2020, U-Net for structures of head CT."""

from __future__ import annotations

from ctbench.report.papers.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = ()
