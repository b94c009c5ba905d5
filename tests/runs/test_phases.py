import numpy as np
import pytest

from ctbench.errors import DataError
from ctbench.runs import folder as folder_module
from ctbench.runs.completion import join_parts
from ctbench.runs.folder import RunFolder
from ctbench.runs.journal import read_lines
from ctbench.runs.phases import Execution, check_all, chunks, predict_all, score_all
from ctbench.runs.planning import READERS, RunRequest, plan_run
from ctbench.volume import Volume, write_volume

HERE = Execution(jobs=1, cached=False)


@pytest.fixture
def plan(blobs):
    """A function that plans a run of a predictor with one metric."""
    return lambda predictor: plan_run(RunRequest(blobs, predictor, metrics=["dice"]))


@pytest.fixture
def paths(tmp_path):
    """The folder of a run that has begun."""
    folder = RunFolder(tmp_path / "run")
    folder.parts.mkdir(parents=True)
    return folder


def test_parts_hold_all_cases_in_order(plan, bright, monkeypatch):
    """Each case is in one part, whatever the size of a part."""
    cases = plan(bright).cases
    assert chunks(cases) == [(case,) for case in cases]
    monkeypatch.setattr(folder_module, "_MOST_PARTS", 2)
    assert chunks(cases) == [cases[:2], cases[2:]]
    assert chunks(()) == []


def test_progress_sees_every_case_once():
    """Lists of results are one stream, in the order of the steps, under the name of the phase."""
    seen = []
    shown = Execution(jobs=1, progress=lambda name, steps, total: seen.append((name, total)) or steps)
    assert list(shown.over("count", lambda *numbers: list(numbers), [(1, 2), (), (3,)], 3)) == [1, 2, 3]
    assert seen == [("count", 3)]


def test_files_are_checked_before_anything_is_predicted(plan, bright, blobs):
    """A mask on another grid is found, with its case."""
    check_all(plan(bright), HERE)
    write_volume(Volume(np.zeros((6, 24, 20), np.uint8), (4.0, 1.0, 1.0)), blobs["b"].reader_path("r1"))
    with pytest.raises(DataError, match="'b'"):
        check_all(plan(bright), HERE)


def test_every_case_is_predicted_and_failures_are_logged(plan, fails_on_c, paths):
    """What failed has no file and a message with its traceback; every case has its seconds."""
    outcomes = predict_all(plan(fails_on_c), paths, HERE)
    assert {case: outcome.status.value for case, outcome in outcomes.items()} == {
        **dict.fromkeys(("a", "b", "d"), "ok"),
        "c": "failed",
    }
    assert [paths.prediction(case).is_file() for case in "abcd"] == [True, True, False, True]
    (message,) = read_lines(paths.log)
    assert message["case"] == "c"
    assert "Traceback" in message["trace"]
    assert {line["case"] for line in read_lines(paths.costs)} == set("abcd")


def test_a_prediction_that_is_there_is_kept(plan, bright, fails_on_c, paths):
    """Only the failure is tried again, and the rows of its part go; an empty file is no prediction."""
    predict_all(plan(fails_on_c), paths, HERE)
    paths.prediction("a").write_bytes(b"")
    kept = paths.prediction("b").stat().st_mtime_ns
    for number in range(4):
        paths.part(number).touch()
    outcomes = predict_all(plan(bright), paths, HERE)
    assert {outcome.status.value for outcome in outcomes.values()} == {"ok"}
    assert paths.prediction("a").stat().st_size > 0
    assert paths.prediction("b").stat().st_mtime_ns == kept
    assert [paths.part(number).exists() for number in range(4)] == [False, True, False, True]


def test_readers_need_no_prediction(plan, paths):
    """There is nothing to predict, and all of them are scored."""
    readers = plan(READERS)
    assert predict_all(readers, paths, HERE) == {}
    score_all(readers, {}, paths, HERE)
    assert all(path.is_file() for path in paths.all_parts(4))


def test_only_what_is_lacking_is_scored(plan, bright, paths):
    """A part that is there stays as it is; the joined rows are those of all cases."""
    whole = plan(bright)
    outcomes = predict_all(whole, paths, HERE)
    score_all(whole, outcomes, paths, HERE)
    before = {path: path.stat().st_mtime_ns for path in paths.all_parts(4)}
    paths.part(2).unlink()
    score_all(whole, outcomes, paths, HERE)
    changed = [path.name for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == ["002.parquet"]
    joined = join_parts(paths.all_parts(4), paths.scores)
    assert sum(joined.counts.values()) == 4 * 4 * 3  # cases, references, structures
