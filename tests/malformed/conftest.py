"""Malformed files of every kind, read in a process that is guarded and started again only when it had to be killed.

A file that is not as it should be is refused with one sentence: no crash, no hang over 10 s, no memory over 4 GB.
"""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 10
LONGEST_SENTENCE = 1000


class Guard:
    """A worker that reads files, and what becomes of it."""

    def __init__(self, log):
        self.log, self.process, self.killed = log, None, 0

    def ask(self, reader, path, seconds=SECONDS):
        """Let the worker read a path; give how that ended."""
        if self.process is None:
            self._start()
        self.process.stdin.write(json.dumps({"reader": reader, "path": str(path)}) + "\n")
        self.process.stdin.flush()
        return self._answer(seconds)

    def stop(self):
        """End the worker."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _start(self):
        script = Path(__file__).with_name("worker.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            encoding="utf-8",
            env=environment,
        )
        assert self._answer(120) == {}

    def _answer(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.killed += 1
        status = self.process.poll()
        self.stop()
        return {"outcome": "hang" if not ready else f"crash {status}", "said": "", "seconds": seconds}


@pytest.fixture(scope="session")
def guard(tmp_path_factory):
    """The one worker of a session."""
    if sys.platform != "linux":
        pytest.skip("the worker's memory is limited as Linux does it")
    with (tmp_path_factory.mktemp("malformed") / "worker.log").open("w") as log:
        made = Guard(log)
        yield made
        made.stop()


@pytest.fixture
def refused(guard):
    """A function that has a path read and proves that it was refused in one sentence, which it gives."""

    def refused(reader, path):
        answer = guard.ask(reader, path)
        assert answer["outcome"] == "refused", answer
        return sentence(answer["said"])

    return refused


@pytest.fixture
def survived(guard):
    """The same for what may still be whole, because nothing that matters was changed: it is read or refused."""

    def survived(reader, path):
        answer = guard.ask(reader, path)
        assert answer["outcome"] in {"read", "refused"}, answer
        if answer["outcome"] == "refused":
            sentence(answer["said"])
        return answer["outcome"]

    return survived


def sentence(said):
    """Prove that a message is one sentence that a person can read on one line."""
    assert said.strip()
    assert "\n" not in said
    assert said.isprintable()
    assert len(said) < LONGEST_SENTENCE, said
    return said
