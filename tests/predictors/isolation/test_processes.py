import os
import subprocess
import sys
import time

import pytest

from ctbench.predictors.isolation.processes import holds_more, kill_tree, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

FAMILY = """
import os, subprocess, sys, time
held = bytearray(os.urandom(1)) * (40 * 2**20)
children = [subprocess.Popen(["sleep", "100"]) for _ in range(2)]
if os.fork():
    print("ready", flush=True)
time.sleep(100)
"""


@pytest.fixture
def family():
    """A process with 40 MiB, a fork that shares them, and two sleeping children."""
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    kill_tree(process.pid)
    process.communicate()


def test_a_tree_is_counted_whole(family):
    """The process, its fork and its children, however deep."""
    used = measure(family.pid)
    assert len(used.processes) == 4
    assert family.pid in used.processes
    assert os.getpid() not in used.processes


def test_shared_memory_counts_once_where_it_matters(family):
    """The simple sum counts the fork's 40 MiB twice; the decision does not."""
    used = measure(family.pid)
    assert used.memory_bytes > 80 * 2**20
    assert not holds_more(used, 70 * 2**20)
    assert holds_more(used, 30 * 2**20)


def test_cpu_time_grows_with_work():
    """A loop of half a second costs about that."""
    before = measure(os.getpid()).cpu_seconds
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    assert 0.3 < measure(os.getpid()).cpu_seconds - before < 5


def test_killing_a_tree_leaves_nobody(family):
    """Also children of children end."""
    pids = measure(family.pid).processes
    kill_tree(family.pid)
    family.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(_lives(pid) for pid in pids):
        time.sleep(0.02)
    assert not any(_lives(pid) for pid in pids)


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
