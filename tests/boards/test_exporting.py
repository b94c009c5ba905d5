import pandas as pd
import pytest

from ctbench.boards import board_of, export_board
from ctbench.boards.exporting import RUN_COLUMNS
from ctbench.boards.index import INDEX_COLUMNS
from ctbench.errors import UsageError
from ctbench.scores import COLUMNS, SCORE_COLUMNS, Status


def read(path):
    """A CSV with texts where texts were."""
    return pd.read_csv(path, keep_default_na=False, na_values={"value": [""], "seconds": [""]})


def test_both_formats_hold_the_scores_of_all_runs(kept, others, tmp_path):
    """Row for row those of the runs, undefined values as null, and the same in CSV and Parquet."""
    runs = [kept, others("second")]
    written = export_board(board_of(runs), tmp_path / "out")
    assert [path.name for path in written] == [
        "columns.csv",
        "runs.csv",
        "runs.parquet",
        "scores.csv",
        "scores.parquet",
    ]
    stored = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    expected = pd.concat([run.scores for run in runs])
    keys = list(SCORE_COLUMNS)
    assert len(stored) == len(expected) > 20
    found = stored[keys].sort_values(["rater", *keys[:2], "metric", "label", "reference"]).reset_index(drop=True)
    wanted = expected.sort_values(["rater", *keys[:2], "metric", "label", "reference"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
    assert found["value"].isna().any()
    pd.testing.assert_frame_equal(read(tmp_path / "out" / "scores.csv"), stored, check_dtype=False)
    assert read(tmp_path / "out" / "runs.csv")["rater"].tolist() == ["bright", "second"]


def test_every_column_stands_in_the_dictionary_with_type_and_meaning(kept, tmp_path):
    """Of both tables, in their order, and every status; nothing is described that is not there."""
    export_board(board_of([kept]), tmp_path / "out")
    dictionary = read(tmp_path / "out" / "columns.csv")
    named = dictionary[~dictionary["column"].str.startswith("status = ")]
    for table in ("runs", "scores"):
        stored = pd.read_parquet(tmp_path / "out" / f"{table}.parquet")
        own = named[named["table"] == table]
        assert own["column"].tolist() == list(stored.columns)
        numeric = [pd.api.types.is_any_real_numeric_dtype(kind) for kind in stored.dtypes]
        assert own["type"].isin(["number", "integer"]).tolist() == numeric
    assert (dictionary["meaning"] != "").all()
    statuses = dictionary["column"].str.removeprefix("status = ")
    assert set(Status) <= set(statuses)
    assert tuple(column.name for column in COLUMNS) == SCORE_COLUMNS
    assert {column.name for column in RUN_COLUMNS} == {*INDEX_COLUMNS, "checked"} - {"manifest"}


def test_scores_are_read_a_partition_at_a_time(kept, tmp_path, monkeypatch):
    """Memory does not grow with the board: no read holds more than one metric and reference, all formats share it."""
    board = board_of([kept])
    sizes = []
    original = type(board).scores

    def counted(self, *where):
        found = original(self, *where)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(type(board), "scores", counted)
    export_board(board, tmp_path / "out", ["csv"])
    assert not (tmp_path / "out" / "scores.parquet").exists()
    assert len(sizes) == len(board.partitions("blobs")) > 2
    assert sum(sizes) == len(kept.scores)
    sizes.clear()
    export_board(board, tmp_path / "both")
    assert len(sizes) == len(board.partitions("blobs"))


def test_formulas_are_inert_and_nothing_is_overwritten(others, tmp_path):
    """A name that a spreadsheet would run stands behind an apostrophe; an existing file is named."""
    export_board(board_of([others("=1+1")]), tmp_path / "out", ["csv"])
    assert ",'=1+1," in (tmp_path / "out" / "scores.csv").read_text()
    with pytest.raises(UsageError, match=r"columns\.csv exists"):
        export_board(board_of([others("x")]), tmp_path / "out")
