"""Cells of tables."""

import math

from ctbench.report.page.cells import interval_cell, mean_sd


def test_mean_sd():
    """The SD stands behind the mean and is left out where there is none."""
    assert mean_sd(0.5, 0.1) == '0.500<span class="sd"> ± 0.100</span>'
    assert mean_sd(0.5, math.nan) == "0.500"
    assert mean_sd(math.nan, math.nan) == "–"


def test_an_interval_stands_below_its_value():
    """With the digits of the unit; where there is no interval there is no line, where there is no value a dash."""
    assert interval_cell(1.234, 1, -2, "mm").content == '1.23<small class="line">1.00 to −2.00</small>'
    assert interval_cell(0.5, math.nan, math.nan, digits=4).content == "0.5000"
    assert interval_cell(math.nan, math.nan, math.nan).content == "–"
