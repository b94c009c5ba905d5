import mmap
import os
import subprocess
import sys

import pytest

from ctbench.predictors.isolation import shared_memory
from ctbench.predictors.isolation.processes import holds_more, kill_tree, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MB = 2**20
HOLDER = """
import mmap, os, time
pages = mmap.mmap(-1, 40 * 2**20)
pages.write(bytes(40 * 2**20))
os.fork()
print("ready", flush=True)
time.sleep(100)
"""


def test_an_open_memory_file_counts_once():
    """Also if it is open twice, and mapped nowhere; closed, it is gone."""
    before = shared_memory.held_bytes([os.getpid()])
    made = os.memfd_create("test")
    os.write(made, bytes(3 * MB))
    again = os.dup(made)
    assert shared_memory.held_bytes([os.getpid()]) - before == 3 * MB
    assert shared_memory.mapped_bytes(os.getpid()) < 3 * MB
    os.close(made)
    os.close(again)
    assert shared_memory.held_bytes([os.getpid()]) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel tells root only how large mapped memory without a name is")
def test_pages_that_nobody_has_mapped_count():
    """Shared memory keeps what a process lets go of; the process's own counters lose it."""
    before, mapped_before = shared_memory.held_bytes([os.getpid()]), shared_memory.mapped_bytes(os.getpid())
    with mmap.mmap(-1, 3 * MB) as pages:
        pages.write(bytes(3 * MB))
        assert shared_memory.mapped_bytes(os.getpid()) - mapped_before == 3 * MB
        pages.madvise(mmap.MADV_DONTNEED)
        assert shared_memory.held_bytes([os.getpid()]) - before == 3 * MB
        assert shared_memory.mapped_bytes(os.getpid()) == mapped_before


def test_mapped_shared_memory_is_not_counted_twice():
    """Forty MiB that two processes map are forty, not eighty or more."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE)
    holder.stdout.readline()
    try:
        used = measure(holder.pid)
        assert not holds_more(used, 70 * MB)
        assert holds_more(used, 39 * MB)
    finally:
        kill_tree(holder.pid)
        holder.communicate()


def test_a_process_that_has_ended_holds_nothing():
    """It is skipped, without an error."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert shared_memory.held_bytes([ended.pid]) == 0
    assert shared_memory.mapped_bytes(ended.pid) == 0
