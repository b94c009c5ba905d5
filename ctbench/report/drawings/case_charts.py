"""Charts of a single case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.report.drawings.charts import styled
from ctbench.report.drawings.colours import INK, MUTED

if TYPE_CHECKING:
    import altair as alt

__all__ = ["slice_chart"]


def slice_chart(wrong: NDArray[np.integer], z: int) -> alt.TopLevelMixin:
    """Draw the number of wrong voxels in each slice, with the current slice highlighted.

    Args:
        wrong: Number of wrong voxels in each slice.
        z: Index of the current slice.
    """
    import altair as alt

    rows = pd.DataFrame({"slice": np.arange(1, len(wrong) + 1), "wrong": wrong})
    bars = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("slice:O", title="slice", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("wrong:Q", title="wrong voxels", axis=alt.Axis(tickCount=3)),
            tooltip=[alt.Tooltip("slice:Q"), alt.Tooltip("wrong:Q", title="wrong voxels")],
            color=alt.condition(f"datum.slice == {z + 1}", alt.value(INK), alt.value(MUTED)),
        )
    )
    return styled(bars, height=130)
