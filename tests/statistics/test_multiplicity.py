from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ctbench.statistics import adjusted


def test_adjustments_by_hand():
    """Holm multiplies the k-th smallest of m by m - k + 1, Benjamini-Hochberg by m / k; both stay monotone."""
    table = adjusted(pd.DataFrame({"p": [0.01, 0.04, np.nan, 0.03, 0.005]}))
    assert table["p_holm"].to_list() == pytest.approx([0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)
    assert table["p_bh"].to_list() == pytest.approx([0.02, 0.04, np.nan, 0.04, 0.02], nan_ok=True)


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(P_VALUES)
def test_agrees_with_statsmodels(p):
    """Both adjustments are those of statsmodels, in any order and with ties."""
    table = adjusted(pd.DataFrame({"p": p}))
    with patch("gc.collect"):  # statsmodels calls it every time, which takes long at the end of many tests
        holm, bh = (multipletests(p, method=name)[1] for name in ("holm", "fdr_bh"))
    assert table["p_holm"].to_numpy() == pytest.approx(holm)
    assert table["p_bh"].to_numpy() == pytest.approx(bh)


@given(P_VALUES)
def test_benjamini_and_hochberg_in_closed_form(p):
    """The adjusted k-th smallest of m is the least of p m / j over all ranks j from k on, and at most 1."""
    ordered = sorted(p)
    steps = [min(1.0, value * len(p) / rank) for rank, value in enumerate(ordered, start=1)]
    expected = [min(steps[rank:]) for rank in range(len(p))]
    assert sorted(adjusted(pd.DataFrame({"p": p}))["p_bh"]) == pytest.approx(expected)


def test_no_tests_at_all():
    """A table without any p has adjusted columns without any value."""
    assert adjusted(pd.DataFrame({"p": [np.nan, np.nan]}))[["p_holm", "p_bh"]].isna().all(axis=None)
