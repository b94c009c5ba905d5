import pytest

from ctbench.boards.record import Record, Statement, expect_outside, read_record
from ctbench.boards.storage import Place
from ctbench.errors import StoreError, UsageError

SAID = {"rater": "bright", "dataset": "blobs", "time": "2026-01-01T00:00:00Z", "ctbench": "0.1.0"}


@pytest.mark.parametrize(
    ("result", "accepted", "holds"),
    [("held", False, True), ("flagged", False, False), ("flagged", True, True), ("changed", True, False)],
)
def test_what_counts_as_verified(result, accepted, holds):
    """What held, and what was flagged and accepted; what changed cannot be accepted."""
    record = Record(runs={"a": Statement(result=result, accepted=accepted, **SAID)})
    assert record.holds("a") == holds
    assert not record.holds("b")


def test_a_record_comes_back_as_it_was_written(tmp_path):
    """One that is not there yet is empty."""
    assert read_record(tmp_path / "record.json") == Record()
    record = Record(
        runs={"a": Statement(result="flagged", reasons=("a copy",), tables={"dice\tmajority": "0"}, **SAID)}
    )
    record.write(tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record


@pytest.mark.parametrize("content", ["", "[]", '{"record_version": 2}', '{"runs": {"a": {}}}', '{"more": 1}'])
def test_a_file_that_is_no_record_is_refused(tmp_path, content):
    """One sentence, with what to do."""
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(StoreError, match="is not the record of a board"):
        read_record(tmp_path / "record.json")


def test_a_record_lies_outside_of_its_board(tmp_path):
    """Links are followed; an object store has no folder here."""
    place = Place.of(tmp_path / "board")
    (tmp_path / "board").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "board")
    expect_outside(tmp_path / "record.json", place)
    expect_outside(tmp_path / "board" / "record.json", Place.of("memory://board"))
    for inside in (tmp_path / "board" / "record.json", tmp_path / "link" / "deep" / "record.json"):
        with pytest.raises(UsageError, match="keep the record outside of it"):
            expect_outside(inside, place)
