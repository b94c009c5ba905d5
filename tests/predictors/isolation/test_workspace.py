import os
import tempfile

import numpy as np
import pytest

from ctbench.predictors.isolation.workspace import Workspace


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


def test_clearing_removes_the_image_and_keeps_scratch(space, tmp_path):
    """The image of a case is gone before the next one; what a link leads to stays."""
    (tmp_path / "precious").touch()
    (space.inputs / "image").touch()
    (space.inputs / "link").symlink_to(tmp_path / "precious")
    (space.scratch / "kept").touch()
    space.clear()
    assert not list(space.inputs.iterdir())
    assert (space.scratch / "kept").exists()
    assert (tmp_path / "precious").exists()


def test_what_is_locked_is_removed_all_the_same(space, tmp_path):
    """Rights that a predictor took are no obstacle, and those of others are left alone."""
    (tmp_path / "precious").mkdir(mode=0o500)
    (space.scratch / "inner").mkdir()
    (space.scratch / "inner" / "file").touch()
    (space.scratch / "link").symlink_to(tmp_path / "precious")
    (space.scratch / "inner").chmod(0)
    space.scratch.chmod(0)
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
