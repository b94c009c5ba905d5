"""Figures of one run, drawn when they are asked for: ``run.plot.boxes()``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctbench.displays import drawn_by

if TYPE_CHECKING:
    import altair as alt

    from ctbench.runs.folder import Run

__all__ = ["Plots"]


@dataclass(frozen=True)
class Plots:
    """The figures of a run.

    Args:
        run: The run.
    """

    run: Run

    def boxes(self, metric: str = "dice", structures: Sequence[str] | None = None) -> alt.TopLevelMixin:
        """Return box plots by structure and rater, which a notebook displays.

        They are of the cases whose reference holds the structure, on the reference of all readers.

        Args:
            metric: Name of the metric. Default ``dice``.
            structures: Names of structures, from the top down. Default: all that were scored.

        Raises:
            UsageError: The metric was not scored, or there is no score of any of the structures.
        """
        chart: alt.TopLevelMixin = drawn_by("boxes", self.run, metric, structures)
        return chart
