"""Workers with several threads, workers without a sandbox, and failures for which a predictor is not to blame."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import PluginError, StoreError, UsageError
from ctbench.predictors import IsolatedPredictor, Isolation
from ctbench.predictors.isolation import sandbox, session
from ctbench.runs import predicting, run
from ctbench.runs.folder import RunFolder
from ctbench.runs.predicting import PredictorSource, predict_case, release_predictors
from ctbench.volume import Volume, write_volume

MODEL = """
import os, time
import numpy as np
import ctbench


class Slow:
    def __init__(self):
        self.info = ctbench.PredictorInfo(name="slow", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))
        self.busy = False

    def predict(self, image):
        assert not self.busy
        self.busy = True
        time.sleep(0.2)
        self.busy = False
        return ctbench.Prediction((image.array > 50).astype(np.uint8), score=0.5)
"""
QUICK = {"metrics": ["dice"], "cached": False}
TOO_LONG = "took more than 1800 s"
IMAGE = Volume(np.zeros((3, 8, 8), np.int16), (5.0, 1.0, 1.0))


@pytest.fixture
def slow(stranger, monkeypatch):
    """A stranger's model in the working folder."""
    (stranger.folder / "model.py").write_text(MODEL)
    monkeypatch.chdir(stranger.folder)
    yield "model:Slow"
    release_predictors()


@pytest.fixture
def dozen(blobs_folder):
    """A dataset of twelve cases."""
    table = ["case,split"]
    for number in range(12):
        hu = np.full((6, 24, 24), 30, np.int16)
        hu[2:4, 5 : 9 + number, 5:9] = 70
        for place in ("images", "readers/r1", "readers/r2"):
            labels = hu if place == "images" else (hu > 50).astype(np.uint8)
            write_volume(Volume(labels, (4.0, 1.0, 1.0)), blobs_folder / place / f"n{number:02d}.nii.gz")
        table.append(f"n{number:02d},test")
    (blobs_folder / "cases.csv").write_text("\n".join(table) + "\n")
    return load_dataset(blobs_folder / "blobs.yaml")


@pytest.fixture(scope="module")
def cluster():
    """The address of a Dask cluster on this machine: two workers with two threads each."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0") as local:
        yield local.scheduler_address


@pytest.fixture
def bare(monkeypatch):
    """A machine without bubblewrap."""
    monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")


def status(result):
    """The statuses of the rows of a run."""
    return set(result.scores["status"])


def test_threads_of_a_dask_worker_do_not_share_a_process(dozen, slow, cluster, tmp_path):
    """Two workers with two threads each predict every case, with the bytes of a run in one process."""
    there = run(dozen, slow, tmp_path / "there", cluster=cluster, **QUICK)
    assert "failed" not in status(there), there.messages()
    here = run(dozen, slow, tmp_path / "here", jobs=1, **QUICK)
    for name in ("run.json", "scores.parquet", "predictions/n00.nii.gz"):
        assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()


def test_sandboxes_of_one_process_have_users_of_their_own(monkeypatch):
    """One that reaches its limit of processes does not block another of the same worker."""
    monkeypatch.setattr(sandbox, "_kind", lambda: "root")
    users = {sandbox.new_user() for _ in range(64)}
    assert len(users) == 64
    assert 0x70000000 <= min(users) <= max(users) < 2**31
    monkeypatch.setattr(os, "getpid", lambda: 2**22 - 1)
    assert max(sandbox.new_user() for _ in range(64)) < 2**31


@pytest.mark.usefixtures("bare")
def test_a_stranger_without_a_sandbox_is_refused(blobs, slow, stranger, tmp_path):
    """Nothing of it is run, and no case is lost to it: the command says what to do."""
    (stranger.folder / "model.py").write_text(MODEL + stranger.trap)
    with pytest.raises(UsageError, match=r"there is none here: bubblewrap is not installed; .* or --unsandboxed"):
        run(blobs, slow, tmp_path / "run", jobs=1, **QUICK)
    assert not stranger.mark.exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["run", "predict", "check"])
def test_every_command_refuses_it(stranger, blobs_folder, command):
    """Also where it is not installed: exit code 2 and a sentence; with --unsandboxed it runs."""
    (stranger.folder / "model.py").write_text(MODEL)
    image = blobs_folder / "images" / "a.nii.gz"
    arguments = {
        "run": ("run", "model:Slow", "-d", blobs_folder / "blobs.yaml", "--metric", "dice", "-j", "1"),
        "predict": ("predict", "model:Slow", image, "--out", "out"),
        "check": ("check", "model:Slow"),
    }[command]
    path = {"PATH": str(Path(sys.executable).parent)}
    done = stranger.ctbench(*arguments, **path)
    assert done.returncode == 2
    assert "bubblewrap is not installed" in done.stderr
    assert "--unsandboxed" in done.stderr
    assert stranger.ctbench(*arguments, "--unsandboxed", **path).returncode == 0


@pytest.fixture
def another_machine(monkeypatch):
    """Cases are predicted where there is no sandbox, other than where the run is planned."""
    original = predicting.predict_case

    def on_another_machine(*arguments):
        monkeypatch.setattr(sandbox, "_problem", lambda: "user namespaces are forbidden")
        release_predictors()
        return original(*arguments)

    monkeypatch.setattr("ctbench.runs.phases.predict_case", on_another_machine)


@pytest.mark.usefixtures("another_machine")
def test_a_worker_without_a_sandbox_refuses_it_too(dozen, slow, tmp_path):
    """The run ends with the sentence of that machine; it was sandboxed where it was planned."""
    with pytest.raises(UsageError, match="there is none here: user namespaces are forbidden"):
        run(dozen, slow, tmp_path / "run", jobs=1, **QUICK)


@pytest.mark.usefixtures("another_machine")
def test_a_worker_says_what_it_does_not_enforce(blobs, slow, tmp_path):
    """The log has the sentences of every machine that predicted, each once, not only of the one that planned."""
    result = run(blobs, slow, tmp_path / "run", isolation=Isolation(unsandboxed=True), jobs=1, **QUICK)
    messages = [str(message["message"]) for message in result.messages()]
    assert len([message for message in messages if "user namespaces are forbidden" in message]) == 1
    assert any(message.startswith("where this case was predicted, not enforced: ") for message in messages)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_from_outside_gets_a_second_try(blobs, slow, tmp_path, monkeypatch, number):
    """The case is predicted by a new process, and nothing is held against the predictor."""
    original, killed = session.Session.predict, []

    def predict(self, *asked):
        if not killed:
            killed.append(self._live.process.usage().processes)
            for pid in killed[0]:
                with suppress(ProcessLookupError):  # the sandbox takes those inside with it
                    os.kill(pid, number)
        return original(self, *asked)

    # The session is told of a live process that is killed while it is asked.
    monkeypatch.setattr(session.Session, "is_live", property(lambda self: self._live is not None))
    monkeypatch.setattr(session.Session, "predict", predict)
    result = run(blobs, slow, tmp_path / "run", jobs=1, **QUICK)
    assert killed
    assert "failed" not in status(result)


def test_a_process_that_is_killed_twice_fails_its_case(blobs, slow, stranger, tmp_path):
    """A predictor that kills itself is not tried for ever."""
    code = MODEL.replace("assert not self.busy", "image.array[2, 7, 5] > 50 and os.kill(os.getpid(), 9)")
    (stranger.folder / "model.py").write_text(code)
    source = PredictorSource(slow, {}, isolation=Isolation(unsandboxed=True))
    outcome = predict_case(source, "a", blobs["a"].image_path, RunFolder(tmp_path / "run"))
    assert outcome.status == "failed"
    assert "slow died on case a: it was ended by SIGKILL" in outcome.detail


def test_a_predictor_that_a_worker_cannot_make_ends_the_run(blobs, slow, tmp_path, monkeypatch):
    """It was made when the run began: a worker that cannot is tried twice, then the run stops, and no case failed."""
    original, tries = session.Session._start, []

    def start(self):
        tries.append(1)
        if len(tries) > 1:
            raise session.PredictionFailedError(TOO_LONG)
        return original(self)

    monkeypatch.setattr(session.Session, "_start", start)
    release = predicting.release_predictors
    monkeypatch.setattr("ctbench.runs.phases.predict_case", lambda *given: (release(), predict_case(*given))[1])
    with pytest.raises(PluginError, match="'model:Slow' could not be made: it " + TOO_LONG):
        run(blobs, slow, tmp_path / "run", jobs=1, **QUICK)
    assert len(tries) == 3
    assert not list((tmp_path / "run").glob("predictions/*"))
    monkeypatch.undo()


def test_a_predictor_that_can_be_made_the_second_time_goes_on(blobs, slow, tmp_path, monkeypatch):
    """One failed start, on a busy machine, costs no case."""
    original, tries = session.Session._start, []

    def start(self):
        tries.append(1)
        if len(tries) == 2:
            raise session.PredictionFailedError(TOO_LONG)
        return original(self)

    monkeypatch.setattr(session.Session, "_start", start)
    predictor = IsolatedPredictor(slow)
    assert predictor.info.name == "slow"
    predictor.stop()
    assert predicting._ready(predictor).name == "slow"
    assert len(tries) == 3
    predictor.stop()


@pytest.fixture
def full(tmp_path, monkeypatch):
    """A folder of temporary files on a disk of a few kilobytes, which is full."""
    import subprocess
    import tempfile

    folder = tmp_path / "full"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only a user who may mount can try a full disk")
    (folder / "fill").write_bytes(b"x" * 2**16)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    release_predictors()
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607  # a system's own tool


def test_a_full_folder_of_temporary_files_is_no_failure_of_the_predictor(blobs, slow, tmp_path, full):
    """Where the images of the cases cannot be put down, the run ends with a sentence, and goes on later."""
    source = PredictorSource(slow, {})
    with pytest.raises(StoreError, match=rf"cannot write temporary files in {full}: .*free some space"):
        predict_case(source, "a", blobs["a"].image_path, RunFolder(tmp_path / "run"))
    (full / "fill").unlink()
    assert predict_case(source, "a", blobs["a"].image_path, RunFolder(tmp_path / "run")).status == "ok"


def test_a_predictor_cannot_end_the_run_with_an_error_of_ours(blobs, slow, stranger, tmp_path):
    """A StoreError or WorkerError that its code raises fails the case."""
    code = MODEL.replace("assert not self.busy", "raise ctbench.errors.StoreError('the disk is full')")
    (stranger.folder / "model.py").write_text(code + "\nimport ctbench.errors\n")
    result = run(blobs, slow, tmp_path / "run", jobs=1, isolation=Isolation(unsandboxed=True), **QUICK)
    assert "failed" in status(result)
