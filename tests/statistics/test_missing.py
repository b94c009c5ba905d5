import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.errors import UsageError
from ctbench.statistics.missing import complete_cases, complete_pairs

values = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))


@given(st.lists(st.tuples(values, values), max_size=20))
def test_pairs_are_kept_whole_or_dropped(pairs):
    """What stays has no NaN and its order; what is dropped is counted."""
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    x, y, dropped = complete_pairs(first, second)
    expected = [pair for pair in pairs if not any(math.isnan(value) for value in pair)]
    assert list(zip(x.tolist(), y.tolist(), strict=True)) == expected
    assert dropped == len(pairs) - len(expected)


def test_the_index_of_a_series_does_not_count():
    """Pairs are by position."""
    x, y, dropped = complete_pairs(pd.Series([1.0, 2.0], index=[7, 8]), pd.Series([3.0, 4.0], index=[8, 7]))
    assert (x.tolist(), y.tolist(), dropped) == ([1.0, 2.0], [3.0, 4.0], 0)


@pytest.mark.parametrize(
    ("first", "second"), [([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]]), ([math.inf], [1.0]), ([1.0], [-math.inf])]
)
def test_what_is_no_pair_of_samples_is_refused(first, second):
    """Two lengths, tables, and endless values."""
    with pytest.raises(UsageError, match="expected"):
        complete_pairs(first, second)


def test_a_case_without_one_rating_is_dropped():
    """Rows stay in order, and the number of dropped ones is told."""
    table, dropped = complete_cases([[1, 2], [math.nan, 3], [4, 5], [6, math.nan]])
    np.testing.assert_array_equal(table, [[1.0, 2.0], [4.0, 5.0]])
    assert dropped == 2


@pytest.mark.parametrize("ratings", [[1.0, 2.0], [[1.0], [2.0]], [[1.0, math.inf]]])
def test_what_is_no_table_of_ratings_is_refused(ratings):
    """One dimension, one reader, and endless ratings."""
    with pytest.raises(UsageError, match="expected"):
        complete_cases(ratings)
