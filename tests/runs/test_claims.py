import os

import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.runs.claims import claim


def test_one_at_a_time(tmp_path):
    """The second is told who holds the file; afterwards the file is gone and may be held again."""
    path = tmp_path / ".lock"
    with claim(path):
        with (
            pytest.raises(UsageError, match=rf"another process is at work in {tmp_path} \(process {os.getpid()} on "),
            claim(path),
        ):
            pass
        assert path.exists()
    assert not path.exists()
    with claim(path):
        pass


def test_a_file_that_was_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """Who locks a file that has no name any more tries again with the one that has."""
    path, original, removed = tmp_path / ".lock", os.open, []

    def removes_once(*arguments, **options):
        handle = original(*arguments, **options)
        if not removed:
            removed.append(path.unlink())
        return handle

    monkeypatch.setattr(os, "open", removes_once)
    with claim(path):
        assert path.exists()


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    """The message names the file."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write .*\.lock"), claim(tmp_path / "file" / ".lock"):
        pass
