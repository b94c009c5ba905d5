import json
import math

import pandas as pd
import pytest

from ctbench.boards import open_board, submit
from ctbench.boards.index import INDEX_COLUMNS, current_index, index_row, read_index, typed_index, write_index
from ctbench.boards.storage import Place
from ctbench.errors import StoreError
from ctbench.files import sha256


def test_the_index_says_what_a_page_needs(kept, tmp_path):
    """What the mean goes over, the metrics, and the seconds of a case."""
    submit(kept, tmp_path / "board")
    row = open_board(tmp_path / "board").runs.iloc[0]
    assert json.loads(row["overall_of"]) == ["hemorrhage"]  # it knows none of the labels, but the group as a whole
    assert json.loads(row["metrics"]) == {"dice": 1, "hd95": 1}
    assert 0 < row["seconds"] < 60
    assert not row["trained_here"]


@pytest.fixture
def place(tmp_path):
    """The folder of a board that is not there yet."""
    return Place.of(tmp_path / "board")


def test_a_board_without_a_table_has_no_rows(place):
    """Its columns are there, so that pages need no special case."""
    for index in (read_index(place), current_index(place)):
        assert tuple(index.columns) == INDEX_COLUMNS
        assert index.empty


def test_a_table_comes_back_as_it_was_written(place):
    """Types too: numbers stay numbers where every run lacks them."""
    rows = pd.DataFrame([dict.fromkeys(INDEX_COLUMNS, "") | {"run": "abc", "cases": 3, "failed": 1, "seconds": None}])
    rows["trained_here"] = False
    write_index(place, rows)
    found = read_index(place)
    pd.testing.assert_frame_equal(found, typed_index(rows))
    assert found["seconds"].dtype == float
    assert found["trained_here"].dtype == bool
    assert found["cases"].tolist() == [3]


def test_a_table_of_an_earlier_version_is_not_gone_on_with(place):
    """Reading for a page is an error; the next submission begins with nothing."""
    with (place / "index.parquet").writing() as file:
        pd.DataFrame({"run": ["abc"]}).to_parquet(file)
    with pytest.raises(StoreError, match=r"index\.parquet"):
        read_index(place)
    assert current_index(place).empty


def test_a_table_that_cannot_be_read_is_named(place):
    """Neither a page nor a submission guesses."""
    (place / "index.parquet").write(b"no table")
    for read in (read_index, current_index):
        with pytest.raises(StoreError, match=r"index\.parquet cannot be read"):
            read(place)


def test_a_run_without_a_manifest_is_a_row_with_a_problem(place):
    """Every column has a value; the scores are not looked at."""
    row = index_row("abc", place / "runs" / "abc", lambda *_: pytest.fail("was asked for"))
    assert set(row) == set(INDEX_COLUMNS)
    assert (row["run"], row["cases"], row["dataset"]) == ("abc", 0, "")
    assert "run.json" in row["problem"]
    assert math.isnan(row["seconds"])


def test_a_row_counts_what_it_is_told_is_lost(kept):
    """Digest, manifest and the bytes of the scores are passed on; what comes back is ``failed``."""
    seen = []
    own = sha256(kept.folder / "run.json")
    row = index_row(own, Place.of(kept.folder), lambda *given: seen.append(given) or 2)
    ((digest, manifest, scores),) = seen
    assert (digest, manifest) == (own, kept.manifest)
    assert scores == (kept.folder / "scores.parquet").read_bytes()
    assert (row["failed"], row["cases"], row["problem"]) == (2, 4, "")
