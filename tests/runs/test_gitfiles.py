"""What git's own files say, compared with git; tests/security/test_git.py holds them against hostile repositories."""

import subprocess

import pytest

from ctbench.runs.gitfiles import head_commit, is_changed, repository


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Run git in a repository without a commit."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def call(*arguments):
        own = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *own, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    call("init", "-q", "-b", "main")
    return call


def test_a_folder_of_no_repository_has_none(tmp_path):
    """A file or an empty folder of that name is no repository."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".git").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".git").write_text("gitdir: nowhere")
    for name in "ab":
        found = repository(tmp_path / name)
        assert found is None or not found.top.is_relative_to(tmp_path)


def test_a_repository_without_a_commit_has_no_hash(git, tmp_path):
    """It is found from its folder and from every folder below."""
    (tmp_path / "inner").mkdir()
    for folder in (tmp_path, tmp_path / "inner"):
        repo = repository(folder)
        assert repo.top == tmp_path
        assert head_commit(repo) == ""


@pytest.mark.parametrize("prepare", [(), ("pack-refs", "--all"), ("checkout", "-q", "--detach")])
def test_the_commit_is_gits(git, tmp_path, prepare):
    """On a branch, on a packed one, and on none."""
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "first")
    if prepare:
        git(*prepare)
    repo = repository(tmp_path)
    assert head_commit(repo) == git("rev-parse", "HEAD")
    assert not is_changed(repo, head_commit(repo))


def test_a_change_of_a_tracked_file_is_seen(git, tmp_path):
    """Of its content, by staging it or by losing it; a new file makes no difference."""
    file = tmp_path / "file"
    file.write_text("one")
    git("add", "file")
    git("commit", "-qm", "first")
    repo = repository(tmp_path)
    (tmp_path / "new").write_text("mine")
    assert not is_changed(repo, head_commit(repo))
    file.write_text("two and more")
    assert is_changed(repo, head_commit(repo))
    git("add", "file")
    assert is_changed(repo, head_commit(repo))
    git("commit", "-qm", "second")
    assert not is_changed(repo, head_commit(repo))
    file.unlink()
    assert is_changed(repo, head_commit(repo))
