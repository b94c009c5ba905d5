import json

import pytest

from ctbench.boards import CHECKED, Record, open_board, rebuild, submit, verify_board
from ctbench.errors import DatasetError, StoreError, UsageError
from ctbench.runs import READERS, Execution, run

HERE = Execution(jobs=1, cached=False)


@pytest.fixture
def model(late):
    """Make a model that is no copy of anybody."""
    return lambda name="model", without=2: late(name, without)


@pytest.fixture
def make(blobs, tmp_path):
    """Make a run of a predictor, or of the readers."""
    return lambda predictor, name: run(blobs, predictor, tmp_path / name, metrics=["dice", "hd95"], jobs=1)


@pytest.fixture(params=["disk", "store"])
def board(request, tmp_path):
    """A board on a disk and one in an object store."""
    return tmp_path / "board" if request.param == "disk" else f"memory://{tmp_path.name}/board"


def results(found):
    """The result of each rater."""
    return dict(zip(found["rater"], found["result"], strict=True))


def test_what_holds_is_recorded_and_shown_as_verified(model, make, blobs, board, tmp_path):
    """Of models and of readers; without the record every run is shown as submitted."""
    for predictor in (model(), READERS):
        submit(make(predictor, str(predictor)[:7].strip("<")), board)
    record, found = verify_board(board, Record(), lambda name: blobs, execution=HERE)
    assert results(found) == {"model": "held", "readers": "held"}
    record.write(tmp_path / "record.json")
    opened = open_board(board, tmp_path / "record.json")
    assert set(opened.runs["checked"]) == {CHECKED[0]}
    assert set(open_board(board).runs["checked"]) == {CHECKED[1]}
    for metric, reference in opened.partitions("blobs"):
        expected = open_board(board).scores("blobs", metric, reference).astype(object)
        assert opened.scores("blobs", metric, reference).astype(object).equals(expected)
        assert opened.grid("blobs", metric, reference).entries
    submit(make(model("late", 1), "late"), board)
    opened = open_board(board, tmp_path / "record.json")
    assert opened.runs.set_index("rater")["checked"].to_dict() == {
        "model": CHECKED[0],
        "readers": CHECKED[0],
        "late": CHECKED[1],
    }
    assert set(opened.only_verified().runs["rater"]) == {"model", "readers"}


def test_copies_are_flagged_until_they_are_accepted(model, make, blobs, bright, tmp_path):
    """Of a reader, and of another run under another name; the earlier of the two runs is not blamed."""
    board = tmp_path / "board"
    digest, _ = submit(make(bright, "copy"), board)
    submit(make(model("first"), "first"), board)
    record, found = verify_board(board, Record(), lambda name: blobs, execution=HERE)
    assert results(found) == {"bright": "flagged", "first": "held"}
    assert "in 4 of 4 cases the prediction is that of reader r1" in found.set_index("rater").loc["bright", "reason"]
    assert not record.holds(digest)
    submit(make(model("second"), "second"), board)
    record, found = verify_board(board, record, lambda name: blobs, execution=HERE, accept=[digest])
    assert results(found) == {"bright": "accepted", "first": "held", "second": "flagged"}
    assert record.holds(digest)
    assert "(first), voxel for voxel" in found.set_index("rater").loc["second", "reason"]
    with pytest.raises(UsageError, match="has no run x to accept"):
        verify_board(board, record, lambda name: blobs, accept=["x"])


def test_verified_runs_are_not_scored_again(model, make, blobs, tmp_path, monkeypatch):
    """Unless that is wanted, or a file of theirs has changed."""
    board = tmp_path / "board"
    digest, _ = submit(make(model(), "run"), board)
    record, _ = verify_board(board, Record(), lambda name: blobs, execution=HERE)
    statement = record.runs[digest]
    assert verify_board(board, record, lambda name: blobs, execution=HERE)[0].runs[digest] is statement
    assert verify_board(board, record, lambda name: blobs, execution=HERE, again=True)[0].runs[digest] is not statement
    (board / "runs" / digest / "predictions" / "a.nii.gz").write_bytes(b"")
    assert results(verify_board(board, record, lambda name: blobs, execution=HERE)[1]) == {"model": "changed"}


def test_a_dataset_that_the_owner_lacks_is_told(model, make, tmp_path):
    """The run is not checked, with the reason; one that is passed over has no row."""
    digest, _ = submit(make(model(), "run"), tmp_path / "board")

    def find(name):
        msg = f"no dataset {name}"
        raise DatasetError(msg)

    record, found = verify_board(tmp_path / "board", Record(), find, execution=HERE)
    assert found[["run", "result", "reason"]].to_numpy().tolist() == [[digest, "not checked", "no dataset blobs"]]
    assert not record.runs
    assert verify_board(tmp_path / "board", Record(), lambda _: None, execution=HERE)[1].empty


def test_an_interrupted_verification_keeps_what_it_found(model, make, blobs, tmp_path):
    """The record is handed out after each run."""
    for number in (1, 2):
        submit(make(model(f"model{number}", number), f"run{number}"), tmp_path / "board")
    kept = []
    verify_board(tmp_path / "board", Record(), lambda name: blobs, execution=HERE, keep=kept.append)
    assert [len(record.runs) for record in kept] == [1, 2, 2]


def test_a_run_that_was_edited_on_the_board_cannot_be_opened(model, make, tmp_path):
    """Its manifest and its scores have the digests that they were submitted with."""
    board = tmp_path / "board"
    digest, _ = submit(make(model(), "run"), board)
    assert open_board(board).run(digest).manifest.rater == "model"
    path = board / "runs" / digest / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rater": "best"}))
    with pytest.raises(StoreError, match="was changed on the board"):
        open_board(board).run(digest)
    assert rebuild(board).runs["problem"].ne("").all()
