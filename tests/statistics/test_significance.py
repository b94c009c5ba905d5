import numpy as np
import pandas as pd
import pytest
import scipy.stats

from ctbench.errors import UsageError
from ctbench.statistics import significance_matrix


def test_significance_matrix_agrees_with_scipy(three):
    """Each p is scipy's one-sided signed-rank test, adjusted by Holm over all ordered pairs."""
    matrix = significance_matrix(three)
    values = three.pivot_table(index="case", columns="rater", values="value")
    raw = {
        (a, b): scipy.stats.wilcoxon(
            values[a], values[b], alternative="greater", method="asymptotic", correction=False
        ).pvalue
        for a in "abc"
        for b in "abc"
        if a != b
    }
    running = 0.0
    for step, pair in enumerate(sorted(raw, key=raw.get)):
        running = max(running, min(raw[pair] * (6 - step), 1))
        assert matrix.loc[pair] == pytest.approx(running)


def test_significance_with_ties_and_zeros_agrees_with_scipy(tidy):
    """Tied and zero differences are treated as scipy treats them."""
    a, b = np.array([1, 2, 2, 3, 4, 5, 5, 6]), np.array([1, 1, 3, 2, 2, 4, 4, 3])
    p = scipy.stats.wilcoxon(a, b, alternative="greater", method="asymptotic", correction=False).pvalue
    assert significance_matrix(tidy({"a": a / 10, "b": b / 10})).loc["a", "b"] == pytest.approx(2 * p)


def test_raters_without_values_stay_in_the_matrix(tidy):
    """A rater without any value has a row and a column of nulls, and leaves the others as they are."""
    values = {"a": [0.9, 0.8, 0.7], "b": [0.5, 0.6, 0.4]}
    whole = significance_matrix(tidy(values))
    wider = significance_matrix(tidy(values | {"none": [np.nan] * 3}))
    assert wider.loc["none"].isna().all()
    pd.testing.assert_frame_equal(wider.loc[["a", "b"], ["a", "b"]], whole)


def test_labels_are_not_mixed(three):
    """Several labels are an error."""
    with pytest.raises(UsageError, match="label"):
        significance_matrix(pd.concat([three, three.assign(label="lentiform")]))
