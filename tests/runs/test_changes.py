import numpy as np
import pandas as pd
import pytest

from ctbench.runs.changes import MOVED_COLUMNS, change, moved_scores, moved_table


@pytest.fixture
def kept(finished_run, bright):
    """A whole run."""
    return finished_run(bright, "dice", "hd95")


@pytest.mark.parametrize(
    ("metric", "shift", "moves"), [("dice", 1e-9, True), ("hd95", 9e-7, False), ("hd95", 2e-6, True)]
)
def test_counts_are_held_exactly_and_distances_to_a_millionth(kept, metric, shift, moves):
    """Overlaps come of whole numbers; distances of sums."""
    found = kept.scores.assign(value=kept.scores["value"] + shift * (kept.scores["metric"] == metric))
    assert bool(len(moved_scores(kept.scores, found))) == moves


def test_statuses_and_rows_that_differ_have_moved(kept):
    """A null that was a value, another status, a row too few."""
    rows = kept.scores
    first = rows.index[rows["status"] == "ok"][0]
    assert moved_scores(rows, rows.drop(first))["what"].tolist() == ["row"]
    other = rows.assign(status=rows["status"].where(rows.index != first, "not_sampled"))
    assert moved_scores(rows, other)["what"].tolist() == ["status"]
    null = rows.assign(value=rows["value"].where(rows.index != first, np.nan))
    moved = moved_scores(rows, null)
    assert moved["what"].tolist() == ["value"]
    assert moved["found"].tolist() == [None]


@pytest.mark.parametrize(
    ("column", "text"), [("unit", "kg"), ("rater_kind", "reader"), ("dataset", "x"), ("detail", "!")]
)
def test_every_column_of_a_row_is_compared(kept, column, text):
    """Not only the value: a unit, a kind of rater, a dataset or an explanation that differs is a change."""
    rows = kept.scores
    first = rows["status"] == "ok"
    moved = moved_scores(rows.assign(**{column: rows[column].where(~first, text)}), rows)
    assert set(moved["what"]) == {column}
    assert len(moved) == first.sum()


def test_what_a_predictor_said_of_a_lost_case_may_differ(kept):
    """It can hold an address in memory; anything else of such a row may not."""
    rows = kept.scores.assign(status="failed", detail="a", value=0.0)
    assert moved_scores(rows, rows.assign(detail="b")).empty
    assert set(moved_scores(rows, rows.assign(detail="b", unit="x"))["what"]) == {"unit"}


def test_rows_that_are_there_twice_and_other_columns_are_told(kept):
    """Each name is listed once, with how often it is there."""
    rows = kept.scores
    assert list(moved_table(rows)) == []
    twice = pd.concat([rows, rows.iloc[:2], rows.iloc[:1]])
    assert [(row["what"], row["expected"], row["found"]) for row in moved_table(twice)] == [
        ("duplicate", 3, 1),
        ("duplicate", 2, 1),
    ]
    assert [row["what"] for row in moved_table(rows.assign(extra=1))] == ["columns"]


def test_a_change_has_all_columns():
    """Those that are not named are empty."""
    assert tuple(change("row", 1, 2, case="a")) == MOVED_COLUMNS
