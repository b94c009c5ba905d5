"""Ctrl-C, SIGTERM and killed workers end a command with one sentence; images and processes are gone."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress

import psutil
import pytest

MODEL = """
import time
import numpy as np
import ctbench


class Slow:
    def __init__(self):
        self.info = ctbench.PredictorInfo(name="slow", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        time.sleep(300)
"""
NOTES = ("not sandboxed", "not enforced", "trusted: it runs in ctbench's own process")


@contextmanager
def inherited(hangup):
    """Let Ctrl-C end a command that is started inside the block, and hang-ups too or not, whoever started the tests."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, hangup)  # below nohup it is ignored
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGHUP, hangup)


@pytest.fixture
def start(stranger, blobs_folder, program):
    """Start a run of a slow predictor with two workers, whose temporary files lie in a folder of the test."""
    temporary = stranger.folder.parent / "temporary"
    temporary.mkdir()
    (stranger.folder / "model.py").write_text(MODEL)
    started = []

    def call(*options, hangup=signal.SIG_DFL):
        quick = ("--metric", "dice", "-j", "2")
        with inherited(hangup):
            process = subprocess.Popen(
                [program, "run", "model:Slow", "-d", blobs_folder / "blobs.yaml", *quick, *options],
                cwd=stranger.folder,
                env={**os.environ, "TMPDIR": str(temporary)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                start_new_session=True,
            )
        started.append(process)
        return process, temporary

    yield call
    for process in started:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()


def wait_for(condition, seconds=60):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def images(folder):
    """The images that lie in temporary files."""
    # Unlike a glob, a walk bears folders that vanish meanwhile.
    found = ((at, names) for at, _, names in os.walk(folder) if at.endswith("/in"))
    return [f"{at}/{name}" for at, names in found for name in names if name.startswith("image")]


def has_ended(process):
    """Whether a process is not there any more, but for its exit code."""
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def told(process):
    """Wait for the end of a command and return what it printed on standard error, without the notes of the sandbox."""
    lines = process.communicate(timeout=60)[1].splitlines()
    return [line for line in lines if not any(note in line for note in NOTES)]


@pytest.mark.parametrize(
    ("number", "whom", "code", "name"),
    [
        (signal.SIGINT, os.killpg, 130, "Ctrl-C"),
        (signal.SIGINT, os.kill, 130, "Ctrl-C"),
        (signal.SIGTERM, os.kill, 143, "SIGTERM"),
        (signal.SIGHUP, os.kill, 129, "SIGHUP"),
    ],
)
def test_a_signal_ends_a_run_with_one_sentence(start, number, whom, code, name):
    """While two cases are predicted: one line, the exit code of the signal, no image and no process are left."""
    process, temporary = start()
    wait_for(lambda: len(images(temporary)) == 2)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4
    whom(process.pid, number)
    assert told(process) == [
        f"ctbench: stopped by {name}; complete results are kept, and the same command continues from there"
    ]
    assert process.returncode == code
    assert images(temporary) == []
    wait_for(lambda: all(map(has_ended, children)), 5)
    assert not list(temporary.glob("ctbench-*"))


def test_workers_that_are_just_starting_are_silent(start):
    """Ctrl-C reaches workers that still import their modules, which print nothing about it."""
    process, _ = start("--trust")
    main = psutil.Process(process.pid)
    wait_for(lambda: any("loky.backend.popen" in " ".join(child.cmdline()) for child in main.children()))
    os.killpg(process.pid, signal.SIGINT)
    assert len(told(process)) == 1
    assert process.returncode == 130


def test_a_killed_worker_is_one_sentence(start):
    """A worker that is killed, e.g. because memory ran out, ends the run with one line and exit code 1."""
    process, temporary = start()
    wait_for(lambda: len(images(temporary)) == 2)
    workers = [child for child in psutil.Process(process.pid).children() if "popen_loky" in " ".join(child.cmdline())]
    workers[0].kill()
    (line,) = told(process)
    assert line.startswith("ctbench: a worker process ended unexpectedly, perhaps because memory ran out")
    assert process.returncode == 1
    assert images(temporary) == []


def test_images_of_a_killed_command_are_removed_by_the_next(start, stranger):
    """After kill -9 the images stay; the next command removes them, but not those of a command that still runs."""
    process, temporary = start()
    wait_for(lambda: len(images(temporary)) == 2)
    (folder,) = temporary.glob("ctbench-command-*")
    os.utime(folder, (1, 1))
    assert stranger.ctbench("--version", TMPDIR=str(temporary)).returncode == 0
    assert len(images(temporary)) == 2
    # All of them: joblib's tracker removes its own folders last, which makes the folder young again.
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    wait_for(lambda: all(map(has_ended, children)))
    os.utime(folder, (1, 1))
    assert stranger.ctbench("--version", TMPDIR=str(temporary)).returncode == 0
    assert not folder.exists()


def test_a_command_that_ignores_hangups_keeps_doing_so(start):
    """What nohup has switched off stays off: the run goes on."""
    process, temporary = start(hangup=signal.SIG_IGN)
    wait_for(lambda: images(temporary))
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
