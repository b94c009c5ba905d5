"""The commit of a working folder, as git itself tells it."""

import os

import pytest

from ctbench.runs.provenance import git_state


def test_every_form_of_a_head_is_read(git, tmp_path, monkeypatch):
    """A branch, a packed branch, a detached commit, a linked working tree and an inner folder have git's own commit."""
    head = git("rev-parse", "HEAD")
    for prepare in ((), ("pack-refs", "--all"), ("checkout", "-q", "--detach")):
        git(*prepare) if prepare else None
        assert git_state().commit == head
        assert not git_state().dirty
    git("worktree", "add", "-q", "-b", "other", tmp_path / "linked")
    for place in (tmp_path / "linked", tmp_path / "repository" / "inner"):
        monkeypatch.chdir(place)
        assert git_state().commit == head
        assert not git_state().dirty


CHANGES = {
    "content": lambda folder: (folder / "model.py").write_text("longer"),
    "content of one size": lambda folder: (folder / "model.py").write_text("eno"),
    "a file that is gone": lambda folder: (folder / "inner" / "data.txt").unlink(),
    "a link in place of a file": lambda folder: (
        (folder / "model.py").unlink(),
        (folder / "model.py").symlink_to("inner/data.txt"),
    ),
    "a folder in place of a file": lambda folder: ((folder / "model.py").unlink(), (folder / "model.py").mkdir()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen(git, tmp_path, what):
    """Tracked files that differ from the commit make it dirty, staged or not, as `git status` says."""
    folder = tmp_path / "repository"
    os.utime(folder / "model.py", (1, 1))
    assert not git_state().dirty
    CHANGES[what](folder)
    assert git("status", "--porcelain")
    assert git_state().dirty
    git("add", "-A")
    assert git_state().dirty
    git("commit", "-qm", "second")
    assert not git_state().dirty
    assert git_state().commit == git("rev-parse", "HEAD")
