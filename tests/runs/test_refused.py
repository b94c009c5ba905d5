import json
import shlex
import sys

import pytest

from ctbench.runs import run
from ctbench.runs.refused import keep_refused


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own."""
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_folder_holds_the_last_attempt_under_plain_names(cache):
    """Names of raters, cases and files lead nowhere else."""
    assert keep_refused({}, "mine", "a") is None
    keep_refused({"first.nii.gz": b"1"}, "mine", "../a")
    folder = keep_refused({"../second": b"2", "a map.nii": b"3", "/etc/x": b"4", "..": b"5"}, "mine", "../a")
    assert folder.parent == cache / "refused" / "mine"
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {"-second": b"2", "a-map.nii": b"3", "-etc-x": b"4", "unnamed": b"5"}


def test_no_more_than_twenty_cases_are_kept():
    """A thousand refused cases fill no disk; one that is there already is written again."""
    kept = [keep_refused({"x": b"1"}, "mine", f"case{number}") for number in range(25)]
    assert [folder is not None for folder in kept] == [True] * 20 + [False] * 5
    assert keep_refused({"x": b"2"}, "mine", "case3").joinpath("x").read_bytes() == b"2"


def test_no_more_than_a_hundred_files_are_kept():
    """The process of a predictor may answer with any number of empty files."""
    folder = keep_refused({f"{number:04}": b"" for number in range(150)}, "mine", "a")
    assert sorted(path.name for path in folder.iterdir()) == [f"{number:04}" for number in range(100)]


def test_what_a_command_wrote_and_was_refused_can_be_looked_at(blobs, tmp_path, cache, monkeypatch):
    """The file comes out of the sandbox, the log says where it is, and the run does not hold it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "wrong.py").write_text("import sys; open(sys.argv[2], 'wb').write(b'no label map'); print('done')")
    (work / "labels.json").write_text(json.dumps({"labels": {"hemorrhage": 1}, "name": "wrong"}))
    spec = f"command:{shlex.quote(sys.executable)} wrong.py {{image}} {{output}}"
    result = run(blobs, spec, tmp_path / "run", jobs=1, cached=False)
    (case, *_) = result.manifest.cases
    assert (cache / "refused" / "wrong" / case / "prediction.nii.gz").read_bytes() == b"no label map"
    said = [line for line in result.messages() if line.get("refused")]
    assert said[0]["trace"] == "done"
    assert not any(b"no label map" in path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
