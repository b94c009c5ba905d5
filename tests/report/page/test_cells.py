"""Cells of tables."""

import math

from ctbench.report.page.cells import mean_sd


def test_mean_sd():
    """The SD stands behind the mean and is left out where there is none."""
    assert mean_sd(0.5, 0.1) == '0.500<span class="sd"> ± 0.100</span>'
    assert mean_sd(0.5, math.nan) == "0.500"
    assert mean_sd(math.nan, math.nan) == "–"
