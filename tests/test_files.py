import hashlib
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.files import cache_folder, expect_new, file_stems, sha256, whole_file, write_text


def test_a_file_appears_when_the_block_ends(tmp_path):
    """Inside the block there is only the temporary file, whose suffixes are the final ones; folders are made."""
    path = tmp_path / "new" / "a.nii.gz"
    with whole_file(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert temporary.name.endswith("a.nii.gz")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_block_leaves_everything_as_it_was(tmp_path):
    """An error in the block keeps the former content and removes the temporary file."""

    def fail():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise KeyError

    path = tmp_path / "a.txt"
    path.write_text("former")
    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_is_as_readable_as_any_other_file(tmp_path):
    """Temporary files are private, results are not: both follow the user's mask."""
    (tmp_path / "plain").touch()
    write_text(tmp_path / "whole", "x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "whole")}
    assert len(modes) == 1


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path):
    """Where a file stands in the way of a folder, the message names the path and says what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write .*file/a\.txt: .*; choose a folder that you may write to"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_text_is_utf8_with_its_own_line_ends(tmp_path):
    """Text is written as it is, in UTF-8."""
    write_text(tmp_path / "a", "µm\n≤ 1")
    assert (tmp_path / "a").read_bytes() == b"\xc2\xb5m\n\xe2\x89\xa4 1"


def test_sha256(tmp_path):
    """The digest of the empty file and of a text are the known ones."""
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "abc").write_text("abc")
    assert sha256(tmp_path / "abc") == hashlib.sha256(b"abc").hexdigest()


def test_the_cache_folder_follows_its_variable(monkeypatch, tmp_path):
    """CTBENCH_CACHE names the folder, and a home folder in it is expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (str(tmp_path / "c"), "~/c"):
        monkeypatch.setenv("CTBENCH_CACHE", text)
        assert cache_folder() == tmp_path / "c"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/ctbench"),
        ("linux", {}, "/home/me/.cache/ctbench"),
        ("darwin", {}, "/home/me/Library/Caches/ctbench"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/ctbench"),
    ],
)
def test_without_a_variable_the_platform_decides(monkeypatch, platform, variables, expected):
    """Each platform keeps caches in a place of its own."""
    for name in ("CTBENCH_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder() == Path(expected)


def test_the_first_path_that_exists_is_named_with_the_advice(tmp_path):
    """Files and folders count; what is not there passes."""
    new, folder, file = tmp_path / "new", tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    file.touch()
    expect_new(new)
    with pytest.raises(UsageError, match="folder exists; remove it, or choose another --out"):
        expect_new(new, folder, file)
    with pytest.raises(UsageError, match="file exists; think again"):
        expect_new(file, folder, advice="think again")


def test_threads_leave_the_umask_as_it_is(tmp_path, monkeypatch):
    """Files that two threads write at once have the user's permissions, and so have all later ones."""
    umask = os.umask
    before = umask(0o027)

    def slow_umask(mask):
        found = umask(mask)
        time.sleep(0.002)
        return found

    monkeypatch.setattr(os, "umask", slow_umask)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: write_text(tmp_path / str(number), "x"), range(40)))
    finally:
        found = umask(before)
    assert found == 0o027
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}


def test_stems_are_safe_and_distinct():
    """No separator, no hidden file, short enough; names that would be one file end in their digests."""
    names = ["a/b", "A b", "../..", "plain", ".hidden", "é" * 300, "n\u0303et", "\u00f1et"]
    stems = file_stems(names)
    assert list(stems) == names
    assert (stems["plain"], stems[".hidden"]) == ("plain", "hidden")
    assert len({stem.casefold() for stem in stems.values()}) == len(names)
    assert stems["a/b"].startswith("a-b-")
    assert all(len(stem.encode()) < 220 and not set("/\\. ") & {stem[0], stem[-1]} for stem in stems.values())
