"""Tables and figures of Zhao et al. 2022, cascade U-Net for hemorrhage."""

from __future__ import annotations

from ctbench.report.papers.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = ()
