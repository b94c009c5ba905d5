import numpy as np
import pandas as pd
import pytest
import scipy.stats

from ctbench.errors import UsageError
from ctbench.statistics import loess, size_correlation


def test_a_line_is_its_own_curve():
    """Points scattered by .01 about a line are fitted within that, sorted, each place once; an outlier is ignored."""
    rng = np.random.default_rng(0)
    x = rng.permutation(np.repeat(np.arange(20), 2))
    y = 2 * x + 1 + rng.normal(0, 0.01, 40)
    y[7] += 30
    curve = loess(x, y)
    assert curve["x"].to_list() == list(range(20))
    assert curve["fitted"].to_list() == pytest.approx(2 * np.arange(20) + 1, abs=0.02)


def test_two_places_make_no_curve():
    """Fewer than three places give an empty curve; an odd share is an error."""
    assert loess([1, 1, 2], [1, 2, 3]).empty
    assert loess([1, 1, 2, 3], [1, 1, 2, 3])["fitted"].tolist() == [1, 2, 3]  # no residuals: no warning either
    with pytest.raises(UsageError, match="share"):
        loess([1, 2, 3], [1, 2, 3], share=0)


@pytest.fixture
def sized(tidy):
    """Dice and reference volumes of three structures in four cases: larger structures score higher, cases do not."""
    tables = []
    for label, size, dice in (("a", 1.0, 0.5), ("b", 10.0, 0.8), ("c", 100.0, 0.9)):
        volumes = size * np.array([1.0, 1.1, 1.2, 1.3])
        tables += [
            tidy({"m": dice - np.array([0.0, 0.01, 0.02, 0.05])}, label=label),
            tidy({"m": volumes}, label=label, metric="reference_volume_ml", unit="mL"),
        ]
    return pd.concat(tables)


def test_across_labels_and_across_cases(sized):
    """Across structures the correlation is positive; within each structure it is negative."""
    across = size_correlation(sized).iloc[0]
    assert (across["n"], across["spearman_r"]) == (3, 1)
    within = size_correlation(sized, across="cases")
    assert within["n"].to_list() == [4, 4, 4]
    assert within["spearman_r"].to_list() == pytest.approx([-1, -1, -1])
    expected = scipy.stats.pearsonr([1.0, 1.1, 1.2, 1.3], [0.0, -0.01, -0.02, -0.05]).statistic
    assert within["pearson_r"].to_list() == pytest.approx([expected] * 3)


def test_sizes_must_be_there(sized):
    """Without reference volumes there is a clear error."""
    with pytest.raises(UsageError, match="reference_volume_ml"):
        size_correlation(sized[sized["metric"] == "dice"])
