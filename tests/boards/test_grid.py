import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.boards import Grid
from ctbench.boards.grid import Entry


def rows_of(*scores, unit="1"):
    """Tidy rows of (case, rater, kind, label, value, status)."""
    columns = ["case", "rater", "rater_kind", "label", "value", "status"]
    return pd.DataFrame(scores, columns=columns).assign(run="r", unit=unit)


def test_scores_are_laid_out_by_case_structure_and_rater():
    """Names are sorted; a score that was never made is null, with a status of its own."""
    grid = Grid.of(
        rows_of(
            ("b", "ann", "reader", "ivh", 0.5, "ok"),
            ("a", "unet", "model", "iph", None, "both_empty"),
            ("a", "ann", "reader", "iph", 0.25, "ok"),
            unit="mm",
        )
    )
    assert grid.cases == ("a", "b")
    assert grid.labels == ("iph", "ivh")
    assert grid.entries == (Entry("r", "ann", "reader"), Entry("r", "unet", "model"))
    assert grid.unit == "mm"
    nan = np.nan
    np.testing.assert_array_equal(grid.values, [[[0.25, nan], [nan, nan]], [[nan, nan], [0.5, nan]]])
    assert grid.having(["both_empty"]).sum() == 1
    assert (grid.status == -1).sum() == 5


def test_raters_of_one_name_in_two_runs_are_two():
    """A model that was run twice is not one."""
    rows = rows_of(("a", "unet", "model", "iph", 0.5, "ok"))
    grid = Grid.of(pd.concat([rows, rows.assign(run="s", value=0.7)]))
    assert [entry.run for entry in grid.entries] == ["r", "s"]
    np.testing.assert_array_equal(grid.values.ravel(), [0.5, 0.7])


def test_no_scores_make_an_empty_grid():
    """Nothing is an error where there is nothing."""
    grid = Grid.of(rows_of())
    assert grid.values.shape == (0, 0, 0)
    assert grid.select(cases=["a"], labels=["iph"]).values.shape == (1, 1, 0)


def test_nobody_may_change_what_is_kept_for_all():
    """A grid is shared between visitors."""
    with pytest.raises(ValueError, match="read-only"):
        Grid.of(rows_of(("a", "unet", "model", "iph", 0.5, "ok"))).values[0] = 1


names = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=4, unique=True)


@given(cases=names, labels=names)
def test_a_choice_has_the_same_values(cases, labels):
    """Whatever is chosen, in whatever order: each value is that of the whole, and null where nothing is known."""
    whole = {key: at / 10 for at, key in enumerate(itertools.product("abc", "bc", ["unet", "vnet"]))}
    rows = [(case, rater, "model", label, value, "ok") for (case, label, rater), value in whole.items()]
    chosen = Grid.of(rows_of(*rows)).select(cases=cases, labels=labels, entries=[1])
    assert chosen.values.shape == (len(cases), len(labels), 1)
    for (at, case), (place, label) in itertools.product(enumerate(cases), enumerate(labels)):
        expected = whole.get((case, label, "vnet"), np.nan)
        np.testing.assert_array_equal(chosen.values[at, place], [expected])
        assert (chosen.status[at, place] == -1).all() == np.isnan(expected)
