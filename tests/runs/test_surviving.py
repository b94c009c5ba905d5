import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctbench.errors import CtbenchError, DataError, StoreError, UsageError
from ctbench.files import PARTIAL
from ctbench.predictors import Isolation
from ctbench.runs import open_run, phases, run
from ctbench.runs.folder import RunFolder

MODEL = """
import os
import numpy as np
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo


class Bright:
    info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        with open(os.environ["CALLS"], "a") as file:
            file.write("x")
        labels = (image.array > 50).astype(np.uint8)
        if labels[1, 6, 6] and not labels[1, 6, 5]:
            raise RuntimeError("not this one")
        return Prediction(labels, score=0.9)
"""

NURSERY = """
import json, os, random, signal, sys, time
from pathlib import Path
from ctbench.datasets import load_dataset
from ctbench.predictors import Isolation
from ctbench.runs import run

common = {"metrics": ["dice", "hd95"], "jobs": 1, "isolation": Isolation(trust=True)}
dataset, folder, moments = load_dataset(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
generator = random.Random(20261121)


def child(name, cached, after_events=None):
    os.environ["CTBENCH_CACHE"] = str(folder / "caches" / name)
    os.environ["CALLS"] = str(folder / f"{name}.calls")
    pid = os.fork()
    if pid:
        return pid
    seen = [0]

    def hook(event, arguments):
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"} and name in str(arguments[0]):
            seen[0] += 1
            if seen[0] == after_events:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        run(dataset, "survivor:Bright", folder / name, cached=cached, **common)
        (folder / f"{name}.events").write_text(str(seen[0]))
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)


def end(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def files(name):
    kept = sorted((folder / name / "predictions").iterdir())
    return {one.name: one.read_bytes() for one in [*kept, folder / name / "run.json", folder / name / "scores.parquet"]}


# Imports and compiled code of this process serve all children: it is their runs that are to be killed.
os.environ |= {"CTBENCH_CACHE": str(folder / "caches" / "warm"), "CALLS": os.devnull}
run(dataset, "survivor:Bright", folder / "warm", **common)
started = time.perf_counter()
assert end(child("whole", True)) == 0
whole, seconds = files("whole"), time.perf_counter() - started
events = int((folder / "whole.events").read_text())
for number in range(moments):
    name, by_time = f"killed-{number:02d}", number % 2 == 0
    pid = child(name, number % 4 < 2, None if by_time else generator.randint(1, events))
    if by_time:
        time.sleep(generator.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
    first = end(pid)
    there = sorted(p.name for p in (folder / name).glob("*")) if (folder / name).exists() else []
    predicted = len(list((folder / name / "predictions").glob("[a-d].nii.gz")))
    second = end(child(name, number % 4 < 2))
    print(json.dumps({
        "name": name, "first": first, "second": second, "predicted": predicted, "there": there,
        "same": second == 0 and files(name) == whole,
        "left": sorted(p.name for p in (folder / name).iterdir()),
        "calls": len((folder / f"{name}.calls").read_text()),
    }))
"""


@pytest.fixture
def survivor(tmp_path, monkeypatch):
    """A module in the working folder whose predictor writes down each call, and raises on case c."""
    (tmp_path / "survivor.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return "survivor:Bright"


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_and_ends_with_the_same_bytes(blobs_folder, survivor, tmp_path):
    """Thirty times SIGKILL, at random times and at random file operations: every run ends as if undisturbed."""
    (tmp_path / "nursery.py").write_text(NURSERY)
    command = [sys.executable, "nursery.py", blobs_folder / "blobs.yaml", tmp_path / "runs", "30"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    (tmp_path / "runs").mkdir()
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    killed = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(killed) == 30
    whole = {"run.json", "scores.parquet", "predictions", "times.parquet", "log.jsonl"}
    for one in killed:
        assert one["same"], (one, result.stderr)
        assert set(one["left"]) == whole, one
        # Each case once; the failing one again; and the one that was cut.
        assert one["calls"] <= 4 + 1 + 1, one
    assert {one["first"] for one in killed} <= {-9, 0}
    in_predict = [one for one in killed if one["first"] == -9 and one["predicted"] < 3]
    in_score = [one for one in killed if "parts" in one["there"]]
    assert in_predict
    assert in_score


def results(folder):
    """Bytes of all files that must be equal between equal runs."""
    names = ["run.json", "scores.parquet", *(f"predictions/{path.name}" for path in (folder / "predictions").glob("*"))]
    return {name: (folder / name).read_bytes() for name in names}


QUICK = {"metrics": ["dice"], "jobs": 1, "cached": False, "isolation": Isolation(trust=True)}


def test_a_second_process_in_one_folder_is_refused_while_the_first_is_at_work(blobs, survivor, tmp_path):
    """The lock is another process's; the message says what to do, and nothing is touched."""
    folder = tmp_path / "run"
    folder.mkdir()
    hold = (
        "import sys, time\nfrom pathlib import Path\nfrom ctbench.runs.claims import claim\n"
        "with claim(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)"
    )
    command = [sys.executable, "-c", hold, folder / ".lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process is at work in"):
            run(blobs, survivor, folder, **QUICK)
        other.kill()
    assert [path.name for path in folder.iterdir()] == [".lock"]
    assert run(blobs, survivor, folder, **QUICK).manifest.counts  # the dead process's lock file locks nobody out
    assert not (folder / ".lock").exists()


def test_what_a_killed_process_left_is_swept_away(blobs, survivor, tmp_path):
    """Temporary files and half a line of the log do not outlive the next run."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / f"{PARTIAL}abc-run.partial.json").write_text("{")
    run(blobs, survivor, folder, **QUICK)
    before = results(folder)
    (folder / "run.json").rename(folder / "run.partial.json")
    (folder / "predictions" / f"{PARTIAL}xyz-a.nii.gz").write_bytes(b"half")
    (folder / "predictions" / "a.nii.gz").write_bytes(b"")  # as after a power failure
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"time": "2026')
    manifest = json.loads((folder / "run.partial.json").read_text())
    empty = {"counts": {}, "consensus_digest": "", "scores_digest": "", "predictions_digest": ""}
    (folder / "run.partial.json").write_text(json.dumps(manifest | empty))
    result = run(blobs, survivor, folder, **QUICK)
    assert results(folder) == before
    assert [message["case"] for message in result.messages() if message["case"]] == ["c", "c"]


@pytest.mark.parametrize("lost", ["scores.parquet", "predictions/b.nii.gz"])
def test_a_file_that_is_removed_from_a_whole_run_is_made_again(blobs, survivor, tmp_path, lost):
    """The same command mends the run, and the bytes are the same."""
    folder = tmp_path / "run"
    run(blobs, survivor, folder, **QUICK)
    before = results(folder)
    (folder / lost).unlink()
    result = run(blobs, survivor, folder, **QUICK)
    assert not result.reused
    assert results(folder) == before


def test_a_prediction_that_was_changed_is_not_scored(blobs, survivor, tmp_path):
    """Predictions that are not those that the run kept are made anew."""
    folder = tmp_path / "run"
    run(blobs, survivor, folder, **QUICK)
    before = results(folder)
    (folder / "predictions" / "b.nii.gz").write_bytes((folder / "predictions" / "a.nii.gz").read_bytes())
    run(blobs, survivor, folder, **QUICK)
    assert results(folder) == before


@pytest.mark.parametrize(
    ("phase", "lost", "error"),
    [("_predict", "images/b.nii.gz", DataError), ("_score_part", "predictions/b.nii.gz", DataError)],
)
def test_a_file_that_is_removed_while_a_run_goes_on_stops_it_with_a_sentence(
    blobs_folder, blobs, survivor, tmp_path, monkeypatch, phase, lost, error
):
    """The run ends with a message that names the file; once it is back, the run goes on to the same bytes."""
    run(blobs, survivor, tmp_path / "whole", **QUICK)
    folder = tmp_path / "run"
    original, path = getattr(phases, phase), (folder if lost.startswith("pred") else blobs_folder) / lost
    content = []

    def removes(*arguments):
        if path.is_file():
            content.append(path.read_bytes())
            path.unlink()
        return original(*arguments)

    monkeypatch.setattr(phases, phase, removes)
    with pytest.raises(error, match=lost.rpartition("/")[2]):
        run(blobs, survivor, folder, **QUICK)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    path.write_bytes(content[0])
    run(blobs, survivor, folder, **QUICK)
    assert results(folder) == results(tmp_path / "whole")


def test_a_part_that_is_removed_before_the_end_is_missed(blobs, survivor, tmp_path, monkeypatch):
    """Scores are never joined from fewer parts than there are."""
    monkeypatch.setattr(phases, "write_part", lambda *_: None)
    with pytest.raises(StoreError, match=r"000\.parquet cannot be read.*to make it again"):
        run(blobs, survivor, tmp_path / "run", **QUICK)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    assert run(blobs, survivor, tmp_path / "run", **QUICK).manifest.counts["ok"]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of some kilobytes; give what sets its size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if sys.platform != "linux" or not mount("size=12k"):
        pytest.skip("only a user who may mount can try a full disk")
    yield folder, lambda size: mount("remount", f"size={size}")
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  # a system's own tool


def open_files(folder):
    """The files below a folder that this process has open, removed ones too."""
    opened = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return [path for path in opened if path.is_relative_to(folder)]


def test_a_full_disk_is_a_sentence_and_the_run_goes_on_when_there_is_space(blobs, survivor, tmp_path, small_disk):
    """Nothing is kept that is only half there, wherever in the run the space ends."""
    disk, resize = small_disk
    run(blobs, survivor, tmp_path / "whole", **QUICK)
    refused = []
    for kilobytes in range(12, 200, 8):
        assert resize(f"{kilobytes}k")
        try:
            run(blobs, survivor, disk / "run", **QUICK)
        except StoreError as error:
            refused.append(str(error))
        else:
            break
    assert len(refused) > 2
    assert all("cannot write" in message for message in refused)
    assert not open_files(disk)
    assert results(disk / "run") == results(tmp_path / "whole")


def test_workers_die_with_their_parent(blobs_folder, survivor, tmp_path):
    """A run that was killed leaves no process that would write into its folder."""
    slow = MODEL.replace("labels = ", "import time; time.sleep(60); labels = ")
    (tmp_path / "survivor.py").write_text(slow)
    code = (
        "import sys\nfrom ctbench.datasets import load_dataset\nfrom ctbench.predictors import Isolation\n"
        "from ctbench.runs import run\ntrusted = Isolation(trust=True)\n"
        "run(load_dataset(sys.argv[1]), 'survivor:Bright', sys.argv[2], metrics=['dice'], jobs=2, isolation=trusted)"
    )
    command = [sys.executable, "-c", code, blobs_folder / "blobs.yaml", tmp_path / "run"]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(tmp_path)}) as parent:
        wait_for(lambda: (tmp_path / "calls").is_file() and len((tmp_path / "calls").read_text()) == 2)
        workers = children(parent.pid)
        assert len(workers) >= 2
        parent.kill()
    wait_for(lambda: not any(Path("/proc", pid).exists() and not is_zombie(pid) for pid in workers))


def children(pid):
    """The ids of the processes that a process started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def is_zombie(pid):
    """Whether a process has ended and nobody has asked for its exit code yet."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(condition, seconds=60):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_an_interrupted_run_is_not_open(blobs, survivor, tmp_path):
    """What is in the folder of a run that was cut is no result yet."""
    run(blobs, survivor, tmp_path / "run", **QUICK)
    paths = RunFolder(tmp_path / "run")
    paths.manifest.rename(paths.partial)
    with pytest.raises(CtbenchError, match="unfinished run"):
        open_run(tmp_path / "run")
