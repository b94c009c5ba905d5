import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.boards import Grid
from ctbench.boards.blocks import blocks, laid_out
from ctbench.boards.grid import Entry, StoredGrid


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


@pytest.fixture
def stored():
    """A grid that notes what is read of it, and the same in memory."""
    scores = [
        (case, rater, "model", label, at / 10, "ok")
        for at, (case, label, rater) in enumerate(itertools.product("abc", ["ivh", "sah"], ["unet", "vnet"]))
    ]
    whole, read = Grid.of(rows_of(*scores, ("a", "unet", "model", "iph", None, "both_empty"))), []

    def noting(label, entries):
        read.append((label, entries))
        return StoredGrid.of(whole).read(label, entries)

    return StoredGrid(whole.entries, whole.cases, whole.labels, whole.unit, noting), whole, read


def test_only_what_is_asked_for_is_read(stored):
    """It has the values that it has in memory; all are read at once, and an unknown structure has none."""
    lazy, whole, read = stored
    for asked in ({"labels": ["sah"]}, {"labels": ["sah", "iph"], "cases": ["c", "a"]}, {"entries": [1]}):
        one, other = lazy.select(**asked), whole.select(**asked)
        np.testing.assert_array_equal(one.values, other.values)
        assert (one.entries, one.cases, one.labels, one.unit) == (other.entries, other.cases, other.labels, other.unit)
        np.testing.assert_array_equal(one.having(["ok"]), other.having(["ok"]))
    assert read == [("sah", None), ("sah", None), ("iph", None), (None, [1])]
    assert np.isnan(lazy.select(labels=["edh"], cases=["a"]).values).tolist() == [[[True, True]]]
    assert lazy.size == whole.values.size


def test_what_is_left_out_is_left_out_when_it_is_read(stored):
    """Cases of a subgroup and negatives: nothing is read before a structure is asked for."""
    lazy, whole, read = stored
    few, positives = lazy.of_cases({"c", "a", "z"}), lazy.positives()
    assert read == []
    assert few.cases == whole.of_cases({"c", "a", "z"}).cases == ("a", "c")
    np.testing.assert_array_equal(
        few.select(labels=["ivh"]).values, whole.select(labels=["ivh"], cases=["a", "c"]).values
    )
    for label in whole.labels:
        one, other = positives.select(labels=[label]), whole.positives().select(labels=[label])
        np.testing.assert_array_equal(one.values, other.values)


def test_what_the_reference_holds_is_told_by_others_where_some_were_lost():
    """A case that two raters lost is a negative if a third one found so, who is read for these cases only."""
    statuses = {"a": ("ok", "ok", "ok"), "b": ("failed", "missing", "both_empty"), "c": ("failed", "ok", "ok")}
    scores = [
        (case, rater, "model", "iph", None if status == "both_empty" else 0.0, status)
        for case, own in statuses.items()
        for rater, status in zip("uvw", own, strict=True)
    ]
    whole, read = Grid.of(rows_of(*scores)), []

    def noting(label, entries):
        read.append(entries)
        return StoredGrid.of(whole).read(label, entries)

    lazy = StoredGrid(whole.entries, whole.cases, whole.labels, whole.unit, noting).positives()
    for entries, expected in (([0, 1], [[0.0] * 2, [np.nan] * 2, [0.0] * 2]), ([2], [[0.0], [np.nan], [0.0]])):
        np.testing.assert_array_equal(lazy.select(labels=["iph"], entries=entries).values[:, 0], expected)
    assert read == [[0, 1], None, [2]]


def test_some_raters_are_read_from_the_blocks_of_their_runs():
    """In the order in which they are asked for, with the cases of all; a run may have several raters."""
    who = [("r", "ann", "reader"), ("r", "bob", "reader"), ("s", "unet", "model"), ("t", "vnet", "model")]
    scores = [
        (case, rater, kind, label, at + place / 8, "ok", run)
        for at, (run, rater, kind) in enumerate(who)
        for place, (case, label) in enumerate(itertools.product("abc" if run != "t" else "a", ["ivh", "sah"]))
    ]
    columns = ["case", "rater", "rater_kind", "label", "value", "status", "run"]
    rows, read = pd.DataFrame(scores, columns=columns).assign(unit="1"), []
    whole = Grid.of(rows)

    def blocks_of(frame):
        names = [name for name in columns if name != "value"]
        coded = {name: pa.array(frame[name].tolist(), pa.string()).dictionary_encode() for name in names}
        return list(blocks(*laid_out(pa.table(coded | {"value": frame["value"].to_numpy()}))))

    def noting(runs, label):
        read.append((set(runs), label))
        return blocks_of(rows[rows["run"].isin(runs) & (rows["label"].eq(label) | (label is None))])

    lazy = StoredGrid.of_blocks([block.extent for block in blocks_of(rows)], "1", noting)
    for asked in ({"entries": [3, 1]}, {"entries": [3], "labels": ["sah"]}, {"labels": ["ivh"]}):
        one, other = lazy.select(**asked), whole.select(**asked)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.having(["ok"]), other.having(["ok"]))
        assert (one.entries, one.cases, one.labels, one.unit) == (other.entries, other.cases, other.labels, other.unit)
    assert read == [({"r", "t"}, None), ({"t"}, "sah"), ({"r", "s", "t"}, "ivh")]


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
