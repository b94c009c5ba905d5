"""Tables and figures of Sharrock et al. 2020, DeepBleed."""

from __future__ import annotations

from ctbench.report.papers.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = ()
