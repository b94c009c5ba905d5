import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.statistics.multi_reader.ratings import read_ratings


def test_designs_follow_from_who_read_what(ratings):
    """The same readers and cases in all conditions, other readers, or other cases."""
    whole = ratings(readers=("r1", "r2", "r3", "r4"))
    by_reader = whole[(whole["condition"] == "a") == whole["reader"].isin(["r1", "r2"])]
    by_case = whole.assign(case=whole["case"] + whole["condition"])
    found = [read_ratings(table, "auc") for table in (whole, by_reader, by_case)]
    assert [one.design for one in found] == ["factorial", "readers nested", "cases nested"]
    assert [(one.sizes, one.cases) for one in found] == [((4, 4), 24), ((2, 2), 24), ((4, 4), 48)]


def test_values_of_unequal_numbers_of_readers_are_laid_out(ratings):
    """A row for each condition, null behind the one that has fewer readers."""
    table = ratings()
    table = table.assign(reader=table["condition"] + table["reader"])
    found = read_ratings(table[table["reader"] != "ar1"], "auc")
    assert found.cells == [("a", "ar2"), ("a", "ar3"), ("b", "br1"), ("b", "br2"), ("b", "br3")]
    np.testing.assert_equal(found.laid_out([1, 2, 3, 4, 5]), [[1, 2, np.nan], [3, 4, 5]])


def test_incomplete_designs_are_refused(ratings):
    """The message names the reader and what is absent."""
    whole = ratings()
    with pytest.raises(UsageError, match=r"reader 'r2' has not read every case in condition 'a', first 'case005'"):
        read_ratings(whole.drop(index=24 + 5), "auc")
    with pytest.raises(UsageError, match="reader 'r3' has no ratings in condition 'b'"):
        read_ratings(whole[~(whole["condition"].eq("b") & whole["reader"].eq("r3"))], "auc")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda table: table[:0], "has no rows"),
        (lambda table: table.drop(columns="truth"), "lack the column truth"),
        (lambda table: pd.concat([table, table[:1]]), "has two ratings for case 'case000'"),
        (lambda table: table.assign(rating=table["rating"].where(table.index > 0)), "has no rating for case 'case000'"),
        (lambda table: table.assign(truth=table["truth"] ^ (table.index == 0)), "'case000' has two values of truth"),
    ],
)
def test_wrong_tables_are_refused(ratings, edit, message):
    """In a sentence that names the column, or reader and case."""
    with pytest.raises(UsageError, match=message):
        read_ratings(edit(ratings()), "auc")


def test_weights_that_cannot_be_used_are_refused(marks):
    """A lesion without a weight, and one with two."""
    with pytest.raises(UsageError, match=r"lesion 'big' of case 'ill1' has the weight"):
        read_ratings(marks.assign(weight=marks["weight"].replace(3.0, 0.0)), "wafroc")
    twice = marks["weight"].where(~(marks["lesion"].eq("only") & marks["reader"].eq("s")), 6.0)
    with pytest.raises(UsageError, match="lesion 'only' of case 'ill2' has 2 weights"):
        read_ratings(marks.assign(weight=twice), "wafroc")
