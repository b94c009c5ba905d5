"""Tables and figures of Chang et al. 2018, hybrid 3D/2D Mask R-CNN for hemorrhage."""

from __future__ import annotations

from ctbench.report.papers.part import Part

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = ()
