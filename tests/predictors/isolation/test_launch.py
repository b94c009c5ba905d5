import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctbench.predictors.isolation import launch, system_calls

PROBE = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
refused = libc.unshare(0x10000000) != 0  # a new user namespace
print(json.dumps([refused, sys.argv[1:]]))
"""


MEMORY_FILE = """
import os
try:
    os.memfd_create("driver")
    print("made")
except OSError as error:
    print(error.errno)
"""


@pytest.mark.skipif(system_calls.program() is None, reason="no filter for this machine")
@pytest.mark.parametrize(("options", "said"), [([], "38"), (["--gpu"], "made")])
def test_drivers_of_graphics_cards_may_make_memory_files(options, said):
    """Others have no such call (ENOSYS), so that their memory is counted; with a GPU the rest of the filter stands."""
    starter = [sys.executable, "-I", "-S", str(Path(launch.__file__)), *options, sys.executable, "-c"]
    done = subprocess.run([*starter, MEMORY_FILE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said
    done = subprocess.run([*starter, PROBE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]


@pytest.mark.skipif(system_calls.program() is None, reason="no filter for this machine")
def test_the_command_has_the_filter_and_its_arguments():
    """A bare interpreter without ctbench on its path starts the program, which cannot make a namespace."""
    starter = [sys.executable, "-I", "-S", str(Path(launch.__file__))]
    done = subprocess.run(
        [*starter, sys.executable, "-c", PROBE, "a b", "c"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [True, ["a b", "c"]]


def test_bubblewrap_gets_the_filter_as_a_file(monkeypatch):
    """It adds the filter after its own mounts, from a descriptor that holds the whole program."""
    started = []
    monkeypatch.setattr(launch.os, "execvp", lambda _program, command: started.append(command))
    monkeypatch.setattr(launch, "program", lambda *, gpu: b"of a GPU" if gpu else b"12345678")
    monkeypatch.setattr(launch.ctypes, "CDLL", lambda *_args, **_options: FakeLibrary())
    launch.launch(["bwrap", "--ro-bind", "/", "/", "true"])
    (command,) = started
    assert command[:2] == ["bwrap", "--seccomp"]
    assert command[3:] == ["--ro-bind", "/", "/", "true"]
    assert launch.os.read(int(command[2]), 100) == b"12345678"
    launch.os.close(int(command[2]))
    launch.launch(["bwrap", "true"], gpu=True)
    assert launch.os.read(int(started[1][2]), 100) == b"of a GPU"
    launch.os.close(int(started[1][2]))


class FakeLibrary:
    """A C library that does nothing."""

    def syscall(self, *_arguments):
        """Return success."""
        return 0
