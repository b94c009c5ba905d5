import os
import tempfile

import numpy as np
import pytest

from ctbench.errors import ContractError
from ctbench.predictors.isolation.workspace import Workspace, remove_tree


@pytest.fixture
def space(tmp_path, monkeypatch):
    """A workspace in a folder of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Workspace()
    yield made
    made.remove()


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.uint8, bool])
def test_an_image_comes_out_as_it_went_in(space, image, kind):
    """Whatever its type and its order in memory."""
    array = np.asfortranarray(image.array.astype(kind))
    described = space.put(image.with_array(array))
    read = np.fromfile(described["path"], described["dtype"]).reshape(described["shape"])
    np.testing.assert_array_equal(read, array)


def test_labels_are_read_in_the_type_that_is_expected(space):
    """The bytes are the array."""
    labels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    labels.tofile(space.labels)
    np.testing.assert_array_equal(space.take((2, 3, 4), np.dtype(np.uint16)), labels)
    with pytest.raises(ContractError, match="came back as 48 bytes; expected a file of 24"):
        space.take((2, 3, 4), np.dtype(np.uint8))


def test_no_labels_a_link_and_a_pipe_are_no_labels(space, tmp_path):
    """None of them is opened for long, none is followed."""
    with pytest.raises(ContractError, match="did not come back as a file of their own"):
        space.take((1, 1, 1), np.dtype(np.uint8))
    (tmp_path / "mask").write_bytes(b"1")
    space.labels.symlink_to(tmp_path / "mask")
    with pytest.raises(ContractError, match="did not come back as a file of their own"):
        space.take((1, 1, 1), np.dtype(np.uint8))
    space.labels.unlink()
    os.mkfifo(space.labels)
    with pytest.raises(ContractError, match="expected a file of 1"):
        space.take((1, 1, 1), np.dtype(np.uint8))


def test_clearing_follows_no_links(space, tmp_path):
    """What a link leads to stays; folders are more than can be cleared."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (space.output / "link").symlink_to(tmp_path / "precious")
    (space.inputs / "image").touch()
    space.clear()
    assert not list(space.output.iterdir())
    assert not list(space.inputs.iterdir())
    (space.output / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        space.clear()
    (space.output / "folder" / "link").symlink_to(tmp_path / "precious")
    remove_tree(space.output)
    assert not space.output.exists()
    assert (tmp_path / "precious" / "file").is_file()
    space.output.mkdir()


def test_what_is_locked_is_removed_all_the_same(space, tmp_path):
    """Rights that a predictor took are no obstacle, and those of others are left alone."""
    (tmp_path / "precious").mkdir(mode=0o500)
    (space.output / "inner").mkdir()
    (space.output / "inner" / "file").touch()
    (space.output / "link").symlink_to(tmp_path / "precious")
    (space.output / "inner").chmod(0)
    space.output.chmod(0)
    path = space.path
    Workspace.remove(space)
    assert not path.exists()
    assert (tmp_path / "precious").stat().st_mode & 0o777 == 0o500
    space._lock = os.open(tmp_path, os.O_RDONLY)  # the fixture closes it


def test_folders_without_an_owner_are_swept(space, tmp_path):
    """Those of the living, and those that are just being made, stay."""
    for name in ("old", "new"):
        (tmp_path / f"ctbench-predictor-{name}" / "in").mkdir(parents=True)
    for folder in (tmp_path / "ctbench-predictor-old", space.path):
        os.utime(folder, (0, 0))
    other = Workspace()
    assert sorted(path.name for path in tmp_path.glob("ctbench-*")) == sorted(
        ["ctbench-predictor-new", space.path.name, other.path.name]
    )
    other.remove()
