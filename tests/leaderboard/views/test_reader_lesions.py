"""The readers' lesions on the page readers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ctbench.agreement import (
    Snapshot,
    found_and_missed,
    lesion_counts,
    lesion_presence,
    lesion_readers,
    study_lesions,
)
from ctbench.datasets import load_dataset
from ctbench.volume import Volume

QUERY = {"lesions": "true", "lesions_of": "ivh", "lesions_mm": "2"}


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.fixture(scope="module")
def study(toy):
    """The lesions of the toy's readers within 2 mm."""
    return study_lesions(load_dataset(toy), structures=["ivh"], tolerance_mm=2, jobs=1)


def test_the_tables_are_those_of_the_command(app, toy_board, study):
    """Presence, k of the readers, and each reader against the others: the functions that write the CSV files."""
    test = app(toy_board, "readers", **QUERY)
    for table, columns in (
        (lesion_presence(study), ("unit", "by_all")),
        (lesion_counts(study), ("least", "lesions")),
        (lesion_readers(study), ("missed_alone", "splits")),
    ):
        pd.testing.assert_frame_equal(_table(test, *columns), table.drop(columns="label"))
    assert len(found_and_missed(study)) == 6
    assert any("at most 2 mm apart" in one.body for one in test.get("html"))


def test_nothing_is_read_before_the_click(app, toy_board):
    """The switch is off at first."""
    assert all("least" not in one.value.columns for one in app(toy_board, "readers").dataframe)


def test_disputed_lesions_lead_to_their_slice(app, toy, toy_board, monkeypatch):
    """They are listed in the order of the study, with slices from 1, and with their pictures over the image."""
    whole = study_lesions(load_dataset(toy), structures=["ivh"], jobs=1)
    rows = whole.lesions.assign(dispute=1 / 3, missed_by="cem")
    name = tuple(rows[["case", "label", "lesion"]].iloc[0])
    disputed = replace(whole, lesions=rows, pictures={name: _snapshot()})
    monkeypatch.setattr("leaderboard.views.reader_lesions._study", lambda *_: disputed)
    test = app(toy_board, "readers", **QUERY)
    shown = _table(test, "dispute", "missed_by")
    assert shown["slice"].tolist() == (disputed.disputed["slice"] + 1).tolist()
    assert any("missed by cem" in one.body for one in test.get("html"))


def _snapshot():
    return Snapshot(Volume(np.ones((1, 4, 4), np.float32), (5, 1, 1)), (2, 0, 0), 6, np.full((4, 4), 40), in_hu=True)
