"""Control groups, in a folder that stands for ``/sys/fs/cgroup``; a real one where one can be made."""

import os
import shutil
import subprocess
import sys

import pytest

from ctbench.errors import PredictionFailedError
from ctbench.predictors import Limits
from ctbench.predictors.isolation import cgroup, supervised
from ctbench.predictors.isolation.supervised import Supervised

LIMITS = Limits(memory_gb=2, written_gb=1, processes=20)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree of groups in which this process lies in ``/user/ours``; a group of the real one is removed by rmdir."""
    ours = tmp_path / "cgroup" / "user" / "ours"
    ours.mkdir(parents=True)
    (tmp_path / "own").write_text("1:name=systemd:/x\n0::/user/ours\n")
    (ours / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (ours.parent / "cgroup.subtree_control").write_text("cpu\n")
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(cgroup, "_OWN", tmp_path / "own")
    monkeypatch.setattr(cgroup.Path, "rmdir", shutil.rmtree)
    cgroup._parent.cache_clear()
    yield ours
    cgroup._parent.cache_clear()


def groups(folder):
    """The groups of predictors in a folder."""
    return sorted(path.name for path in folder.glob("ctbench-predictor-*"))


def test_a_group_has_the_limits_and_the_process(tree):
    """Memory and scratch together, processes besides the starters; the command joins before it becomes itself."""
    assert cgroup.has_groups()
    group = cgroup.new_group(LIMITS)
    assert group.folder.parent == tree
    found = {path.name: path.read_text() for path in group.folder.iterdir()}
    expected = {"memory.max": str(4 * 2**30), "memory.oom.group": "1", "memory.swap.max": "0", "pids.max": "28"}
    assert found == expected
    done = subprocess.run(group.joining(["printf", "%s", "a b"]), capture_output=True, text=True, check=True)
    assert done.stdout == "a b"
    assert (group.folder / "cgroup.procs").read_text() == "0\n"
    group.remove()
    assert groups(tree) == []


def test_groups_are_made_beside_ours_where_the_one_around_passes_the_controllers_on(tree):
    """A group with processes passes none on: then its siblings are limited."""
    (tree / "cgroup.subtree_control").write_text("\n")
    assert not cgroup.has_groups()
    (tree.parent / "cgroup.subtree_control").write_text("memory pids\n")
    cgroup._parent.cache_clear()
    assert cgroup.new_group(LIMITS).folder.parent == tree.parent


def test_groups_of_killed_commands_are_removed(tree):
    """What a command left that was killed goes when the next one begins; groups of living ones stay."""
    for owner in (2**22 - 1, os.getpid()):
        (tree / f"ctbench-predictor-{owner}-x").mkdir()
    assert cgroup.has_groups()
    assert groups(tree) == [f"ctbench-predictor-{os.getpid()}-x"]


@pytest.mark.parametrize("kind", ["version 1", "no pids", "no tree", "not ours", "cannot join"])
def test_where_no_group_can_be_had(tree, monkeypatch, kind):
    """Nothing is made, nothing is left, and the predictor runs without one."""
    if kind == "version 1":
        cgroup._OWN.write_text("4:memory:/user/ours\n")
    elif kind == "no pids":
        (tree / "cgroup.subtree_control").write_text("memory\n")
    elif kind == "no tree":
        monkeypatch.setattr(cgroup, "_OWN", tree / "nothing")
    elif kind == "not ours":
        monkeypatch.setattr(cgroup.Path, "mkdir", lambda _: (_ for _ in ()).throw(PermissionError()))
    else:
        monkeypatch.setattr(cgroup, "_JOIN", "exit 1")
    assert cgroup.new_group(LIMITS) is None
    assert groups(tree) == []


def test_a_supervised_process_lives_in_a_group_of_its_own(tree):
    """It is there while the process runs, and gone with it; where there is no such program, too."""
    process = Supervised([sys.executable, "-c", "print('here')"], LIMITS)
    (name,) = groups(tree)
    assert process.wait() == 0
    assert process.printed == "here"
    assert (tree / name / "cgroup.procs").read_text() == "0\n"
    process.stop()
    assert groups(tree) == []


def test_memory_that_no_process_shows_is_told_by_the_kernel(tree):
    """A process that the kernel ended because the group was full exceeded its limit; it was not killed by somebody."""
    process = Supervised([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], LIMITS)
    (name,) = groups(tree)
    (tree / name / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 1\n")
    with pytest.raises(PredictionFailedError, match=r"^used more than 2 GiB of memory$"):
        process.wait()
    process.stop()
    process = Supervised([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], LIMITS)
    assert process.wait() == -9
    process.stop()


def test_a_real_group_counts_what_no_process_shows(monkeypatch):
    """The kernel ends a process whose memory files exceed the limit, also if nobody watches; the group is removed."""
    cgroup._parent.cache_clear()
    if not cgroup.has_groups():
        pytest.skip("no cgroup of version 2 with the controllers memory and pids can be made here")
    monkeypatch.setattr(supervised, "holds_more", lambda *_: False)
    fill = "import os; file = os.memfd_create('x'); [os.write(file, bytes(2**20)) for _ in range(1000)]"
    process = Supervised([sys.executable, "-c", fill], Limits(memory_gb=0.1, written_gb=0.01, seconds=60))
    try:
        with pytest.raises(PredictionFailedError, match=r"used more than 0\.1 GiB of memory"):
            process.wait()
    finally:
        process.stop()
    assert not process._group.folder.exists()
