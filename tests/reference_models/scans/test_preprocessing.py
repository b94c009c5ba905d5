import numpy as np
import pytest

from ctbench.files import cache_folder
from ctbench.volume import Volume
from reference_models.scans.preprocessing import remembered


@pytest.fixture
def image():
    """A small image of numbers that differ."""
    return Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), (5.0, 1.0, 1.0))


@pytest.fixture
def step():
    """Counts how often it is made: every second voxel."""

    class Step:
        calls = 0

        def __call__(self):
            self.calls += 1
            return np.arange(24).reshape(2, 3, 4) % 2 == 0

    return Step()


def test_the_same_image_is_prepared_once(image, step):
    """The second answer comes from the cache, voxel for voxel."""
    first, second = (remembered("mask", 1, (image,), step) for _ in range(2))
    assert step.calls == 1
    np.testing.assert_array_equal(first, second)
    assert second.dtype == bool


def test_numbers_keep_their_type(image):
    """What is not bool comes back as it was."""
    numbers = np.array([[0.1, 1e-9], [3.0, -4.0]])
    for _ in range(2):
        found = remembered("rigid", 1, (image,), lambda: numbers)
    np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize("change", ["voxel", "spacing", "type", "version", "second image"])
def test_whatever_differs_is_prepared_anew(image, step, change):
    """An entry answers for its own images, grid, type and version only."""
    remembered("mask", 1, (image,), step)
    other = {
        "voxel": image.with_array(image.array + 1),
        "spacing": Volume(image.array, (5.0, 1.0, 1.1)),
        "type": image.with_array(image.array.astype(np.uint16)),
    }.get(change, image)
    images = (other, other) if change == "second image" else (other,)
    remembered("mask", 2 if change == "version" else 1, images, step)
    assert step.calls == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_a_damaged_entry_is_made_anew(image, step, content):
    """A file that is empty, cut off or foreign counts as absent, and is replaced."""
    remembered("mask", 1, (image,), step)
    (path,) = (cache_folder() / "preprocessing" / "mask-1").iterdir()
    path.write_bytes(content)
    remembered("mask", 1, (image,), step)
    remembered("mask", 1, (image,), step)
    assert step.calls == 2


@pytest.mark.parametrize("place", [0.0, 0.2, 0.4, 0.6, 0.8, 0.999])
def test_one_flipped_bit_never_reaches_a_result(image, step, place):
    """Wherever it is in the file, digest included, the entry is made anew and replaced."""
    whole = remembered("mask", 1, (image,), step)
    (path,) = (cache_folder() / "preprocessing" / "mask-1").iterdir()
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    for _ in range(2):
        np.testing.assert_array_equal(remembered("mask", 1, (image,), step), whole)
    assert step.calls == 2


def test_a_cache_that_cannot_be_written_costs_time_only(image, step, monkeypatch, tmp_path):
    """The result comes all the same."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CTBENCH_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert remembered("mask", 1, (image,), step).sum() == 12
    assert step.calls == 2
