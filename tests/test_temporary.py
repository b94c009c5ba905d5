import os
import tempfile

import pytest

from ctbench.temporary import lock_folder, remove_abandoned, remove_tree


def test_removing_follows_no_links(tmp_path):
    """A folder that a link leads to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "ours" / "folder").mkdir(parents=True)
    (tmp_path / "ours" / "folder" / "link").symlink_to(tmp_path / "precious")
    remove_tree(tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
    assert (tmp_path / "precious" / "file").is_file()


def test_a_folder_is_locked_once(tmp_path):
    """A second lock fails at once, and so does one of a link, a pipe or a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    handle = lock_folder(tmp_path / "folder")
    for name in ("folder", "link", "file", "pipe"):
        with pytest.raises(OSError, match="Errno"):
            lock_folder(tmp_path / name)
    os.close(handle)
    os.close(lock_folder(tmp_path / "folder"))


def test_what_was_abandoned_is_removed(tmp_path, monkeypatch):
    """Old folders with the prefix that nobody has locked; young ones, those in use, files and links stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("x-old", "x-used", "x-young", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "x-file").touch()
    (tmp_path / "x-link").symlink_to("other")
    for name in ("x-old", "x-used", "x-file", "x-link", "other"):
        os.utime(tmp_path / name, (1, 1), follow_symlinks=False)
    handle = lock_folder(tmp_path / "x-used")
    remove_abandoned("x-")
    os.close(handle)
    assert {path.name for path in tmp_path.iterdir()} == {"x-used", "x-young", "x-file", "x-link", "other"}
