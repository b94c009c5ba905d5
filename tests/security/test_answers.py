"""What a predictor writes where its process answers, and what it leaves in folders that ctbench reads and removes."""

import os
import tempfile
import threading

import numpy as np
import pytest

from ctbench.cli.ending import temporary_folder
from ctbench.errors import ContractError, PredictionFailedError
from ctbench.labels import LabelSet
from ctbench.predictors import IsolatedPredictor, Isolation, Limits, PredictorInfo
from ctbench.predictors.exchange import exchange
from ctbench.predictors.isolation import sandbox
from ctbench.predictors.isolation.workspace import Workspace
from ctbench.volume import Volume

FORGER = """
import fcntl, json, os, stat, threading, time
from pathlib import Path
import numpy as np
import ctbench


def pipe(mode):
    for number in range(3, 30):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode) and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == mode:
                return number
        except OSError:
            continue


def answer(number=2, payload=b"", **content):
    left = json.dumps({"number": number, **content}).encode() + b"\\n" + payload
    while left:
        left = left[os.write(pipe(os.O_WRONLY), left):]


class Forger:
    def __init__(self, code=""):
        self.code = code
        labels = ctbench.LabelSet({f"b{number}": number for number in range(1, 256)})
        self.info = ctbench.PredictorInfo(name="forger", version="1", labels=labels)

    def predict(self, image):
        exec(self.code, {**globals(), "self": self, "image": image})
        return ctbench.Prediction(np.zeros(image.shape, np.uint8))
"""
IMAGE = Volume(np.zeros((3, 8, 8), np.int16), (5.0, 1.0, 1.0))


@pytest.fixture
def forger(stranger, monkeypatch):
    """Make a predictor whose code is run in each case."""
    (stranger.folder / "forging.py").write_text(FORGER)
    monkeypatch.chdir(stranger.folder)
    made = []

    def make(code, **limits):
        isolation = Isolation(limits=Limits(**{"seconds": 30, **limits}), unsandboxed=True)
        made.append(IsolatedPredictor("forging:Forger", {"code": code}, isolation))
        return made[-1]

    yield make
    for predictor in made:
        predictor.stop()


def within(seconds, function):
    """Call a function in a thread and return what it returned or raised; fail if it has not ended in time."""
    found = []

    def call():
        try:
            found.append(function())
        except Exception as error:  # noqa: BLE001  # the test looks at it
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for ever"
    return found[0]


@pytest.mark.parametrize("kind", ["raised='x' * 3_000_000", "error='DataError', text='x' * 3_000_000"])
def test_a_forged_error_is_no_longer_than_a_real_one(forger, kind):
    """It stands in the rows of every structure and metric of the case: 3 MB there would be gigabytes in a report."""
    predictor = forger(f"answer({kind}, trace='y' * 500_000, printed='z' * 500_000); time.sleep(60)")
    error = within(60, lambda: predictor.prediction("a", IMAGE))
    assert len(str(error)) < 3000
    assert len("".join(error.__notes__)) < 300_000


def test_a_process_that_does_not_read_its_requests_is_ended(forger):
    """It answers without reading until the pipe is full; the limit of time holds for writing to it, too."""
    predictor = forger(
        """
place = next(Path("/tmp").glob("ctbench-*/in"), None) or next(Path("/tmp").glob("ctbench-*/*/in"))
fcntl.fcntl(pipe(os.O_RDONLY), fcntl.F_SETPIPE_SZ, 4096)
number, seen = 2, None
while True:
    try:
        now = os.stat(place / "image").st_mtime_ns
    except OSError:
        now = None
    if now not in (seen, None):
        seen = now
        answer(number, bytes(image.array.size), labels=image.array.size)
        number += 1
    time.sleep(0.001)
""",
        seconds=4,
    )

    def predict_often():
        for _ in range(40):
            predictor.prediction("a", IMAGE)

    error = within(60, predict_often)
    assert isinstance(error, PredictionFailedError)
    assert "before it had read its request" in str(error)


def test_probabilities_are_no_more_than_its_memory_may_hold(forger):
    """255 labels of an image of 4 MB would be a gigabyte in our process, whose memory nothing limits."""
    predictor = forger(
        "answer(labels=image.array.size, probabilities=[*self.info.labels]); time.sleep(60)", memory_gb=0.5
    )
    image = Volume(np.zeros((16, 512, 512), np.int16), (5.0, 1.0, 1.0))
    error = within(60, lambda: predictor.prediction("a", image, probabilities=True))
    assert isinstance(error, ContractError)
    assert "more than its 0.5 GiB of memory" in str(error)


def test_a_folder_beside_the_image_fails_no_case(forger, monkeypatch):
    """Without a sandbox a predictor may write there; what it leaves is removed before the next case."""
    monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")
    predictor = forger("(Path(os.environ['HOME']).parent / 'in' / 'folder' / 'inner').mkdir(parents=True)")
    for case in ("a", "b"):
        predictor.prediction(case, IMAGE)


def test_a_container_that_nests_folders_without_end(tmp_path):
    """Its output is read in our process: too deep a folder is passed over, and the case fails with the reason."""
    info = PredictorInfo(name="nest", version="1", labels=LabelSet({"iph": 1}))

    def answer():
        with exchange(IMAGE) as files:
            (files.outputs / "small").write_text("kept")
            place = os.open(files.outputs, os.O_RDONLY)
            for _ in range(1500):
                os.mkdir("a", dir_fd=place)
                inner = os.open("a", os.O_RDONLY, dir_fd=place)
                os.close(place)
                place = inner
            os.close(place)
            files.answer(IMAGE, info)

    error = within(60, answer)
    assert isinstance(error, ContractError)
    assert "wrote no prediction" in str(error)
    assert error.refused == {"small": b"kept"}


@pytest.mark.parametrize("start", ["ctbench-command-", "ctbench-predictor-"])
@pytest.mark.parametrize("kind", ["pipe", "of somebody else"])
def test_what_other_users_leave_among_temporary_files(tmp_path, monkeypatch, start, kind):
    """A pipe that is called as a folder of ours is not waited for, and folders of others are not removed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"{start}x"
    if kind == "pipe":
        os.mkfifo(left)
    elif os.geteuid():
        pytest.skip("only root can make a folder of somebody else")
    else:
        left.mkdir()
        os.chown(left, 65534, 65534)
    os.utime(left, (1, 1))

    def sweep():
        if start == "ctbench-command-":
            with temporary_folder():
                return
        Workspace().remove()

    assert within(10, sweep) is None
    assert left.exists()
