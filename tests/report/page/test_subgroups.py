"""Low Dice by structure and by subgroup."""

from dataclasses import replace

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report.page import subgroups


def _with_table(dataset):
    made = [
        replace(case, subgroups={"scanner": "AB"[index % 2], "copy": "BA"[index % 2], "serial": str(index), "kind": ""})
        for index, case in enumerate(dataset)
    ]
    return Dataset(dataset.name, dataset.entry, dataset.root, tuple(made))


def test_columns_that_part_the_cases(dataset):
    """A column with a value for each case, one with a single value, and a copy of another part nothing."""
    table = subgroups.subgroup_table(_with_table(dataset), [case.id for case in dataset])
    assert subgroups.subgroup_columns(table) == ["scanner"]
    assert set(table["kind"]) == {"not stated"}


def test_without_a_dataset_there_are_no_subgroups():
    """A page made away from the data has no columns."""
    assert subgroups.subgroup_columns(subgroups.subgroup_table(None, ["a", "b"])) == []


def test_a_failed_case_is_counted_where_it_belongs(results, dataset):
    """The failed case of the atlas is the one low Dice of its scanner; n and the share say of how many."""
    html = subgroups.low_scores(results, _with_table(dataset))
    assert "By scanner" in html
    assert "<h4>atlas</h4>" in html
    (scanner_a,) = [row for row in _rows(html, "By scanner")[-2:] if row[0] == "A"]
    assert scanner_a[1:4] == ["6", "1", "16.7"]


def _rows(html, after):
    tail = html[html.rindex(after) :]
    table = tail[tail.index("<tbody>") : tail.index("</tbody>")]
    return [
        [cell.split("<")[0].rpartition(">")[2] for cell in row.replace("<td", "<th").split("<th")[1:]]
        for row in table.split("<tr>")[1:]
    ]


def test_a_table_is_a_row_a_case(dataset):
    """The index is the cases asked for."""
    table = subgroups.subgroup_table(_with_table(dataset), ["case02", "case01"])
    assert isinstance(table, pd.DataFrame)
    assert set(table.index) == {"case01", "case02"}
