"""Subgroups of cases, from the columns of the case table."""

from dataclasses import replace

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.report.frames import subgroups


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


def test_a_table_is_a_row_a_case(dataset):
    """The index is the cases asked for."""
    table = subgroups.subgroup_table(_with_table(dataset), ["case02", "case01"])
    assert isinstance(table, pd.DataFrame)
    assert set(table.index) == {"case01", "case02"}
