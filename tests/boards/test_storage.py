from pathlib import Path

import pytest

from ctbench.boards import open_board, submit
from ctbench.boards.storage import Place
from ctbench.errors import StoreError, UsageError


def test_an_unknown_store_and_a_folder_that_cannot_be_written_are_told(kept, tmp_path):
    """A sentence each."""
    with pytest.raises(UsageError, match="cannot reach nowhere://board"):
        open_board("nowhere://board")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the board"):
        submit(kept, tmp_path / "file" / "board")


@pytest.fixture(params=["here", "memory"])
def place(request, tmp_path):
    """A folder on this machine and one in an object store; neither exists yet."""
    place = Place.of(tmp_path / "board" if request.param == "here" else f"memory://{tmp_path.name}/board")
    yield place
    place.remove()


def test_what_is_written_is_read(place):
    """Folders are made on the way, and a second writing replaces the first."""
    file = place / "a" / "b.json"
    assert not file.exists()
    for content in (b"one", b"other"):
        file.write(content)
        assert file.exists()
        assert file.read() == content
    assert str(file).endswith("board/a/b.json")


def test_names_are_those_of_files_and_folders(place):
    """Sorted, without their path; a folder that is not there has none."""
    assert place.names() == []
    for name in ("b.json", "a.json"):
        (place / name).write(b"")
    (place / "folder" / "c.json").write(b"")
    assert place.names() == ["a.json", "b.json", "folder"]
    assert (place / "folder").names() == ["c.json"]


def test_nothing_is_written_where_the_block_raises(place):
    """Neither a new file nor half of one in place of the old."""

    def break_off(name):
        with (place / name).writing() as file:
            file.write(b"half")
            raise KeyError(name)

    (place / "old").write(b"old")
    for name in ("old", "new"):
        with pytest.raises(KeyError, match=name):
            break_off(name)
    assert place.names() == ["old"]
    assert (place / "old").read() == b"old"


def test_a_file_that_is_not_there_is_a_store_error(place):
    """The message names it."""
    with pytest.raises(StoreError, match="absent"):
        (place / "absent").read()


def test_a_folder_is_removed_with_all_that_is_in_it(place):
    """Removing twice is removing once."""
    (place / "folder" / "deep" / "file").write(b"")
    (place / "folder").remove()
    assert not (place / "folder").exists()
    (place / "folder").remove()


def test_only_a_folder_on_this_machine_is_a_path(tmp_path):
    """Whoever needs a path can ask whether there is one."""
    assert Place.of(tmp_path).local == Path(tmp_path)
    assert Place.of("memory://somewhere").local is None
