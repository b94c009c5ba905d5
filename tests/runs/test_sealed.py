import hashlib

import pytest

from ctbench.errors import StoreError
from ctbench.runs.sealed import read_sealed, write_sealed


def test_the_content_comes_back(tmp_path):
    """The file is the content and its SHA-256; an empty content is one, too."""
    for content in (b"rows", b""):
        write_sealed(content, tmp_path / "part")
        assert (tmp_path / "part").read_bytes() == content + hashlib.sha256(content).digest()
        assert read_sealed(tmp_path / "part") == content


@pytest.mark.parametrize("change", [lambda whole: whole[:-1], lambda whole: b"R" + whole[1:], lambda _: b""])
def test_a_damaged_file_is_found(tmp_path, change):
    """One that was cut off, changed or emptied; the message says what to do."""
    path = tmp_path / "part"
    write_sealed(b"rows", path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(StoreError, match=r"part cannot be read: it was damaged; repeat the same `ctbench run` command"):
        read_sealed(path)


def test_an_absent_file_is_one_sentence(tmp_path):
    """It may have been removed while the run was at work."""
    with pytest.raises(StoreError, match=r"part cannot be read: .*No such file.*; repeat the same"):
        read_sealed(tmp_path / "part")
