"""Tables and figures of Wachinger et al. 2018, DeepNAT."""

from __future__ import annotations

from ctbench.report.papers.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = ()
