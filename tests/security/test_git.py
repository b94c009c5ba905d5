"""The commit of a stranger's folder is read from git's files: nothing that its repository names is run."""

import os

import pytest

from ctbench.runs.gitfiles import head_commit, is_changed, repository
from ctbench.runs.provenance import git_state

pytestmark = pytest.mark.usefixtures("needs_git")

HOOKS = {
    "core.fsmonitor": ("config", "core.fsmonitor", "{trap}"),
    "a clean filter": ("config", "filter.evil.clean", "{trap}; cat"),
    "a process filter": ("config", "filter.evil.process", "{trap}"),
}


@pytest.mark.parametrize("what", HOOKS)
def test_no_program_of_a_repository_is_run(stranger, git, tmp_path, what):
    """Programs that a repository's config names for a mere `git status` are not run by ctbench, file changed or not."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {stranger.mark}\n")
    trap.chmod(0o755)
    folder = tmp_path / "repository"
    (folder / ".gitattributes").write_text("* filter=evil\n")
    git("add", ".gitattributes")
    git("commit", "-qm", "second")
    git(*(word.format(trap=trap) for word in HOOKS[what]))
    commit = (folder / ".git" / "refs" / "heads" / "main").read_text().strip()
    (folder / "model.py").write_text("six")
    os.utime(folder / "model.py", (1, 1))
    assert git_state().commit == commit
    assert git_state().dirty
    assert not stranger.mark.exists()


def test_git_is_not_started_at_all(git, monkeypatch, tmp_path, stranger):
    """Also a program called `git` that lies on the path is not run."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\ntouch {stranger.mark}\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    head = git("rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert git_state().commit == head
    assert not stranger.mark.exists()


SPOILT = {
    "a reference that climbs": {"HEAD": b"ref: refs/../../../secret\n"},
    "a reference to itself": {"HEAD": b"ref: refs/heads/main\n", "refs/heads/main": b"ref: refs/heads/main\n"},
    "a password": {"HEAD": b"root:x:0:0:root:/root:/bin/bash\n"},
    "bytes": {"HEAD": bytes(range(256))},
    "too much": {"HEAD": b"a" * 2**16},
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_not_a_commit_is_not_kept(git, tmp_path, what):
    """Whatever else stands where a commit should does not reach a run's manifest."""
    for name, content in SPOILT[what].items():
        (tmp_path / "repository" / ".git" / name).write_bytes(content)
    assert git_state() is None


@pytest.mark.parametrize(
    "index", [b"", b"DIRC", b"DIRC" + b"\0\0\0\2" + b"\xff" * 4, b"DIRC\0\0\0\4\0\0\0\0", b"x" * 10**5, None]
)
def test_an_index_that_cannot_be_read_counts_as_changed(git, tmp_path, index):
    """Cut, forged, of another version, or a pipe that nobody writes to: dirty, at once, without an error."""
    path = tmp_path / "repository" / ".git" / "index"
    path.unlink()
    if index is None:
        os.mkfifo(path)
    else:
        path.write_bytes(index)
    assert git_state().dirty


def test_a_path_of_an_index_does_not_leave_the_folder(git, tmp_path):
    """A forged index cannot make ctbench compare a file outside of the folder."""
    path = tmp_path / "repository" / ".git" / "index"
    path.write_bytes(path.read_bytes().replace(b"inner/data.txt", b"../secrets.txt"))
    repo = repository(tmp_path / "repository")
    assert is_changed(repo, head_commit(repo))
